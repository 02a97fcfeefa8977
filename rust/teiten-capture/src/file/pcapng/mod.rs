//! pcapng files: draft-ietf-opsawg-pcapng, of any number of sections, each in its own byte order.

mod interface;

use std::borrow::Cow;

use interface::{EARLIEST_NS, Interface};
use teiten_core::{Fault, Frame};

use super::order::Order;
use super::{MAXIMUM_CAPTURED_LENGTH, OpenError};

/// Section header, section 4.1; a palindrome, so that it reads the same in either byte order.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
/// Interface description, section 4.2.
const INTERFACE_DESCRIPTION: u32 = 1;
/// The obsolete packet block, appendix A.
const PACKET: u32 = 2;
/// Simple packet, section 4.4.
const SIMPLE_PACKET: u32 = 3;
/// Enhanced packet, section 4.3.
const ENHANCED_PACKET: u32 = 6;

/// Says the byte order of a section, section 4.1.
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Type and length before a block's body, and the length again behind it, section 3.1.
const BLOCK_HEADER: usize = 8;
const BLOCK_TRAILER: usize = 4;
const BLOCK: usize = BLOCK_HEADER + BLOCK_TRAILER;
/// Body of a section header before its options: magic, version, section length.
const SECTION_BODY: usize = 16;

/// Most interfaces of one section. The obsolete packet block can name no more, and the list stays below 3 MiB.
const MAXIMUM_INTERFACES: usize = 1 << 16;

/// Marks packets without a time while the first that has one is looked for. No time stamp comes to this value.
const UNTIMED: i64 = EARLIEST_NS - 1;

/// Whether `bytes` begin like a file of this format.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes
        .first_chunk::<4>()
        .is_some_and(|first| u32::from_le_bytes(*first) == SECTION_HEADER)
}

/// A place in a pcapng file: between two blocks, with what the blocks before it said.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    offset: usize,
    order: Order,
    interfaces: Vec<Interface>,
    /// The time of the packet before, for packets that have none of their own.
    time_ns: Option<i64>,
}

/// The parts of a block that holds a packet.
struct Packet<'a> {
    interface: usize,
    /// `None` in a simple packet block.
    ticks: Option<u64>,
    captured: u32,
    wire_length: u32,
    rest: &'a [u8],
}

impl Walk {
    /// Reads the first section header; the walk then stands before the block behind it.
    pub(super) fn begin(bytes: &[u8]) -> Result<Self, OpenError> {
        if !begins(bytes) {
            return Err(OpenError::unlike(bytes));
        }
        let needed = BLOCK + SECTION_BODY;
        if bytes.len() < needed {
            return Err(OpenError::HeaderCut {
                format: "pcapng",
                there: bytes.len(),
                needed,
            });
        }
        let mut walk = Self {
            offset: 0,
            order: Order::Little,
            interfaces: Vec::new(),
            time_ns: None,
        };
        let rest = &bytes[BLOCK_HEADER..];
        if let Some((order, major, minor)) = section(rest) {
            if major != 1 {
                return Err(OpenError::Version {
                    format: "pcapng",
                    major,
                    minor,
                    known: "1.x",
                });
            }
            walk.order = order;
        }
        let (_, body, length) = walk.block(bytes).map_err(OpenError::Damaged)?;
        walk.begin_section(body).map_err(OpenError::Damaged)?;
        walk.offset = length;
        Ok(walk)
    }

    /// Where the next block begins.
    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// Goes back to `offset`, where the packet last yielded began.
    pub(super) const fn rewind(&mut self, offset: usize) {
        self.offset = offset;
    }

