//! The rule language as a whole: for each option a packet that must match and a near miss that must not.

use super::*;
use crate::frame::{Frame, LinkType};
use crate::packet::Packet;
use proptest::prelude::*;

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
            let frame = Frame {
                time_ns: seconds * SECOND,
                link: LinkType::RawIp,
                wire_length: 0,
                bytes,
            };
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

#[test]
fn headers_choose_by_protocol_address_and_port() {
    let dns = udp(4000, 53, b"x");
    for (header, near_miss) in [
        ("udp any any -> any 53", udp(4000, 54, b"x")),
        ("udp any any -> any [50:52,53]", udp(4000, 49, b"x")),
        ("udp any 4000: -> any !54", udp(3999, 53, b"x")),
        ("udp any 53 <> any any", udp(4000, 54, b"x")),
        (
            "udp 198.51.100.0/24 any -> any any",
            with(dns.clone(), 12, &[198, 51, 101]),
        ),
        (
            "udp any any -> [203.0.113.0/28,!203.0.113.8] any",
            with(dns.clone(), 16, &[203, 0, 113, 8]),
        ),
        (
            "ip 198.51.100.7 any -> any any",
            with(dns.clone(), 12, &[198, 51, 100, 8]),
        ),
        ("ip any any -> any 53", tcp(54, 2, b"")),
        ("udp any any -> any any", tcp(53, 2, b"")),
    ] {
        holds(header, "", &dns, &near_miss);
    }
    holds("icmp any any -> any any", "", &icmp(8, 0, b""), &dns);
    holds("tcp any any -> any any", "", &tcp(1, 2, b""), &dns);
    holds(
        "ip4 any any -> any any",
        "dsize:1;",
        &dns,
        &udp(1, 2, b"ab"),
    );
}

#[test]
fn options_of_ip_are_told_apart() {
    let packet = udp(1, 2, b"ab");
    let ip = format!("ip {ANY}");
    for (options, matching, near_miss) in [
        ("ttl:64;", packet.clone(), with(packet.clone(), 8, &[63])),
        (
            "ttl:<10;",
            with(packet.clone(), 8, &[9]),
            with(packet.clone(), 8, &[10]),
        ),
        (
            "ttl:5-7;",
            with(packet.clone(), 8, &[7]),
            with(packet.clone(), 8, &[8]),
        ),
        (
            "tos:8;",
            with(packet.clone(), 1, &[8]),
            with(packet.clone(), 1, &[9]),
        ),
        ("tos:!0;", with(packet.clone(), 1, &[8]), packet.clone()),
        ("id:4660;", packet.clone(), with(packet.clone(), 5, &[0x35])),
        (
            "fragbits:D;",
            with(packet.clone(), 6, &[0x40]),
            with(packet.clone(), 6, &[0xc0]),
        ),
        (
            "fragbits:D+;",
            with(packet.clone(), 6, &[0xc0]),
            with(packet.clone(), 6, &[0x80]),
        ),
        (
            "fragbits:*RD;",
            with(packet.clone(), 6, &[0x80]),
            packet.clone(),
        ),
        (
            "fragbits:!D;",
            packet.clone(),
            with(packet.clone(), 6, &[0x40]),
        ),
        (
            "fragoffset:>0;",
            with(packet.clone(), 7, &[1]),
            packet.clone(),
        ),
        (
            "sameip;",
            with(packet.clone(), 16, &[198, 51, 100, 7]),
            packet.clone(),
        ),
        ("ip_proto:17;", packet.clone(), tcp(1, 2, b"")),
        ("ip_proto:!17;", ipv4(47, &[0; 4]), packet.clone()),
        ("ip_proto:>134;", ipv4(135, &[]), ipv4(134, &[])),
        ("ip_proto:igmp;", ipv4(2, &[]), ipv4(3, &[])),
        (
            "ipopts:rr;",
            with_options(&packet, &[7, 3, 4, 0]),
            with_options(&packet, &[68, 4, 5, 0]),
        ),
        (
            "ipopts:any;",
            with_options(&packet, &[1, 1, 1, 0]),
            packet.clone(),
        ),
        ("dsize:2;", packet.clone(), udp(1, 2, b"abc")),
        ("dsize:>1;", packet.clone(), udp(1, 2, b"a")),
        ("dsize:1<>3;", packet.clone(), udp(1, 2, b"abc")),
        ("psad_ip_len:<31;", packet.clone(), udp(1, 2, b"abc")),
        (
            "ipv4-csum:invalid;",
            packet.clone(),
            with(packet.clone(), 10, &checksum(&packet[..20])),
        ),
        (
            "flow:no_frag;",
            packet.clone(),
            with(packet.clone(), 7, &[1]),
        ),
        (
            "flow:only_frag;",
            with(packet.clone(), 7, &[1]),
            packet.clone(),
        ),
    ] {
        holds(&ip, options, &matching, &near_miss);
    }
}

fn checksum(header: &[u8]) -> [u8; 2] {
    let sum: u32 = header
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    (!u16::try_from(folded).unwrap()).to_be_bytes()
}

#[test]
fn options_of_tcp_are_told_apart() {
    let syn = tcp(80, 0x02, b"");
    let header = format!("tcp {ANY}");
    for (options, matching, near_miss) in [
        ("flags:S;", syn.clone(), tcp(80, 0x42, b"")),
        ("flags:S,12;", tcp(80, 0xc2, b""), tcp(80, 0x12, b"")),
        ("flags:+S;", tcp(80, 0x12, b""), tcp(80, 0x10, b"")),
        ("flags:*SF;", tcp(80, 0x11, b""), tcp(80, 0x10, b"")),
        ("flags:!A;", syn.clone(), tcp(80, 0x12, b"")),
        ("flags:0;", tcp(80, 0, b""), syn.clone()),
        ("flags:SFPU;", tcp(80, 0x2b, b""), tcp(80, 0x29, b"")),
        ("seq:77;", syn.clone(), with(syn.clone(), 27, &[78])),
        ("ack:99;", syn.clone(), with(syn.clone(), 31, &[98])),
        ("window:1024;", syn.clone(), with(syn.clone(), 34, &[5])),
        ("window:!0;", syn.clone(), with(syn.clone(), 34, &[0, 0])),
        ("flow:to_client;", tcp(80, 0x12, b""), syn.clone()),
        ("flow:stateless; flags:S;", syn.clone(), tcp(80, 0x10, b"")),
    ] {
        holds(&header, options, &matching, &near_miss);
    }
    let mut options = with(syn.clone(), 3, &[44]);
    options[32] = 0x60;
    options.extend([2, 4, 5, 0xb4]);
    holds(
        &header,
        "tcp.mss:1460;",
        &options,
        &with(options.clone(), 43, &[0xb5]),
    );
}

