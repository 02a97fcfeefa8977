"""What rules ask of a packet's payload, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_agent.rules.explain.words import Words, words_of
from teiten_agent.rules.statement import content_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def expression(value: str, buffer: Words) -> Words:
    """A regular expression, and what it is looked for in."""
    none = value.startswith("!")
    text = value.removeprefix("!")
    return Words(
        f"{buffer.japanese}が正規表現 {text} に一致{'しない' if none else ''}",
        f"{buffer.english} {'does not match' if none else 'matches'} the expression {text}",
    )


def content(value: str, modifiers: dict[str, str], buffer: Words) -> Words:
    """Bytes with the options that say where, and what they are looked for in."""
    wanted = _shown(content_bytes(value))
    negated = value.startswith("!")
    where = [*_place(modifiers)]
    case = Words("大文字小文字を区別せず", "in any case of letters") if "nocase" in modifiers else None
    japanese = "、".join(words.japanese for words in [*where, *([case] if case else [])])
    english = ", ".join(words.english for words in [*where, *([case] if case else [])])
    return Words(
        f"{buffer.japanese}{f'({japanese})' if japanese else ''}に{wanted}が{'ない' if negated else 'ある'}",
        f"{buffer.english} {'does not have' if negated else 'has'} {wanted}"
        + (f" ({english})" if english else ""),
    )


def _place(modifiers: dict[str, str]) -> Iterator[Words]:
    if "startswith" in modifiers:
        yield Words("先頭", "at its start")
    if "endswith" in modifiers:
        yield Words("末尾", "at its end")
    if (offset := modifiers.get("offset")) is not None:
        yield Words(f"{offset}バイト目以降", f"from byte {offset} on")
    if (depth := modifiers.get("depth")) is not None:
        yield Words(f"そこから{depth}バイト以内", f"within {depth} bytes from there")
    if (distance := modifiers.get("distance")) is not None:
        yield Words(
            f"前の一致から{distance}バイト以上後", f"at least {distance} bytes behind the match before"
        )
    if (within := modifiers.get("within")) is not None:
        yield Words(f"前の一致から{within}バイト以内", f"within {within} bytes behind the match before")


def _shown(octets: bytes) -> str:
    if octets and all(0x20 <= octet < 0x7F for octet in octets):  # noqa: PLR2004  # printable ASCII
        return f'"{octets.decode()}"'
    return octets.hex(" ").upper()


def _byte_test(value: str) -> Words:
    parts = [part.strip() for part in value.split(",")]
    if len(parts) < 4:  # noqa: PLR2004  # bytes, comparison, value, offset
        return Words(f"byte_test {value}", f"byte_test {value}")
    size, comparison, wanted, offset, *more = parts
    behind = "relative" in more
    mask = next((word.split()[1] for word in more if word.startswith("bitmask")), "")
    where = Words(
        f"{'前の一致の後' if behind else ''}{offset}バイト目からの{size}バイト",
        f"the {size}-byte number at byte {offset}{' behind the match before' if behind else ''}",
    )
    masked = Words(f"(ビット{mask}のみ)", f" (bits {mask} alone)") if mask else Words("", "")
    if "&" in comparison:
        none = comparison.startswith("!")
        return Words(
            f"{where.japanese}の数とビット{wanted}が{'重ならない' if none else '重なる'}",
            f"{where.english} has {'no bit' if none else 'a bit'} of {wanted}",
        )
    sign = {"=": "=", "==": "=", "^": "&"}.get(comparison, comparison)
    return Words(
        f"{where.japanese}の数{masked.japanese} {sign} {wanted}",
        f"{where.english}{masked.english} {sign} {wanted}",
    )


def _number_at(size: str, offset: str, more: list[str]) -> Words:
    behind = "relative" in more
    others = ", ".join(word for word in more if word != "relative")
    beside = f"({others})" if others else ""
    return Words(
        f"{'前の一致の後' if behind else ''}{offset}バイト目からの{size}バイトの数{beside}",
        f"the {size}-byte number at byte {offset}{' behind the match before' if behind else ''}"
        + (f" {beside}" if beside else ""),
    )


def _byte_jump(value: str) -> Words:
    size, offset, *more = [*(part.strip() for part in value.split(",")), ""]
    number = _number_at(size, offset, [word for word in more if word])
    return Words(
        f"続きは{number.japanese}だけ先から見る",
        f"what follows is looked for as far behind as {number.english} says",
    )


def _byte_extract(value: str) -> Words:
    size, offset, name, *more = [*(part.strip() for part in value.split(",")), "", ""]
    number = _number_at(size, offset, [word for word in more if word])
    return Words(f"{name}は{number.japanese}", f"{name} stands for {number.english}")


def _byte_math(value: str) -> Words:
    words = words_of(value)
    size, offset, sign, other, name = (
        words.pop(key, "?") for key in ("bytes", "offset", "oper", "rvalue", "result")
    )
    number = _number_at(size, offset, [f"{key} {rest}".strip() for key, rest in words.items()])
    return Words(
        f"{name}は{number.japanese} {sign} {other}", f"{name} stands for {number.english} {sign} {other}"
    )


def _data_at(value: str) -> Words:
    first, _, rest = value.partition(",")
    none = first.strip().startswith("!")
    number = first.strip().lstrip("!")
    behind = Words("前の一致から", " behind the match before") if "relative" in rest else Words("", "")
    return Words(
        f"{behind.japanese}{number}バイト目にデータが{'ない' if none else 'ある'}",
        f"there is {'no ' if none else ''}data at byte {number}{behind.english}",
    )


OPTIONS: dict[str, Callable[[str], Words]] = {
    "byte_test": _byte_test,
    "byte_jump": _byte_jump,
    "byte_extract": _byte_extract,
    "byte_math": _byte_math,
    "isdataat": _data_at,
    "rpc": lambda value: Words(
        f"SUN RPCの呼出し(プログラム,版,手続き)= {value}",
        f"a SUN RPC call of program, version, procedure {value}",
    ),
}
"""Options that ask for something of the payload, by name, but for contents and expressions."""
