//! pcap files: draft-ietf-opsawg-pcap, with the variants of its magic number that libpcap knows.

use teiten_core::{Fault, Frame, LinkType};

use super::order::Order;
use super::{MAXIMUM_CAPTURED_LENGTH, OpenError};

/// Length of the file header, section 4.
const FILE_HEADER: usize = 24;

/// Time stamps in microseconds, section 4.
const MICROSECONDS: u32 = 0xa1b2_c3d4;
/// Time stamps in nanoseconds, section 4.
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Alexey Kuznetzov's patch: microseconds, and 8 further bytes in each record header (libpcap's
/// `sf-pcap.c`, `KUZNETZOV_TCPDUMP_MAGIC` and `struct pcap_sf_patched_pkthdr`).
const MODIFIED: u32 = 0xa1b2_cd34;

/// Length of a record header, section 5, and of the modified one.
const RECORD_HEADER: usize = 16;
const MODIFIED_RECORD_HEADER: usize = 24;

/// Byte order and magic number, where there is one of this format.
fn magic(bytes: &[u8]) -> Option<(Order, u32)> {
    let first = *bytes.first_chunk::<4>()?;
    [Order::Little, Order::Big]
        .into_iter()
        .map(|order| (order, order.u32(first)))
        .find(|(_, magic)| matches!(*magic, MICROSECONDS | NANOSECONDS | MODIFIED))
}

/// Records that have to follow one another for a place to be guessed to be the first one's.
const CHAIN: usize = 8;

/// A place in a pcap file: between two records.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    offset: usize,
    order: Order,
    record_header: usize,
    /// Nanoseconds in a unit of the time stamp's second field.
    fraction: u16,
    link: LinkType,
    /// Version 2.3 files may have a record's two lengths the other way round.
    lengths_may_be_swapped: bool,
    /// Little-endian, no lengths swapped, record headers of the usual length: as nearly all files are.
    is_plain: bool,
}

impl Walk {
    /// Reads the file header; the walk then stands before the first record.
    pub(super) fn begin(bytes: &[u8]) -> Result<Self, OpenError> {
        let Some((order, magic)) = magic(bytes) else {
            return Err(OpenError::unlike(bytes));
        };
        let Some(header) = bytes.first_chunk::<FILE_HEADER>() else {
            return Err(OpenError::HeaderCut {
                format: "pcap",
                there: bytes.len(),
                needed: FILE_HEADER,
            });
        };
        let major = order.u16([header[4], header[5]]);
        let minor = order.u16([header[6], header[7]]);
        if !matches!((major, minor), (2, 3 | 4)) {
            return Err(OpenError::Version {
                format: "pcap",
                major,
                minor,
                known: "2.3 and 2.4",
            });
        }
        let link = order.u32([header[20], header[21], header[22], header[23]]);
        Ok(Self {
            offset: FILE_HEADER,
            order,
            record_header: if magic == MODIFIED {
                MODIFIED_RECORD_HEADER
            } else {
                RECORD_HEADER
            },
            fraction: if magic == NANOSECONDS { 1 } else { 1_000 },
            // The upper half holds the length of a frame check sequence, which the IP length leaves out anyway.
            link: LinkType::from_number(link & 0xffff),
            lengths_may_be_swapped: minor == 3,
            is_plain: order == Order::Little && minor != 3 && magic != MODIFIED,
        })
    }

    /// Where the next record begins.
    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// Goes back to `offset`, where a record began.
    pub(super) const fn rewind(&mut self, offset: usize) {
        self.offset = offset;
    }