#[test]
fn options_of_icmp_are_told_apart() {
    let header = format!("icmp {ANY}");
    for (options, matching, near_miss) in [
        ("itype:8;", icmp(8, 0, b""), icmp(0, 0, b"")),
        ("itype:>10;", icmp(11, 0, b""), icmp(10, 0, b"")),
        ("icode:>0;", icmp(3, 1, b""), icmp(3, 0, b"")),
        ("icmp_id:5;", icmp(8, 0, b""), icmp(3, 0, b"")),
        (
            "icmp_seq:6;",
            icmp(0, 0, b""),
            with(icmp(0, 0, b""), 27, &[7]),
        ),
    ] {
        holds(&header, options, &matching, &near_miss);
    }
}

#[test]
fn contents_are_found_where_they_may_be() {
    let header = format!("udp {ANY}");
    for (options, matching, near_miss) in [
        ("content:\"abc\";", &b"xxabc"[..], &b"xxabd"[..]),
        ("content:\"a|62 63|\";", b"abc", b"aBc"),
        ("content:\"a\\;\\\"b\";", b"a;\"b", b"a;b"),
        ("content:\"ABC\"; nocase;", b"xaBc", b"xab"),
        ("content:!\"abc\";", b"xx", b"xabcx"),
        ("content:\"abc\"; depth:3;", b"abc", b"xabc"),
        ("content:\"abc\"; offset:1; depth:4;", b"xxabc", b"xxxabc"),
        ("content:\"abc\"; offset:2;", b"xxabc", b"xabcx"),
        ("content:\"abc\"; startswith;", b"abcx", b"xabc"),
        ("content:\"abc\"; endswith;", b"abcabc", b"abcx"),
        (
            "content:\"ab\"; content:\"cd\"; distance:1;",
            b"abxcd",
            b"abcd",
        ),
        (
            "content:\"ab\"; content:\"cd\"; distance:0; within:3;",
            b"abxcd",
            b"abxxcd",
        ),
        (
            "content:\"ab\"; content:\"cd\"; within:2;",
            b"ababcd",
            b"abxcd",
        ),
        (
            "content:\"ab\"; content:!\"cd\"; within:3;",
            b"abxxcd",
            b"abxcd",
        ),
        (
            "content:\"cd\"; content:\"ab\"; distance:-4;",
            b"abcd",
            b"abxxxcd",
        ),
        ("content:\"abc\",depth 3,nocase;", b"ABC", b"xabc"),
        (
            "content:\"ab\",offset 1,fast_pattern; content:\"cd\",distance 1,within 2;",
            b"xabycd",
            b"xabcd",
        ),
        ("content:\"ab\"; isdataat:2,relative;", b"abcd", b"abc"),
        ("content:\"ab\"; isdataat:!1,relative;", b"ab", b"abc"),
        ("isdataat:3;", b"abcd", b"abc"),
        ("bsize:3;", b"abc", b"abcd"),
    ] {
        holds(
            &header,
            options,
            &udp(1, 2, matching),
            &udp(1, 2, near_miss),
        );
    }
}

#[test]
fn numbers_in_the_payload_are_read() {
    let header = format!("udp {ANY}");
    for (options, matching, near_miss) in [
        ("byte_test:2,>,256,0;", &[1, 1][..], &[1, 0][..]),
        ("byte_test:1,!&,64,0;", &[0xbf], &[0x40]),
        ("byte_test:1,&,64,0;", &[0x40], &[0xbf]),
        ("byte_test:1,^,5,0;", &[4], &[5]),
        ("byte_test:2,=,1,0,little;", &[1, 0], &[0, 1]),
        ("byte_test:3,>=,42,0,string,dec;", b"042", b"041"),
        ("byte_test:4,=,0x2a,0,string,hex;", b"002a", b"002b"),
        ("byte_test:1,=,3,0,bitmask 0xf0;", &[0x3f], &[0x4f]),
        (
            "content:\"ab\"; byte_test:1,<,9,1,relative;",
            b"ab\xff\x08",
            b"ab\xff\x09",
        ),
        (
            "byte_jump:1,0; content:\"z\"; within:1;",
            b"\x02xxz",
            b"\x02xz",
        ),
        (
            "byte_jump:1,0,multiplier 2,post_offset 1; content:\"z\"; within:1;",
            b"\x01xxxz",
            b"\x01xxz",
        ),
        (
            "byte_jump:1,0,align; content:\"z\"; within:1;",
            b"\x03xxxxz",
            b"\x03xxxz",
        ),
        (
            "byte_jump:1,1,from_beginning; content:\"z\"; within:1;",
            b"x\x03xz",
            b"x\x02xz",
        ),
        (
            "byte_jump:1,0,from_end,post_offset -1; content:\"z\"; within:1;",
            b"\x00xz",
            b"\x00zx",
        ),
        (
            "byte_extract:1,0,size; content:\"z\"; offset:size; depth:1;",
            b"\x02xz",
            b"\x01xz",
        ),
        ("byte_extract:1,0,n; byte_test:1,=,n,1;", &[7, 7], &[7, 8]),
        (
            "byte_math:bytes 1,offset 0,oper +,rvalue 2,result n; byte_test:1,=,n,1;",
            &[7, 9],
            &[7, 7],
        ),
    ] {
        holds(
            &header,
            options,
            &udp(1, 2, matching),
            &udp(1, 2, near_miss),
        );
    }
}

#[test]
fn expressions_are_matched() {
    let header = format!("udp {ANY}");
    for (options, matching, near_miss) in [
        ("pcre:\"/a[0-9]{2}b/\";", &b"xa12b"[..], &b"xa1b"[..]),
        ("pcre:\"/^ABC$/i\";", b"abc\n", b"xabc"),
        ("pcre:!\"/a.c/s\";", b"ac", b"a\nc"),
        ("content:\"ab\"; pcre:\"/^\\d/R\";", b"ab1", b"abx1"),
        (
            "pcre:\"/ab/\"; content:\"c\"; within:1;",
            b"abxabc",
            b"abxc",
        ),
        (
            "content:\"User\"; pcre:\"/\\x3a\\s+x/m\";",
            b"User: x",
            b"User:x",
        ),
    ] {
        holds(
            &header,
            options,
            &udp(1, 2, matching),
            &udp(1, 2, near_miss),
        );
    }
}

#[test]
fn calls_and_queries_are_read() {
    let mut call = vec![
        0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0x86, 0xa0, 0, 0, 0, 2, 0, 0, 0, 3,
    ];
    let matching = udp(1, 111, &call);
    call[23] = 4;
    holds(
        &format!("udp {ANY}"),
        "rpc:100000,*,3;",
        &matching,
        &udp(1, 111, &call),
    );
    let query = |name: &[u8]| {
        let mut bytes = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0".to_vec();
        bytes.extend(name);
        bytes.extend(b"\0\0\xff\0\x01");
        udp(4000, 53, &bytes)
    };
    let (name, other) = (query(b"\x03www\x07example"), query(b"\x03www\x08examples"));
    for options in [
        "dns.query; content:\"www.EXAMPLE\"; nocase; bsize:11;",
        "dns_query; content:\"example\"; endswith;",
        "dns.query; dotprefix; content:\".example\"; endswith;",
        "dns.query; pcre:\"/example$/\";",
    ] {
        holds(&format!("dns {ANY}"), options, &name, &other);
    }
}

