//! What shapes an observation.

use std::fmt;

use crate::degradation::{Degradation, MOST_EARLY_CLOSES};
use crate::limits::{
    END_OF_TIME_NS, MAX_INTERVAL_SECONDS, MAX_ROWS, MAX_TABLE_MEGABYTES, MIN_TABLE_MEGABYTES,
};
use crate::monitored::Network;

/// What shapes an observation.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Networks whose traffic is counted; empty for every address.
    pub monitored: Vec<Network>,
    /// Length of an interval in seconds, at most [a day](MAX_INTERVAL_SECONDS); 0 for intervals that time does not close.
    pub interval_seconds: u32,
    /// Memory of the tuple tables in MiB; IPv4 has three quarters of it, IPv6 the rest.
    pub table_megabytes: u32,
    /// Most rows of one interval, both families together; at most [`MAX_ROWS`].
    pub max_rows: u32,
    /// The span to observe, half-open, in nanoseconds since 1970-01-01 00:00 UTC; `None`: first to last packet.
    pub span: Option<(i64, i64)>,
    /// Early closes allowed within the length of an interval (of a minute, where time closes none) before the next step
    /// of [degradation](crate::degradation); `None` for any number, so that nothing is ever given up.
    pub early_closes: Option<u32>,
    /// Seed of the table's hash: a secret of each start, because senders choose the keys. Results do not depend on it.
    pub seed: u64,
}

impl Settings {
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if self.interval_seconds > MAX_INTERVAL_SECONDS {
            return Err(SettingsError::Interval(self.interval_seconds));
        }
        if !(MIN_TABLE_MEGABYTES..=MAX_TABLE_MEGABYTES).contains(&self.table_megabytes) {
            return Err(SettingsError::Table(self.table_megabytes));
        }
        if !(1..=MAX_ROWS).contains(&self.max_rows) {
            return Err(SettingsError::Rows(self.max_rows));
        }
        let too_many = |allowed: &u32| *allowed as usize >= MOST_EARLY_CLOSES;
        if let Some(allowed) = self.early_closes.filter(too_many) {
            return Err(SettingsError::EarlyCloses(allowed));
        }
        match self.span {
            Some((start, end)) if start < 0 || end <= start || end > END_OF_TIME_NS => {
                Err(SettingsError::Span(start, end))
            }
            _ => Ok(()),
        }
    }

    /// The degradation of an observation whose IPv4 table has so many rows.
    pub(crate) fn degradation(&self, rows: usize) -> Degradation {
        let seconds = match self.interval_seconds {
            0 => 60,
            seconds => i64::from(seconds),
        };
        let rows = u32::try_from(rows).unwrap_or(u32::MAX).min(self.max_rows);
        let allowed = self.early_closes.map(|allowed| allowed as usize);
        Degradation::new(seconds * 1_000_000_000, allowed, f64::from(rows / 4))
    }
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
    /// `early_closes` is out of bounds.
    EarlyCloses(u32),
    /// `span` is empty or out of bounds.
    Span(i64, i64),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interval(seconds) => write!(
                formatter,
                "interval_seconds is {seconds}; it takes 0 to {MAX_INTERVAL_SECONDS}"
            ),
            Self::Table(megabytes) => write!(
                formatter,
                "table_megabytes is {megabytes}; it takes {MIN_TABLE_MEGABYTES} to {MAX_TABLE_MEGABYTES}"
            ),
            Self::Rows(rows) => {
                write!(formatter, "max_rows is {rows}; it takes 1 to {MAX_ROWS}")
            }
            Self::EarlyCloses(allowed) => write!(
                formatter,
                "early_closes is {allowed}; it takes 0 to {}, or nothing for any number",
                MOST_EARLY_CLOSES - 1
            ),
            Self::Span(start, end) => write!(
                formatter,
                "span is {start} to {end} ns; it takes a start before its end, from 1970 to 2199"
            ),
        }
    }
}

impl std::error::Error for SettingsError {}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings {
        monitored: Vec::new(),
        interval_seconds: 60,
        table_megabytes: 1,
        max_rows: MAX_ROWS,
        span: None,
        early_closes: None,
        seed: 0,
    };

    #[test]
    fn settings_out_of_bounds_are_named() {
        let wrong = [
            (
                Settings {
                    interval_seconds: 86_401,
                    ..SETTINGS
                },
                "interval_seconds is 86401",
            ),
            (
                Settings {
                    table_megabytes: 0,
                    ..SETTINGS
                },
                "table_megabytes is 0",
            ),
            (
                Settings {
                    max_rows: 0,
                    ..SETTINGS
                },
                "max_rows is 0",
            ),
            (
                Settings {
                    early_closes: Some(64),
                    ..SETTINGS
                },
                "early_closes is 64",
            ),
            (
                Settings {
                    span: Some((5, 5)),
                    ..SETTINGS
                },
                "span is 5 to 5",
            ),
        ];
        for (settings, told) in wrong {
            let error = settings.check().unwrap_err().to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }
}
