//! What may be wrong with headers of link layers: those before the outermost IP header, and those within a tunnel.
//!
//! Before the outermost IP header only what leaves it readable shows, or there would be no sender. Behind it, GRE carries
//! frames of Ethernet, tags, labels and PPP (RFC 2784 section 2.1, RFC 1701, RFC 2637), and all of them show.

use super::{
    BACKBONE_SHORT, DCE_SHORT, ETHERNET_SHORT, ETHERNET_TYPE, MPLS_IMPLICIT_NULL, MPLS_PAYLOAD,
    MPLS_RESERVED, MPLS_ROUTER_ALERT, MPLS_SHORT, MPLS_STACK_SHORT, PPP_IPV4_SHORT, PPP_IPV6_SHORT,
    PPP_SHORT, PPP_TYPE, PPP_UNSUPPORTED, PPP_VJ_SHORT, PPPOE_CODE, PPPOE_SHORT, PPPOE_TAGS,
    VLAN_DEPTH, VLAN_SHORT, VLAN_TYPE, VNTAG_SHORT, VNTAG_TYPE, Version, Walk,
};
use crate::wire::ethernet::ether_type;
use crate::wire::pppoe::Pppoe;

/// Ethernet types this crate does not look through to a sender (IEEE registry of `EtherType` values).
mod other_type {
    /// Tag of a virtual network interface (IEEE 802.1Qbh, in the networks of data centres).
    pub(super) const VNTAG: u16 = 0x8926;
    /// Service instance tag of a provider's backbone (IEEE 802.1Q, once 802.1ah).
    pub(super) const BACKBONE: u16 = 0x88e7;
    /// Cisco's header of data centres.
    pub(super) const DCE: u16 = 0x8903;
    /// Network service header (RFC 8300 section 11.1).
    pub(super) const SERVICE: u16 = 0x894f;
}

/// VLAN tags that a frame may stack: QinQ has two, a third is seen in practice.
pub(super) const MAX_TAGS: u8 = 3;

/// Protocol numbers of PPP (IANA registry) that carry no IP in the clear, but that are known ones: `OSI`, `DECnet`,
/// `AppleTalk`, IPX, compressed TCP, bridging, `VINES`, MPLS, their control protocols, and those of the link itself.
const PPP_OTHERS: [u16; 28] = [
    0x0023, 0x0025, 0x0027, 0x0029, 0x002b, 0x002d, 0x0031, 0x0033, 0x0035, 0x0201, 0x0231, 0x0233,
    0x0281, 0x0283, 0x8021, 0x8023, 0x8025, 0x8027, 0x8029, 0x802b, 0x8033, 0x8035, 0x8057, 0x8281,
    0xc021, 0xc023, 0xc025, 0xc223,
];

/// PPP's number of TCP with Van Jacobson's compression whose header is whole (RFC 1332 section 2).
const PPP_VAN_JACOBSON: u16 = 0x002f;

impl Walk {
    /// Walks through a frame of Ethernet; what it carries is walked through by `by_type`.
    pub(super) fn ethernet(&mut self, bytes: &[u8]) {
        let Some(kind) = bytes.get(12..14) else {
            self.events |= ETHERNET_SHORT;
            return;
        };
        let kind = u16::from_be_bytes([kind[0], kind[1]]);
        self.by_type(kind, bytes.get(14..).unwrap_or_default(), ETHERNET_TYPE);
    }

    /// Walks through what an Ethernet type names; `unknown` is the event of one that is not known.
    pub(super) fn by_type(&mut self, kind: u16, bytes: &[u8], unknown: u128) {
        if !self.enter() {
            return;
        }
        match kind {
            ether_type::IPV4 => self.ip(bytes, Version::Four),
            ether_type::IPV6 => self.ip(bytes, Version::Six),
            ether_type::VLAN | ether_type::SERVICE_VLAN | ether_type::OLD_SERVICE_VLAN => {
                self.tag(bytes);
            }
            ether_type::MPLS | ether_type::MPLS_UPSTREAM => self.labels(bytes),
            ether_type::PPPOE_DISCOVERY => self.discovery(bytes),
            ether_type::PPPOE_SESSION => self.session(bytes),
            other_type::VNTAG => self.virtual_tag(bytes),
            other_type::BACKBONE => match bytes.get(4..) {
                // A tag of 4 bytes, then a frame of the customer's.
                Some(frame) if frame.len() >= 14 => self.ethernet(frame),
                _ => self.events |= BACKBONE_SHORT,
            },
            other_type::DCE => match bytes.get(2..) {
                Some(frame) if frame.len() >= 14 => self.ethernet(frame),
                _ => self.events |= DCE_SHORT,
            },
            // Lengths of IEEE 802.3, and what carries no IP by its nature.
            0..=ether_type::MAX_LENGTH | ether_type::ARP | other_type::SERVICE => {}
            _ => self.events |= unknown,
        }
    }

