//! One header field, and which rules each of its values leaves possible.
//!
//! The values fall into classes within which the same rules are possible; a class has one [row](super::rows) of bits.

use std::collections::HashMap;

use super::ranges::Ranges;
use super::rows::{Block, FIELDS, Fit, Rows, and};
use super::rule::Addresses;
use super::view::{Kind, View};
use crate::packet::Ip;
use crate::wire::ipv4::Ipv4;
use crate::wire::ipv6::Halves;

/// A class for each of 65,536 values, in pages of 256; equal pages are kept once.
#[derive(Clone, Debug)]
struct Pages {
    pages: Box<[u16; 256]>,
    classes: Box<[[u16; 256]]>,
}

impl Pages {
    /// Classes of the values, of which each stands for so many of the rows'; [`SPLIT`] where these differ.
    fn new(rows: &Rows, each: u128) -> Self {
        let class_of = |first: u128, last: u128| {
            let class = rows.class_between(first, last)?;
            Some(u16::try_from(class).unwrap_or(SPLIT))
        };
        let mut pages = Box::new([0; 256]);
        let (mut classes, mut known) = (Vec::new(), HashMap::new());
        let mut uniform: HashMap<u16, u16> = HashMap::new();
        for (high, number) in (0..).zip(pages.iter_mut()) {
            let start = (high << 8) * each;
            let same = class_of(start, start + (each << 8) - 1);
            if let Some(known) = same.and_then(|class| uniform.get(&class)) {
                *number = *known;
                continue;
            }
            let page = if let Some(class) = same {
                [class; 256]
            } else {
                let mut page = [0; 256];
                for (low, value) in (0..).zip(&mut page) {
                    let first = start + low * each;
                    *value = class_of(first, first + each - 1).unwrap_or(SPLIT);
                }
                page
            };
            let next = u16::try_from(classes.len()).unwrap_or(0);
            *number = *known.entry(page).or_insert(next);
            if *number == next {
                classes.push(page);
            }
            if let Some(class) = same {
                uniform.insert(class, *number);
            }
        }
        Self {
            pages,
            classes: classes.into(),
        }
    }

    #[inline]
    fn class(&self, value: u16) -> u16 {
        let [high, low] = value.to_be_bytes();
        self.classes[usize::from(self.pages[usize::from(high)])][usize::from(low)]
    }
}

/// Stands for a value, or the upper half of one, that more has to be known of.
pub(super) const SPLIT: u16 = u16::MAX;

/// A field of at most 32 bits: one of 16 is looked up in pages, and so is the upper half of a wider one, such as an IPv4
/// address; only where values that share an upper half differ is there a search.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    field: Field,
    pages: Pages,
    rows: Rows,
}

impl Axis {
    /// `None` if the field leaves every rule possible whatever its value.
    fn new(field: Field, accepted: &[Option<&Ranges>], words: usize) -> Option<Self> {
        if accepted.iter().all(Option::is_none) {
            return None;
        }
        let rows = Rows::new(accepted, words);
        if rows.is_all() {
            return None;
        }
        let pages = Pages::new(&rows, if field.is_wide() { 1 << 16 } else { 1 });
        Some(Self { field, pages, rows })
    }

    /// Whether the field has 32 bits.
    pub(super) const fn is_wide(&self) -> bool {
        self.field.is_wide()
    }

    pub(super) const fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Number of the page of each upper byte, and the pages' classes.
    pub(super) const fn pages(&self) -> (&[u16; 256], &[[u16; 256]]) {
        (&self.pages.pages, &self.pages.classes)
    }

    /// The class of a packet's value.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a class is found for a dozen fields of each packet"
    )]
    fn class(&self, values: &Values, view: &View<'_>) -> u32 {
        self.class_of(values.0[self.field as usize], || {
            self.field.whole(values, view)
        })
    }

    /// The class of a value, or of its upper half where that tells enough.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a class is found for a dozen fields of each packet"
    )]
    fn class_of(&self, upper: u16, whole: impl FnOnce() -> u32) -> u32 {
        match self.pages.class(upper) {
            SPLIT => self.rows.class(whole().into()),
            class => class.into(),
        }
    }
}

