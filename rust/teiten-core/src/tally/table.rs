//! A table of tuples: dense entries in order of first appearance, found through an index of small slots.
//!
//! A slot is 32 bits: a tag from the tuple's hash above, the entry's number plus one below; 0 is empty. A look-up
//! compares tags before it reads an entry, and many slots share a cache line. The index uses only as much of its
//! memory as the entries need and grows by rebuilding from them, so a quiet interval stays in the fast caches and
//! closing costs in proportion to the rows. Entries never move: rows come out in the order of their first packets,
//! whatever the secrets.

use super::tuple::{Secrets, Tuple};
use crate::limits::{GROUP, MAX_ROWS};

/// Bits of a slot that hold the entry's number plus one.
const NUMBER_BITS: u32 = MAX_ROWS.ilog2() + 1;
const NUMBER_MASK: u32 = (1 << NUMBER_BITS) - 1;
/// Slots in use at the least.
const FEWEST_SLOTS: usize = 1 << 10;
/// By how much the index grows at a time.
const GROWTH: usize = 4;

/// One packet to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting<T> {
    /// Under which tuple.
    pub tuple: T,
    /// Its IP length.
    pub length: u32,
    /// The slot that the table found for it; of no meaning outside.
    slot: u32,
    /// The tuple's hash; of no meaning outside.
    hash: u64,
}

impl<T> Sighting<T> {
    /// A packet of a tuple, with its IP length.
    #[inline]
    pub const fn new(tuple: T, length: u32) -> Self {
        Self {
            tuple,
            length,
            slot: 0,
            hash: 0,
        }
    }
}

/// A tuple with what was counted under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<T> {
    /// The tuple.
    pub tuple: T,
    /// Packets.
    pub packets: u64,
    /// Sum of their IP lengths.
    pub bytes: u64,
}

impl<T> Entry<T> {
    #[inline]
    fn add(&mut self, length: u32) {
        self.packets += 1;
        self.bytes += u64::from(length);
    }
}

/// A table of tuples whose memory is fixed when it is made; pages of it are touched as rows come.
#[derive(Debug)]
pub struct Table<T> {
    secrets: Secrets,
    entries: Vec<Entry<T>>,
    capacity: usize,
    slots: Box<[u32]>,
    /// Slots in use, a power of two, less one.
    mask: usize,
}

impl<T: Tuple> Table<T> {
    /// An empty table in at most `bytes` of memory, with room for one [`GROUP`] at the least.
    #[must_use]
    pub fn new(bytes: usize, secrets: Secrets) -> Self {
        let (slots, capacity) = shape(bytes, size_of::<Entry<T>>());
        Self {
            secrets,
            entries: Vec::with_capacity(capacity),
            capacity,
            slots: vec![0; slots].into_boxed_slice(),
            mask: FEWEST_SLOTS - 1,
        }
    }

    /// Rows in use, in the order of their first packets.
    #[must_use]
    pub fn entries(&self) -> &[Entry<T>] {
        &self.entries
    }

    /// Rows that are left.
    #[must_use]
    pub fn room(&self) -> usize {
        self.capacity - self.entries.len()
    }

    /// Counts packets, in order, and gives the sum of their lengths; no more than there is [`room`](Self::room).
    ///
    /// The slots of all are read before any is changed, so that their cache misses overlap: [`GROUP`] is a good number.
    pub fn count(&mut self, sightings: &mut [Sighting<T>]) -> u64 {
        debug_assert!(sightings.len() <= self.room());
        self.grow_for(sightings.len());
        let Self {
            secrets,
            entries,
            slots,
            mask,
            ..
        } = self;
        let slots = &mut slots[..=*mask];
        for sighting in &mut *sightings {
            sighting.hash = sighting.tuple.hash(secrets);
            sighting.slot = slots[place(sighting.hash) & (slots.len() - 1)];
        }
        let mut bytes = 0;
        for sighting in &*sightings {
            bytes += u64::from(sighting.length);
            // A slot that was in use still is; a free one may have been taken by an earlier packet of the group.
            match entries.get_mut(number_in(sighting.slot, sighting.hash)) {
                Some(entry) if entry.tuple == sighting.tuple => entry.add(sighting.length),
                _ => find_or_open(entries, slots, sighting),
            }
        }
        bytes
    }

