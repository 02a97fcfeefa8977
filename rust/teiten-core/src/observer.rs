//! Frames in, intervals out.

use std::sync::Arc;

use crate::degradation::{Degradation, Step};
use crate::detector::{Detected, Detector, Rulebook};
use crate::frame::{Fault, Frame, FrameSource, Lent, LinkType};
use crate::interval::{Counters, Interval};
use crate::key::Form;
use crate::monitored::Monitored;
use crate::packet::{Ip, Packet};
use crate::plain::Plain;
use crate::quotation::Quotation;
use crate::settings::{Settings, SettingsError};
use crate::side::Side;
use crate::suspect::Suspects;
use crate::tally::quoted::Quotations;
use crate::tally::sketch::Sketches;
use crate::tally::{Columns, Marked, Marks, Secrets, Tuple4, Tuple6};
use crate::timeline::{Closing, Place, Timeline};
use crate::tool::Scanners;
use crate::wire::Reason;

/// Why [`Observer::observe_all`] returned.
#[derive(Debug)]
pub enum Stop {
    /// An interval closed; the frame that closed it comes next.
    Interval(Box<Interval>),
    /// As many frames were observed as were allowed.
    Limit,
    /// The source has no more frames.
    Exhausted,
}

/// Counts frames into intervals.
///
/// Packets are gathered into groups before they meet the tables, so that the tables' cache misses overlap.
#[derive(Debug)]
pub struct Observer {
    monitored: Monitored,
    max_rows: usize,
    timeline: Timeline,
    /// What the open interval counted; packets that wait are counted as they settle.
    counters: Counters,
    scanners: Scanners,
    degradation: Degradation,
    ipv4: Side<Tuple4>,
    ipv6: Side<Tuple6>,
    quotations: Quotations,
    sketches: Sketches,
    detector: Option<Box<Detector>>,
    keeps_examples: bool,
    /// Whether nothing is given up, and there is room.
    is_ordinary: bool,
    seed: u64,
}

