"""At every boot, before the network: make the sensor what `sensor.txt` says, or say why not.

The enrolment code is moved from the boot partition, which any computer reads, to the data partition, and a
token is made there; `enrol` has the collector accept it once there is a network. Without usable settings the
interfaces are left down, and the agent is not started; console and boot partition say why.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from firmware.provisioning import overrides, profile, render, silence
from firmware.provisioning.durable import write
from firmware.provisioning.overrides import OverridesRefusedError
from firmware.provisioning.settings import Fault, Settings, SettingsError, read

from teiten_protocol.enrolment import new_token

SETTINGS = "sensor.txt"
COMPLAINTS = "sensor-errors.txt"
AUTHORITY = "collector-ca.pem"
OPERATOR = "operator.pem"
LOGINS = "authorized_keys"
AGENT = "etc/teiten/agent.toml"
"""The agent's configuration, below the root; in memory."""
RUNTIME = "run/teiten-firmware"
"""What else is made at every boot. Not in the agent's own folder in /run: that belongs to its account, and
goes when the agent is started anew."""
CARD_ALONE = f"{RUNTIME}/agent.toml"
"""The agent's configuration without what the operator signed."""
OVERRIDES = "settings/operator.toml"
"""What the operator signed and what proved itself, on the data partition."""
TAKEN = "# code: taken over; write a new one here"
"""Written into the place of the line with the code, and cut to its length."""

_SPOOL_SHARE = 0.8
"""How much of the data partition the spool may take: the rest is the record of epochs, and head room."""

_RELEASE_BYTES = 200_000_000
"""What is left free of it besides, for a release that is fetched, where the partition is large enough."""

_MEGABYTE = 1_000_000
_CODE_LINE = re.compile(rb"(?mi)^[ \t]*(?P<line>[c#]ode[ \t]*=[^\r\n]*)")
"""A code, or one that was about to be taken when power went."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are; all below one root, so that a test may have its own.

    Attributes:
        boot: The boot partition.
        data: The data partition, mounted at /var/lib/teiten.
        root: The root of everything else that is written (/etc, /run).
    """

    boot: Path
    data: Path
    root: Path