#[test]
fn events_name_what_is_wrong_with_headers() {
    let fine = udp(1, 2, b"ab");
    let syn = with(tcp(80, 2, b""), 32, &[0x40]);
    for (event, wrong, right) in [
        (
            "udp.pkt_too_small",
            with(fine.clone(), 25, &[11]),
            fine.clone(),
        ),
        (
            "udp.len_invalid",
            with(fine.clone(), 25, &[7]),
            fine.clone(),
        ),
        ("tcp.invalid_optlen", syn, tcp(80, 2, b"")),
        (
            "tcp.hlen_too_small",
            with(tcp(80, 2, b""), 32, &[0x60]),
            tcp(80, 2, b""),
        ),
        (
            "tcp.opt_invalid_len",
            with(tcp(80, 2, &[2, 5, 5, 180]), 32, &[0x60]),
            with(tcp(80, 2, &[2, 4, 5, 180]), 32, &[0x60]),
        ),
        (
            "ipv4.opt_invalid",
            with_options(&fine, &[0x99, 4, 0, 0]),
            with_options(&fine, &[7, 2, 0, 0]),
        ),
        (
            "ipv4.opt_invalid_len",
            with_options(&fine, &[0x94, 3, 0, 0]),
            with_options(&fine, &[0x94, 4, 0, 0]),
        ),
        (
            "ipv4.opt_malformed",
            with_options(&fine, &[134, 10, 0, 0, 0, 1, 2, 5, 0, 5, 0, 0]),
            with_options(&fine, &[134, 10, 0, 0, 0, 1, 2, 4, 0, 5, 0, 0]),
        ),
        (
            "ipv4.opt_pad_required",
            with_options(&fine, &[0x94, 4, 0, 0]),
            with_options(&fine, &[0x94, 4, 0, 0, 0, 0, 0, 0]),
        ),
        (
            "icmpv6.unassigned_type",
            ipv6(58, &[202, 0, 0, 0, 0, 0, 0, 0]),
            ipv6(58, &[200, 0, 0, 0, 0, 0, 0, 0]),
        ),
        (
            "icmpv6.unknown_code",
            ipv6(58, &[138, 2, 0, 0, 0, 0, 0, 0]),
            ipv6(58, &[155, 2, 0, 0, 0, 0, 0, 0]),
        ),
        (
            "ipv6.exthdr_invalid_optlen",
            ipv6(60, &[59, 0, 0xc9, 4, 0, 0, 0, 0]),
            ipv6(60, &[59, 0, 0x04, 4, 0, 0, 0, 0]),
        ),
        ("ipv4.trunc_pkt", with(fine.clone(), 3, &[31]), fine.clone()),
        ("icmpv4.unknown_type", icmp(7, 0, b""), icmp(8, 0, b"")),
        ("icmpv4.unknown_code", icmp(8, 1, b""), icmp(8, 0, b"")),
        (
            "ipv4.opt_eol_required",
            with_options(&fine, &[1, 1, 1, 7]),
            with_options(&fine, &[1, 1, 1, 0]),
        ),
        (
            "ipv6.exthdr_dupl_ah",
            ipv6(51, &[authentication(51, 0), authentication(59, 0)].concat()),
            ipv6(51, &authentication(59, 0)),
        ),
        (
            "ipv6.exthdr_ah_res_not_null",
            ipv6(51, &authentication(59, 1)),
            ipv6(51, &authentication(59, 0)),
        ),
        (
            "ipv6.data_after_none_header",
            ipv6(51, &[authentication(59, 0), vec![0]].concat()),
            ipv6(51, &authentication(59, 0)),
        ),
    ] {
        holds(
            &format!("pkthdr {ANY}"),
            &format!("decode-event:{event};"),
            &wrong,
            &right,
        );
    }
}

#[test]
fn limits_decide_how_often_a_rule_speaks() {
    let packet = udp(1, 2, b"ab");
    let at = |times: &[i64], options: &str| -> Vec<usize> {
        let packets: Vec<_> = times
            .iter()
            .map(|time| (*time, packet.as_slice()))
            .collect();
        let text = format!("alert udp {ANY} ({options} sid:1;)");
        spoken(&text, &packets).iter().map(Vec::len).collect()
    };
    let threshold = |kind| format!("threshold: type {kind}, track by_src, count 2, seconds 10;");
    assert_eq!(at(&[0, 1, 2, 10], &threshold("limit")), [1, 1, 0, 1]);
    assert_eq!(at(&[0, 1, 2, 3], &threshold("threshold")), [0, 1, 0, 1]);
    assert_eq!(at(&[0, 1, 2, 3], &threshold("both")), [0, 1, 0, 0]);
    assert_eq!(
        at(
            &[0, 1, 2, 3],
            "detection_filter:track by_dst,count 2,seconds 10;"
        ),
        [0, 0, 1, 1]
    );
    assert_eq!(
        at(
            &[0, 1, 2, 3],
            "detection_filter:track by_rule,count 1,seconds 10; threshold: type limit, track by_both, count 1, seconds 10;"
        ),
        [0, 1, 0, 0]
    );
}

#[test]
fn sweeps_and_port_scans_speak_once_enough_was_reached() {
    let to = |address: u8, port: u16| with(tcp(port, 2, b""), 19, &[address]);
    let packets = [
        to(1, 80),
        to(2, 80),
        to(2, 81),
        to(3, 80),
        to(4, 80),
        to(2, 82),
    ];
    let timed: Vec<_> = packets
        .iter()
        .map(|packet| (0, packet.as_slice()))
        .collect();
    let text = format!(
        "alert tcp {ANY} (flags:S; sweep: addresses 3, seconds 60; requires: feature teiten; sid:1;)\n\
         alert tcp {ANY} (flags:S; portscan: keys 3, seconds 60; sid:2;)"
    );
    assert_eq!(
        spoken(&text, &timed),
        [vec![], vec![], vec![], vec![1], vec![], vec![2]]
    );
}

#[test]
fn flow_bits_live_for_one_packet() {
    let text = format!(
        "alert udp {ANY} (flowbits:isset,a; sid:1;)\n\
         alert udp {ANY} (content:\"ab\"; flowbits:set,a; flowbits:noalert; sid:2;)\n\
         alert udp {ANY} (flowbits:isnotset,a; sid:3;)"
    );
    let (set, unset) = (udp(1, 2, b"ab"), udp(1, 2, b"x"));
    assert_eq!(spoken(&text, &[(0, &set), (0, &unset)]), [[1], [3]]);
}

