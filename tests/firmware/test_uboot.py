"""What the Raspberry Pi's U-Boot does by itself: it asks nobody."""

from __future__ import annotations

import pytest
from firmware.image.uboot import CHANGED, LEFT_OUT, UnknownBootLoaderError, settle
from hypothesis import given
from hypothesis import strategies as st

AS_BUILT = {
    b"bootcmd": b"run distro_bootcmd",
    b"bootdelay": b"2",
    b"preboot": b"pci enum; usb start;",
    b"dhcpuboot": b"usb start; dhcp u-boot.uimg; bootm",
    b"stdin": b"serial,usbkbd",
    b"boot_net_usb_start": b"usb start",
    b"boot_targets": b"mmc0 mmc1 mmc2 usb0 pxe dhcp ",
    b"bootcmd_mmc0": b"devnum=0; run mmc_boot",
    b"bootcmd_usb0": b"devnum=0; run usb_boot",
    b"bootcmd_pxe": b"run boot_net_usb_start; dhcp; if pxe get; then pxe boot; fi",
    b"bootcmd_dhcp": b"devtype=dhcp; if dhcp ${scriptaddr}; then source ${scriptaddr}; fi",
    b"distro_bootcmd": b"for target in ${boot_targets}; do run bootcmd_${target}; done",
}
"""As Debian's u-boot-rpi 2023.01 has them, shortened."""


def program(
    settings: dict[bytes, bytes], before: bytes = b"\x7f code", behind: bytes = b"more code"
) -> bytes:
    """A boot loader with these settings within."""
    texts = b"".join(name + b"=" + value + b"\0" for name, value in settings.items())
    return before + b"\0" + texts + b"\0" + behind


def settings_of(settled: bytes) -> dict[bytes, bytes]:
    """What it does by itself now."""
    texts = settled[settled.index(b"\0bootcmd=") + 1 :].partition(b"\0\0")[0]
    return dict(text.partition(b"=")[::2] for text in texts.split(b"\0"))


def test_it_boots_from_the_card_asks_nobody_and_begins_anew() -> None:
    settings = settings_of(settle(program(AS_BUILT)))
    assert settings == {
        b"bootcmd": b"run distro_bootcmd; reset",
        b"bootdelay": b"-2",
        b"stdin": b"serial",
        b"boot_targets": b"mmc0 mmc1 mmc2",
        b"bootcmd_mmc0": AS_BUILT[b"bootcmd_mmc0"],
        b"distro_bootcmd": AS_BUILT[b"distro_bootcmd"],
    }
    assert not any(word in value for value in settings.values() for word in (b"dhcp", b"pxe", b"usb"))


CODE = st.binary().filter(lambda code: b"bootcmd=" not in code)
"""What lies around the settings and could not be taken for others."""


@given(before=CODE, behind=CODE)
def test_nothing_else_of_the_program_moves(before: bytes, behind: bytes) -> None:
    built = program(AS_BUILT, before, behind)
    settled = settle(built)
    assert len(settled) == len(built)
    assert settled.startswith(before)
    assert settled.endswith(behind)


@pytest.mark.parametrize("name", sorted(CHANGED.keys() | LEFT_OUT))
def test_a_boot_loader_that_lacks_what_is_to_be_changed_is_refused(name: bytes) -> None:
    settings = {known: value for known, value in AS_BUILT.items() if known != name}
    with pytest.raises(UnknownBootLoaderError):
        settle(program(settings))


def test_a_program_without_settings_or_with_two_lists_is_refused() -> None:
    for refused in (b"", b"no settings here", program(AS_BUILT) * 2):
        with pytest.raises(UnknownBootLoaderError):
            settle(refused)
