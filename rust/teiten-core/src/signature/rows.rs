//! Rows of bits: which rules each class of a header field's values leaves possible.
//!
//! The rows of all fields of a packet, and-ed, leave the rules whose header fits: bit vectors after Lakshman and
//! Stiliadis, "High-Speed Policy-Based Packet Forwarding Using Efficient Multi-dimensional Range Matching" (1998).

use std::collections::HashMap;

use super::marks::{WORD, mark_of, marks_of};
use super::ranges::Ranges;

/// Fields of a packet that have rows.
pub(super) const FIELDS: usize = 13;

/// Words that are put together at a time.
pub(super) const BLOCK: usize = 4;

/// So many words; a row is a whole number of them.
pub(super) type Block = [u64; BLOCK];

/// Rows of bits, and which class each value is of.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// First value of each interval but the first, which begins at 0.
    starts: Vec<u128>,
    /// Row of each interval.
    classes: Vec<u32>,
    blocks: Vec<Block>,
    /// For each class, the [marks](super::marks) of the words of its row that have a bit.
    marks: Vec<u64>,
    /// Blocks of a row.
    width: usize,
    /// Whether every value leaves every rule possible.
    all: bool,
}

impl Rows {
    /// The rows of a field where rule number `i` is possible for the values in `accepted[i]`; `None`: for all.
    pub(super) fn new(accepted: &[Option<&Ranges>], words: usize) -> Self {
        let width = words.div_ceil(BLOCK);
        let words = width * BLOCK;
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
            blocks: Vec::new(),
            marks: Vec::new(),
            width,
            all: false,
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
        rows.all = rows
            .blocks
            .as_flattened()
            .iter()
            .all(|word| *word == u64::MAX);
        rows
    }

    fn add(&mut self, row: &[u64], known: &mut HashMap<Vec<u64>, u32>) {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        let class = *known.entry(row.to_vec()).or_insert(next);
        if class == next {
            self.blocks.extend(
                row.chunks_exact(BLOCK)
                    .filter_map(|words| Block::try_from(words).ok()),
            );
            self.marks.push(marks_of(row));
        }
        self.classes.push(class);
    }

    /// The class of all values between two; `None` where they are of several.
    pub(super) fn class_between(&self, first: u128, last: u128) -> Option<u32> {
        let (from, to) = (self.interval(first), self.interval(last));
        (from == to).then(|| self.classes.get(from).copied().unwrap_or(0))
    }

    fn interval(&self, value: u128) -> usize {
        self.starts.partition_point(|start| *start <= value)
    }

    /// The class of a value.
    pub(super) fn class(&self, value: u128) -> u32 {
        self.classes.get(self.interval(value)).copied().unwrap_or(0)
    }

    /// First value and class of each interval.
    pub(super) fn intervals(&self) -> impl Iterator<Item = (u128, u32)> + '_ {
        let starts = [0].into_iter().chain(self.starts.iter().copied());
        starts.zip(self.classes.iter().copied())
    }

    /// How many values of a field of so many bits each class has.
    pub(super) fn widths(&self, bits: u32) -> HashMap<u32, u128> {
        let mut widths = HashMap::new();
        let ends = self.starts.iter().copied().chain([1 << bits]);
        for ((start, class), end) in self.intervals().zip(ends) {
            *widths.entry(class).or_default() += end.saturating_sub(start);
        }
        widths
    }

    /// Whether every value leaves every rule possible.
    pub(super) const fn is_all(&self) -> bool {
        self.all
    }

    /// The row of a class.
    #[inline]
    pub(super) fn row(&self, class: u32) -> &[Block] {
        let start = class as usize * self.width;
        &self.blocks[start..start + self.width]
    }

    /// The same where rows are one block.
    #[inline]
    pub(super) fn block(&self, class: u32) -> Option<&Block> {
        self.blocks.get(class as usize)
    }
}

/// The rows of a packet's values.
///
/// Rows of many rules are mostly empty, so what is empty in any of them is passed over: aggregated bit vectors after
/// Baboescu and Varghese, "Scalable Packet Classification" (2001).
#[derive(Debug)]
pub(super) struct Fit<'a> {
    rows: [&'a [u64]; FIELDS],
    fields: usize,
    /// Marks of the words that may have a bit in all rows.
    live: u64,
}

impl<'a> Fit<'a> {
    /// No rows yet, of so many words.
    #[inline]
    pub(super) const fn new(words: usize) -> Self {
        Self {
            rows: [&[]; FIELDS],
            fields: 0,
            live: if words < WORD {
                mark_of(words) - 1
            } else {
                u64::MAX
            },
        }
    }

    /// Adds a field's row; whether its marks leave any rule.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "called for each field of a packet with payload"
    )]
    pub(super) fn add(&mut self, rows: &'a Rows, class: u32) -> bool {
        if let Some(row) = self.rows.get_mut(self.fields) {
            *row = rows.row(class).as_flattened();
            self.fields += 1;
        }
        self.live &= rows.marks.get(class as usize).copied().unwrap_or(0);
        self.live != 0
    }

    /// [Marks](super::marks) of the words that may have a rule which the header fits.
    #[inline]
    pub(super) const fn live(&self) -> u64 {
        self.live
    }

    /// Of the word at this place the bits of the rules that the header fits.
    #[inline]
    pub(super) fn word(&self, place: usize) -> u64 {
        let rows = self.rows.iter().take(self.fields);
        rows.fold(u64::MAX, |word, row| {
            word & row.get(place).copied().unwrap_or(0)
        })
    }
}

/// What two blocks have in common.
#[inline]
pub(super) const fn and(one: &Block, two: &Block) -> Block {
    [
        one[0] & two[0],
        one[1] & two[1],
        one[2] & two[2],
        one[3] & two[3],
    ]
}
