"""August 2009 and July 2009 as batches whose tables must be the reference's to the last digit.

The reference prints only some rows. Between them stand made-up keys and countries, placed so that every
printed rank is right: their rates do not change, or by less than any printed rise or fall. Each printed row
gets whole counts that round to its printed rate, change and percentage at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from math import ceil, floor
from typing import TYPE_CHECKING

from teiten_protocol import (
    Batch,
    BatchKey,
    Class,
    DetectionRow,
    Family,
    Span,
    Tool,
    TupleRow,
    detection_columns,
    parse_key,
    tuple_columns,
)
from tests.report.reference_tables import CATEGORIES, COUNTRIES, DETECTION_COUNTRIES, PORTS, Printed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

DAY_NS = 86_400 * 1_000_000_000
SENSOR = "tokyo-01"
MONITORED = "198.51.100.0/24"
DETECTOR = "ids-01"
DETECTOR_MONITORED = "203.0.112.0/20"
DAYS = 31
ADDRESS_DAYS = 256 * DAYS
DETECTION_DAYS = 4096 * DAYS
"""Many, so that the percentages of the smallest countries of table 4-2 come out."""
TOTAL = Printed(None, None, "total", 412.0, 14.4, 51.9, None, None)
DETECTED = Printed(None, None, "total", 11.4, 3.9, 0.4, None, None)
JULY_NS = 1_246_374_000 * 1_000_000_000  # 2009-07-01 00:00 +09:00
AUGUST_NS = JULY_NS + DAYS * DAY_NS

# Rates of made-up rows, (August, July): the number of them between two printed ranks is what the ranks say.
_PORT_FILLERS = [
    *[(rate, rate) for rate in (8.0, 5.5, 4.5, 3.5, 2.5, 2.2, 1.9, 1.6, 1.3, 1.2)],
    *[(rate, rate) for rate in (1.02, 0.95, 0.9, 0.85, 0.8, 0.7, 0.65)],
    (0.4, 0.6),
]
_COUNTRY_FILLERS = [
    (rate, rate)
    for rate in (
        *(10.0, 7.0, 6.0, 5.3, 5.2, 4.5, 3.5, 3.3, 3.1, 2.9, 2.5, 2.4, 2.3, 2.2, 2.1, 1.7),
        *(1.5, 1.48, 1.46, 1.44, 1.3, 1.25, 1.2, 1.15, 1.1, 1.05),
    )
]
# Categories that the reference leaves out, and countries of detections between its printed ranks.
SIDS = {
    "Worm": 2003,
    "Scan": 9_994_004,
    "DNS": 9_600_001,
    "DoS": 9_995_001,
    "UDP spam": 9_992_001,
    "Others": 9_993_001,
}
SIGNATURE_LIST = "sid,message,category\n" + "".join(
    f"{sid},a signature of {name},{name}\n" for name, sid in SIDS.items()
)
DETECTION_FILLERS = [
    *((rate, rate) for rate in (0.25, 0.2)),
    *((0.065, 0.10), (0.06, 0.035), (0.05, 0.034)),
    *((rate, rate) for rate in (0.033, 0.03, 0.027, 0.025, 0.022, 0.02, 0.018, 0.016, 0.014, 0.013, 0.012)),
    *((rate, 0.008) for rate in (0.017, 0.0165, 0.0155)),
    *((0.007, 0.0083),) * 12,
]
# Where the rest of the total goes: many small ports and countries, none in reach of a printed rank.
_SMALL_PORTS = [f"{port}/UDP" for port in range(20_000, 20_600)]
_LARGE_COUNTRIES = (
    *("DE", "FR", "IT", "ES", "PL", "BR", "IN", "TH", "VN", "ID", "MY", "PH", "AU"),
    *("CA", "MX", "AR", "CO", "PE", "TR", "SE", "NO", "FI", "DK", "NL", "BE", "CH"),
)
_SMALL_COUNTRIES = (
    *("AT", "CZ", "SK", "HU", "RO", "BG", "GR", "PT", "IE", "IS", "EE", "LV", "LT", "UA"),
    *("BY", "MD", "GE", "AM", "AZ", "KZ", "UZ", "MN", "NP", "LK", "BD", "PK", "IR", "IQ"),
    *("SA", "AE", "QA", "KW", "OM", "YE", "JO", "LB", "SY", "IL", "EG", "LY", "TN", "DZ"),
    *("MA", "SD", "ET", "KE", "UG", "TZ", "ZM", "ZW", "ZA", "NA", "BW", "MZ", "MG", "MU"),
    *("NG", "GH", "CI", "SN", "CM", "GA", "CD", "AO", "EC", "BO", "PY", "UY", "CR", "PA"),
    *("GT", "HN", "SV", "NI"),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """Packets of one subject."""

    august: int
    july: int


def exact_counts(printed: Printed, decimals: int = 2, days: int = ADDRESS_DAYS) -> Counts:
    """Whole counts that print as the reference prints them."""
    half = 0.5 * 10**-decimals
    if printed.rate is None:  # hardly anything in August; July is the change itself
        low, high = 1, floor(0.0049 * days)
    else:
        low, high = ceil((printed.rate - half) * days), floor((printed.rate + half) * days)
    if printed.percent is None:  # the reference states 0.002 for July
        return Counts((low + high) // 2, round(0.002 * days))
    # In table 4-2 Canada stood before Germany in July, and the United States fell more than Mexico.
    edges = {"CA": high, "MX": low}
    wanted = edges.get(printed.key, (low + high) / 2)
    for august in sorted(range(low, high + 1), key=lambda count: abs(count - wanted)):
        for july in range(
            ceil(august - (printed.change + half) * days),
            floor(august - (printed.change - half) * days) + 1,
        ):
            change = (august - july) / days
            percent = (august / july - 1) * 100
            if (
                f"{august / days:.{decimals}f}" == f"{printed.rate or 0:.{decimals}f}"
                and f"{change:.{decimals}f}" == f"{printed.change:.{decimals}f}"
                and f"{percent:.1f}" == f"{printed.percent:.1f}"
            ):
                return Counts(august, july)
    raise AssertionError(f"no counts print as {printed}")


def month_batches(source_of: Mapping[str, int]) -> Iterator[Batch]:
    """One batch a month; `source_of` gives the number of a source address in each country."""
    total = exact_counts(TOTAL, decimals=1)
    ports, countries = _ports(total), _countries(total)
    for sequence, (start_ns, month) in enumerate(((JULY_NS, "july"), (AUGUST_NS, "august"))):
        by_port = {key: getattr(counts, month) for key, counts in ports.items()}
        by_country = {code: getattr(counts, month) for code, counts in countries.items()}
        rows = tuple(
            _row(start_ns // (60 * 10**9) + number, key, source_of[code], packets)
            for number, (key, code, packets) in enumerate(_margins(by_port, by_country))
        )
        yield Batch(
            key=BatchKey(SENSOR, 1, sequence),
            settings=bytes(32),
            spans=(Span(start_ns, start_ns + DAYS * DAY_NS),),
            counters={"counted": sum(row.packets for row in rows)},
            ipv4=tuple_columns(Family.IPV4, rows),
            ipv6=tuple_columns(Family.IPV6, ()),
            detections=detection_columns(()),
        )


def detection_batches(source_of: Mapping[str, int]) -> Iterator[Batch]:
    """One batch of detections a month, of the sensor that has the signatures."""
    total = exact_counts(DETECTED, decimals=1, days=DETECTION_DAYS)
    categories = {row.key: exact_counts(row, days=DETECTION_DAYS) for row in CATEGORIES}
    categories |= _spread(("UDP spam", "Others"), total, categories.values())
    countries = {row.key: exact_counts(row, days=DETECTION_DAYS) for row in DETECTION_COUNTRIES}
    others = [code for code in (*_LARGE_COUNTRIES, *_SMALL_COUNTRIES) if code not in countries]
    fillers = zip(others, DETECTION_FILLERS, strict=False)
    countries |= {code: _fixed(rates, DETECTION_DAYS) for code, rates in fillers}
    countries |= _spread(others[len(DETECTION_FILLERS) :], total, countries.values())
    for sequence, (start_ns, month) in enumerate(((JULY_NS, "july"), (AUGUST_NS, "august"))):
        by_category = {name: getattr(counts, month) for name, counts in categories.items()}
        by_country = {code: getattr(counts, month) for code, counts in countries.items()}
        rows = [
            DetectionRow(
                minute=start_ns // (60 * 10**9) + number,
                signature=SIDS[name],
                source=IPv4Address(source_of[code]),
                address=IPv4Address("203.0.113.7"),
                count=count,
            )
            for number, (name, code, count) in enumerate(_margins(by_category, by_country))
        ]
        yield Batch(
            key=BatchKey(DETECTOR, 1, sequence),
            settings=bytes(32),
            spans=(Span(start_ns, start_ns + DAYS * DAY_NS),),
            counters={},
            ipv4=tuple_columns(Family.IPV4, ()),
            ipv6=tuple_columns(Family.IPV6, ()),
            detections=detection_columns(rows),
        )


def country_codes() -> list[str]:
    """Every country that sends something."""
    printed = [row.key for row in (*COUNTRIES, *DETECTION_COUNTRIES)]
    return list(dict.fromkeys((*printed, *_LARGE_COUNTRIES, *_SMALL_COUNTRIES)))


def _ports(total: Counts) -> dict[str, Counts]:
    counts = {row.key: exact_counts(row) for row in PORTS}
    counts |= {f"{1000 + number}/UDP": _fixed(rates) for number, rates in enumerate(_PORT_FILLERS)}
    return counts | _spread(_SMALL_PORTS, total, counts.values())


def _countries(total: Counts) -> dict[str, Counts]:
    counts = {row.key: exact_counts(row) for row in COUNTRIES}
    counts |= {code: _fixed(rates) for code, rates in zip(_LARGE_COUNTRIES, _COUNTRY_FILLERS, strict=True)}
    return counts | _spread(_SMALL_COUNTRIES, total, counts.values())


def _fixed(rates: tuple[float, float], days: int = ADDRESS_DAYS) -> Counts:
    august, july = rates
    return Counts(round(august * days), round(july * days))


def _spread(names: Sequence[str], total: Counts, given: Iterable[Counts]) -> dict[str, Counts]:
    """What the total leaves, in nearly equal parts."""
    listed = list(given)
    august = total.august - sum(counts.august for counts in listed)
    july = total.july - sum(counts.july for counts in listed)
    size = len(names)
    return {name: Counts((august + at) // size, (july + at) // size) for at, name in enumerate(names)}


def _margins(by_port: Mapping[str, int], by_country: Mapping[str, int]) -> Iterator[tuple[str, str, int]]:
    """Packets by port and country whose sums are both margins (the north-west corner rule)."""
    countries = iter(by_country.items())
    code, left = next(countries)
    for key, packets in by_port.items():
        wanted = packets
        while wanted:
            while not left:
                code, left = next(countries)
            part = min(wanted, left)
            yield key, code, part
            wanted -= part
            left -= part


def _row(minute: int, key: str, source: int, packets: int) -> TupleRow:
    form, value = parse_key(key)
    return TupleRow(
        minute=minute,
        source=IPv4Address(source),
        address=IPv4Address("198.51.100.7"),
        form=form,
        value=value,
        source_port=0,
        flags=0,
        class_=Class.PROBE,
        tool=Tool.NONE,
        packets=packets,
        bytes_=packets * 40,
    )
