//! Rules as bits of words, a bit a rule, and which of the words have any.
//!
//! Of many rules few are possible for a packet. A mark for each word tells where to look.

/// Bits of a word.
pub(super) const WORD: usize = u64::BITS as usize;

/// The mark of a word by its place; the 65th word shares that of the first, and so on.
#[inline]
pub(super) const fn mark_of(place: usize) -> u64 {
    1 << (place % WORD)
}

/// Marks of the words that have a bit.
pub(super) fn marks_of(words: &[u64]) -> u64 {
    let with_bit = words.iter().enumerate().filter(|(_, word)| **word != 0);
    with_bit.fold(0, |marks, (place, _)| marks | mark_of(place))
}

/// Calls `visit` with the place of each of so many words that is marked, in order; where words share marks, with others too.
#[inline]
pub(super) fn each_marked(marks: u64, words: usize, mut visit: impl FnMut(usize)) {
    for start in (0..words).step_by(WORD) {
        let mut left = marks;
        while left != 0 {
            visit(start + left.trailing_zeros() as usize);
            left &= left - 1;
        }
    }
}

/// Rules that were found in a packet, as bits, and [marks](self) of the words that have any.
#[derive(Debug)]
pub(super) struct Found<'a> {
    words: &'a mut [u64],
    marks: u64,
}

impl<'a> Found<'a> {
    /// These rules, in words of a group.
    #[inline]
    pub(super) fn new(words: &'a mut [u64], rules: &Marked) -> Self {
        words.copy_from_slice(&rules.words);
        Self {
            words,
            marks: rules.marks,
        }
    }

    /// [Marks](self) of the words that have rules.
    #[inline]
    pub(super) const fn marks(&self) -> u64 {
        self.marks
    }

    /// The word at this place.
    #[inline]
    pub(super) fn word(&self, place: usize) -> u64 {
        self.words.get(place).copied().unwrap_or(0)
    }

    /// Whether one of these bits of a word is set.
    #[inline]
    pub(super) fn has(&self, place: usize, bits: u64) -> bool {
        self.word(place) & bits != 0
    }

    /// Sets these bits of a word.
    #[inline]
    pub(super) fn add(&mut self, place: usize, bits: u64) {
        if let Some(word) = self.words.get_mut(place) {
            *word |= bits;
            self.marks |= mark_of(place);
        }
    }

    /// Clears these bits of all words.
    pub(super) fn remove(&mut self, rules: &[u64]) {
        let words = self.words.iter_mut().zip(rules);
        words.for_each(|(word, rules)| *word &= !rules);
    }
}

/// Rules as bits, with the [marks](self) of the words that have any.
#[derive(Clone, Debug)]
pub(super) struct Marked {
    words: Box<[u64]>,
    marks: u64,
}

impl Marked {
    /// These rules.
    pub(super) fn new(words: Box<[u64]>) -> Self {
        let marks = marks_of(&words);
        Self { words, marks }
    }

    /// The words.
    pub(super) const fn words(&self) -> &[u64] {
        &self.words
    }

    /// Their marks.
    pub(super) const fn marks(&self) -> u64 {
        self.marks
    }
}
