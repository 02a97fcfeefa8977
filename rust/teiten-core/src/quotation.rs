//! What an ICMP error quotes: the packet it speaks of.
//!
//! An error that comes to a monitored address speaks of a packet that was sent in its name, so the quoted destination
//! is the victim of whoever forged it (Moore et al., "Inferring Internet Denial-of-Service Activity", ACM Transactions
//! on Computer Systems 24(2), 2006, section 3).

use crate::packet::{Ip, Packet, Transport, protocol};
use crate::wire::ipv4::Ipv4;
use crate::wire::ipv6::{Halves, Ipv6};
use crate::wire::udp::Ports;

/// A quoted packet's headers, as far as they are there; IPv4 addresses are the low 32 bits of the low half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotation {
    /// Who is said to have sent it.
    pub source: Halves,
    /// To whom: the victim.
    pub victim: Halves,
    /// Protocol, behind IPv6's extension headers.
    pub protocol: u8,
    /// Destination port of TCP and UDP; 0 for other protocols, later fragments, and where it was cut off.
    pub victim_port: u16,
}

/// The quoted header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread;

impl Quotation {
    /// What a packet quotes; `None` if it is no error.
    ///
    /// Errors are the ICMP types 3, 4, 5, 11 and 12 (RFC 1122 section 3.2.2) and the ICMPv6 types 1 to 4 (RFC 4443
    /// section 2.1).
    #[inline]
    #[must_use]
    pub fn of(packet: &Packet<'_>) -> Option<Result<Self, Unread>> {
        match &packet.transport {
            Transport::Icmp(icmp) if matches!(icmp.kind(), 3 | 4 | 5 | 11 | 12) => {
                Some(Self::over_ipv4(icmp.payload()).ok_or(Unread))
            }
            Transport::Icmpv6(icmp) if matches!(icmp.kind(), 1..=4) => {
                Some(Self::over_ipv6(icmp.payload()).ok_or(Unread))
            }
            _ => None,
        }
    }

    fn over_ipv4(quoted: &[u8]) -> Option<Self> {
        let ip = Ipv4::new(quoted).ok()?;
        let has_ports = ip.fragment_offset() == 0;
        Some(Self {
            source: [0, u64::from(ip.source())],
            victim: [0, u64::from(ip.destination())],
            protocol: ip.protocol(),
            victim_port: port(has_ports, ip.protocol(), ip.rest()),
        })
    }

    fn over_ipv6(quoted: &[u8]) -> Option<Self> {
        let ip = Ipv6::new(quoted).ok()?;
        let upper = ip.upper();
        let has_ports = !upper.later_fragment && upper.stopped.is_none();
        Some(Self {
            source: ip.source(),
            victim: ip.destination(),
            protocol: upper.protocol,
            victim_port: port(has_ports, upper.protocol, upper.payload),
        })
    }

    /// Whether the quoted packet can have been sent in the name of the error's receiver.
    #[must_use]
    pub fn is_in_the_name_of(&self, ip: &Ip<'_>) -> bool {
        self.source
            == match ip {
                Ip::V4(ip) => [0, u64::from(ip.destination())],
                Ip::V6(ip) => ip.destination(),
            }
    }
}