#[test]
fn a_rule_that_passes_a_bit_on_goes_before_those_that_only_read() {
    let text = format!(
        "alert udp {ANY} (flowbits:isset,b; sid:1;)\n\
         alert udp {ANY} (flowbits:isset,a; flowbits:set,b; sid:2;)\n\
         alert udp {ANY} (flowbits:set,a; sid:3;)"
    );
    assert_eq!(spoken(&text, &[(0, &udp(1, 2, b"x"))]), [[3, 2, 1]]);
}

#[test]
fn flow_bits_are_taken_back_turned_and_asked_for_together() {
    let heard = |action: &str, asked: &str| {
        let text = format!(
            "alert udp {ANY} (flowbits:set,a; flowbits:{action}; flowbits:noalert; sid:1;)\n\
             alert udp {ANY} (flowbits:{asked}; sid:2;)"
        );
        spoken(&text, &[(0, &udp(1, 2, b"x"))]) == [[2]]
    };
    for (action, asked, speaks) in [
        ("unset,a", "isset,a", false),
        ("unset,a", "isnotset,a", true),
        ("toggle,a", "isset,a", false),
        ("toggle,b", "isset,a&b", true),
        ("set,c", "isset,a&c", true),
        ("unset,b", "isset,a|b", true),
    ] {
        assert_eq!(heard(action, asked), speaks, "{action}; {asked}");
    }
}

#[test]
fn fragments_are_looked_at_as_such_and_first_ones_as_their_datagram() {
    let first = with(udp(1, 53, &[b'a'; 24]), 6, &[0x20]);
    let later = with(udp(1, 53, &[b'a'; 24]), 7, &[3]);
    let text = format!(
        "alert udp any any -> any 53 (content:\"aaa\"; sid:1;)\n\
         alert ip {ANY} (fragbits:M; dsize:<25; sid:2;)\n\
         alert ip {ANY} (fragoffset:>0; sid:3;)"
    );
    assert_eq!(
        spoken(&text, &[(0, &first), (0, &later)]),
        [vec![1, 2], vec![3]]
    );
}

#[test]
fn tunnels_are_looked_into_and_their_outer_ends_reported() {
    let inner = udp(1, 53, b"abc");
    let outer = ipv4(47, &[&[0, 0, 8, 0], inner.as_slice()].concat());
    let nested = with(ipv4(4, &outer), 12, &[192, 0, 2, 1]);
    let signatures = compiled(&format!("alert udp {ANY} (content:\"abc\"; sid:1;)"));
    let mut state = signatures.state(&StateSettings::default());
    let frame = Frame {
        time_ns: 5,
        link: LinkType::RawIp,
        wire_length: 0,
        bytes: &nested,
    };
    let mut seen = Vec::new();
    let packet = Packet::new(&frame).unwrap();
    signatures.inspect(&packet, &frame, &mut state, &mut |detection| {
        seen.push((detection.sid, detection.time_ns, detection.source));
    });
    assert_eq!(seen, [(1, 5, Address::V4(0xc000_0201))]);
    assert_eq!(state.counters().detections, 1);
}

#[test]
fn packets_whose_lengths_lie_are_left_out_and_counted() {
    let signatures = compiled(&format!("alert ip {ANY} (sid:1;)"));
    let mut state = signatures.state(&StateSettings::default());
    let fine = udp(1, 2, b"ab");
    for bytes in [
        with(fine.clone(), 25, &[11]),
        with(fine.clone(), 3, &[31]),
        fine[..29].to_vec(),
    ] {
        let frame = Frame {
            time_ns: 0,
            link: LinkType::RawIp,
            wire_length: 0,
            bytes: &bytes,
        };
        let packet = Packet::new(&frame).unwrap();
        signatures.inspect(&packet, &frame, &mut state, &mut |_| {
            panic!("it is left out")
        });
    }
    assert_eq!(
        (state.counters().inspected, state.counters().not_inspected),
        (0, 3)
    );
}

/// Holds that each rule, on a second line, is refused at the column and for what stands beside it.
fn refused(cases: &[(&str, u32, Obstacle)]) {
    let told = |text: &str| {
        let (set, told) = RuleSet::parse("x.rules", text, &Variables::default());
        assert!(set.rules.is_empty(), "{text}");
        told.into_iter().next().unwrap()
    };
    for (rule, column, obstacle) in cases {
        let told = told(&format!("# first line\n{rule}"));
        assert_eq!(
            (told.place.line, told.place.column, told.obstacle),
            (2, *column, *obstacle),
            "{told}"
        );
        assert!(!told.reason.is_empty() && !told.remedy.is_empty());
    }
}

#[test]
fn a_rule_that_cannot_be_used_says_where_why_and_what_to_do() {
    refused(&[
        (
            "alert tcp any any -> any any (flow:established; sid:1;)",
            31,
            Obstacle::Session,
        ),
        (
            "alert tcp any any -> any any (content:\"x\"; http_uri; sid:1;)",
            44,
            Obstacle::Session,
        ),
        (
            "alert http any any -> any any (content:\"x\"; sid:1;)",
            7,
            Obstacle::Session,
        ),
        (
            "alert tcp any any -> any any (asn1:bitstring_overflow; sid:1;)",
            31,
            Obstacle::Unsupported,
        ),
        (
            "alert krb5 any any -> any any (content:\"x\"; sid:1;)",
            7,
            Obstacle::Session,
        ),
        (
            "alert tcp any any -> any any (pcre:\"/(a)\\1/\"; sid:1;)",
            31,
            Obstacle::Unsupported,
        ),
        (
            "alert tcp any any -> any any (pcre:\"/(a/\"; sid:1;)",
            31,
            Obstacle::Mistake,
        ),
        (
            "alert tcp any any -> any any (dsize:70000; sid:1;)",
            31,
            Obstacle::Mistake,
        ),
        (
            "alert tcp any any -> any any (content:\"abc\"; depth:2; sid:1;)",
            46,
            Obstacle::Mistake,
        ),
        (
            "alert tcp any any -> any any (nocase; sid:1;)",
            31,
            Obstacle::Mistake,
        ),
        (
            "alert tcp any any -> any any (msg:\"x\";)",
            30,
            Obstacle::Mistake,
        ),
        (
            "alert tcp any any -> $NOBODY any (sid:1;)",
            22,
            Obstacle::Mistake,
        ),
        (
            "pass tcp any any -> any any (sid:1;)",
            1,
            Obstacle::Unsupported,
        ),
        ("hello", 1, Obstacle::Mistake),
    ]);
}

