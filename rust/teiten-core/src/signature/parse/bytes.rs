//! Options that read numbers from a buffer, or look at its length.

use super::draft::Draft;
use super::fields::numbers;
use super::options::{RuleOption, pieces};
use crate::signature::content::{Comparison, Number, Operand, Operation, Origin, Step};
use crate::signature::text::Refusal;

/// Words behind the leading arguments of a byte option.
struct Words {
    number: Number,
    multiplier: u64,
    align: bool,
    then: i64,
    origin: Origin,
}

/// Reads `byte_test`.
pub(super) fn test(draft: &mut Draft, option: &RuleOption<'_>) -> Result<(), Refusal> {
    let list = option.list()?;
    let [bytes, comparison, value, offset, words @ ..] = list.as_slice() else {
        return Err(option.mistake("it needs bytes, comparison, value and offset"));
    };
    let (negated, sign) = match comparison.strip_prefix('!') {
        Some(rest) => (true, rest.trim()),
        None => (false, *comparison),
    };
    let comparison = match sign {
        "=" | "==" | "" => Comparison::Equal,
        "<" => Comparison::Less,
        ">" => Comparison::Greater,
        "<=" => Comparison::AtMost,
        ">=" => Comparison::AtLeast,
        "&" => Comparison::CommonBit,
        "^" => Comparison::Differs,
        _ => return Err(option.mistake("the comparison is none of = < > <= >= & ^")),
    };
    let value = draft.operand(option, value)?;
    let words = self::words(draft, option, bytes, offset, words)?;
    draft.step(
        option,
        Step::Test {
            number: words.number,
            comparison,
            negated,
            value,
        },
    )
}

/// Reads `byte_jump`.
pub(super) fn jump(draft: &mut Draft, option: &RuleOption<'_>) -> Result<(), Refusal> {
    let list = option.list()?;
    let [bytes, offset, words @ ..] = list.as_slice() else {
        return Err(option.mistake("it needs bytes and offset"));
    };
    let Words {
        number,
        multiplier,
        align,
        then,
        origin,
    } = self::words(draft, option, bytes, offset, words)?;
    draft.step(
        option,
        Step::Jump {
            number,
            multiplier,
            align,
            then,
            origin,
        },
    )
}

/// Reads `byte_extract`.
pub(super) fn extract(draft: &mut Draft, option: &RuleOption<'_>) -> Result<(), Refusal> {
    let list = option.list()?;
    let [bytes, offset, name, words @ ..] = list.as_slice() else {
        return Err(option.mistake("it needs bytes, offset and the name of a value"));
    };
    let Words {
        number,
        multiplier,
        align,
        ..
    } = self::words(draft, option, bytes, offset, words)?;
    let value = draft.value(option, name)?;
    draft.step(
        option,
        Step::Extract {
            number,
            multiplier,
            align,
            value,
        },
    )
}

/// Reads `byte_math`.
pub(super) fn math(draft: &mut Draft, option: &RuleOption<'_>) -> Result<(), Refusal> {
    let (mut bytes, mut offset, mut operation, mut operand, mut name) = ("", "0", None, None, "");
    let mut rest = Vec::new();
    for word in option.list()? {
        let (key, value) = word
            .split_once([' ', '\t'])
            .map_or((word, ""), |(key, value)| (key, value.trim()));
        match key {
            "bytes" => bytes = value,
            "offset" => offset = value,
            "rvalue" => operand = Some(draft.operand(option, value)?),
            "result" => name = value,
            "oper" => {
                operation = Some(match value {
                    "+" => Operation::Add,
                    "-" => Operation::Subtract,
                    "*" => Operation::Multiply,
                    "/" => Operation::Divide,
                    "<<" => Operation::ShiftUp,
                    ">>" => Operation::ShiftDown,
                    _ => return Err(option.mistake("`oper` is none of + - * / << >>")),
                });
            }
            _ => rest.push(word),
        }
    }
    let (Some(operation), Some(operand)) = (operation, operand) else {
        return Err(option.mistake("it needs `oper` and `rvalue`"));
    };
    let number = words(draft, option, bytes, offset, &rest)?.number;
    let value = draft.value(option, name)?;
    draft.step(
        option,
        Step::Math {
            number,
            operation,
            operand,
            value,
        },
    )
}

