//! `content` with its modifiers, in the syntax of Suricata and Snort 2 (options that follow) and of Snort 3 (words
//! behind the quotes).

use super::draft::Draft;
use super::options::{RuleOption, pieces};
use crate::signature::content::{Content, Operand, Step};
use crate::signature::limits::MAX_CONTENT_BYTES;
use crate::signature::text::Refusal;

/// Reads `content`.
pub(super) fn content(draft: &mut Draft, option: &RuleOption<'_>) -> Result<(), Refusal> {
    let parts = pieces(option.needed()?, b',');
    let (quoted, modifiers) = parts
        .split_first()
        .map_or(("", &[][..]), |(first, rest)| (*first, rest));
    let (negated, quoted) = match quoted.strip_prefix('!') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, quoted),
    };
    let bytes = bytes(option, unquoted(quoted))?;
    if bytes.is_empty() || bytes.len() > MAX_CONTENT_BYTES {
        return Err(option.mistake("a content has 1 to 255 bytes"));
    }
    draft.step(
        option,
        Step::Content(Content {
            bytes: bytes.into_boxed_slice(),
            any_case: false,
            negated,
            offset: Operand::Fixed(0),
            depth: None,
            distance: None,
            within: None,
            at_end: false,
            preferred: false,
        }),
    )?;
    for text in modifiers {
        let (name, value) = match text.split_once(|letter: char| letter.is_ascii_whitespace()) {
            Some((name, value)) => (name, Some(value.trim())),
            None => (*text, None),
        };
        let inner = RuleOption {
            name,
            value,
            offset: option.offset,
        };
        if !modifier(draft, &inner)? {
            return Err(option.mistake(&format!("`{name}` is no modifier of a content")));
        }
    }
    Ok(())
}

/// Applies a modifier to the content before it; `false` if the option is none.
pub(super) fn modifier(draft: &mut Draft, option: &RuleOption<'_>) -> Result<bool, Refusal> {
    if !matches!(
        option.name,
        "nocase"
            | "depth"
            | "offset"
            | "distance"
            | "within"
            | "startswith"
            | "endswith"
            | "fast_pattern"
            | "rawbytes"
            | "fast_pattern_offset"
            | "fast_pattern_length"
            | "width_anchor"
    ) {
        return Ok(false);
    }
    let number = match option.name {
        "depth" | "offset" | "distance" | "within" => {
            Some(draft.operand(option, option.needed()?)?)
        }
        _ => None,
    };
    let Some(Step::Content(content)) = draft
        .steps
        .iter_mut()
        .rev()
        .find(|step| matches!(step, Step::Content(_)))
    else {
        return Err(option.mistake("it modifies a content, and none stands before it"));
    };
    let length = i64::try_from(content.bytes.len()).unwrap_or(0);
    let too_short =
        |number: Option<Operand>| matches!(number, Some(Operand::Fixed(number)) if number < length);
    match option.name {
        "nocase" => {
            content.any_case = true;
            content.bytes.make_ascii_lowercase();
        }
        "depth" | "within" if too_short(number) => {
            return Err(option.mistake("it is shorter than the content, which can never be found"));
        }
        "offset" if matches!(number, Some(Operand::Fixed(..0))) => {
            return Err(option.mistake("it is less than 0"));
        }
        "depth" => content.depth = number,
        "offset" => content.offset = number.unwrap_or(Operand::Fixed(0)),
        "distance" => content.distance = number,
        "within" => content.within = number,
        "startswith" => content.depth = Some(Operand::Fixed(length)),
        "endswith" => content.at_end = true,
        // `fast_pattern:only` lets an engine leave the content out of verification, which changes no result.
        "fast_pattern" => content.preferred = true,
        _ => {}
    }
    Ok(true)
}

/// A value without its quotes.
pub(super) fn unquoted(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
}

/// The bytes a content stands for: text, with hexadecimal between bars.
fn bytes(option: &RuleOption<'_>, text: &str) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut hex, mut high) = (false, None);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '|' if high.is_some() => {
                return Err(option.mistake("a hexadecimal byte has one digit only"));
            }
            '|' => hex = !hex,
            ' ' | '\t' if hex => {}
            _ if hex => {
                let digit = letter
                    .to_digit(16)
                    .ok_or_else(|| option.mistake("between bars stands no hexadecimal digit"))?;
                let digit = u8::try_from(digit).unwrap_or(0);
                match high.take() {
                    None => high = Some(digit),
                    Some(high) => bytes.push(high << 4 | digit),
                }
            }
            '\\' => {
                let escaped = letters
                    .next()
                    .ok_or_else(|| option.mistake("a backslash stands alone at the end"))?;
                if !matches!(escaped, '\\' | '"' | ';' | ':' | '|') {
                    // Old rules escape letters that need none, or mean the backslash itself.
                    bytes.extend(escaped.is_ascii_alphanumeric().then_some(b'\\'));
                }
                push(&mut bytes, escaped);
            }
            other => push(&mut bytes, other),
        }
    }
    if hex {
        return Err(option.mistake("a bar `|` is never closed"));
    }
    Ok(bytes)
}

fn push(bytes: &mut Vec<u8>, letter: char) {
    bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
}
