"""The card in an emulated machine: provisioned from outside, switched on, cut off.

Nothing leaves this machine: the observation interface is a pair of UDP ports on loopback, and QEMU's own
network lets the management interface reach the collector's port on loopback and nothing else.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from firmware.updates import environment

from teiten_collector.store import Engine
from tests.firmware.certificates import self_signed
from tests.firmware.stimuli import OUR_MAC, OURS
from tests.fleet import COLLECTOR, run

if TYPE_CHECKING:
    from collections.abc import Iterator

SENSOR = "boot-01"
COLLECTOR_ADDRESS = "10.0.2.100"
"""Where QEMU's network shows the collector to the guest."""

BOOT_OFFSET = 1 << 20
"""Where the boot partition begins on the card, as firmware/image/build.sh lays it out."""

ENVIRONMENT_OFFSET = 65 << 20
"""Where the partition `env` begins."""
ENVIRONMENT_BYTES = 1 << 20

KERNEL = re.compile(r"\[ +\d+\.\d+\]")
"""A line of the kernel: what came out of the interface before is the machine's own firmware's."""

STARTED = re.compile(r"\bevent=start\b")
HEALTH = re.compile(r"teiten-health (\{.*\})")

RELAY = """\
import selectors, socket, sys, os
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
ways = selectors.DefaultSelector()
ways.register(0, selectors.EVENT_READ)
ways.register(peer, selectors.EVENT_READ)
while True:
    for key, _ in ways.select():
        if key.fileobj == 0:
            data = os.read(0, 65536)
            peer.sendall(data)
        else:
            data = peer.recv(65536)
            view = memoryview(data)
            while view:
                view = view[os.write(1, view):]
        if not data:
            sys.exit()
"""


class BootFailedError(AssertionError):
    """The image did not do what it promises; the text holds the end of its console."""


class NotShownError(BootFailedError):
    """The console did not show in time what it was to show."""


@dataclass(frozen=True, slots=True)
class Collector:
    """A collector on loopback with TLS.

    Attributes:
        directory: Its store.
        port: Where it listens.
        code: By which the sensor enrols.
        configuration: Its file.
        certificate: What the sensor trusts.
    """

    directory: Path
    port: int
    code: str
    configuration: Path
    certificate: Path

    def command(self, *words: object) -> str:
        """What an administration command prints."""
        return run(COLLECTOR, *words, "--config", self.configuration).stdout

    def counted(self) -> dict[str, int]:
        """The sensor's packets by key."""
        rows = Engine(self.directory).query("SELECT key, sum(packets) AS packets FROM tuples GROUP BY key")
        return {row["key"]: int(row["packets"]) for row in rows.to_pylist()}


