"""What cross builds are held to: the machine, and the oldest C library they run on."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
from firmware.cross.check_binaries import MACHINES, faults, newest_version

from teiten_agent import _core

READELF = """\
Version needs section '.gnu.version_r' contains 2 entries:
  000000: Version: 1  File: libm.so.6  Cnt: 1
  0x0010:   Name: GLIBC_2.29  Flags: none  Version: 5
  0x0020: Version: 1  File: libc.so.6  Cnt: 3
  0x0030:   Name: GLIBC_2.4  Flags: none  Version: 4
  0x0040:   Name: GLIBC_2.17  Flags: none  Version: 3
  0x0050:   Name: GLIBC_PRIVATE  Flags: none  Version: 2
"""


def test_the_newest_version_goes_by_number_not_by_letter() -> None:
    assert newest_version(READELF) == (2, 29)
    assert newest_version("No version information found in this file.") == (0,)


@pytest.mark.usefixtures("packaging")
def test_an_extension_of_another_machine_is_refused_by_name() -> None:
    other = "armhf" if platform.machine() == "aarch64" else "arm64"
    said = faults(Path(_core.__file__), other, (2, 99))
    assert said[0].endswith(f", not {MACHINES[other]}")


@pytest.mark.usefixtures("packaging")
def test_an_extension_that_needs_a_newer_glibc_is_refused_by_version() -> None:
    assert any("at most 2.1 may be needed" in said for said in faults(Path(_core.__file__), "arm64", (2, 1)))
