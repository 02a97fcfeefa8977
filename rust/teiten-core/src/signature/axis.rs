//! One header field, and which rules each of its values leaves possible.
//!
//! The values fall into classes within which the same rules are possible; a class has one row of bits, a bit a rule.
//! The rows of all fields of a packet, and-ed, leave the rules whose header fits: bit vectors after Lakshman and
//! Stiliadis, "High-Speed Policy-Based Packet Forwarding Using Efficient Multi-dimensional Range Matching" (1998).

use std::collections::HashMap;

use super::ranges::Ranges;
use super::rule::Addresses;
use super::view::{Kind, View};
use crate::packet::Ip;
use crate::wire::ipv4::Ipv4;
use crate::wire::ipv6::Halves;

/// Bits of one word of a row.
pub(super) const WORD: usize = u64::BITS as usize;

/// Words of a short row.
pub(super) const BLOCK: usize = 4;

/// Fields that are looked up at the most.
const FIELDS: usize = 12;

/// Rows of bits, and which class each value is of.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// First value of each interval but the first, which begins at 0.
    starts: Vec<u128>,
    /// Row of each interval.
    classes: Vec<u32>,
    bits: Vec<u64>,
    words: usize,
    /// Whether every value leaves every rule possible.
    all: bool,
}

impl Rows {
    /// The rows of a field where rule number `i` is possible for the values in `accepted[i]`; `None`: for all.
    pub(super) fn new(accepted: &[Option<&Ranges>], words: usize) -> Self {
        // Bits behind the last rule are set, so that a field no rule asks for is flat.
        let mut row = vec![0_u64; words];
        for bit in accepted.len()..words * WORD {
            row[bit / WORD] |= 1 << (bit % WORD);
        }
        let mut changes: Vec<(u128, usize)> = Vec::new();
        for (bit, ranges) in accepted.iter().enumerate() {
            let Some(ranges) = ranges else {
                row[bit / WORD] |= 1 << (bit % WORD);
                continue;
            };
            for (first, last) in ranges.spans() {
                if *first == 0 {
                    row[bit / WORD] |= 1 << (bit % WORD);
                } else {
                    changes.push((*first, bit));
                }
                changes.extend(last.checked_add(1).map(|behind| (behind, bit)));
            }
        }
        changes.sort_unstable();
        let mut rows = Self {
            starts: Vec::new(),
            classes: Vec::new(),
            bits: Vec::new(),
            words,
            all: false,
        };
        let mut known: HashMap<Vec<u64>, u32> = HashMap::new();
        rows.add(&row, &mut known);
        let mut at = 0;
        while at < changes.len() {
            let start = changes[at].0;
            while at < changes.len() && changes[at].0 == start {
                let bit = changes[at].1;
                row[bit / WORD] ^= 1 << (bit % WORD);
                at += 1;
            }
            rows.starts.push(start);
            rows.add(&row, &mut known);
        }
        rows.all = rows.bits.iter().all(|word| *word == u64::MAX);
        rows
    }

    fn add(&mut self, row: &[u64], known: &mut HashMap<Vec<u64>, u32>) {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        let class = *known.entry(row.to_vec()).or_insert(next);
        if class == next {
            self.bits.extend_from_slice(row);
        }
        self.classes.push(class);
    }

    fn interval(&self, value: u128) -> usize {
        self.starts.partition_point(|start| *start <= value)
    }

    /// Walks over the intervals.
    fn cursor(&self) -> Cursor<'_> {
        Cursor {
            starts: &self.starts,
            interval: 0,
        }
    }

    fn class(&self, value: u128) -> u32 {
        self.classes.get(self.interval(value)).copied().unwrap_or(0)
    }

    #[inline]
    fn row(&self, class: u32) -> &[u64] {
        let start = class as usize * self.words;
        &self.bits[start..start + self.words]
    }
}

/// Finds the intervals of values in ascending order.
struct Cursor<'a> {
    starts: &'a [u128],
    interval: usize,
}

impl Cursor<'_> {
    /// The interval of a value no less than the one before.
    fn to(&mut self, value: u128) -> usize {
        while self
            .starts
            .get(self.interval)
            .is_some_and(|start| *start <= value)
        {
            self.interval += 1;
        }
        self.interval
    }
}