/// A field that is looked up in pages: its place among the [`Values`] of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    SourcePort,
    DestinationPort,
    First,
    Second,
    Length,
    Marks,
    TimeToLive,
    Identification,
    FirstByte,
    Sequence,
    Source4,
    Destination4,
    Acknowledgement,
}

impl Field {
    /// Whether the field has 32 bits.
    pub(super) const fn is_wide(self) -> bool {
        matches!(
            self,
            Self::Sequence | Self::Source4 | Self::Destination4 | Self::Acknowledgement
        )
    }

    /// The value of the field.
    #[cold]
    fn whole(self, values: &Values, view: &View<'_>) -> u32 {
        match self {
            Self::Sequence => view.word_at(4),
            Self::Acknowledgement => view.word_at(8),
            Self::Source4 => view.ipv4().map_or(0, Ipv4::source),
            Self::Destination4 => view.ipv4().map_or(0, Ipv4::destination),
            _ => values.0[self as usize].into(),
        }
    }
}

/// Values of a packet's fields; of those of 32 bits the upper halves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values([u16; FIELDS]);

impl Values {
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "values are gathered for each packet, and never have to be moved"
    )]
    pub(super) fn of(view: &View<'_>) -> Self {
        let (first, second, sequence) = match view.kind {
            Kind::Tcp => (view.tcp_flags().into(), view.half_at(14), view.half_at(4)),
            Kind::Icmp => {
                let [kind, code] = view.half_at(0).to_be_bytes();
                (kind.into(), code.into(), view.half_at(4))
            }
            Kind::Udp => (0, 0, view.half_at(4)),
            Kind::Other => (view.packet.protocol.into(), 0, view.half_at(4)),
        };
        let (identification, source, destination) = match view.ipv4() {
            Some(ip) => (
                ip.identification(),
                (ip.source() >> 16) as u16,
                (ip.destination() >> 16) as u16,
            ),
            None => (0, 0, 0),
        };
        Self([
            view.ports.0,
            view.ports.1,
            first,
            second,
            u16::try_from(view.payload.len()).unwrap_or(u16::MAX),
            view.marks.into(),
            view.time_to_live.into(),
            identification,
            view.payload.first().copied().unwrap_or(0).into(),
            sequence,
            source,
            destination,
            view.half_at(8),
        ])
    }
}

/// An IPv6 address.
#[derive(Clone, Debug)]
pub(super) struct Longest(Rows);

impl Longest {
    pub(super) fn new(accepted: &[Option<&Ranges>], words: usize) -> Self {
        Self(Rows::new(accepted, words))
    }

    /// The class of an address.
    fn class(&self, address: Halves) -> u32 {
        self.0.class(number(address))
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
    /// TCP acknowledgement numbers.
    pub(super) acknowledgements: Option<Ranges>,
}

/// The fields that tell rules apart; a field no rule asks for is left out.
#[derive(Clone, Debug)]
pub(super) struct Axes {
    /// Source and destination address of IPv4.
    ipv4: Box<[Axis]>,
    source6: Option<Longest>,
    destination6: Option<Longest>,
    /// Fields of packets of either version of IP.
    shared: Box<[Axis]>,
}

impl Axes {
    pub(super) fn new(fields: &[Fields], words: usize) -> Self {
        type Pick = fn(&Fields) -> Option<&Ranges>;
        fn some(ranges: &Ranges, largest: u128) -> Option<&Ranges> {
            Some(ranges).filter(|ranges| !ranges.is_everything(largest))
        }
        let axis = |(field, pick): (Field, Pick)| {
            Axis::new(field, &fields.iter().map(pick).collect::<Vec<_>>(), words)
        };
        let longest = |pick: Pick| {
            let accepted: Vec<_> = fields.iter().map(pick).collect();
            if accepted.iter().all(Option::is_none) {
                return None;
            }
            let axis_of = Longest::new(&accepted, words);
            (!axis_of.0.is_all()).then_some(axis_of)
        };
        // What leaves fewest rules in most packets comes first: often nothing is left to narrow soon.
        let shared: [(Field, Pick); 11] = [
            (Field::DestinationPort, |fields| {
                fields.destination_ports.as_ref()
            }),
            (Field::First, |fields| fields.first.as_ref()),
            (Field::SourcePort, |fields| fields.source_ports.as_ref()),
            (Field::Second, |fields| fields.second.as_ref()),
            (Field::Length, |fields| fields.lengths.as_ref()),
            (Field::FirstByte, |fields| fields.first_bytes.as_ref()),
            (Field::Marks, |fields| fields.marks.as_ref()),
            (Field::TimeToLive, |fields| fields.times_to_live.as_ref()),
            (Field::Identification, |fields| {
                fields.identifications.as_ref()
            }),
            (Field::Sequence, |fields| fields.sequences.as_ref()),
            (Field::Acknowledgement, |fields| {
                fields.acknowledgements.as_ref()
            }),
        ];
        let ipv4: [(Field, Pick); 2] = [
            (Field::Source4, |fields| {
                some(&fields.source.ipv4, u32::MAX.into())
            }),
            (Field::Destination4, |fields| {
                some(&fields.destination.ipv4, u32::MAX.into())
            }),
        ];
        Self {
            ipv4: ipv4.into_iter().filter_map(axis).collect(),
            source6: longest(|fields| some(&fields.source.ipv6, u128::MAX)),
            destination6: longest(|fields| some(&fields.destination.ipv6, u128::MAX)),
            shared: shared.into_iter().filter_map(axis).collect(),
        }
    }

