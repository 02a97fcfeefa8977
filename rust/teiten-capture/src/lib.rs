//! Where packets come from: capture files, the ring of a network interface, buffers of another program.
//!
//! A [`CaptureFile`] is opened once; each [`Reader`] walks it from the start and lends one
//! [`Frame`](teiten_core::Frame) at a time, borrowed from the map. Nothing is allocated per packet, and no length in
//! a file is believed before it was held against the bytes that are there. `live` reads an interface's packets where
//! the kernel wrote them (Linux only); a [`BufferReader`] those that libpcap copied.

mod buffer;
mod file;
#[cfg(target_os = "linux")]
pub mod live;

pub use buffer::BufferReader;
pub use file::{
    CaptureFile, Compression, Format, MAXIMUM_CAPTURED_LENGTH, OpenError, Reader, Span, Watch,
};
