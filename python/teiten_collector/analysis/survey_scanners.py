"""Known survey scanners: who scans the whole Internet and says so, by the networks they scan from.

A list is CSV with the header `network,operator,source,checked`; `source` says where it stands that the
network is the operator's, `checked` when that was looked up; both may be empty in an own list. Where
networks overlap, the longest prefix counts, and of equal ones the one read last, so that an own list goes
before the shipped one (`survey_scanners.csv` beside this module: facts from lists under CC0 1.0 and from
operators' own pages).
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from teiten_collector.errors import InputError
from teiten_protocol import Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FIELDS = ("network", "operator", "source", "checked")
BLOCK = 256
"""The statement joins by blocks of so many IPv4 addresses."""
SHORTEST = {4: 12, 6: 20}
"""A shorter prefix is no network of one survey scanner, and would cost a row for each of its blocks."""
LONGEST_NAME = 80
_HALF = 1 << 64


@dataclass(frozen=True, slots=True)
class SurveyNetwork:
    """One line of a list.

    Attributes:
        network: From where is scanned.
        operator: By whom.
        source: Where that is said; empty in a list that does not say.
        checked: When it was looked up, as the list has it.
    """

    network: IPv4Network | IPv6Network
    operator: str
    source: str = ""
    checked: str = ""


@dataclass(frozen=True, slots=True)
class _Range:
    """Addresses from first to last, both included, of one operator."""

    first: int
    last: int
    operator: str


@dataclass(frozen=True)
class SurveyScanners:
    """Networks of survey scanners; without any, nothing is one."""

    networks: tuple[SurveyNetwork, ...] = ()

    @cached_property
    def operators(self) -> tuple[str, ...]:
        """Every operator, in the order of their names."""
        return tuple(sorted({entry.operator for entry in self.networks}))

    def operator_of(self, address: int, family: Family) -> str | None:
        """Whose network an address is in; None where in no one's.

        Args:
            address: Its number, of 32 or 128 bits.
            family: Of which it is.
        """
        starts, ranges = self._lookup[family]
        place = bisect_right(starts, address) - 1
        if place < 0 or address > ranges[place].last:
            return None
        return ranges[place].operator

    def table(self, family: Family) -> pa.Table:
        """The table `scanners` of `teiten_collector.analysis.statements.SURVEYED`."""
        rows = [row for found in self._lookup[family][1] for row in _rows(found, family)]
        columns = ("scanner", "block", "first_high", "last_high", "first_low", "last_low")
        kinds: tuple[pa.DataType, ...] = (pa.string(), *(pa.int64() for _ in columns[1:]))
        arrays: list[pa.Array[Any]] = [
            pa.array([row[place] for row in rows], kind) for place, kind in enumerate(kinds)
        ]
        return pa.Table.from_arrays(arrays, names=list(columns))

    @cached_property
    def _lookup(self) -> dict[Family, tuple[list[int], list[_Range]]]:
        found = {}
        for family in Family:
            ranges = _apart(entry for entry in self.networks if entry.network.version == family)
            found[family] = ([part.first for part in ranges], ranges)
        return found


def read_survey_scanners(own: Sequence[Path] = (), *, shipped: bool = True) -> SurveyScanners:
    """Reads the shipped list and an operator's own ones, which go before it.

    Raises:
        InputError: A list cannot be read or is none; names file and line.
    """
    entries: list[SurveyNetwork] = []
    if shipped:
        with resources.as_file(resources.files("teiten_collector.analysis") / "survey_scanners.csv") as path:
            entries += _read(path)
    for path in own:
        entries += _read(Path(path))
    return SurveyScanners(tuple(entries))


def _read(path: Path) -> Iterable[SurveyNetwork]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(f"cannot be read: {reason}", place=str(path)) from error
    reader = csv.DictReader(text.splitlines())
    missing = [name for name in FIELDS[:2] if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(
            f"the header lacks {', '.join(missing)}", place=f"{path}:1", remedy=f"write {','.join(FIELDS)}"
        )
    for row in reader:
        yield _entry(row, f"{path}:{reader.line_num}")


def _entry(row: dict[str, str | None], place: str) -> SurveyNetwork:
    written, operator = ((row.get(name) or "").strip() for name in FIELDS[:2])
    try:
        network = ip_network(written)
    except ValueError as error:
        raise InputError(
            f"{written!r} is no network: {error}", place=place, remedy="write 192.0.2.0/24"
        ) from error
    if network.prefixlen < SHORTEST[network.version]:
        raise InputError(
            f"{network} is too wide", place=place, remedy=f"/{SHORTEST[network.version]} is the widest"
        )
    if not 0 < len(operator) <= LONGEST_NAME:
        raise InputError(f"the operator's name must have 1 to {LONGEST_NAME} letters", place=place)
    return SurveyNetwork(
        network, operator, (row.get("source") or "").strip(), (row.get("checked") or "").strip()
    )


def _apart(entries: Iterable[SurveyNetwork]) -> list[_Range]:
    """Ranges in order that do not overlap. Two networks are apart, or one lies within the other."""
    named = {entry.network: entry.operator for entry in entries}
    ordered = sorted(named, key=lambda network: (int(network.network_address), network.prefixlen))
    found: list[_Range] = []
    around: list[tuple[int, str]] = []  # ends and operators of the networks that are open, the innermost last
    reached = 0

    def reach(limit: int) -> None:
        """Writes down what lies from `reached` to before a limit, and closes what ends there."""
        nonlocal reached
        while around and around[-1][0] < limit:
            last, operator = around.pop()
            if reached <= last:
                found.append(_Range(reached, last, operator))
                reached = last + 1
        if around and reached < limit:
            found.append(_Range(reached, limit - 1, around[-1][1]))
        reached = max(reached, limit)

    for network in ordered:
        reach(int(network.network_address))
        around.append((int(network.broadcast_address), named[network]))
    reach(1 << 129)
    return found


def _rows(found: _Range, family: Family) -> Iterable[tuple[str, int, int, int, int, int]]:
    if family is Family.IPV4:
        for block in range(found.first - found.first % BLOCK, found.last + 1, BLOCK):
            first, last = max(found.first, block), min(found.last, block + BLOCK - 1)
            yield found.operator, block, 0, 0, first, last
        return
    # Cut so that within a row either the upper half stands still or the lower one is free.
    first, last = found.first, found.last
    while first <= last:
        high, low = divmod(first, _HALF)
        whole = low == 0 and last - first >= _HALF - 1
        end = (last + 1) // _HALF * _HALF - 1 if whole else min(last, (high + 1) * _HALF - 1)
        # Signed as the tables are; a half that begins below and ends above the sign is cut there too.
        if not whole and low < _HALF // 2 <= end % _HALF:
            end = high * _HALF + _HALF // 2 - 1
        lows = (-_HALF // 2, _HALF // 2 - 1) if whole else (_signed(low), _signed(end % _HALF))
        yield found.operator, 0, _signed(high), _signed(end // _HALF), *lows
        first = end + 1


def _signed(half: int) -> int:
    return half - _HALF if half >= _HALF // 2 else half
