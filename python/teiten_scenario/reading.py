"""Reading a scenario's description from TOML, and refusing what no scenario can be."""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import pairwise
from typing import Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from teiten_protocol.keys import Family, Form, KeyTextError, Tool, parse_key
from teiten_protocol.limits import SENSOR_ID
from teiten_scenario.description import (
    BURST_REPLIES,
    SENT_BY,
    BackscatterBurst,
    Bulletin,
    Country,
    Description,
    Event,
    Key,
    Mix,
    Network,
    Noise,
    Period,
    PeriodicSource,
    Range,
    Reply,
    Sensor,
    Shape,
    Surge,
    Traffic,
)
from teiten_scenario.errors import DescriptionError
from teiten_scenario.payloads import PayloadKind
from teiten_scenario.table import Table

MAX_RATE: Final = 1e7
"""Accesses per address and day: more than a hundred a second."""

MAX_DAYS: Final = 3660
MAX_ADDRESSES: Final = 1 << 16
MAX_SOURCES: Final = 1 << 22

FIRST_USER_PORT: Final = 1024
"""Ports below are those of services (RFC 6335 section 6)."""

PREFIX_BITS: Final = 64
"""IPv6 is watched by prefixes of this length."""

_Choice = TypeVar("_Choice", bound=StrEnum)
_Named = TypeVar("_Named")


def parse(text: str) -> Description:
    """Read a description.

    Raises:
        DescriptionError: The text is no description; the error names the place.
    """
    try:
        top = Table(tomllib.loads(text), "")
    except tomllib.TOMLDecodeError as error:
        raise DescriptionError("the description", f"is no TOML: {error}") from None
    first, last = _days(top, date(1970, 1, 2), date(2199, 12, 30))
    if (last - first).days >= MAX_DAYS:
        raise DescriptionError("last_day", f"the scenario is longer than {MAX_DAYS} days")
    sensors = [_sensor(table, first, last) for table in top.tables("sensor")]
    countries = [_country(table) for table in top.tables("country")]
    periods = [_period(table, first, last) for table in top.tables("period")] or [Period("all", first, last)]
    for earlier, later in pairwise(periods):
        if later.first <= earlier.last:
            raise DescriptionError("period", f"{later.name} does not begin after {earlier.name} has ended")
    context = _Context(
        first,
        last,
        tuple(period.name for period in periods),
        _named("country", [(country.code, country) for country in countries]),
        {group for sensor in sensors for group in sensor.groups},
    )
    _named("sensor", [(sensor.id, sensor) for sensor in sensors])
    _named("period", [(period.name, period) for period in periods])
    description = Description(
        name=top.text("name"),
        title=top.text("title", ""),
        timezone=_zone(top),
        seed=top.integer("seed", 0, 2**63 - 1, 0),
        first=first,
        last=last,
        periods=tuple(periods),
        sensors=tuple(sensors),
        countries=tuple(countries),
        mixes=tuple(_mix(table, context) for table in top.tables("mix")),
        bulletins=tuple(_bulletin(table) for table in top.tables("bulletin")),
    )
    top.close()
    for name, listed in (("sensor", sensors), ("country", countries), ("mix", description.mixes)):
        if not listed:
            raise DescriptionError(name, f"at least one [[{name}]] is needed")
    return description


@dataclass(frozen=True, slots=True)
class _Context:
    first: date
    last: date
    periods: tuple[str, ...]
    countries: dict[str, Country]
    groups: set[str]

    def country(self, place: str, code: str, family: Family) -> str:
        if code not in self.countries:
            raise DescriptionError(place, f"there is no [[country]] with code {code!r}")
        if not any(network.version == family for network in self.countries[code].networks):
            raise DescriptionError(place, f"country {code} has no IPv{int(family)} networks")
        return code


def _named(place: str, items: list[tuple[str, _Named]]) -> dict[str, _Named]:
    named = dict(items)
    if len(named) != len(items):
        raise DescriptionError(place, "a name stands twice")
    return named


