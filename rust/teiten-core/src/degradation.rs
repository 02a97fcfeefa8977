//! What is given up when forged sources fill the table faster than its rows can be sent on.
//!
//! | step | an interval that holds it |
//! |---|---|
//! | [`Step::Whole`] | has every tuple whole, and was closed by time |
//! | [`Step::Early`] | has every tuple whole, and was closed because the table was full |
//! | [`Step::WithoutPort`] | has no source ports of TCP and UDP |
//! | [`Step::WithoutSource`] | has no sources either: a key's sources are one row, and a sketch says how many they were |
//!
//! An interval closes early whenever the table is full, whatever its step. If that happens more often than allowed within
//! the length of an interval, the next interval takes the next step. It takes a step back when none has closed early for
//! [`CALM_INTERVALS`] times that length, and, from the last step, if the sources that were estimated in each of these
//! intervals would fill a quarter of the table at most. Packets and bytes by key are exact throughout. Everything
//! goes by the packets' own time, so that the same packets give the same steps.

use crate::interval::Cause;
use crate::limits::CALM_INTERVALS;

/// What an interval gave up. The numbers are those of the batch format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Step {
    /// Nothing.
    #[default]
    Whole = 0,
    /// Its length.
    Early = 1,
    /// Source ports of TCP and UDP: they are 0.
    WithoutPort = 2,
    /// Sources too: they are 0, or `::`.
    WithoutSource = 3,
}

impl Step {
    /// `whole`, `early`, `without_port` or `without_source`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Early => "early",
            Self::WithoutPort => "without_port",
            Self::WithoutSource => "without_source",
        }
    }
}

/// Most early closes whose times are remembered, and with that the most that can be allowed.
pub const MOST_EARLY_CLOSES: usize = 64;

/// Decides what the open interval gives up.
#[derive(Debug)]
pub(crate) struct Degradation {
    /// Within so many nanoseconds early closes are counted.
    length: i64,
    /// So many of them are allowed; `None`: any number.
    allowed: Option<usize>,
    /// Sources up to which the last step is left.
    few_sources: f64,
    /// What intervals give up: `Whole`, `WithoutPort` or `WithoutSource`.
    held: Step,
    /// Ends of the latest early closes at this step.
    early: Vec<i64>,
    /// Since when it has been calm.
    calm_since: Option<i64>,
}

impl Degradation {
    /// Starts with nothing given up.
    pub(crate) fn new(length: i64, allowed: Option<usize>, few_sources: f64) -> Self {
        Self {
            length,
            allowed,
            few_sources,
            held: Step::Whole,
            early: Vec::with_capacity(MOST_EARLY_CLOSES + 1),
            calm_since: None,
        }
    }

    /// What the open interval gives up, besides its length.
    #[inline]
    pub(crate) const fn held(&self) -> Step {
        self.held
    }

    /// Takes note of an interval that closes at `end`, and gives the step that it held.
    pub(crate) fn close(&mut self, cause: Cause, end: i64, sources: f64) -> Step {
        let held = self.held;
        if cause == Cause::Full {
            self.calm_since = Some(end);
            let recent = end - self.length;
            self.early.retain(|earlier| *earlier > recent);
            self.early.push(end);
            if self
                .allowed
                .is_some_and(|allowed| self.early.len() > allowed)
            {
                self.early.clear();
                self.held = match held {
                    Step::Whole | Step::Early => Step::WithoutPort,
                    Step::WithoutPort | Step::WithoutSource => Step::WithoutSource,
                };
            }
            // At the last step none is left to take, and no more is remembered than is asked for.
            let surplus = self.early.len().saturating_sub(MOST_EARLY_CLOSES);
            self.early.drain(..surplus);
            return if held == Step::Whole {
                Step::Early
            } else {
                held
            };
        }
        if held > Step::Whole {
            self.calm_down(end, sources);
        }
        held
    }

    fn calm_down(&mut self, end: i64, sources: f64) {
        let since = *self.calm_since.get_or_insert(end);
        if self.held == Step::WithoutSource && sources > self.few_sources {
            self.calm_since = Some(end);
        } else if end - since >= self.length.saturating_mul(CALM_INTERVALS) {
            self.held = if self.held == Step::WithoutSource {
                Step::WithoutPort
            } else {
                Step::Whole
            };
            self.early.clear();
            self.calm_since = Some(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: i64 = 60;

    fn full(degradation: &mut Degradation, end: i64) -> Step {
        degradation.close(Cause::Full, end, 0.0)
    }

    #[test]
    fn steps_are_taken_one_by_one_and_only_when_the_rate_is_over_what_is_allowed() {
        let mut degradation = Degradation::new(LENGTH, Some(2), 10.0);
        assert_eq!(full(&mut degradation, 0), Step::Early);
        assert_eq!(full(&mut degradation, 30), Step::Early);
        // The first is no longer within the length of an interval.
        assert_eq!(full(&mut degradation, 60), Step::Early);
        assert_eq!(degradation.held(), Step::Whole);
        assert_eq!(full(&mut degradation, 61), Step::Early);
        for end in [62, 63, 64] {
            assert_eq!(degradation.held(), Step::WithoutPort);
            assert_eq!(full(&mut degradation, end), Step::WithoutPort);
        }
        for end in 65..300 {
            assert_eq!(full(&mut degradation, end), Step::WithoutSource);
        }
        assert!(degradation.early.capacity() <= 2 * (MOST_EARLY_CLOSES + 1));
    }

    #[test]
    fn steps_are_taken_back_after_calm_and_not_while_sources_are_many() {
        let mut degradation = Degradation::new(LENGTH, Some(0), 10.0);
        full(&mut degradation, 0);
        full(&mut degradation, 1);
        assert_eq!(degradation.held(), Step::WithoutSource);
        let mut end = 1;
        for _ in 0..20 {
            end += LENGTH;
            degradation.close(Cause::Time, end, 11.0);
        }
        assert_eq!(degradation.held(), Step::WithoutSource);
        for _ in 0..CALM_INTERVALS {
            assert_eq!(degradation.held(), Step::WithoutSource);
            end += LENGTH;
            degradation.close(Cause::Time, end, 9.0);
        }
        for _ in 0..CALM_INTERVALS {
            assert_eq!(degradation.held(), Step::WithoutPort);
            end += LENGTH;
            degradation.close(Cause::Time, end, 1e9);
        }
        assert_eq!(degradation.held(), Step::Whole);
    }

    #[test]
    fn any_number_may_be_allowed() {
        let mut degradation = Degradation::new(LENGTH, None, 10.0);
        for end in 0..1000 {
            assert_eq!(full(&mut degradation, end), Step::Early);
        }
        assert_eq!(degradation.held(), Step::Whole);
        assert!(degradation.early.len() <= MOST_EARLY_CLOSES);
    }
}
