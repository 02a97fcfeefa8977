//! Signatures at work: a packet in, its detections into the interval's table.
//!
//! Of the rules that are said to exclude each other, only the first in their order speaks for a packet; every other
//! rule always counts.

use std::collections::HashMap;
use std::sync::Arc;

use crate::frame::Frame;
use crate::limits::GROUP;
use crate::packet::Packet;
use crate::plain::Plain;
use crate::signature::{
    BareTcp, Detection, Lists, SignatureCounters, Signatures, State, StateSettings,
};
use crate::tally::Secrets;
use crate::tally::detections::{DetectionColumns, Detections, Sighted};
use crate::tally::examples::{ExampleColumns, Examples, Head};

/// Rules compiled, and which of them exclude each other; shared by every observer that uses them.
#[derive(Debug)]
pub struct Rulebook {
    signatures: Signatures,
    /// For each rule its place among those that exclude each other.
    ranks: Box<[Option<u32>]>,
}

impl Rulebook {
    /// The rules of `signatures`, where those in `exclusive` exclude each other: the earlier there, the stronger.
    #[must_use]
    pub fn new(signatures: Signatures, exclusive: &[u32]) -> Self {
        let places: HashMap<u32, u32> = exclusive.iter().rev().copied().zip(0..).collect();
        let last = u32::try_from(places.len()).unwrap_or(u32::MAX);
        let rank = |sid| places.get(&sid).map(|place| last - place);
        let ranks = signatures
            .rules()
            .iter()
            .map(|rule| rank(rule.sid))
            .collect();
        Self { signatures, ranks }
    }

    /// The rules, compiled.
    #[must_use]
    pub const fn signatures(&self) -> &Signatures {
        &self.signatures
    }
}

/// What the signatures gave in one interval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detected {
    /// Detections by minute, signature, source and address.
    pub columns: DetectionColumns,
    /// Every detection by number of its signature, those without room in the columns too; in order of the numbers.
    pub signatures: Vec<(u32, u64)>,
    /// Detections that found no room in the columns.
    pub overflow: u64,
    /// One payload for each signature and source, of packets that have any; none if examples are not kept.
    pub examples: ExampleColumns,
    /// Detections whose payload found no room among the examples.
    pub examples_overflow: u64,
    /// What the engine counted; `None` if no rules are set.
    pub engine: Option<SignatureCounters>,
}

/// Holds packets against rules.
#[derive(Debug)]
pub(crate) struct Detector {
    rules: Arc<Rulebook>,
    state: State,
    seed: u64,
    /// Minutes since the interval's base minute, of each packet that waits.
    minutes: Vec<u16>,
    /// The first bytes of each packet that waits, where examples are kept.
    heads: Vec<Head>,
    examples: Option<Examples>,
    examples_overflow: u64,
    /// What speaks for the packets that are settled; empty between calls.
    spoken: Vec<Sighted>,
    detections: Detections,
    /// Detections of each rule.
    counts: Box<[u64]>,
    /// Detections of rules that other rules have taken the place of within the interval.
    before: Vec<(u32, u64)>,
    overflow: u64,
    /// What the engine had counted when the interval began.
    counted: SignatureCounters,
}

impl Detector {
    /// A detector that has seen nothing; all its memory is taken here.
    pub(crate) fn new(rules: Arc<Rulebook>, seed: u64, keeps_examples: bool) -> Self {
        Self {
            state: rules.signatures.state(&StateSettings {
                seed,
                ..StateSettings::default()
            }),
            seed,
            minutes: Vec::with_capacity(GROUP),
            heads: Vec::with_capacity(GROUP),
            examples: keeps_examples.then(|| Examples::new(Secrets::from_seed(seed))),
            examples_overflow: 0,
            spoken: Vec::with_capacity(GROUP),
            detections: Detections::new(Secrets::from_seed(seed)),
            counts: vec![0; rules.ranks.len()].into(),
            before: Vec::new(),
            overflow: 0,
            counted: SignatureCounters::default(),
            rules,
        }
    }

    /// Goes on with other rules, whose limits begin anew; what has been detected stays.
    pub(crate) fn replace(&mut self, rules: Arc<Rulebook>) {
        self.settle();
        self.before = self.by_signature();
        self.counted = minus(&self.counted, &self.state.counters());
        self.state = rules.signatures.state(&StateSettings {
            seed: self.seed,
            ..StateSettings::default()
        });
        self.counts = vec![0; rules.ranks.len()].into();
        self.rules = rules;
    }

    /// Holds a packet against the rules.
    ///
    /// What it matches may wait, at the latest until [`take`](Self::take), so that the cache misses of several packets
    /// overlap; the detections are those of one packet after the other.
    #[inline]
    pub(crate) fn inspect(&mut self, packet: &Packet<'_>, frame: &Frame<'_>, minute_offset: u16) {
        self.rules.signatures.note(packet, frame, &mut self.state);
        self.hold(minute_offset, || Head::of(packet));
    }

