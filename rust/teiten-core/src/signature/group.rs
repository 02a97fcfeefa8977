//! Rules a kind of packet is held against: which fit its header, and which of them its payload.
//!
//! A kind of packet has four groups, held against it in this order: rules that ask for addresses alone, other rules that
//! packets without payload can match, rules that need payload, and rules that read flow bits, which all others may set.
//! Apart, the rows of the second are short, and most packets need no others.

use regex_automata::PatternSet;
use regex_automata::meta::Cache;

use super::axis::{Axes, Values};
use super::candidate::{Candidate, asks_for_source_alone, candidates, needs_payload};
use super::clue::Clue;
use super::expressions::Expressions;
use super::marks::{Found, Marked, WORD, each_marked};
use super::rows::{BLOCK, Block};
use super::rule::{Buffer, End, FlowBit, Rule, Test};
use super::search::Patterns;
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
    /// Whether anything is searched for.
    searches: bool,
    /// Rules that need no pattern to be found.
    unconditional: Marked,
}

/// What a search writes into: the rules that were found.
#[derive(Debug)]
pub(super) struct Scratch {
    found: Vec<u64>,
    expressions: Vec<Option<(Cache, PatternSet)>>,
}

impl Scratch {
    /// Room for each of the groups, which come in the order of their numbers.
    pub(super) fn new<'a>(groups: impl Iterator<Item = &'a Group> + Clone) -> Self {
        let words = groups.clone().map(|group| group.words).max().unwrap_or(0);
        let expressions = groups.map(|group| Some(group.expressions.as_ref()?.memory()));
        Self {
            found: vec![0; words],
            expressions: expressions.collect(),
        }
    }
}

impl Group {
    /// The rules of these that are for this place, and that packets of this kind can match.
    ///
    /// `clues` are those of the rules, one each.
    pub(super) fn new(kind: Kind, place: Place, rules: &[Rule], clues: &[Option<Clue>]) -> Self {
        let of_place = (0..)
            .zip(rules)
            .filter(|(_, rule)| Place::of(rule) == place);
        let mut slots = candidates(kind, of_place);
        let clue_of = |slot: &Candidate<'_>| clues.get(slot.number as usize)?.as_ref();
        // Rules of which nothing is searched for and rules for the same ports stand together, so that few words of a row
        // have a bit. Those that act on flow bits stay in the order of their set.
        let ports = |end: &End| end.ports.spans().to_vec();
        slots.sort_by_cached_key(|slot| {
            let Candidate { rule, .. } = slot;
            let acts = !rule.flow_bits.is_empty();
            let has_clue = clue_of(slot).is_some();
            let kind = || (has_clue, ports(&rule.destination), ports(&rule.source));
            (acts, (!acts).then(kind))
        });
        let words = slots.len().div_ceil(WORD).next_multiple_of(BLOCK);
        let (payload, unconditional_payload) =
            Patterns::new(&slots, words, clue_of, |buffer| buffer == Buffer::Payload);
        let (names, unconditional_names) =
            Patterns::new(&slots, words, clue_of, |buffer| buffer != Buffer::Payload);
        let wants_names = slots.iter().any(|slot| slot.rule.buffer != Buffer::Payload);
        let needs_payload = slots.iter().all(|slot| needs_payload(slot.rule));
        let unconditional: Box<[u64]> = unconditional_payload
            .iter()
            .zip(&unconditional_names)
            .map(|(one, two)| one & two)
            .collect();
        let expressions = Expressions::new(&slots, words);
        let fields: Vec<_> = slots.iter().map(Candidate::fields).collect();
        let axes = Axes::new(&fields, words);
        let searches = payload.is_some() || names.is_some() || expressions.is_some();
        Self {
            axes,
            entries: slots.into_iter().map(Entry::of).collect(),
            words,
            number: kind as usize * Place::ALL.len() + place as usize,
            payload,
            names,
            wants_names,
            needs_payload,
            searches,
            expressions,
            unconditional: Marked::new(unconditional),
        }
    }

    /// Calls `visit` with each rule that the packet's header fits and whose pattern its payload holds.
    #[inline]
    pub(super) fn visit(
        &self,
        view: &View<'_>,
        values: &Values,
        name: Option<&[u8]>,
        scratch: &mut Scratch,
        visit: &mut impl FnMut(&Entry),
    ) {
        if !self.searches || view.payload.is_empty() {
            self.visit_plain(view, values, visit);
            return;
        }
        let Some(fit) = self.axes.fit(view, values, self.words) else {
            return;
        };
        let Scratch { found, expressions } = scratch;
        let mut found = Found::new(&mut found[..self.words], &self.unconditional);
        if let Some(patterns) = &self.payload {
            patterns.search(&fit, view.payload, &mut found);
        }
        if let (Some(patterns), Some(name)) = (&self.names, name) {
            patterns.search(&fit, name, &mut found);
        }
        if let (Some(together), Some(Some(memory))) =
            (&self.expressions, expressions.get_mut(self.number))
        {
            together.sift(&fit, view.payload, memory, &mut found);
        }
        each_marked(fit.live() & found.marks(), self.words, |place| {
            let found = found.word(place);
            if found != 0 {
                self.visit_word(place, found & fit.word(place), visit);
            }
        });
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
    fn visit_plain(&self, view: &View<'_>, values: &Values, visit: &mut impl FnMut(&Entry)) {
        if let Ok(all) = <&Block>::try_from(self.unconditional.words()) {
            let fitting = self.axes.fitting(view, values, all);
            if fitting != [0; BLOCK] {
                for (place, word) in fitting.into_iter().enumerate() {
                    self.visit_word(place, word, visit);
                }
            }
            return;
        }
        let Some(fit) = self.axes.fit(view, values, self.words) else {
            return;
        };
        each_marked(
            fit.live() & self.unconditional.marks(),
            self.words,
            |place| {
                let rules = self.unconditional.words().get(place).copied().unwrap_or(0);
                self.visit_word(place, rules & fit.word(place), visit);
            },
        );
    }

    /// Calls `visit` with each rule that has a bit in this word.
    #[inline]
    fn visit_word(&self, place: usize, mut word: u64, visit: &mut impl FnMut(&Entry)) {
        let entries = self.entries.get(place * WORD..).unwrap_or_default();
        while word != 0 {
            if let Some(entry) = entries.get(word.trailing_zeros() as usize) {
                visit(entry);
            }
            word &= word - 1;
        }
    }
}
