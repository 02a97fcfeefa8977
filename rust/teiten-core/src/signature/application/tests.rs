//! For each event a datagram that shows it and a near miss that does not, and any bytes.
//!
//! Events that Suricata 7.0.10 knows were held against it datagram by datagram: whatever it says is said here, too;
//! what is said here besides is listed in `docs/reference/signatures.md`.

use super::*;
use crate::signature::tests::{holds, spoken, udp};
use proptest::prelude::*;

const QUESTION: &[u8] = b"\x03www\x07example\0\0\x01\0\x01";
const ANSWER: &[u8] = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc6\x33\x64\x07";

/// A DNS message: flags, counts of the four sections, what follows.
fn dns(flags: u16, counts: [u8; 4], sections: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34];
    bytes.extend(flags.to_be_bytes());
    bytes.extend(counts.iter().flat_map(|count| [0, *count]));
    bytes.extend(sections.concat());
    bytes
}

fn query() -> Vec<u8> {
    dns(0x0100, [1, 0, 0, 0], &[QUESTION])
}

fn response() -> Vec<u8> {
    dns(0x8180, [1, 1, 0, 0], &[QUESTION, ANSWER])
}

/// A DNS query whose name is these labels.
fn named(labels: &[u8]) -> Vec<u8> {
    dns(0x0100, [1, 0, 0, 0], &[labels, &[0, 0, 1, 0, 1]])
}

/// An element of ASN.1 with a length below 256.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    let mut bytes = match length {
        0..=0x7f => vec![tag, length],
        _ => vec![tag, 0x81, length],
    };
    bytes.extend(content);
    bytes
}

fn number(value: u8) -> Vec<u8> {
    element(2, &[value])
}

fn snmp(version: u8, pdu_tag: u8) -> Vec<u8> {
    let binding = element(0x30, &[&element(6, &[0x2b, 6, 1])[..], &[5, 0]].concat());
    let pdu = [number(1), number(0), number(0), element(0x30, &binding)].concat();
    let message = [
        number(version),
        element(4, b"public"),
        element(pdu_tag, &pdu),
    ]
    .concat();
    element(0x30, &message)
}

fn snmp_3(model: u8) -> Vec<u8> {
    let head = [number(1), number(99), element(4, &[4]), number(model)].concat();
    let security = [element(4, b""), number(0), number(0)].concat();
    let security = [security, element(4, b""), element(4, b""), element(4, b"")].concat();
    let pdu = [number(1), number(0), number(0), element(0x30, b"")].concat();
    let scoped = [element(4, b""), element(4, b""), element(0xa0, &pdu)].concat();
    let message = [
        number(3),
        element(0x30, &head),
        element(4, &element(0x30, &security)),
        element(0x30, &scoped),
    ];
    element(0x30, &message.concat())
}

fn dhcp(options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 236];
    bytes[..3].copy_from_slice(&[1, 1, 6]);
    bytes.extend([99, 130, 83, 99]);
    bytes.extend(options);
    bytes
}

/// A message of IKE: version and flags, exchange, responder's SPI, type of the only payload and its content.
fn ike(version: u8, flags: u8, exchange: u8, responder: u8, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x11; 8];
    bytes.extend([responder; 8]);
    bytes.extend([kind, version, exchange, flags, 0, 0, 0, 0]);
    bytes.extend(u32::try_from(32 + content.len()).unwrap().to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(u16::try_from(4 + content.len()).unwrap().to_be_bytes());
    bytes.extend(content);
    bytes
}

/// A proposal of IKE version 2 with transforms of these types and numbers.
fn proposal(more: u8, protocol: u8, transforms: &[(u8, u16)]) -> Vec<u8> {
    let count = u8::try_from(transforms.len()).unwrap();
    let mut bytes = vec![more, 0, 0, 8 + 8 * count, 1, protocol, 0, count];
    for (place, (kind, number)) in transforms.iter().enumerate() {
        let more = if place + 1 < transforms.len() { 3 } else { 0 };
        bytes.extend([more, 0, 0, 8, *kind, 0]);
        bytes.extend(number.to_be_bytes());
    }
    bytes
}

/// What a responder chose.
fn chosen(transforms: &[(u8, u16)]) -> Vec<u8> {
    ike(0x20, 0x20, 34, 9, 33, &proposal(0, 1, transforms))
}

