"""What rules ask of a packet's headers, in words."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from teiten_agent.rules.explain.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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

_HEADER_WORDS = 7


def header(words: tuple[str, ...]) -> Iterator[Words]:
    """What stands before the parenthesis of a rule."""
    if len(words) != _HEADER_WORDS:
        yield Words(f"条件: {' '.join(words)}", f"header: {' '.join(words)}")
        return
    _, protocol, source, source_port, direction, destination, port = words
    yield _PROTOCOLS.get(protocol, Words(f"{protocol}のパケット", f"a packet of {protocol}"))
    for value, told in (
        (source, Words("送信元アドレスは{}", "from the addresses {}")),
        (source_port, Words("送信元ポートは{}", "from source port {}")),
        (destination, Words("宛先アドレスは{}", "to the addresses {}")),
        (port, Words("宛先ポートは{}", "to destination port {}")),
    ):
        if value != "any":
            yield Words(told.japanese.format(value), told.english.format(value))
    if direction == "<>":
        yield Words("逆方向も含む", "or the other way round")


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


def _ip_option(value: str) -> Words:
    name = _IP_OPTIONS.get(value, Words(value, value))
    return Words(f"IPオプション「{name.japanese}」がある", f"the IP header has the option {name.english}")


def _fragment_bits(value: str) -> Words:
    names = {"R": "reserved", "D": "don't fragment", "M": "more fragments"}
    english = ", ".join(names.get(letter, letter) for letter in value if letter.isalpha())
    return Words(f"フラグメントビット {value}", f"fragment bits: {english}")


def _field(field: Words, value: str) -> Words:
    japanese, english = _comparison(value)
    return Words(f"{field.japanese}が{japanese}", f"{field.english} is {english}")


OPTIONS: dict[str, Callable[[str], Words]] = {
    **{name: partial(_field, field) for name, field in _FIELDS.items()},
    "flags": _flags,
    "tcp.flags": _flags,
    "ipopts": _ip_option,
    "fragbits": _fragment_bits,
    "sameip": lambda _: Words("送信元と宛先のアドレスが同じ", "source and destination address are one"),
    "decode-event": lambda value: Words(
        f"ヘッダーの異常 {value}(Suricataの呼び名)がある",
        f"a header is wrong in the way that Suricata names {value}",
    ),
}
"""Options that ask for something of the headers, by name."""
