//! Walking the steps through a buffer, with backtracking.
//!
//! Semantics are those of Suricata's content inspection: steps hold in order, a relative step starts where the one
//! before it ended, and where a relative step fails the one before it looks for its next match.

use memchr::memmem;
use regex_automata::meta::{Cache, Regex};
use regex_automata::{Anchored, Input};

use super::content::{Comparison, Content, Number, Operand, Operation, Origin, Step};
use super::limits::{MAX_VALUES, RULE_WORK};

/// What walking steps needs besides them.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    /// One cache for each expression.
    pub(super) caches: &'a mut [Cache],
    /// Work left for this packet.
    pub(super) work: &'a mut u32,
}

/// Whether the walk may go on, seen from a step that failed.
enum Outcome {
    /// All later steps hold.
    Holds,
    /// They do not from here; another match of the step before may help.
    Fails,
    /// They do not, whatever the step before finds.
    Hopeless,
}

/// Whether all steps hold in the buffer.
///
/// Never costs more than [`RULE_WORK`] or what is left of the packet's work, whichever is less: then it does not.
pub(super) fn hold(steps: &[Step], buffer: &[u8], walk: &mut Walk<'_>) -> bool {
    let allowed = (*walk.work).min(RULE_WORK);
    let mut walker = Walker {
        buffer,
        caches: walk.caches,
        work: allowed,
        values: [0; MAX_VALUES],
    };
    let holds = matches!(walker.from(steps, 0), Outcome::Holds);
    *walk.work -= allowed - walker.work;
    holds
}

struct Walker<'a, 'b> {
    buffer: &'b [u8],
    caches: &'a mut [Cache],
    work: u32,
    values: [u64; MAX_VALUES],
}

impl Walker<'_, '_> {
    /// Spends work; `false` once there is none left.
    fn spend(&mut self, work: usize) -> bool {
        let work = u32::try_from(work).unwrap_or(u32::MAX);
        let enough = work <= self.work;
        self.work = self.work.saturating_sub(work);
        enough
    }

    fn operand(&self, operand: Operand) -> i64 {
        match operand {
            Operand::Fixed(number) => number,
            Operand::Value(value) => {
                i64::try_from(self.values[usize::from(value) % MAX_VALUES]).unwrap_or(i64::MAX)
            }
        }
    }

    /// Walks the steps, the step before them having ended at `cursor`.
    fn from(&mut self, steps: &[Step], cursor: usize) -> Outcome {
        let Some((step, rest)) = steps.split_first() else {
            return Outcome::Holds;
        };
        if !self.spend(16) {
            return Outcome::Hopeless;
        }
        let relative_next = rest.first().is_some_and(Step::is_relative);
        match step {
            Step::Content(content) => self.content(content, rest, cursor, relative_next),
            Step::Expression {
                regex,
                cache,
                relative,
                anchored,
                negated,
                ..
            } => {
                let start = if *relative { cursor } else { 0 };
                let how = Search {
                    regex,
                    cache: *cache,
                    anchored: *anchored,
                    negated: *negated,
                };
                self.expression(&how, rest, start, cursor, relative_next)
            }
            other => match self.simple(other, cursor) {
                Some(next) => self.from(rest, next),
                None if step.is_relative() => Outcome::Fails,
                None if self.has_values(step) => Outcome::Fails,
                None => Outcome::Hopeless,
            },
        }
    }

    /// Whether what the step does depends on extracted values.
    #[expect(clippy::unused_self, reason = "reads as the question it is")]
    const fn has_values(&self, step: &Step) -> bool {
        match step {
            Step::DataAt { bytes, .. } => matches!(bytes, Operand::Value(_)),
            Step::Size(_) => false,
            _ => true,
        }
    }