/// What an initiator offers.
fn offered(transforms: &[(u8, u16)]) -> Vec<u8> {
    ike(0x20, 0x08, 34, 0, 33, &proposal(0, 1, transforms))
}

/// AES, HMAC with SHA-256 twice, a group of 2048 bits.
const SOUND: [(u8, u16); 4] = [(1, 12), (2, 5), (3, 12), (4, 14)];

/// A security association of IKE version 1 whose proposal has so many transforms.
fn first_association(transforms: u8) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 1, 0, 0, 0, 1];
    bytes.extend([0, 0, 0, 8 + 12 * transforms, 1, 1, 0, transforms]);
    for place in 1..=transforms {
        let more = if place < transforms { 3 } else { 0 };
        bytes.extend([more, 0, 0, 12, place, 1, 0, 0, 0x80, 1, 0, 7]);
    }
    bytes
}

fn kerberos(tag: u8, fields: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let fields: Vec<_> = fields
        .iter()
        .flat_map(|(place, content)| element(0xa0 | place, content))
        .collect();
    element(tag, &element(0x30, &fields))
}

fn kerberos_request(version: u8) -> Vec<u8> {
    let body = element(0x30, &element(0xa0, &element(3, &[0, 0, 0, 0, 0])));
    let fields = [(1, number(version)), (2, number(10)), (4, body)];
    kerberos(0x6a, &fields)
}

fn kerberos_reply(cipher: u8) -> Vec<u8> {
    let part = element(0x30, &element(0xa0, &number(cipher)));
    let fields = [
        (0, number(5)),
        (1, number(11)),
        (3, element(0x1b, b"REALM")),
        (4, element(0x30, b"")),
        (5, element(0x61, b"")),
        (6, part),
    ];
    kerberos(0x6b, &fields)
}

fn ldap(kind: u8, content: &[u8]) -> Vec<u8> {
    let message = [number(1), element(kind, content)].concat();
    element(0x30, &message)
}

/// An Initial of QUIC that states this length of what follows.
fn quic(stated: u8) -> Vec<u8> {
    let mut bytes = vec![0xc0, 0, 0, 0, 1, 2, 7, 7, 0, 0, stated];
    bytes.extend([9; 30]);
    bytes
}

fn ntp(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    bytes[0] = 0x23;
    bytes
}

/// Holds that a rule on the event speaks for one payload sent to the port and not for another.
fn asked(event: &str, port: u16, shows: &[u8], near_miss: &[u8]) {
    let (protocol, _) = event.split_once('.').unwrap();
    for flow in ["", "flow:to_server;"] {
        let options = format!("{flow} app-layer-event:{event};");
        let header = format!("{protocol} any any -> any any");
        let send = |payload| udp(40_000, port, payload);
        holds(&header, &options, &send(shows), &send(near_miss));
        let answers = format!("alert {header} (flow:to_client; app-layer-event:{event}; sid:1;)");
        assert_eq!(spoken(&answers, &[(0, &send(shows))]), [vec![]], "{event}");
    }
}

/// The same for payloads that come from the port.
fn answered(event: &str, port: u16, shows: &[u8], near_miss: &[u8]) {
    let (protocol, _) = event.split_once('.').unwrap();
    let options = format!("flow:to_client; app-layer-event:{event};");
    let send = |payload| udp(port, 40_000, payload);
    let header = format!("{protocol} any any -> any any");
    holds(&header, &options, &send(shows), &send(near_miss));
}

