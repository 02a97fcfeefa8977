//! Rules a kind of packet is held against: which fit its header, and which of them its payload.
//!
//! A kind of packet has three groups, held against it in this order: rules that packets without payload can match,
//! rules that need payload, and rules that read flow bits, which all others may set. Apart, the rows of the first are
//! short, and most packets need no others.

use aho_corasick::automaton::OverlappingState;
use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
use regex_automata::PatternSet;
use regex_automata::meta::{Cache, Regex};

use super::axis::{Axes, BLOCK, Block, Fields, WORD};
use super::content::{Content, Step};
use super::limits::{MAX_EXPRESSION_BYTES, MAX_PATTERN_BYTES, MIN_PATTERN_BYTES};
use super::ranges::Ranges;
use super::rule::{Addresses, BitMode, Buffer, Field, FlowBit, Protocol, Rule, Test};
use super::view::{Kind, View, mark};
use crate::packet::protocol;

/// A rule in a group: one direction of it, with the tests that are left once the rows of bits have spoken.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Number of the rule in its set.
    pub(super) rule: u32,
    /// Tests that the rows of bits do not decide.
    pub(super) tests: Box<[Test]>,
    /// Whether the rows of bits decide all: there is nothing else to test, find or set.
    pub(super) decided: bool,
}

/// Patterns of rules that need one in a buffer, and which rules each is of.
#[derive(Clone, Debug)]
struct Patterns {
    search: AhoCorasick,
    /// For each pattern, its rules in `bits`.
    ranges: Box<[(u32, u32)]>,
    bits: Box<[u32]>,
}

/// Expressions of rules that have no pattern, searched together before each is verified alone.
#[derive(Clone, Debug)]
struct Expressions {
    regex: Regex,
    /// For each expression, its rule.
    bits: Box<[u32]>,
}

/// Which rules a group has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Those that packets without payload can match.
    Plain,
    /// Those that need payload.
    Payload,
    /// Those that read flow bits.
    Readers,
}

impl Place {
    /// Every place, in the order in which packets meet them.
    pub(super) const ALL: [Self; 3] = [Self::Plain, Self::Payload, Self::Readers];

    fn of(rule: &Rule) -> Self {
        if rule.flow_bits.iter().any(FlowBit::reads) {
            Self::Readers
        } else if needs_payload(rule) {
            Self::Payload
        } else {
            Self::Plain
        }
    }
}

/// Rules of one place for one kind of packet.
#[derive(Clone, Debug)]
pub(super) struct Group {
    entries: Box<[Entry]>,
    axes: Axes,
    words: usize,
    /// Number of the group among all.
    number: usize,
    payload: Option<Patterns>,
    names: Option<Patterns>,
    wants_names: bool,
    expressions: Option<Expressions>,
    /// Rules that need no pattern to be found.
    unconditional: Box<[u64]>,
}

/// Fields other than addresses and ports that rows of bits decide, in this order: first, second, lengths, marks, times
/// to live, identifications, sequences, first bytes.
const FIELDS: usize = 8;

/// A rule on its way into a group.
struct Candidate<'a> {
    number: u32,
    rule: &'a Rule,
    swapped: bool,
    accepted: [Option<Ranges>; FIELDS],
    tests: Vec<Test>,
}

/// What a search writes into: rules possible for a packet, and rules whose pattern was found.
#[derive(Debug)]
pub(super) struct Scratch {
    possible: Vec<Block>,
    found: Vec<u64>,
    expressions: Vec<Option<(Cache, PatternSet)>>,
}

impl Scratch {
    /// Room for each of the groups, which come in the order of their numbers.
    pub(super) fn new<'a>(groups: impl Iterator<Item = &'a Group> + Clone) -> Self {
        let words = groups.clone().map(|group| group.words).max().unwrap_or(0);
        let expressions = groups.map(|group| {
            let regex = &group.expressions.as_ref()?.regex;
            Some((regex.create_cache(), PatternSet::new(regex.pattern_len())))
        });
        Self {
            possible: vec![[0; BLOCK]; words / BLOCK],
            found: vec![0; words],
            expressions: expressions.collect(),
        }
    }
}

