//! For each event of a link layer or a tunnel a frame that shows it and a near miss that does not, and any bytes.
//!
//! Frames were held against Suricata 7.0.10, alone and within GRE; `docs/reference/signatures.md` lists where it is silent.

use super::*;
use crate::signature::tests::{ipv4, ipv6, udp};
use proptest::prelude::*;

/// The names of the events that a frame of this link shows.
fn shown(link: LinkType, bytes: &[u8]) -> Vec<&'static str> {
    let frame = Frame {
        time_ns: 0,
        link,
        wire_length: u32::try_from(bytes.len()).unwrap(),
        bytes,
    };
    let packet = Packet::new(&frame).unwrap();
    let events = of(&packet, &frame);
    let bits = NAMES.iter().enumerate();
    bits.filter(|(bit, _)| events >> bit & 1 == 1)
        .map(|(_, name)| *name)
        .collect()
}

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &kind.to_be_bytes(), payload].concat()
}

/// A packet of GRE without options.
fn gre(kind: u16, payload: &[u8]) -> Vec<u8> {
    ipv4(47, &[&[0, 0][..], &kind.to_be_bytes(), payload].concat())
}

/// A packet of GRE with a frame of Ethernet.
fn bridged(kind: u16, payload: &[u8]) -> Vec<u8> {
    gre(0x6558, &ethernet(kind, payload))
}

/// A packet of GRE with a mirrored frame.
fn mirrored(payload: &[u8]) -> Vec<u8> {
    ipv4(47, &[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1], payload].concat())
}

/// VLAN tags, the last of which names this type.
fn tags(count: usize, kind: u16) -> Vec<u8> {
    let mut bytes = [0, 5, 0x81, 0].repeat(count - 1);
    bytes.extend([0, 5]);
    bytes.extend(kind.to_be_bytes());
    bytes
}

/// An entry of a label stack.
fn label(number: u32, bottom: u32) -> [u8; 4] {
    (number << 12 | bottom << 8 | 64).to_be_bytes()
}

#[test]
fn what_stands_before_the_outermost_packet_shows_where_the_packet_is_read() {
    let packet = udp(1, 2, b"ab");
    let tagged = |count| ethernet(0x8100, &[tags(count, 0x0800), packet.clone()].concat());
    assert_eq!(shown(LinkType::Ethernet, &tagged(3)), [""; 0]);
    assert_eq!(
        shown(LinkType::Ethernet, &tagged(4)),
        ["vlan.too_many_layers"]
    );
    for (number, event) in [
        (0, None),
        (1, Some("mpls.bad_label_router_alert")),
        (3, Some("mpls.bad_label_implicit_null")),
        (4, Some("mpls.bad_label_reserved")),
        (14, Some("mpls.bad_label_reserved")),
        (15, None),
        (16, None),
    ] {
        let labelled =
            |stack: &[[u8; 4]]| ethernet(0x8847, &[&stack.concat()[..], &packet].concat());
        let bottom = labelled(&[label(100, 0), label(number, 1)]);
        assert_eq!(shown(LinkType::Ethernet, &bottom), Vec::from_iter(event));
        let above = labelled(&[label(number, 0), label(100, 1)]);
        assert_eq!(shown(LinkType::Ethernet, &above), [""; 0]);
    }
    // LLC leads to IP as well.
    let cut = [&packet[..3], &[99], &packet[4..]].concat();
    let llc = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &cut].concat();
    assert_eq!(
        shown(LinkType::Ethernet, &ethernet(100, &llc)),
        ["ipv4.trunc_pkt"]
    );
}

/// Holds that each event is all that one packet shows, and that another does not show it.
fn told_apart(cases: &[(&str, Vec<u8>, Vec<u8>)]) {
    for (event, shows, near_miss) in cases {
        assert_eq!(shown(LinkType::RawIp, shows), [*event]);
        assert!(
            !shown(LinkType::RawIp, near_miss).contains(event),
            "{event}"
        );
    }
}

#[test]
fn packets_in_a_tunnel_show_what_they_are() {
    let inner = udp(1, 2, b"ab");
    let six = ipv6(59, &[]);
    told_apart(&[
        (
            "ipv4.pkt_too_small",
            gre(0x0800, &inner[..19]),
            gre(0x0800, &inner),
        ),
        ("ipv4.pkt_too_small", ipv4(4, &inner[..19]), ipv4(4, &inner)),
        (
            "ipv4.hlen_too_small",
            gre(0x0800, &[&[0x44], &inner[1..]].concat()),
            gre(0x0800, &inner),
        ),
        (
            "ipv4.wrong_ip_version",
            gre(0x0800, &[&[0x55], &inner[1..]].concat()),
            gre(0x0800, &inner),
        ),
        (
            "ipv4.trunc_pkt",
            gre(0x0800, &inner[..29]),
            gre(0x0800, &inner),
        ),
        ("ipv6.pkt_too_small", ipv4(41, &six[..39]), ipv4(41, &six)),
        (
            "ipv6.wrong_ip_version",
            gre(0x86dd, &[&[0x40], &six[1..]].concat()),
            gre(0x86dd, &six),
        ),
    ]);
    assert_eq!(shown(LinkType::RawIp, &gre(0x0800, &inner)), [""; 0]);
}