    /// Counts a packet; false if it would need a new row and there is no room for one.
    pub fn try_count(&mut self, sighting: Sighting<T>) -> bool {
        if self.room() > 0 {
            self.count(&mut [sighting]);
            return true;
        }
        let number = self.find(sighting.tuple.hash(&self.secrets), sighting.tuple);
        if let Some(number) = number {
            self.entries[number].add(sighting.length);
        }
        number.is_some()
    }

    /// Number of the tuple's entry, if it has one.
    fn find(&self, hash: u64, tuple: T) -> Option<usize> {
        let mask = self.mask;
        let mut at = place(hash) & mask;
        while self.slots[at] != 0 {
            let number = number_in(self.slots[at], hash);
            match self.entries.get(number) {
                Some(entry) if entry.tuple == tuple => return Some(number),
                _ => at = (at + 1) & mask,
            }
        }
        None
    }

    /// Rows that there can be.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Empties the table, at a cost in proportion to its rows.
    pub fn clear(&mut self) {
        self.slots[..=self.mask].fill(0);
        // The next interval likely needs what this one did, and is spared growing to it.
        self.mask = self.slots_for(self.entries.len()).max(FEWEST_SLOTS) - 1;
        self.entries.clear();
    }

    /// Slots that keep the index at most half full with this many rows, as growing by [`GROWTH`] gives them.
    fn slots_for(&self, rows: usize) -> usize {
        let mut slots = FEWEST_SLOTS;
        while slots < rows * 2 && slots < self.slots.len() {
            slots *= GROWTH;
        }
        slots.min(self.slots.len())
    }

    #[inline]
    fn grow_for(&mut self, more: usize) {
        if (self.entries.len() + more) * 2 > self.mask + 1 && self.mask + 1 < self.slots.len() {
            self.rebuild(self.slots_for(self.entries.len() + more));
        }
    }

    fn rebuild(&mut self, used: usize) {
        self.slots[..=self.mask].fill(0);
        self.mask = used - 1;
        let mask = self.mask;
        for (number, entry) in self.entries.iter().enumerate() {
            let hash = entry.tuple.hash(&self.secrets);
            let mut at = place(hash) & mask;
            while self.slots[at] != 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = slot_of(number, hash);
        }
    }
}

/// Counts a packet into its entry, or into a new one. `slots` are those in use, a power of two, of which some are free.
#[inline]
fn find_or_open<T: Tuple>(entries: &mut Vec<Entry<T>>, slots: &mut [u32], sighting: &Sighting<T>) {
    let Sighting {
        tuple,
        length,
        hash,
        ..
    } = *sighting;
    let mask = slots.len() - 1;
    let mut at = place(hash) & mask;
    loop {
        let slot = slots[at];
        if slot == 0 {
            slots[at] = slot_of(entries.len(), hash);
            return entries.push(Entry {
                tuple,
                packets: 1,
                bytes: u64::from(length),
            });
        }
        match entries.get_mut(number_in(slot, hash)) {
            Some(entry) if entry.tuple == tuple => return entry.add(length),
            _ => at = (at + 1) & mask,
        }
    }
}

/// How many slots and rows of an entry's size fit into memory: the most rows at no more than half as many as slots.
fn shape(bytes: usize, entry: usize) -> (usize, usize) {
    let most_rows = MAX_ROWS as usize;
    let rows = |slots: usize| (bytes.saturating_sub(slots * 4) / entry).min(slots / 2);
    let mut slots = FEWEST_SLOTS;
    while slots < most_rows * 2 && rows(slots * 2) > rows(slots) {
        slots *= 2;
    }
    (slots, rows(slots).clamp(GROUP, most_rows))
}

