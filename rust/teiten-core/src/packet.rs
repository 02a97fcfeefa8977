//! One borrowed view of all headers of a frame.
//!
//! [`Packet::new`] goes as far as it can: once the outermost IP header is readable the packet can be counted, and
//! [`Packet::stopped`] says where and why a later header could not be read.

use crate::frame::{Frame, LinkType};
use crate::wire::icmp::Icmp;
use crate::wire::ipv4::Ipv4;
use crate::wire::ipv6::Ipv6;
use crate::wire::link::{Carried, look_through};
use crate::wire::tcp::Tcp;
use crate::wire::udp::{Ports, Udp};
use crate::wire::{Malformed, Reason};

/// Protocol numbers that have a key of their own (IANA registry of protocol numbers).
pub mod protocol {
    /// ICMP, over IPv4 only.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMPv6, over IPv6 only.
    pub const ICMPV6: u8 = 58;
}

/// The outermost IP header.
#[derive(Clone, Copy, Debug)]
pub enum Ip<'a> {
    /// IPv4.
    V4(Ipv4<'a>),
    /// IPv6.
    V6(Ipv6<'a>),
}

impl Ip<'_> {
    /// Length of the packet in bytes, as its header states it.
    #[inline]
    #[must_use]
    pub fn stated_length(&self) -> u32 {
        match self {
            Self::V4(ip) => u32::from(ip.total_length()),
            Self::V6(ip) => 40 + u32::from(ip.payload_length()),
        }
    }
}

/// What the IP packet carries, as far as it could be read.
#[derive(Clone, Copy, Debug)]
pub enum Transport<'a> {
    /// A TCP segment.
    Tcp(Tcp<'a>),
    /// A UDP datagram.
    Udp(Udp<'a>),
    /// An ICMP message over IPv4.
    Icmp(Icmp<'a>),
    /// An ICMPv6 message over IPv6.
    Icmpv6(Icmp<'a>),
    /// TCP or UDP, cut short behind the ports.
    Ports(Ports<'a>),
    /// TCP, UDP, ICMP or ICMPv6, cut short before port or type.
    Cut,
    /// A fragment other than the first: it has no such header.
    LaterFragment,
    /// Another protocol, or IPv6 extension headers cut short.
    Other,
}

/// The headers of one frame.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Where the outermost IP header begins, in bytes from the start of the frame.
    pub offset: usize,
    /// The outermost IP header.
    pub ip: Ip<'a>,
    /// Whether this is a fragment with others behind it.
    pub more_fragments: bool,
    /// Protocol behind IPv4, or behind IPv6's extension headers.
    pub protocol: u8,
    /// What the packet carries.
    pub transport: Transport<'a>,
    /// Where and why reading stopped behind the IP header, if it did; the place lies behind the frame's end where
    /// the length of a header leads there.
    pub stopped: Option<Malformed>,
}

impl<'a> Packet<'a> {
    /// Views the headers of a frame.
    ///
    /// # Errors
    ///
    /// Where and why no IP header could be read.
    #[inline]
    pub fn new(frame: &Frame<'a>) -> Result<Self, Malformed> {
        Self::from_bytes(frame.link, frame.bytes)
    }

    /// Views the headers of the frame that `bytes` hold.
    ///
    /// # Errors
    ///
    /// Where and why no IP header could be read.
    #[inline]
    pub fn from_bytes(link: LinkType, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let carried = look_through(link, bytes)?;
        let offset = bytes.len() - carried.bytes().len();
        let here = |reason| Malformed { reason, offset };
        let ipv4 = |packet| Ok(Self::over_ipv4(Ipv4::new(packet).map_err(here)?, offset));
        let ipv6 = |packet| Ok(Self::over_ipv6(Ipv6::new(packet).map_err(here)?, offset));
        match carried {
            Carried::Ipv4(packet) => ipv4(packet),
            Carried::Ipv6(packet) => ipv6(packet),
            Carried::Ip(packet) => match packet.first().map(|first| first >> 4) {
                Some(4) => ipv4(packet),
                Some(6) => ipv6(packet),
                Some(_) => Err(here(Reason::IpVersion)),
                None => Err(here(Reason::IpShort)),
            },
        }
    }

    #[inline]
    fn over_ipv4(ip: Ipv4<'a>, offset: usize) -> Self {
        let protocol = ip.protocol();
        let payload = ip.payload();
        let read = if ip.fragment_offset() > 0 {
            Ok(Transport::LaterFragment)
        } else {
            match protocol {
                protocol::TCP => tcp(payload),
                protocol::UDP => udp(payload),
                protocol::ICMP => Icmp::new(payload).map(Transport::Icmp).map_err(cut),
                _ => Ok(Transport::Other),
            }
        };
        let behind = ip.header_length();
        Self {
            more_fragments: ip.more_fragments(),
            ..Self::assemble(Ip::V4(ip), protocol, read, offset, behind)
        }
    }

    fn over_ipv6(ip: Ipv6<'a>, offset: usize) -> Self {
        let upper = ip.upper();
        let payload = upper.payload;
        let read = match (upper.stopped, upper.protocol) {
            (Some(reason), _) => Err((Transport::Other, reason)),
            _ if upper.later_fragment => Ok(Transport::LaterFragment),
            (_, protocol::TCP) => tcp(payload),
            (_, protocol::UDP) => udp(payload),
            (_, protocol::ICMPV6) => Icmp::new(payload).map(Transport::Icmpv6).map_err(cut),
            _ => Ok(Transport::Other),
        };
        Self {
            more_fragments: upper.more_fragments,
            ..Self::assemble(Ip::V6(ip), upper.protocol, read, offset, upper.offset)
        }
    }

    #[inline]
    fn assemble(
        ip: Ip<'a>,
        protocol: u8,
        read: Result<Transport<'a>, (Transport<'a>, Reason)>,
        offset: usize,
        behind: usize,
    ) -> Self {
        let (transport, stopped) = match read {
            Ok(transport) => (transport, None),
            Err((transport, reason)) => {
                let offset = offset + behind;
                (transport, Some(Malformed { reason, offset }))
            }
        };
        Self {
            offset,
            ip,
            more_fragments: false,
            protocol,
            transport,
            stopped,
        }
    }
}

#[inline]
fn tcp(payload: &[u8]) -> Result<Transport<'_>, (Transport<'_>, Reason)> {
    Tcp::new(payload)
        .map(Transport::Tcp)
        .map_err(|reason| (ports(payload), reason))
}

#[inline]
fn udp(payload: &[u8]) -> Result<Transport<'_>, (Transport<'_>, Reason)> {
    Udp::new(payload)
        .map(Transport::Udp)
        .map_err(|reason| (ports(payload), reason))
}