/// A class for each of 65,536 values, in pages of 256; equal pages are kept once.
#[derive(Clone, Debug)]
struct Pages {
    pages: Box<[u16]>,
    classes: Box<[u16]>,
}

impl Pages {
    /// Classes of the values, which `class` is asked for in ascending order.
    fn new(mut class: impl FnMut(u16) -> u16) -> Self {
        let (mut pages, mut classes, mut known) =
            (Vec::with_capacity(256), Vec::new(), HashMap::new());
        for high in 0..=u8::MAX {
            let page: Vec<u16> = (0..=u8::MAX)
                .map(|low| class(u16::from_be_bytes([high, low])))
                .collect();
            let next = u16::try_from(known.len()).unwrap_or(0);
            let number = *known.entry(page.clone()).or_insert(next);
            if number == next {
                classes.extend(page);
            }
            pages.push(number);
        }
        Self {
            pages: pages.into(),
            classes: classes.into(),
        }
    }

    /// One class for all.
    fn one() -> Self {
        Self {
            pages: vec![0; 256].into(),
            classes: vec![0; 256].into(),
        }
    }

    #[inline]
    fn class(&self, value: u16) -> u16 {
        let [high, low] = value.to_be_bytes();
        let page = self.pages[usize::from(high)];
        self.classes[usize::from(page) << 8 | usize::from(low)]
    }
}

/// A field of at most 16 bits.
#[derive(Clone, Debug)]
pub(super) struct Small {
    pages: Pages,
    rows: Rows,
}

impl Small {
    pub(super) fn new(accepted: &[Option<&Ranges>], words: usize) -> Self {
        let rows = Rows::new(accepted, words);
        if rows.all {
            return Self {
                pages: Pages::one(),
                rows,
            };
        }
        let mut cursor = rows.cursor();
        // There are no more classes than values.
        let pages =
            Pages::new(|value| u16::try_from(rows.classes[cursor.to(value.into())]).unwrap_or(0));
        Self { pages, rows }
    }

    /// The row of a value.
    #[inline]
    pub(super) fn row(&self, value: u16) -> &[u64] {
        self.rows.row(self.pages.class(value).into())
    }
}

/// A field of 32 bits, such as an IPv4 address: its upper half is looked up in pages, and only where values that
/// share an upper half differ is there a search.
#[derive(Clone, Debug)]
pub(super) struct Wide {
    upper: Pages,
    rows: Rows,
}

/// Stands for an upper half whose values are of several classes.
const SPLIT: u16 = u16::MAX;

impl Wide {
    pub(super) fn new(accepted: &[Option<&Ranges>], words: usize) -> Self {
        let rows = Rows::new(accepted, words);
        if rows.all {
            return Self {
                upper: Pages::one(),
                rows,
            };
        }
        let mut cursor = rows.cursor();
        let upper = Pages::new(|half| {
            let first = u128::from(half) << 16;
            let (from, to) = (cursor.to(first), cursor.to(first | 0xffff));
            let class = u16::try_from(rows.classes[from]).ok();
            class.filter(|_| from == to).unwrap_or(SPLIT)
        });
        Self { upper, rows }
    }

    /// The row of a value.
    #[inline]
    pub(super) fn row(&self, value: u32) -> &[u64] {
        match self.upper.class((value >> 16) as u16) {
            SPLIT => self.rows.row(self.rows.class(value.into())),
            class => self.rows.row(class.into()),
        }
    }
}

/// An IPv6 address.
#[derive(Clone, Debug)]
pub(super) struct Longest(Rows);

impl Longest {
    pub(super) fn new(accepted: &[Option<&Ranges>], words: usize) -> Self {
        Self(Rows::new(accepted, words))
    }

    /// The row of an address.
    pub(super) fn row(&self, address: u128) -> &[u64] {
        self.0.row(self.0.class(address))
    }
}

