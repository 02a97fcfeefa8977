"""The spool: batches on disk, from the moment they are counted until the collector has acknowledged them.

This header is its design; `tests/agent/test_spool.py` holds each promise by name.

Limits
    `max_megabytes` bounds everything but the epochs' records (some hundred bytes each): batches that wait,
    that were refused, that are damaged. A batch that would go over it is not written: `store` raises
    `SpoolFullError` and the caller uploads or gives up; nothing is ever dropped to make room. One process
    uses a spool at a time (`flock` on `lock`, released by the kernel however the process ends). `survey` and
    `export` read without the lock.

Format
    ::

        DIRECTORY/lock                              the process that uses the spool
        DIRECTORY/EPOCH-SEQUENCE.batch              a batch that waits (16 and 8 hexadecimal digits)
        DIRECTORY/EPOCH-SEQUENCE.batch.damaged      a file that was no whole batch of that name
        DIRECTORY/epochs/EPOCH.json                 what is known about an epoch (`record.EpochRecord`)
        DIRECTORY/refused/EPOCH-SEQUENCE.batch      a batch that the collector refused for good
        DIRECTORY/refused/EPOCH-SEQUENCE.reason     what it said
        DIRECTORY/**/.NAME.writing                  a file being written

    A `.batch` file is the compressed body, byte for byte what goes over HTTP. It needs no checksum of its
    own: zlib carries Adler-32 (RFC 1950), the body is checked when it is read, and its key must match the
    file's name.

Writing
    An epoch's record stands before its first batch. A file is written beside its place, synced, renamed
    into place, and the folder is synced (`durable.write`): after `store` has returned, the batch survives a
    power cut; before, it is not there at all. When all batches of an epoch are written, the record says how
    many there are.

Reading
    In the order of epoch and sequence. A file that does not expand, decode or match its name is set aside as
    `.damaged`, counted and said: a replay writes it anew.

Acknowledging
    An acknowledgement must name sensor, epoch, sequence and SHA-256 of the body. First the record
    says so, durably; then the file is deleted. A crash between the two leaves a file that recovery deletes; a
    crash before leaves a batch that is sent again and acknowledged as a repeat. A batch that the record knows
    as acknowledged is never written or sent again, so that a repeated replay is free. An epoch keeps to one
    set of settings: `begin` refuses another, because batches of one key would differ in content.

Recovery
    Opening removes `.writing` files and batches that are acknowledged. A record that cannot be read is
    set aside as `.damaged` and begun anew: at worst its batches are sent twice, which the collector
    recognises.
"""

from teiten_agent.spool.directory import Spool, SpoolFullError, Status, export, survey
from teiten_agent.spool.entry import Acknowledgement, Entry, StoredBatch

__all__ = [
    "Acknowledgement",
    "Entry",
    "Spool",
    "SpoolFullError",
    "Status",
    "StoredBatch",
    "export",
    "survey",
]
