//! What a telescope sensor does to a packet: headers, class, tool, tuple table, intervals.
//!
//! The way of a packet through the modules, from the ground up; each uses only those above it:
//!
//! | module | holds |
//! |---|---|
//! | [`frame`] | a captured frame, and the trait of what yields frames |
//! | [`monitored`] | the addresses whose traffic is counted |
//! | [`tally`] | tuples in dense tables, and their columns |
//! | [`interval`] | what one span of observation gave, with its counters |
//! | [`observer`] | frames in, intervals out |
//!
//! The crate has no clock, opens nothing, and allocates nothing per packet: time is the frames' own.
#![forbid(unsafe_code)]

pub mod frame;
pub mod interval;
pub mod monitored;
pub mod observer;
pub mod tally;

pub use frame::{Fault, Frame, FrameSource, LinkType};
pub use interval::{Cause, Counters, Interval, Totals};
pub use monitored::{Network, NetworkError};
pub use observer::{Observer, Settings, SettingsError, Stop};
pub use tally::{Columns, Family};
