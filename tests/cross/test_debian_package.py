"""The sensor's Debian package: what is in it, what is not, and that it is the same bytes again."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from firmware.cross import debian_package
from firmware.cross.debian_package import Contents

from teiten_agent import _core

EXTENSION = Path(_core.__file__)

pytestmark = pytest.mark.usefixtures("packaging")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "teiten_agent-1.2.3-cp311-abi3-linux_aarch64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(EXTENSION, "teiten_agent/_core.abi3.so")
        for name in ("teiten_agent/cli.py", "teiten_protocol/batch.py", "teiten_collector/cli.py"):
            archive.writestr(name, "")
        archive.writestr("teiten_collector/enrich/dbip-country.mmdb.xz", "")
        archive.writestr("teiten_agent-1.2.3.dist-info/METADATA", "Name: teiten-agent\nVersion: 1.2.3\n")
        archive.writestr("teiten_agent-1.2.3.dist-info/licenses/NOTICE", "our notice\n")
    return path


@pytest.fixture
def pcapy(tmp_path: Path) -> Path:
    path = tmp_path / "pcapy.cpython-311-aarch64-linux-gnu.so"
    shutil.copy(EXTENSION, path)
    (tmp_path / "LICENSE").write_text("their license\n", encoding="ascii")
    return path


@pytest.fixture
def units(tmp_path: Path) -> Path:
    folder = tmp_path / "units"
    folder.mkdir()
    (folder / "teiten-agent.service").write_text("[Service]\n", encoding="ascii")
    (folder / "teiten-collector.service").write_text("[Service]\n", encoding="ascii")
    return folder


def build(wheel: Path, pcapy: Path, units: Path, output: Path) -> Path:
    output.mkdir(exist_ok=True)
    contents = Contents(wheel, pcapy, pcapy.parent / "LICENSE", units)
    return debian_package.build(contents, "arm64", output)


def files(package: Path) -> set[str]:
    done = subprocess.run(
        ["/usr/bin/dpkg-deb", "--fsys-tarfile", package],
        check=True,
        capture_output=True,
    )
    listed = subprocess.run(["/usr/bin/tar", "-t"], input=done.stdout, check=True, capture_output=True)
    return {name for name in listed.stdout.decode().splitlines() if not name.endswith("/")}


def test_agent_and_protocol_are_in_it_and_nothing_of_the_collector(
    wheel: Path, pcapy: Path, units: Path, tmp_path: Path
) -> None:
    assert files(build(wheel, pcapy, units, tmp_path / "out")) == {
        "./usr/bin/teiten-agent",
        "./usr/lib/systemd/system/teiten-agent.service",
        "./usr/lib/sysusers.d/teiten-agent.conf",
        "./usr/lib/teiten-agent/pcapy.cpython-311-aarch64-linux-gnu.so",
        "./usr/lib/teiten-agent/teiten_agent-1.2.3.dist-info/METADATA",
        "./usr/lib/teiten-agent/teiten_agent/_core.abi3.so",
        "./usr/lib/teiten-agent/teiten_agent/cli.py",
        "./usr/lib/teiten-agent/teiten_protocol/batch.py",
        "./usr/share/doc/teiten-agent/copyright",
    }


def test_no_path_of_it_replaces_a_link_of_a_system_with_merged_usr(
    wheel: Path, pcapy: Path, units: Path, tmp_path: Path
) -> None:
    """A folder ./lib, ./bin or ./sbin unpacked by hand takes the place of the link, and nothing boots."""
    assert {name.split("/")[1] for name in files(build(wheel, pcapy, units, tmp_path / "out"))} == {"usr"}


def test_the_same_inputs_give_the_same_bytes(
    wheel: Path, pcapy: Path, units: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    first = build(wheel, pcapy, units, tmp_path / "first").read_bytes()
    pcapy.chmod(0o700)
    pcapy.touch()
    assert build(wheel, pcapy, units, tmp_path / "second").read_bytes() == first


def test_it_names_version_and_what_it_needs_of_debian(
    wheel: Path, pcapy: Path, units: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        ["/usr/bin/dpkg-deb", "--field", build(wheel, pcapy, units, tmp_path / "out")],
        check=True,
        capture_output=True,
        text=True,
    )
    fields = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    assert (fields["Version"], fields["Architecture"]) == ("1.2.3", "arm64")
    needed = {name.split()[0] for name in fields["Depends"].split(", ")}
    assert needed == {"python3", "python3-msgpack", "python3-requests", "libpcap0.8", "libc6", "systemd"}


def test_a_wheel_without_the_core_is_refused(pcapy: Path, units: Path, tmp_path: Path) -> None:
    pure = tmp_path / "teiten_agent-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(pure, "w") as archive:
        archive.writestr("teiten_agent/cli.py", "")
    with pytest.raises(ValueError, match="holds no extension"):
        build(pure, pcapy, units, tmp_path / "out")
