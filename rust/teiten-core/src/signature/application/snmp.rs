//! Messages of SNMP.

use super::ber::{element, number, opened, tag, tagged};
use super::{Direction, Shown};

pub(super) const EVENTS: &[&str] = &["malformed_data", "unknown_security_model"];

const MALFORMED: u32 = 1;
const SECURITY_MODEL: u32 = 2;

/// The versions that are in use: 1, 2c (RFC 1901 section 3) and 3 (RFC 3412 section 6).
const VERSIONS: [u8; 3] = [0, 1, 3];

/// The user-based security model (RFC 3414 section 1.4). Numbers 1 and 2 stand for older versions' messages, and the
/// transport's (RFC 5591) needs a transport that protects.
const USER_BASED: i32 = 3;

/// Tags of the PDUs, from get-request to report (RFC 3416 section 3; 4 is the trap of RFC 1157 section 4.1.6).
const PDU_FIRST: u8 = 0xa0;
const PDU_TRAP: u8 = 0xa4;
const PDU_RESPONSE: u8 = 0xa2;
const PDU_LAST: u8 = 0xa8;

/// What a message shows: one that begins as a sequence with a version that is in use.
pub(super) fn read(payload: &[u8]) -> Option<Shown> {
    // The sequence's length may be more than there is: then the message is one, and cut short.
    let (tag::SEQUENCE, [tag::INTEGER, 1, version, ..]) = opened(payload)? else {
        return None;
    };
    if !VERSIONS.contains(version) {
        return None;
    }
    Some(events(payload).unwrap_or((MALFORMED, Direction::Request)))
}

fn events(payload: &[u8]) -> Option<Shown> {
    let (message, _) = tagged(tag::SEQUENCE, payload)?;
    let (version, rest) = number(message)?;
    if version == 3 {
        return version_3(rest);
    }
    let (_, rest) = tagged(tag::OCTETS, rest)?;
    Some((0, pdu(rest)?))
}

/// RFC 3412 section 6.
fn version_3(bytes: &[u8]) -> Option<Shown> {
    let (head, rest) = tagged(tag::SEQUENCE, bytes)?;
    let (_, behind) = number(head)?;
    let (_, behind) = number(behind)?;
    let (flags, behind) = tagged(tag::OCTETS, behind)?;
    let (model, _) = number(behind)?;
    let [flags] = flags else { return None };
    let other = if model == USER_BASED {
        0
    } else {
        SECURITY_MODEL
    };
    let (parameters, rest) = tagged(tag::OCTETS, rest)?;
    if model == USER_BASED {
        user_based(parameters)?;
    }
    // Encrypted (section 6.4): what follows are bytes.
    if flags & 2 != 0 {
        tagged(tag::OCTETS, rest)?;
        return Some((other, Direction::Request));
    }
    let (scoped, _) = tagged(tag::SEQUENCE, rest)?;
    let (_, rest) = tagged(tag::OCTETS, scoped)?;
    let (_, rest) = tagged(tag::OCTETS, rest)?;
    Some((other, pdu(rest)?))
}

/// RFC 3414 section 2.4.
fn user_based(parameters: &[u8]) -> Option<()> {
    let (fields, _) = tagged(tag::SEQUENCE, parameters)?;
    let (_, rest) = tagged(tag::OCTETS, fields)?;
    let (_, rest) = tagged(tag::INTEGER, rest)?;
    let (_, rest) = tagged(tag::INTEGER, rest)?;
    let (_, rest) = tagged(tag::OCTETS, rest)?;
    let (_, rest) = tagged(tag::OCTETS, rest)?;
    tagged(tag::OCTETS, rest).map(|_| ())
}

/// The direction a PDU goes, if it is one (RFC 3416 section 3, RFC 1157 section 4.1).
fn pdu(bytes: &[u8]) -> Option<Direction> {
    let (kind, fields, _) = element(bytes)?;
    let bindings = match kind {
        PDU_TRAP => {
            // Enterprise, address, two kinds of trap, time.
            let mut rest = fields;
            for _ in 0..5 {
                rest = element(rest)?.2;
            }
            rest
        }
        PDU_FIRST..=PDU_LAST => {
            let (_, rest) = tagged(tag::INTEGER, fields)?;
            let (_, rest) = tagged(tag::INTEGER, rest)?;
            tagged(tag::INTEGER, rest)?.1
        }
        _ => return None,
    };
    let (mut bindings, _) = tagged(tag::SEQUENCE, bindings)?;
    while !bindings.is_empty() {
        let (binding, rest) = tagged(tag::SEQUENCE, bindings)?;
        let (_, value) = tagged(0x06, binding)?;
        element(value)?;
        bindings = rest;
    }
    Some(match kind {
        PDU_RESPONSE | PDU_LAST => Direction::Response,
        _ => Direction::Request,
    })
}