fn ports(payload: &[u8]) -> Transport<'_> {
    Ports::new(payload).map_or(Transport::Cut, Transport::Ports)
}

fn cut<'a>(reason: Reason) -> (Transport<'a>, Reason) {
    (Transport::Cut, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[rustfmt::skip]
    const SYN: [u8; 40] = [
        0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 198, 51, 100, 7, 203, 0, 113, 9,
        0x17, 0x70, 0x01, 0xbd, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 0x02, 4, 0, 0, 0, 0, 0,
    ];

    fn raw(bytes: &[u8]) -> Result<Packet<'_>, Malformed> {
        Packet::from_bytes(LinkType::RawIp, bytes)
    }

    #[test]
    fn a_whole_packet_is_read_to_its_transport() {
        let packet = raw(&SYN).unwrap();
        assert!(matches!(packet.transport, Transport::Tcp(tcp) if tcp.destination_port() == 445));
        assert_eq!(
            (packet.ip.stated_length(), packet.protocol, packet.stopped),
            (40, 6, None)
        );
    }

    #[test]
    fn a_packet_cut_short_is_read_as_far_as_it_goes() {
        let packet = raw(&SYN[..39]).unwrap();
        assert!(matches!(packet.transport, Transport::Ports(ports) if ports.source_port() == 6000));
        assert_eq!(
            packet.stopped,
            Some(Malformed {
                reason: Reason::TcpShort,
                offset: 20
            })
        );
        assert!(matches!(raw(&SYN[..23]).unwrap().transport, Transport::Cut));
        let stop = raw(&SYN[..19]).unwrap_err();
        assert_eq!((stop.reason, stop.offset), (Reason::Ipv4HeaderShort, 0));
    }

    #[test]
    fn the_total_length_cuts_a_header_too() {
        let mut bytes = SYN;
        bytes[3] = 22;
        assert!(matches!(raw(&bytes).unwrap().transport, Transport::Cut));
    }

    #[test]
    fn a_later_fragment_has_no_header() {
        let mut bytes = SYN;
        bytes[7] = 1;
        assert!(matches!(
            raw(&bytes).unwrap().transport,
            Transport::LaterFragment
        ));
    }

    #[test]
    fn versions_that_are_none_are_refused() {
        assert_eq!(raw(&[0x75]).unwrap_err().reason, Reason::IpVersion);
        assert_eq!(raw(&[]).unwrap_err().reason, Reason::IpShort);
        let over_ipv6 = Packet::from_bytes(LinkType::RawIpv6, &SYN);
        assert_eq!(over_ipv6.unwrap_err().reason, Reason::IpVersion);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            number in 0u32..300,
            bytes in proptest::collection::vec(any::<u8>(), 0..160),
        ) {
            let stop = match Packet::from_bytes(LinkType::from_number(number), &bytes) {
                Ok(packet) => packet.stopped,
                Err(stop) => Some(stop),
            };
            prop_assert!(stop.is_none_or(|stop| stop.offset <= bytes.len() + 40));
        }
    }
}
