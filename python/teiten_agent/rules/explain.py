"""What a rule matches, in words of both languages, clause by clause in the order of the rule."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from teiten_agent.rules.listing import reference, title_of
from teiten_agent.rules.statement import content_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from teiten_agent.rules.categories import Category
    from teiten_agent.rules.statement import Option, Statement


class Language(StrEnum):
    """A language to explain in."""

    JAPANESE = "ja"
    ENGLISH = "en"


class Words(NamedTuple):
    """One thing said in both languages."""

    japanese: str
    english: str

    def in_(self, language: Language) -> str:
        """The words of one language."""
        return self.japanese if language is Language.JAPANESE else self.english


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say about a rule."""

    statement: Statement
    category: Category
    clauses: tuple[Words, ...]

    def text(self, language: Language) -> str:
        """The explanation as lines of text."""
        japanese = language is Language.JAPANESE
        title = title_of(self.statement.message)
        if japanese and self.statement.japanese:
            title = self.statement.japanese
        category = self.category.japanese if japanese else self.category.english
        lines = [f"{self.statement.sid}  {title}", f"  {'分類' if japanese else 'category'}: {category}"]
        lines += [f"  - {clause.in_(language)}" for clause in self.clauses]
        references = [reference(value) for value in self.statement.values("reference")]
        if references:
            lines.append(f"  {'根拠' if japanese else 'known from'}: {', '.join(references)}")
        lines.append(f"  {'場所' if japanese else 'place'}: {self.statement.file}:{self.statement.line}")
        return "\n".join(lines)


def explain(statement: Statement, category: Category) -> Explanation:
    """Say what a rule matches."""
    return Explanation(statement, category, tuple(_clauses(statement)))


_PROTOCOLS = {
    "ip": Words("IPパケット", "an IP packet"),
    "tcp": Words("TCPセグメント", "a TCP segment"),
    "udp": Words("UDPデータグラム", "a UDP datagram"),
    "icmp": Words("ICMPまたはICMPv6メッセージ", "an ICMP or ICMPv6 message"),
    "icmpv6": Words("ICMPv6メッセージ", "an ICMPv6 message"),
}

_FLAG_NAMES = {
    "F": "FIN",
    "S": "SYN",
    "R": "RST",
    "P": "PSH",
    "A": "ACK",
    "U": "URG",
    "1": "CWR",
    "C": "CWR",
    "2": "ECE",
    "E": "ECE",
}

_FIELDS = {
    "dsize": Words("ペイロードのバイト数", "the payload's length in bytes"),
    "itype": Words("ICMPタイプ", "the ICMP type"),
    "icode": Words("ICMPコード", "the ICMP code"),
    "icmp_id": Words("ICMP識別子", "the ICMP identifier"),
    "icmp_seq": Words("ICMPシーケンス番号", "the ICMP sequence number"),
    "id": Words("IP識別子", "the IP identification"),
    "ttl": Words("TTL(ホップリミット)", "the time to live (hop limit)"),
    "tos": Words("TOS(トラフィッククラス)", "the type of service (traffic class)"),
    "ip_proto": Words("IPプロトコル番号", "the IP protocol number"),
    "seq": Words("TCPシーケンス番号", "the TCP sequence number"),
    "ack": Words("TCP確認応答番号", "the TCP acknowledgement number"),
    "window": Words("TCPウィンドウ", "the TCP window"),
    "tcp.mss": Words("TCPオプションのMSS", "the maximum segment size among the TCP options"),
    "fragoffset": Words("フラグメントオフセット(8バイト単位)", "the fragment offset in units of 8 bytes"),
    "bsize": Words("バッファのバイト数", "the buffer's length in bytes"),
}

_IP_OPTIONS = {
    "rr": Words("経路記録", "record route"),
    "ts": Words("タイムスタンプ", "timestamp"),
    "lsrr": Words("緩い送信元経路", "loose source route"),
    "ssrr": Words("厳密な送信元経路", "strict source route"),
    "eol": Words("終端", "end of list"),
    "nop": Words("無操作", "no operation"),
    "sec": Words("セキュリティ", "security"),
    "satid": Words("ストリーム識別", "stream identifier"),
    "any": Words("いずれか", "any"),
}