impl Group {
    /// The rules of these that are for this place, and that packets of this kind can match.
    pub(super) fn new(kind: Kind, place: Place, rules: &[Rule]) -> Result<Self, String> {
        let mut slots: Vec<Candidate<'_>> = Vec::new();
        for (number, rule) in (0..)
            .zip(rules)
            .filter(|(_, rule)| Place::of(rule) == place)
        {
            let ways: &[bool] = if rule.both_ways {
                &[false, true]
            } else {
                &[false]
            };
            slots.extend(
                ways.iter()
                    .filter_map(|swapped| candidate(kind, number, rule, *swapped)),
            );
        }
        let words = slots.len().div_ceil(WORD).next_multiple_of(BLOCK);
        let (payload, unconditional_payload) =
            Patterns::new(&slots, words, |buffer| buffer == Buffer::Payload)?;
        let (names, unconditional_names) =
            Patterns::new(&slots, words, |buffer| buffer != Buffer::Payload)?;
        let wants_names = slots.iter().any(|slot| slot.rule.buffer != Buffer::Payload);
        let mut unconditional: Box<[u64]> = unconditional_payload
            .iter()
            .zip(&unconditional_names)
            .map(|(one, two)| one & two)
            .collect();
        let expressions = Expressions::new(&slots, &mut unconditional);
        Ok(Self {
            axes: Axes::new(
                &slots.iter().map(Candidate::fields).collect::<Vec<_>>(),
                words,
            ),
            entries: slots
                .into_iter()
                .map(|slot| Entry {
                    rule: slot.number,
                    decided: slot.tests.is_empty()
                        && slot.rule.steps.is_empty()
                        && slot.rule.buffer == Buffer::Payload
                        && slot.rule.flow_bits.is_empty(),
                    tests: slot.tests.into(),
                })
                .collect(),
            words,
            number: kind as usize * Place::ALL.len() + place as usize,
            payload,
            names,
            wants_names,
            expressions,
            unconditional,
        })
    }

    /// Calls `visit` with each rule that the packet's header fits and whose pattern its payload holds.
    #[inline]
    pub(super) fn visit(
        &self,
        view: &View<'_>,
        name: Option<&[u8]>,
        scratch: &mut Scratch,
        visit: &mut impl FnMut(&Entry),
    ) {
        if view.payload.is_empty() {
            self.visit_plain(view, scratch, visit);
            return;
        }
        let Scratch {
            possible,
            found,
            expressions,
        } = scratch;
        let possible = &mut possible[..self.words / BLOCK];
        possible.fill([u64::MAX; BLOCK]);
        if !self.axes.narrow(view, possible) {
            return;
        }
        let possible = possible.as_flattened();
        let found = &mut found[..self.words];
        found.copy_from_slice(&self.unconditional);
        if possible
            .iter()
            .zip(&self.unconditional)
            .any(|(possible, unconditional)| possible & !unconditional != 0)
        {
            if let Some(patterns) = &self.payload {
                patterns.search(view.payload, found);
            }
            if let (Some(patterns), Some(name)) = (&self.names, name) {
                patterns.search(name, found);
            }
            if let (Some(together), Some(Some(memory))) =
                (&self.expressions, expressions.get_mut(self.number))
            {
                together.search(view.payload, memory, found);
            }
        }
        self.visit_each(
            possible
                .iter()
                .zip(found)
                .map(|(possible, found)| *possible & *found),
            visit,
        );
    }

    /// Whether no packet can match any rule.
    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.words == 0
    }

    /// Whether any rule looks into the name of a DNS query.
    pub(super) const fn wants_names(&self) -> bool {
        self.wants_names
    }

    /// The same for a packet without payload, in which no pattern is found.
    #[inline]
    fn visit_plain(&self, view: &View<'_>, scratch: &mut Scratch, visit: &mut impl FnMut(&Entry)) {
        if let Ok(all) = <&Block>::try_from(&*self.unconditional) {
            let fitting = self.axes.fitting(view, all);
            if fitting != [0; BLOCK] {
                self.visit_each(fitting.into_iter(), visit);
            }
            return;
        }
        let possible = &mut scratch.possible[..self.words / BLOCK];
        possible
            .as_flattened_mut()
            .copy_from_slice(&self.unconditional);
        if self.axes.narrow(view, possible) {
            self.visit_each(possible.as_flattened().iter().copied(), visit);
        }
    }

    #[inline]
    fn visit_each(&self, words: impl Iterator<Item = u64>, visit: &mut impl FnMut(&Entry)) {
        for (mut possible, entries) in words.zip(self.entries.chunks(WORD)) {
            while possible != 0 {
                if let Some(entry) = entries.get(possible.trailing_zeros() as usize) {
                    visit(entry);
                }
                possible &= possible - 1;
            }
        }
    }
}

