//! What each stage of a sensor's way of a packet costs, by Criterion:
//! `cargo bench -p teiten-core --bench stages`.
//!
//! A million SYNs in 74-byte frames, destination ports by a Zipf law: the headers' views, the class, the tool and the reasons
//! of suspicion alone; then the whole way to full tuples, where every packet opens a row and where nearly every packet finds
//! one. A stage alone takes every packet through the general views; the whole way has a shorter one for plain SYNs.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "made-up packets take the low bits of random numbers"
)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use teiten_core::monitored::Monitored;
use teiten_core::packet::Packet;
use teiten_core::{Class, Fault, Frame, FrameSource, LinkType, Observer, Settings, Stop, Suspects};

const PACKETS: usize = 1_000_000;
const SOURCES: u64 = 2_000_000;
const REPEATING_SOURCES: u64 = 20_000;
const LENGTH: usize = 74;

/// Frames of one length in memory.
struct Flood<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Flood<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    fn next(&mut self) -> Option<Frame<'a>> {
        let start = self.position * LENGTH;
        let bytes = self.bytes.get(start..start + LENGTH)?;
        // A packet a microsecond.
        let time_ns = 1_250_000_000_000_000_000 + self.position as i64 * 1000;
        self.position += 1;
        Some(Frame {
            time_ns,
            link: LinkType::Ethernet,
            wire_length: 74,
            bytes,
        })
    }
}

impl FrameSource for Flood<'_> {
    fn next_frame(&mut self) -> Option<Result<Frame<'_>, Fault>> {
        self.next().map(Ok)
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

/// A flood from so many sources, each of which `repeats` its ports and its target, or draws them anew for every packet.
fn flood(sources: u64, repeats: bool) -> Vec<u8> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut bytes = vec![0; PACKETS * LENGTH];
    for frame in bytes.chunks_exact_mut(LENGTH) {
        let number = random.next() % sources;
        let source = number.wrapping_mul(0x9e37_79b1) as u32;
        let mut of_source = Random(number + 1);
        let draws = if repeats { &mut of_source } else { &mut random };
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

/// Does `stage` to every packet of the flood.
fn each(bytes: &[u8], mut stage: impl FnMut(&Frame<'_>, &Packet<'_>)) {
    let mut flood = Flood::new(bytes);
    while let Some(frame) = flood.next() {
        if let Ok(packet) = Packet::new(&frame) {
            stage(&frame, &packet);
        }
    }
}

fn observer() -> Observer {
    Observer::new(&Settings {
        monitored: Vec::new(),
        interval_seconds: 0,
        table_megabytes: 16,
        max_rows: 1 << 20,
        span: None,
        early_closes: None,
        seed: 7,
    })
    .expect("the settings are in bounds")
}

/// Observes the whole flood; how many packets its intervals counted.
fn observe(mut observer: Observer, bytes: &[u8]) -> u64 {
    let mut source = Flood::new(bytes);
    let mut counted = 0;
    loop {
        let stop = observer.observe_all(&mut source, u64::MAX);
        let interval = match stop.expect("memory has no faults") {
            Stop::Interval(interval) => Some(*interval),
            Stop::Limit => continue,
            Stop::Exhausted => observer.finish(),
        };
        let Some(interval) = interval else {
            return counted;
        };
        counted += interval.counters.counted;
    }
}

fn stages(criterion: &mut Criterion) {
    let opening = flood(SOURCES, false);
    let finding = flood(REPEATING_SOURCES, true);
    let monitored = Monitored::new(&[]);
    let mut group = criterion.benchmark_group("stages");
    group.sample_size(20);
    group.throughput(Throughput::Elements(PACKETS as u64));
    group.bench_function("frames alone", |bencher| {
        bencher.iter(|| {
            let mut flood = Flood::new(&opening);
            while let Some(frame) = flood.next() {
                black_box(frame);
            }
        });
    });
    group.bench_function("and headers", |bencher| {
        bencher.iter(|| {
            each(&opening, |_, packet| {
                black_box(packet);
            });
        });
    });
    group.bench_function("and class", |bencher| {
        bencher.iter(|| {
            each(&opening, |_, packet| {
                black_box(Class::of(packet));
            });
        });
    });
    group.bench_function("and suspicion, with both checksums", |bencher| {
        bencher.iter(|| {
            each(&opening, |frame, packet| {
                black_box(Suspects::of(frame, packet, &monitored));
            });
        });
    });
    for (name, bytes) in [
        ("full tuples, all new", &opening),
        ("full tuples, nearly all known", &finding),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                observer,
                |observer| observe(observer, bytes),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    stages(&mut criterion);
    criterion.final_summary();
}
