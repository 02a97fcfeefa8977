"""Boot the image in QEMU, from the card alone, and hold it to its promises.

    python -m tests.firmware.boot --image target/image/qemu-arm64/teiten-qemu-arm64.img [--only PART...]

`count`     a card is provisioned and boots by UEFI and GRUB; it enrols; packets of every kind go to its
            observation interface, and a collector on this machine has each once, and not one was answered;
            the power is cut, and the same card boots and counts again
`boot`      the first of these two boots alone
`clock`     a board whose clock stands at 2000 begins no earlier than the image was built; one that has run
            begins where power went, and so counts again at a collector whose certificate is younger than the
            image
`fallback`  the other slot is chosen and empty: GRUB tries it three times and takes the first, which says so
`operator`  rules and settings that the operator signed are rolled out and taken; a stranger's are refused
`updates`   the collector rolls releases out: one goes into slot B and one back into A; one with a foreign
            signature is refused; one that never captures and one that cannot be mounted are rolled back
`cuts`      the power is cut N times at random, also while a release is fetched, installed and tried: the card
            boots every time, and what was acknowledged stays counted, once; with `--cache torn` the card
            loses what was not flushed, in whole or in part
`watchdog`  agent, userland and kernel hang, and each is started anew; of a board whose kernel drives the
            watchdog that QEMU has: generic-efi-arm64
`raspberry` the card starts a Raspberry Pi 4 by U-Boot and GRUB, makes its data partition and reads its
            settings; of board rpi, and with a QEMU of 9.0 or later, which has no network device there
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.firmware.block_server import losing_power
from tests.firmware.machine import (
    HEALTH,
    KERNEL,
    SENSOR,
    STARTED,
    BootFailedError,
    Collector,
    Machine,
    NotShownError,
    Sensor,
    on_card,
    prefer_empty_slot,
    provision,
    put_root,
    serving,
    virtual,
)
from tests.firmware.operator_keys import Operator
from tests.firmware.raspberry import raspberry
from tests.firmware.releases import Workshop
from tests.firmware.stimuli import OURS, over_ipv4, over_ipv6
from tests.firmware.write_cache import Loss
from tests.fleet import AGENT, run

if TYPE_CHECKING:
    from collections.abc import Sequence

ANYWHERE = ("count", "clock", "fallback", "operator", "updates", "cuts")
PARTS = ("boot", *ANYWHERE, "watchdog", "raspberry")
BOOTS = ("first boot", "boot after a power cut")
GOOD = re.compile(r"teiten: slot ([ab]) is good")
STARTED_AT = re.compile(r"\btime=(\S+) .*\bevent=start\b")
CLOCKLESS = ("-rtc", "base=2000-01-01T00:00:00")
"""The board's clock, as if it had none: each power-on finds it there."""
MOST_SECONDS_FORGOTTEN = 120
"""Between the last batch on the card and the power cut: an interval and its upload."""
REFUSED = re.compile(r"teiten: release \w+ is refused: (.*)")
FETCHED = re.compile(r"teiten: release \w+ is fetched")
INSTALLED = re.compile(r"teiten: release \w+ is installed")
ROLLED_BACK = re.compile(r"teiten: (slot [ab] did not .*): (?:going back|slot [ab] goes on)")


