//! Detections in a table of fixed memory: dense entries in order of first appearance, found through an index.

use std::mem::size_of;

use super::tuple::Secrets;
use crate::limits::GROUP;
use crate::signature::Address;

/// Most detections of one interval told apart: what a batch may carry.
pub const MAX_DETECTIONS: usize = 1 << 16;

/// Slots of the index, twice as many as entries.
const SLOTS: usize = MAX_DETECTIONS * 2;

/// Bits of a slot that hold the entry's number plus one; those above are of the entry's hash.
const NUMBER_BITS: u32 = MAX_DETECTIONS.ilog2() + 1;
const NUMBER_MASK: u32 = (1 << NUMBER_BITS) - 1;

/// What tells detections apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighted {
    /// Minutes since the interval's base minute.
    pub minute_offset: u16,
    /// Number of the rule as its set names it.
    pub signature: u32,
    /// Source of the packets.
    pub source: Address,
    /// Monitored address.
    pub address: Address,
}

/// Detections of one kind together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    sighted: Sighted,
    count: u64,
}

/// Detections of an interval, aggregated.
#[derive(Debug)]
pub(crate) struct Detections {
    secrets: Secrets,
    entries: Vec<Entry>,
    slots: Box<[u32]>,
}

impl Detections {
    /// An empty table; all its memory is taken here.
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self {
            secrets,
            entries: Vec::with_capacity(MAX_DETECTIONS),
            slots: vec![0; SLOTS].into_boxed_slice(),
        }
    }

    /// Counts detections, in order; how many would need a new entry and find no room for one.
    ///
    /// The slots and entries of a group are read before any is changed, so that their cache misses overlap.
    pub(crate) fn count_all(&mut self, sighted: &[Sighted]) -> u64 {
        let mut overflow = 0;
        for group in sighted.chunks(GROUP) {
            let mut starts = [(0, 0); GROUP];
            let mut slots = [0; GROUP];
            for ((start, slot), sighted) in starts.iter_mut().zip(&mut slots).zip(group) {
                *start = self.start(sighted);
                *slot = self.slots[start.0];
            }
            let mut seen = 0;
            for (slot, (_, tag)) in slots.iter().zip(&starts).take(group.len()) {
                let number = (slot & NUMBER_MASK) as usize;
                if number > 0 && slot & !NUMBER_MASK == *tag {
                    seen ^= self.entries[number - 1].count;
                }
            }
            std::hint::black_box(seen);
            for (start, sighted) in starts.into_iter().zip(group) {
                overflow += u64::from(!self.count_from(start, *sighted));
            }
        }
        overflow
    }

    /// Counts a detection; false if it would need a new entry and there is no room for one.
    #[cfg(test)]
    pub(crate) fn count(&mut self, sighted: Sighted) -> bool {
        self.count_all(&[sighted]) == 0
    }

    fn count_from(&mut self, (mut at, tag): (usize, u32), sighted: Sighted) -> bool {
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                if self.entries.len() >= MAX_DETECTIONS {
                    return false;
                }
                self.entries.push(Entry { sighted, count: 1 });
                self.slots[at] = tag | u32::try_from(self.entries.len()).unwrap_or(NUMBER_MASK);
                return true;
            }
            // Entries lie far apart in memory: one is read only where its tag says that it may be the one.
            if slot & !NUMBER_MASK == tag {
                let entry = &mut self.entries[(slot & NUMBER_MASK) as usize - 1];
                if entry.sighted == sighted {
                    entry.count += 1;
                    return true;
                }
            }
            at = (at + 1) % SLOTS;
        }
    }

    /// The detections as columns; empties the table, at a cost in proportion to its entries.
    pub(crate) fn take(&mut self, base_minute: u32) -> DetectionColumns {
        let mut columns = DetectionColumns::with_capacity(self.entries.len());
        for entry in &self.entries {
            columns.push(entry, base_minute);
        }
        for number in 0..self.entries.len() {
            // From where an entry begins to look all is cleared up to the next free slot, its own slot among them.
            let (mut at, _) = self.start(&self.entries[number].sighted);
            while self.slots[at] != 0 {
                self.slots[at] = 0;
                at = (at + 1) % SLOTS;
            }
        }
        self.entries.clear();
        columns
    }

    /// Where a detection's entry is looked for first, and its tag.
    fn start(&self, sighted: &Sighted) -> (usize, u32) {
        let (source, address) = (halves(sighted.source), halves(sighted.address));
        let marks = u64::from(sighted.signature) << 16 | u64::from(sighted.minute_offset);
        let hash = self.secrets.mix([
            source[0],
            source[1],
            address[0] ^ marks.rotate_left(32),
            address[1],
        ]);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "parts of the hash are meant"
        )]
        let parts = (hash as usize % SLOTS, (hash >> 32) as u32 & !NUMBER_MASK);
        parts
    }
}

