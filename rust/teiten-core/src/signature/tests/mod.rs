//! The rule language and its engine as a whole.

mod limits;
mod options;
mod packets;
mod properties;
mod refusals;

use super::*;
use crate::frame::{Frame, LinkType};
use crate::packet::Packet;

const SECOND: i64 = 1_000_000_000;

/// A packet of IPv4 from 198.51.100.7 to 203.0.113.9, with lengths that are right.
pub(super) fn ipv4(protocol: u8, segment: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + segment.len()).unwrap().to_be_bytes();
    let mut bytes = vec![
        0x45, 0, length[0], length[1], 0x12, 0x34, 0, 0, 64, protocol, 0, 0,
    ];
    bytes.extend([198, 51, 100, 7, 203, 0, 113, 9]);
    bytes.extend(segment);
    bytes
}

pub(super) fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let mut segment = Vec::new();
    for field in [source, destination, length, 0] {
        segment.extend(field.to_be_bytes());
    }
    segment.extend(payload);
    ipv4(17, &segment)
}

fn tcp(destination: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = 6000_u16.to_be_bytes().to_vec();
    segment.extend(destination.to_be_bytes());
    segment.extend([0, 0, 0, 77, 0, 0, 0, 99, 0x50, flags, 4, 0, 0, 0, 0, 0]);
    segment.extend(payload);
    ipv4(6, &segment)
}

fn icmp(kind: u8, code: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = vec![kind, code, 0, 0, 0, 5, 0, 6];
    segment.extend(payload);
    ipv4(1, &segment)
}

/// A packet of IPv6 with lengths that are right.
pub(super) fn ipv6(next: u8, behind: &[u8]) -> Vec<u8> {
    let length = u16::try_from(behind.len()).unwrap().to_be_bytes();
    let mut bytes = vec![0x60, 0, 0, 0, length[0], length[1], next, 64];
    bytes.extend([0x20; 32]);
    bytes.extend(behind);
    bytes
}

/// An authentication header with 12 bytes of integrity check (RFC 4302 section 2).
fn authentication(next: u8, reserved: u8) -> Vec<u8> {
    let mut bytes = vec![next, 4, 0, reserved];
    bytes.extend([9; 20]);
    bytes
}

/// A copy with other bytes from an offset on.
fn with(mut packet: Vec<u8>, offset: usize, bytes: &[u8]) -> Vec<u8> {
    packet[offset..offset + bytes.len()].copy_from_slice(bytes);
    packet
}

/// A copy with IPv4 options.
fn with_options(packet: &[u8], options: &[u8]) -> Vec<u8> {
    let mut bytes = packet[..20].to_vec();
    bytes[0] = 0x40 | u8::try_from(5 + options.len() / 4).unwrap();
    bytes[3] += u8::try_from(options.len()).unwrap();
    bytes.extend(options);
    bytes.extend(&packet[20..]);
    bytes
}

/// The bytes of a packet of IP as a frame without a link header.
fn frame(time_ns: i64, bytes: &[u8]) -> Frame<'_> {
    Frame {
        time_ns,
        link: LinkType::RawIp,
        wire_length: 0,
        bytes,
    }
}

fn compiled(text: &str) -> Signatures {
    let (set, told) = RuleSet::parse("test.rules", text, &Variables::default());
    assert!(told.is_empty(), "{}", told[0]);
    let (signatures, told) = Signatures::compile(set.rules).unwrap();
    assert!(told.is_empty(), "{}", told[0]);
    signatures
}

/// The numbers of the rules that speak, packet by packet; times in seconds.
pub(super) fn spoken(text: &str, packets: &[(i64, &[u8])]) -> Vec<Vec<u32>> {
    let signatures = compiled(text);
    let mut state = signatures.state(&StateSettings::default());
    packets
        .iter()
        .map(|(seconds, bytes)| {
            let frame = frame(seconds * SECOND, bytes);
            let mut sids = Vec::new();
            let packet = Packet::new(&frame).unwrap();
            signatures.inspect(&packet, &frame, &mut state, &mut |detection| {
                sids.push(detection.sid);
            });
            sids
        })
        .collect()
}

/// Holds that a rule of these options speaks for one packet and not for another.
pub(super) fn holds(header: &str, options: &str, matching: &[u8], near_miss: &[u8]) {
    let text = format!("alert {header} (msg:\"x\"; {options} sid:1; rev:1;)");
    let sids = spoken(&text, &[(0, matching), (0, near_miss)]);
    assert_eq!(sids, [vec![1], vec![]], "{text}");
}

const ANY: &str = "any any -> any any";
