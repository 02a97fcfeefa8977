//! Lists of rules, by the sums of weights.

use std::collections::HashMap;

use super::Bare;
use super::ordinary::{OddField, Ordinary};
use super::share::{Share, Shares};
use super::weights::{BEYOND, Paged, Short};
use crate::signature::axis::{Axes, Field};
use crate::signature::candidate::Candidate;
use crate::signature::limits::MAX_SUMS;
use crate::signature::marks::WORD;
use crate::signature::rows::{BLOCK, Block, Rows};
use crate::signature::view::mark;

/// Numbers of rules, list by list.
type Numbers = Box<[Box<[u32]>]>;

/// Lists of rules, by the sums of weights.
#[derive(Clone, Debug)]
pub(super) struct Table {
    short: Box<ShortWeights>,
    destination_ports: Paged,
    second: Paged,
    /// Of fields whose commonest value has no weight, as far as rules ask for them.
    odd: Box<[(OddField, Paged)]>,
    /// The list of each sum.
    lists_of_sums: Box<[u16]>,
    /// Numbers of entries; the first list is empty.
    lists: Numbers,
    /// The same lists by shares, where no rule among them sets or reads flow bits.
    shares: Box<[Option<Box<[Share]>>]>,
}

/// Weights of fields of few bits.
#[derive(Clone, Debug)]
struct ShortWeights {
    first: Short,
    times_to_live: Short,
    /// By the bits before the fragment offset.
    bits: [u32; 8],
}

impl Table {
    /// The table of these rules, whose numbers are the given ones; `ordinary` are the values that have no weight.
    pub(super) fn new(
        slots: &[(u32, Candidate<'_>)],
        ordinary: &Ordinary,
        shares: &mut Shares,
    ) -> Self {
        let words = slots.len().div_ceil(WORD).next_multiple_of(BLOCK);
        let fields: Vec<_> = slots.iter().map(|(_, slot)| slot.fields()).collect();
        let axes = Axes::new(&fields, words);
        let mut making = Making::new(&axes, slots.len(), words);
        // Those that tell most rules apart come first, while there is room.
        let first = making.short(Field::First);
        let destination_ports = making.paged(Field::DestinationPort, None);
        let bits = making.bits();
        let second = making.paged(Field::Second, None);
        let times_to_live = making.short(Field::TimeToLive);
        // Here, too, those that have most to tell.
        let odd = [
            OddField::Acknowledgement,
            OddField::Identification,
            OddField::Destination,
            OddField::SourcePort,
            OddField::Sequence,
            OddField::Source,
        ];
        let odd = odd.into_iter().filter_map(|field| {
            let weights = making.paged(field.field(), Some(ordinary.of(field)))?;
            Some((field, weights))
        });
        let odd = odd.collect();
        let numbers: Vec<u32> = slots.iter().map(|(number, _)| *number).collect();
        let (lists_of_sums, lists) = making.finish(&numbers);
        let known: HashMap<u32, &Candidate<'_>> =
            slots.iter().map(|(number, slot)| (*number, slot)).collect();
        let shares_of = |list: &[u32]| {
            let slot_of = |entry: &u32| Some((*entry, *known.get(entry)?));
            shares.of(&list.iter().filter_map(slot_of).collect::<Vec<_>>())
        };
        let shares = lists.iter().map(AsRef::as_ref).map(shares_of).collect();
        Self {
            short: Box::new(ShortWeights {
                first,
                times_to_live,
                bits,
            }),
            destination_ports: destination_ports.unwrap_or_else(Paged::nothing),
            second: second.unwrap_or_else(Paged::nothing),
            odd,
            lists_of_sums,
            lists,
            shares,
        }
    }

    /// The rules of a list by shares, if none of them sets or reads flow bits.
    #[inline]
    pub(super) fn shares(&self, list: u16) -> Option<&[Share]> {
        self.shares.get(usize::from(list))?.as_deref()
    }

    /// Weights of one of the fields that are ordinary in most packets, if any rule asks for it.
    pub(super) fn odd_weights(&self, field: OddField) -> Option<&Paged> {
        let mut all = self.odd.iter();
        all.find(|(other, _)| *other == field)
            .map(|(_, weights)| weights)
    }

    /// Whether no list depends on any but these of the fields that are ordinary in most packets, nor on any other.
    pub(super) fn looks_at(&self, fields: &[OddField]) -> bool {
        let flat = |weights: &[u32]| weights.iter().all(|weight| *weight == 0);
        let ShortWeights {
            first,
            times_to_live,
            bits,
        } = &*self.short;
        let paged = [&self.destination_ports, &self.second];
        flat(first)
            && flat(times_to_live)
            && flat(bits)
            && paged.iter().all(|weights| weights.heavy().next().is_none())
            && self.odd.iter().all(|(field, _)| fields.contains(field))
    }

    /// The rules of a list.
    pub(super) fn numbers(&self, list: u16) -> &[u32] {
        self.lists.get(usize::from(list)).map_or(&[], |list| list)
    }

    /// Sum of the weights of the fields that tell most.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "all fields of each packet pass through here, in registers"
    )]
    pub(super) fn ordinary(&self, bare: impl Bare) -> u32 {
        let (ip, short) = (bare.ip(), &self.short);
        // A dozen weights of at most BEYOND each stay far below the largest number.
        short.first[usize::from(bare.first())]
            .wrapping_add(short.bits[usize::from(ip.flags() & 7)])
            .wrapping_add(short.times_to_live[usize::from(ip.time_to_live())])
            .wrapping_add(self.destination_ports.of(bare.destination_port()))
            .wrapping_add(self.second.of(bare.second()))
    }

