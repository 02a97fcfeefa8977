//! Which rules of a set are usable, which need a session, and which are refused for what.

use std::collections::BTreeMap;

use super::text::{Diagnostic, Obstacle};

/// How many rules of a set came to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rules in use.
    pub usable: usize,
    /// Rules that need an established session, by what says so.
    pub needs_session: BTreeMap<String, usize>,
    /// Rules that speak of frames without a sender, by the event.
    pub senderless: BTreeMap<String, usize>,
    /// Rules that ask for something the engine does not do, by what asks.
    pub unsupported: BTreeMap<String, usize>,
    /// Rules with a mistake in their text.
    pub mistaken: usize,
    /// Rules another of the same number replaces.
    pub replaced: usize,
}

impl Report {
    /// The report over so many usable rules and what was said of the others.
    #[must_use]
    pub fn new(usable: usize, diagnostics: &[Diagnostic]) -> Self {
        let mut report = Self {
            usable,
            ..Self::default()
        };
        for diagnostic in diagnostics {
            match diagnostic.obstacle {
                Obstacle::Session => {
                    *report
                        .needs_session
                        .entry(diagnostic.cause.clone())
                        .or_default() += 1;
                }
                Obstacle::Senderless => {
                    *report
                        .senderless
                        .entry(diagnostic.cause.clone())
                        .or_default() += 1;
                }
                Obstacle::Unsupported => {
                    *report
                        .unsupported
                        .entry(diagnostic.cause.clone())
                        .or_default() += 1;
                }
                Obstacle::Mistake => report.mistaken += 1,
                Obstacle::Replaced => report.replaced += 1,
            }
        }
        report
    }

    /// Rules that need no session and speak of senders, usable or not; rules replaced are left out.
    #[must_use]
    pub fn sessionless(&self) -> usize {
        self.usable + self.unsupported.values().sum::<usize>() + self.mistaken
    }
}
