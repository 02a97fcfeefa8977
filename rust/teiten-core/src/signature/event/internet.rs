//! What may be wrong with options of IPv4, and with extension headers and options of IPv6.

use super::{
    IPV4_OPTION_DUPLICATE, IPV4_OPTION_INVALID, IPV4_OPTION_LAST, IPV4_OPTION_LENGTH,
    IPV4_OPTION_MALFORMED, IPV4_OPTION_PAD, IPV4_OPTION_UNKNOWN, IPV6_AUTHENTICATION_RESERVED,
    IPV6_DATA_AFTER_NONE, IPV6_DESTINATION_PADDING, IPV6_DESTINATION_UNKNOWN,
    IPV6_DUPLICATE_AUTHENTICATION, IPV6_DUPLICATE_DESTINATION, IPV6_DUPLICATE_FRAGMENT,
    IPV6_DUPLICATE_HOP, IPV6_DUPLICATE_ROUTING, IPV6_EXTENSION_TRUNCATED, IPV6_FRAGMENT_LENGTH,
    IPV6_FRAGMENT_RESERVED, IPV6_FRAGMENT_TOO_LARGE, IPV6_HOP_PADDING, IPV6_HOP_UNKNOWN,
    IPV6_ICMPV4, IPV6_OPTION_LENGTH, IPV6_ROUTING_0, IPV6_TRUNCATED, IPV6_UNKNOWN_NEXT,
    IPV6_USELESS_FRAGMENT, IPV6_ZERO_PADDING,
};
use crate::packet::protocol;
use crate::wire::ipv6::Ipv6;

/// RFC 791 section 3.1; option numbers of the IANA registry.
///
/// Padding is asked for as Suricata asks for it: the options together are no multiple of 8 bytes.
pub(super) fn ipv4_options(mut options: &[u8]) -> u128 {
    let (mut events, mut seen) = (0, 0_u128);
    if options.len() % 8 != 0 {
        events |= IPV4_OPTION_PAD;
    }
    while let [kind, rest @ ..] = options {
        match kind {
            0 => break,
            1 => options = rest,
            // No room for a length: only an end of the list may stand in the last byte.
            _ if rest.is_empty() => {
                events |= IPV4_OPTION_LAST;
                break;
            }
            _ => {
                let length = match rest.first() {
                    Some(length) if *length >= 2 && usize::from(*length) <= options.len() => {
                        usize::from(*length)
                    }
                    _ => return events | IPV4_OPTION_LENGTH,
                };
                let (option, behind) = options.split_at_checked(length).unwrap_or_default();
                let right = match kind {
                    7 | 130 | 131 | 133 | 137 => length >= 3,
                    68 => length >= 5,
                    134 => length >= 10,
                    // Stream identifier, router alert (RFC 2113), quick start (RFC 4782).
                    136 | 148 => length == 4,
                    25 => length == 8,
                    _ => {
                        events |= IPV4_OPTION_UNKNOWN | IPV4_OPTION_INVALID;
                        options = behind;
                        continue;
                    }
                };
                if !right {
                    events |= IPV4_OPTION_LENGTH;
                } else if is_malformed(*kind, option) {
                    events |= IPV4_OPTION_MALFORMED;
                }
                let bit = 1 << (kind & 0x7f);
                if seen & bit != 0 {
                    events |= IPV4_OPTION_DUPLICATE;
                }
                seen |= bit;
                options = behind;
            }
        }
    }
    events
}

/// Whether an IPv4 option of right length has contents that are none.
fn is_malformed(kind: u8, option: &[u8]) -> bool {
    match kind {
        // A pointer of a route leads behind the option's own three bytes.
        7 | 131 | 137 => option.get(2).is_some_and(|pointer| *pointer < 4),
        // Tags with a length of all their bytes (FIPS 188 section 5).
        134 => {
            let mut tags = option.get(6..).unwrap_or_default();
            while let [_, rest @ ..] = tags {
                let length = rest.first().copied().map_or(0, usize::from);
                match tags.get(length..) {
                    Some(behind) if length >= 2 => tags = behind,
                    _ => return true,
                }
            }
            false
        }
        _ => false,
    }
}

