//! A rule's options: cutting the text between its parentheses into them.

use crate::signature::text::Refusal;

/// One option, as it stands in the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RuleOption<'a> {
    /// Its keyword.
    pub(super) name: &'a str,
    /// What follows the colon, without blanks around it; `None` without a colon.
    pub(super) value: Option<&'a str>,
    /// Byte offset of the keyword in the text that was cut.
    pub(super) offset: usize,
}

impl<'a> RuleOption<'a> {
    /// The value.
    pub(super) fn needed(&self) -> Result<&'a str, Refusal> {
        self.value.filter(|value| !value.is_empty()).ok_or_else(|| {
            Refusal::mistake(
                self.offset,
                format!("`{}` has no value", self.name),
                format!("write `{}: VALUE;`", self.name),
            )
        })
    }

    /// A mistake in this option's value.
    pub(super) fn mistake(&self, reason: &str) -> Refusal {
        Refusal::mistake(
            self.offset,
            format!("`{}`: {reason}", self.name),
            "correct the value; docs/reference/signatures.md says what it may be",
        )
    }

    /// Something in this option that the engine does not do.
    pub(super) fn unsupported(&self, reason: &str) -> Refusal {
        Refusal::unsupported(self.offset, self.name, format!("`{}`: {reason}", self.name))
    }

    /// The value cut at commas outside quotes, without blanks around the pieces.
    pub(super) fn list(&self) -> Result<Vec<&'a str>, Refusal> {
        self.needed().map(|value| pieces(value, b','))
    }
}

/// Cuts the text of all options at semicolons outside quotes that no backslash precedes.
pub(super) fn cut(text: &str) -> Result<Vec<RuleOption<'_>>, Refusal> {
    let mut options = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, None, false);
    for (at, letter) in text.bytes().enumerate() {
        match letter {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            // A quote opens where a value begins, so that `msg:it's` and `msg:"` tell apart from one within a word.
            b'"' => quoted = if quoted.is_some() { None } else { Some(at) },
            b';' if quoted.is_none() => {
                options.extend(option(text, start, at)?);
                start = at + 1;
            }
            _ => {}
        }
    }
    if let Some(at) = quoted {
        return Err(Refusal::mistake(
            at,
            "a quote is never closed",
            "close it, or write `\\\"` for a quote itself",
        ));
    }
    let rest = text.get(start..).unwrap_or_default();
    if rest.trim().is_empty() {
        return Ok(options);
    }
    let blanks = rest.len() - rest.trim_start().len();
    Err(Refusal::mistake(
        start + blanks,
        format!("`{}` does not end with a semicolon", shortened(rest.trim())),
        "end every option with `;`",
    ))
}

fn option(text: &str, start: usize, end: usize) -> Result<Option<RuleOption<'_>>, Refusal> {
    let whole = text.get(start..end).unwrap_or_default();
    let offset = start + (whole.len() - whole.trim_start().len());
    let (name, value) = match whole.split_once(':') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (whole.trim(), None),
    };
    if name.is_empty() && value.is_none() {
        return Ok(None);
    }
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if name.is_empty() || !name.bytes().all(is_word) {
        return Err(Refusal::mistake(
            offset,
            format!("`{}` is no keyword", shortened(name)),
            "write `keyword:value;` or `keyword;`, and `\\;` for a semicolon within a value",
        ));
    }
    Ok(Some(RuleOption {
        name,
        value,
        offset,
    }))
}

/// Cuts at a separator outside quotes, brackets and parentheses.
pub(super) fn pieces(text: &str, separator: u8) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut quoted, mut escaped, mut depth) = (0, false, false, 0_usize);
    for (at, letter) in text.bytes().enumerate() {
        match letter {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'[' if !quoted => depth += 1,
            b']' if !quoted => depth = depth.saturating_sub(1),
            _ if letter == separator && !quoted && depth == 0 => {
                found.push(text.get(start..at).unwrap_or_default().trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(text.get(start..).unwrap_or_default().trim());
    found
}

/// The front of a text, for a message.
pub(super) fn shortened(text: &str) -> String {
    let mut front: String = text.chars().take(40).collect();
    if front.len() < text.len() {
        front.push('…');
    }
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_cut_at_semicolons_outside_quotes() {
        let text = r#"msg:"a; b\"c"; reference:url,x\;y; nocase; sid : 7 ;"#;
        let options = cut(text).unwrap();
        let names: Vec<_> = options
            .iter()
            .map(|option| (option.name, option.value))
            .collect();
        assert_eq!(
            names,
            [
                ("msg", Some(r#""a; b\"c""#)),
                ("reference", Some(r"url,x\;y")),
                ("nocase", None),
                ("sid", Some("7"))
            ]
        );
        assert_eq!(options[3].offset, text.find("sid").unwrap());
    }

    #[test]
    fn mistakes_name_their_place() {
        assert_eq!(cut("sid:1").unwrap_err().offset, 0);
        assert_eq!(cut("sid:1; msg:\"x;").unwrap_err().offset, 11);
        assert_eq!(cut("sid:1; two words:3;").unwrap_err().offset, 7);
    }

    #[test]
    fn lists_are_cut_at_commas_outside_quotes_and_brackets() {
        assert_eq!(
            pieces(r#""a,b", offset 1,[c,d]"#, b','),
            [r#""a,b""#, "offset 1", "[c,d]"]
        );
    }
}
