"""The embedded engine: DuckDB over the tables' current files, in any process, while another one writes.

Views (all times UTC; every integer signed):

`tuples`        day, minute (minutes since the Unix epoch), sensor, epoch, sequence, family (4 or 6), source_high,
                source_low, address_high, address_low, key (text, `445/TCP`), form, value, source_port, flags, class, tool,
                packets, bytes, country (NULL: unknown), asn (NULL: unknown)
`observations`  day (of the span's start), sensor, epoch, sequence, start_ns, end_ns, packets, bytes, counted,
                not_monitored, outside_span, malformed, counters (JSON text), received_ns. One row for each span; counters
                stand on a batch's first row and are 0 on the others, so that sums are right. A span can run past its day.
`detections`    day, minute, sensor, epoch, sequence, family, source_high, source_low, address_high, address_low,
                signature, count, country, asn

An IPv4 address is its number in `*_low` (0 to 2^32-1) with 0 in `*_high`; an IPv6 address is two signed halves, so
that (family, high, low) names an address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    import pyarrow as pa


class Engine:
    """Queries over one consistent state of all tables: whole groups only, the same for every query until `refresh`."""

    def __init__(self, directory: Path) -> None:
        """Takes the store's directory (`[store] directory`); reads nothing yet. No lock is taken, ever."""

    def refresh(self) -> None:
        """Takes up the tables' newest state."""
        raise NotImplementedError

    def query(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> pa.Table:
        """Runs one statement and returns its rows; parameters stand as `?` or `$name`. The first one refreshes.

        Safe to call from several threads.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of the files; idempotent."""

    def __enter__(self) -> Self:
        """The engine itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""
        self.close()
