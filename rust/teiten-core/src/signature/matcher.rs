//! The engine: rules compiled once, packets held against them one by one.

use std::collections::HashMap;

use regex_automata::meta::Cache;

use super::check::passes;
use super::content::{Step, Walk, hold};
use super::dns::Name;
use super::event;
use super::group::{Entry, Group, Place, Scratch};
use super::limits::{MAX_TUNNELS, PACKET_WORK};
use super::rule::{Buffer, FlowBit, Limit, Rule, Spread, SpreadKind, Test, Track};
use super::sweep::Spreads;
use super::text::{Diagnostic, Obstacle};
use super::threshold::{Counts, Mixer, Whom};
use super::view::{Kind, View};
use crate::frame::{Frame, LinkType};
use crate::key::Key;
use crate::limits::GROUP;
use crate::packet::{Ip, Packet};
use crate::wire::ipv6::Halves;

/// Matches beyond which no more packets should wait, whatever their number.
const MATCHES: usize = 4 * GROUP;

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
pub struct Detection {
    /// Number of the packet among those that waited, of which each had a match.
    pub packet: usize,
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
            // Sketches of 48 thousand sources.
            spread_kilobytes: 4608,
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

/// What changes from packet to packet: fixed in size once made, but for expressions' caches and the list of what waits,
/// which grow to a bound: what one packet can match.
#[derive(Debug)]
pub struct State {
    scratch: Scratch,
    memory: Memory,
    windows: Windows,
    waiting: Waiting,
    counters: SignatureCounters,
}

/// What decides whether rules that match speak.
#[derive(Debug)]
struct Windows {
    counts: Counts,
    spreads: Spreads,
}

/// Matches that wait for their limits and spreads, and the packets that have any; in order.
#[derive(Debug)]
struct Waiting {
    packets: Vec<Ends>,
    matches: Vec<Match>,
    mixer: Mixer,
}

/// Whose a packet is, at its outermost header.
#[derive(Clone, Copy, Debug)]
struct Ends {
    time_ns: i64,
    source: Address,
    address: Address,
}

/// A rule that matched, with the hashes of whom its spread, filter and limit are for; 0 where it has none.
#[derive(Clone, Copy, Debug)]
struct Match {
    packet: usize,
    rule: u32,
    /// Hash of what a spread reached.
    what: u32,
    spread: u64,
    filter: u64,
    limit: u64,
}

/// What decides whether a rule that matched speaks.
#[derive(Clone, Debug)]
struct Gate {
    sid: u32,
    /// Whether its matches are told to nobody.
    silent: bool,
    spread: Option<Spread>,
    filter: Option<Limit>,
    limit: Option<Limit>,
}

#[derive(Debug)]
struct Memory {
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
            limits_evicted: self.windows.counts.evicted(),
            spreads_evicted: self.windows.spreads.evicted(),
            ..self.counters
        }
    }

    /// How many packets wait: those noted that have matches.
    #[inline]
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.packets.len()
    }

    /// Whether what waits should be settled before more packets are noted.
    #[inline]
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.waiting.packets.len() >= GROUP || self.waiting.matches.len() >= MATCHES
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
    gates: Box<[Gate]>,
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
        let gates = rules
            .iter()
            .map(|rule| Gate {
                sid: rule.sid,
                silent: rule.silent,
                spread: rule.spread,
                filter: rule.filter,
                limit: rule.limit,
            })
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
                gates,
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
                caches,
                bits: vec![false; self.bits],
                bits_set: false,
                work: 0,
            },
            windows: Windows {
                counts: Counts::new(settings.limit_kilobytes as usize * 1024),
                spreads: Spreads::new(settings.spread_kilobytes as usize * 1024),
            },
            waiting: Waiting {
                packets: Vec::with_capacity(GROUP),
                matches: Vec::with_capacity(2 * MATCHES),
                mixer,
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
        sink: &mut impl FnMut(&Detection),
    ) {
        self.note(packet, frame, state);
        self.settle(state, sink);
    }

    /// The first half of [`inspect`](Self::inspect), which depends on no other packet: what matches waits.
    ///
    /// Packets wait for [`settle`](Self::settle) together, so that the cache misses of their limits overlap; as soon
    /// as it [is due](State::is_due), lest more wait than has room.
    #[inline]
    pub fn note(&self, packet: &Packet<'_>, frame: &Frame<'_>, state: &mut State) {
        let before = state.waiting.matches.len();
        self.find(packet, frame, state);
        if state.waiting.matches.len() > before {
            let (source, address) = ends(packet);
            state.waiting.packets.push(Ends {
                time_ns: frame.time_ns,
                source,
                address,
            });
        }
    }

    /// The second half of [`inspect`](Self::inspect), for all that waits: what limits and spreads let through goes to
    /// `sink`, in the order in which it was noted.
    pub fn settle(&self, state: &mut State, sink: &mut impl FnMut(&Detection)) {
        let State {
            windows,
            waiting,
            counters,
            ..
        } = state;
        if waiting.matches.len() > 1 {
            windows.glance(&waiting.matches);
        }
        for found in &waiting.matches {
            let (Some(gate), Some(ends)) = (
                self.gates.get(found.rule as usize),
                waiting.packets.get(found.packet),
            ) else {
                continue;
            };
            if windows.speaks(gate, found, ends.time_ns) && !gate.silent {
                counters.detections += 1;
                sink(&Detection {
                    packet: found.packet,
                    rule: found.rule as usize,
                    sid: gate.sid,
                    time_ns: ends.time_ns,
                    source: ends.source,
                    address: ends.address,
                });
            }
        }
        waiting.matches.clear();
        waiting.packets.clear();
    }

    #[inline]
    fn find(&self, packet: &Packet<'_>, frame: &Frame<'_>, state: &mut State) {
        if !self.events.is_empty() {
            self.find_events(packet, frame, &mut state.waiting);
        }
        let Some(view) = View::new(packet, frame.link, frame.bytes) else {
            state.counters.not_inspected += 1;
            return;
        };
        state.counters.inspected += 1;
        state.memory.work = PACKET_WORK;
        if !view.fragment {
            self.inspect_view(&view, packet, state);
        }
        if view.fragment || view.more_fragments() {
            if let Some(fragment) = view.as_fragment() {
                self.inspect_view(&fragment, packet, state);
            }
        } else if view.kind == Kind::Other {
            self.inspect_inside(&view, packet, state, MAX_TUNNELS);
        }
        state.counters.work_spent += u64::from(state.memory.work == 0);
    }

    /// Holds what is wrong with a packet's headers against the rules on events.
    fn find_events(&self, packet: &Packet<'_>, frame: &Frame<'_>, waiting: &mut Waiting) {
        let shown = event::of(packet, frame.link, frame.bytes);
        if shown == 0 {
            return;
        }
        for (number, _) in self.events.iter().filter(|(_, bit)| shown >> bit & 1 == 1) {
            if let Some(gate) = self.gates.get(*number as usize) {
                waiting.push(gate, *number, packet, packet);
            }
        }
    }

    /// Holds the packets inside a tunnel against the rules, as seen from outside.
    fn inspect_inside(&self, view: &View<'_>, outer: &Packet<'_>, state: &mut State, depth: usize) {
        let inside = view.inside().filter(|_| depth > 0);
        let Some((packet, bytes)) = inside else {
            return;
        };
        if let Some(view) = View::new(&packet, LinkType::RawIp, bytes) {
            self.inspect_view(&view, outer, state);
            self.inspect_inside(&view, outer, state, depth - 1);
        }
    }

    #[inline]
    fn inspect_view(&self, view: &View<'_>, outer: &Packet<'_>, state: &mut State) {
        let State {
            scratch,
            memory,
            waiting,
            ..
        } = state;
        if memory.bits_set {
            memory.bits.fill(false);
            memory.bits_set = false;
        }
        let [plain, payload, readers] = &self.groups[view.kind as usize];
        let mut checking = Checking {
            signatures: self,
            view,
            outer,
            memory,
            waiting,
            matched: None,
        };
        plain.visit(view, None, scratch, &mut |entry| {
            checking.check(entry, None);
        });
        if view.payload.is_empty() {
            if !readers.is_empty() {
                readers.visit(view, None, scratch, &mut |entry| {
                    checking.check(entry, None);
                });
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
                    checking.check(entry, name.as_ref());
                });
            }
        }
    }

    /// Whether the rule matches.
    fn matches(
        &self,
        entry: &Entry,
        view: &View<'_>,
        name: Option<&Name>,
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
        true
    }
}

