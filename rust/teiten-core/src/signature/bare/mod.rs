//! Which rules a packet without payload leaves possible, for the packets that most are, by one sum.
//!
//! Each value of a field has a weight, and the sum of a packet's weights is the place of its list of rules in a table:
//! cross-producting after Srinivasan et al., "Fast and Scalable Layer Four Switching" (1998), over the classes of
//! [`super::axis`]. Where the table has no room for all classes of a field, the smallest go without; a packet with a value of
//! one has a sum beyond the table's end and is looked at in full.
//!
//! | module | holds |
//! |---|---|
//! | [`packet`] | the packets |
//! | [`weights`] | the weights of one field's values |
//! | [`table`] | the tables of the sums |

mod packet;
mod table;
mod weights;

use super::axis::{Axes, BLOCK, Field, Fields, WORD};
use super::candidate::{Candidate, candidates, needs_payload};
use super::group::{Entry, Place};
use super::ranges::Ranges;
use super::rule::Rule;
use super::silence::Tracks;
use super::view::Kind;
pub(crate) use packet::BareTcp;
pub(super) use packet::{Bare, BareIcmp};
use table::{MARKS, Table};
use weights::commonest;

/// A field that has one value, or values that mean the same to all rules, in most packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OddField {
    SourcePort,
    Identification,
    Sequence,
    Acknowledgement,
    Source,
    Destination,
}

impl OddField {
    const ALL: [Self; 6] = [
        Self::SourcePort,
        Self::Identification,
        Self::Sequence,
        Self::Acknowledgement,
        Self::Source,
        Self::Destination,
    ];

    const fn field(self) -> Field {
        match self {
            Self::SourcePort => Field::SourcePort,
            Self::Identification => Field::Identification,
            Self::Sequence => Field::Sequence,
            Self::Acknowledgement => Field::Acknowledgement,
            Self::Source => Field::Source4,
            Self::Destination => Field::Destination4,
        }
    }
}

/// Values of fields that most packets have: where these leave a rule impossible, few packets can match it.
struct Ordinary([u128; OddField::ALL.len()]);

impl Ordinary {
    fn new(slots: &[Candidate<'_>]) -> Self {
        let words = slots.len().div_ceil(WORD).next_multiple_of(BLOCK);
        let fields: Vec<_> = slots.iter().map(Candidate::fields).collect();
        let all = Axes::new(&fields, words);
        Self(OddField::ALL.map(|field| match all.axis(field.field()) {
            // A SYN acknowledges nothing (RFC 9293 section 3.5).
            Some(_) if field == OddField::Acknowledgement => 0,
            Some(axis) if axis.is_wide() => commonest(axis.rows(), 32),
            Some(axis) => commonest(axis.rows(), 16),
            None => 0,
        }))
    }

    const fn of(&self, field: OddField) -> u128 {
        self.0[field as usize]
    }

    /// The field of a rule that fewest packets pass, with what it asks for, among those that ordinary packets do not pass;
    /// `None` if these may match.
    fn trigger<'a>(&self, fields: &'a Fields) -> Option<(OddField, &'a Ranges)> {
        let asked = [
            (OddField::SourcePort, fields.source_ports.as_ref()),
            (OddField::Identification, fields.identifications.as_ref()),
            (OddField::Sequence, fields.sequences.as_ref()),
            (OddField::Acknowledgement, fields.acknowledgements.as_ref()),
            (OddField::Source, Some(&fields.source.ipv4)),
            (OddField::Destination, Some(&fields.destination.ipv4)),
        ];
        let share = |(field, ranges): &(OddField, &Ranges)| {
            let largest = if field.field().is_wide() {
                u32::MAX.into()
            } else {
                u128::from(u16::MAX)
            };
            let width =
                |(first, last): &(u128, u128)| last.min(&largest).saturating_sub(*first) + 1;
            let widths = ranges.spans().iter().map(width);
            widths.sum::<u128>() * (u128::from(u32::MAX) + 1) / (largest + 1)
        };
        asked
            .into_iter()
            .filter_map(|(field, ranges)| Some((field, ranges?)))
            .filter(|(field, ranges)| !ranges.has(self.of(*field)))
            .min_by_key(share)
    }
}

/// The rules that bare packets of one kind can match.
#[derive(Clone, Debug)]
pub(super) struct Bares {
    entries: Box<[Entry]>,
    marks: OddMarks,
    /// Of rules that ask for addresses alone, none of which ordinary packets have.
    by_ends: Table,
    /// Of rules that ordinary packets can match, and of those that must keep their order.
    by_fields: Table,
    /// Of the others: each has a field of which ordinary packets have no value that it asks for.
    by_odd_fields: Table,
    /// Whether any of the latter is found by an address.
    are_odd_by_ends: bool,
}

