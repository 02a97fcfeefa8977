//! Frames out of the ring.

use std::time::Duration;

use teiten_core::{Fault, Frame, FrameSource, LinkType};

use super::block::{Cursor, Packet};
use super::fanout;
use super::memory::SharedMemory;
use super::socket::{PacketSocket, interface_index};
use super::{
    BLOCK_BYTES, BLOCK_TIMEOUT_MILLISECONDS, Filter, LiveError, MOST_MEGABYTES, RingCounters,
    Settings,
};

/// `TPACKET_V3` of `enum tpacket_versions`.
const VERSION_3: libc::c_int = 2;
/// Frame size that the kernel wants stated though version 3 packs frames of any length: a power of two that divides the
/// block.
const NOMINAL_FRAME_BYTES: u32 = 2048;
/// `ARPHRD_RAWIP` of `linux/if_arp.h`.
const RAW_IP: u16 = 519;

/// A live capture: yields the frames that lie in the ring now, and `None` while there is none.
///
/// `None` is no end: after [`wait`](Self::wait) there may be more. There are no faults: what is left of a block that cannot
/// be read on is counted as [`unreadable`](RingCounters::unreadable), and the next block follows.
#[derive(Debug)]
pub struct Ring {
    socket: PacketSocket,
    blocks: Blocks,
    link: LinkType,
}

impl Ring {
    /// Opens the interface: nothing is let through until ring, interface and group are set up; then the filter.
    ///
    /// # Errors
    ///
    /// [`LiveError`] where the interface is missing or unreadable, a setting out of bounds, or the system refuses (most
    /// often for lack of `CAP_NET_RAW`).
    pub fn open(settings: &Settings) -> Result<Self, LiveError> {
        if !(1..=MOST_MEGABYTES).contains(&settings.ring_megabytes) {
            return Err(LiveError::Megabytes(settings.ring_megabytes));
        }
        let interface = interface_index(&settings.interface)?;
        let socket = PacketSocket::open()?;
        let link = link_type(socket.hardware_type(&settings.interface)?)?;
        socket.attach(&Filter::nothing())?;
        let blocks = (settings.ring_megabytes << 20) / BLOCK_BYTES;
        socket.set(
            libc::SOL_PACKET,
            libc::PACKET_VERSION,
            &VERSION_3,
            "ask for a version 3 ring",
        )?;
        let request = libc::tpacket_req3 {
            tp_block_size: BLOCK_BYTES,
            tp_block_nr: blocks,
            tp_frame_size: NOMINAL_FRAME_BYTES,
            tp_frame_nr: BLOCK_BYTES / NOMINAL_FRAME_BYTES * blocks,
            tp_retire_blk_tov: BLOCK_TIMEOUT_MILLISECONDS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        socket.set(
            libc::SOL_PACKET,
            libc::PACKET_RX_RING,
            &request,
            "set up the ring",
        )?;
        let memory = SharedMemory::map(&socket, blocks as usize)?;
        socket.bind(interface)?;
        if settings.promiscuous {
            socket.make_promiscuous(interface)?;
        }
        if let Some(group) = settings.fanout_group {
            let word = libc::c_uint::from(group) | libc::PACKET_FANOUT_CBPF << 16;
            socket.set(
                libc::SOL_PACKET,
                libc::PACKET_FANOUT,
                &word,
                "join the fanout group",
            )?;
            socket.spread(&fanout::by_source())?;
        }
        match &settings.filter {
            Some(filter) => socket.attach(filter)?,
            None => socket.detach()?,
        }
        Ok(Self {
            socket,
            blocks: Blocks::new(memory),
            link,
        })
    }

    /// Waits until the kernel hands a block over; `false` when `patience` is over or a signal came first.
    ///
    /// # Errors
    ///
    /// [`LiveError::System`] where the interface went down or away. Frames of before are still yielded.
    pub fn wait(&self, patience: Duration) -> Result<bool, LiveError> {
        if self.blocks.is_ready() {
            return Ok(true);
        }
        self.socket.wait(patience)
    }

    /// Lets no more packets in. Those that are in the ring are yielded as before, the last of them after at most two
    /// [`BLOCK_TIMEOUT_MILLISECONDS`].
    ///
    /// # Errors
    ///
    /// [`LiveError::System`] where the system refuses.
    pub fn seal(&self) -> Result<(), LiveError> {
        self.socket.attach(&Filter::nothing())
    }

    /// What the kernel and the ring counted since the last call.
    ///
    /// # Errors
    ///
    /// [`LiveError::System`] where the kernel does not answer; what the ring counted itself is kept for the next call.
    pub fn counters(&mut self) -> Result<RingCounters, LiveError> {
        let statistics = self.socket.statistics()?;
        Ok(RingCounters {
            received: u64::from(statistics.tp_packets),
            dropped: u64::from(statistics.tp_drops),
            freezes: u64::from(statistics.tp_freeze_q_cnt),
            ..std::mem::take(&mut self.blocks.counters)
        })
    }

    /// What the frames' first bytes belong to.
    #[must_use]
    pub const fn link(&self) -> LinkType {
        self.link
    }
}

impl FrameSource for Ring {
    #[inline]
    fn next_frame(&mut self) -> Option<Result<Frame<'_>, Fault>> {
        self.blocks.next_frame(self.link).map(Ok)
    }

    fn step_back(&mut self) {
        self.blocks.step_back();
    }
}

