//! Packets of QUIC, as far as they are not encrypted.

use super::{Direction, Shown};

pub(super) const EVENTS: &[&str] = &["error_on_data"];

const ERROR: u32 = 1;

/// What a packet shows: one with a long header of a version whose header is known.
///
/// RFC 9000 section 17.2; version 2 is RFC 9369's, and 0xff0000 stands before the numbers of drafts. A short header
/// tells nothing, and neither does one of an unknown version but its connections' ids (RFC 8999 section 5.1).
pub(super) fn read(payload: &[u8]) -> Option<Shown> {
    let (first, rest) = payload.split_first()?;
    let (version, rest) = rest.split_first_chunk()?;
    let of_kind = match version {
        [0, 0, 0, 1] | [0xff, 0, 0, 1..=255] => first >> 4 & 3,
        // Version 2 numbers its packets one further (RFC 9369 section 3.2).
        [0x6b, 0x33, 0x43, 0xcf] => (first >> 4).wrapping_sub(1) & 3,
        _ => return None,
    };
    // The form and the fixed bit (section 17.2).
    if first & 0xc0 != 0xc0 {
        return None;
    }
    let is_whole = rest_of_header(of_kind, rest).is_some();
    Some((if is_whole { 0 } else { ERROR }, Direction::Request))
}

fn rest_of_header(kind: u8, bytes: &[u8]) -> Option<()> {
    let rest = connection(connection(bytes)?)?;
    match kind {
        // Initial (section 17.2.2): a token, then a length.
        0 => {
            let (token, rest) = number(rest)?;
            let (length, rest) = number(rest.get(token..)?)?;
            rest.get(..length).map(|_| ())
        }
        // Retry (section 17.2.5): an integrity tag of 16 bytes.
        3 => rest.get(..16).map(|_| ()),
        // 0-RTT and Handshake (sections 17.2.3 and 17.2.4): a length.
        _ => {
            let (length, rest) = number(rest)?;
            rest.get(..length).map(|_| ())
        }
    }
}

/// What follows a connection's id, of at most 20 bytes.
fn connection(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first()?;
    rest.get(usize::from(*length)..).filter(|_| *length <= 20)
}

/// A number whose first two bits tell its length (RFC 9000 section 16), and what follows.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let first = *bytes.first()?;
    let (digits, rest) = bytes.split_at_checked(1 << (first >> 6))?;
    let value = digits
        .iter()
        .skip(1)
        .fold(u64::from(first & 0x3f), |value, digit| {
            value << 8 | u64::from(*digit)
        });
    Some((usize::try_from(value).ok()?, rest))
}
