//! Messages of `BitTorrent`'s distributed hash table (BEP 5, "DHT Protocol").

use super::{Direction, Shown};

pub(super) const EVENTS: &[&str] = &["malformed_packet"];

const MALFORMED: u32 = 1;

/// What queries and responses begin with: their keys are sorted (BEP 3), and what they carry begins with the sender's id.
const QUERY: &[u8] = b"d1:ad2:id20:";
const RESPONSE: &[u8] = b"d1:rd2:id20:";

/// Values within values that are looked through; messages need three.
const MAX_DEPTH: u32 = 16;

/// What a message shows.
pub(super) fn read(payload: &[u8]) -> Option<Shown> {
    let direction = if payload.starts_with(QUERY) {
        Direction::Request
    } else if payload.starts_with(RESPONSE) {
        Direction::Response
    } else {
        return None;
    };
    let is_message = message(payload).unwrap_or(false);
    Some((if is_message { 0 } else { MALFORMED }, direction))
}

/// Whether it is a dictionary that has the keys of its kind: `t` and `y`, and of a query `q`.
fn message(payload: &[u8]) -> Option<bool> {
    let (mut rest, mut found) = (payload.strip_prefix(b"d")?, [false; 5]);
    let mut kind: Option<&[u8]> = None;
    loop {
        if rest.first()? == &b'e' {
            let [arguments, response, transaction, query, has_kind] = found;
            return Some(match kind {
                Some(b"q") => arguments && query && transaction && has_kind,
                Some(b"r") => response && transaction && has_kind,
                _ => false,
            });
        }
        let (key, behind) = string(rest)?;
        let first = *behind.first()?;
        let is_dictionary = first == b'd';
        let (place, fits) = match key {
            b"a" => (0, is_dictionary),
            b"r" => (1, is_dictionary),
            b"t" => (2, first.is_ascii_digit()),
            b"q" => (3, first.is_ascii_digit()),
            b"y" => (4, first.is_ascii_digit()),
            _ => {
                rest = value(behind, MAX_DEPTH)?;
                continue;
            }
        };
        found[place] |= fits;
        if place == 4 && fits {
            kind = Some(string(behind)?.0);
        }
        rest = value(behind, MAX_DEPTH)?;
    }
}

/// A string, its length before it (BEP 3, "bencoding"), and what follows.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = bytes
        .iter()
        .take(6)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (number, rest) = bytes.split_at_checked(digits)?;
    let length = number.iter().fold(0_usize, |length, digit| {
        length * 10 + usize::from(digit - b'0')
    });
    if digits == 0 {
        return None;
    }
    rest.strip_prefix(b":")?.split_at_checked(length)
}

/// What follows a value; no byte is looked at twice.
fn value(bytes: &[u8], depth: u32) -> Option<&[u8]> {
    let (first, mut rest) = bytes.split_first()?;
    match first {
        // No zero leads, and none has a sign (BEP 3).
        b'i' => {
            let end = rest.iter().position(|byte| *byte == b'e')?;
            let (number, behind) = rest.split_at_checked(end)?;
            match number {
                [b'0'] | [b'-', b'1'..=b'9', ..] | [b'1'..=b'9', ..] => {}
                _ => return None,
            }
            let digits = number.get(1..)?;
            digits.iter().all(u8::is_ascii_digit).then_some(())?;
            behind.get(1..)
        }
        b'l' | b'd' if depth > 0 => loop {
            if let Some(behind) = rest.strip_prefix(b"e") {
                return Some(behind);
            }
            if *first == b'd' {
                rest = string(rest)?.1;
            }
            rest = value(rest, depth - 1)?;
        },
        _ => string(bytes).map(|(_, rest)| rest),
    }
}
