//! Pieces and expressions of many rules, searched together before any rule is verified.
//!
//! Of each rule one piece of 4 bytes of a content, or one of 2 where no content is longer, goes into a filter of hashes
//! (as Rabin and Karp's search does for many patterns, 1987). A payload is looked through once, at a few instructions a
//! byte, whatever the number of rules; what the filter lets through by chance or by the case of its letters falls to the
//! verification.

use std::collections::HashMap;

use regex_automata::PatternSet;
use regex_automata::meta::{Cache, Regex};

use super::axis::WORD;
use super::candidate::Candidate;
use super::content::{Content, Step};
use super::limits::MAX_EXPRESSION_BYTES;
use super::rule::{Buffer, Rule};

/// Pieces of rules that need one in a buffer.
#[derive(Clone, Debug)]
pub(super) struct Patterns {
    /// Those of 4 bytes.
    long: Option<Pieces<4>>,
    /// Those of 2 bytes, of rules with nothing longer.
    short: Option<Pieces<2>>,
}

/// Pieces of one length, and which rules each is of.
#[derive(Clone, Debug)]
struct Pieces<const LENGTH: usize> {
    /// The rules that have one, as bits.
    rules: Box<[u64]>,
    /// A bit for each hash of 16 bits.
    filter: Box<[u64; FILTER]>,
    /// Numbers of pieces, plus one, from where their hashes lead; 0 is free, and half of all at the least.
    slots: Box<[u32]>,
    /// Pieces, folded, with their rules in `bits`; in order.
    known: Box<[(u32, u32, u32)]>,
    bits: Box<[u32]>,
}

/// Words of a filter: a bit for each hash of 16 bits.
const FILTER: usize = 1 << 10;

/// Expressions of rules that have no pattern, searched together before each is verified alone.
#[derive(Clone, Debug)]
pub(super) struct Expressions {
    regex: Regex,
    /// For each expression, its rule.
    bits: Box<[u32]>,
    /// The same rules, as bits.
    rules: Box<[u64]>,
}

/// Whether the rows have a bit in common.
fn meet(one: &[u64], other: &[u64]) -> bool {
    one.iter().zip(other).any(|(one, other)| one & other != 0)
}

