//! The Internet checksum (RFC 1071).
//!
//! Sums are taken in the machine's byte order, which does not matter to whether one is right (RFC 1071 section 2 (B)).

/// Sum of bytes as 16-bit words in one's complement, not folded; the last byte of an odd number is padded with zero.
#[inline]
#[must_use]
pub fn sum(bytes: &[u8]) -> u64 {
    sum_from(0, bytes)
}

/// The [`sum`] of bytes on top of another of an even number of bytes.
#[inline]
#[must_use]
pub fn sum_from(start: u64, bytes: &[u8]) -> u64 {
    let mut sum = start;
    let mut rest = bytes;
    // Four words at a time for payloads, one for options, which are few.
    while let Some((words, behind)) = rest.split_first_chunk::<32>() {
        sum = add(add(sum, word(words, 0)), word(words, 8));
        sum = add(add(sum, word(words, 16)), word(words, 24));
        rest = behind;
    }
    while let Some((words, behind)) = rest.split_first_chunk::<8>() {
        sum = add(sum, word(words, 0));
        rest = behind;
    }
    if let Some((word, behind)) = rest.split_first_chunk() {
        sum = add(sum, u64::from(u32::from_ne_bytes(*word)));
        rest = behind;
    }
    // Rarely anything is left: headers, and most payloads of probes, are whole words of four bytes.
    match rest {
        [] => sum,
        [last] => add(sum, u64::from(u16::from_ne_bytes([*last, 0]))),
        [one, other] => add(sum, u64::from(u16::from_ne_bytes([*one, *other]))),
        [one, other, last, ..] => add(sum, u64::from(u32::from_ne_bytes([*one, *other, *last, 0]))),
    }
}

#[inline]
fn word<const N: usize>(bytes: &[u8; N], at: usize) -> u64 {
    let word = bytes.get(at..at + 8).and_then(|word| word.try_into().ok());
    u64::from_ne_bytes(word.unwrap_or_default())
}

/// Adds in one's complement: the carry comes back in below.
#[inline]
#[must_use]
pub const fn add(one: u64, other: u64) -> u64 {
    let (sum, carry) = one.overflowing_add(other);
    sum.wrapping_add(carry as u64)
}

/// Whether a sum over everything that a checksum covers, itself included, is that of a right one.
///
/// A carry that comes back in below keeps a sum the same modulo 2^64 - 1, and so modulo its factor 2^16 - 1. Folded to 16
/// bits the sum is all ones where it is a multiple of that; 0 comes of nothing but zeros, and is not right.
#[inline]
#[must_use]
pub const fn is_right(sum: u64) -> bool {
    // The quotient where there is no remainder; beyond every quotient where there is one, or where the sum is 0.
    sum.wrapping_mul(INVERSE).wrapping_sub(1) < u64::MAX / FACTOR
}

const FACTOR: u64 = 0xffff;
/// Inverse of [`FACTOR`] modulo 2^64 (Granlund and Montgomery, "Division by Invariant Integers using Multiplication",
/// 1994, section 9).
const INVERSE: u64 = 0xfffe_fffe_fffe_ffff;
const _: () = assert!(FACTOR.wrapping_mul(INVERSE) == 1);

/// The sum of a pseudo header but its addresses (RFC 9293 section 3.1, RFC 8200 section 8.1): protocol and length.
#[inline]
#[must_use]
pub const fn of_protocol(protocol: u8, length: u32) -> u64 {
    u32::from_ne_bytes([0, 0, 0, protocol]) as u64 + length.to_be() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The sum as RFC 1071 section 4.1 spells it, in network byte order.
    fn spelled(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
            sum = (sum >> 16) + (sum & 0xffff);
        }
        u16::try_from(sum).unwrap()
    }

    #[test]
    fn the_example_of_the_rfc_is_right() {
        // RFC 1071 section 3: the sum of these is ddf2.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(spelled(&bytes), 0xddf2);
        let whole = [&bytes[..], &(!0xddf2u16).to_be_bytes()].concat();
        assert!(is_right(sum(&whole)));
        assert!(!is_right(sum(&bytes)));
    }

    proptest! {
        #[test]
        fn a_sum_is_right_where_the_spelled_one_is(
            mut bytes in proptest::collection::vec(any::<u8>(), 2..120),
            wrong in any::<bool>(),
        ) {
            bytes[0] = 0;
            bytes[1] = 0;
            let checksum = !spelled(&bytes) ^ u16::from(wrong);
            bytes[..2].copy_from_slice(&checksum.to_be_bytes());
            prop_assert_eq!(is_right(sum(&bytes)), spelled(&bytes) == 0xffff);
        }
    }
}
