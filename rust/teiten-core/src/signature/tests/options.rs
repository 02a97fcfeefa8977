//! Each option of the language: a packet that must match, and a near miss that must not.

use super::*;

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
