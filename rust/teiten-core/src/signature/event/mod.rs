//! What may be wrong with a packet's headers, under Suricata's names of decoder events.
//!
//! A frame without an IP header has no source to report: events show at or behind the outermost IP header, within tunnels,
//! and before it as far as it can still be read.

mod link;
#[cfg(test)]
mod tests;
mod tunnel;

use super::view::header;
use crate::frame::{Frame, LinkType};
use crate::packet::{Ip, Packet, protocol};
use crate::wire::ipv6::Ipv6;

/// Declares events: constant, name.
macro_rules! events {
    ($($constant:ident $name:literal,)+) => {
        #[expect(non_camel_case_types, reason = "read as constants")]
        #[derive(Clone, Copy)]
        enum Bit { $($constant,)+ }

        /// Names of the events, in the order of their bits.
        const NAMES: &[&str] = &[$($name,)+];

        $(const $constant: u128 = 1 << Bit::$constant as u32;)+
    };
}

events! {
    IPV4_SHORT "ipv4.pkt_too_small",
    IPV4_HEADER_LENGTH "ipv4.hlen_too_small",
    IPV4_VERSION "ipv4.wrong_ip_version",
    IPV4_TRUNCATED "ipv4.trunc_pkt",
    IPV4_LENGTH "ipv4.iplen_smaller_than_hlen",
    IPV4_OPTION_INVALID "ipv4.opt_invalid",
    IPV4_OPTION_LENGTH "ipv4.opt_invalid_len",
    IPV4_OPTION_MALFORMED "ipv4.opt_malformed",
    IPV4_OPTION_UNKNOWN "ipv4.opt_unknown",
    IPV4_OPTION_DUPLICATE "ipv4.opt_duplicate",
    IPV4_OPTION_PAD "ipv4.opt_pad_required",
    IPV4_OPTION_LAST "ipv4.opt_eol_required",
    IPV4_ICMPV6 "ipv4.icmpv6",
    IPV4_FRAGMENT_TOO_LARGE "ipv4.frag_pkt_too_large",
    IPV6_SHORT "ipv6.pkt_too_small",
    IPV6_VERSION "ipv6.wrong_ip_version",
    IPV6_TRUNCATED "ipv6.trunc_pkt",
    IPV6_EXTENSION_TRUNCATED "ipv6.trunc_exthdr",
    IPV6_ICMPV4 "ipv6.icmpv4",
    IPV6_ROUTING_0 "ipv6.rh_type_0",
    IPV6_DUPLICATE_FRAGMENT "ipv6.exthdr_dupl_fh",
    IPV6_USELESS_FRAGMENT "ipv6.exthdr_useless_fh",
    IPV6_DUPLICATE_ROUTING "ipv6.exthdr_dupl_rh",
    IPV6_DUPLICATE_HOP "ipv6.exthdr_dupl_hh",
    IPV6_DUPLICATE_DESTINATION "ipv6.exthdr_dupl_dh",
    IPV6_DUPLICATE_AUTHENTICATION "ipv6.exthdr_dupl_ah",
    IPV6_AUTHENTICATION_RESERVED "ipv6.exthdr_ah_res_not_null",
    IPV6_FRAGMENT_RESERVED "ipv6.fh_non_zero_reserved_field",
    IPV6_FRAGMENT_LENGTH "ipv6.frag_invalid_length",
    IPV6_FRAGMENT_TOO_LARGE "ipv6.frag_pkt_too_large",
    IPV6_DATA_AFTER_NONE "ipv6.data_after_none_header",
    IPV6_UNKNOWN_NEXT "ipv6.unknown_next_header",
    IPV6_HOP_UNKNOWN "ipv6.hopopts_unknown_opt",
    IPV6_HOP_PADDING "ipv6.hopopts_only_padding",
    IPV6_DESTINATION_UNKNOWN "ipv6.dstopts_unknown_opt",
    IPV6_DESTINATION_PADDING "ipv6.dstopts_only_padding",
    IPV6_OPTION_LENGTH "ipv6.exthdr_invalid_optlen",
    IPV6_ZERO_PADDING "ipv6.zero_len_padn",
    IPV4_IN_IPV6_SHORT "ipv6.ipv4_in_ipv6_too_small",
    IPV4_IN_IPV6_VERSION "ipv6.ipv4_in_ipv6_wrong_version",
    IPV6_IN_IPV6_SHORT "ipv6.ipv6_in_ipv6_too_small",
    IPV6_IN_IPV6_VERSION "ipv6.ipv6_in_ipv6_wrong_version",
    ICMPV4_SHORT "icmpv4.pkt_too_small",
    ICMPV4_TYPE "icmpv4.unknown_type",
    ICMPV4_CODE "icmpv4.unknown_code",
    ICMPV4_INNER_SHORT "icmpv4.ipv4_trunc_pkt",
    ICMPV4_INNER_VERSION "icmpv4.ipv4_unknown_ver",
    ICMPV6_SHORT "icmpv6.pkt_too_small",
    ICMPV6_TYPE "icmpv6.unknown_type",
    ICMPV6_CODE "icmpv6.unknown_code",
    ICMPV6_EXPERIMENT "icmpv6.experimentation_type",
    ICMPV6_UNASSIGNED "icmpv6.unassigned_type",
    ICMPV6_INNER_SHORT "icmpv6.ipv6_trunc_pkt",
    ICMPV6_INNER_VERSION "icmpv6.ipv6_unknown_version",
    ICMPV6_MLD_HOP_LIMIT "icmpv6.mld_message_with_invalid_hl",
    TCP_SHORT "tcp.pkt_too_small",
    TCP_HEADER_LENGTH "tcp.hlen_too_small",
    TCP_OPTION_END "tcp.invalid_optlen",
    TCP_OPTION_LENGTH "tcp.opt_invalid_len",
    TCP_OPTION_DUPLICATE "tcp.opt_duplicate",
    UDP_SHORT "udp.pkt_too_small",
    UDP_HEADER "udp.hlen_too_small",
    UDP_LENGTH "udp.len_invalid",
    GRE_SHORT "gre.pkt_too_small",
    GRE_VERSION "gre.wrong_version",
    GRE0_RECURSION "gre.version0_recur",
    GRE0_FLAGS "gre.version0_flags",
    GRE0_LENGTH "gre.version0_hdr_too_big",
    GRE1_CHECKSUM "gre.version1_chksum",
    GRE1_ROUTING "gre.version1_route",
    GRE1_SOURCE_ROUTE "gre.version1_ssr",
    GRE1_RECURSION "gre.version1_recur",
    GRE1_FLAGS "gre.version1_flags",
    GRE1_NO_KEY "gre.version1_no_key",
    GRE1_PROTOCOL "gre.version1_wrong_protocol",
    GRE1_LENGTH "gre.version1_hdr_too_big",
    ETHERNET_SHORT "ethernet.pkt_too_small",
    ETHERNET_TYPE "ethernet.unknown_ethertype",
    VLAN_SHORT "vlan.header_too_small",
    VLAN_TYPE "vlan.unknown_type",
    VLAN_DEPTH "vlan.too_many_layers",
    VNTAG_SHORT "vntag.header_too_small",
    VNTAG_TYPE "vntag.unknown_type",
    BACKBONE_SHORT "ieee8021ah.header_too_small",
    DCE_SHORT "dce.pkt_too_small",
    MPLS_SHORT "mpls.header_too_small",
    MPLS_STACK_SHORT "mpls.pkt_too_small",
    MPLS_ROUTER_ALERT "mpls.bad_label_router_alert",
    MPLS_IMPLICIT_NULL "mpls.bad_label_implicit_null",
    MPLS_RESERVED "mpls.bad_label_reserved",
    MPLS_PAYLOAD "mpls.unknown_payload_type",
    PPPOE_SHORT "pppoe.pkt_too_small",
    PPPOE_CODE "pppoe.wrong_code",
    PPPOE_TAGS "pppoe.malformed_tags",
    PPP_SHORT "ppp.pkt_too_small",
    PPP_VJ_SHORT "ppp.vju_pkt_too_small",
    PPP_IPV4_SHORT "ppp.ip4_pkt_too_small",
    PPP_IPV6_SHORT "ppp.ip6_pkt_too_small",
    PPP_TYPE "ppp.wrong_type",
    PPP_UNSUPPORTED "ppp.unsup_proto",
    ERSPAN_SHORT "erspan.header_too_small",
    ERSPAN_VERSION "erspan.unsupported_version",
    ERSPAN_DEPTH "erspan.too_many_vlan_layers",
    LAYERS_DEPTH "too_many_layers",
    CAPTURE_CUT "afpacket.trunc_pkt",
}