    /// Sum of the weights of the other fields, of most packets 0.
    #[inline]
    pub(super) fn odd(&self, bare: impl Bare) -> u32 {
        let weight = |(field, weights): &(OddField, Paged)| match field {
            OddField::SourcePort => weights.of(bare.source_port()),
            OddField::Identification => weights.of(bare.ip().identification()),
            OddField::Sequence => weights.of_wide(bare.sequence()),
            OddField::Acknowledgement => weights.of_wide(bare.acknowledgement()),
            OddField::Source => weights.of_wide(bare.ip().source()),
            OddField::Destination => weights.of_wide(bare.ip().destination()),
        };
        let weights = self.odd.iter().map(weight);
        weights.fold(0, u32::wrapping_add)
    }

    /// Number of the list of a sum; [`UNSAID`] where the table does not say.
    #[inline]
    pub(super) fn list(&self, sum: u32) -> u16 {
        let list = self.lists_of_sums.get(sum as usize);
        list.copied().unwrap_or(UNSAID)
    }
}

/// Stands for the number of a list that the table does not say.
pub(super) const UNSAID: u16 = u16::MAX;

/// A table in the making: the rows of all sums of the weights so far.
struct Making<'a> {
    axes: &'a Axes,
    /// Distinct rows; the first has no rule.
    rows: Vec<Vec<u64>>,
    known: HashMap<Vec<u64>, u32>,
    /// Row of each sum.
    sums: Vec<u32>,
}

impl<'a> Making<'a> {
    fn new(axes: &'a Axes, rules: usize, words: usize) -> Self {
        let mut making = Self {
            axes,
            rows: Vec::new(),
            known: HashMap::new(),
            sums: Vec::new(),
        };
        making.number(vec![0; words]);
        let mut row = vec![0; words];
        (0..rules).for_each(|bit| row[bit / WORD] |= 1 << (bit % WORD));
        let number = making.number(row);
        making.sums.push(number);
        making
    }

    /// Number of a row.
    fn number(&mut self, row: Vec<u64>) -> u32 {
        let next = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        *self.known.entry(row).or_insert_with_key(|row| {
            self.rows.push(row.clone());
            next
        })
    }

