//! What rules remember: limits, sweeps and port scans between packets, flow bits within one.

use super::*;

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
fn a_rule_for_both_ways_counts_a_packet_once() {
    let text = "alert udp any 53 <> any 53 (threshold:type threshold, track by_src, count 2, seconds 60; sid:1;)";
    let packet = udp(53, 53, b"x");
    let packets: Vec<(i64, &[u8])> = (0..4).map(|time| (time, packet.as_slice())).collect();
    assert_eq!(spoken(text, &packets), [vec![], vec![1], vec![], vec![1]]);
}