/// The bit of an event.
#[must_use]
pub fn number(name: &str) -> Option<u8> {
    NAMES
        .iter()
        .position(|known| *known == name)
        .and_then(|bit| u8::try_from(bit).ok())
}

/// Why an event has no bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// It is of frames without an IP header, which name no sender.
    Sender,
    /// It is found by what this engine does not do; why, for a person.
    Unsupported(&'static str),
}

/// Why an event without a bit is none that a rule can ask for.
#[must_use]
pub fn absence(name: &str) -> Absence {
    match name {
        // Headers that stand before everything, put there by the capture or the line: no tunnel carries them, and where
        // they cannot be read there is nothing behind them.
        "sll.pkt_too_small"
        | "sll2.pkt_too_small"
        | "ltnull.pkt_too_small"
        | "ltnull.unsupported_type"
        | "chdlc.pkt_too_small"
        | "ipraw.invalid_ip_version" => Absence::Sender,
        "ipv4.frag_overlap" | "ipv6.frag_overlap" | "ipv4.frag_ignored" | "ipv6.frag_ignored" => {
            Absence::Unsupported("is found by putting fragments together, which is not done")
        }
        // An ESP header hides what follows it (RFC 4303 section 2).
        "ipv6.exthdr_dupl_eh" => Absence::Unsupported("lies behind encryption"),
        // Its routing bit must be 0 (RFC 2637 section 4.1), and is an event itself.
        "gre.version1_malformed_sre_hdr" => {
            Absence::Unsupported("is of source routes, which version 1 of GRE has not")
        }
        _ => Absence::Unsupported("is of a layer the engine does not look at"),
    }
}

