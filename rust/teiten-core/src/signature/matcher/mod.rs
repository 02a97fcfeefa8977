//! The engine: rules compiled once, packets held against them one by one.
//!
//! | module | holds |
//! |---|---|
//! | [`sifting`] | packets without payload, which are nearly all |
//! | [`inspection`] | any packet |

mod inspection;
mod sifting;

use std::collections::HashMap;

use super::application::Reading;
use super::bare::{BareIcmp, BareTcp, Bares, Lists, Shares};
use super::clue::clue;
use super::compile::{actions, event_of, fulfilled, unique};
use super::content::Step;
use super::group::{Group, Place, Scratch};
use super::limits::MAX_RULES;
use super::rule::Rule;
use super::silence::Silences;
use super::state::{BitAction, Memory, SignatureCounters, State, StateSettings};
use super::sweep::Spreads;
use super::text::Diagnostic;
use super::threshold::{Counts, Mixer};
use super::view::Kind;
use super::waiting::{Gate, Waiting, Windows};
use crate::frame::Frame;
use crate::packet::Packet;
use crate::wire::ipv6::Halves;

/// An address of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// IPv4, as a number.
    V4(u32),
    /// IPv6, as two halves.
    V6(Halves),
}

/// One alert of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detection {
    /// Number of the packet among those that waited, of which each had a match.
    pub packet: usize,
    /// Number of the rule within [`Signatures::rules`].
    pub rule: usize,
    /// Number of the rule as its set names it.
    pub sid: u32,
    /// Time of the packet, in nanoseconds since 1970-01-01 00:00 UTC.
    pub time_ns: i64,
    /// Source of the packet, at its outermost IP header.
    pub source: Address,
    /// Destination of the packet, at its outermost IP header.
    pub address: Address,
}

/// The part of the limits' memory that is for whose are silent.
const SILENCE_SHARE: usize = 16;

/// A set of rules, compiled.
#[derive(Debug)]
pub struct Signatures {
    rules: Box<[Rule]>,
    actions: Box<[Box<[BitAction]>]>,
    gates: Box<[Gate]>,
    /// For each kind of packet, its groups in the order of their places.
    groups: [[Group; Place::ALL.len()]; Kind::ALL.len()],
    /// What bare packets of TCP and of ICMP can match.
    bares: [Bares; 2],
    /// Rules on events, each with the event's bit.
    events: Box<[(u32, u8)]>,
    bits: usize,
    caches: usize,
}

impl Signatures {
    /// Compiles rules; of rules of one number the one of the highest revision is kept, of those the first.
    ///
    /// What is left out is said: rules whose number another rule has, and rules that wait for a flow bit which no
    /// rule sets that looks at the same packet.
    ///
    /// # Errors
    ///
    /// More than [`MAX_RULES`] rules.
    pub fn compile(rules: Vec<Rule>) -> Result<(Self, Vec<Diagnostic>), String> {
        if rules.len() > MAX_RULES {
            return Err(format!("there are more than {MAX_RULES} rules"));
        }
        let mut diagnostics = Vec::new();
        let rules = fulfilled(unique(rules, &mut diagnostics), &mut diagnostics);
        let mut rules: Box<[Rule]> = rules.into();
        let mut caches = 0;
        for step in rules.iter_mut().flat_map(|rule| &mut rule.steps) {
            if let Step::Expression { cache, .. } = step {
                *cache = caches;
                caches += 1;
            }
        }
        let mut names = HashMap::new();
        let actions = rules
            .iter()
            .map(|rule| actions(&rule.flow_bits, &mut names))
            .collect();
        let gates = (0..).zip(&rules).map(Gate::of).collect();
        let events = (0..)
            .zip(&rules)
            .filter_map(|(number, rule)| Some((number, event_of(rule)?)))
            .collect();
        let mut shares = Shares::default();
        let clues: Vec<_> = rules.iter().map(clue).collect();
        let of_place = |kind, place| Group::new(kind, place, &rules, &clues);
        let groups = Kind::ALL.map(|kind| Place::ALL.map(|place| of_place(kind, place)));
        Ok((
            Self {
                bares: [Kind::Tcp, Kind::Icmp].map(|kind| Bares::new(kind, &rules, &mut shares)),
                actions,
                gates,
                events,
                groups,
                bits: names.len(),
                caches,
                rules,
            },
            diagnostics,
        ))
    }

