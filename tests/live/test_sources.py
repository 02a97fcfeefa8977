"""Ring and libpcap: what is sent is counted or has a reason, and both count the same."""

from __future__ import annotations

import errno
import random
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from teiten_agent import _core, config
from teiten_agent.errors import ConfigurationError
from teiten_agent.live import check_interface, open_source
from tests.agent.traffic import arp, syn
from tests.live.observing import counted, ethernet_frames, observe
from tests.live.wire import HEARD, MTU, SPOKEN, ip

if TYPE_CHECKING:
    from tests.live.wire import Wire

SOURCES = ("ring", "pcapy")
both_ways = pytest.mark.parametrize("source", SOURCES)

SHARED_CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "captures"
NAMES = sorted(path.name.removesuffix(".oracle.tsv") for path in SHARED_CAPTURES.glob("*.oracle.tsv"))
OF_ANOTHER_LINK = {"link_sll.pcap"}
"""Captures that no Ethernet wire can carry."""
LEAST_FRAME = 14
"""An Ethernet header: Linux sends nothing shorter from a raw packet socket."""


def tagged(frame: bytes, *tags: tuple[int, int]) -> bytes:
    """A frame with VLAN tags (IEEE 802.1Q-2022 clause 9) of protocol and number, the outermost first."""
    words = b"".join(protocol.to_bytes(2, "big") + number.to_bytes(2, "big") for protocol, number in tags)
    return frame[:12] + words + frame[12:]


def mixed(count: int) -> list[bytes]:
    """Frames of every fate, in an order that is always the same."""
    dice = random.Random(1)  # repeatable on purpose
    ports = [syn("203.0.113.1", "192.0.2.1", dice.choice((22, 23, 445))) for _ in range(count)]
    others = [arp(), b"\x02" * 12 + b"\x88\xb5" + b"?" * 50, syn("203.0.113.2", "192.0.2.2", 80)[:30]]
    return [dice.choice((*others, frame)) for frame in ports]


@both_ways
def test_every_frame_sent_is_counted_or_has_a_reason(wire: Wire, source: str) -> None:
    frames = mixed(3000)
    observed = observe(lambda: wire.send(frames), source=source)
    counters = observed.counters
    malformed = sum(count for name, count in counters.items() if name.startswith("malformed."))
    assert counters["kernel_dropped"] == 0
    assert counters["packets"] == len(frames) == counters["kernel_received"]
    assert counters["counted"] + malformed == len(frames)
    assert sum(observed.keys.values()) == counters["counted"] > 0


def test_both_ways_count_the_same(wire: Wire) -> None:
    frames = mixed(3000)
    ring, copied = (observe(lambda: wire.send(frames), source=source) for source in SOURCES)
    assert ring.keys == copied.keys
    reasons = {name for name in ring.counters if name.startswith("malformed.")}
    assert reasons
    assert {name: ring.counters[name] for name in reasons} == {
        name: copied.counters[name] for name in reasons
    }


@both_ways
def test_a_filter_lets_through_what_it_says(wire: Wire, source: str) -> None:
    frames = [syn("203.0.113.1", "192.0.2.1", port) for port in (22, 80) for _ in range(50)]
    observed = observe(lambda: wire.send(frames), source=source, filter="tcp dst port 22")
    assert observed.keys == {"22/TCP": 50}
    assert observed.counters["packets"] == 50


@both_ways
def test_own_traffic_is_not_counted(wire: Wire, source: str) -> None:
    def send() -> None:
        wire.answer([syn("192.0.2.1", "203.0.113.1", 443)] * 30)
        wire.send([syn("203.0.113.1", "192.0.2.1", 22)] * 20)

    observed = observe(send, source=source)
    assert observed.keys == {"22/TCP": 20}
    if source == "ring":
        assert observed.counters["outgoing"] == 30
        assert observed.counters["kernel_received"] == 50


@both_ways
def test_tagged_traffic_is_counted_under_its_inner_key(wire: Wire, source: str) -> None:
    frame = syn("203.0.113.1", "192.0.2.1", 445)
    frames = [tagged(frame, (0x8100, 7))] * 10 + [tagged(frame, (0x88A8, 7), (0x8100, 8))] * 10 + [frame]
    observed = observe(lambda: wire.send(frames), source=source)
    assert observed.keys == {"445/TCP": 21}
    if source == "ring":
        assert observed.counters["vlan_tagged"] == 20


@both_ways
def test_a_snap_length_changes_no_count(wire: Wire, source: str) -> None:
    frames = [syn("203.0.113.1", "192.0.2.1", 445) + b"x" * 1000] * 10
    observed = observe(lambda: wire.send(frames), source=source, snap_length=96)
    assert observed.keys == {"445/TCP": 10}
    assert observed.counters["bytes"] == 10 * 40


@pytest.mark.shared
@pytest.mark.parametrize("name", NAMES)
def test_a_capture_sent_over_a_wire_counts_as_its_file(wire: Wire, shared: Path, name: str) -> None:
    capture = shared / "captures" / name
    frames = ethernet_frames(capture)
    expected = counted(capture)
    if frames is None:
        assert name in OF_ANOTHER_LINK
        return
    assert all(LEAST_FRAME <= len(frame) <= MTU for frame in frames)
    for source in SOURCES:
        observed = observe(lambda: wire.send(frames), source=source)
        assert observed.keys == expected.keys
        assert observed.counters["packets"] == len(frames) == expected.counters["packets"]