    /// The next record of `bytes`, the whole file. After a fault the walk stands where it stood.
    #[inline]
    pub(super) fn next<'a>(&mut self, bytes: &'a [u8]) -> Option<Result<Frame<'a>, Fault>> {
        let rest = bytes.get(self.offset..)?;
        let Some(header) = rest.first_chunk::<RECORD_HEADER>() else {
            return if rest.is_empty() {
                None
            } else {
                Some(Err(self.cut_header(rest.len())))
            };
        };
        let [seconds, fraction, mut captured, mut wire_length] = self.order.words(header);
        if self.lengths_may_be_swapped && captured > wire_length {
            (captured, wire_length) = (wire_length, captured);
        }
        if captured > MAXIMUM_CAPTURED_LENGTH {
            return Some(Err(self.too_long(captured)));
        }
        // At most 256 KiB after the line above.
        let end = self.record_header + captured as usize;
        let Some(frame) = rest.get(self.record_header..end) else {
            return Some(Err(self.cut_record(captured, rest.len())));
        };
        self.offset += end;
        Some(Ok(Frame {
            time_ns: time_ns(seconds, fraction, self.fraction),
            link: self.link,
            wire_length,
            bytes: frame,
        }))
    }

    /// The records from here on up to whatever [`next`](Self::next) has to look at: the end, a fault, or any record of a
    /// file that is not plain.
    #[inline]
    pub(super) fn plain_records<'a>(&self, bytes: &'a [u8]) -> PlainRecords<'a> {
        let rest = bytes.get(self.offset..).filter(|_| self.is_plain);
        PlainRecords {
            rest: rest.unwrap_or_default(),
            unit: self.fraction,
            link: self.link,
        }
    }

    /// Whether [`plain_records`](Self::plain_records) lends any.
    pub(super) const fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Where a record begins, at `from` or behind it, as far as that can be told from the bytes there; `None` where it
    /// cannot. It is a guess: payloads may look like records.
    pub(super) fn guess(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let reach = from + 2 * (MAXIMUM_CAPTURED_LENGTH as usize + RECORD_HEADER);
        (from..reach.min(bytes.len())).find(|start| self.may_be_records(bytes.get(*start..)))
    }

    /// Whether some records could follow one another here.
    fn may_be_records(&self, bytes: Option<&[u8]>) -> bool {
        let mut rest = bytes.unwrap_or_default();
        for _ in 0..CHAIN {
            let Some((header, behind)) = rest.split_first_chunk::<RECORD_HEADER>() else {
                return false;
            };
            let [_, fraction, captured, wire_length] = Order::Little.words(header);
            let sound = fraction < 1_000_000_000 / u32::from(self.fraction)
                && captured > 0
                && captured <= wire_length
                && captured <= MAXIMUM_CAPTURED_LENGTH;
            match behind.get(captured as usize..) {
                Some(next) if sound => rest = next,
                _ => return false,
            }
        }
        true
    }

    #[cold]
    fn fault(&self, reason: String) -> Fault {
        Fault {
            offset: self.offset as u64,
            reason: reason.into(),
        }
    }

    #[cold]
    fn cut_header(&self, there: usize) -> Fault {
        self.fault(format!(
            "the file ends inside a record header ({there} of {} bytes are there)",
            self.record_header
        ))
    }

    #[cold]
    fn cut_record(&self, captured: u32, there: usize) -> Fault {
        if there < self.record_header {
            return self.cut_header(there);
        }
        let there = there - self.record_header;
        self.fault(format!(
            "the file ends inside a record ({there} of {captured} captured bytes are there)"
        ))
    }

    #[cold]
    fn too_long(&self, captured: u32) -> Fault {
        self.fault(format!(
            "a record claims {captured} captured bytes, more than the {MAXIMUM_CAPTURED_LENGTH} any \
             capture holds; the file is corrupt here or before"
        ))
    }
}

/// Records of a plain file up to a fault; none of any other. Few enough variables to stay in registers.
#[derive(Debug)]
pub(super) struct PlainRecords<'a> {
    rest: &'a [u8],
    unit: u16,
    link: LinkType,
}

impl PlainRecords<'_> {
    /// Of no file.
    pub(super) const NONE: Self = Self {
        rest: &[],
        unit: 0,
        link: LinkType::Null,
    };

    /// Bytes behind the record yielded last.
    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for PlainRecords<'a> {
    type Item = Frame<'a>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        let (header, behind) = self.rest.split_first_chunk::<RECORD_HEADER>()?;
        let [seconds, fraction, captured, wire_length] = Order::Little.words(header);
        let (bytes, rest) = behind.split_at_checked(captured as usize)?;
        if captured > MAXIMUM_CAPTURED_LENGTH {
            return None;
        }
        self.rest = rest;
        Some(Frame {
            time_ns: time_ns(seconds, fraction, self.unit),
            link: self.link,
            wire_length,
            bytes,
        })
    }
}

