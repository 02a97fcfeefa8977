//! Matches that wait for their limits and spreads, so that the cache misses of several packets overlap.

use super::matcher::Address;
use super::rule::{Limit, Spread, SpreadKind, Track};
use super::sweep::Spreads;
use super::threshold::{Counts, Mixer};
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
}

/// Matches that wait for their limits and spreads, and the packets that have any; in order.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) packets: Vec<Ends>,
    pub(super) matches: Vec<Match>,
    pub(super) mixer: Mixer,
}

/// Whose a packet is, at its outermost header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) time_ns: i64,
    pub(super) source: Address,
    pub(super) address: Address,
}

/// A rule that matched, with the hashes of whom its spread, filter and limit are for; 0 where it has none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub(super) packet: usize,
    pub(super) rule: u32,
    /// Hash of what a spread reached.
    pub(super) what: u32,
    pub(super) spread: u64,
    pub(super) filter: u64,
    pub(super) limit: u64,
}

/// What decides whether a rule that matched speaks.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) sid: u32,
    /// Whether its matches are told to nobody.
    pub(super) silent: bool,
    pub(super) spread: Option<Spread>,
    pub(super) filter: Option<Limit>,
    pub(super) limit: Option<Limit>,
}

#[inline]
fn ends(packet: &Packet<'_>) -> (Address, Address) {
    match &packet.ip {
        Ip::V4(ip) => (Address::V4(ip.source()), Address::V4(ip.destination())),
        Ip::V6(ip) => (Address::V6(ip.source()), Address::V6(ip.destination())),
    }
}

impl Waiting {
    /// Lets a rule wait that the packet matches, which is seen from outside as `outer`.
    #[inline]
    pub(super) fn push(&mut self, gate: &Gate, rule: u32, packet: &Packet<'_>, outer: &Packet<'_>) {
        let mut found = Match {
            packet: self.packets.len(),
            rule,
            what: 0,
            spread: 0,
            filter: 0,
            limit: 0,
        };
        if let Some(spread) = &gate.spread {
            (found.spread, found.what) = self.spread(spread.kind, rule, outer);
        }
        // A filter and a limit of one rule count apart.
        if let Some(filter) = &gate.filter {
            found.filter = self.tracked(filter.track, rule * 2, packet);
        }
        if let Some(limit) = &gate.limit {
            found.limit = self.tracked(limit.track, rule * 2 + 1, packet);
        }
        self.matches.push(found);
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

    /// Hashes of who reached what.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    fn spread(&self, kind: SpreadKind, rule: u32, outer: &Packet<'_>) -> (u64, u32) {
        let (source, destination) = ends(outer);
        let (source, destination) = (self.mixer.of(source), self.mixer.of(destination));
        match kind {
            SpreadKind::Sweep => (self.mixer.join(source, rule.into()), destination as u32),
            SpreadKind::PortScan => {
                let key = Key::of(outer);
                let what = u64::from(key.form as u8) << 16 | u64::from(key.value);
                let pair = self.mixer.join(source, destination);
                // The key joins a number that nobody knows, so that nobody chooses which keys meet.
                (
                    self.mixer.join(pair, rule.into()),
                    self.mixer.join(pair, !what) as u32,
                )
            }
        }
    }

    /// Hash of whom a limit is for.
    #[inline]
    fn tracked(&self, track: Track, number: u32, packet: &Packet<'_>) -> u64 {
        let (source, destination) = ends(packet);
        let mixer = self.mixer;
        let whom = match track {
            Track::Source => mixer.of(source),
            Track::Destination => mixer.of(destination),
            Track::Both => mixer.join(mixer.of(source), mixer.of(destination)),
            Track::Rule => 0,
        };
        mixer.join(whom, number.into())
    }
}

impl Windows {
    /// Looks at the places of all these, so that their cache misses overlap.
    pub(super) fn glance(&self, matches: &[Match]) {
        let mut seen = 0;
        for found in matches {
            if found.spread != 0 {
                seen ^= self.spreads.glance(found.spread);
            }
            if found.filter != 0 {
                seen ^= self.counts.glance(found.filter);
            }
            if found.limit != 0 {
                seen ^= self.counts.glance(found.limit);
            }
        }
        std::hint::black_box(seen);
    }

    /// Whether limits and spreads let a rule speak that matched.
    #[inline]
    pub(super) fn speaks(&mut self, gate: &Gate, found: &Match, now_ns: i64) -> bool {
        let Self { counts, spreads } = self;
        gate.spread
            .as_ref()
            .is_none_or(|spread| spreads.reach(found.spread, found.what, spread, now_ns))
            && gate
                .filter
                .as_ref()
                .is_none_or(|filter| counts.count(found.filter, filter, now_ns))
            && gate
                .limit
                .as_ref()
                .is_none_or(|limit| counts.count(found.limit, limit, now_ns))
    }
}