    /// The same for a plain packet, if its header decides all; false if it does not, and nothing was done.
    #[inline]
    pub(crate) fn inspect_plain(
        &mut self,
        plain: &Plain<'_>,
        time_ns: i64,
        minute_offset: u16,
    ) -> bool {
        let Some(bare) = plain.bare() else {
            return false;
        };
        let Self { rules, state, .. } = self;
        match rules.signatures.sift(bare, time_ns, state) {
            Lists::NOTHING => {
                state.pass();
                true
            }
            lists => self.inspect_bare(bare, lists, time_ns, minute_offset),
        }
    }

    /// The same for one without payload that may match the rules of these lists.
    #[inline(never)]
    fn inspect_bare(
        &mut self,
        bare: BareTcp<'_>,
        lists: Lists,
        time_ns: i64,
        minute_offset: u16,
    ) -> bool {
        let Self { rules, state, .. } = self;
        let is_noted = rules.signatures.note_bare(bare, lists, time_ns, state);
        if is_noted {
            self.hold(minute_offset, || Head::EMPTY);
        }
        is_noted
    }

    /// Keeps the minute of the packet noted last, and its head, if it waits.
    #[inline]
    fn hold(&mut self, minute_offset: u16, head: impl FnOnce() -> Head) {
        if self.state.waiting() > self.minutes.len() {
            self.minutes.push(minute_offset);
            if self.examples.is_some() {
                self.heads.push(head());
            }
            if self.state.is_due() {
                self.settle();
            }
        }
    }

    /// Counts what the packets that wait have matched.
    fn settle(&mut self) {
        let Self {
            rules,
            state,
            minutes,
            heads,
            examples,
            examples_overflow,
            spoken,
            counts,
            ..
        } = self;
        let mut speak = |detection: &Detection| {
            let minute_offset = minutes.get(detection.packet).copied().unwrap_or(0);
            if let (Some(examples), Some(head)) = (
                examples.as_mut(),
                heads.get(detection.packet).filter(|head| !head.is_empty()),
            ) {
                let fits = examples.keep(detection.sid, detection.source, minute_offset, head);
                *examples_overflow += u64::from(!fits);
            }
            if let Some(count) = counts.get_mut(detection.rule) {
                *count += 1;
            }
            spoken.push(Sighted {
                minute_offset,
                signature: detection.sid,
                source: detection.source,
                address: detection.address,
            });
        };
        let mut strongest: Option<(u32, Detection)> = None;
        rules.signatures.settle(state, &mut |detection| {
            // Packets come one after the other.
            let before = strongest.take_if(|(_, other)| other.packet != detection.packet);
            if let Some((_, before)) = before {
                speak(&before);
            }
            match rules.ranks.get(detection.rule).copied().flatten() {
                None => speak(detection),
                Some(rank) if strongest.is_none_or(|(other, _)| rank < other) => {
                    strongest = Some((rank, *detection));
                }
                Some(_) => {}
            }
        });
        if let Some((_, last)) = strongest {
            speak(&last);
        }
        self.overflow += self.detections.count_all(spoken);
        spoken.clear();
        minutes.clear();
        self.heads.clear();
    }

    /// What was detected since the last call.
    pub(crate) fn take(&mut self, base_minute: u32) -> Detected {
        self.settle();
        let counted = self.state.counters();
        let detected = Detected {
            columns: self.detections.take(base_minute),
            signatures: self.by_signature(),
            overflow: std::mem::take(&mut self.overflow),
            examples: match &mut self.examples {
                Some(examples) => examples.take(base_minute),
                None => ExampleColumns::default(),
            },
            examples_overflow: std::mem::take(&mut self.examples_overflow),
            engine: Some(minus(&counted, &self.counted)),
        };
        self.counted = counted;
        self.counts.fill(0);
        self.before.clear();
        detected
    }

    /// Detections by number of their signature since the last [`take`](Self::take).
    pub(crate) fn so_far(&mut self) -> Vec<(u32, u64)> {
        self.settle();
        self.by_signature()
    }

    fn by_signature(&self) -> Vec<(u32, u64)> {
        let rules = self.rules.signatures.rules().iter().map(|rule| rule.sid);
        let now = rules
            .zip(self.counts.iter().copied())
            .filter(|(_, count)| *count > 0);
        let mut all: Vec<(u32, u64)> = self.before.iter().copied().chain(now).collect();
        all.sort_unstable();
        all.dedup_by(|later, first| {
            let same = later.0 == first.0;
            first.1 += u64::from(same) * later.1;
            same
        });
        all
    }
}

/// What was counted between two looks. Wraps, so that a look of an engine since replaced may stand below 0.
const fn minus(now: &SignatureCounters, before: &SignatureCounters) -> SignatureCounters {
    SignatureCounters {
        inspected: now.inspected.wrapping_sub(before.inspected),
        not_inspected: now.not_inspected.wrapping_sub(before.not_inspected),
        detections: now.detections.wrapping_sub(before.detections),
        work_spent: now.work_spent.wrapping_sub(before.work_spent),
        limits_evicted: now.limits_evicted.wrapping_sub(before.limits_evicted),
        spreads_evicted: now.spreads_evicted.wrapping_sub(before.spreads_evicted),
    }
}
