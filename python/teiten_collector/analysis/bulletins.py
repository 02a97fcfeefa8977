"""Bulletins, and what happened to their ports before and after: section 2 of the 2009 report.

A list is TOML (`[[bulletin]]` with id, title, published, keys and perhaps noticed) or CSV with the header
`id,title,published,noticed,keys`, keys parted by spaces.
"""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow as pa
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from teiten_collector.analysis.calendar import calendar
from teiten_collector.analysis.chance import false_discovery
from teiten_collector.analysis.exposure import daily_exposure, exposure, observed_stretches
from teiten_collector.analysis.periods import Period
from teiten_collector.analysis.scan_range import Hit, ScanRange, judge_range
from teiten_collector.analysis.scope import Scope
from teiten_collector.analysis.series import DayRate, Series
from teiten_collector.analysis.statements import KEY_DAYS, KEY_HITS
from teiten_collector.analysis.surges import Rise, find_rise
from teiten_collector.analysis.tallies import code_key, key_code
from teiten_collector.errors import InputError
from teiten_protocol import Family, parse_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Self
    from zoneinfo import ZoneInfo

    import numpy.typing as npt

    from teiten_collector.store import Engine, Sensor

    Numbers = npt.NDArray[np.float64]

BEFORE_DAYS = 28
"""Four weeks before the first announcement are what days after it are held against."""
AFTER_DAYS = 14
"""So many days from the publication on are looked at."""
SURGE_DISCOVERY = 0.05
"""Of the surges found among all keys of all bulletins, at most this share is expected to be false."""


def _known_key(key: str) -> str:
    parse_key(key)
    return key


def _words(value: object) -> object:
    return value.split() if isinstance(value, str) else value


Key = Annotated[str, AfterValidator(_known_key)]
Keys = Annotated[tuple[Key, ...], BeforeValidator(_words), Field(min_length=1)]


def _absent(value: object) -> object:
    return None if value == "" else value


