//! From the first byte of a frame to its outermost IP header.

use super::cooked::{Cooked, Cooked2, PROTOCOL_LLC};
use super::ethernet::{Ethernet, Llc, Vlan, ether_type};
use super::loopback::Loopback;
use super::mpls::Mpls;
use super::pppoe::Pppoe;
use super::{Malformed, Reason};
use crate::frame::LinkType;
use crate::limits::MAX_LINK_HEADERS;

/// The bytes from the outermost IP header on, with what the headers before it say of its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried<'a> {
    /// Said to be IPv4.
    Ipv4(&'a [u8]),
    /// Said to be IPv6.
    Ipv6(&'a [u8]),
    /// Said to be IP; the version is only in the header itself.
    Ip(&'a [u8]),
}

impl<'a> Carried<'a> {
    /// The bytes, whatever their version.
    #[inline]
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        match self {
            Self::Ipv4(bytes) | Self::Ipv6(bytes) | Self::Ip(bytes) => bytes,
        }
    }
}

/// Looks through the link header, VLAN, QinQ, MPLS, PPPoE sessions and LLC to the outermost IP header.
///
/// # Errors
///
/// Where and why no IP header can be reached.
#[inline]
pub fn look_through(link: LinkType, bytes: &[u8]) -> Result<Carried<'_>, Malformed> {
    let at_start = |reason| Malformed { reason, offset: 0 };
    match link {
        LinkType::Ethernet => {
            let header = Ethernet::new(bytes).map_err(at_start)?;
            match header.ether_type() {
                ether_type::IPV4 => Ok(Carried::Ipv4(header.payload())),
                other => walk(other, header.payload(), bytes.len()),
            }
        }
        LinkType::LinuxCooked => {
            let header = Cooked::new(bytes).map_err(at_start)?;
            walk(
                linux_protocol(header.protocol()),
                header.payload(),
                bytes.len(),
            )
        }
        LinkType::LinuxCooked2 => {
            let header = Cooked2::new(bytes).map_err(at_start)?;
            walk(
                linux_protocol(header.protocol()),
                header.payload(),
                bytes.len(),
            )
        }
        LinkType::Null | LinkType::Loop => {
            let header = Loopback::new(bytes).map_err(at_start)?;
            if header.is_ip() {
                Ok(Carried::Ip(header.payload()))
            } else {
                Err(at_start(Reason::LoopbackFamily))
            }
        }
        LinkType::RawIp => Ok(Carried::Ip(bytes)),
        LinkType::RawIpv4 => Ok(Carried::Ipv4(bytes)),
        LinkType::RawIpv6 => Ok(Carried::Ipv6(bytes)),
        LinkType::Unknown(_) => Err(at_start(Reason::LinkUnknown)),
    }
}

/// Linux's own numbers lie where Ethernet has lengths; only its number of LLC leads on.
const fn linux_protocol(protocol: u16) -> u16 {
    match protocol {
        PROTOCOL_LLC => 0,
        // Any type that is looked through no further.
        0..=ether_type::MAX_LENGTH => u16::MAX,
        other => other,
    }
}

/// Walks from the header named by `next` to IP; `frame_length` is that of the whole frame.
fn walk(mut next: u16, mut rest: &[u8], frame_length: usize) -> Result<Carried<'_>, Malformed> {
    for _ in 0..MAX_LINK_HEADERS {
        let offset = frame_length - rest.len();
        let here = |reason| Malformed { reason, offset };
        match next {
            ether_type::IPV4 => return Ok(Carried::Ipv4(rest)),
            ether_type::IPV6 => return Ok(Carried::Ipv6(rest)),
            ether_type::VLAN | ether_type::SERVICE_VLAN | ether_type::OLD_SERVICE_VLAN => {
                let tag = Vlan::new(rest).map_err(here)?;
                (next, rest) = (tag.ether_type(), tag.payload());
            }
            ether_type::MPLS | ether_type::MPLS_UPSTREAM => {
                let entry = Mpls::new(rest).map_err(here)?;
                rest = entry.payload();
                if entry.is_bottom() {
                    return labelled(rest, offset + 4);
                }
            }
            ether_type::PPPOE_SESSION => {
                let session = Pppoe::new(rest).map_err(here)?;
                return match session.protocol() {
                    Pppoe::IPV4 => Ok(Carried::Ipv4(session.payload())),
                    Pppoe::IPV6 => Ok(Carried::Ipv6(session.payload())),
                    _ => Err(here(Reason::PppProtocol)),
                };
            }
            ether_type::ARP => return Err(here(Reason::Arp)),
            ether_type::RARP => return Err(here(Reason::Rarp)),
            ether_type::LLDP => return Err(here(Reason::Lldp)),
            ether_type::EAPOL => return Err(here(Reason::Eapol)),
            ether_type::PPPOE_DISCOVERY => return Err(here(Reason::PppoeDiscovery)),
            0..=ether_type::MAX_LENGTH => {
                let llc = Llc::new(rest).map_err(here)?;
                // A length inside SNAP would be no frame at all.
                next = match llc.ether_type() {
                    0..=ether_type::MAX_LENGTH => return Err(here(Reason::Llc)),
                    other => other,
                };
                rest = llc.payload();
            }
            _ => return Err(here(Reason::NotIp)),
        }
    }
    Err(Malformed {
        reason: Reason::LinkDepth,
        offset: frame_length - rest.len(),
    })
}

