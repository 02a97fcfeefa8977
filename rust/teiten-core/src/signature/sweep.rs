//! How many different addresses or keys one source has reached, in memory that is fixed when it is made.
//!
//! Up to [`EXACT`] different ones are told apart by their hashes; beyond, a bitmap of hashes is counted (linear
//! counting, Whang et al. 1990), which is right within about a tenth at [`super::limits::MAX_SPREAD`].

use zerocopy::{FromBytes, IntoBytes, transmute_mut};

use super::rule::Spread;
use super::threshold::{Verdict, Window, enter, set_of};
use super::untouched::Untouched;

/// Different ones that are told apart exactly, but for two hashes of 32 bits that are one by chance.
pub(super) const EXACT: u32 = 16;

/// Bits of the bitmap, in the memory of the hashes.
const BITS: u32 = EXACT * u32::BITS;

/// What one source reached: hashes, or a bitmap of them.
type Marks = [u32; EXACT as usize];

/// Places one hash allows a sketch.
const WAYS: usize = 4;

/// Hashes kept beside the window: most sources reach no more.
const FIRST: usize = 3;

/// Windows that share two neighbouring cache lines.
#[derive(FromBytes, IntoBytes)]
#[repr(C)]
struct Set {
    windows: [Window; WAYS],
    /// Hashes, or bits of the bitmap, of each.
    counts: [u16; WAYS],
    first: [[u32; FIRST]; WAYS],
    spare: u64,
}

/// Sketches of what sources reached.
#[derive(Debug)]
pub(super) struct Spreads {
    /// Whose sketch is in which place.
    sets: Untouched<{ size_of::<Set>() / size_of::<u64>() }>,
    /// For each place the hashes behind the first ones, or the bitmap.
    marks: Untouched<{ size_of::<Marks>() / size_of::<u64>() }>,
    evicted: u64,
}

impl Spreads {
    /// Room for sketches in at most so many bytes, for one set of windows at the least.
    pub(super) fn new(bytes: usize) -> Self {
        let sets = (bytes / (size_of::<Set>() + WAYS * size_of::<Marks>())).max(1);
        Self {
            sets: Untouched::new(sets),
            marks: Untouched::new(sets * WAYS),
            evicted: 0,
        }
    }

    /// Sketches that made room while their window was open.
    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Looks at the place of a hash, so that it is near when something is reached there.
    #[inline]
    pub(super) fn glance(&self, hash: u64) -> u64 {
        self.sets.glance(set_of(hash, self.sets.len()))
    }

    /// Notes that what `what` is the hash of was reached by whom `hash` is of; the rule speaks where this is the one that
    /// makes the count full, once in each window.
    #[inline]
    pub(super) fn reach(&mut self, hash: u64, what: u32, spread: &Spread, now_ns: i64) -> Verdict {
        let number = set_of(hash, self.sets.len());
        let set: &mut Set = transmute_mut!(self.sets.record(number));
        let entered = enter(&mut set.windows, hash, spread.seconds, now_ns);
        self.evicted += u64::from(entered.evicts);
        let count = &mut set.counts[entered.way];
        if entered.opens {
            *count = 0;
        }
        let full = marks_for(spread.count);
        if u32::from(*count) >= full {
            // It has spoken.
            return Verdict::of(false, true, entered.ends_ns);
        }
        let filled = usize::from(*count);
        let more: &mut Marks = transmute_mut!(self.marks.record(number * WAYS + entered.way));
        let is_new = if spread.count <= EXACT {
            add(&mut set.first[entered.way], more, filled, what)
        } else {
            if entered.opens {
                *more = [0; EXACT as usize];
            }
            set_bit(more, what)
        };
        if !is_new {
            return Verdict::of(false, false, entered.ends_ns);
        }
        *count += 1;
        let is_full = u32::from(*count) == full;
        Verdict::of(is_full, is_full, entered.ends_ns)
    }
}

