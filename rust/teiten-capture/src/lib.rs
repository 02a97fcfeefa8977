//! Where packets come from: capture files, mapped and read in place.
//!
//! A [`CaptureFile`] is opened once; each [`Reader`] walks it from the start and lends one
//! [`Frame`](teiten_core::Frame) at a time, borrowed from the map. Nothing is allocated per packet, and no length in
//! a file is believed before it was held against the bytes that are there.

mod file;

pub use file::{
    CaptureFile, Compression, Format, MAXIMUM_CAPTURED_LENGTH, OpenError, Reader, Span, Watch,
};
