"""The spool: batches on disk, from the moment they are counted until the collector has acknowledged them.

This header is its design; `tests/agent/test_spool.py` holds each promise by name.

Limits
    `max_megabytes` bounds everything but the epochs' records (some hundred bytes each) and the losses (two
    pages): batches that wait, that were refused, that are damaged. A replay never gives anything up: `store`
    raises `SpoolFullError`, and the caller uploads or ends. Live capture cannot wait: `keep` makes room,
    first of damaged files, then of the oldest batches of live epochs, and so does `expire` with those that
    waited longer than `max_age_days`. What is given up is counted by reason (`losses`), and the next batch
    carries the counts to the collector as counters `lost.REASON_batches` and `lost.REASON_packets`. One
    process uses a spool at a time (`flock` on `lock`, released by the kernel however the process ends); its
    threads may share it. `survey` and `export` read without the lock.

Format
    ::

        DIRECTORY/lock                              the process that uses the spool
        DIRECTORY/losses                            what was lost and is not reported yet (`losses.Losses`)
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
    An epoch's record stands before its first batch. A file is written beside its place, synced, and
    renamed into place (`durable.put`): after `store` or `keep` has returned, the batch survives a power
    cut, under one of its two names; before, it is not there at all. The folder is not synced for it,
    which would cost a journaling file system as much again. So a batch costs flash one write of its size
    and one sync; an upload costs one small write and one sync for all batches of an epoch that it
    delivers; losses cost one page each, in place. When all batches of an epoch are written, the record
    says how many there are.

    Where the disk is full, `keep` gives older batches up; where it can only be read, or fails, the new batch
    is counted as lost in memory and the counts are written when the disk allows. Capture goes on either way.

Reading
    `waiting` is by epoch and sequence, `in_order` by time of writing. A file that does not expand, decode or
    match its name is set aside as `.damaged`, counted and said: a replay writes it anew, live capture counts
    it as lost.

Time
    Ages and order are the files' times. When the clock is set, by years even, these are moved with it
    (`clock`), so that nothing expires by being dated wrong.

Acknowledging
    An acknowledgement must name sensor, epoch, sequence and SHA-256 of the body. First the record says
    so; then the file is deleted. A crash between the two leaves a file that recovery deletes; a crash
    before, or before the record's new name is on the medium, leaves a batch that is sent again and
    acknowledged as a repeat. A batch that the record knows as acknowledged is never written or sent
    again, so that a repeated replay is free. An epoch keeps to one set of settings: `begin` refuses
    another, because batches of one key would differ in content.

Recovery
    Opening puts whole batches among the `.writing` files in their places, removes the others, and batches
    that are acknowledged; a half-written batch of live capture is counted as lost. A record that cannot
    be read is set aside as `.damaged` and begun anew: at worst its batches are sent twice, which the
    collector recognises. Losses that a batch was to carry are pending again where that batch was never
    written.
"""

from teiten_agent.spool.directory import Spool, SpoolFullError, Stored
from teiten_agent.spool.entry import Acknowledgement, Entry, StoredBatch
from teiten_agent.spool.epochs import LIVE
from teiten_agent.spool.survey import Status, export, is_in_use, survey

__all__ = [
    "LIVE",
    "Acknowledgement",
    "Entry",
    "Spool",
    "SpoolFullError",
    "Status",
    "Stored",
    "StoredBatch",
    "export",
    "is_in_use",
    "survey",
]
