//! A rule on its way into a group: what rows of bits decide of it for one kind of packet, and what is left to test.

use super::axis::Fields;
use super::content::{Operand, Step};
use super::ranges::Ranges;
use super::rule::{Addresses, BitMode, Buffer, Field, Protocol, Rule, Test};
use super::view::{Kind, mark};
use crate::class::Class;
use crate::packet::protocol;

/// Fields other than addresses and ports that rows of bits decide, in this order: first, second, lengths, marks, times
/// to live, identifications, sequences, first bytes, acknowledgements.
const FIELDS: usize = 9;

/// A rule on its way into a group.
#[derive(Clone, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) number: u32,
    pub(super) rule: &'a Rule,
    pub(super) swapped: bool,
    pub(super) accepted: [Option<Ranges>; FIELDS],
    pub(super) tests: Vec<Test>,
}

/// The rules as packets of this kind can match them, in their order; one for both ways stands twice, side by side.
pub(super) fn candidates<'a>(
    kind: Kind,
    rules: impl Iterator<Item = (u32, &'a Rule)>,
) -> Vec<Candidate<'a>> {
    let ways = |rule: &Rule| {
        if rule.both_ways {
            &[false, true][..]
        } else {
            &[false]
        }
    };
    rules
        .flat_map(|(number, rule)| {
            let of_way = move |swapped: &bool| candidate(kind, number, rule, *swapped);
            ways(rule).iter().filter_map(of_way)
        })
        .collect()
}

/// Whether a packet without payload can never match.
pub(super) fn needs_payload(rule: &Rule) -> bool {
    !rule.steps.is_empty()
        || rule
            .tests
            .iter()
            .any(|test| matches!(test, Test::RpcCall(..) | Test::Application(_)))
}

/// Whether all that the rule asks for is addresses and a protocol, and it is not for most sources.
pub(super) fn asks_for_source_alone(rule: &Rule) -> bool {
    let every_port = |ports: &Ranges| ports.is_everything(u16::MAX.into());
    let few = |addresses: &Addresses| {
        let widths = addresses.ipv4.spans().iter();
        widths.map(|(first, last)| last - first + 1).sum::<u128>() < 1 << 31
    };
    rule.tests.is_empty()
        && every_port(&rule.source.ports)
        && every_port(&rule.destination.ports)
        && few(&rule.source.addresses)
        && (!rule.both_ways || few(&rule.destination.addresses))
}

/// The rule as packets of this kind can match it, if they can.
fn candidate(kind: Kind, number: u32, rule: &Rule, swapped: bool) -> Option<Candidate<'_>> {
    let of_kind = match rule.protocol {
        Protocol::Ip | Protocol::Ipv4 | Protocol::Ipv6 => true,
        Protocol::Anomaly => false,
        Protocol::Tcp => matches!(kind, Kind::Tcp | Kind::Other),
        Protocol::Udp => matches!(kind, Kind::Udp | Kind::Other),
        Protocol::Icmp | Protocol::Icmpv6 => matches!(kind, Kind::Icmp | Kind::Other),
        Protocol::Number(_) => kind == Kind::Other,
        Protocol::Dns => kind == Kind::Udp,
    };
    if !of_kind {
        return None;
    }
    // Ports are those of TCP and UDP; another packet has none, and only a rule for every port is for it.
    let every_port = |ports: &Ranges| ports.is_everything(u16::MAX.into());
    if matches!(kind, Kind::Icmp | Kind::Other)
        && !(every_port(&rule.source.ports) && every_port(&rule.destination.ports))
    {
        return None;
    }
    let mut candidate = Candidate {
        number,
        rule,
        swapped,
        accepted: [const { None }; FIELDS],
        tests: Vec::new(),
    };
    if kind == Kind::Other {
        // Fragments and other protocols have nothing of a transport header.
        let numbers = match rule.protocol {
            Protocol::Tcp => Some(Ranges::one(protocol::TCP.into())),
            Protocol::Udp => Some(Ranges::one(protocol::UDP.into())),
            Protocol::Icmp => Some(Ranges::from_spans(vec![(1, 1), (58, 58)])),
            Protocol::Icmpv6 => Some(Ranges::one(protocol::ICMPV6.into())),
            Protocol::Number(number) => Some(Ranges::one(number.into())),
            _ => None,
        };
        candidate.narrow(0, numbers);
    }
    for test in &rule.tests {
        candidate.take(kind, test)?;
    }
    if rule.buffer == Buffer::Payload {
        candidate.narrow(7, first_bytes(rule));
        let least = least_length(&rule.steps);
        candidate.narrow(
            2,
            (least > 0).then(|| Ranges::from_spans(vec![(least, u128::MAX)])),
        );
    }
    candidate
        .accepted
        .iter()
        .flatten()
        .all(|numbers| !numbers.is_empty())
        .then_some(candidate)
}