/// The blocks in the order in which the kernel fills them, and where the reading stands.
#[derive(Debug)]
struct Blocks {
    memory: SharedMemory,
    /// The block that is ours or will be next.
    current: usize,
    /// Where we are in the current block; `None` while it has not been looked into.
    cursor: Option<Cursor>,
    /// Where the last frame lay, and whether it had a tag.
    last: Option<(Cursor, bool)>,
    /// What is counted here; the kernel's own are 0.
    counters: RingCounters,
}

impl Blocks {
    fn new(memory: SharedMemory) -> Self {
        Self {
            memory,
            current: 0,
            cursor: None,
            last: None,
            counters: RingCounters::default(),
        }
    }

    fn is_ready(&self) -> bool {
        self.memory.block(self.current).is_some()
    }

    #[inline]
    fn next_frame(&mut self, link: LinkType) -> Option<Frame<'_>> {
        loop {
            let block = self.memory.block(self.current)?;
            let cursor = self.cursor.unwrap_or_else(|| Cursor::new(block));
            match cursor.packet(block) {
                Ok(Some((packet, next))) => {
                    self.cursor = Some(next);
                    if packet.outgoing {
                        self.counters.outgoing += 1;
                        continue;
                    }
                    self.counters.read += 1;
                    self.counters.tagged += u64::from(packet.tagged);
                    self.last = Some((cursor, packet.tagged));
                    return self.frame(link, packet);
                }
                Ok(None) => self.release(),
                Err(_) => {
                    self.counters.unreadable += u64::from(cursor.remaining());
                    self.release();
                }
            }
        }
    }

    #[inline]
    fn frame(&self, link: LinkType, packet: Packet) -> Option<Frame<'_>> {
        Some(Frame {
            time_ns: packet.time_ns,
            link,
            wire_length: packet.wire_length,
            bytes: self.memory.block(self.current)?.get(packet.frame)?,
        })
    }

    fn step_back(&mut self) {
        if let Some((cursor, tagged)) = self.last.take() {
            self.cursor = Some(cursor);
            self.counters.read -= 1;
            self.counters.tagged -= u64::from(tagged);
        }
    }

    /// Gives the current block back to the kernel and goes on to the next one.
    fn release(&mut self) {
        self.cursor = None;
        self.last = None;
        self.memory.give_back(self.current);
        self.current = (self.current + 1) % self.memory.blocks();
    }
}

/// The link type of an interface's hardware type (`linux/if_arp.h`): on those without a link header the kernel gives bare
/// IP packets to a raw packet socket.
fn link_type(hardware: u16) -> Result<LinkType, LiveError> {
    match hardware {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => Ok(LinkType::Ethernet),
        libc::ARPHRD_NONE | libc::ARPHRD_PPP | RAW_IP => Ok(LinkType::RawIp),
        other => Err(LiveError::LinkType(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::tests::{INCOMING, OUTGOING, TAGGED, block};
    use super::*;

    fn ring_of(handed_over: &[Vec<u8>]) -> Blocks {
        let mut memory = SharedMemory::allocated(2);
        for (index, bytes) in handed_over.iter().enumerate() {
            memory.hand_over(index, bytes);
        }
        Blocks::new(memory)
    }

    fn next(blocks: &mut Blocks) -> Option<Vec<u8>> {
        blocks
            .next_frame(LinkType::Ethernet)
            .map(|frame| frame.bytes.to_vec())
    }

    #[test]
    fn frames_are_yielded_block_after_block_and_blocks_given_back() {
        let mut blocks = ring_of(&[
            block(&[(b"one", INCOMING), (b"two", INCOMING)]),
            block(&[(b"three", INCOMING)]),
        ]);
        let seen: Vec<_> = std::iter::from_fn(|| next(&mut blocks)).collect();
        assert_eq!(seen, [&b"one"[..], b"two", b"three"]);
        assert_eq!(blocks.current, 0);
        assert!(!blocks.is_ready());
        blocks.memory.hand_over(0, &block(&[(b"four", INCOMING)]));
        assert_eq!(next(&mut blocks).unwrap(), b"four");
    }

    #[test]
    fn own_frames_are_left_out_and_counted() {
        let mut blocks = ring_of(&[block(&[
            (b"ours", OUTGOING),
            (b"theirs", INCOMING),
            (b"ours", OUTGOING),
        ])]);
        assert_eq!(next(&mut blocks).unwrap(), b"theirs");
        assert_eq!(next(&mut blocks), None);
        assert_eq!((blocks.counters.read, blocks.counters.outgoing), (1, 2));
    }

    #[test]
    fn a_frame_taken_back_is_yielded_and_counted_once() {
        let mut blocks = ring_of(&[block(&[(b"one", INCOMING), (b"two", TAGGED)])]);
        assert_eq!(next(&mut blocks).unwrap(), b"one");
        assert_eq!(next(&mut blocks).unwrap(), b"two");
        blocks.step_back();
        assert_eq!(next(&mut blocks).unwrap(), b"two");
        assert_eq!(next(&mut blocks), None);
        assert_eq!((blocks.counters.read, blocks.counters.tagged), (2, 1));
    }

    #[test]
    fn a_damaged_block_costs_its_rest_which_is_counted() {
        let mut damaged = block(&[
            (b"read", INCOMING),
            (b"lost", INCOMING),
            (b"lost", INCOMING),
        ]);
        let second = 48 + (82 + 4_usize).next_multiple_of(8);
        damaged[second + 12..second + 16].fill(0xff);
        let mut blocks = ring_of(&[damaged, block(&[(b"whole", INCOMING)])]);
        assert_eq!(next(&mut blocks).unwrap(), b"read");
        assert_eq!(next(&mut blocks).unwrap(), b"whole");
        assert_eq!((blocks.counters.read, blocks.counters.unreadable), (2, 2));
    }
}
