//! Where in a rule file something stands, and what there is to say about it.

use std::fmt;
use std::sync::Arc;

/// A place in a rule file; lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Name of the file, as the caller gave it.
    pub file: Arc<str>,
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Why a rule is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Obstacle {
    /// It looks into an established session, which a sensor that answers nobody never sees.
    Session,
    /// It speaks of frames without an IP header, which name no sender to report.
    Senderless,
    /// It needs something this engine does not do.
    Unsupported,
    /// It is no rule: a mistake in its text, or in a variable it uses.
    Mistake,
    /// Another rule of the same number takes its place.
    Replaced,
}

/// One thing to say about one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where it stands.
    pub place: Place,
    /// The rule's number, where it could be read.
    pub sid: Option<u32>,
    /// What kind of obstacle it is.
    pub obstacle: Obstacle,
    /// A few words that are the same for every rule with this obstacle, for counting.
    pub cause: String,
    /// What is wrong, for a person.
    pub reason: String,
    /// What to do about it, for a person.
    pub remedy: String,
    /// Whether the file may have been cut off within the rule: it is a mistake in the last one, which never closes or
    /// ends without a line's end.
    pub cut_off: bool,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.place)?;
        if let Some(sid) = self.sid {
            write!(formatter, "rule {sid}: ")?;
        }
        write!(formatter, "{}; {}", self.reason, self.remedy)
    }
}

/// What stands in the way of a rule, before its place in the file is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Byte offset into the rule's text.
    pub(super) offset: usize,
    pub(super) obstacle: Obstacle,
    pub(super) cause: String,
    pub(super) reason: String,
    pub(super) remedy: String,
}

impl Refusal {
    /// A mistake in the rule's text.
    pub(super) fn mistake(
        offset: usize,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            offset,
            obstacle: Obstacle::Mistake,
            cause: "mistake in the text".to_owned(),
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }

    /// Something that needs an established session; `what` is the text that says so.
    pub(super) fn session(offset: usize, what: impl Into<String>) -> Self {
        let what = what.into();
        Self {
            offset,
            obstacle: Obstacle::Session,
            reason: format!(
                "`{what}` needs an established session, and a passive sensor sees none"
            ),
            remedy: "leave the rule to a detector that watches hosts which answer".to_owned(),
            cause: what,
        }
    }

    /// An event of frames that name no sender.
    pub(super) fn senderless(offset: usize, event: &str) -> Self {
        Self {
            offset,
            obstacle: Obstacle::Senderless,
            cause: event.to_owned(),
            reason: format!(
                "the event `{event}` is of frames without an IP header, which name no sender to report"
            ),
            remedy: "leave the rule to a detector that watches the line itself".to_owned(),
        }
    }

    /// Something this engine does not do; `what` is the text that asks for it.
    pub(super) fn unsupported(
        offset: usize,
        what: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            offset,
            obstacle: Obstacle::Unsupported,
            cause: what.into(),
            reason: reason.into(),
            remedy: "leave the option out if the rest of the rule is telling enough".to_owned(),
        }
    }

    /// The refusal, seen from `by` bytes further out.
    pub(super) fn shifted(mut self, by: usize) -> Self {
        self.offset += by;
        self
    }
}

/// One rule's text, continuation lines joined, with the way back to lines and columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// The text on one line.
    pub(super) text: String,
    /// For each piece of the text: where in it the piece begins, its line, and the column of its first character.
    pieces: Vec<(usize, u32, u32)>,
}

impl Statement {
    /// The place of a byte of the text.
    pub(super) fn place(&self, file: &Arc<str>, offset: usize) -> Place {
        let piece = self
            .pieces
            .partition_point(|piece| piece.0 <= offset)
            .saturating_sub(1);
        let (start, line, column) = self.pieces.get(piece).copied().unwrap_or((0, 1, 1));
        let within = self
            .text
            .get(start..offset)
            .map_or(0, |text| text.chars().count());
        Place {
            file: Arc::clone(file),
            line,
            column: column.saturating_add(u32::try_from(within).unwrap_or(u32::MAX)),
        }
    }

