//! Which scanner a SYN betrays.
//!
//! Every test is one that the tool's own published code cannot help passing, and each has its [`Confidence`]; weak
//! hints are not used. They are made on pure SYNs over IPv4, the strongest first. Two tools show only in what two of
//! their packets have in common: [`Scanners`] remembers the last candidate of a source for them, in fixed memory, so
//! that a source's first packet has no verdict, nor one whose memory another source took in between.

use crate::wire::ipv4::Ipv4;
use crate::wire::tcp::{Tcp, flag};

/// The scanner a packet betrays. The numbers are those of the batch format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Tool {
    /// No verdict.
    None = 0,
    /// ZMap before it randomised the identification (4.0, 2024).
    Zmap = 1,
    /// Masscan.
    Masscan = 2,
    /// Mirai and the families grown from its published code.
    Mirai = 3,
    /// Nmap's raw SYN scan.
    Nmap = 4,
    /// unicornscan, in the fingerprints it can imitate but FreeBSD's.
    Unicornscan = 5,
}

/// How sure a verdict is: by how often a packet of something else passes its test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// One in 65,536: a single field.
    Fair,
    /// One in 65,536 of those few that share further features with the tool.
    Strong,
    /// One in 2^32.
    Certain,
}

impl Confidence {
    /// `fair`, `strong` or `certain`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fair => "fair",
            Self::Strong => "strong",
            Self::Certain => "certain",
        }
    }
}

impl Tool {
    /// Every tool, in the order of their numbers, without [`Tool::None`].
    pub const ALL: [Self; 5] = [
        Self::Zmap,
        Self::Masscan,
        Self::Mirai,
        Self::Nmap,
        Self::Unicornscan,
    ];

    /// `none`, `zmap`, `masscan`, `mirai`, `nmap` or `unicornscan`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zmap => "zmap",
            Self::Masscan => "masscan",
            Self::Mirai => "mirai",
            Self::Nmap => "nmap",
            Self::Unicornscan => "unicornscan",
        }
    }

    /// How sure the verdict is; `None` without one.
    #[must_use]
    pub const fn confidence(self) -> Option<Confidence> {
        match self {
            Self::None => None,
            Self::Zmap => Some(Confidence::Fair),
            Self::Masscan | Self::Nmap => Some(Confidence::Strong),
            Self::Mirai | Self::Unicornscan => Some(Confidence::Certain),
        }
    }
}

/// Recognises scanners; remembers one candidate of a source, in a fixed number of places.
///
/// Verdicts are a function of the packets seen before, in their order, and of nothing else.
#[derive(Debug)]
pub struct Scanners {
    seen: Box<[Seen]>,
    /// The first candidate of each place, where those before it are not known yet.
    first: Option<Box<[Option<First>]>>,
}

/// A candidate whose verdict depends on packets that are not known yet.
#[derive(Clone, Copy, Debug)]
struct First {
    /// The tool it is a candidate for.
    tool: Tool,
    candidate: Seen,
    /// The verdict without one before it.
    otherwise: Tool,
    /// The verdict given.
    given: Tool,
}

/// A candidate; all zero where there was none.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    source: u32,
    sequence: u32,
    address: u32,
    /// Destination port above, source port below.
    ports: u32,
}

/// Places for candidates: 64 KiB. Two candidates of more than a few thousand sources in between are missed.
const PLACES_BITS: u32 = 12;

impl Default for Scanners {
    fn default() -> Self {
        Self {
            seen: vec![Seen::default(); 1 << PLACES_BITS].into_boxed_slice(),
            first: None,
        }
    }
}

impl Scanners {
    /// For packets before which others come that are not known yet; [`append`](Self::append) puts right what depends on
    /// those.
    #[must_use]
    pub(crate) fn in_between() -> Self {
        Self {
            first: Some(vec![None; 1 << PLACES_BITS].into_boxed_slice()),
            ..Self::default()
        }
    }

