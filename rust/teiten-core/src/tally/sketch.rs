//! How many different sources there were, estimated in fixed memory.
//!
//! A sketch is a `HyperLogLog` (Flajolet et al., "`HyperLogLog`: the analysis of a near-optimal cardinality estimation
//! algorithm", 2007) of 2^10 registers of one byte. Two sketches join to the sketch of both by taking the larger of each
//! pair of registers, whoever made them and whenever: the hash is the same everywhere, and no secret. So a sender who
//! knows it can choose sources that make a sketch estimate too little or too much; packets and bytes stay exact.

use super::columns::Family;
use crate::key::Key;
use crate::wire::ipv6::Halves;

/// Registers of a sketch; the standard error is 1.04 / sqrt(2^10), 3.3 %.
pub const REGISTERS: usize = 1 << INDEX_BITS;
const INDEX_BITS: u32 = 10;

/// Keys of one interval that have a sketch of their own; the others share one.
pub const OWN_SKETCHES: usize = 64;

/// Places of the index from keys to sketches, four times as many as can be in use.
const PLACES: usize = 256;
const REST: usize = OWN_SKETCHES;

/// The sources of one key in an interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    /// IP version of the packets; of the shared sketch, which may have both, `None`.
    pub family: Option<Family>,
    /// Their key; `None` for the keys that share a sketch.
    pub key: Option<Key>,
    /// The registers, [`REGISTERS`] bytes from 0 to 55.
    pub registers: Box<[u8]>,
}

impl Sketch {
    /// About how many different sources were added.
    #[must_use]
    pub fn estimate(&self) -> f64 {
        estimate(&self.registers)
    }
}

/// The sketches of one interval, for the keys that came first and for the rest together: 66 KiB.
#[derive(Debug)]
pub(crate) struct Sketches {
    /// Numbers of sketches plus one, by hash of the key; 0 is free.
    places: [u8; PLACES],
    keys: Vec<(Family, Key)>,
    registers: Vec<[u8; REGISTERS]>,
    rest_is_used: bool,
}

impl Sketches {
    /// Sketches of nothing; all their memory is taken here.
    pub(crate) fn new() -> Self {
        Self {
            places: [0; PLACES],
            keys: Vec::with_capacity(OWN_SKETCHES),
            registers: vec![[0; REGISTERS]; OWN_SKETCHES + 1],
            rest_is_used: false,
        }
    }

    /// Adds a source to a key's sketch.
    pub(crate) fn add(&mut self, family: Family, key: Key, source: Halves) {
        let number = self.number(family, key);
        self.rest_is_used |= number == REST;
        let (index, rank) = index_and_rank(hash(source));
        let register = &mut self.registers[number][index];
        *register = rank.max(*register);
    }

    fn number(&mut self, family: Family, key: Key) -> usize {
        let bits = u64::from(key.value) << 8 | (key.form as u64) << 1;
        let mixed = mix(bits | u64::from(family == Family::Ipv6)).to_be_bytes();
        let mut at = usize::from(mixed[0]);
        loop {
            match self.places[at] {
                0 if self.keys.len() == OWN_SKETCHES => return REST,
                0 => {
                    self.keys.push((family, key));
                    self.places[at] = u8::try_from(self.keys.len()).unwrap_or(0);
                    return self.keys.len() - 1;
                }
                number if self.keys[usize::from(number) - 1] == (family, key) => {
                    return usize::from(number) - 1;
                }
                _ => at = (at + 1) % PLACES,
            }
        }
    }

    /// About how many rows a source each would have taken, at the least.
    pub(crate) fn estimate(&self) -> f64 {
        let own = self.registers.iter().take(self.keys.len());
        let rest = self.registers.last().filter(|_| self.rest_is_used);
        own.chain(rest).map(|registers| estimate(registers)).sum()
    }

    /// The sketches in use, in the order of their keys' first packets, the shared one last; nothing stays.
    pub(crate) fn take(&mut self) -> Vec<Sketch> {
        let mut taken: Vec<Sketch> = self
            .keys
            .iter()
            .zip(&self.registers)
            .map(|((family, key), registers)| Sketch {
                family: Some(*family),
                key: Some(*key),
                registers: registers.to_vec().into_boxed_slice(),
            })
            .collect();
        if self.rest_is_used {
            taken.push(Sketch {
                family: None,
                key: None,
                registers: self.registers[REST].to_vec().into_boxed_slice(),
            });
        }
        for registers in self.registers.iter_mut().take(self.keys.len()) {
            registers.fill(0);
        }
        self.registers[REST].fill(0);
        self.places.fill(0);
        self.keys.clear();
        self.rest_is_used = false;
        taken
    }
}

/// The hash of a source, the same in every program that joins sketches: `mix(mix(high) ^ low)`. An IPv4 address is the
/// low half, and 0 the high one.
#[must_use]
pub const fn hash(source: Halves) -> u64 {
    mix(mix(source[0]) ^ source[1])
}

