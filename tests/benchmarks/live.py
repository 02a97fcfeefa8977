"""Live loss at rising rates, beside tcpdump and libpcap through pcapy-ng.

Run it as root: `python -m tests.benchmarks.live`. One core sends, in a network namespace of its own, first
over a veth pair as fast as the kernel takes frames from a program (`sendmmsg` without queueing discipline),
then by `injection` at stated rates and as fast as the core can. Each receiver in turn has a buffer of the
same size, and the other core, or a share of the sender's. Read the ratios, as README.md says.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from tests.agent.agent import COMMAND, Agent
from tests.agent.traffic import syn
from tests.benchmarks.injection import Injection
from tests.live.running import configure, counters, running
from tests.live.wire import HEARD, SPOKEN, Wire

RESULTS = Path("target/bench/live.json")
BUFFER_MEGABYTES = 8
FRAME_BYTES = 60
"""The shortest frame of Ethernet without its checksum (IEEE 802.3-2022, 4A.4.2): most packets a second."""

SOURCES = 65_536
AT_ONCE = 1_024
"""Frames of one `sendmmsg`, the most that Linux takes (UIO_MAXIOV)."""

PACKET_QDISC_BYPASS = 20
"""Option of a packet socket (linux/if_packet.h)."""

_FRAME = syn("203.0.113.1", "192.0.2.1", 445).ljust(FRAME_BYTES, b"\0")

RATES = (500_000, 1_000_000, 1_500_000, 2_000_000, 0)
"""Frames a second by injection; 0 is as many as one core makes."""

MORE_THAN_FASTEST = 2_000_000
"""About as many frames as a core makes in a second while somebody listens."""

SENDING_CORE, RECEIVING_CORE = 0, 1
_TAKEN = re.compile(rb"(\d+) packets? received by filter")
_DROPPED = re.compile(rb"(\d+) packets? dropped by kernel")


@dataclass(frozen=True, slots=True)
class Result:
    """How one receiver did.

    Attributes:
        receiver: Which it was.
        core: Where it ran.
        way: How frames were sent.
        sent: Frames sent.
        seconds: How long sending took.
        received: Frames that the receiver counted or wrote.
        dropped: Frames that it says the kernel dropped.
        receiver_seconds: Processor time of the receiver.
    """

    receiver: str
    core: int
    way: str
    sent: int
    seconds: float
    received: int
    dropped: int
    receiver_seconds: float

    @property
    def rate(self) -> float:
        """Frames sent a second."""
        return self.sent / self.seconds


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent.

    Attributes:
        count: How many frames.
        rate: How many a second by `injection`, 0 for as fast as it can; None: over the wire.
    """

    count: int
    rate: int | None = None

    @property
    def way(self) -> str:
        """In a word."""
        if self.rate is None:
            return "wire"
        return f"{self.rate / 1e6:g} M/s" if self.rate else "fastest"


