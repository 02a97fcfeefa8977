//! What an engine remembers from packet to packet, and what it counts of itself.

use regex_automata::meta::Cache;

use super::application::Reading;
use super::group::Scratch;
use super::waiting::{MATCHES, Waiting, Windows};
use crate::limits::GROUP;

/// What shapes the state of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSettings {
    /// Memory for counts of limits, and for whose are silent, in KiB.
    pub limit_kilobytes: u32,
    /// Memory for sketches of sweeps and port scans, in KiB.
    pub spread_kilobytes: u32,
    /// Seed of the hashes: a secret of each start, because senders choose the addresses. Detections depend on it only
    /// where memory ran out.
    pub seed: u64,
}

impl Default for StateSettings {
    fn default() -> Self {
        Self {
            limit_kilobytes: 4096,
            // Sketches of 48 thousand sources.
            spread_kilobytes: 4608,
            seed: 0,
        }
    }
}

/// What the engine counts of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignatureCounters {
    /// Packets held against the rules.
    pub inspected: u64,
    /// Packets left out because a length in a header is not there, or a header is cut short.
    pub not_inspected: u64,
    /// Detections.
    pub detections: u64,
    /// Packets on which checks ended because all work allowed for one packet was spent.
    pub work_spent: u64,
    /// Counts of limits that made room while their window was open.
    pub limits_evicted: u64,
    /// Sketches of sweeps and port scans that made room while their window was open.
    pub spreads_evicted: u64,
}

/// What changes from packet to packet: fixed in size once made, but for expressions' caches and the list of what waits,
/// which grow to a bound: what one packet can match.
#[derive(Debug)]
pub struct State {
    pub(super) scratch: Scratch,
    pub(super) memory: Memory,
    pub(super) windows: Windows,
    pub(super) waiting: Waiting,
    pub(super) counters: SignatureCounters,
}

#[derive(Debug)]
pub(super) struct Memory {
    pub(super) caches: Vec<Cache>,
    pub(super) bits: Vec<bool>,
    pub(super) bits_set: bool,
    pub(super) work: u32,
    /// What the datagram at hand shows as a message.
    pub(super) reading: Reading,
}

impl State {
    /// What the engine has counted of itself.
    #[must_use]
    pub fn counters(&self) -> SignatureCounters {
        SignatureCounters {
            limits_evicted: self.windows.counts.evicted(),
            spreads_evicted: self.windows.spreads.evicted(),
            ..self.counters
        }
    }

    /// Counts a packet that can match no rule.
    #[inline]
    pub(crate) const fn pass(&mut self) {
        self.counters.inspected += 1;
    }

    /// How many packets wait: those noted that have matches.
    #[inline]
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.packets.len()
    }

    /// Whether what waits should be settled before more packets are noted.
    #[inline]
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.waiting.packets.len() >= GROUP || self.waiting.matches.len() >= MATCHES
    }
}

/// What a rule does with the bits of a packet, by number.
#[derive(Clone, Debug)]
pub(super) enum BitAction {
    Set(usize),
    Unset(usize),
    Toggle(usize),
    IsSet(Box<[usize]>),
    IsNotSet(Box<[usize]>),
}

impl Memory {
    /// Begins anew with the bits of a packet.
    #[inline]
    pub(super) fn clear_bits(&mut self) {
        if self.bits_set {
            self.bits.fill(false);
            self.bits_set = false;
        }
    }

    pub(super) fn bits_allow(&self, actions: &[BitAction]) -> bool {
        let is_set = |bit: &usize| self.bits.get(*bit).copied().unwrap_or(false);
        actions.iter().all(|action| match action {
            BitAction::IsSet(any) => any.iter().any(is_set),
            BitAction::IsNotSet(none) => !none.iter().any(is_set),
            _ => true,
        })
    }

    pub(super) fn act(&mut self, actions: &[BitAction]) {
        for action in actions {
            let (bit, value) = match action {
                BitAction::Set(bit) => (*bit, Some(true)),
                BitAction::Unset(bit) => (*bit, Some(false)),
                BitAction::Toggle(bit) => (*bit, None),
                BitAction::IsSet(_) | BitAction::IsNotSet(_) => continue,
            };
            if let Some(bit) = self.bits.get_mut(bit) {
                *bit = value.unwrap_or(!*bit);
                self.bits_set = true;
            }
        }
    }
}
