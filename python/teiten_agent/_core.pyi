# ruff: noqa: PYI021 - the extension is compiled; this is where its promises can be read
"""The compiled core: capture files, rings and buffers in, intervals of counted tuples and detections out.

Private to `teiten_agent`. Python sees sources, observers and intervals, never packets; the interpreter is
released while the core works. Instances may be shared by threads: a call on one waits for the call before it.

Times are nanoseconds since 1970-01-01 00:00 UTC.
"""

from collections.abc import Sequence
from os import PathLike
from typing import Final, final

__all__ = [
    "BUILD_PROFILE",
    "Capture",
    "CaptureError",
    "Columns",
    "Detections",
    "Examples",
    "Interval",
    "Observer",
    "PacketBuffer",
    "Quoted",
    "Ring",
    "RuleDiagnostic",
    "Rules",
    "Signature",
    "Sketches",
    "Sums",
    "__version__",
]

__version__: Final[str]
"""Version of the distribution."""

BUILD_PROFILE: Final[str]
"""How the core was compiled: "release", or "debug", which is many times slower."""

class CaptureError(ValueError):
    """A file cannot be used as a capture: it is something else, or its header is damaged.

    The attributes are those of an error raised by this module. A file that the system refuses to open or to
    read raises the subclass of `OSError` for the reason instead, with `filename` set.
    """

    path: str
    """The path as it was given."""
    offset: int | None
    """Byte at which the damage lies, in the expanded file, where that is known."""
    reason: str
    """What is wrong and what was expected, as the end of a sentence about the file: "is empty; expected
    ..."."""

@final
class Capture:
    """A capture file, opened, and how far it has been read.

    It is the file as it was when opened: what is appended later is not seen. A file larger than 1 MiB is
    mapped into memory, and must not be truncated by another program while it is read, for the system would
    end this process (SIGBUS); renaming and deleting are harmless.
    """

    def __new__(cls, path: str | PathLike[str]) -> Capture:
        """Opens the capture at `path`.

        pcap is read in either byte order, with times in micro- or nanoseconds, pcapng with all its kinds of
        packet blocks, either plain or compressed by gzip or zstd. Compressed files, pipes and standard input
        are first copied into a nameless temporary file in `$TMPDIR`, else `/var/tmp`, once they are larger
        than 1 MiB.

        A compressed file that is cut short or corrupt is opened as far as it could be expanded, and ends in a
        fault.

        Args:
            path: The file; "-" for standard input.

        Raises:
            CaptureError: The file is empty, a directory, or no capture.
            OSError: The system refuses to open or read it, or to write the temporary file.
        """

    @property
    def path(self) -> str:
        """The path as it was given; "-" for standard input."""

    @property
    def format(self) -> str:
        """What the file is: "pcap" or "pcapng"."""

    @property
    def compression(self) -> str | None:
        """How it is compressed: "gzip", "zstd", or None."""

    @property
    def size(self) -> int:
        """Size in bytes, expanded."""

    @property
    def position(self) -> int:
        """How many bytes of `size` observers have read; at a fault, where the damaged record begins."""

    @property
    def fault(self) -> tuple[int, str] | None:
        """Offset and reason of the damage that ended the reading; None as long as none was met.

        Everything before it has been observed. The offset counts in the expanded file.
        """

    @property
    def exhausted(self) -> bool:
        """Whether an observer has met the end of the capture, or its fault."""

    def span(self) -> tuple[int, int, int] | None:
        """Times of the earliest and the latest record, and the number of records; None without records.

        Walks over the whole file, as far as it is sound; what observers have read of it does not matter.
        """

    def walk(self) -> int:
        """Walks over all records as an observer would, without looking into them; returns their number.

        The floor for benchmarks; independent of what observers have read.
        """

