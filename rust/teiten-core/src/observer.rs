//! Frames in, intervals out.

use std::fmt;

use crate::frame::{Fault, FrameSource};
use crate::interval::Interval;
use crate::monitored::Network;

/// What shapes an observation.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Networks whose traffic is counted; empty for every address.
    pub monitored: Vec<Network>,
    /// Length of an interval in seconds, at most a day; 0 for intervals that time does not close.
    pub interval_seconds: u32,
    /// Memory of the tuple tables, in MiB.
    pub table_megabytes: u32,
    /// Most rows of one interval, both families together.
    pub max_rows: u32,
    /// The span to observe, half-open, in nanoseconds since 1970-01-01 00:00 UTC; `None`: first to last packet.
    pub span: Option<(i64, i64)>,
    /// Seed of the table's hash: a secret of each start, because senders choose the keys. Results do not depend on it.
    pub seed: u64,
}

/// Why [`Settings`] cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// `interval_seconds` is out of bounds.
    Interval(u32),
    /// `table_megabytes` is out of bounds.
    Table(u32),
    /// `max_rows` is out of bounds.
    Rows(u32),
    /// `span` is empty or out of bounds.
    Span(i64, i64),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, _formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!()
    }
}

impl std::error::Error for SettingsError {}

/// Why [`Observer::observe_all`] returned.
#[derive(Debug)]
pub enum Stop {
    /// An interval closed; the frame that closed it comes next.
    Interval(Box<Interval>),
    /// As many frames were observed as were allowed.
    Limit,
    /// The source has no more frames.
    Exhausted,
}

/// Counts frames into intervals.
#[derive(Debug)]
pub struct Observer {}

impl Observer {
    /// An observer that has seen nothing.
    ///
    /// # Errors
    ///
    /// A [`SettingsError`] that names the setting out of bounds.
    pub fn new(_settings: Settings) -> Result<Self, SettingsError> {
        unimplemented!()
    }

    /// Observes frames until an interval closes, `limit` frames were observed, or the source ends.
    ///
    /// # Errors
    ///
    /// The source's [`Fault`]; every frame before it has been counted, and [`finish`](Self::finish) gives them.
    pub fn observe_all(
        &mut self,
        _source: &mut impl FrameSource,
        _limit: u64,
    ) -> Result<Stop, Fault> {
        unimplemented!()
    }

    /// Closes the open interval: up to the end of the span to observe, or to the last packet.
    ///
    /// `None` if no span is set and no frame came since the last call.
    pub fn finish(&mut self) -> Option<Interval> {
        unimplemented!()
    }
}