_MODIFIERS = frozenset(
    {"nocase", "depth", "offset", "distance", "within", "startswith", "endswith", "fast_pattern", "rawbytes"}
)
_REMARKS = frozenset(
    {
        *(
            "msg",
            "reference",
            "classtype",
            "sid",
            "psad_id",
            "rev",
            "metadata",
            "priority",
            "gid",
            "requires",
        ),
        *(
            "activated_by",
            "activates",
            "count",
            "created",
            "exists",
            "file_meta",
            "logto",
            "prefilter",
            "psad_dl",
        ),
        *(
            "psad_derived_sids",
            "react",
            "rem",
            "replace",
            "resp",
            "service",
            "severity",
            "soid",
            "tag",
            "target",
        ),
    }
)
_PAYLOAD = Words("ペイロード", "the payload")
_BUFFERS = {
    "dns.query": Words("問い合わせた名前", "the name asked for"),
    "dns_query": Words("問い合わせた名前", "the name asked for"),
    "dotprefix": Words("「.」に続けて問い合わせた名前", "the name asked for, behind a dot,"),
    "pkt_data": _PAYLOAD,
    "raw_data": _PAYLOAD,
}
"""What the contents that follow an option look into."""
_HEADER_WORDS = 7


def _clauses(statement: Statement) -> Iterator[Words]:
    yield from _header(statement.header)
    options = [option for option in statement.options if option.name not in _REMARKS]
    buffer = _PAYLOAD
    for position, option in enumerate(options):
        if option.name in _MODIFIERS:
            continue
        if option.name in _BUFFERS:
            buffer = _BUFFERS[option.name]
        elif option.name == "pcre":
            yield _expression(option.value, buffer)
        elif option.name == "content":
            modifiers: dict[str, str] = {}
            for following in options[position + 1 :]:
                if following.name not in _MODIFIERS:
                    break
                modifiers[following.name] = following.value
            yield _content(option.value, modifiers, buffer)
        else:
            yield _option(option)


def _header(header: tuple[str, ...]) -> Iterator[Words]:
    if len(header) != _HEADER_WORDS:
        yield Words(f"条件: {' '.join(header)}", f"header: {' '.join(header)}")
        return
    _, protocol, source, source_port, direction, destination, port = header
    yield _PROTOCOLS.get(protocol, Words(f"{protocol}のパケット", f"a packet of {protocol}"))
    for value, words in (
        (source, Words("送信元アドレスは{}", "from the addresses {}")),
        (source_port, Words("送信元ポートは{}", "from source port {}")),
        (destination, Words("宛先アドレスは{}", "to the addresses {}")),
        (port, Words("宛先ポートは{}", "to destination port {}")),
    ):
        if value != "any":
            yield Words(words.japanese.format(value), words.english.format(value))
    if direction == "<>":
        yield Words("逆方向も含む", "or the other way round")


def _expression(value: str, buffer: Words) -> Words:
    none = value.startswith("!")
    expression = value.removeprefix("!")
    return Words(
        f"{buffer.japanese}が正規表現 {expression} に一致{'しない' if none else ''}",
        f"{buffer.english} {'does not match' if none else 'matches'} the expression {expression}",
    )


def _content(value: str, modifiers: dict[str, str], buffer: Words) -> Words:
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


def _option(option: Option) -> Words:
    field = _FIELDS.get(option.name)
    if field is not None:
        japanese, english = _comparison(option.value)
        return Words(f"{field.japanese}が{japanese}", f"{field.english} is {english}")
    told = _TOLD.get(option.name)
    if told is not None:
        return told(option.value)
    written = f"{option.name}:{option.value}" if option.value else option.name
    return Words(f"条件 {written}", f"as `{written}` says")


def _comparison(value: str) -> Words:
    text = value.strip().strip('"').replace(" ", "")
    if text.startswith("["):
        return Words(f"{text[1:-1]}のいずれか", f"one of {text[1:-1]}")
    for sign, words in (
        ("<=>", Words("{}以上{}以下", "from {} to {}")),
        ("<>", Words("{}と{}の間", "between {} and {}")),
    ):
        if sign in text:
            low, _, high = text.partition(sign)
            return Words(words.japanese.format(low, high), words.english.format(low, high))
    for sign, words in (
        (">=", Words("{}以上", "at least {}")),
        ("<=", Words("{}以下", "at most {}")),
        (">", Words("{}より大きい", "more than {}")),
        ("<", Words("{}未満", "less than {}")),
        ("!", Words("{}以外", "not {}")),
    ):
        if text.startswith(sign):
            rest = text.removeprefix(sign)
            return Words(words.japanese.format(rest), words.english.format(rest))
    return Words(text, text)