@final
class Ring:
    """A network interface, captured from through a ring of memory shared with the kernel (Linux only).

    The kernel writes packets into blocks of the ring and hands a block over when it is full or 100 ms old;
    an observer reads them where they lie. Frames that this host sent are left out. A full ring costs packets,
    which the kernel counts, never memory.
    """

    def __new__(
        cls,
        interface: str,
        *,
        ring_megabytes: int = 4,
        promiscuous: bool = False,
        program: Sequence[tuple[int, int, int, int]] = (),
        fanout_group: int | None = None,
    ) -> Ring:
        """Opens the interface and begins to capture.

        Args:
            interface: Its name, such as "eth0".
            ring_megabytes: Memory of the ring in MiB, taken from the kernel at once.
            promiscuous: Whether the interface takes frames that are addressed to other hosts.
            program: The filter, a classic BPF program of (code, jump if true, jump if false, operand); empty
                for everything. No packet that it refuses is seen, not even while it is being set up.
            fanout_group: Share the packets, by flow, with every other ring that names this group.

        Raises:
            PermissionError: The process lacks CAP_NET_RAW.
            OSError: There is no such interface (ENODEV), or the system refuses; `errno` says why.
            ValueError: The interface is of a kind that cannot be read, or an argument is out of its bounds.
        """

    def wait(self, milliseconds: int) -> bool:
        """Waits until packets are there to be observed.

        Returns:
            Whether there are; False when the time is over or a signal came first.

        Raises:
            OSError: The interface went down (ENETDOWN), once each time; packets of before can be observed.
        """

    def seal(self) -> None:
        """Lets no more packets in; those inside can be observed until `wait(200)` says there are none."""

    def counters(self) -> dict[str, int]:
        """What was counted since the last call.

        "received": packets that passed the filter; "dropped": those of them that found the ring full;
        "freezes": how often it was full; "read": packets that were observed; "outgoing": those of this host,
        left out; "unreadable": packets lost in damaged blocks; "tagged": packets read whose VLAN tag the
        kernel took off. Once the ring is sealed and read empty, the sums over all calls are
        received = dropped + read + outgoing + unreadable.

        Raises:
            OSError: The kernel does not answer.
        """

@final
class PacketBuffer:
    """Packets that pcapy-ng's `next_batch` copied, and how far they have been observed."""

    def __new__(cls, packets: bytes, records: bytes, linktype: int) -> PacketBuffer:
        """Takes the two buffers as they are; nothing is copied.

        Args:
            packets: The packets' bytes.
            records: 16 bytes a packet: seconds and microseconds since 1970, offset and length in `packets`,
                as native unsigned 32-bit integers.
            linktype: What the packets begin with, as `pcap_datalink` numbers it.
        """

    @property
    def remaining(self) -> int:
        """How many records have not been observed."""

@final
class Observer:
    """Counts packets into intervals.

    Sources are advanced one after the other, in the order of their time; intervals go on from one to the
    next.
    """

    def __new__(
        cls,
        monitored: Sequence[str] = (),
        *,
        interval_seconds: int = 60,
        table_megabytes: int = 16,
        max_rows: int = 1_048_576,
        span: tuple[int, int] | None = None,
        early_closes: int | None = 4,
        seed: int | None = None,
        rules: Rules | None = None,
        examples: bool = False,
    ) -> Observer:
        """Makes an observer that has seen nothing.

        Args:
            monitored: Networks whose traffic is counted, as "198.51.100.0/28" or "2001:db8::/64"; empty for
            every
                address.
            interval_seconds: Length of an interval; 0 for intervals that time does not close.
            table_megabytes: Memory of the tuple tables, in MiB, taken at once.
            max_rows: Most rows of an interval, both families together; at that number it closes early.
            span: Start and end (exclusive) of the time to observe; packets outside are counted as
            `outside_span`, and
                the intervals together cover it without gap. None: from the first packet to the last.
            early_closes: How often within the length of an interval (of a minute, where time closes none) the
                table may be full before intervals give up more than their length, 0 to 63: first the source
                ports, then the sources of a key. None: any number, so that nothing is ever given up.
            seed: Seed of the tables' hashes; by default a new secret. Tuples do not depend on it, detections
                only where the memory for rules' limits ran out.
            rules: Rules to hold counted packets against.
            examples: Whether an example payload of each signature and source is kept.

        Raises:
            ValueError: A network cannot be read, or a number is out of its bounds.
        """

    def set_rules(self, rules: Rules) -> None:
        """Holds packets against these rules from here on, whose limits and spreads begin anew.

        What other rules have detected in the open interval stays in it.
        """

    def advance(
        self, source: Capture | Ring | PacketBuffer, limit: int = 4_194_304, *, now_ns: int | None = None
    ) -> Interval | None:
        """Observes packets of `source`, from where it was left, until an interval closes: that is returned.

        None means that `limit` packets were observed without one closing, or that there is no more: a
        capture's end or `fault` came (`exhausted`), a ring or a buffer is empty. None of these closes the
        interval, which goes on with the next call. Signals are handled between calls, so `limit` is also how
        long they wait.

        Args:
            source: Where packets come from.
            limit: Most packets to observe in this call, at least 1.
            now_ns: What the clock shows, for live packets: those stamped 10 s or more ahead of it are counted
                as if they came now, and as `time_ahead`.

        Raises:
            ValueError: `limit` is 0, or a buffer's record points outside it.
        """

    def close_before(self, now_ns: int) -> Interval | None:
        """Closes the intervals that were over before `now_ns`, though no packet came to do so, as one.

        None if the open one is not over, or if nothing tells when the observation began (no `span` was given
        and no packet came). A packet that comes late counts in its own minute, in the interval after.
        """

    def finish(self, now_ns: int | None = None) -> Interval | None:
        """Closes the open interval.

        It ends at `now_ns` (or behind a packet later than that); without it at the end of `span` where one
        was given, else behind the last packet. None if there is nothing to close: `now_ns` is not after its
        start, or no span was given and no packet came since the last interval.
        """

