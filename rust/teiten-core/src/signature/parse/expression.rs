//! `pcre`: from Perl's syntax to one whose matching takes time in proportion to the payload.

use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use super::content::unquoted;
use super::draft::Draft;
use super::options::RuleOption;
use super::perl::translate;
use crate::signature::content::Step;
use crate::signature::limits::{MAX_EXPRESSION_BYTES, MAX_EXPRESSION_CACHE_BYTES};
use crate::signature::text::Refusal;

/// Reads `pcre`.
pub(super) fn expression(draft: &mut Draft, option: &RuleOption<'_>) -> Result<(), Refusal> {
    let text = option.needed()?;
    let (negated, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    let text = unquoted(text);
    let text = text
        .strip_prefix('m')
        .filter(|rest| !rest.starts_with(char::is_alphanumeric))
        .unwrap_or(text);
    let (delimiter, rest) = match text.chars().next() {
        Some(delimiter) if delimiter.is_ascii_punctuation() => (delimiter, &text[1..]),
        _ => return Err(option.mistake("it is not written as \"/EXPRESSION/FLAGS\"")),
    };
    let Some((pattern, flags)) = rest.rsplit_once(delimiter) else {
        return Err(option.mistake("the delimiter that ends the expression is missing"));
    };
    // Behind the flags Suricata takes names of variables for captures, which change no result.
    let flags = flags.split(',').next().unwrap_or_default().trim();
    let mut inline = String::new();
    let (mut relative, mut anchored, mut end_only, mut lines) = (false, false, false, false);
    for flag in flags.chars() {
        match flag {
            'i' | 's' | 'x' => inline.push(flag),
            'm' => {
                inline.push(flag);
                lines = true;
            }
            'G' => inline.push('U'),
            'A' => anchored = true,
            'E' => end_only = true,
            'R' => relative = true,
            'B' | 'O' => {}
            'U' | 'I' | 'P' | 'H' | 'D' | 'M' | 'C' | 'K' | 'S' | 'Y' | 'V' | 'W' | 'Q' | 'Z'
            | 'L' | 'N' | 'T' => {
                return Err(Refusal::session(option.offset, "pcre of an HTTP buffer"));
            }
            other => return Err(option.mistake(&format!("`{other}` is no flag of an expression"))),
        }
    }
    let translated = translate(pattern, !end_only && !lines).map_err(|what| Refusal {
        remedy: "write the expression without it".to_owned(),
        ..Refusal::unsupported(
            option.offset,
            format!("pcre with {what}"),
            format!("`pcre` with {what} cannot be matched in time proportional to the payload"),
        )
    })?;
    // A comment that ends with the line must not take the parenthesis with it.
    let line = if inline.contains('x') { "\n" } else { "" };
    let text = format!("(?{inline}-u:{translated}{line})");
    let regex = Regex::builder()
        .syntax(syntax::Config::new().utf8(false).nest_limit(64))
        .configure(
            Regex::config()
                .utf8_empty(false)
                .nfa_size_limit(Some(MAX_EXPRESSION_BYTES))
                .onepass_size_limit(Some(MAX_EXPRESSION_BYTES / 8))
                .hybrid_cache_capacity(MAX_EXPRESSION_CACHE_BYTES),
        )
        .build(&text)
        .map_err(|error| refused(option, &error))?;
    draft.step(
        option,
        Step::Expression {
            text: text.into(),
            regex: Box::new(regex),
            cache: 0,
            relative,
            anchored,
            negated,
        },
    )
}

fn refused(option: &RuleOption<'_>, error: &regex_automata::meta::BuildError) -> Refusal {
    if error.size_limit().is_some() {
        return Refusal {
            remedy: "write smaller counts of repetition".to_owned(),
            ..Refusal::unsupported(
                option.offset,
                "pcre too large",
                format!(
                    "`pcre` grows beyond {MAX_EXPRESSION_BYTES} bytes when its repetitions are written out"
                ),
            )
        };
    }
    let detail = error
        .syntax_error()
        .map_or_else(|| error.to_string(), ToString::to_string);
    let last = detail
        .lines()
        .last()
        .unwrap_or_default()
        .trim_start_matches("error: ")
        .to_owned();
    option.mistake(&last)
}
