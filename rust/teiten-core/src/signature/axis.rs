//! One header field, and which rules each of its values leaves possible.
//!
//! The values fall into classes within which the same rules are possible; a class has one row of bits, a bit a rule.
//! The rows of all fields of a packet, and-ed, leave the rules whose header fits: bit vectors after Lakshman and
//! Stiliadis, "High-Speed Policy-Based Packet Forwarding Using Efficient Multi-dimensional Range Matching" (1998).

use std::collections::HashMap;

use super::ranges::Ranges;

/// Bits of one word of a row.
pub(super) const WORD: usize = u64::BITS as usize;

/// Rows of bits, and which class each value is of.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// First value of each interval but the first, which begins at 0.
    starts: Vec<u128>,
    /// Row of each interval.
    classes: Vec<u32>,
    bits: Vec<u64>,
    words: usize,
    flat: bool,
}

impl Rows {
    /// The rows of a field where rule number `i` is possible for the values in `accepted[i]`; `None`: for all.
    pub(super) fn new(accepted: &[Option<&Ranges>], words: usize) -> Self {
        // Bits behind the last rule are set, so that a field no rule asks for is flat.
        let mut row = vec![0_u64; words];
        for bit in accepted.len()..words * WORD {
            row[bit / WORD] |= 1 << (bit % WORD);
        }
        let mut changes: Vec<(u128, usize)> = Vec::new();
        for (bit, ranges) in accepted.iter().enumerate() {
            let Some(ranges) = ranges else {
                row[bit / WORD] |= 1 << (bit % WORD);
                continue;
            };
            for (first, last) in ranges.spans() {
                if *first == 0 {
                    row[bit / WORD] |= 1 << (bit % WORD);
                } else {
                    changes.push((*first, bit));
                }
                changes.extend(last.checked_add(1).map(|behind| (behind, bit)));
            }
        }
        changes.sort_unstable();
        let mut rows = Self {
            starts: Vec::new(),
            classes: Vec::new(),
            bits: Vec::new(),
            words,
            flat: false,
        };
        let mut known: HashMap<Vec<u64>, u32> = HashMap::new();
        rows.add(&row, &mut known);
        let mut at = 0;
        while at < changes.len() {
            let start = changes[at].0;
            while at < changes.len() && changes[at].0 == start {
                let bit = changes[at].1;
                row[bit / WORD] ^= 1 << (bit % WORD);
                at += 1;
            }
            rows.starts.push(start);
            rows.add(&row, &mut known);
        }
        // Every value leaves every rule possible.
        rows.flat = rows.bits.iter().all(|word| *word == u64::MAX);
        rows
    }

    fn add(&mut self, row: &[u64], known: &mut HashMap<Vec<u64>, u32>) {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        let class = *known.entry(row.to_vec()).or_insert(next);
        if class == next {
            self.bits.extend_from_slice(row);
        }
        self.classes.push(class);
    }

    fn class(&self, value: u128) -> u32 {
        let interval = self.starts.partition_point(|start| *start <= value);
        self.classes.get(interval).copied().unwrap_or(0)
    }

    #[inline]
    fn row(&self, class: u32) -> &[u64] {
        let start = class as usize * self.words;
        &self.bits[start..start + self.words]
    }
}

/// A field of at most 16 bits: values are looked up in pages of 256, and equal pages are kept once.
#[derive(Clone, Debug)]
pub(super) struct Small {
    rows: Rows,
    pages: Box<[u32]>,
    classes: Box<[u32]>,
}

impl Small {
    pub(super) fn new(accepted: &[Option<&Ranges>], words: usize) -> Self {
        let rows = Rows::new(accepted, words);
        let (mut pages, mut classes, mut known) =
            (Vec::with_capacity(256), Vec::new(), HashMap::new());
        for high in 0..256_u128 {
            let page: Vec<u32> = (0..256).map(|low| rows.class(high << 8 | low)).collect();
            let next = u32::try_from(known.len()).unwrap_or(0);
            let number = *known.entry(page.clone()).or_insert(next);
            if number == next {
                classes.extend(page);
            }
            pages.push(number << 8);
        }
        Self {
            rows,
            pages: pages.into(),
            classes: classes.into(),
        }
    }

    /// The row of a value; `None` where every value leaves every rule possible.
    #[inline]
    pub(super) fn row(&self, value: u16) -> Option<&[u64]> {
        if self.rows.flat {
            return None;
        }
        let page = self.pages[usize::from(value >> 8)];
        Some(
            self.rows
                .row(self.classes[page as usize + usize::from(value & 0xff)]),
        )
    }
}

/// An IPv4 address: a search within its first byte.
#[derive(Clone, Debug)]
pub(super) struct Ipv4Axis {
    rows: Rows,
    /// Where the intervals that begin within a first byte begin; one more at the end.
    first: Box<[u32]>,
    starts: Box<[u32]>,
}

impl Ipv4Axis {
    pub(super) fn new(accepted: &[Option<&Ranges>], words: usize) -> Self {
        let rows = Rows::new(accepted, words);
        let starts: Box<[u32]> = rows
            .starts
            .iter()
            .filter_map(|start| u32::try_from(*start).ok())
            .collect();
        let first = (0..=256_u64)
            .map(|byte| starts.partition_point(|start| u64::from(*start) < byte << 24))
            .map(|place| u32::try_from(place).unwrap_or(0))
            .collect();
        Self {
            rows,
            first,
            starts,
        }
    }

    #[inline]
    pub(super) fn row(&self, address: u32) -> Option<&[u64]> {
        if self.rows.flat {
            return None;
        }
        let byte = (address >> 24) as usize;
        let (from, to) = (self.first[byte] as usize, self.first[byte + 1] as usize);
        let interval = from + self.starts[from..to].partition_point(|start| *start <= address);
        Some(self.rows.row(self.rows.classes[interval]))
    }
}

/// An IPv6 address.
#[derive(Clone, Debug)]
pub(super) struct Ipv6Axis(Rows);

impl Ipv6Axis {
    pub(super) fn new(accepted: &[Option<&Ranges>], words: usize) -> Self {
        Self(Rows::new(accepted, words))
    }

    pub(super) fn row(&self, address: u128) -> Option<&[u64]> {
        (!self.0.flat).then(|| self.0.row(self.0.class(address)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_has_the_bits_of_the_rules_that_accept_the_value(
            spans in proptest::collection::vec(
                proptest::option::of(proptest::collection::vec((any::<u16>(), any::<u16>()), 0..4)), 1..100),
            value in any::<u16>(),
        ) {
            let sets: Vec<Option<Ranges>> = spans.iter().map(|spans| spans.as_ref().map(|spans| {
                Ranges::from_spans(spans.iter().map(|(one, two)| ((*one).into(), (*two).into())).collect())
            })).collect();
            let accepted: Vec<Option<&Ranges>> = sets.iter().map(Option::as_ref).collect();
            let words = accepted.len().div_ceil(WORD);
            let (small, ipv4) = (Small::new(&accepted, words), Ipv4Axis::new(&accepted, words));
            let ipv6 = Ipv6Axis::new(&accepted, words);
            let rows = [small.row(value), ipv4.row(value.into()), ipv6.row(value.into())];
            for (bit, set) in sets.iter().enumerate() {
                let expected = set.as_ref().is_none_or(|set| set.has(value.into()));
                for row in rows {
                    let Some(row) = row else { continue };
                    prop_assert_eq!(row[bit / WORD] >> (bit % WORD) & 1 == 1, expected);
                }
            }
        }
    }
}