    /// Gives each class of a field a weight, as long as there is room: these are its classes and how many values each
    /// has. The lightest one has none, else the one with most values.
    fn weigh(
        &mut self,
        rows: &Rows,
        widths: &HashMap<u32, u128>,
        lightest: Option<u32>,
    ) -> HashMap<u32, u32> {
        let stride = self.sums.len();
        let mut kept: Vec<u32> = widths.keys().copied().collect();
        kept.sort_unstable_by_key(|class| {
            (
                Some(*class) != lightest,
                std::cmp::Reverse(widths[class]),
                *class,
            )
        });
        kept.truncate((MAX_SUMS / stride).max(1));
        let mut sums = Vec::with_capacity(stride * kept.len());
        for class in &kept {
            // Many sums stand for one row.
            let mut narrowed: Vec<Option<u32>> = vec![None; self.rows.len()];
            for at in 0..stride {
                let before = self.sums[at] as usize;
                let number = narrowed[before].unwrap_or_else(|| {
                    let mut row = self.rows[before].clone();
                    narrow(&mut row, rows.row(*class));
                    self.number(row)
                });
                narrowed[before] = Some(number);
                sums.push(number);
            }
        }
        self.sums = sums;
        let weights = (0..).step_by(stride);
        kept.into_iter().zip(weights).collect()
    }

    /// Weights of a field whose values have these classes.
    fn of_values(&mut self, rows: &Rows, classes: &[u32]) -> Vec<u32> {
        let mut widths = HashMap::new();
        for class in classes {
            *widths.entry(*class).or_default() += 1;
        }
        let weights = self.weigh(rows, &widths, None);
        let weight = |class| weights.get(class).copied().unwrap_or(BEYOND);
        classes.iter().map(weight).collect()
    }

    fn short(&mut self, field: Field) -> Short {
        let Some(axis) = self.axes.axis(field) else {
            return [0; 256];
        };
        let rows = axis.rows();
        let classes: Vec<u32> = (0..=u8::MAX)
            .map(|value| rows.class(value.into()))
            .collect();
        let weights = self.of_values(rows, &classes);
        weights.try_into().unwrap_or([BEYOND; 256])
    }

    /// Weights of the bits before the fragment offset, of packets that are no fragments.
    fn bits(&mut self) -> [u32; 8] {
        let Some(axis) = self.axes.axis(Field::Marks) else {
            return [0; 8];
        };
        let rows = axis.rows();
        let classes = MARKS.map(|marks| rows.class(marks.into()));
        let weights = self.of_values(rows, &classes);
        weights.try_into().unwrap_or([BEYOND; 8])
    }

    /// Weights of a field; that of `ordinary` is 0.
    fn paged(&mut self, field: Field, ordinary: Option<u128>) -> Option<Paged> {
        let axis = self.axes.axis(field)?;
        let rows = axis.rows();
        let widths = rows.widths(if field.is_wide() { 32 } else { 16 });
        let lightest = ordinary.map(|value| rows.class(value));
        let of_class = self.weigh(rows, &widths, lightest);
        let weight = |class: u32| of_class.get(&class).copied().unwrap_or(BEYOND);
        Some(Paged::new(axis, weight))
    }

    /// The list of each sum, and the lists; of sums beyond the lists that have a number the table says nothing.
    fn finish(self, numbers: &[u32]) -> (Box<[u16]>, Numbers) {
        let list = |row: &[u64]| {
            let is_in = |(bit, _): &(usize, &u32)| row[bit / WORD] >> (bit % WORD) & 1 == 1;
            let all = numbers.iter().enumerate().filter(is_in);
            all.map(|(_, number)| *number).collect::<Box<[u32]>>()
        };
        // For each row its list; the first has no rule.
        let mut known: Vec<Option<u16>> = vec![None; self.rows.len()];
        known[0] = Some(0);
        let mut lists = vec![Box::default()];
        let mut sums = Vec::with_capacity(self.sums.len());
        for row in self.sums {
            let row = row as usize;
            let number = known[row].unwrap_or_else(|| {
                let next = u16::try_from(lists.len()).unwrap_or(UNSAID);
                if next < UNSAID {
                    lists.push(list(&self.rows[row]));
                }
                next
            });
            known[row] = Some(number);
            sums.push(number);
        }
        (sums.into(), lists.into())
    }
}

/// The marks of bare packets, by the bits before the fragment offset.
pub(super) const MARKS: [u8; 8] = {
    let mut marks = [mark::IPV4; 8];
    let mut bits = 0;
    while bits < 8 {
        marks[bits as usize] |= bits & !mark::MORE_FRAGMENTS;
        bits += 1;
    }
    marks
};

/// Keeps the bits that are in the row, too.
fn narrow(possible: &mut [u64], row: &[Block]) {
    for (possible, row) in possible.iter_mut().zip(row.as_flattened()) {
        *possible &= row;
    }
}
