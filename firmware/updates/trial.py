"""At every boot: whether the slot may stay.

A slot that was confirmed before is confirmed again as soon as userland is up, whatever the collector does. A
slot that was just installed stays on trial until the agent captures and the collector has acknowledged
something that it captured: then it is good. If that takes too long it is rejected, and the board starts the
other one. If the kernel or the first stage failed, GRUB has gone back by itself, and here it is noted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from firmware.updates import environment
from firmware.updates.record import Record

from teiten_agent import config
from teiten_agent.spool import survey
from teiten_protocol.fleet import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

RECORD = Path("/var/lib/teiten/update/record.json")
LOOK_SECONDS = 5


def decide(slot: str, device: Path, record: Path, proven: Callable[[], bool]) -> bool:
    """Settle what this boot settles; False: the slot failed its trial, and the other one must be started.

    Args:
        slot: The one that runs.
        device: Where the environment block is.
        record: Where the outcome is noted.
        proven: Waits until the slot captures and uploads, or has had its time; whether it does.
    """
    choice = environment.read(device)
    tried = Record.read(record)
    if not choice.trial:
        if tried.outcome is Outcome.INSTALLED:
            # Power went while it was installed: as if it had never been ordered.
            Record().write(record)
        environment.write(choice.confirm(slot), device)
        return True
    if choice.trial != slot:
        said = f"slot {choice.trial} did not come up in {environment.ATTEMPTS} attempts"
        Record(tried.release, Outcome.ROLLED_BACK, said).write(record)
        environment.write(choice.reject(choice.trial).confirm(slot), device)
        print(f"teiten: {said}: slot {slot} goes on")
        return True
    if proven():
        Record(tried.release, Outcome.GOOD).write(record)
        environment.write(choice.confirm(slot), device)
        print(f"teiten: slot {slot} is good: it captures and uploads")
        return True
    said = f"slot {slot} did not capture and upload in time"
    Record(tried.release, Outcome.ROLLED_BACK, said).write(record)
    environment.write(choice.reject(slot), device)
    print(f"teiten: {said}: going back")
    return False


def captures_and_uploads(seconds: float) -> bool:
    """Wait, for so long at most, until the collector has acknowledged what this boot captured."""
    spool = config.load("/etc/teiten/agent.toml").spool
    deadline = time.monotonic() + seconds
    # What waited from before proves the way, not the capture: count from when nothing waits.
    drained: int | None = None
    while time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        active = subprocess.run(["/usr/bin/systemctl", "is-active", "--quiet", "teiten-agent"], check=False)
        if active.returncode:
            drained = None
            continue
        status = survey(Path(spool.directory), spool.max_megabytes)
        if drained is not None and status.acknowledged > drained:
            return True
        if drained is None and status.waiting == 0:
            drained = status.acknowledged
    return False


def running_slot(command_line: Path = Path("/proc/cmdline")) -> str:
    """The slot that GRUB started, by the kernel's command line."""
    words = command_line.read_text(encoding="ascii", errors="replace").split()
    return next((word.removeprefix("rauc.slot=") for word in words if word.startswith("rauc.slot=")), "")


def main() -> int:
    """Settle this boot."""
    parser = argparse.ArgumentParser(description="see whether this slot may stay")
    parser.add_argument("--seconds", type=float, required=True, help="how long a new slot has")
    seconds: float = parser.parse_args().seconds
    if not decide(running_slot(), environment.DEVICE, RECORD, lambda: captures_and_uploads(seconds)):
        subprocess.run(["/usr/bin/systemctl", "--no-block", "reboot"], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