    /// Whether it begins as a rule, whose parenthesis never closes.
    pub(super) fn is_open(&self) -> bool {
        begins_a_rule(&self.text) && !self.text.ends_with(')')
    }

    fn push(&mut self, line: u32, column: u32, text: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.pieces.push((self.text.len(), line, column));
        self.text.push_str(text);
    }
}

/// Words a rule begins with.
pub(super) const ACTIONS: [&str; 14] = [
    "alert",
    "log",
    "pass",
    "drop",
    "reject",
    "rejectsrc",
    "rejectdst",
    "rejectboth",
    "sdrop",
    "activate",
    "dynamic",
    "block",
    "react",
    "config",
];

/// Whether the line's first word is an action.
fn begins_a_rule(line: &str) -> bool {
    let word = line
        .split(|letter: char| letter.is_whitespace() || letter == '(')
        .next();
    word.is_some_and(|word| ACTIONS.contains(&word))
}

/// The rules of a file, comments and empty lines left out.
///
/// A rule goes on behind a backslash at the end of a line, and, as in Snort 3, until its parenthesis closes; where
/// it never does, the next line that begins a rule ends it.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut open: Option<(Statement, bool)> = None;
    for (number, line) in (1u32..).zip(text.lines()) {
        let body = line.trim();
        let column = 1 + u32::try_from(
            line.chars()
                .take_while(|letter| letter.is_whitespace())
                .count(),
        )
        .unwrap_or(0);
        let (mut statement, continued) = match open.take() {
            Some((statement, continued)) if continued || !(begins_a_rule(body)) => {
                if !continued && (body.is_empty() || body.starts_with('#')) {
                    open = Some((statement, continued));
                    continue;
                }
                (statement, continued)
            }
            unfinished => {
                found.extend(unfinished.map(|(statement, _)| statement));
                if body.is_empty() || body.starts_with('#') {
                    continue;
                }
                let empty = Statement {
                    text: String::new(),
                    pieces: Vec::new(),
                };
                (empty, false)
            }
        };
        let (body, goes_on) = match body.strip_suffix('\\') {
            Some(body) => (body.trim_end(), true),
            None => (body, false),
        };
        statement.push(number, column, body);
        if goes_on || statement.is_open() && !continued {
            open = Some((statement, goes_on));
        } else {
            found.push(statement);
        }
    }
    found.extend(open.map(|(statement, _)| statement));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str) -> Vec<String> {
        statements(text)
            .into_iter()
            .map(|statement| statement.text)
            .collect()
    }

    #[test]
    fn comments_and_empty_lines_are_no_rules() {
        assert_eq!(
            texts("# alert ip\n\n  alert ip (sid:1;)\n#x\n"),
            ["alert ip (sid:1;)"]
        );
    }

    #[test]
    fn a_rule_goes_on_behind_a_backslash_or_until_it_closes() {
        let text = "alert ip ( \\\n  sid:1; \\\n)\nalert tcp\n(\n    sid:2;\n    # note\n)\nalert udp (sid:3;)\n";
        assert_eq!(
            texts(text),
            [
                "alert ip ( sid:1; )",
                "alert tcp ( sid:2; )",
                "alert udp (sid:3;)"
            ]
        );
    }

    #[test]
    fn an_unclosed_rule_ends_where_the_next_begins() {
        assert_eq!(
            texts("alert ip (sid:1;\nalert ip (sid:2;)"),
            ["alert ip (sid:1;", "alert ip (sid:2;)"]
        );
    }

    #[test]
    fn places_lead_back_to_line_and_column() {
        let file: Arc<str> = "x.rules".into();
        let statement = &statements("\n  alert ip ( \\\n    sid:1;)\n")[0];
        let at = statement.text.find("sid").unwrap_or(0);
        assert_eq!(statement.place(&file, at).to_string(), "x.rules:3:5");
        assert_eq!(statement.place(&file, 0).to_string(), "x.rules:2:3");
    }

    proptest! {
        #[test]
        fn any_text_is_cut_into_statements(text in "[a-z(){};:\\\\\"\n# ]{0,200}", offset in 0usize..300) {
            for statement in statements(&text) {
                let _ = statement.place(&"f".into(), offset);
            }
        }
    }
}
