//! The engine: rules compiled once, packets held against them one by one.

use std::collections::HashMap;

use super::application::Reading;
use super::axis::Values;
use super::bare::{Bare, BareIcmp, BareTcp, Bares, Lists, Oddities, Share, Shares};
use super::check::passes;
use super::clue::clue;
use super::compile::{actions, event_of, fulfilled, unique};
use super::content::Step;
use super::dns::Name;
use super::event;
use super::group::{Entry, Group, Place, Scratch};
use super::limits::{MAX_RULES, MAX_TUNNELS, PACKET_WORK};
use super::rule::{Buffer, Rule, Test};
use super::silence::Silences;
use super::state::{BitAction, Memory, SignatureCounters, State, StateSettings};
use super::sweep::Spreads;
use super::text::Diagnostic;
use super::threshold::{Counts, Mixer};
use super::view::{Kind, View};
use super::waiting::{Ends, Gate, Waiting, Windows};
use super::walk::{Walk, hold};
use crate::frame::{Frame, LinkType};
use crate::key::{Form, Key};
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

/// The part of the limits' memory that is for whose are silent.
const SILENCE_SHARE: usize = 16;

/// A set of rules, compiled.
#[derive(Debug)]
pub struct Signatures {
    rules: Box<[Rule]>,
    actions: Box<[Box<[BitAction]>]>,
    gates: Box<[Gate]>,
    /// For each kind of packet, its groups in the order of their places.
    groups: [[Group; Place::ALL.len()]; Kind::ALL.len()],
    /// What bare packets of TCP and of ICMP can match.
    bares: [Bares; 2],
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
    /// More than [`MAX_RULES`] rules.
    pub fn compile(rules: Vec<Rule>) -> Result<(Self, Vec<Diagnostic>), String> {
        if rules.len() > MAX_RULES {
            return Err(format!("there are more than {MAX_RULES} rules"));
        }
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
        let gates = (0..).zip(&rules).map(Gate::of).collect();
        let events = (0..)
            .zip(&rules)
            .filter_map(|(number, rule)| Some((number, event_of(rule)?)))
            .collect();
        let mut shares = Shares::default();
        let clues: Vec<_> = rules.iter().map(clue).collect();
        let of_place = |kind, place| Group::new(kind, place, &rules, &clues);
        let groups = Kind::ALL.map(|kind| Place::ALL.map(|place| of_place(kind, place)));
        Ok((
            Self {
                bares: [Kind::Tcp, Kind::Icmp].map(|kind| Bares::new(kind, &rules, &mut shares)),
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
        let limit_bytes = settings.limit_kilobytes as usize * 1024;
        let silence_bytes = limit_bytes / SILENCE_SHARE;
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
                reading: Reading::default(),
            },
            windows: Windows {
                counts: Counts::new(limit_bytes - silence_bytes),
                silences: Silences::new(silence_bytes),
                spreads: Spreads::new(settings.spread_kilobytes as usize * 1024),
            },
            waiting: Waiting::new(mixer),
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
        state.windows.silences.come_to(frame.time_ns);
        let before = state.waiting.matches.len();
        self.find(packet, frame, state);
        state.waiting.close(before, packet, frame.time_ns);
    }

    /// Which rules the header of a packet without payload leaves possible that may have something to say of its ends;
    /// their lists may have others. Apart, so that the compiler keeps registers for it.
    #[inline(never)]
    pub(crate) fn sift(&self, bare: BareTcp<'_>, time_ns: i64, state: &mut State) -> Lists {
        if !self.events.is_empty() {
            return Lists::UNSAID;
        }
        let bares = &self.bares[0];
        let (sum, oddities) = bares.look(bare);
        if oddities != Oddities::NONE {
            return self.sift_odd(bare, (sum, oddities), time_ns, state);
        }
        let lists = bares.ordinary(sum);
        if lists == Lists::NOTHING {
            return lists;
        }
        state.windows.silences.come_to(time_ns);
        self.unless_silent(bare, lists, state)
    }

    /// The same for one that has something out of the ordinary, most often a source that is near one on a list.
    #[inline(never)]
    fn sift_odd(
        &self,
        bare: BareTcp<'_>,
        looks: (u32, Oddities),
        time_ns: i64,
        state: &mut State,
    ) -> Lists {
        let State {
            waiting, windows, ..
        } = state;
        windows.silences.come_to(time_ns);
        let (sum, oddities) = looks;
        let hash = Silences::of_listed(waiting.mixer, bare.ip().source());
        if oddities != Oddities::LISTED || !windows.silences.has(hash) {
            return self.find_odd(bare, looks, time_ns, state);
        }
        match self.bares[0].ordinary(sum) {
            Lists::NOTHING => Lists::NOTHING,
            lists => self.sift_lists(bare, lists, state),
        }
    }

    /// The lists of such a packet; keeps until when rules that ask for addresses alone have nothing to say of its source.
    #[inline(never)]
    fn find_odd(
        &self,
        bare: BareTcp<'_>,
        looks: (u32, Oddities),
        time_ns: i64,
        state: &mut State,
    ) -> Lists {
        let (bares, source) = (&self.bares[0], bare.ip().source());
        let State {
            waiting, windows, ..
        } = state;
        let lists = bares.lists_of(bare, looks);
        if looks.1 == Oddities::LISTED {
            let silent_until_ns = |share: &Share| {
                let hash = share.hash(waiting.mixer, source, 0);
                windows.silences.until_ns(hash)
            };
            // A source on no list has nothing to be said of it ever.
            let until_ns = bares.shares_of_source(lists).map(|shares| {
                let all = shares.iter().map(silent_until_ns).min();
                all.unwrap_or(i64::MAX)
            });
            if let Some(until_ns) = until_ns.filter(|until_ns| time_ns < *until_ns) {
                let hash = Silences::of_listed(waiting.mixer, source);
                windows.silences.keep(hash, until_ns);
            }
        }
        lists
    }

    /// [`unless_silent`](Self::unless_silent) for the few that come by here.
    #[inline(never)]
    fn sift_lists(&self, bare: BareTcp<'_>, lists: Lists, state: &State) -> Lists {
        self.unless_silent(bare, lists, state)
    }

    /// The lists, of one table alone; none if they have nothing more to say of the packet's ends.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "most packets are passed by here, by few instructions each"
    )]
    fn unless_silent(&self, bare: BareTcp<'_>, lists: Lists, state: &State) -> Lists {
        let State {
            waiting, windows, ..
        } = state;
        let ip = bare.ip();
        let is_silent = |share: &Share| {
            let hash = share.hash(waiting.mixer, ip.source(), ip.destination());
            windows.silences.has(hash)
        };
        match self.bares[0].shares(lists) {
            Some([shares, ..]) if shares.iter().all(is_silent) => Lists::NOTHING,
            _ => lists,
        }
    }