    /// Goes on with what others saw behind, and tells each verdict of theirs that would have been another one: what they
    /// gave, and what is right.
    pub(crate) fn append(&mut self, behind: &Self, mut correct: impl FnMut(Tool, Tool)) {
        let first = behind.first.iter().flat_map(|first| first.iter());
        for ((seen, first), behind) in self.seen.iter_mut().zip(first).zip(&behind.seen) {
            let Some(first) = first else { continue };
            let verdict = verdict_on_pair(first.tool, *seen, first.candidate, first.otherwise);
            if verdict != first.given {
                correct(first.given, verdict);
            }
            *seen = *behind;
        }
    }

    /// The verdict on a segment over IPv4.
    #[inline]
    #[must_use]
    pub fn recognise(&mut self, ip: &Ipv4<'_>, tcp: &Tcp<'_>) -> Tool {
        if tcp.flags() == flag::SYN {
            self.recognise_syn(ip, tcp)
        } else {
            Tool::None
        }
    }

    /// The verdict on a pure SYN over IPv4.
    #[inline]
    pub(crate) fn recognise_syn(&mut self, ip: &Ipv4<'_>, tcp: &Tcp<'_>) -> Tool {
        if is_mirai(ip, tcp) {
            Tool::Mirai
        } else if may_lead_on(tcp.window()) {
            // Copies, so that views which no other SYN needs whole can stay in registers.
            let (ip, tcp) = (*ip, *tcp);
            self.recognise_by_window(&ip, &tcp)
        } else {
            of_identification(ip)
        }
    }

    /// The verdict on a SYN with a window that a tool may have set.
    #[cold]
    fn recognise_by_window(&mut self, ip: &Ipv4<'_>, tcp: &Tcp<'_>) -> Tool {
        if is_masscan(ip, tcp) {
            Tool::Masscan
        } else if may_be_nmap(tcp) {
            self.compare(Tool::Nmap, ip, tcp)
        } else if may_be_unicornscan(tcp) {
            self.compare(Tool::Unicornscan, ip, tcp)
        } else {
            of_identification(ip)
        }
    }

    /// Holds a candidate against the one before it of the same source, if they went to different targets.
    fn compare(&mut self, tool: Tool, ip: &Ipv4<'_>, tcp: &Tcp<'_>) -> Tool {
        let candidate = Seen {
            source: ip.source(),
            sequence: tcp.sequence(),
            address: ip.destination(),
            ports: u32::from(tcp.destination_port()) << 16 | u32::from(tcp.source_port()),
        };
        // Fibonacci hashing (Knuth, "The Art of Computer Programming", volume 3, section 6.4).
        let place = candidate.source.wrapping_mul(0x9e37_79b1) >> (u32::BITS - PLACES_BITS);
        let before = std::mem::replace(&mut self.seen[place as usize], candidate);
        let otherwise = of_identification(ip);
        let given = verdict_on_pair(tool, before, candidate, otherwise);
        if let Some(first) = &mut self.first {
            first[place as usize].get_or_insert(First {
                tool,
                candidate,
                otherwise,
                given,
            });
        }
        given
    }
}

/// The verdict on a candidate behind another.
fn verdict_on_pair(tool: Tool, before: Seen, now: Seen, otherwise: Tool) -> Tool {
    // A repeated packet says nothing: every system repeats a SYN that is not answered.
    let elsewhere = before.address != now.address || before.ports >> 16 != now.ports >> 16;
    let is_pair = match tool {
        Tool::Nmap => is_nmap(before, now),
        _ => is_unicornscan(before, now),
    };
    if before.source == now.source && elsewhere && is_pair {
        tool
    } else {
        otherwise
    }
}

/// The verdict on a SYN that no stronger test told.
#[inline]
const fn of_identification(ip: &Ipv4<'_>) -> Tool {
    if ip.identification() == ZMAP_IDENTIFICATION {
        Tool::Zmap
    } else {
        Tool::None
    }
}

/// `iph->ip_id = htons(54321)` (zmap/zmap, `src/probe_modules/packet.c`, up to 4.0); by chance one in 65,536.
const ZMAP_IDENTIFICATION: u16 = 54321;

