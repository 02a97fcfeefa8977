//! Whose packets have nothing more to say for a while, so that their windows need not be looked up one by one.
//!
//! Most packets that match a rule come from a source of which the rule has spoken: its limit is reached, its sweep told.
//! Once the windows of rules that a header leaves together say so of the same ends, that is kept until the first of them
//! closes; these very rules pass packets of these ends by until then. What is kept here may be lost at any time: the windows
//! themselves still know.

use super::rule::{Limit, LimitKind, Rule, SpreadKind, Track};
use super::threshold::Mixer;

/// By which of a packet's ends rules that may fall silent tell whose windows theirs are: which bits of them count, the
/// source's above the destination's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tracks(u64);

impl Tracks {
    /// By none: all have one window.
    const NONE: Self = Self(0);
    pub(super) const SOURCE: Self = Self(!0 << 32);
    const DESTINATION: Self = Self(!0 >> 32);
    const BOTH: Self = Self(!0);
    /// One of the rules never falls silent, so that nothing is kept; any but the others will do.
    pub(super) const LOUD: Self = Self(1);

    /// Each there is.
    pub(super) const ALL: [Self; 5] = [
        Self::NONE,
        Self::SOURCE,
        Self::DESTINATION,
        Self::BOTH,
        Self::LOUD,
    ];

    /// Those of a rule, all of whose tests were passed.
    pub(super) fn of(rule: &Rule) -> Self {
        match (&rule.spread, &rule.filter, &rule.limit) {
            (Some(spread), None, None) => match spread.kind {
                SpreadKind::Sweep => Self::SOURCE,
                SpreadKind::PortScan => Self::BOTH,
            },
            (None, None, Some(limit)) if ends(limit) => match limit.track {
                Track::Source => Self::SOURCE,
                Track::Destination => Self::DESTINATION,
                Track::Both => Self::BOTH,
                Track::Rule => Self::NONE,
            },
            _ => Self::LOUD,
        }
    }

    /// The ends of a packet that tell whose windows they are, as one number.
    #[inline]
    pub(super) const fn ends(self, source: u32, destination: u32) -> u64 {
        ((source as u64) << 32 | destination as u64) & self.0
    }
}

/// Whether a window of the limit has nothing more to say once its count is reached. One that counts up to the largest
/// number there is stays there, and speaks on.
pub(super) const fn ends(limit: &Limit) -> bool {
    matches!(limit.kind, LimitKind::Limit | LimitKind::Both) && limit.count < u32::MAX
}

/// Until when whose packets are silent, in memory that is fixed when it is made.
#[derive(Debug)]
pub(super) struct Silences {
    /// Hash of ends and rules, and the time.
    places: Box<[(u64, i64)]>,
    /// The latest packet's time: a window that it ended may have been followed by another, in which packets that come
    /// late count.
    latest_ns: i64,
}

impl Silences {
    /// Room in at most so many bytes, for one at the least.
    pub(super) fn new(bytes: usize) -> Self {
        let places = (bytes / size_of::<(u64, i64)>()).max(1);
        Self {
            // Of nobody, until the beginning of time.
            places: vec![(0, 0); 1 << places.ilog2()].into(),
            latest_ns: i64::MIN,
        }
    }

    /// The hash under which ends and rules are kept. It is keyed, so that nobody can choose ends that meet.
    #[inline]
    pub(super) const fn of(mixer: Mixer, ends: u64, rules: u32) -> u64 {
        mixer.join(ends, rules as u64)
    }

    /// The hash under which a source is kept of which rules that ask for addresses alone have nothing more to say.
    #[inline]
    pub(super) const fn of_listed(mixer: Mixer, source: u32) -> u64 {
        Self::of(mixer, (source as u64) << 32, u32::MAX)
    }

    /// A packet of this time is to be held against rules.
    #[inline]
    pub(super) fn come_to(&mut self, time_ns: i64) {
        self.latest_ns = self.latest_ns.max(time_ns);
    }

    /// Whether nothing is to be said of them, now or at any time before.
    #[inline]
    pub(super) fn has(&self, hash: u64) -> bool {
        let place = self.places.get(self.place(hash));
        place.is_some_and(|(whose, until_ns)| *whose == hash && self.latest_ns < *until_ns)
    }

    /// Until when nothing is to be said of them; far in the past if that is not known.
    pub(super) fn until_ns(&self, hash: u64) -> i64 {
        let place = self.places.get(self.place(hash));
        place
            .filter(|(whose, _)| *whose == hash)
            .map_or(i64::MIN, |(_, until_ns)| *until_ns)
    }

    /// Keeps that nothing is to be said of them before a time.
    pub(super) fn keep(&mut self, hash: u64, until_ns: i64) {
        let place = self.place(hash);
        self.places[place] = (hash, until_ns);
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower bits are meant")]
    const fn place(&self, hash: u64) -> usize {
        hash as usize & (self.places.len() - 1)
    }
}