    /// The rows of a field, if it tells rules apart.
    pub(super) fn axis(&self, field: Field) -> Option<&Axis> {
        let mut all = self.ipv4.iter().chain(&self.shared);
        all.find(|axis| axis.field == field)
    }

    /// The bits of the rules that the packet's header fits, where rows are one block: those of the rules most packets
    /// meet.
    #[inline]
    pub(super) fn fitting(&self, view: &View<'_>, values: &Values, all: &Block) -> Block {
        let mut left = *all;
        self.every_row(view, values, |rows, class| {
            if let Some(row) = rows.block(class) {
                left = and(&left, row);
            }
            true
        });
        left
    }

    /// Of rows of so many words those of the packet's values; `None` where already their marks tell that no rule is left.
    #[inline]
    pub(super) fn fit(&self, view: &View<'_>, values: &Values, words: usize) -> Option<Fit<'_>> {
        let mut fit = Fit::new(words);
        let are_left = self.every_row(view, values, |rows, class| fit.add(rows, class));
        are_left.then_some(fit)
    }

    /// Calls `keep` with each field's rows and the class of the packet's value, as long as it says so; whether to the end.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what is done with a row decides which registers are free"
    )]
    fn every_row<'a>(
        &'a self,
        view: &View<'_>,
        values: &Values,
        mut keep: impl FnMut(&'a Rows, u32) -> bool,
    ) -> bool {
        let addresses = match &view.packet.ip {
            Ip::V4(_) => {
                let mut axes = self.ipv4.iter();
                axes.all(|axis| keep(&axis.rows, axis.class(values, view)))
            }
            Ip::V6(ip) => {
                let source = self.source6.as_ref();
                let destination = self.destination6.as_ref();
                source.is_none_or(|axis| keep(&axis.0, axis.class(ip.source())))
                    && destination.is_none_or(|axis| keep(&axis.0, axis.class(ip.destination())))
            }
        };
        let mut shared = self.shared.iter();
        addresses && shared.all(|axis| keep(&axis.rows, axis.class(values, view)))
    }
}

fn number([high, low]: Halves) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::marks::WORD;
    use crate::signature::rows::BLOCK;
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
            let ipv6 = Longest::new(&accepted, words);
            let all = vec![[u64::MAX; BLOCK]; words.div_ceil(BLOCK)];
            let row = |field, upper| {
                let axis = Axis::new(field, &accepted, words);
                axis.map_or(all.clone(), |axis| axis.rows.row(axis.class_of(upper, || value.into())).to_vec())
            };
            let ipv6 = ipv6.0.row(ipv6.class([0, value.into()])).to_vec();
            let rows = [row(Field::SourcePort, value), row(Field::Source4, 0), ipv6]
                .map(|row| row.as_flattened().to_vec());
            for (bit, set) in sets.iter().enumerate() {
                let expected = set.as_ref().is_none_or(|set| set.has(value.into()));
                for row in &rows {
                    prop_assert_eq!(row[bit / WORD] >> (bit % WORD) & 1 == 1, expected);
                }
            }
        }
    }
}
