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

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    whom: Whom,
    start_ns: i64,
    seconds: u32,
    count: u32,
}

/// Counts of matches.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    records: Box<[Record]>,
    mixer: Mixer,
    evicted: u64,
}

impl Counts {
    /// Room for records in at most so many bytes, for one set of [`WAYS`] at the least.
    pub(super) fn new(bytes: usize, mixer: Mixer) -> Self {
        let sets = (bytes / (WAYS * size_of::<Record>())).max(1);
        Self {
            records: vec![Record::default(); sets * WAYS].into(),
            mixer,
            evicted: 0,
        }
    }

    /// Records that made room while their window was open.
    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Counts a match; whether the rule speaks.
    pub(super) fn count(&mut self, whom: Whom, limit: &Limit, now_ns: i64) -> bool {
        let place = self.place(whom, now_ns);
        let Some(record) = self.records.get_mut(place) else {
            return true;
        };
        if record.whom != whom || !is_open(record.start_ns, limit.seconds, now_ns) {
            *record = Record {
                whom,
                start_ns: now_ns,
                seconds: limit.seconds,
                count: 0,
            };
        }
        record.count = record.count.saturating_add(1);
        match limit.kind {
            LimitKind::Limit => record.count <= limit.count,
            LimitKind::Both => record.count == limit.count,
            LimitKind::Filter => record.count > limit.count,
            LimitKind::Threshold if record.count >= limit.count => {
                record.count = 0;
                true
            }
            LimitKind::Threshold => false,
        }
    }

    fn place(&mut self, whom: Whom, now_ns: i64) -> usize {
        let start = set_of(self.mixer.of(whom), self.records.len() / WAYS) * WAYS;
        let set = self.records.get(start..start + WAYS).unwrap_or_default();
        if let Some(way) = set.iter().position(|record| record.whom == whom) {
            return start + way;
        }
        let oldest = set
            .iter()
            .enumerate()
            .min_by_key(|(_, record)| (record.whom.rule != 0, record.start_ns));
        let Some((way, record)) = oldest else {
            return start;
        };
        self.evicted +=
            u64::from(record.whom.rule != 0 && is_open(record.start_ns, record.seconds, now_ns));
        start + way
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
