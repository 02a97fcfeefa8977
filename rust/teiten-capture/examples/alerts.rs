//! Detections of rule files in captures, how the rules fare, and what they cost.
//!
//! ```text
//! alerts lint RULES...                      how many rules are usable, and why the others are not
//! alerts count RULES CAPTURE                detections by rule number, as `SID TAB COUNT`
//! alerts speed RULES,RULES... CAPTURE       packets a second without and with the rules, in five runs each
//! ```
//!
//! The environment variable `VARIABLES` holds values of rule variables, as `NAME=VALUE;NAME=VALUE`.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use teiten_capture::CaptureFile;
use teiten_core::packet::Packet;
use teiten_core::signature::{Report, RuleSet, Signatures, StateSettings, Variables};
use teiten_core::{FrameSource, Observer, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["lint", files @ ..] => lint(files),
        ["count", rules, capture] => {
            count(&rules.split(',').collect::<Vec<_>>(), Path::new(capture))
        }
        ["speed", rules, capture] => {
            speed(&rules.split(',').collect::<Vec<_>>(), Path::new(capture))
        }
        _ => Err("alerts lint RULES... | count RULES CAPTURE | speed RULES CAPTURE".into()),
    }
}

fn variables() -> Variables {
    let mut variables = Variables::default();
    let set = std::env::var("VARIABLES").unwrap_or_default();
    for (name, value) in set.split(';').filter_map(|word| word.split_once('=')) {
        variables.set(name, value);
    }
    variables
}

fn load(files: &[&str], tell: bool) -> Result<(Signatures, Report), Box<dyn Error>> {
    let (mut set, mut told) = (RuleSet::default(), Vec::new());
    for file in files {
        let text = String::from_utf8_lossy(&std::fs::read(file)?).into_owned();
        let (rules, diagnostics) = RuleSet::parse(file, &text, &variables());
        set.extend(rules);
        told.extend(diagnostics);
    }
    let (signatures, diagnostics) = Signatures::compile(set.rules)?;
    told.extend(diagnostics);
    if tell {
        for diagnostic in &told {
            println!("{diagnostic}");
        }
    }
    let report = Report::new(signatures.rules().len(), &told);
    Ok((signatures, report))
}

fn lint(files: &[&str]) -> Result<(), Box<dyn Error>> {
    let (_, report) = load(files, true)?;
    println!("{report:#?}");
    println!(
        "usable {} of {} without a session",
        report.usable,
        report.sessionless()
    );
    Ok(())
}

fn count(rules: &[&str], capture: &Path) -> Result<(), Box<dyn Error>> {
    let (signatures, _) = load(rules, false)?;
    let mut state = signatures.state(&StateSettings::default());
    let mut detections: BTreeMap<u32, u64> = BTreeMap::new();
    let capture = CaptureFile::open(capture, &mut || true)?;
    let mut reader = capture.reader();
    while let Some(Ok(frame)) = reader.next_frame() {
        if let Ok(packet) = Packet::new(&frame) {
            signatures.inspect(&packet, &frame, &mut state, &mut |detection| {
                *detections.entry(detection.sid).or_default() += 1;
            });
        }
    }
    for (sid, count) in detections {
        println!("{sid}\t{count}");
    }
    eprintln!("{:?}", state.counters());
    Ok(())
}

/// Seconds this process has run on a processor, so that what else runs on the machine counts less.
fn on_cpu() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().ok_or("no time")?;
    Ok(nanoseconds.parse::<f64>()? / 1e9)
}

fn speed(rules: &[&str], capture: &Path) -> Result<(), Box<dyn Error>> {
    let (signatures, _) = load(rules, false)?;
    println!("{} rules", signatures.rules().len());
    let capture = CaptureFile::open(capture, &mut || true)?;
    let settings = Settings {
        monitored: Vec::new(),
        interval_seconds: 60,
        table_megabytes: 16,
        max_rows: 1 << 20,
        span: None,
        early_closes: None,
        seed: 1,
    };
    for _ in 0..5 {
        let (mut frames, started) = (0_u32, on_cpu()?);
        let mut reader = capture.reader();
        while let Some(Ok(frame)) = reader.next_frame() {
            frames += u32::from(std::hint::black_box(Packet::new(&frame)).is_ok());
        }
        let walk = on_cpu()? - started;

        let started = on_cpu()?;
        let mut state = signatures.state(&StateSettings::default());
        let mut reader = capture.reader();
        let made = on_cpu()? - started;
        let (mut detections, started) = (0_u64, on_cpu()?);
        while let Some(Ok(frame)) = reader.next_frame() {
            if let Ok(packet) = std::hint::black_box(Packet::new(&frame)) {
                signatures.inspect(&packet, &frame, &mut state, &mut |_| detections += 1);
            }
        }
        let inspect = on_cpu()? - started;

        let (mut observer, started) = (Observer::new(&settings)?, on_cpu()?);
        let mut reader = capture.reader();
        while let teiten_core::Stop::Interval(_) = observer.observe_all(&mut reader, u64::MAX)? {}
        let observe = on_cpu()? - started;
        let each = |seconds: f64| seconds * 1e9 / f64::from(frames.max(1));
        println!(
            "{frames} packets: walk {:.1} ns, with rules {:.1} ns, counting {:.1} ns; rules cost {:.0} % of counting; \
             counting with rules {:.2} M/s; {detections} detections; state made in {made:.3} s",
            each(walk),
            each(inspect),
            each(observe),
            100.0 * (inspect - walk) / observe,
            1e3 / (each(observe) + each(inspect - walk)),
        );
    }
    Ok(())
}
