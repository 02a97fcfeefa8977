"""Settings that the operator signed: tried on the agent, and kept if it goes on capturing and uploading.

The agent's configuration is in memory, made at every boot from the card and the settings that proved
themselves. So settings on trial are nowhere but there: whatever happens, a restart of the board brings those
before back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware.provisioning import overrides
from firmware.provisioning.durable import write
from firmware.provisioning.overrides import OverridesRefusedError
from firmware.updates.record import Record
from firmware.updates.signed import SignedRefusedError, generation_of

from teiten_protocol.fleet import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from firmware.updates.signed import Signed

TRIED = "tried.toml"
"""Beside the settings that are kept: the first line of those that were tried last. Nobody can have a sensor
try again and again what it does not go on with."""


def adopt(  # noqa: PLR0913  # the places, and what acts on the board
    signed: Signed,
    release: str,
    *,
    kept: Path,
    configuration: Path,
    base: str,
    record: Path,
    board_megabytes: int,
    restart: Callable[[], None],
    proven: Callable[[], bool],
) -> bool:
    """Try signed settings; whether they stay.

    Args:
        signed: What came.
        release: The digest under which it came, for the record.
        kept: Where settings lie that proved themselves.
        configuration: The agent's configuration, in memory.
        base: What that is without signed settings.
        record: Where the outcome is noted.
        board_megabytes: The memory that the kernel has, in MiB.
        restart: Starts the agent anew.
        proven: Waits until the agent captures and uploads, or has had its time; whether it does.

    Raises:
        SignedRefusedError: They are no later than those tried before, or hold what cannot be set; nothing was
            changed.
    """
    tried = kept.with_name(TRIED)
    signed.require_later(max(generation_of(kept), generation_of(tried)))
    try:
        coming = overrides.merged(base, signed.text, board_megabytes)
    except OverridesRefusedError as refused:
        raise SignedRefusedError(str(refused)) from None
    before = configuration.read_text(encoding="utf-8")
    name = f"settings of generation {signed.generation}"
    write(tried, f"# teiten-settings generation={signed.generation}\n")
    # If the board restarts meanwhile, those before are in force again, and this is why.
    Record(release, Outcome.ROLLED_BACK, f"the board restarted while {name} were tried").write(record)
    write(configuration, coming)
    restart()
    if proven():
        write(kept, signed.text)
        Record(release, Outcome.GOOD).write(record)
        return True
    write(configuration, before)
    restart()
    said = f"with {name} the agent did not capture and upload in time"
    Record(release, Outcome.ROLLED_BACK, said).write(record)
    return False