@dataclass(slots=True)
class Bench:
    """One card, the collector it reports to, and what was seen.

    Attributes:
        card: A file.
        collector: Takes its batches.
        folder: For whatever is made.
        patience: Seconds for each step.
        said: What was measured, in order.
        frames: One packet of every kind.
        each: What they count as, by key.
        console: Where consoles are written down.
        machine: What the card is put into.
    """

    card: Path
    collector: Collector
    folder: Path
    patience: float
    said: dict[str, object]
    frames: list[bytes]
    each: Counter[str]
    console: Path | None
    machine: Machine

    def switch_on(self, stack: ExitStack, *devices: str, drive: str | None = None) -> Sensor:
        """The card in a machine, with devices of QEMU's, that runs until the stack ends at the latest."""
        sensor = Sensor(
            # Only QEMU is ever killed, not this machine: its cache is the card.
            drive or f"file={self.card},cache=unsafe",
            self.collector,
            self.folder,
            machine=self.machine,
            log=self.console,
            devices=devices,
        )
        stack.callback(sensor.cut)
        return sensor

    def counted(self) -> Counter[str]:
        """What the collector has."""
        return Counter(self.collector.counted())

    def wait_for(self, expected: Counter[str], sensor: Sensor) -> None:
        """Wait until the collector has these counts.

        Raises:
            BootFailedError: It has others, or has too few in the end.
        """
        deadline = time.monotonic() + self.patience
        while (counted := self.counted()) != expected:
            if not counted <= expected or time.monotonic() > deadline:
                console = "\n".join(sensor.console)
                raise BootFailedError(f"the collector has {counted}, not {expected}\n{console}")
            time.sleep(0.5)

    def condition(self) -> dict[str, str | int]:
        """What the sensor told of itself last."""
        [sensor] = json.loads(self.collector.command("sensor", "list", "--json"))["sensors"]
        found: dict[str, str | int] = sensor["condition"] or {}
        return found

    def roll_out_signed(self, content: bytes) -> None:
        """Have the collector offer what somebody signed."""
        file = self.folder / "signed.cms"
        file.write_bytes(content)
        self.roll_out(file)

    def roll_out(self, bundle: Path) -> None:
        """Have the collector offer a release."""
        self.collector.command(
            *("rollout", "start", bundle, "--group", "access", "--stages", "100", "--soak-minutes", "0"),
            *("--most-failures", "9"),
        )


def count(bench: Bench, boots: Sequence[str] = BOOTS) -> None:
    """First boot, exact counts, silence; then the same after a power cut."""
    expected = bench.counted()
    for name in boots:
        with ExitStack() as stack:
            sensor = bench.switch_on(stack)
            sensor.expect(KERNEL, seconds=bench.patience)
            bench.said[f"{name}, frames of UEFI before the image ran"] = len(sensor.came())
            sensor.expect(STARTED, seconds=bench.patience)
            bench.said[f"{name}, seconds to capturing"] = round(time.monotonic() - sensor.began, 1)
            sensor.send(bench.frames)
            expected += bench.each
            bench.wait_for(expected, sensor)
            bench.said[f"{name}, seconds to counts in the collector"] = round(
                time.monotonic() - sensor.began, 1
            )
            bench.said[f"{name}, packets counted"] = bench.each.total()
            bench.said[f"{name}, health"] = json.loads(sensor.expect(HEALTH, seconds=bench.patience)[1])
            if spoken := sensor.came():
                raise BootFailedError(f"{len(spoken)} frames left the observation interface: {spoken[:3]}")
        if bench.collector.code in on_card(bench.card, "sensor.txt"):
            raise BootFailedError("the code is still on the boot partition")


def clock(bench: Bench, root: Path) -> None:
    """A board without a clock begins at the image's time, and later where power went, and is believed there.

    Args:
        bench: Its collector's certificate is younger than the image: it counts only from when power went.
        root: The image's root file system.
    """
    built = int.from_bytes(root.read_bytes()[8:12], "little")  # mkfs_time of squashfs's superblock
    clockless = replace(bench.machine, words=(*bench.machine.words, *CLOCKLESS))
    fresh = replace(bench, card=bench.folder / "clockless.img", machine=clockless)
    shutil.copy(bench.card, fresh.card)
    with ExitStack() as stack:
        sensor = fresh.switch_on(stack)
        said = datetime.fromisoformat(sensor.expect(STARTED_AT, seconds=bench.patience)[1]).timestamp()
        early = round(said - built)
        require(0 <= early < bench.patience, f"the first boot's clock is {early} s past the image's", sensor)
        bench.said["no clock, first boot, seconds that it shows past the image's time"] = early
    cut = 0.0
    for machine in (bench.machine, clockless):
        with ExitStack() as stack:
            sensor = replace(bench, machine=machine).switch_on(stack)
            at = sensor.expect(STARTED_AT, seconds=bench.patience)[1]
            if machine is clockless:
                behind = round(cut - datetime.fromisoformat(at).timestamp())
                require(
                    behind < MOST_SECONDS_FORGOTTEN, f"the clock is {behind} s before the power cut", sensor
                )
                bench.said["no clock, later boot, seconds that it shows before the power cut"] = behind
            expected = bench.counted() + bench.each
            sensor.send(bench.frames)
            bench.wait_for(expected, sensor)
            cut = time.time()