/// The chain of extension headers (RFC 8200 section 4), the segment behind it, and whether it is no fragment.
pub(super) fn ipv6<'a>(ip: &Ipv6<'a>) -> (&'a [u8], u128, bool) {
    let mut events = 0;
    if ip.payload().len() < usize::from(ip.payload_length()) {
        events |= IPV6_TRUNCATED;
    }
    let (mut kind, mut rest) = (ip.next_header(), ip.payload());
    let mut seen = [0_u8; 5];
    let mut fragment = false;
    for _ in 0..crate::limits::MAX_IPV6_EXTENSIONS {
        let (place, twice) = match kind {
            0 => (0, IPV6_DUPLICATE_HOP),
            43 => (1, IPV6_DUPLICATE_ROUTING),
            44 => (2, IPV6_DUPLICATE_FRAGMENT),
            51 => (4, IPV6_DUPLICATE_AUTHENTICATION),
            60 => (3, IPV6_DUPLICATE_DESTINATION),
            _ => break,
        };
        seen[place] = seen[place].saturating_add(1);
        // Destination options may stand before a routing header and again at the end (RFC 8200 section 4.1).
        if seen[place] > if kind == 60 { 2 } else { 1 } {
            events |= twice;
        }
        let [next, length, third, fourth, ..] = rest else {
            return (rest, events | IPV6_EXTENSION_TRUNCATED, false);
        };
        let whole = match kind {
            44 => 8,
            // In words of 4 bytes, less two (RFC 4302 section 2.2).
            51 => usize::from(*length) * 4 + 8,
            _ => usize::from(*length) * 8 + 8,
        };
        let (Some(extension), Some(behind)) = (rest.get(..whole), rest.get(whole..)) else {
            return (rest, events | IPV6_EXTENSION_TRUNCATED, false);
        };
        match kind {
            43 if *third == 0 => events |= IPV6_ROUTING_0,
            44 => {
                let field = u16::from_be_bytes([*third, *fourth]);
                let (offset, more) = (usize::from(field >> 3) * 8, field & 1 != 0);
                if *length != 0 || field & 6 != 0 {
                    events |= IPV6_FRAGMENT_RESERVED;
                }
                if offset == 0 && !more {
                    events |= IPV6_USELESS_FRAGMENT;
                }
                if more && behind.len() % 8 != 0 {
                    events |= IPV6_FRAGMENT_LENGTH;
                }
                if offset + behind.len() > 65_535 {
                    events |= IPV6_FRAGMENT_TOO_LARGE;
                }
                fragment |= offset > 0 || more;
                if offset > 0 {
                    return (behind, events, false);
                }
            }
            51 if [*third, *fourth] != [0, 0] => events |= IPV6_AUTHENTICATION_RESERVED,
            0 => events |= ipv6_options(extension, IPV6_HOP_UNKNOWN, IPV6_HOP_PADDING),
            60 => {
                events |= ipv6_options(
                    extension,
                    IPV6_DESTINATION_UNKNOWN,
                    IPV6_DESTINATION_PADDING,
                );
            }
            _ => {}
        }
        (kind, rest) = (*next, behind);
    }
    if kind == 59 && !rest.is_empty() {
        events |= IPV6_DATA_AFTER_NONE;
    }
    if kind == protocol::ICMP {
        events |= IPV6_ICMPV4;
    }
    // Numbers 147 to 252 are not assigned (IANA registry of protocol numbers), 253 and 254 for experiments.
    if matches!(kind, 147..=252) {
        events |= IPV6_UNKNOWN_NEXT;
    }
    (rest, events, !fragment)
}

/// Options of a hop-by-hop or destination header (RFC 8200 section 4.2).
fn ipv6_options(extension: &[u8], unknown: u128, padding: u128) -> u128 {
    let mut options = extension.get(2..).unwrap_or_default();
    let (mut events, mut other) = (0, false);
    while let [kind, rest @ ..] = options {
        if *kind == 0 {
            options = rest;
            continue;
        }
        let Some((length, value)) = rest.split_first() else {
            return events | IPV6_OPTION_LENGTH;
        };
        let Some(behind) = value.get(usize::from(*length)..) else {
            return events | IPV6_OPTION_LENGTH;
        };
        // Jumbo payload (RFC 2675 section 2), router alert (RFC 2711 section 2.1), home address (RFC 6275 section 6.3).
        let wrong = match kind {
            0xc2 => *length != 4,
            0x05 => *length != 2,
            0xc9 => *length != 16,
            _ => false,
        };
        if wrong {
            return events | IPV6_OPTION_LENGTH;
        }
        match kind {
            1 if *length == 0 => events |= IPV6_ZERO_PADDING,
            1 => {}
            // Tunnel limit, router alert, CALIPSO, jumbo payload, home address and others of the IANA registry.
            0x04 | 0x05 | 0x07 | 0x08 | 0x0f | 0x22 | 0x23 | 0x26 | 0x30 | 0x31 | 0x63 | 0x6d
            | 0x8a | 0x8b | 0x8c | 0xc2 | 0xc3 | 0xc9 | 0xee => other = true,
            _ => {
                other = true;
                events |= unknown;
            }
        }
        options = behind;
    }
    if !other {
        events |= padding;
    }
    events
}