/// MPLS does not say what it carries; the version of IP is the common guess (RFC 4928 section 2).
fn labelled(rest: &[u8], offset: usize) -> Result<Carried<'_>, Malformed> {
    match rest.first().map(|first| first >> 4) {
        Some(4 | 6) => Ok(Carried::Ip(rest)),
        Some(_) => Err(Malformed {
            reason: Reason::MplsPayload,
            offset,
        }),
        None => Err(Malformed {
            reason: Reason::LinkShort,
            offset,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ADDRESSES: [u8; 12] = [2; 12];

    fn ethernet(rest: &[u8]) -> Vec<u8> {
        [&ADDRESSES, rest].concat()
    }

    fn reached(link: LinkType, bytes: &[u8]) -> Result<usize, (Reason, usize)> {
        look_through(link, bytes)
            .map(|carried| bytes.len() - carried.bytes().len())
            .map_err(|stop| (stop.reason, stop.offset))
    }

    #[test]
    fn tags_labels_and_sessions_are_looked_through() {
        let frames: [(&[u8], usize); 6] = [
            (&[0x08, 0x00, 0x45], 14),
            (&[0x81, 0x00, 0x00, 0x2a, 0x86, 0xdd, 0x60], 18),
            (&[0x88, 0xa8, 0, 1, 0x81, 0x00, 0, 2, 0x08, 0x00, 0x45], 22),
            (
                &[0x91, 0x00, 0, 1, 0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64, 0x45],
                26,
            ),
            (&[0x88, 0x64, 0x11, 0, 0, 1, 0, 3, 0x00, 0x57, 0x60], 22),
            (&[0x00, 0x09, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00, 0x45], 22),
        ];
        for (rest, offset) in frames {
            assert_eq!(
                reached(LinkType::Ethernet, &ethernet(rest)),
                Ok(offset),
                "{rest:x?}"
            );
        }
    }

    #[test]
    fn what_carries_no_ip_says_what_it_is_and_where() {
        let frames: [(&[u8], Reason, usize); 11] = [
            (&[0x08, 0x06, 0, 1], Reason::Arp, 14),
            (&[0x80, 0x35, 0, 1], Reason::Rarp, 14),
            (&[0x88, 0xcc, 0, 1], Reason::Lldp, 14),
            (&[0x88, 0x8e, 0, 1], Reason::Eapol, 14),
            (&[0x88, 0x63, 0, 1], Reason::PppoeDiscovery, 14),
            (&[0x90, 0x00, 0, 1], Reason::NotIp, 14),
            (&[0x00, 0x26, 0x42, 0x42, 3], Reason::SpanningTree, 14),
            (&[0x00, 0x26, 0xe0, 0xe0, 3], Reason::Llc, 14),
            (&[0x88, 0x47, 0, 1, 1, 64, 0x00], Reason::MplsPayload, 18),
            (
                &[0x88, 0x64, 0x11, 0, 0, 1, 0, 3, 0xc0, 0x21],
                Reason::PppProtocol,
                14,
            ),
            (&[0x81, 0x00, 0x00], Reason::LinkShort, 14),
        ];
        for (rest, reason, offset) in frames {
            assert_eq!(
                reached(LinkType::Ethernet, &ethernet(rest)),
                Err((reason, offset))
            );
        }
    }

    #[test]
    fn stacked_tags_end_at_the_limit() {
        let tags = [0x81, 0x00, 0, 1].repeat(MAX_LINK_HEADERS + 1);
        let (reason, _) = reached(LinkType::Ethernet, &ethernet(&tags)).unwrap_err();
        assert_eq!(reason, Reason::LinkDepth);
    }

    #[test]
    fn other_link_types_lead_to_ip() {
        assert_eq!(reached(LinkType::RawIp, &[0x45]), Ok(0));
        assert_eq!(reached(LinkType::RawIpv4, &[0x45]), Ok(0));
        let carried = look_through(LinkType::RawIpv6, &[0x45]).unwrap();
        assert_eq!(carried, Carried::Ipv6(&[0x45]));
        assert_eq!(reached(LinkType::Null, &[2, 0, 0, 0, 0x45]), Ok(4));
        assert_eq!(reached(LinkType::Loop, &[0, 0, 0, 24, 0x60]), Ok(4));
        assert_eq!(
            reached(LinkType::Null, &[7, 0, 0, 0]),
            Err((Reason::LoopbackFamily, 0))
        );
        assert_eq!(
            reached(LinkType::Unknown(105), &[8, 0]),
            Err((Reason::LinkUnknown, 0))
        );
        let mut cooked = [0; 17];
        cooked[14..].copy_from_slice(&[0x08, 0x00, 0x45]);
        assert_eq!(reached(LinkType::LinuxCooked, &cooked), Ok(16));
        cooked[14..16].copy_from_slice(&[0x00, 0x01]);
        assert_eq!(
            reached(LinkType::LinuxCooked, &cooked),
            Err((Reason::NotIp, 16))
        );
        let mut cooked = [0; 21];
        cooked[..2].copy_from_slice(&[0x86, 0xdd]);
        assert_eq!(reached(LinkType::LinuxCooked2, &cooked), Ok(20));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            number in 0u32..300,
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            if let Err(stop) = look_through(LinkType::from_number(number), &bytes) {
                prop_assert!(stop.offset <= bytes.len());
            }
        }
    }
}
