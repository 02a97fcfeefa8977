"""U-Boot's own settings on a sensor: boot from the card, ask nobody, and begin anew where that fails.

As Debian builds it for the Raspberry Pi, U-Boot waits two seconds for any character on its console, which a
loose wire gives; and where the card cannot be read it goes on to USB, PXE and DHCP, and so speaks on the
interface that observes. An environment file on the card would not help where the card cannot be read. So
the settings are changed in the program, where they lie as `name=value` texts, a NUL behind each and one
more behind the last (`default_environment` in U-Boot's include/env_default.h); nothing else of it moves.

    python firmware/image/uboot.py FROM TO
"""

from __future__ import annotations

import sys
from pathlib import Path

FIRST = b"bootcmd="
"""The setting that its texts begin with."""

CHANGED = {
    b"bootcmd": b"run distro_bootcmd; reset",
    # Neither wait nor look for a key (doc/README.autoboot).
    b"bootdelay": b"-2",
    b"boot_targets": b"mmc0 mmc1 mmc2",
    b"stdin": b"serial",
}
"""Settings with other values. `reset` begins anew, so that a card that was read badly once is read again."""

LEFT_OUT = frozenset(
    {b"preboot", b"dhcpuboot", b"boot_net_usb_start", b"bootcmd_usb0", b"bootcmd_pxe", b"bootcmd_dhcp"}
)
"""What looks for keyboards and networks."""


class UnknownBootLoaderError(ValueError):
    """The program is none that is known here: its settings were not found as they should be."""


def settle(program: bytes) -> bytes:
    """The program with a sensor's settings, as long as it was.

    Raises:
        UnknownBootLoaderError: The settings are not found once, or one that is to be changed is not there.
    """
    before, found, behind = program.partition(b"\0" + FIRST)
    texts, ended, rest = (FIRST + behind).partition(b"\0\0")
    if not found or not ended or b"\0" + FIRST in behind:
        raise UnknownBootLoaderError("there is not one list of settings in it")
    settings = dict(text.partition(b"=")[::2] for text in texts.split(b"\0"))
    missing = sorted((CHANGED.keys() | LEFT_OUT) - settings.keys())
    if missing:
        raise UnknownBootLoaderError(f"it has no {b', '.join(missing).decode()}")
    kept = {name: CHANGED.get(name, value) for name, value in settings.items() if name not in LEFT_OUT}
    settled = b"\0".join(b"=".join(setting) for setting in kept.items())
    if len(settled) > len(texts):
        raise UnknownBootLoaderError("its settings have no room for a sensor's")
    return before + b"\0" + settled.ljust(len(texts), b"\0") + ended + rest


def main(arguments: list[str]) -> int:
    """Read one file, write another."""
    read, written = map(Path, arguments)
    try:
        written.write_bytes(settle(read.read_bytes()))
    except UnknownBootLoaderError as error:
        print(
            f"{read}: {error}; see what this U-Boot does by itself, and say so in {__file__}", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
