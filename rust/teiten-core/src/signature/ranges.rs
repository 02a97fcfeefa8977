//! Sets of numbers as disjoint inclusive ranges: addresses, ports, and every header field a rule compares.

/// A set of numbers, as disjoint inclusive ranges in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<(u128, u128)>);

impl Ranges {
    /// The empty set.
    pub const NONE: Self = Self(Vec::new());

    /// The numbers from `first` to `last`; none if `first` lies behind `last`.
    #[must_use]
    pub fn span(first: u128, last: u128) -> Self {
        if first > last {
            return Self::NONE;
        }
        Self(vec![(first, last)])
    }

    /// One number.
    #[must_use]
    pub fn one(number: u128) -> Self {
        Self::span(number, number)
    }

    /// The numbers in any of these ranges.
    #[must_use]
    pub fn from_spans(mut spans: Vec<(u128, u128)>) -> Self {
        spans.retain(|(first, last)| first <= last);
        spans.sort_unstable();
        let mut ranges: Vec<(u128, u128)> = Vec::with_capacity(spans.len());
        for (first, last) in spans {
            match ranges.last_mut() {
                Some(open) if first <= open.1.saturating_add(1) => open.1 = open.1.max(last),
                _ => ranges.push((first, last)),
            }
        }
        Self(ranges)
    }

    /// The numbers in either set.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        self.0.extend_from_slice(&other.0);
        Self::from_spans(self.0)
    }

    /// The numbers from 0 to `largest` that are not in the set.
    #[must_use]
    pub fn complement(&self, largest: u128) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut next = Some(0);
        for (first, last) in &self.0 {
            if let Some(start) = next.filter(|start| start < first) {
                gaps.push((start, (first - 1).min(largest)));
            }
            next = last.checked_add(1);
        }
        if let Some(start) = next {
            gaps.push((start, largest));
        }
        Self::from_spans(gaps)
    }

    /// The numbers in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut ours, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut common = Vec::new();
        while let (Some(one), Some(two)) = (ours.peek(), theirs.peek()) {
            let (first, last) = (one.0.max(two.0), one.1.min(two.1));
            if first <= last {
                common.push((first, last));
            }
            if one.1 < two.1 {
                ours.next();
            } else {
                theirs.next();
            }
        }
        Self(common)
    }

    /// Whether the number is in the set.
    #[inline]
    #[must_use]
    pub fn has(&self, number: u128) -> bool {
        match self.0.as_slice() {
            [(first, last)] => (*first..=*last).contains(&number),
            many => {
                let behind = many.partition_point(|(first, _)| *first <= number);
                behind > 0 && number <= many[behind - 1].1
            }
        }
    }

    /// Whether no number is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every number from 0 to `largest` is in the set.
    #[must_use]
    pub fn is_everything(&self, largest: u128) -> bool {
        matches!(self.0.as_slice(), [(0, last)] if *last >= largest)
    }

    /// The ranges, disjoint and in ascending order.
    #[must_use]
    pub fn spans(&self) -> &[(u128, u128)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(spans: &[(u8, u8)]) -> Ranges {
        Ranges::from_spans(
            spans
                .iter()
                .map(|(one, two)| ((*one).into(), (*two).into()))
                .collect(),
        )
    }

    #[test]
    fn touching_ranges_become_one() {
        assert_eq!(set(&[(5, 9), (0, 4), (3, 3)]).spans(), [(0, 9)]);
        assert!(set(&[(0, 255)]).is_everything(255));
        assert!(Ranges::span(2, 1).is_empty());
    }

    #[test]
    fn the_complement_ends_at_the_largest_number() {
        assert_eq!(Ranges::one(0).complement(9).spans(), [(1, 9)]);
        assert_eq!(Ranges::one(9).complement(9).spans(), [(0, 8)]);
        assert_eq!(Ranges::NONE.complement(u128::MAX).spans(), [(0, u128::MAX)]);
        assert!(Ranges::span(0, u128::MAX).complement(u128::MAX).is_empty());
    }

    proptest! {
        #[test]
        fn set_operations_agree_with_membership(
            one in proptest::collection::vec((any::<u8>(), any::<u8>()), 0..6),
            two in proptest::collection::vec((any::<u8>(), any::<u8>()), 0..6),
            number in any::<u8>(),
        ) {
            let (a, b, number) = (set(&one), set(&two), u128::from(number));
            let within = |spans: &[(u8, u8)]| {
                spans.iter().any(|(first, last)| (u128::from(*first)..=u128::from(*last)).contains(&number))
            };
            prop_assert_eq!(a.has(number), within(&one));
            prop_assert_eq!(a.complement(255).has(number), !within(&one));
            prop_assert_eq!(a.intersection(&b).has(number), within(&one) && within(&two));
            prop_assert_eq!(a.union(&b).has(number), within(&one) || within(&two));
        }
    }
}
