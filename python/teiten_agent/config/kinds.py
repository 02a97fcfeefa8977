"""What the value of an option may be: its check, its words for people, its JSON Schema."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

type_names = {
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "a string",
    list: "an array",
    dict: "a table",
}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence in both languages of the documentation."""

    english: str
    japanese: str


class Kind(Protocol):
    """A set of values that an option may take."""

    @property
    def allowed(self) -> Words:
        """What is allowed, to follow "must be"."""
        ...

    @property
    def json_schema(self) -> dict[str, object]:
        """The same as JSON Schema keywords (draft 2020-12), as far as they can say it."""
        ...

    def check(self, value: object) -> object:
        """Return the value as the program uses it.

        Raises:
            ValueError: The value is not allowed; the message says what is wrong with it, without naming the
                key.
        """
        ...


def kind_of(value: object) -> str:
    """Name a TOML value's type for people."""
    return type_names.get(type(value), f"a {type(value).__name__}")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"is {kind_of(value)}")  # noqa: TRY004  # a wrong type is a wrong value to the operator
    return value


@dataclass(frozen=True, slots=True)
class Text:
    """A string that matches a pattern as a whole."""

    pattern: str
    allowed: Words

    @property
    def json_schema(self) -> dict[str, object]:
        """A string with its pattern."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}

    def check(self, value: object) -> str:
        """See `Kind.check`."""
        text = _text(value)
        if re.fullmatch(self.pattern, text) is None:
            raise ValueError(f"is {text!r}")
        return text


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer between two bounds, both included."""

    low: int
    high: int

    @property
    def allowed(self) -> Words:
        """The bounds."""
        return Words(f"an integer from {self.low} to {self.high}", f"{self.low}以上{self.high}以下の整数")

    @property
    def json_schema(self) -> dict[str, object]:
        """An integer with its bounds."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def check(self, value: object) -> int:
        """See `Kind.check`."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"is {kind_of(value)}")  # noqa: TRY004  # as above
        if not self.low <= value <= self.high:
            raise ValueError(f"is {value}")
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def allowed(self) -> Words:
        """The words."""
        named = [f'"{word}"' for word in self.words]
        return Words(" or ".join(named), "か".join(named))

    @property
    def json_schema(self) -> dict[str, object]:
        """An enumeration."""
        return {"type": "string", "enum": list(self.words)}

    def check(self, value: object) -> str:
        """See `Kind.check`."""
        text = _text(value)
        if text not in self.words:
            raise ValueError(f"is {text!r}")
        return text


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off."""

    @property
    def allowed(self) -> Words:
        """Both."""
        return Words("true or false", "true か false")

    @property
    def json_schema(self) -> dict[str, object]:
        """A boolean."""
        return {"type": "boolean"}

    def check(self, value: object) -> bool:
        """See `Kind.check`."""
        if not isinstance(value, bool):
            raise ValueError(f"is {kind_of(value)}")  # noqa: TRY004  # a wrong type is a wrong value to the operator
        return value


@dataclass(frozen=True, slots=True)
class Address:
    """A network as CIDR; an address alone is a network of one."""

    @property
    def allowed(self) -> Words:
        """Examples say it best."""
        return Words(
            'a network such as "198.51.100.0/28", "203.0.113.7" or "2001:db8::/64"',
            '"198.51.100.0/28"、"203.0.113.7"、"2001:db8::/64" のようなネットワーク',
        )

    @property
    def json_schema(self) -> dict[str, object]:
        """A string; the syntax of addresses is beyond a pattern worth reading."""
        return {"type": "string"}

    def check(self, value: object) -> Network:
        """See `Kind.check`."""
        text = _text(value)
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise ValueError(f"is {text!r}") from None
        stated = text.partition("/")[0]
        if ipaddress.ip_address(stated) != network.network_address:
            raise ValueError(f'is {text!r}, which has bits set behind its prefix: did you mean "{network}"?')
        return network


@dataclass(frozen=True, slots=True)
class Location:
    """A path; a relative one counts from the folder of the configuration file."""

    empty_means: Words | None = None

    @property
    def allowed(self) -> Words:
        """A path, and what it means to leave it empty."""
        if self.empty_means is None:
            return Words("a path", "パス")
        return Words(
            f'a path, or "" for {self.empty_means.english}',
            f'パス、または {self.empty_means.japanese}を表す ""',
        )

    @property
    def json_schema(self) -> dict[str, object]:
        """A string, perhaps empty."""
        return {"type": "string"} if self.empty_means else {"type": "string", "minLength": 1}

    def check(self, value: object) -> str:
        """See `Kind.check`."""
        text = _text(value)
        if "\0" in text:
            raise ValueError("holds a NUL character")
        if not text and self.empty_means is None:
            raise ValueError("is empty")
        return text


@dataclass(frozen=True, slots=True)
class CollectorUrl:
    """Where the collector listens; plain HTTP for loopback alone: no network may see the token."""

    @property
    def allowed(self) -> Words:
        """The form, and the exception for loopback."""
        return Words(
            '"https://HOST[:PORT]", or "http://" for a collector on loopback, or "" for none',
            '"https://ホスト[:ポート]"。ループバックのコレクターに限り "http://" も可。"" は送信先なし',
        )

    @property
    def json_schema(self) -> dict[str, object]:
        """Either scheme or empty."""
        return {"type": "string", "pattern": "^(https?://.*)?$"}

    def check(self, value: object) -> str:
        """See `Kind.check`."""
        text = _text(value)
        if not text:
            return text
        if not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError(f"is {text!r}, which holds characters no URL has")
        try:
            url = urlsplit(text)
            host, port = url.hostname, url.port
        except ValueError as error:
            raise ValueError(f"is {text!r} ({error})") from None
        if url.scheme not in {"http", "https"} or not host or port == 0:
            raise ValueError(f"is {text!r}")
        if url.username is not None or url.password is not None or url.query or url.fragment:
            raise ValueError(f"is {text!r}: a user, a query or a fragment has no place here")
        if url.scheme == "http" and not is_loopback(host):
            raise ValueError(f"is {text!r}: plain http would show the token to everyone on the way to {host}")
        return text.rstrip("/")


@dataclass(frozen=True, slots=True)
class LoopbackPort:
    """An address of loopback with a port, or nothing."""

    @property
    def allowed(self) -> Words:
        """The form."""
        return Words(
            '"127.0.0.1:PORT" or "[::1]:PORT", or "" for none',
            '"127.0.0.1:ポート" か "[::1]:ポート"。"" はなし',
        )

    @property
    def json_schema(self) -> dict[str, object]:
        """The form, or empty."""
        return {"type": "string", "pattern": r"^((127(\.[0-9]{1,3}){3}|\[::1\]):[0-9]{1,5})?$"}

    def check(self, value: object) -> str:
        """See `Kind.check`."""
        text = _text(value)
        if text:
            split_port(text)
        return text


def split_port(text: str) -> tuple[str, int]:
    """The two halves of what `LoopbackPort` takes.

    Raises:
        ValueError: It is not of the form, or not on loopback.
    """
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        raise ValueError(f"is {text!r}") from None
    if not colon or not address.is_loopback or (address.version == 6) != (bare != host):  # noqa: PLR2004
        raise ValueError(f"is {text!r}")
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 1 << 16):
        raise ValueError(f"is {text!r}")
    return bare, int(port)


def is_loopback(host: str) -> bool:
    """Whether a URL's host is this machine: `localhost`, 127.0.0.0/8 (RFC 1122, 3.2.1.3), ::1 (RFC 4291)."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Several:
    """An array of values of one kind."""

    item: Kind
    fewest: int = 0
    most: int = 1024

    @property
    def allowed(self) -> Words:
        """How many of what."""
        english, japanese = self.item.allowed.english, self.item.allowed.japanese
        if self.most == 0:
            return Words("an empty array", "空の配列")
        at_least = f"at least {self.fewest} and " if self.fewest else ""
        least = f"{self.fewest}個以上" if self.fewest else ""
        return Words(
            f"an array ({at_least}at most {self.most}), each {english}",
            f"配列({least}{self.most}個以下)、各要素は{japanese}",
        )

    @property
    def json_schema(self) -> dict[str, object]:
        """An array with its length's bounds."""
        return {
            "type": "array",
            "items": self.item.json_schema,
            "minItems": self.fewest,
            "maxItems": self.most,
        }

    def check(self, value: object) -> tuple[object, ...]:
        """See `Kind.check`."""
        if not isinstance(value, list):
            raise ValueError(f"is {kind_of(value)}")  # noqa: TRY004  # as above
        if not self.fewest <= len(value) <= self.most:
            raise ValueError(f"has {len(value)} elements")
        checked = []
        for number, item in enumerate(value, start=1):
            try:
                checked.append(self.item.check(item))
            except ValueError as error:
                raise ValueError(f"has an element (number {number}) that {error}") from None
        return tuple(checked)
