//! One block of a `TPACKET_V3` ring, read as plain bytes.
//!
//! The kernel fills a block and hands it over whole: a descriptor, then packets, each a `tpacket3_hdr`, a `sockaddr_ll`
//! and the frame. Everything here works on a borrowed `&[u8]` with checked reads, so that it is tested and fuzzed without
//! a kernel; only `memory` touches what it shares with one.
//!
//! Source of every offset: `linux/if_packet.h` and the kernel's `Documentation/networking/packet_mmap.rst`.

use std::ops::Range;

use teiten_core::Fault;

/// Offsets in `struct tpacket_block_desc` with its `tpacket_hdr_v1`.
mod descriptor {
    pub(super) const PACKETS: usize = 12;
    pub(super) const FIRST_PACKET: usize = 16;
}

/// Offsets in `struct tpacket3_hdr` and in the `sockaddr_ll` behind it.
mod header {
    pub(super) const NEXT: usize = 0;
    pub(super) const SECONDS: usize = 4;
    pub(super) const NANOSECONDS: usize = 8;
    pub(super) const CAPTURED: usize = 12;
    pub(super) const WIRE: usize = 16;
    pub(super) const STATUS: usize = 20;
    pub(super) const FRAME: usize = 24;
    /// `TPACKET_ALIGN(sizeof(struct tpacket3_hdr))`.
    pub(super) const ADDRESS: usize = 48;
    /// `sll_pkttype`.
    pub(super) const PACKET_TYPE: usize = ADDRESS + 10;
    /// `sizeof(struct sockaddr_ll)` behind the header.
    pub(super) const LENGTH: usize = ADDRESS + 20;
}

/// `TP_STATUS_VLAN_VALID`: the kernel took a VLAN tag off the frame and keeps it beside.
const STATUS_VLAN_VALID: u32 = 1 << 4;
/// `PACKET_OUTGOING`: this host sent the frame.
const PACKET_OUTGOING: u8 = 4;
const NANOSECONDS_PER_SECOND: i64 = 1_000_000_000;

/// One packet of a block: where its frame lies, and what the kernel says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Kernel's time stamp, nanoseconds since 1970-01-01 00:00 UTC.
    pub time_ns: i64,
    /// Length on the wire in bytes.
    pub wire_length: u32,
    /// The captured bytes in the block, from the link layer's first; never outside it.
    pub frame: Range<usize>,
    /// Whether this host sent it.
    pub outgoing: bool,
    /// Whether the kernel took a VLAN tag off it.
    pub tagged: bool,
}

/// Where the reading of a block stands: valid for the block it was made from only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    offset: usize,
    remaining: u32,
}

impl Cursor {
    /// The start of a block that the kernel handed over. A block too short for its descriptor has no packets.
    #[must_use]
    pub fn new(block: &[u8]) -> Self {
        Self {
            offset: read_u32(block, descriptor::FIRST_PACKET).map_or(0, |offset| offset as usize),
            remaining: read_u32(block, descriptor::PACKETS).unwrap_or(0),
        }
    }

    /// How many packets the block's descriptor still promises.
    #[must_use]
    pub const fn remaining(&self) -> u32 {
        self.remaining
    }