@final
class Interval:
    """What one span of observation gave."""

    @property
    def span(self) -> tuple[int, int]:
        """Start and end (exclusive)."""

    @property
    def cause(self) -> str:
        """Why it closed: "time" (it was over), "full" (no room for another row), "end" (`finish`)."""

    @property
    def counters(self) -> dict[str, int]:
        """What became of every record.

        "packets" (all records) is the sum of "counted", "not_monitored", "outside_span" and every
        "malformed.REASON"; only reasons that occurred are there. "bytes" is the sum over the counted packets
        of the IP lengths their headers state, "time_backward" how many records were earlier than one before,
        "time_ahead" how many were stamped ahead of the clock.

        With rules there are besides: "detections_overflow" (detections that found no room in `detections`),
        "signatures.inspected" and "signatures.not_inspected" (packets held against the rules, or not because
        a length in a header is not there), "signatures.work_spent" (packets on which checks ended because
        they cost too much), "signatures.limits_evicted" and "signatures.spreads_evicted" (counts that made
        room while their window was open).

        "suspicious" is how many counted packets have anything wrong with them, "suspected_forged" how many
        something that speaks for a forged source; "suspect.REASON" says how many what. A packet may be in
        several.

        "quoted_unread" is how many ICMP errors quote no header that can be read, "quoted_overflow" how many
        found no room in `quoted`.
        """

    @property
    def step(self) -> int:
        """What it gave up, because forged sources filled the table.

        0 nothing, 1 its length (it closed early), 2 the source ports of TCP and UDP as well (they are 0), 3
        the sources as well (they are 0 or `::`, and `sketches` says how many they were). Packets and bytes
        by key
        are exact in any case.
        """

    @property
    def ipv4(self) -> Columns:
        """The tuples of IPv4, in the order of their first packets; addresses have 4 bytes."""

    @property
    def ipv6(self) -> Columns:
        """The tuples of IPv6, in the order of their first packets; addresses have 16 bytes."""

    @property
    def examples(self) -> Examples:
        """One payload for each signature and source, of packets that have any."""

    @property
    def detections(self) -> Detections:
        """What the rules detected, in the order of the first detections."""

    def signatures(self) -> dict[int, int]:
        """Detections by number of the rule, those without room in `detections` among them."""

    @property
    def quoted(self) -> Quoted:
        """What ICMP errors quoted, in the order of their first packets."""

    @property
    def sketches(self) -> Sketches:
        """How many sources keys had, where `step` is 3: each of the first 64, and the rest together."""

    def keys(self) -> dict[str, tuple[int, int]]:
        """Packets and bytes by key, such as "445/TCP", over both families."""

    def classes(self) -> dict[str, int]:
        """Packets by name of their class, over both families."""

    def tools(self) -> dict[str, int]:
        """Packets by name of the tool that sent them, over both families; without those of no known tool."""