    /// The rules, in the order of [`Detection::rule`].
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A state for these rules that has seen nothing.
    #[must_use]
    pub fn state(&self, settings: &StateSettings) -> State {
        let mixer = Mixer::new(settings.seed);
        let limit_bytes = settings.limit_kilobytes as usize * 1024;
        let silence_bytes = limit_bytes / SILENCE_SHARE;
        let mut caches = Vec::with_capacity(self.caches);
        for step in self.rules.iter().flat_map(|rule| &rule.steps) {
            if let Step::Expression { regex, .. } = step {
                caches.push(regex.create_cache());
            }
        }
        State {
            scratch: Scratch::new(self.groups.iter().flatten()),
            memory: Memory {
                caches,
                bits: vec![false; self.bits],
                bits_set: false,
                work: 0,
                reading: Reading::default(),
            },
            windows: Windows {
                counts: Counts::new(limit_bytes - silence_bytes),
                silences: Silences::new(silence_bytes),
                spreads: Spreads::new(settings.spread_kilobytes as usize * 1024),
            },
            waiting: Waiting::new(mixer),
            counters: SignatureCounters::default(),
        }
    }

    /// Holds a packet against the rules, and calls `sink` with each detection.
    ///
    /// `state` is one that [`state`](Self::state) of these very signatures made. The packet is looked at as a
    /// datagram, as the fragment it is, and where it is a tunnel's, together with the packets inside.
    #[inline]
    pub fn inspect(
        &self,
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        state: &mut State,
        sink: &mut impl FnMut(&Detection),
    ) {
        self.note(packet, frame, state);
        self.settle(state, sink);
    }

    /// The first half of [`inspect`](Self::inspect), which depends on no other packet: what matches waits.
    ///
    /// Packets wait for [`settle`](Self::settle) together, so that the cache misses of their limits overlap; as soon
    /// as it [is due](State::is_due), lest more wait than has room.
    #[inline]
    pub fn note(&self, packet: &Packet<'_>, frame: &Frame<'_>, state: &mut State) {
        state.windows.silences.come_to(frame.time_ns);
        let before = state.waiting.matches.len();
        self.find(packet, frame, state);
        state.waiting.close(before, packet, frame.time_ns);
    }

    /// The same, by way of all of the packet's header whatever it is.
    #[cfg(test)]
    pub(super) fn note_in_all(&self, packet: &Packet<'_>, frame: &Frame<'_>, state: &mut State) {
        let before = state.waiting.matches.len();
        self.find_in_all(packet, frame, state);
        state.waiting.close(before, packet, frame.time_ns);
    }

    /// The second half of [`inspect`](Self::inspect), for all that waits: what limits and spreads let through goes to
    /// `sink`, in the order in which it was noted.
    pub fn settle(&self, state: &mut State, sink: &mut impl FnMut(&Detection)) {
        let State {
            windows,
            waiting,
            counters,
            ..
        } = state;
        if waiting.matches.len() > 1 {
            waiting.glance(windows);
        }
        let mut silent_until_ns = i64::MAX;
        for (number, found) in waiting.matches.iter().enumerate() {
            let (Some(gate), Some(ends)) = (
                self.gates.get(found.rule as usize),
                waiting.packets.get(found.packet as usize),
            ) else {
                continue;
            };
            let verdict = waiting.speaks(found, gate, ends.time_ns, windows);
            silent_until_ns = silent_until_ns.min(verdict.silent_until_ns);
            let next = waiting.matches.get(number + 1);
            if next.is_none_or(|next| next.silence != found.silence || next.packet != found.packet)
            {
                if found.silence != 0 && ends.time_ns < silent_until_ns {
                    windows.silences.keep(found.silence, silent_until_ns);
                }
                silent_until_ns = i64::MAX;
            }
            if verdict.speaks && !gate.silent {
                counters.detections += 1;
                sink(&Detection {
                    packet: found.packet as usize,
                    rule: found.rule as usize,
                    sid: gate.sid,
                    time_ns: ends.time_ns,
                    source: ends.source,
                    address: ends.address,
                });
            }
        }
        waiting.clear();
    }

    #[inline]
    fn find(&self, packet: &Packet<'_>, frame: &Frame<'_>, state: &mut State) {
        if !self.events.is_empty() {
            self.find_events(packet, frame, &mut state.waiting);
        }
        let [of_tcp, of_icmp] = &self.bares;
        let (bares, lists) = if let Some(bare) = BareTcp::of(packet) {
            (of_tcp, of_tcp.lists(bare))
        } else if let Some(bare) = BareIcmp::of(packet) {
            (of_icmp, of_icmp.lists(bare))
        } else {
            return self.find_in_all(packet, frame, state);
        };
        match lists {
            Lists::UNSAID => self.find_in_all(packet, frame, state),
            Lists::NOTHING => state.counters.inspected += 1,
            lists => {
                state.counters.inspected += 1;
                match bares.shares(lists) {
                    Some(shares) => self.inspect_shares(bares, shares, packet, frame, state),
                    None => self.inspect_lists(bares, lists, packet, frame, state),
                }
            }
        }
    }
}
