"""Start both systemd units under a real systemd, in a machine of QEMU, and hold them to what they promise.

    python -m tests.firmware.units [--folder DIRECTORY]

As root (a root file system is made from Debian packages, by mmdebstrap, and kept for the next run). The
machine has no network device: sensor, wire and collector are all inside. It prints what it measured as lines
`units: NAME VALUE`, and each of them is compared here.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGES = (
    "systemd,systemd-sysv,udev,dbus,python3,python3-msgpack,python3-requests,iproute2,linux-image-cloud-amd64"
)
MOST_EXPOSED = {"teiten-agent": 1.5, "teiten-collector": 1.5}
"""As `systemd-analyze security` rates a service, from 0 to 10."""
FRAMES = 400
"""Sent over the wire inside; a quarter of them to multicast addresses, which the agent's own sockets may not
reach."""
PATIENCE_SECONDS = 3600
MEASURED = re.compile(r"units: (\S+) (.*?)\r?$", re.MULTILINE)

PROGRAM = """\
#!/usr/bin/python3
import sys

sys.path.insert(0, "/usr/lib/{name}")
from {module}.cli import main

sys.exit(main())
"""

INSIDE = """\
#!/bin/bash
# Runs once when the machine is up, and turns it off.
say() { echo "units: $*" >/dev/console; }
ended() {
  journalctl --no-pager --output=short-monotonic -u "teiten-*" | tail -n 60 >/dev/console
  say ended "$(systemctl is-system-running)"
  systemctl poweroff --force --force
}
trap ended EXIT
main_pid() { systemctl show --property=MainPID --value "$1"; }
capabilities() { awk '/^CapEff/ { print $2 }' "/proc/$(main_pid "$1")/status"; }

say systemd "$(systemctl --version | awk 'NR == 1 { print $2 }')"
ip link add spoken type veth peer heard
sysctl -qw net.ipv6.conf.all.disable_ipv6=1
ip link set spoken up
ip link set heard up

systemctl start teiten-collector
say teiten-collector.state "$(systemctl is-active teiten-collector)"
systemctl --quiet is-active teiten-collector || exit
sudo_collector=(setpriv --reuid teiten-collector --regid teiten-collector --clear-groups)
"${sudo_collector[@]}" teiten-collector sensor add boot-01 --config /etc/teiten/collector.toml \\
  --monitored 198.51.100.0/24 224.0.0.0/4 | awk 'END { print $NF }' >/etc/teiten/token
chown root:teiten-agent /etc/teiten/token
chmod 0640 /etc/teiten/token
systemctl start teiten-agent
say teiten-agent.state "$(systemctl is-active teiten-agent)"
systemctl --quiet is-active teiten-agent || exit

for unit in teiten-agent teiten-collector; do
  say "$unit.type" "$(systemctl show --property=Type --value $unit)"
  say "$unit.capabilities" "$(capabilities $unit)"
  say "$unit.exposure" "$(systemd-analyze security --no-pager $unit.service |
    awk '/Overall/ { print $(NF-2) }')"
done
say promiscuity "$(ip -details link show heard | grep -o 'promiscuity [0-9]*' | awk '{ print $2 }')"

python3 /root/send.py
for _ in $(seq 20); do
  counted=$(python3 /root/counted.py)
  [[ $counted -ge FRAMES ]] && break
  sleep 1
done
say counted "$counted"
[[ $counted -ge FRAMES ]] || exit

for unit in teiten-collector teiten-agent; do
  stopped=$(main_pid $unit)
  kill -STOP "$stopped"
  for _ in $(seq 120); do
    restarts=$(systemctl show --property=NRestarts --value $unit)
    [[ $restarts -ge 1 && $(main_pid $unit) != "$stopped" ]] && systemctl --quiet is-active $unit && break
    sleep 1
  done
  say "$unit.restarts" "$restarts"
  say "$unit.watchdog" "$(journalctl --unit $unit --no-pager | grep -c 'Watchdog timeout')"
  say "$unit.afterwards" "$(systemctl is-active $unit)"
