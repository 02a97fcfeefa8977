"""`sensor.txt`: one setting a line, `name = value`, as people write it with any editor on any system."""

from __future__ import annotations

import difflib
import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from firmware.provisioning.profile import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_Read = TypeVar("_Read")

LARGEST_BYTES = 65_536
"""More than any sensor's settings; less than would hurt to read."""

_LONGEST_INTERFACE = 15
"""`IFNAMSIZ` of linux/if.h, less its NUL."""

_SENSOR = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_CODE = re.compile(r"enrol_[0-9a-f]{16}_[A-Za-z0-9_-]{22}")
_MOST_VLAN = 4094
"""IEEE 802.1Q: 0 and 4095 are reserved."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in `sensor.txt`.

    Attributes:
        line: Where, counted from 1; 0 for what is missing.
        what: What is wrong.
        remedy: What to write instead.
    """

    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        """The mistake in one line, as console and boot partition show it."""
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.what}; {self.remedy}"


class SettingsError(ValueError):
    """`sensor.txt` cannot be used; `faults` holds every mistake in it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """Keep the mistakes in the order of their lines."""
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a sensor is told before its first boot.

    Attributes:
        sensor: Its id at the collector.
        collector: The collector's URL; empty keeps batches in the spool.
        code: The enrolment code, once; None after it has been taken over.
        interface: The interface that observes, and never speaks.
        monitored: Whose packets are counted.
        answer_arp: Whether the sensor says that it has the monitored IPv4 addresses.
        management: The interface that reaches the collector.
        management_vlan: The VLAN on it, if any.
        management_address: Its own address; None asks DHCP.
        gateway: Its router; None if DHCP tells, or there is none.
        dns: Name servers; needed if the collector is a name. DHCP is not asked for them.
        time: Time servers; none for those of the image, which are names.
        memory_profile: Megabytes of the boards whose limits hold; None for what the board has (`profile`).
    """

    sensor: str
    collector: str = ""
    code: str | None = None
    interface: str
    monitored: tuple[Network, ...]
    answer_arp: bool = False
    management: str
    management_vlan: int | None = None
    management_address: Interface | None = None
    gateway: Address | None = None
    dns: tuple[Address, ...] = ()
    time: tuple[Address, ...] = ()
    memory_profile: int | None = None

    @property
    def management_device(self) -> str:
        """The interface that has the management address."""
        if self.management_vlan is None:
            return self.management
        return f"vlan{self.management_vlan}"


def read(content: bytes) -> Settings:
    """Read and check `sensor.txt`.

    Raises:
        SettingsError: With every mistake that can be told at once.
    """
    if len(content) > LARGEST_BYTES:
        raise SettingsError((Fault(0, f"sensor.txt is longer than {LARGEST_BYTES} bytes", "begin it anew"),))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError((Fault(line, "is no UTF-8", "save it as plain text in UTF-8"),)) from error
    values: dict[str, object] = {}
    lines: dict[str, int] = {}
    faults: list[Fault] = []
    for number, written in enumerate(text.splitlines(), 1):
        stripped = written.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = (part.strip() for part in stripped.partition("="))
        name = name.lower()
        if not equals:
            faults.append(Fault(number, f"{stripped!r} is no setting", "write it as name = value"))
        elif name not in _READERS:
            faults.append(Fault(number, f"there is no setting {name!r}", _near(name)))
        elif name in lines:
            faults.append(
                Fault(number, f"{name} is set in line {lines[name]} already", "leave one of the two out")
            )
        else:
            lines[name] = number
            try:
                values[name.replace("-", "_")] = _READERS[name](value)
            except _RefusedError as refused:
                faults.append(Fault(number, f"{name}: {refused}", refused.remedy))
    faults += _together(values, lines)
    if faults:
        raise SettingsError(tuple(sorted(faults, key=lambda fault: (fault.line == 0, fault.line))))
    return Settings(**values)  # type: ignore[arg-type]  # each reader gives its field's type


class _RefusedError(ValueError):
    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


def _near(name: str) -> str:
    near = difflib.get_close_matches(name, _READERS, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(_READERS)}"


