//! Rules of signatures: texts in, a compiled set and what there is to say about the rest out.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;
use teiten_core::Rulebook;
use teiten_core::signature::{self, Obstacle, Place, RuleSet, Signatures, Variables};

use crate::errors::Error;

/// Rules, compiled.
#[pyclass(frozen, module = "teiten_agent._core")]
pub(crate) struct Rules {
    pub(crate) book: Arc<Rulebook>,
    diagnostics: Vec<signature::Diagnostic>,
}

#[pymethods]
impl Rules {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what is made from Python's values is owned"
    )]
    #[new]
    #[pyo3(signature = (texts, *, exclusive = Vec::new(), variables = HashMap::new()))]
    #[pyo3(text_signature = "(texts, *, exclusive=(), variables={})")]
    fn new(
        py: Python<'_>,
        texts: Vec<(String, String)>,
        exclusive: Vec<u32>,
        variables: HashMap<String, String>,
    ) -> Result<Self, Error> {
        let compiled = py.detach(|| {
            let mut known = Variables::default();
            for (name, value) in variables {
                known.set(name, value);
            }
            let mut set = RuleSet::default();
            let mut diagnostics = Vec::new();
            for (file, text) in &texts {
                let (rules, said) = RuleSet::parse(file, text, &known);
                set.extend(rules);
                diagnostics.extend(said);
            }
            let (signatures, said) = Signatures::compile(set.rules)?;
            diagnostics.extend(said);
            let book = Arc::new(Rulebook::new(signatures, &exclusive));
            Ok(Self { book, diagnostics })
        });
        compiled.map_err(Error::Rules)
    }

    fn __len__(&self) -> usize {
        self.book.signatures().rules().len()
    }

    /// The rules in use.
    fn signatures(&self) -> Vec<Signature> {
        let rules = self.book.signatures().rules().iter();
        rules
            .map(|rule| Signature {
                sid: rule.sid,
                revision: rule.revision,
                message: rule.message.clone(),
                classification: rule.classification.clone(),
                silent: rule.silent,
                place: position(&rule.place),
            })
            .collect()
    }

    /// What there is to say about the others.
    fn diagnostics(&self) -> Vec<RuleDiagnostic> {
        let said = self.diagnostics.iter();
        said.map(|diagnostic| RuleDiagnostic {
            obstacle: match diagnostic.obstacle {
                Obstacle::Session => "session",
                Obstacle::Senderless => "senderless",
                Obstacle::Unsupported => "unsupported",
                Obstacle::Mistake => "mistake",
                Obstacle::Replaced => "replaced",
            },
            sid: diagnostic.sid,
            cause: diagnostic.cause.clone(),
            reason: diagnostic.reason.clone(),
            remedy: diagnostic.remedy.clone(),
            cut_off: diagnostic.cut_off,
            place: position(&diagnostic.place),
        })
        .collect()
    }
}

/// File, line and column, the latter two from 1.
type Position = (String, u32, u32);

fn position(place: &Place) -> Position {
    (place.file.to_string(), place.line, place.column)
}

/// One rule in use.
#[pyclass(frozen, get_all, module = "teiten_agent._core")]
pub(crate) struct Signature {
    sid: u32,
    revision: u32,
    message: String,
    classification: String,
    silent: bool,
    place: Position,
}

/// What there is to say about one rule that is not used.
#[pyclass(frozen, get_all, module = "teiten_agent._core")]
pub(crate) struct RuleDiagnostic {
    obstacle: &'static str,
    sid: Option<u32>,
    cause: String,
    reason: String,
    remedy: String,
    cut_off: bool,
    place: Position,
}