@contextmanager
def serving(folder: Path) -> Iterator[Collector]:
    """A collector for the sensor, until the end."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    self_signed("collector", key, certificate, f"subjectAltName=IP:{COLLECTOR_ADDRESS}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = folder / "collector.toml"
    configuration.write_text(
        f'[server]\nlisten = "127.0.0.1:{port}"\n'
        f"tls_certificate = {json.dumps(str(certificate))}\ntls_key = {json.dumps(str(key))}\n"
        f"[store]\ndirectory = {json.dumps(str(folder / 'store'))}\n",
        encoding="utf-8",
    )
    networks = (f"{OURS}/32", "2001:db8::/64")
    words = (
        "sensor",
        "add",
        SENSOR,
        "--monitored",
        *networks,
        "--group",
        "access",
        "--config",
        configuration,
    )
    run(COLLECTOR, *words)
    code = run(COLLECTOR, "sensor", "enrol", SENSOR, "--config", configuration).stdout.split()[-1]
    with (folder / "collector.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [COLLECTOR, "serve", "--config", configuration], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield Collector(folder / "store", port, code, configuration, certificate)
    finally:
        process.terminate()
        process.wait(60)


def provision(card: Path, collector: Collector, operator: Path) -> None:
    """Write the settings onto the boot partition, as someone with a card reader does.

    Args:
        card: The image.
        collector: To which the sensor reports.
        operator: Certificate of whoever signs rules and settings.
    """
    text = (
        f"sensor = {SENSOR}\ncode = {collector.code}\n"
        f"collector = https://{COLLECTOR_ADDRESS}:8443\n"
        f"interface = eth0\nmonitored = {OURS}/32 2001:db8::/64\n"
        "management = eth1\nmanagement-address = 10.0.2.15/24\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "sensor.txt")
        settings.write_text(text, encoding="utf-8")
        boot = f"{card}@@{BOOT_OFFSET}"
        for source, name in (
            (settings, "sensor.txt"),
            (collector.certificate, "collector-ca.pem"),
            (operator, "operator.pem"),
        ):
            subprocess.run(["mcopy", "-o", "-i", boot, source, f"::/{name}"], check=True)  # noqa: S607


def prefer_empty_slot(card: Path, folder: Path) -> None:
    """Have GRUB try slot B, in which there is nothing yet, as if an update had gone wrong altogether."""
    part = folder / "env"
    with card.open("r+b") as stream:
        stream.seek(ENVIRONMENT_OFFSET)
        part.write_bytes(stream.read(ENVIRONMENT_BYTES))
        environment.write(environment.read(part).prefer("b"), part)
        stream.seek(ENVIRONMENT_OFFSET)
        stream.write(part.read_bytes())


def put_root(card: Path, root: Path) -> None:
    """Put a file system in the place of slot A's root, as if the card had been made with it.

    Raises:
        BootFailedError: It has no room there.
    """
    asked = subprocess.run(["sfdisk", "--json", card], check=True, capture_output=True)  # noqa: S607
    table = json.loads(asked.stdout)["partitiontable"]
    [part] = [one for one in table["partitions"] if one["name"] == "root-a"]
    size = int(table["sectorsize"])
    if root.stat().st_size > part["size"] * size:
        raise BootFailedError(f"{root} is larger than the slot")
    place = [f"of={card}", "bs=1M", "oflag=seek_bytes", f"seek={part['start'] * size}", "conv=notrunc"]
    subprocess.run(["dd", f"if={root}", *place], check=True, capture_output=True)  # noqa: S607


def on_card(card: Path, name: str) -> str:
    """A file of the boot partition; empty if there is none."""
    done = subprocess.run(
        ["mtype", "-i", f"{card}@@{BOOT_OFFSET}", f"::/{name}"],  # noqa: S607
        check=False,
        capture_output=True,
    )
    return done.stdout.decode()


class Events:
    """Events of an emulated machine, by QEMU's protocol QMP (docs/interop/qmp-spec.txt)."""

    def __init__(self, path: Path) -> None:
        """Connect to its socket."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._socket.sendall(b'{"execute": "qmp_capabilities"}\n')
        self._heard = b""

    def count(self, name: str) -> int:
        """How often an event has come so far."""
        self._socket.settimeout(0)
        with suppress(BlockingIOError):
            while more := self._socket.recv(65_536):
                self._heard += more
        messages = [json.loads(line) for line in self._heard.splitlines() if line.endswith(b"}")]
        return sum(message.get("event") == name for message in messages)

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


@dataclass(frozen=True, slots=True)
class Machine:
    """What QEMU is told of a board.

    Attributes:
        words: The board itself and what it starts from.
        card: The device that holds the drive `card`.
        interfaces: Network devices for what is named `observation` and `management`.
    """

    words: tuple[str, ...]
    card: str
    interfaces: tuple[str, ...] = ()


def virtual(megabytes: int) -> Machine:
    """QEMU's own board `virt` with UEFI."""
    return Machine(
        (
            *("-M", "virt", "-cpu", "cortex-a53", "-m", str(megabytes), "-nographic"),
            *("-bios", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"),
        ),
        "virtio-blk-pci,drive=card,bootindex=1",
        (
            f"virtio-net-pci,netdev=observation,addr=8,mac={OUR_MAC.hex(':')}",
            "virtio-net-pci,netdev=management,addr=9",
        ),
    )


class Sensor:
    """One boot of a card in an emulated machine."""

    def __init__(  # noqa: PLR0913  # a machine has so many parts
        self,
        drive: str,
        collector: Collector,
        folder: Path,
        *,
        machine: Machine,
        log: Path | None = None,
        devices: tuple[str, ...] = (),
    ) -> None:
        """Switch it on.

        Args:
            drive: The card that it boots from, as QEMU's `-drive` names it.
            collector: What its management interface reaches.
            folder: For what the machine needs, such as the socket `qmp`.
            machine: What it is put into.
            log: To the end of which its console goes, too.
            devices: That it has besides, as QEMU's `-device` names them.
        """
        self._log = log
        self._qmp = folder / "qmp"
        relay = folder / "relay.py"
        relay.write_text(RELAY, encoding="ascii")
        self._wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._wire.bind(("127.0.0.1", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self._far = probe.getsockname()
        near = self._wire.getsockname()
        python = shutil.which("python3") or sys.executable
        management = (
            f"user,id=management,restrict=on,"
            f"guestfwd=tcp:{COLLECTOR_ADDRESS}:8443-cmd:{python} {relay} {collector.port}"
        )
        observation = f"socket,id=observation,udp=127.0.0.1:{near[1]},localaddr=127.0.0.1:{self._far[1]}"
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            [
                *("qemu-system-aarch64", *machine.words),
                *("-drive", f"{drive},format=raw,if=none,id=card", "-device", machine.card),
                *("-netdev", observation, "-netdev", management),
                *(word for device in (*machine.interfaces, *devices) for word in ("-device", device)),
                *("-qmp", f"unix:{self._qmp},server=on,wait=off"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.console: deque[str] = deque(maxlen=4_000)
        self._unread: deque[str] = deque()
        self._changed = threading.Condition()
        assert self._process.stdout is not None
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def _read(self, stream: IO[str]) -> None:
        with stream, (self._log or Path(os.devnull)).open("a", encoding="utf-8", buffering=1) as log:
            for line in stream:
                log.write(f"{time.monotonic() - self.began:7.1f} {line}")
                with self._changed:
                    self.console.append(line.rstrip())
                    self._unread.append(line.rstrip())
                    self._changed.notify_all()

    def expect(self, *patterns: re.Pattern[str], seconds: float) -> re.Match[str]:
        """Wait until the console shows one of them, and read on from there the next time.

        Raises:
            NotShownError: It did not.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                while self._unread:
                    line = self._unread.popleft()
                    for pattern in patterns:
                        if found := pattern.search(line):
                            return found
                left = deadline - time.monotonic()
                if left <= 0 or self._process.poll() is not None:
                    wanted = " or ".join(repr(pattern.pattern) for pattern in patterns)
                    raise NotShownError(f"{wanted} did not come in {seconds} s\n" + "\n".join(self.console))
                self._changed.wait(min(left, 1))

    def send(self, frames: list[bytes]) -> None:
        """Frames onto the wire of the observation interface."""
        for frame in frames:
            self._wire.sendto(frame, self._far)
            time.sleep(0.002)

    def came(self) -> list[bytes]:
        """Every frame that the observation interface has sent so far."""
        self._wire.settimeout(0)
        frames: list[bytes] = []
        with suppress(BlockingIOError):
            while True:
                frames.append(self._wire.recv(65_536))
        return frames

    def events(self) -> Events:
        """What the machine itself tells from now on."""
        return Events(self._qmp)

    def cut(self) -> None:
        """Cut the power."""
        self._process.kill()
        self._process.wait()
        self._wire.close()
