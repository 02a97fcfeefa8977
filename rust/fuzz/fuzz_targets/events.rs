//! Any datagram as a message of every protocol that has events, and any frame within a tunnel as whatever it carries.
//!
//! Input: a byte, then a payload. Where the byte is even the payload is a UDP datagram's, where it is odd a packet of GRE
//! carries it behind a protocol type that the byte chooses. No payload harms, and none is looked at without end.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use teiten_core::packet::Packet;
use teiten_core::signature::{RuleSet, Signatures, State, StateSettings, Variables};
use teiten_core::{Frame, LinkType};

/// An event of each protocol, on any port, and one of the headers: each reader tells all its events at once.
const EVENTS: [&str; 11] = [
    "app-layer-event:bittorrent-dht.malformed_packet",
    "app-layer-event:dhcp.truncated_options",
    "app-layer-event:dns.malformed_data",
    "app-layer-event:ike.malformed_data",
    "app-layer-event:krb5.malformed_data",
    "app-layer-event:ldap.invalid_data",
    "app-layer-event:mdns.infinite_loop",
    "app-layer-event:ntp.malformed_data",
    "app-layer-event:quic.error_on_data",
    "app-layer-event:snmp.malformed_data",
    "decode-event:too_many_layers",
];

/// What GRE may say that it carries.
const KINDS: [u16; 8] = [
    0x0800, 0x86dd, 0x6558, 0x8100, 0x8847, 0x880b, 0x88be, 0x88a8,
];

thread_local! {
    static ENGINE: (Signatures, RefCell<State>) = engine();
}

fn engine() -> (Signatures, RefCell<State>) {
    let rule = |(sid, event)| format!("alert udp any any -> any 1: ({event}; sid:{sid};)\n");
    let text: String = (1..).zip(EVENTS).map(rule).collect();
    let (set, diagnostics) = RuleSet::parse("events.rules", &text, &Variables::default());
    assert!(diagnostics.is_empty(), "{}", diagnostics[0]);
    let (signatures, _) = Signatures::compile(set.rules).expect("few rules");
    let state = signatures.state(&StateSettings {
        limit_kilobytes: 4,
        spread_kilobytes: 4,
        seed: 1,
    });
    (signatures, RefCell::new(state))
}

/// An IPv4 packet with lengths that are right.
fn ipv4(protocol: u8, segment: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + segment.len()).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    let mut bytes = vec![0x45, 0, high, low, 0, 0, 0, 0, 64, protocol, 0, 0];
    bytes.extend([198, 51, 100, 7, 203, 0, 113, 9]);
    bytes.extend(segment);
    bytes
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, payload)) = data.split_first() else {
        return;
    };
    let packet = if choice & 1 == 0 {
        let length = u16::try_from(8 + payload.len()).unwrap_or(u16::MAX);
        let ports = [1, 2].map(u16::to_be_bytes).concat();
        let header = [&ports[..], &length.to_be_bytes(), &[0, 0]].concat();
        ipv4(17, &[&header[..], payload].concat())
    } else {
        let kind = KINDS[usize::from(choice >> 1 & 7)].to_be_bytes();
        // The flags for a key and a sequence number, and the version.
        let flags = [choice >> 4 & 3, choice >> 6 & 1];
        ipv4(
            47,
            &[&[flags[0] << 4, flags[1]], &kind[..], payload].concat(),
        )
    };
    let frame = Frame {
        time_ns: 1_250_000_000_000_000_000,
        link: LinkType::RawIp,
        wire_length: u32::try_from(packet.len()).unwrap_or(u32::MAX),
        bytes: &packet,
    };
    let Ok(packet) = Packet::new(&frame) else {
        return;
    };
    ENGINE.with(|(signatures, state)| {
        signatures.inspect(&packet, &frame, &mut state.borrow_mut(), &mut |_| ());
    });
});
