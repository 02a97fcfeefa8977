//! What is said of rules that cannot be used, or not as they stand.

use super::*;

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
