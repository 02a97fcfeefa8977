//! The rules of a list, by whose windows theirs are.

use std::collections::HashMap;

use crate::signature::candidate::Candidate;
use crate::signature::silence::{Silences, Tracks};
use crate::signature::threshold::Mixer;

/// Rules of a list whose windows are found by the same ends, so that they fall silent together; or one rule of which
/// more than the lists decides whether it matches.
#[derive(Clone, Debug)]
pub(in crate::signature) struct Share {
    /// By which ends.
    pub(in crate::signature) tracks: Tracks,
    /// Number of these very rules, whatever lists they are in.
    pub(in crate::signature) number: u32,
    /// The entry whose tests are left; `None` if all of the rules match.
    pub(in crate::signature) tested: Option<u32>,
    /// Numbers of the rules.
    pub(in crate::signature) rules: Box<[u32]>,
}

impl Share {
    /// Under which hash it is looked up that its rules have nothing more to say of these ends.
    #[inline]
    pub(in crate::signature) const fn hash(
        &self,
        mixer: Mixer,
        source: u32,
        destination: u32,
    ) -> u64 {
        Silences::of(mixer, self.tracks.ends(source, destination), self.number)
    }

    /// Under which it is kept: the same; 0 if one of its rules always may say more.
    #[inline]
    pub(in crate::signature) fn kept(&self, hash: u64) -> u64 {
        if self.tracks == Tracks::LOUD { 0 } else { hash }
    }
}

/// Numbers of rules that are shares of lists.
#[derive(Debug, Default)]
pub(in crate::signature) struct Shares(HashMap<Box<[u32]>, u32>);

impl Shares {
    /// The shares of a list of rules, whose entries these are; `None` if rules among them set or read flow bits.
    pub(super) fn of(&mut self, list: &[(u32, &Candidate<'_>)]) -> Option<Box<[Share]>> {
        if list.iter().any(|(_, slot)| !slot.rule.flow_bits.is_empty()) {
            return None;
        }
        let mut list = list.to_vec();
        // A rule for both ways stands twice, side by side, and matches once.
        list.dedup_by_key(|(_, slot)| slot.number);
        let (decided, others): (Vec<_>, Vec<_>) =
            list.iter().partition(|(_, slot)| slot.is_decided());
        // What may have to be looked at in full comes first.
        let tested = others.into_iter().map(|(entry, slot)| {
            let tracks = Tracks::of(slot.rule);
            self.share(tracks, Some(entry), [slot.number].into())
        });
        let mut shares: Vec<Share> = tested.collect();
        shares.extend(Tracks::ALL.into_iter().filter_map(|tracks| {
            let of_these = decided
                .iter()
                .filter(|(_, slot)| Tracks::of(slot.rule) == tracks)
                .map(|(_, slot)| slot.number);
            let rules: Box<[u32]> = of_these.collect();
            (!rules.is_empty()).then(|| self.share(tracks, None, rules))
        }));
        Some(shares.into())
    }

    fn share(&mut self, tracks: Tracks, tested: Option<u32>, rules: Box<[u32]>) -> Share {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        Share {
            tracks,
            number: *self.0.entry(rules.clone()).or_insert(next),
            tested,
            rules,
        }
    }
}
