//! Signatures in the language of Suricata and Snort, held against single packets.
//!
//! | module | holds |
//! |---|---|
//! | [`limits`] | every bound of the engine, with its reason |
//! | [`text`] | places in rule files, and what there is to say about a rule |
//! | [`ranges`] | sets of numbers |
//! | [`rule`], [`content`] | what a rule means, whatever syntax it was written in |
//! | [`parse`] | from text to rules |
//! | [`view`], [`check`], [`event`], [`dns`], [`application`] | what rules see of a packet, and the tests of its headers and messages |
//! | [`untouched`], [`threshold`], [`sweep`] | what is remembered between packets, in fixed memory |
//! | [`marks`], [`rows`], [`axis`], [`bare`], [`clue`], [`search`], [`expressions`], [`candidate`], [`group`] | which rules a packet's header and payload leave possible |
//! | [`walk`] | the steps of one rule through a payload |
//! | [`state`], [`waiting`], [`silence`] | what an engine remembers, the matches that limits decide on, and whose have been decided |
//! | [`compile`], [`matcher`] | rules compiled once, packets held against them one by one |
//! | [`report`] | which rules are usable, and why the others are not |

pub mod application;
mod axis;
mod bare;
mod candidate;
mod check;
mod clue;
mod compile;
pub mod content;
mod dns;
pub mod event;
mod expressions;
mod group;
pub mod limits;
mod marks;
pub mod matcher;
mod parse;
pub mod ranges;
pub mod report;
mod rows;
pub mod rule;
mod search;
mod silence;
mod state;
mod sweep;
#[cfg(test)]
mod tests;
pub mod text;
mod threshold;
mod untouched;
pub mod view;
mod waiting;
mod walk;

pub(crate) use bare::{BareTcp, Lists};
pub use matcher::{Address, Detection, Signatures};
pub use parse::Variables;
pub use report::Report;
pub use rule::Rule;
pub use state::{SignatureCounters, State, StateSettings};
pub use text::{Diagnostic, Obstacle, Place};

/// Rules read from files, not yet compiled.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// The rules that can be used.
    pub rules: Vec<Rule>,
}

impl RuleSet {
    /// Reads the rules of a file; what is said of a rule that cannot be used names its place and a remedy.
    ///
    /// Never fails: the rules that can be used are read whatever stands between them.
    #[must_use]
    pub fn parse(file_name: &str, text: &str, variables: &Variables) -> (Self, Vec<Diagnostic>) {
        let (rules, diagnostics) = parse::read(file_name, text, variables);
        (Self { rules }, diagnostics)
    }

    /// Adds the rules of another file.
    pub fn extend(&mut self, other: Self) {
        self.rules.extend(other.rules);
    }
}
