"""What can go wrong in the store, for whoever must answer for it."""

from __future__ import annotations

from teiten_collector.errors import CannotWriteError, CollectorError, ExitCode


class StoreError(CollectorError):
    """The store cannot do what was asked: damaged, of another version, or unreachable."""


class RegistryError(CollectorError):
    """A sensor that cannot be registered or changed as asked: the reason names it."""

    exit_code = ExitCode.USAGE


class JournalError(CannotWriteError):
    """The journal could not make an entry durable. Nothing was acknowledged; the sender may try again."""


class DamagedEntryError(StoreError):
    """A journal entry whose bytes are not those that were written."""
