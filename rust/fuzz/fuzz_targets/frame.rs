//! Any frames through an observer with a small table: no packet harms, and every record has one outcome.
//!
//! Input: link type (2 bytes, little-endian), settings (1 byte), then frames, each with its time step (2 bytes, in
//! seconds) and its length (1 byte) before it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use teiten_core::{Fault, Frame, FrameSource, Interval, LinkType, Observer, Settings, Stop};

struct Frames<'a> {
    link: LinkType,
    rest: &'a [u8],
    time: i64,
    before: (&'a [u8], i64),
}

impl FrameSource for Frames<'_> {
    fn next_frame(&mut self) -> Option<Result<Frame<'_>, Fault>> {
        let [low, high, length, rest @ ..] = self.rest else {
            return None;
        };
        self.before = (self.rest, self.time);
        let (bytes, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        self.rest = rest;
        self.time += i64::from(i16::from_le_bytes([*low, *high])) * 1_000_000_000;
        Some(Ok(Frame {
            time_ns: self.time,
            link: self.link,
            wire_length: u32::from(*length),
            bytes,
        }))
    }

    fn step_back(&mut self) {
        (self.rest, self.time) = self.before;
    }
}

fuzz_target!(|data: &[u8]| {
    let [low, high, shape, rest @ ..] = data else {
        return;
    };
    let settings = Settings {
        monitored: Vec::new(),
        interval_seconds: [0, 1, 60, 3600][usize::from(shape & 3)],
        table_megabytes: 1,
        max_rows: [1, 3, 50, 1000][usize::from(shape >> 2 & 3)],
        span: None,
        early_closes: (shape & 16 != 0).then_some(u32::from(shape >> 5)),
        seed: 7,
    };
    let Ok(mut observer) = Observer::new(&settings) else {
        return;
    };
    let mut frames = Frames {
        link: LinkType::from_number(u32::from(u16::from_le_bytes([*low, *high]))),
        rest,
        time: 1_250_000_000_000_000_000,
        before: (rest, 0),
    };
    loop {
        let interval = match observer.observe_all(&mut frames, u64::MAX) {
            Ok(Stop::Interval(interval)) => Some(*interval),
            Ok(Stop::Limit) => continue,
            Ok(Stop::Exhausted) | Err(_) => observer.finish(),
        };
        let Some(interval) = interval else { return };
        check(&interval);
    }
});

/// Every record has one outcome, and the rows hold the counted ones.
fn check(interval: &Interval) {
    let counters = &interval.counters;
    let malformed: u64 = counters.malformed().map(|(_, records)| records).sum();
    let outcomes = counters.counted + counters.not_monitored + counters.outside_span + malformed;
    assert_eq!(counters.packets, outcomes);
    let both = [&interval.ipv4, &interval.ipv6];
    let counted: u64 = both.iter().flat_map(|columns| columns.packets()).sum();
    let bytes: u64 = both.iter().flat_map(|columns| columns.bytes()).sum();
    assert_eq!((counters.counted, counters.bytes), (counted, bytes));
    assert!(counters.suspected_forged <= counters.suspicious && counters.suspicious <= counted);
    assert!(interval.start_ns < interval.end_ns);
}
