//! The name a DNS query asks for, from one UDP datagram.

/// Longest name in dotted form (RFC 1035 section 2.3.4), and the dot before it.
pub(super) const MAX_NAME: usize = 256;

/// A name in dotted form with a dot before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    bytes: [u8; MAX_NAME],
    length: usize,
}

impl Name {
    /// The name of the first question, if the datagram is a DNS query.
    ///
    /// Header and name are those of RFC 1035 sections 4.1.1 and 4.1.2; a query names its first question in full,
    /// since nothing stands before it that a pointer could mean.
    pub(super) fn of_query(payload: &[u8]) -> Option<Self> {
        let [_, _, flags, _, high, low, ..] = payload else {
            return None;
        };
        let is_query = flags & 0x80 == 0;
        let questions = u16::from_be_bytes([*high, *low]);
        if !is_query || questions == 0 {
            return None;
        }
        let mut name = Self {
            bytes: [0; MAX_NAME],
            length: 0,
        };
        let mut rest = payload.get(12..)?;
        loop {
            let (length, behind) = rest.split_first()?;
            match *length {
                0 => break,
                64.. => return None,
                _ => {}
            }
            let (label, behind) = behind.split_at_checked(usize::from(*length))?;
            name.push(b".")?;
            name.push(label)?;
            rest = behind;
        }
        // Type and class of the question follow.
        rest.get(1..5).map(|_| name)
    }

    /// The name with a dot before it.
    pub(super) fn dotted(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The name.
    pub(super) fn plain(&self) -> &[u8] {
        self.bytes.get(1..self.length).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.length + bytes.len();
        self.bytes.get_mut(self.length..end)?.copy_from_slice(bytes);
        self.length = end;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\xff\0\x01";

    #[test]
    fn the_name_of_a_query_is_read() {
        let name = Name::of_query(QUERY).unwrap();
        assert_eq!(
            (name.plain(), name.dotted()),
            (&b"www.example"[..], &b".www.example"[..])
        );
    }

    #[test]
    fn what_is_no_query_has_no_name() {
        let mut answer = QUERY.to_vec();
        answer[2] |= 0x80;
        assert!(Name::of_query(&answer).is_none());
        assert!(Name::of_query(&QUERY[..QUERY.len() - 1]).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = Name::of_query(&bytes).map(|name| name.plain().len());
        }
    }
}
