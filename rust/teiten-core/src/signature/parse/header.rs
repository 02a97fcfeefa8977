//! A rule's header: which packets it speaks of.

use super::options::{pieces, shortened};
use super::variables::Variables;
use crate::signature::application::Application;
use crate::signature::ranges::Ranges;
use crate::signature::rule::{Addresses, End, Protocol};
use crate::signature::text::{ACTIONS, Refusal};

/// What a header says.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) protocol: Protocol,
    pub(super) source: End,
    pub(super) destination: End,
    pub(super) both_ways: bool,
    /// The protocol's name, where it is one whose packets only a session's parser knows.
    pub(super) application: Option<String>,
    /// Why the rule needs a session, unless it asks for an event of its protocol's messages.
    pub(super) session: Option<Refusal>,
    service: Option<&'static [u128]>,
}

/// UDP services whose packets are known by their port (IANA registry of service names and port numbers).
const SERVICES: [(&str, &[u128]); 11] = [
    ("bittorrent-dht", &[6881]),
    ("dhcp", &[67, 68]),
    ("ike", &[500, 4500]),
    ("ikev2", &[500, 4500]),
    ("mdns", &[5353]),
    ("ntp", &[123]),
    ("quic", &[443]),
    ("sip", &[5060]),
    ("snmp", &[161, 162]),
    ("stun", &[3478]),
    ("tftp", &[69]),
];

/// Reads the text before the parenthesis.
pub(super) fn read(text: &str, variables: &Variables) -> Result<Header, Refusal> {
    let words = words(text);
    let action = words.first().copied().unwrap_or((0, ""));
    if !ACTIONS.contains(&action.1) {
        return Err(Refusal::mistake(
            action.0,
            format!("`{}` is no action", shortened(action.1)),
            "begin a rule with `alert`, and a comment with `#`",
        ));
    }
    if matches!(action.1, "pass" | "config") {
        return Err(Refusal::unsupported(
            action.0,
            format!("action {}", action.1),
            format!(
                "the action `{}` would keep other rules from speaking",
                action.1
            ),
        ));
    }
    let Some((offset, name)) = words.get(1).copied() else {
        return Err(Refusal::mistake(
            0,
            "the rule names no protocol",
            "write `alert udp any any -> any any (...)`",
        ));
    };
    let everything = End {
        addresses: Addresses::everything(),
        ports: Ranges::span(0, u16::MAX.into()),
    };
    let Named {
        protocol,
        service,
        application,
        session,
    } = protocol(name, offset)?;
    let mut header = Header {
        protocol,
        source: everything.clone(),
        destination: everything,
        both_ways: false,
        application,
        session,
        service,
    };
    match words.get(2..).unwrap_or_default() {
        [] => {}
        [source, source_ports, arrow, destination, destination_ports] => {
            header.both_ways = match arrow.1 {
                "->" | "=>" => false,
                "<>" => true,
                other => {
                    return Err(Refusal::mistake(
                        arrow.0,
                        format!("`{}` is no direction", shortened(other)),
                        "write `->` or `<>`",
                    ));
                }
            };
            header.source = end(*source, *source_ports, variables)?;
            header.destination = end(*destination, *destination_ports, variables)?;
        }
        [first, ..] => {
            return Err(Refusal::mistake(
                first.0,
                "the header is not `SOURCE PORTS -> DESTINATION PORTS`",
                "write addresses and ports for both ends, lists without blanks or in brackets",
            ));
        }
    }
    Ok(header)
}

impl Header {
    /// Narrows a header to its service's ports, where it does not name ports itself.
    pub(super) fn serve(&mut self) {
        if let Some(ports) = self.service.filter(|_| !self.names_ports()) {
            self.open(ports.to_vec());
        }
    }

    /// Narrows a header to these ports at either end, where it names neither ports nor addresses itself.
    pub(super) fn serve_either_way(&mut self, ports: &[u16]) {
        let everyone = Addresses::everything();
        let alike = self.source.addresses == everyone && self.destination.addresses == everyone;
        if alike && !self.names_ports() && !ports.is_empty() {
            self.open(ports.iter().map(|port| (*port).into()).collect());
        }
    }

    /// Whether it names ports at either end.
    pub(super) fn names_ports(&self) -> bool {
        [&self.source, &self.destination]
            .iter()
            .any(|end| !end.ports.is_everything(u16::MAX.into()))
    }

    fn open(&mut self, ports: Vec<u128>) {
        let spans = ports.into_iter().map(|port| (port, port));
        self.destination.ports = Ranges::from_spans(spans.collect());
        self.both_ways = true;
    }
}