    /// The next packet of `bytes`, the whole file, and where its block begins.
    /// After a fault the walk stands before the block at fault.
    #[inline]
    pub(super) fn next<'a>(
        &mut self,
        bytes: &'a [u8],
    ) -> Option<Result<(usize, Frame<'a>), Fault>> {
        loop {
            if self.offset >= bytes.len() {
                return None;
            }
            match self.step(bytes) {
                Ok((length, frame)) => {
                    let start = self.offset;
                    self.offset += length;
                    if let Some(frame) = frame {
                        return Some(Ok((start, frame)));
                    }
                }
                Err(fault) => return Some(Err(fault)),
            }
        }
    }

    /// One block: its length, and the packet if it holds one.
    #[inline]
    fn step<'a>(&mut self, bytes: &'a [u8]) -> Result<(usize, Option<Frame<'a>>), Fault> {
        let (kind, body, length) = self.block(bytes)?;
        let packet = match kind {
            ENHANCED_PACKET => self.timed(body, |order, field| order.u32(field) as usize)?,
            SIMPLE_PACKET => self.simple(body)?,
            // Two bytes of interface, two of a drop counter, then as in the enhanced block.
            PACKET => self.timed(body, |order, [i0, i1, ..]| order.u16([i0, i1]).into())?,
            INTERFACE_DESCRIPTION => {
                self.add_interface(body)?;
                return Ok((length, None));
            }
            SECTION_HEADER => {
                self.begin_section(body)?;
                return Ok((length, None));
            }
            // Names, statistics, secrets, custom blocks: nothing that bears on packets.
            _ => return Ok((length, None)),
        };
        let Some(&interface) = self.interfaces.get(packet.interface) else {
            return Err(self.no_interface(packet.interface));
        };
        let time_ns = match (packet.ticks, self.time_ns) {
            (Some(ticks), _) => interface.time_ns(ticks),
            (None, Some(before)) => before,
            (None, None) => self.first_time(bytes, length),
        };
        let captured = match packet.ticks {
            Some(_) => packet.captured,
            // Section 4.4: as much as the interface's snap length lets through.
            None if interface.snap_length == 0 => packet.captured,
            None => packet.captured.min(interface.snap_length),
        };
        if captured > MAXIMUM_CAPTURED_LENGTH {
            return Err(self.too_long(captured));
        }
        let Some(frame) = packet.rest.get(..captured as usize) else {
            return Err(self.overlong(captured, packet.rest.len()));
        };
        self.time_ns = Some(time_ns);
        let wire_length = packet.wire_length;
        Ok((
            length,
            Some(Frame {
                time_ns,
                link: interface.link,
                wire_length,
                bytes: frame,
            }),
        ))
    }

    /// The block at the walk's offset: type, body, and whole length.
    #[inline]
    fn block<'a>(&self, bytes: &'a [u8]) -> Result<(u32, &'a [u8], usize), Fault> {
        let rest = &bytes[self.offset..];
        let Some(&[t0, t1, t2, t3, l0, l1, l2, l3]) = rest.first_chunk::<BLOCK_HEADER>() else {
            return Err(self.cut(rest.len(), BLOCK));
        };
        let mut order = self.order;
        let kind = order.u32([t0, t1, t2, t3]);
        if kind == SECTION_HEADER {
            match section(&rest[BLOCK_HEADER..]) {
                Some((new, ..)) => order = new,
                None if rest.len() < BLOCK + SECTION_BODY => {
                    return Err(self.cut(rest.len(), BLOCK + SECTION_BODY));
                }
                None => return Err(self.fault("a section header without its byte-order magic")),
            }
        }
        let stated = order.u32([l0, l1, l2, l3]);
        let length = stated as usize;
        if length < BLOCK || length % 4 != 0 {
            return Err(self.bad_length(stated));
        }
        let Some(block) = rest.get(..length) else {
            return Err(self.cut(rest.len(), length));
        };
        let Some((front, &trailer)) = block.split_last_chunk::<BLOCK_TRAILER>() else {
            return Err(self.bad_length(stated));
        };
        if order.u32(trailer) != stated {
            return Err(self.unequal_lengths(stated, order.u32(trailer)));
        }
        Ok((kind, &front[BLOCK_HEADER..], length))
    }

    fn begin_section(&mut self, body: &[u8]) -> Result<(), Fault> {
        let Some((order, major, minor)) = section(body).filter(|_| body.len() >= SECTION_BODY)
        else {
            return Err(self.fault("a section header too short for its fields"));
        };
        if major != 1 {
            return Err(self.fault(format!(
                "a section of pcapng version {major}.{minor}, where 1.x is known"
            )));
        }
        self.order = order;
        self.interfaces.clear();
        Ok(())
    }

    fn add_interface(&mut self, body: &[u8]) -> Result<(), Fault> {
        if self.interfaces.len() >= MAXIMUM_INTERFACES {
            return Err(self.fault(format!(
                "more than {MAXIMUM_INTERFACES} interfaces in one section"
            )));
        }
        let interface = Interface::described(self.order, body);
        self.interfaces
            .push(interface.map_err(|reason| self.fault(reason))?);
        Ok(())
    }

    /// A packet block that has a time. `interface` reads which interface the first four bytes name.
    #[inline]
    fn timed<'a>(
        &self,
        body: &'a [u8],
        interface: impl Fn(Order, [u8; 4]) -> usize,
    ) -> Result<Packet<'a>, Fault> {
        let Some((fields, rest)) = body.split_first_chunk::<20>() else {
            return Err(self.fault("a packet block too short for its fields"));
        };
        let [named, high, low, captured, wire_length] = quads(fields);
        let order = self.order;
        Ok(Packet {
            interface: interface(order, named),
            ticks: Some((u64::from(order.u32(high)) << 32) | u64::from(order.u32(low))),
            captured: order.u32(captured),
            wire_length: order.u32(wire_length),
            rest,
        })
    }

    fn simple<'a>(&self, body: &'a [u8]) -> Result<Packet<'a>, Fault> {
        let Some((&length, rest)) = body.split_first_chunk::<4>() else {
            return Err(self.fault("a packet block too short for its fields"));
        };
        let wire_length = self.order.u32(length);
        Ok(Packet {
            interface: 0,
            ticks: None,
            captured: wire_length,
            wire_length,
            rest,
        })
    }

    /// A time for packets before any that has one: that of the first which does, else 1970. Looked for once.
    ///
    /// A simple packet block carries none. Any other choice would stretch the observed span back to 1970.
    #[cold]
    fn first_time(&self, bytes: &[u8], length: usize) -> i64 {
        let mut ahead = self.clone();
        ahead.offset += length;
        ahead.time_ns = Some(UNTIMED);
        while let Some(Ok((_, frame))) = ahead.next(bytes) {
            if frame.time_ns != UNTIMED {
                return frame.time_ns;
            }
        }
        0
    }

    #[cold]
    fn fault(&self, reason: impl Into<Cow<'static, str>>) -> Fault {
        Fault {
            offset: self.offset as u64,
            reason: reason.into(),
        }
    }

    #[cold]
    fn cut(&self, there: usize, length: usize) -> Fault {
        self.fault(format!(
            "the file ends inside a block ({there} of {length} bytes are there)"
        ))
    }

    #[cold]
    fn bad_length(&self, stated: u32) -> Fault {
        self.fault(format!(
            "a block states a length of {stated}, which no block can have"
        ))
    }

    #[cold]
    fn unequal_lengths(&self, front: u32, back: u32) -> Fault {
        self.fault(format!(
            "a block states the lengths {front} before and {back} behind its body"
        ))
    }

    #[cold]
    fn no_interface(&self, interface: usize) -> Fault {
        let described = self.interfaces.len();
        self.fault(format!(
            "a packet names interface {interface}, where {described} are described"
        ))
    }

    #[cold]
    fn too_long(&self, captured: u32) -> Fault {
        self.fault(format!(
            "a packet claims {captured} captured bytes, more than the {MAXIMUM_CAPTURED_LENGTH} any capture holds"
        ))
    }

    #[cold]
    fn overlong(&self, captured: u32, there: usize) -> Fault {
        self.fault(format!(
            "a packet claims {captured} captured bytes in a block with room for {there}"
        ))
    }
}

