//! Expressions of rules that no content tells of, searched together before each is verified alone.

use regex_automata::PatternSet;
use regex_automata::meta::{Cache, Regex};

use super::candidate::Candidate;
use super::clue::telling_content;
use super::content::Step;
use super::limits::MAX_EXPRESSION_BYTES;
use super::marks::{Found, WORD, each_marked, marks_of};
use super::rows::Fit;
use super::rule::{Buffer, Rule};

/// Expressions of many rules, one of each.
#[derive(Clone, Debug)]
pub(super) struct Expressions {
    regex: Regex,
    /// For each expression, its rule.
    bits: Box<[u32]>,
    /// The same rules, as bits.
    rules: Box<[u64]>,
    marks: u64,
}

impl Expressions {
    /// The expressions of rules that have no content, `None` where there are fewer than two.
    ///
    /// Where they grow too large together, each rule is left to itself.
    pub(super) fn new(slots: &[Candidate<'_>], words: usize) -> Option<Self> {
        let (texts, bits): (Vec<&str>, Vec<u32>) = (0..)
            .zip(slots)
            .filter_map(|(bit, slot)| Some((expression(slot.rule)?, bit)))
            .unzip();
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
        let mut rules = vec![0; words];
        for bit in &bits {
            rules[*bit as usize / WORD] |= 1 << (bit % u64::BITS);
        }
        Some(Self {
            regex,
            bits: bits.into(),
            marks: marks_of(&rules),
            rules: rules.into(),
        })
    }

    /// What a search writes into.
    pub(super) fn memory(&self) -> (Cache, PatternSet) {
        let Self { regex, .. } = self;
        (regex.create_cache(), PatternSet::new(regex.pattern_len()))
    }

    /// Takes from the rules found those whose expressions do not match in the payload, if the header fits any of them.
    pub(super) fn sift(
        &self,
        fit: &Fit<'_>,
        payload: &[u8],
        (cache, matched): &mut (Cache, PatternSet),
        found: &mut Found<'_>,
    ) {
        let mut asked = 0;
        each_marked(
            fit.live() & found.marks() & self.marks,
            self.rules.len(),
            |place| {
                let of_word = self.rules.get(place).copied().unwrap_or(0) & found.word(place);
                if of_word != 0 {
                    asked |= of_word & fit.word(place);
                }
            },
        );
        if asked == 0 {
            return;
        }
        matched.clear();
        self.regex.which_overlapping_matches_with(
            cache,
            &regex_automata::Input::new(payload),
            matched,
        );
        found.remove(&self.rules);
        for bit in matched
            .iter()
            .filter_map(|pattern| self.bits.get(pattern.as_usize()))
        {
            found.add(*bit as usize / WORD, 1 << (bit % u64::BITS));
        }
    }
}

/// An expression that decides of the payload whether the rule can match, where no content does.
fn expression(rule: &Rule) -> Option<&str> {
    if rule.buffer != Buffer::Payload || telling_content(rule).is_some() {
        return None;
    }
    rule.steps.iter().find_map(|step| match step {
        Step::Expression {
            text,
            relative: false,
            anchored: false,
            negated: false,
            ..
        } => Some(&**text),
        _ => None,
    })
}
