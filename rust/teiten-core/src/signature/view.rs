//! What the tests of a rule see of a packet.
//!
//! A packet is looked at as a whole or not at all: where a header states a length that is not there, the packet is
//! no evidence of what its payload would have held. A fragment is looked at as what it is, a packet without
//! transport header and payload, and the first fragment once more as the datagram it begins.

use crate::frame::LinkType;
use crate::packet::{Ip, Packet, Transport};
use crate::wire::ipv4::Ipv4;
use crate::wire::ipv6::Ipv6;
use crate::wire::link::look_through;

/// IP protocol numbers of the tunnels that are looked through (IANA registry of protocol numbers).
mod tunnel {
    /// IPv4 in IP (RFC 2003).
    pub(super) const IPV4: u8 = 4;
    /// IPv6 in IP (RFC 4213).
    pub(super) const IPV6: u8 = 41;
    /// GRE (RFC 2784).
    pub(super) const GRE: u8 = 47;
}

/// What few packets have: bits of [`View::marks`].
pub mod mark {
    /// IPv4's bit for more fragments, of a packet looked at as a fragment.
    pub const MORE_FRAGMENTS: u8 = 1;
    /// IPv4's bit against fragmentation.
    pub const DONT_FRAGMENT: u8 = 2;
    /// IPv4's reserved bit.
    pub const RESERVED: u8 = 4;
    /// All of IPv4's bits before the fragment offset.
    pub const FRAGMENT_BITS: u8 = 7;
    /// The header has IPv4 options.
    pub const OPTIONS: u8 = 8;
    /// Source and destination address are one.
    pub const SAME_ADDRESS: u8 = 16;
    /// The packet is looked at as a fragment.
    pub const FRAGMENT: u8 = 32;
    /// The packet is one of IPv4.
    pub const IPV4: u8 = 64;
}

/// Which rules a packet is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A TCP segment.
    Tcp,
    /// A UDP datagram.
    Udp,
    /// An ICMP or ICMPv6 message.
    Icmp,
    /// Another packet, fragments among them.
    Other,
}

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 4] = [Self::Tcp, Self::Udp, Self::Icmp, Self::Other];
}

/// One packet as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Its headers.
    pub packet: &'a Packet<'a>,
    /// Which rules it is held against.
    pub kind: Kind,
    /// The transport header and all that follows.
    pub segment: &'a [u8],
    /// What follows the transport header.
    pub payload: &'a [u8],
    /// Source and destination port; 0 where there are none.
    pub ports: (u16, u16),
    /// Whether it is looked at as a fragment.
    pub fragment: bool,
    /// Bits of [`mark`].
    pub marks: u8,
    /// IPv4 time to live or IPv6 hop limit.
    pub time_to_live: u8,
    more_fragments: bool,
    header: &'a [u8],
}

