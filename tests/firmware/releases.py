"""Releases to try on a sensor, made from the one that was built: good ones, and ones that must not stay."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.firmware.certificates import self_signed

AGENT_UNIT = "usr/lib/systemd/system/teiten-agent.service"
TRIAL_UNIT = "usr/lib/systemd/system/teiten-trial.service"

HANG_UNIT = """\
[Unit]
Description=Hang
RequiresMountsFor=/var/lib/teiten
After=teiten-agent.service
[Service]
ExecStart=/bin/sh /usr/lib/teiten-firmware/hang
"""
# A stopped agent is the service manager's to notice; a manager that froze after a fault, and a kernel that
# stays where it panicked, are the watchdog's.
HANG = """\
agent() { systemctl show --property MainPID --value teiten-agent; }
boots=$(cat /var/lib/teiten/boots 2>/dev/null)
echo x$boots >/var/lib/teiten/boots
sync
sleep 5
echo 0 >/proc/sys/kernel/panic
case $boots in
"")
  stopped=$(agent)
  echo "teiten-hang: agent" >/dev/console
  kill -STOP $stopped
  while [ "$(agent)" = $stopped ] || [ "$(agent)" = 0 ]; do sleep 1; done
  sleep 15
  echo "teiten-hang: userland" >/dev/console
  kill -SEGV 1 ;;
x)
  echo "teiten-hang: kernel" >/dev/console
  echo 1 >/proc/sys/kernel/sysrq
  echo c >/proc/sysrq-trigger ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where releases are made.

    Attributes:
        built: The folder that `make image` made for a board; the keys lie beside it.
        board: The board.
        folder: Where the releases go.
    """

    built: Path
    board: str
    folder: Path

    def newer(self, version: str) -> Path:
        """The same system under another version; made once."""
        made = self.folder / f"{version}.raucb"
        if made.exists():
            return made
        root = self._unpacked()
        (root / "usr/lib/teiten-firmware/version").write_text(f"{version}\n", encoding="ascii")
        return self._bundle(version, self._packed(root))

    def again(self, version: str) -> Path:
        """The system as it was built, in a bundle of another version."""
        return self._bundle(version, self.built / "root.squashfs")

    def hanging(self) -> Path:
        """A root that hangs, in one way after the other: agent, userland, and at the next boot the kernel."""
        root = self._unpacked()
        (root / "usr/lib/teiten-firmware/hang").write_text(HANG, encoding="ascii")
        (root / "usr/lib/systemd/system/teiten-hang.service").write_text(HANG_UNIT, encoding="ascii")
        wanted = root / "etc/systemd/system/multi-user.target.wants/teiten-hang.service"
        wanted.symlink_to("/usr/lib/systemd/system/teiten-hang.service")
        return self._packed(root)

    def mute(self, version: str) -> Path:
        """A system whose agent does not start, and that gives itself a minute to prove otherwise."""
        root = self._unpacked()
        (root / "usr/lib/teiten-firmware/version").write_text(f"{version}\n", encoding="ascii")
        agent = root / AGENT_UNIT
        agent.write_text(
            agent.read_text(encoding="utf-8").replace("ExecStart=/usr/bin/", "ExecStart=/nowhere/"),
            encoding="utf-8",
        )
        trial = root / TRIAL_UNIT
        trial.write_text(
            trial.read_text(encoding="utf-8").replace("--seconds 900", "--seconds 60"), encoding="utf-8"
        )
        return self._bundle(version, self._packed(root))

    def unbootable(self, version: str) -> Path:
        """A root that no kernel can mount."""
        garbage = self.folder / "root.squashfs"
        garbage.write_bytes(b"\0" * (1 << 20))
        return self._bundle(version, garbage)

    def forged(self, version: str) -> Path:
        """The system as it was built, signed by somebody else."""
        keys = self.folder / "forger"
        keys.mkdir()
        self_signed("teiten development signer", keys / "signer.key", keys / "signer.pem")
        shutil.copy(keys / "signer.pem", keys / "authority.pem")
        return self._bundle(version, self.built / "root.squashfs", keys)

    def _unpacked(self) -> Path:
        root = self.folder / "root"
        shutil.rmtree(root, ignore_errors=True)
        command = [
            "unsquashfs",
            "-quiet",
            "-no-progress",
            "-dest",
            str(root),
            str(self.built / "root.squashfs"),
        ]
        subprocess.run(command, check=True, capture_output=True)
        return root

    def _packed(self, root: Path) -> Path:
        image = self.folder / "root.squashfs"
        options = ["-quiet", "-no-progress", "-noappend", "-comp", "zstd", "-Xcompression-level", "1"]
        subprocess.run(["mksquashfs", root, image, *options], check=True, capture_output=True)  # noqa: S607
        shutil.rmtree(root)
        return image

    def _bundle(self, version: str, root: Path, keys: Path | None = None) -> Path:
        keys = keys or self.built.parent / "keys"
        content = self.folder / "content"
        content.mkdir()
        shutil.copy(root, content / "root.squashfs")
        shutil.copy(self.built / "kernel.squashfs", content / "kernel.squashfs")
        manifest = Path(__file__).parents[2] / "firmware/image/manifest.raucm"
        text = (
            manifest.read_text(encoding="utf-8").replace("@BOARD@", self.board).replace("@VERSION@", version)
        )
        (content / "manifest.raucm").write_text(text, encoding="utf-8")
        bundle = self.folder / f"{version}.raucb"
        subprocess.run(
            [
                *("rauc", "bundle", f"--cert={keys / 'signer.pem'}", f"--key={keys / 'signer.key'}"),
                *(f"--keyring={keys / 'authority.pem'}", str(content), str(bundle)),
            ],
            check=True,
            capture_output=True,
        )
        shutil.rmtree(content)
        return bundle
