//! What may be wrong with headers behind that of IP: TCP, UDP, ICMP, ICMPv6 and GRE.

use super::{
    GRE_SHORT, GRE_VERSION, GRE0_FLAGS, GRE0_LENGTH, GRE0_RECURSION, GRE1_CHECKSUM, GRE1_FLAGS,
    GRE1_LENGTH, GRE1_NO_KEY, GRE1_PROTOCOL, GRE1_RECURSION, GRE1_ROUTING, GRE1_SOURCE_ROUTE,
    ICMPV4_CODE, ICMPV4_INNER_SHORT, ICMPV4_INNER_VERSION, ICMPV4_SHORT, ICMPV4_TYPE, ICMPV6_CODE,
    ICMPV6_EXPERIMENT, ICMPV6_INNER_SHORT, ICMPV6_INNER_VERSION, ICMPV6_MLD_HOP_LIMIT,
    ICMPV6_SHORT, ICMPV6_TYPE, ICMPV6_UNASSIGNED, TCP_HEADER_LENGTH, TCP_OPTION_DUPLICATE,
    TCP_OPTION_END, TCP_OPTION_LENGTH, TCP_SHORT, UDP_HEADER, UDP_LENGTH, UDP_SHORT, inside,
};

/// RFC 9293 section 3.1; which event a wrong length is, is Suricata's choice.
pub(super) fn tcp(segment: &[u8]) -> u128 {
    let Some(offset) = segment.get(12).filter(|_| segment.len() >= 20) else {
        return TCP_SHORT;
    };
    let length = usize::from(*offset >> 4) * 4;
    if length < 20 {
        return TCP_OPTION_END;
    }
    let Some(mut options) = segment.get(20..length) else {
        return TCP_HEADER_LENGTH;
    };
    let (mut events, mut seen) = (0, 0_u64);
    while let [kind, rest @ ..] = options {
        match kind {
            0 => break,
            1 => options = rest,
            _ => {
                // A kind in the last byte has no length that could be wrong.
                let Some(length) = rest.first() else { break };
                let behind = options.get(usize::from(*length)..);
                let Some(behind) = behind.filter(|_| *length >= 2) else {
                    return events | TCP_OPTION_LENGTH;
                };
                let expected = match kind {
                    2 => Some(4),
                    3 => Some(3),
                    4 => Some(2),
                    8 => Some(10),
                    // A digest of MD5 (RFC 2385 section 3).
                    19 => Some(18),
                    _ => None,
                };
                if expected.is_some_and(|expected| expected != *length) {
                    events |= TCP_OPTION_LENGTH;
                }
                if expected.is_some() {
                    if seen >> kind & 1 == 1 {
                        events |= TCP_OPTION_DUPLICATE;
                    }
                    seen |= 1 << kind;
                }
                options = behind;
            }
        }
    }
    events
}

/// RFC 768.
pub(super) fn udp(segment: &[u8]) -> u128 {
    let [_, _, _, _, high, low, _, _, ..] = segment else {
        return UDP_HEADER;
    };
    match usize::from(u16::from_be_bytes([*high, *low])) {
        stated if stated > segment.len() => UDP_SHORT,
        0..8 => UDP_LENGTH,
        _ => 0,
    }
}

/// RFC 792, RFC 950, RFC 1256; types of the IANA registry.
pub(super) fn icmpv4(segment: &[u8]) -> u128 {
    let ([kind, code, ..], true) = (segment, segment.len() >= 8) else {
        return ICMPV4_SHORT;
    };
    let most = match kind {
        0 | 4 | 8 | 10 | 13..=18 => 0,
        3 => 15,
        5 => 3,
        9 => 16,
        11 => 1,
        12 => 2,
        _ => return ICMPV4_TYPE,
    };
    if *code > most {
        return ICMPV4_CODE;
    }
    match kind {
        // An error that quotes nothing cuts nothing short.
        3 | 4 | 5 | 11 | 12 if segment.len() > 8 => inside(
            segment.get(8..).unwrap_or_default(),
            4,
            20,
            ICMPV4_INNER_SHORT,
            ICMPV4_INNER_VERSION,
        ),
        _ => 0,
    }
}

/// RFC 4443 section 2.1, RFC 2710, RFC 4861; types of the IANA registry.
pub(super) fn icmpv6(segment: &[u8], hop_limit: u8) -> u128 {
    let ([kind, code, ..], true) = (segment, segment.len() >= 8) else {
        return ICMPV6_SHORT;
    };
    let most = match kind {
        1 => 8,
        3 => 1,
        4 => 10,
        139 | 140 => 2,
        // Renumbering has two codes and one more (RFC 2894 section 3.1); mobility, multicast routers, low-power networks
        // and others put numbers of their own there.
        138 if *code != 255 => 1,
        138 | 150..=161 => 255,
        2 | 128..=149 => 0,
        100 | 101 | 200 | 201 => return ICMPV6_EXPERIMENT,
        5..=99 | 102..=126 | 162..=199 | 202..=254 => return ICMPV6_UNASSIGNED,
        _ => return ICMPV6_TYPE,
    };
    let mut events = if *code > most { ICMPV6_CODE } else { 0 };
    // Multicast listener messages have a hop limit of 1 (RFC 2710 section 3).
    if matches!(kind, 130..=132 | 143) && hop_limit != 1 {
        events |= ICMPV6_MLD_HOP_LIMIT;
    }
    if matches!(kind, 1..=4) {
        events |= inside(
            segment.get(8..).unwrap_or_default(),
            6,
            40,
            ICMPV6_INNER_SHORT,
            ICMPV6_INNER_VERSION,
        );
    }
    events
}

/// RFC 2784 and RFC 1701 for version 0, RFC 2637 for version 1.
pub(super) fn gre(segment: &[u8]) -> u128 {
    let [flags, second, high, low, ..] = segment else {
        return GRE_SHORT;
    };
    let has = |flag: u8| flags & flag != 0;
    let count = |flags: &[u8]| flags.iter().filter(|flag| has(**flag)).count();
    let mut events = 0;
    match second & 7 {
        0 => {
            if flags & 7 != 0 {
                events |= GRE0_RECURSION;
            }
            if second & 0xf8 != 0 {
                events |= GRE0_FLAGS;
            }
            // A checksum or routing brings one word of both.
            let words = usize::from(has(0x80) || has(0x40)) + count(&[0x20, 0x10]);
            if 4 + words * 4 > segment.len() {
                events |= GRE0_LENGTH;
            }
        }
        1 => {
            for (flag, event) in [
                (0x80, GRE1_CHECKSUM),
                (0x40, GRE1_ROUTING),
                (0x08, GRE1_SOURCE_ROUTE),
            ] {
                if has(flag) {
                    events |= event;
                }
            }
            if flags & 7 != 0 {
                events |= GRE1_RECURSION;
            }
            if second & 0x78 != 0 {
                events |= GRE1_FLAGS;
            }
            if !has(0x20) {
                events |= GRE1_NO_KEY;
            }
            if [*high, *low] != [0x88, 0x0b] {
                events |= GRE1_PROTOCOL;
            }
            let words = 1 + usize::from(has(0x10)) + usize::from(second & 0x80 != 0);
            if 4 + words * 4 > segment.len() {
                events |= GRE1_LENGTH;
            }
        }
        _ => events |= GRE_VERSION,
    }
    events
}