done
"""

SEND = """\
import socket, struct
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("spoken", 0))
for number in range(FRAMES):
    target = "224.0.0.251" if number % 4 == 0 else f"198.51.100.{1 + number % 200}"
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, number, 0, 64, 6, 0,
                       socket.inet_aton("203.0.113.9"), socket.inet_aton(target))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    segment = struct.pack("!HHIIBBHHH", 4000 + number, 445, 1, 0, 0x50, 2, 1024, 0, 0)
    wire.send(bytes.fromhex("0200000000990200000000010800") + head + segment)
"""

COUNTED = """\
import sys
sys.path.insert(0, "/usr/lib/teiten-collector")
from pathlib import Path
from teiten_collector.store import Engine
with Engine(Path("/var/lib/teiten-collector")) as engine:
    rows = engine.query("SELECT coalesce(sum(packets), 0)::BIGINT AS packets FROM tuples").to_pylist()
    print(rows[0]["packets"])
"""

FILES = {
    "etc/teiten/agent.toml": """\
[sensor]
id = "boot-01"
monitored = ["198.51.100.0/24", "224.0.0.0/4"]
[capture]
interface = "heard"
promiscuous = true
[interval]
seconds = 5
[uplink]
collector = "http://127.0.0.1:8443"
token_file = "/etc/teiten/token"
""",
    "etc/teiten/collector.toml": '[server]\nlisten = "127.0.0.1:8443"\n',
    "usr/lib/sysusers.d/teiten.conf": (
        'u teiten-agent - "teiten sensor" /var/lib/teiten\n'
        'u teiten-collector - "teiten collector" /var/lib/teiten-collector\n'
    ),
    # Short, so that the test need not wait for minutes; what feeds the watchdog is the same.
    "etc/systemd/system/teiten-agent.service.d/test.conf": (
        "[Service]\nWatchdogSec=30\nTimeoutAbortSec=2\nTimeoutStartSec=300\n"
    ),
    "etc/systemd/system/teiten-collector.service.d/test.conf": (
        "[Service]\nWatchdogSec=30\nTimeoutAbortSec=2\nTimeoutStartSec=300\n"
    ),
    "etc/systemd/system/units.service": (
        "[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\nExecStart=/root/inside\n"
        "[Install]\nWantedBy=default.target\n"
    ),
    "root/inside": INSIDE.replace("FRAMES", str(FRAMES)),
    "root/send.py": SEND.replace("FRAMES", str(FRAMES)),
    "root/counted.py": COUNTED,
}


def make_root(folder: Path) -> Path:
    """A Debian with both programs and their units; made once, then kept."""
    base, root = folder / "debian.tar", folder / "root"
    if not base.exists():
        _do(
            *("mmdebstrap", "--quiet", "--mode=root", "--format=tar"),
            *("--variant=minbase", f"--include={PACKAGES}"),
            "--aptopt=APT::Install-Recommends false",
            *("bookworm", base.with_suffix(".new")),
            "deb http://deb.debian.org/debian bookworm main",
        )
        base.with_suffix(".new").rename(base)
    if root.exists():
        shutil.rmtree(root)
    root.mkdir()
    _do("tar", "-C", root, "-xf", base)
    _install(root)
    return root


def _install(root: Path) -> None:
    """Put the programs of this checkout into a root file system, with what they need of Python's packages."""
    packages = Path(sysconfig.get_path("purelib"))
    develop = {"pyspark", "mypy", "ruff", "maturin", "pytest", "hypothesis", "chdb", "pip", "setuptools"}
    for name, module in (("teiten-agent", "teiten_agent"), ("teiten-collector", "teiten_collector")):
        modules = root / "usr/lib" / name
        shutil.copytree(
            packages,
            modules,
            ignore=lambda _, names: [
                one for one in names if one.split("-")[0] in develop or one == "__pycache__"
            ],
        ) if name == "teiten-collector" else modules.mkdir()
        for source in (module, "teiten_protocol"):
            shutil.copytree(
                REPOSITORY / "python" / source,
                modules / source,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
        program = root / "usr/bin" / name
        program.write_text(PROGRAM.format(name=name, module=module), encoding="utf-8")
        program.chmod(0o755)
        unit = REPOSITORY / "firmware/systemd" / f"{name}.service"
        shutil.copy(unit, root / "usr/lib/systemd/system" / unit.name)
    for part in packages.glob("pcapy*"):
        copy = shutil.copytree if part.is_dir() else shutil.copy
        copy(part, root / "usr/lib/teiten-agent" / part.name)
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (root / "root/inside").chmod(0o755)
    for words in (
        # As installers do: the units may not write beside the programs, and compiling at each start takes a
        # minute of an emulated processor, half of it when the first batch comes in.
        (
            "python3",
            "-m",
            "compileall",
            "-qq",
            "-j",
            "2",
            "/usr/lib/teiten-agent",
            "/usr/lib/teiten-collector",
        ),
        ("systemd-sysusers",),
        ("chown", "-R", "root:teiten-agent", "/etc/teiten/agent.toml"),
        ("systemctl", "enable", "units.service"),
    ):
        _do("chroot", root, *words)


def _do(*words: object) -> str:
    return subprocess.run([*map(str, words)], check=True, stdout=subprocess.PIPE, text=True).stdout


def boot(folder: Path, root: Path) -> str:
    """Start the machine, wait until it turns itself off, and return what its console said."""
    disk = folder / "disk.ext4"
    disk.unlink(missing_ok=True)
    megabytes = 512 + int(_do("du", "-sm", root).split()[0]) * 5 // 4
    _do("mke2fs", "-q", "-t", "ext4", "-d", root, disk, f"{megabytes}M")
    kernel = next((root / "boot").glob("vmlinuz-*"))
    initrd = next((root / "boot").glob("initrd.img-*"))
    console = folder / "console.txt"
    with console.open("wb") as said:
        subprocess.run(
            [
                *(
                    "qemu-system-x86_64",
                    "-accel",
                    "tcg,thread=multi",
                    "-cpu",
                    "max",
                    "-smp",
                    "2",
                    "-m",
                    "2048",
                ),
                *("-nographic", "-no-reboot", "-nic", "none", "-kernel", str(kernel)),
                *("-initrd", str(initrd), "-drive", f"file={disk},if=virtio,format=raw"),
                *("-append", "console=ttyS0 root=/dev/vda rw quiet systemd.show_status=0 panic=-1"),
            ],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_SECONDS,
        )
    return console.read_text(encoding="utf-8", errors="replace")


def hold(measured: dict[str, str]) -> None:
    """Hold what was measured against what is promised.

    Raises:
        AssertionError: Something is broken.
    """
    expected = {
        "teiten-agent.state": "active",
        "teiten-collector.state": "active",
        "teiten-agent.type": "notify",
        "teiten-collector.type": "notify",
        "teiten-agent.capabilities": f"{1 << 13:016x}",  # CAP_NET_RAW of linux/capability.h
        "teiten-collector.capabilities": f"{0:016x}",
        "promiscuity": "1",
        "counted": str(FRAMES),
        "teiten-agent.restarts": "1",
        "teiten-collector.restarts": "1",
        "teiten-agent.watchdog": "1",
        "teiten-collector.watchdog": "1",
        "teiten-agent.afterwards": "active",
        "teiten-collector.afterwards": "active",
    }
    differing = {name: measured.get(name) for name, value in expected.items() if measured.get(name) != value}
    assert not differing, differing
    for unit, most in MOST_EXPOSED.items():
        assert float(measured[f"{unit}.exposure"]) <= most, measured


def main() -> int:
    """Boot once and compare."""
    parser = argparse.ArgumentParser(description="Start both units under a real systemd.")
    default = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "units"
    parser.add_argument("--folder", type=Path, default=default, help="for root file system and disk")
    folder: Path = parser.parse_args().folder
    for tool in ("mmdebstrap", "mke2fs", "qemu-system-x86_64"):
        if shutil.which(tool) is None:
            parser.error(f"{tool} is missing: apt-get install mmdebstrap e2fsprogs qemu-system-x86")
    folder.mkdir(parents=True, exist_ok=True)
    console = boot(folder, make_root(folder))
    measured = dict(MEASURED.findall(console))
    for name, value in measured.items():
        print(f"{name:<30} {value}")
    try:
        hold(measured)
    except (AssertionError, KeyError) as error:
        print(f"{error}\n{console[-6000:]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
