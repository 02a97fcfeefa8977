"""What the collector keeps: journal, registry, ledger, tables, and the engine that reads them.

    door, import -> journal (synced, then acknowledged) -> ledger (exactly once) -> tables (groups) -> engine

`Store` ties them; `Engine` reads the tables from any process.
"""

from teiten_collector.store.backup import backup
from teiten_collector.store.contacts import Contact, Contacts
from teiten_collector.store.engine import Engine
from teiten_collector.store.enrolments import CODE_LIFETIME_NS, Enrolled, Enrolments, Objection
from teiten_collector.store.errors import DamagedEntryError, JournalError, RegistryError, StoreError
from teiten_collector.store.fleet import Fleet
from teiten_collector.store.readers import Readers
from teiten_collector.store.registry import Registration, Registry, Sensor
from teiten_collector.store.rollups import Days
from teiten_collector.store.stages import Advance, Rollout, Step, Told
from teiten_collector.store.store import Finding, Store, UnfitBatchError
from teiten_collector.store.verdict import Conflict, ConflictReason, New, Repeat, Verdict

__all__ = [
    "CODE_LIFETIME_NS",
    "Advance",
    "Conflict",
    "ConflictReason",
    "Contact",
    "Contacts",
    "DamagedEntryError",
    "Days",
    "Engine",
    "Enrolled",
    "Enrolments",
    "Finding",
    "Fleet",
    "JournalError",
    "New",
    "Objection",
    "Readers",
    "Registration",
    "Registry",
    "RegistryError",
    "Repeat",
    "Rollout",
    "Sensor",
    "Step",
    "Store",
    "StoreError",
    "Told",
    "UnfitBatchError",
    "Verdict",
    "backup",
]
