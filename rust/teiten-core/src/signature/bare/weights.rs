//! Weights of the values of a field.

use crate::signature::axis::{self, Axis};
use crate::signature::rows::Rows;

/// Weight of a value that takes a sum beyond its table's end.
pub(super) const BEYOND: u32 = 1 << 24;

/// Stands for the upper half of values that differ in weight.
const SPLIT: u32 = u32::MAX;

/// Weights of a field of 8 bits.
pub(super) type Short = [u32; 256];

/// Weights of a field of 16 bits, or of the upper halves of one of 32, in pages of 256; equal pages are kept once.
#[derive(Clone, Debug)]
pub(super) struct Paged {
    /// Where in `weights` the page of each upper byte begins.
    pages: Box<[u32; 256]>,
    weights: Box<[u32]>,
    /// First value of each interval of a field of 32 bits, with the weight from there on.
    starts: Box<[(u32, u32)]>,
    /// How many of them lie below the values of each upper byte.
    below: Box<[u32; 257]>,
}

impl Paged {
    /// Weights of a field that no rule asks for.
    pub(super) fn nothing() -> Self {
        Self {
            pages: Box::new([0; 256]),
            weights: vec![0; 256].into(),
            starts: Box::default(),
            below: Box::new([0; 257]),
        }
    }

    /// Weights of a field, from those of its classes.
    pub(super) fn new(field: &Axis, weight: impl Fn(u32) -> u32) -> Self {
        let (pages, classes) = field.pages();
        let of_class = |class: &u16| match *class {
            axis::SPLIT if field.is_wide() => SPLIT,
            axis::SPLIT => BEYOND,
            class => weight(class.into()),
        };
        let intervals = field.rows().intervals();
        let starts: Box<[(u32, u32)]> = intervals
            .filter_map(|(start, class)| Some((u32::try_from(start).ok()?, weight(class))))
            .collect();
        let mut below = Box::new([0; 257]);
        for (byte, below) in (0_u64..).zip(below.iter_mut()) {
            let of_byte = starts.partition_point(|(start, _)| u64::from(*start) < byte << 24);
            *below = u32::try_from(of_byte).unwrap_or(u32::MAX);
        }
        Self {
            pages: Box::new(pages.map(|page| u32::from(page) * 256)),
            weights: classes.as_flattened().iter().map(of_class).collect(),
            starts,
            below,
        }
    }

    #[inline]
    pub(super) fn of(&self, value: u16) -> u32 {
        let [high, low] = value.to_be_bytes();
        let at = self.pages[usize::from(high)] | u32::from(low);
        self.weights.get(at as usize).copied().unwrap_or(BEYOND)
    }

    #[inline]
    pub(super) fn of_wide(&self, value: u32) -> u32 {
        match self.of((value >> 16) as u16) {
            SPLIT => self.whole(value),
            weight => weight,
        }
    }

    fn whole(&self, value: u32) -> u32 {
        let byte = (value >> 24) as usize;
        let (from, to) = (self.below[byte] as usize, self.below[byte + 1] as usize);
        let of_byte = self.starts.get(from..to).unwrap_or_default();
        // The first interval begins at 0.
        let behind = from + of_byte.partition_point(|(start, _)| *start <= value);
        behind
            .checked_sub(1)
            .and_then(|at| self.starts.get(at))
            .map_or(BEYOND, |(_, weight)| *weight)
    }

    /// The values, or upper halves, that have a weight.
    pub(super) fn heavy(&self) -> impl Iterator<Item = u16> + '_ {
        (0..=u16::MAX).filter(|value| self.of(*value) != 0)
    }
}

/// A value of the class that most values of a field of so many bits have.
pub(super) fn commonest(rows: &Rows, bits: u32) -> u128 {
    let widths = rows.widths(bits);
    let class = widths
        .iter()
        .max_by_key(|(class, width)| (**width, std::cmp::Reverse(**class)))
        .map_or(0, |(class, _)| *class);
    rows.intervals()
        .find(|(_, other)| *other == class)
        .map_or(0, |(start, _)| start)
}
