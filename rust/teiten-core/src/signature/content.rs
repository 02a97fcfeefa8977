//! Steps through a buffer: contents, numbers in it, regular expressions.

use regex_automata::meta::Regex;

use super::ranges::Ranges;

/// A number written in the rule, or extracted by an earlier step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Written in the rule.
    Fixed(i64),
    /// Extracted: the number of the value.
    Value(u8),
}

/// A byte string to find.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a modifier of its own"
)]
pub struct Content {
    /// The bytes; in lower case where case does not matter.
    pub bytes: Box<[u8]>,
    /// Whether case does not matter.
    pub any_case: bool,
    /// Whether it must not be found.
    pub negated: bool,
    /// Where the search begins, from the start of the buffer.
    pub offset: Operand,
    /// Length of the part searched, from `offset`; `None`: to the end.
    pub depth: Option<Operand>,
    /// Bytes from the end of the step before; makes the content relative.
    pub distance: Option<Operand>,
    /// Length of the part searched, from `distance`; makes the content relative.
    pub within: Option<Operand>,
    /// Whether it must end with the buffer.
    pub at_end: bool,
    /// Whether the rule asks for this one in the multi-pattern search.
    pub preferred: bool,
}

impl Content {
    /// Whether it can be found nowhere but at the start of the buffer.
    #[must_use]
    pub fn is_at_start(&self) -> bool {
        let length = i64::try_from(self.bytes.len()).unwrap_or(0);
        let fixed = self.offset == Operand::Fixed(0) && self.depth == Some(Operand::Fixed(length));
        fixed && !self.negated && self.distance.is_none() && self.within.is_none()
    }
}

/// How a number is read from the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// Bytes it has.
    pub bytes: Operand,
    /// Where it begins.
    pub offset: Operand,
    /// Whether `offset` counts from the end of the step before.
    pub relative: bool,
    /// Whether the least byte comes first.
    pub little_endian: bool,
    /// Base of the digits it is written with; `None`: it is binary. 0: as a leading `0` or `0x` says.
    pub digits: Option<u32>,
    /// Bits that count, moved down to the lowest set one; 0: all.
    pub mask: u64,
}

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// Less.
    Less,
    /// Greater.
    Greater,
    /// At most.
    AtMost,
    /// At least.
    AtLeast,
    /// Has a bit in common.
    CommonBit,
    /// Differs.
    Differs,
}

/// An operation of `byte_math`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Sum.
    Add,
    /// Difference.
    Subtract,
    /// Product.
    Multiply,
    /// Quotient.
    Divide,
    /// Bits moved up.
    ShiftUp,
    /// Bits moved down.
    ShiftDown,
}

/// Where `byte_jump` counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The end of the number.
    Number,
    /// The start of the buffer.
    Start,
    /// The end of the buffer.
    End,
}

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    /// A byte string.
    Content(Content),
    /// A number compares so.
    Test {
        /// The number.
        number: Number,
        /// How it compares.
        comparison: Comparison,
        /// Whether it must not.
        negated: bool,
        /// With what.
        value: Operand,
    },
    /// The next relative step starts as far on as a number says.
    Jump {
        /// The number.
        number: Number,
        /// What it is multiplied with.
        multiplier: u64,
        /// Whether the result is rounded up to a multiple of 4.
        align: bool,
        /// What is added then.
        then: i64,
        /// Where to count from.
        origin: Origin,
    },
    /// A number is kept.
    Extract {
        /// The number.
        number: Number,
        /// What it is multiplied with.
        multiplier: u64,
        /// Whether the result is rounded up to a multiple of 4.
        align: bool,
        /// As which value.
        value: u8,
    },
    /// A number, changed, is kept.
    Math {
        /// The number.
        number: Number,
        /// How it is changed.
        operation: Operation,
        /// With what.
        operand: Operand,
        /// As which value.
        value: u8,
    },
    /// So many bytes follow.
    DataAt {
        /// How many.
        bytes: Operand,
        /// Whether counted from the end of the step before.
        relative: bool,
        /// Whether they must not.
        negated: bool,
    },
    /// A regular expression.
    Expression {
        /// As text, flags within; to be searched together with others.
        text: Box<str>,
        /// Compiled.
        regex: Box<Regex>,
        /// Which of the state's caches is its own.
        cache: usize,
        /// Whether it starts at the end of the step before.
        relative: bool,
        /// Whether it must match where it starts.
        anchored: bool,
        /// Whether it must not match.
        negated: bool,
    },
    /// The buffer has so many bytes.
    Size(Ranges),
}

impl Step {
    /// Whether the step starts where the one before it ended.
    #[must_use]
    pub const fn is_relative(&self) -> bool {
        match self {
            Self::Content(content) => content.distance.is_some() || content.within.is_some(),
            Self::Test { number, .. }
            | Self::Jump { number, .. }
            | Self::Extract { number, .. }
            | Self::Math { number, .. } => number.relative,
            Self::DataAt { relative, .. } | Self::Expression { relative, .. } => *relative,
            Self::Size(_) => false,
        }
    }
}
