//! How often rules matched for whom, in memory that is fixed when it is made.
//!
//! A record lives in one of the few places its hash allows. Where all are taken, the one whose window began first
//! makes room; if that window was still open, the loss is counted.

use zerocopy::{FromBytes, IntoBytes, transmute_mut};

use super::limits::MAX_WINDOW_SECONDS;
use super::matcher::Address;
use super::rule::{Limit, LimitKind};
use super::silence::ends;
use super::untouched::Untouched;

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

    /// Hash of an address.
    #[inline]
    pub(super) const fn of(self, address: Address) -> u64 {
        match address {
            Address::V4(address) => self.mix(self.0[1].rotate_left(17), address as u64),
            Address::V6([high, low]) => self.mix(self.mix(self.0[0].rotate_left(41), high), low),
        }
    }

    /// Hash of a hash and a number or another hash; which is which matters. Each of its bits is as good as any.
    #[inline]
    pub(super) const fn mix(self, hash: u64, number: u64) -> u64 {
        let first = self.join(hash, number);
        fold(first ^ self.0[1], hash.rotate_left(29) ^ self.0[0] | 1)
    }

    /// The same at half the cost, of hashes that are good, and good together.
    #[inline]
    pub(super) const fn join(self, hash: u64, number: u64) -> u64 {
        fold(hash ^ self.0[0], number ^ self.0[1])
    }
}

/// Both halves of a product.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "halves of a product are folded"
)]
const fn fold(one: u64, two: u64) -> u64 {
    let product = (one as u128).wrapping_mul(two as u128);
    (product >> 64) as u64 ^ product as u64
}

/// A place in a set: whose window it is, and since when.
///
/// A window's owner is known by the set it is in, which the upper bits of a keyed hash name, and by 47 bits of that hash
/// beside the window's length: that two owners are taken for one has a chance of one in 2^60 for each pair in sets of
/// the memory there is by default, and nobody without the key can make it happen.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes)]
#[repr(C)]
pub(super) struct Window {
    /// 0 where the place is free.
    owner: u64,
    start_ns: i64,
}

/// Bits of a window's length in seconds.
const SECONDS_BITS: u32 = 17;
const _: () = assert!(MAX_WINDOW_SECONDS < 1 << SECONDS_BITS);

/// The place of somebody's open window in a set; whether it opens now, and whether an open window made room for it.
#[inline]
pub(super) fn enter<const WAYS: usize>(
    windows: &mut [Window; WAYS],
    hash: u64,
    seconds: u32,
    now_ns: i64,
) -> Entered {
    let owner = hash << SECONDS_BITS | u64::from(seconds);
    let known = windows.iter().position(|known| known.owner == owner);
    let way = known.unwrap_or_else(|| oldest(windows));
    let before = windows[way];
    let lasts = is_open(before.start_ns, length(before.owner), now_ns);
    let opens = known.is_none() || !lasts;
    if opens {
        windows[way] = Window {
            owner,
            start_ns: now_ns,
        };
    }
    Entered {
        way,
        opens,
        evicts: known.is_none() && before.owner != 0 && lasts,
        ends_ns: end(windows[way].start_ns, seconds),
    }
}

/// The place that makes room: a free one, or the one whose window began first.
#[inline]
fn oldest<const WAYS: usize>(windows: &[Window; WAYS]) -> usize {
    let key = |way: usize| (windows[way].owner != 0, windows[way].start_ns);
    (1..WAYS).fold(
        0,
        |oldest, way| {
            if key(way) < key(oldest) { way } else { oldest }
        },
    )
}

/// Length in seconds of an owner's window.
#[expect(clippy::cast_possible_truncation, reason = "the lower bits are meant")]
const fn length(owner: u64) -> u32 {
    owner as u32 & ((1 << SECONDS_BITS) - 1)
}

/// Where somebody's window is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entered {
    /// Place in the set.
    pub(super) way: usize,
    /// Whether the window opens now, so that nothing has been counted in it.
    pub(super) opens: bool,
    /// Whether another's window that was still open made room.
    pub(super) evicts: bool,
    /// From when on the window is closed.
    pub(super) ends_ns: i64,
}