/// Headers that a frame may stack, from the link's to the last packet's; behind them nothing is looked at.
///
/// Suricata's bound, and its count: of GRE, the header and the tunnel it makes are one each.
const MAX_LAYERS: u8 = 16;

/// Which version of IP a header before says that follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Four,
    Six,
}

/// A walk through a frame's headers: each layer once, to a bounded depth.
#[derive(Debug, Default)]
struct Walk {
    events: u128,
    layers: u8,
    /// VLAN tags before the packet at hand, and before the one that carries it.
    tags: u8,
    tags_around: u8,
    /// Whether a packet of IP was come to.
    arrived: bool,
}

/// Bits of the events that a frame shows.
#[must_use]
pub(super) fn of(packet: &Packet<'_>, frame: &Frame<'_>) -> u128 {
    let mut walk = Walk::default();
    walk.enter();
    if frame.link == LinkType::Ethernet {
        walk.ethernet(frame.bytes);
    }
    // Other links say no more than which IP follows; of Ethernet, LLC leads to IP, too.
    if !walk.arrived {
        walk.packet(packet, header(frame.link, frame.bytes));
    }
    if frame.wire_length as usize > frame.bytes.len() {
        walk.events |= CAPTURE_CUT;
    }
    walk.events
}

impl Walk {
    /// Counts a layer; false where there are too many.
    const fn enter(&mut self) -> bool {
        if self.layers >= MAX_LAYERS {
            self.events |= LAYERS_DEPTH;
            return false;
        }
        self.layers += 1;
        true
    }

