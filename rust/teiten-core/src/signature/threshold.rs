//! How often rules matched for whom, in memory that is fixed when it is made.
//!
//! A record lives in one of the few places its hash allows. Where all are taken, the one whose window began first
//! makes room; if that window was still open, the loss is counted.

use super::rule::{Limit, LimitKind};

/// Whom a count is for: a rule and up to two addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Whom {
    /// Number of the rule, plus one; 0 for a place that is free.
    pub(super) rule: u32,
    /// Address, or two addresses made one by a keyed hash.
    pub(super) address: u128,
}

/// Secrets of a hash, so that senders, who choose the addresses, cannot choose which records meet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mixer([u64; 2]);

impl Mixer {
    pub(super) const fn new(seed: u64) -> Self {
        Self([
            seed ^ 0x9e37_79b9_7f4a_7c15,
            seed.rotate_left(32) ^ 0xd1b5_4a32_d192_ed03,
        ])
    }

    /// A hash of three numbers.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "halves of a product are folded"
    )]
    pub(super) const fn mix(self, one: u64, two: u64, three: u64) -> u64 {
        const fn fold(one: u64, two: u64) -> u64 {
            let product = (one as u128).wrapping_mul(two as u128);
            (product >> 64) as u64 ^ product as u64
        }
        let first = fold(one ^ self.0[0], two ^ self.0[1]);
        fold(
            first ^ three ^ self.0[1],
            first.rotate_left(29) ^ self.0[0] | 1,
        )
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    pub(super) const fn of(self, whom: Whom) -> u64 {
        self.mix(
            (whom.address >> 64) as u64,
            whom.address as u64,
            whom.rule as u64,
        )
    }
}

/// Places one hash allows.
pub(super) const WAYS: usize = 4;

/// A window of somebody's; side by side with the others of its set, so that a search reads few cache lines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    /// Keyed hash of whom it is for; 0 where the place is free.
    owner: u64,
    start_ns: i64,
    seconds: u32,
    /// What is counted in it.
    pub(super) count: u32,
}

/// Windows of whomever, in sets of [`WAYS`] places.
///
/// Whom a window is for is known by a keyed hash of 64 bits: that two are taken for one has a chance of one in 2^64
/// for each pair, and nobody without the key can make it happen.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    sets: Box<[[Window; WAYS]]>,
    mixer: Mixer,
    evicted: u64,
}

impl Windows {
    /// Room for as many windows as fit into so many bytes with `beside` bytes each kept elsewhere, for one set at the
    /// least.
    pub(super) fn new(bytes: usize, beside: usize, mixer: Mixer) -> Self {
        let sets = (bytes / (WAYS * (size_of::<Window>() + beside))).max(1);
        Self {
            sets: vec![[Window::default(); WAYS]; sets].into(),
            mixer,
            evicted: 0,
        }
    }

    /// How many windows there is room for.
    pub(super) const fn places(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// Windows that made room while they were open.
    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The open window of somebody, with its place; its count is 0 where it opens now.
    #[inline]
    pub(super) fn of(&mut self, whom: Whom, seconds: u32, now_ns: i64) -> (usize, &mut Window) {
        let hash = self.mixer.of(whom);
        let owner = hash | 1;
        let number = set_of(hash, self.sets.len());
        let set = &mut self.sets[number];
        let known = set.iter().position(|window| window.owner == owner);
        let way = known.unwrap_or_else(|| oldest(set));
        if known.is_none() {
            let window = &set[way];
            let lost = window.owner != 0 && is_open(window.start_ns, window.seconds, now_ns);
            self.evicted += u64::from(lost);
        }
        let window = &mut set[way];
        if window.owner != owner || !is_open(window.start_ns, seconds, now_ns) {
            *window = Window {
                owner,
                start_ns: now_ns,
                seconds,
                count: 0,
            };
        }
        (number * WAYS + way, window)
    }
}

/// The place that makes room: a free one, or the one whose window began first.
#[inline]
fn oldest(set: &[Window; WAYS]) -> usize {
    let mut way = 0;
    for next in 1..WAYS {
        let key = |window: &Window| (window.owner != 0, window.start_ns);
        if key(&set[next]) < key(&set[way]) {
            way = next;
        }
    }
    way
}

/// Counts of matches.
#[derive(Clone, Debug)]
pub(super) struct Counts(Windows);

impl Counts {
    /// Room for counts in at most so many bytes, for one set of [`WAYS`] at the least.
    pub(super) fn new(bytes: usize, mixer: Mixer) -> Self {
        Self(Windows::new(bytes, 0, mixer))
    }