/// What a window says of one more match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Whether the rule speaks.
    pub(super) speaks: bool,
    /// Until when it has nothing more to say, whatever matches: the end of the window; far in the past if it may speak again.
    pub(super) silent_until_ns: i64,
}

impl Verdict {
    /// Of a rule without any window.
    pub(super) const SPEAKS: Self = Self {
        speaks: true,
        silent_until_ns: i64::MIN,
    };

    /// Of a window that may be full, and end then.
    #[inline]
    pub(super) const fn of(speaks: bool, is_full: bool, ends_ns: i64) -> Self {
        Self {
            speaks,
            silent_until_ns: if is_full { ends_ns } else { i64::MIN },
        }
    }
}

/// Places one hash allows a count.
const WAYS: usize = 3;

/// Windows that share a cache line, and what is counted in each.
#[derive(FromBytes, IntoBytes)]
#[repr(C)]
struct Set {
    windows: [Window; WAYS],
    counts: [u32; WAYS],
    spare: u32,
}

/// Counts of matches.
#[derive(Debug)]
pub(super) struct Counts {
    sets: Untouched<{ size_of::<Set>() / size_of::<u64>() }>,
    evicted: u64,
}

impl Counts {
    /// Room for counts in at most so many bytes, for one set of [`WAYS`] at the least.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            sets: Untouched::new((bytes / size_of::<Set>()).max(1)),
            evicted: 0,
        }
    }

    /// Counts that made room while their window was open.
    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Looks at the place of a hash, so that it is near when it is counted there.
    #[inline]
    pub(super) fn glance(&self, hash: u64) -> u64 {
        self.sets.glance(set_of(hash, self.sets.len()))
    }

    /// Counts a match for whom the hash is of.
    #[inline]
    pub(super) fn count(&mut self, hash: u64, limit: &Limit, now_ns: i64) -> Verdict {
        let number = set_of(hash, self.sets.len());
        let set: &mut Set = transmute_mut!(self.sets.record(number));
        let entered = enter(&mut set.windows, hash, limit.seconds, now_ns);
        self.evicted += u64::from(entered.evicts);
        let count = &mut set.counts[entered.way];
        if entered.opens {
            *count = 0;
        }
        *count = count.saturating_add(1);
        let speaks = match limit.kind {
            LimitKind::Limit => *count <= limit.count,
            LimitKind::Both => *count == limit.count,
            LimitKind::Filter => *count > limit.count,
            LimitKind::Threshold if *count >= limit.count => {
                *count = 0;
                true
            }
            LimitKind::Threshold => false,
        };
        Verdict::of(
            speaks,
            *count >= limit.count && ends(limit),
            entered.ends_ns,
        )
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
    now_ns < end(start_ns, seconds)
}

/// From when on a window is closed.
const fn end(start_ns: i64, seconds: u32) -> i64 {
    start_ns.saturating_add(seconds as i64 * 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::rule::Track;

    const SECOND: i64 = 1_000_000_000;

    fn spoken(kind: LimitKind, count: u32, times: &[i64]) -> Vec<bool> {
        let mut counts = Counts::new(1 << 12);
        let limit = Limit {
            kind,
            track: Track::Source,
            count,
            seconds: 10,
        };
        let mixer = Mixer::new(7);
        let whom = mixer.of(Address::V4(9));
        times
            .iter()
            .map(|seconds| counts.count(whom, &limit, seconds * SECOND).speaks)
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
    fn a_set_of_counts_is_one_cache_line() {
        assert_eq!(size_of::<Set>(), 64);
    }

    #[test]
    fn a_full_set_makes_room_and_counts_the_loss() {
        let mut counts = Counts::new(1);
        let limit = Limit {
            kind: LimitKind::Both,
            track: Track::Source,
            count: 1,
            seconds: 10,
        };
        let hash = |address| Mixer::new(7).of(Address::V4(address));
        for address in 0..5 {
            assert!(counts.count(hash(address), &limit, 0).speaks);
        }
        assert_eq!(counts.evicted(), 2);
        assert!(counts.count(hash(9), &limit, 20 * SECOND).speaks);
        assert_eq!(counts.evicted(), 2, "a closed window is no loss");
    }
}