    /// A step that holds in one way or not at all: where the next relative step starts.
    fn simple(&mut self, step: &Step, cursor: usize) -> Option<usize> {
        match step {
            Step::Test {
                number,
                comparison,
                negated,
                value,
            } => {
                let (read, _) = self.number(number, cursor)?;
                let value = unsigned(self.operand(*value));
                let holds = match comparison {
                    Comparison::Equal => read == value,
                    Comparison::Less => read < value,
                    Comparison::Greater => read > value,
                    Comparison::AtMost => read <= value,
                    Comparison::AtLeast => read >= value,
                    Comparison::CommonBit => read & value != 0,
                    Comparison::Differs => read != value,
                };
                (holds != *negated).then_some(cursor)
            }
            Step::Jump {
                number,
                multiplier,
                align,
                then,
                origin,
            } => {
                let (read, end) = self.number(number, cursor)?;
                let jump =
                    signed(aligned(read.wrapping_mul(*multiplier), *align)).checked_add(*then)?;
                let from = match origin {
                    Origin::Number => end,
                    Origin::Start => 0,
                    Origin::End => self.buffer.len(),
                };
                let to = i64::try_from(from).ok()?.checked_add(jump)?;
                let to = usize::try_from(to).unwrap_or(0);
                (to <= self.buffer.len()).then_some(to)
            }
            Step::Extract {
                number,
                multiplier,
                align,
                value,
            } => {
                let (read, end) = self.number(number, cursor)?;
                self.values[usize::from(*value) % MAX_VALUES] =
                    aligned(read.wrapping_mul(*multiplier), *align);
                Some(end)
            }
            Step::Math {
                number,
                operation,
                operand,
                value,
            } => {
                let (read, end) = self.number(number, cursor)?;
                let operand = unsigned(self.operand(*operand));
                let result = match operation {
                    Operation::Add => read.wrapping_add(operand),
                    Operation::Subtract => read.wrapping_sub(operand),
                    Operation::Multiply => read.wrapping_mul(operand),
                    Operation::Divide => read.checked_div(operand)?,
                    Operation::ShiftUp => u32::try_from(operand)
                        .ok()
                        .and_then(|by| read.checked_shl(by))
                        .unwrap_or(0),
                    Operation::ShiftDown => u32::try_from(operand)
                        .ok()
                        .and_then(|by| read.checked_shr(by))
                        .unwrap_or(0),
                };
                self.values[usize::from(*value) % MAX_VALUES] = result;
                Some(end)
            }
            Step::DataAt {
                bytes,
                relative,
                negated,
            } => {
                let length = i64::try_from(self.buffer.len()).ok()?;
                let bytes = self.operand(*bytes);
                let there = if *relative {
                    i64::try_from(cursor).ok()?.saturating_add(bytes) <= length
                } else {
                    bytes < length
                };
                (there != *negated).then_some(cursor)
            }
            Step::Size(sizes) => sizes.has(self.buffer.len() as u128).then_some(cursor),
            Step::Content(_) | Step::Expression { .. } => None,
        }
    }

    /// A number of the buffer, and where it ends.
    fn number(&self, how: &Number, cursor: usize) -> Option<(u64, usize)> {
        let base = if how.relative {
            i64::try_from(cursor).ok()?
        } else {
            0
        };
        let start = usize::try_from(base.checked_add(self.operand(how.offset))?).ok()?;
        let bytes = usize::try_from(self.operand(how.bytes)).ok()?;
        let text = self.buffer.get(start..start.checked_add(bytes)?)?;
        let (number, length) = match how.digits {
            Some(base) => written(text, base)?,
            None if bytes > 8 => return None,
            None => {
                let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
                let number = if how.little_endian {
                    text.iter().rev().fold(0, fold)
                } else {
                    text.iter().fold(0, fold)
                };
                (number, bytes)
            }
        };
        let number = match how.mask {
            0 => number,
            mask => (number & mask) >> mask.trailing_zeros(),
        };
        Some((number, start + length))
    }

    /// The part of the buffer a content is searched in; `None` where there is no such part.
    fn part(&self, content: &Content, cursor: usize) -> Option<(usize, usize)> {
        let length = i64::try_from(self.buffer.len()).ok()?;
        let offset = self.operand(content.offset);
        let (mut start, mut end) = (offset, length);
        if content.distance.is_some() || content.within.is_some() {
            let cursor = i64::try_from(cursor).ok()?;
            let distance = content
                .distance
                .map_or(0, |distance| self.operand(distance));
            start = cursor.saturating_add(distance).max(offset).max(0);
            if let Some(within) = content.within {
                end = end.min(
                    cursor
                        .saturating_add(distance)
                        .saturating_add(self.operand(within)),
                );
            }
            if let Some(depth) = content.depth {
                end = end.min(
                    cursor
                        .saturating_add(offset)
                        .saturating_add(self.operand(depth)),
                );
            }
        } else if let Some(depth) = content.depth {
            end = end.min(offset.saturating_add(self.operand(depth)));
        }
        let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
        (start <= end && end > 0).then_some((start, end))
    }

    fn content(
        &mut self,
        content: &Content,
        rest: &[Step],
        cursor: usize,
        relative_next: bool,
    ) -> Outcome {
        let part = self.part(content, cursor);
        let relative = content.distance.is_some() || content.within.is_some();
        if content.negated {
            let found = part.is_some_and(|(start, end)| self.is_in(content, start, end));
            if !found {
                return self.from(rest, cursor);
            }
            return if relative {
                Outcome::Fails
            } else {
                Outcome::Hopeless
            };
        }
        let Some((mut start, end)) = part else {
            return Outcome::Fails;
        };
        if content.at_end {
            if end < self.buffer.len() {
                return if relative {
                    Outcome::Fails
                } else {
                    Outcome::Hopeless
                };
            }
            start = start.max(end.saturating_sub(content.bytes.len()));
        }
        let mut any = false;
        while let Some(found) = self.find(content, start, end) {
            any = true;
            match self.from(rest, found + content.bytes.len()) {
                Outcome::Holds => return Outcome::Holds,
                Outcome::Hopeless => return Outcome::Hopeless,
                Outcome::Fails if !relative_next => return Outcome::Hopeless,
                Outcome::Fails => start = found + 1,
            }
        }
        if relative || any || self.part_moves(content) {
            Outcome::Fails
        } else {
            Outcome::Hopeless
        }
    }