def _flags(value: str) -> Words:
    wanted, _, ignored = value.partition(",")
    letters = wanted.strip().strip("+*!")
    names = "+".join(_FLAG_NAMES.get(letter, letter) for letter in letters) if letters != "0" else ""
    spared = "+".join(_FLAG_NAMES.get(letter, letter) for letter in ignored.strip())
    beside = Words(f"({spared}は問わない)" if spared else "", f" ({spared} do not matter)" if spared else "")
    if not names:
        return Words(f"TCPフラグが一つも立っていない{beside.japanese}", f"no TCP flag is set{beside.english}")
    if "+" in wanted:
        return Words(
            f"TCPフラグ{names}が立っている{beside.japanese}", f"TCP flags {names} are set{beside.english}"
        )
    if "*" in wanted:
        return Words(
            f"TCPフラグ{names}のいずれかが立っている{beside.japanese}",
            f"any of the TCP flags {names} is set{beside.english}",
        )
    if "!" in wanted:
        return Words(
            f"TCPフラグ{names}が揃ってはいない{beside.japanese}",
            f"TCP flags {names} are not all set{beside.english}",
        )
    return Words(
        f"TCPフラグがちょうど{names}{beside.japanese}", f"TCP flags are exactly {names}{beside.english}"
    )


def _words_of(value: str) -> dict[str, str]:
    pairs = (word.strip().partition(" ") for word in value.split(","))
    return {key: rest.strip() for key, _, rest in pairs}


_TRACKS = {
    "by_src": Words("送信元ごとに", "for each source"),
    "by_dst": Words("宛先ごとに", "for each destination"),
    "by_both": Words("送信元と宛先の組ごとに", "for each pair of source and destination"),
    "by_rule": Words("全体で", "over all"),
}


def _threshold(value: str) -> Words:
    words = _words_of(value)
    track = _TRACKS.get(words.get("track", ""), Words("", ""))
    count, seconds = words.get("count", "?"), words.get("seconds", "?")
    japanese, english = {
        "limit": Words("{s}秒間に最初の{c}件だけ検知", "the first {c} in {s} seconds are detected"),
        "threshold": Words("{s}秒以内の{c}件ごとに検知", "every {c} within {s} seconds are one detection"),
        "both": Words("{s}秒以内に{c}件に達したとき1回だけ検知", "{c} within {s} seconds are detected once"),
    }.get(
        words.get("type", ""),
        Words("{s}秒以内に{c}件を超えた分を検知", "what is beyond {c} in {s} seconds is detected"),
    )
    return Words(
        track.japanese + japanese.format(c=count, s=seconds),
        f"{track.english} {english.format(c=count, s=seconds)}",
    )


def _sweep(value: str) -> Words:
    words = _words_of(value)
    count, seconds = words.get("addresses", "?"), words.get("seconds", "?")
    return Words(
        f"1つの送信元が{seconds}秒以内に{count}個の監視アドレスに届いたとき、1回",
        f"once one source has reached {count} monitored addresses within {seconds} seconds",
    )


def _portscan(value: str) -> Words:
    words = _words_of(value)
    count, seconds = words.get("keys", "?"), words.get("seconds", "?")
    return Words(
        f"1つの送信元が{seconds}秒以内に1つのアドレスの{count}個のキー(ポート等)に届いたとき、1回",
        f"once one source has reached {count} keys (ports, say) of one address within {seconds} seconds",
    )


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
    words = _words_of(value)
    size, offset, sign, other, name = (
        words.pop(key, "?") for key in ("bytes", "offset", "oper", "rvalue", "result")
    )
    number = _number_at(size, offset, [f"{key} {rest}".strip() for key, rest in words.items()])
    return Words(
        f"{name}は{number.japanese} {sign} {other}", f"{name} stands for {number.english} {sign} {other}"
    )