/// The five four-byte fields before a packet's bytes.
#[inline]
fn quads(fields: &[u8; 20]) -> [[u8; 4]; 5] {
    std::array::from_fn(|field| std::array::from_fn(|place| fields[4 * field + place]))
}

/// Byte order and version from the body of a section header.
fn section(body: &[u8]) -> Option<(Order, u16, u16)> {
    let &[m0, m1, m2, m3, j0, j1, n0, n1] = body.first_chunk::<8>()?;
    let order = [Order::Little, Order::Big]
        .into_iter()
        .find(|order| order.u32([m0, m1, m2, m3]) == BYTE_ORDER_MAGIC)?;
    Some((order, order.u16([j0, j1]), order.u16([n0, n1])))
}

#[cfg(test)]
mod tests {
    use teiten_core::LinkType;

    use super::*;

    /// A section header in little-endian order, version 1.0, of unstated length, without options.
    const SECTION: [u8; 28] = [
        0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 28, 0, 0, 0,
    ];
    /// The same in big-endian order.
    const SECTION_BIG: [u8; 28] = [
        0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 28,
    ];
    /// Ethernet, no snap length, no options: microseconds.
    const ETHERNET: [u8; 20] = [1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0];
    /// Raw IP, snap length 96, `if_name` "e0" (2), `if_tsresol` 9 (9), end of options.
    const RAW_NANOSECONDS: [u8; 40] = [
        1, 0, 0, 0, 40, 0, 0, 0, 101, 0, 0, 0, 96, 0, 0, 0, 2, 0, 2, 0, b'e', b'0', 0, 0, 9, 0, 1,
        0, 9, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0,
    ];
    /// Linux cooked in big-endian order, `if_tsresol` 2^-10, `if_tsoffset` -1 s.
    const COOKED_BIG: [u8; 44] = [
        0, 0, 0, 1, 0, 0, 0, 44, 0, 113, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0x8a, 0, 0, 0, 0, 14, 0, 8,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 44,
    ];

