//! Pieces of what rules search for, found together before any rule is verified.
//!
//! Of each string that tells of a rule ([`clue`](super::clue)) one piece of 4 bytes, or one of 2 where one of the strings is
//! not longer, goes into a filter: the longer ones as hashes (as Rabin and Karp's search does for many patterns, 1987), the
//! others as they are. A text is looked through once, at a few instructions a byte, whatever the number of rules; what the
//! filter lets through by chance or by the case of its letters falls to the verification.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::candidate::Candidate;
use super::clue::{Clue, LONG, SHORT, are_long, telling};
use super::marks::{Found, WORD, each_marked};
use super::rows::Fit;
use super::rule::Buffer;

/// Words of a filter.
const FILTER: usize = 1 << 11;

/// Bytes from which on a text is long.
const LONG_TEXT: usize = 256;

/// A bit for each number of 16 bits.
type Filter = [u32; FILTER];

/// Pieces of rules that need one in a buffer.
#[derive(Clone, Debug)]
pub(super) struct Patterns {
    /// The rules that have a piece, as bits.
    rules: Box<[u64]>,
    /// Hashes of those of 4 bytes; `None` where there are none.
    long: Option<Box<Filter>>,
    /// Those of 2 bytes, themselves.
    short: Option<Box<Filter>>,
    /// Numbers of pieces, plus one, from where their hashes lead; 0 is free, and half of all at the least.
    slots: Box<[u32]>,
    known: Box<[Piece]>,
    /// Numbers of the pieces' rules.
    bits: Box<[u32]>,
}

/// A piece that is searched for.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// The piece, folded, and its length.
    text: (u32, usize),
    /// Its rules, in `bits`.
    start: u32,
    end: u32,
    /// Whether no other piece leads to its first rule: where that is noted, so are the others.
    first_is_here_alone: bool,
}

impl Patterns {
    /// The pieces of the rules that look into such a buffer, and as bits the rules that have none there.
    pub(super) fn new<'a>(
        slots: &[Candidate<'_>],
        words: usize,
        clue_of: impl Fn(&Candidate<'_>) -> Option<&'a Clue>,
        is_wanted: impl Fn(Buffer) -> bool,
    ) -> (Option<Self>, Vec<u64>) {
        // Bits behind the last rule stay unset, here if not in the rows.
        let mut unconditional = vec![0_u64; words];
        for bit in 0..slots.len() {
            unconditional[bit / WORD] |= 1 << (bit % WORD);
        }
        let clues: Vec<(u32, &Clue)> = (0..)
            .zip(slots)
            .filter(|(_, slot)| is_wanted(slot.rule.buffer))
            .filter_map(|(bit, slot)| Some((bit, clue_of(slot)?)))
            .collect();
        if clues.is_empty() {
            return (None, unconditional);
        }
        let mut rules = vec![0; words];
        for (bit, _) in &clues {
            rules[*bit as usize / WORD] |= 1 << (bit % u64::BITS);
            unconditional[*bit as usize / WORD] &= !(1 << (bit % u64::BITS));
        }
        (Some(Self::of(&clues, rules.into())), unconditional)
    }

    fn of(clues: &[(u32, &Clue)], rules: Box<[u64]>) -> Self {
        let length = |strings: &[Vec<u8>]| if are_long(strings) { LONG } else { SHORT };
        // A piece that few rules have tells most.
        let mut shared: HashMap<(u32, usize), usize> = HashMap::new();
        for (_, strings) in clues {
            let length = length(strings);
            for piece in strings.iter().flat_map(|string| string.windows(length)) {
                *shared.entry(text(piece)).or_default() += 1;
            }
        }
        let mut of_rules: Vec<((u32, usize), bool, u32)> = Vec::new();
        for (bit, strings) in clues {
            let worth = |piece: &&[u8]| {
                let others = shared.get(&text(piece)).copied();
                (telling(piece), Reverse(others))
            };
            let best =
                |string: &Vec<u8>| string.windows(length(strings)).max_by_key(worth).map(text);
            let mut pieces: Vec<_> = strings.iter().filter_map(best).collect();
            pieces.sort_unstable();
            pieces.dedup();
            let is_one_of_several = pieces.len() > 1;
            of_rules.extend(
                pieces
                    .into_iter()
                    .map(|piece| (piece, is_one_of_several, *bit)),
            );
        }
        of_rules.sort_unstable();
        let mut known: Vec<Piece> = Vec::new();
        for (place, (text, is_one_of_several, _)) in (0..).zip(&of_rules) {
            match known.last_mut() {
                Some(last) if last.text == *text => last.end = place + 1,
                _ => known.push(Piece {
                    text: *text,
                    start: place,
                    end: place + 1,
                    first_is_here_alone: !is_one_of_several,
                }),
            }
        }
        let filter = |length| {
            let mut filter = None;
            for (piece, _) in known
                .iter()
                .map(|piece| piece.text)
                .filter(|text| text.1 == length)
            {
                let number = if length == LONG { hashed(piece) } else { piece };
                let filter = filter.get_or_insert_with(|| Box::new([0; FILTER]));
                filter[(number >> 5) as usize % FILTER] |= 1 << (number & 31);
            }
            filter
        };
        let mut slots = vec![0; (2 * known.len()).next_power_of_two()];
        for (number, piece) in (1..).zip(&known) {
            let mut at = hashed(piece.text.0) as usize & (slots.len() - 1);
            while slots[at] != 0 {
                at = (at + 1) & (slots.len() - 1);
            }
            slots[at] = number;
        }
        Self {
            rules,
            long: filter(LONG),
            short: filter(SHORT),
            slots: slots.into(),
            bits: of_rules.iter().map(|(.., bit)| *bit).collect(),
            known: known.into(),
        }
    }

    /// Finds the rules that have a piece in the text, and perhaps some others.
    #[inline]
    pub(super) fn search(&self, fit: &Fit<'_>, text: &[u8], found: &mut Found<'_>) {
        // To look into the header first costs little of a long search, and often spares it.
        if text.len() >= LONG_TEXT && self.are_few(fit, text) {
            self.rules
                .iter()
                .enumerate()
                .for_each(|(place, word)| found.add(place, *word));
            return;
        }
        match (&self.long, &self.short) {
            (Some(long), Some(short)) => self.scan::<true, true>(long, short, text, found),
            (Some(long), None) => self.scan::<true, false>(long, &[0; FILTER], text, found),
            (None, Some(short)) => self.scan::<false, true>(&[0; FILTER], short, text, found),
            (None, None) => {}
        }
    }

    /// Whether it takes less to verify each rule that the header fits than to search the text for all.
    #[inline(never)]
    fn are_few(&self, fit: &Fit<'_>, text: &[u8]) -> bool {
        let mut fitting = 0;
        each_marked(fit.live(), self.rules.len(), |place| {
            let rules = self.rules.get(place).copied().unwrap_or(0);
            fitting += (fit.word(place) & rules).count_ones() as usize;
        });
        // In instructions, as counted.
        fitting * (150 + text.len() / 3) <= 11 * text.len()
    }

    /// Looks through the text, eight bytes at a time, for pieces of either length.
    fn scan<const WITH_LONG: bool, const WITH_SHORT: bool>(
        &self,
        long: &Filter,
        short: &Filter,
        text: &[u8],
        found: &mut Found<'_>,
    ) {
        let mut before = None;
        let mut rest = text;
        while let Some(bytes) = rest.first_chunk::<8>() {
            let bytes = folded(u64::from_le_bytes(*bytes));
            rest = &rest[4..];
            // What repeats itself, as in a run of zeros, has been looked at.
            if before.replace(bytes) == Some(bytes) {
                continue;
            }
            for place in 0..4 {
                let bytes = bytes >> (8 * place);
                if WITH_LONG {
                    self.look_long(long, four(bytes), found);
                }
                if WITH_SHORT {
                    self.look_short(short, two(bytes), found);
                }
            }
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let mut bytes = folded(u64::from_le_bytes(last));
        let mut before = (None, None);
        for left in (SHORT..=rest.len()).rev() {
            let (piece, pair) = (four(bytes), two(bytes));
            if WITH_LONG && left >= LONG && before.0.replace(piece) != Some(piece) {
                self.look_long(long, piece, found);
            }
            if WITH_SHORT && before.1.replace(pair) != Some(pair) {
                self.look_short(short, pair, found);
            }
            bytes >>= 8;
        }
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a few instructions for each byte of a text"
    )]
    fn look_long(&self, filter: &Filter, piece: u32, found: &mut Found<'_>) {
        if has(filter, hashed(piece)) {
            self.note((piece, LONG), found);
        }
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a few instructions for each byte of a text"
    )]
    fn look_short(&self, filter: &Filter, piece: u16, found: &mut Found<'_>) {
        if has(filter, piece.into()) {
            self.note((piece.into(), SHORT), found);
        }
    }

