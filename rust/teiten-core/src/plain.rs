//! The commonest packet of all, read without detours: a whole TCP segment in one IPv4 packet without options, with
//! nothing wrong with it but its source, in an untagged Ethernet frame.
//!
//! What floods and scans consist of. It is told apart and counted in a fraction of the instructions that a packet of any
//! kind takes; a test holds that both ways come to the same.

use crate::class::Class;
use crate::frame::{Frame, LinkType};
use crate::packet::{Ip, Packet, Transport, protocol};
use crate::signature::BareTcp;
use crate::suspect::contradict;
use crate::tally::Tuple4;
use crate::tally::tuple::Packed;
use crate::tool::{Scanners, Tool};
use crate::wire::ethernet::ether_type;
use crate::wire::ipv4::Ipv4;
use crate::wire::tcp::{Tcp, flag};
use crate::wire::{checksum, u16_at};

/// Bytes of the Ethernet header.
const ETHERNET: usize = 14;
/// Bytes of the Ethernet, the IPv4 and the TCP header, none of them with options.
const HEADERS: usize = ETHERNET + 20 + 20;

/// Where the fields lie that tell a plain packet, from the start of the frame.
mod field {
    use super::ETHERNET;

    pub(super) const ETHER_TYPE: usize = 12;
    pub(super) const VERSION_AND_LENGTH: usize = ETHERNET;
    pub(super) const TOTAL_LENGTH: usize = ETHERNET + 2;
    pub(super) const FRAGMENT: usize = ETHERNET + 6;
    pub(super) const PROTOCOL: usize = ETHERNET + 9;
}

/// Version 4, a header of five words.
const IPV4_WITHOUT_OPTIONS: u8 = 0x45;
/// The fragment's offset, and the bit that says that more follow.
const FRAGMENTED: u16 = 0x3fff;

/// Such a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain<'a> {
    ip: Ipv4<'a>,
    tcp: Tcp<'a>,
}

impl<'a> Plain<'a> {
    /// The frame's packet, if it is one of these and nothing is wrong with it but, perhaps, a reserved source.
    #[inline]
    pub(crate) fn of(frame: &Frame<'a>) -> Option<Self> {
        Self::view(frame).filter(|plain| plain.is_sound() && plain.are_checksums_right())
    }

    /// The frame's packet, if it is one of these, whether or not anything is wrong with it.
    #[inline]
    pub(crate) fn view(frame: &Frame<'a>) -> Option<Self> {
        let (headers, behind) = frame.bytes.split_first_chunk::<HEADERS>()?;
        if frame.link != LinkType::Ethernet
            || u16_at(headers, field::ETHER_TYPE) != ether_type::IPV4
            || headers[field::VERSION_AND_LENGTH] != IPV4_WITHOUT_OPTIONS
            || headers[field::PROTOCOL] != protocol::TCP
            || u16_at(headers, field::FRAGMENT) & FRAGMENTED != 0
        {
            return None;
        }
        let stated = usize::from(u16_at(headers, field::TOTAL_LENGTH));
        let rest = behind.get(..stated.checked_sub(HEADERS - ETHERNET)?)?;
        let (ip, segment) = frame.bytes.get(ETHERNET..)?.split_first_chunk()?;
        Some(Self {
            ip: Ipv4::of_parts(ip, segment),
            tcp: Tcp::of_parts(segment.first_chunk()?, rest),
        })
    }

    /// Whether nothing is wrong with its headers but, perhaps, a reserved source or a checksum.
    #[inline]
    pub(crate) fn is_sound(&self) -> bool {
        let Self { ip, tcp } = self;
        let (source_port, destination_port) = (tcp.ports() >> 16, tcp.ports() & 0xffff);
        tcp.header_length() >= 20
            && tcp.header_length() <= tcp.length()
            && source_port != 0
            && destination_port != 0
            && (tcp.flags() == flag::SYN || !contradict(tcp.flags()))
            && ip.source() != ip.destination()
    }

    #[inline]
    fn are_checksums_right(&self) -> bool {
        let Self { ip, tcp } = self;
        let length = u32::from(ip.total_length()) - 20;
        let segment = tcp.sum_from(ip.pseudo_header(protocol::TCP, length));
        ip.is_checksum_right() == Some(true) && checksum::is_right(segment)
    }

    /// Address that it claims to come from.
    #[inline]
    pub(crate) const fn source(&self) -> u32 {
        self.ip.source()
    }

    /// Address that it goes to.
    #[inline]
    pub(crate) const fn destination(&self) -> u32 {
        self.ip.destination()
    }

    /// Length of the packet in bytes, as its header states it.
    #[inline]
    pub(crate) fn length(&self) -> u32 {
        u32::from(self.ip.total_length())
    }

