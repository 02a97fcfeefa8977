//! Whether a packet may have a value out of the ordinary that any rule asks for.
//!
//! A few rules share a bit. For each byte of a field a row of bits says to which of them the byte may belong; and-ed over the
//! bytes of a packet they leave a bit only where some rule may fit them all, so most packets are left with none. Sources,
//! of which rules have long lists, are looked up by their upper halves.

use super::Bare;
use super::ordinary::OddField;
use super::table::Table;
use crate::signature::axis::Fields;
use crate::signature::ranges::Ranges;

/// Which values a packet may have that are out of the ordinary and asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::signature) struct Oddities(u64);

impl Oddities {
    pub(in crate::signature) const NONE: Self = Self(0);
    /// The source, of which rules have a list that ask for nothing else: no other.
    pub(in crate::signature) const LISTED: Self = Self(LISTED as u64);
}

/// Bits of a source.
const LISTED: u8 = 1;
const OTHER: u8 = 2;

/// Fields whose bytes are looked at, those of 32 bits by their upper halves.
const FIELDS: [OddField; 4] = [
    OddField::SourcePort,
    OddField::Identification,
    OddField::Sequence,
    OddField::Destination,
];

/// How many of them, the first, have 16 bits.
const NARROW: usize = 2;

/// For each byte of a field, upper and lower, the rules that it may belong to.
type Bytes = [[u32; 256]; 2];

/// The filter.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    rows: Box<Rows>,
    /// Bits of sources by their upper halves, these as they lie in a header on most machines: the lower byte first.
    sources: Box<[u8; 1 << 16]>,
    /// Whether any rule looks at sequence numbers or addresses.
    looks_wide: bool,
}

/// The rules that may be left.
#[derive(Clone, Debug)]
struct Rows {
    /// By TCP flags or ICMP type.
    first: [u32; 256],
    fields: [Bytes; FIELDS.len()],
    /// Where nothing is acknowledged, as in most packets.
    without_acknowledgement: u32,
}

impl Filter {
    /// A filter for rules found by a field of those that ordinary packets do not pass, which asks for these values, and
    /// for the values that have a weight in the table of the others. True beside rules that ask for addresses alone.
    pub(super) fn new(rules: &[(OddField, Fields, bool)], by_fields: &Table) -> Self {
        let mut filter = Self {
            rows: Box::new(Rows {
                first: [0; 256],
                fields: [[[0; 256]; 2]; FIELDS.len()],
                without_acknowledgement: 0,
            }),
            sources: zeros(),
            looks_wide: false,
        };
        let mut bits = 0..u32::BITS;
        for field in OddField::ALL {
            let Some(weights) = by_fields.odd_weights(field) else {
                continue;
            };
            if field == OddField::Source {
                weights
                    .heavy()
                    .for_each(|half| filter.open_source(half, OTHER));
            } else if let Some(bit) = bits.next() {
                filter
                    .rows
                    .open_weights(field, &weights.heavy().collect::<Vec<_>>(), 1 << bit);
            }
        }
        let mut others = Vec::new();
        for (trigger, fields, asks_for_addresses_alone) in rules {
            if *trigger == OddField::Source {
                let kind = if *asks_for_addresses_alone {
                    LISTED
                } else {
                    OTHER
                };
                halves(&fields.source.ipv4).for_each(|half| filter.open_source(half, kind));
            } else {
                others.push((*trigger as usize, fields));
            }
        }
        // Rules that are found by the same field leave bits of others alone.
        others.sort_by_key(|(trigger, _)| *trigger);
        let left = bits.len().max(1);
        for (number, (_, fields)) in others.iter().enumerate() {
            let bit = bits.start as usize + number * left / others.len();
            filter.rows.open_rule(fields, 1 << bit);
        }
        // A bit that all values of a field leave is not one that any of its rules asks for.
        let open = filter.rows.fields[NARROW..].as_flattened().as_flattened();
        let any_open = open.iter().fold(0, |any, row| any | row);
        filter.looks_wide = open.iter().any(|row| *row != any_open)
            || filter.sources.iter().any(|kinds| *kinds != 0);
        filter
    }

