//! Messages of Kerberos 5 between a client and its key distribution centre (RFC 4120 section 5).

use super::ber::{element, number, opened, tag, tagged};
use super::{Direction, Shown};

pub(super) const EVENTS: &[&str] = &["malformed_data", "weak_encryption"];

const MALFORMED: u32 = 1;
const WEAK: u32 = 2;

/// Context-specific tags of a field's number.
const fn field(number: u8) -> u8 {
    0xa0 | number
}

/// What a message shows: one whose application tag is a request's, a reply's or an error's (sections 5.4 and 5.9).
pub(super) fn read(payload: &[u8]) -> Option<Shown> {
    // The sequence behind it may be longer than there is: then the message is one, and cut short.
    let (first, [tag::SEQUENCE, ..]) = opened(payload)? else {
        return None;
    };
    let direction = match first {
        // AS-REQ, TGS-REQ.
        0x6a | 0x6c => Direction::Request,
        // AS-REP, TGS-REP, KRB-ERROR.
        0x6b | 0x6d | 0x7e => Direction::Response,
        _ => return None,
    };
    let events = match first {
        0x6a | 0x6c => request(payload),
        0x6b | 0x6d => reply(payload),
        _ => error(payload),
    };
    Some((events.unwrap_or(MALFORMED), direction))
}

/// The fields of a message.
fn fields(payload: &[u8]) -> Option<&[u8]> {
    let (_, message, _) = element(payload)?;
    tagged(tag::SEQUENCE, message).map(|(fields, _)| fields)
}

/// A number in a field of its own, and what follows.
fn numbered(place: u8, bytes: &[u8]) -> Option<(i32, &[u8])> {
    let (content, rest) = tagged(field(place), bytes)?;
    number(content).map(|(value, _)| (value, rest))
}

/// Section 5.4.1: version and kind, perhaps pre-authentication, then the request.
fn request(payload: &[u8]) -> Option<u32> {
    let (5, rest) = numbered(1, fields(payload)?)? else {
        return None;
    };
    let (10 | 12, rest) = numbered(2, rest)? else {
        return None;
    };
    let rest = tagged(field(3), rest).map_or(rest, |(_, rest)| rest);
    let (body, _) = tagged(field(4), rest)?;
    let (mut body, _) = tagged(tag::SEQUENCE, body)?;
    // Options come first; all others are fields, too.
    tagged(field(0), body)?;
    while !body.is_empty() {
        body = element(body)?.2;
    }
    Some(0)
}

/// Section 5.4.2: perhaps pre-authentication, the client's names, the ticket, then the part for the client, encrypted
/// with a cipher whose number stands before (section 5.2.9). The ticket's own is between the server and its centre.
fn reply(payload: &[u8]) -> Option<u32> {
    let (5, rest) = numbered(0, fields(payload)?)? else {
        return None;
    };
    let (11 | 13, rest) = numbered(1, rest)? else {
        return None;
    };
    let mut rest = tagged(field(2), rest).map_or(rest, |(_, rest)| rest);
    for place in 3..6 {
        rest = tagged(field(place), rest)?.1;
    }
    let (part, _) = tagged(field(6), rest)?;
    let (encrypted, _) = tagged(tag::SEQUENCE, part)?;
    let (cipher, _) = numbered(0, encrypted)?;
    // AES (RFC 3962 section 7, RFC 8009 section 7) and Camellia (RFC 6803 section 9); RFC 6649 and RFC 8429 left DES,
    // triple DES and RC4.
    let is_strong = matches!(cipher, 17..=20 | 25 | 26);
    Some(if is_strong { 0 } else { WEAK })
}

/// Section 5.9.1.
fn error(payload: &[u8]) -> Option<u32> {
    let (5, rest) = numbered(0, fields(payload)?)? else {
        return None;
    };
    let (30, mut rest) = numbered(1, rest)? else {
        return None;
    };
    while !rest.is_empty() {
        rest = element(rest)?.2;
    }
    Some(0)
}