impl<'a> View<'a> {
    /// Views the packet that a frame of these bytes holds; `None` where one of its headers states a length that is not
    /// there, or is cut short.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a view is made for each packet, and never has to be moved"
    )]
    #[must_use]
    pub fn new(packet: &'a Packet<'a>, link: LinkType, bytes: &'a [u8]) -> Option<Self> {
        let header = header(link, bytes);
        let (segment, marks, time_to_live, more) = match &packet.ip {
            Ip::V4(ip) => {
                let segment = ip.payload();
                if ip.header_length() + segment.len() != usize::from(ip.total_length()) {
                    return None;
                }
                let bits = *header.get(6)? >> 5;
                let options = if ip.header_length() > 20 {
                    mark::OPTIONS
                } else {
                    0
                };
                let same = if ip.source() == ip.destination() {
                    mark::SAME_ADDRESS
                } else {
                    0
                };
                let more = bits & mark::MORE_FRAGMENTS != 0;
                (
                    segment,
                    mark::IPV4 | bits & !mark::MORE_FRAGMENTS | options | same,
                    *header.get(8)?,
                    more,
                )
            }
            Ip::V6(ip) => {
                let upper = ip.upper();
                if upper.stopped.is_some() || ip.payload().len() != usize::from(ip.payload_length())
                {
                    return None;
                }
                let same = if ip.source() == ip.destination() {
                    mark::SAME_ADDRESS
                } else {
                    0
                };
                let more = packet.protocol != ip.next_header() && more_fragments(ip);
                (upper.payload, same, *header.get(7)?, more)
            }
        };
        let mut view = Self {
            packet,
            kind: Kind::Other,
            segment,
            payload: &[],
            ports: (0, 0),
            fragment: false,
            marks,
            time_to_live,
            more_fragments: more,
            header,
        };
        match &packet.transport {
            Transport::Tcp(tcp) => {
                let length = usize::from(*segment.get(12)? >> 4) * 4;
                view.kind = Kind::Tcp;
                view.ports = (tcp.source_port(), tcp.destination_port());
                view.payload = segment.get(length..).filter(|_| length >= 20)?;
            }
            Transport::Udp(udp) => {
                let length = usize::from(u16::from_be_bytes([*segment.get(4)?, *segment.get(5)?]));
                view.kind = Kind::Udp;
                view.ports = (udp.source_port(), udp.destination_port());
                // RFC 768: the length counts the header; a first fragment has only part of it.
                view.payload = match segment.get(8..length) {
                    Some(payload) => payload,
                    None if length >= 8 && more => segment.get(8..)?,
                    None => return None,
                };
            }
            Transport::Icmp(_) | Transport::Icmpv6(_) => {
                view.kind = Kind::Icmp;
                view.payload = segment.get(8..)?;
            }
            Transport::LaterFragment => return view.as_fragment(),
            Transport::Other => view.payload = segment,
            Transport::Ports(_) | Transport::Cut => return None,
        }
        Some(view)
    }

    /// The packet as the fragment it is; `None` where it is whole.
    #[inline]
    #[must_use]
    pub fn as_fragment(&self) -> Option<Self> {
        let later = matches!(self.packet.transport, Transport::LaterFragment);
        if !(later || self.more_fragments) {
            return None;
        }
        let more = if self.more_fragments && self.ipv4().is_some() {
            mark::MORE_FRAGMENTS
        } else {
            0
        };
        Some(Self {
            kind: Kind::Other,
            segment: &[],
            payload: &[],
            ports: (0, 0),
            fragment: true,
            marks: self.marks | mark::FRAGMENT | more,
            ..*self
        })
    }

    /// The packet inside, where this one is a tunnel's, and its bytes.
    #[must_use]
    pub fn inside(&self) -> Option<(Packet<'a>, &'a [u8])> {
        let bytes = match self.packet.protocol {
            _ if self.kind != Kind::Other || self.fragment => return None,
            tunnel::IPV4 | tunnel::IPV6 => self.segment,
            tunnel::GRE => inside_gre(self.segment)?,
            _ => return None,
        };
        Some((Packet::from_bytes(LinkType::RawIp, bytes).ok()?, bytes))
    }

    /// Whether more fragments follow.
    #[inline]
    #[must_use]
    pub const fn more_fragments(&self) -> bool {
        self.more_fragments
    }

    /// A byte of the IP header, of its options too; 0 where there is none.
    #[must_use]
    pub fn header_byte(&self, offset: usize) -> u8 {
        self.header.get(offset).copied().unwrap_or(0)
    }

    /// The IPv4 options, as far as they were captured.
    #[must_use]
    pub fn ipv4_options(&self) -> &'a [u8] {
        match &self.packet.ip {
            Ip::V4(ip) => self
                .header()
                .get(20..ip.header_length())
                .unwrap_or_default(),
            Ip::V6(_) => &[],
        }
    }

    /// The bytes from the IP header on.
    #[must_use]
    pub const fn header(&self) -> &'a [u8] {
        self.header
    }

    /// The IPv4 header, if that is what it is.
    #[inline]
    #[must_use]
    pub const fn ipv4(&self) -> Option<&Ipv4<'a>> {
        match &self.packet.ip {
            Ip::V4(ip) => Some(ip),
            Ip::V6(_) => None,
        }
    }

    /// The IPv6 header, if that is what it is.
    #[inline]
    #[must_use]
    pub const fn ipv6(&self) -> Option<&Ipv6<'a>> {
        match &self.packet.ip {
            Ip::V4(_) => None,
            Ip::V6(ip) => Some(ip),
        }
    }

    /// A 16-bit number of the transport header; 0 where there is none.
    #[inline]
    #[must_use]
    pub fn half_at(&self, offset: usize) -> u16 {
        let bytes = self.segment.get(offset..).and_then(<[u8]>::first_chunk);
        u16::from_be_bytes(*bytes.unwrap_or(&[0; 2]))
    }

    /// A 32-bit number of the transport header; 0 where there is none.
    #[inline]
    #[must_use]
    pub fn word_at(&self, offset: usize) -> u32 {
        let bytes = self.segment.get(offset..).and_then(<[u8]>::first_chunk);
        u32::from_be_bytes(*bytes.unwrap_or(&[0; 4]))
    }

    /// TCP flags; 0 for other packets.
    #[inline]
    #[must_use]
    pub fn tcp_flags(&self) -> u8 {
        match &self.packet.transport {
            Transport::Tcp(tcp) if self.kind == Kind::Tcp => tcp.flags(),
            _ => 0,
        }
    }

    /// Identifier and sequence number of an ICMP message that has them.
    #[must_use]
    pub fn icmp_echo(&self) -> Option<(u16, u16)> {
        let kind = *self.segment.first()?;
        let has = match &self.packet.transport {
            _ if self.kind != Kind::Icmp => false,
            // RFC 792 (echo, timestamp, information), RFC 950 (address mask).
            Transport::Icmp(_) => matches!(kind, 0 | 8 | 13..=18),
            // RFC 4443 sections 4.1 and 4.2.
            Transport::Icmpv6(_) => matches!(kind, 128 | 129),
            _ => false,
        };
        has.then(|| (self.half_at(4), self.half_at(6)))
    }

    /// Maximum segment size among the TCP options (RFC 9293 section 3.2).
    #[must_use]
    pub fn segment_size(&self) -> Option<u16> {
        if self.kind != Kind::Tcp {
            return None;
        }
        let length = usize::from(*self.segment.get(12)? >> 4) * 4;
        let mut options = self.segment.get(20..length)?;
        loop {
            match options {
                [0, ..] | [] => return None,
                [1, rest @ ..] => options = rest,
                [2, 4, high, low, ..] => return Some(u16::from_be_bytes([*high, *low])),
                [_, length, ..] => options = options.get(usize::from(*length).max(2)..)?,
                [_] => return None,
            }
        }
    }
}

