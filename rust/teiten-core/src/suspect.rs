//! What is wrong with packets that are counted all the same.
//!
//! A telescope counts such packets with the first: nothing here rejects one. Each reason is counted by itself, so a
//! packet may be in several. Whether a source is forged cannot be known from one packet; the reasons that speak for it
//! are marked.

use crate::frame::Frame;
use crate::monitored::Monitored;
use crate::packet::{Ip, Packet, Transport, protocol};
use crate::quotation::Quotation;
use crate::reserved::{self, Reserved};
use crate::wire::checksum;
use crate::wire::tcp::flag;

/// Declares the reasons once: variant, name, whether it speaks for a forged source, meaning.
macro_rules! suspects {
    ($($variant:ident $name:literal $forgery:literal $meaning:literal,)+) => {
        /// What is wrong with a packet; the name is what counters carry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Suspect {
            $(#[doc = $meaning] $variant,)+
        }

        impl Suspect {
            /// Every reason, in a fixed order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in `snake_case`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Whether it speaks for a forged source.
            #[must_use]
            pub const fn is_forgery(self) -> bool {
                match self { $(Self::$variant => $forgery,)+ }
            }

            /// The meaning, for a person.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

suspects! {
    ThisNetwork "source_this_network" true "The source is of \"this network\", or unspecified.",
    Private "source_private" true "The source is private, or unique local.",
    Shared "source_shared" true "The source is shared address space of carriers.",
    Loopback "source_loopback" true "The source is a loopback address.",
    LinkLocal "source_link_local" true "The source is link-local.",
    ProtocolAssignment "source_protocol_assignment" true "The source is set aside for protocols.",
    Documentation "source_documentation" true "The source is an address for documentation.",
    Benchmarking "source_benchmarking" true "The source is an address for benchmarks.",
    Relay "source_relay" true "The source is the withdrawn anycast address of 6to4 relays.",
    Multicast "source_multicast" true "The source is a multicast group.",
    Broadcast "source_broadcast" true "The source is the limited broadcast address.",
    Mapped "source_mapped" true "The source is an IPv4 address mapped into IPv6.",
    Translation "source_translation" true "The source is an address of local translation.",
    Discard "source_discard" true "The source is an address whose packets are to be discarded.",
    Segment "source_segment" true "The source is an identifier of a routing segment.",
    Unallocated "source_unallocated" true "The source is of a block that was never allocated.",
    Monitored "source_monitored" true "The source is one of the monitored addresses.",
    Land "land" true "Source and destination are one address (the LAND attack, CERT advisory CA-1997-28).",
    QuotedStranger "quoted_stranger" true "An ICMP error quotes a packet that another address than its receiver sent.",
    LengthHeader "length_header" false "The IP header states less than its own length.",
    LengthFrame "length_frame" false "The IP header states more than the frame on the wire has room for.",
    TcpOffset "tcp_offset" false "The TCP header states less than 20 bytes, or more than the segment has.",
    TcpFlags "tcp_flags" false "TCP flags that contradict each other: SYN with FIN or RST, or FIN with RST.",
    UdpLength "udp_length" false "The UDP header states less than 8 bytes, or more than the IP packet has.",
    PortZero "port_zero" false "A port is 0, which is reserved (RFC 6335 section 6).",
    ChecksumIp "checksum_ip" false "The IPv4 header's checksum is wrong.",
    ChecksumTcp "checksum_tcp" false "The TCP checksum is wrong.",
    ChecksumUdp "checksum_udp" false "The UDP checksum is wrong, or 0 over IPv6 (RFC 8200 section 8.1).",
    ChecksumIcmp "checksum_icmp" false "The ICMP or ICMPv6 checksum is wrong.",
}

/// A set of reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Suspects(u32);

impl Suspects {
    /// The reasons that speak for a forged source.
    pub const FORGERY: Self = {
        let mut set = 0;
        let mut at = 0;
        while at < Suspect::ALL.len() {
            if Suspect::ALL[at].is_forgery() {
                set |= 1 << at;
            }
            at += 1;
        }
        Self(set)
    };

    /// Adds a reason.
    #[inline]
    pub fn add(&mut self, suspect: Suspect) {
        self.0 |= 1 << suspect as u32;
    }

    /// Adds a reason if something holds.
    #[inline]
    fn add_if(&mut self, suspect: Suspect, holds: bool) {
        self.0 |= u32::from(holds) << suspect as u32;
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether any reason is in both sets.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The reasons, in their order.
    pub fn iter(self) -> impl Iterator<Item = Suspect> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let lowest = rest.trailing_zeros() as usize;
            rest &= rest.wrapping_sub(1);
            Suspect::ALL.get(lowest).copied()
        })
    }

    /// What is wrong with a packet of a frame.
    ///
    /// Transport checksums are looked at where all that they cover was captured: not in fragments, not behind a snap
    /// length. A host that captures its own traffic sees checksums that its network card has yet to make.
    #[inline]
    #[must_use]
    pub fn of(frame: &Frame<'_>, packet: &Packet<'_>, monitored: &Monitored) -> Self {
        let mut found = Self::default();
        let stated = packet.ip.stated_length() as usize;
        let on_wire = (frame.wire_length as usize).max(frame.bytes.len()) - packet.offset;
        found.add_if(Suspect::LengthFrame, stated > on_wire);
        let whole = match &packet.ip {
            Ip::V4(ip) => {
                let (source, destination) = (ip.source(), ip.destination());
                found.add_if(Suspect::Land, source == destination);
                found.add_if(Suspect::Monitored, monitored.names_ipv4(source));
                found.add_if(Suspect::LengthHeader, stated < ip.header_length());
                found.add_if(Suspect::ChecksumIp, ip.is_checksum_right() == Some(false));
                found.0 |= Self::of_reserved(source).0;
                ip.is_whole() && !ip.more_fragments()
            }
            Ip::V6(ip) => {
                let (source, destination) = (ip.source(), ip.destination());
                found.add_if(Suspect::Land, source == destination);
                found.add_if(Suspect::Monitored, monitored.names_ipv6(source));
                found.0 |= Self::reserved_as(reserved::of_ipv6(source)).0;
                ip.is_whole() && !packet.more_fragments
            }
        };
        found.look_at_transport(packet, whole);
        found
    }

    /// What is wrong with an IPv4 packet from this source, as far as that tells.
    #[inline]
    pub(crate) fn of_reserved(source: u32) -> Self {
        if reserved::may_be(source) {
            Self::reserved_as(reserved::of_ipv4(source))
        } else {
            Self::default()
        }
    }

    #[cold]
    fn reserved_as(reserved: Option<Reserved>) -> Self {
        let Some(reserved) = reserved else {
            return Self::default();
        };
        let suspect = match reserved {
            Reserved::ThisNetwork => Suspect::ThisNetwork,
            Reserved::Private => Suspect::Private,
            Reserved::Shared => Suspect::Shared,
            Reserved::Loopback => Suspect::Loopback,
            Reserved::LinkLocal => Suspect::LinkLocal,
            Reserved::ProtocolAssignment => Suspect::ProtocolAssignment,
            Reserved::Documentation => Suspect::Documentation,
            Reserved::Benchmarking => Suspect::Benchmarking,
            Reserved::Relay => Suspect::Relay,
            Reserved::Multicast => Suspect::Multicast,
            Reserved::Broadcast => Suspect::Broadcast,
            Reserved::Mapped => Suspect::Mapped,
            Reserved::Translation => Suspect::Translation,
            Reserved::Discard => Suspect::Discard,
            Reserved::Segment => Suspect::Segment,
            Reserved::Unallocated => Suspect::Unallocated,
        };
        Self(1 << suspect as u32)
    }

    /// `whole` says that this is no fragment, and that all of it was captured.
    #[inline]
    fn look_at_transport(&mut self, packet: &Packet<'_>, whole: bool) {
        match &packet.transport {
            Transport::Tcp(tcp) => {
                let length = tcp.header_length();
                self.add_if(
                    Suspect::TcpOffset,
                    length < 20 || whole && length > tcp.length(),
                );
                self.add_if(
                    Suspect::PortZero,
                    tcp.source_port() == 0 || tcp.destination_port() == 0,
                );
                self.add_if(Suspect::TcpFlags, contradict(tcp.flags()));
                if whole {
                    let sum = tcp.sum_from(pseudo(packet, protocol::TCP, tcp.length()));
                    self.add_if(Suspect::ChecksumTcp, !checksum::is_right(sum));
                }
            }
            Transport::Udp(udp) => {
                let stated = usize::from(udp.stated_length());
                let bogus = stated < 8 || whole && stated > udp.length();
                self.add_if(Suspect::UdpLength, bogus);
                self.add_if(
                    Suspect::PortZero,
                    udp.source_port() == 0 || udp.destination_port() == 0,
                );
                let is_made = udp.checksum() != 0 || matches!(packet.ip, Ip::V6(_));
                if whole && is_made && !bogus {
                    let pseudo = pseudo(packet, protocol::UDP, stated);
                    let right = udp.checksum() != 0
                        && checksum::is_right(checksum::add(pseudo, udp.sum(stated)));
                    self.add_if(Suspect::ChecksumUdp, !right);
                }
            }
            Transport::Icmp(icmp) | Transport::Icmpv6(icmp) => {
                if whole {
                    let pseudo = match &packet.ip {
                        Ip::V4(_) => 0,
                        Ip::V6(_) => pseudo(packet, protocol::ICMPV6, icmp.length()),
                    };
                    let right = checksum::is_right(checksum::add(pseudo, icmp.sum()));
                    self.add_if(Suspect::ChecksumIcmp, !right);
                }
                if let Some(Ok(quotation)) = Quotation::of(packet) {
                    let is_strange = !quotation.is_in_the_name_of(&packet.ip);
                    self.add_if(Suspect::QuotedStranger, is_strange);
                }
            }
            Transport::Ports(_) | Transport::Cut | Transport::LaterFragment | Transport::Other => {}
        }
    }
}

/// RFC 9293 section 3.10.7: no segment opens and ends a connection, or ends it in two ways.
#[inline]
pub(crate) const fn contradict(flags: u8) -> bool {
    let ends = flags & (flag::SYN | flag::FIN | flag::RST);
    ends & ends.wrapping_sub(1) != 0
}

/// The pseudo header's sum. A length beyond 32 bits is none that IP can state.
#[inline]
fn pseudo(packet: &Packet<'_>, protocol: u8, length: usize) -> u64 {
    let length = u32::try_from(length).unwrap_or(0);
    match &packet.ip {
        Ip::V4(ip) => ip.pseudo_header(protocol, length),
        Ip::V6(ip) => ip.pseudo_header(protocol, length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::LinkType;
    use proptest::prelude::*;

    /// A whole SYN from 192.31.196.1 to 203.0.113.9 with right checksums.
    #[rustfmt::skip]
    const SYN: [u8; 40] = [
        0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 192, 31, 196, 1, 203, 0, 113, 9,
        0x17, 0x70, 0x01, 0xbd, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 0x02, 4, 0, 0, 0, 0, 0,
    ];

    fn word(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
        }
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        !u16::try_from(sum).unwrap()
    }

    /// Makes the checksums of an IPv4 packet without options right, its transport's at `at`.
    fn mend(bytes: &mut [u8], at: usize) {
        bytes[10..12].fill(0);
        bytes[20 + at..22 + at].fill(0);
        let header = word(&bytes[..20]);
        bytes[10..12].copy_from_slice(&header.to_be_bytes());
        let length = u16::try_from(bytes.len() - 20).unwrap().to_be_bytes();
        let mut covered = Vec::new();
        if bytes[9] != 1 {
            covered.extend(&bytes[12..20]);
            covered.extend([0, bytes[9], length[0], length[1]]);
        }
        covered.extend(&bytes[20..]);
        let transport = word(&covered);
        bytes[20 + at..22 + at].copy_from_slice(&transport.to_be_bytes());
    }

    fn mended(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
        mend(&mut bytes, at);
        bytes
    }

    fn found(bytes: &[u8]) -> Vec<&'static str> {
        found_of(bytes, bytes.len(), &[])
    }

    fn found_of(bytes: &[u8], on_wire: usize, networks: &[&str]) -> Vec<&'static str> {
        let frame = Frame {
            time_ns: 0,
            link: LinkType::RawIp,
            wire_length: u32::try_from(on_wire).unwrap(),
            bytes,
        };
        let networks: Vec<_> = networks.iter().map(|text| text.parse().unwrap()).collect();
        let packet = Packet::new(&frame).unwrap();
        Suspects::of(&frame, &packet, &Monitored::new(&networks))
            .iter()
            .map(Suspect::name)
            .collect()
    }

    fn syn() -> Vec<u8> {
        mended(SYN.to_vec(), 16)
    }

    #[test]
    fn a_sound_packet_has_nothing_wrong() {
        assert!(found(&syn()).is_empty());
        assert!(found_of(&syn(), 40, &["203.0.113.0/24"]).is_empty());
    }

    #[test]
    fn wrong_checksums_are_told_apart() {
        let mut bytes = syn();
        bytes[11] ^= 1;
        assert_eq!(found(&bytes), ["checksum_ip"]);
        let mut bytes = syn();
        bytes[39] ^= 1;
        assert_eq!(found(&bytes), ["checksum_tcp"]);
        let mut datagram = syn();
        datagram[9] = 17;
        datagram[24..26].copy_from_slice(&[0, 20]);
        let datagram = mended(datagram, 6);
        assert!(found(&datagram).is_empty());
        let mut wrong = datagram.clone();
        wrong[39] ^= 1;
        assert_eq!(found(&wrong), ["checksum_udp"]);
        wrong[26..28].fill(0);
        assert!(found(&wrong).is_empty(), "0 says that there is none");
        let mut echo = syn();
        (echo[9], echo[20], echo[21]) = (1, 8, 0);
        let mut echo = mended(echo, 2);
        assert!(found(&echo).is_empty());
        echo[39] ^= 1;
        assert_eq!(found(&echo), ["checksum_icmp"]);
    }

    #[test]
    fn checksums_over_what_was_not_captured_are_not_judged() {
        let mut bytes = syn();
        bytes[39] ^= 1;
        bytes.truncate(40);
        bytes[3] = 60;
        let header = word(&[&bytes[..10], &[0, 0], &bytes[12..20]].concat());
        bytes[10..12].copy_from_slice(&header.to_be_bytes());
        assert!(found_of(&bytes, 60, &[]).is_empty());
        let mut fragment = syn();
        fragment[39] ^= 1;
        fragment[6] = 0x20;
        let header = word(&[&fragment[..10], &[0, 0], &fragment[12..20]].concat());
        fragment[10..12].copy_from_slice(&header.to_be_bytes());
        assert!(found(&fragment).is_empty());
    }

    #[test]
    fn sources_that_cannot_be_are_told_by_their_block() {
        for (source, name) in [
            ([10, 0, 0, 1], "source_private"),
            ([0, 0, 0, 0], "source_this_network"),
            ([224, 0, 0, 1], "source_multicast"),
            ([255, 255, 255, 255], "source_broadcast"),
        ] {
            let mut bytes = syn();
            bytes[12..16].copy_from_slice(&source);
            assert_eq!(found(&mended(bytes, 16)), [name]);
        }
    }

    #[test]
    fn land_and_own_addresses_speak_for_forgery() {
        let mut bytes = syn();
        bytes[16..20].copy_from_slice(&[192, 31, 196, 1]);
        let bytes = mended(bytes, 16);
        assert_eq!(found(&bytes), ["land"]);
        let own = found_of(&bytes, 40, &["192.31.196.0/24"]);
        assert_eq!(own, ["source_monitored", "land"]);
        assert!(Suspect::Land.is_forgery() && !Suspect::ChecksumIp.is_forgery());
    }

    #[test]
    fn lengths_that_lie_are_told_apart() {
        let mut bytes = syn();
        bytes[3] = 41;
        assert!(found(&mended(bytes, 16)).contains(&"length_frame"));
        let mut bytes = syn();
        bytes[3] = 19;
        assert!(found(&mended(bytes, 16)).contains(&"length_header"));
        for offset in [0x40, 0xf0] {
            let mut bytes = syn();
            bytes[32] = offset;
            assert_eq!(found(&mended(bytes, 16)), ["tcp_offset"]);
        }
        for length in [7, 21] {
            let mut bytes = syn();
            bytes[9] = 17;
            bytes[25] = length;
            bytes[24] = 0;
            assert_eq!(found(&mended(bytes, 6)), ["udp_length"]);
        }
    }

    #[test]
    fn ports_and_flags_that_no_stack_sends_are_counted() {
        let mut bytes = syn();
        bytes[20..22].fill(0);
        assert_eq!(found(&mended(bytes, 16)), ["port_zero"]);
        for flags in [0x03, 0x06, 0x05] {
            let mut bytes = syn();
            bytes[33] = flags;
            assert_eq!(found(&mended(bytes, 16)), ["tcp_flags"]);
        }
    }

    #[test]
    fn ipv6_checksums_cover_the_pseudo_header() {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 8, 58, 64];
        bytes.extend([0x2a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([0x2a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        bytes.extend([128, 0, 0, 0, 0, 1, 0, 1]);
        let covered = [&bytes[8..40], &[0, 0, 0, 8, 0, 0, 0, 58], &bytes[40..]].concat();
        let checksum = word(&covered).to_be_bytes();
        bytes[42..44].copy_from_slice(&checksum);
        assert!(found(&bytes).is_empty());
        bytes[47] ^= 1;
        assert_eq!(found(&bytes), ["checksum_icmp"]);
    }

    #[test]
    fn names_are_unique_and_fit_the_set() {
        assert!(Suspect::ALL.len() <= 32);
        for (position, suspect) in Suspect::ALL.iter().enumerate() {
            assert_eq!(*suspect as usize, position);
            let named = Suspect::ALL
                .iter()
                .filter(|other| other.name() == suspect.name());
            assert_eq!(named.count(), 1);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_harm(
            number in 0u32..300,
            wire_length in any::<u32>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..160),
        ) {
            let link = LinkType::from_number(number);
            let frame = Frame { time_ns: 0, link, wire_length, bytes: &bytes };
            if let Ok(packet) = Packet::new(&frame) {
                let _ = Suspects::of(&frame, &packet, &Monitored::new(&[])).iter().count();
            }
        }
    }
}
