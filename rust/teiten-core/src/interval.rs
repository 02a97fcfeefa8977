//! What one span of observation gave, with its counters.

use std::collections::BTreeMap;

use crate::class::Class;
use crate::degradation::Step;
use crate::detector::Detected;
use crate::key::{Form, Key};
use crate::suspect::{Suspect, Suspects};
use crate::tally::{Columns, QuotedColumns, Sketch};
use crate::tool::Tool;
use crate::wire::Reason;

/// Why an interval was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Packet time went over the interval's end, or left the minutes it can hold.
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
    /// Records whose time lay [`AHEAD_NS`](crate::limits::AHEAD_NS) or more ahead of the clock that was set; they are
    /// counted in the minute that it showed.
    pub time_ahead: u64,
    /// Counted packets with which anything is wrong; their reasons are [`suspects`](Self::suspects).
    pub suspicious: u64,
    /// Counted packets of which at least one reason speaks for a forged source.
    pub suspected_forged: u64,
    /// Counted ICMP errors whose quoted header could not be read.
    pub quoted_unread: u64,
    /// Counted ICMP errors that found no room in [`Interval::quoted`].
    pub quoted_overflow: u64,
    malformed: [u64; Reason::ALL.len()],
    suspects: [u64; Suspect::ALL.len()],
}

impl Counters {
    /// Records that could not be counted, by reason; only reasons that occurred, in a fixed order.
    ///
    /// Names are those of [`Reason::name`].
    pub fn malformed(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let named = Reason::ALL
            .iter()
            .map(|reason| reason.name())
            .zip(self.malformed);
        named.filter(|(_, records)| *records > 0)
    }

    /// Counted packets by what is wrong with them; a packet may be in several. Only reasons that occurred, in a fixed
    /// order; names are those of [`Suspect::name`].
    pub fn suspects(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let named = Suspect::ALL
            .iter()
            .map(|suspect| suspect.name())
            .zip(self.suspects);
        named.filter(|(_, packets)| *packets > 0)
    }

    /// Counts what is wrong with a packet, if anything is.
    #[inline]
    pub(crate) fn suspect(&mut self, suspects: Suspects) {
        if !suspects.is_empty() {
            self.suspect_each(suspects);
        }
    }

    #[cold]
    fn suspect_each(&mut self, suspects: Suspects) {
        self.suspicious += 1;
        self.suspected_forged += u64::from(suspects.meets(Suspects::FORGERY));
        for suspect in suspects.iter() {
            self.suspects[suspect as usize] += 1;
        }
    }

    /// Adds what was counted elsewhere.
    pub(crate) fn append(&mut self, other: &Self) {
        let Self {
            packets,
            bytes,
            counted,
            not_monitored,
            outside_span,
            time_backward,
            time_ahead,
            suspicious,
            suspected_forged,
            quoted_unread,
            quoted_overflow,
            malformed,
            suspects,
        } = other;
        self.packets += packets;
        self.bytes += bytes;
        self.counted += counted;
        self.not_monitored += not_monitored;
        self.outside_span += outside_span;
        self.time_backward += time_backward;
        self.time_ahead += time_ahead;
        self.suspicious += suspicious;
        self.suspected_forged += suspected_forged;
        self.quoted_unread += quoted_unread;
        self.quoted_overflow += quoted_overflow;
        for (sum, other) in self.malformed.iter_mut().zip(malformed) {
            *sum += other;
        }
        for (sum, other) in self.suspects.iter_mut().zip(suspects) {
            *sum += other;
        }
    }

    /// Counts packets that went into tuples, and their IP lengths.
    pub(crate) fn count(&mut self, packets: u64, bytes: u64) {
        self.packets += packets;
        self.counted += packets;
        self.bytes += bytes;
    }

    /// Counts a record that could not be counted.
    pub(crate) fn refuse(&mut self, reason: Reason) {
        self.malformed[reason as usize] += 1;
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
    /// What it gave up.
    pub step: Step,
    /// What became of every record.
    pub counters: Counters,
    /// The tuples of IPv4, in the order of their first packets.
    pub ipv4: Columns,
    /// The tuples of IPv6, in the order of their first packets.
    pub ipv6: Columns,
    /// What ICMP errors quoted.
    pub quoted: QuotedColumns,
    /// How many sources there were, where [`step`](Self::step) is [`Step::WithoutSource`]; otherwise none.
    pub sketches: Vec<Sketch>,
    /// What the signatures gave.
    pub detected: Detected,
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
        // Numbers of the keys met, plus one, by form and value: a flood has many rows and far fewer keys. In pages,
        // because a quiet interval has few of either.
        let mut pages: Vec<Option<Box<[usize; 256]>>> = vec![None; 8 << 8];
        let mut met: Vec<(Key, Totals)> = Vec::new();
        for columns in [&self.ipv4, &self.ipv6] {
            let rows = columns.keys().zip(columns.packets().zip(columns.bytes()));
            for (key, (packets, bytes)) in rows {
                let [page, place] = key.value.to_be_bytes().map(usize::from);
                let numbers = pages[(key.form as usize) << 8 | page]
                    .get_or_insert_with(|| Box::new([0; 256]));
                let number = &mut numbers[place];
                if *number == 0 {
                    met.push((key, Totals::default()));
                    *number = met.len();
                }
                let totals = &mut met[*number - 1].1;
                totals.packets += packets;
                totals.bytes += bytes;
            }
        }
        met.into_iter()
            .map(|(key, totals)| (key.to_string(), totals))
            .collect()
    }

    /// Packets by the name of their class, over both families.
    #[must_use]
    pub fn classes(&self) -> BTreeMap<&'static str, u64> {
        let named = Class::ALL.map(|class| (class as u8, class.name()));
        self.by_number(|columns| &columns.class, &named)
    }

    /// Packets by the name of the tool that sent them, over both families; those without a verdict are left out.
    #[must_use]
    pub fn tools(&self) -> BTreeMap<&'static str, u64> {
        let named = Tool::ALL.map(|tool| (tool as u8, tool.name()));
        self.by_number(|columns| &columns.tool, &named)
    }

    fn by_number(
        &self,
        column: impl Fn(&Columns) -> &[u8],
        named: &[(u8, &'static str)],
    ) -> BTreeMap<&'static str, u64> {
        let mut sums = [0; 256];
        for columns in [&self.ipv4, &self.ipv6] {
            for (number, packets) in column(columns).iter().zip(columns.packets()) {
                sums[usize::from(*number)] += packets;
            }
        }
        let named = named
            .iter()
            .map(|(number, name)| (*name, sums[usize::from(*number)]));
        named.filter(|(_, packets)| *packets > 0).collect()
    }
}

impl Columns {
    /// Keys of the rows, in their order.
    fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        let values = self
            .value
            .chunks_exact(2)
            .map(|value| u16::from_le_bytes([value[0], value[1]]));
        let forms = self
            .form
            .iter()
            .map(|form| Form::from_number(*form).unwrap_or(Form::Ip));
        forms.zip(values).map(|(form, value)| Key { form, value })
    }
}