/// One step of `SplitMix64` (Steele et al., "Fast Splittable Pseudorandom Number Generators", 2014, figure 15).
const fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// The register: the hash's 10 high bits. Its rank: the place of the first 1 in the other 54, 55 if there is none.
fn index_and_rank(hash: u64) -> (usize, u8) {
    let index = usize::try_from(hash >> (u64::BITS - INDEX_BITS)).unwrap_or(0);
    let rest = hash << INDEX_BITS | 1 << (INDEX_BITS - 1);
    (index, u8::try_from(rest.leading_zeros() + 1).unwrap_or(0))
}

/// Ertl's improved raw estimate ("New cardinality estimation algorithms for `HyperLogLog` sketches", 2017, algorithm 6):
/// unbiased from none to the largest numbers, without tables.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of registers are at most 1024"
)]
fn estimate(registers: &[u8]) -> f64 {
    const LARGEST: usize = 64 - INDEX_BITS as usize;
    let mut counts = [0usize; LARGEST + 2];
    for register in registers {
        counts[usize::from(*register).min(LARGEST + 1)] += 1;
    }
    let size = registers.len() as f64;
    let mut sum = size * tau(1.0 - counts[LARGEST + 1] as f64 / size);
    for rank in (1..=LARGEST).rev() {
        sum = 0.5 * (sum + counts[rank] as f64);
    }
    sum += size * sigma(counts[0] as f64 / size);
    size * size / (2.0 * std::f64::consts::LN_2) / sum
}

fn sigma(share: f64) -> f64 {
    if share >= 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut weight, mut sum) = (share, 1.0, share);
    loop {
        power *= power;
        let before = sum;
        sum += power * weight;
        weight += weight;
        if sum <= before {
            return sum;
        }
    }
}

fn tau(share: f64) -> f64 {
    if share <= 0.0 || share >= 1.0 {
        return 0.0;
    }
    let (mut root, mut weight, mut sum) = (share, 1.0, 1.0 - share);
    loop {
        root = root.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - root) * (1.0 - root) * weight;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Form;
    use proptest::prelude::*;

    fn key(value: u16) -> Key {
        Key {
            form: Form::Tcp,
            value,
        }
    }

    #[test]
    fn hashes_are_those_of_the_batch_format() {
        // The first output of SplitMix64 from the seed 0, in its authors' reference implementation.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(hash([0, 1]), mix(0xe220_a839_7b1d_cdae));
    }

    #[test]
    fn ranks_count_from_the_first_bit_behind_the_index() {
        assert_eq!(index_and_rank(u64::MAX), (1023, 1));
        assert_eq!(index_and_rank(0), (0, 55));
        assert_eq!(index_and_rank(1), (0, 54));
        assert_eq!(index_and_rank(1 << 54), (1, 55));
    }

    #[test]
    fn estimates_stay_within_four_standard_errors() {
        for number in [0u64, 1, 10, 100, 1000, 2500, 5000, 20_000, 500_000] {
            let mut sketches = Sketches::new();
            for source in 0..number {
                sketches.add(Family::Ipv4, key(445), [0, source]);
            }
            let estimate = sketches.estimate();
            #[expect(clippy::cast_precision_loss, reason = "numbers are small")]
            let number = number as f64;
            let error = (estimate - number).abs();
            assert!(error <= 0.13 * number + 0.5, "{number}: {estimate}");
        }
    }

    #[test]
    fn keys_beyond_the_first_share_a_sketch() {
        let mut sketches = Sketches::new();
        for value in 0..200 {
            sketches.add(Family::Ipv4, key(value), [0, u64::from(value)]);
            sketches.add(Family::Ipv6, key(0), [7, u64::from(value)]);
        }
        let taken = sketches.take();
        assert_eq!(taken.len(), OWN_SKETCHES + 1);
        assert_eq!(
            (taken[0].family, taken[0].key),
            (Some(Family::Ipv4), Some(key(0)))
        );
        assert_eq!(
            (taken[1].family, taken[1].key),
            (Some(Family::Ipv6), Some(key(0)))
        );
        assert!((taken[1].estimate() - 200.0).abs() < 26.0);
        let rest = &taken[OWN_SKETCHES];
        assert_eq!((rest.family, rest.key), (None, None));
        assert!((rest.estimate() - 137.0).abs() < 18.0);
        assert!(sketches.take().is_empty());
    }

    proptest! {
        #[test]
        fn a_sketch_knows_neither_order_nor_repetition(
            mut sources in proptest::collection::vec(any::<[u64; 2]>(), 1..300),
        ) {
            let mut sketches = Sketches::new();
            let mut take = |sources: &[[u64; 2]]| {
                for source in sources {
                    sketches.add(Family::Ipv6, key(1), *source);
                }
                sketches.take()
            };
            let one = take(&sources);
            sources.reverse();
            sources.push(sources[0]);
            prop_assert_eq!(one, take(&sources));
        }
    }
}
