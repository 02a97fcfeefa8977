//! The rules of a list, by whose windows theirs are.

use std::collections::HashMap;

use crate::signature::rule::Rule;
use crate::signature::silence::{Silences, Tracks};
use crate::signature::threshold::Mixer;

/// Rules of a list whose windows are found by the same ends, so that they fall silent together.
#[derive(Clone, Debug)]
pub(in crate::signature) struct Share {
    /// By which ends.
    pub(in crate::signature) tracks: Tracks,
    /// Number of these very rules, whatever lists they are in.
    pub(in crate::signature) number: u32,
    /// Numbers of the rules.
    pub(in crate::signature) rules: Box<[u32]>,
}

impl Share {
    /// Under which hash it is kept that its rules have nothing more to say of these ends; 0 if one always may.
    #[inline]
    pub(in crate::signature) fn silence(&self, mixer: Mixer, source: u32, destination: u32) -> u64 {
        let ends = self.tracks.ends(source, destination);
        ends.map_or(0, |ends| Silences::of(mixer, ends, self.number))
    }
}

/// Numbers of rules that are shares of lists.
#[derive(Debug, Default)]
pub(super) struct Shares(HashMap<Box<[u32]>, u32>);

impl Shares {
    /// The shares of a list of rules, each once and with its number.
    pub(super) fn of(&mut self, rules: &[(u32, &Rule)]) -> Box<[Share]> {
        let tracks = Tracks::ALL.into_iter();
        let shares = tracks.filter_map(|tracks| {
            let of_these = rules
                .iter()
                .filter(|(_, rule)| Tracks::of(rule) == tracks)
                .map(|(number, _)| *number);
            let rules: Box<[u32]> = of_these.collect();
            let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
            (!rules.is_empty()).then(|| Share {
                tracks,
                number: *self.0.entry(rules.clone()).or_insert(next),
                rules,
            })
        });
        shares.collect()
    }
}