/// Whether a packet without payload can never match.
fn needs_payload(rule: &Rule) -> bool {
    !rule.steps.is_empty()
        || rule
            .tests
            .iter()
            .any(|test| matches!(test, Test::RpcCall(..)))
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
    }
    candidate
        .accepted
        .iter()
        .flatten()
        .all(|numbers| !numbers.is_empty())
        .then_some(candidate)
}

impl Candidate<'_> {
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
            (Test::Number(Field::FragmentOffset, numbers), _) if !numbers.has(0) => {
                self.narrow(3, Some(marks(|marks| marks & mark::FRAGMENT != 0)));
                self.tests.push(test.clone());
            }
            (Test::Number(Field::Protocol, numbers), Kind::Icmp) => {
                match [protocol::ICMP, protocol::ICMPV6].map(|number| numbers.has(number.into())) {
                    [true, true] => {}
                    [false, false] => return None,
                    _ => self.tests.push(test.clone()),
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
            (Test::Flags { .. }, _) => return None,
            (Test::Number(field, _), _) if !has(kind, *field) => return None,
            _ => self.tests.push(test.clone()),
        }
        Some(())
    }

    /// The values under which the rule is possible.
    fn fields(&self) -> Fields {
        let [
            first,
            second,
            lengths,
            marks,
            times_to_live,
            identifications,
            sequences,
            first_bytes,
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

impl Patterns {
    /// The patterns of the rules that look into such a buffer, and as bits the rules that have none there.
    fn new(
        slots: &[Candidate<'_>],
        words: usize,
        is_wanted: impl Fn(Buffer) -> bool,
    ) -> Result<(Option<Self>, Vec<u64>), String> {
        // Bits behind the last rule stay unset, here if not in the rows.
        let mut unconditional = vec![0_u64; words];
        for bit in 0..slots.len() {
            unconditional[bit / WORD] |= 1 << (bit % WORD);
        }
        let mut of_rules: Vec<(Vec<u8>, u32)> = Vec::new();
        for (bit, slot) in slots.iter().enumerate() {
            let pattern = if is_wanted(slot.rule.buffer) {
                pattern(slot.rule)
            } else {
                None
            };
            if let Some(pattern) = pattern {
                unconditional[bit / WORD] &= !(1 << (bit % WORD));
                of_rules.push((pattern, u32::try_from(bit).unwrap_or(0)));
            }
        }
        if of_rules.is_empty() {
            return Ok((None, unconditional));
        }
        of_rules.sort_unstable();
        let (mut patterns, mut ranges): (Vec<&[u8]>, Vec<(u32, u32)>) = (Vec::new(), Vec::new());
        for (place, (pattern, _)) in (0..).zip(&of_rules) {
            if patterns.last() == Some(&pattern.as_slice()) {
                if let Some(range) = ranges.last_mut() {
                    range.1 = place + 1;
                }
            } else {
                patterns.push(pattern);
                ranges.push((place, place + 1));
            }
        }
        let search = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(&patterns)
            .map_err(|error| error.to_string())?;
        let bits = of_rules.iter().map(|(_, bit)| *bit).collect();
        Ok((
            Some(Self {
                search,
                ranges: ranges.into(),
                bits,
            }),
            unconditional,
        ))
    }

    /// Sets the bits of the rules whose patterns are in the text.
    fn search(&self, text: &[u8], found: &mut [u64]) {
        let mut state = OverlappingState::start();
        let input = Input::new(text);
        loop {
            self.search.find_overlapping(input.clone(), &mut state);
            let Some(hit) = state.get_match() else {
                return;
            };
            let Some((from, to)) = self.ranges.get(hit.pattern().as_usize()) else {
                continue;
            };
            for bit in self
                .bits
                .get(*from as usize..*to as usize)
                .unwrap_or_default()
            {
                found[*bit as usize / WORD] |= 1 << (*bit as usize % WORD);
            }
        }
    }
}

impl Expressions {
    /// The expressions of rules that nothing else is searched for, which then are no longer unconditional.
    ///
    /// Where they grow too large together, each rule is left to itself.
    fn new(slots: &[Candidate<'_>], unconditional: &mut [u64]) -> Option<Self> {
        let (mut texts, mut bits) = (Vec::new(), Vec::new());
        for (bit, slot) in slots.iter().enumerate() {
            let text = slot.rule.steps.iter().find_map(|step| match step {
                Step::Expression {
                    text,
                    relative: false,
                    anchored: false,
                    negated: false,
                    ..
                } => Some(&**text),
                _ => None,
            });
            let alone = unconditional[bit / WORD] >> (bit % WORD) & 1 == 1
                && slot.rule.buffer == Buffer::Payload;
            if let Some(text) = text.filter(|_| alone) {
                texts.push(text);
                bits.push(u32::try_from(bit).unwrap_or(0));
            }
        }
        if texts.len() < 2 {
            return None;
        }
        let config = Regex::config()
            .utf8_empty(false)
            .match_kind(regex_automata::MatchKind::All)
            .nfa_size_limit(Some(MAX_EXPRESSION_BYTES))
            .hybrid_cache_capacity(MAX_EXPRESSION_BYTES);
        let syntax = regex_automata::util::syntax::Config::new().utf8(false);
        let regex = Regex::builder()
            .syntax(syntax)
            .configure(config)
            .build_many(&texts)
            .ok()?;
        for bit in &bits {
            unconditional[*bit as usize / WORD] &= !(1 << (*bit as usize % WORD));
        }
        Some(Self {
            regex,
            bits: bits.into(),
        })
    }

    /// Sets the bits of the rules whose expressions match in the payload.
    fn search(
        &self,
        payload: &[u8],
        (cache, matched): &mut (Cache, PatternSet),
        found: &mut [u64],
    ) {
        matched.clear();
        self.regex.which_overlapping_matches_with(
            cache,
            &regex_automata::Input::new(payload),
            matched,
        );
        for pattern in matched.iter() {
            if let Some(bit) = self.bits.get(pattern.as_usize()) {
                found[*bit as usize / WORD] |= 1 << (*bit as usize % WORD);
            }
        }
    }
}

/// The piece of a rule's contents that is searched for, in lower case: of the content the rule prefers, else of its
/// longest, the most telling piece. `None` where none is long enough.
fn pattern(rule: &Rule) -> Option<Vec<u8>> {
    let contents = rule.steps.iter().filter_map(|step| match step {
        Step::Content(content) if !content.negated => Some(content),
        _ => None,
    });
    let worth = |content: &&Content| {
        let length = content.bytes.len();
        (
            content.preferred && length >= MIN_PATTERN_BYTES,
            telling(&content.bytes).min(16),
            length,
        )
    };
    let content = contents.max_by_key(worth)?;
    if content.bytes.len() < MIN_PATTERN_BYTES {
        return None;
    }
    let length = content.bytes.len().min(MAX_PATTERN_BYTES);
    let piece = content
        .bytes
        .windows(length)
        .max_by_key(|piece| telling(piece))?;
    Some(piece.to_ascii_lowercase())
}

/// How much a piece tells: a byte that stands in it for the first time more than another, zero and blank least.
fn telling(piece: &[u8]) -> usize {
    let known =
        |place: usize, byte: &u8| piece.get(..place).is_some_and(|front| front.contains(byte));
    piece
        .iter()
        .enumerate()
        .map(|(place, byte)| match byte {
            0 | b' ' | 0xff => 1,
            _ if known(place, byte) => 1,
            _ => 4,
        })
        .sum()
}