/// A bit for each value of a field of 16 bits, or each upper half of one of 32.
type Marks = Box<[u64; 1024]>;

impl Bares {
    /// Those of these rules.
    pub(super) fn new(kind: Kind, rules: &[Rule]) -> Self {
        let mut all: Vec<(u32, &Rule)> = (0..)
            .zip(rules)
            .filter(|(_, rule)| !needs_payload(rule))
            .collect();
        // Rules that read flow bits come behind all that may set them.
        all.sort_by_key(|(_, rule)| Place::of(rule));
        let slots: Vec<_> = candidates(kind, all.into_iter())
            .into_iter()
            .filter_map(|slot| slot.without_payload(&MARKS))
            .collect();
        let ordinary = Ordinary::new(&slots);
        let entries = slots.iter().cloned().map(Entry::of).collect();
        let (mut marks, mut are_odd_by_ends) = (OddMarks::default(), false);
        let (mut of_ends, mut of_fields, mut of_odd_fields) = (Vec::new(), Vec::new(), Vec::new());
        for (number, slot) in (0..).zip(slots) {
            // A rule for both ways stands twice, side by side.
            let stays = slot.rule.both_ways || !slot.rule.flow_bits.is_empty();
            let fields = slot.fields();
            match ordinary.trigger(&fields).filter(|_| !stays) {
                None => of_fields.push((number, slot)),
                Some((field, ranges)) => {
                    marks.add(field, ranges);
                    if Place::of(slot.rule) == Place::Sources {
                        of_ends.push((number, slot));
                    } else {
                        are_odd_by_ends |=
                            matches!(field, OddField::Source | OddField::Destination);
                        of_odd_fields.push((number, slot));
                    }
                }
            }
        }
        let [by_ends, by_fields, by_odd_fields] =
            [of_ends, of_fields, of_odd_fields].map(|slots| Table::new(&slots, &ordinary));
        marks.add_weights(&by_fields);
        Self {
            entries,
            marks,
            by_ends,
            by_fields,
            by_odd_fields,
            are_odd_by_ends,
        }
    }

    /// The lists of a packet.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "all fields of each packet pass through here, in registers"
    )]
    pub(super) fn lists(&self, bare: impl Bare) -> Lists {
        let sum = self.by_fields.ordinary(bare);
        if self.marks.have(bare) {
            return self.all_lists(bare, sum);
        }
        Lists::of(0, self.by_fields.list(sum), 0)
    }

    #[inline(never)]
    fn all_lists(&self, bare: impl Bare, sum: u32) -> Lists {
        let Self {
            by_ends,
            by_fields,
            by_odd_fields,
            marks,
            ..
        } = self;
        let has_odd_end = marks.have_ends(bare);
        let of_ends = if has_odd_end {
            by_ends.list(by_ends.odd(bare))
        } else {
            0
        };
        let of_fields = by_fields.list(sum.wrapping_add(by_fields.odd(bare)));
        let is_odd = marks.have_others(bare) || has_odd_end && self.are_odd_by_ends;
        let of_odd_fields = if is_odd {
            let sum = by_odd_fields.odd(bare);
            by_odd_fields.list(sum.wrapping_add(by_odd_fields.ordinary(bare)))
        } else {
            0
        };
        Lists::of(of_ends, of_fields, of_odd_fields)
    }

    /// Whether all rules of lists match, without another look.
    pub(super) fn are_decided(&self, lists: Lists) -> bool {
        let [of_ends, of_fields, of_odd_fields] = lists.parts();
        self.by_ends.is_decided(of_ends)
            && self.by_fields.is_decided(of_fields)
            && self.by_odd_fields.is_decided(of_odd_fields)
    }

    /// By which ends the windows of the rules of lists are found.
    #[inline]
    pub(super) fn tracks(&self, lists: Lists) -> Tracks {
        let [of_ends, of_fields, of_odd_fields] = lists.parts();
        let by_fields = self.by_fields.tracks(of_fields);
        if of_ends | of_odd_fields == 0 {
            return by_fields;
        }
        let by_odd_fields = self.by_odd_fields.tracks(of_odd_fields);
        by_fields.and(self.by_ends.tracks(of_ends).and(by_odd_fields))
    }

    /// Calls `visit` with the numbers of the rules of lists that are decided.
    #[inline]
    pub(super) fn each_decided(&self, lists: Lists, mut visit: impl FnMut(u32)) {
        let [of_ends, of_fields, of_odd_fields] = lists.parts();
        for (table, list) in [
            (&self.by_ends, of_ends),
            (&self.by_fields, of_fields),
            (&self.by_odd_fields, of_odd_fields),
        ] {
            if list > 0 {
                table.rules(list).iter().for_each(|rule| visit(*rule));
            }
        }
    }

    /// The rules of lists.
    pub(super) fn entries(&self, lists: Lists) -> impl Iterator<Item = &Entry> {
        let [of_ends, of_fields, of_odd_fields] = lists.parts();
        let tables = [
            (&self.by_ends, of_ends),
            (&self.by_fields, of_fields),
            (&self.by_odd_fields, of_odd_fields),
        ];
        let entry = |at: &u32| self.entries.get(*at as usize);
        let numbers = tables
            .into_iter()
            .flat_map(|(table, list)| table.numbers(list));
        numbers.filter_map(entry)
    }
}