    /// What of the packet is out of the ordinary.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "all fields of each packet pass through here, in registers"
    )]
    pub(super) fn of(&self, bare: impl Bare) -> Oddities {
        let Self {
            rows,
            sources,
            looks_wide,
        } = self;
        let ip = bare.ip();
        let (narrow, wide) = rows.fields.split_at(NARROW);
        let mut left = rows.first[usize::from(bare.first())]
            & of(&narrow[0], bare.source_port())
            & of(&narrow[1], ip.identification());
        if bare.acknowledgement() == 0 {
            left &= rows.without_acknowledgement;
        }
        if !looks_wide {
            return Oddities(u64::from(left) << u8::BITS);
        }
        let (source, destination) = ip.upper_halves();
        left &= of(&wide[0], bare.upper_half_of_sequence()) & of(&wide[1], destination);
        let source = sources[usize::from(source.swap_bytes())];
        Oddities(u64::from(left) << u8::BITS | u64::from(source))
    }

    fn open_source(&mut self, half: u16, kind: u8) {
        self.sources[usize::from(half.swap_bytes())] |= kind;
    }
}

impl Rows {
    /// Opens the bits for the values of a field, whatever the others.
    fn open_weights(&mut self, field: OddField, values: &[u16], bits: u32) {
        self.first.iter_mut().for_each(|open| *open |= bits);
        for (other, bytes) in FIELDS.into_iter().zip(self.fields.iter_mut()) {
            if other == field {
                open(bytes, values.iter().copied(), bits);
            } else {
                open_all(bytes, bits);
            }
        }
        if field != OddField::Acknowledgement {
            self.without_acknowledgement |= bits;
        }
    }

    /// Opens the bits for the values that a rule asks for.
    fn open_rule(&mut self, fields: &Fields, bits: u32) {
        let asks = |ranges: &Option<Ranges>, value: u128| {
            ranges.as_ref().is_none_or(|ranges| ranges.has(value))
        };
        for (value, open) in (0..).zip(self.first.iter_mut()) {
            if asks(&fields.first, value) {
                *open |= bits;
            }
        }
        let asked = [
            (fields.source_ports.as_ref(), false),
            (fields.identifications.as_ref(), false),
            (fields.sequences.as_ref(), true),
            (Some(&fields.destination.ipv4), true),
        ];
        for ((ranges, is_wide), bytes) in asked.into_iter().zip(self.fields.iter_mut()) {
            match ranges {
                None => open_all(bytes, bits),
                Some(ranges) if is_wide => open(bytes, halves(ranges), bits),
                Some(ranges) => open(bytes, values(ranges, 0), bits),
            }
        }
        if asks(&fields.acknowledgements, 0) {
            self.without_acknowledgement |= bits;
        }
    }
}

/// A byte of 0 for each half.
fn zeros() -> Box<[u8; 1 << 16]> {
    let Ok(zeros) = vec![0; 1 << 16].try_into() else {
        unreachable!("so many were made");
    };
    zeros
}

/// The rules that a value may belong to.
#[inline]
fn of([upper, lower]: &Bytes, value: u16) -> u32 {
    let [high, low] = value.to_be_bytes();
    upper[usize::from(high)] & lower[usize::from(low)]
}

fn open(bytes: &mut Bytes, values: impl Iterator<Item = u16>, bits: u32) {
    for value in values {
        let [high, low] = value.to_be_bytes();
        bytes[0][usize::from(high)] |= bits;
        bytes[1][usize::from(low)] |= bits;
    }
}

fn open_all(bytes: &mut Bytes, bits: u32) {
    bytes
        .as_flattened_mut()
        .iter_mut()
        .for_each(|open| *open |= bits);
}

/// The upper halves of values of 32 bits.
fn halves(ranges: &Ranges) -> impl Iterator<Item = u16> + '_ {
    values(ranges, 16)
}

/// The values without so many of their lower bits.
fn values(ranges: &Ranges, shift: u32) -> impl Iterator<Item = u16> + '_ {
    let largest = u128::from(u16::MAX);
    let spans = ranges.spans().iter();
    spans.flat_map(move |(first, last)| {
        let all = first >> shift..=(last >> shift).min(largest);
        all.filter_map(|value| u16::try_from(value).ok())
    })
}
