"""Every bound of the batch format, each with its reason.

A limit is checked before anything is allocated from the length it bounds.
"""

import re
from typing import Final

VERSION: Final = 1
"""Version of the format that `encode` writes for a batch without example payloads."""

VERSION_WITH_EXAMPLES: Final = 2
"""Version that `encode` writes for one with them."""

SUPPORTED_VERSIONS: Final = frozenset({VERSION, VERSION_WITH_EXAMPLES})
"""Versions that `decode` reads."""

MEDIA_TYPE: Final = "application/vnd.teiten.batch+msgpack"
"""Content type of a batch over HTTP (vendor tree, RFC 6838 section 3.2; suffix in the manner of RFC 6839)."""

SENSOR_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
"""A sensor's id, to be matched whole: it names files; at most 63 as a DNS label (RFC 1035 section 2.3.4)."""

MAX_SENSOR_ID_BYTES: Final = 63
"""The longest text that `SENSOR_ID` matches."""

MAX_EPOCH: Final = 2**63 - 1
"""Epochs fit a signed 64-bit integer, which every store has."""

MAX_SEQUENCE: Final = 2**31 - 1
"""Sequence numbers fit a signed 32-bit integer; at one batch a second they last 68 years."""

MAX_TIME_NS: Final = 2**63 - 1
"""Times are nanoseconds of the Unix epoch in a signed 64-bit integer: to the year 2262."""

MAX_COUNT: Final = 2**63 - 1
"""Packets, bytes and counters fit a signed 64-bit integer, so that no store has to refuse one."""

SETTINGS_BYTES: Final = 32
"""The digest of the settings is a SHA-256 (FIPS 180-4)."""

MAX_SPANS: Final = 4096
"""Spans of a batch: nearly three days of minutes after a long time without an uplink."""

MAX_COUNTERS: Final = 512
"""Counters of a batch: several times the reasons a sensor knows."""

COUNTER_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.]{0,63}")
"""A counter's name, to be matched whole: snake case, parts joined by dots."""

MAX_COUNTER_NAME_BYTES: Final = 64
"""The longest text that `COUNTER_NAME` matches."""

MAX_ROWS: Final = 1 << 20
"""Tuple rows of a batch, IPv4, IPv6 and merged ones together: a million rows is one flood's minute, and
60 MiB at most."""

MAX_DETECTIONS: Final = 1 << 16
"""Detection rows of a batch: signatures have thresholds, so that these stay few; 3.1 MiB at most."""

MAX_QUOTED: Final = 1 << 14
"""Rows of quotations of a batch: a sensor's own table has room for 6,371 an interval; 1.1 MiB at most."""

MAX_EXAMPLES: Final = 1 << 12
"""Example payloads of a batch: 1,024 an interval at most; 0.4 MiB at most."""

EXAMPLE_BYTES: Final = 64
"""Bytes kept of an example payload: enough to tell protocols and tools apart, too few to carry much."""

SKETCH_REGISTERS: Final = 1 << 10
"""Registers of a sketch, one byte each: a standard error of 1.04 / sqrt(1024), 3.3 %."""

MAX_RANK: Final = 55
"""The highest a register can be: 54 bits of a hash are left behind the 10 that choose the register."""

MAX_SKETCHES: Final = 1 << 10
"""Sketches of a batch: 65 an interval at most, of which early ones are several a minute; 1.1 MiB at most."""

MAX_BODY_BYTES: Final = 72 << 20
"""A batch's body, expanded. Every batch within the other limits fits: 60 + 3.1 + 1.1 + 1.1 + 0.4 MiB of
columns and less than 0.4 MiB of the rest."""

MAX_COMPRESSED_BYTES: Final = MAX_BODY_BYTES + (MAX_BODY_BYTES >> 10) + 64
"""A batch's body, compressed. Data that do not compress grow by at most 5 bytes a block of 16,383 and 6 more
(RFC 1951 section 3.2.4, RFC 1950 section 2.2), so that every body within its limit can be sent."""

MAX_FIELD_NAME_BYTES: Final = 32
"""The longest field name read before it is compared with the known ones."""
