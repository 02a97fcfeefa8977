//! The tuples of one family.

use crate::limits::GROUP;
use crate::tally::{Marked, Secrets, Sighting, Table};

/// The table of one family, and the packets that have yet to meet it.
#[derive(Debug)]
pub(crate) struct Side<T> {
    pub(crate) table: Table<T>,
    waiting: [Sighting<T>; GROUP],
    /// How many packets wait.
    waits: usize,
    /// How many packets may wait; 0 if the next one finds no room.
    most_waiting: usize,
}

impl<T: Marked> Side<T> {
    pub(crate) fn new(bytes: usize, secrets: Secrets) -> Self {
        let nothing = Sighting::new(T::NOTHING, 0);
        Self {
            table: Table::new(bytes, secrets),
            waiting: [nothing; GROUP],
            waits: 0,
            most_waiting: 0,
        }
    }

    /// Whether the next packet finds no room.
    #[inline]
    pub(crate) const fn is_full(&self) -> bool {
        self.most_waiting == 0
    }

    /// Lets a packet wait; true if no more may.
    #[inline]
    pub(crate) fn push(&mut self, tuple: T, length: u32) -> bool {
        // The remainder changes nothing, and tells the compiler that there is such a place.
        let place = self.waits % GROUP;
        self.waiting[place].tuple = tuple;
        self.waiting[place].length = length;
        self.waits = place + 1;
        self.waits >= self.most_waiting
    }

    pub(crate) fn settle(&mut self) -> (u64, u64) {
        let waits = std::mem::take(&mut self.waits);
        if waits == 0 {
            return (0, 0);
        }
        let waiting = self.waiting.get_mut(..waits).unwrap_or_default();
        (waits as u64, self.table.count(waiting))
    }

    /// Near the end of the room packets go one by one, so that none waits for room another takes.
    pub(crate) fn allow(&mut self, rows_left: usize) {
        let room = self.table.room().min(rows_left);
        self.most_waiting = if room < 2 * GROUP { room.min(1) } else { GROUP };
    }
}
