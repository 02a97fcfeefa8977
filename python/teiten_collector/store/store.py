"""The store as a whole: journal, registry, ledger and tables in one directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from teiten_collector.store.registry import Registry
    from teiten_collector.store.verdict import Verdict
    from teiten_protocol import Batch, BatchKey


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `Store.check` found wrong."""

    kind: str
    """`packets`, `rows`, `unreadable`, `waiting`: snake_case, for machines."""
    subject: str
    """What it is about: a sensor, or a batch as SENSOR/EPOCH/SEQUENCE."""
    text: str
    """A sentence for people."""


class Store:
    """Everything the collector keeps. Safe for many threads, and for many processes at once.

    Attributes:
        directory: Where it lies.
        registry: Sensors and tokens.
    """

    directory: Path
    registry: Registry

    @classmethod
    def open(cls, directory: Path, url: str = "", *, migrate: bool = True) -> Self:
        """Opens the store, making it where there is none, and finishes what a crash left: see `recover`.

        Args:
            directory: Its directory, made when absent; journal and tables lie in it.
            url: An SQLAlchemy URL of the registry's and ledger's database; empty: SQLite in the directory.
            migrate: Whether to bring an older schema up; False refuses one.

        Raises:
            StoreError: The database cannot be reached or is of another version.
            CannotWriteError: The directory cannot be written.
        """
        raise NotImplementedError

    def find(self, key: BatchKey, digest: bytes, settings: bytes) -> Verdict | None:
        """What `admit` would say without writing: Repeat, Conflict, or None where the batch would be new."""
        raise NotImplementedError

    def admit(self, batch: Batch, body: bytes, digest: bytes, received_ns: int) -> Verdict:
        """Makes a batch durable and decides once: the one way in, for the network and for `import`.

        Whether the sensor may send it (its token, its addresses) is decided before. When New or Repeat is returned the
        batch is on disk, and may be acknowledged. Blocks for a sync, which waiting threads share.

        Args:
            batch: The decoded batch.
            body: The COMPRESSED body as it came (`teiten_protocol.compress`), kept byte for byte.
            digest: `teiten_protocol.digest` of the uncompressed body.
            received_ns: When it came, nanoseconds of Unix time.

        Raises:
            JournalError: It could not be made durable (disk full, write error); the sender may try again.
            StoreError: The database cannot be reached.
        """
        raise NotImplementedError

    def waiting(self) -> int:
        """How many admitted batches have not reached the tables yet."""
        raise NotImplementedError

    def check(self) -> tuple[Finding, ...]:
        """Holds ledger and tables against one another, batch by batch: rows and packets. Empty: they agree."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends this process's journal segment and its connections; idempotent."""

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""
        self.close()
