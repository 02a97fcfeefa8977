//! Packets in a buffer that another program filled: how pcapy-ng's `next_batch` hands them over.

use teiten_core::{Fault, Frame, FrameSource, LinkType};

const NANOSECONDS_PER_SECOND: i64 = 1_000_000_000;
const NANOSECONDS_PER_MICROSECOND: i64 = 1_000;

/// Lends the frames of a buffer, one a record.
///
/// The records carry no length on the wire, so a frame's is its captured length.
#[derive(Clone, Copy, Debug)]
pub struct BufferReader<'a> {
    packets: &'a [u8],
    records: &'a [u8],
    link: LinkType,
    position: usize,
}

impl<'a> BufferReader<'a> {
    /// Bytes of a record: seconds, microseconds, offset and captured length, each as a native `u32`.
    pub const RECORD_BYTES: usize = 16;

    /// A reader that begins with the first record.
    ///
    /// Records hold seconds and microseconds since 1970, then where in `packets` the frame lies and its length; bytes
    /// behind the last whole record are not looked at.
    #[must_use]
    pub const fn new(packets: &'a [u8], records: &'a [u8], link: LinkType) -> Self {
        Self {
            packets,
            records,
            link,
            position: 0,
        }
    }

    /// Goes to the record of a number.
    pub const fn seek(&mut self, position: usize) {
        self.position = position;
    }

    /// Number of the next record.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }
}

impl FrameSource for BufferReader<'_> {
    #[inline]
    fn next_frame(&mut self) -> Option<Result<Frame<'_>, Fault>> {
        let start = self.position.checked_mul(Self::RECORD_BYTES)?;
        let record = self
            .records
            .get(start..start.checked_add(Self::RECORD_BYTES)?)?;
        self.position += 1;
        let word = |at: usize| {
            u32::from_ne_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
        };
        let (offset, length) = (word(8) as usize, word(12));
        let frame = offset
            .checked_add(length as usize)
            .and_then(|end| self.packets.get(offset..end));
        let Some(bytes) = frame else {
            return Some(Err(Fault {
                offset: start as u64,
                reason: "a record names bytes outside its buffer".into(),
            }));
        };
        Some(Ok(Frame {
            time_ns: i64::from(word(0)) * NANOSECONDS_PER_SECOND
                + i64::from(word(4)) * NANOSECONDS_PER_MICROSECOND,
            link: self.link,
            wire_length: length,
            bytes,
        }))
    }

    fn step_back(&mut self) {
        self.position = self.position.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(words: [u32; 4]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    #[test]
    fn each_record_is_a_frame_with_its_time() {
        let records = [record([7, 5, 0, 3]), record([8, 0, 3, 2])].concat();
        let mut reader = BufferReader::new(b"onetw", &records, LinkType::Ethernet);
        let first = reader.next_frame().unwrap().unwrap();
        assert_eq!((first.bytes, first.time_ns), (&b"one"[..], 7_000_005_000));
        let second = reader.next_frame().unwrap().unwrap();
        assert_eq!((second.bytes, second.wire_length), (&b"tw"[..], 2));
        reader.step_back();
        assert_eq!(reader.next_frame().unwrap().unwrap().bytes, b"tw");
        assert!(reader.next_frame().is_none());
        assert_eq!(reader.position(), 2);
    }

    #[test]
    fn a_record_that_points_outside_is_a_fault() {
        let records = record([0, 0, 2, 2]);
        let mut reader = BufferReader::new(b"abc", &records, LinkType::Ethernet);
        assert_eq!(reader.next_frame().unwrap().unwrap_err().offset, 0);
        assert!(reader.next_frame().is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_as_records_end(
            packets in prop::collection::vec(any::<u8>(), 0..100),
            records in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut reader = BufferReader::new(&packets, &records, LinkType::Ethernet);
            let count = std::iter::from_fn(|| reader.next_frame().map(|_| ())).count();
            prop_assert_eq!(count, records.len() / BufferReader::RECORD_BYTES);
        }
    }
}
