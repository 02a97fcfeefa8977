//! Matches that wait for their limits and spreads, so that the cache misses of several packets overlap.

use super::matcher::Address;
use super::rule::{Limit, Rule, Spread, SpreadKind, Track};
use super::silence::Silences;
use super::sweep::Spreads;
use super::threshold::{Counts, Mixer, Verdict};
use crate::key::Key;
use crate::limits::GROUP;
use crate::packet::{Ip, Packet};

/// Matches beyond which no more packets should wait, whatever their number.
pub(super) const MATCHES: usize = 4 * GROUP;

/// What decides whether rules that match speak.
#[derive(Debug)]
pub(super) struct Windows {
    pub(super) counts: Counts,
    pub(super) spreads: Spreads,
    pub(super) silences: Silences,
}

/// Matches that wait for their limits and spreads, and the packets that have any; in order.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) packets: Vec<Ends>,
    pub(super) matches: Vec<Match>,
    /// Of rules with more than one condition, the hashes of whom each is for.
    several: Vec<[u64; 3]>,
    pub(super) mixer: Mixer,
}

/// Whose a packet is, at its outermost header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) time_ns: i64,
    pub(super) source: Address,
    pub(super) address: Address,
}

/// Hashes of a packet's ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hashes {
    source: u64,
    destination: u64,
}

/// A rule that matched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    /// Hash of whom its condition is for; the place of several among those that wait.
    hash: u64,
    /// Hash of what a spread reached.
    what: u32,
    pub(super) rule: u32,
    pub(super) packet: u32,
    kind: Condition,
    /// Under which hash it is kept that rules have nothing more to say, once all that have it say so; 0 if it is not kept.
    pub(super) silence: u64,
}

/// What kind of condition decides whether a rule that matched speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// None: it does.
    Nothing,
    Spread,
    Limit,
    /// More than one.
    Several,
}

/// What decides whether a rule that matched speaks.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) sid: u32,
    /// Whether its matches are told to nobody.
    pub(super) silent: bool,
    condition: Condition,
    spread: Option<Spread>,
    /// Its filter, and its limit, which count apart.
    limits: [Option<Limit>; 2],
    /// Number of the rule, and of its limits.
    number: u64,
    numbers: [u64; 2],
}

impl Gate {
    pub(super) fn of((number, rule): (u32, &Rule)) -> Self {
        let limits = [rule.filter, rule.limit];
        let number = u64::from(number);
        Self {
            sid: rule.sid,
            silent: rule.silent,
            condition: match (&rule.spread, limits) {
                (None, [None, None]) => Condition::Nothing,
                (Some(_), [None, None]) => Condition::Spread,
                (None, [None, Some(_)]) => Condition::Limit,
                _ => Condition::Several,
            },
            spread: rule.spread,
            limits,
            number,
            numbers: [number * 2, number * 2 + 1],
        }
    }
}

#[inline]
const fn ends(packet: &Packet<'_>) -> (Address, Address) {
    match &packet.ip {
        Ip::V4(ip) => (Address::V4(ip.source()), Address::V4(ip.destination())),
        Ip::V6(ip) => (Address::V6(ip.source()), Address::V6(ip.destination())),
    }
}

impl Waiting {
    pub(super) fn new(mixer: Mixer) -> Self {
        Self {
            packets: Vec::with_capacity(GROUP),
            matches: Vec::with_capacity(2 * MATCHES),
            several: Vec::new(),
            mixer,
        }
    }

    /// Lets a rule wait that the packet matches, which is seen from outside as `outer`.
    pub(super) fn push(&mut self, gate: &Gate, rule: u32, packet: &Packet<'_>, outer: &Packet<'_>) {
        let inner = self.hashes_of(packet);
        let outside = if std::ptr::eq(packet, outer) {
            inner
        } else {
            self.hashes_of(outer)
        };
        self.push_hashed(gate, rule, &inner, &outside, 0, || Key::of(outer));
    }

    /// Hashes of a packet's ends.
    #[inline]
    pub(super) const fn hashes_of(&self, packet: &Packet<'_>) -> Hashes {
        let (source, destination) = ends(packet);
        self.hashes(source, destination)
    }

    #[inline]
    pub(super) const fn hashes(&self, source: Address, destination: Address) -> Hashes {
        Hashes {
            source: self.mixer.of(source),
            destination: self.mixer.of(destination),
        }
    }

