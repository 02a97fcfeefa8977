//! Packets per second of counting beside those of the walk alone, over a flood of SYNs in memory.
//!
//! `cargo run --release -p teiten-core --example synflood`: 10 million packets of 60 bytes, 2 million sources, ports
//! by a Zipf law and source ports that differ packet by packet, so that each packet opens a row; then as many from
//! 200,000 sources that repeat themselves, so that most packets find their row.
//!
//! Instructions a packet, of a million packets without and with rows to open:
//! `valgrind --tool=callgrind --toggle-collect='synflood::count*' --callgrind-out-file=/dev/null \
//!     target/release/examples/synflood 1000000 16`
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "made-up packets take the low bits of random numbers, and rates are rounded"
)]

use std::time::Instant;

use teiten_core::{Fault, Frame, FrameSource, LinkType, Observer, Settings, Stop};

const SOURCES: u64 = 2_000_000;
const REPEATING_SOURCES: u64 = 200_000;
const LENGTH: usize = 74;

struct Flood<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl FrameSource for Flood<'_> {
    #[inline]
    fn next_frame(&mut self) -> Option<Result<Frame<'_>, Fault>> {
        let start = self.position * LENGTH;
        let bytes = self.bytes.get(start..start + LENGTH)?;
        // A packet a microsecond, as in a file of ten seconds.
        let time_ns = 1_250_000_000_000_000_000 + self.position as i64 * 1000;
        self.position += 1;
        Some(Ok(Frame {
            time_ns,
            link: LinkType::Ethernet,
            wire_length: 74,
            bytes,
        }))
    }

    fn step_back(&mut self) {
        self.position -= 1;
    }
}

/// Marsaglia's xorshift: reproducible and good enough for a flood.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn flood(sources: u64, packets: usize) -> Vec<u8> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut bytes = vec![0; packets * LENGTH];
    for frame in bytes.chunks_exact_mut(LENGTH) {
        let number = random.next() % sources;
        let source = number.wrapping_mul(0x9e37_79b1) as u32;
        // A source that repeats itself draws its ports and its target once, from its own number.
        let mut of_source = Random(number + 1);
        let draws = if sources == REPEATING_SOURCES {
            &mut of_source
        } else {
            &mut random
        };
        draws.next();
        let source_port = draws.next() as u16;
        let target = draws.next() as u8;
        let uniform = (draws.next() >> 11) as f64 / (1u64 << 53) as f64;
        let port = 65_535_f64.powf(uniform) as u16;
        frame[12] = 0x08;
        frame[14] = 0x45;
        frame[17] = 60;
        frame[18..20].copy_from_slice(&(random.next() as u16).to_be_bytes());
        frame[23] = 6;
        frame[26..30].copy_from_slice(&source.to_be_bytes());
        frame[30..34].copy_from_slice(&[203, 0, 113, target]);
        frame[34..36].copy_from_slice(&source_port.to_be_bytes());
        frame[36..38].copy_from_slice(&port.to_be_bytes());
        frame[38..42].copy_from_slice(&(random.next() as u32).to_be_bytes());
        frame[46..48].copy_from_slice(&[0xa0, 0x02]);
        frame[48..50].copy_from_slice(&[0xff, 0xff]);
        make_checksums(frame);
    }
    bytes
}

/// Fills in both checksums: real floods have right ones, and wrong ones are counted.
fn make_checksums(frame: &mut [u8]) {
    let checksum = |start: u32, bytes: &[u8]| {
        let words = bytes.chunks_exact(2);
        let mut sum = start
            + words
                .map(|word| u32::from(word[0]) << 8 | u32::from(word[1]))
                .sum::<u32>();
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        (!(sum as u16)).to_be_bytes()
    };
    let header = checksum(0, &frame[14..34]);
    frame[24..26].copy_from_slice(&header);
    // The pseudo header's protocol and length; its addresses stand before the segment.
    let segment = checksum(6 + 40, &frame[26..74]);
    frame[50..52].copy_from_slice(&segment);
}

fn walk(bytes: &[u8]) -> u64 {
    let mut source = Flood { bytes, position: 0 };
    let mut sum = 0;
    while let Some(Ok(frame)) = source.next_frame() {
        sum += u64::from(frame.bytes[30]) + frame.time_ns as u64 % 2;
    }
    sum
}

#[inline(never)]
fn count(bytes: &[u8], table_megabytes: u32) -> (u64, usize, u64) {
    let settings = Settings {
        monitored: Vec::new(),
        interval_seconds: 0,
        table_megabytes,
        max_rows: 1 << 20,
        span: None,
        early_closes: None,
        seed: 7,
    };
    let mut observer = Observer::new(&settings).expect("the settings are in bounds");
    let mut source = Flood { bytes, position: 0 };
    let (mut intervals, mut rows, mut counted) = (0, 0, 0);
    loop {
        let stop = observer
            .observe_all(&mut source, u64::MAX)
            .expect("memory has no faults");
        let interval = match stop {
            Stop::Interval(interval) => Some(*interval),
            Stop::Limit => None,
            Stop::Exhausted => observer.finish(),
        };
        let Some(interval) = interval else { break };
        intervals += 1;
        rows += interval.ipv4.rows;
        counted += interval.counters.counted;
    }
    (intervals, rows, counted)
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u32>());
    let packets = arguments.next().map_or(10_000_000, |number| {
        number.expect("the first argument is a number of packets") as usize
    });
    let tables: Vec<u32> = arguments
        .map(|number| number.expect("the other arguments are sizes of tables in MiB"))
        .collect();
    let tables = if tables.is_empty() {
        vec![4, 16, 64]
    } else {
        tables
    };
    for sources in [SOURCES, REPEATING_SOURCES] {
        let bytes = flood(sources, packets);
        let start = Instant::now();
        let sum = walk(&bytes);
        let seconds = start.elapsed().as_secs_f64();
        println!("walk   {:6.2} M/s ({sum})", packets as f64 / seconds / 1e6);
        for &table_megabytes in &tables {
            let start = Instant::now();
            let (intervals, rows, counted) = count(&bytes, table_megabytes);
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "count  {:6.2} M/s, {table_megabytes} MiB: {counted} packets, {rows} rows, {intervals} intervals",
                packets as f64 / seconds / 1e6
            );
        }
    }
}
