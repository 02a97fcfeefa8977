//! Sums over packets by key, class and tool, where nobody asks for tuples.
//!
//! The same packets give the same sums as the rows of [`Observer`](crate::Observer)'s intervals, but without a table that
//! can be full: there are no more keys than numbers for them. Time matters only where a packet has none. Packets that
//! come one behind the other can be counted at the same time and appended.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::class::Class;
use crate::detector::{Detector, Rulebook};
use crate::frame::{Fault, Frame, FrameSource, Lent, LinkType};
use crate::interval::{Counters, Totals};
use crate::key::{Form, Key};
use crate::limits::END_OF_TIME_NS;
use crate::monitored::{Monitored, Network};
use crate::packet::{Ip, Packet};
use crate::plain::Plain;

use crate::tally::Marks;
use crate::tool::{Scanners, Tool};
use crate::wire::Reason;

/// Places for keys: form above, value below.
const KEYS: usize = 8 << 16;
/// Places for classes and tools: class above, tool below.
const KINDS: usize = 8 << TOOL_BITS;
const TOOL_BITS: u32 = 4;

/// Sums of packets and bytes.
#[derive(Debug)]
pub struct Sums {
    monitored: Monitored,
    /// Of what became no packet of a key.
    counters: Counters,
    /// Packets and bytes of each key, 8 MiB of which only what is used is touched.
    keys: Box<[[u64; 2]]>,
    /// Packets of each class and tool.
    kinds: [u64; KINDS],
    scanners: Scanners,
    detector: Option<Box<Detector>>,
}

impl Sums {
    /// Sums of nothing, over what goes to these networks (to any address if there are none).
    ///
    /// With `rules` packets are held against them; `seed` is that of [`Settings`](crate::Settings).
    #[must_use]
    pub fn new(monitored: &[Network], rules: Option<Arc<Rulebook>>, seed: u64) -> Self {
        let detector = rules.map(|rules| Box::new(Detector::new(rules, seed, false)));
        Self {
            detector,
            ..Self::over(Monitored::new(monitored), Scanners::default())
        }
    }

    fn over(monitored: Monitored, scanners: Scanners) -> Self {
        Self {
            monitored,
            counters: Counters::default(),
            keys: vec![[0; 2]; KEYS].into_boxed_slice(),
            kinds: [0; KINDS],
            scanners,
            detector: None,
        }
    }

    /// Sums of nothing yet, for packets somewhere behind these, to be [appended](Self::append) later.
    ///
    /// `None` with rules: what they say of a packet depends on those before it.
    #[must_use]
    pub fn behind(&self) -> Option<Self> {
        let rules = self.detector.is_some();
        (!rules).then(|| Self::over(self.monitored.clone(), Scanners::in_between()))
    }

    /// Adds the sums of the packets that come next, which [`behind`](Self::behind) began; to sums that did not begin so.
    pub fn append(&mut self, next: &Self) {
        self.counters.append(&next.counters);
        for (sum, next) in self.keys.iter_mut().zip(&next.keys) {
            sum[0] += next[0];
            sum[1] += next[1];
        }
        for (sum, next) in self.kinds.iter_mut().zip(&next.kinds) {
            *sum += next;
        }
        let kinds = &mut self.kinds;
        self.scanners.append(&next.scanners, |given, right| {
            // Scanners are looked for in pure SYNs alone, which are probes.
            kinds[kind(Class::Probe, given)] -= 1;
            kinds[kind(Class::Probe, right)] += 1;
        });
    }

    /// Counts frames until `limit` frames were counted or the source ends.
    ///
    /// # Errors
    ///
    /// The source's [`Fault`]; every frame before it has been counted.
    pub fn count_all(&mut self, source: &mut impl FrameSource, limit: u64) -> Result<Lent, Fault> {
        source.lend(limit, |frame| {
            if !self.count_plain(&frame) {
                self.count(frame.time_ns, frame.link, frame.wire_length, frame.bytes);
            }
            true
        })
    }

    /// Counts a frame of the commonest kind; false if it is of another, and nothing was done.
    #[inline]
    fn count_plain(&mut self, frame: &Frame<'_>) -> bool {
        let Some(plain) = Plain::view(frame) else {
            return false;
        };
        let is_inspected = self.detector.is_some();
        if is_inspected && !plain.is_sound()
            || !(0..END_OF_TIME_NS).contains(&frame.time_ns)
            || !self.monitored.has_ipv4(plain.destination())
        {
            return false;
        }
        let (class, tool) = plain.class_and_tool(&mut self.scanners);
        self.add(
            Form::Tcp,
            plain.destination_port(),
            class,
            tool,
            plain.length(),
        );
        if let Some(detector) = &mut self.detector {
            if !detector.inspect_plain(&plain, frame.time_ns, 0) {
                self.inspect_plain(frame.time_ns, frame.wire_length, frame.bytes);
            }
        }
        true
    }

