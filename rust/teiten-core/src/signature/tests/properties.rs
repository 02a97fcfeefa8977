//! Wild texts, packets and times: nothing panics, and every way to a match finds the same.

use proptest::prelude::*;

use super::*;

#[test]
fn a_catastrophic_rule_ends_with_its_work() {
    let contents: String = (0..12).map(|_| "content:\"a\"; distance:0; ").collect();
    let text = format!("alert udp {ANY} ({contents} content:\"b\"; distance:0; sid:1;)");
    let signatures = compiled(&text);
    let mut state = signatures.state(&StateSettings::default());
    let bytes = udp(1, 2, &[b'a'; 1400]);
    let frame = frame(0, &bytes);
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
            let frame = frame(time, &bytes);
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
            let frame = frame(now, &bytes);
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
        let frame = frame(time_ns, &bytes);
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
        let frame = frame(0, &bytes);
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

#[test]
fn of_more_rules_than_there_are_marks_each_is_found_alone() {
    // 64 marks of 64 rules each; beyond, words share them.
    let rules = (0_u16..5_000).map(|number| {
        let [high, low] = number.to_be_bytes();
        let sid = number + 1;
        format!(
            "alert udp any any -> any any (content:\"|aa {high:02x} {low:02x} bb|\"; sid:{sid};)"
        )
    });
    let text = rules.collect::<Vec<_>>().join("\n");
    let numbers = [0_u16, 63, 64, 4_095, 4_096, 4_999, 5_000];
    let packets = numbers.map(|number| {
        let [high, low] = number.to_be_bytes();
        udp(9, 9, &[0xaa, high, low, 0xbb])
    });
    let packets: Vec<(i64, &[u8])> = packets
        .iter()
        .map(|packet| (0, packet.as_slice()))
        .collect();
    let found = spoken(&text, &packets);
    assert_eq!(
        found,
        [
            vec![1],
            vec![64],
            vec![65],
            vec![4_096],
            vec![4_097],
            vec![5_000],
            vec![]
        ]
    );
}

#[test]
fn a_long_expression_is_found_by_what_it_begins_with() {
    let text = format!(
        "alert udp {ANY} (pcre:\"/{}/\"; sid:1;)",
        "[ab]c?".repeat(300)
    );
    let (matching, near_miss) = (udp(1, 2, &[b'a'; 300]), udp(1, 2, &[b'a'; 299]));
    assert_eq!(
        spoken(&text, &[(0, &matching), (0, &near_miss)]),
        [vec![1], vec![]]
    );
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
            let frame = frame(0, &bytes);
            let mut together = Vec::new();
            signatures.inspect(&Packet::new(&frame).unwrap(), &frame, &mut state, &mut |told| together.push(told.sid));
            together.sort_unstable();
            prop_assert_eq!(&together, &alone, "{}\n{:?} {}", text, payload, port);
        }
    }
}