impl Patterns {
    /// The pieces of the rules that look into such a buffer, and as bits the rules that have none there.
    pub(super) fn new(
        slots: &[Candidate<'_>],
        words: usize,
        is_wanted: impl Fn(Buffer) -> bool,
    ) -> (Option<Self>, Vec<u64>) {
        // Bits behind the last rule stay unset, here if not in the rows.
        let mut unconditional = vec![0_u64; words];
        for bit in 0..slots.len() {
            unconditional[bit / WORD] |= 1 << (bit % WORD);
        }
        let wanted: Vec<(u32, &Content)> = (0..)
            .zip(slots)
            .filter(|(_, slot)| is_wanted(slot.rule.buffer))
            .filter_map(|(bit, slot)| Some((bit, telling_content(slot.rule)?)))
            .collect();
        for (bit, _) in &wanted {
            unconditional[*bit as usize / WORD] &= !(1 << (bit % u64::BITS));
        }
        let patterns = Self {
            long: Pieces::new(&wanted, words, |length| length >= 4),
            short: Pieces::new(&wanted, words, |length| length < 4),
        };
        ((!wanted.is_empty()).then_some(patterns), unconditional)
    }

    /// Sets the bits of the possible rules whose pieces are in the text, and perhaps some others.
    pub(super) fn search(&self, possible: &[u64], text: &[u8], found: &mut [u64]) {
        if let Some(pieces) = &self.long {
            pieces.search(possible, text, found);
        }
        if let Some(pieces) = &self.short {
            pieces.search(possible, text, found);
        }
    }
}

impl<const LENGTH: usize> Pieces<LENGTH> {
    /// The pieces of these rules' contents, of those whose length is wanted.
    fn new(
        contents: &[(u32, &Content)],
        words: usize,
        is_wanted: impl Fn(usize) -> bool,
    ) -> Option<Self> {
        let wanted = || {
            contents
                .iter()
                .filter(|(_, content)| is_wanted(content.bytes.len()))
        };
        wanted().next()?;
        // A piece that few rules have tells most.
        let mut shared: HashMap<u32, usize> = HashMap::new();
        for (_, content) in wanted() {
            for piece in content.bytes.windows(LENGTH) {
                *shared.entry(folded(piece)).or_default() += 1;
            }
        }
        let worth = |piece: &&[u8]| {
            let others = shared.get(&folded(piece)).copied();
            (telling(piece), std::cmp::Reverse(others))
        };
        let mut of_rules: Vec<(u32, u32)> = wanted()
            .filter_map(|(bit, content)| {
                let piece = content.bytes.windows(LENGTH).max_by_key(worth)?;
                Some((folded(piece), *bit))
            })
            .collect();
        of_rules.sort_unstable();
        let (mut filter, mut rules) = (Box::new([0; FILTER]), vec![0; words]);
        let mut pieces: Vec<(u32, u32, u32)> = Vec::new();
        for (place, (piece, bit)) in (0..).zip(&of_rules) {
            let hash = hashed(*piece);
            filter[hash / WORD] |= 1 << (hash % WORD);
            rules[*bit as usize / WORD] |= 1 << (bit % u64::BITS);
            match pieces.last_mut() {
                Some((last, _, end)) if last == piece => *end = place + 1,
                _ => pieces.push((*piece, place, place + 1)),
            }
        }
        let mut slots = vec![0; (2 * pieces.len()).next_power_of_two()];
        for (number, (piece, ..)) in (1..).zip(&pieces) {
            let mut at = hashed(*piece) & (slots.len() - 1);
            while slots[at] != 0 {
                at = (at + 1) & (slots.len() - 1);
            }
            slots[at] = number;
        }
        Some(Self {
            rules: rules.into(),
            filter,
            slots: slots.into(),
            known: pieces.into(),
            bits: of_rules.iter().map(|(_, bit)| *bit).collect(),
        })
    }

    fn search(&self, possible: &[u64], text: &[u8], found: &mut [u64]) {
        let mut candidates = 0;
        for (possible, rules) in possible.iter().zip(&self.rules) {
            if possible & rules != 0 {
                candidates += (possible & rules).count_ones() as usize;
            }
        }
        if candidates == 0 {
            return;
        }
        // In instructions, as counted: what verifying a rule takes, against a search of all.
        if candidates * (150 + text.len() / 3) <= 11 * text.len() {
            for (found, rules) in found.iter_mut().zip(&self.rules) {
                *found |= rules;
            }
            return;
        }
        let mut before = None;
        for piece in text.windows(LENGTH) {
            let piece = folded(piece);
            let hash = hashed(piece);
            if self.filter[hash / WORD] >> (hash % WORD) & 1 == 1 && before != Some(piece) {
                before = Some(piece);
                self.note(piece, hash, found);
            }
        }
    }

    /// Sets the bits of the rules of a piece, if it is one.
    #[inline(never)]
    fn note(&self, piece: u32, hash: usize, found: &mut [u64]) {
        let mut at = hash;
        let (start, end) = loop {
            let number = self.slots[at & (self.slots.len() - 1)] as usize;
            match number
                .checked_sub(1)
                .and_then(|number| self.known.get(number))
            {
                None => return,
                Some((known, start, end)) if *known == piece => break (*start, *end),
                Some(_) => at += 1,
            }
        };
        let bits = self
            .bits
            .get(start as usize..end as usize)
            .unwrap_or_default();
        for bit in bits {
            let (word, bit) = (*bit as usize / WORD, 1 << (bit % u64::BITS));
            // Each rule has one piece: where the first is noted, so are the others.
            if found[word] & bit != 0 {
                return;
            }
            found[word] |= bit;
        }
    }
}

/// A piece as a number that upper and lower case share, and some other bytes that differ in the same bit.
#[inline]
fn folded(piece: &[u8]) -> u32 {
    let number = piece
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u32::from(*byte));
    number | (number & 0x4040_4040) >> 1
}