def fallback(bench: Bench) -> None:
    """An empty slot is left after three attempts."""
    prefer_empty_slot(bench.card, bench.folder)
    with ExitStack() as stack:
        sensor = bench.switch_on(stack)
        told = sensor.expect(ROLLED_BACK, seconds=bench.patience)
        bench.said["fallback, the sensor's reason"] = told[1]
        await_condition(bench, sensor, slot="a", outcome="rolled-back", said=told[1])
        bench.said["fallback, seconds to the collector's knowing"] = round(time.monotonic() - sensor.began)


def updates(bench: Bench, workshop: Workshop) -> None:
    """Into the other slot and back; and what must not get there."""
    with ExitStack() as stack:
        sensor = bench.switch_on(stack)
        for slot, version in (("b", "2.0"), ("a", "3.0")):
            began = time.monotonic()
            bench.roll_out(workshop.newer(version))
            sensor.expect(INSTALLED, seconds=bench.patience)
            sensor.expect(STARTED, seconds=bench.patience)
            expected = bench.counted() + bench.each
            sensor.send(bench.frames)
            good = sensor.expect(GOOD, ROLLED_BACK, seconds=bench.patience)
            bench.wait_for(expected, sensor)
            require(good[0] == f"teiten: slot {slot} is good", good[0], sensor)
            await_condition(bench, sensor, version=version, slot=slot, outcome="good")
            bench.said[f"update to {version}, seconds from roll-out to good in slot {slot}"] = round(
                time.monotonic() - began
            )
        for bundle, outcome in (
            (workshop.forged("4.0"), "refused"),
            (workshop.mute("5.0"), "rolled-back"),
            (workshop.unbootable("6.0"), "rolled-back"),
        ):
            began = time.monotonic()
            bench.roll_out(bundle)
            told = sensor.expect(REFUSED, ROLLED_BACK, seconds=bench.patience)
            require((outcome == "refused") == (told.re is REFUSED), told[0], sensor)
            if told.re is ROLLED_BACK:
                sensor.expect(STARTED, seconds=bench.patience)
            release = hashlib.sha256(bundle.read_bytes()).hexdigest()
            await_condition(bench, sensor, release=release, version="3.0", slot="a", outcome=outcome)
            bench.said[f"{bundle.stem}, seconds from roll-out to {outcome}"] = round(time.monotonic() - began)
            bench.said[f"{bundle.stem}, the sensor's reason"] = told[1]
        expected = bench.counted() + bench.each
        sensor.send(bench.frames)
        bench.wait_for(expected, sensor)


def require(holds: bool, said: str, sensor: Sensor) -> None:  # noqa: FBT001  # a condition, as of assert
    """Fail with the console if something does not hold.

    Raises:
        BootFailedError: It does not.
    """
    if not holds:
        raise BootFailedError(f"{said}\n" + "\n".join(sensor.console))


def await_condition(bench: Bench, sensor: Sensor, **wanted: str | int) -> None:
    """Wait until the collector knows so much of the sensor.

    Raises:
        BootFailedError: It does not in the end.
    """
    deadline = time.monotonic() + bench.patience
    while not wanted.items() <= bench.condition().items():
        require(time.monotonic() < deadline, f"the collector knows {bench.condition()}, not {wanted}", sensor)
        time.sleep(0.5)


@dataclass(frozen=True, slots=True)
class Moment:
    """When power is cut: so many seconds at most after a boot has shown something, at random.

    Attributes:
        name: What the sensor is about then.
        shown: What must come on the console before, in this order; if it does not, the card does not boot.
        seconds: The longest wait after that.
        share: How many of fifty cuts.
        updating: Whether a release is offered.
    """

    name: str
    shown: tuple[re.Pattern[str], ...]
    seconds: float
    share: int
    updating: bool = False


