"""What rules ask of other packets and of other rules, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_agent.rules.explain.words import Words, words_of

if TYPE_CHECKING:
    from collections.abc import Callable

_TRACKS = {
    "by_src": Words("送信元ごとに", "for each source"),
    "by_dst": Words("宛先ごとに", "for each destination"),
    "by_both": Words("送信元と宛先の組ごとに", "for each pair of source and destination"),
    "by_rule": Words("全体で", "over all"),
}


def _threshold(value: str) -> Words:
    words = words_of(value)
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
    words = words_of(value)
    count, seconds = words.get("addresses", "?"), words.get("seconds", "?")
    return Words(
        f"1つの送信元が{seconds}秒以内に{count}個の監視アドレスに届いたとき、1回",
        f"once one source has reached {count} monitored addresses within {seconds} seconds",
    )


def _portscan(value: str) -> Words:
    words = words_of(value)
    count, seconds = words.get("keys", "?"), words.get("seconds", "?")
    return Words(
        f"1つの送信元が{seconds}秒以内に1つのアドレスの{count}個のキー(ポート等)に届いたとき、1回",
        f"once one source has reached {count} keys (ports, say) of one address within {seconds} seconds",
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


OPTIONS: dict[str, Callable[[str], Words]] = {
    "threshold": _threshold,
    "detection_filter": _threshold,
    "sweep": _sweep,
    "portscan": _portscan,
    "flow": _flow,
    "flowbits": _flow_bits,
    "noalert": lambda _: _NOT_DETECTED,
}
"""Options that ask for something of other packets or rules, by name."""
