"""A Raspberry Pi 4 of QEMU's (9.0 or later, machine `raspi4b`) that starts from a card of board `rpi`.

The Pi's own firmware is the one link that QEMU cannot run. In its place QEMU loads U-Boot and the device
tree of the card, as that firmware would. Changed in the device tree is what QEMU has not or has otherwise:
HDMI and Bluetooth are left out, and the regulators of the card's supply hang on the processor's pins in the
place of the firmware's. Changed on the kernel's command line are two things: the console is the other
serial port, because QEMU's mini UART stops a kernel that opens it (the interrupt bits are the wrong way
round); and the watchdog is not started, because QEMU's resets the board at once. All else is the card's.
QEMU has neither PCI Express nor Ethernet of that board, and its USB found no network device: nothing can be
captured.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.firmware.machine import BOOT_OFFSET, BootFailedError, Machine, on_card

if TYPE_CHECKING:
    from pathlib import Path

QEMU = "qemu-system-aarch64"
TREE = "bcm2711-rpi-4-b.dtb"
ABSENT = (
    *("/soc/clock@7ef00000", "/soc/interrupt-controller@7ef00100"),
    *("/soc/hdmi@7ef00700", "/soc/hdmi@7ef05700", "/soc/i2c@7ef04500", "/soc/i2c@7ef09500"),
)
"""Nodes of the device tree for which QEMU has nothing: the kernel would fault on them."""
PINS = "6"
"""The processor's pins in that device tree, by their phandle."""


def raspberry(card: Path, folder: Path) -> Machine:
    """The machine for a card, which grows to a size that an SD card can have in QEMU.

    Raises:
        BootFailedError: This QEMU has no such machine, or there is no `fdtput`.
    """
    if shutil.which("fdtput") is None:
        raise BootFailedError("the device tree is changed with fdtput: apt-get install device-tree-compiler")
    known = subprocess.run([QEMU, "-M", "help"], check=True, capture_output=True, text=True).stdout
    if "raspi4b" not in known:
        raise BootFailedError(
            "this QEMU has no Raspberry Pi 4 (raspi4b), which came with 9.0; "
            "Debian 12 has a newer one: apt-get install -t bookworm-backports qemu-system-arm"
        )
    with card.open("r+b") as stream:
        stream.truncate(1 << (card.stat().st_size - 1).bit_length())
    place = f"{card}@@{BOOT_OFFSET}"
    loader, tree, menu = folder / "u-boot.bin", folder / TREE, folder / "grub.cfg"
    for file in (loader, tree):
        subprocess.run(["mcopy", "-n", "-i", place, f"::/{file.name}", file], check=True)  # noqa: S607
    text = (
        on_card(card, "grub.cfg")
        .replace("=ttyS1,", "=ttyAMA0,")
        .replace(" quiet ", " quiet systemd.watchdog_sec=0 ")
    )
    menu.write_text(text, encoding="utf-8")
    subprocess.run(["mcopy", "-o", "-i", place, menu, "::/grub.cfg"], check=True)  # noqa: S607
    for words in (
        *(("-t", "s", tree, node, "status", "disabled") for node in ABSENT),
        ("-r", tree, "/soc/serial@7e201000/bluetooth"),
        ("-t", "x", tree, "/sd_io_1v8_reg", "gpios", PINS, "28", "0"),
        ("-t", "x", tree, "/sd_vcc_reg", "gpio", PINS, "2a", "0"),
    ):
        subprocess.run(["fdtput", *words], check=True)  # noqa: S607  # of device-tree-compiler
    return Machine(
        (
            *("-M", "raspi4b", "-kernel", str(loader), "-dtb", str(tree), "-display", "none"),
            *("-monitor", "none", "-chardev", "stdio,id=console,mux=on"),
            *("-serial", "chardev:console", "-serial", "chardev:console"),
        ),
        # The first controller of that name is the one at which a Raspberry Pi 4 has its card.
        "sd-card,drive=card,bus=main-system-bus/generic-sdhci/sd-bus",
    )