def _sensor(table: Table, first: date, last: date) -> Sensor:
    identity = table.text("id")
    if SENSOR_ID.fullmatch(identity) is None:
        raise DescriptionError(table.at("id"), f"must match {SENSOR_ID.pattern}")
    monitored = _networks(table, "monitored")
    addresses = sum(network.num_addresses for network in monitored if isinstance(network, IPv4Network))
    if addresses > MAX_ADDRESSES:
        raise DescriptionError(table.at("monitored"), f"more than {MAX_ADDRESSES} IPv4 addresses")
    for network in monitored:
        if isinstance(network, IPv6Network) and network.prefixlen != PREFIX_BITS:
            raise DescriptionError(
                table.at("monitored"), f"{network} is not a /{PREFIX_BITS}: IPv6 is watched by /64"
            )
    begins, ends = _days(table, first, last, optional=True)
    noise = {}
    if table.has("noise"):
        inner = table.table("noise")
        noise = {kind: inner.number(kind.value, 0, MAX_RATE, 0.0) for kind in Noise}
        inner.close()
    sensor = Sensor(identity, table.texts("groups", ()), monitored, begins, ends, noise)
    table.close()
    return sensor


def _country(table: Table) -> Country:
    country = Country(
        code=table.text("code"),
        networks=_networks(table, "networks"),
        sources=table.integer("sources", 1, MAX_SOURCES, 2000),
        utc_offset=table.number("utc_offset", -12, 14, 0),
    )
    if len(country.code) != 2 or not country.code.isascii() or not country.code.isupper():  # noqa: PLR2004 - ISO 3166
        raise DescriptionError(table.at("code"), "must be two capital letters (ISO 3166-1)")
    table.close()
    return country


def _period(table: Table, first: date, last: date) -> Period:
    name = table.text("name")
    period = Period(name, *_days(table, first, last))
    table.close()
    return period


def _mix(table: Table, context: _Context) -> Mix:
    family = Family(table.integer("family", 4, 6, 4))
    groups = table.texts("groups", ())
    for group in groups:
        if group not in context.groups:
            raise DescriptionError(table.at("groups"), f"no sensor belongs to {group!r}")
    rates = table.table("countries")
    countries = {
        context.country(rates.at(code), code, family): _rates(rates, code, context.periods)
        for code in rates.names()
    }
    if not countries:
        raise DescriptionError(table.at("countries"), "at least one country is needed")
    mix = Mix(
        place=table.place,
        name=table.text("name"),
        groups=groups,
        family=family,
        countries=countries,
        traffic=tuple(_traffic(inner, context, family) for inner in table.tables("traffic")),
        events=tuple(_event(inner, context, family) for inner in table.tables("event")),
    )
    table.close()
    if sum(traffic.rates is None for traffic in mix.traffic) > 1:
        raise DescriptionError(table.at("traffic"), "only one may take the rest")
    return mix


def _traffic(table: Table, context: _Context, family: Family) -> Traffic:
    shape = _shape(table, family)
    rest = table.flag("rest")
    rates = None if rest else _rates(table, "rate", context.periods)
    leaning = {}
    if table.has("leaning"):
        weights = table.table("leaning")
        leaning = {
            context.country(weights.at(code), code, family): _rates(weights, code, context.periods)
            for code in weights.names()
        }
    traffic = Traffic(
        place=table.place,
        shape=shape,
        rates=rates,
        leaning=leaning,
        unevenness=table.number("unevenness", 0, 3, 0.1),
        trend=table.number("trend", -1.9, 1.9, 0),
        packets_per_source=table.number("packets_per_source", 1, MAX_RATE, 4),
    )
    table.close()
    return traffic