def test_what_finds_the_ring_full_is_counted_as_dropped(wire: Wire) -> None:
    frames = [syn("203.0.113.1", "192.0.2.1", port) for port in range(30_000)]
    counters = observe(lambda: wire.send(frames), source="ring", ring_megabytes=1).counters
    assert counters["kernel_dropped"] > 0
    assert counters["kernel_freezes"] > 0
    assert counters["packets"] + counters["kernel_dropped"] == len(frames) == counters["kernel_received"]


def test_rings_of_one_group_share_the_sources(wire: Wire) -> None:
    rings = [_core.Ring(HEARD, fanout_group=7) for _ in range(3)]
    frames = [
        syn(f"203.0.113.{host}", "192.0.2.1", port) for host in range(1, 201) for port in (22, 445, 8080)
    ]
    wire.send([*frames, arp()])
    heard: list[set[bytes]] = []
    counted = 0
    for ring in rings:
        ring.seal()
        observer = _core.Observer(interval_seconds=0)
        while ring.wait(300):
            observer.advance(ring)
        interval = observer.finish()
        assert interval is not None
        counted += interval.counters["counted"]
        column = interval.ipv4.source
        heard.append({column[at : at + 4] for at in range(0, len(column), 4)})
    assert counted == len(frames)
    assert sum(map(len, heard)) == len(set().union(*heard)) == 200, "no source in two rings"
    assert min(map(len, heard)) > 0


def test_a_ring_says_once_that_its_interface_went_down_and_yields_what_it_has(wire: Wire) -> None:
    ring = _core.Ring(HEARD)
    wire.send([syn("203.0.113.1", "192.0.2.1", 445)] * 5)
    assert ring.wait(1000)
    ip("link", "set", HEARD, "down")
    observer = _core.Observer(interval_seconds=0)
    observer.advance(ring)
    with pytest.raises(OSError, match="wait for packets") as raised:
        ring.wait(1000)
    assert not ring.wait(0)
    assert raised.value.errno == errno.ENETDOWN
    interval = observer.finish()
    assert interval is not None
    assert interval.counters["counted"] == 5


@pytest.mark.usefixtures("wire")
def test_a_wrong_interface_names_the_near_one() -> None:
    with pytest.raises(ConfigurationError) as raised:
        check_interface("herd")
    assert (raised.value.what, raised.value.remedy) == (
        "capture.interface: there is no interface herd",
        "did you mean heard?",
    )
    with pytest.raises(ConfigurationError) as raised:
        check_interface("wlan17")
    assert "there are heard, lo, spoken" in raised.value.remedy


@pytest.mark.usefixtures("wire")
def test_an_interface_that_is_down_is_no_error_of_the_system() -> None:
    ip("link", "set", SPOKEN, "down")
    with pytest.raises(ConfigurationError, match="spoken is down") as raised:
        open_source(config.Capture(interface=SPOKEN))
    assert raised.value.remedy == "ip link set spoken up"


@pytest.mark.usefixtures("wire")
@both_ways
def test_a_wrong_filter_is_named(source: str) -> None:
    with pytest.raises(ConfigurationError, match=r"capture\.filter: 'tcp prt 80'"):
        open_source(config.Capture(interface=HEARD, source=source, filter="tcp prt 80"))


@pytest.mark.usefixtures("wire")
def test_a_ring_refuses_a_filter_on_what_the_kernel_takes_off() -> None:
    with pytest.raises(ConfigurationError, match="takes VLAN tags off"):
        open_source(config.Capture(interface=HEARD, filter="vlan 7 and tcp"))


@pytest.mark.usefixtures("wire")
def test_bounds_of_a_ring_are_named() -> None:
    with pytest.raises(ValueError, match="ring_megabytes is 0"):
        _core.Ring(HEARD, ring_megabytes=0)
    with pytest.raises(ValueError, match="a filter has 1 to 4096 instructions"):
        _core.Ring(HEARD, program=[(6, 0, 0, 1)] * 4097)
    with pytest.raises(OSError, match="there is no interface nosuch"):
        _core.Ring("nosuch")


def test_a_buffer_with_a_record_outside_it_is_refused() -> None:
    record = b"".join(number.to_bytes(4, "little") for number in (0, 0, 4, 4))
    buffer = _core.PacketBuffer(b"abcd", record, 1)
    assert buffer.remaining == 1
    with pytest.raises(ValueError, match="outside its buffer"):
        _core.Observer().advance(buffer)


def test_nanoseconds_of_the_kernels_stamps_are_kept(wire: Wire) -> None:
    """Of twenty stamps at least one is no whole microsecond: by chance one run in 10**60 would fail."""
    ring = _core.Ring(HEARD)
    stamps = []
    for _ in range(20):
        wire.send([syn("203.0.113.1", "192.0.2.1", 445)])
        assert ring.wait(1000)
        observer = _core.Observer(interval_seconds=0)
        observer.advance(ring)
        interval = observer.finish()
        assert interval is not None
        stamps.append(interval.span[0])
    assert any(stamp % 1000 for stamp in stamps)
    assert all(abs(time.time_ns() - stamp) < 60 * 10**9 for stamp in stamps)


def test_what_was_sent_before_is_not_seen(wire: Wire) -> None:
    wire.send([syn("203.0.113.1", "192.0.2.1", 22)] * 10)
    assert observe(lambda: None).counters["kernel_received"] == 0
    assert socket.if_nametoindex(HEARD) > 0
