//! Packets without payload, as the tables see them.

use crate::packet::{Ip, Packet, Transport};
use crate::signature::rule::{Field, Test};
use crate::wire::ipv4::Ipv4;
use crate::wire::tcp::Tcp;

/// A whole IPv4 packet of TCP or ICMP with neither options of IP nor payload, and not to its own source.
///
/// Fields are read where they lie as they are asked for: most packets need few, and none has to be moved.
pub(in crate::signature) trait Bare: Copy {
    /// Its IP header.
    fn ip(&self) -> Ipv4<'_>;
    /// TCP flags or ICMP type.
    fn first(&self) -> u8;
    /// TCP window or ICMP code.
    fn second(&self) -> u16;
    /// TCP source port; 0 of ICMP, as all that follow.
    fn source_port(&self) -> u16;
    fn destination_port(&self) -> u16;
    fn sequence(&self) -> u32;
    fn upper_half_of_sequence(&self) -> u16;
    fn acknowledgement(&self) -> u32;
}

/// Such a packet of TCP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BareTcp<'a> {
    ip: &'a [u8; 20],
    tcp: &'a [u8; 20],
}

/// Such a packet of ICMP.
#[derive(Clone, Copy, Debug)]
pub(in crate::signature) struct BareIcmp<'a> {
    ip: &'a [u8; 20],
    kind: u8,
    code: u8,
}

/// Whether the packet is a header of IP without options, not of a fragment, and so many bytes behind it.
#[inline]
fn is_whole(ip: &Ipv4<'_>, length: usize) -> bool {
    ip.header_length() == 20
        && usize::from(ip.total_length()) == 20 + length
        && !ip.is_fragment()
        && ip.source() != ip.destination()
}

impl<'a> BareTcp<'a> {
    /// The packet, if it is one of these.
    #[inline]
    pub(in crate::signature) fn of(packet: &Packet<'a>) -> Option<Self> {
        match (&packet.ip, &packet.transport) {
            (Ip::V4(ip), Transport::Tcp(tcp))
                if tcp.header_length() == tcp.length() && is_whole(ip, tcp.length()) =>
            {
                Some(Self::of_headers(ip.header(), tcp.header()))
            }
            _ => None,
        }
    }

    /// The packet of these headers, which must be one of these.
    #[inline]
    pub(crate) const fn of_headers(ip: &'a [u8; 20], tcp: &'a [u8; 20]) -> Self {
        Self { ip, tcp }
    }

    /// Whether it is clear from the headers alone that it does not pass all tests.
    pub(in crate::signature) fn fails(self, tests: &[Test]) -> bool {
        let needs_options = |test: &Test| matches!(test, Test::Number(Field::SegmentSize, _));
        self.tcp().header_length() == 20 && tests.iter().any(needs_options)
    }

    #[inline]
    const fn tcp(&self) -> Tcp<'a> {
        Tcp::of_parts(self.tcp, &[])
    }
}

impl<'a> BareIcmp<'a> {
    /// The packet, if it is one of these.
    #[inline]
    pub(in crate::signature) fn of(packet: &Packet<'a>) -> Option<Self> {
        match (&packet.ip, &packet.transport) {
            (Ip::V4(ip), Transport::Icmp(icmp)) if icmp.length() == 8 && is_whole(ip, 8) => {
                Some(Self {
                    ip: ip.header(),
                    kind: icmp.kind(),
                    code: icmp.code()?,
                })
            }
            _ => None,
        }
    }
}

impl Bare for BareTcp<'_> {
    #[inline]
    fn ip(&self) -> Ipv4<'_> {
        Ipv4::of_parts(self.ip, &[])
    }

    #[inline]
    fn first(&self) -> u8 {
        self.tcp().flags()
    }

    #[inline]
    fn second(&self) -> u16 {
        self.tcp().window()
    }

    #[inline]
    fn source_port(&self) -> u16 {
        self.tcp().source_port()
    }

    #[inline]
    fn destination_port(&self) -> u16 {
        self.tcp().destination_port()
    }

    #[inline]
    fn sequence(&self) -> u32 {
        self.tcp().sequence()
    }

    #[inline]
    fn upper_half_of_sequence(&self) -> u16 {
        self.tcp().upper_half_of_sequence()
    }

    #[inline]
    fn acknowledgement(&self) -> u32 {
        self.tcp().acknowledgement()
    }
}

impl Bare for BareIcmp<'_> {
    #[inline]
    fn ip(&self) -> Ipv4<'_> {
        Ipv4::of_parts(self.ip, &[])
    }

    #[inline]
    fn first(&self) -> u8 {
        self.kind
    }

    #[inline]
    fn second(&self) -> u16 {
        self.code.into()
    }

    #[inline]
    fn source_port(&self) -> u16 {
        0
    }

    #[inline]
    fn destination_port(&self) -> u16 {
        0
    }

    #[inline]
    fn sequence(&self) -> u32 {
        0
    }

    #[inline]
    fn upper_half_of_sequence(&self) -> u16 {
        0
    }

    #[inline]
    fn acknowledgement(&self) -> u32 {
        0
    }
}
