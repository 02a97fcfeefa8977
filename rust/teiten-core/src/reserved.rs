//! Addresses that no packet across the Internet can rightly come from.
//!
//! The IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890, RFC 8190) as they stood in 2025: blocks
//! that are not globally reachable, and with them multicast (never a source: RFC 1112 section 7.2, RFC 4291 section
//! 2.7) and what was never allocated. Blocks inside that *are* globally reachable are left out.

use crate::wire::ipv6::Halves;

/// Why an address cannot be the source of a packet that crossed the Internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// 0.0.0.0/8 (RFC 791 section 3.2), `::` (RFC 4291 section 2.5.2).
    ThisNetwork,
    /// 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 (RFC 1918), `fc00::/7` (RFC 4193).
    Private,
    /// 100.64.0.0/10 (RFC 6598).
    Shared,
    /// 127.0.0.0/8 (RFC 1122 section 3.2.1.3), `::1` (RFC 4291 section 2.5.3).
    Loopback,
    /// 169.254.0.0/16 (RFC 3927), `fe80::/10` (RFC 4291 section 2.5.6).
    LinkLocal,
    /// 192.0.0.0/24 but 192.0.0.9 and .10 (RFC 6890 section 2.1, RFC 7723, RFC 8155), `2001::/23` but its reachable
    /// blocks (RFC 2928).
    ProtocolAssignment,
    /// 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 (RFC 5737), `2001:db8::/32` (RFC 3849), `3fff::/20` (RFC 9637).
    Documentation,
    /// 198.18.0.0/15 (RFC 2544, RFC 6815), `2001:2::/48` (RFC 5180).
    Benchmarking,
    /// 192.88.99.0/24, the anycast address of 6to4 relays (RFC 3068, withdrawn by RFC 7526).
    Relay,
    /// 224.0.0.0/4 (RFC 5771), `ff00::/8` (RFC 4291 section 2.7).
    Multicast,
    /// 255.255.255.255 (RFC 919 section 7).
    Broadcast,
    /// `::ffff:0:0/96` (RFC 4291 section 2.5.5.2): for use inside a host.
    Mapped,
    /// `64:ff9b:1::/48` (RFC 8215): translation inside a network.
    Translation,
    /// `100::/64` (RFC 6666), `100:0:0:1::/64` (RFC 9780).
    Discard,
    /// `5f00::/16` (RFC 9602): identifiers of routing segments.
    Segment,
    /// 240.0.0.0/4 (RFC 1112 section 4); IPv6 outside `2000::/3` (RFC 4291 section 2.4), `fec0::/10` (RFC 3879).
    Unallocated,
}

/// What the first octet of an IPv4 address says: nothing, all, or that the rest has to be looked at.
const FIRST_OCTET: [u8; 256] = {
    let mut table = [0; 256];
    let look = [0, 10, 100, 127, 169, 172, 192, 198, 203];
    let mut at = 0;
    while at < look.len() {
        table[look[at]] = 1;
        at += 1;
    }
    let mut octet = 224;
    while octet < 256 {
        table[octet] = 1;
        octet += 1;
    }
    table
};

/// Whether an IPv4 address may be reserved; most are told apart here, by one look.
#[inline]
#[must_use]
pub const fn may_be(address: u32) -> bool {
    FIRST_OCTET[(address >> 24) as usize] != 0
}

/// Why an IPv4 address is reserved, if it is.
#[must_use]
pub const fn of_ipv4(address: u32) -> Option<Reserved> {
    let [a, b, c, d] = address.to_be_bytes();
    Some(match (a, b, c, d) {
        (0, ..) => Reserved::ThisNetwork,
        (10, ..) | (172, 16..=31, ..) | (192, 168, ..) => Reserved::Private,
        (100, 64..=127, ..) => Reserved::Shared,
        (127, ..) => Reserved::Loopback,
        (169, 254, ..) => Reserved::LinkLocal,
        // Port control (RFC 7723) and TURN (RFC 8155) anycast are reachable.
        (192, 0, 0, 9 | 10) => return None,
        (192, 0, 0, _) => Reserved::ProtocolAssignment,
        (192, 0, 2, _) | (198, 51, 100, _) | (203, 0, 113, _) => Reserved::Documentation,
        (198, 18 | 19, ..) => Reserved::Benchmarking,
        (192, 88, 99, _) => Reserved::Relay,
        (224..=239, ..) => Reserved::Multicast,
        (255, 255, 255, 255) => Reserved::Broadcast,
        (240..=255, ..) => Reserved::Unallocated,
        _ => return None,
    })
}

/// Why an IPv6 address is reserved, if it is.
#[must_use]
pub const fn of_ipv6(address: Halves) -> Option<Reserved> {
    let [high, low] = address;
    let first = (high >> 48) as u16;
    Some(match first {
        0 => match (high, low >> 32) {
            (0, 0) if low == 0 => Reserved::ThisNetwork,
            (0, 0) if low == 1 => Reserved::Loopback,
            (0, 0xffff) => Reserved::Mapped,
            _ => Reserved::Unallocated,
        },
        0x0064 => match high {
            // Translation by the well-known prefix `64:ff9b::/96` is reachable (RFC 6052 section 2.1).
            0x0064_ff9b_0000_0000 if low >> 32 == 0 => return None,
            0x0064_ff9b_0001_0000..=0x0064_ff9b_0001_ffff => Reserved::Translation,
            _ => Reserved::Unallocated,
        },
        0x0100 => match high {
            0x0100_0000_0000_0000 | 0x0100_0000_0000_0001 => Reserved::Discard,
            _ => Reserved::Unallocated,
        },
        0x2001 => return of_2001(high, low),
        0x3fff if high >> 44 == 0x3fff0 => Reserved::Documentation,
        0x2000..=0x3fff => return None,
        0x5f00 => Reserved::Segment,
        0xfc00..=0xfdff => Reserved::Private,
        0xfe80..=0xfebf => Reserved::LinkLocal,
        0xff00..=0xffff => Reserved::Multicast,
        _ => Reserved::Unallocated,
    })
}

