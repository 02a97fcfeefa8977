//! The engine: rules compiled once, packets held against them one by one.

use std::collections::HashMap;

use regex_automata::meta::Cache;

use super::check::passes;
use super::content::{Step, Walk, hold};
use super::dns::Name;
use super::event;
use super::group::{Entry, Group, Place, Scratch};
use super::limits::{MAX_TUNNELS, PACKET_WORK};
use super::rule::{Buffer, FlowBit, Limit, Rule, SpreadKind, Test, Track};
use super::sweep::Spreads;
use super::text::{Diagnostic, Obstacle};
use super::threshold::{Counts, Mixer, Whom};
use super::view::{Kind, View};
use crate::frame::{Frame, LinkType};
use crate::key::Key;
use crate::packet::{Ip, Packet};
use crate::wire::ipv6::Halves;

/// An address of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// IPv4, as a number.
    V4(u32),
    /// IPv6, as two halves.
    V6(Halves),
}

impl Address {
    #[inline]
    const fn number(self) -> u128 {
        match self {
            Self::V4(address) => address as u128,
            Self::V6([high, low]) => (high as u128) << 64 | low as u128,
        }
    }
}

/// One alert of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detection<'a> {
    /// Number of the rule within [`Signatures::rules`].
    pub rule: usize,
    /// Number of the rule as its set names it.
    pub sid: u32,
    /// Time of the packet, in nanoseconds since 1970-01-01 00:00 UTC.
    pub time_ns: i64,
    /// Source of the packet, at its outermost IP header.
    pub source: Address,
    /// Destination of the packet, at its outermost IP header.
    pub address: Address,
    /// What the rule looked at: what follows the transport header.
    pub payload: &'a [u8],
}

/// What shapes the state of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSettings {
    /// Memory for counts of limits, in KiB.
    pub limit_kilobytes: u32,
    /// Memory for sketches of sweeps and port scans, in KiB.
    pub spread_kilobytes: u32,
    /// Seed of the hashes: a secret of each start, because senders choose the addresses. Detections depend on it only
    /// where memory ran out.
    pub seed: u64,
}

impl Default for StateSettings {
    fn default() -> Self {
        Self {
            limit_kilobytes: 4096,
            spread_kilobytes: 4096,
            seed: 0,
        }
    }
}

/// What the engine counts of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignatureCounters {
    /// Packets held against the rules.
    pub inspected: u64,
    /// Packets left out because a length in a header is not there, or a header is cut short.
    pub not_inspected: u64,
    /// Detections.
    pub detections: u64,
    /// Packets on which checks ended because all work allowed for one packet was spent.
    pub work_spent: u64,
    /// Counts of limits that made room while their window was open.
    pub limits_evicted: u64,
    /// Sketches of sweeps and port scans that made room while their window was open.
    pub spreads_evicted: u64,
}

/// What changes from packet to packet: fixed in size once made, but for expressions' caches, which grow to a bound.
#[derive(Debug)]
pub struct State {
    scratch: Scratch,
    memory: Memory,
    counters: SignatureCounters,
}

#[derive(Debug)]
struct Memory {
    counts: Counts,
    spreads: Spreads,
    mixer: Mixer,
    caches: Vec<Cache>,
    bits: Vec<bool>,
    bits_set: bool,
    work: u32,
}

impl State {
    /// What the engine has counted of itself.
    #[must_use]
    pub fn counters(&self) -> SignatureCounters {
        SignatureCounters {
            limits_evicted: self.memory.counts.evicted(),
            spreads_evicted: self.memory.spreads.evicted(),
            ..self.counters
        }
    }
}

/// What a rule does with the bits of a packet, by number.
#[derive(Clone, Debug)]
enum BitAction {
    Set(usize),
    Unset(usize),
    Toggle(usize),
    IsSet(Box<[usize]>),
    IsNotSet(Box<[usize]>),
}