    /// Holds a plain packet that was counted against the rules where its header does not decide all.
    #[inline(never)]
    fn inspect_plain(&mut self, time_ns: i64, wire_length: u32, bytes: &[u8]) {
        let frame = Frame {
            time_ns,
            link: LinkType::Ethernet,
            wire_length,
            bytes,
        };
        if let (Some(detector), Some(plain)) = (&mut self.detector, Plain::view(&frame)) {
            detector.inspect(&plain.packet(), &frame, 0);
        }
    }

    #[inline(never)]
    fn count(&mut self, time_ns: i64, link: LinkType, wire_length: u32, bytes: &[u8]) {
        if !(0..END_OF_TIME_NS).contains(&time_ns) {
            return self.counters.refuse(Reason::TimeRange);
        }
        let frame = Frame {
            time_ns,
            link,
            wire_length,
            bytes,
        };
        let packet = match Packet::new(&frame) {
            Ok(packet) => packet,
            Err(stop) => return self.counters.refuse(stop.reason),
        };
        let is_monitored = match &packet.ip {
            Ip::V4(ip) => self.monitored.has_ipv4(ip.destination()),
            Ip::V6(ip) => self.monitored.has_ipv6(ip.destination()),
        };
        if !is_monitored {
            self.counters.not_monitored += 1;
            return;
        }
        let Marks {
            key, class, tool, ..
        } = Marks::of(&packet, &mut self.scanners);
        self.add(key.form, key.value, class, tool, packet.ip.stated_length());
        if let Some(detector) = &mut self.detector {
            detector.inspect(&packet, &frame, 0);
        }
    }

    #[inline]
    fn add(&mut self, form: Form, value: u16, class: Class, tool: Tool, length: u32) {
        let sum = &mut self.keys[(form as usize) << 16 | usize::from(value)];
        sum[0] += 1;
        sum[1] += u64::from(length);
        self.kinds[kind(class, tool)] += 1;
    }

    /// What became of every record.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters.clone();
        let malformed: u64 = counters.malformed().map(|(_, records)| records).sum();
        counters.packets = counters.not_monitored + malformed;
        for [packets, bytes] in &self.keys {
            counters.count(*packets, *bytes);
        }
        counters
    }

    /// Totals by key text, such as `445/TCP`.
    #[must_use]
    pub fn keys(&self) -> BTreeMap<String, Totals> {
        let forms = (0..=7)
            .map(Form::from_number)
            .zip(self.keys.chunks(1 << 16));
        let used = forms.flat_map(|(form, sums)| {
            let named = (0..=u16::MAX).zip(sums);
            named.filter_map(move |(value, [packets, bytes])| {
                let key = Key { form: form?, value };
                let (packets, bytes) = (*packets, *bytes);
                (packets > 0).then(|| (key.to_string(), Totals { packets, bytes }))
            })
        });
        used.collect()
    }

    /// Packets by the name of their class.
    #[must_use]
    pub fn classes(&self) -> BTreeMap<&'static str, u64> {
        let packets = |class| {
            Tool::ALL
                .iter()
                .chain([&Tool::None])
                .map(move |tool| kind(class, *tool))
        };
        let sums = Class::ALL.map(|class| {
            let sum: u64 = packets(class).map(|place| self.kinds[place]).sum();
            (class.name(), sum)
        });
        sums.into_iter().filter(|(_, sum)| *sum > 0).collect()
    }

    /// Packets by the name of the tool that sent them; those without a verdict are left out.
    #[must_use]
    pub fn tools(&self) -> BTreeMap<&'static str, u64> {
        let sums = Tool::ALL.map(|tool| {
            let places = Class::ALL.map(|class| kind(class, tool));
            let sum: u64 = places.iter().map(|place| self.kinds[*place]).sum();
            (tool.name(), sum)
        });
        sums.into_iter().filter(|(_, sum)| *sum > 0).collect()
    }

    /// Detections by number of the signature.
    #[must_use]
    pub fn signatures(&mut self) -> BTreeMap<u32, u64> {
        let detector = self.detector.as_mut();
        detector.map_or_else(BTreeMap::new, |detector| {
            detector.so_far().into_iter().collect()
        })
    }
}