MOMENTS = (
    Moment("starting", (), 70, 18),
    Moment("capturing, storing or sending", (STARTED,), 75, 16),
    Moment("capturing, then fetching", (STARTED,), 120, 4, updating=True),
    Moment("installing", (STARTED, FETCHED), 30, 4, updating=True),
    Moment("restarting into the other slot", (STARTED, INSTALLED), 60, 4, updating=True),
    Moment("on trial", (STARTED, INSTALLED, STARTED), 90, 4, updating=True),
)
MAKING = Moment("making the data partition", (), 0, 0)
"""What the first boot alone is about; a tenth of the cuts of a card that loses writes, and the first."""
MAKING_WRITES = 80
"""About as many writes there are from power-on to a data partition in use."""
WRITES = 6
"""A card that loses writes stops at one of so many after its moment: so there is something to lose."""
WRITES_SECONDS = 150
"""How long they are waited for: each interval writes."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What came of one.

    Attributes:
        seconds: After power-on.
        sent: What was sent to the board before.
        writes: What the board wrote.
        loss: What was lost of that.
    """

    seconds: float
    sent: Counter[str]
    writes: int = 0
    loss: Loss = Loss()  # noqa: RUF009  # frozen


def cut(bench: Bench, moment: Moment, chance: random.Random, *, torn: bool) -> Cut:
    """Switch the board on, send the packets once for every boot that comes so far, and cut its power.

    Args:
        bench: With the card.
        moment: When.
        chance: When exactly, and what is lost.
        torn: Whether the card loses, in whole or in part, what was not flushed.

    Raises:
        BootFailedError: The card does not boot, or does not get so far.
    """
    sent: Counter[str] = Counter()
    with ExitStack() as stack:
        server = (
            stack.enter_context(losing_power(bench.card, bench.folder / "card", chance)) if torn else None
        )
        sensor = bench.switch_on(stack, drive=server.drive if server else None)
        for pattern in moment.shown:
            sensor.expect(pattern, seconds=bench.patience)
            if pattern is STARTED:
                sent += bench.each
                sensor.send(bench.frames)
        until = time.monotonic() + chance.uniform(0, moment.seconds)
        with suppress(NotShownError):
            sensor.expect(STARTED, seconds=until - time.monotonic())
            sent += bench.each
            sensor.send(bench.frames)
        time.sleep(min(max(until - time.monotonic(), 0), 0.9))
        while time.monotonic() < until:
            time.sleep(0.5)
        if server:
            server.stop_at_write(chance.randint(1, MAKING_WRITES if moment is MAKING else WRITES))
            server.has_stopped(WRITES_SECONDS)
        lasted = time.monotonic() - sensor.began
    return Cut(lasted, sent, server.writes, server.loss) if server else Cut(lasted, sent)


def drawn(times: int, chance: random.Random, *, torn: bool) -> list[Moment]:
    """So many moments, in the shares that they have."""
    moments = chance.sample(
        [moment for moment in MOMENTS for _ in range(moment.share)] * ceil(times / 50), times
    )
    making = times // 10 if torn else 0
    return [MAKING] * making + moments[making:]


