"""One victim's replies: "特定の IP アドレスからの跳ね返りパケットを大量に検知した"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from teiten_collector.analysis.findings.finding import Finding, Kind, Part
from teiten_collector.analysis.findings.single_source import explained_rate, explained_share, without
from teiten_collector.analysis.flows import source_text
from teiten_protocol import Class

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from teiten_collector.analysis.findings.ground import Ground
    from teiten_collector.analysis.flows import Flow
    from teiten_collector.analysis.tallies import Source
    from teiten_protocol import Family

BURST = 2.0
"""So many times what came of the victim before is a burst."""
BURST_SHARE = 0.8
BURST_DAYS = 0.3
"""`BURST_SHARE` of the packets come within this part of the period's days, or the replies are a stream."""


@dataclass(frozen=True, slots=True)
class Victim:
    """A source of backscatter.

    Attributes:
        source: Its address.
        country: Its country; ZZ is unknown.
        packets: Packets of backscatter.
        first_minute: The first, in minutes since the Unix epoch.
        last_minute: The last.
        days: Indexes of the days, in order.
        replies: Packets by kind of reply: syn-ack, rst, icmp, other.
        attacked_port: The port that most TCP replies came from; None without one.
        attacked_port_share: Of the TCP replies, how many came from it; None without.
    """

    source: str
    country: str
    packets: int
    first_minute: int
    last_minute: int
    days: tuple[int, ...]
    replies: dict[str, int]
    attacked_port: int | None
    attacked_port_share: float | None


def victims(ground: Ground) -> tuple[tuple[Source, Victim], ...]:
    """The heavy sources of backscatter, by falling packets."""
    found: dict[Source, list[Flow]] = {}
    for flow in ground.flows_now:
        if flow.class_ is Class.BACKSCATTER:
            found.setdefault(flow.source, []).append(flow)
    made = [(source, _victim(source, sent, ground.accesses.family)) for source, sent in found.items()]
    return tuple(sorted(made, key=lambda pair: (-pair[1].packets, pair[0])))


def backscatter_bursts(ground: Ground) -> Iterator[Finding]:
    """Findings about victims whose replies came in this period much more than before."""
    rows = {row.key: row for row in ground.accesses.countries}
    observed, compared = ground.accesses.current.days, ground.accesses.previous.days
    for source, victim in victims(ground):
        row = rows.get(victim.country)
        before = ground.sent_then(source)
        rate = victim.packets / observed
        if row is None or rate < ground.material_rate:
            continue
        if (compared and rate < BURST * before / compared) or not _is_burst(ground, source):
            continue
        yield Finding(
            Kind.BACKSCATTER_BURST,
            Part.ACCESS,
            victim.country,
            ground.days[victim.days[0]],
            ground.days[victim.days[-1]],
            explained_rate(ground, row, victim.packets, before),
            {
                "victim": victim.source,
                "country": victim.country,
                "packets": victim.packets,
                "rate": rate,
                "share": victim.packets / row.count,
                "explains": explained_share(ground, row, victim.packets, before),
                "replies": victim.replies,
                "attacked_port": victim.attacked_port,
                "attacked_port_share": victim.attacked_port_share,
                **without(ground, row, victim.packets, before),
            },
        )


def _is_burst(ground: Ground, source: Source) -> bool:
    """Whether most of a victim's replies came within few days that follow one another."""
    packets = [0] * len(ground.days)
    for flow in ground.sent(source):
        if flow.class_ is Class.BACKSCATTER:
            packets[flow.day] += flow.packets
    length = max(1, round(BURST_DAYS * len(packets)))
    most = max(sum(packets[day : day + length]) for day in range(len(packets) - length + 1))
    return most >= BURST_SHARE * sum(packets)


def _victim(source: Source, sent: Sequence[Flow], family: Family) -> Victim:
    packets = sum(flow.packets for flow in sent)
    syn_ack = sum(flow.syn_ack for flow in sent)
    rst = sum(flow.rst for flow in sent)
    icmp = sum(flow.packets for flow in sent if flow.key.endswith(("/ICMP", "/ICMPv6")))
    replies = {"syn-ack": syn_ack, "rst": rst, "icmp": icmp, "other": max(packets - syn_ack - rst - icmp, 0)}
    ports: dict[int, int] = {}
    for flow in sent:
        if flow.key.endswith("/TCP"):
            ports[flow.source_port] = ports.get(flow.source_port, 0) + flow.port_packets
    port, most = max(ports.items(), key=lambda item: (item[1], -item[0])) if ports else (None, 0)
    tcp = sum(flow.packets for flow in sent if flow.key.endswith("/TCP"))
    return Victim(
        source_text(source, family),
        sent[0].country,
        packets,
        min(flow.first_minute for flow in sent),
        max(flow.last_minute for flow in sent),
        tuple(sorted({flow.day for flow in sent})),
        {name: count for name, count in replies.items() if count},
        port,
        most / tcp if tcp else None,
    )