_REQUEST = Words("要求の向き", "it goes the way of a request")
_ANSWER = Words("応答の向き(跳ね返りか反射)", "it goes the way of an answer (backscatter, or reflected)")
_SESSIONLESS = Words("セッションを問わない", "no session is asked for")
_FLOW = {
    "to_server": _REQUEST,
    "from_client": _REQUEST,
    "to_client": _ANSWER,
    "from_server": _ANSWER,
    "stateless": _SESSIONLESS,
    "not_established": _SESSIONLESS,
    "no_stream": _SESSIONLESS,
    "only_frag": Words("フラグメントに限る", "it is a fragment"),
    "no_frag": Words("フラグメントを除く", "it is no fragment"),
}


def _flow(value: str) -> Words:
    words = (word.strip() for word in value.split(","))
    told = [_FLOW.get(word, Words(word, word)) for word in words]
    return Words("、".join(one.japanese for one in told), ", ".join(one.english for one in told))


_NOT_DETECTED = Words("それ自身は検知としない", "this is no detection itself")
_FLOW_BITS = {
    "set": Words("同じパケットの他のルールのために印{}を付ける", "other rules are told of this packet: {}"),
    "setx": Words("同じパケットの他のルールのために印{}を付ける", "other rules are told of this packet: {}"),
    "unset": Words("このパケットの印{}を消す", "other rules are no longer told of this packet: {}"),
    "toggle": Words("このパケットの印{}を反転する", "what other rules are told of this packet is turned: {}"),
    "isset": Words("他のルールがこのパケットに印{}を付けた", "another rule told of this packet: {}"),
    "isnotset": Words(
        "他のルールがこのパケットに印{}を付けていない", "no other rule told of this packet: {}"
    ),
}


def _flow_bits(value: str) -> Words:
    action, _, bits = value.partition(",")
    if action.strip() == "noalert":
        return _NOT_DETECTED
    words = _FLOW_BITS.get(action.strip(), Words(f"{action} {{}}", f"{action} {{}}"))
    return Words(words.japanese.format(bits.strip()), words.english.format(bits.strip()))


def _data_at(value: str) -> Words:
    first, _, rest = value.partition(",")
    none = first.strip().startswith("!")
    number = first.strip().lstrip("!")
    behind = Words("前の一致から", " behind the match before") if "relative" in rest else Words("", "")
    return Words(
        f"{behind.japanese}{number}バイト目にデータが{'ない' if none else 'ある'}",
        f"there is {'no ' if none else ''}data at byte {number}{behind.english}",
    )


def _ip_option(value: str) -> Words:
    name = _IP_OPTIONS.get(value, Words(value, value))
    return Words(f"IPオプション「{name.japanese}」がある", f"the IP header has the option {name.english}")


def _fragment_bits(value: str) -> Words:
    names = {"R": "reserved", "D": "don't fragment", "M": "more fragments"}
    english = ", ".join(names.get(letter, letter) for letter in value if letter.isalpha())
    return Words(f"フラグメントビット {value}", f"fragment bits: {english}")


_TOLD: dict[str, Callable[[str], Words]] = {
    "flags": _flags,
    "tcp.flags": _flags,
    "threshold": _threshold,
    "detection_filter": _threshold,
    "sweep": _sweep,
    "portscan": _portscan,
    "byte_test": _byte_test,
    "isdataat": _data_at,
    "ipopts": _ip_option,
    "fragbits": _fragment_bits,
    "sameip": lambda _: Words("送信元と宛先のアドレスが同じ", "source and destination address are one"),
    "flow": _flow,
    "flowbits": _flow_bits,
    "noalert": lambda _: _NOT_DETECTED,
    "byte_jump": _byte_jump,
    "byte_extract": _byte_extract,
    "byte_math": _byte_math,
    "decode-event": lambda value: Words(
        f"ヘッダーの異常 {value}(Suricataの呼び名)がある",
        f"a header is wrong in the way that Suricata names {value}",
    ),
    "rpc": lambda value: Words(
        f"SUN RPCの呼出し(プログラム,版,手続き)= {value}",
        f"a SUN RPC call of program, version, procedure {value}",
    ),
}
