"""When each sensor was last heard, and how far its clock is from this one: in memory, written now and then.

Noting costs no I/O, because it happens for every request; `flush` writes what changed, and a crash loses some
seconds of it, which the next request makes good.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from teiten_collector.store import Contact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from teiten_collector.store import Contacts as StoredContacts


@dataclass(frozen=True, slots=True)
class _Known:
    contact: Contact
    changed: bool


class Contacts:
    """Safe for many threads."""

    def __init__(self, stored: StoredContacts) -> None:
        """Begin with what was written down.

        Raises:
            StoreError: It cannot be read.
        """
        self._stored = stored
        self._lock = threading.Lock()
        self._known = {contact.sensor: _Known(contact, changed=False) for contact in stored.list()}

    def heard(self, sensor: str, at_ns: int, offset_ns: int | None) -> None:
        """A request with a valid token came; `offset_ns` is what it says of its clock, None for nothing."""
        with self._lock:
            contact = self._of(sensor)
            stated = contact.offset_ns if offset_ns is None else offset_ns
            self._known[sensor] = _Known(replace(contact, heard_ns=at_ns, offset_ns=stated), changed=True)

    def took(self, sensor: str, observed_to_ns: int, lost: Mapping[str, int]) -> None:
        """A new batch of a sensor is durable: how far its spans go, and what its sensor and kernel lost."""
        with self._lock:
            contact = self._of(sensor)
            self._known[sensor] = _Known(
                replace(
                    contact,
                    observed_to_ns=max(contact.observed_to_ns, observed_to_ns),
                    lost_packets=min(contact.lost_packets + sum(lost.values()), 2**63 - 1),
                    lost_ns=contact.heard_ns if any(lost.values()) else contact.lost_ns,
                ),
                changed=True,
            )

    def of(self, sensor: str) -> Contact:
        """What is known of one sensor."""
        with self._lock:
            return self._of(sensor)

    def all(self) -> Iterable[Contact]:
        """Every sensor that was ever heard, in the order of the ids."""
        with self._lock:
            return [self._known[sensor].contact for sensor in sorted(self._known)]

    def flush(self) -> None:
        """Write down what changed.

        Raises:
            StoreError: It cannot be written; it is tried again with the next call.
        """
        with self._lock:
            changed = [known.contact for known in self._known.values() if known.changed]
        if not changed:
            return
        self._stored.write(changed)
        with self._lock:
            for contact in changed:
                if self._known[contact.sensor].contact == contact:
                    self._known[contact.sensor] = _Known(contact, changed=False)

    def _of(self, sensor: str) -> Contact:
        known = self._known.get(sensor)
        return Contact(sensor) if known is None else known.contact