def apply(places: Places) -> Settings:
    """Write every file that follows from `sensor.txt`, and move the code.

    Raises:
        SettingsError: The settings cannot be used; nothing was written but the complaints.
    """
    text = places.boot / SETTINGS
    complaints = places.boot / COMPLAINTS
    try:
        settings = _checked(text, places)
    except SettingsError as error:
        write(complaints, f"{SETTINGS} cannot be used:\n{error}\n")
        raise
    complaints.unlink(missing_ok=True)
    keys = places.data / "keys"
    keys.mkdir(mode=0o750, parents=True, exist_ok=True)
    if settings.code is not None:
        # In this order a power cut in between loses nothing: nobody enrols before the last step is done.
        write(keys / "token", f"{new_token()}\n", 0o640)
        write(keys / "code", f"{settings.code}\n", 0o600)
    _take_code(text)
    for certificate in (AUTHORITY, OPERATOR):
        if (places.boot / certificate).exists():
            write(keys / certificate, (places.boot / certificate).read_text(encoding="ascii"))
    rules = places.data / "rules/operator.rules"
    if not rules.exists():
        write(rules, "")
    (places.data / "spool").mkdir(mode=0o750, exist_ok=True)
    (places.data / "update/incoming").mkdir(mode=0o750, parents=True, exist_ok=True)
    size = shutil.disk_usage(places.data).total
    room = min(size * _SPOOL_SHARE, max(size - _RELEASE_BYTES, size / 4))
    megabytes = max(1, int(room) // _MEGABYTE)
    memory = profile.total_megabytes()
    base = render.agent(
        settings,
        profile.choose(settings.memory_profile, memory),
        authority=(keys / AUTHORITY).exists(),
        spool_megabytes=megabytes,
    )
    write(places.root / CARD_ALONE, base)
    write(places.root / AGENT, _overridden(base, places.data / OVERRIDES, memory))
    write(places.root / "etc/resolv.conf", render.resolver(settings))
    for name, content in render.network(settings).items():
        write(places.root / "run/systemd/network" / name, content)
    logins = _logins(places.boot)
    if logins:
        write(places.root / RUNTIME / "ssh/authorized_keys", logins, 0o600)
    write(places.root / RUNTIME / "silence.nft", silence.rules(settings, ssh=bool(logins)))
    return settings


def hush(settings: Settings) -> None:
    """Load the rules and set the kernel, before the interface is brought up.

    Raises:
        OSError: The kernel refused, or there is no such interface.
        subprocess.CalledProcessError: nft refused the rules.
    """
    if not Path("/sys/class/net", settings.interface).exists():
        there = ", ".join(sorted(path.name for path in Path("/sys/class/net").iterdir()))
        raise SettingsError(
            (Fault(0, f"interface: there is no {settings.interface}", f"this board has {there}"),)
        )
    subprocess.run(["/usr/sbin/nft", "-f", f"/{RUNTIME}/silence.nft"], check=True)
    for path, value in silence.kernel(settings).items():
        Path("/proc/sys", path).write_text(value, encoding="ascii")
    if settings.answer_arp:
        # The kernel answers for what it takes to be its own; packets to it never reach the stack.
        for network in settings.monitored:
            if network.version == 4:  # noqa: PLR2004  # IPv4
                subprocess.run(
                    ["/usr/sbin/ip", "route", "replace", "local", str(network), "dev", "lo"], check=True
                )


def _checked(text: Path, places: Places) -> Settings:
    try:
        content = text.read_bytes()
    except OSError as error:
        remedy = "copy sensor-example.txt to sensor.txt and fill it in"
        raise SettingsError((Fault(0, f"{SETTINGS}: {error.strerror}", remedy),)) from error
    settings = read(content)
    if settings.collector and settings.code is None and not (places.data / "keys/token").exists():
        remedy = "add a line code = what `teiten-collector sensor enrol` printed"
        raise SettingsError((Fault(0, "code is missing", remedy),))
    return settings


def _take_code(text: Path) -> None:
    """Put a comment in the place of the code.

    Nothing but the sectors of that line are written: a FAT has no journal, and a power cut while the file is
    replaced there may take all of it. The first write, of one byte, makes the line a comment.
    """
    with text.open("r+b", buffering=0) as stream:
        for found in _CODE_LINE.finditer(stream.read()):
            length = len(found["line"])
            for comment in (b"#", TAKEN.encode()[:length].ljust(length)):
                stream.seek(found.start("line"))
                stream.write(comment)
                os.fsync(stream.fileno())


def _overridden(base: str, kept: Path, memory: int) -> str:
    """The agent's configuration with the operator's settings, if these can still be used."""
    try:
        return overrides.merged(base, kept.read_text(encoding="utf-8", errors="replace"), memory)
    except FileNotFoundError:
        return base
    except OverridesRefusedError as refused:
        print(f"teiten: the operator's settings are left out: {refused}", file=sys.stderr)
        return base


def _logins(boot: Path) -> str:
    """The keys of those who may log in; empty for nobody."""
    try:
        return (boot / LOGINS).read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
    except FileNotFoundError:
        return ""


def main() -> int:
    """Provision; the exit code is 78 (EX_CONFIG of sysexits.h) if `sensor.txt` cannot be used."""
    parser = argparse.ArgumentParser(description="make this sensor what sensor.txt says")
    parser.add_argument("--boot", type=Path, default=Path("/boot"))
    parser.add_argument("--data", type=Path, default=Path("/var/lib/teiten"))
    asked = parser.parse_args()
    places = Places(asked.boot, asked.data, Path("/"))
    try:
        settings = apply(places)
        hush(settings)
    except SettingsError as error:
        write(places.boot / COMPLAINTS, f"{SETTINGS} cannot be used:\n{error}\n")
        print(f"{SETTINGS} on the boot partition cannot be used:\n{error}", file=sys.stderr)
        return 78
    for folder in ("spool", "update/incoming"):
        shutil.chown(places.data / folder, silence.AGENT_USER, silence.AGENT_USER)
    for key in (places.data / "keys", *(places.data / "keys").iterdir()):
        shutil.chown(key, "root", silence.AGENT_USER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
