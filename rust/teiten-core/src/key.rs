//! Under which key a packet is counted.

use std::fmt;

use crate::packet::{Ip, Packet, Transport, protocol};

/// What the value of a key means. The numbers are those of the batch format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Form {
    /// A TCP destination port.
    Tcp = 1,
    /// A UDP destination port.
    Udp = 2,
    /// An ICMP type, over IPv4.
    Icmp = 3,
    /// An ICMPv6 type, over IPv6.
    Icmpv6 = 4,
    /// The number of any other protocol, later fragments included.
    Ip = 5,
    /// A later fragment of the protocol (1, 6, 17 or 58).
    Fragment = 6,
    /// A packet of the protocol (1, 6, 17 or 58), cut short before its port or type.
    Cut = 7,
}

impl Form {
    /// The form with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Tcp),
            2 => Some(Self::Udp),
            3 => Some(Self::Icmp),
            4 => Some(Self::Icmpv6),
            5 => Some(Self::Ip),
            6 => Some(Self::Fragment),
            7 => Some(Self::Cut),
            _ => None,
        }
    }
}

/// A key: `445/TCP`, `8/ICMP`, `47/IP`, `frag/UDP`, `?/TCP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// What the value means.
    pub form: Form,
    /// Port, type or protocol number.
    pub value: u16,
}

