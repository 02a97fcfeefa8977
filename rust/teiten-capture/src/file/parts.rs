//! Parts of a file counted at the same time.
//!
//! Where a record begins is known only from the record before it. So the beginning of each part is guessed, and the guess
//! held against where the part before it ended: what was counted from a wrong one is thrown away, and counted again from
//! the right one. The sums do not depend on guesses, nor on the number of threads.

use std::sync::Arc;
use std::thread;

use teiten_core::{Fault, Lent, Sums};

use super::{Reader, Walk};

/// Smaller parts are not worth a thread.
const SMALLEST_PART: usize = 1 << 22;

impl Reader {
    /// Counts the records that begin in the next `length` bytes, on up to `threads` threads where the file is a plain pcap
    /// file and there are no rules.
    ///
    /// # Errors
    ///
    /// The [`Fault`] at which the reading ended; every record before it has been counted.
    pub fn count_span(
        &mut self,
        sums: &mut Sums,
        threads: usize,
        length: usize,
    ) -> Result<Lent, Fault> {
        let left = self.contents.len().saturating_sub(self.walk.offset());
        let parts = threads.min(length.min(left) / SMALLEST_PART);
        self.count_parts(sums, parts, length)
    }

    fn count_parts(&mut self, sums: &mut Sums, parts: usize, length: usize) -> Result<Lent, Fault> {
        let contents = Arc::clone(&self.contents);
        let end = (self.walk.offset() + length).min(contents.len());
        let mut begun: Vec<(Reader, Sums)> = self
            .guesses(parts, end)
            .into_iter()
            .filter_map(|start| Some((self.at(start), sums.behind()?)))
            .collect();
        let mut until = end;
        for (reader, _) in begun.iter_mut().rev() {
            reader.until = until;
            until = reader.walk.offset();
        }
        self.until = until;
        let (mut ended, others) = thread::scope(|scope| {
            let others: Vec<_> = begun
                .into_iter()
                .map(|(mut reader, mut sums)| {
                    scope.spawn(move || {
                        let start = reader.walk.offset();
                        let ended = sums.count_all(&mut reader, u64::MAX);
                        (start, reader, sums, ended)
                    })
                })
                .collect();
            let ended = sums.count_all(self, u64::MAX);
            let others: Vec<_> = others
                .into_iter()
                .map(thread::ScopedJoinHandle::join)
                .collect();
            (ended, others)
        });
        for other in others {
            let (start, reader, part, part_ended) =
                other.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            if self.ending.met {
                break;
            }
            if start == self.walk.offset() {
                sums.append(&part);
                *self = reader;
                ended = part_ended;
            } else {
                self.until = reader.until;
                ended = sums.count_all(self, u64::MAX);
            }
        }
        self.until = usize::MAX;
        match ended {
            Ok(_) if !self.ending.met && self.walk.offset() < contents.len() => Ok(Lent::Limit),
            ended => ended,
        }
    }

    /// A reader of the same file that stands elsewhere.
    fn at(&self, offset: usize) -> Self {
        let mut walk = self.walk.clone();
        walk.rewind(offset);
        Self {
            contents: Arc::clone(&self.contents),
            walk,
            last: offset,
            until: self.until,
            ending: self.ending.clone(),
        }
    }

