"""One source makes most of a key's accesses, or of a country's increase.

"8 月下旬におけるアクセスの増加は、中国を発信元とする特定の IP アドレスからのアクセスによるものである。"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_collector.analysis.findings.finding import Evidence, Finding, Kind, Part
from teiten_collector.analysis.findings.ground import MOST
from teiten_collector.analysis.flows import source_text
from teiten_protocol import Class

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from teiten_collector.analysis.findings.ground import Ground
    from teiten_collector.analysis.flows import Flow
    from teiten_collector.analysis.ranks import Row
    from teiten_collector.analysis.tallies import Source

FIXED_PORT_SHARE = 0.9
"""From this share on, a source's packets have one source port."""


def single_sources(ground: Ground) -> Iterator[Finding]:
    """Findings about keys, then about countries."""
    for row in ground.ports:
        found = _of_key(ground, row)
        if found:
            yield found
    for row in ground.countries:
        found = _of_country(ground, row)
        if found:
            yield found


def _of_key(ground: Ground, row: Row) -> Finding | None:
    """Of the days of a rise where there was one, else of the whole period."""
    if row.rate is None or row.rate < ground.material_rate:
        return None
    rise = ground.rises.get(row.key)
    days = set(range(len(ground.days)))
    if rise and rise.first is not None and rise.last is not None:
        days = set(range(rise.first, rise.last + 1))
    total = float(ground.key_days(row.key)[0][sorted(days)].sum())
    best: tuple[int, Source, list[Flow]] | None = None
    for share in ground.shares(row.key):
        sent = [flow for flow in ground.sent(share.source, row.key) if flow.day in days]
        packets = sum(flow.packets for flow in sent)
        if best is None or packets > best[0]:
            best = (packets, share.source, sent)
    if best is None or total <= 0:
        return None
    packets, source, sent = best
    observed = ground.accesses.current.days
    before = ground.sent_then(source, row.key)
    explains = explained_share(ground, row, packets, before)
    of_change = explains is not None and explains >= MOST and ground.changed(*ground.key_days(row.key), 1)
    if packets / observed < ground.material_rate or (packets / total < MOST and not of_change):
        return None
    return Finding(
        Kind.SINGLE_SOURCE,
        Part.ACCESS,
        row.key,
        ground.days[min(flow.day for flow in sent)],
        ground.days[max(flow.day for flow in sent)],
        explained_rate(ground, row, packets, before),
        {
            "source": source_text(source, ground.accesses.family),
            "country": sent[0].country,
            "packets": packets,
            "share": packets / total,
            "rate": packets / observed,
            "of_change": packets / total < MOST,
            "explains": explains,
            "from": ground.days[min(days)].isoformat(),
            "to": ground.days[max(days)].isoformat(),
            **_port(sent),
            **without(ground, row, packets, before),
        },
    )


def _of_country(ground: Ground, row: Row) -> Finding | None:
    if row.rate is None or (row.change or 0.0) < ground.material_rate:
        return None
    for share in ground.accesses.now.sources.heavy_countries.get(row.key, ()):
        sent = [flow for flow in ground.sent(share.source) if flow.class_ is not Class.BACKSCATTER]
        packets = sum(flow.packets for flow in sent)
        before = ground.sent_then(share.source)
        explains = explained_share(ground, row, packets, before)
        if (
            not sent
            or explains is None
            or explains < MOST
            or packets / ground.accesses.current.days < ground.material_rate
        ):
            continue
        keys: dict[str, int] = {}
        for flow in sent:
            keys[flow.key] = keys.get(flow.key, 0) + flow.packets
        return Finding(
            Kind.SINGLE_SOURCE,
            Part.ACCESS,
            row.key,
            ground.days[min(flow.day for flow in sent)],
            ground.days[max(flow.day for flow in sent)],
            explained_rate(ground, row, packets, before),
            {
                "source": source_text(share.source, ground.accesses.family),
                "country": row.key,
                "packets": packets,
                "share": packets / row.count,
                "rate": packets / ground.accesses.current.days,
                "of_change": True,
                "explains": explains,
                "from": ground.days[0].isoformat(),
                "to": ground.days[-1].isoformat(),
                "keys": [key for key, _ in sorted(keys.items(), key=lambda item: (-item[1], item[0]))[:3]],
                **_port(sent),
                **without(ground, row, packets, before),
            },
        )
    return None


def explained_rate(ground: Ground, row: Row, packets: int, before: int) -> float:
    """How much of a row's change a source accounts for, at least 0 and at most the change."""
    observed, compared = ground.accesses.current.days, ground.accesses.previous.days
    own = packets / observed - (before / compared if compared else 0.0)
    change = row.change if row.change is not None else row.rate or 0.0
    return max(0.0, min(own, change)) if change >= 0 else max(0.0, min(-own, -change))


def explained_share(ground: Ground, row: Row, packets: int, before: int) -> float | None:
    """The same as a share of the change; None without one."""
    if not row.change or abs(row.change) < ground.material_rate:
        return None
    return explained_rate(ground, row, packets, before) / abs(row.change)


def without(ground: Ground, row: Row, packets: int, before: int) -> Evidence:
    """The row's rates with the source left out of both periods."""
    observed, compared = ground.accesses.current.days, ground.accesses.previous.days
    rate = (row.count - packets) / observed
    if not compared:
        return {"rate_without": rate, "change_without": None}
    return {"rate_without": rate, "change_without": rate - (row.compare_count - before) / compared}


def _port(sent: Sequence[Flow]) -> Evidence:
    ports: dict[int, int] = {}
    for flow in sent:
        if flow.key.endswith(("/TCP", "/UDP")):
            ports[flow.source_port] = ports.get(flow.source_port, 0) + flow.port_packets
    if not ports:
        return {}
    port, packets = max(ports.items(), key=lambda item: (item[1], -item[0]))
    share = packets / sum(flow.packets for flow in sent)
    return {"source_port": port, "source_port_share": share} if share >= FIXED_PORT_SHARE and port else {}