impl Observer {
    /// An observer that has seen nothing.
    ///
    /// # Errors
    ///
    /// A [`SettingsError`] that names the setting out of bounds.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let quarter = (settings.table_megabytes as usize) << 18;
        let secrets = Secrets::from_seed(settings.seed);
        let ipv4 = Side::new(3 * quarter, secrets);
        let mut observer = Self {
            monitored: Monitored::new(&settings.monitored),
            max_rows: settings.max_rows as usize,
            timeline: Timeline::new(settings.interval_seconds, settings.span),
            counters: Counters::default(),
            scanners: Scanners::default(),
            degradation: settings.degradation(ipv4.table.capacity()),
            ipv4,
            ipv6: Side::new(quarter, secrets),
            quotations: Quotations::new(secrets),
            sketches: Sketches::new(),
            detector: None,
            keeps_examples: false,
            is_ordinary: false,
            seed: settings.seed,
        };
        observer.settle();
        Ok(observer)
    }

    /// Rules that are set from here on keep an example payload for each signature and source of an interval.
    pub const fn keep_examples(&mut self) {
        self.keeps_examples = true;
    }

    /// From here on counted packets are held against these rules; limits and spreads begin anew.
    ///
    /// What other rules have detected in the open interval stays in it.
    pub fn set_rules(&mut self, rules: Arc<Rulebook>) {
        if let Some(detector) = &mut self.detector {
            detector.replace(rules);
        } else {
            let detector = Detector::new(rules, self.seed, self.keeps_examples);
            self.detector = Some(Box::new(detector));
        }
    }

    /// Observes frames until an interval closes, `limit` frames were observed, or the source ends.
    ///
    /// # Errors
    ///
    /// The source's [`Fault`]; every frame before it has been counted, and [`finish`](Self::finish) gives them.
    pub fn observe_all(
        &mut self,
        source: &mut impl FrameSource,
        limit: u64,
    ) -> Result<Stop, Fault> {
        let halt = self.walk(source, limit);
        self.settle();
        Ok(match halt? {
            Halt::Closing(closing) => Stop::Interval(Box::new(self.close(closing))),
            Halt::Limit => Stop::Limit,
            Halt::Exhausted => Stop::Exhausted,
        })
    }

    /// Closes the open interval: up to the end of the span to observe, or to the last packet.
    ///
    /// `None` if nothing came since the last interval closed, and no span is left to observe.
    ///
    /// A span without a known end is finished by [`finish_at`](Self::finish_at).
    pub fn finish(&mut self) -> Option<Interval> {
        let closing = self.timeline.close_end(self.counters.packets > 0)?;
        Some(self.close(closing))
    }

    /// Sets the clock of a live observation, in nanoseconds since 1970-01-01 00:00 UTC: what comes from here on and is
    /// stamped [`AHEAD_NS`](crate::limits::AHEAD_NS) or more ahead of it counts as if it came now.
    pub fn set_now(&mut self, now_ns: i64) {
        self.timeline.set_now(now_ns);
    }

    /// Closes the intervals that were over before `now_ns`, though no packet came to close them: one interval from the
    /// start of the first to the end of the last.
    ///
    /// `None` if the open interval is not over, or nothing tells when the observation began: no span is set and no
    /// packet came. A packet of theirs that comes later counts in its own minute, in the interval after them.
    pub fn close_before(&mut self, now_ns: i64) -> Option<Interval> {
        let closing = self.timeline.close_before(now_ns)?;
        Some(self.close(closing))
    }

    /// Ends the observation at `now_ns`, or behind a packet later than that: closes the open interval there.
    ///
    /// `None` if the observation had not begun by then.
    pub fn finish_at(&mut self, now_ns: i64) -> Option<Interval> {
        let seen = self.counters.packets > 0;
        let closing = self.timeline.close_at_clock(now_ns, seen)?;
        Some(self.close(closing))
    }

    fn walk(&mut self, source: &mut impl FrameSource, limit: u64) -> Result<Halt, Fault> {
        let mut closes = None;
        let lent = source.lend(limit, |frame| {
            if self.observe_plain(&frame) {
                return true;
            }
            // By its parts, which stay in registers: a frame as one would have to lie in memory, each of them.
            closes = self.observe(frame.time_ns, frame.link, frame.wire_length, frame.bytes);
            closes.is_none()
        })?;
        Ok(match (closes, lent) {
            (Some(closing), _) => Halt::Closing(closing),
            (None, Lent::Limit | Lent::Refused) => Halt::Limit,
            (None, Lent::All) => Halt::Exhausted,
        })
    }

    /// Observes a frame that is of the commonest kind in every respect; false if it is not, and nothing was done.
    #[inline]
    fn observe_plain(&mut self, frame: &Frame<'_>) -> bool {
        let Some(plain) = Plain::of(frame) else {
            return false;
        };
        if !self.monitored.counts(plain.source(), plain.destination()) {
            return false;
        }
        let Some(minute_offset) = self.timeline.same_minute(frame.time_ns) else {
            return false;
        };
        if !self.is_ordinary {
            let Frame {
                time_ns,
                link,
                wire_length,
                bytes,
            } = *frame;
            let suspects = Suspects::of_reserved(plain.source());
            return self.observe_plain_with_care(
                time_ns,
                link,
                wire_length,
                bytes,
                minute_offset,
                suspects,
            );
        }
        self.counters.suspect(Suspects::of_reserved(plain.source()));
        let tuple = plain.tuple(&mut self.scanners, minute_offset);
        if self.ipv4.push(tuple, plain.length()) {
            self.settle();
        }
        if let Some(detector) = &mut self.detector {
            if !detector.inspect_plain(&plain, frame.time_ns, minute_offset) {
                self.inspect_plain(frame.time_ns, frame.wire_length, frame.bytes, minute_offset);
            }
        }
        true
    }

    /// Holds a plain packet that was counted against the rules where its header does not decide all.
    #[inline(never)]
    fn inspect_plain(&mut self, time_ns: i64, wire_length: u32, bytes: &[u8], minute_offset: u16) {
        let frame = Frame {
            time_ns,
            link: LinkType::Ethernet,
            wire_length,
            bytes,
        };
        if let (Some(detector), Some(plain)) = (&mut self.detector, Plain::view(&frame)) {
            detector.inspect(&plain.packet(), &frame, minute_offset);
        }
    }

    /// Observes a plain packet where something is given up or there is no room.
    #[inline(never)]
    fn observe_plain_with_care(
        &mut self,
        time_ns: i64,
        link: LinkType,
        wire_length: u32,
        bytes: &[u8],
        minute_offset: u16,
        suspects: Suspects,
    ) -> bool {
        let frame = Frame {
            time_ns,
            link,
            wire_length,
            bytes,
        };
        let Ok(packet) = Packet::new(&frame) else {
            return false;
        };
        if self.is_full(&packet) {
            return false;
        }
        self.counters.suspect(suspects);
        self.count(&packet, minute_offset);
        if let Some(detector) = &mut self.detector {
            detector.inspect(&packet, &frame, minute_offset);
        }
        true
    }

    /// Observes a frame, unless the open interval has to close first.
    ///
    /// Apart from [`observe_plain`](Self::observe_plain), so that the compiler keeps registers for that.
    #[inline(never)]
    fn observe(
        &mut self,
        time_ns: i64,
        link: LinkType,
        wire_length: u32,
        bytes: &[u8],
    ) -> Option<Closing> {
        let frame = Frame {
            time_ns,
            link,
            wire_length,
            bytes,
        };
        let (time_ns, place, ahead) = match self.timeline.place(frame.time_ns) {
            Place::Ahead(now) => (now, self.timeline.place(now), true),
            place => (frame.time_ns, place, false),
        };
        let (minute_offset, backward) = match place {
            Place::Inside {
                minute_offset,
                backward,
            } => (minute_offset, backward),
            Place::Closes(closing) => return Some(closing),
            Place::Outside => {
                self.counters.packets += 1;
                self.counters.outside_span += 1;
                return None;
            }
            // The clock is never ahead of itself.
            Place::Unusable | Place::Ahead(_) => {
                self.counters.packets += 1;
                self.counters.refuse(Reason::TimeRange);
                return None;
            }
        };
        match Packet::new(&frame) {
            Ok(packet) if !self.is_monitored(&packet) => {
                self.counters.packets += 1;
                self.counters.not_monitored += 1;
            }
            Ok(packet) => {
                if self.is_full(&packet) {
                    return Some(self.timeline.close_full());
                }
                self.counters
                    .suspect(Suspects::of(&frame, &packet, &self.monitored));
                self.count(&packet, minute_offset);
                if let Some(detector) = &mut self.detector {
                    detector.inspect(&packet, &Frame { time_ns, ..frame }, minute_offset);
                }
            }
            Err(stop) => {
                self.counters.packets += 1;
                self.counters.refuse(stop.reason);
            }
        }
        self.counters.time_backward += u64::from(backward);
        self.counters.time_ahead += u64::from(ahead);
        None
    }

    #[inline]
    fn is_monitored(&self, packet: &Packet<'_>) -> bool {
        match &packet.ip {
            Ip::V4(ip) => self.monitored.has_ipv4(ip.destination()),
            Ip::V6(ip) => self.monitored.has_ipv6(ip.destination()),
        }
    }

    #[inline]
    fn is_full(&self, packet: &Packet<'_>) -> bool {
        match &packet.ip {
            Ip::V4(_) => self.ipv4.is_full(),
            Ip::V6(_) => self.ipv6.is_full(),
        }
    }

    #[inline]
    fn count(&mut self, packet: &Packet<'_>, minute_offset: u16) {
        let marks = Marks::of(packet, &mut self.scanners);
        let kept = marks.pack(minute_offset);
        let length = packet.ip.stated_length();
        if matches!(marks.key.form, Form::Icmp | Form::Icmpv6) {
            self.quote(packet, minute_offset);
        }
        let is_due = match &packet.ip {
            Ip::V4(ip) => {
                let tuple = self.keep(Tuple4::new(ip.source(), ip.destination(), kept));
                self.ipv4.push(tuple, length)
            }
            Ip::V6(ip) => {
                let tuple = self.keep(Tuple6::new(ip.source(), ip.destination(), kept));
                self.ipv6.push(tuple, length)
            }
        };
        if is_due {
            self.settle();
        }
    }

    /// What is kept of a tuple.
    #[inline]
    fn keep<T: Marked>(&mut self, tuple: T) -> T {
        match self.degradation.held() {
            Step::Whole => tuple,
            step => self.give_up(tuple, step),
        }
    }

    /// What is kept of a tuple where something is given up; a source goes into its key's sketch.
    #[inline(never)]
    fn give_up<T: Marked>(&mut self, tuple: T, step: Step) -> T {
        let tuple = tuple.without_source_port();
        if step != Step::WithoutSource {
            return tuple;
        }
        let key = tuple.packed().key();
        self.sketches.add(T::FAMILY, key, tuple.source());
        tuple.without_source()
    }

    /// Counts what an ICMP error quotes.
    #[cold]
    fn quote(&mut self, packet: &Packet<'_>, minute_offset: u16) {
        match Quotation::of(packet) {
            Some(Ok(quotation)) => {
                let fits = self.quotations.count(packet, quotation, minute_offset);
                self.counters.quoted_overflow += u64::from(!fits);
            }
            Some(Err(_)) => self.counters.quoted_unread += 1,
            None => {}
        }
    }

    /// Counts what waits into the tables, and says how many may wait next.
    #[inline(never)]
    fn settle(&mut self) {
        for (packets, bytes) in [self.ipv4.settle(), self.ipv6.settle()] {
            self.counters.count(packets, bytes);
        }
        let rows = self.ipv4.table.entries().len() + self.ipv6.table.entries().len();
        let rows_left = self.max_rows - rows;
        self.ipv4.allow(rows_left);
        self.ipv6.allow(rows_left);
        self.is_ordinary = self.degradation.held() == Step::Whole && !self.ipv4.is_full();
    }

    fn close(&mut self, closing: Closing) -> Interval {
        let base_minute = self.timeline.base_minute();
        let (start_ns, end_ns) = self.timeline.close(closing);
        let sources = match self.degradation.held() {
            Step::WithoutSource => self.sketches.estimate(),
            _ => 0.0,
        };
        let step = self.degradation.close(closing.cause, end_ns, sources);
        let interval = Interval {
            start_ns,
            end_ns,
            cause: closing.cause,
            step,
            counters: std::mem::take(&mut self.counters),
            ipv4: Columns::of_ipv4(self.ipv4.table.entries(), base_minute),
            ipv6: Columns::of_ipv6(self.ipv6.table.entries(), base_minute),
            quoted: self.quotations.take(base_minute),
            sketches: match step {
                Step::WithoutSource => self.sketches.take(),
                _ => Vec::new(),
            },
            detected: match &mut self.detector {
                Some(detector) => detector.take(base_minute),
                None => Detected::default(),
            },
        };
        self.ipv4.table.clear();
        self.ipv6.table.clear();
        self.settle();
        interval
    }
}