def _shape(table: Table, family: Family) -> Shape:
    key = _key(table, family)
    reply = _choice(table, "reply", Reply, Reply.NONE)
    payload = _choice(table, "payload", PayloadKind, PayloadKind.NONE)
    tools = table.weights("tools")
    for name in tools:
        if name not in {tool.text for tool in SENT_BY}:
            raise DescriptionError(table.at(f"tools.{name}"), "must be zmap, masscan or mirai")
    if sum(tools.values()) > 1:
        raise DescriptionError(table.at("tools"), "shares sum to more than 1")
    asks = reply is Reply.NONE
    if tools and not (key.form is Form.TCP and asks and family is Family.IPV4):
        raise DescriptionError(table.at("tools"), "only a SYN over IPv4 betrays a tool")
    if reply in {Reply.SYN_ACK, Reply.RST} and key.form is not Form.TCP:
        raise DescriptionError(table.at("reply"), f"{reply} is an answer of TCP")
    if reply is Reply.REFLECTED and key.form is not Form.UDP:
        raise DescriptionError(table.at("reply"), "reflected packets are UDP")
    if payload is not PayloadKind.NONE and key.form not in payload.forms:
        raise DescriptionError(table.at("payload"), f"{payload} is no payload of {key.form.name}")
    source_port = table.integer("source_port", 0, 0xFFFF) if table.has("source_port") else None
    if (
        key.form is Form.UDP
        and reply is Reply.NONE
        and source_port is not None
        and source_port < FIRST_USER_PORT
    ):
        raise DescriptionError(
            table.at("source_port"), "UDP from a port of a service is reflected: say so in reply"
        )
    if reply is not Reply.NONE and source_port is None:
        raise DescriptionError(
            table.at("source_port"), "an answer comes from the port that was asked: state it"
        )
    return Shape(
        key=key,
        reply=reply,
        source_port=source_port,
        source_port_share=table.number("source_port_share", 0, 1, 1.0),
        tools={Tool[name.upper()]: share for name, share in tools.items()},
        payload=payload,
    )


def _key(table: Table, family: Family) -> Key:
    text = table.text("key")
    if text in {"*/TCP", "*/UDP"}:
        low, high = (
            table.integer("lowest_port", 0, 0xFFFF, 1024),
            table.integer("highest_port", 0, 0xFFFF, 0xFFFF),
        )
        if low >= high:
            raise DescriptionError(table.at("lowest_port"), "must be below highest_port")
        return Key(Form[text[2:]], low, high)
    try:
        form, value = parse_key(text)
    except KeyTextError as error:
        raise DescriptionError(table.at("key"), f"{error}, or */TCP and */UDP for any port") from None
    wrong = Form.ICMPV6 if family is Family.IPV4 else Form.ICMP
    if form is wrong or (family is Family.IPV6 and form not in {Form.TCP, Form.UDP, Form.ICMPV6}):
        raise DescriptionError(table.at("key"), f"{text} is not made over IPv{int(family)}")
    return Key(form, value, value)


def _event(table: Table, context: _Context, family: Family) -> Event:
    kind = table.text("kind")
    if kind in {"surge", "single-source", "new-key"}:
        event: Event = _surge(table, context, family, kind)
    elif kind == "backscatter-burst":
        if family is not Family.IPV4:
            raise DescriptionError(table.at("kind"), "bursts of backscatter are made over IPv4 only")
        event = _burst(table, context)
    elif kind == "periodic-source":
        first, last = _days(table, context.first, context.last)
        event = PeriodicSource(
            place=table.place,
            name=table.text("name", kind),
            shape=_shape(table, family),
            country=context.country(table.at("country"), table.text("country"), family),
            source=_source(table, family),
            first=first,
            last=last,
            every_seconds=table.integer("every_seconds", 1, 86_400),
        )
    else:
        kinds = "surge, single-source, new-key, backscatter-burst, periodic-source"
        raise DescriptionError(table.at("kind"), f"{kind!r} is no kind of event; kinds are {kinds}")
    table.close()
    return event


def _surge(table: Table, context: _Context, family: Family, kind: str) -> Surge:
    first = table.day("first_day")
    daily = table.numbers("daily", 0, MAX_RATE)
    _inside(table.at("daily"), first, first + timedelta(len(daily) - 1), context)
    if kind == "single-source":
        countries = {table.text("country"): 1.0}
        sources = 1
    else:
        countries = table.weights("countries")
        sources = table.integer("sources", 1, MAX_SOURCES)
        if not countries or not sum(countries.values()) > 0:
            raise DescriptionError(table.at("countries"), "at least one country is needed")
    for code in countries:
        context.country(table.at("countries"), code, family)
    return Surge(
        place=table.place,
        kind=kind,
        name=table.text("name", kind),
        shape=_shape(table, family),
        countries=countries,
        sources=sources,
        source=_source(table, family) if kind == "single-source" else None,
        first=first,
        daily=daily,
        range=_choice(table, "range", Range, Range.EXHAUSTIVE),
    )