    /// Whether where the content is searched depends on extracted values.
    #[expect(clippy::unused_self, reason = "reads as the question it is")]
    fn part_moves(&self, content: &Content) -> bool {
        let moves = |operand: Operand| matches!(operand, Operand::Value(_));
        moves(content.offset) || content.depth.is_some_and(moves)
    }

    fn is_in(&mut self, content: &Content, start: usize, end: usize) -> bool {
        let start = if content.at_end {
            if end < self.buffer.len() {
                return false;
            }
            start.max(end.saturating_sub(content.bytes.len()))
        } else {
            start
        };
        self.find(content, start, end).is_some()
    }

    fn find(&mut self, content: &Content, start: usize, end: usize) -> Option<usize> {
        let part = self.buffer.get(start..end)?;
        let found = find(&content.bytes, content.any_case, part);
        let walked = found.unwrap_or(part.len());
        let cost = if content.any_case { walked } else { walked / 8 };
        if !self.spend(8 + cost) {
            return None;
        }
        found.map(|found| start + found)
    }

    fn expression(
        &mut self,
        how: &Search<'_>,
        rest: &[Step],
        start: usize,
        cursor: usize,
        relative_next: bool,
    ) -> Outcome {
        // As Suricata does it, an anchor of the expression means the place where the search starts.
        let part = self.buffer.get(start..).unwrap_or_default();
        let mut from = 0;
        loop {
            if !self.spend(64 + part.len().saturating_sub(from) * 2) {
                return Outcome::Hopeless;
            }
            let Some(cache) = self.caches.get_mut(how.cache) else {
                return Outcome::Hopeless;
            };
            let anchored = if how.anchored {
                Anchored::Yes
            } else {
                Anchored::No
            };
            let input = Input::new(part).range(from..).anchored(anchored);
            let found = how.regex.search_with(cache, &input);
            let found = match (found, how.negated) {
                (None, true) => return self.from(rest, cursor),
                (Some(_), true) | (None, false) => return Outcome::Fails,
                (Some(found), false) => found,
            };
            match self.from(rest, start + found.end()) {
                Outcome::Fails if relative_next && found.start() < part.len() && !how.anchored => {
                    from = found.start() + 1;
                }
                outcome => return outcome,
            }
        }
    }
}

struct Search<'a> {
    regex: &'a Regex,
    cache: usize,
    anchored: bool,
    negated: bool,
}

/// The same bits, as numbers of a rule compare with numbers of a packet.
#[expect(clippy::cast_sign_loss, reason = "the bits are meant")]
const fn unsigned(number: i64) -> u64 {
    number as u64
}

/// The same bits, so that a jump back is one whose number has the highest bit set.
#[expect(clippy::cast_possible_wrap, reason = "the bits are meant")]
const fn signed(number: u64) -> i64 {
    number as i64
}

const fn aligned(number: u64, align: bool) -> u64 {
    match number % 4 {
        rest if align && rest != 0 => number.wrapping_add(4 - rest),
        _ => number,
    }
}

/// A number written in digits, blanks before it left out, and how many bytes it took.
fn written(text: &[u8], base: u32) -> Option<(u64, usize)> {
    let blanks = text
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    let mut rest = &text[blanks..];
    let mut base = base;
    if matches!(base, 0 | 16) {
        match rest {
            [b'0', b'x' | b'X', digits @ ..]
                if digits.first().is_some_and(u8::is_ascii_hexdigit) =>
            {
                (base, rest) = (16, digits);
            }
            [b'0', ..] if base == 0 => base = 8,
            _ if base == 0 => base = 10,
            _ => {}
        }
    }
    let mut number: Option<u64> = None;
    for (place, byte) in rest.iter().enumerate() {
        let Some(digit) = char::from(*byte).to_digit(base) else {
            rest = &rest[place..];
            return number.map(|number| (number, text.len() - rest.len()));
        };
        number = Some(
            number
                .unwrap_or(0)
                .checked_mul(base.into())?
                .checked_add(digit.into())?,
        );
    }
    number.map(|number| (number, text.len()))
}

/// Bytes from which on a part is worth what preparing a search costs.
const LONG_PART: usize = 128;

/// Where `bytes` are first found in `part`.
fn find(bytes: &[u8], any_case: bool, part: &[u8]) -> Option<usize> {
    let length = bytes.len();
    let last = part.len().checked_sub(length)?;
    let is_at = |start: usize| {
        part.get(start..start + length).is_some_and(|found| {
            if any_case {
                found.eq_ignore_ascii_case(bytes)
            } else {
                found == bytes
            }
        })
    };
    if last == 0 {
        return is_at(0).then_some(0);
    }
    if !any_case && part.len() >= LONG_PART {
        return memmem::find(part, bytes);
    }
    // Most payloads that are no text are rich in zeros.
    let place = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
    let (byte, places) = (*bytes.get(place)?, part.get(place..=place + last)?);
    if any_case {
        let cases = (byte.to_ascii_lowercase(), byte.to_ascii_uppercase());
        memchr::memchr2_iter(cases.0, cases.1, places).find(|start| is_at(*start))
    } else {
        memchr::memchr_iter(byte, places).find(|start| is_at(*start))
    }
}