#[test]
fn a_rule_on_an_event_that_cannot_be_seen_says_why() {
    refused(&[
        (
            "alert pkthdr any any -> any any (decode-event:ltnull.pkt_too_small; sid:1;)",
            34,
            Obstacle::Senderless,
        ),
        (
            "alert pkthdr any any -> any any (decode-event:ipv4.frag_overlap; sid:1;)",
            34,
            Obstacle::Unsupported,
        ),
        (
            "alert quic any any -> any any (app-layer-event:quic.failed_decrypt; sid:1;)",
            32,
            Obstacle::Unsupported,
        ),
        (
            "alert snmp any any -> any any (app-layer-event:snmp.version_mismatch; sid:1;)",
            32,
            Obstacle::Session,
        ),
        (
            "alert ntp any any -> any any (app-layer-event:ntp.nothing; sid:1;)",
            31,
            Obstacle::Unsupported,
        ),
        (
            "alert tcp any any -> any any (app-layer-event:dns.z_flag_set; sid:1;)",
            31,
            Obstacle::Session,
        ),
        (
            "alert tls any any -> any any (app-layer-event:tls.invalid_record; sid:1;)",
            7,
            Obstacle::Session,
        ),
    ]);
}

#[test]
fn the_higher_revision_of_a_number_is_kept() {
    let text = format!(
        "alert udp {ANY} (content:\"a\"; sid:1; rev:2;)\nalert udp {ANY} (content:\"b\"; sid:1; rev:3;)\n\
         alert udp {ANY} (flowbits:isset,never; sid:2;)"
    );
    let (set, _) = RuleSet::parse("x", &text, &Variables::default());
    let (signatures, told) = Signatures::compile(set.rules).unwrap();
    assert_eq!(
        (signatures.rules().len(), signatures.rules()[0].revision),
        (1, 3)
    );
    let obstacles: Vec<_> = told.iter().map(|told| told.obstacle).collect();
    assert_eq!(obstacles, [Obstacle::Replaced, Obstacle::Session]);
    let report = Report::new(signatures.rules().len(), &told);
    assert_eq!((report.sessionless(), report.replaced), (1, 1));
}

#[test]
fn a_catastrophic_rule_ends_with_its_work() {
    let contents: String = (0..12).map(|_| "content:\"a\"; distance:0; ").collect();
    let text = format!("alert udp {ANY} ({contents} content:\"b\"; distance:0; sid:1;)");
    let signatures = compiled(&text);
    let mut state = signatures.state(&StateSettings::default());
    let bytes = udp(1, 2, &[b'a'; 1400]);
    let frame = Frame {
        time_ns: 0,
        link: LinkType::RawIp,
        wire_length: 0,
        bytes: &bytes,
    };
    let packet = Packet::new(&frame).unwrap();
    signatures.inspect(&packet, &frame, &mut state, &mut |_| {
        panic!("there is no b")
    });
    assert_eq!(state.counters().inspected, 1);
}

/// Rules of every option, for packets of any bytes.
const EVERY: &str = r#"
alert ip any any -> any any (ttl:>3; tos:1; id:5; fragbits:M+; sid:1;)
alert ip any any <> any any (ipopts:any; sid:2;)
alert tcp any any -> any any (flags:*SFRPAU; seq:0; ack:0; window:0; tcp.mss:<9; sid:3;)
alert icmp any any -> any any (itype:>0; icode:>0; icmp_id:0; icmp_seq:0; sid:4;)
alert udp any any -> any any (content:"a"; content:"b"; distance:-3; within:9; byte_jump:1,-1,relative; byte_test:2,>,3,0,relative; sid:5;)
alert udp any any -> any any (byte_extract:1,0,n; content:"c"; offset:n; isdataat:n,relative; byte_math:bytes 1,offset 0,oper <<,rvalue n,result m; byte_test:1,<,m,n; sid:6;)
alert ip any any -> any any (pcre:"/[ab]+c/i"; pcre:"/d$/R"; sid:7;)
alert ip any any -> any any (pcre:"/x\d+/"; sid:8;)
alert dns any any -> any any (dns.query; dotprefix; content:".a"; endswith; sid:9;)
alert udp any any -> any any (rpc:1,*,*; sid:10;)
alert ip any any -> any any (ipv4-csum:invalid; sid:11;)
alert tcp any any -> any any (tcpv4-csum:invalid; sid:12;)
alert icmp any any -> any any (icmpv6-csum:invalid; sid:13;)
alert pkthdr any any -> any any (decode-event:ipv4.opt_invalid; sid:14;)
alert pkthdr any any -> any any (decode-event:ipv6.trunc_exthdr; sid:15;)
alert pkthdr any any -> any any (decode-event:ipv6.exthdr_dupl_ah; sid:19;)
alert udp any any -> any !1 (app-layer-event:dns.malformed_data; sid:20;)
alert udp any any -> any !1 (app-layer-event:snmp.malformed_data; sid:21;)
alert ike any any -> any any (app-layer-event:ike.malformed_data; content:"a"; flowbits:set,b; sid:22;)
alert ip any any -> any any (sweep: addresses 20, seconds 9; sid:16;)
alert ip any any -> any any (portscan: keys 2, seconds 9; flowbits:set,a; sid:17;)
alert ip any any -> any any (flowbits:isset,a; threshold: type both, track by_both, count 2, seconds 3; sid:18;)
"#;

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(alert (tcp|udp|ip) any any -> any any \\()?[a-z_:;,\"!|0-9(){}\\[\\]\\\\/<>=. ]{0,120}\\)?") {
        let (set, told) = RuleSet::parse("x", &text, &Variables::default());
        for diagnostic in &told {
            prop_assert!(!diagnostic.to_string().is_empty());
        }
        prop_assert!(Signatures::compile(set.rules).is_ok());
    }

    #[test]
    fn any_option_value_is_read_or_refused(
        name in prop::sample::select(&[
            "content", "pcre", "byte_test", "byte_jump", "byte_extract", "byte_math", "isdataat", "dsize", "flags",
            "itype", "ttl", "fragbits", "ipopts", "threshold", "detection_filter", "sweep", "flowbits", "flow", "rpc",
            "ip_proto", "bsize", "depth", "within", "requires", "window", "decode-event",
            "app-layer-event",
        ][..]),
        value in "[a-z0-9,.<>=!&|+*\"/\\[\\]\\\\ -]{0,40}",
    ) {
        let text = format!("alert udp any any -> any any (content:\"ab\"; {name}:{value}; sid:1;)");
        let (set, _) = RuleSet::parse("x", &text, &Variables::default());
        prop_assert!(Signatures::compile(set.rules).is_ok());
    }

    #[test]
    fn any_packet_is_inspected(
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..120), 1..20),
        form in 0usize..6,
    ) {
        static SIGNATURES: std::sync::OnceLock<Signatures> = std::sync::OnceLock::new();
        let signatures = SIGNATURES.get_or_init(|| compiled(EVERY));
        let mut state = signatures.state(&StateSettings { limit_kilobytes: 1, spread_kilobytes: 1, seed: 3 });
        for (time, bytes) in (0..).zip(&packets) {
            let bytes = match form {
                0 => bytes.clone(),
                1 => ipv4(6, bytes),
                2 => ipv4(17, bytes),
                3 => ipv4(1, bytes),
                4 => ipv4(47, bytes),
                _ => {
                    let length = u16::try_from(bytes.len()).unwrap_or(0).to_be_bytes();
                    let next = bytes.first().map_or(0, |byte| [0, 43, 44, 51, 60, 58, 17][usize::from(byte % 7)]);
                    let mut packet = vec![0x60, 0, 0, 0, length[0], length[1], next, 64];
                    packet.extend([1; 32]);
                    packet.extend(bytes);
                    packet
                }
            };
            let frame = Frame { time_ns: time, link: LinkType::RawIp, wire_length: 0, bytes: &bytes };
            if let Ok(packet) = Packet::new(&frame) {
                signatures.inspect(&packet, &frame, &mut state, &mut |_| {});
            }
        }
        let counters = state.counters();
        prop_assert!(counters.inspected + counters.not_inspected <= packets.len() as u64);
    }
    #[test]
    fn packets_settled_together_give_what_they_give_one_by_one(
        packets in proptest::collection::vec((0_i64..9, 0_u8..6, 0_u8..6, 0_u16..4, 0_u8..3), 0..400),
        kilobytes in 0_u32..3,
    ) {
        let signatures = LIMITED_SIGNATURES.get_or_init(|| compiled(LIMITED));
        let settings = StateSettings { limit_kilobytes: kilobytes, spread_kilobytes: kilobytes, seed: 3 };
        let (mut alone, mut together) = (signatures.state(&settings), signatures.state(&settings));
        let (mut expected, mut seen, mut now) = (Vec::new(), Vec::new(), 0);
        for (later, source, address, port, form) in packets {
            now += later * later * SECOND / 20;
            let bytes = match form {
                0 => tcp(port, 2, b""),
                1 => udp(port, 1, b"ab"),
                _ => ipv4(4, &udp(port, port, b"ab")),
            };
            let bytes = with(with(bytes, 15, &[source]), 19, &[address]);
            let frame = Frame { time_ns: now, link: LinkType::RawIp, wire_length: 0, bytes: &bytes };
            let packet = Packet::new(&frame).unwrap();
            let told = |told: &Detection| (told.sid, told.time_ns, told.source, told.address);
            signatures.inspect(&packet, &frame, &mut alone, &mut |detection| expected.push(told(detection)));
            signatures.note(&packet, &frame, &mut together);
            if together.is_due() {
                signatures.settle(&mut together, &mut |detection| seen.push(told(detection)));
                prop_assert_eq!(together.waiting(), 0);
            }
        }
        signatures.settle(&mut together, &mut |detection| {
            seen.push((detection.sid, detection.time_ns, detection.source, detection.address));
        });
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(together.counters(), alone.counters());
    }
}