#[test]
fn frames_in_a_tunnel_show_what_they_are() {
    let inner = udp(1, 2, b"ab");
    told_apart(&[
        (
            "ethernet.pkt_too_small",
            gre(0x6558, &[2; 13]),
            bridged(0x0800, &inner),
        ),
        (
            "ethernet.unknown_ethertype",
            bridged(0x1234, &[0; 40]),
            bridged(0x0806, &[0; 40]),
        ),
        (
            "vlan.header_too_small",
            bridged(0x8100, &[0, 5, 8]),
            bridged(0x8100, &[&tags(1, 0x0800), &inner[..]].concat()),
        ),
        (
            "vlan.unknown_type",
            gre(0x8100, &tags(1, 0x1234)),
            gre(0x8100, &[&tags(1, 0x0800), &inner[..]].concat()),
        ),
        (
            "vlan.too_many_layers",
            bridged(0x8100, &[&tags(4, 0x0800), &inner[..]].concat()),
            bridged(0x8100, &[&tags(3, 0x0800), &inner[..]].concat()),
        ),
        (
            "vntag.header_too_small",
            bridged(0x8926, &[0; 5]),
            bridged(0x8926, &[0, 0, 0, 0, 8, 6]),
        ),
        (
            "vntag.unknown_type",
            bridged(0x8926, &[0, 0, 0, 0, 0x12, 0x34]),
            bridged(0x8926, &[0, 0, 0, 0, 8, 6]),
        ),
        (
            "ieee8021ah.header_too_small",
            bridged(0x88e7, &[2; 17]),
            bridged(0x88e7, &[&[2; 16][..], &[8, 6]].concat()),
        ),
        (
            "dce.pkt_too_small",
            bridged(0x8903, &[2; 15]),
            bridged(0x8903, &[&[2; 14][..], &[8, 6]].concat()),
        ),
    ]);
}

#[test]
fn labels_in_a_tunnel_show_what_they_are() {
    let inner = udp(1, 2, b"ab");
    let stack = label(100, 1);
    told_apart(&[
        (
            "mpls.header_too_small",
            bridged(0x8847, &label(100, 0)),
            bridged(0x8847, &[&stack[..], &inner].concat()),
        ),
        (
            "mpls.pkt_too_small",
            bridged(0x8847, &[&stack[..], &[0x45; 3]].concat()),
            bridged(0x8847, &[&stack[..], &[0; 4]].concat()),
        ),
        (
            "mpls.unknown_payload_type",
            gre(0x8847, &[&stack[..], &[0x90; 9]].concat()),
            gre(0x8847, &[&stack[..], &[0; 9]].concat()),
        ),
        (
            "mpls.bad_label_router_alert",
            gre(0x8847, &[&label(1, 1)[..], &inner].concat()),
            gre(0x8847, &[&stack[..], &inner].concat()),
        ),
    ]);
}

#[test]
fn sessions_in_a_tunnel_show_what_they_are() {
    let inner = udp(1, 2, b"ab");
    let six = ipv6(59, &[]);
    let session = |ppp: &[u8]| bridged(0x8864, &[&[0x11, 0, 0, 1, 0, 9][..], ppp].concat());
    let discovery = |code: u8, length: u8, tags: &[u8]| {
        bridged(0x8863, &[&[0x11, code, 0, 0, 0, length][..], tags].concat())
    };
    let point_to_point = |frame: &[u8]| {
        let head = [0x30, 1, 0x88, 0x0b, 0, 9, 0, 1, 0, 0, 0, 1];
        ipv4(47, &[&head[..], frame].concat())
    };
    told_apart(&[
        (
            "pppoe.pkt_too_small",
            bridged(0x8864, &[0x11, 0, 0, 1, 0, 9, 0]),
            session(&[&[0, 0x21][..], &inner].concat()),
        ),
        (
            "pppoe.pkt_too_small",
            bridged(0x8863, &[0x11, 9, 0, 0, 0]),
            discovery(9, 0, &[]),
        ),
        (
            "pppoe.wrong_code",
            discovery(8, 0, &[]),
            discovery(9, 0, &[]),
        ),
        (
            "pppoe.malformed_tags",
            discovery(9, 4, &[1, 1, 0]),
            discovery(9, 4, &[1, 1, 0, 0]),
        ),
        (
            "pppoe.malformed_tags",
            discovery(9, 4, &[1, 1, 0, 1]),
            discovery(9, 5, &[1, 1, 0, 1, 7]),
        ),
        (
            "ppp.pkt_too_small",
            point_to_point(&[0xff, 3, 0]),
            point_to_point(&[&[0xff, 3, 0, 0x21][..], &inner].concat()),
        ),
        (
            "ppp.wrong_type",
            session(&[0x12, 0x34]),
            session(&[0xc0, 0x21]),
        ),
        (
            "ppp.unsup_proto",
            point_to_point(&[0xc0, 0x21]),
            point_to_point(&[&[0x21][..], &inner].concat()),
        ),
        (
            "ppp.ip4_pkt_too_small",
            session(&[&[0, 0x21][..], &inner[..19]].concat()),
            session(&[&[0, 0x21][..], &inner].concat()),
        ),
        (
            "ppp.ip6_pkt_too_small",
            session(&[&[0, 0x57][..], &six[..39]].concat()),
            session(&[&[0, 0x57][..], &six].concat()),
        ),
        (
            "ppp.vju_pkt_too_small",
            session(&[&[0, 0x2f][..], &inner[..19]].concat()),
            session(&[&[0, 0x2f][..], &inner].concat()),
        ),
    ]);
}