/// The bytes from the IP header on.
#[inline]
pub(super) fn header(link: LinkType, bytes: &[u8]) -> &[u8] {
    match link {
        LinkType::RawIp => bytes,
        link => look_through(link, bytes).map_or(&[], |carried| carried.bytes()),
    }
}

/// Whether an IPv6 fragment header says that more follow (RFC 8200 section 4.5).
fn more_fragments(ip: &Ipv6<'_>) -> bool {
    let (mut kind, mut rest) = (ip.next_header(), ip.payload());
    for _ in 0..crate::limits::MAX_IPV6_EXTENSIONS {
        match (kind, rest) {
            (44, [_, _, _, low, ..]) => return low & 1 != 0,
            (0 | 43 | 60, [next, length, ..]) => {
                kind = *next;
                rest = rest.get(usize::from(*length) * 8 + 8..).unwrap_or_default();
            }
            _ => return false,
        }
    }
    false
}

/// The IP packet behind a GRE header (RFC 2784, RFC 2890; version 0).
fn inside_gre(bytes: &[u8]) -> Option<&[u8]> {
    let [flags, version, high, low, ..] = bytes else {
        return None;
    };
    let carries_ip = matches!([*high, *low], [0x08, 0x00] | [0x86, 0xdd]);
    if !carries_ip || version & 7 != 0 || flags & 0x40 != 0 {
        return None;
    }
    let optional = [0x80, 0x20, 0x10]
        .iter()
        .filter(|flag| flags & **flag != 0)
        .count();
    bytes.get(4 + optional * 4..)
}
