"""Codes and texts of keys, classes, tools and families.

The numbers are fixed: they are on the wire and in the store.
"""

from __future__ import annotations

from enum import IntEnum


class Family(IntEnum):
    """IP version of a row."""

    IPV4 = 4
    IPV6 = 6

    @property
    def address_bytes(self) -> int:
        """Length of one address in bytes."""
        return 4 if self is Family.IPV4 else 16


class Form(IntEnum):
    """What a key's value means."""

    TCP = 1  # value: destination port
    UDP = 2  # value: destination port
    ICMP = 3  # value: type; over IPv4 only
    ICMPV6 = 4  # value: type; over IPv6 only
    IP = 5  # value: protocol number
    FRAGMENT = 6  # a later fragment; value: protocol number, one of NAMED_PROTOCOLS
    CUT = 7  # a header cut short before port or type; value: protocol number, one of NAMED_PROTOCOLS


class Class(IntEnum):
    """Why a packet was sent, as far as it shows."""

    PROBE = 1
    BACKSCATTER = 2
    REFLECTED = 3
    OTHER = 4

    @property
    def text(self) -> str:
        """The class as reports write it."""
        return self.name.lower()


class Confidence(IntEnum):
    """How sure a verdict on a tool is, by how often a packet of something else passes its test."""

    FAIR = 1  # one in 65,536: a single field
    STRONG = 2  # one in 65,536 of those few that share further features with the tool
    CERTAIN = 3  # one in 2**32

    @property
    def text(self) -> str:
        """The confidence as reports write it."""
        return self.name.lower()


class Tool(IntEnum):
    """The scanner that a SYN betrays."""

    NONE = 0
    ZMAP = 1
    MASSCAN = 2
    MIRAI = 3
    NMAP = 4
    UNICORNSCAN = 5

    @property
    def text(self) -> str:
        """The tool as reports write it."""
        return self.name.lower()

    @property
    def confidence(self) -> Confidence | None:
        """How sure the verdict is; None without one."""
        return _CONFIDENCE.get(self)


_CONFIDENCE: dict[Tool, Confidence] = {
    Tool.ZMAP: Confidence.FAIR,
    Tool.MASSCAN: Confidence.STRONG,
    Tool.MIRAI: Confidence.CERTAIN,
    Tool.NMAP: Confidence.STRONG,
    Tool.UNICORNSCAN: Confidence.CERTAIN,
}


class Step(IntEnum):
    """What a sensor gave up for a while, because forged sources filled its table."""

    EARLY = 1  # its interval's length: it closed early
    WITHOUT_PORT = 2  # source ports of TCP and UDP too: they are 0
    WITHOUT_SOURCE = 3  # sources too: merged rows, with sketches of how many there were

    @property
    def text(self) -> str:
        """The step as reports write it."""
        return self.name.lower()


NAMED_PROTOCOLS: dict[int, str] = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}
"""Protocols whose later fragments and cut headers have keys of their own, with their IANA numbers."""

MAX_PORT = 0xFFFF
MAX_OCTET = 0xFF

_NUMBERS = {name: number for number, name in NAMED_PROTOCOLS.items()}
_SUFFIXES = {Form.TCP: "TCP", Form.UDP: "UDP", Form.ICMP: "ICMP", Form.ICMPV6: "ICMPv6", Form.IP: "IP"}
_FORMS = {suffix: form for form, suffix in _SUFFIXES.items()}
_PREFIXES = {Form.FRAGMENT: "frag", Form.CUT: "?"}


class KeyTextError(ValueError):
    """A text, or a form and value, that is no key."""


def key_text(form: int, value: int) -> str:
    """Write a key as people read it: `445/TCP`, `8/ICMP`, `47/IP`, `frag/UDP`, `?/TCP`.

    Raises:
        KeyTextError: The form is unknown, or the value is out of the form's bounds.
    """
    try:
        known = Form(form)
    except ValueError:
        raise KeyTextError(f"{form} is no form of a key (1 to {len(Form)})") from None
    if known in _PREFIXES:
        if value not in NAMED_PROTOCOLS:
            raise KeyTextError(f"protocol {value} has no {known.name.lower()} key: it is {value}/IP")
        return f"{_PREFIXES[known]}/{NAMED_PROTOCOLS[value]}"
    limit = _limit(known)
    if not 0 <= value <= limit:
        raise KeyTextError(f"{value} is out of the bounds of {known.name} (0 to {limit})")
    return f"{value}/{_SUFFIXES[known]}"


def parse_key(text: str) -> tuple[Form, int]:
    """Read a key's text, exactly as `key_text` writes it.

    Raises:
        KeyTextError: The text is no key.
    """
    head, slash, suffix = text.partition("/")
    if slash:
        for form, prefix in _PREFIXES.items():
            if head == prefix and suffix in _NUMBERS:
                return form, _NUMBERS[suffix]
        known = _FORMS.get(suffix)
        decimal = head.isascii() and head.isdigit() and len(head) <= len(str(MAX_PORT))
        if known is not None and decimal and str(int(head)) == head and int(head) <= _limit(known):
            return known, int(head)
    raise KeyTextError(
        f"{text!r} is no key; keys look like 445/TCP, 53/UDP, 8/ICMP, 128/ICMPv6, 47/IP, frag/UDP or ?/TCP"
    )


def _limit(form: Form) -> int:
    return MAX_PORT if form in {Form.TCP, Form.UDP} else MAX_OCTET