/// Why the walk over a source halted.
enum Halt {
    Closing(Closing),
    Limit,
    Exhausted,
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::interval::{Cause, Totals};
    use crate::limits::{END_OF_TIME_NS, MAX_ROWS};
    use crate::signature::{RuleSet, Signatures, Variables};
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000_000;

    pub(crate) const SETTINGS: Settings = Settings {
        monitored: Vec::new(),
        interval_seconds: 60,
        table_megabytes: 1,
        max_rows: MAX_ROWS,
        span: None,
        early_closes: None,
        seed: 0,
    };

    /// Frames in memory, and a fault behind them if so wished.
    pub(crate) struct Buffer<'a> {
        frames: &'a [(i64, LinkType, Vec<u8>)],
        position: usize,
        fault: bool,
    }

    impl<'a> Buffer<'a> {
        pub(crate) fn new(frames: &'a [(i64, LinkType, Vec<u8>)]) -> Self {
            Self {
                frames,
                position: 0,
                fault: false,
            }
        }
    }

    impl FrameSource for Buffer<'_> {
        fn next_frame(&mut self) -> Option<Result<Frame<'_>, Fault>> {
            let Some((time_ns, link, bytes)) = self.frames.get(self.position) else {
                return self.fault.then(|| {
                    Err(Fault {
                        offset: 9,
                        reason: "cut".into(),
                    })
                });
            };
            self.position += 1;
            let wire_length = u32::try_from(bytes.len()).unwrap();
            Some(Ok(Frame {
                time_ns: *time_ns,
                link: *link,
                wire_length,
                bytes,
            }))
        }

        fn step_back(&mut self) {
            self.position -= 1;
        }
    }

    fn observe(settings: &Settings, frames: &[(i64, LinkType, Vec<u8>)]) -> Vec<Interval> {
        observe_with(settings, None, frames)
    }

    pub(crate) const OF_A_SYN: &str =
        r#"alert tcp any any -> any any (msg:"SYN"; flags:S; sid:1;)"#;

    pub(crate) fn rulebook(rules: &str) -> Arc<Rulebook> {
        let (set, _) = RuleSet::parse("test.rules", rules, &Variables::default());
        let (signatures, told) = Signatures::compile(set.rules).unwrap();
        assert!(told.is_empty());
        Arc::new(Rulebook::new(signatures, &[]))
    }

    pub(crate) fn observe_with(
        settings: &Settings,
        rules: Option<Arc<Rulebook>>,
        frames: &[(i64, LinkType, Vec<u8>)],
    ) -> Vec<Interval> {
        let mut observer = Observer::new(settings).unwrap();
        if let Some(rules) = rules {
            observer.set_rules(rules);
        }
        let mut source = Buffer::new(frames);
        let mut intervals = Vec::new();
        loop {
            match observer.observe_all(&mut source, 7).unwrap() {
                Stop::Interval(interval) => intervals.push(*interval),
                Stop::Limit => {}
                Stop::Exhausted => break,
            }
        }
        intervals.extend(observer.finish());
        intervals
    }

    /// A SYN of 40 bytes to a port of 203.0.113.9.
    fn syn(time: i64, source: u8, port: u8) -> (i64, LinkType, Vec<u8>) {
        let mut bytes = vec![0; 40];
        (bytes[0], bytes[3], bytes[9], bytes[23], bytes[33]) = (0x45, 40, 6, port, 2);
        bytes[12..20].copy_from_slice(&[198, 51, 100, source, 203, 0, 113, 9]);
        (time, LinkType::RawIp, bytes)
    }

    /// An ICMPv6 echo request of 48 bytes.
    fn echo(time: i64, source: u8) -> (i64, LinkType, Vec<u8>) {
        let mut bytes = vec![0; 48];
        (bytes[0], bytes[5], bytes[6], bytes[23], bytes[40]) = (0x60, 8, 58, source, 128);
        (time, LinkType::RawIp, bytes)
    }

    fn totals(intervals: &[Interval]) -> BTreeMap<String, Totals> {
        let mut sums: BTreeMap<String, Totals> = BTreeMap::new();
        for (key, totals) in intervals.iter().flat_map(Interval::keys) {
            let sum = sums.entry(key).or_default();
            sum.packets += totals.packets;
            sum.bytes += totals.bytes;
        }
        sums
    }

    /// Every record ended in exactly one outcome, and the rows hold the counted ones.
    fn assert_complete(intervals: &[Interval], records: usize) {
        let mut packets = 0;
        for interval in intervals {
            let counters = &interval.counters;
            let malformed: u64 = counters.malformed().map(|(_, records)| records).sum();
            let outcomes =
                counters.counted + counters.not_monitored + counters.outside_span + malformed;
            assert_eq!(counters.packets, outcomes);
            let both = [&interval.ipv4, &interval.ipv6];
            let counted: u64 = both.iter().flat_map(|columns| columns.packets()).sum();
            let bytes: u64 = both.iter().flat_map(|columns| columns.bytes()).sum();
            assert_eq!((counters.counted, counters.bytes), (counted, bytes));
            assert!(counters.suspected_forged <= counters.suspicious);
            assert!(counters.suspicious <= counters.counted);
            for (_, suspects) in counters.suspects() {
                assert!(suspects <= counters.suspicious);
            }
            assert!(interval.start_ns < interval.end_ns);
            packets += counters.packets;
        }
        assert_eq!(packets, records as u64);
    }

    #[test]
    fn a_clock_closes_quiet_intervals_and_counts_packets_ahead_of_it_as_now() {
        let settings = Settings {
            span: Some((10 * SECOND, END_OF_TIME_NS)),
            ..SETTINGS
        };
        let mut observer = Observer::new(&settings).unwrap();
        observer.set_now(130 * SECOND);
        let quiet = observer.close_before(130 * SECOND).unwrap();
        assert_eq!((quiet.start_ns, quiet.end_ns), (10 * SECOND, 120 * SECOND));
        let ahead = 130 * SECOND + crate::limits::AHEAD_NS;
        let frames = [syn(131 * SECOND, 1, 80), syn(ahead, 2, 80)];
        let stop = observer.observe_all(&mut Buffer::new(&frames), 9);
        assert!(matches!(stop, Ok(Stop::Exhausted)));
        assert!(observer.close_before(179 * SECOND).is_none());
        let last = observer.finish_at(140 * SECOND).unwrap();
        assert_eq!((last.start_ns, last.end_ns), (120 * SECOND, 140 * SECOND));
        assert_eq!((last.counters.counted, last.counters.time_ahead), (2, 1));
        assert_complete(&[quiet, last], 2);
    }

    #[test]
    fn equal_packets_of_a_minute_share_a_row() {
        let frames = [
            syn(SECOND, 1, 80),
            syn(2 * SECOND, 1, 80),
            syn(3 * SECOND, 2, 80),
            echo(4, 1),
        ];
        let intervals = observe(&SETTINGS, &frames);
        assert_eq!(intervals.len(), 1);
        let interval = &intervals[0];
        assert_eq!(
            (interval.start_ns, interval.end_ns),
            (SECOND, 3 * SECOND + 1)
        );
        assert_eq!(interval.cause, Cause::End);
        assert_eq!(interval.ipv4.packets().collect::<Vec<_>>(), [2, 1]);
        assert_eq!(interval.ipv4.source, [198, 51, 100, 1, 198, 51, 100, 2]);
        assert_eq!(interval.ipv6.rows, 1);
        assert_eq!(interval.counters.time_backward, 1);
        let keys = interval.keys();
        assert_eq!(
            keys["80/TCP"],
            Totals {
                packets: 3,
                bytes: 120
            }
        );
        assert_eq!(
            keys["128/ICMPv6"],
            Totals {
                packets: 1,
                bytes: 48
            }
        );
        assert_eq!(interval.classes(), BTreeMap::from([("probe", 4)]));
        assert_eq!(interval.tools(), BTreeMap::new());
    }

    #[test]
    fn time_closes_an_interval_before_the_packet_beyond_it() {
        let frames = [
            syn(0, 1, 80),
            syn(59 * SECOND, 1, 80),
            syn(60 * SECOND, 1, 80),
        ];
        let intervals = observe(&SETTINGS, &frames);
        let counted: Vec<u64> = intervals.iter().map(|one| one.counters.counted).collect();
        assert_eq!(counted, [2, 1]);
        assert_eq!(
            (intervals[0].cause, intervals[0].end_ns),
            (Cause::Time, 60 * SECOND)
        );
    }

    #[test]
    fn only_monitored_addresses_are_counted() {
        let monitored = vec!["203.0.113.8/31".parse().unwrap()];
        let mut other = syn(1, 1, 80);
        other.2[19] = 10;
        let settings = Settings {
            monitored,
            ..SETTINGS
        };
        let counters = &observe(&settings, &[syn(0, 1, 80), other, echo(2, 1)])[0].counters;
        assert_eq!((counters.counted, counters.not_monitored), (1, 2));
    }

    #[test]
    fn a_span_leaves_out_what_lies_beyond_it() {
        let settings = Settings {
            span: Some((10, 20)),
            ..SETTINGS
        };
        let frames = [
            syn(9, 1, 80),
            syn(10, 1, 80),
            syn(19, 1, 80),
            syn(20, 1, 80),
        ];
        let intervals = observe(&settings, &frames);
        assert_eq!((intervals[0].start_ns, intervals[0].end_ns), (10, 20));
        assert_eq!(intervals[0].counters.counted, 2);
        assert_eq!(intervals[0].counters.outside_span, 2);
    }

    #[test]
    fn a_fault_leaves_what_came_before_it_counted() {
        let frames = [syn(0, 1, 80), syn(1, 2, 80)];
        let mut observer = Observer::new(&SETTINGS).unwrap();
        let mut source = Buffer {
            fault: true,
            ..Buffer::new(&frames)
        };
        assert_eq!(observer.observe_all(&mut source, 9).unwrap_err().offset, 9);
        assert_eq!(observer.finish().unwrap().counters.counted, 2);
        assert_eq!(observer.finish(), None);
    }

    #[test]
    fn records_without_usable_time_are_not_lost() {
        let intervals = observe(&SETTINGS, &[syn(-1, 1, 80)]);
        let malformed: Vec<_> = intervals[0].counters.malformed().collect();
        assert_eq!(malformed, [("time_range", 1)]);
    }

    #[test]
    fn a_full_table_closes_early_and_loses_nothing() {
        let frames: Vec<_> = (0..60_000u32)
            .map(|number| {
                let mut frame = syn(i64::from(number), 1, 80);
                frame.2[12..16].copy_from_slice(&number.to_be_bytes());
                frame
            })
            .collect();
        let intervals = observe(&SETTINGS, &frames);
        assert!(intervals.len() > 1);
        assert_eq!(intervals[0].cause, Cause::Full);
        assert_eq!(intervals[0].end_ns, intervals[1].start_ns);
        assert_complete(&intervals, frames.len());
    }

    /// A flood of SYNs from as many sources as packets, a microsecond apart.
    fn flood(packets: u32, start: i64) -> Vec<(i64, LinkType, Vec<u8>)> {
        let forged = |number: u32| {
            let mut frame = syn(start + i64::from(number) * 1000, 1, 80);
            frame.2[12..16].copy_from_slice(&number.wrapping_mul(0x9e37_79b1).to_be_bytes());
            frame.2[20..22].copy_from_slice(&number.to_be_bytes()[2..]);
            frame
        };
        (0..packets).map(forged).collect()
    }

    fn flooded() -> Settings {
        Settings {
            max_rows: 1000,
            early_closes: Some(2),
            ..SETTINGS
        }
    }

    #[test]
    fn a_flood_is_given_ports_then_sources_and_no_packet() {
        let frames = flood(20_000, 0);
        let intervals = observe(&flooded(), &frames);
        let steps: Vec<Step> = intervals.iter().map(|one| one.step).collect();
        let early = [Step::Early; 3];
        let without_port = [Step::WithoutPort; 3];
        assert_eq!(
            steps,
            [&early[..], &without_port, &[Step::WithoutSource]].concat()
        );
        assert_complete(&intervals, frames.len());
        assert!(intervals[3].ipv4.source_port.iter().all(|byte| *byte == 0));
        assert!(intervals[3].sketches.is_empty());
        let last = &intervals[6];
        assert_eq!(last.ipv4.rows, 1);
        assert!(last.ipv4.source.iter().all(|byte| *byte == 0));
        let estimate = last.sketches[0].estimate();
        assert!((estimate - 14_000.0).abs() < 0.13 * 14_000.0, "{estimate}");
    }

    #[test]
    fn after_the_flood_tuples_are_whole_again() {
        let mut frames = flood(20_000, 0);
        frames.extend((1..20).map(|minute| syn(minute * 60 * SECOND, 1, 80)));
        let intervals = observe(&flooded(), &frames);
        let last = &intervals[intervals.len() - 1];
        assert_eq!(last.step, Step::Whole);
        assert_eq!(last.ipv4.source, [198, 51, 100, 1]);
        assert_complete(&intervals, frames.len());
    }

    #[test]
    fn errors_name_their_victims() {
        let mut error = vec![0; 56];
        error[..28].copy_from_slice(&[
            0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 192, 31, 196, 1, 203, 0, 113, 9, 3, 1, 0, 0,
            0, 0, 0, 0,
        ]);
        let mut quoted = syn(0, 1, 0).2;
        quoted[12..20].copy_from_slice(&[203, 0, 113, 9, 192, 52, 193, 7]);
        quoted[23] = 80;
        error[28..].copy_from_slice(&quoted[..28]);
        let mut unread = error.clone();
        unread[28] = 0;
        let mut strange = error.clone();
        strange[43] = 10;
        let frames: Vec<_> = [&error, &error, &unread, &strange]
            .iter()
            .map(|bytes| (0, LinkType::RawIp, (*bytes).clone()))
            .collect();
        let intervals = observe(&SETTINGS, &frames);
        let interval = &intervals[0];
        assert_eq!(interval.quoted.rows, 1);
        assert_eq!(interval.quoted.packets, 3u64.to_le_bytes());
        assert_eq!(interval.quoted.victim[12..], [192, 52, 193, 7]);
        assert_eq!(interval.quoted.victim_port, [80, 0]);
        assert_eq!(interval.counters.quoted_unread, 1);
        let suspects: BTreeMap<_, _> = interval.counters.suspects().collect();
        assert_eq!(suspects["quoted_stranger"], 1);
        assert_complete(&intervals, 4);
    }

    pub(crate) fn frame() -> impl Strategy<Value = (i64, LinkType, Vec<u8>)> {
        let time = prop_oneof![
            8 => 0i64..300 * SECOND,
            1 => 0i64..END_OF_TIME_NS,
            1 => any::<i64>(),
        ];
        let wild = (0u32..300, proptest::collection::vec(any::<u8>(), 0..120))
            .prop_map(|(number, bytes)| (LinkType::from_number(number), bytes));
        let wellformed = (0u8..9, 0u8..9, any::<bool>()).prop_map(|(source, port, is_ipv4)| {
            let frame = if is_ipv4 {
                syn(0, source, port)
            } else {
                echo(0, source)
            };
            (frame.1, frame.2)
        });
        (time, prop_oneof![1 => wild, 2 => wellformed])
            .prop_map(|(time, (link, bytes))| (time, link, bytes))
    }

    /// A segment in an Ethernet frame, most of them plain: what of [`syn`](crate::plain::tests::syn) is changed where,
    /// from where it comes, and when.
    pub(crate) fn segment() -> impl Strategy<Value = (i64, LinkType, Vec<u8>)> {
        let times = prop_oneof![9 => 0i64..90 * SECOND, 1 => any::<i64>()];
        let changes = proptest::collection::vec((12usize..58, any::<u8>()), 0..3);
        let from = prop_oneof![4 => 0u8..9, 1 => Just(10)];
        let windows = prop::sample::select(&[0x0400u16, 0x1020, 0x2000, 0xffff][..]);
        (times, changes, (from, any::<u8>()), windows, 0u8..20).prop_map(
            |(time, changes, (net, host), window, mended)| {
                let mut bytes = crate::plain::tests::syn();
                bytes[26] = net + 1;
                bytes[29] = host % 4;
                bytes[48..50].copy_from_slice(&window.to_be_bytes());
                if mended > 9 {
                    crate::plain::tests::mend(&mut bytes);
                }
                for (at, value) in changes {
                    bytes[at] = value;
                }
                if mended > 2 {
                    crate::plain::tests::mend(&mut bytes);
                }
                (time, LinkType::Ethernet, bytes)
            },
        )
    }

    proptest! {
        #[test]
        fn every_record_has_one_outcome_and_no_setting_changes_the_totals(
            frames in proptest::collection::vec(frame(), 0..200),
            interval_seconds in prop::sample::select(&[0u32, 1, 60][..]),
            max_rows in 1u32..200,
            seed in any::<u64>(),
        ) {
            let whole = observe(&SETTINGS, &frames);
            assert_complete(&whole, frames.len());
            let settings = Settings { interval_seconds, max_rows, ..SETTINGS };
            let split = observe(&settings, &frames);
            assert_complete(&split, frames.len());
            for interval in &split {
                prop_assert!(interval.ipv4.rows + interval.ipv6.rows <= max_rows as usize);
            }
            prop_assert_eq!(totals(&whole), totals(&split));
            let reseeded = observe(&Settings { seed, ..settings }, &frames);
            prop_assert_eq!(split, reseeded);
        }

        #[test]
        fn the_short_way_and_the_long_one_give_equal_intervals(
            frames in proptest::collection::vec(segment(), 0..300),
            monitored in prop::sample::select(&["", "203.0.113.0/24", "1.0.0.0/8"][..]),
            (max_rows, early_closes) in (20u32..90, prop::option::of(0u32..3)),
            has_rules in any::<bool>(),
        ) {
            // A packet with no frame around it is never plain, and is the same packet.
            let bare: Vec<_> = frames
                .iter()
                .filter(|(_, _, bytes)| bytes[12..14] == [0x08, 0x00])
                .map(|(time, _, bytes)| (*time, LinkType::RawIpv4, bytes[14..].to_vec()))
                .collect();
            let frames: Vec<_> = frames
                .into_iter()
                .filter(|(_, _, bytes)| bytes[12..14] == [0x08, 0x00])
                .collect();
            let settings = Settings {
                monitored: monitored.parse().into_iter().collect(),
                max_rows,
                early_closes,
                ..SETTINGS
            };
            let rules = has_rules.then(|| rulebook(OF_A_SYN));
            let observe = |frames: &[(i64, LinkType, Vec<u8>)]| {
                observe_with(&settings, rules.clone(), frames)
            };
            prop_assert_eq!(observe(&frames), observe(&bare));
        }

        #[test]
        fn no_step_changes_the_totals(
            frames in proptest::collection::vec(frame(), 0..300),
            max_rows in 1u32..60,
            early_closes in 0u32..4,
            (one, other) in any::<(u64, u64)>(),
        ) {
            let whole = observe(&SETTINGS, &frames);
            let settings = Settings {
                max_rows,
                early_closes: Some(early_closes),
                seed: one,
                ..SETTINGS
            };
            let degraded = observe(&settings, &frames);
            assert_complete(&degraded, frames.len());
            prop_assert_eq!(totals(&whole), totals(&degraded));
            let classes = |intervals: &[Interval]| {
                let mut sums = BTreeMap::new();
                for (class, packets) in intervals.iter().flat_map(Interval::classes) {
                    *sums.entry(class).or_insert(0) += packets;
                }
                sums
            };
            prop_assert_eq!(classes(&whole), classes(&degraded));
            for interval in &degraded {
                prop_assert!(interval.ipv4.rows + interval.ipv6.rows <= max_rows as usize);
                let is_merged = interval.step == Step::WithoutSource;
                let has_rows = interval.ipv4.rows + interval.ipv6.rows > 0;
                prop_assert_eq!(!interval.sketches.is_empty(), is_merged && has_rows);
            }
            let again = observe(&Settings { seed: other, ..settings }, &frames);
            prop_assert_eq!(degraded, again);
        }

        #[test]
        fn a_span_is_observed_once_whatever_its_packets_say(
            frames in proptest::collection::vec(frame(), 0..100),
            (start, length) in (0i64..200 * SECOND, 1i64..END_OF_TIME_NS / 2),
            max_rows in 1u32..20,
        ) {
            let span = (start, start + length.max(1000));
            let settings = Settings { span: Some(span), max_rows, ..SETTINGS };
            let intervals = observe(&settings, &frames);
            assert_complete(&intervals, frames.len());
            prop_assert_eq!(intervals[0].start_ns, span.0);
            prop_assert_eq!(intervals[intervals.len() - 1].end_ns, span.1);
            for pair in intervals.windows(2) {
                prop_assert_eq!(pair[0].end_ns, pair[1].start_ns);
            }
        }
    }
}