/// `2001::/16`, of which `2001::/23` is for protocols: Teredo (RFC 4380), the anycast addresses `2001:1::1` to
/// `2001:1::3` (RFC 7723, RFC 8155, RFC 9665), AMT (RFC 7450), AS112 (RFC 7535), identities by hash (RFC 7343) and of
/// drones (RFC 9374) are reachable or of no stated reach.
const fn of_2001(high: u64, low: u64) -> Option<Reserved> {
    let [
        _,
        _,
        second,
        second_low,
        third,
        third_low,
        fourth,
        fourth_low,
    ] = high.to_be_bytes();
    let rest = [third, third_low, fourth, fourth_low];
    match ([second, second_low], rest) {
        ([0x0d, 0xb8], _) => Some(Reserved::Documentation),
        ([0, 0 | 3 | 0x20..=0x3f], _) | ([0, 4], [0x01, 0x12, ..]) => None,
        ([0, 1], [0, 0, 0, 0]) if matches!(low, 1..=3) => None,
        ([0, 2], [0, 0, ..]) => Some(Reserved::Benchmarking),
        ([0 | 1, _], _) => Some(Reserved::ProtocolAssignment),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;
    use proptest::prelude::*;

    fn ipv4(text: &str) -> Option<Reserved> {
        of_ipv4(u32::from(text.parse::<Ipv4Addr>().unwrap()))
    }

    fn ipv6(text: &str) -> Option<Reserved> {
        let address = u128::from(text.parse::<Ipv6Addr>().unwrap());
        let half = |shift: u32| u64::try_from(address >> shift & u128::from(u64::MAX)).unwrap();
        of_ipv6([half(64), half(0)])
    }

    #[test]
    fn ipv4_blocks_begin_and_end_where_the_registry_says() {
        let inside = [
            ("0.255.255.255", Reserved::ThisNetwork),
            ("10.0.0.0", Reserved::Private),
            ("172.31.255.255", Reserved::Private),
            ("192.168.255.255", Reserved::Private),
            ("100.64.0.0", Reserved::Shared),
            ("100.127.255.255", Reserved::Shared),
            ("127.0.0.1", Reserved::Loopback),
            ("169.254.0.1", Reserved::LinkLocal),
            ("192.0.0.8", Reserved::ProtocolAssignment),
            ("192.0.2.1", Reserved::Documentation),
            ("198.51.100.255", Reserved::Documentation),
            ("203.0.113.0", Reserved::Documentation),
            ("198.19.255.255", Reserved::Benchmarking),
            ("192.88.99.1", Reserved::Relay),
            ("239.255.255.255", Reserved::Multicast),
            ("240.0.0.0", Reserved::Unallocated),
            ("255.255.255.254", Reserved::Unallocated),
            ("255.255.255.255", Reserved::Broadcast),
        ];
        for (text, reserved) in inside {
            assert_eq!(ipv4(text), Some(reserved), "{text}");
        }
        let outside = "1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 \
            169.253.255.255 172.15.255.255 172.32.0.0 192.0.0.9 192.0.0.10 192.0.1.0 192.0.3.0 192.88.98.255 \
            192.31.196.1 192.52.193.1 192.175.48.1 192.167.255.255 198.17.255.255 198.20.0.0 198.51.101.0 \
            203.0.112.255 223.255.255.255";
        for text in outside.split_whitespace() {
            assert_eq!(ipv4(text), None, "{text}");
        }
    }

    #[test]
    fn ipv6_blocks_begin_and_end_where_the_registry_says() {
        let inside = [
            ("::", Reserved::ThisNetwork),
            ("::1", Reserved::Loopback),
            ("::2", Reserved::Unallocated),
            ("::ffff:8.8.8.8", Reserved::Mapped),
            ("64:ff9b:1::1", Reserved::Translation),
            ("100::1", Reserved::Discard),
            ("100:0:0:1::1", Reserved::Discard),
            ("100:0:0:2::1", Reserved::Unallocated),
            ("2001:1::4", Reserved::ProtocolAssignment),
            ("2001:2::1", Reserved::Benchmarking),
            ("2001:10::1", Reserved::ProtocolAssignment),
            ("2001:db8:ffff::1", Reserved::Documentation),
            ("3fff:fff::1", Reserved::Documentation),
            ("5f00::1", Reserved::Segment),
            ("fdff::1", Reserved::Private),
            ("febf::1", Reserved::LinkLocal),
            ("fec0::1", Reserved::Unallocated),
            ("ff02::1", Reserved::Multicast),
            ("4000::1", Reserved::Unallocated),
            ("1fff::1", Reserved::Unallocated),
        ];
        for (text, reserved) in inside {
            assert_eq!(ipv6(text), Some(reserved), "{text}");
        }
        let outside = "64:ff9b::8.8.8.8 2001::1 2001:1::1 2001:3::1 2001:4:112::1 2001:20::1 2001:30::1 2001:200::1 \
            2001:db7:: 2001:db9:: 2002::1 2620:4f:8000::1 2a00::1 3ffe:: 3fff:1000::1";
        for text in outside.split_whitespace() {
            assert_eq!(ipv6(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_first_octet_rules_no_reserved_address_out(address in any::<u32>()) {
            prop_assert!(may_be(address) || of_ipv4(address).is_none());
        }
    }
}