@final
class Sums:
    """Counts packets by key, class and tool, where no tuples are asked for.

    The sums are those over an observer's rows. No table can be full, and memory is 8 MiB for each thread.
    """

    def __new__(
        cls,
        monitored: Sequence[str] = (),
        *,
        threads: int = 1,
        seed: int = 0,
        rules: Rules | None = None,
    ) -> Sums:
        """Makes sums of nothing.

        Args:
            monitored: Networks whose traffic is counted, as `Observer` takes them.
            threads: Most threads to count on, at least 1. Only plain pcap files are counted on more than one,
                and only without rules, which need packets in their order. The sums do not depend on it.
            seed: What detections depend on where the memory for rules' limits ran out.
            rules: Rules to hold counted packets against.

        Raises:
            ValueError: A network cannot be read, or a number is out of its bounds.
        """

    def advance(self, capture: Capture, length: int = 67_108_864) -> None:
        """Counts the packets whose records begin in the next `length` bytes of a capture.

        It was counted to its end, or to its `fault`, once it is `exhausted`. Signals are handled between
        calls.

        Raises:
            ValueError: `length` is 0.
        """

    @property
    def counters(self) -> dict[str, int]:
        """What became of every record: `packets`, `bytes`, `counted`, `not_monitored`, `malformed.REASON`."""

    def keys(self) -> dict[str, tuple[int, int]]:
        """Packets and bytes by key, such as "445/TCP"."""

    def classes(self) -> dict[str, int]:
        """Packets by name of their class."""

    def tools(self) -> dict[str, int]:
        """Packets by name of the tool that sent them; without those of no known tool."""

    def signatures(self) -> dict[int, int]:
        """Detections by number of the signature."""

@final
class Columns:
    """Tuples as columns: row `i` of a column of width `w` is `column[i * w:(i + 1) * w]`.

    Integers are unsigned and little-endian; addresses are in network byte order.
    """

    @property
    def rows(self) -> int:
        """Number of rows."""

    @property
    def minute(self) -> bytes:
        """Minutes since 1970-01-01 00:00 UTC; 4 bytes."""

    @property
    def source(self) -> bytes:
        """Source addresses; 4 or 16 bytes."""

    @property
    def address(self) -> bytes:
        """Monitored addresses, the destinations; 4 or 16 bytes."""

    @property
    def form(self) -> bytes:
        """Forms of the keys; 1 byte."""

    @property
    def value(self) -> bytes:
        """Values of the keys; 2 bytes."""

    @property
    def source_port(self) -> bytes:
        """Source ports of TCP and UDP, codes of ICMP, else 0; 2 bytes."""

    @property
    def flags(self) -> bytes:
        """TCP flag bytes, else 0; 1 byte."""

    @property
    def class_(self) -> bytes:
        """Classes; 1 byte."""

    @property
    def tool(self) -> bytes:
        """Tools; 1 byte."""

    @property
    def packets(self) -> bytes:
        """Packets; 8 bytes."""

    @property
    def bytes_(self) -> bytes:
        """Sums of the IP packets' lengths as their headers state them; 8 bytes."""

@final
class Examples:
    """Example payloads as columns, laid out as `Detections`. At most 1,024 rows."""

    @property
    def rows(self) -> int:
        """Number of rows."""

    @property
    def minute(self) -> bytes:
        """Minutes since 1970-01-01 00:00 UTC; 4 bytes."""

    @property
    def signature(self) -> bytes:
        """Numbers of the rules; 4 bytes."""

    @property
    def family(self) -> bytes:
        """4 or 6; 1 byte."""

    @property
    def source(self) -> bytes:
        """Source addresses, IPv4 behind 12 zero bytes; 16 bytes."""

    @property
    def length(self) -> bytes:
        """How many bytes are kept, 1 to 64; 1 byte."""

    @property
    def payload(self) -> bytes:
        """These bytes, and zeros behind them; 64 bytes."""

@final
class Detections:
    """Detections as columns: row `i` of a column of width `w` is `column[i * w:(i + 1) * w]`.

    Integers are unsigned and little-endian; addresses are in network byte order. At most 65,536 rows.
    """

    @property
    def rows(self) -> int:
        """Number of rows."""

    @property
    def minute(self) -> bytes:
        """Minutes since 1970-01-01 00:00 UTC; 4 bytes."""

    @property
    def signature(self) -> bytes:
        """Numbers of the rules; 4 bytes."""

    @property
    def family(self) -> bytes:
        """4 or 6; 1 byte."""

    @property
    def source(self) -> bytes:
        """Source addresses, IPv4 behind 12 zero bytes; 16 bytes."""

    @property
    def address(self) -> bytes:
        """Monitored addresses, as `source`; 16 bytes."""

    @property
    def count(self) -> bytes:
        """Detections; 8 bytes."""