/// Later by so much, source, address, port, form: of a packet without payload.
type Bare = (i64, u8, u8, u16, u8);

fn hold_what_is_passed_by(packets: &[Bare]) {
    static SIGNATURES: std::sync::OnceLock<Signatures> = std::sync::OnceLock::new();
    let signatures = SIGNATURES.get_or_init(|| compiled(SILENT));
    let [mut held, mut sifted] = [(); 2].map(|()| signatures.state(&StateSettings::default()));
    let (mut expected, mut seen, mut waiting, mut now) =
        (Vec::new(), Vec::new(), Vec::new(), SECOND);
    for (number, (later, source, address, port, form)) in packets.iter().copied().enumerate() {
        now += later * later * later * SECOND / 200;
        // Some come out of order.
        let time_ns = now - later % 3 * SECOND / 4;
        let bytes = match form {
            0 | 1 => tcp(port, 2, b""),
            2 => tcp(port, 0x12, b""),
            3 => with(
                tcp(port, 2, &[2, 4, 5, if port == 2 { 180 } else { 181 }]),
                32,
                &[0x60],
            ),
            _ => icmp(8, u8::from(port == 3), b""),
        };
        let bytes = with(with(bytes, 15, &[source]), 19, &[address]);
        let frame = Frame {
            time_ns,
            link: LinkType::RawIp,
            wire_length: 0,
            bytes: &bytes,
        };
        let packet = Packet::new(&frame).unwrap();
        signatures.note_in_all(&packet, &frame, &mut held);
        signatures.settle(&mut held, &mut |told| {
            expected.push((number, told.sid, told.source, told.address));
        });
        let before = sifted.waiting();
        let is_noted = BareTcp::of(&packet).is_some_and(|bare| {
            match signatures.sift(bare, time_ns, &mut sifted) {
                Lists::NOTHING => {
                    sifted.pass();
                    true
                }
                lists => signatures.note_bare(bare, lists, time_ns, &mut sifted),
            }
        });
        if !is_noted {
            signatures.note(&packet, &frame, &mut sifted);
        }
        if sifted.waiting() > before {
            waiting.push(number);
        }
        if sifted.is_due() || port == 4 {
            signatures.settle(&mut sifted, &mut |told| {
                seen.push((waiting[told.packet], told.sid, told.source, told.address));
            });
            waiting.clear();
        }
    }
    signatures.settle(&mut sifted, &mut |told| {
        seen.push((waiting[told.packet], told.sid, told.source, told.address));
    });
    // Rules of one packet may speak in either order.
    let in_order = |mut told: Vec<(usize, u32, Address, Address)>| {
        told.sort_by_key(|(number, sid, ..)| (*number, *sid));
        told
    };
    assert_eq!(in_order(seen), in_order(expected));
    assert_eq!(sifted.counters(), held.counters());
}

proptest! {
    #[test]
    fn ends_of_which_all_is_said_are_passed_by_and_no_others(
        packets in proptest::collection::vec((0_i64..12, 0_u8..4, 0_u8..4, 0_u16..6, 0_u8..5), 0..600),
    ) {
        hold_what_is_passed_by(&packets);
    }
}

#[test]
fn a_packet_of_a_window_that_another_has_followed_is_not_passed_by() {
    hold_what_is_passed_by(&[
        (0, 3, 2, 1, 0),
        (3, 0, 0, 0, 0),
        (4, 0, 0, 0, 0),
        (5, 3, 1, 1, 0),
        (5, 0, 0, 0, 0),
        (5, 3, 0, 1, 0),
        (8, 0, 0, 0, 0),
        (2, 0, 0, 4, 0),
        (6, 3, 0, 1, 0),
        (1, 3, 2, 1, 0),
        (0, 3, 1, 1, 0),
    ]);
}