Receiver = Callable[[Load, int], Result]
"""Receives a load on a core."""


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """`struct mmsghdr` (recvmmsg(2)), with only the vector filled."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("sent", ctypes.c_uint32),
    )


def inject(load: Load) -> None:
    """Have SYNs of 65,536 sources appear at the heard end, and print how long that took."""
    json.dump(Injection(_FRAME).send(load.count, load.rate or 0), sys.stdout)


def send(count: int) -> None:
    """Send so many SYNs of 65,536 sources from the spoken end, and print how long that took."""
    base = _FRAME
    source_at = 14 + 12
    frames = b"".join(
        base[:source_at] + struct.pack(">I", 0xCB00_0000 + number) + base[source_at + 4 :]
        for number in range(SOURCES)
    )
    memory = ctypes.create_string_buffer(frames, len(frames))
    start = ctypes.addressof(memory)
    vectors = (_Vector * SOURCES)(
        *(_Vector(start + number * FRAME_BYTES, FRAME_BYTES) for number in range(SOURCES))
    )
    messages = (_Message * SOURCES)()
    for number, message in enumerate(messages):
        message.vectors = ctypes.pointer(vectors[number])
        message.vector_count = 1
    sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((SPOKEN, 0))
        sender.setsockopt(263, PACKET_QDISC_BYPASS, 1)  # 263 is SOL_PACKET
        sent = at = 0
        began = time.monotonic()
        while sent < count:
            some = min(AT_ONCE, count - sent, SOURCES - at)
            done = sendmmsg(sender.fileno(), ctypes.byref(messages, at * ctypes.sizeof(_Message)), some, 0)
            if done < 0:
                raise OSError(ctypes.get_errno(), "sendmmsg")
            sent += done
            at = (at + done) % SOURCES
        seconds = time.monotonic() - began
    json.dump(seconds, sys.stdout)


def sending(load: Load) -> float:
    """Send from the sending core; return how long it took, in seconds."""
    rate = [] if load.rate is None else ["--rate", str(load.rate)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.live", "--send", str(load.count), *rate],
        check=True,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, {SENDING_CORE}),  # one thread
    )
    return float(json.loads(done.stdout))


def nobody(load: Load, core: int) -> Result:
    """The sender alone: how fast it could be."""
    return Result("nobody listens", core, load.way, load.count, sending(load), 0, 0, 0.0)


def agent(load: Load, core: int, source: str) -> Result:
    """`teiten-agent run` by one of its sources."""
    with tempfile.TemporaryDirectory() as home:
        sensor = Agent(Path(home))
        configure(sensor, more=f'source = "{source}"\nring_megabytes = {BUFFER_MEGABYTES}')
        before = _children_seconds()
        with running(sensor, "/usr/bin/taskset", "-c", str(core)) as run:
            own = _children_seconds()
            seconds = sending(load)
            own -= _children_seconds()
            code = run.end(signal.SIGTERM)
            if code:
                raise SystemExit(f"{COMMAND} ended with {code}")
        used = _children_seconds() - before + own
        total = counters(sensor)
    name = f"teiten-agent run, {source}"
    return Result(name, core, load.way, load.count, seconds, total["packets"], total["kernel_dropped"], used)


def tcpdump(load: Load, core: int) -> Result:
    """Tcpdump writing to nowhere."""
    before = _children_seconds()
    command = ["/usr/bin/taskset", "-c", str(core), "tcpdump", "-i", HEARD, "-w", "/dev/null"]
    process = subprocess.Popen([*command, "-B", str(BUFFER_MEGABYTES * 1024)], stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.readline()  # "listening on"
    own = _children_seconds()
    seconds = sending(load)
    own -= _children_seconds()
    time.sleep(0.5)  # it reads what the kernel keeps for a moment
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    taken, dropped = _TAKEN.search(said), _DROPPED.search(said)
    if taken is None or dropped is None:
        raise SystemExit(f"tcpdump said {said!r}")
    lost = int(dropped[1])
    used = _children_seconds() - before + own
    counted = int(taken[1]) - lost
    return Result("tcpdump -w /dev/null", core, load.way, load.count, seconds, counted, lost, used)


def measured(receive: Receiver, load: Load, core: int) -> Result:
    """How a receiver does, without the processor time of its start and end."""
    idle = receive(replace(load, count=1), core)
    loaded = receive(load, core)
    return replace(loaded, receiver_seconds=loaded.receiver_seconds - idle.receiver_seconds)


def _children_seconds() -> float:
    """Processor time of all children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def table(results: list[Result]) -> str:
    """The results as text."""
    head = f"{'':<26}{'core':<9}{'sent by':<10}{'sent/s':>10}{'received':>12}{'lost':>9}{'not said':>10}"
    lines = [f"{head}{'CPU ns/packet':>15}"]
    for one in results:
        core = "own" if one.core == RECEIVING_CORE else "shared"
        line = f"{one.receiver:<26}{core:<9}{one.way:<10}{one.rate:>10,.0f}"
        if one.received:
            missing = one.sent - one.received - one.dropped
            line += f"{one.received:>12,}{1 - one.received / one.sent:>9.2%}{missing:>10,}"
            line += f"{one.receiver_seconds / one.received * 1e9:>15.0f}"
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    """Measure every receiver that is here."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--packets", type=int, default=3_000_000, help="over the wire (default: %(default)s)"
    )
    options.add_argument(
        "--seconds", type=int, default=5, help="how long a rate is held (default: %(default)s)"
    )
    options.add_argument("--send", type=int, help=argparse.SUPPRESS)
    options.add_argument("--rate", type=int, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.send and chosen.rate is not None:
        inject(Load(chosen.send, chosen.rate))
        return
    if chosen.send:
        send(chosen.send)
        return
    receivers: list[Receiver] = [partial(agent, source=source) for source in ("ring", "pcapy")]
    if shutil.which("tcpdump"):
        receivers.append(tcpdump)
    before = os.getloadavg()
    with Wire():
        wire = Load(chosen.packets)
        results = [nobody(wire, RECEIVING_CORE)]
        for core in (RECEIVING_CORE, SENDING_CORE):
            results += [measured(receive, wire, core) for receive in receivers]
        results.append(nobody(replace(wire, rate=0), RECEIVING_CORE))
        for rate in RATES:
            load = Load(chosen.seconds * (rate or MORE_THAN_FASTEST), rate)
            results += [measured(receive, load, RECEIVING_CORE) for receive in receivers]
        results += [measured(receive, load, SENDING_CORE) for receive in receivers]
    print(f"load of the machine before: {', '.join(f'{one:.1f}' for one in before)}; cores: {os.cpu_count()}")
    print(table(results))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(one) for one in results], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