/// Where the hash begins to look: its low bits.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "a place in the index has fewer bits"
)]
const fn place(hash: u64) -> usize {
    hash as usize
}

/// The tag: the hash's high bits above the number's, which no place uses.
#[inline]
const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32 & !NUMBER_MASK
}

#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "entries are fewer than MAX_ROWS"
)]
const fn slot_of(number: usize, hash: u64) -> u32 {
    tag(hash) | (number as u32).wrapping_add(1)
}

/// The entry's number, if the slot is in use and has the hash's tag; otherwise a number that no entry has.
#[inline]
const fn number_in(slot: u32, hash: u64) -> usize {
    // A tag that differs sets a bit above all numbers, and so does 0, which is free, less one.
    (slot ^ tag(hash)).wrapping_sub(1) as usize
}

#[cfg(test)]
mod tests {
    use super::super::tuple::{Packed, Tuple4};
    use super::*;
    use proptest::prelude::*;

    fn sighting(source: u32) -> Sighting<Tuple4> {
        Sighting::new(Tuple4::new(source, 9, Packed(0)), 40)
    }

    fn count_all(table: &mut Table<Tuple4>, sources: &[u32]) {
        for group in sources.chunks(GROUP) {
            let mut group: Vec<_> = group.iter().map(|source| sighting(*source)).collect();
            let bytes = table.count(&mut group);
            assert_eq!(bytes, 40 * group.len() as u64);
        }
    }

    fn rows(table: &Table<Tuple4>) -> Vec<([u8; 8], u64)> {
        table
            .entries()
            .iter()
            .map(|entry| (entry.tuple.addresses(), entry.packets))
            .collect()
    }

    #[test]
    fn an_ipv4_row_takes_half_a_cache_line() {
        assert_eq!(size_of::<Entry<Tuple4>>(), 32);
    }

    #[test]
    fn memory_bounds_slots_and_rows_together() {
        for bytes in [1 << 16, 1 << 20, 12 << 20, 1 << 30] {
            let (slots, rows) = shape(bytes, 32);
            assert!(slots * 4 + rows * 32 <= bytes, "{bytes}");
            assert!(rows * 2 <= slots && rows <= MAX_ROWS as usize);
        }
        assert_eq!(shape(12 << 20, 32), (1 << 19, 1 << 18));
    }

    #[test]
    fn a_full_table_still_finds_every_row() {
        let mut table = Table::new(1 << 20, Secrets::from_seed(1));
        let sources: Vec<u32> = (0..u32::try_from(table.room()).unwrap()).collect();
        count_all(&mut table, &sources);
        assert_eq!((table.room(), table.entries().len()), (0, sources.len()));
        for (number, source) in sources.iter().enumerate() {
            let tuple = sighting(*source).tuple;
            assert_eq!(table.find(tuple.hash(&table.secrets), tuple), Some(number));
        }
    }

    proptest! {
        #[test]
        fn rows_stand_in_order_of_first_appearance_whatever_the_seed(
            sources in proptest::collection::vec(0u32..3000, 0..6000),
            (one, other) in any::<(u64, u64)>(),
        ) {
            let mut expected: Vec<([u8; 8], u64)> = Vec::new();
            let mut numbers = std::collections::HashMap::new();
            for source in &sources {
                let addresses = sighting(*source).tuple.addresses();
                let number = *numbers.entry(*source).or_insert_with(|| {
                    expected.push((addresses, 0));
                    expected.len() - 1
                });
                expected[number].1 += 1;
            }
            for seed in [one, other] {
                let mut table = Table::new(1 << 20, Secrets::from_seed(seed));
                count_all(&mut table, &sources);
                prop_assert_eq!(&rows(&table), &expected);
                table.clear();
                prop_assert!(table.entries().is_empty());
                count_all(&mut table, &sources);
                prop_assert_eq!(&rows(&table), &expected);
            }
        }
    }
}