/// Rules for packets without payload, some of which fall silent for a while.
const SILENT: &str = r"
alert tcp any any -> any 0 (flags:S; threshold:type limit, track by_src, count 2, seconds 3; sid:1;)
alert tcp any any -> any 0:1 (flags:SA; threshold:type both, track by_dst, count 3, seconds 5; sid:2;)
alert tcp any any -> any 1 (flags:S; threshold:type both, track by_both, count 2, seconds 9; sid:3;)
alert tcp any any -> any [0,2] (threshold:type limit, track by_rule, count 4, seconds 4; sid:4;)
alert tcp any any -> any 1:4 (requires:feature teiten; sweep:addresses 3, seconds 6; sid:5;)
alert tcp any any -> any any (requires:feature teiten; flags:S; portscan:keys 3, seconds 7; sid:6;)
alert tcp any any -> any 3 (flags:SA; threshold:type threshold, track by_src, count 2, seconds 5; sid:7;)
alert tcp any any -> any 3 (flags:SA; detection_filter:track by_src, count 2, seconds 4; sid:8;)
alert tcp 198.51.100.0/31 any -> any any (threshold:type limit, track by_src, count 1, seconds 20; sid:9;)
alert tcp any any -> any 3 (flags:S; threshold:type limit, track by_src, count 4294967295, seconds 9; sid:10;)
alert tcp any any -> any 4 (flags:S; sid:11;)
alert tcp any any -> any 2:3 (tcp.mss:1460; threshold:type limit, track by_both, count 1, seconds 8; sid:12;)
alert tcp any any -> any 1:2 (flags:S; tcp.mss:1460; threshold:type both, track by_src, count 2, seconds 6; sid:13;)
alert tcp any any -> any 4 (tcp.mss:1461; sid:14;)
alert icmp any any -> any any (itype:8; requires:feature teiten; sweep:addresses 3, seconds 6; sid:15;)
alert icmp any any -> any any (itype:8; icode:0; icmp_id:5; threshold:type limit, track by_dst, count 2, seconds 4; sid:16;)
alert ip any any -> any any (ttl:64; threshold:type limit, track by_both, count 5, seconds 9; sid:17;)
alert tcp any any <> any 5 (tcp.mss:1461; flags:S; threshold:type threshold, track by_src, count 2, seconds 9; sid:18;)
alert tcp any any -> any 5 (flags:S; flowbits:set,seen; threshold:type limit, track by_src, count 1, seconds 9; sid:19;)
alert tcp any any -> any 5 (flowbits:isset,seen; sid:20;)
alert ip [198.51.100.1,198.51.100.2] any -> any any (threshold:type both, track by_src, count 3, seconds 5; sid:21;)
";

/// Rules whose detections depend on packets before.
const LIMITED: &str = r#"
alert tcp any any -> any any (flags:S; threshold:type limit, track by_src, count 1, seconds 2; sid:1;)
alert ip any any <> any any (threshold:type threshold, track by_both, count 3, seconds 5; sid:2;)
alert ip any any -> any any (requires:feature teiten; sweep:addresses 3, seconds 3; sid:3;)
alert ip any any -> any any (requires:feature teiten; sweep:addresses 20, seconds 30; sid:4;)
alert ip any any -> any any (requires:feature teiten; portscan:keys 4, seconds 3; threshold:type both, track by_dst, count 1, seconds 9; sid:5;)
alert udp any any -> any any (content:"ab"; detection_filter:track by_rule, count 2, seconds 4; sid:6;)
alert tcp any any -> any 2 (sid:7;)
"#;
static LIMITED_SIGNATURES: std::sync::OnceLock<Signatures> = std::sync::OnceLock::new();

#[test]
fn a_rule_for_both_ways_counts_a_packet_once() {
    let text = "alert udp any 53 <> any 53 (threshold:type threshold, track by_src, count 2, seconds 60; sid:1;)";
    let packet = udp(53, 53, b"x");
    let packets: Vec<(i64, &[u8])> = (0..4).map(|time| (time, packet.as_slice())).collect();
    assert_eq!(spoken(text, &packets), [vec![], vec![1], vec![], vec![1]]);
}

/// Rules that ask for every field of a packet without payload, and for some of them together.
const BARE: &str = "
alert tcp any any -> any 23 (flags:S,12; sid:1; rev:1;)
alert tcp any any -> any [20:25,80] (flags:S+; sid:2; rev:1;)
alert tcp any [1:99,6000] -> any any (flags:SA; sid:3; rev:1;)
alert tcp any any -> any any (window:1024; ttl:<64; sid:4; rev:1;)
alert tcp any any -> any any (id:54321; sid:5; rev:1;)
alert tcp any any -> any any (seq:16909060; sid:6; rev:1;)
alert tcp any any -> any any (fragbits:D; ack:0; sid:7; rev:1;)
alert ip 198.51.100.0/25 any -> any any (sid:8; rev:1;)
alert ip [192.0.2.1,198.51.100.7] any -> 203.0.113.0/28 any (sid:9; rev:1;)
alert tcp any any -> 203.0.113.9 any (dsize:0; flags:!S; sid:10; rev:1;)
alert tcp 198.51.100.0/24 any <> any 23 (flags:S; sid:11; rev:1;)
alert tcp any any -> any any (dsize:>0; sid:12; rev:1;)
alert tcp any any -> any any (flags:S,12; flowbits:isset,seen; sid:13; rev:1;)
alert ip any any -> any any (ttl:64; flowbits:set,seen; sid:14; rev:1;)
alert icmp any any -> any any (itype:8; icode:0; sid:15; rev:1;)
alert icmp 198.51.100.7 any -> any any (icmp_id:5; sid:16; rev:1;)
alert icmp any any -> any any (itype:>10; id:54321; sid:17; rev:1;)
alert tcp any any -> any any (tcp.mss:1460; sid:18; rev:1;)
alert tcp any !80 -> any any (id:!54321; ack:!0; sid:19; rev:1;)
alert tcp any any -> any any (flow:to_client; ack:99; sid:20; rev:1;)
alert tcp any 40000 -> any 9 (seq:16909060; ack:0; dsize:<9; sid:21; rev:1;)
alert tcp any 80 <> any any (id:0; sid:22; rev:1;)
alert tcp any any -> any any (ack:99; flowbits:set,acked; noalert; sid:23; rev:1;)
alert tcp any any -> any any (flags:S+; flowbits:isset,acked; sid:24; rev:1;)
alert ip any any -> any any (ip_proto:1; ttl:>64; sid:25; rev:1;)
alert ip any any -> any any (ip_proto:58; sid:26; rev:1;)
alert tcp any any -> any any (dsize:>900; flags:S; sid:27; rev:1;)
alert ip any any -> [!203.0.113.9,203.0.0.0/16] any (sid:28; rev:1;)
alert tcp 198.51.100.0/24 any <> any any (tcp.mss:1460; flags:S+; sid:29; rev:1;)
";