#[test]
fn events_of_dns_are_shown_by_one_message() {
    let authority = dns(0x0100, [1, 0, 1, 0], &[QUESTION, ANSWER]);
    let additional = dns(0x0100, [1, 0, 0, 1], &[QUESTION, ANSWER]);
    let cut = |message: &[u8]| message[..message.len() - 1].to_vec();
    let labels = |count, size: u8| {
        let mut label = vec![size];
        label.resize(usize::from(size) + 1, b'a');
        label.repeat(count)
    };
    for (protocol, port) in [("dns", 53), ("mdns", 5353)] {
        for (event, shows, near_miss) in [
            ("malformed_data", cut(&query()), query()),
            ("malformed_data", named(&[64]), named(&[0])),
            (
                "malformed_data",
                dns(0x0100, [1, 1, 0, 0], &[QUESTION]),
                query(),
            ),
            ("not_request", response(), query()),
            (
                "z_flag_set",
                dns(0x0140, [1, 0, 0, 0], &[QUESTION]),
                query(),
            ),
            (
                "invalid_opcode",
                dns(7 << 11, [1, 0, 0, 0], &[QUESTION]),
                dns(6 << 11, [1, 0, 0, 0], &[QUESTION]),
            ),
            // 255 bytes and one more; 127 labels and one more.
            (
                "name_too_long",
                named(&[labels(3, 63), labels(1, 62)].concat()),
                named(&[labels(3, 63), labels(1, 61)].concat()),
            ),
            (
                "too_many_labels",
                named(&labels(128, 1)),
                named(&labels(127, 1)),
            ),
            (
                "infinite_loop",
                dns(0, [1, 0, 0, 0], &[b"\x01a\xc0\x0c\0\x01\0\x01"]),
                dns(0, [1, 1, 0, 0], &[QUESTION, ANSWER]),
            ),
            (
                "infinite_loop",
                dns(0, [1, 0, 0, 0], &[b"\xc0\x0c\0\x01\0\x01"]),
                named(&[1, b'a']),
            ),
            ("invalid_authorities", cut(&authority), authority.clone()),
            ("invalid_authorities", cut(&authority), cut(&additional)),
            ("invalid_additionals", cut(&additional), additional.clone()),
        ] {
            asked(&format!("{protocol}.{event}"), port, &shows, &near_miss);
        }
        answered(
            &format!("{protocol}.malformed_data"),
            port,
            &cut(&response()),
            &response(),
        );
        answered(
            &format!("{protocol}.not_response"),
            port,
            &query(),
            &response(),
        );
    }
}

#[test]
fn what_is_no_message_of_the_protocol_shows_nothing() {
    let header = "any any -> any any";
    for (event, payload, port) in [
        ("dns.malformed_data", vec![0xff; 30], 53),
        ("dns.malformed_data", query()[..11].to_vec(), 53),
        ("dns.malformed_data", query()[..20].to_vec(), 54),
        ("ntp.malformed_data", b"hello".to_vec(), 123),
        (
            "ntp.malformed_data",
            vec![0x17, 0, 3, 0x2a, 0, 0, 0, 0],
            123,
        ),
        ("snmp.malformed_data", snmp(2, 0xa0)[..20].to_vec(), 161),
        ("ike.malformed_data", vec![0xff; 60], 500),
        ("ike.malformed_data", offered(&SOUND)[..60].to_vec(), 500),
        ("dhcp.truncated_options", dhcp(&[])[..239].to_vec(), 67),
        (
            "bittorrent-dht.malformed_packet",
            b"d1:eli201ee".to_vec(),
            6881,
        ),
        ("krb5.malformed_data", vec![0x6f; 40], 88),
        ("ldap.invalid_data", b"GET / HTTP/1.1".to_vec(), 389),
        ("quic.error_on_data", vec![0xc0, 1, 2, 3, 4, 5], 443),
    ] {
        let (protocol, _) = event.split_once('.').unwrap();
        let rule = format!("alert {protocol} {header} (app-layer-event:{event}; sid:1;)");
        let packet = udp(40_000, port, &payload);
        assert_eq!(spoken(&rule, &[(0, &packet)]), [vec![]], "{event}");
    }
}