class Bulletin(BaseModel):
    """One bulletin.

    Attributes:
        id: As its publisher calls it.
        title: What it is about.
        published: The day of publication.
        noticed: The day of an advance notice; not after `published`.
        keys: What it may bring accesses to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(min_length=1)
    title: str = ""
    published: date
    noticed: Annotated[date | None, BeforeValidator(_absent)] = None
    keys: Keys

    @model_validator(mode="after")
    def _notice_comes_first(self) -> Self:
        if self.noticed is not None and self.noticed > self.published:
            raise ValueError("the advance notice (noticed) cannot come after the publication (published)")
        return self

    @property
    def announced(self) -> date:
        """The first day on which anybody could know of it."""
        return self.noticed or self.published


class _List(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    bulletin: tuple[Bulletin, ...] = ()


@dataclass(frozen=True, slots=True)
class BulletinFinding:
    """What happened to one key of one bulletin.

    Attributes:
        bulletin: Which.
        key: Which.
        before: Rate of the days before the first announcement; None where they were not observed.
        after: Rate of the days after.
        rise: The test; None where too few days were observed for one.
        discovery: The false discovery rate at which the rise counts, over all bulletins; None without a test.
        surge: Whether there was a surge.
        begin: Its first elevated day.
        end: Its last elevated day.
        days_elevated: How many days were elevated.
        sources: Distinct sources of its elevated days; without a surge, of the days after.
        countries: Hits by country of these sources.
        scan_range: How far they searched.
        series: Every day looked at, before and after.
    """

    bulletin: Bulletin
    key: str
    before: float | None
    after: float | None
    rise: Rise | None
    discovery: float | None
    surge: bool
    begin: date | None
    end: date | None
    days_elevated: int
    sources: int
    countries: Mapping[str, int]
    scan_range: ScanRange
    series: Series


def read_bulletins(path: Path) -> tuple[Bulletin, ...]:
    """Reads a list of bulletins, CSV by its name's ending, otherwise TOML.

    Raises:
        InputError: It cannot be read, or says something it cannot.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".csv":
            return _List.model_validate({"bulletin": list(csv.DictReader(text.splitlines()))}).bulletin
        return _List.model_validate(tomllib.loads(text)).bulletin
    except ValidationError as error:
        faults = [
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_url=False, include_context=False)
        ]
        raise InputError("; ".join(faults), place=str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"no TOML: {error}", place=str(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(f"cannot be read: {reason}", place=str(path)) from error


def judge_bulletins(
    engine: Engine, sensors: Sequence[Sensor], bulletins: Sequence[Bulletin], zone: ZoneInfo
) -> tuple[BulletinFinding, ...]:
    """Looks at every key of every bulletin, over monitored IPv4 addresses, in the order of the list."""
    chosen = tuple(sensors)
    found = [
        finding for bulletin in bulletins for finding in _before_and_after(engine, chosen, bulletin, zone)
    ]
    tested = [finding.rise.probability for finding in found if finding.rise is not None]
    discoveries = iter(false_discovery(tested))
    decided = [
        finding if finding.rise is None else _decide(finding, next(discoveries), finding.rise)
        for finding in found
    ]
    return tuple(_with_range(engine, chosen, finding, zone) for finding in decided)


def _span(bulletin: Bulletin, zone: ZoneInfo) -> Period:
    return Period(
        bulletin.announced - timedelta(days=BEFORE_DAYS),
        bulletin.published + timedelta(days=AFTER_DAYS - 1),
        zone,
    )


def _before_and_after(
    engine: Engine, sensors: tuple[Sensor, ...], bulletin: Bulletin, zone: ZoneInfo
) -> list[BulletinFinding]:
    period = _span(bulletin, zone)
    stretches = observed_stretches(engine, period, sensors)
    days = np.asarray(daily_exposure(stretches, period, sensors, Family.IPV4))
    counts = _key_days(engine, Scope(sensors, Family.IPV4, period), bulletin.keys)
    dates = [period.first + timedelta(days=number) for number in range(period.days)]
    found = []
    for key in bulletin.keys:
        packets = counts[key]
        halves = [(packets[part], days[part]) for part in (slice(0, BEFORE_DAYS), slice(BEFORE_DAYS, None))]
        rates = [float(count.sum() / seen.sum()) if seen.sum() > 0 else None for count, seen in halves]
        found.append(
            BulletinFinding(
                bulletin=bulletin,
                key=key,
                before=rates[0],
                after=rates[1],
                rise=find_rise(*halves[0], *halves[1]),
                discovery=None,
                surge=False,
                begin=None,
                end=None,
                days_elevated=0,
                sources=0,
                countries={},
                scan_range=judge_range((), {}, 0.0),
                series=tuple(
                    DayRate(day, float(seen), int(count), float(count / seen) if seen > 0 else None, {})
                    for day, count, seen in zip(dates, packets, days, strict=True)
                ),
            )
        )
    return found


def _decide(finding: BulletinFinding, discovery: float, rise: Rise) -> BulletinFinding:
    surge = discovery < SURGE_DISCOVERY and rise.first is not None
    if not surge or rise.first is None or rise.last is None:
        return replace(finding, discovery=discovery)
    announced = finding.bulletin.announced
    return replace(
        finding,
        discovery=discovery,
        surge=True,
        begin=announced + timedelta(days=rise.first),
        end=announced + timedelta(days=rise.last),
        days_elevated=len(rise.elevated),
    )


def _with_range(
    engine: Engine, sensors: tuple[Sensor, ...], finding: BulletinFinding, zone: ZoneInfo
) -> BulletinFinding:
    first = finding.begin or finding.bulletin.announced
    last = finding.end or _span(finding.bulletin, zone).last
    period = Period(first, last, zone)
    if not sensors:
        return finding
    days = calendar(period)
    form, value = parse_key(finding.key)
    scope = Scope(sensors, Family.IPV4, period)
    rows = engine.rollup(
        KEY_HITS,
        [days.slot_minutes, *scope.parameters, int(form), value],
        scope.days,
        tables={"calendar": days.table},
    ).to_pylist()
    if finding.surge and finding.rise is not None:
        elevated = {finding.bulletin.announced + timedelta(days=number) for number in finding.rise.elevated}
        rows = [row for row in rows if days.days[row["local_day"]] in elevated]
    hits = [
        Hit(row["sensor"], row["source_low"], row["address_low"], row["local_day"], row["first_minute"])
        for row in rows
    ]
    countries: dict[str, int] = {}
    for row in rows:
        countries[row["country"]] = countries.get(row["country"], 0) + 1
    stretches = observed_stretches(engine, period, sensors)
    observing = {
        sensor.id: round(seen.days / period.days)
        for sensor in sensors
        if (seen := exposure(stretches, period, (sensor,), Family.IPV4)).observed
    }
    return replace(
        finding,
        sources=len({row["source_low"] for row in rows}),
        countries=dict(sorted(countries.items(), key=lambda item: (-item[1], item[0]))),
        scan_range=judge_range(
            hits, {sensor: max(count, 1) for sensor, count in observing.items()}, _excess(finding)
        ),
    )


def _excess(finding: BulletinFinding) -> float:
    """Which share of the elevated days' packets is beyond the rate of the days before."""
    if not finding.surge or finding.before is None or finding.rise is None:
        return 0.0
    days = [finding.series[BEFORE_DAYS + number] for number in finding.rise.elevated]
    packets = sum(day.count for day in days)
    return 1 - finding.before * sum(day.exposure for day in days) / packets if packets else 0.0


def _key_days(engine: Engine, scope: Scope, keys: Sequence[str]) -> dict[str, Numbers]:
    found = {key: np.zeros(scope.period.days) for key in keys}
    if not scope.sensors:
        return found
    days = calendar(scope.period)
    wanted = pa.table({"code": pa.array([key_code(key) for key in found], pa.int32())})
    rows = engine.rollup(
        KEY_DAYS,
        [days.slot_minutes, *scope.parameters],
        scope.days,
        tables={"calendar": days.table, "wanted": wanted},
    )
    for row in rows.to_pylist():
        found[code_key(row["code"])][row["local_day"]] = float(row["packets"])
    return found