/// A set of rules, compiled.
#[derive(Debug)]
pub struct Signatures {
    rules: Box<[Rule]>,
    actions: Box<[Box<[BitAction]>]>,
    /// For each kind of packet, its groups in the order of their places.
    groups: [[Group; Place::ALL.len()]; Kind::ALL.len()],
    /// Rules on events, each with the event's bit.
    events: Box<[(u32, u8)]>,
    bits: usize,
    caches: usize,
}

impl Signatures {
    /// Compiles rules; of rules of one number the one of the highest revision is kept, of those the first.
    ///
    /// What is left out is said: rules whose number another rule has, and rules that wait for a flow bit which no
    /// rule sets that looks at the same packet.
    ///
    /// # Errors
    ///
    /// What the multi-pattern search cannot hold.
    pub fn compile(rules: Vec<Rule>) -> Result<(Self, Vec<Diagnostic>), String> {
        let mut diagnostics = Vec::new();
        let rules = fulfilled(unique(rules, &mut diagnostics), &mut diagnostics);
        let mut rules: Box<[Rule]> = rules.into();
        let mut caches = 0;
        for step in rules.iter_mut().flat_map(|rule| &mut rule.steps) {
            if let Step::Expression { cache, .. } = step {
                *cache = caches;
                caches += 1;
            }
        }
        let mut names = HashMap::new();
        let actions = rules
            .iter()
            .map(|rule| actions(&rule.flow_bits, &mut names))
            .collect();
        let events = (0..)
            .zip(&rules)
            .filter_map(|(number, rule)| Some((number, event_of(rule)?)))
            .collect();
        let of_place = |kind, place| Group::new(kind, place, &rules);
        let of_kind = |kind| {
            let [plain, payload, readers] = Place::ALL.map(|place| of_place(kind, place));
            Ok::<_, String>([plain?, payload?, readers?])
        };
        let [tcp, udp, icmp, other] = Kind::ALL.map(of_kind);
        let groups = [tcp?, udp?, icmp?, other?];
        Ok((
            Self {
                actions,
                events,
                groups,
                bits: names.len(),
                caches,
                rules,
            },
            diagnostics,
        ))
    }

    /// The rules, in the order of [`Detection::rule`].
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A state for these rules that has seen nothing.
    #[must_use]
    pub fn state(&self, settings: &StateSettings) -> State {
        let mixer = Mixer::new(settings.seed);
        let mut caches = Vec::with_capacity(self.caches);
        for step in self.rules.iter().flat_map(|rule| &rule.steps) {
            if let Step::Expression { regex, .. } = step {
                caches.push(regex.create_cache());
            }
        }
        State {
            scratch: Scratch::new(self.groups.iter().flatten()),
            memory: Memory {
                counts: Counts::new(settings.limit_kilobytes as usize * 1024, mixer),
                spreads: Spreads::new(settings.spread_kilobytes as usize * 1024, mixer),
                mixer,
                caches,
                bits: vec![false; self.bits],
                bits_set: false,
                work: 0,
            },
            counters: SignatureCounters::default(),
        }
    }