def _together(values: dict[str, object], lines: dict[str, int]) -> list[Fault]:
    """What no line can tell alone."""
    faults = [
        Fault(0, f"{name} is missing", f"add a line {name} = {example}")
        for name, example in _NEEDED.items()
        if name not in lines
    ]
    alone = "management" in values and values.get("interface") == values["management"]
    if alone and values.get("management_vlan") is None:
        faults.append(
            Fault(
                lines["management"],
                f"management and observation are both {values['management']}",
                "use a second interface, or set management-vlan",
            )
        )
    host = urlsplit(str(values.get("collector", ""))).hostname or ""
    if host and not values.get("dns") and not _is_address(host):
        faults.append(
            Fault(
                lines["collector"],
                f"collector: {host} is a name, and no name server is set",
                "add a line dns = 192.0.2.53, or write the collector's address",
            )
        )
    fixed, router = values.get("management_address"), values.get("gateway")
    if isinstance(fixed, Interface) and isinstance(router, Address) and router not in fixed.network:
        faults.append(
            Fault(
                lines["gateway"], f"gateway: {router} is not in {fixed.network}", "give one in that network"
            )
        )
    if fixed is None and router is not None:
        faults.append(
            Fault(
                lines["gateway"], "gateway: DHCP tells the router", "leave it out, or set management-address"
            )
        )
    return faults


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _sensor(value: str) -> str:
    if not _SENSOR.fullmatch(value):
        raise _RefusedError(
            f"{value!r} is no id", "1 to 63 of a-z, 0-9, dot, underscore and hyphen, such as tokyo-01"
        )
    return value


def _collector(value: str) -> str:
    remedy = "write it as https://collector.example:8443"
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError as error:
        raise _RefusedError(f"{value!r}: {error}", remedy) from error
    if url.scheme != "https" or not url.hostname or port == 0 or re.search(r"\s", value):
        raise _RefusedError(f"{value!r} is no https address of a collector", remedy)
    return value


def _code(value: str) -> str:
    if not _CODE.fullmatch(value):
        raise _RefusedError(
            "is not as `teiten-collector sensor enrol` prints it", "copy it whole, without spaces or quotes"
        )
    return value


def _interface(value: str) -> str:
    if not 0 < len(value) <= _LONGEST_INTERFACE or not re.fullmatch(r"[A-Za-z0-9_.:-]+", value):
        raise _RefusedError(f"{value!r} is no name of an interface", "such as eth0")
    return value


def _monitored(value: str) -> tuple[Network, ...]:
    found = tuple(
        _one(word, ipaddress.ip_network, "198.51.100.0/28 or 2001:db8::/64") for word in _words(value)
    )
    if not found:
        raise _RefusedError("names no address", "such as 198.51.100.0/28")
    return found


def _addresses(value: str) -> tuple[Address, ...]:
    return tuple(_address(word) for word in _words(value))


def _address(value: str) -> Address:
    return _one(value, ipaddress.ip_address, "192.0.2.1")


def _own_address(value: str) -> Interface | None:
    if value.lower() == "dhcp":
        return None
    if "/" not in value:
        raise _RefusedError(
            f"{value!r} lacks the length of its network", "write it as 192.0.2.10/24, or dhcp"
        )
    return _one(value, ipaddress.ip_interface, "192.0.2.10/24, or dhcp")


def _vlan(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", value) or not 1 <= int(value) <= _MOST_VLAN:
        raise _RefusedError(f"{value!r} is no VLAN", f"1 to {_MOST_VLAN}")
    return int(value)


def _switch(value: str) -> bool:
    if value.lower() not in {"yes", "no"}:
        raise _RefusedError(f"{value!r} is neither yes nor no", "write yes or no")
    return value.lower() == "yes"


def _profile(value: str) -> int | None:
    if value.lower() == "auto":
        return None
    names = {str(name): name for name in PROFILES}
    if value not in names:
        raise _RefusedError(f"{value!r} is no profile", f"write auto, {' or '.join(names)}")
    return names[value]


def _words(value: str) -> list[str]:
    return value.replace(",", " ").split()


def _one(value: str, reader: Callable[[str], _Read], example: str) -> _Read:
    try:
        return reader(value)
    except ValueError as error:
        raise _RefusedError(str(error), f"write it as {example}") from error


_READERS: dict[str, Callable[[str], object]] = {
    "sensor": _sensor,
    "collector": _collector,
    "code": _code,
    "interface": _interface,
    "monitored": _monitored,
    "answer-arp": _switch,
    "management": _interface,
    "management-vlan": _vlan,
    "management-address": _own_address,
    "gateway": _address,
    "dns": _addresses,
    "time": _addresses,
    "memory-profile": _profile,
}

_NEEDED = {
    "sensor": "tokyo-01",
    "interface": "eth0",
    "monitored": "198.51.100.0/28",
    "management": "eth1",
}