#[test]
fn events_of_ike_are_read_from_the_proposals() {
    let with = |place: usize, transform| {
        let mut transforms = SOUND;
        transforms[place] = transform;
        transforms
    };
    let sound = chosen(&SOUND);
    for (event, transforms) in [
        ("weak_crypto_enc", &with(0, (1, 3))[..]),
        ("weak_crypto_enc", &with(0, (1, 11))),
        ("weak_crypto_prf", &with(1, (2, 1))),
        ("weak_crypto_auth", &with(2, (3, 2))),
        ("weak_crypto_dh", &with(3, (4, 2))),
        ("weak_crypto_dh", &with(3, (4, 22))),
        ("weak_crypto_no_dh", &SOUND[..3]),
        ("weak_crypto_no_auth", &with(2, (3, 0))),
        ("invalid_proposal", &with(3, (4, 0))),
        ("invalid_proposal", &with(1, (2, 0))),
        ("unknown_proposal", &with(3, (9, 1))),
    ] {
        answered(&format!("ike.{event}"), 500, &chosen(transforms), &sound);
    }
    // AES in Galois/counter mode authenticates by itself.
    let galois = chosen(&[(1, 20), (2, 5), (4, 14)]);
    let counter = chosen(&[(1, 12), (2, 5), (4, 14)]);
    answered("ike.weak_crypto_no_auth", 500, &counter, &galois);
    let authentication = ike(0x20, 0x20, 34, 9, 33, &proposal(0, 2, &SOUND));
    answered("ike.no_encryption", 500, &authentication, &sound);
    let two = [proposal(2, 1, &SOUND), proposal(0, 1, &SOUND)].concat();
    answered(
        "ike.multiple_server_proposal",
        500,
        &ike(0x20, 0x20, 34, 9, 33, &two),
        &sound,
    );
    let of_first = |transforms| ike(0x10, 0, 2, 9, 1, &first_association(transforms));
    answered(
        "ike.multiple_server_proposal",
        500,
        &of_first(2),
        &of_first(1),
    );

    let offer = offered(&SOUND);
    asked(
        "ike.invalid_proposal",
        500,
        &offered(&with(1, (2, 0))),
        &offer,
    );
    asked(
        "ike.unknown_proposal",
        500,
        &offered(&with(1, (7, 1))),
        &offer,
    );
    let mut short = offer.clone();
    short[31] = 3;
    asked("ike.malformed_data", 500, &short, &offer);
    // Behind four zero bytes on port 4500.
    asked(
        "ike.malformed_data",
        4500,
        &[&[0; 4][..], &short].concat(),
        &[&[0; 4][..], &offer].concat(),
    );
}

#[test]
fn events_of_other_protocols_are_shown_by_one_message() {
    let ping = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe";
    let extended = |length: u8| [&ntp(48)[..], &[1, 4, 0, length], &[0; 24]].concat();
    for (event, port, shows, near_miss) in [
        ("ntp.malformed_data", 123, ntp(47), ntp(48)),
        ("ntp.malformed_data", 123, ntp(49), ntp(68)),
        ("ntp.malformed_data", 123, extended(32), extended(28)),
        (
            "snmp.malformed_data",
            161,
            snmp(0, 0xa0)[..20].to_vec(),
            snmp(0, 0xa0),
        ),
        ("snmp.malformed_data", 161, snmp(1, 0xaf), snmp(1, 0xa5)),
        ("snmp.malformed_data", 161, snmp(3, 0xa0), snmp_3(3)),
        ("snmp.unknown_security_model", 161, snmp_3(5), snmp_3(3)),
        (
            "dhcp.truncated_options",
            67,
            dhcp(&[53, 1, 1]),
            dhcp(&[53, 1, 1, 255]),
        ),
        (
            "dhcp.truncated_options",
            67,
            dhcp(&[55, 5, 1]),
            dhcp(&[53, 2, 1, 1, 255]),
        ),
        (
            "dhcp.truncated_options",
            67,
            dhcp(&[51, 3, 0, 0, 1, 255]),
            dhcp(&[51, 4, 0, 0, 0, 1, 255]),
        ),
        (
            "dhcp.malformed_options",
            67,
            dhcp(&[53, 2, 1, 1, 255]),
            dhcp(&[53, 1, 1, 255, 53]),
        ),
        (
            "dhcp.malformed_options",
            67,
            dhcp(&[3, 5, 1, 1, 1, 1, 1, 255]),
            dhcp(&[53, 1, 1]),
        ),
        (
            "bittorrent-dht.malformed_packet",
            9,
            ping[..ping.len() - 1].to_vec(),
            ping.to_vec(),
        ),
        (
            "bittorrent-dht.malformed_packet",
            9,
            b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:xi03e1:t2:aa1:y1:qe".to_vec(),
            b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:xi30e1:t2:aa1:y1:qe".to_vec(),
        ),
        (
            "bittorrent-dht.malformed_packet",
            9,
            b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:y1:qe".to_vec(),
            b"d1:ad2:id20:abcdefghij0123456789e1:q4:pong1:t2:aa1:v4:LT011:y1:qe".to_vec(),
        ),
        (
            "krb5.malformed_data",
            88,
            kerberos_request(4),
            kerberos_request(5),
        ),
        (
            "ldap.invalid_data",
            389,
            ldap(0x63, &[4, 9]),
            ldap(0x63, &[4, 0, 0x0a, 1, 0]),
        ),
        (
            "ldap.invalid_data",
            389,
            ldap(0x30, &[4, 0]),
            ldap(0x42, &[]),
        ),
        ("quic.error_on_data", 443, quic(31), quic(30)),
    ] {
        asked(event, port, &shows, &near_miss);
    }
    answered("ntp.malformed_data", 123, &ntp(47), &ntp(48));
    answered(
        "krb5.weak_encryption",
        88,
        &kerberos_reply(23),
        &kerberos_reply(18),
    );
}

