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
//! | [`reserved`], [`suspect`] | what is wrong with a packet that is counted all the same |
//! | [`quotation`] | what an ICMP error quotes: the victim |
//! | [`tally`] | tuples in dense tables, and their columns; sketches of how many sources there were |
//! | [`degradation`] | what is given up when a flood fills the table |
//! | [`signature`] | rules in the language of Suricata and Snort, held against single packets |
//! | [`detector`] | signatures at work: a packet's detections into the interval's table |
//! | `plain` | the commonest packet of all, read without detours |
//! | `timeline` | where a packet's time falls |
//! | [`interval`] | what one span of observation gave, with its counters |
//! | [`settings`] | what shapes an observation |
//! | `side` | the tuples of one family, and the packets that have yet to meet them |
//! | [`observer`] | frames in, intervals out |
//! | [`sums`] | frames in, sums by key, class and tool out |
//!
//! The crate has no clock, opens nothing, and allocates nothing per packet: time is the frames' own.
#![forbid(unsafe_code)]

pub mod class;
pub mod degradation;
pub mod detector;
pub mod frame;
pub mod interval;
pub mod key;
pub mod limits;
pub mod monitored;
pub mod observer;
pub mod packet;
mod plain;
pub mod quotation;
pub mod reserved;
pub mod settings;
mod side;
pub mod signature;
pub mod sums;
pub mod suspect;
pub mod tally;
mod timeline;
pub mod tool;
pub mod wire;

pub use class::Class;
pub use degradation::Step;
pub use detector::{Detected, Rulebook};
pub use frame::{Fault, Frame, FrameSource, Lent, LinkType};
pub use interval::{Cause, Counters, Interval, Totals};
pub use key::{Form, Key};
pub use monitored::{Network, NetworkError};
pub use observer::{Observer, Stop};
pub use settings::{Settings, SettingsError};
pub use sums::Sums;
pub use suspect::{Suspect, Suspects};
pub use tally::{Columns, DetectionColumns, ExampleColumns, Family, QuotedColumns, Sketch};
pub use tool::{Confidence, Tool};