impl Candidate<'_> {
    /// Whether its fields decide all: there is nothing else to test, find or set.
    pub(super) fn is_decided(&self) -> bool {
        self.tests.is_empty()
            && self.rule.steps.is_empty()
            && self.rule.buffer == Buffer::Payload
            && self.rule.flow_bits.is_empty()
    }

    /// The same for packets without payload that have one of these marks; `None` where none of them can match.
    pub(super) fn without_payload(mut self, marks: &[u8]) -> Option<Self> {
        let [_, _, lengths, of_marks, ..] = &self.accepted;
        let fits = lengths.as_ref().is_none_or(|lengths| lengths.has(0))
            && of_marks
                .as_ref()
                .is_none_or(|known| marks.iter().any(|marks| known.has((*marks).into())));
        self.accepted[2] = None;
        (fits && !self.addresses(true).ipv4.is_empty() && !self.addresses(false).ipv4.is_empty())
            .then_some(self)
    }

    fn narrow(&mut self, axis: usize, numbers: Option<Ranges>) {
        let Some(numbers) = numbers else {
            return;
        };
        self.accepted[axis] = Some(match self.accepted[axis].take() {
            Some(before) => before.intersection(&numbers),
            None => numbers,
        });
    }

    /// Gives a test to the axis that decides it, or keeps it; `None` if packets of this kind never pass it.
    fn take(&mut self, kind: Kind, test: &Test) -> Option<()> {
        match (test, kind) {
            (Test::Number(Field::PayloadLength, numbers), _) => {
                self.narrow(2, Some(numbers.clone()));
            }
            (Test::Number(Field::Protocol, numbers), Kind::Other)
            | (Test::Number(Field::IcmpKind, numbers), Kind::Icmp) => {
                self.narrow(0, Some(numbers.clone()));
            }
            (Test::Number(Field::IcmpCode, numbers), Kind::Icmp)
            | (Test::Number(Field::Window, numbers), Kind::Tcp) => {
                self.narrow(1, Some(numbers.clone()));
            }
            (Test::Number(Field::Protocol, numbers), Kind::Tcp) => {
                return numbers.has(protocol::TCP.into()).then_some(());
            }
            (Test::Number(Field::Protocol, numbers), Kind::Udp) => {
                return numbers.has(protocol::UDP.into()).then_some(());
            }
            (
                Test::Flags {
                    wanted,
                    mode,
                    regarded,
                },
                Kind::Tcp,
            ) => self.narrow(0, Some(flags(*wanted, *mode, *regarded))),
            (Test::Number(Field::TimeToLive, numbers), _) => self.narrow(4, Some(numbers.clone())),
            // A packet of IPv6 has no identification, and is taken for one of 0.
            (Test::Number(Field::Identification, numbers), _) => {
                self.narrow(5, Some(numbers.clone()));
                self.narrow(3, Some(marks(|marks| marks & mark::IPV4 != 0)));
            }
            (Test::Number(Field::Sequence, numbers), Kind::Tcp) => {
                self.narrow(6, Some(numbers.clone()));
            }
            (Test::Number(Field::Acknowledgement, numbers), Kind::Tcp) => {
                self.narrow(8, Some(numbers.clone()));
            }
            (Test::Answer, Kind::Tcp) => {
                let answers =
                    (0..=u8::MAX).filter(|flags| Class::of_tcp(*flags) == Class::Backscatter);
                let spans = answers.map(|flags| (flags.into(), flags.into()));
                self.narrow(0, Some(Ranges::from_spans(spans.collect())));
            }
            (Test::Number(Field::FragmentOffset, numbers), _) if !numbers.has(0) => {
                self.narrow(3, Some(marks(|marks| marks & mark::FRAGMENT != 0)));
                self.tests.push(test.clone());
            }
            (Test::Number(Field::Protocol, numbers), Kind::Icmp) => {
                match [protocol::ICMP, protocol::ICMPV6].map(|number| numbers.has(number.into())) {
                    [true, true] => {}
                    [false, false] => return None,
                    // ICMP is IPv4's, ICMPv6 is IPv6's.
                    [over_ipv4, _] => self.narrow(
                        3,
                        Some(marks(|marks| (marks & mark::IPV4 != 0) == over_ipv4)),
                    ),
                }
            }
            (Test::FragmentBits { wanted, mode }, _) => self.narrow(
                3,
                Some(marks(|marks| {
                    marks & mark::IPV4 != 0 && mode.holds(marks & mark::FRAGMENT_BITS, *wanted)
                })),
            ),
            (Test::SameAddress, _) => {
                self.narrow(3, Some(marks(|marks| marks & mark::SAME_ADDRESS != 0)));
            }
            (Test::Fragment(expected), _) => {
                self.narrow(
                    3,
                    Some(marks(|marks| (marks & mark::FRAGMENT != 0) == *expected)),
                );
            }
            (Test::IpOption(_), _) => {
                self.narrow(3, Some(marks(|marks| marks & mark::OPTIONS != 0)));
                self.tests.push(test.clone());
            }
            (Test::Application(event), Kind::Udp) => {
                let first = event.application.first_bytes().iter();
                let spans = first.map(|byte| ((*byte).into(), (*byte).into()));
                let spans: Vec<_> = spans.collect();
                self.narrow(7, (!spans.is_empty()).then(|| Ranges::from_spans(spans)));
                self.tests.push(test.clone());
            }
            (Test::Flags { .. } | Test::Application(_), _) => return None,
            (Test::Number(field, _), _) if !has(kind, *field) => return None,
            _ => self.tests.push(test.clone()),
        }
        Some(())
    }

    /// The values under which the rule is possible.
    pub(super) fn fields(&self) -> Fields {
        let [
            first,
            second,
            lengths,
            marks,
            times_to_live,
            identifications,
            sequences,
            first_bytes,
            acknowledgements,
        ] = self.accepted.clone();
        let ports = |source| {
            Some(self.ports(source).clone()).filter(|ports| !ports.is_everything(u16::MAX.into()))
        };
        Fields {
            source: self.addresses(true),
            destination: self.addresses(false),
            source_ports: ports(true),
            destination_ports: ports(false),
            first,
            second,
            lengths,
            marks,
            times_to_live,
            identifications,
            sequences,
            first_bytes,
            acknowledgements,
        }
    }

    fn addresses(&self, source: bool) -> Addresses {
        let end = if source == self.swapped {
            &self.rule.destination
        } else {
            &self.rule.source
        };
        let mut addresses = end.addresses.clone();
        match self.rule.protocol {
            Protocol::Ipv4 => addresses.ipv6 = Ranges::NONE,
            Protocol::Ipv6 | Protocol::Icmpv6 => addresses.ipv4 = Ranges::NONE,
            _ => {}
        }
        addresses
    }

    fn ports(&self, source: bool) -> &Ranges {
        let end = if source == self.swapped {
            &self.rule.destination
        } else {
            &self.rule.source
        };
        &end.ports
    }
}

