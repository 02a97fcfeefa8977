//! What may be wrong with a packet's headers, under Suricata's names of decoder events.
//!
//! A frame without an IP header has no source to report: events show at or behind the outermost IP header, within tunnels,
//! and before it as far as it can still be read.

mod internet;
mod link;
#[cfg(test)]
mod tests;
mod transport;
mod tunnel;

use super::view::header;
use crate::frame::{Frame, LinkType};
use crate::packet::{Ip, Packet, protocol};

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
                    events |= internet::ipv4_options(options.unwrap_or_default());
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
            Ip::V6(ip) => internet::ipv6(ip),
        };
        self.events |= events;
        // What is missing is no evidence of what it would have held.
        if !whole || events & (IPV4_TRUNCATED | IPV4_LENGTH | IPV6_TRUNCATED) != 0 {
            return;
        }
        let carried = match (packet.protocol, &packet.ip) {
            (protocol::TCP, _) => transport::tcp(segment),
            (protocol::UDP, _) => transport::udp(segment),
            (protocol::ICMP, Ip::V4(_)) => transport::icmpv4(segment),
            (protocol::ICMPV6, Ip::V6(_)) => {
                transport::icmpv6(segment, header.get(7).copied().unwrap_or(0))
            }
            (tunnel::GRE, _) => transport::gre(segment),
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