#[test]
fn mirrored_frames_show_what_they_are() {
    let inner = udp(1, 2, b"ab");
    told_apart(&[
        (
            "erspan.header_too_small",
            mirrored(&[0x10, 5, 0, 0, 0, 0, 0]),
            mirrored(&[&[0x10, 5, 0, 0, 0, 0, 0, 0], &ethernet(0x0800, &inner)[..]].concat()),
        ),
        (
            "erspan.unsupported_version",
            mirrored(&[0x20, 5, 0, 0, 0, 0, 0, 0]),
            mirrored(&[&[0x10, 5, 0, 0, 0, 0, 0, 0], &ethernet(0x0806, &[])[..]].concat()),
        ),
    ]);
}

#[test]
fn a_mirrored_vlan_counts_with_those_around_it() {
    let mirror =
        |vlan| mirrored(&[&[0x10, vlan, 0, 0, 0, 0, 0, 0], &ethernet(0x0806, &[])[..]].concat());
    let around = |count, packet: Vec<u8>| ethernet(0x8100, &[tags(count, 0x0800), packet].concat());
    let event = "erspan.too_many_vlan_layers";
    assert_eq!(shown(LinkType::Ethernet, &around(3, mirror(5))), [event]);
    assert_eq!(shown(LinkType::Ethernet, &around(3, mirror(0))), [""; 0]);
    assert_eq!(shown(LinkType::Ethernet, &around(2, mirror(5))), [""; 0]);
}

#[test]
fn tunnels_within_tunnels_end_at_the_limit() {
    let nested = |times| (0..times).fold(udp(1, 2, b"ab"), |packet, _| gre(0x0800, &packet));
    let framed = |times| ethernet(0x0800, &nested(times));
    assert_eq!(shown(LinkType::Ethernet, &framed(4)), [""; 0]);
    assert_eq!(shown(LinkType::Ethernet, &framed(5)), ["too_many_layers"]);
}

#[test]
fn a_frame_cut_at_capture_is_told_apart_from_a_packet_cut_by_its_sender() {
    let packet = udp(1, 2, b"ab");
    let of_length = |wire_length| {
        let frame = Frame {
            time_ns: 0,
            link: LinkType::RawIp,
            wire_length,
            bytes: &packet,
        };
        of(&Packet::new(&frame).unwrap(), &frame)
    };
    assert_eq!([of_length(31), of_length(30)], [CAPTURE_CUT, 0]);
}

#[test]
fn events_without_a_bit_say_why() {
    assert_eq!(absence("sll.pkt_too_small"), Absence::Sender);
    for name in [
        "ipv4.frag_overlap",
        "ipv6.exthdr_dupl_eh",
        "gre.version1_malformed_sre_hdr",
        "vxlan.unknown",
    ] {
        assert!(number(name).is_none());
        assert!(matches!(absence(name), Absence::Unsupported(why) if !why.is_empty()));
    }
}

proptest! {
    #[test]
    fn any_tunnel_is_walked_through_or_left(
        kinds in proptest::collection::vec(prop::sample::select(&[
            0x0800_u16, 0x86dd, 0x6558, 0x8100, 0x8847, 0x8863, 0x8864, 0x880b, 0x88be, 0x8926, 0x88e7, 0x8903,
        ][..]), 1..8),
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
        flags in any::<[u8; 2]>(),
    ) {
        let packet = kinds.iter().fold(bytes, |inside, kind| {
            ipv4(47, &[&flags[..], &kind.to_be_bytes(), &ethernet(*kind, &inside)].concat())
        });
        let _ = shown(LinkType::RawIp, &packet);
    }
}