proptest! {
    #[test]
    fn what_most_packets_match_is_found_by_either_way(
        is_tcp in any::<bool>(),
        (source, destination) in (
            prop::sample::select(vec![[198, 51, 100, 7], [198, 51, 100, 200], [192, 0, 2, 1], [8, 8, 8, 8]]),
            prop::sample::select(vec![[203, 0, 113, 9], [203, 0, 113, 77], [198, 51, 100, 7]])),
        ports in (prop::sample::select(vec![80_u16, 6000, 40_000, 23]), prop::sample::select(vec![23_u16, 80, 9, 25])),
        flags in prop::sample::select(vec![2_u8, 0x12, 0xc2, 4, 0, 8, 0x29]),
        (window, identification) in (
            prop::sample::select(vec![1024_u16, 65_535]), prop::sample::select(vec![54_321_u16, 0, 4660])),
        (time_to_live, bits) in (prop::sample::select(vec![63_u8, 64, 255]), prop::sample::select(vec![0_u8, 0x40, 0x20, 0x80])),
        (sequence, acknowledgement, options) in (
            prop::sample::select(vec![0x0102_0304_u32, 0x0102_0305, 9]), prop::sample::select(vec![0_u32, 0, 99, 1 << 20]),
            any::<bool>()),
        payload in prop::sample::select(vec![0_usize, 0, 0, 1]),
    ) {
        static SIGNATURES: std::sync::OnceLock<Signatures> = std::sync::OnceLock::new();
        let signatures = SIGNATURES.get_or_init(|| compiled(BARE));
        let mut bytes = if is_tcp {
            let option: &[u8] = if options { &[2, 4, 5, 180] } else { &[] };
            let bytes = tcp(ports.1, flags, &[option, &[0; 4][..payload]].concat());
            let length = if options { 0x60 } else { 0x50 };
            let bytes = with(with(bytes, 32, &[length]), 34, &window.to_be_bytes());
            let bytes = with(bytes, 28, &acknowledgement.to_be_bytes());
            with(with(bytes, 20, &ports.0.to_be_bytes()), 24, &sequence.to_be_bytes())
        } else {
            icmp(flags, u8::from(options), &[0; 4][..payload])
        };
        for (offset, address) in [(12, source), (16, destination)] {
            bytes = with(bytes, offset, &address);
        }
        bytes = with(with(bytes, 4, &identification.to_be_bytes()), 6, &[bits, 0, time_to_live]);
        let frame = Frame { time_ns: 0, link: LinkType::RawIp, wire_length: 0, bytes: &bytes };
        let packet = Packet::new(&frame).unwrap();
        let settle = |mut state: State| {
            let mut sids = Vec::new();
            signatures.settle(&mut state, &mut |detection| sids.push(detection.sid));
            sids.sort_unstable();
            (sids, state.counters().inspected)
        };
        let [mut one, mut other] = [(); 2].map(|()| signatures.state(&StateSettings::default()));
        signatures.note(&packet, &frame, &mut one);
        signatures.note_in_all(&packet, &frame, &mut other);
        prop_assert_eq!(settle(one), settle(other));
    }
}

/// A content or an expression of few different bytes, zeros among them.
fn step() -> impl Strategy<Value = String> {
    let bytes = prop::sample::select(b"\0\0aAb1 ".to_vec());
    let content = (
        prop::collection::vec(bytes, 1..8),
        any::<(bool, bool)>(),
        prop::option::of(8..12_u8),
    );
    let content = content.prop_map(|(bytes, (any_case, negated), depth)| {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let hex = hex.join(" ");
        let not = if negated && bytes.len() < 3 { "!" } else { "" };
        let depth = depth.map_or(String::new(), |depth| format!(" depth:{depth};"));
        let case = if any_case { " nocase;" } else { "" };
        format!("content:{not}\"|{hex}|\";{case}{depth}")
    });
    let expressions = [
        "ab",
        "a[0-9]b",
        "^..a",
        "a.*b",
        r" 1\d",
        "(aa|bb)1|1 1 1",
        "(?i)aB1",
        r"\x00\x00a",
        r"(a|b){4}\b",
        r"\x00{3}",
        "1?aaaa1?",
        "(1a+)+b",
    ];
    let expression = prop::sample::select(expressions.to_vec());
    let expression = (expression, prop::sample::select(vec!["", "i", "s"]));
    let expression = expression.prop_map(|(text, flags)| format!("pcre:\"/{text}/{flags}\";"));
    prop_oneof![3 => content, 1 => expression]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_searched_for_together_is_what_each_rule_finds_alone(
        rules in prop::collection::vec((prop::collection::vec(step(), 1..3), prop::sample::select(
            vec!["any", "any", "53", "1:100", "[53,111]", "!53", "7"])), 1..400),
        payloads in prop::collection::vec((prop::collection::vec((
            prop::sample::select(b"\0aAb1 \x07".to_vec()), prop::sample::select(vec![1_usize, 1, 1, 2, 9, 70])), 0..60),
            prop::sample::select(vec![53_u16, 7, 111, 9])), 1..12),
    ) {
        let rules: Vec<String> = (1..).zip(&rules).map(|(sid, (steps, ports))| {
            format!("alert udp any any -> any {ports} ({} sid:{sid};)", steps.concat())
        }).collect();
        let text = rules.join("\n");
        let signatures = compiled(&text);
        let mut caches = Vec::new();
        for step in signatures.rules().iter().flat_map(|rule| &rule.steps) {
            if let content::Step::Expression { regex, .. } = step {
                caches.push(regex.create_cache());
            }
        }
        let mut state = signatures.state(&StateSettings::default());
        for (runs, port) in payloads {
            let payload: Vec<u8> = runs.iter().flat_map(|(byte, times)| vec![*byte; *times]).collect();
            let mut alone = Vec::new();
            for rule in signatures.rules().iter().filter(|rule| rule.destination.ports.has(port.into())) {
                let mut walk = walk::Walk { caches: &mut caches, work: &mut u32::MAX.clone() };
                if !payload.is_empty() && walk::hold(&rule.steps, &payload, &mut walk) {
                    alone.push(rule.sid);
                }
            }
            let bytes = udp(9, port, &payload);
            let frame = Frame { time_ns: 0, link: LinkType::RawIp, wire_length: 0, bytes: &bytes };
            let mut together = Vec::new();
            signatures.inspect(&Packet::new(&frame).unwrap(), &frame, &mut state, &mut |told| together.push(told.sid));
            together.sort_unstable();
            prop_assert_eq!(&together, &alone, "{}\n{:?} {}", text, payload, port);
        }
    }
}
