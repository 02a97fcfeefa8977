//! What one span of observation gave, with its counters.

use std::collections::BTreeMap;

use crate::tally::Columns;

/// Why an interval was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Packet time went over the interval's end.
    Time,
    /// The table, or the limit of rows, was full.
    Full,
    /// The observation ended.
    End,
}

impl Cause {
    /// `time`, `full` or `end`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Full => "full",
            Self::End => "end",
        }
    }
}

/// What became of every record: `packets = counted + not_monitored + outside_span + sum of malformed`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records looked at.
    pub packets: u64,
    /// Sum of the IP lengths of the packets counted, as their headers state them.
    pub bytes: u64,
    /// Records that went into a tuple.
    pub counted: u64,
    /// Records to an address that is not monitored.
    pub not_monitored: u64,
    /// Records before or after the span that was to be observed.
    pub outside_span: u64,
    /// Records earlier than one before them; they are counted all the same, in their own minute.
    pub time_backward: u64,
}

impl Counters {
    /// Records that could not be counted, by reason in `snake_case`; only reasons that occurred, in a fixed order.
    pub fn malformed(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        std::iter::empty()
    }
}

/// What one span of observation gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// First nanosecond of the span, since 1970-01-01 00:00 UTC.
    pub start_ns: i64,
    /// First nanosecond after the span; always more than `start_ns`.
    pub end_ns: i64,
    /// Why the interval was closed.
    pub cause: Cause,
    /// What became of every record.
    pub counters: Counters,
    /// The tuples of IPv4, in the order of their first packets.
    pub ipv4: Columns,
    /// The tuples of IPv6, in the order of their first packets.
    pub ipv6: Columns,
}

/// Packets and bytes of some tuples together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Packets.
    pub packets: u64,
    /// Sum of their IP lengths, as their headers state them.
    pub bytes: u64,
}

impl Interval {
    /// Totals by key text, such as `445/TCP`, over both families.
    #[must_use]
    pub fn keys(&self) -> BTreeMap<String, Totals> {
        unimplemented!()
    }

    /// Packets by the name of their class, over both families.
    #[must_use]
    pub fn classes(&self) -> BTreeMap<&'static str, u64> {
        unimplemented!()
    }

    /// Packets by the name of the tool that sent them, over both families; those without a verdict are left out.
    #[must_use]
    pub fn tools(&self) -> BTreeMap<&'static str, u64> {
        unimplemented!()
    }
}