/// The time of a record whose second field counts units of so many nanoseconds.
#[inline]
fn time_ns(seconds: u32, fraction: u32, unit: u16) -> i64 {
    i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * i64::from(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Little-endian, microseconds, version 2.4, snap length 65535, Ethernet; one record of 4 of 60 bytes at
    /// 2009-08-11 23:55:44.000007 UTC.
    const LITTLE: [u8; 44] = [
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0,
        0, //
        0x00, 0x05, 0x82, 0x4a, 7, 0, 0, 0, 4, 0, 0, 0, 60, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef,
    ];
    /// The same in big-endian order with nanoseconds, raw IP.
    const BIG_NANOSECONDS: [u8; 44] = [
        0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0,
        101, //
        0x4a, 0x82, 0x05, 0x00, 0, 0, 0, 7, 0, 0, 0, 4, 0, 0, 0, 60, 0xde, 0xad, 0xbe, 0xef,
    ];
    /// Kuznetzov's: interface index 2, protocol 0x0800, packet type 0 and padding stand before the bytes.
    const LITTLE_MODIFIED: [u8; 52] = [
        0x34, 0xcd, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 113, 0, 0,
        0, //
        0x00, 0x05, 0x82, 0x4a, 7, 0, 0, 0, 4, 0, 0, 0, 60, 0, 0, 0, 2, 0, 0, 0, 0, 8, 0, 0, 0xde,
        0xad, 0xbe, 0xef,
    ];
    const SECONDS: i64 = 0x4a82_0500;

    fn only_frame(bytes: &[u8]) -> Frame<'_> {
        let mut walk = Walk::begin(bytes).unwrap();
        let frame = walk.next(bytes).unwrap().unwrap();
        assert!(walk.next(bytes).is_none());
        assert_eq!(walk.offset(), bytes.len());
        frame
    }

    fn fault(bytes: &[u8]) -> Fault {
        let mut walk = Walk::begin(bytes).unwrap();
        loop {
            match walk.next(bytes) {
                Some(Ok(_)) => {}
                Some(Err(fault)) => return fault,
                None => panic!("no fault"),
            }
        }
    }

    #[test]
    fn every_variant_of_the_magic_number_is_read() {
        for (bytes, link, fraction) in [
            (&LITTLE[..], LinkType::Ethernet, 7_000),
            (&BIG_NANOSECONDS, LinkType::RawIp, 7),
            (&LITTLE_MODIFIED, LinkType::LinuxCooked, 7_000),
        ] {
            let frame = only_frame(bytes);
            assert_eq!(frame.time_ns, SECONDS * 1_000_000_000 + fraction);
            assert_eq!(frame.link, link);
            assert_eq!(frame.wire_length, 60);
            assert_eq!(frame.bytes, [0xde, 0xad, 0xbe, 0xef]);
        }
    }

    #[test]
    fn the_length_of_a_frame_check_sequence_is_no_part_of_the_link_type() {
        let mut bytes = LITTLE;
        bytes[23] = 0x24; // section 4: present, 2 units of 16 bits
        assert_eq!(only_frame(&bytes).link, LinkType::Ethernet);
    }

    #[test]
    fn lengths_swapped_by_version_2_3_are_set_right() {
        let mut bytes = LITTLE;
        bytes[6] = 3;
        bytes[32] = 60;
        bytes[36] = 4;
        let frame = only_frame(&bytes);
        assert_eq!((frame.wire_length, frame.bytes.len()), (60, 4));
    }

    #[test]
    fn versions_not_known_are_refused_by_their_number() {
        let mut bytes = LITTLE;
        bytes[6] = 9;
        let error = Walk::begin(&bytes).unwrap_err().to_string();
        assert!(error.contains("version 2.9"), "{error}");
    }

    #[test]
    fn a_header_cut_short_says_so() {
        for length in 4..FILE_HEADER {
            let error = Walk::begin(&LITTLE[..length]).unwrap_err().to_string();
            assert!(
                error.contains(&format!("({length} of 24 bytes are there)")),
                "{error}"
            );
        }
    }

    #[test]
    fn times_after_2038_are_not_negative() {
        let mut bytes = LITTLE;
        bytes[24..28].fill(0xff);
        assert_eq!(only_frame(&bytes).time_ns, 4_294_967_295_000_007_000);
    }

    #[test]
    fn a_captured_length_above_the_limit_is_a_fault_and_not_an_allocation() {
        let mut bytes = LITTLE;
        bytes[32..36].copy_from_slice(&(MAXIMUM_CAPTURED_LENGTH + 1).to_le_bytes());
        let fault = fault(&bytes);
        assert_eq!(fault.offset, 24);
        assert!(fault.reason.contains("262145"), "{fault}");
    }

    #[test]
    fn a_record_of_the_largest_length_is_read() {
        let mut bytes = LITTLE[..40].to_vec();
        bytes[32..36].copy_from_slice(&MAXIMUM_CAPTURED_LENGTH.to_le_bytes());
        bytes.resize(40 + MAXIMUM_CAPTURED_LENGTH as usize, 7);
        assert_eq!(only_frame(&bytes).bytes.len(), 262_144);
    }

    #[test]
    fn a_record_cut_short_is_a_fault_at_its_beginning() {
        for (length, reason) in [
            (25, "inside a record header (1 of 16 bytes"),
            (39, "inside a record header (15 of 16 bytes"),
            (40, "inside a record (0 of 4 captured bytes"),
            (43, "inside a record (3 of 4 captured bytes"),
        ] {
            let fault = fault(&LITTLE[..length]);
            assert_eq!(fault.offset, 24);
            assert!(fault.reason.contains(reason), "{fault}");
        }
        let fault = fault(&LITTLE_MODIFIED[..45]);
        assert!(fault.reason.contains("(21 of 24 bytes"), "{fault}");
    }
}
