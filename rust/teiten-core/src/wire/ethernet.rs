//! Ethernet, its VLAN tags, and IEEE 802.3's LLC header.

use super::{Reason, u16_at};

/// Ethernet types this crate tells apart (IEEE registry of EtherType values).
pub mod ether_type {
    /// Largest value that is the length of an IEEE 802.3 frame, not a type (IEEE 802.3 section 3.2.6).
    pub const MAX_LENGTH: u16 = 1500;
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// ARP.
    pub const ARP: u16 = 0x0806;
    /// Reverse ARP (RFC 903).
    pub const RARP: u16 = 0x8035;
    /// VLAN tag (IEEE 802.1Q).
    pub const VLAN: u16 = 0x8100;
    /// Service tag of QinQ (IEEE 802.1ad).
    pub const SERVICE_VLAN: u16 = 0x88a8;
    /// Service tag of QinQ before it was standardised.
    pub const OLD_SERVICE_VLAN: u16 = 0x9100;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
    /// MPLS with a downstream-assigned label (RFC 5332 section 3).
    pub const MPLS: u16 = 0x8847;
    /// MPLS with an upstream-assigned label (RFC 5332 section 3).
    pub const MPLS_UPSTREAM: u16 = 0x8848;
    /// PPPoE discovery (RFC 2516 section 4).
    pub const PPPOE_DISCOVERY: u16 = 0x8863;
    /// Port authentication, EAP over LAN (IEEE 802.1X section 11.1.4).
    pub const EAPOL: u16 = 0x888e;
    /// Link layer discovery, LLDP (IEEE 802.1AB section 8.3).
    pub const LLDP: u16 = 0x88cc;
    /// PPPoE session (RFC 2516 section 4).
    pub const PPPOE_SESSION: u16 = 0x8864;
}

mod field {
    pub(super) const ETHER_TYPE: usize = 12;
    pub(super) const TAG_ETHER_TYPE: usize = 2;
    pub(super) const SNAP_ETHER_TYPE: usize = 6;
}

/// An Ethernet header (IEEE 802.3 section 3.1).
#[derive(Clone, Copy, Debug)]
pub struct Ethernet<'a> {
    header: &'a [u8; 14],
    payload: &'a [u8],
}

impl<'a> Ethernet<'a> {
    /// Views a frame; afterwards both addresses and the type can be read.
    ///
    /// # Errors
    ///
    /// [`Reason::LinkShort`] below 14 bytes.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        let (header, payload) = bytes.split_first_chunk().ok_or(Reason::LinkShort)?;
        Ok(Self { header, payload })
    }

    /// The type of the payload, or the length of an IEEE 802.3 frame.
    #[inline]
    #[must_use]
    pub const fn ether_type(&self) -> u16 {
        u16_at(self.header, field::ETHER_TYPE)
    }

    /// What follows the header.
    #[inline]
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// A VLAN tag, from behind its own Ethernet type (IEEE 802.1Q section 9.6).
#[derive(Clone, Copy, Debug)]
pub struct Vlan<'a> {
    header: &'a [u8; 4],
    payload: &'a [u8],
}

impl<'a> Vlan<'a> {
    /// Views a tag; afterwards its type can be read.
    ///
    /// # Errors
    ///
    /// [`Reason::LinkShort`] below 4 bytes.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        let (header, payload) = bytes.split_first_chunk().ok_or(Reason::LinkShort)?;
        Ok(Self { header, payload })
    }

    /// The type of what the tag stands before.
    #[must_use]
    pub const fn ether_type(&self) -> u16 {
        u16_at(self.header, field::TAG_ETHER_TYPE)
    }

    /// What follows the tag.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// An LLC header that leads to IP, directly or by SNAP (IEEE 802.2; RFC 1042).
#[derive(Clone, Copy, Debug)]
pub struct Llc<'a> {
    ether_type: u16,
    payload: &'a [u8],
}

impl<'a> Llc<'a> {
    /// Views the LLC header of an IEEE 802.3 frame; afterwards its Ethernet type is known.
    ///
    /// # Errors
    ///
    /// [`Reason::LinkShort`] where the bytes end before it is clear what they are, [`Reason::SpanningTree`] for
    /// bridges' protocol data units (SAP 42, IEEE 802.1D section 9.3.1), [`Reason::Llc`] for everything else but unnumbered information in IP (SAP 06) or in SNAP with an Ethernet type.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        match bytes {
            [0x06, 0x06, 0x03, payload @ ..] => Ok(Self {
                ether_type: ether_type::IPV4,
                payload,
            }),
            // Organisations 00-00-00 (RFC 1042) and 00-00-F8 (IEEE 802.1H) carry Ethernet types.
            [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00 | 0xf8, ..] => {
                let (header, payload) = bytes.split_first_chunk::<8>().ok_or(Reason::LinkShort)?;
                Ok(Self {
                    ether_type: u16_at(header, field::SNAP_ETHER_TYPE),
                    payload,
                })
            }
            [0x42, 0x42, 0x03, ..] => Err(Reason::SpanningTree),
            [_, _, _, ..] => Err(Reason::Llc),
            _ => Err(Reason::LinkShort),
        }
    }

    /// The type of the payload.
    #[must_use]
    pub const fn ether_type(&self) -> u16 {
        self.ether_type
    }

    /// What follows the header.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ethernet_names_its_payload() {
        let bytes = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 0x08, 0x00, 0x45];
        let ethernet = Ethernet::new(&bytes).unwrap();
        assert_eq!(ethernet.ether_type(), ether_type::IPV4);
        assert_eq!(ethernet.payload(), [0x45]);
        assert_eq!(Ethernet::new(&bytes[..13]).unwrap_err(), Reason::LinkShort);
    }

    #[test]
    fn a_tag_names_what_it_stands_before() {
        let tag = Vlan::new(&[0x00, 0x2a, 0x86, 0xdd, 0x60]).unwrap();
        assert_eq!(tag.ether_type(), ether_type::IPV6);
        assert_eq!(tag.payload(), [0x60]);
        assert_eq!(Vlan::new(&[0, 1, 2]).unwrap_err(), Reason::LinkShort);
    }

    #[test]
    fn llc_leads_to_ip_by_sap_and_by_snap() {
        assert_eq!(
            Llc::new(&[6, 6, 3, 0x45]).unwrap().ether_type(),
            ether_type::IPV4
        );
        let snap = [0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd, 0x60];
        assert_eq!(Llc::new(&snap).unwrap().ether_type(), ether_type::IPV6);
        assert_eq!(Llc::new(&snap).unwrap().payload(), [0x60]);
        assert_eq!(Llc::new(&snap[..7]).unwrap_err(), Reason::LinkShort);
        let unit = Llc::new(&[0x42, 0x42, 3, 0, 0]);
        assert_eq!(unit.unwrap_err(), Reason::SpanningTree);
        assert_eq!(Llc::new(&[0xe0, 0xe0, 3]).unwrap_err(), Reason::Llc);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Ethernet::new(&bytes).map(|view| (view.ether_type(), view.payload().len()));
            let _ = Vlan::new(&bytes).map(|view| (view.ether_type(), view.payload().len()));
            let _ = Llc::new(&bytes).map(|view| (view.ether_type(), view.payload().len()));
        }
    }
}
