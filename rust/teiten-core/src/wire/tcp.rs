//! TCP.

use super::{Reason, checksum, u16_at, u32_at};

mod field {
    pub(super) const SOURCE_PORT: usize = 0;
    pub(super) const DESTINATION_PORT: usize = 2;
    pub(super) const SEQUENCE: usize = 4;
    pub(super) const ACKNOWLEDGEMENT: usize = 8;
    pub(super) const OFFSET: usize = 12;
    pub(super) const FLAGS: usize = 13;
    pub(super) const WINDOW: usize = 14;
}

/// Bits of the flag byte (RFC 9293 section 3.1).
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
}

/// A TCP header (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug)]
pub struct Tcp<'a> {
    header: &'a [u8; 20],
    rest: &'a [u8],
}

impl<'a> Tcp<'a> {
    /// Views a segment; afterwards every field of the fixed header can be read. Options may be cut short.
    ///
    /// # Errors
    ///
    /// [`Reason::TcpShort`] below 20 bytes.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        let (header, rest) = bytes.split_first_chunk().ok_or(Reason::TcpShort)?;
        Ok(Self { header, rest })
    }

    /// Views a header, and what of the segment follows it.
    #[inline]
    pub(crate) const fn of_parts(header: &'a [u8; 20], rest: &'a [u8]) -> Self {
        Self { header, rest }
    }

    /// The header without its options.
    #[inline]
    pub(crate) const fn header(&self) -> &'a [u8; 20] {
        self.header
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

    /// Both ports as one number, the source port above.
    #[inline]
    #[must_use]
    pub const fn ports(&self) -> u32 {
        u32_at(self.header, field::SOURCE_PORT)
    }

    /// Sequence number.
    #[inline]
    #[must_use]
    pub const fn sequence(&self) -> u32 {
        u32_at(self.header, field::SEQUENCE)
    }

    /// Upper half of the sequence number.
    #[inline]
    pub(crate) const fn upper_half_of_sequence(&self) -> u16 {
        u16_at(self.header, field::SEQUENCE)
    }

    /// Acknowledgement number.
    #[inline]
    #[must_use]
    pub const fn acknowledgement(&self) -> u32 {
        u32_at(self.header, field::ACKNOWLEDGEMENT)
    }

    /// The flag byte, bits as in [`flag`].
    #[inline]
    #[must_use]
    pub const fn flags(&self) -> u8 {
        self.header[field::FLAGS]
    }

    /// Window, unscaled.
    #[inline]
    #[must_use]
    pub const fn window(&self) -> u16 {
        u16_at(self.header, field::WINDOW)
    }

    /// Length of the header with its options as it states it, 0 to 60 bytes.
    #[inline]
    #[must_use]
    pub const fn header_length(&self) -> usize {
        (self.header[field::OFFSET] >> 4) as usize * 4
    }

    /// Length of all of the segment that is there.
    #[inline]
    #[must_use]
    pub const fn length(&self) -> usize {
        20 + self.rest.len()
    }

    /// Sum of all of the segment that is there, for its checksum, on top of that of its pseudo header.
    #[inline]
    #[must_use]
    pub fn sum_from(&self, pseudo: u64) -> u64 {
        checksum::sum_from(checksum::sum_from(pseudo, self.header), self.rest)
    }

    /// The options as bytes, as far as they are there.
    #[inline]
    #[must_use]
    pub fn options(&self) -> &'a [u8] {
        let length = self.header_length().saturating_sub(20);
        &self.rest[..length.min(self.rest.len())]
    }

    /// What follows header and options; empty where the data offset leads before or behind what there is.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.header_length()
            .checked_sub(20)
            .and_then(|options| self.rest.get(options..))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[rustfmt::skip]
    const BYTES: [u8; 25] = [
        0x17, 0x70, 0x01, 0xbd, 0x01, 0x02, 0x03, 0x04, 0, 0, 0, 0,
        0x60, 0x02, 0x04, 0x00, 0, 0, 0, 0, 2, 4, 5, 0xb4, 0xaa,
    ];

    #[test]
    fn fields_are_read() {
        let segment = Tcp::new(&BYTES).unwrap();
        assert_eq!(
            (segment.source_port(), segment.destination_port()),
            (6000, 445)
        );
        assert_eq!((segment.sequence(), segment.window()), (0x0102_0304, 1024));
        assert_eq!(segment.flags(), flag::SYN);
        assert_eq!((segment.header_length(), segment.length()), (24, 25));
        assert_eq!(segment.options(), [2, 4, 5, 0xb4]);
        assert_eq!(segment.payload(), [0xaa]);
        assert_eq!(Tcp::new(&BYTES[..19]).unwrap_err(), Reason::TcpShort);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Tcp::new(&bytes).map(|view| (view.payload().len(), view.options().len()));
        }
    }
}