/// What a protocol's name stands for.
struct Named {
    protocol: Protocol,
    service: Option<&'static [u128]>,
    application: Option<String>,
    session: Option<Refusal>,
}

fn protocol(name: &str, offset: usize) -> Result<Named, Refusal> {
    let over_udp = |service| Named {
        protocol: Protocol::Udp,
        service,
        application: Some(name.to_owned()),
        session: None,
    };
    let plain = match name {
        "ip" => Protocol::Ip,
        "ip4" | "ipv4" => Protocol::Ipv4,
        "ip6" | "ipv6" => Protocol::Ipv6,
        "tcp" | "tcp-pkt" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "icmp" | "icmpv4" => Protocol::Icmp,
        "icmpv6" => Protocol::Icmpv6,
        "sctp" => Protocol::Number(132),
        "dns" => Protocol::Dns,
        "pkthdr" | "decoder" => Protocol::Anomaly,
        _ => {
            if let Some((_, ports)) = SERVICES.iter().find(|(service, _)| *service == name) {
                return Ok(over_udp(Some(*ports)));
            }
            let refusal = || Refusal::session(offset, format!("protocol {name}"));
            // Over UDP and over TCP alike: what one datagram shows is an event, all else a session's parser finds.
            if Application::named(name).is_some() {
                return Ok(Named {
                    session: Some(refusal()),
                    ..over_udp(None)
                });
            }
            let is_name = name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
            if is_name && name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
                return Err(refusal());
            }
            return Err(Refusal::mistake(
                offset,
                format!("`{}` is no protocol", shortened(name)),
                "write tcp, udp, icmp, ip or another protocol that docs/reference/signatures.md lists",
            ));
        }
    };
    Ok(Named {
        protocol: plain,
        service: None,
        application: None,
        session: None,
    })
}

fn end(
    addresses: (usize, &str),
    ports: (usize, &str),
    variables: &Variables,
) -> Result<End, Refusal> {
    const REMEDY: &str = "correct it, or give the variable it uses another value";
    Ok(End {
        addresses: variables
            .addresses(addresses.1)
            .map_err(|reason| Refusal::mistake(addresses.0, reason, REMEDY))?,
        ports: variables
            .ports(ports.1)
            .map_err(|reason| Refusal::mistake(ports.0, reason, REMEDY))?,
    })
}

/// The words of a header with their offsets; blanks within brackets do not end one.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut offset = 0;
    for word in pieces(
        &text.replace(|letter: char| letter.is_ascii_whitespace(), " "),
        b' ',
    ) {
        // Pieces come without blanks around them, so each is found at or behind where the last one ended.
        let at = text
            .get(offset..)
            .and_then(|rest| rest.find(word))
            .map_or(offset, |at| at + offset);
        if let Some(word) = text
            .get(at..at + word.len())
            .filter(|word| !word.is_empty())
        {
            found.push((at, word));
            offset = at + word.len();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Result<Header, Refusal> {
        read(text, &Variables::default())
    }

    #[test]
    fn both_ends_are_read() {
        let header =
            header("alert tcp [10.0.0.0/8, 192.0.2.1] 1024: <> $HOME_NET [80,443]").unwrap();
        assert_eq!(header.protocol, Protocol::Tcp);
        assert!(header.both_ways);
        assert_eq!(header.source.ports.spans(), [(1024, 65535)]);
        assert_eq!(header.source.addresses.ipv4.spans().len(), 2);
        assert_eq!(header.destination.ports.spans(), [(80, 80), (443, 443)]);
    }

    #[test]
    fn a_header_of_two_words_means_every_address_and_port() {
        let header = header("alert udp").unwrap();
        assert!(
            header.source.ports.is_everything(65535)
                && header.destination.ports.is_everything(65535)
        );
    }

    #[test]
    fn a_service_means_its_ports_in_either_direction() {
        let mut header = header("alert ntp any any -> any any").unwrap();
        header.serve();
        assert_eq!(header.destination.ports.spans(), [(123, 123)]);
        assert!(header.both_ways);
    }

    #[test]
    fn mistakes_name_their_place() {
        for (text, offset) in [
            ("alarm tcp any any -> any any", 0),
            ("alert tcp any any >> any any", 18),
            ("alert tcp any 99999 -> any any", 14),
            ("alert tcp any any -> $NOBODY any", 21),
            ("alert tcp any any -> any", 10),
            ("alert 7x any any -> any any", 6),
        ] {
            assert_eq!(header(text).unwrap_err().offset, offset, "{text}");
        }
    }
}