/// The values of a packet's fields under which a rule is possible; `None`: all.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub(super) source: Addresses,
    pub(super) destination: Addresses,
    pub(super) source_ports: Option<Ranges>,
    pub(super) destination_ports: Option<Ranges>,
    /// TCP flags, ICMP type, or protocol number.
    pub(super) first: Option<Ranges>,
    /// TCP window, or ICMP code.
    pub(super) second: Option<Ranges>,
    pub(super) lengths: Option<Ranges>,
    pub(super) marks: Option<Ranges>,
    pub(super) times_to_live: Option<Ranges>,
    pub(super) identifications: Option<Ranges>,
    /// TCP sequence numbers.
    pub(super) sequences: Option<Ranges>,
    /// First bytes of the payload.
    pub(super) first_bytes: Option<Ranges>,
}

/// One field, and where its values are looked up.
#[derive(Clone, Debug)]
enum Axis {
    SourcePort(Small),
    DestinationPort(Small),
    First(Small),
    Second(Small),
    Length(Small),
    Marks(Small),
    TimeToLive(Small),
    Identification(Small),
    FirstByte(Small),
    Sequence(Wide),
    Source4(Wide),
    Destination4(Wide),
    Source6(Longest),
    Destination6(Longest),
}

/// The fields that tell rules apart, of packets of either version of IP; a field no rule asks for is left out.
#[derive(Clone, Debug)]
pub(super) struct Axes {
    ipv4: Box<[Axis]>,
    ipv6: Box<[Axis]>,
}

impl Axes {
    pub(super) fn new(fields: &[Fields], words: usize) -> Self {
        type Pick = fn(&Fields) -> Option<&Ranges>;
        fn some(ranges: &Ranges, largest: u128) -> Option<&Ranges> {
            Some(ranges).filter(|ranges| !ranges.is_everything(largest))
        }
        let small = |pick: Pick, axis: fn(Small) -> Axis| {
            let axis_of = Small::new(&fields.iter().map(pick).collect::<Vec<_>>(), words);
            (!axis_of.rows.all).then(|| axis(axis_of))
        };
        let wide = |pick: Pick, axis: fn(Wide) -> Axis| {
            let axis_of = Wide::new(&fields.iter().map(pick).collect::<Vec<_>>(), words);
            (!axis_of.rows.all).then(|| axis(axis_of))
        };
        let longest = |pick: Pick, axis: fn(Longest) -> Axis| {
            let axis_of = Longest::new(&fields.iter().map(pick).collect::<Vec<_>>(), words);
            (!axis_of.0.all).then(|| axis(axis_of))
        };
        // What leaves fewest rules in most packets comes first: often nothing is left to narrow soon.
        let shared = [
            small(
                |fields| fields.destination_ports.as_ref(),
                Axis::DestinationPort,
            ),
            small(|fields| fields.first.as_ref(), Axis::First),
            small(|fields| fields.source_ports.as_ref(), Axis::SourcePort),
            small(|fields| fields.second.as_ref(), Axis::Second),
            small(|fields| fields.lengths.as_ref(), Axis::Length),
            small(|fields| fields.first_bytes.as_ref(), Axis::FirstByte),
            small(|fields| fields.marks.as_ref(), Axis::Marks),
            small(|fields| fields.times_to_live.as_ref(), Axis::TimeToLive),
            small(
                |fields| fields.identifications.as_ref(),
                Axis::Identification,
            ),
            wide(|fields| fields.sequences.as_ref(), Axis::Sequence),
        ];
        let ipv4 = [
            wide(
                |fields| some(&fields.source.ipv4, u32::MAX.into()),
                Axis::Source4,
            ),
            wide(
                |fields| some(&fields.destination.ipv4, u32::MAX.into()),
                Axis::Destination4,
            ),
        ];
        let ipv6 = [
            longest(|fields| some(&fields.source.ipv6, u128::MAX), Axis::Source6),
            longest(
                |fields| some(&fields.destination.ipv6, u128::MAX),
                Axis::Destination6,
            ),
        ];
        Self {
            ipv4: ipv4.into_iter().chain(shared.clone()).flatten().collect(),
            ipv6: ipv6.into_iter().chain(shared).flatten().collect(),
        }
    }

