//! `pcre`: from Perl's syntax to one whose matching takes time in proportion to the payload.

use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use super::content::unquoted;
use super::draft::Draft;
use super::options::RuleOption;
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

/// What of Perl's syntax differs, written as the regex crate reads it; what cannot be is named.
fn translate(pattern: &str, end_before_newline: bool) -> Result<String, &'static str> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let letters: Vec<char> = pattern.chars().collect();
    let at = |place: usize| letters.get(place).copied().unwrap_or('\0');
    let (mut place, mut class) = (0, false);
    while place < letters.len() {
        let letter = at(place);
        place += 1;
        match letter {
            '\\' => {
                let escaped = at(place);
                place += 1;
                match escaped {
                    '1'..='9' if !class => return Err("back references"),
                    'k' | 'g' if !class => return Err("back references"),
                    'K' | 'G' | 'R' | 'X' | 'C' if !class => {
                        return Err("\\K, \\G, \\R, \\X or \\C");
                    }
                    '0'..='7' => {
                        let digits: String = letters[place - 1..]
                            .iter()
                            .take(3)
                            .take_while(|d| d.is_digit(8))
                            .collect();
                        place += digits.len() - 1;
                        let number = u32::from_str_radix(&digits, 8).unwrap_or(0) & 0xff;
                        out.push_str(&format!("\\x{number:02x}"));
                    }
                    'Z' if !class => out.push_str("(?:\\n?\\z)"),
                    'e' => out.push_str("\\x1b"),
                    'h' => out.push_str(if class { " \\t" } else { "[ \\t]" }),
                    'N' if !class => out.push_str("[^\\n]"),
                    'Q' => {
                        while place < letters.len() && !(at(place) == '\\' && at(place + 1) == 'E')
                        {
                            literal(&mut out, at(place));
                            place += 1;
                        }
                        place += 2;
                    }
                    'E' => {}
                    'x' if at(place) != '{' => {
                        // Perl takes one digit or two, the regex crate two.
                        let digits: String = letters[place..]
                            .iter()
                            .take(2)
                            .take_while(|digit| digit.is_ascii_hexdigit())
                            .collect();
                        place += digits.len();
                        out.push_str(&format!("\\x{digits:0>2}"));
                    }
                    'c' => return Err("control characters as \\c"),
                    'b' if class => out.push_str("\\x08"),
                    'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'n' | 'r' | 't' | 'f' | 'v' | 'a' | 'x' => {
                        out.extend(['\\', escaped]);
                    }
                    'b' | 'B' | 'A' | 'z' if !class => out.extend(['\\', escaped]),
                    '\0' if place > letters.len() => return Err("a backslash at its end"),
                    other => literal(&mut out, other),
                }
            }
            '[' if class => {
                // A POSIX class keeps its bracket, any other bracket within a class is itself.
                out.push_str(if at(place) == ':' { "[" } else { "\\[" });
                if at(place) == ':' {
                    while place < letters.len() && at(place) != ']' {
                        out.push(at(place));
                        place += 1;
                    }
                    out.push(']');
                    place += 1;
                }
            }
            '[' => {
                class = true;
                out.push('[');
                if at(place) == '^' {
                    out.push('^');
                    place += 1;
                }
                if at(place) == ']' {
                    out.push_str("\\]");
                    place += 1;
                }
            }
            ']' if class => {
                class = false;
                out.push(']');
            }
            '&' | '~' if class => out.extend(['\\', letter]),
            '-' if class && at(place) == '-' => out.push_str("\\-"),
            _ if class => out.push(letter),
            '(' if at(place) == '?' => {
                let rest: String = letters[place + 1..].iter().take(2).collect();
                match rest.as_str() {
                    _ if rest.starts_with(['=', '!']) => return Err("look-around"),
                    "<=" | "<!" => return Err("look-around"),
                    _ if rest.starts_with('>') => return Err("atomic groups"),
                    _ if rest.starts_with(['R', '(', '|', '&', '0', '1', '+']) => {
                        return Err("recursion, conditions or branch resets");
                    }
                    "P=" | "P>" => return Err("back references"),
                    _ => {}
                }
                if rest.starts_with('#') {
                    while place < letters.len() && at(place) != ')' {
                        place += 1;
                    }
                    place += 1;
                } else {
                    out.push('(');
                }
            }
            '*' | '+' | '?' | '}'
                if at(place) == '+' && !out.is_empty() && (letter != '}' || closes_count(&out)) =>
            {
                return Err("possessive quantifiers");
            }
            '{' if !opens_count(&letters[place..]) => out.push_str("\\{"),
            '}' if !closes_count(&out) => out.push_str("\\}"),
            '$' if end_before_newline => out.push_str("(?:\\n?\\z)"),
            other if other.is_ascii() => out.push(other),
            other => literal(&mut out, other),
        }
    }
    Ok(out)
}

/// A letter that stands for itself; beyond ASCII, for the bytes of its UTF-8 form.
fn literal(out: &mut String, letter: char) {
    if letter.is_ascii_alphanumeric() || letter == '_' {
        out.push(letter);
    } else {
        for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
}

/// Whether what follows a brace makes it a count of repetition: `N}`, `N,}` or `N,M}`.
fn opens_count(rest: &[char]) -> bool {
    let inside: String = rest.iter().take_while(|letter| **letter != '}').collect();
    let closed = rest.len() > inside.chars().count();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (least, most) = inside.split_once(',').unwrap_or((&inside, ""));
    closed && !least.is_empty() && digits(least) && digits(most)
}

/// Whether the brace that comes next closes a count of repetition.
fn closes_count(out: &str) -> bool {
    let front = out.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == ',');
    front.ends_with('{') && !front.ends_with("\\{") && front.len() < out.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, text: &[u8]) -> bool {
        let translated = translate(pattern, true).unwrap();
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        Regex::builder()
            .syntax(syntax)
            .build(&text)
            .unwrap()
            .is_match(text)
    }

    #[test]
    fn perl_writes_some_things_otherwise() {
        assert!(matches(r"a{x}\/\:", b"a{x}/:"));
        assert!(matches(r"^a$", b"a\n") && !matches(r"^a$", b"a\nb"));
        assert!(matches(r"[\x0a\]x[]+$", b"[]x"));
        assert!(matches(r"\0\x1\101", b"\0\x01A"));
        assert!(matches(r"\Qa.b\Ec", b"a.bc") && !matches(r"\Qa.b\Ec", b"axbc"));
        assert!(matches(r"\xff.", b"\xff\x80"));
        assert!(matches(r"[[:digit:]a-]{2,3}", b"7-"));
    }

    #[test]
    fn what_takes_more_than_linear_time_is_refused() {
        for pattern in [
            r"(a)\1", "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", "(?>a+)b", "a++b", "a{2}+", "(?R)",
            r"a\Kb",
        ] {
            assert!(translate(pattern, true).is_err(), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn any_expression_is_translated_or_refused(pattern in "[a-z0-9\\\\\\[\\](){}?*+^$|:,é-]{0,40}") {
            let _ = translate(&pattern, true);
        }
    }
}