    /// IEEE 802.1Q section 9.6.
    fn tag(&mut self, bytes: &[u8]) {
        let [_, _, high, low, rest @ ..] = bytes else {
            self.events |= VLAN_SHORT;
            return;
        };
        self.tags = self.tags.saturating_add(1);
        if self.tags > MAX_TAGS {
            self.events |= VLAN_DEPTH;
        }
        self.by_type(u16::from_be_bytes([*high, *low]), rest, VLAN_TYPE);
    }

    /// Four bytes, then a type.
    fn virtual_tag(&mut self, bytes: &[u8]) {
        let [_, _, _, _, high, low, rest @ ..] = bytes else {
            self.events |= VNTAG_SHORT;
            return;
        };
        self.by_type(u16::from_be_bytes([*high, *low]), rest, VNTAG_TYPE);
    }

    /// A stack of labels (RFC 3032 section 2.1), whose last one says what may follow.
    pub(super) fn labels(&mut self, mut bytes: &[u8]) {
        let (label, rest) = loop {
            let [first, second, third, _, rest @ ..] = bytes else {
                self.events |= MPLS_SHORT;
                return;
            };
            if third & 1 == 1 {
                break (u32::from_be_bytes([0, *first, *second, *third]) >> 4, rest);
            }
            bytes = rest;
        };
        match label {
            0 => return self.ip(rest, Version::Four),
            2 => return self.ip(rest, Version::Six),
            // Anywhere but at the bottom; nowhere in a stack.
            1 => self.events |= MPLS_ROUTER_ALERT,
            3 => self.events |= MPLS_IMPLICIT_NULL,
            // Set aside (RFC 3032 section 2.1), 15 for what it extends (RFC 7274 section 3).
            4..=14 => self.events |= MPLS_RESERVED,
            _ => {}
        }
        match rest {
            _ if rest.len() < 4 => self.events |= MPLS_STACK_SHORT,
            // The version of IP is the common guess (RFC 4928 section 2), 0 a control word's (RFC 4385 section 3).
            [first, ..] => match first >> 4 {
                4 => self.ip(rest, Version::Four),
                6 => self.ip(rest, Version::Six),
                0 => {}
                _ if label > 14 => self.events |= MPLS_PAYLOAD,
                _ => {}
            },
            [] => {}
        }
    }

    /// RFC 2516 section 4: version and type, code, session, length; in a session, PPP follows.
    fn session(&mut self, bytes: &[u8]) {
        match bytes {
            [_, _, _, _, high, low, frame @ ..] if frame.len() >= 2 => {
                if [*high, *low] != [0, 0] {
                    self.ppp(frame);
                }
            }
            _ => self.events |= PPPOE_SHORT,
        }
    }

    /// RFC 2516 section 5 and appendix A.
    fn discovery(&mut self, bytes: &[u8]) {
        let [_, code, _, _, high, low, rest @ ..] = bytes else {
            self.events |= PPPOE_SHORT;
            return;
        };
        // Offer, initiation, session request and confirmation, termination.
        if !matches!(code, 0x07 | 0x09 | 0x19 | 0x65 | 0xa7) {
            self.events |= PPPOE_CODE;
            return;
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(mut tags) = rest.get(..length) else {
            self.events |= PPPOE_TAGS;
            return;
        };
        while let [_, _, high, low, rest @ ..] = tags {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let Some(behind) = rest.get(length..) else {
                self.events |= PPPOE_TAGS;
                return;
            };
            tags = behind;
        }
        if !tags.is_empty() {
            self.events |= PPPOE_TAGS;
        }
    }

    /// A frame of PPP (RFC 1661 section 2): address and control, unless left out (RFC 1662 section 3.1), then a protocol
    /// number, of one byte where its last bit is set (RFC 1661 section 6.5).
    pub(super) fn ppp(&mut self, bytes: &[u8]) {
        let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
        let (protocol, rest) = match bytes {
            [only, rest @ ..] if only & 1 == 1 => (u16::from(*only), rest),
            [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
            _ => {
                self.events |= PPP_SHORT;
                return;
            }
        };
        match protocol {
            Pppoe::IPV4 if rest.len() < 20 => self.events |= PPP_IPV4_SHORT,
            Pppoe::IPV4 => self.ip(rest, Version::Four),
            Pppoe::IPV6 if rest.len() < 40 => self.events |= PPP_IPV6_SHORT,
            Pppoe::IPV6 => self.ip(rest, Version::Six),
            // A header of IPv4 whose protocol number says which connection it is (RFC 1144 section 3.2.2).
            PPP_VAN_JACOBSON if rest.len() < 20 => self.events |= PPP_VJ_SHORT,
            PPP_VAN_JACOBSON => {}
            other if PPP_OTHERS.contains(&other) => self.events |= PPP_UNSUPPORTED,
            _ => self.events |= PPP_TYPE,
        }
    }
}