/// Adds a hash to those filled in; whether it was new. Of no use once full, and harmless.
#[inline]
fn add(
    first: &mut [u32; FIRST],
    more: &mut [u32; EXACT as usize],
    filled: usize,
    hash: u32,
) -> bool {
    let is_known = |(place, known): (usize, &u32)| place < filled && *known == hash;
    if first.iter().enumerate().any(is_known) {
        return false;
    }
    let Some(behind) = filled.checked_sub(FIRST) else {
        first[filled] = hash;
        return true;
    };
    // One more than can be asked for is never filled in.
    if filled >= EXACT as usize || more[..behind].contains(&hash) {
        return false;
    }
    more[behind] = hash;
    true
}

/// Sets the bit of a hash; whether it was not set.
#[inline]
fn set_bit(bitmap: &mut [u32; EXACT as usize], hash: u32) -> bool {
    let bit = hash % BITS;
    let word = &mut bitmap[(bit / u32::BITS) as usize];
    let is_new = *word >> (bit % u32::BITS) & 1 == 0;
    *word |= 1 << (bit % u32::BITS);
    is_new
}

/// Marks that so many different ones leave: themselves, or the bits of the bitmap they are expected to set.
fn marks_for(count: u32) -> u32 {
    if count <= EXACT {
        return count;
    }
    let bits = f64::from(BITS);
    let expected = bits * (1.0 - (-f64::from(count) / bits).exp());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 16 and the number of bits"
    )]
    let expected = expected.round() as u32;
    expected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::matcher::Address;
    use crate::signature::rule::SpreadKind;
    use crate::signature::threshold::Mixer;

    const SECOND: i64 = 1_000_000_000;

    fn hash(rule: u32, address: u32) -> u64 {
        let mixer = Mixer::new(3);
        mixer.join(mixer.of(Address::V4(address)), rule.into())
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    fn what(number: u32) -> u32 {
        hash(0, number) as u32
    }

    #[test]
    fn a_set_is_two_cache_lines() {
        assert_eq!(size_of::<Set>(), 128);
    }

    /// How many different ones it takes.
    fn taken(count: u32) -> u32 {
        let mut spreads = Spreads::new(1 << 12);
        let spread = Spread {
            kind: SpreadKind::Sweep,
            count,
            seconds: 60,
        };
        (1..9999)
            .find(|number| spreads.reach(hash(1, 5), what(*number), &spread, 0).speaks)
            .unwrap_or(0)
    }

    #[test]
    fn few_are_told_apart_exactly() {
        for count in [2, 5, EXACT] {
            assert_eq!(taken(count), count);
        }
    }

    #[test]
    fn many_are_told_apart_within_a_tenth() {
        for count in [17, 100, 1024] {
            let taken = taken(count);
            assert!(
                taken.abs_diff(count) <= count / 10 + 2,
                "{taken} for {count}"
            );
        }
    }

    #[test]
    fn the_same_one_again_counts_once_and_a_window_starts_over() {
        let mut spreads = Spreads::new(1 << 12);
        let spread = Spread {
            kind: SpreadKind::PortScan,
            count: 2,
            seconds: 10,
        };
        let mut reach = |number, seconds: i64| {
            let hash = hash(1, 5);
            spreads
                .reach(hash, what(number), &spread, seconds * SECOND)
                .speaks
        };
        assert!(!reach(1, 0) && !reach(1, 1));
        assert!(!reach(2, 10), "the window is over");
        assert!(reach(1, 11) && !reach(3, 12), "it speaks once");
    }
    #[test]
    fn a_full_set_makes_room_and_counts_the_loss() {
        let mut spreads = Spreads::new(1);
        let spread = Spread {
            kind: SpreadKind::Sweep,
            count: 2,
            seconds: 10,
        };
        for address in 0..u32::try_from(WAYS).unwrap() + 2 {
            let verdict = spreads.reach(hash(1, address), what(1), &spread, 0);
            assert!(!verdict.speaks);
        }
        assert_eq!(spreads.evicted(), 2);
        let verdict = spreads.reach(hash(1, 99), what(1), &spread, 20 * SECOND);
        assert!(!verdict.speaks);
        assert_eq!(spreads.evicted(), 2, "a closed window is no loss");
    }
}
