"""Hold every shared object of wheels and Debian packages to the machine and the C library it must run on."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

MACHINES = {"arm64": "AArch64", "armhf": "ARM"}
"""Debian's architecture, and the machine as readelf names it."""

_GLIBC = re.compile(r"\bGLIBC_(\d+(?:\.\d+)+)\b")
_HARD_FLOAT = "Tag_ABI_VFP_args: VFP registers"
"""What a shared object for armhf says of itself (ELF for the Arm Architecture, build attributes)."""

Version = tuple[int, ...]


def faults(binary: Path, architecture: str, newest_glibc: Version) -> list[str]:
    """What is wrong with one shared object; nothing, as a rule."""
    header = _readelf("--file-header", binary)
    found = []
    machine = re.search(r"Machine:\s+(.*)", header)
    if machine is None or machine[1].strip() != MACHINES[architecture]:
        found.append(
            f"is for {machine[1].strip() if machine else 'no machine'}, not {MACHINES[architecture]}"
        )
    if architecture == "armhf" and _HARD_FLOAT not in _readelf("--arch-specific", binary):
        found.append("does not pass floating point in registers, as armhf does")
    newest = newest_version(_readelf("--version-info", binary))
    if newest > newest_glibc:
        found.append(f"needs glibc {_text(newest)}; at most {_text(newest_glibc)} may be needed")
    return found


def newest_version(version_info: str) -> Version:
    """The newest glibc that a shared object asks for, from readelf's words; (0,) if it asks for none."""
    return max((_version(text) for text in _GLIBC.findall(version_info)), default=(0,))


def _readelf(option: str, binary: Path) -> str:
    done = subprocess.run(
        ["readelf", "--wide", option, binary],  # noqa: S607  # of the binutils that are installed
        check=True,
        capture_output=True,
        text=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    return done.stdout


def _version(text: str) -> Version:
    return tuple(map(int, text.split(".")))


def _text(version: Version) -> str:
    return ".".join(map(str, version))


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".deb":
        subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)  # noqa: S607  # as installed
    else:
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)


def main() -> int:
    """Check archives; print a line a shared object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archives", nargs="+", type=Path)
    parser.add_argument("--architecture", choices=sorted(MACHINES), required=True)
    parser.add_argument("--newest-glibc", type=_version, required=True)
    asked = parser.parse_args()
    wrong = False
    for archive in asked.archives:
        with tempfile.TemporaryDirectory() as folder:
            _unpack(archive, Path(folder))
            binaries = sorted(Path(folder).rglob("*.so*"))
            if not binaries:
                print(f"{archive.name}: holds no shared object", file=sys.stderr)
                wrong = True
            for binary in binaries:
                said = faults(binary, asked.architecture, asked.newest_glibc)
                needed = _text(newest_version(_readelf("--version-info", binary)))
                print(f"{archive.name}: {binary.name}: {'; '.join(said) or f'fit (glibc {needed})'}")
                wrong = wrong or bool(said)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