    /// Counts that made room while their window was open.
    pub(super) const fn evicted(&self) -> u64 {
        self.0.evicted()
    }

    /// Counts a match; whether the rule speaks.
    pub(super) fn count(&mut self, whom: Whom, limit: &Limit, now_ns: i64) -> bool {
        let (_, window) = self.0.of(whom, limit.seconds, now_ns);
        window.count = window.count.saturating_add(1);
        match limit.kind {
            LimitKind::Limit => window.count <= limit.count,
            LimitKind::Both => window.count == limit.count,
            LimitKind::Filter => window.count > limit.count,
            LimitKind::Threshold if window.count >= limit.count => {
                window.count = 0;
                true
            }
            LimitKind::Threshold => false,
        }
    }
}

/// Which of so many sets a hash names.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the quotient is less than the number of sets"
)]
pub(super) const fn set_of(hash: u64, sets: usize) -> usize {
    ((hash as u128 * sets as u128) >> 64) as usize
}

/// Whether a window is open; packets out of order belong to the window they find.
pub(super) const fn is_open(start_ns: i64, seconds: u32, now_ns: i64) -> bool {
    now_ns.saturating_sub(start_ns) < seconds as i64 * 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::rule::Track;

    const SECOND: i64 = 1_000_000_000;

    fn spoken(kind: LimitKind, count: u32, times: &[i64]) -> Vec<bool> {
        let mut counts = Counts::new(1 << 12, Mixer::new(7));
        let limit = Limit {
            kind,
            track: Track::Source,
            count,
            seconds: 10,
        };
        let whom = Whom {
            rule: 1,
            address: 9,
        };
        times
            .iter()
            .map(|seconds| counts.count(whom, &limit, seconds * SECOND))
            .collect()
    }

    #[test]
    fn a_limit_lets_the_first_of_each_window_through() {
        assert_eq!(
            spoken(LimitKind::Limit, 2, &[0, 1, 2, 9, 10, 11, 12]),
            [true, true, false, false, true, true, false]
        );
    }

    #[test]
    fn a_threshold_lets_every_nth_through() {
        assert_eq!(
            spoken(LimitKind::Threshold, 2, &[0, 1, 2, 3, 20, 31]),
            [false, true, false, true, false, false]
        );
    }

    #[test]
    fn both_lets_one_of_each_window_through() {
        assert_eq!(
            spoken(LimitKind::Both, 2, &[0, 1, 2, 3, 10, 11]),
            [false, true, false, false, false, true]
        );
    }

    #[test]
    fn a_filter_lets_through_what_is_beyond_the_count() {
        assert_eq!(
            spoken(LimitKind::Filter, 2, &[0, 1, 2, 3, 10]),
            [false, false, true, true, false]
        );
    }

    #[test]
    fn a_full_set_makes_room_and_counts_the_loss() {
        let mut counts = Counts::new(1, Mixer::new(7));
        let limit = Limit {
            kind: LimitKind::Both,
            track: Track::Source,
            count: 1,
            seconds: 10,
        };
        for address in 0..6 {
            assert!(counts.count(Whom { rule: 1, address }, &limit, 0));
        }
        assert_eq!(counts.evicted(), 2);
        assert!(counts.count(
            Whom {
                rule: 1,
                address: 9
            },
            &limit,
            20 * SECOND
        ));
        assert_eq!(counts.evicted(), 2, "a closed window is no loss");
    }
}