    /// The packet for rules, if it is sound and has no payload.
    #[inline]
    pub(crate) fn bare(&self) -> Option<BareTcp<'a>> {
        let Self { ip, tcp } = self;
        let is_bare = tcp.header_length() == tcp.length();
        is_bare.then(|| BareTcp::of_headers(ip.header(), tcp.header()))
    }

    /// The same as a packet of any kind.
    #[inline]
    pub(crate) const fn packet(&self) -> Packet<'a> {
        Packet {
            offset: ETHERNET,
            ip: Ip::V4(self.ip),
            more_fragments: false,
            protocol: protocol::TCP,
            transport: Transport::Tcp(self.tcp),
            stopped: None,
        }
    }

    /// Port that it goes to.
    #[inline]
    pub(crate) const fn destination_port(&self) -> u16 {
        self.tcp.destination_port()
    }

    /// What kind of packet it is, and which scanner it betrays.
    #[inline]
    pub(crate) fn class_and_tool(&self, scanners: &mut Scanners) -> (Class, Tool) {
        let Self { ip, tcp } = self;
        if tcp.flags() == flag::SYN {
            (Class::Probe, scanners.recognise_syn(ip, tcp))
        } else {
            (Class::of_tcp(tcp.flags()), Tool::None)
        }
    }

    /// Under which tuple it is counted.
    #[inline]
    pub(crate) fn tuple(&self, scanners: &mut Scanners, minute_offset: u16) -> Tuple4 {
        let Self { ip, tcp } = self;
        let (class, tool) = self.class_and_tool(scanners);
        let packed = Packed::of_tcp(tcp.ports(), tcp.flags(), class, tool, minute_offset);
        Tuple4::new(ip.source(), ip.destination(), packed)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::monitored::Monitored;
    use crate::suspect::Suspects;
    use crate::tally::Marks;
    use proptest::prelude::*;

    /// A SYN of 24 bytes behind the IP header with right checksums.
    pub(crate) fn syn() -> Vec<u8> {
        let mut bytes = vec![2; 12];
        bytes.extend([0x08, 0x00, 0x45, 0, 0, 44, 0, 1, 0, 0, 64, 6, 0, 0]);
        bytes.extend([192, 31, 196, 1, 203, 0, 113, 9]);
        bytes.extend([
            0x17, 0x70, 0x01, 0xbd, 1, 2, 3, 4, 0, 0, 0, 0, 0x60, 2, 4, 0, 0, 0, 0, 0,
        ]);
        bytes.extend([2, 4, 5, 0xb4]);
        bytes
    }

    fn word(start: u32, bytes: &[u8]) -> [u8; 2] {
        let mut sum = start;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
        }
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        (!u16::try_from(sum).unwrap()).to_be_bytes()
    }

    /// Makes both checksums right.
    pub(crate) fn mend(bytes: &mut [u8]) {
        bytes[24..26].fill(0);
        bytes[50..52].fill(0);
        let header = word(0, &bytes[14..34]);
        bytes[24..26].copy_from_slice(&header);
        let length = u32::try_from(bytes.len() - 34).unwrap();
        let segment = word(6 + length, &bytes[26..]);
        bytes[50..52].copy_from_slice(&segment);
    }

    #[test]
    fn a_sound_segment_is_plain() {
        let mut bytes = syn();
        mend(&mut bytes);
        let frame = Frame {
            time_ns: 0,
            link: LinkType::Ethernet,
            wire_length: 58,
            bytes: &bytes,
        };
        assert!(Plain::of(&frame).is_some());
    }

    proptest! {
        #[test]
        fn both_ways_come_to_the_same(
            changes in proptest::collection::vec((12usize..58, any::<u8>()), 0..6),
            mended in any::<bool>(),
            (cut, padding, named) in (0usize..8, 0usize..8, any::<bool>()),
        ) {
            let mut bytes = syn();
            for (at, value) in changes {
                bytes[at] = value;
            }
            if mended {
                mend(&mut bytes);
            }
            bytes.truncate(58 - cut);
            bytes.resize(bytes.len() + padding, 0);
            let frame = Frame { time_ns: 0, link: LinkType::Ethernet, wire_length: 58, bytes: &bytes };
            let networks = ["192.31.0.0/17".parse().unwrap()];
            let monitored = Monitored::new(if named { &networks } else { &[] });
            let counted = |plain: &Plain<'_>| monitored.counts(plain.source(), plain.destination());
            if let Some(plain) = Plain::of(&frame).filter(counted) {
                let packet = Packet::new(&frame).unwrap();
                let suspects = Suspects::of_reserved(plain.source());
                prop_assert_eq!(Suspects::of(&frame, &packet, &monitored), suspects);
                let Ip::V4(ip) = packet.ip else { panic!() };
                let marks = Marks::of(&packet, &mut Scanners::default()).pack(9);
                let tuple = plain.tuple(&mut Scanners::default(), 9);
                prop_assert_eq!(tuple, Tuple4::new(ip.source(), ip.destination(), marks));
                prop_assert_eq!(plain.length(), packet.ip.stated_length());
                prop_assert!(monitored.has_ipv4(ip.destination()));
                prop_assert_eq!(plain.destination(), ip.destination());
                prop_assert_eq!(format!("{:?}", plain.packet()), format!("{packet:?}"));
                let marks = Marks::of(&packet, &mut Scanners::default());
                prop_assert_eq!(plain.destination_port(), marks.key.value);
                let class_and_tool = plain.class_and_tool(&mut Scanners::default());
                prop_assert_eq!(class_and_tool, (marks.class, marks.tool));
            }
        }
    }
}