impl Key {
    /// The key of a packet.
    #[inline]
    #[must_use]
    pub fn of(packet: &Packet<'_>) -> Self {
        let keyed_by_protocol = |form| match (packet.protocol, &packet.ip) {
            (protocol::TCP | protocol::UDP, _)
            | (protocol::ICMP, Ip::V4(_))
            | (protocol::ICMPV6, Ip::V6(_)) => form,
            _ => Form::Ip,
        };
        let protocol = u16::from(packet.protocol);
        let (form, value) = match &packet.transport {
            Transport::Tcp(tcp) => (Form::Tcp, tcp.destination_port()),
            Transport::Udp(udp) => (Form::Udp, udp.destination_port()),
            Transport::Icmp(icmp) => (Form::Icmp, u16::from(icmp.kind())),
            Transport::Icmpv6(icmp) => (Form::Icmpv6, u16::from(icmp.kind())),
            Transport::Ports(ports) if packet.protocol == protocol::TCP => {
                (Form::Tcp, ports.destination_port())
            }
            Transport::Ports(ports) => (Form::Udp, ports.destination_port()),
            Transport::Cut => (keyed_by_protocol(Form::Cut), protocol),
            Transport::LaterFragment => (keyed_by_protocol(Form::Fragment), protocol),
            Transport::Other => (Form::Ip, protocol),
        };
        Self { form, value }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { form, value } = self;
        let name = match *value {
            1 => "ICMP",
            6 => "TCP",
            17 => "UDP",
            58 => "ICMPv6",
            _ => "IP",
        };
        match form {
            Form::Tcp => write!(formatter, "{value}/TCP"),
            Form::Udp => write!(formatter, "{value}/UDP"),
            Form::Icmp => write!(formatter, "{value}/ICMP"),
            Form::Icmpv6 => write!(formatter, "{value}/ICMPv6"),
            Form::Ip => write!(formatter, "{value}/IP"),
            Form::Fragment => write!(formatter, "frag/{name}"),
            Form::Cut => write!(formatter, "?/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::LinkType;
    use proptest::prelude::*;

    /// The key text of an IPv4 packet of a protocol with a fragment offset and a payload.
    fn over_ipv4(protocol: u8, fragment: u8, payload: &[u8]) -> String {
        let length = u8::try_from(20 + payload.len()).unwrap();
        let mut bytes = vec![0x45, 0, 0, length, 0, 0, 0, fragment, 64, protocol, 0, 0];
        bytes.extend([198, 51, 100, 7, 203, 0, 113, 9]);
        bytes.extend(payload);
        Key::of(&Packet::from_bytes(LinkType::RawIp, &bytes).unwrap()).to_string()
    }

    /// The key text of an IPv6 packet of a protocol with a payload.
    fn over_ipv6(protocol: u8, payload: &[u8]) -> String {
        let length = u8::try_from(payload.len()).unwrap();
        let mut bytes = vec![0x60, 0, 0, 0, 0, length, protocol, 64];
        bytes.extend([0; 32]);
        bytes.extend(payload);
        Key::of(&Packet::from_bytes(LinkType::RawIp, &bytes).unwrap()).to_string()
    }

    #[test]
    fn ports_and_types_are_keys() {
        assert_eq!(over_ipv4(6, 0, &[0, 9, 0x01, 0xbd]), "445/TCP");
        assert_eq!(over_ipv4(17, 0, &[0, 9, 0, 53, 0, 8, 0, 0]), "53/UDP");
        assert_eq!(over_ipv4(1, 0, &[8, 0]), "8/ICMP");
        assert_eq!(over_ipv6(58, &[128, 0]), "128/ICMPv6");
    }

    #[test]
    fn headers_cut_short_and_later_fragments_keep_their_protocol() {
        assert_eq!(over_ipv4(6, 0, &[0, 9, 1]), "?/TCP");
        assert_eq!(over_ipv4(1, 0, &[]), "?/ICMP");
        assert_eq!(over_ipv4(17, 5, &[0, 9, 0, 53, 0, 8, 0, 0]), "frag/UDP");
        assert_eq!(over_ipv4(6, 5, &[]), "frag/TCP");
        assert_eq!(over_ipv6(44, &[58, 0, 1, 0, 0, 0, 0, 1]), "frag/ICMPv6");
    }

    #[test]
    fn other_protocols_are_keyed_by_number_with_their_fragments() {
        assert_eq!(over_ipv4(47, 0, &[0; 8]), "47/IP");
        assert_eq!(over_ipv4(47, 5, &[]), "47/IP");
        assert_eq!(over_ipv4(58, 0, &[128, 0]), "58/IP");
        assert_eq!(over_ipv4(58, 5, &[128, 0]), "58/IP");
        assert_eq!(over_ipv6(1, &[8, 0]), "1/IP");
        assert_eq!(over_ipv6(44, &[1, 0, 1, 0, 0, 0, 0, 1]), "1/IP");
        assert_eq!(over_ipv6(43, &[6, 9]), "43/IP");
    }

    #[test]
    fn tunnels_are_keys_of_their_own_and_what_they_carry_is_left_alone() {
        // A SYN to port 445 in GRE (RFC 2784), IP in IP (RFC 2003), 6in4 (RFC 4213) and VXLAN (RFC 7348).
        let mut inner = vec![
            0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ];
        inner.extend([
            0, 9, 0x01, 0xbd, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 4, 0, 0, 0, 0, 0,
        ]);
        let gre = [&[0, 0, 0x08, 0x00], &inner[..]].concat();
        assert_eq!(over_ipv4(47, 0, &gre), "47/IP");
        assert_eq!(over_ipv4(4, 0, &inner), "4/IP");
        let mut inner6 = vec![0x60, 0, 0, 0, 0, 20, 6, 64];
        inner6.extend([0x2a; 32]);
        inner6.extend(&inner[20..]);
        assert_eq!(over_ipv4(41, 0, &inner6), "41/IP");
        assert_eq!(over_ipv6(4, &inner), "4/IP");
        assert_eq!(over_ipv6(41, &inner6), "41/IP");
        assert_eq!(over_ipv6(47, &gre), "47/IP");
        let mut vxlan = vec![0x17, 0x70, 0x12, 0xb5, 0, 70, 0, 0, 8, 0, 0, 0, 0, 0, 1, 0];
        vxlan.extend([2; 12]);
        vxlan.extend([0x08, 0x00]);
        vxlan.extend(&inner);
        assert_eq!(over_ipv4(17, 0, &vxlan), "4789/UDP");
    }

    proptest! {
        #[test]
        fn a_snap_length_of_96_changes_no_key(
            (tags, options, protocol) in (0usize..3, 0u8..=10, prop::sample::select(&[1u8, 6, 17][..])),
            payload in proptest::collection::vec(any::<u8>(), 40..200),
        ) {
            let mut frame = vec![2; 12];
            frame.extend([0x81, 0x00, 0, 1].repeat(tags));
            frame.extend([0x08, 0x00, 0x45 + options]);
            let start = frame.len() - 1;
            frame.extend([0; 19]);
            frame.extend(vec![1; usize::from(options) * 4]);
            frame.extend(&payload);
            let length = u16::try_from(frame.len() - start).unwrap();
            frame[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
            frame[start + 9] = protocol;
            let key = |bytes: &[u8]| Key::of(&Packet::from_bytes(LinkType::Ethernet, bytes).unwrap());
            prop_assert_eq!(key(&frame[..96.min(frame.len())]), key(&frame));
        }
    }

    #[test]
    fn numbers_lead_back_to_forms() {
        for number in 0..=u8::MAX {
            assert!(Form::from_number(number).is_none_or(|form| form as u8 == number));
        }
    }
}