def _burst(table: Table, context: _Context) -> BackscatterBurst:
    start, end = table.moment("start"), table.moment("end")
    if end <= start:
        raise DescriptionError(table.at("end"), "must be after start")
    _inside(table.at("end"), start.date(), end.date(), context)
    replies = table.weights("replies") or {Reply.SYN_ACK.value: 1.0}
    for name in replies:
        if name not in BURST_REPLIES:
            raise DescriptionError(table.at(f"replies.{name}"), f"must be one of {', '.join(BURST_REPLIES)}")
    return BackscatterBurst(
        place=table.place,
        name=table.text("name", "backscatter-burst"),
        country=context.country(table.at("country"), table.text("country"), Family.IPV4),
        source=_source(table, Family.IPV4),
        start=start,
        end=end,
        rate=table.number("rate", 0, MAX_RATE),
        attacked_port=table.integer("attacked_port", 1, 0xFFFF),
        replies=replies,
    )


def _bulletin(table: Table) -> Bulletin:
    bulletin = Bulletin(
        id=table.text("id"),
        title=table.text("title", ""),
        noticed=table.day("noticed") if table.has("noticed") else None,
        published=table.day("published"),
        keys=table.texts("keys"),
    )
    for key in bulletin.keys:
        try:
            parse_key(key)
        except KeyTextError as error:
            raise DescriptionError(table.at("keys"), str(error)) from None
    table.close()
    return bulletin


def _days(table: Table, first: date, last: date, *, optional: bool = False) -> tuple[date, date]:
    begins = table.day("first_day", first if optional else None)
    ends = table.day("last_day", last if optional else None)
    if not first <= begins <= ends <= last:
        raise DescriptionError(
            table.at("last_day"), f"first_day to last_day must lie within {first} to {last}, in order"
        )
    return begins, ends


def _inside(place: str, first: date, last: date, context: _Context) -> None:
    if first < context.first or last > context.last:
        raise DescriptionError(place, f"{first} to {last} is not within {context.first} to {context.last}")


def _rates(table: Table, name: str, periods: tuple[str, ...]) -> dict[str, float]:
    """Read one number for all periods, or a table of a number for each."""
    if not table.has(name) or not table.is_table(name):
        rate = table.number(name, 0, MAX_RATE)
        return dict.fromkeys(periods, rate)
    inner = table.table(name)
    rates = {period: inner.number(period, 0, MAX_RATE) for period in periods}
    inner.close()
    return rates


def _choice(table: Table, name: str, choices: type[_Choice], default: _Choice) -> _Choice:
    text = table.text(name, default.value)
    try:
        return choices(text)
    except ValueError:
        raise DescriptionError(table.at(name), f"must be one of {', '.join(choices)}") from None


def _networks(table: Table, name: str) -> tuple[Network, ...]:
    networks = []
    for text in table.texts(name):
        try:
            networks.append(ip_network(text))
        except ValueError as error:
            raise DescriptionError(table.at(name), str(error)) from None
    if not networks:
        raise DescriptionError(table.at(name), "at least one network is needed")
    return tuple(networks)


def _source(table: Table, family: Family) -> IPv4Address | IPv6Address | None:
    if not table.has("source"):
        return None
    try:
        source = ip_address(table.text("source"))
    except ValueError as error:
        raise DescriptionError(table.at("source"), str(error)) from None
    if source.version != family:
        raise DescriptionError(table.at("source"), f"must be an IPv{int(family)} address")
    return source


def _zone(table: Table) -> ZoneInfo:
    name = table.text("timezone", "UTC")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DescriptionError(
            table.at("timezone"), f"{name!r} is no time zone of the IANA database"
        ) from None
