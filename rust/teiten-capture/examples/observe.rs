//! What a sensor does to the packets of a capture file, and nothing else: for a profiler, or to count instructions.
//!
//! `cargo run --release -p teiten-capture --example observe FILE`: headers, class, tool and full tuples of every packet, no
//! rules, intervals that the full table of 16 MiB closes.
//!
//! Instructions: `valgrind --tool=callgrind --toggle-collect='observe::observe*' --callgrind-out-file=/dev/null \
//!     target/release/examples/observe FILE`, divided by the packets that it prints.

use std::path::Path;

use teiten_capture::CaptureFile;
use teiten_core::{Observer, Settings, Stop};

#[inline(never)]
fn observe(capture: &CaptureFile) -> (u64, usize, usize) {
    let settings = Settings {
        monitored: Vec::new(),
        interval_seconds: 0,
        table_megabytes: 16,
        max_rows: 1 << 20,
        span: None,
        early_closes: None,
        seed: 7,
    };
    let mut observer = Observer::new(&settings).expect("the settings are in bounds");
    let mut reader = capture.reader();
    let (mut packets, mut rows, mut intervals) = (0, 0, 0);
    loop {
        let interval = match observer.observe_all(&mut reader, u64::MAX) {
            Ok(Stop::Interval(interval)) => Some(*interval),
            Ok(Stop::Limit) => continue,
            Ok(Stop::Exhausted) | Err(_) => observer.finish(),
        };
        let Some(interval) = interval else { break };
        packets += interval.counters.packets;
        rows += interval.ipv4.rows + interval.ipv6.rows;
        intervals += 1;
    }
    (packets, rows, intervals)
}

fn main() {
    let path = std::env::args_os().nth(1).expect("a capture file is named");
    let capture =
        CaptureFile::open(Path::new(&path), &mut || true).expect("the capture can be read");
    let (packets, rows, intervals) = observe(&capture);
    println!("{packets} packets, {rows} rows, {intervals} intervals");
}
