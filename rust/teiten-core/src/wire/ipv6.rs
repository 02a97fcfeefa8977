//! IPv6 with its chain of extension headers.

use super::{Reason, checksum, u16_at, u64_at};
use crate::limits::MAX_IPV6_EXTENSIONS;

mod field {
    pub(super) const VERSION: usize = 0;
    pub(super) const PAYLOAD_LENGTH: usize = 4;
    pub(super) const NEXT_HEADER: usize = 6;
    pub(super) const SOURCE: usize = 8;
    pub(super) const DESTINATION: usize = 24;
    pub(super) const EXTENSION_NEXT_HEADER: usize = 0;
    pub(super) const EXTENSION_LENGTH: usize = 1;
    pub(super) const EXTENSION_FRAGMENT: usize = 2;
    pub(super) const EXTENSION_MORE: usize = 3;
}

/// Extension headers that are walked; ESP (50) and AH (51) are protocols of their own.
mod extension {
    /// Hop-by-hop options (RFC 8200 section 4.3).
    pub(super) const HOP_BY_HOP: u8 = 0;
    /// Routing (RFC 8200 section 4.4).
    pub(super) const ROUTING: u8 = 43;
    /// Fragment (RFC 8200 section 4.5).
    pub(super) const FRAGMENT: u8 = 44;
    /// Destination options (RFC 8200 section 4.6).
    pub(super) const DESTINATION_OPTIONS: u8 = 60;
}

/// An IPv6 address as two halves, high half first.
pub type Halves = [u64; 2];

/// An IPv6 header (RFC 8200 section 3).
#[derive(Clone, Copy, Debug)]
pub struct Ipv6<'a> {
    header: &'a [u8; 40],
    rest: &'a [u8],
}

/// Where a chain of extension headers leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upper<'a> {
    /// Protocol behind the chain, or the number of the extension header where the chain was cut short.
    pub protocol: u8,
    /// Whether this is a fragment other than the first: `payload` then is no header.
    pub later_fragment: bool,
    /// Whether this is a fragment with others behind it.
    pub more_fragments: bool,
    /// What follows the chain, bounded by the stated length and by what was captured.
    pub payload: &'a [u8],
    /// Where `payload` begins, in bytes from the start of the IPv6 header.
    pub offset: usize,
    /// Why the chain was cut short, if it was; `payload` then begins at the header that could not be read.
    pub stopped: Option<Reason>,
}

impl<'a> Ipv6<'a> {
    /// Views a packet; afterwards every field of the fixed header can be read.
    ///
    /// # Errors
    ///
    /// [`Reason::Ipv6HeaderShort`] below 40 bytes, [`Reason::IpVersion`] for another version.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        let (header, rest) = bytes.split_first_chunk().ok_or(Reason::Ipv6HeaderShort)?;
        if header[field::VERSION] >> 4 != 6 {
            return Err(Reason::IpVersion);
        }
        Ok(Self { header, rest })
    }

    /// Length of what follows the fixed header, as it states it.
    #[must_use]
    pub const fn payload_length(&self) -> u16 {
        u16_at(self.header, field::PAYLOAD_LENGTH)
    }

    /// Number of the header that follows.
    #[must_use]
    pub const fn next_header(&self) -> u8 {
        self.header[field::NEXT_HEADER]
    }

    /// Source address.
    #[must_use]
    pub const fn source(&self) -> Halves {
        [
            u64_at(self.header, field::SOURCE),
            u64_at(self.header, field::SOURCE + 8),
        ]
    }

    /// Destination address.
    #[must_use]
    pub const fn destination(&self) -> Halves {
        [
            u64_at(self.header, field::DESTINATION),
            u64_at(self.header, field::DESTINATION + 8),
        ]
    }

    /// What follows the fixed header, bounded by the stated length and by what was captured.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        &self.rest[..self.rest.len().min(self.payload_length() as usize)]
    }

    /// Whether all of the payload was captured that the header states.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.payload_length() as usize <= self.rest.len()
    }

    /// The pseudo header's sum for a checksum over `length` bytes of a protocol (RFC 8200 section 8.1). The
    /// destination is the fixed header's: behind a routing header with segments left it is another one.
    #[must_use]
    pub fn pseudo_header(&self, protocol: u8, length: u32) -> u64 {
        checksum::add(
            checksum::sum(&self.header[field::SOURCE..]),
            checksum::of_protocol(protocol, length),
        )
    }

    /// Walks the chain of extension headers, at most [`MAX_IPV6_EXTENSIONS`] of them.
    #[must_use]
    pub fn upper(&self) -> Upper<'a> {
        let mut upper = Upper {
            protocol: self.next_header(),
            later_fragment: false,
            more_fragments: false,
            payload: self.payload(),
            offset: 40,
            stopped: None,
        };
        for _ in 0..MAX_IPV6_EXTENSIONS {
            if !Extension::is_walked(upper.protocol) {
                return upper;
            }
            match Extension::new(upper.protocol, upper.payload) {
                Ok(extension) => {
                    upper.protocol = extension.next_header();
                    upper.later_fragment = extension.fragment_offset() > 0;
                    upper.more_fragments |= extension.more_fragments();
                    upper.offset += upper.payload.len() - extension.payload().len();
                    upper.payload = extension.payload();
                    if upper.later_fragment {
                        return upper;
                    }
                }
                Err(reason) => {
                    upper.stopped = Some(reason);
                    return upper;
                }
            }
        }
        if Extension::is_walked(upper.protocol) {
            upper.stopped = Some(Reason::Ipv6ExtensionDepth);
        }
        upper
    }
}