/// The upper 16 bits of a product with the golden ratio (Knuth, The Art of Computer Programming, volume 3, section 6.4).
#[inline]
const fn hashed(piece: u32) -> usize {
    (piece.wrapping_mul(0x9e37_79b1) >> 16) as usize
}

impl Expressions {
    /// The expressions of rules that nothing else is searched for, which then are no longer unconditional.
    ///
    /// Where they grow too large together, each rule is left to itself.
    pub(super) fn new(slots: &[Candidate<'_>], unconditional: &mut [u64]) -> Option<Self> {
        let (mut texts, mut bits) = (Vec::new(), Vec::new());
        for (bit, slot) in slots.iter().enumerate() {
            let text = slot.rule.steps.iter().find_map(|step| match step {
                Step::Expression {
                    text,
                    relative: false,
                    anchored: false,
                    negated: false,
                    ..
                } => Some(&**text),
                _ => None,
            });
            let alone = unconditional[bit / WORD] >> (bit % WORD) & 1 == 1
                && slot.rule.buffer == Buffer::Payload;
            if let Some(text) = text.filter(|_| alone) {
                texts.push(text);
                bits.push(u32::try_from(bit).unwrap_or(0));
            }
        }
        if texts.len() < 2 {
            return None;
        }
        let config = Regex::config()
            .utf8_empty(false)
            .match_kind(regex_automata::MatchKind::All)
            .nfa_size_limit(Some(MAX_EXPRESSION_BYTES))
            .hybrid_cache_capacity(MAX_EXPRESSION_BYTES);
        let syntax = regex_automata::util::syntax::Config::new().utf8(false);
        let regex = Regex::builder()
            .syntax(syntax)
            .configure(config)
            .build_many(&texts)
            .ok()?;
        let mut rules = vec![0; unconditional.len()];
        for bit in &bits {
            unconditional[*bit as usize / WORD] &= !(1 << (*bit as usize % WORD));
            rules[*bit as usize / WORD] |= 1 << (*bit as usize % WORD);
        }
        Some(Self {
            regex,
            bits: bits.into(),
            rules: rules.into(),
        })
    }

    /// What a search writes into.
    pub(super) fn memory(&self) -> (Cache, PatternSet) {
        let Self { regex, .. } = self;
        (regex.create_cache(), PatternSet::new(regex.pattern_len()))
    }

    /// Sets the bits of the rules whose expressions match in the payload, if any of them is possible.
    pub(super) fn search(
        &self,
        possible: &[u64],
        payload: &[u8],
        (cache, matched): &mut (Cache, PatternSet),
        found: &mut [u64],
    ) {
        if !meet(possible, &self.rules) {
            return;
        }
        matched.clear();
        self.regex.which_overlapping_matches_with(
            cache,
            &regex_automata::Input::new(payload),
            matched,
        );
        for pattern in matched.iter() {
            if let Some(bit) = self.bits.get(pattern.as_usize()) {
                found[*bit as usize / WORD] |= 1 << (*bit as usize % WORD);
            }
        }
    }
}

/// The content whose piece is searched for: the one that the rule prefers, else the most telling one. `None` where none
/// is long enough.
fn telling_content(rule: &Rule) -> Option<&Content> {
    let contents = rule.steps.iter().filter_map(|step| match step {
        Step::Content(content) if !content.negated && content.bytes.len() >= 2 => Some(content),
        _ => None,
    });
    contents.max_by_key(|content| {
        let length = content.bytes.len();
        (
            content.preferred && length >= 4,
            length >= 4,
            telling(&content.bytes).min(16),
            length,
        )
    })
}

/// How much a piece tells: a byte that stands in it for the first time more than another, zero and blank least.
fn telling(piece: &[u8]) -> usize {
    let known =
        |place: usize, byte: &u8| piece.get(..place).is_some_and(|front| front.contains(byte));
    piece
        .iter()
        .enumerate()
        .map(|(place, byte)| match byte {
            0 | b' ' | 0xff => 1,
            _ if known(place, byte) => 1,
            _ => 4,
        })
        .sum()
}
