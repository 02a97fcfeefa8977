//! What kind of packet it is.
//!
//! A telescope's addresses ask nothing, so a reply can only answer traffic forged in their name. Classes say how a
//! packet looks, not what its sender meant.

use crate::packet::{Packet, Transport, protocol};
use crate::wire::tcp::flag;

/// The class of a packet. The numbers are those of the batch format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// An unasked request.
    Probe = 1,
    /// A reply to traffic forged in our name.
    Backscatter = 2,
    /// A UDP packet from a service that forgers use as a reflector.
    Reflected = 3,
    /// Anything else: later fragments, headers cut short, other protocols, stray segments.
    Other = 4,
}

impl Class {
    /// Every class, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Probe, Self::Backscatter, Self::Reflected, Self::Other];

    /// `probe`, `backscatter`, `reflected` or `other`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Backscatter => "backscatter",
            Self::Reflected => "reflected",
            Self::Other => "other",
        }
    }

    /// The class of a packet.
    #[inline]
    #[must_use]
    pub fn of(packet: &Packet<'_>) -> Self {
        match &packet.transport {
            Transport::Tcp(tcp) => Self::of_tcp(tcp.flags()),
            Transport::Udp(udp) => of_udp(udp.source_port()),
            Transport::Icmp(icmp) => of_icmp(icmp.kind()),
            Transport::Icmpv6(icmp) => of_icmpv6(icmp.kind()),
            Transport::Ports(ports) if packet.protocol == protocol::UDP => {
                of_udp(ports.source_port())
            }
            Transport::Ports(_) | Transport::Cut | Transport::LaterFragment | Transport::Other => {
                Self::Other
            }
        }
    }

    /// The class of a segment with these flags.
    ///
    /// SYN+ACK and RST answer (RFC 9293 section 3.5; Moore et al., "Inferring Internet Denial-of-Service Activity",
    /// 2001, table 1). Whatever acknowledges nothing asks: SYN, and the Null, FIN and Xmas probes that RFC 9293
    /// section 3.10.7.1 has a closed port answer. A bare acknowledgement may be either.
    #[inline]
    pub(crate) const fn of_tcp(flags: u8) -> Self {
        const SYN_ACK: u8 = flag::SYN | flag::ACK;
        if flags & flag::RST != 0 || flags & SYN_ACK == SYN_ACK {
            Self::Backscatter
        } else if flags & flag::ACK == 0 {
            Self::Probe
        } else {
            Self::Other
        }
    }
}

/// Source ports of services used as reflectors, as CISA alert TA14-017A "UDP-Based Amplification Attacks" (2014,
/// revised 2019) lists them with a fixed port below the ephemeral range: quote of the day 17, CHARGEN 19, DNS 53,
/// TFTP 69, portmapper 111, NTP 123, NetBIOS 137, SNMP 161, CLDAP 389, RIP 520, SSDP 1900, WS-Discovery 3702,
/// multicast DNS 5353, memcached 11211.
const fn of_udp(source_port: u16) -> Class {
    match source_port {
        17 | 19 | 53 | 69 | 111 | 123 | 137 | 161 | 389 | 520 | 1900 | 3702 | 5353 | 11211 => {
            Class::Reflected
        }
        _ => Class::Probe,
    }
}

/// Replies and errors: echo reply 0, unreachable 3, source quench 4, redirect 5, time exceeded 11, parameter
/// problem 12, timestamp reply 14, information reply 16 (RFC 792), mask reply 18 (RFC 950). Requests: echo 8,
/// router solicitation 10 (RFC 1256), timestamp 13, information 15, mask 17.
const fn of_icmp(kind: u8) -> Class {
    match kind {
        0 | 3 | 4 | 5 | 11 | 12 | 14 | 16 | 18 => Class::Backscatter,
        8 | 10 | 13 | 15 | 17 => Class::Probe,
        _ => Class::Other,
    }
}

/// Errors 1 to 4 and echo reply 129; requests are echo 128 (RFC 4443) and node information 139 (RFC 4620).
const fn of_icmpv6(kind: u8) -> Class {
    match kind {
        1..=4 | 129 => Class::Backscatter,
        128 | 139 => Class::Probe,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_that_answer_are_backscatter() {
        for flags in [0x12, 0x04, 0x14, 0x16, 0x52] {
            assert_eq!(Class::of_tcp(flags), Class::Backscatter, "{flags:#x}");
        }
    }

    #[test]
    fn segments_that_acknowledge_nothing_are_probes() {
        for flags in [0x02, 0xc2, 0x00, 0x01, 0x29, 0x03] {
            assert_eq!(Class::of_tcp(flags), Class::Probe, "{flags:#x}");
        }
        for flags in [0x10, 0x18, 0x11] {
            assert_eq!(Class::of_tcp(flags), Class::Other, "{flags:#x}");
        }
    }

    #[test]
    fn datagrams_from_reflectors_are_reflected() {
        assert_eq!(of_udp(53), Class::Reflected);
        assert_eq!(of_udp(11211), Class::Reflected);
        assert_eq!(of_udp(54), Class::Probe);
    }

    #[test]
    fn icmp_types_are_told_apart_by_version() {
        assert_eq!(of_icmp(8), Class::Probe);
        assert_eq!(of_icmp(129), Class::Other);
        assert_eq!(of_icmpv6(129), Class::Backscatter);
        assert_eq!(of_icmpv6(128), Class::Probe);
        assert_eq!(of_icmpv6(135), Class::Other);
    }

    #[test]
    fn numbers_follow_the_batch_format() {
        assert_eq!(Class::ALL.map(|class| class as u8), [1, 2, 3, 4]);
    }
}
