//! Packets without payload, nearly all that a telescope sees: which of their rules are possible and not yet silent.

use super::{Address, Signatures};
use crate::frame::Frame;
use crate::key::{Form, Key};
use crate::packet::{Ip, Packet};
use crate::signature::bare::{Bare, BareTcp, Bares, Lists, Oddities, Share};
use crate::signature::limits::PACKET_WORK;
use crate::signature::silence::Silences;
use crate::signature::state::State;
use crate::signature::view::View;
use crate::signature::waiting::Ends;

impl Signatures {
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

    /// Checks the rules of shares, but those that have nothing more to say of the packet's ends.
    pub(super) fn inspect_shares(
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
    pub(super) fn inspect_lists(
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
}