    /// The same as [`note`](Self::note) for a packet of which these are the lists, if they decide all; false if they do
    /// not, and nothing was noted. Rules that have nothing more to say of the packet's ends are passed by.
    #[inline]
    pub(crate) fn note_bare(
        &self,
        bare: BareTcp<'_>,
        lists: Lists,
        time_ns: i64,
        state: &mut State,
    ) -> bool {
        let Some(shares) = self.bares[0].shares(lists) else {
            return false;
        };
        let State {
            waiting,
            windows,
            counters,
            ..
        } = state;
        windows.silences.come_to(time_ns);
        let (ip, before) = (bare.ip(), waiting.matches.len());
        let (source, address) = (Address::V4(ip.source()), Address::V4(ip.destination()));
        let key = || Key {
            form: Form::Tcp,
            value: bare.destination_port(),
        };
        for shares in shares {
            for share in shares {
                let hash = share.hash(waiting.mixer, ip.source(), ip.destination());
                if windows.silences.has(hash) {
                    continue;
                }
                if let Some(entry) = share.tested.and_then(|entry| self.bares[0].entry(entry)) {
                    if bare.fails(&entry.tests) {
                        continue;
                    }
                    waiting.matches.truncate(before);
                    return false;
                }
                let hashes = waiting.hashes(source, address);
                for rule in &share.rules {
                    if let Some(gate) = self.gates.get(*rule as usize) {
                        let silence = share.kept(hash);
                        waiting.push_hashed(gate, *rule, &hashes, &hashes, silence, key);
                    }
                }
            }
        }
        counters.inspected += 1;
        if waiting.matches.len() > before {
            waiting.packets.push(Ends {
                time_ns,
                source,
                address,
            });
        }
        true
    }