#[test]
fn a_first_fragment_is_no_message() {
    let rule = "alert dns any any -> any any (app-layer-event:dns.malformed_data; sid:1;)";
    let whole = udp(40_000, 53, &query()[..20]);
    let mut fragment = whole.clone();
    fragment[6] |= 0x20;
    assert_eq!(
        spoken(rule, &[(0, &whole), (0, &fragment)]),
        [vec![1], vec![]]
    );
}

#[test]
fn a_rule_may_name_ports_itself() {
    let broken = &query()[..20];
    let rule = "alert udp any any -> any 5300 (app-layer-event:dns.malformed_data; sid:1;)";
    let packets = [udp(40_000, 5300, broken), udp(40_000, 53, broken)];
    let packets: Vec<_> = packets.iter().map(|packet| (0, &packet[..])).collect();
    assert_eq!(spoken(rule, &packets), [vec![1], vec![]]);
}

#[test]
fn a_rule_for_some_addresses_keeps_them_in_their_places() {
    let broken = &query()[..20];
    let to = udp(40_000, 53, broken);
    for (addresses, speaks) in [
        ("198.51.100.7 any -> any any", vec![1]),
        ("any any -> 198.51.100.7 any", vec![]),
    ] {
        let rule = format!("alert dns {addresses} (app-layer-event:dns.malformed_data; sid:1;)");
        assert_eq!(spoken(&rule, &[(0, &to)]), [speaks], "{rule}");
    }
}

#[test]
fn names_of_events_are_known_or_say_why_not() {
    for protocol in &PROTOCOLS {
        assert_eq!(
            Application::named(protocol.names[0]),
            Some(protocol.application)
        );
        assert_eq!(protocol.application.protocol().names, protocol.names);
        for name in protocol.events {
            assert!(event(&format!("{}.{name}", protocol.names[0])).is_ok());
        }
    }
    assert_eq!(event("snmp.version_mismatch"), Err(Absence::Session));
    assert!(matches!(
        event("quic.failed_decrypt"),
        Err(Absence::Unsupported(_))
    ));
    assert_eq!(event("dns.nothing"), Err(Absence::Unknown));
    assert_eq!(event("z_flag_set"), Err(Absence::Unknown));
}

#[test]
fn a_message_full_of_pointers_is_read_in_bounded_time() {
    // One record holds a chain of pointers, each to the one before; the names of the others begin at its end.
    let message = |records: u8| {
        let mut bytes = dns(
            0,
            [0, records + 2, 0, 0],
            &[b"\0\0\x0a\0\x01\0\0\0\0\x02\x59\0"],
        );
        for place in (0..300).map(|link| if link == 0 { 23 } else { 22 + 2 * link }) {
            bytes.extend((0xc000 | u16::try_from(place).unwrap()).to_be_bytes());
        }
        for _ in 0..records {
            bytes.extend(b"\xc2\x6e\0\x0a\0\x01\0\0\0\0\0\0");
        }
        dns::read(&bytes).unwrap().0
    };
    // The last record is missing, which shows as long as the walk comes there.
    let missing = 1;
    assert_eq!([message(9) & missing, message(200) & missing], [missing, 0]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        head in prop::sample::select(vec![
            vec![], query(), response(), snmp(1, 0xa0), snmp_3(3), dhcp(&[53, 1, 1]), chosen(&SOUND), offered(&SOUND),
            ike(0x10, 0, 2, 0, 1, &first_association(2)), kerberos_request(5), kerberos_reply(18), ldap(0x63, &[4, 0]),
            quic(30), ntp(48), b"d1:ad2:id20:abcdefghij0123456789e".to_vec(),
        ]),
        place in 0usize..64,
        changed in any::<u8>(),
        cut in 0usize..300,
        tail in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut payload = [head, tail].concat();
        if let Some(byte) = payload.get_mut(place) {
            *byte = changed;
        }
        payload.truncate(cut);
        for protocol in &PROTOCOLS {
            if let Some((events, _)) = (protocol.read)(&payload) {
                prop_assert!(events >> protocol.events.len() == 0);
            }
        }
    }
}