/// `tcph->seq = iph->daddr` (jgamblin/Mirai-Source-Code, `mirai/bot/scanner.c`); by chance one in 2^32.
#[inline]
fn is_mirai(ip: &Ipv4<'_>, tcp: &Tcp<'_>) -> bool {
    tcp.sequence() == ip.destination()
}

/// `ip_id = ip_them ^ port_them ^ seqno` (robertdavidgraham/masscan, `src/templ-pkt.c`), of which the low 16 bits
/// are sent. One in 65,536 matches by chance, so the window of its template has to agree: 1024, and 1025 since November
/// 2023, whose comment still says 1024.
#[inline]
fn is_masscan(ip: &Ipv4<'_>, tcp: &Tcp<'_>) -> bool {
    let mixed = ip.destination() ^ u32::from(tcp.destination_port()) ^ tcp.sequence();
    is_among(&MASSCAN_WINDOWS, tcp.window()) && u32::from(ip.identification()) == mixed & 0xffff
}

const MASSCAN_WINDOWS: [u16; 2] = [1024, 1025];

/// Whether a window is one of those that tools are known by; of the others few are let through.
///
/// One look in the place of as many comparisons as there are windows. The windows of most systems' SYNs, such as 8192,
/// 64240 and 65535, are not let through.
#[inline]
const fn may_lead_on(window: u16) -> bool {
    TOOLS_WINDOWS >> place_of(window) & 1 != 0
}

/// A bit for each window of [`MASSCAN_WINDOWS`], [`NMAP_WINDOWS`] and [`UNICORNSCAN_WINDOWS`].
const TOOLS_WINDOWS: u64 = {
    let mut bits = 1 << place_of(MASSCAN_WINDOWS[0]) | 1 << place_of(MASSCAN_WINDOWS[1]);
    let mut at = 0;
    while at < NMAP_WINDOWS.len() {
        bits |= 1 << place_of(NMAP_WINDOWS[at]);
        at += 1;
    }
    at = 0;
    while at < UNICORNSCAN_WINDOWS.len() {
        bits |= 1 << place_of(UNICORNSCAN_WINDOWS[at]);
        at += 1;
    }
    bits
};

/// Whether a window is one of these. Compared with each of them: that needs neither a call nor a jump.
#[inline]
fn is_among<const COUNT: usize>(windows: &[u16; COUNT], window: u16) -> bool {
    let mut found = false;
    for known in windows {
        found |= *known == window;
    }
    found
}

/// By the window's octets the other way round: little-endian machines, which nearly all are, are spared turning them.
const fn place_of(window: u16) -> u32 {
    (window.swap_bytes() as u32).wrapping_mul(0x9e37_79b1) >> (u32::BITS - 6)
}

/// Nmap's SYN carries the option MSS 1460 alone, and a window of 1024 (older versions: 1 to 4 times that), where it
/// builds packets itself (nmap/nmap, `scan_engine_raw.cc` and `libnetutil/netutil.cc`).
#[inline]
fn may_be_nmap(tcp: &Tcp<'_>) -> bool {
    is_among(&NMAP_WINDOWS, tcp.window()) && tcp.options() == [2, 4, 0x05, 0xb4]
}

const NMAP_WINDOWS: [u16; 4] = [1024, 2048, 3072, 4096];

/// `seq = (nfo << 16) + nfo; seq = seq ^ USI->seqmask` (nmap/nmap, `seq32_encode` of `scan_engine_raw.cc`): what two
/// sequence numbers under one mask differ in has equal halves; they are the same where both are first tries.
const fn is_nmap(before: Seen, now: Seen) -> bool {
    let difference = before.sequence ^ now.sequence;
    difference >> 16 == difference & 0xffff
}

/// Windows of the fingerprints 0 to 3 and 5 to 7 that unicornscan imitates (dneufeld/unicornscan,
/// `src/scan_progs/init_packet.c`; 5,744 and 11,744 at an MTU of 1500). The window 65,535 of fingerprint 4 is
/// everyone's, and would cost a place for every SYN of a flood.
const UNICORNSCAN_WINDOWS: [u16; 7] = [4128, 16384, 32767, 12345, 3072, 5744, 11744];

