"""After the network is up, while there is a code: have the collector accept this sensor's token.

The agent captures meanwhile; what it spools goes up once the token is accepted. What goes wrong stands on the
console and on the boot partition, and is taken back when it goes well.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from firmware.provisioning.durable import remove, write
from firmware.provisioning.silence import AGENT_USER

COMPLAINTS = "enrolment-errors.txt"
REFUSED = (1, 78)
"""Exit codes of `teiten-agent` that time does not mend: the answer is no, and configuration."""


def enrol(boot: Path, data: Path, command: list[str]) -> int:
    """Run the agent's command with the code; its exit code.

    Args:
        boot: The boot partition, writable.
        data: The data partition.
        command: What enrols, reading the code from standard input.
    """
    code = data / "keys/code"
    done = subprocess.run(command, check=False, input=code.read_bytes(), capture_output=True)
    said = (done.stdout + done.stderr).decode(errors="replace").strip()
    print(said, file=sys.stderr)
    complaints = boot / COMPLAINTS
    if done.returncode == 0:
        complaints.unlink(missing_ok=True)
        remove(code)
        return 0
    if done.returncode in REFUSED:
        then = "Write a new code into sensor.txt: code = ..."
    else:
        then = "It is tried again and again while the sensor runs."
    told = f"The collector has not accepted this sensor:\n{said}\n{then}\n"
    # A card wears out by writing: once a reason, not once a try.
    if not complaints.exists() or complaints.read_text(encoding="utf-8", errors="replace") != told:
        write(complaints, told)
    return done.returncode


def main() -> int:
    """Enrol once; systemd tries again."""
    parser = argparse.ArgumentParser(description="have the collector accept this sensor's token")
    parser.add_argument("--boot", type=Path, default=Path("/boot"))
    parser.add_argument("--data", type=Path, default=Path("/var/lib/teiten"))
    asked = parser.parse_args()
    # The agent's account is the only one that the rules let out to the collector.
    account = ["/usr/bin/setpriv", "--reuid", AGENT_USER, "--regid", AGENT_USER, "--init-groups"]
    agent = ["/usr/bin/teiten-agent", "enrol", "--config", "/etc/teiten/agent.toml", "--code-file", "-"]
    return enrol(asked.boot, asked.data, [*account, *agent])


if __name__ == "__main__":
    sys.exit(main())
