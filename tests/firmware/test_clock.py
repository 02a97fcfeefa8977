"""What a board without a clock of its own goes by before a time server answers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

IMAGE = Path(__file__).parents[2] / "firmware/image"
CLOCK = IMAGE / "files/usr/lib/teiten-firmware/clock"


@pytest.mark.parametrize("built", ["1789000000", "4102444800"])
def test_the_image_bears_the_time_that_it_is_built_for(tmp_path: Path, built: str) -> None:
    (tmp_path / "usr/lib").mkdir(parents=True)
    for _ in range(2):
        environment = {**os.environ, "SOURCE_DATE_EPOCH": built}
        subprocess.run([IMAGE / "clock_epoch.sh", tmp_path], check=True, env=environment)
        epoch = (tmp_path / "usr/lib/clock-epoch").stat()
        assert (epoch.st_mtime, epoch.st_size) == (int(built), 0)


def test_the_clock_goes_on_from_the_last_change_on_the_data_partition(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "clock"
    (data / "spool/epochs").mkdir(parents=True)
    for folder, seconds in (
        (data, 1_000),
        (data / "spool", 1_789_000_000.25),
        (data / "spool/epochs", 2_000),
    ):
        os.utime(folder, (seconds, seconds))
    subprocess.run([CLOCK, data, file], check=True)
    assert file.stat().st_mtime == 1_789_000_000.25
    (data / "spool/batch").touch()
    subprocess.run([CLOCK, data, file], check=True)
    assert file.stat().st_mtime == pytest.approx((data / "spool").stat().st_mtime, abs=1e-3)


def test_without_a_data_partition_the_clock_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    done = subprocess.run([CLOCK, tmp_path / "absent", file], check=False, capture_output=True)
    assert done.returncode != 0
    assert not file.exists()
