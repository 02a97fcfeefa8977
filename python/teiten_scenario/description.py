"""What a scenario consists of.

Rates are accesses per monitored IPv4 address and day, or per monitored IPv6 /64 and day. Days are days of the
scenario's time zone.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final
from zoneinfo import ZoneInfo

from teiten_protocol.keys import Family, Form, Tool
from teiten_scenario.payloads import PayloadKind

Network = IPv4Network | IPv6Network

BURST_REPLIES: Final = ("syn-ack", "rst", "unreachable", "time-exceeded")
"""Kinds of reply that a burst of backscatter may mix."""


class Reply(StrEnum):
    """What makes a packet an answer; `none` for a packet that asks."""

    NONE = "none"
    SYN_ACK = "syn-ack"
    RST = "rst"
    REFLECTED = "reflected"


class Noise(StrEnum):
    """Records that must not be counted, by the reason that must be counted instead."""

    NOT_MONITORED = "not_monitored"
    ARP = "arp"
    NOT_IP = "not_ip"
    IP_VERSION = "ip_version"
    IPV4_HEADER_LENGTH = "ipv4_header_length"


class Range(StrEnum):
    """Which addresses a sender goes through."""

    EXHAUSTIVE = "exhaustive"
    RANDOM = "random"


SENT_BY = (Tool.ZMAP, Tool.MASSCAN, Tool.MIRAI)
"""The tools whose packets a scenario can build: those that a single SYN betrays."""


@dataclass(frozen=True, slots=True)
class Key:
    """Where packets go: one key, or any port of a range."""

    form: Form
    low: int
    high: int

    @property
    def scattered(self) -> bool:
        """Whether the key is a range of ports."""
        return self.low != self.high


@dataclass(frozen=True, slots=True)
class Period:
    """Days, both included, over which truth is summed and rates hold."""

    name: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor with its monitored networks and the days on which it observes, both included."""

    id: str
    groups: tuple[str, ...]
    monitored: tuple[Network, ...]
    first: date
    last: date
    noise: dict[Noise, float]  # records a day


@dataclass(frozen=True, slots=True)
class Country:
    """Where sources are: blocks, and how many sources live in them."""

    code: str
    networks: tuple[Network, ...]
    sources: int
    utc_offset: float  # hours


@dataclass(frozen=True, slots=True)
class Shape:
    """How the packets of traffic or of an event look."""

    key: Key
    reply: Reply
    source_port: int | None
    source_port_share: float
    tools: dict[Tool, float]
    payload: PayloadKind


@dataclass(frozen=True, slots=True)
class Traffic:
    """What comes all the time: one key, its rate in each period, and who leans towards it."""

    place: str
    shape: Shape
    rates: dict[str, float] | None  # None: what the countries' rates leave
    leaning: dict[str, dict[str, float]]
    unevenness: float
    trend: float
    packets_per_source: float


@dataclass(frozen=True, slots=True)
class Surge:
    """A rise of one key over some days; a single source, and a key of two days, are the same thing."""

    place: str
    kind: str
    name: str
    shape: Shape
    countries: dict[str, float]
    sources: int
    source: IPv4Address | IPv6Address | None
    first: date
    daily: tuple[float, ...]
    range: Range


@dataclass(frozen=True, slots=True)
class BackscatterBurst:
    """Replies of one victim to traffic forged in the monitored addresses' names."""

    place: str
    name: str
    country: str
    source: IPv4Address | IPv6Address | None
    start: datetime
    end: datetime
    rate: float  # packets per address over the whole burst
    attacked_port: int
    replies: dict[str, float]


@dataclass(frozen=True, slots=True)
class PeriodicSource:
    """One source that comes to every address again and again at one distance of time."""

    place: str
    name: str
    shape: Shape
    country: str
    source: IPv4Address | IPv6Address | None
    first: date
    last: date
    every_seconds: int


Event = Surge | BackscatterBurst | PeriodicSource


@dataclass(frozen=True, slots=True)
class Mix:
    """What the sensors of some groups receive in one family.

    Attributes:
        name: Name, for errors and the truth.
        groups: Sensors of any of these receive it; empty for all sensors.
        family: IPv4 or IPv6.
        countries: Rate or, where no traffic takes the rest, weight of each country in each period.
        traffic: What comes all the time. Events count within the rates of keys and countries.
        events: What happens on top of an even flow.
    """

    place: str
    name: str
    groups: tuple[str, ...]
    family: Family
    countries: dict[str, dict[str, float]]
    traffic: tuple[Traffic, ...]
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Bulletin:
    """A security bulletin, for the report's chapter on them."""

    id: str
    title: str
    noticed: date | None
    published: date
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """A whole scenario."""

    name: str
    title: str
    timezone: ZoneInfo
    seed: int
    first: date
    last: date
    periods: tuple[Period, ...]
    sensors: tuple[Sensor, ...]
    countries: tuple[Country, ...]
    mixes: tuple[Mix, ...]
    bulletins: tuple[Bulletin, ...]

    def with_seed(self, seed: int) -> "Description":
        """The same scenario with another seed."""
        return replace(self, seed=seed)

    @property
    def days(self) -> list[date]:
        """Every day of the scenario."""
        return [self.first + timedelta(index) for index in range((self.last - self.first).days + 1)]

    def midnight_us(self, day: date) -> int:
        """Start of a day, in microseconds of the Unix epoch."""
        return self.moment_us(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - made aware in moment_us

    def moment_us(self, moment: datetime) -> int:
        """A local time, in microseconds of the Unix epoch."""
        return round(moment.replace(tzinfo=self.timezone).timestamp()) * 1_000_000

    def sensors_of(self, groups: tuple[str, ...]) -> list[int]:
        """Positions of the sensors that belong to any of the groups; of all for no group."""
        return [
            index
            for index, sensor in enumerate(self.sensors)
            if not groups or not set(groups).isdisjoint(sensor.groups)
        ]
