//! Patterns and expressions of many rules, searched together before any rule is verified.

use aho_corasick::automaton::OverlappingState;
use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
use regex_automata::PatternSet;
use regex_automata::meta::{Cache, Regex};

use super::axis::WORD;
use super::candidate::Candidate;
use super::content::{Content, Step};
use super::limits::{MAX_EXPRESSION_BYTES, MAX_PATTERN_BYTES, MIN_PATTERN_BYTES};
use super::rule::{Buffer, Rule};

/// Patterns of rules that need one in a buffer, and which rules each is of.
#[derive(Clone, Debug)]
pub(super) struct Patterns {
    search: AhoCorasick,
    /// For each pattern, its rules in `bits`.
    ranges: Box<[(u32, u32)]>,
    bits: Box<[u32]>,
}

/// Expressions of rules that have no pattern, searched together before each is verified alone.
#[derive(Clone, Debug)]
pub(super) struct Expressions {
    regex: Regex,
    /// For each expression, its rule.
    bits: Box<[u32]>,
}

impl Patterns {
    /// The patterns of the rules that look into such a buffer, and as bits the rules that have none there.
    pub(super) fn new(
        slots: &[Candidate<'_>],
        words: usize,
        is_wanted: impl Fn(Buffer) -> bool,
    ) -> Result<(Option<Self>, Vec<u64>), String> {
        // Bits behind the last rule stay unset, here if not in the rows.
        let mut unconditional = vec![0_u64; words];
        for bit in 0..slots.len() {
            unconditional[bit / WORD] |= 1 << (bit % WORD);
        }
        let mut of_rules: Vec<(Vec<u8>, u32)> = Vec::new();
        for (bit, slot) in slots.iter().enumerate() {
            let pattern = if is_wanted(slot.rule.buffer) {
                pattern(slot.rule)
            } else {
                None
            };
            if let Some(pattern) = pattern {
                unconditional[bit / WORD] &= !(1 << (bit % WORD));
                of_rules.push((pattern, u32::try_from(bit).unwrap_or(0)));
            }
        }
        if of_rules.is_empty() {
            return Ok((None, unconditional));
        }
        of_rules.sort_unstable();
        let (mut patterns, mut ranges): (Vec<&[u8]>, Vec<(u32, u32)>) = (Vec::new(), Vec::new());
        for (place, (pattern, _)) in (0..).zip(&of_rules) {
            if patterns.last() == Some(&pattern.as_slice()) {
                if let Some(range) = ranges.last_mut() {
                    range.1 = place + 1;
                }
            } else {
                patterns.push(pattern);
                ranges.push((place, place + 1));
            }
        }
        let search = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(&patterns)
            .map_err(|error| error.to_string())?;
        let bits = of_rules.iter().map(|(_, bit)| *bit).collect();
        Ok((
            Some(Self {
                search,
                ranges: ranges.into(),
                bits,
            }),
            unconditional,
        ))
    }

    /// Sets the bits of the rules whose patterns are in the text.
    pub(super) fn search(&self, text: &[u8], found: &mut [u64]) {
        let mut state = OverlappingState::start();
        let input = Input::new(text);
        loop {
            self.search.find_overlapping(input.clone(), &mut state);
            let Some(hit) = state.get_match() else {
                return;
            };
            let Some((from, to)) = self.ranges.get(hit.pattern().as_usize()) else {
                continue;
            };
            for bit in self
                .bits
                .get(*from as usize..*to as usize)
                .unwrap_or_default()
            {
                found[*bit as usize / WORD] |= 1 << (*bit as usize % WORD);
            }
        }
    }
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
        for bit in &bits {
            unconditional[*bit as usize / WORD] &= !(1 << (*bit as usize % WORD));
        }
        Some(Self {
            regex,
            bits: bits.into(),
        })
    }

    /// What a search writes into.
    pub(super) fn memory(&self) -> (Cache, PatternSet) {
        let Self { regex, .. } = self;
        (regex.create_cache(), PatternSet::new(regex.pattern_len()))
    }

    /// Sets the bits of the rules whose expressions match in the payload.
    pub(super) fn search(
        &self,
        payload: &[u8],
        (cache, matched): &mut (Cache, PatternSet),
        found: &mut [u64],
    ) {
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

/// The piece of a rule's contents that is searched for, in lower case: of the content the rule prefers, else of its
/// longest, the most telling piece. `None` where none is long enough.
fn pattern(rule: &Rule) -> Option<Vec<u8>> {
    let contents = rule.steps.iter().filter_map(|step| match step {
        Step::Content(content) if !content.negated => Some(content),
        _ => None,
    });
    let worth = |content: &&Content| {
        let length = content.bytes.len();
        (
            content.preferred && length >= MIN_PATTERN_BYTES,
            telling(&content.bytes).min(16),
            length,
        )
    };
    let content = contents.max_by_key(worth)?;
    if content.bytes.len() < MIN_PATTERN_BYTES {
        return None;
    }
    let length = content.bytes.len().min(MAX_PATTERN_BYTES);
    let piece = content
        .bytes
        .windows(length)
        .max_by_key(|piece| telling(piece))?;
    Some(piece.to_ascii_lowercase())
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