/// Numbers of a packet's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lists(u64);

impl Lists {
    /// As a number.
    #[inline]
    pub(super) const fn number(self) -> u64 {
        self.0
    }

    /// The tables do not say.
    pub(crate) const UNSAID: Self = Self(u64::MAX);
    /// No rule is in them.
    pub(crate) const NOTHING: Self = Self(0);

    #[inline]
    fn of(of_ends: u16, of_fields: u16, of_odd_fields: u16) -> Self {
        if [of_ends, of_fields, of_odd_fields].contains(&table::UNSAID) {
            return Self::UNSAID;
        }
        Self(u64::from(of_fields) | u64::from(of_ends) << 16 | u64::from(of_odd_fields) << 32)
    }

    /// Those by ends, by fields and by odd fields.
    #[inline]
    const fn parts(self) -> [u16; 3] {
        let parts = self.0.to_le_bytes();
        [
            u16::from_le_bytes([parts[2], parts[3]]),
            u16::from_le_bytes([parts[0], parts[1]]),
            u16::from_le_bytes([parts[4], parts[5]]),
        ]
    }
}

/// Values beside which other tables than that of most packets have something to say, or that has another weight for.
#[derive(Clone, Debug, Default)]
struct OddMarks {
    source_ports: Option<Marks>,
    identifications: Option<Marks>,
    /// Of upper halves, as those that follow.
    sequences: Option<Marks>,
    acknowledgements: Option<Marks>,
    sources: Option<Marks>,
    destinations: Option<Marks>,
}

impl OddMarks {
    fn of(&mut self, field: OddField) -> &mut [u64; 1024] {
        let marks = match field {
            OddField::SourcePort => &mut self.source_ports,
            OddField::Identification => &mut self.identifications,
            OddField::Sequence => &mut self.sequences,
            OddField::Acknowledgement => &mut self.acknowledgements,
            OddField::Source => &mut self.sources,
            OddField::Destination => &mut self.destinations,
        };
        marks.get_or_insert_with(|| Box::new([0; 1024]))
    }

    /// Marks these values.
    fn add(&mut self, field: OddField, ranges: &Ranges) {
        let shift = if field.field().is_wide() { 16 } else { 0 };
        let marks = self.of(field);
        for (first, last) in ranges.spans() {
            let (first, last) = (first >> shift, (last >> shift).min(0xffff));
            for value in first..=last {
                let value = usize::try_from(value).unwrap_or(0);
                marks[value / WORD] |= 1 << (value % WORD);
            }
        }
    }

    /// Marks the values that have a weight in the table.
    fn add_weights(&mut self, table: &Table) {
        for field in OddField::ALL {
            if let Some(weights) = table.odd_weights(field) {
                weights.mark(self.of(field));
            }
        }
    }

    /// Whether a packet may have a marked value.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "all fields of each packet pass through here, in registers"
    )]
    fn have(&self, bare: impl Bare) -> bool {
        self.have_others(bare) | self.have_ends(bare)
    }

    /// Whether an address of the packet may be a marked one.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn have_ends(&self, bare: impl Bare) -> bool {
        let ip = bare.ip();
        let any = mark(self.sources.as_deref(), (ip.source() >> 16) as u16)
            | mark(
                self.destinations.as_deref(),
                (ip.destination() >> 16) as u16,
            );
        any & 1 != 0
    }

    /// Whether another field of the packet may have a marked value.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn have_others(&self, bare: impl Bare) -> bool {
        let any = mark(self.source_ports.as_deref(), bare.source_port())
            | mark(self.identifications.as_deref(), bare.ip().identification())
            | mark(self.sequences.as_deref(), (bare.sequence() >> 16) as u16);
        // Most acknowledge nothing, which is never marked.
        any & 1 != 0 || bare.acknowledgement() != 0 && self.acknowledgements.is_some()
    }
}

/// The bit of a value in the lowest bit, with others above.
#[inline]
fn mark(marks: Option<&[u64; 1024]>, value: u16) -> u64 {
    match marks {
        Some(marks) => marks[usize::from(value >> 6)] >> (value & 63),
        None => 0,
    }
}
