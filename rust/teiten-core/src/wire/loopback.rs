//! The loopback headers of the BSDs.

use super::{Reason, u32_at};

/// An address family before the packet (<https://www.tcpdump.org/linktypes.html>, `LINKTYPE_NULL` and `LINKTYPE_LOOP`).
#[derive(Clone, Copy, Debug)]
pub struct Loopback<'a> {
    header: &'a [u8; 4],
    payload: &'a [u8],
}

impl<'a> Loopback<'a> {
    /// Views a frame; afterwards its family can be read.
    ///
    /// # Errors
    ///
    /// [`Reason::LinkShort`] below 4 bytes.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        let (header, payload) = bytes.split_first_chunk().ok_or(Reason::LinkShort)?;
        Ok(Self { header, payload })
    }

    /// Whether the family is one of IP's: 2 for IPv4; 24, 28 or 30 for IPv6, as system is.
    ///
    /// The number stands in the byte order of the machine that wrote it, which a file may not tell; families
    /// are small, so the order that makes the number small is the right one.
    #[must_use]
    pub const fn is_ip(&self) -> bool {
        let family = u32_at(self.header, 0);
        let family = if family > 0xffff {
            family.swap_bytes()
        } else {
            family
        };
        matches!(family, 2 | 24 | 28 | 30)
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
    fn the_family_is_read_in_either_byte_order() {
        assert!(Loopback::new(&[2, 0, 0, 0]).unwrap().is_ip());
        assert!(Loopback::new(&[0, 0, 0, 2]).unwrap().is_ip());
        assert!(Loopback::new(&[30, 0, 0, 0, 0x60]).unwrap().is_ip());
        assert!(!Loopback::new(&[7, 0, 0, 0]).unwrap().is_ip());
        assert_eq!(Loopback::new(&[2, 0, 0]).unwrap_err(), Reason::LinkShort);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..8)) {
            let _ = Loopback::new(&bytes).map(|view| (view.is_ip(), view.payload().len()));
        }
    }
}