    /// Where all parts but the first may begin, in order.
    fn guesses(&self, parts: usize, end: usize) -> Vec<usize> {
        let Walk::Pcap(walk) = &self.walk else {
            return Vec::new();
        };
        if !walk.is_plain() {
            return Vec::new();
        }
        let begin = walk.offset();
        let length = end.saturating_sub(begin);
        let mut guesses: Vec<usize> = (1..parts)
            .filter_map(|part| walk.guess(&self.contents, begin + length / parts * part))
            .filter(|guess| (begin + 1..end).contains(guess))
            .collect();
        guesses.dedup();
        guesses
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use teiten_core::FrameSource;

    use super::super::mapping::Contents;
    use super::super::{CaptureFile, Compression};
    use super::*;

    /// An Ethernet frame with a SYN as Nmap sends it, which tells only in pairs.
    fn syn((source, port, sequence): (u8, u8, u8)) -> Vec<u8> {
        let mut bytes = vec![2; 12];
        bytes.extend([8, 0, 0x45, 0, 0, 44, 0, 1, 0, 0, 64, 6, 0, 0, 192, 31, 196]);
        bytes.extend([
            source % 4,
            203,
            0,
            113,
            9,
            0x17,
            0x70,
            1,
            port,
            0,
            sequence % 2,
        ]);
        bytes.extend([
            0,
            sequence % 2,
            0,
            0,
            0,
            0,
            0x60,
            2,
            4,
            0,
            0,
            0,
            0,
            0,
            2,
            4,
            5,
            0xb4,
        ]);
        bytes
    }

    /// A frame of no use that looks like records.
    fn decoy(length: u8) -> Vec<u8> {
        let mut bytes = vec![0; usize::from(length)];
        for _ in 0..2 * CHAINED {
            bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
        }
        bytes
    }

    const CHAINED: usize = 8;

    fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
        for (second, frame) in (0u32..).zip(frames) {
            let length = u32::try_from(frame.len()).unwrap();
            for field in [second, 0, length, length] {
                bytes.extend(field.to_le_bytes());
            }
            bytes.extend(frame);
        }
        bytes
    }

    fn frame() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            8 => any::<(u8, u8, u8)>().prop_map(syn),
            1 => any::<u8>().prop_map(decoy),
            1 => vec(any::<u8>(), 0..200),
        ]
    }

    fn results(sums: &Sums) -> impl PartialEq + std::fmt::Debug {
        (sums.counters(), sums.keys(), sums.classes(), sums.tools())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_number_of_parts_gives_equal_sums_and_faults(
            frames in vec(frame(), 0..150),
            (parts, length) in (0usize..6, 1usize..20_000),
            damage in prop::option::of(any::<(prop::sample::Index, u8)>()),
            cut in 0usize..20,
        ) {
            let mut bytes = pcap(&frames);
            if let Some((at, value)) = damage {
                let records = 24..bytes.len().max(25);
                if let Some(byte) = bytes.get_mut(24 + at.index(records.len())) {
                    *byte = value;
                }
            }
            bytes.truncate(bytes.len().saturating_sub(cut).max(24));
            let capture = CaptureFile::from_contents(Contents::Copied(bytes), &mut || true).unwrap();
            prop_assert_eq!(capture.compression(), None::<Compression>);
            let (mut whole, mut reader) = (Sums::new(&[], None, 0), capture.reader());
            let ended = whole.count_all(&mut reader, u64::MAX);
            let (mut sums, mut in_parts) = (Sums::new(&[], None, 0), capture.reader());
            let parted = loop {
                match in_parts.count_parts(&mut sums, parts, length) {
                    Ok(Lent::Limit) => prop_assert!(!in_parts.ended()),
                    parted => break parted,
                }
            };
            prop_assert_eq!(parted, ended);
            prop_assert_eq!(in_parts.position(), reader.position());
            prop_assert!(in_parts.next_frame().is_none());
            prop_assert_eq!(results(&sums), results(&whole));
        }
    }

    #[test]
    fn the_beginning_of_a_record_is_guessed_and_a_decoy_deceives() {
        let frames: Vec<_> = (0..100)
            .map(|number| syn((number, number, number)))
            .collect();
        let capture = |frames: &[Vec<u8>]| {
            let contents = Contents::Copied(pcap(frames));
            CaptureFile::from_contents(contents, &mut || true).unwrap()
        };
        let record = 16 + frames[0].len();
        let guesses = capture(&frames).reader().guesses(4, 24 + 100 * record);
        assert_eq!(guesses.len(), 3);
        assert!(guesses.iter().all(|guess| (guess - 24) % record == 0));
        let mut deceived = frames.clone();
        deceived[50] = decoy(200);
        let start = 24 + 50 * record + 16;
        let guesses = capture(&deceived).reader().guesses(2, 2 * start + 100);
        assert!((start..start + 500).contains(&guesses[0]), "{guesses:?}");
    }
}