    /// Holds a packet against the rules, and calls `sink` with each detection.
    ///
    /// `state` is one that [`state`](Self::state) of these very signatures made. The packet is looked at as a
    /// datagram, as the fragment it is, and where it is a tunnel's, together with the packets inside.
    #[inline]
    pub fn inspect(
        &self,
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        state: &mut State,
        sink: &mut impl FnMut(&Detection<'_>),
    ) {
        if !self.events.is_empty() {
            self.inspect_events(packet, frame, state, sink);
        }
        let Some(view) = View::new(packet, frame.link, frame.bytes) else {
            state.counters.not_inspected += 1;
            return;
        };
        state.counters.inspected += 1;
        state.memory.work = PACKET_WORK;
        let seen = Seen {
            outer: packet,
            time_ns: frame.time_ns,
        };
        if !view.fragment {
            self.inspect_view(&view, &seen, state, sink);
        }
        if view.fragment || view.more_fragments() {
            if let Some(fragment) = view.as_fragment() {
                self.inspect_view(&fragment, &seen, state, sink);
            }
        } else if view.kind == Kind::Other {
            self.inspect_inside(&view, &seen, state, sink, MAX_TUNNELS);
        }
        state.counters.work_spent += u64::from(state.memory.work == 0);
    }

    /// Holds what is wrong with a packet's headers against the rules on events.
    fn inspect_events(
        &self,
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        state: &mut State,
        sink: &mut impl FnMut(&Detection<'_>),
    ) {
        let shown = event::of(packet, frame.link, frame.bytes);
        if shown == 0 {
            return;
        }
        let (source, address) = ends(packet);
        for (number, _) in self.events.iter().filter(|(_, bit)| shown >> bit & 1 == 1) {
            let Some(rule) = self.rules.get(*number as usize) else {
                continue;
            };
            let seen = Seen {
                outer: packet,
                time_ns: frame.time_ns,
            };
            if state.memory.speaks(rule, *number, packet, &seen) && !rule.silent {
                state.counters.detections += 1;
                let (rule, sid, time_ns, payload) =
                    (*number as usize, rule.sid, frame.time_ns, &[][..]);
                sink(&Detection {
                    rule,
                    sid,
                    time_ns,
                    source,
                    address,
                    payload,
                });
            }
        }
    }

    /// Holds the packets inside a tunnel against the rules, as seen from outside.
    fn inspect_inside(
        &self,
        view: &View<'_>,
        seen: &Seen<'_>,
        state: &mut State,
        sink: &mut impl FnMut(&Detection<'_>),
        depth: usize,
    ) {
        let inside = view.inside().filter(|_| depth > 0);
        let Some((packet, bytes)) = inside else {
            return;
        };
        if let Some(view) = View::new(&packet, LinkType::RawIp, bytes) {
            self.inspect_view(&view, seen, state, sink);
            self.inspect_inside(&view, seen, state, sink, depth - 1);
        }
    }

    #[inline]
    fn inspect_view(
        &self,
        view: &View<'_>,
        seen: &Seen<'_>,
        state: &mut State,
        sink: &mut impl FnMut(&Detection<'_>),
    ) {
        let State {
            scratch,
            memory,
            counters,
        } = state;
        if memory.bits_set {
            memory.bits.fill(false);
            memory.bits_set = false;
        }
        let [plain, payload, readers] = &self.groups[view.kind as usize];
        let mut speak = Speak {
            signatures: self,
            view,
            seen,
            memory,
            counters,
            spoken: None,
            sink,
        };
        plain.visit(view, None, scratch, &mut |entry| speak.check(entry, None));
        if view.payload.is_empty() {
            if !readers.is_empty() {
                readers.visit(view, None, scratch, &mut |entry| speak.check(entry, None));
            }
            return;
        }
        let wants_name = view.kind == Kind::Udp && (payload.wants_names() || readers.wants_names());
        let name = if wants_name {
            Name::of_query(view.payload)
        } else {
            None
        };
        let dotted = name.as_ref().map(Name::dotted);
        for group in [payload, readers] {
            if !group.is_empty() {
                group.visit(view, dotted, scratch, &mut |entry| {
                    speak.check(entry, name.as_ref());
                });
            }
        }
    }

    /// Whether the rule matches and its limits let it speak.
    fn matches(
        &self,
        entry: &Entry,
        view: &View<'_>,
        name: Option<&Name>,
        seen: &Seen<'_>,
        memory: &mut Memory,
    ) -> bool {
        let number = entry.rule as usize;
        let (Some(rule), Some(actions)) = (self.rules.get(number), self.actions.get(number)) else {
            return false;
        };
        if !entry.tests.iter().all(|test| passes(test, view)) {
            return false;
        }
        let buffer = match (rule.buffer, name) {
            (Buffer::Payload, _) => view.payload,
            (Buffer::DnsName, Some(name)) => name.plain(),
            (Buffer::DottedDnsName, Some(name)) => name.dotted(),
            _ => return false,
        };
        if !rule.steps.is_empty() {
            // Nothing is found in nothing, and nothing is missing there either.
            if buffer.is_empty() {
                return false;
            }
            let mut walk = Walk {
                caches: &mut memory.caches,
                work: &mut memory.work,
            };
            if !hold(&rule.steps, buffer, &mut walk) {
                return false;
            }
        }
        if !memory.bits_allow(actions) {
            return false;
        }
        memory.act(actions);
        memory.speaks(rule, entry.rule, view.packet, seen)
    }
}

/// Checks the rules that a group leaves possible, and speaks for those that match.
struct Speak<'a, 'v, S> {
    signatures: &'a Signatures,
    view: &'a View<'v>,
    seen: &'a Seen<'a>,
    memory: &'a mut Memory,
    counters: &'a mut SignatureCounters,
    spoken: Option<u32>,
    sink: &'a mut S,
}

impl<S: FnMut(&Detection<'_>)> Speak<'_, '_, S> {
    fn check(&mut self, entry: &Entry, name: Option<&Name>) {
        // A rule for both ways stands twice, side by side, and matches once.
        if self.spoken == Some(entry.rule)
            || !self
                .signatures
                .matches(entry, self.view, name, self.seen, self.memory)
        {
            return;
        }
        self.spoken = Some(entry.rule);
        if let Some(rule) = self
            .signatures
            .rules
            .get(entry.rule as usize)
            .filter(|rule| !rule.silent)
        {
            self.counters.detections += 1;
            let (source, address) = ends(self.seen.outer);
            (self.sink)(&Detection {
                rule: entry.rule as usize,
                sid: rule.sid,
                time_ns: self.seen.time_ns,
                source,
                address,
                payload: self.view.payload,
            });
        }
    }
}

/// Whose packet it is, at its outermost header.
struct Seen<'a> {
    outer: &'a Packet<'a>,
    time_ns: i64,
}

#[inline]
fn ends(packet: &Packet<'_>) -> (Address, Address) {
    match &packet.ip {
        Ip::V4(ip) => (Address::V4(ip.source()), Address::V4(ip.destination())),
        Ip::V6(ip) => (Address::V6(ip.source()), Address::V6(ip.destination())),
    }
}

impl Memory {
    fn bits_allow(&self, actions: &[BitAction]) -> bool {
        let is_set = |bit: &usize| self.bits.get(*bit).copied().unwrap_or(false);
        actions.iter().all(|action| match action {
            BitAction::IsSet(any) => any.iter().any(is_set),
            BitAction::IsNotSet(none) => !none.iter().any(is_set),
            _ => true,
        })
    }

    fn act(&mut self, actions: &[BitAction]) {
        for action in actions {
            let (bit, value) = match action {
                BitAction::Set(bit) => (*bit, Some(true)),
                BitAction::Unset(bit) => (*bit, Some(false)),
                BitAction::Toggle(bit) => (*bit, None),
                BitAction::IsSet(_) | BitAction::IsNotSet(_) => continue,
            };
            if let Some(bit) = self.bits.get_mut(bit) {
                *bit = value.unwrap_or(!*bit);
                self.bits_set = true;
            }
        }
    }

    /// Whether limits and spreads let a rule speak that matched.
    fn speaks(&mut self, rule: &Rule, number: u32, packet: &Packet<'_>, seen: &Seen<'_>) -> bool {
        if let Some(spread) = &rule.spread {
            let (source, destination) = ends(seen.outer);
            let (source, destination) = (source.number(), destination.number());
            let (address, what) = match spread.kind {
                SpreadKind::Sweep => (source, destination),
                SpreadKind::PortScan => {
                    let key = Key::of(seen.outer);
                    (
                        self.pair(source, destination),
                        u128::from(key.form as u8) << 16 | u128::from(key.value),
                    )
                }
            };
            if !self.spreads.reach(
                Whom {
                    rule: number + 1,
                    address,
                },
                what,
                spread,
                seen.time_ns,
            ) {
                return false;
            }
        }
        // A filter and a limit of one rule count apart.
        let (filter, limit) = (number * 2 + 1, number * 2 + 2);
        rule.filter
            .is_none_or(|wanted| self.count(filter, &wanted, packet, seen))
            && rule
                .limit
                .is_none_or(|wanted| self.count(limit, &wanted, packet, seen))
    }

    fn count(&mut self, rule: u32, limit: &Limit, packet: &Packet<'_>, seen: &Seen<'_>) -> bool {
        let (source, destination) = ends(packet);
        let (source, destination) = (source.number(), destination.number());
        let address = match limit.track {
            Track::Source => source,
            Track::Destination => destination,
            Track::Both => self.pair(source, destination),
            Track::Rule => 0,
        };
        self.counts
            .count(Whom { rule, address }, limit, seen.time_ns)
    }

    /// One number for two addresses.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "halves of the numbers are meant"
    )]
    fn pair(&self, one: u128, two: u128) -> u128 {
        let high = self.mixer.mix((one >> 64) as u64, one as u64, 1);
        let low = self.mixer.mix((two >> 64) as u64, two as u64, high);
        u128::from(high) << 64 | u128::from(low)
    }
}

/// The event a rule is on, if it is on one.
fn event_of(rule: &Rule) -> Option<u8> {
    rule.tests.iter().find_map(|test| match test {
        Test::Event(bit) => Some(*bit),
        _ => None,
    })
}

/// Rules with numbers of their own.
fn unique(rules: Vec<Rule>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let mut kept: Vec<Rule> = Vec::with_capacity(rules.len());
    let mut known: HashMap<u32, usize> = HashMap::new();
    for rule in rules {
        let Some(place) = known.get(&rule.sid).copied() else {
            known.insert(rule.sid, kept.len());
            kept.push(rule);
            continue;
        };
        let Some(before) = kept.get_mut(place) else {
            continue;
        };
        let loser = if rule.revision > before.revision {
            std::mem::replace(before, rule)
        } else {
            rule
        };
        diagnostics.push(Diagnostic {
            reason: format!(
                "the rule at {} has the same number, and at least this revision",
                before.place
            ),
            sid: Some(loser.sid),
            place: loser.place,
            obstacle: Obstacle::Replaced,
            cause: "replaced".to_owned(),
            remedy: "give it a number of its own, or leave it out".to_owned(),
        });
    }
    kept
}

/// Rules none of which waits for a flow bit that no rule sets.
fn fulfilled(mut rules: Vec<Rule>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Rule> {
    loop {
        let sets = |bit: &FlowBit| match bit {
            FlowBit::Set(name) | FlowBit::Toggle(name) => Some(name.clone()),
            _ => None,
        };
        let set: std::collections::HashSet<String> = rules
            .iter()
            .flat_map(|rule| rule.flow_bits.iter().filter_map(sets))
            .collect();
        let in_vain = |rule: &Rule| {
            rule.flow_bits.iter().any(|bit| matches!(bit, FlowBit::IsSet(any) if !any.iter().any(|name| set.contains(name))))
        };
        let before = rules.len();
        let (vain, kept): (Vec<_>, Vec<_>) = rules.into_iter().partition(in_vain);
        for rule in vain {
            diagnostics.push(Diagnostic {
                reason: "it waits for a flow bit that no usable rule sets for the same packet"
                    .to_owned(),
                sid: Some(rule.sid),
                place: rule.place,
                obstacle: Obstacle::Session,
                cause: "flowbits:isset of another packet".to_owned(),
                remedy: "leave the rule to a detector that watches hosts which answer".to_owned(),
            });
        }
        rules = kept;
        if rules.len() == before {
            return rules;
        }
    }
}

fn actions(bits: &[FlowBit], names: &mut HashMap<String, usize>) -> Box<[BitAction]> {
    let mut number = |name: &String| {
        let next = names.len();
        *names.entry(name.clone()).or_insert(next)
    };
    bits.iter()
        .map(|bit| match bit {
            FlowBit::Set(name) => BitAction::Set(number(name)),
            FlowBit::Unset(name) => BitAction::Unset(number(name)),
            FlowBit::Toggle(name) => BitAction::Toggle(number(name)),
            FlowBit::IsSet(any) => BitAction::IsSet(any.iter().map(&mut number).collect()),
            FlowBit::IsNotSet(none) => BitAction::IsNotSet(none.iter().map(&mut number).collect()),
        })
        .collect()
}
