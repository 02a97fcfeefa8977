//! Rules a kind of packet is held against: which fit its header, and which of them its payload.
//!
//! A kind of packet has four groups, held against it in this order: rules that ask for addresses alone, other rules that
//! packets without payload can match, rules that need payload, and rules that read flow bits, which all others may set.
//! Apart, the rows of the second are short, and most packets need no others.

use regex_automata::PatternSet;
use regex_automata::meta::Cache;

use super::axis::{Axes, BLOCK, Block, WORD};
use super::candidate::{Candidate, asks_for_source_alone, candidates, needs_payload};
use super::rule::{Buffer, FlowBit, Rule, Test};
use super::search::{Expressions, Patterns};
use super::view::{Kind, View};

/// A rule in a group: one direction of it, with the tests that are left once the rows of bits have spoken.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Number of the rule in its set.
    pub(super) rule: u32,
    /// Tests that the rows of bits do not decide.
    pub(super) tests: Box<[Test]>,
    /// Whether the rows of bits decide all: there is nothing else to test, find or set.
    pub(super) decided: bool,
}

impl Entry {
    pub(super) fn of(slot: Candidate<'_>) -> Self {
        Self {
            rule: slot.number,
            decided: slot.is_decided(),
            tests: slot.tests.into(),
        }
    }
}

/// Which rules a group has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Those that ask for nothing but addresses, the source's among them.
    Sources,
    /// Others that packets without payload can match.
    Plain,
    /// Those that need payload.
    Payload,
    /// Those that read flow bits.
    Readers,
}

impl Place {
    /// Every place, in the order in which packets meet them.
    pub(super) const ALL: [Self; 4] = [Self::Sources, Self::Plain, Self::Payload, Self::Readers];

    pub(super) fn of(rule: &Rule) -> Self {
        if rule.flow_bits.iter().any(FlowBit::reads) {
            Self::Readers
        } else if needs_payload(rule) {
            Self::Payload
        } else if asks_for_source_alone(rule) {
            Self::Sources
        } else {
            Self::Plain
        }
    }
}

/// Rules of one place for one kind of packet.
#[derive(Clone, Debug)]
pub(super) struct Group {
    entries: Box<[Entry]>,
    axes: Axes,
    words: usize,
    /// Number of the group among all.
    number: usize,
    payload: Option<Patterns>,
    names: Option<Patterns>,
    wants_names: bool,
    needs_payload: bool,
    expressions: Option<Expressions>,
    /// Rules that need no pattern to be found.
    unconditional: Box<[u64]>,
}

/// What a search writes into: rules possible for a packet, and rules whose pattern was found.
#[derive(Debug)]
pub(super) struct Scratch {
    possible: Vec<Block>,
    found: Vec<u64>,
    expressions: Vec<Option<(Cache, PatternSet)>>,
}

impl Scratch {
    /// Room for each of the groups, which come in the order of their numbers.
    pub(super) fn new<'a>(groups: impl Iterator<Item = &'a Group> + Clone) -> Self {
        let words = groups.clone().map(|group| group.words).max().unwrap_or(0);
        let expressions = groups.map(|group| Some(group.expressions.as_ref()?.memory()));
        Self {
            possible: vec![[0; BLOCK]; words / BLOCK],
            found: vec![0; words],
            expressions: expressions.collect(),
        }
    }
}

impl Group {
    /// The rules of these that are for this place, and that packets of this kind can match.
    pub(super) fn new(kind: Kind, place: Place, rules: &[Rule]) -> Self {
        let of_place = (0..)
            .zip(rules)
            .filter(|(_, rule)| Place::of(rule) == place);
        let slots = candidates(kind, of_place);
        let words = slots.len().div_ceil(WORD).next_multiple_of(BLOCK);
        let (payload, unconditional_payload) =
            Patterns::new(&slots, words, |buffer| buffer == Buffer::Payload);
        let (names, unconditional_names) =
            Patterns::new(&slots, words, |buffer| buffer != Buffer::Payload);
        let wants_names = slots.iter().any(|slot| slot.rule.buffer != Buffer::Payload);
        let needs_payload = slots.iter().all(|slot| needs_payload(slot.rule));
        let mut unconditional: Box<[u64]> = unconditional_payload
            .iter()
            .zip(&unconditional_names)
            .map(|(one, two)| one & two)
            .collect();
        let expressions = Expressions::new(&slots, &mut unconditional);
        let fields: Vec<_> = slots.iter().map(Candidate::fields).collect();
        let axes = Axes::new(&fields, words);
        Self {
            axes,
            entries: slots.into_iter().map(Entry::of).collect(),
            words,
            number: kind as usize * Place::ALL.len() + place as usize,
            payload,
            names,
            wants_names,
            needs_payload,
            expressions,
            unconditional,
        }
    }

    /// Calls `visit` with each rule that the packet's header fits and whose pattern its payload holds.
    #[inline]
    pub(super) fn visit(
        &self,
        view: &View<'_>,
        name: Option<&[u8]>,
        scratch: &mut Scratch,
        visit: &mut impl FnMut(&Entry),
    ) {
        if view.payload.is_empty() {
            self.visit_plain(view, scratch, visit);
            return;
        }
        let Scratch {
            possible,
            found,
            expressions,
        } = scratch;
        let possible = &mut possible[..self.words / BLOCK];
        possible.fill([u64::MAX; BLOCK]);
        if !self.axes.narrow(view, possible) {
            return;
        }
        let possible = possible.as_flattened();
        let found = &mut found[..self.words];
        found.copy_from_slice(&self.unconditional);
        if let Some(patterns) = &self.payload {
            patterns.search(possible, view.payload, found);
        }
        if let (Some(patterns), Some(name)) = (&self.names, name) {
            patterns.search(possible, name, found);
        }
        if let (Some(together), Some(Some(memory))) =
            (&self.expressions, expressions.get_mut(self.number))
        {
            together.search(possible, view.payload, memory, found);
        }
        self.visit_each(
            possible
                .iter()
                .zip(found)
                .map(|(possible, found)| *possible & *found),
            visit,
        );
    }

    /// Whether no packet without payload can match any rule.
    #[inline]
    pub(super) const fn needs_payload(&self) -> bool {
        self.needs_payload
    }

    /// Whether no packet can match any rule.
    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.words == 0
    }

    /// Whether any rule looks into the name of a DNS query.
    pub(super) const fn wants_names(&self) -> bool {
        self.wants_names
    }

    /// The same for a packet without payload, in which no pattern is found.
    #[inline]
    fn visit_plain(&self, view: &View<'_>, scratch: &mut Scratch, visit: &mut impl FnMut(&Entry)) {
        if let Ok(all) = <&Block>::try_from(&*self.unconditional) {
            let fitting = self.axes.fitting(view, all);
            if fitting != [0; BLOCK] {
                self.visit_each(fitting.into_iter(), visit);
            }
            return;
        }
        let possible = &mut scratch.possible[..self.words / BLOCK];
        possible
            .as_flattened_mut()
            .copy_from_slice(&self.unconditional);
        if self.axes.narrow(view, possible) {
            self.visit_each(possible.as_flattened().iter().copied(), visit);
        }
    }

    #[inline]
    fn visit_each(&self, words: impl Iterator<Item = u64>, visit: &mut impl FnMut(&Entry)) {
        for (mut possible, entries) in words.zip(self.entries.chunks(WORD)) {
            while possible != 0 {
                if let Some(entry) = entries.get(possible.trailing_zeros() as usize) {
                    visit(entry);
                }
                possible &= possible - 1;
            }
        }
    }
}