/// Reads `isdataat`.
pub(super) fn data_at(draft: &mut Draft, option: &RuleOption<'_>) -> Result<(), Refusal> {
    let list = option.list()?;
    let (first, words) = list
        .split_first()
        .map_or(("", &[][..]), |(first, rest)| (*first, rest));
    let (negated, first) = match first.strip_prefix('!') {
        Some(rest) => (true, rest.trim()),
        None => (false, first),
    };
    let mut relative = false;
    for word in words {
        match *word {
            "relative" => relative = true,
            "rawbytes" => {}
            _ => {
                return Err(
                    option.mistake("behind the number stands something other than `relative`")
                );
            }
        }
    }
    let bytes = draft.operand(option, first)?;
    draft.step(
        option,
        Step::DataAt {
            bytes,
            relative,
            negated,
        },
    )
}

/// Reads `bsize` (and Snort 3's `bufferlen`).
pub(super) fn size(draft: &mut Draft, option: &RuleOption<'_>) -> Result<(), Refusal> {
    let sizes = numbers(option, u32::MAX.into(), false)?;
    draft.step(option, Step::Size(sizes))
}

fn words(
    draft: &Draft,
    option: &RuleOption<'_>,
    bytes: &str,
    offset: &str,
    words: &[&str],
) -> Result<Words, Refusal> {
    let mut read = Words {
        number: Number {
            bytes: draft.operand(option, bytes)?,
            offset: draft.operand(option, offset)?,
            relative: false,
            little_endian: false,
            digits: None,
            mask: 0,
        },
        multiplier: 1,
        align: false,
        then: 0,
        origin: Origin::Number,
    };
    let mut base = None;
    for word in words.iter().flat_map(|word| spread(word)) {
        let (key, value) = word
            .split_once([' ', '\t'])
            .map_or((word, ""), |(key, value)| (key, value.trim()));
        match (key, value) {
            ("relative", "") => read.number.relative = true,
            ("big", "") | ("endian", "big") => read.number.little_endian = false,
            ("little", "") | ("endian", "little") => read.number.little_endian = true,
            ("string", "") => read.number.digits = Some(0),
            ("string", digits) => {
                read.number.digits = Some(0);
                base = base_of(digits);
            }
            ("hex" | "dec" | "oct", "") => base = base_of(key),
            ("align", "") => read.align = true,
            ("from_beginning", "") => read.origin = Origin::Start,
            ("from_end", "") => read.origin = Origin::End,
            ("multiplier", number) => {
                read.multiplier = number.parse().map_err(|_| bad_word(option, word))?;
            }
            ("post_offset", number) => {
                read.then = number.parse().map_err(|_| bad_word(option, word))?;
            }
            ("bitmask", number) => {
                let digits = number.trim_start_matches("0x").trim_start_matches("0X");
                read.number.mask =
                    u64::from_str_radix(digits, 16).map_err(|_| bad_word(option, word))?;
            }
            ("dce", "") => return Err(Refusal::session(option.offset, "byte options with `dce`")),
            _ => return Err(bad_word(option, word)),
        }
    }
    if base.is_some() {
        // Old rules write the base without `string`, for which Snort reads digits all the same.
        read.number.digits = base;
    } else if read.number.digits.is_some() {
        read.number.digits = Some(10);
    }
    let most = if read.number.digits.is_some() { 23 } else { 8 };
    match read.number.bytes {
        Operand::Fixed(bytes) if !(0..=most).contains(&bytes) => {
            Err(option.mistake("it reads at most 8 bytes, or 23 digits with `string`"))
        }
        _ => Ok(read),
    }
}

/// A word, or the several that blanks alone divide, as in `string dec`.
fn spread(word: &str) -> Vec<&str> {
    let takes_value = ["multiplier", "post_offset", "bitmask", "endian"];
    if takes_value.iter().any(|key| word.starts_with(key)) {
        vec![word]
    } else {
        pieces(word, b' ')
    }
    .into_iter()
    .filter(|word| !word.is_empty())
    .collect()
}

fn base_of(name: &str) -> Option<u32> {
    match name {
        "hex" => Some(16),
        "dec" => Some(10),
        "oct" => Some(8),
        _ => None,
    }
}

fn bad_word(option: &RuleOption<'_>, word: &str) -> Refusal {
    option.mistake(&format!("`{word}` is none of its words"))
}
