//! How many different addresses or keys one source has reached, in memory that is fixed when it is made.
//!
//! Up to [`EXACT`] different ones are told apart by their hashes; beyond, a bitmap of hashes is counted (linear
//! counting, Whang et al. 1990), which is right within about a tenth at [`super::limits::MAX_SPREAD`].

use super::rule::Spread;
use super::threshold::{Mixer, Whom, Windows};

/// Different ones that are told apart exactly, but for two hashes of 32 bits that are one by chance.
pub(super) const EXACT: u32 = 16;

/// Bits of the bitmap, in the memory of the hashes.
const BITS: u32 = EXACT * u32::BITS;

/// What one source reached: hashes, or a bitmap of them.
type Marks = [u32; EXACT as usize];

/// Sketches of what sources reached.
#[derive(Clone, Debug)]
pub(super) struct Spreads {
    /// Whose sketch is in which place; a window counts the marks.
    windows: Windows,
    marks: Box<[Marks]>,
    mixer: Mixer,
}

impl Spreads {
    /// Room for sketches in at most so many bytes, for one set of windows at the least.
    pub(super) fn new(bytes: usize, mixer: Mixer) -> Self {
        let windows = Windows::new(bytes, size_of::<Marks>(), mixer);
        Self {
            marks: vec![Marks::default(); windows.places()].into(),
            windows,
            mixer,
        }
    }

    /// Sketches that made room while their window was open.
    pub(super) const fn evicted(&self) -> u64 {
        self.windows.evicted()
    }

    /// Notes that `what` was reached; whether this is the one that makes the count full, once in each window.
    pub(super) fn reach(&mut self, whom: Whom, what: u128, spread: &Spread, now_ns: i64) -> bool {
        let hash = self.mixer.of(Whom {
            rule: 0,
            address: what,
        });
        let (place, window) = self.windows.of(whom, spread.seconds, now_ns);
        let marks = &mut self.marks[place];
        if window.count == 0 {
            *marks = Marks::default();
        }
        if !mark(marks, window.count, hash, spread.count) {
            return false;
        }
        window.count += 1;
        window.count == marks_for(spread.count)
    }
}

/// Marks a hash; whether it was new. Of no use once full, and harmless.
#[expect(
    clippy::cast_possible_truncation,
    reason = "parts of the hash are meant"
)]
fn mark(marks: &mut Marks, filled: u32, hash: u64, count: u32) -> bool {
    if count <= EXACT {
        let (mark, filled) = (hash as u32, filled as usize);
        let known = marks.get(..filled).unwrap_or_default();
        if known.contains(&mark) {
            return false;
        }
        let Some(free) = marks.get_mut(filled) else {
            return false;
        };
        *free = mark;
    } else {
        let bit = (hash as u32) % BITS;
        let Some(word) = marks.get_mut((bit / u32::BITS) as usize) else {
            return false;
        };
        if *word >> (bit % u32::BITS) & 1 == 1 {
            return false;
        }
        *word |= 1 << (bit % u32::BITS);
    }
    true
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
    use crate::signature::rule::SpreadKind;

    const SECOND: i64 = 1_000_000_000;

    /// How many different ones it takes.
    fn taken(count: u32) -> u32 {
        let mut spreads = Spreads::new(1 << 12, Mixer::new(3));
        let spread = Spread {
            kind: SpreadKind::Sweep,
            count,
            seconds: 60,
        };
        let whom = Whom {
            rule: 1,
            address: 5,
        };
        (1..9999)
            .find(|what| spreads.reach(whom, u128::from(*what), &spread, 0))
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
        let mut spreads = Spreads::new(1 << 12, Mixer::new(3));
        let spread = Spread {
            kind: SpreadKind::PortScan,
            count: 2,
            seconds: 10,
        };
        let whom = Whom {
            rule: 1,
            address: 5,
        };
        let mut reach = |what, seconds: i64| spreads.reach(whom, what, &spread, seconds * SECOND);
        assert!(!reach(1, 0) && !reach(1, 1));
        assert!(!reach(2, 10), "the window is over");
        assert!(reach(1, 11) && !reach(3, 12), "it speaks once");
    }
}