/// An extension header (RFC 8200 section 4).
#[derive(Clone, Copy, Debug)]
struct Extension<'a> {
    kind: u8,
    header: &'a [u8; 8],
    payload: &'a [u8],
}

impl<'a> Extension<'a> {
    const fn is_walked(kind: u8) -> bool {
        matches!(
            kind,
            extension::HOP_BY_HOP
                | extension::ROUTING
                | extension::FRAGMENT
                | extension::DESTINATION_OPTIONS
        )
    }

    /// Views an extension header; afterwards all of it is known to be there.
    fn new(kind: u8, bytes: &'a [u8]) -> Result<Self, Reason> {
        let (header, rest) = bytes
            .split_first_chunk()
            .ok_or(Reason::Ipv6ExtensionShort)?;
        // A fragment header is always 8 bytes; the others count 8-byte units beyond the first.
        let further = match kind {
            extension::FRAGMENT => 0,
            _ => usize::from(header[field::EXTENSION_LENGTH]) * 8,
        };
        let payload = rest.get(further..).ok_or(Reason::Ipv6ExtensionShort)?;
        Ok(Self {
            kind,
            header,
            payload,
        })
    }

    const fn next_header(&self) -> u8 {
        self.header[field::EXTENSION_NEXT_HEADER]
    }

    /// Offset in units of 8 bytes; 0 for headers other than a fragment's.
    const fn fragment_offset(&self) -> u16 {
        match self.kind {
            extension::FRAGMENT => u16_at(self.header, field::EXTENSION_FRAGMENT) >> 3,
            _ => 0,
        }
    }

    /// Whether a fragment header says that more fragments follow.
    const fn more_fragments(&self) -> bool {
        self.kind == extension::FRAGMENT && self.header[field::EXTENSION_MORE] & 1 != 0
    }

    const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(next_header: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = vec![0x60, 0, 0, 0, length[0], length[1], next_header, 64];
        bytes.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn fields_are_read_and_the_payload_is_bounded_by_its_length() {
        let mut bytes = packet(17, &[1, 2, 3]);
        bytes.push(0xee);
        let packet = Ipv6::new(&bytes).unwrap();
        assert_eq!(packet.payload_length(), 3);
        assert_eq!(packet.source(), [0x2001_0db8_0000_0000, 1]);
        assert_eq!(packet.destination(), [0x2001_0db8_0000_0000, 2]);
        assert_eq!(packet.upper().protocol, 17);
        assert_eq!(packet.upper().payload, [1, 2, 3]);
        assert_eq!(
            Ipv6::new(&bytes[..39]).unwrap_err(),
            Reason::Ipv6HeaderShort
        );
        bytes[0] = 0x45;
        assert_eq!(Ipv6::new(&bytes).unwrap_err(), Reason::IpVersion);
    }

    #[test]
    fn the_chain_is_walked_to_the_protocol_behind_it() {
        #[rustfmt::skip]
        let bytes = packet(0, &[
            60, 0, 5, 2, 0, 0, 1, 0,
            43, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            44, 0, 0, 0, 0, 0, 0, 0,
            6, 0, 0x00, 0x01, 0, 0, 0, 9,
            0xaa,
        ]);
        let upper = Ipv6::new(&bytes).unwrap().upper();
        assert_eq!((upper.protocol, upper.later_fragment), (6, false));
        assert_eq!(
            (upper.payload, upper.offset, upper.stopped),
            (&[0xaa][..], 80, None)
        );
    }

    #[test]
    fn a_later_fragment_ends_the_walk() {
        let bytes = packet(44, &[58, 0, 0x05, 0xa8, 0, 0, 0, 9, 0xaa]);
        let upper = Ipv6::new(&bytes).unwrap().upper();
        assert_eq!((upper.protocol, upper.later_fragment), (58, true));
    }

    #[test]
    fn a_chain_cut_short_keeps_the_number_of_the_extension() {
        let bytes = packet(43, &[6, 1, 0, 0, 0, 0, 0, 0, 0xaa]);
        let upper = Ipv6::new(&bytes).unwrap().upper();
        assert_eq!(
            (upper.protocol, upper.stopped),
            (43, Some(Reason::Ipv6ExtensionShort))
        );
    }

    #[test]
    fn authentication_and_encryption_are_protocols() {
        for protocol in [50, 51] {
            let bytes = packet(protocol, &[6, 1, 0, 0, 0, 0, 0, 0]);
            assert_eq!(Ipv6::new(&bytes).unwrap().upper().protocol, protocol);
        }
    }

    #[test]
    fn the_walk_ends_at_the_limit() {
        let bytes = packet(
            60,
            &[60, 0, 0, 0, 0, 0, 0, 0].repeat(MAX_IPV6_EXTENSIONS + 1),
        );
        let upper = Ipv6::new(&bytes).unwrap().upper();
        assert_eq!(
            (upper.protocol, upper.stopped),
            (60, Some(Reason::Ipv6ExtensionDepth))
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            kind in prop::sample::select(&[0u8, 43, 44, 60, 6][..]),
            payload in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let bytes = packet(kind, &payload);
            let upper = Ipv6::new(&bytes).unwrap().upper();
            prop_assert!(upper.payload.len() <= payload.len());
            let _ = Ipv6::new(&payload);
        }
    }
}