@final
class Rules:
    """Rules in the language of Suricata and Snort, compiled (docs/reference/signatures.md)."""

    def __new__(
        cls,
        texts: Sequence[tuple[str, str]],
        *,
        exclusive: Sequence[int] = (),
        variables: dict[str, str] = {},
    ) -> Rules:
        """Reads and compiles rules; a rule that cannot be used is left out, and `diagnostics` says why.

        Args:
            texts: Name and text of each rule file.
            exclusive: Numbers of rules of which one alone speaks for a packet: the earliest in this order.
                Every other rule always speaks.
            variables: What `$NAME` stands for in rules, by name without the dollar sign; defaults stay.

        Raises:
            ValueError: The rules together are more than the engine holds.
        """

    def __len__(self) -> int:
        """How many rules are in use."""

    def signatures(self) -> list[Signature]:
        """The rules in use."""

    def diagnostics(self) -> list[RuleDiagnostic]:
        """What there is to say about the others, in the order of the texts."""

@final
class Signature:
    """A rule in use."""

    @property
    def sid(self) -> int:
        """Its number."""

    @property
    def revision(self) -> int:
        """Its revision; 0 if it states none."""

    @property
    def message(self) -> str:
        """What it says when it matches."""

    @property
    def classification(self) -> str:
        """Its `classtype`; empty if it states none."""

    @property
    def silent(self) -> bool:
        """Whether it only sets flow bits, and never speaks."""

    @property
    def place(self) -> tuple[str, int, int]:
        """File, line and column."""

@final
class RuleDiagnostic:
    """What there is to say about a rule that is not used."""

    @property
    def obstacle(self) -> str:
        """What kind of obstacle.

        "session" (it looks into an established session), "senderless" (it speaks of frames without an IP
        header), "unsupported" (it asks for what the engine does not do), "mistake" (in its text), "replaced"
        (another rule has its number).
        """

    @property
    def sid(self) -> int | None:
        """The rule's number, where it could be read."""

    @property
    def cause(self) -> str:
        """A few words that are the same for every rule with this obstacle, for counting."""

    @property
    def reason(self) -> str:
        """What is wrong, for a person."""

    @property
    def remedy(self) -> str:
        """What to do about it, for a person."""

    @property
    def cut_off(self) -> bool:
        """Whether the file may have been cut off within the rule.

        It is a mistake in the file's last rule, which never closes or ends without a line's end.
        """

    @property
    def place(self) -> tuple[str, int, int]:
        """File, line and column."""

@final
class Quoted:
    """What ICMP errors quoted, as columns in the manner of `Columns`.

    Addresses have 16 bytes; an IPv4 address is 12 zero bytes and its 4.
    """

    @property
    def rows(self) -> int:
        """Number of rows."""

    @property
    def minute(self) -> bytes:
        """Minutes since 1970-01-01 00:00 UTC; 4 bytes."""

    @property
    def family(self) -> bytes:
        """4 or 6; 1 byte."""

    @property
    def source(self) -> bytes:
        """Who reports; 16 bytes."""

    @property
    def address(self) -> bytes:
        """Monitored addresses the reports came to; 16 bytes."""

    @property
    def kind(self) -> bytes:
        """ICMP or ICMPv6 types; 1 byte."""

    @property
    def code(self) -> bytes:
        """Their codes; 1 byte."""

    @property
    def protocol(self) -> bytes:
        """Protocols of the quoted packets; 1 byte."""

    @property
    def victim(self) -> bytes:
        """Victims, the destinations of the quoted packets; 16 bytes."""

    @property
    def victim_port(self) -> bytes:
        """Their TCP or UDP ports, 0 where there is none or it was cut off; 2 bytes."""

    @property
    def packets(self) -> bytes:
        """Packets; 8 bytes."""

@final
class Sketches:
    """How many sources keys had: HyperLogLog sketches, as columns in the manner of `Columns`."""

    @property
    def rows(self) -> int:
        """Number of sketches."""

    @property
    def family(self) -> bytes:
        """4 or 6; 0 for the sketch that the keys without one of their own share; 1 byte."""

    @property
    def form(self) -> bytes:
        """Forms of the keys; 0 for the shared sketch; 1 byte."""

    @property
    def value(self) -> bytes:
        """Values of the keys; 2 bytes."""

    @property
    def registers(self) -> bytes:
        """Registers; 1,024 bytes."""