def cuts(bench: Bench, workshop: Workshop, asked: argparse.Namespace) -> None:
    """Cut the power at random, and look each time what the collector has.

    An interval that was open when power went is lost, whole or in part; but what the collector has
    acknowledged only ever grows, by no more than was sent.
    """
    torn = asked.cache == "torn"
    chance = random.Random(asked.seed)  # repeatable
    reached: Counter[str] = Counter()
    losses: list[Loss] = []
    sent, before = bench.counted(), bench.counted()
    for number, moment in enumerate(drawn(asked.cuts, chance, torn=torn), 1):
        if moment.updating:
            bench.roll_out(workshop.again(f"10.{number}"))
        made = cut(bench, moment, chance, torn=torn)
        reached[moment.name] += 1
        losses.append(made.loss)
        sent += made.sent
        now = bench.counted()
        if not before <= now <= sent:
            raise BootFailedError(f"after cut {number}: {now} is not between {before} and {sent}")
        before = now
        said = f"cut {number} of {asked.cuts}, {moment.name}, {made.seconds:.0f} s after power-on"
        if torn:
            said += f", {made.writes} writes, of those not flushed {made.loss}"
        print(f"{said}: {now.total()} counted of {sent.total()} sent", file=sys.stderr, flush=True)
    with ExitStack() as stack:
        sensor = bench.switch_on(stack)
        sensor.expect(STARTED, seconds=bench.patience)
        sensor.send(bench.frames)
        sent += bench.each
        deadline = time.monotonic() + bench.patience
        while bench.counted().total() < before.total() + bench.each.total():
            require(time.monotonic() < deadline, "the last boot's counts do not come", sensor)
            time.sleep(0.5)
    require(before <= bench.counted() <= sent, f"{bench.counted()} is more than {sent}", sensor)
    bench.collector.command("check", "--journal")
    bench.said["power cuts, and what the sensor was about"] = dict(reached)
    bench.said["power cuts, packets sent and counted"] = [sent.total(), bench.counted().total()]
    if torn:
        bench.said["power cuts, writes that were not flushed: kept, lost, torn"] = [
            sum(loss.kept for loss in losses),
            sum(loss.lost for loss in losses),
            sum(loss.torn for loss in losses),
        ]
    condition = bench.condition()
    bench.said["power cuts, version and slot in the end"] = [condition["version"], condition["slot"]]


def watchdog(bench: Bench, workshop: Workshop) -> None:
    """What hangs is started anew: the agent by the service manager, all else by the board's watchdog.

    The card is one whose own root hangs; the watchdog is the one PCI card that QEMU has (Intel 6300ESB),
    and its firing is told by QEMU, so that nothing else can have been the cause.
    """
    put_root(bench.card, workshop.hanging())
    with ExitStack() as stack:
        sensor = bench.switch_on(stack, "i6300esb")
        sensor.expect(STARTED, seconds=bench.patience)
        events = stack.enter_context(closing(sensor.events()))
        for number, what in enumerate(("agent", "userland", "kernel")):
            sensor.expect(re.compile(f"teiten-hang: {what}"), seconds=bench.patience)
            began = time.monotonic()
            sensor.expect(STARTED, seconds=bench.patience)
            bench.said[f"{what} hangs, seconds to capturing again"] = round(time.monotonic() - began)
            fired = events.count("WATCHDOG")
            require(fired == number, f"the watchdog fired {fired} times, not {number}", sensor)
        expected = bench.counted() + bench.each
        sensor.send(bench.frames)
        bench.wait_for(expected, sensor)
        health = json.loads(sensor.expect(HEALTH, seconds=bench.patience)[1])
        bench.said["watchdog"] = health["watchdog"]


def start(bench: Bench) -> None:
    """From power-on to settings that are looked at: all but a network, which that machine has not."""
    with ExitStack() as stack:
        sensor = bench.switch_on(stack)
        sensor.expect(re.compile("the data partition takes the rest of /dev/mmcblk"), seconds=bench.patience)
        bench.said["seconds to the data partition"] = round(time.monotonic() - sensor.began)
        told = sensor.expect(
            re.compile("interface: there is no eth0; this board has lo"), seconds=bench.patience
        )
        bench.said["seconds to the settings, which name an interface"] = round(
            time.monotonic() - sensor.began
        )
        deadline = time.monotonic() + bench.patience
        while told[0] not in on_card(bench.card, "sensor-errors.txt"):
            require(time.monotonic() < deadline, "the mistake is not told on the card", sensor)
            time.sleep(0.5)