    /// The bits of the rules that the packet's header fits, in the short rows of the rules most packets meet.
    ///
    /// Rows are found first and put together then, so that finding one does not wait for another.
    #[inline]
    pub(super) fn fitting(&self, view: &View<'_>, all: &[u64; BLOCK]) -> [u64; BLOCK] {
        let axes = match &view.packet.ip {
            Ip::V4(_) => &self.ipv4,
            Ip::V6(_) => &self.ipv6,
        };
        let mut rows = [all; FIELDS];
        for (row, axis) in rows.iter_mut().zip(axes) {
            if let Ok(found) = <&[u64; BLOCK]>::try_from(axis.row(view)) {
                *row = found;
            }
        }
        let mut left = *all;
        for row in rows.iter().take(axes.len()) {
            left = [
                left[0] & row[0],
                left[1] & row[1],
                left[2] & row[2],
                left[3] & row[3],
            ];
        }
        left
    }

    /// Clears the bits of the rules that the packet's header does not fit; whether any is left.
    #[inline]
    pub(super) fn narrow(&self, view: &View<'_>, possible: &mut [u64]) -> bool {
        let axes = match &view.packet.ip {
            Ip::V4(_) => &self.ipv4,
            Ip::V6(_) => &self.ipv6,
        };
        for axis in axes {
            let row = axis.row(view);
            let mut left = 0;
            for (possible, row) in possible.iter_mut().zip(row) {
                *possible &= row;
                left |= *possible;
            }
            if left == 0 {
                return false;
            }
        }
        true
    }
}

fn number([high, low]: Halves) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

impl Axis {
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a row is found for a dozen fields of each packet"
    )]
    fn row(&self, view: &View<'_>) -> &[u64] {
        match self {
            Self::SourcePort(axis) => axis.row(view.ports.0),
            Self::DestinationPort(axis) => axis.row(view.ports.1),
            Self::First(axis) => axis.row(match view.kind {
                Kind::Tcp => view.tcp_flags().into(),
                Kind::Icmp => view.half_at(0) >> 8,
                Kind::Udp => 0,
                Kind::Other => view.packet.protocol.into(),
            }),
            Self::Second(axis) => axis.row(match view.kind {
                Kind::Tcp => view.half_at(14),
                Kind::Icmp => view.half_at(0) & 0xff,
                Kind::Udp | Kind::Other => 0,
            }),
            Self::Length(axis) => axis.row(u16::try_from(view.payload.len()).unwrap_or(u16::MAX)),
            Self::Marks(axis) => axis.row(view.marks.into()),
            Self::TimeToLive(axis) => axis.row(view.time_to_live.into()),
            Self::Identification(axis) => axis.row(view.ipv4().map_or(0, Ipv4::identification)),
            Self::FirstByte(axis) => axis.row(view.payload.first().copied().unwrap_or(0).into()),
            Self::Sequence(axis) => axis.row(view.word_at(4)),
            Self::Source4(axis) => axis.row(view.ipv4().map_or(0, Ipv4::source)),
            Self::Destination4(axis) => axis.row(view.ipv4().map_or(0, Ipv4::destination)),
            Self::Source6(axis) => axis.row(view.ipv6().map_or(0, |ip| number(ip.source()))),
            Self::Destination6(axis) => {
                axis.row(view.ipv6().map_or(0, |ip| number(ip.destination())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_has_the_bits_of_the_rules_that_accept_the_value(
            spans in proptest::collection::vec(
                proptest::option::of(proptest::collection::vec((any::<u16>(), any::<u16>()), 0..4)), 1..100),
            value in any::<u16>(),
        ) {
            let sets: Vec<Option<Ranges>> = spans.iter().map(|spans| spans.as_ref().map(|spans| {
                Ranges::from_spans(spans.iter().map(|(one, two)| ((*one).into(), (*two).into())).collect())
            })).collect();
            let accepted: Vec<Option<&Ranges>> = sets.iter().map(Option::as_ref).collect();
            let words = accepted.len().div_ceil(WORD);
            let (small, ipv4) = (Small::new(&accepted, words), Wide::new(&accepted, words));
            let ipv6 = Longest::new(&accepted, words);
            let rows = [small.row(value), ipv4.row(value.into()), ipv6.row(value.into())];
            for (bit, set) in sets.iter().enumerate() {
                let expected = set.as_ref().is_none_or(|set| set.has(value.into()));
                for row in rows {
                    prop_assert_eq!(row[bit / WORD] >> (bit % WORD) & 1 == 1, expected);
                }
            }
        }
    }
}