    /// The same, by way of all of the packet's header whatever it is.
    #[cfg(test)]
    pub(super) fn note_in_all(&self, packet: &Packet<'_>, frame: &Frame<'_>, state: &mut State) {
        let before = state.waiting.matches.len();
        self.find_in_all(packet, frame, state);
        state.waiting.close(before, packet, frame.time_ns);
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
            waiting.glance(windows);
        }
        let mut silent_until_ns = i64::MAX;
        for (number, found) in waiting.matches.iter().enumerate() {
            let (Some(gate), Some(ends)) = (
                self.gates.get(found.rule as usize),
                waiting.packets.get(found.packet as usize),
            ) else {
                continue;
            };
            let verdict = waiting.speaks(found, gate, ends.time_ns, windows);
            silent_until_ns = silent_until_ns.min(verdict.silent_until_ns);
            let next = waiting.matches.get(number + 1);
            if next.is_none_or(|next| next.silence != found.silence || next.packet != found.packet)
            {
                if found.silence != 0 && ends.time_ns < silent_until_ns {
                    windows.silences.keep(found.silence, silent_until_ns);
                }
                silent_until_ns = i64::MAX;
            }
            if verdict.speaks && !gate.silent {
                counters.detections += 1;
                sink(&Detection {
                    packet: found.packet as usize,
                    rule: found.rule as usize,
                    sid: gate.sid,
                    time_ns: ends.time_ns,
                    source: ends.source,
                    address: ends.address,
                });
            }
        }
        waiting.clear();
    }

    #[inline]
    fn find(&self, packet: &Packet<'_>, frame: &Frame<'_>, state: &mut State) {
        if !self.events.is_empty() {
            self.find_events(packet, frame, &mut state.waiting);
        }
        let [of_tcp, of_icmp] = &self.bares;
        let (bares, lists) = if let Some(bare) = BareTcp::of(packet) {
            (of_tcp, of_tcp.lists(bare))
        } else if let Some(bare) = BareIcmp::of(packet) {
            (of_icmp, of_icmp.lists(bare))
        } else {
            return self.find_in_all(packet, frame, state);
        };
        match lists {
            Lists::UNSAID => self.find_in_all(packet, frame, state),
            Lists::NOTHING => state.counters.inspected += 1,
            lists => {
                state.counters.inspected += 1;
                match bares.shares(lists) {
                    Some(shares) => self.inspect_shares(bares, shares, packet, frame, state),
                    None => self.inspect_lists(bares, lists, packet, frame, state),
                }
            }
        }
    }

    /// Checks the rules of shares, but those that have nothing more to say of the packet's ends.
    fn inspect_shares(
        &self,
        bares: &Bares,
        shares: [&[Share]; 3],
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        state: &mut State,
    ) {
        let State {
            memory,
            waiting,
            windows,
            ..
        } = state;
        let Ip::V4(ip) = &packet.ip else {
            return;
        };
        let mut view = None;
        for shares in shares {
            for share in shares {
                let hash = share.hash(waiting.mixer, ip.source(), ip.destination());
                if windows.silences.has(hash) {
                    continue;
                }
                if let Some(entry) = share.tested.and_then(|entry| bares.entry(entry)) {
                    let seen = || View::new(packet, frame.link, frame.bytes);
                    let view = view.get_or_insert_with(seen).as_ref();
                    if !view.is_some_and(|view| self.matches(entry, view, None, memory)) {
                        continue;
                    }
                }
                let hashes = waiting.hashes_of(packet);
                for rule in &share.rules {
                    if let Some(gate) = self.gates.get(*rule as usize) {
                        let key = || Key::of(packet);
                        waiting.push_hashed(gate, *rule, &hashes, &hashes, share.kept(hash), key);
                    }
                }
            }
        }
    }

    /// Checks the rules of lists some of which set or read flow bits.
    fn inspect_lists(
        &self,
        bares: &Bares,
        lists: Lists,
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        state: &mut State,
    ) {
        let State {
            memory, waiting, ..
        } = state;
        memory.work = PACKET_WORK;
        memory.clear_bits();
        let hashes = waiting.hashes_of(packet);
        let mut view = None;
        let mut matched = None;
        for entry in bares.entries(lists) {
            if matched == Some(entry.rule) {
                continue;
            }
            let fits = entry.decided || {
                let seen = || View::new(packet, frame.link, frame.bytes);
                view.get_or_insert_with(seen)
                    .as_ref()
                    .is_some_and(|view| self.matches(entry, view, None, memory))
            };
            if fits {
                matched = Some(entry.rule);
                if let Some(gate) = self.gates.get(entry.rule as usize) {
                    waiting.push_hashed(gate, entry.rule, &hashes, &hashes, 0, || Key::of(packet));
                }
            }
        }
    }

    /// The same for any packet.
    #[inline(never)]
    fn find_in_all(&self, packet: &Packet<'_>, frame: &Frame<'_>, state: &mut State) {
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
        let shown = event::of(packet, frame);
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
        memory.clear_bits();
        memory.reading = Reading::default();
        let [sources, plain, payload, readers] = &self.groups[view.kind as usize];
        let values = &Values::of(view);
        let mut checking = Checking {
            signatures: self,
            view,
            outer,
            memory,
            waiting,
            matched: None,
        };
        for group in [sources, plain] {
            if !group.is_empty() {
                group.visit(view, values, None, scratch, &mut |entry| {
                    checking.check(entry, None);
                });
            }
        }
        if view.payload.is_empty() {
            if !readers.needs_payload() {
                readers.visit(view, values, None, scratch, &mut |entry| {
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
                group.visit(view, values, dotted, scratch, &mut |entry| {
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
        let mut fits = |test: &Test| match test {
            Test::Application(event) => memory.reading.shows(*event, view),
            test => passes(test, view),
        };
        if !entry.tests.iter().all(&mut fits) {
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
