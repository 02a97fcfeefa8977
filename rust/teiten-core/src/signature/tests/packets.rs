//! Which packets, and which parts of them, are held against rules.

use super::*;

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
    let frame = frame(5, &nested);
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
        let frame = frame(0, &bytes);
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