fn port(has_ports: bool, protocol: u8, bytes: &[u8]) -> u16 {
    match Ports::new(bytes) {
        Ok(ports) if has_ports && matches!(protocol, protocol::TCP | protocol::UDP) => {
            ports.destination_port()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::LinkType;
    use proptest::prelude::*;

    /// An ICMP message over IPv4 to 203.0.113.9 that carries `rest` behind its 8 bytes.
    fn message(kind: u8, rest: &[u8]) -> Vec<u8> {
        let length = u8::try_from(28 + rest.len()).unwrap();
        let mut bytes = vec![0x45, 0, 0, length, 0, 0, 0, 0, 64, 1, 0, 0, 192, 31, 196, 1];
        bytes.extend([203, 0, 113, 9, kind, 1, 0, 0, 0, 0, 0, 0]);
        bytes.extend(rest);
        bytes
    }

    fn of(bytes: &[u8]) -> Option<Result<Quotation, Unread>> {
        Quotation::of(&Packet::from_bytes(LinkType::RawIp, bytes).unwrap())
    }

    #[rustfmt::skip]
    const QUOTED: [u8; 28] = [
        0x45, 0, 0x05, 0xdc, 0, 1, 0, 0, 64, 6, 0, 0, 203, 0, 113, 9, 192, 52, 193, 7,
        0x17, 0x70, 0x00, 0x50, 1, 2, 3, 4,
    ];

    #[test]
    fn an_error_names_victim_and_attacked_port() {
        for kind in [3, 4, 5, 11, 12] {
            let quotation = of(&message(kind, &QUOTED)).unwrap().unwrap();
            assert_eq!(quotation.victim, [0, 0xc034_c107]);
            assert_eq!((quotation.protocol, quotation.victim_port), (6, 80));
            let bytes = message(kind, &QUOTED);
            let packet = Packet::from_bytes(LinkType::RawIp, &bytes).unwrap();
            assert!(quotation.is_in_the_name_of(&packet.ip));
        }
        assert_eq!(of(&message(8, &QUOTED)), None);
        assert_eq!(of(&message(0, &QUOTED)), None);
    }

    #[test]
    fn a_quoted_length_in_another_byte_order_hides_no_port() {
        let mut quoted = QUOTED;
        quoted[2..4].copy_from_slice(&[20, 0]);
        assert_eq!(of(&message(3, &quoted)).unwrap().unwrap().victim_port, 80);
        quoted[2..4].copy_from_slice(&[0, 0]);
        assert_eq!(of(&message(3, &quoted)).unwrap().unwrap().victim_port, 80);
    }

    #[test]
    fn what_is_cut_off_or_absent_is_0() {
        let victim_port = |quoted: &[u8]| of(&message(3, quoted)).unwrap().unwrap().victim_port;
        assert_eq!(victim_port(&QUOTED[..23]), 0);
        let mut quoted = QUOTED;
        quoted[7] = 9;
        assert_eq!(victim_port(&quoted), 0, "a later fragment");
        quoted[7] = 0;
        quoted[9] = 1;
        assert_eq!(victim_port(&quoted), 0, "no ports in ICMP");
        assert_eq!(of(&message(3, &QUOTED[..19])), Some(Err(Unread)));
        assert_eq!(of(&message(3, &[0x65; 28])), Some(Err(Unread)));
    }

    #[test]
    fn icmpv6_quotes_ipv6() {
        let mut quoted = vec![0x60, 0, 0, 0, 0, 40, 0, 64];
        quoted.extend([0x2a; 16]);
        quoted.extend([0x2b; 16]);
        quoted.extend([17, 0, 1, 4, 0, 0, 0, 0, 0x17, 0x70, 0x00, 0x35]);
        let length = u8::try_from(8 + quoted.len()).unwrap();
        let mut bytes = vec![0x60, 0, 0, 0, 0, length, 58, 64];
        bytes.extend([0x2c; 16]);
        bytes.extend([0x2a; 16]);
        bytes.extend([1, 4, 0, 0, 0, 0, 0, 0]);
        bytes.extend(&quoted);
        let quotation = of(&bytes).unwrap().unwrap();
        assert_eq!(quotation.victim, [0x2b2b_2b2b_2b2b_2b2b; 2]);
        assert_eq!((quotation.protocol, quotation.victim_port), (17, 53));
        bytes[40] = 129;
        assert_eq!(of(&bytes), None);
    }

    proptest! {
        #[test]
        fn any_quotation_is_read_or_refused(
            kind in prop::sample::select(&[3u8, 5, 11][..]),
            quoted in proptest::collection::vec(any::<u8>(), 0..120),
        ) {
            let _ = of(&message(kind, &quoted));
            let _ = Quotation::over_ipv6(&quoted);
        }
    }
}
