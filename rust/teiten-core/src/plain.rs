//! The commonest packet of all, read without detours: a whole TCP segment in one IPv4 packet without options, with
//! nothing wrong with it but its source, in an untagged Ethernet frame.
//!
//! What floods and scans consist of. It is told apart and counted in a fraction of the instructions that a packet of any
//! kind takes; a test holds that both ways come to the same.

use crate::class::Class;
use crate::frame::{Frame, LinkType};
use crate::key::{Form, Key};
use crate::monitored::Monitored;
use crate::packet::protocol;
use crate::suspect::{Suspects, contradict};
use crate::tally::Marks;
use crate::tool::Scanners;
use crate::wire::checksum;
use crate::wire::ethernet::{Ethernet, ether_type};
use crate::wire::ipv4::Ipv4;
use crate::wire::tcp::Tcp;
use crate::{reserved, tally::Sighting, tally::Tuple4};

/// Such a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain<'a> {
    ip: Ipv4<'a>,
    tcp: Tcp<'a>,
    /// What is wrong with it: its source at most.
    suspects: Suspects,
}

impl<'a> Plain<'a> {
    /// The frame's packet, if it is one of these and nothing is wrong with it but, perhaps, a reserved source.
    #[inline]
    pub(crate) fn of(frame: &Frame<'a>, monitored: &Monitored) -> Option<Self> {
        if frame.link != LinkType::Ethernet {
            return None;
        }
        let ethernet = Ethernet::new(frame.bytes).ok()?;
        if ethernet.ether_type() != ether_type::IPV4 {
            return None;
        }
        let ip = Ipv4::new(ethernet.payload()).ok()?;
        if ip.header_length() != 20
            || ip.protocol() != protocol::TCP
            || ip.is_fragment()
            || !ip.is_whole()
        {
            return None;
        }
        let tcp = Tcp::new(ip.payload()).ok()?;
        let mut suspects = Suspects::default();
        if reserved::may_be(ip.source()) {
            suspects.add_reserved(reserved::of_ipv4(ip.source()));
        }
        let plain = Self { ip, tcp, suspects };
        plain.is_sound(monitored).then_some(plain)
    }

    #[inline]
    fn is_sound(&self, monitored: &Monitored) -> bool {
        let Self { ip, tcp, .. } = self;
        let source = ip.source();
        let header = tcp.header_length();
        if source == ip.destination()
            || header < 20
            || header > tcp.length()
            || tcp.source_port() == 0
            || tcp.destination_port() == 0
            || contradict(tcp.flags())
            || monitored.names_ipv4(source)
        {
            return false;
        }
        let length = u32::from(ip.total_length()) - 20;
        let pseudo = ip.pseudo_header(protocol::TCP, length);
        let segment = checksum::add(pseudo, checksum::sum(ip.payload()));
        ip.is_checksum_right() == Some(true) && checksum::is_right(segment)
    }

    /// Monitored address that it goes to.
    #[inline]
    pub(crate) const fn destination(&self) -> u32 {
        self.ip.destination()
    }

    /// What is wrong with it.
    #[inline]
    pub(crate) const fn suspects(&self) -> Suspects {
        self.suspects
    }

    /// How it is counted.
    #[inline]
    pub(crate) fn sighting(&self, scanners: &mut Scanners, minute_offset: u16) -> Sighting<Tuple4> {
        let Self { ip, tcp, .. } = self;
        let marks = Marks {
            key: Key {
                form: Form::Tcp,
                value: tcp.destination_port(),
            },
            source_port: tcp.source_port(),
            flags: tcp.flags(),
            class: Class::of_tcp(tcp.flags()),
            tool: scanners.recognise(ip, tcp),
        };
        Sighting {
            tuple: Tuple4::new(ip.source(), ip.destination(), marks.pack(minute_offset)),
            length: u32::from(ip.total_length()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Ip, Packet};
    use proptest::prelude::*;

    /// A SYN of 24 bytes behind the IP header with right checksums.
    fn syn() -> Vec<u8> {
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

    fn mend(bytes: &mut [u8]) {
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
        assert!(Plain::of(&frame, &Monitored::new(&[])).is_some());
        let own = Monitored::new(&["192.31.196.0/24".parse().unwrap()]);
        assert!(Plain::of(&frame, &own).is_none());
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
            if let Some(plain) = Plain::of(&frame, &monitored) {
                let packet = Packet::new(&frame).unwrap();
                prop_assert_eq!(Suspects::of(&frame, &packet, &monitored), plain.suspects());
                let Ip::V4(ip) = packet.ip else { panic!() };
                let marks = Marks::of(&packet, &mut Scanners::default()).pack(9);
                let sighting = plain.sighting(&mut Scanners::default(), 9);
                prop_assert_eq!(sighting.tuple, Tuple4::new(ip.source(), ip.destination(), marks));
                prop_assert_eq!(sighting.length, packet.ip.stated_length());
                prop_assert_eq!(plain.destination(), ip.destination());
            }
        }
    }
}