    /// The same for ends that were hashed, and a key that is asked for where it matters.
    #[inline]
    pub(super) fn push_hashed(
        &mut self,
        gate: &Gate,
        rule: u32,
        packet: &Hashes,
        outer: &Hashes,
        silence: u64,
        key: impl Fn() -> Key,
    ) {
        let tracked =
            |which: usize| self.tracked(gate.limits[which].as_ref(), gate.numbers[which], packet);
        let (hash, what) = match gate.condition {
            Condition::Nothing => (0, 0),
            Condition::Spread => self.reached(gate, outer, key),
            Condition::Limit => (tracked(1), 0),
            Condition::Several => {
                let (spread, what) = self.reached(gate, outer, key);
                let place = self.several.len() as u64;
                self.several.push([spread, tracked(0), tracked(1)]);
                (place, what)
            }
        };
        self.matches.push(Match {
            hash,
            what,
            rule,
            packet: self.packet(),
            kind: gate.condition,
            silence,
        });
    }

    /// Number of the packet that is looked at.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no more packets wait than a group has, but for one"
    )]
    fn packet(&self) -> u32 {
        self.packets.len() as u32
    }

    /// Ends a packet, which waits if there are more matches than `before`.
    #[inline]
    pub(super) fn close(&mut self, before: usize, packet: &Packet<'_>, time_ns: i64) {
        if self.matches.len() > before {
            let (source, address) = ends(packet);
            self.packets.push(Ends {
                time_ns,
                source,
                address,
            });
        }
    }

    /// Hashes of who reached what; of nobody where the rule has no spread.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    fn reached(&self, gate: &Gate, outer: &Hashes, key: impl Fn() -> Key) -> (u64, u32) {
        match gate.spread.as_ref().map(|spread| spread.kind) {
            None => (0, 0),
            Some(SpreadKind::Sweep) => (
                self.mixer.join(outer.source, gate.number),
                outer.destination as u32,
            ),
            Some(SpreadKind::PortScan) => {
                let key = key();
                let what = u64::from(key.form as u8) << 16 | u64::from(key.value);
                let pair = self.mixer.join(outer.source, outer.destination);
                // The key joins a number that nobody knows, so that nobody chooses which keys meet.
                (
                    self.mixer.join(pair, gate.number),
                    self.mixer.mix(pair, !what) as u32,
                )
            }
        }
    }

    /// Hash of whom a limit is for; 0 where there is none.
    #[inline]
    fn tracked(&self, limit: Option<&Limit>, number: u64, packet: &Hashes) -> u64 {
        let whom = match limit.map(|limit| limit.track) {
            None => return 0,
            Some(Track::Source) => packet.source,
            Some(Track::Destination) => packet.destination,
            Some(Track::Both) => self.mixer.join(packet.source, packet.destination),
            Some(Track::Rule) => 0,
        };
        self.mixer.join(whom, number)
    }

    /// Forgets all that waits.
    pub(super) fn clear(&mut self) {
        self.matches.clear();
        self.packets.clear();
        self.several.clear();
    }

    /// Looks at the places of all that wait, so that their cache misses overlap.
    pub(super) fn glance(&self, windows: &Windows) {
        let Windows {
            counts, spreads, ..
        } = windows;
        let mut seen = 0;
        for found in &self.matches {
            match found.kind {
                Condition::Nothing => {}
                Condition::Spread => seen ^= spreads.glance(found.hash),
                Condition::Limit => seen ^= counts.glance(found.hash),
                Condition::Several => {
                    if let Some([spread, filter, limit]) = self.several_of(found) {
                        seen ^= spreads.glance(*spread);
                        seen ^= counts.glance(*filter) ^ counts.glance(*limit);
                    }
                }
            }
        }
        std::hint::black_box(seen);
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a place among those that wait is meant"
    )]
    fn several_of(&self, found: &Match) -> Option<&[u64; 3]> {
        self.several.get(found.hash as usize)
    }

    /// What limits and spreads say of a rule that matched.
    #[inline]
    pub(super) fn speaks(
        &self,
        found: &Match,
        gate: &Gate,
        now_ns: i64,
        windows: &mut Windows,
    ) -> Verdict {
        let Windows {
            counts, spreads, ..
        } = windows;
        let [filter, limit] = &gate.limits;
        let mut reach = |hash| {
            let spread = gate.spread.as_ref();
            spread.map_or(Verdict::SPEAKS, |spread| {
                spreads.reach(hash, found.what, spread, now_ns)
            })
        };
        let mut count = |hash, limit: &Option<Limit>| {
            let limit = limit.as_ref();
            limit.map_or(Verdict::SPEAKS, |limit| counts.count(hash, limit, now_ns))
        };
        match found.kind {
            Condition::Nothing => Verdict::SPEAKS,
            Condition::Spread => reach(found.hash),
            Condition::Limit => count(found.hash, limit),
            Condition::Several => {
                let hashes = self.several_of(found);
                let speaks = hashes.is_some_and(|hashes| {
                    let [of_spread, of_filter, of_limit] = *hashes;
                    reach(of_spread).speaks
                        && count(of_filter, filter).speaks
                        && count(of_limit, limit).speaks
                });
                Verdict::of(speaks, false, now_ns)
            }
        }
    }
}
