//! A captured frame, and the trait of what yields frames.

use std::borrow::Cow;
use std::fmt;

/// What the first byte of a frame belongs to.
///
/// Numbers are those of <https://www.tcpdump.org/linktypes.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// BSD loopback (0): the address family as a 32-bit number in the writer's byte order.
    Null,
    /// Ethernet (1).
    Ethernet,
    /// Bare IP of either version (101; 12 and 14 where systems wrote their own number).
    RawIp,
    /// OpenBSD loopback (108): the address family as a 32-bit number in network byte order.
    Loop,
    /// Linux cooked capture, version 1 (113).
    LinuxCooked,
    /// Bare IPv4 (228).
    RawIpv4,
    /// Bare IPv6 (229).
    RawIpv6,
    /// Linux cooked capture, version 2 (276).
    LinuxCooked2,
    /// Any other number: its frames are counted as `link_unknown`.
    Unknown(u32),
}

impl LinkType {
    /// The link type of a capture file's number, without flag bits some writers put above the low 16.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Null,
            1 => Self::Ethernet,
            12 | 14 | 101 => Self::RawIp,
            108 => Self::Loop,
            113 => Self::LinuxCooked,
            228 => Self::RawIpv4,
            229 => Self::RawIpv6,
            276 => Self::LinuxCooked2,
            other => Self::Unknown(other),
        }
    }
}

/// One captured frame, borrowed from whoever captured it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    pub time_ns: i64,
    /// What the first byte belongs to.
    pub link: LinkType,
    /// Length on the wire, in bytes; more than `bytes.len()` where the capture was cut by a snap length.
    pub wire_length: u32,
    /// The captured bytes.
    pub bytes: &'a [u8],
}

/// Why a source can yield no further frame: its input is damaged at `offset`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Byte offset into the (uncompressed) input at which the damage begins.
    pub offset: u64,
    /// What is wrong there, for a person.
    pub reason: Cow<'static, str>,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at byte {}", self.reason, self.offset)
    }
}

impl std::error::Error for Fault {}

/// Why [`FrameSource::lend`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lent {
    /// As many frames were taken as were allowed.
    Limit,
    /// A frame was refused; it comes next.
    Refused,
    /// There are no more frames.
    All,
}

/// Where frames come from: a mapped file, a ring, a buffer.
pub trait FrameSource {
    /// The next frame, in the order of capture; `None` at the end, and ever after.
    ///
    /// # Errors
    ///
    /// A [`Fault`] where the input is damaged; every frame before the damage has been yielded. Calls
    /// after it return the fault again or `None`.
    fn next_frame(&mut self) -> Option<Result<Frame<'_>, Fault>>;

    /// Yields up to `limit` frames to `take`, one after the other, until it refuses one, which then comes again.
    ///
    /// The same as [`next_frame`](Self::next_frame) call by call. A source that keeps its place in few variables spares
    /// them a way through memory at every frame by a loop of its own.
    ///
    /// # Errors
    ///
    /// A [`Fault`] where the input is damaged; every frame before the damage has been yielded.
    #[inline]
    fn lend(&mut self, limit: u64, mut take: impl FnMut(Frame<'_>) -> bool) -> Result<Lent, Fault> {
        for _ in 0..limit {
            let Some(frame) = self.next_frame() else {
                return Ok(Lent::All);
            };
            if !take(frame?) {
                self.step_back();
                return Ok(Lent::Refused);
            }
        }
        Ok(Lent::Limit)
    }

    /// Takes back the frame that [`next_frame`](Self::next_frame) yielded last, so that the next call yields it again.
    ///
    /// Called at most once after each frame, and never after an end or a fault.
    fn step_back(&mut self);
}