#[inline]
const fn kind(class: Class, tool: Tool) -> usize {
    ((class as usize) << TOOL_BITS | tool as usize) % KINDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::Interval;
    use crate::observer::tests::{
        Buffer, OF_A_SYN, SETTINGS, frame, observe_with, rulebook, segment,
    };
    use crate::settings::Settings;
    use proptest::prelude::*;

    type Recorded = (i64, LinkType, Vec<u8>);

    fn count_into(sums: &mut Sums, frames: &[Recorded]) {
        let lent = sums.count_all(&mut Buffer::new(frames), u64::MAX);
        assert_eq!(lent, Ok(Lent::All));
    }

    type Results = (
        Counters,
        BTreeMap<String, Totals>,
        BTreeMap<&'static str, u64>,
        BTreeMap<&'static str, u64>,
        BTreeMap<u32, u64>,
    );

    fn results(sums: &mut Sums) -> Results {
        let signatures = sums.signatures();
        (
            sums.counters(),
            sums.keys(),
            sums.classes(),
            sums.tools(),
            signatures,
        )
    }

    fn joined<K: Ord, V>(
        intervals: &[Interval],
        of: impl Fn(&Interval) -> BTreeMap<K, V>,
        mut add: impl FnMut(&mut V, V),
    ) -> BTreeMap<K, V>
    where
        V: Default,
    {
        let mut sums = BTreeMap::new();
        for (key, value) in intervals.iter().flat_map(of) {
            add(sums.entry(key).or_default(), value);
        }
        sums
    }

    fn any_frame() -> impl Strategy<Value = Recorded> {
        prop_oneof![2 => segment(), 1 => frame()]
    }

    proptest! {
        // Few, because places for all keys are made, added and read in each.
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn sums_are_those_of_an_observers_rows(
            frames in proptest::collection::vec(any_frame(), 0..200),
            monitored in prop::sample::select(&["", "203.0.113.0/24"][..]),
            has_rules in any::<bool>(),
        ) {
            let monitored: Vec<Network> = monitored.parse().into_iter().collect();
            let rules = has_rules.then(|| rulebook(OF_A_SYN));
            let mut sums = Sums::new(&monitored, rules.clone(), 0);
            count_into(&mut sums, &frames);
            let settings = Settings { monitored, ..SETTINGS };
            let intervals = observe_with(&settings, rules, &frames);
            let (counters, keys, classes, tools, signatures) = results(&mut sums);
            let sum = |of: fn(&Counters) -> u64| intervals.iter().map(|one| of(&one.counters)).sum::<u64>();
            prop_assert_eq!(counters.packets, sum(|one| one.packets));
            prop_assert_eq!(counters.counted, sum(|one| one.counted));
            prop_assert_eq!(counters.bytes, sum(|one| one.bytes));
            prop_assert_eq!(counters.not_monitored, sum(|one| one.not_monitored));
            let add = |sum: &mut u64, value| *sum += value;
            let malformed = joined(&intervals, |one| one.counters.malformed().collect(), add);
            prop_assert_eq!(counters.malformed().collect::<BTreeMap<_, _>>(), malformed);
            prop_assert_eq!(keys, joined(&intervals, Interval::keys, |sum, value| {
                sum.packets += value.packets;
                sum.bytes += value.bytes;
            }));
            prop_assert_eq!(classes, joined(&intervals, Interval::classes, add));
            prop_assert_eq!(tools, joined(&intervals, Interval::tools, add));
            let detected = |one: &Interval| one.detected.signatures.iter().copied().collect();
            prop_assert_eq!(signatures, joined(&intervals, detected, add));
        }

        #[test]
        fn counted_in_parts_is_counted_as_one(
            frames in proptest::collection::vec(any_frame(), 0..200),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..5),
        ) {
            let mut whole = Sums::new(&[], None, 0);
            count_into(&mut whole, &frames);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(frames.len() + 1)).collect();
            cuts.sort_unstable();
            let mut begun = Sums::new(&[], None, 0);
            let mut start = 0;
            for cut in cuts.into_iter().chain([frames.len()]) {
                let mut part = begun.behind().unwrap();
                count_into(&mut part, &frames[start..cut]);
                begun.append(&part);
                start = cut;
            }
            prop_assert_eq!(results(&mut whole), results(&mut begun));
        }
    }

    #[test]
    fn with_rules_nothing_can_be_counted_behind() {
        let rules = rulebook(OF_A_SYN);
        assert!(Sums::new(&[], Some(rules), 0).behind().is_none());
    }
}
