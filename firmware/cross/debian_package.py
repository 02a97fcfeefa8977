"""Make the sensor's Debian package from a wheel: agent and protocol, nothing of the collector.

The modules are private (`/usr/lib/teiten-agent`), because pcapy-ng has the module name of Debian's
python3-pcapy, which is another, older program. Everything else comes from Debian, and is kept safe by Debian.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

PACKAGES = ("teiten_agent/", "teiten_protocol/")
"""What of the wheel a sensor needs."""

MODULES = Path("usr/lib/teiten-agent")

DEPENDENCIES = (
    "python3 (>= 3.11), python3 (<< 3.12)",  # pcapy-ng is compiled for one version of Python
    "python3-msgpack (>= 1.0.3)",
    "python3-requests (>= 2.28)",
    "libpcap0.8 (>= 1.10)",
    "libc6 (>= 2.28)",
    "systemd | systemd-standalone-sysusers",
)

PROGRAM = """\
#!/usr/bin/python3
import sys

sys.path.insert(0, "/usr/lib/teiten-agent")
from teiten_agent.cli import main

sys.exit(main())
"""

ACCOUNT = 'u teiten-agent - "teiten sensor" /var/lib/teiten\n'
"""The account of the unit, as sysusers.d(5) reads it."""

AFTER_INSTALLATION = """\
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    py3compile -p teiten-agent /usr/lib/teiten-agent
    systemd-sysusers /usr/lib/sysusers.d/teiten-agent.conf
    if [ ! -d /etc/teiten ]; then
        install -d -m 0750 -g teiten-agent /etc/teiten
    fi
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
    fi
fi
"""

BEFORE_REMOVAL = """\
#!/bin/sh
set -e
if [ -d /run/systemd/system ] && [ "$1" = remove ]; then
    systemctl stop teiten-agent.service || true
fi
py3clean -p teiten-agent
"""

PLACES = {
    ".service": "usr/lib/systemd/system",
    ".socket": "usr/lib/systemd/system",
    ".timer": "usr/lib/systemd/system",
    ".path": "usr/lib/systemd/system",
}
"""Where a file of `firmware/systemd` goes, by its ending."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a package is made of: a wheel, and pcapy-ng's extension for the same architecture.

    Attributes:
        wheel: The wheel of the whole distribution.
        pcapy: pcapy-ng's extension.
        pcapy_license: The licence it comes under.
        units: The folder of systemd units; those of the agent are taken, and there may be none.
    """

    wheel: Path
    pcapy: Path
    pcapy_license: Path
    units: Path


def build(contents: Contents, architecture: str, output: Path) -> Path:
    """Write `teiten-agent_VERSION_ARCHITECTURE.deb` into `output`, the same bytes for the same inputs.

    Raises:
        ValueError: The wheel has no version, or lacks the extension.
    """
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        version = _unpack(contents.wheel, tree)
        shutil.copy(contents.pcapy, tree / MODULES / contents.pcapy.name)
        _install_program(tree)
        _install_units(contents.units, tree)
        _document(tree, contents)
        _control(tree, version, architecture)
        _settle(tree)
        package = output / f"teiten-agent_{version}_{architecture}.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", tree, package],  # noqa: S607  # as installed
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return package


def _unpack(wheel: Path, tree: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        if not any(re.fullmatch(r"teiten_agent/_core.*\.so", name) for name in names):
            raise ValueError(f"{wheel}: holds no extension teiten_agent/_core")
        for name in names:
            if name.startswith(PACKAGES):
                archive.extract(name, tree / MODULES)
        [metadata] = (name for name in names if name.endswith(".dist-info/METADATA"))
        archive.extract(metadata, tree / MODULES)  # importlib.metadata tells the version from it
        version = Parser().parsestr(archive.read(metadata).decode())["Version"]
    if not version:
        raise ValueError(f"{wheel}: states no version")
    return str(version)


def _install_program(tree: Path) -> None:
    program = tree / "usr/bin/teiten-agent"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM, encoding="ascii")
    program.chmod(0o755)


def _install_units(units: Path, tree: Path) -> None:
    for unit in sorted(units.glob("teiten-agent*")):
        target = tree / PLACES[unit.suffix] / unit.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(unit, target)
    account = tree / "usr/lib/sysusers.d/teiten-agent.conf"
    account.parent.mkdir(parents=True)
    account.write_text(ACCOUNT, encoding="ascii")


def _document(tree: Path, contents: Contents) -> None:
    """Debian's copyright file: ours as the wheel has it, and pcapy-ng's."""
    with zipfile.ZipFile(contents.wheel) as archive:
        texts = {
            Path(name).name: archive.read(name).decode()
            for name in archive.namelist()
            if ".dist-info/licenses/" in name and not name.endswith("/")
        }
    folder = tree / "usr/share/doc/teiten-agent"
    folder.mkdir(parents=True)
    (folder / "copyright").write_text(
        "teiten-agent is under the Apache License 2.0, /usr/share/common-licenses/Apache-2.0.\n\n"
        + texts.get("NOTICE", "")
        + "\npcapy-ng, in /usr/lib/teiten-agent/pcapy*.so:\n\n"
        + contents.pcapy_license.read_text(encoding="utf-8"),
        encoding="utf-8",
    )


def _control(tree: Path, version: str, architecture: str) -> None:
    kilobytes = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
    folder = tree / "DEBIAN"
    folder.mkdir()
    (folder / "control").write_text(
        f"Package: teiten-agent\nVersion: {version}\nArchitecture: {architecture}\n"
        "Maintainer: The teiten project <teiten@teiten.invalid>\n"
        f"Installed-Size: {kilobytes}\nDepends: {', '.join(DEPENDENCIES)}\n"
        "Section: net\nPriority: optional\n"
        "Description: sensor of Internet fixed-point observation\n"
        " Counts what the Internet sends to monitored addresses, answers nobody, and\n"
        " uploads batches of counts to a teiten collector.\n",
        encoding="utf-8",
    )
    for name, text in (("postinst", AFTER_INSTALLATION), ("prerm", BEFORE_REMOVAL)):
        script = folder / name
        script.write_text(text, encoding="ascii")
        script.chmod(0o755)


def _settle(tree: Path) -> None:
    """Give every file the same mode and no time later than the commit's, whatever umask and clock say."""
    time = int(os.environ.get("SOURCE_DATE_EPOCH", "315532800"))
    for path in (tree, *tree.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable and path.suffix != ".so" else 0o644)
        os.utime(path, (time, time))


def main() -> None:
    """Build one package and print its path."""
    parser = argparse.ArgumentParser(description="make the sensor's Debian package from a wheel")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--architecture", required=True)
    parser.add_argument(
        "--pcapy", type=Path, required=True, help="pcapy-ng's extension for that architecture"
    )
    parser.add_argument("--pcapy-license", type=Path, required=True)
    parser.add_argument("--units", type=Path, required=True, help="folder of systemd units (may be empty)")
    parser.add_argument("--output", type=Path, required=True)
    asked = parser.parse_args()
    contents = Contents(asked.wheel, asked.pcapy, asked.pcapy_license, asked.units)
    print(build(contents, asked.architecture, asked.output))


if __name__ == "__main__":
    main()