    /// Walks through what is said to be a packet of IP.
    fn ip(&mut self, bytes: &[u8], said: Version) {
        let (length, number, short, other) = match said {
            Version::Four => (20, 4, IPV4_SHORT, IPV4_VERSION),
            Version::Six => (40, 6, IPV6_SHORT, IPV6_VERSION),
        };
        let shown = inside(bytes, number, length, short, other);
        if shown != 0 {
            self.events |= shown;
            return;
        }
        match Packet::from_bytes(LinkType::RawIp, bytes) {
            Ok(packet) => self.packet(&packet, bytes),
            Err(_) => self.events |= IPV4_HEADER_LENGTH,
        }
    }

    /// Walks through a packet whose header begins these bytes.
    fn packet(&mut self, packet: &Packet<'_>, header: &[u8]) {
        self.arrived = true;
        self.tags_around = std::mem::take(&mut self.tags);
        let (segment, events, whole) = match &packet.ip {
            Ip::V4(ip) => {
                let stated = usize::from(ip.total_length());
                let segment = ip.payload();
                let mut events = 0;
                if stated < ip.header_length() {
                    events |= IPV4_LENGTH;
                } else if ip.header_length() + segment.len() < stated {
                    events |= IPV4_TRUNCATED;
                }
                if ip.header_length() > 20 {
                    let options = header.get(20..ip.header_length());
                    events |= ipv4_options(options.unwrap_or_default());
                }
                if packet.protocol == protocol::ICMPV6 {
                    events |= IPV4_ICMPV6;
                }
                let offset = usize::from(ip.fragment_offset()) * 8;
                // A datagram has at most 65,535 bytes (RFC 791 section 3.1).
                if offset + stated > 65_535 {
                    events |= IPV4_FRAGMENT_TOO_LARGE;
                }
                let fragment = offset > 0 || header.get(6).is_some_and(|bits| bits & 0x20 != 0);
                (segment, events, !fragment)
            }
            Ip::V6(ip) => ipv6(ip),
        };
        self.events |= events;
        // What is missing is no evidence of what it would have held.
        if !whole || events & (IPV4_TRUNCATED | IPV4_LENGTH | IPV6_TRUNCATED) != 0 {
            return;
        }
        let carried = match (packet.protocol, &packet.ip) {
            (protocol::TCP, _) => tcp(segment),
            (protocol::UDP, _) => udp(segment),
            (protocol::ICMP, Ip::V4(_)) => icmpv4(segment),
            (protocol::ICMPV6, Ip::V6(_)) => icmpv6(segment, header.get(7).copied().unwrap_or(0)),
            (tunnel::GRE, _) => gre(segment),
            (tunnel::IPV4, Ip::V6(_)) => {
                inside(segment, 4, 20, IPV4_IN_IPV6_SHORT, IPV4_IN_IPV6_VERSION)
            }
            (tunnel::IPV6, Ip::V6(_)) => {
                inside(segment, 6, 40, IPV6_IN_IPV6_SHORT, IPV6_IN_IPV6_VERSION)
            }
            _ => 0,
        };
        self.events |= carried;
        if carried == 0 {
            self.tunnel(packet.protocol, segment);
        }
    }
}

/// A header of an IP packet inside another.
fn inside(bytes: &[u8], version: u8, length: usize, short: u128, other: u128) -> u128 {
    match bytes.first() {
        _ if bytes.len() < length => short,
        Some(first) if first >> 4 != version => other,
        _ => 0,
    }
}

/// RFC 791 section 3.1; option numbers of the IANA registry.
///
/// Padding is asked for as Suricata asks for it: the options together are no multiple of 8 bytes.
fn ipv4_options(mut options: &[u8]) -> u128 {
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
fn ipv6<'a>(ip: &Ipv6<'a>) -> (&'a [u8], u128, bool) {
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
    // Numbers 143 to 252 are not assigned (IANA registry of protocol numbers), 253 and 254 for experiments.
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

/// RFC 9293 section 3.1; which event a wrong length is, is Suricata's choice.
fn tcp(segment: &[u8]) -> u128 {
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
fn udp(segment: &[u8]) -> u128 {
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
fn icmpv4(segment: &[u8]) -> u128 {
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
fn icmpv6(segment: &[u8], hop_limit: u8) -> u128 {
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
fn gre(segment: &[u8]) -> u128 {
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
