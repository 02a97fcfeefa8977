//! UDP, and the ports that TCP and UDP share.

use super::{Reason, checksum, u16_at};

mod field {
    pub(super) const SOURCE_PORT: usize = 0;
    pub(super) const DESTINATION_PORT: usize = 2;
    pub(super) const LENGTH: usize = 4;
    pub(super) const CHECKSUM: usize = 6;
}

/// The ports at the front of a TCP or UDP header that is cut short behind them.
#[derive(Clone, Copy, Debug)]
pub struct Ports<'a> {
    header: &'a [u8; 4],
}

impl<'a> Ports<'a> {
    /// Views the ports; afterwards both can be read.
    ///
    /// # Errors
    ///
    /// [`Reason::UdpShort`] below 4 bytes.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        let header = bytes.first_chunk().ok_or(Reason::UdpShort)?;
        Ok(Self { header })
    }

    /// Source port.
    #[must_use]
    pub const fn source_port(&self) -> u16 {
        u16_at(self.header, field::SOURCE_PORT)
    }

    /// Destination port.
    #[must_use]
    pub const fn destination_port(&self) -> u16 {
        u16_at(self.header, field::DESTINATION_PORT)
    }
}

/// A UDP header (RFC 768).
#[derive(Clone, Copy, Debug)]
pub struct Udp<'a> {
    header: &'a [u8; 8],
    payload: &'a [u8],
}

impl<'a> Udp<'a> {
    /// Views a datagram; afterwards every field can be read.
    ///
    /// # Errors
    ///
    /// [`Reason::UdpShort`] below 8 bytes.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        let (header, payload) = bytes.split_first_chunk().ok_or(Reason::UdpShort)?;
        Ok(Self { header, payload })
    }

    /// Source port.
    #[inline]
    #[must_use]
    pub const fn source_port(&self) -> u16 {
        u16_at(self.header, field::SOURCE_PORT)
    }

    /// Destination port.
    #[inline]
    #[must_use]
    pub const fn destination_port(&self) -> u16 {
        u16_at(self.header, field::DESTINATION_PORT)
    }

    /// Length of header and payload as the header states it.
    #[inline]
    #[must_use]
    pub const fn stated_length(&self) -> u16 {
        u16_at(self.header, field::LENGTH)
    }

    /// Length of all of the datagram that is there.
    #[inline]
    #[must_use]
    pub const fn length(&self) -> usize {
        8 + self.payload.len()
    }

    /// Sum of the first `length` bytes of the datagram that are there, for its checksum.
    #[inline]
    #[must_use]
    pub fn sum(&self, length: usize) -> u64 {
        let payload = &self.payload[..length.saturating_sub(8).min(self.payload.len())];
        checksum::add(checksum::sum(self.header), checksum::sum(payload))
    }

    /// The checksum; 0 where the sender made none.
    #[inline]
    #[must_use]
    pub const fn checksum(&self) -> u16 {
        u16_at(self.header, field::CHECKSUM)
    }

    /// What follows the header within the IP packet; the length UDP states is not looked at.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BYTES: [u8; 9] = [0x00, 0x35, 0x05, 0x9a, 0x00, 0x09, 0x00, 0x00, 0xaa];

    #[test]
    fn fields_are_read() {
        let datagram = Udp::new(&BYTES).unwrap();
        assert_eq!(
            (datagram.source_port(), datagram.destination_port()),
            (53, 1434)
        );
        assert_eq!((datagram.stated_length(), datagram.length()), (9, 9));
        assert_eq!(datagram.checksum(), 0);
        assert_eq!(datagram.payload(), [0xaa]);
        assert_eq!(Udp::new(&BYTES[..7]).unwrap_err(), Reason::UdpShort);
    }

    #[test]
    fn ports_need_only_the_front_of_the_header() {
        let ports = Ports::new(&BYTES[..4]).unwrap();
        assert_eq!((ports.source_port(), ports.destination_port()), (53, 1434));
        assert_eq!(Ports::new(&BYTES[..3]).unwrap_err(), Reason::UdpShort);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..16)) {
            let _ = Udp::new(&bytes).map(|view| view.payload().len());
            let _ = Ports::new(&bytes).map(|view| view.destination_port());
        }
    }
}
