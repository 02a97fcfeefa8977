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
//! | [`ordinary`] | values that most packets have |
//! | [`filter`] | whether a packet may have another that a rule asks for |
//! | [`weights`] | the weights of one field's values |
//! | [`table`] | the tables of the sums |
//! | [`share`] | the rules of a list, by whose windows theirs are |

mod filter;
mod ordinary;
mod packet;
mod share;
mod table;
mod weights;

use super::candidate::{candidates, needs_payload};
use super::group::{Entry, Place};
use super::rule::Rule;
use super::silence::Tracks;
use super::view::Kind;
use filter::Filter;
pub(super) use filter::Oddities;
use ordinary::{OddField, Ordinary};
pub(crate) use packet::BareTcp;
pub(super) use packet::{Bare, BareIcmp};
pub(super) use share::{Share, Shares};
use table::{MARKS, Table};

/// The rules that bare packets of one kind can match.
#[derive(Clone, Debug)]
pub(super) struct Bares {
    entries: Box<[Entry]>,
    filter: Filter,
    /// Of rules that ask for addresses alone, none of which ordinary packets have.
    by_ends: Table,
    /// Whether these look at the source alone.
    sources_alone: bool,
    /// Of rules that ordinary packets can match, and of those that must keep their order.
    by_fields: Table,
    /// Of the others: each has a field of which ordinary packets have no value that it asks for.
    by_odd_fields: Table,
}

impl Bares {
    /// Those of these rules, whose shares have these numbers.
    pub(super) fn new(kind: Kind, rules: &[Rule], shares: &mut Shares) -> Self {
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
        let mut odd = Vec::new();
        let (mut of_ends, mut of_fields, mut of_odd_fields) = (Vec::new(), Vec::new(), Vec::new());
        for (number, slot) in (0..).zip(slots) {
            // A rule for both ways stands twice, side by side.
            let stays = slot.rule.both_ways || !slot.rule.flow_bits.is_empty();
            let fields = slot.fields();
            let Some(trigger) = ordinary.trigger(&fields).filter(|_| !stays) else {
                of_fields.push((number, slot));
                continue;
            };
            let asks_for_addresses_alone = Place::of(slot.rule) == Place::Sources;
            if asks_for_addresses_alone {
                of_ends.push((number, slot));
            } else {
                of_odd_fields.push((number, slot));
            }
            odd.push((trigger, fields, asks_for_addresses_alone));
        }
        let [by_ends, by_fields, by_odd_fields] =
            [of_ends, of_fields, of_odd_fields].map(|slots| Table::new(&slots, &ordinary, shares));
        Self {
            filter: Filter::new(&odd, &by_fields),
            entries,
            sources_alone: by_ends.looks_at(&[OddField::Source]),
            by_ends,
            by_fields,
            by_odd_fields,
        }
    }

    /// The sum of a packet's weights, and what of it is out of the ordinary.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "all fields of each packet pass through here, in registers"
    )]
    pub(super) fn look(&self, bare: impl Bare) -> (u32, Oddities) {
        (self.by_fields.ordinary(bare), self.filter.of(bare))
    }

    /// The lists of a packet of which nothing is out of the ordinary.
    #[inline]
    pub(super) fn ordinary(&self, sum: u32) -> Lists {
        Lists(self.by_fields.list(sum).into())
    }

    /// The lists of a packet.
    #[inline]
    pub(super) fn lists(&self, bare: impl Bare) -> Lists {
        match self.look(bare) {
            (sum, Oddities::NONE) => self.ordinary(sum),
            looks => self.lists_of(bare, looks),
        }
    }

    /// The lists of a packet that looks like this.
    #[inline(never)]
    pub(super) fn lists_of(&self, bare: impl Bare, (sum, oddities): (u32, Oddities)) -> Lists {
        let Self {
            by_ends,
            by_fields,
            by_odd_fields,
            ..
        } = self;
        let of_ends = by_ends.list(by_ends.odd(bare));
        if oddities == Oddities::LISTED {
            return Lists::of(of_ends, by_fields.list(sum), 0);
        }
        let of_fields = by_fields.list(sum.wrapping_add(by_fields.odd(bare)));
        let sum = by_odd_fields.odd(bare);
        let of_odd_fields = by_odd_fields.list(sum.wrapping_add(by_odd_fields.ordinary(bare)));
        Lists::of(of_ends, of_fields, of_odd_fields)
    }

    /// The rules of lists by shares, if none of them sets or reads flow bits: those by fields, and the rarer others.
    #[inline]
    pub(super) fn shares(&self, lists: Lists) -> Option<[&[Share]; 3]> {
        let [of_ends, of_fields, of_odd_fields] = lists.parts();
        let by_fields = self.by_fields.shares(of_fields)?;
        if of_ends | of_odd_fields == 0 {
            return Some([by_fields, &[], &[]]);
        }
        let by_ends = self.by_ends.shares(of_ends)?;
        let by_odd_fields = self.by_odd_fields.shares(of_odd_fields)?;
        Some([by_fields, by_ends, by_odd_fields])
    }

    /// The rules of lists that ask for addresses alone by shares, if these tell whose windows theirs are by the source,
    /// and nothing else tells whether they match.
    pub(super) fn shares_of_source(&self, lists: Lists) -> Option<&[Share]> {
        let [of_ends, ..] = lists.parts();
        let shares = self.by_ends.shares(of_ends)?;
        let are_of_source = shares.iter().all(|share| share.tracks == Tracks::SOURCE);
        (self.sources_alone && are_of_source && lists != Lists::UNSAID).then_some(shares)
    }

    /// One of the entries.
    pub(super) fn entry(&self, number: u32) -> Option<&Entry> {
        self.entries.get(number as usize)
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
    /// The tables do not say.
    pub(crate) const UNSAID: Self = Self(table::UNSAID as u64);
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
