//! Messages of NTP.

use super::{Direction, Shown};

pub(super) const EVENTS: &[&str] = &["malformed_data"];

const MALFORMED: u32 = 1;

/// Bytes of the header (RFC 5905 section 7.3).
const HEADER: usize = 48;

/// What a message shows: one of version 3 or 4, of a mode that has the header (RFC 5905 section 7.3).
///
/// Control messages (mode 6) and private ones (mode 7) have headers of their own, and are not looked at.
pub(super) fn read(payload: &[u8]) -> Option<Shown> {
    let first = payload.first()?;
    let (version, mode) = (first >> 3 & 7, first & 7);
    if !matches!((version, mode), (3 | 4, 1..=5)) {
        return None;
    }
    // Symmetric passive and server answer (section 3).
    let direction = match mode {
        2 | 4 => Direction::Response,
        _ => Direction::Request,
    };
    let is_whole = payload.get(HEADER..).is_some_and(ends_well);
    Some((if is_whole { 0 } else { MALFORMED }, direction))
}

/// Whether what follows the header is extension fields and at most one message authentication code.
fn ends_well(mut rest: &[u8]) -> bool {
    loop {
        match rest.len() {
            // Nothing, a crypto-NAK, a key's number with a digest of 16 or 20 bytes (RFC 5905 sections 7.3 and 9.2).
            0 | 4 | 20 | 24 => return true,
            _ => {}
        }
        // An extension field: its length counts type and length, is a multiple of 4, and at least 16 (RFC 7822 section 3).
        let [_, _, high, low, ..] = rest else {
            return false;
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        match rest.get(length..) {
            Some(behind) if length >= 16 && length % 4 == 0 => rest = behind,
            _ => return false,
        }
    }
}