/// Detections as columns of bytes: row `i` of a column of width `w` is `column[i * w..(i + 1) * w]`.
///
/// Integers are little-endian and unsigned; addresses are in network byte order, IPv4 behind 12 zero bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DetectionColumns {
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
    /// Monitored addresses, 16 bytes each.
    pub address: Vec<u8>,
    /// Detections, 8 bytes each.
    pub count: Vec<u8>,
}

impl DetectionColumns {
    fn with_capacity(rows: usize) -> Self {
        Self {
            rows: 0,
            minute: Vec::with_capacity(rows * size_of::<u32>()),
            signature: Vec::with_capacity(rows * size_of::<u32>()),
            family: Vec::with_capacity(rows),
            source: Vec::with_capacity(rows * 16),
            address: Vec::with_capacity(rows * 16),
            count: Vec::with_capacity(rows * size_of::<u64>()),
        }
    }

    fn push(&mut self, entry: &Entry, base_minute: u32) {
        let sighted = &entry.sighted;
        let minute = base_minute + u32::from(sighted.minute_offset);
        self.rows += 1;
        self.minute.extend_from_slice(&minute.to_le_bytes());
        self.signature
            .extend_from_slice(&sighted.signature.to_le_bytes());
        self.family.push(match sighted.source {
            Address::V4(_) => 4,
            Address::V6(_) => 6,
        });
        for (column, address) in [
            (&mut self.source, sighted.source),
            (&mut self.address, sighted.address),
        ] {
            let [high, low] = halves(address);
            column.extend_from_slice(&high.to_be_bytes());
            column.extend_from_slice(&low.to_be_bytes());
        }
        self.count.extend_from_slice(&entry.count.to_le_bytes());
    }
}

pub(super) const fn halves(address: Address) -> [u64; 2] {
    match address {
        Address::V4(address) => [0, address as u64],
        Address::V6(halves) => halves,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighted(signature: u32, source: u32) -> Sighted {
        Sighted {
            minute_offset: 2,
            signature,
            source: Address::V4(source),
            address: Address::V4(7),
        }
    }

    #[test]
    fn detections_of_one_kind_are_one_row() {
        let mut detections = Detections::new(Secrets::from_seed(1));
        for (signature, source) in [(9, 1), (9, 2), (9, 1)] {
            assert!(detections.count(sighted(signature, source)));
        }
        let columns = detections.take(100);
        assert_eq!(columns.rows, 2);
        assert_eq!(columns.minute, [102, 0, 0, 0, 102, 0, 0, 0]);
        assert_eq!(
            columns.count,
            [2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(columns.source[12..16], [0, 0, 0, 1]);
        assert_eq!(columns.family, [4, 4]);
    }

    #[test]
    fn a_full_table_says_so_and_is_empty_once_taken() {
        let mut detections = Detections::new(Secrets::from_seed(1));
        for _ in 0..2 {
            for source in 0..u32::try_from(MAX_DETECTIONS).unwrap() {
                assert!(detections.count(sighted(1, source)));
            }
            assert!(!detections.count(sighted(2, 0)));
            assert!(
                detections.count(sighted(1, 5)),
                "a row that is there goes on"
            );
            assert_eq!(detections.take(0).rows, MAX_DETECTIONS);
        }
        for rows in [3, 40] {
            (0..rows).for_each(|source| assert!(detections.count(sighted(3, source))));
            assert_eq!(detections.take(0).rows, rows as usize);
        }
        assert_eq!(detections.take(0).rows, 0);
        assert!(detections.slots.iter().all(|slot| *slot == 0));
    }
}