/// The first bytes a payload may have, where a content says so that must be found at its start.
fn first_bytes(rule: &Rule) -> Option<Ranges> {
    rule.steps.iter().find_map(|step| match step {
        Step::Content(content) if content.is_at_start() => {
            let byte = *content.bytes.first()?;
            let bytes = if content.any_case {
                [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()]
            } else {
                [byte; 2]
            };
            Some(Ranges::from_spans(
                bytes.map(|byte| (byte.into(), byte.into())).into(),
            ))
        }
        _ => None,
    })
}

/// Bytes that a buffer must have at the least for the steps to hold in it.
fn least_length(steps: &[Step]) -> u128 {
    let (mut cursor, mut least) = (0_i64, 0_i64);
    for step in steps {
        let fixed = |operand: Operand| match operand {
            Operand::Fixed(number) => number,
            Operand::Value(_) => 0,
        };
        cursor = match step {
            Step::Content(content) if !content.negated => {
                let start = match content.distance {
                    Some(Operand::Fixed(distance)) => cursor.saturating_add(distance),
                    Some(Operand::Value(_)) => 0,
                    None if content.within.is_some() => cursor,
                    None => fixed(content.offset),
                };
                let length = i64::try_from(content.bytes.len()).unwrap_or(0);
                start.max(0).saturating_add(length)
            }
            // Where other steps end is not known beforehand.
            _ => 0,
        };
        least = least.max(cursor);
    }
    least.unsigned_abs().into()
}

/// Whether packets of this kind have the field.
fn has(kind: Kind, field: Field) -> bool {
    match field {
        Field::Window
        | Field::Acknowledgement
        | Field::Sequence
        | Field::SegmentSize
        | Field::TcpHeaderLength => kind == Kind::Tcp,
        Field::IcmpKind | Field::IcmpCode | Field::IcmpIdentifier | Field::IcmpSequence => {
            kind == Kind::Icmp
        }
        _ => true,
    }
}

/// The marks that are so.
fn marks(are_so: impl Fn(u8) -> bool) -> Ranges {
    Ranges::from_spans(
        (0..=u8::MAX)
            .filter(|marks| are_so(*marks))
            .map(|marks| (marks.into(), marks.into()))
            .collect(),
    )
}

fn flags(wanted: u8, mode: BitMode, regarded: u8) -> Ranges {
    let holding = (0..=u8::MAX).filter(|flags| mode.holds(flags & regarded, wanted));
    Ranges::from_spans(holding.map(|flags| (flags.into(), flags.into())).collect())
}
