//! Values that most packets have, and by which value that few have a rule is found.

use super::weights::commonest;
use crate::signature::axis::{Axes, Field, Fields};
use crate::signature::candidate::Candidate;
use crate::signature::marks::WORD;
use crate::signature::ranges::Ranges;
use crate::signature::rows::BLOCK;

/// A field that has one value, or values that mean the same to all rules, in most packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OddField {
    SourcePort,
    Identification,
    Sequence,
    Acknowledgement,
    Source,
    Destination,
}

impl OddField {
    pub(super) const ALL: [Self; 6] = [
        Self::SourcePort,
        Self::Identification,
        Self::Sequence,
        Self::Acknowledgement,
        Self::Source,
        Self::Destination,
    ];

    pub(super) const fn field(self) -> Field {
        match self {
            Self::SourcePort => Field::SourcePort,
            Self::Identification => Field::Identification,
            Self::Sequence => Field::Sequence,
            Self::Acknowledgement => Field::Acknowledgement,
            Self::Source => Field::Source4,
            Self::Destination => Field::Destination4,
        }
    }
}

/// Values of fields that most packets have: where these leave a rule impossible, few packets can match it.
pub(super) struct Ordinary([u128; OddField::ALL.len()]);

impl Ordinary {
    pub(super) fn new(slots: &[Candidate<'_>]) -> Self {
        let words = slots.len().div_ceil(WORD).next_multiple_of(BLOCK);
        let fields: Vec<_> = slots.iter().map(Candidate::fields).collect();
        let all = Axes::new(&fields, words);
        Self(OddField::ALL.map(|field| match all.axis(field.field()) {
            // A SYN acknowledges nothing (RFC 9293 section 3.5).
            Some(_) if field == OddField::Acknowledgement => 0,
            Some(axis) if axis.is_wide() => commonest(axis.rows(), 32),
            Some(axis) => commonest(axis.rows(), 16),
            None => 0,
        }))
    }

    pub(super) const fn of(&self, field: OddField) -> u128 {
        self.0[field as usize]
    }

    /// The field of a rule that fewest packets pass, among those that ordinary packets do not pass;
    /// `None` if these may match.
    pub(super) fn trigger(&self, fields: &Fields) -> Option<OddField> {
        let asked = [
            (OddField::SourcePort, fields.source_ports.as_ref()),
            (OddField::Identification, fields.identifications.as_ref()),
            (OddField::Sequence, fields.sequences.as_ref()),
            (OddField::Acknowledgement, fields.acknowledgements.as_ref()),
            (OddField::Source, Some(&fields.source.ipv4)),
            (OddField::Destination, Some(&fields.destination.ipv4)),
        ];
        let share = |(field, ranges): &(OddField, &Ranges)| {
            let largest = if field.field().is_wide() {
                u32::MAX.into()
            } else {
                u128::from(u16::MAX)
            };
            let width =
                |(first, last): &(u128, u128)| last.min(&largest).saturating_sub(*first) + 1;
            let widths = ranges.spans().iter().map(width);
            widths.sum::<u128>() * (u128::from(u32::MAX) + 1) / (largest + 1)
        };
        asked
            .into_iter()
            .filter_map(|(field, ranges)| Some((field, ranges?)))
            .filter(|(field, ranges)| !ranges.has(self.of(*field)))
            .min_by_key(share)
            .map(|(field, _)| field)
    }
}
