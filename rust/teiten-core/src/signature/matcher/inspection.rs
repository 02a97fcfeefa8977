//! Any packet, by way of all of its header and its payload, and of the packets inside where it is a tunnel's.

use super::Signatures;
use crate::frame::{Frame, LinkType};
use crate::packet::Packet;
use crate::signature::application::Reading;
use crate::signature::axis::Values;
use crate::signature::check::passes;
use crate::signature::dns::Name;
use crate::signature::event;
use crate::signature::group::Entry;
use crate::signature::limits::{MAX_TUNNELS, PACKET_WORK};
use crate::signature::rule::{Buffer, Test};
use crate::signature::state::{Memory, State};
use crate::signature::view::{Kind, View};
use crate::signature::waiting::Waiting;
use crate::signature::walk::{Walk, hold};

impl Signatures {
    /// Finds the rules that any packet matches.
    #[inline(never)]
    pub(super) fn find_in_all(&self, packet: &Packet<'_>, frame: &Frame<'_>, state: &mut State) {
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
    pub(super) fn find_events(
        &self,
        packet: &Packet<'_>,
        frame: &Frame<'_>,
        waiting: &mut Waiting,
    ) {
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
    pub(super) fn matches(
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
