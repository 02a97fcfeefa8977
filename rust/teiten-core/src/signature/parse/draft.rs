//! A rule while its options are read.

use super::header::Header;
use super::options::{RuleOption, shortened};
use crate::signature::application::Direction;
use crate::signature::content::{Operand, Step};
use crate::signature::limits::{MAX_STEPS, MAX_VALUES};
use crate::signature::rule::{Buffer, FlowBit, Limit, Protocol, Spread, Test};
use crate::signature::text::Refusal;

/// What the options read so far say.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) sid: Option<u32>,
    /// The number to use where there is no `sid`.
    pub(super) other_sid: Option<u32>,
    pub(super) revision: u32,
    pub(super) message: String,
    pub(super) classification: String,
    pub(super) protocol: Protocol,
    pub(super) tests: Vec<Test>,
    pub(super) steps: Vec<Step>,
    pub(super) buffer: Buffer,
    pub(super) limit: Option<Limit>,
    pub(super) filter: Option<Limit>,
    pub(super) spread: Option<Spread>,
    pub(super) flow_bits: Vec<FlowBit>,
    pub(super) silent: bool,
    /// Whether the rule is on a protocol whose messages are UDP datagrams.
    pub(super) over_udp: bool,
    /// The direction `flow` asks for.
    pub(super) direction: Option<Direction>,
    values: Vec<String>,
}

impl Draft {
    /// A rule of this protocol of which no option has been read.
    pub(super) const fn new(protocol: Protocol) -> Self {
        Self {
            sid: None,
            other_sid: None,
            revision: 0,
            message: String::new(),
            classification: String::new(),
            protocol,
            tests: Vec::new(),
            steps: Vec::new(),
            buffer: Buffer::Payload,
            limit: None,
            filter: None,
            spread: None,
            flow_bits: Vec::new(),
            silent: false,
            over_udp: false,
            direction: None,
            values: Vec::new(),
        }
    }

    pub(super) fn test(&mut self, test: Test) {
        self.tests.push(test);
    }

    pub(super) fn has_application_events(&self) -> bool {
        self.tests
            .iter()
            .any(|test| matches!(test, Test::Application(_)))
    }

    /// Gives a rule's direction and ports to its events of messages; which way a message goes is its reader's to say.
    pub(super) fn direct_events(&mut self, header: &mut Header) {
        if !self.has_application_events() {
            header.serve();
            return;
        }
        let named = header.names_ports();
        self.tests.retain(|test| *test != Test::Answer);
        for test in &mut self.tests {
            if let Test::Application(event) = test {
                event.direction = self.direction;
                event.any_port = named;
                header.serve_either_way(event.application.ports());
            }
        }
    }

    pub(super) fn step(&mut self, option: &RuleOption<'_>, step: Step) -> Result<(), Refusal> {
        if self.steps.len() >= MAX_STEPS {
            return Err(option.mistake(&format!("the rule has more than {MAX_STEPS} steps")));
        }
        self.steps.push(step);
        Ok(())
    }

    /// From here on steps look into this buffer.
    pub(super) fn look_into(
        &mut self,
        option: &RuleOption<'_>,
        buffer: Buffer,
    ) -> Result<(), Refusal> {
        if self.buffer != buffer && !self.steps.is_empty() {
            return Err(option.unsupported("the rule looks into more than one buffer"));
        }
        self.buffer = buffer;
        Ok(())
    }

    /// A number, or the name of a value extracted before.
    pub(super) fn operand(&self, option: &RuleOption<'_>, text: &str) -> Result<Operand, Refusal> {
        let text = text.trim();
        if let Some(value) = self.values.iter().position(|value| value == text) {
            return Ok(Operand::Value(u8::try_from(value).unwrap_or(0)));
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let number = match digits
            .strip_prefix("0x")
            .or_else(|| digits.strip_prefix("0X"))
        {
            Some(hex) => i64::from_str_radix(hex, 16),
            None => digits.parse(),
        };
        match number {
            Ok(number)
                if digits.starts_with(|digit: char| digit.is_ascii_hexdigit())
                    && number <= 1 << 32 =>
            {
                Ok(Operand::Fixed(if negative { -number } else { number }))
            }
            _ => Err(option.mistake(&format!(
                "`{}` is neither a number nor a value extracted before",
                shortened(text)
            ))),
        }
    }

    /// The number of the value of this name, which is new or named before.
    pub(super) fn value(&mut self, option: &RuleOption<'_>, name: &str) -> Result<u8, Refusal> {
        let is_name = |name: &str| {
            name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
        };
        if !is_name(name) {
            return Err(option.mistake(&format!("`{}` is no name of a value", shortened(name))));
        }
        let place = self
            .values
            .iter()
            .position(|value| value == name)
            .unwrap_or(self.values.len());
        if place >= MAX_VALUES {
            return Err(option.mistake(&format!("the rule extracts more than {MAX_VALUES} values")));
        }
        if place == self.values.len() {
            self.values.push(name.to_owned());
        }
        Ok(u8::try_from(place).unwrap_or(0))
    }
}