/// Checks the rules that a group leaves possible, and lets those that match wait.
struct Checking<'a, 'v> {
    signatures: &'a Signatures,
    view: &'a View<'v>,
    /// The packet at its outermost header.
    outer: &'a Packet<'v>,
    memory: &'a mut Memory,
    waiting: &'a mut Waiting,
    matched: Option<u32>,
}

impl Checking<'_, '_> {
    #[inline]
    fn check(&mut self, entry: &Entry, name: Option<&Name>) {
        // A rule for both ways stands twice, side by side, and matches once.
        let signatures = self.signatures;
        if self.matched == Some(entry.rule)
            || !(entry.decided || signatures.matches(entry, self.view, name, self.memory))
        {
            return;
        }
        self.matched = Some(entry.rule);
        if let Some(gate) = self.signatures.gates.get(entry.rule as usize) {
            self.waiting
                .push(gate, entry.rule, self.view.packet, self.outer);
        }
    }
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
}

impl Waiting {
    /// Lets a rule wait that the packet matches, which is seen from outside as `outer`.
    #[inline]
    fn push(&mut self, gate: &Gate, rule: u32, packet: &Packet<'_>, outer: &Packet<'_>) {
        let mut found = Match {
            packet: self.packets.len(),
            rule,
            what: 0,
            spread: 0,
            filter: 0,
            limit: 0,
        };
        if let Some(spread) = &gate.spread {
            (found.spread, found.what) = self.spread(spread.kind, rule + 1, outer);
        }
        // A filter and a limit of one rule count apart.
        if let Some(filter) = &gate.filter {
            found.filter = self.tracked(filter.track, rule * 2 + 1, packet);
        }
        if let Some(limit) = &gate.limit {
            found.limit = self.tracked(limit.track, rule * 2 + 2, packet);
        }
        self.matches.push(found);
    }

