//! PPPoE sessions.

use super::{Reason, u16_at};

mod field {
    pub(super) const PROTOCOL: usize = 6;
}

/// A PPPoE session header with the PPP protocol behind it (RFC 2516 section 4, RFC 1661 section 2).
#[derive(Clone, Copy, Debug)]
pub struct Pppoe<'a> {
    header: &'a [u8; 8],
    payload: &'a [u8],
}

impl<'a> Pppoe<'a> {
    /// PPP's number of IPv4 (RFC 1332 section 2).
    pub const IPV4: u16 = 0x0021;
    /// PPP's number of IPv6 (RFC 5072 section 2).
    pub const IPV6: u16 = 0x0057;

    /// Views a session's frame; afterwards its protocol can be read.
    ///
    /// # Errors
    ///
    /// [`Reason::LinkShort`] below 8 bytes.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        let (header, payload) = bytes.split_first_chunk().ok_or(Reason::LinkShort)?;
        Ok(Self { header, payload })
    }

    /// The PPP protocol number.
    #[must_use]
    pub const fn protocol(&self) -> u16 {
        u16_at(self.header, field::PROTOCOL)
    }

    /// What follows the protocol number.
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
    fn a_session_names_its_protocol() {
        let bytes = [0x11, 0x00, 0x00, 0x01, 0x00, 0x16, 0x00, 0x21, 0x45];
        let session = Pppoe::new(&bytes).unwrap();
        assert_eq!(session.protocol(), Pppoe::IPV4);
        assert_eq!(session.payload(), [0x45]);
        assert_eq!(Pppoe::new(&bytes[..7]).unwrap_err(), Reason::LinkShort);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..16)) {
            let _ = Pppoe::new(&bytes).map(|view| (view.protocol(), view.payload().len()));
        }
    }
}
