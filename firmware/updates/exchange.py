"""The part of an update that speaks to the collector; it runs under the agent's account, which alone may."""

from __future__ import annotations

import sys
from pathlib import Path

from teiten_agent import config
from teiten_agent.errors import AgentError
from teiten_agent.uplink import Uplink
from teiten_protocol.fleet import Condition, Order


def exchange(condition: Condition, folder: Path, uplink: Uplink) -> Order:
    """Tell the condition; fetch what is ordered into a folder, under its digest as its name.

    What is there of it already is not fetched again; anything else in the folder goes.

    Raises:
        AgentError: The collector cannot be reached, or the file cannot be written or is another one.
    """
    order = uplink.report(condition)
    for path in folder.iterdir():
        if path.name.partition(".")[0] != order.release:
            path.unlink()
    # What failed is not fetched again.
    if order.release and order.release != condition.release:
        uplink.fetch(order, folder / order.release)
    return order


def main() -> int:
    """Condition from standard input, order to standard output."""
    [folder] = sys.argv[1:]
    try:
        configuration = config.load("/etc/teiten/agent.toml")
        order = exchange(
            Condition.decode(sys.stdin.buffer.read()), Path(folder), Uplink(configuration.uplink)
        )
    except AgentError as error:
        print(f"{error.what}; {error.remedy}" if error.remedy else error.what, file=sys.stderr)
        return error.code
    sys.stdout.buffer.write(order.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
