//! MPLS label stack entries.

use super::Reason;

/// One entry of a label stack (RFC 3032 section 2.1).
#[derive(Clone, Copy, Debug)]
pub struct Mpls<'a> {
    header: &'a [u8; 4],
    payload: &'a [u8],
}

impl<'a> Mpls<'a> {
    /// Views an entry; afterwards it is known whether another follows.
    ///
    /// # Errors
    ///
    /// [`Reason::LinkShort`] below 4 bytes.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Reason> {
        let (header, payload) = bytes.split_first_chunk().ok_or(Reason::LinkShort)?;
        Ok(Self { header, payload })
    }

    /// Whether this is the last entry of the stack.
    #[must_use]
    pub const fn is_bottom(&self) -> bool {
        self.header[2] & 1 == 1
    }

    /// What follows the entry.
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
    fn the_bottom_of_the_stack_is_marked() {
        assert!(!Mpls::new(&[0x00, 0x01, 0x00, 0xff]).unwrap().is_bottom());
        let bottom = [0x00, 0x01, 0x01, 0xff, 0x45];
        assert!(Mpls::new(&bottom).unwrap().is_bottom());
        assert_eq!(Mpls::new(&bottom).unwrap().payload(), [0x45]);
        assert_eq!(Mpls::new(&bottom[..3]).unwrap_err(), Reason::LinkShort);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..8)) {
            let _ = Mpls::new(&bytes).map(|view| (view.is_bottom(), view.payload().len()));
        }
    }
}