fn may_be_unicornscan(tcp: &Tcp<'_>) -> bool {
    is_among(&UNICORNSCAN_WINDOWS, tcp.window())
}

/// `seq = syn_key ^ (target ^ ((rport << 16) + local_port))` (dneufeld/unicornscan, `TCPHASHTRACK` of
/// `src/scan_progs/tcphash.h` as `send_packet.c` calls it): the key is drawn once a run. The target is in network
/// order in memory and used as a number, so on little-endian machines, which nearly all are, its octets are reversed.
const fn is_unicornscan(before: Seen, now: Seen) -> bool {
    const fn key(seen: Seen) -> u32 {
        seen.sequence ^ seen.address.swap_bytes() ^ seen.ports
    }
    key(before) == key(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESTINATION: [u8; 4] = [203, 0, 113, 9];
    const PORT: u16 = 445;

    /// A SYN from 192.31.196.1, as a test wants it.
    #[derive(Clone, Copy)]
    struct Syn<'a> {
        identification: u16,
        sequence: u32,
        flags: u8,
        window: u16,
        address: [u8; 4],
        port: u16,
        options: &'a [u8],
    }

    const SYN: Syn<'_> = Syn {
        identification: 1,
        sequence: 0x0102_0304,
        flags: flag::SYN,
        window: 1024,
        address: DESTINATION,
        port: PORT,
        options: &[],
    };

    fn verdict_of(scanners: &mut Scanners, syn: Syn<'_>) -> Tool {
        let mut bytes = vec![0; 40];
        bytes.extend(syn.options);
        bytes[0] = 0x45;
        bytes[3] = u8::try_from(bytes.len()).unwrap();
        bytes[4..6].copy_from_slice(&syn.identification.to_be_bytes());
        bytes[12..16].copy_from_slice(&[192, 31, 196, 1]);
        bytes[16..20].copy_from_slice(&syn.address);
        bytes[20..22].copy_from_slice(&6000u16.to_be_bytes());
        bytes[22..24].copy_from_slice(&syn.port.to_be_bytes());
        bytes[24..28].copy_from_slice(&syn.sequence.to_be_bytes());
        bytes[32] = u8::try_from(5 + syn.options.len() / 4).unwrap() << 4;
        bytes[33] = syn.flags;
        bytes[34..36].copy_from_slice(&syn.window.to_be_bytes());
        let ip = Ipv4::new(&bytes).unwrap();
        scanners.recognise(&ip, &Tcp::new(ip.payload()).unwrap())
    }

    /// The verdict on a segment to [`PORT`] of [`DESTINATION`].
    fn verdict(identification: u16, sequence: u32, flags: u8, window: u16) -> Tool {
        let syn = Syn {
            identification,
            sequence,
            flags,
            window,
            ..SYN
        };
        verdict_of(&mut Scanners::default(), syn)
    }

    /// What Masscan writes for this sequence number: the low half of address xor port xor sequence.
    fn masscan_identification(sequence: u16) -> u16 {
        u16::from_be_bytes([113, 9]) ^ PORT ^ sequence
    }

    #[test]
    fn zmap_is_known_by_its_identification() {
        assert_eq!(verdict(54321, 0x0102_0304, flag::SYN, 65535), Tool::Zmap);
        assert_eq!(verdict(54320, 0x0102_0304, flag::SYN, 65535), Tool::None);
    }

    #[test]
    fn masscan_is_known_by_its_identification_and_window() {
        let identification = masscan_identification(0x0304);
        for (window, tool) in [
            (1023, Tool::None),
            (1024, Tool::Masscan),
            (1025, Tool::Masscan),
            (1026, Tool::None),
        ] {
            assert_eq!(
                verdict(identification, 0x0102_0304, flag::SYN, window),
                tool,
                "{window}"
            );
        }
    }

    #[test]
    fn mirai_is_known_by_its_sequence_number() {
        let sequence = u32::from_be_bytes(DESTINATION);
        assert_eq!(verdict(1, sequence, flag::SYN, 5840), Tool::Mirai);
        assert_eq!(verdict(54321, sequence, flag::SYN, 5840), Tool::Mirai);
    }

    #[test]
    fn only_a_pure_syn_gets_a_verdict() {
        assert_eq!(verdict(54321, 1, flag::SYN | flag::ACK, 65535), Tool::None);
        assert_eq!(verdict(54321, 1, 0xc2, 65535), Tool::None);
    }

    const MSS_1460: &[u8] = &[2, 4, 0x05, 0xb4];

    #[test]
    fn nmap_is_known_by_two_sequence_numbers_under_one_mask() {
        let mut scanners = Scanners::default();
        let mask = 0x1234_5678;
        let probe = |try_number: u32, port| Syn {
            sequence: (try_number << 16 | try_number) ^ mask,
            port,
            options: MSS_1460,
            ..SYN
        };
        assert_eq!(verdict_of(&mut scanners, probe(0, 80)), Tool::None);
        assert_eq!(verdict_of(&mut scanners, probe(0, 81)), Tool::Nmap);
        assert_eq!(verdict_of(&mut scanners, probe(1, 82)), Tool::Nmap);
        let by_chance = Syn {
            identification: 54321,
            ..probe(0, 84)
        };
        assert_eq!(verdict_of(&mut scanners, by_chance), Tool::Nmap);
        let stranger = Syn {
            sequence: 1,
            ..probe(0, 83)
        };
        assert_eq!(verdict_of(&mut scanners, stranger), Tool::None);
    }

    #[test]
    fn a_repeated_packet_is_no_pair() {
        let mut scanners = Scanners::default();
        let probe = Syn {
            options: MSS_1460,
            ..SYN
        };
        assert_eq!(verdict_of(&mut scanners, probe), Tool::None);
        assert_eq!(verdict_of(&mut scanners, probe), Tool::None);
        let unicorn = Syn {
            window: 4128,
            ..SYN
        };
        assert_eq!(verdict_of(&mut scanners, unicorn), Tool::None);
        assert_eq!(verdict_of(&mut scanners, unicorn), Tool::None);
    }

    #[test]
    fn masscan_with_nmaps_window_and_options_is_masscan() {
        let mut scanners = Scanners::default();
        for port in [80, 81, 82] {
            let low = u16::from_be_bytes([113, 9]) ^ port ^ 0x0304;
            let probe = Syn {
                identification: low,
                port,
                options: MSS_1460,
                ..SYN
            };
            assert_eq!(verdict_of(&mut scanners, probe), Tool::Masscan);
        }
    }

    /// What unicornscan writes on a little-endian machine.
    fn unicornscan_sequence(key: u32, address: [u8; 4], port: u16) -> u32 {
        key ^ (u32::from_le_bytes(address) ^ ((u32::from(port) << 16) + 6000))
    }

    #[test]
    fn unicornscan_is_known_by_two_packets_of_one_key() {
        for window in [4128, 16384, 32767, 12345, 3072, 5744, 11744] {
            let mut scanners = Scanners::default();
            let probe = |host, port, key| {
                let address = [203, 0, 113, host];
                Syn {
                    window,
                    address,
                    port,
                    sequence: unicornscan_sequence(key, address, port),
                    ..SYN
                }
            };
            assert_eq!(
                verdict_of(&mut scanners, probe(9, 80, 0xdead_beef)),
                Tool::None
            );
            assert_eq!(
                verdict_of(&mut scanners, probe(9, 81, 0xdead_beef)),
                Tool::Unicornscan
            );
            assert_eq!(
                verdict_of(&mut scanners, probe(10, 80, 0xdead_beef)),
                Tool::Unicornscan
            );
            assert_eq!(
                verdict_of(&mut scanners, probe(10, 81, 0xdead_beee)),
                Tool::None
            );
        }
    }

    #[test]
    fn every_verdict_has_its_confidence() {
        assert_eq!(Tool::None.confidence(), None);
        for tool in Tool::ALL {
            assert!(tool.confidence().is_some());
        }
        assert!(Confidence::Fair < Confidence::Certain);
    }
}
