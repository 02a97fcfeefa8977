//! Messages of DNS and multicast DNS.

use super::{Direction, Shown};

pub(super) const EVENTS: &[&str] = &[
    "malformed_data",
    "not_request",
    "not_response",
    "z_flag_set",
    "invalid_opcode",
    "name_too_long",
    "infinite_loop",
    "too_many_labels",
    "invalid_authorities",
    "invalid_additionals",
];

const MALFORMED: u32 = 1;
const NOT_REQUEST: u32 = 1 << 1;
const NOT_RESPONSE: u32 = 1 << 2;
const Z_FLAG: u32 = 1 << 3;
const OPCODE: u32 = 1 << 4;
const NAME: u32 = 1 << 5;
const LOOP: u32 = 1 << 6;
const LABELS: u32 = 1 << 7;
const AUTHORITIES: u32 = 1 << 8;
const ADDITIONALS: u32 = 1 << 9;

/// Longest name in bytes (RFC 1035 section 2.3.4); with a byte of length before each label it has at most 127.
const MAX_NAME: usize = 255;
const MAX_LABELS: usize = 127;

/// Labels and pointers walked of one name: more than any name within bounds has.
const MAX_NAME_STEPS: u32 = 512;

/// Labels and pointers walked of one message; behind them nothing more is said of it.
const MAX_MESSAGE_STEPS: u32 = 4096;

/// The bits that a message going this way can show.
pub(super) const fn misplaced(direction: Direction) -> u32 {
    match direction {
        Direction::Request => !NOT_RESPONSE,
        Direction::Response => !NOT_REQUEST,
    }
}

/// What a message shows (RFC 1035 section 4.1).
///
/// A message is known by its header: no datagram has room for 256 records of a kind beside its other contents, so
/// the high bytes of all four counts are 0; of random bytes that holds once in 2³².
pub(super) fn read(payload: &[u8]) -> Option<Shown> {
    let (header, body) = payload.split_first_chunk::<12>()?;
    let [
        _,
        _,
        first,
        second,
        0,
        questions,
        0,
        answers,
        0,
        authorities,
        0,
        additionals,
    ] = header
    else {
        return None;
    };
    let answers_itself = first & 0x80 != 0;
    let (mut events, direction) = if answers_itself {
        (NOT_REQUEST, Direction::Response)
    } else {
        (NOT_RESPONSE, Direction::Request)
    };
    // Reserved (RFC 1035 section 4.1.1); its two neighbours are DNSSEC's (RFC 4035 section 3).
    if second & 0x40 != 0 {
        events |= Z_FLAG;
    }
    // The last one assigned is 6 (IANA registry of DNS opcodes; RFC 8490 section 5.4).
    if first >> 3 & 0xf > 6 {
        events |= OPCODE;
    }
    let mut walk = Walk {
        message: payload,
        at: payload.len() - body.len(),
        steps: MAX_MESSAGE_STEPS,
        events,
    };
    walk.sections([*questions, *answers, *authorities, *additionals]);
    Some((walk.events, direction))
}

/// A walk through a message.
struct Walk<'a> {
    message: &'a [u8],
    at: usize,
    steps: u32,
    events: u32,
}

impl Walk<'_> {
    fn sections(&mut self, [questions, answers, authorities, additionals]: [u8; 4]) {
        for (count, is_question, failed) in [
            (questions, true, MALFORMED),
            (answers, false, MALFORMED),
            (authorities, false, AUTHORITIES),
            (additionals, false, ADDITIONALS),
        ] {
            for _ in 0..count {
                let read = if is_question {
                    self.question()
                } else {
                    self.record()
                };
                if self.steps == 0 {
                    return;
                }
                if read.is_none() {
                    self.events |= failed;
                    return;
                }
            }
        }
    }

    /// RFC 1035 section 4.1.2.
    fn question(&mut self) -> Option<()> {
        self.name()?;
        self.skip(4)
    }

    /// RFC 1035 section 4.1.3; of contents, names alone are looked at (sections 3.3.1, 3.3.9, 3.3.11 and 3.3.12).
    fn record(&mut self) -> Option<()> {
        self.name()?;
        let fields = self.message.get(self.at..)?.first_chunk::<10>()?;
        let kind = u16::from_be_bytes([fields[0], fields[1]]);
        let length = usize::from(u16::from_be_bytes([fields[8], fields[9]]));
        self.skip(10)?;
        let end = self.at + length;
        self.message.get(self.at..end)?;
        let before = match kind {
            // NS, CNAME, PTR.
            2 | 5 | 12 => Some(0),
            // MX: a preference of two bytes stands before.
            15 => Some(2),
            _ => None,
        };
        if let Some(before) = before.filter(|_| length > 0) {
            self.skip(before)?;
            self.name()?;
            if self.at > end {
                return None;
            }
        }
        self.at = end;
        Some(())
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.message.get(self.at..self.at + count)?;
        self.at += count;
        Some(())
    }

    /// Walks over a name (RFC 1035 sections 3.1 and 4.1.4); `None` where it cannot be read to its end.
    ///
    /// A pointer leads to a prior occurrence; one that does not may lead in a circle, and if it does the name never
    /// ends. A name that is only too long is read on behind.
    fn name(&mut self) -> Option<()> {
        let (mut at, mut behind) = (self.at, None);
        let (mut start, mut forward) = (self.at, false);
        let (mut length, mut labels) = (1_usize, 0_usize);
        let mut steps = MAX_NAME_STEPS.min(self.steps);
        let left = self.steps - steps;
        loop {
            if steps == 0 {
                self.steps = left;
                if forward {
                    self.events |= LOOP;
                }
                self.too_long(length, labels);
                return None;
            }
            steps -= 1;
            let first = *self.message.get(at)?;
            match first {
                0 => break,
                1..=63 => {
                    let size = usize::from(first) + 1;
                    self.message.get(at..at + size)?;
                    at += size;
                    length += size;
                    labels += 1;
                }
                0xc0.. => {
                    let second = *self.message.get(at + 1)?;
                    behind = behind.or(Some(at + 2));
                    let target = usize::from(u16::from_be_bytes([first & 0x3f, second]));
                    forward |= target >= start;
                    (at, start) = (target, target);
                }
                // Reserved (RFC 6891 section 5).
                64.. => return None,
            }
        }
        self.steps = left + steps;
        self.at = behind.unwrap_or(at + 1);
        self.too_long(length, labels);
        Some(())
    }

    const fn too_long(&mut self, length: usize, labels: usize) {
        if length > MAX_NAME {
            self.events |= NAME;
        }
        if labels > MAX_LABELS {
            self.events |= LABELS;
        }
    }
}
