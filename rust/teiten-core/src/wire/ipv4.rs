//! IPv4.

use super::{Reason, checksum, u16_at, u32_at};

mod field {
    pub(super) const VERSION_LENGTH: usize = 0;
    pub(super) const TOTAL_LENGTH: usize = 2;
    pub(super) const IDENTIFICATION: usize = 4;
    pub(super) const FRAGMENT: usize = 6;
    pub(super) const TIME_TO_LIVE: usize = 8;
    pub(super) const PROTOCOL: usize = 9;
    pub(super) const SOURCE: usize = 12;
    pub(super) const DESTINATION: usize = 16;
}

/// An IPv4 header (RFC 791 section 3.1).
#[derive(Clone, Copy, Debug)]
pub struct Ipv4<'a> {
    header: &'a [u8; 20],
    rest: &'a [u8],
}

impl<'a> Ipv4<'a> {
    /// Views a packet; afterwards every field of the fixed header can be read. Options may be cut short.
    ///
    /// # Errors
    ///
    /// [`Reason::Ipv4HeaderShort`] below 20 bytes, [`Reason::IpVersion`] for another version,
    /// [`Reason::Ipv4HeaderLength`] if the header claims less than 20 bytes.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        let (header, rest) = bytes.split_first_chunk().ok_or(Reason::Ipv4HeaderShort)?;
        let view = Self { header, rest };
        if header[field::VERSION_LENGTH] >> 4 != 4 {
            return Err(Reason::IpVersion);
        }
        if view.header_length() < 20 {
            return Err(Reason::Ipv4HeaderLength);
        }
        Ok(view)
    }

    /// Views a header without options, which `header` must be, and what follows it.
    #[inline]
    pub(crate) const fn of_parts(header: &'a [u8; 20], rest: &'a [u8]) -> Self {
        Self { header, rest }
    }

    /// The header without its options.
    #[inline]
    pub(crate) const fn header(&self) -> &'a [u8; 20] {
        self.header
    }

    /// Length of the header with its options as it states it, 20 to 60 bytes.
    #[inline]
    #[must_use]
    pub const fn header_length(&self) -> usize {
        (self.header[field::VERSION_LENGTH] & 0x0f) as usize * 4
    }

    /// Length of the whole packet as its header states it; it may be less than the header's.
    #[inline]
    #[must_use]
    pub const fn total_length(&self) -> u16 {
        u16_at(self.header, field::TOTAL_LENGTH)
    }

    /// Upper halves of source and destination address.
    #[inline]
    pub(crate) const fn upper_halves(&self) -> (u16, u16) {
        (
            u16_at(self.header, field::SOURCE),
            u16_at(self.header, field::DESTINATION),
        )
    }

    /// Identification.
    #[inline]
    #[must_use]
    pub const fn identification(&self) -> u16 {
        u16_at(self.header, field::IDENTIFICATION)
    }

    /// Offset of this fragment in units of 8 bytes; 0 for the first and for a whole packet.
    #[inline]
    #[must_use]
    pub const fn fragment_offset(&self) -> u16 {
        u16_at(self.header, field::FRAGMENT) & 0x1fff
    }

    /// Whether this is a part of a packet.
    #[inline]
    #[must_use]
    pub const fn is_fragment(&self) -> bool {
        u16_at(self.header, field::FRAGMENT) & 0x3fff != 0
    }

    /// The three bits before the fragment offset: reserved, don't fragment, more fragments.
    #[inline]
    #[must_use]
    pub const fn flags(&self) -> u8 {
        self.header[field::FRAGMENT] >> 5
    }

    /// Time to live.
    #[inline]
    #[must_use]
    pub const fn time_to_live(&self) -> u8 {
        self.header[field::TIME_TO_LIVE]
    }

    /// Whether more fragments follow this one.
    #[inline]
    #[must_use]
    pub const fn more_fragments(&self) -> bool {
        self.header[field::FRAGMENT] & 0x20 != 0
    }

    /// Whether the header's checksum is right; `None` where options were cut off.
    #[inline]
    #[must_use]
    pub fn is_checksum_right(&self) -> Option<bool> {
        let options = self.rest.get(..self.header_length() - 20)?;
        let mut sum = checksum::sum(self.header);
        if !options.is_empty() {
            sum = checksum::add(sum, checksum::sum(options));
        }
        Some(checksum::is_right(sum))
    }

    /// The pseudo header's sum for a checksum over `length` bytes of a protocol (RFC 9293 section 3.1).
    #[inline]
    #[must_use]
    pub fn pseudo_header(&self, protocol: u8, length: u32) -> u64 {
        let rest = checksum::of_protocol(protocol, length);
        checksum::sum_from(rest, &self.header[field::SOURCE..])
    }

    /// Whether all of the payload was captured that the header states.
    #[inline]
    #[must_use]
    pub fn is_whole(&self) -> bool {
        (self.total_length() as usize).saturating_sub(20) <= self.rest.len()
    }

    /// What follows header and options, whatever total length the header states: an ICMP error quotes packets whose
    /// end is cut off, and some systems quote the length in another byte order.
    #[inline]
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
            .get(self.header_length() - 20..)
            .unwrap_or_default()
    }

    /// Protocol of the payload (IANA registry of protocol numbers).
    #[inline]
    #[must_use]
    pub const fn protocol(&self) -> u8 {
        self.header[field::PROTOCOL]
    }

    /// Source address, as a number.
    #[inline]
    #[must_use]
    pub const fn source(&self) -> u32 {
        u32_at(self.header, field::SOURCE)
    }

    /// Destination address, as a number.
    #[inline]
    #[must_use]
    pub const fn destination(&self) -> u32 {
        u32_at(self.header, field::DESTINATION)
    }

    /// What follows header and options, bounded by the stated total length and by what was captured.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        let end = (self.total_length() as usize)
            .saturating_sub(20)
            .min(self.rest.len());
        self.rest
            .get(self.header_length() - 20..end)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[rustfmt::skip]
    const BYTES: [u8; 28] = [
        0x46, 0x00, 0x00, 0x1a, 0xd4, 0x31, 0x20, 0x03, 0x40, 0x06, 0x00, 0x00,
        198, 51, 100, 7, 203, 0, 113, 9, 1, 1, 1, 0, 0xaa, 0xbb, 0xee, 0xee,
    ];

    #[test]
    fn fields_are_read_and_the_payload_is_bounded_by_the_total_length() {
        let packet = Ipv4::new(&BYTES).unwrap();
        assert_eq!(packet.header_length(), 24);
        assert_eq!(packet.total_length(), 26);
        assert_eq!(packet.identification(), 54321);
        assert_eq!((packet.flags(), packet.fragment_offset()), (1, 3));
        assert_eq!(packet.time_to_live(), 64);
        assert_eq!(packet.protocol(), 6);
        assert_eq!(packet.source().to_be_bytes(), [198, 51, 100, 7]);
        assert_eq!(packet.destination().to_be_bytes(), [203, 0, 113, 9]);
        assert_eq!(packet.payload(), [0xaa, 0xbb]);
    }

    #[test]
    fn the_checksum_covers_the_options() {
        let mut bytes = BYTES;
        assert_eq!(Ipv4::new(&bytes).unwrap().is_checksum_right(), Some(false));
        // One's complement of the sum of the other words.
        bytes[10..12].copy_from_slice(&[0x7f, 0x3d]);
        let sum: u32 = (0..12)
            .map(|word| u32::from(bytes[word * 2]) << 8 | u32::from(bytes[word * 2 + 1]))
            .sum();
        let missing = 0xffff - (sum % 0xffff);
        let checksum = (0x7f3d + missing) % 0xffff;
        bytes[10..12].copy_from_slice(&u16::try_from(checksum).unwrap().to_be_bytes());
        assert_eq!(Ipv4::new(&bytes).unwrap().is_checksum_right(), Some(true));
        assert_eq!(Ipv4::new(&bytes[..23]).unwrap().is_checksum_right(), None);
        assert!(Ipv4::new(&bytes[..26]).unwrap().is_whole());
        assert!(!Ipv4::new(&bytes[..25]).unwrap().is_whole());
        assert!(Ipv4::new(&bytes).unwrap().more_fragments());
        assert_eq!(Ipv4::new(&bytes).unwrap().rest(), [0xaa, 0xbb, 0xee, 0xee]);
    }

    #[test]
    fn unreadable_headers_are_refused() {
        assert_eq!(
            Ipv4::new(&BYTES[..19]).unwrap_err(),
            Reason::Ipv4HeaderShort
        );
        let mut bytes = BYTES;
        bytes[0] = 0x56;
        assert_eq!(Ipv4::new(&bytes).unwrap_err(), Reason::IpVersion);
        bytes[0] = 0x44;
        assert_eq!(Ipv4::new(&bytes).unwrap_err(), Reason::Ipv4HeaderLength);
    }

    #[test]
    fn lengths_that_lie_leave_an_empty_payload() {
        let mut bytes = BYTES;
        bytes[0] = 0x4f;
        assert_eq!(Ipv4::new(&bytes).unwrap().payload(), []);
        bytes = BYTES;
        bytes[2..4].copy_from_slice(&[0, 8]);
        assert_eq!(Ipv4::new(&bytes).unwrap().payload(), []);
        bytes[2..4].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(Ipv4::new(&bytes).unwrap().payload().len(), 4);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(packet) = Ipv4::new(&bytes) {
                prop_assert!(packet.payload().len() + 20 <= bytes.len());
                prop_assert!(packet.payload().len() <= usize::from(packet.total_length()));
            }
        }
    }
}
