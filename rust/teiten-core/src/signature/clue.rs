//! What a text must hold for a rule to match in it: byte strings, one of which is there.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Hir, HirKind};

use super::content::{Content, Step};
use super::rule::Rule;

/// Bytes that a string has at the least for its piece to be searched for among the longer ones.
pub(super) const LONG: usize = 4;

/// Bytes that a string has at the least to be searched for.
pub(super) const SHORT: usize = 2;

/// Parts of an expression's concatenation that a string is looked for at: what a rule takes to compile does not grow with
/// the square of its length.
const STARTS: usize = 64;

/// Parts from there on that are read for it: one string of [`LONG`] bytes seldom lies in more.
const READ: usize = 8;

/// Byte strings of [`SHORT`] bytes or more, none of zeros alone, of which a text in which the rule matches holds one in
/// some case of its letters.
pub(super) type Clue = Vec<Vec<u8>>;

/// What is known of the rule, if anything is. Contents are taken before expressions, long strings before short.
pub(super) fn clue(rule: &Rule) -> Option<Clue> {
    let of_content = telling_content(rule).map(|content| vec![content.bytes.to_vec()]);
    if of_content.as_ref().is_some_and(|strings| are_long(strings)) {
        return of_content;
    }
    let expressions = rule.steps.iter().filter_map(|step| match step {
        Step::Expression {
            text,
            negated: false,
            ..
        } => of_expression(text),
        _ => None,
    });
    let best = expressions.max_by_key(|strings| are_long(strings));
    match best {
        Some(strings) if of_content.is_none() || are_long(&strings) => Some(strings),
        _ => of_content,
    }
}

/// Whether all of the strings have [`LONG`] bytes.
pub(super) fn are_long(strings: &[Vec<u8>]) -> bool {
    strings.iter().all(|string| string.len() >= LONG)
}

/// The content whose piece is searched for: the one that the rule prefers, else the most telling one. `None` where none
/// is long enough.
pub(super) fn telling_content(rule: &Rule) -> Option<&Content> {
    let contents = rule.steps.iter().filter_map(|step| match step {
        Step::Content(content) if !content.negated && tells(&content.bytes) => Some(content),
        _ => None,
    });
    contents.max_by_key(|content| {
        let length = content.bytes.len();
        (
            content.preferred && length >= LONG,
            length >= LONG,
            telling(&content.bytes).min(16),
            length,
        )
    })
}

/// How much a piece tells: a byte that stands in it for the first time more than another, zero and blank least.
pub(super) fn telling(piece: &[u8]) -> usize {
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

/// Strings of which every match of the expression holds one: what it or a later part of it begins with.
fn of_expression(text: &str) -> Option<Clue> {
    let mut parser = ParserBuilder::new().utf8(false).build();
    let whole = parser.parse(text).ok()?;
    let mut parts: &[Hir] = std::slice::from_ref(&whole);
    // A concatenation within groups; of what else an expression may be, the whole is looked at.
    while let [only] = parts {
        match only.kind() {
            HirKind::Capture(capture) => parts = std::slice::from_ref(&capture.sub),
            HirKind::Concat(several) => parts = several,
            _ => break,
        }
    }
    let of_parts = (0..parts.len().min(STARTS)).filter_map(|start| {
        let read = parts.iter().skip(start).take(READ).cloned();
        let read = Hir::concat(read.collect());
        of_sequence(&Extractor::new().kind(ExtractKind::Prefix).extract(&read))
    });
    of_parts.max_by_key(|strings| {
        let worth = strings.iter().map(|string| telling(string).min(16)).min();
        (are_long(strings), worth, std::cmp::Reverse(strings.len()))
    })
}

/// The strings of a finite sequence in which each is worth a search.
fn of_sequence(sequence: &Seq) -> Option<Clue> {
    let strings = sequence.literals()?.iter();
    let strings: Clue = strings.map(|literal| literal.as_bytes().to_vec()).collect();
    let all_tell = !strings.is_empty() && strings.iter().all(|string| tells(string));
    all_tell.then_some(strings)
}

/// Whether the string is worth a search: most payloads that are no text have zeros.
fn tells(string: &[u8]) -> bool {
    string.len() >= SHORT && string.iter().any(|byte| *byte != 0)
}
