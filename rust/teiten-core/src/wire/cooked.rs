//! Linux cooked capture, versions 1 and 2.

use super::{Reason, u16_at};

mod field {
    pub(super) const PROTOCOL: usize = 14;
    pub(super) const PROTOCOL_2: usize = 0;
}

/// Linux's number for an IEEE 802.2 frame in the place of an Ethernet type (`ETH_P_802_2` of `linux/if_ether.h`).
pub const PROTOCOL_LLC: u16 = 0x0004;

/// A header of version 1 (<https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html>).
#[derive(Clone, Copy, Debug)]
pub struct Cooked<'a> {
    header: &'a [u8; 16],
    payload: &'a [u8],
}

impl<'a> Cooked<'a> {
    /// Views a frame; afterwards its protocol can be read.
    ///
    /// # Errors
    ///
    /// [`Reason::LinkShort`] below 16 bytes.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        let (header, payload) = bytes.split_first_chunk().ok_or(Reason::LinkShort)?;
        Ok(Self { header, payload })
    }

    /// The Ethernet type of the payload, or a number of Linux's own.
    #[must_use]
    pub const fn protocol(&self) -> u16 {
        u16_at(self.header, field::PROTOCOL)
    }

    /// What follows the header.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// A header of version 2 (<https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html>).
#[derive(Clone, Copy, Debug)]
pub struct Cooked2<'a> {
    header: &'a [u8; 20],
    payload: &'a [u8],
}

impl<'a> Cooked2<'a> {
    /// Views a frame; afterwards its protocol can be read.
    ///
    /// # Errors
    ///
    /// [`Reason::LinkShort`] below 20 bytes.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        let (header, payload) = bytes.split_first_chunk().ok_or(Reason::LinkShort)?;
        Ok(Self { header, payload })
    }

    /// The Ethernet type of the payload, or a number of Linux's own.
    #[must_use]
    pub const fn protocol(&self) -> u16 {
        u16_at(self.header, field::PROTOCOL_2)
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
    fn both_versions_name_their_payload() {
        let one = [0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 0x08, 0x00, 0x45];
        assert_eq!(Cooked::new(&one).unwrap().protocol(), 0x0800);
        assert_eq!(Cooked::new(&one).unwrap().payload(), [0x45]);
        assert_eq!(Cooked::new(&one[..15]).unwrap_err(), Reason::LinkShort);
        let two = [
            0x86, 0xdd, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 0x60,
        ];
        assert_eq!(Cooked2::new(&two).unwrap().protocol(), 0x86dd);
        assert_eq!(Cooked2::new(&two).unwrap().payload(), [0x60]);
        assert_eq!(Cooked2::new(&two[..19]).unwrap_err(), Reason::LinkShort);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..32)) {
            let _ = Cooked::new(&bytes).map(|view| (view.protocol(), view.payload().len()));
            let _ = Cooked2::new(&bytes).map(|view| (view.protocol(), view.payload().len()));
        }
    }
}
