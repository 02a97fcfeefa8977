//! One example payload for each signature and source of an interval, in fixed memory.

use super::detections::halves;
use super::tuple::Secrets;
use crate::packet::{Ip, Packet, Transport};
use crate::signature::Address;

/// Most examples of one interval: 112 KiB of memory, and as much in a batch before it is compressed.
pub const MAX_EXAMPLES: usize = 1 << 10;

/// Bytes of a payload that are kept.
pub const EXAMPLE_BYTES: usize = 64;

/// Slots of the index, four times as many as entries.
const SLOTS: usize = MAX_EXAMPLES * 4;

/// The first bytes of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    length: u8,
    bytes: [u8; EXAMPLE_BYTES],
}

impl Head {
    /// No bytes.
    pub(crate) const EMPTY: Self = Self {
        length: 0,
        bytes: [0; EXAMPLE_BYTES],
    };

    /// Those of what follows a packet's transport header, or its IP header where it has no other.
    pub(crate) fn of(packet: &Packet<'_>) -> Self {
        let payload = match &packet.transport {
            Transport::Tcp(tcp) => tcp.payload(),
            Transport::Udp(udp) => udp.payload(),
            Transport::Icmp(icmp) | Transport::Icmpv6(icmp) => icmp.payload(),
            Transport::Ports(_) | Transport::Cut => &[],
            Transport::LaterFragment | Transport::Other => match &packet.ip {
                Ip::V4(ip) => ip.payload(),
                Ip::V6(ip) => ip.upper().payload,
            },
        };
        let kept = payload.get(..EXAMPLE_BYTES).unwrap_or(payload);
        let mut head = Self::EMPTY;
        for (byte, of_payload) in head.bytes.iter_mut().zip(kept) {
            *byte = *of_payload;
            head.length += 1;
        }
        head
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// An example.
#[derive(Clone, Copy, Debug)]
struct Entry {
    minute_offset: u16,
    signature: u32,
    source: Address,
    head: Head,
}

/// The examples of an interval, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Examples {
    secrets: Secrets,
    entries: Vec<Entry>,
    /// Numbers of entries plus one; 0 where there is none.
    slots: Box<[u16]>,
}

impl Examples {
    /// No examples; all memory is taken here.
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self {
            secrets,
            entries: Vec::with_capacity(MAX_EXAMPLES),
            slots: vec![0; SLOTS].into(),
        }
    }

    /// Keeps a payload, if it is the first of its signature and source; false if there is no room for it.
    pub(crate) fn keep(
        &mut self,
        signature: u32,
        source: Address,
        minute_offset: u16,
        head: &Head,
    ) -> bool {
        let [high, low] = halves(source);
        let hash = self.secrets.mix([high, low, signature.into(), 0]);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a part of the hash is meant"
        )]
        let mut at = hash as usize % SLOTS;
        while let Some(number) = usize::from(self.slots[at]).checked_sub(1) {
            let known = &self.entries[number];
            if (known.signature, known.source) == (signature, source) {
                return true;
            }
            at = (at + 1) % SLOTS;
        }
        if self.entries.len() >= MAX_EXAMPLES {
            return false;
        }
        self.entries.push(Entry {
            minute_offset,
            signature,
            source,
            head: *head,
        });
        self.slots[at] = u16::try_from(self.entries.len()).unwrap_or(0);
        true
    }

    /// The examples as columns; there are none afterwards.
    pub(crate) fn take(&mut self, base_minute: u32) -> ExampleColumns {
        let mut columns = ExampleColumns::default();
        for entry in self.entries.drain(..) {
            let [high, low] = halves(entry.source);
            let minute = base_minute + u32::from(entry.minute_offset);
            columns.rows += 1;
            columns.minute.extend(minute.to_le_bytes());
            columns.signature.extend(entry.signature.to_le_bytes());
            columns.family.push(match entry.source {
                Address::V4(_) => 4,
                Address::V6(_) => 6,
            });
            columns.source.extend(high.to_be_bytes());
            columns.source.extend(low.to_be_bytes());
            columns.length.push(entry.head.length);
            columns.payload.extend(entry.head.bytes);
        }
        if columns.rows > 0 {
            self.slots.fill(0);
        }
        columns
    }
}

/// Examples as columns of bytes, as [`DetectionColumns`](super::DetectionColumns) are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExampleColumns {
    /// Number of rows.
    pub rows: usize,
    /// Minutes since 1970-01-01 00:00 UTC, 4 bytes each.
    pub minute: Vec<u8>,
    /// Numbers of the signatures, 4 bytes each.
    pub signature: Vec<u8>,
    /// 4 or 6, 1 byte each.
    pub family: Vec<u8>,
    /// Source addresses, 16 bytes each.
    pub source: Vec<u8>,
    /// How many bytes are kept, 1 to [`EXAMPLE_BYTES`], 1 byte each.
    pub length: Vec<u8>,
    /// These, and zeros behind them: [`EXAMPLE_BYTES`] each.
    pub payload: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::LinkType;

    fn head(payload: &[u8]) -> Head {
        let length = u8::try_from(28 + payload.len()).unwrap();
        let mut bytes = vec![
            0x45, 0, 0, length, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 203, 0, 113, 9,
        ];
        bytes.extend([0, 9, 0, 9, 0, length - 20, 0, 0]);
        bytes.extend(payload);
        Head::of(&Packet::from_bytes(LinkType::RawIp, &bytes).unwrap())
    }

    #[test]
    fn the_first_payload_of_a_signature_and_source_is_kept_as_far_as_64_bytes() {
        let mut examples = Examples::new(Secrets::from_seed(1));
        let source = Address::V4(7);
        assert!(head(&[]).is_empty());
        assert!(examples.keep(9, source, 2, &head(&[1; 70])));
        assert!(examples.keep(9, source, 3, &head(&[2])));
        assert!(examples.keep(8, source, 3, &head(&[3, 4])));
        let columns = examples.take(100);
        assert_eq!((columns.rows, &*columns.length), (2, &[64, 2][..]));
        assert_eq!(columns.payload[..64], [1; 64]);
        assert_eq!(columns.payload[64..68], [3, 4, 0, 0]);
        assert_eq!(columns.minute, [102, 0, 0, 0, 103, 0, 0, 0]);
        assert!(examples.keep(9, source, 0, &head(&[5])));
        assert_eq!(
            examples.take(0).payload[0],
            5,
            "an interval begins with none"
        );
    }

    #[test]
    fn beyond_the_budget_nothing_is_kept_and_it_is_said() {
        let mut examples = Examples::new(Secrets::from_seed(1));
        for source in 0..u32::try_from(MAX_EXAMPLES).unwrap() {
            assert!(examples.keep(1, Address::V4(source), 0, &head(&[1])));
        }
        assert!(!examples.keep(2, Address::V4(0), 0, &head(&[1])));
        assert!(
            examples.keep(1, Address::V4(5), 0, &head(&[1])),
            "it is kept"
        );
        assert_eq!(examples.take(0).rows, MAX_EXAMPLES);
    }
}