def operator(bench: Bench, signer: Operator, stranger: Operator) -> None:
    """Rules and settings that the operator signed are taken, and nobody else's."""
    rule = 'alert tcp any any -> $HOME_NET 445 (msg:"SMB"; flags:S; sid:9000001; rev:1;)'
    texts = {
        "rules": f"# teiten-rules generation=1\n{rule}\n",
        "settings": "# teiten-settings generation=1\n[interval]\nseconds = 20\n",
    }
    with ExitStack() as stack:
        sensor = bench.switch_on(stack)
        sensor.expect(STARTED, seconds=bench.patience)
        for kind, text in texts.items():
            began = time.monotonic()
            bench.roll_out_signed(signer.sign(text))
            sensor.expect(re.compile(f"teiten: {kind} of generation 1 are in force"), seconds=bench.patience)
            bench.said[f"{kind} of the operator's, seconds to being in force"] = round(
                time.monotonic() - began
            )
        await_condition(bench, sensor, generation=1, settings_generation=1, outcome="good")
        bench.roll_out_signed(stranger.sign(texts["settings"].replace("=1", "=2")))
        told = sensor.expect(REFUSED, seconds=bench.patience)
        bench.said["settings of a stranger, the sensor's reason"] = told[1]
        expected = bench.counted() + bench.each
        sensor.send(bench.frames)
        bench.wait_for(expected, sensor)


def keys_of(frames: list[bytes], folder: Path) -> Counter[str]:
    """What the same packets count as here, from a file."""
    capture = folder / "sent.pcap"
    records = b"".join(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame for frame in frames)
    capture.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1) + records)
    monitored = ("--monitored", f"{OURS}/32", "--monitored", "2001:db8::/64")
    counted = json.loads(run(AGENT, "count", "--json", *monitored, capture).stdout)
    return Counter({key: totals["packets"] for key, totals in counted["keys"].items()})


def hold(asked: argparse.Namespace, said: dict[str, object]) -> None:
    """Everything that was asked for, on one card."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        card = folder / "card.img"
        subprocess.run(["cp", "--sparse=always", asked.image, card], check=True)  # noqa: S607
        subprocess.run(["truncate", "--size=+1G", card], check=True)  # noqa: S607
        collector = stack.enter_context(serving(folder))
        signer, stranger = Operator(folder, "operator"), Operator(folder, "stranger")
        provision(card, collector, signer.certificate)
        frames = list((over_ipv4() | over_ipv6()).values())
        each = keys_of(frames, folder)
        machine = raspberry(card, folder) if asked.only == ["raspberry"] else virtual(asked.memory)
        bench = Bench(card, collector, folder, asked.patience, said, frames, each, asked.console, machine)
        workshop = Workshop(asked.image.parent, asked.image.parent.name, folder)
        if "boot" in asked.only:
            count(bench, BOOTS[:1])
        if "count" in asked.only:
            count(bench)
        if "clock" in asked.only:
            clock(bench, asked.image.parent / "root.squashfs")
        if "fallback" in asked.only:
            fallback(bench)
        if "operator" in asked.only:
            operator(bench, signer, stranger)
        if "updates" in asked.only:
            updates(bench, workshop)
        if "cuts" in asked.only:
            cuts(bench, workshop, asked)
        if "watchdog" in asked.only:
            watchdog(bench, workshop)
        if "raspberry" in asked.only:
            start(bench)


def main() -> int:
    """Boot, and print what was measured as JSON."""
    parser = argparse.ArgumentParser(description="boot the image in QEMU and hold it to its promises")
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--patience", type=float, default=900, metavar="SECONDS", help="for each step")
    parser.add_argument("--console", type=Path, metavar="FILE", help="keep what the consoles say")
    parser.add_argument("--memory", type=int, default=512, metavar="MEGABYTES", help="of the board")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=ANYWHERE, metavar="PART")
    parser.add_argument("--cuts", type=int, default=50, metavar="N")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the cuts")
    parser.add_argument(
        "--cache",
        choices=("kept", "torn"),
        default="kept",
        help="what cuts leave of writes that were not flushed: all, or some and one in part",
    )
    asked = parser.parse_args()
    if "raspberry" in asked.only and len(asked.only) > 1:
        parser.error("raspberry is of another machine than the other parts: ask for it alone")
    said: dict[str, object] = {"sensor": SENSOR}
    if "raspberry" not in asked.only:
        said["megabytes of memory"] = asked.memory
    try:
        hold(asked, said)
    except BootFailedError as error:
        print(json.dumps(said, indent=2))
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(said, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