    /// Appends type, length and padding to `body`.
    fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
        let mut padded = body.to_vec();
        padded.resize(body.len().next_multiple_of(4), 0);
        let length = number(order, u32::try_from(padded.len() + BLOCK).unwrap());
        [&number(order, kind)[..], &length, &padded, &length].concat()
    }

    fn number(order: Order, value: u32) -> [u8; 4] {
        if order == Order::Little {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        }
    }

    fn enhanced(order: Order, interface: u32, ticks: u64, bytes: &[u8]) -> Vec<u8> {
        let captured = u32::try_from(bytes.len()).unwrap();
        let fields = [
            interface,
            (ticks >> 32) as u32,
            (ticks & 0xffff_ffff) as u32,
            captured,
            60,
        ];
        let mut body = fields.map(|field| number(order, field)).concat();
        body.extend(bytes);
        block(order, ENHANCED_PACKET, &body)
    }

    fn simple(wire_length: u32, bytes: &[u8]) -> Vec<u8> {
        block(
            Order::Little,
            SIMPLE_PACKET,
            &[&wire_length.to_le_bytes(), bytes].concat(),
        )
    }

    fn walk(bytes: &[u8]) -> (Vec<Frame<'_>>, Option<Fault>) {
        let mut walk = Walk::begin(bytes).unwrap();
        let mut frames = Vec::new();
        loop {
            match walk.next(bytes) {
                Some(Ok((_, frame))) => frames.push(frame),
                Some(Err(fault)) => return (frames, Some(fault)),
                None => return (frames, None),
            }
        }
    }

    fn fault(bytes: &[u8]) -> Fault {
        walk(bytes).1.unwrap()
    }

    #[test]
    fn an_enhanced_packet_takes_link_type_and_time_from_its_interface() {
        // The first packet byte by byte: interface 0, 2^32 + 5 microseconds, 3 of 60 bytes, one byte of padding.
        let packet = [
            6, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 60, 0, 0, 0,
            0xde, 0xad, 0xbe, 0, 36, 0, 0, 0,
        ];
        let bytes = [
            &SECTION[..],
            &ETHERNET,
            &RAW_NANOSECONDS,
            &packet,
            &enhanced(Order::Little, 1, 7, &[1, 2, 3, 4]),
        ]
        .concat();
        let (frames, fault) = walk(&bytes);
        assert_eq!(fault, None);
        assert_eq!(frames[0].time_ns, 4_294_967_301_000);
        assert_eq!(
            (frames[0].link, frames[0].wire_length),
            (LinkType::Ethernet, 60)
        );
        assert_eq!(frames[0].bytes, [0xde, 0xad, 0xbe]);
        assert_eq!((frames[1].link, frames[1].time_ns), (LinkType::RawIp, 7));
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn each_section_has_its_own_byte_order_and_interfaces() {
        let bytes = [
            &SECTION[..],
            &ETHERNET,
            &enhanced(Order::Little, 0, 1, &[1]),
            &SECTION_BIG,
            &COOKED_BIG,
            &enhanced(Order::Big, 0, 3 * 1024 + 512, &[2]),
            &SECTION,
            &RAW_NANOSECONDS,
            &enhanced(Order::Little, 0, 9, &[3]),
        ]
        .concat();
        let (frames, fault) = walk(&bytes);
        assert_eq!(fault, None);
        let seen: Vec<_> = frames
            .iter()
            .map(|frame| (frame.link, frame.time_ns, frame.bytes[0]))
            .collect();
        assert_eq!(
            seen,
            [
                (LinkType::Ethernet, 1_000, 1),
                (LinkType::LinuxCooked, 2_500_000_000, 2),
                (LinkType::RawIp, 9, 3),
            ]
        );
    }

    #[test]
    fn an_interface_of_another_section_is_a_fault() {
        let bytes = [
            &SECTION[..],
            &ETHERNET,
            &SECTION,
            &enhanced(Order::Little, 0, 1, &[1]),
        ]
        .concat();
        let fault = fault(&bytes);
        assert_eq!(fault.offset, 76);
        assert!(
            fault.reason.contains("interface 0, where 0 are described"),
            "{fault}"
        );
    }

    #[test]
    fn times_beyond_64_bits_are_the_farthest_and_stop_nothing() {
        let mut offset = COOKED_BIG;
        offset[28..36].copy_from_slice(&i64::MIN.to_be_bytes());
        let bytes = [
            &SECTION_BIG[..],
            &offset,
            &enhanced(Order::Big, 0, 0, &[1]),
            &SECTION,
            &ETHERNET,
            &enhanced(Order::Little, 0, u64::MAX, &[2]),
            &enhanced(Order::Little, 0, 1, &[3]),
        ]
        .concat();
        let times: Vec<_> = walk(&bytes).0.iter().map(|frame| frame.time_ns).collect();
        assert_eq!(times, [i64::MIN + 1, i64::MAX, 1_000]);
    }

    #[test]
    fn the_obsolete_packet_block_is_read() {
        // Interface 0, 9 drops, 5 microseconds, 2 of 60 bytes.
        let packet = [
            2, 0, 0, 0, 36, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 60, 0, 0, 0,
            0xde, 0xad, 0, 0, 36, 0, 0, 0,
        ];
        let bytes = [&SECTION[..], &ETHERNET, &packet].concat();
        let (frames, fault) = walk(&bytes);
        assert_eq!(fault, None);
        assert_eq!((frames[0].time_ns, frames[0].wire_length), (5_000, 60));
        assert_eq!(frames[0].bytes, [0xde, 0xad]);
    }

    #[test]
    fn a_simple_packet_is_cut_by_the_snap_length_of_the_first_interface() {
        let bytes = [
            &SECTION[..],
            &RAW_NANOSECONDS,
            &simple(100, &[7; 96]),
            &simple(3, &[7; 3]),
            &SECTION,
            &ETHERNET,
            &simple(5, &[7; 5]),
        ]
        .concat();
        let (frames, fault) = walk(&bytes);
        assert_eq!(fault, None);
        let lengths: Vec<_> = frames
            .iter()
            .map(|frame| (frame.wire_length, frame.bytes.len()))
            .collect();
        assert_eq!(lengths, [(100, 96), (3, 3), (5, 5)]);
    }

    #[test]
    fn a_simple_packet_takes_the_time_of_the_packet_before_or_of_the_first_that_has_one() {
        let bytes = [
            &SECTION[..],
            &ETHERNET,
            &simple(1, &[1]),
            &simple(1, &[2]),
            &enhanced(Order::Little, 0, 8, &[3]),
            &simple(1, &[4]),
            &enhanced(Order::Little, 0, 9, &[5]),
            &simple(1, &[6]),
        ]
        .concat();
        let times: Vec<_> = walk(&bytes).0.iter().map(|frame| frame.time_ns).collect();
        assert_eq!(times, [8_000, 8_000, 8_000, 8_000, 9_000, 9_000]);
        let untimed = [&SECTION[..], &ETHERNET, &simple(1, &[1]), &simple(1, &[2])].concat();
        let times: Vec<_> = walk(&untimed).0.iter().map(|frame| frame.time_ns).collect();
        assert_eq!(times, [0, 0]);
    }

    #[test]
    fn blocks_without_packets_are_passed_over() {
        let bytes = [
            &SECTION[..],
            &block(Order::Little, 4, &[0; 4]),
            &ETHERNET,
            &block(Order::Little, 5, &[0; 12]),
            &block(Order::Little, 0xbad, &[]),
            &enhanced(Order::Little, 0, 1, &[1]),
            &block(Order::Little, 10, &vec![0xff; 300_000]),
        ]
        .concat();
        let (frames, fault) = walk(&bytes);
        assert_eq!((frames.len(), fault), (1, None));
    }

    #[test]
    fn damage_is_a_fault_at_its_block_that_says_what_is_wrong() {
        let order = Order::Little;
        let good = enhanced(order, 0, 1, &[1, 2, 3, 4]);
        let with = |place: usize, value: u32| {
            let mut packet = good.clone();
            packet[place..place + 4].copy_from_slice(&value.to_le_bytes());
            packet
        };
        let described = |options: &[u8]| {
            block(
                order,
                INTERFACE_DESCRIPTION,
                &[&[1, 0, 0, 0, 0, 0, 0, 0], options].concat(),
            )
        };
        let mut version = SECTION;
        version[12] = 2;
        let mut magic = SECTION;
        magic[8] = 0;
        let cases: [(Vec<u8>, &str); 16] = [
            (with(4, 0), "states a length of 0,"),
            (with(4, 8), "states a length of 8,"),
            (with(4, 35), "states a length of 35,"),
            (
                with(4, 0xffff_fffc),
                "ends inside a block (36 of 4294967292 bytes",
            ),
            (with(32, 40), "lengths 36 before and 40 behind"),
            (with(8, 1), "names interface 1, where 1 are described"),
            (
                with(20, 5),
                "claims 5 captured bytes in a block with room for 4",
            ),
            (
                with(20, 262_145),
                "claims 262145 captured bytes, more than the 262144",
            ),
            (block(order, ENHANCED_PACKET, &[0; 16]), "too short"),
            (block(order, PACKET, &[0; 16]), "too short"),
            (block(order, SIMPLE_PACKET, &[]), "too short"),
            (block(order, INTERFACE_DESCRIPTION, &[0; 4]), "too short"),
            (
                described(&[9, 0, 9, 0, 6, 0, 0, 0]),
                "option 9 runs past the end",
            ),
            (described(&[9, 0, 2, 0, 6, 0, 0, 0]), "option 9 has 2 bytes"),
            (version.to_vec(), "version 2.0"),
            (magic.to_vec(), "without its byte-order magic"),
        ];
        for (damaged, reason) in cases {
            let bytes = [&SECTION[..], &ETHERNET, &good, &damaged].concat();
            let (frames, fault) = walk(&bytes);
            let fault = fault.unwrap_or_else(|| panic!("no fault where one says {reason:?}"));
            assert_eq!(frames.len(), 1);
            assert_eq!(
                fault.offset,
                (SECTION.len() + ETHERNET.len() + good.len()) as u64
            );
            assert!(
                fault.reason.contains(reason),
                "{fault} does not say {reason:?}"
            );
        }
    }

    #[test]
    fn the_number_of_interfaces_is_bounded() {
        let mut bytes = SECTION.to_vec();
        for _ in 0..=MAXIMUM_INTERFACES {
            bytes.extend(ETHERNET);
        }
        let fault = fault(&bytes);
        assert!(
            fault.reason.contains("more than 65536 interfaces"),
            "{fault}"
        );
    }

    #[test]
    fn a_first_section_header_that_cannot_be_read_is_refused() {
        let mut version = SECTION;
        version[12] = 2;
        let mut magic = SECTION;
        magic[8] = 0;
        for (bytes, words) in [
            (
                &SECTION[..27],
                "ends inside its pcapng header (27 of 28 bytes",
            ),
            (&version, "version 2.0"),
            (&magic, "byte-order magic"),
        ] {
            let error = Walk::begin(bytes).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
