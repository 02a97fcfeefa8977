//! Live capture on Linux: a packet socket whose `TPACKET_V3` ring is read in place.
//!
//! | module | holds |
//! |---|---|
//! | [`block`] | one block of the ring as plain bytes |
//! | `socket` | the packet socket, its options and counters |
//! | `fanout` | which ring of a group a packet goes to |
//! | `memory` | the memory that kernel and sensor share, and whose turn it is |
//! | `ring` | the three together: frames |
//!
//! The kernel writes a block, marks it ours, and writes the next; we read the frames where they lie and give the block
//! back. A full ring costs packets, never memory: the kernel counts them, and [`Ring::counters`] tells.

pub mod block;
mod fanout;
mod memory;
mod ring;
mod socket;

use std::fmt;
use std::io;

pub use ring::Ring;

/// How to capture.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the interface, for example `eth0`.
    pub interface: String,
    /// Memory of the ring in MiB, 1 to [`MOST_MEGABYTES`].
    pub ring_megabytes: u32,
    /// Whether the interface takes frames that are not addressed to it.
    pub promiscuous: bool,
    /// What the kernel lets through; `None` for everything.
    pub filter: Option<Filter>,
    /// Share the interface's packets with every other ring that names the same group: all of one source to one ring.
    pub fanout_group: Option<u16>,
}

/// The largest ring in MiB: the kernel states its size in 32 bits of bytes.
pub const MOST_MEGABYTES: u32 = 1024;

/// A block that is not full is handed over after this many milliseconds: how long a packet waits at most, and often enough
/// that a quiet sensor sleeps.
pub const BLOCK_TIMEOUT_MILLISECONDS: u32 = 100;

/// One block: the kernel hands packets over in such pieces. 256 KiB hold about 1,800 frames of 60 bytes, or four of the
/// longest that offloading makes (64 KiB).
pub const BLOCK_BYTES: u32 = 1 << 18;

/// A classic BPF program. Only its length is looked at here; the kernel checks the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    instructions: Vec<Instruction>,
}

/// One step of a filter (`struct sock_filter` of `linux/filter.h`): code, jump if true, jump if false, operand.
pub type Instruction = (u16, u8, u8, u32);

impl Filter {
    /// `BPF_MAXINSNS` of `linux/bpf_common.h`.
    pub const LONGEST: usize = 4096;

    /// A program.
    ///
    /// # Errors
    ///
    /// [`LiveError::Filter`] for an empty program or one longer than [`Filter::LONGEST`].
    pub fn new(instructions: Vec<Instruction>) -> Result<Self, LiveError> {
        if (1..=Self::LONGEST).contains(&instructions.len()) {
            Ok(Self { instructions })
        } else {
            Err(LiveError::Filter(instructions.len()))
        }
    }

    /// The program that lets nothing through: `BPF_RET | BPF_K` with 0 bytes.
    fn nothing() -> Self {
        Self {
            instructions: vec![(6, 0, 0, 0)],
        }
    }
}

/// What the kernel and the ring counted since they were last asked.
///
/// Over the life of a ring that was sealed and read empty, `received = read + outgoing + unreadable + dropped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingCounters {
    /// Packets that passed the filter: those in the ring and those dropped.
    pub received: u64,
    /// Packets that the kernel dropped because the ring was full.
    pub dropped: u64,
    /// Times that the kernel found no free block.
    pub freezes: u64,
    /// Frames that were yielded.
    pub read: u64,
    /// Frames that this host sent itself, left out.
    pub outgoing: u64,
    /// Packets of a block from where it could not be read on, as many as its descriptor states.
    pub unreadable: u64,
    /// Frames among those read whose VLAN tag the kernel took off and kept beside.
    pub tagged: u64,
}

/// Why a live capture cannot be opened or read.
#[derive(Debug)]
pub enum LiveError {
    /// There is no interface of this name.
    NoInterface(String),
    /// The interface's hardware type (`ARPHRD_*`) is none that the core reads.
    LinkType(u16),
    /// A filter of this many instructions.
    Filter(usize),
    /// A ring of this many MiB.
    Megabytes(u32),
    /// A call of the system failed.
    System {
        /// What was to be done.
        what: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

impl LiveError {
    fn last(what: &'static str) -> Self {
        Self::System {
            what,
            error: io::Error::last_os_error(),
        }
    }
}

impl fmt::Display for LiveError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInterface(name) => write!(formatter, "there is no interface {name}"),
            Self::LinkType(number) => write!(
                formatter,
                "the interface's hardware type {number} is none that can be read"
            ),
            Self::Filter(length) => write!(
                formatter,
                "a filter has 1 to {} instructions, this one has {length}",
                Filter::LONGEST
            ),
            Self::Megabytes(megabytes) => write!(
                formatter,
                "ring_megabytes is {megabytes}; it takes 1 to {MOST_MEGABYTES}"
            ),
            Self::System { what, error } => write!(formatter, "cannot {what}: {error}"),
        }
    }
}

impl std::error::Error for LiveError {}
