//! Messages of LDAP without a connection, as domain controllers take them over UDP (MS-ADTS section 6.3.3).

use super::ber::{element, number, opened, tag, tagged};
use super::{Direction, Shown};

pub(super) const EVENTS: &[&str] = &["invalid_data"];

const INVALID: u32 = 1;

/// What a message shows: one that begins as RFC 4511 section 4.1.1 has it, a sequence with a number first.
pub(super) fn read(payload: &[u8]) -> Option<Shown> {
    // The sequence's length may be more than there is: then the message is one, and cut short.
    let (tag::SEQUENCE, [tag::INTEGER, 1..=4, ..]) = opened(payload)? else {
        return None;
    };
    Some(message(payload).map_or((INVALID, Direction::Request), |direction| (0, direction)))
}

fn message(payload: &[u8]) -> Option<Direction> {
    let (message, _) = tagged(tag::SEQUENCE, payload)?;
    let (identifier, rest) = number(message)?;
    let (kind, content, _) = element(rest)?;
    if identifier < 0 {
        return None;
    }
    // Application tags (RFC 4511 appendix B): unbind is NULL, deletion and abandonment carry a plain value.
    match kind {
        0x42 | 0x4a | 0x50 => return Some(Direction::Request),
        0x60..=0x79 => {}
        _ => return None,
    }
    let mut fields = content;
    while !fields.is_empty() {
        fields = element(fields)?.2;
    }
    Some(match kind {
        0x60 | 0x63 | 0x66 | 0x68 | 0x6c | 0x6e | 0x77 => Direction::Request,
        _ => Direction::Response,
    })
}
