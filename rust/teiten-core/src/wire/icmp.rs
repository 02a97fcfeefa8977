//! ICMP and ICMPv6, which share the front of their headers.

use super::{Reason, checksum};

/// An ICMP (RFC 792) or ICMPv6 (RFC 4443 section 2.1) message.
#[derive(Clone, Copy, Debug)]
pub struct Icmp<'a> {
    kind: u8,
    bytes: &'a [u8],
}

impl<'a> Icmp<'a> {
    /// Views a message; afterwards its type can be read.
    ///
    /// # Errors
    ///
    /// [`Reason::IcmpShort`] without a byte.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        let kind = *bytes.first().ok_or(Reason::IcmpShort)?;
        Ok(Self { kind, bytes })
    }

    /// Type of the message.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        self.kind
    }

    /// Code of the message; `None` where it was cut off.
    #[must_use]
    pub const fn code(&self) -> Option<u8> {
        match self.bytes {
            [_, code, ..] => Some(*code),
            _ => None,
        }
    }

    /// Length of all of the message that is there.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Sum of all of the message that is there, for its checksum.
    #[must_use]
    pub fn sum(&self) -> u64 {
        checksum::sum(self.bytes)
    }

    /// What follows the 8 bytes of the header: in an error, the packet it speaks of.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.get(8..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_read() {
        let bytes = [3, 10, 0, 0, 0, 0, 0, 0, 0x45];
        let message = Icmp::new(&bytes).unwrap();
        assert_eq!((message.kind(), message.code()), (3, Some(10)));
        assert_eq!(message.payload(), [0x45]);
        assert_eq!(Icmp::new(&bytes[..1]).unwrap().code(), None);
        assert_eq!(Icmp::new(&[]).unwrap_err(), Reason::IcmpShort);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..16)) {
            let _ = Icmp::new(&bytes).map(|view| (view.code(), view.payload().len()));
        }
    }
}
