//! Messages of DHCP over IPv4.

use super::{Direction, Shown};

pub(super) const EVENTS: &[&str] = &["malformed_options", "truncated_options"];

const MALFORMED: u32 = 1;
const TRUNCATED: u32 = 2;

/// The magic cookie before the options (RFC 2131 section 3), behind the 236 bytes of section 2.
const COOKIE: [u8; 4] = [99, 130, 83, 99];

/// What a message shows: one that has the cookie, and is a request or a reply.
pub(super) fn read(payload: &[u8]) -> Option<Shown> {
    let direction = match payload.first()? {
        1 => Direction::Request,
        2 => Direction::Response,
        _ => return None,
    };
    let options = payload.get(236..)?.strip_prefix(&COOKIE)?;
    Some((events(options), direction))
}

/// RFC 2132 section 2: an option is a code, a length and as many bytes; 0 pads, 255 ends.
fn events(mut options: &[u8]) -> u32 {
    let mut events = 0;
    loop {
        let Some((code, rest)) = options.split_first() else {
            // Section 3.2: the end option marks the end of what is valid.
            return events | TRUNCATED;
        };
        options = match code {
            0 => rest,
            255 => return events,
            _ => {
                let Some((length, rest)) = rest.split_first() else {
                    return events | TRUNCATED;
                };
                let Some((value, rest)) = rest.split_at_checked(usize::from(*length)) else {
                    return events | TRUNCATED;
                };
                events |= value_events(*code, value.len());
                rest
            }
        };
    }
}

/// What the length of an option's value shows, with RFC 2132's section of each.
///
/// A client's identifier or a time that is cut short counts as truncated, as Suricata has it.
const fn value_events(code: u8, length: usize) -> u32 {
    match code {
        // Client identifier, 9.14: a type and at least one byte.
        61 if length < 2 => TRUNCATED,
        // Lease time 9.2, renewal 9.11, rebinding 9.12: 4 bytes.
        51 | 58 | 59 if length < 4 => TRUNCATED,
        51 | 58 | 59 if length > 4 => MALFORMED,
        // Message type, 9.6: 1 byte.
        53 if length != 1 => MALFORMED,
        // Subnet mask 3.3, broadcast address 5.3, requested address 9.1, server's identifier 9.7: 4 bytes.
        1 | 28 | 50 | 54 if length != 4 => MALFORMED,
        // Routers 3.5 and name servers 3.8: one address or more.
        3 | 6 if length == 0 || length % 4 != 0 => MALFORMED,
        // Largest message, 9.10: 2 bytes.
        57 if length != 2 => MALFORMED,
        _ => 0,
    }
}
