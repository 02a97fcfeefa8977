//! Elements of ASN.1 in the basic encoding (ITU-T X.690 section 8.1), lengths definite, tags of one byte.

/// Universal tags (ITU-T X.680 section 8.4).
pub(super) mod tag {
    pub(in super::super) const INTEGER: u8 = 0x02;
    pub(in super::super) const OCTETS: u8 = 0x04;
    pub(in super::super) const SEQUENCE: u8 = 0x30;
}

/// One element: its tag, its content, and what follows it; `None` where it is cut short or of another encoding.
pub(super) fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        // 0x80 is a length that is not told beforehand; more than four bytes never fit a datagram.
        let count = usize::from(first & 0x7f);
        if !(1..=4).contains(&count) {
            return None;
        }
        let (digits, rest) = rest.split_at_checked(count)?;
        let length = digits
            .iter()
            .fold(0, |length, digit| length << 8 | u32::from(*digit));
        (usize::try_from(length).ok()?, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// The tag of an element and all that follows its length, whose bytes need not all be there.
pub(super) fn opened(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let [tag, length, rest @ ..] = bytes else {
        return None;
    };
    let digits = match length {
        0..=0x7f => 0,
        0x81..=0x84 => usize::from(length & 0x7f),
        _ => return None,
    };
    rest.get(digits..).map(|rest| (*tag, rest))
}

/// The content of an element of this tag, and what follows it.
pub(super) fn tagged(wanted: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = element(bytes)?;
    (tag == wanted).then_some((content, rest))
}

/// A number of at most four bytes, and what follows it.
pub(super) fn number(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let (content, rest) = tagged(tag::INTEGER, bytes)?;
    let (first, others) = content.split_first()?;
    if others.len() > 3 {
        return None;
    }
    let sign = i32::from(i8::from_ne_bytes([*first]));
    let value = others
        .iter()
        .fold(sign, |value, digit| value << 8 | i32::from(*digit));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn elements_are_cut_off_one_by_one() {
        assert_eq!(element(&[4, 1, 7, 9]), Some((4, &[7][..], &[9][..])));
        assert_eq!(element(&[4, 0x81, 1, 7]), Some((4, &[7][..], &[][..])));
        for bytes in [&[4, 2, 7][..], &[4, 0x80, 0, 0], &[0x1f, 1, 7], &[4], &[]] {
            assert_eq!(element(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn what_begins_an_element_is_known_before_its_end() {
        assert_eq!(opened(&[0x30, 9, 2, 1]), Some((0x30, &[2, 1][..])));
        assert_eq!(opened(&[0x30, 0x82, 1, 0, 2]), Some((0x30, &[2][..])));
        assert_eq!(opened(&[0x30, 0x80, 2]), None);
    }

    #[test]
    fn numbers_have_a_sign() {
        assert_eq!(number(&[2, 1, 0xff]), Some((-1, &[][..])));
        assert_eq!(number(&[2, 2, 1, 0]), Some((256, &[][..])));
        assert_eq!(number(&[2, 0]), None);
        assert_eq!(number(&[2, 5, 0, 0, 0, 0, 1]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = (number(&bytes), opened(&bytes));
            if let Some((_, content, rest)) = element(&bytes) {
                prop_assert!(content.len() + rest.len() < bytes.len());
            }
        }
    }
}
