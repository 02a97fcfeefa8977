"""From a payload on the wire to the analyst's screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from teiten_agent.rules.packet import packets
from tests.agent.traffic import MONDAY_NS, write
from tests.fleet import Collector

pytestmark = pytest.mark.end_to_end

SPAN = ("--from", "2009-08-03T00:00:00Z", "--to", "2009-08-03T00:02:00Z")
OPTIONS = b"OPTIONS sip:100@198.51.100.20 SIP/2.0\r\nUser-Agent: friendly-scanner\r\nMax-Forwards: 70\r\n\r\n"


def capture(path: Path) -> Path:
    """A SIP scanner's request and a SYN, each twice, to a monitored address."""
    text = OPTIONS.hex(" ")
    lines = (
        f"udp 5071>5060 src=8.8.4.4 dst=198.51.100.20 {text}",
        "tcp 4000>23 S src=8.8.4.4 dst=198.51.100.20",
    )
    frames = [bytes(12) + b"\x08\x00" + packets(line)[0] for line in lines]
    return write(path, ((MONDAY_NS + number * 10**9, frame) for number, frame in enumerate(frames * 2)))


def shown(collector: Collector, *words: object) -> list[dict[str, object]]:
    """What the command says of the day."""
    done = collector.command("examples", "--period", "2009-08-03", "--json", *words)
    found: list[dict[str, object]] = json.loads(done.stdout)["examples"]
    return found


@pytest.mark.parametrize("switch", ["", "[rules]\nexamples = false\n"])
def test_a_payload_that_was_detected_is_shown_unless_switched_off(
    collector: Collector, tmp_path: Path, switch: str
) -> None:
    sensor = collector.add_sensor("tokyo-01", ["198.51.100.0/24"], limits=switch)
    sensor.replay(*SPAN, capture(tmp_path / "sip.pcap"))
    found = shown(collector)
    if switch:
        assert found == []
        return
    assert found
    assert {(one["sensor"], one["source"], one["payload"]) for one in found} == {
        ("tokyo-01", "8.8.4.4", OPTIONS[:64].hex())
    }
    signature = found[0]["signature"]
    assert [one["signature"] for one in shown(collector, "--signature", signature)] == [signature]
    assert shown(collector, "--signature", 1) == []
    printed = collector.command("examples", "--period", "2009-08-03").stdout
    assert "OPTIONS sip:100@198.51.100.20 SIP/2.0..User-Agent: friendly-scan" in printed
    assert "198.51.100.20" not in printed.replace("sip:100@198.51.100.20", "")