    /// Sets the bits of the rules of a piece, if it is one.
    #[cold]
    #[inline(never)]
    fn note(&self, text: (u32, usize), found: &mut Found<'_>) {
        let mut at = hashed(text.0) as usize;
        let piece = loop {
            let number = self.slots[at & (self.slots.len() - 1)] as usize;
            match number
                .checked_sub(1)
                .and_then(|number| self.known.get(number))
            {
                None => return,
                Some(piece) if piece.text == text => break piece,
                Some(_) => at += 1,
            }
        };
        let bits = self
            .bits
            .get(piece.start as usize..piece.end as usize)
            .unwrap_or_default();
        let place = |bit: u32| (bit as usize / WORD, 1_u64 << (bit % u64::BITS));
        let first = bits.first().map(|bit| place(*bit));
        if piece.first_is_here_alone && first.is_some_and(|(word, bit)| found.has(word, bit)) {
            return;
        }
        for (word, bit) in bits.iter().map(|bit| place(*bit)) {
            found.add(word, bit);
        }
    }
}

/// A piece as it is known.
fn text(piece: &[u8]) -> (u32, usize) {
    let mut bytes = [0; 8];
    bytes[..piece.len()].copy_from_slice(piece);
    (four(folded(u64::from_le_bytes(bytes))), piece.len())
}

/// The first four of eight bytes.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the others are left out")]
const fn four(bytes: u64) -> u32 {
    bytes as u32
}

/// The first two of eight bytes.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the others are left out")]
const fn two(bytes: u64) -> u16 {
    bytes as u16
}

/// Bytes as a number that upper and lower case share, and some other bytes that differ in the same bit.
#[inline]
const fn folded(bytes: u64) -> u64 {
    bytes | (bytes & 0x4040_4040_4040_4040) >> 1
}

/// The upper 16 bits of a product with the golden ratio (Knuth, The Art of Computer Programming, volume 3, section 6.4).
#[inline]
const fn hashed(piece: u32) -> u32 {
    piece.wrapping_mul(0x9e37_79b1) >> 16
}

/// Whether the filter has a number, of 16 bits.
#[inline]
const fn has(filter: &Filter, number: u32) -> bool {
    filter[(number >> 5) as usize % FILTER] >> (number & 31) & 1 == 1
}