    /// The packet under the cursor and the cursor behind it; `None` at the block's end.
    ///
    /// # Errors
    ///
    /// A [`Fault`] with the offset in the block where a header or a frame does not lie within it.
    pub fn packet(self, block: &[u8]) -> Result<Option<(Packet, Self)>, Fault> {
        if self.remaining == 0 {
            return Ok(None);
        }
        let fault = |reason: &'static str| Fault {
            offset: self.offset as u64,
            reason: reason.into(),
        };
        let packet = block
            .get(self.offset..)
            .filter(|rest| rest.len() >= header::LENGTH)
            .ok_or_else(|| fault("ring: a packet header lies outside its block"))?;
        let word = |at| read_u32(packet, at).unwrap_or(0);
        let start = usize::from(u16::from_ne_bytes([
            packet[header::FRAME],
            packet[header::FRAME + 1],
        ]));
        let end = start + word(header::CAPTURED) as usize;
        if end > packet.len() {
            return Err(fault("ring: a frame lies outside its block"));
        }
        let step = word(header::NEXT) as usize;
        let remaining = self.remaining - 1;
        if step < header::LENGTH && remaining > 0 {
            return Err(fault("ring: a packet points back into itself"));
        }
        let found = Packet {
            time_ns: i64::from(word(header::SECONDS)) * NANOSECONDS_PER_SECOND
                + i64::from(word(header::NANOSECONDS)),
            wire_length: word(header::WIRE),
            frame: self.offset + start..self.offset + end,
            outgoing: packet[header::PACKET_TYPE] == PACKET_OUTGOING,
            tagged: word(header::STATUS) & STATUS_VLAN_VALID != 0,
        };
        Ok(Some((
            found,
            Self {
                offset: self.offset.saturating_add(step),
                remaining,
            },
        )))
    }
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(field.try_into().ok()?))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Packet type and status of a frame: `PACKET_HOST`, of our own, and with its tag taken off.
    pub(in crate::live) const INCOMING: (u8, u32) = (0, 0);
    pub(in crate::live) const OUTGOING: (u8, u32) = (PACKET_OUTGOING, 0);
    pub(in crate::live) const TAGGED: (u8, u32) = (0, STATUS_VLAN_VALID);

    const SECONDS: u32 = 1_250_000_000;

    fn put(block: &mut [u8], at: usize, value: u32) {
        block[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }

    /// A block as the kernel lays it out: descriptor of 48 bytes, packets with the frame 82 bytes behind their header.
    pub(in crate::live) fn block(frames: &[(&[u8], (u8, u32))]) -> Vec<u8> {
        let mut block = vec![0; 48];
        put(
            &mut block,
            descriptor::PACKETS,
            u32::try_from(frames.len()).unwrap(),
        );
        put(&mut block, descriptor::FIRST_PACKET, 48);
        for (index, (frame, (packet_type, status))) in frames.iter().enumerate() {
            let start = block.len();
            let length = (82 + frame.len()).next_multiple_of(8);
            block.resize(start + length, 0);
            let packet = &mut block[start..];
            let last = index + 1 == frames.len();
            let step = if last { 0 } else { length };
            put(packet, header::NEXT, u32::try_from(step).unwrap());
            put(packet, header::SECONDS, SECONDS);
            put(packet, header::NANOSECONDS, 7);
            put(
                packet,
                header::CAPTURED,
                u32::try_from(frame.len()).unwrap(),
            );
            put(packet, header::WIRE, 1500);
            put(packet, header::STATUS, *status);
            packet[header::FRAME..header::FRAME + 2].copy_from_slice(&82_u16.to_ne_bytes());
            packet[header::PACKET_TYPE] = *packet_type;
            packet[82..82 + frame.len()].copy_from_slice(frame);
        }
        block
    }

    #[test]
    fn every_packet_of_a_block_is_read_in_place() {
        let bytes = block(&[
            (b"first", INCOMING),
            (b"second", OUTGOING),
            (b"third", TAGGED),
        ]);
        let (first, cursor) = Cursor::new(&bytes).packet(&bytes).unwrap().unwrap();
        assert_eq!(&bytes[first.frame.clone()], b"first");
        assert_eq!(
            first.time_ns,
            i64::from(SECONDS) * NANOSECONDS_PER_SECOND + 7
        );
        assert_eq!(first.wire_length, 1500);
        assert!(!first.outgoing && !first.tagged);
        let (second, cursor) = cursor.packet(&bytes).unwrap().unwrap();
        assert_eq!(
            (&bytes[second.frame], second.outgoing),
            (&b"second"[..], true)
        );
        let (third, cursor) = cursor.packet(&bytes).unwrap().unwrap();
        assert_eq!((&bytes[third.frame], third.tagged), (&b"third"[..], true));
        assert_eq!(cursor.packet(&bytes), Ok(None));
    }

    #[test]
    fn a_frame_outside_its_block_is_a_fault_with_its_offset() {
        let mut bytes = block(&[(b"frame", INCOMING)]);
        put(&mut bytes, 48 + header::CAPTURED, 4096);
        let fault = Cursor::new(&bytes).packet(&bytes).unwrap_err();
        assert_eq!(fault.offset, 48);
    }

    #[test]
    fn a_packet_that_points_to_itself_is_a_fault_and_no_endless_loop() {
        let mut bytes = block(&[(b"first", INCOMING), (b"second", INCOMING)]);
        put(&mut bytes, 48 + header::NEXT, 0);
        assert!(Cursor::new(&bytes).packet(&bytes).is_err());
    }

    /// Walks a block to its end or fault, taking every frame out of it.
    fn walk(block: &[u8]) -> usize {
        let mut cursor = Cursor::new(block);
        let mut packets = 0;
        while let Ok(Some((packet, next))) = cursor.packet(block) {
            assert!(block.get(packet.frame).is_some());
            cursor = next;
            packets += 1;
        }
        packets
    }

    proptest! {
        #[test]
        fn any_bytes_as_a_block_end_in_bounded_steps(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
            prop_assert!(walk(&bytes) <= bytes.len() / header::LENGTH + 1);
        }

        #[test]
        fn a_block_damaged_anywhere_ends_in_bounded_steps(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 1..20),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let frames: Vec<_> = frames.iter().map(|frame| (&frame[..], INCOMING)).collect();
            let mut bytes = block(&frames);
            prop_assert_eq!(walk(&bytes), frames.len());
            for (at, value) in damage {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            prop_assert!(walk(&bytes) <= bytes.len() / header::LENGTH + 1);
        }
    }
}
