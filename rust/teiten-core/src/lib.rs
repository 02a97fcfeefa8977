//! What a telescope sensor does to a packet: headers, class, tool, tuple table, intervals.
//!
//! The way of a packet through the modules, from the ground up; each uses only those above it:
//!
//! | module | holds |
//! |---|---|
//! | [`frame`] | a captured frame, and the trait of what yields frames |
//! | [`limits`] | every bound of this crate, with its reason |
//! | [`wire`] | borrowed views of single headers, one checked constructor each |
//! | [`packet`] | one borrowed view of all headers of a frame |
//! | [`key`] | under which key a packet is counted |
//! | [`class`], [`tool`] | what kind of packet it is, and which scanner it betrays |
//! | [`monitored`] | the addresses whose traffic is counted |
//! | [`tally`] | tuples in dense tables, and their columns |
//! | `timeline` | where a packet's time falls |
//! | [`interval`] | what one span of observation gave, with its counters |
//! | [`observer`] | frames in, intervals out |
//!
//! The crate has no clock, opens nothing, and allocates nothing per packet: time is the frames' own.
#![forbid(unsafe_code)]

pub mod class;
pub mod frame;
pub mod interval;
pub mod key;
pub mod limits;
pub mod monitored;
pub mod observer;
pub mod packet;
pub mod signature;
pub mod tally;
mod timeline;
pub mod tool;
pub mod wire;

pub use class::Class;
pub use frame::{Fault, Frame, FrameSource, LinkType};
pub use interval::{Cause, Counters, Interval, Totals};
pub use key::{Form, Key};
pub use monitored::{Network, NetworkError};
pub use observer::{Observer, Settings, SettingsError, Stop};
pub use tally::{Columns, Family};
pub use tool::Tool;
