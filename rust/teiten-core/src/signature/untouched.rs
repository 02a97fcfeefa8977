//! Zeroed memory that takes no page of the machine before something is written there.
//!
//! A sensor is given memory for more sources than a quiet network sends, and a board is small. `alloc_zeroed` leaves
//! large memory untouched, but not where it is asked for more alignment than the allocator gives by itself; so the
//! records are aligned here, within plain words.

/// Words of a cache line.
const LINE: usize = 8;

/// Records of so many words, each aligned to its size.
#[derive(Debug)]
pub(super) struct Untouched<const WORDS: usize> {
    words: Box<[u64]>,
    records: usize,
    /// Words before the first record.
    skipped: usize,
}

impl<const WORDS: usize> Untouched<WORDS> {
    /// So many records, all zero. A record is a power of two words.
    pub(super) fn new(records: usize) -> Self {
        const { assert!(WORDS.is_power_of_two()) };
        // Specialised to memory that is zero already, which nobody has to write.
        let words = vec![0; (records + 1) * WORDS].into_boxed_slice();
        let skipped = words.as_ptr().align_offset(WORDS * size_of::<u64>());
        Self {
            words,
            records,
            // An offset is not promised; then nothing is aligned, and nothing wrong.
            skipped: skipped.min(WORDS),
        }
    }

    /// How many records there are.
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.records
    }

    /// Its first word: a shift, which needs no check for overflow that the slice does not make again.
    #[inline]
    const fn place(&self, number: usize) -> usize {
        (number << WORDS.trailing_zeros()).wrapping_add(self.skipped)
    }

    /// Something of each cache line of a record, for a look that brings it near.
    ///
    /// # Panics
    /// As [`record`](Self::record).
    #[inline]
    pub(super) fn glance(&self, number: usize) -> u64 {
        let first = self.place(number);
        let lines = (0..WORDS).step_by(LINE);
        lines.fold(0, |seen, line| seen ^ self.words[first + line])
    }

    /// A record.
    ///
    /// # Panics
    /// If it lies behind the memory, which holds one more than [`len`](Self::len) at most.
    #[inline]
    pub(super) fn record(&mut self, number: usize) -> &mut [u64; WORDS] {
        let words = self.words.get_mut(self.place(number)..);
        let record = words.and_then(|words| words.first_chunk_mut());
        record.expect("a number below the records'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_zero_apart_and_aligned_to_their_size() {
        let mut records = Untouched::<8>::new(1000);
        assert_eq!(records.len(), 1000);
        for number in 0..records.len() {
            assert_eq!(records.record(number), &[0; 8]);
            assert_eq!(records.record(number).as_ptr().align_offset(64), 0);
            *records.record(number) = [number as u64; 8];
        }
        assert!((0..1000).all(|number| records.record(number) == &[number as u64; 8]));
    }

    #[test]
    #[should_panic(expected = "a number below")]
    fn there_is_no_record_behind_the_last() {
        let _ = Untouched::<8>::new(1000).record(1001);
    }
}
