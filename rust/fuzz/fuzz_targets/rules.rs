//! Any text as a rule file, and any packet held against what came out of it.
//!
//! Input: the text, a zero byte, then an Ethernet frame. No text harms, each diagnostic names a place within the text, and
//! no packet harms whatever rules were made of it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use teiten_core::packet::Packet;
use teiten_core::signature::{RuleSet, Signatures, StateSettings, Variables};
use teiten_core::{Frame, LinkType};

static VARIABLES: LazyLock<Variables> = LazyLock::new(Variables::default);

fuzz_target!(|data: &[u8]| {
    let split = data
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(data.len());
    let (text, frame) = data.split_at(split);
    let text = String::from_utf8_lossy(text);
    let bytes = frame.get(1..).unwrap_or_default();
    let (set, diagnostics) = RuleSet::parse("fuzz.rules", &text, &VARIABLES);
    let lines = text.lines().count().max(1);
    for diagnostic in &diagnostics {
        assert!(
            (1..=lines).contains(&(diagnostic.place.line as usize)),
            "{diagnostic:?}"
        );
    }
    let Ok((signatures, _)) = Signatures::compile(set.rules) else {
        return;
    };
    let mut state = signatures.state(&StateSettings {
        limit_kilobytes: 4,
        spread_kilobytes: 4,
        seed: 1,
    });
    let Ok(packet) = Packet::from_bytes(LinkType::Ethernet, bytes) else {
        return;
    };
    let frame = Frame {
        time_ns: 1_250_000_000_000_000_000,
        link: LinkType::Ethernet,
        wire_length: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        bytes,
    };
    signatures.inspect(&packet, &frame, &mut state, &mut |_| ());
});