    /// Hashes of who reached what.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    fn spread(&self, kind: SpreadKind, rule: u32, outer: &Packet<'_>) -> (u64, u32) {
        let (source, destination) = ends(outer);
        let (source, destination) = (source.number(), destination.number());
        let (address, what) = match kind {
            SpreadKind::Sweep => (source, destination),
            SpreadKind::PortScan => {
                let key = Key::of(outer);
                (
                    self.pair(source, destination),
                    u128::from(key.form as u8) << 16 | u128::from(key.value),
                )
            }
        };
        let what = self.mixer.of(Whom {
            rule: 0,
            address: what,
        });
        (self.mixer.of(Whom { rule, address }), what as u32)
    }

    /// Hash of whom a limit is for.
    fn tracked(&self, track: Track, rule: u32, packet: &Packet<'_>) -> u64 {
        let (source, destination) = ends(packet);
        let (source, destination) = (source.number(), destination.number());
        let address = match track {
            Track::Source => source,
            Track::Destination => destination,
            Track::Both => self.pair(source, destination),
            Track::Rule => 0,
        };
        self.mixer.of(Whom { rule, address })
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

impl Windows {
    /// Looks at the places of all these, so that their cache misses overlap.
    fn glance(&self, matches: &[Match]) {
        let mut seen = 0;
        for found in matches {
            if found.spread != 0 {
                seen ^= self.spreads.glance(found.spread);
            }
            if found.filter != 0 {
                seen ^= self.counts.glance(found.filter);
            }
            if found.limit != 0 {
                seen ^= self.counts.glance(found.limit);
            }
        }
        std::hint::black_box(seen);
    }

    /// Whether limits and spreads let a rule speak that matched.
    #[inline]
    fn speaks(&mut self, gate: &Gate, found: &Match, now_ns: i64) -> bool {
        let Self { counts, spreads } = self;
        gate.spread
            .as_ref()
            .is_none_or(|spread| spreads.reach(found.spread, found.what, spread, now_ns))
            && gate
                .filter
                .as_ref()
                .is_none_or(|filter| counts.count(found.filter, filter, now_ns))
            && gate
                .limit
                .as_ref()
                .is_none_or(|limit| counts.count(found.limit, limit, now_ns))
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
