//! Quotations of ICMP errors in a small table, and their columns.

use super::columns::network_order;
use super::table::{Entry, Sighting, Table};
use super::tuple::{Secrets, Tuple, fold};
use crate::packet::{Ip, Packet, Transport};
use crate::quotation::Quotation;
use crate::wire::ipv6::Halves;

/// Memory of the table: room for 6,371 rows. Beyond them packets are counted as `quoted_overflow`.
const BYTES: usize = 1 << 19;

/// What tells quotations apart: who reports to whom, how, and of which victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    source: Halves,
    address: Halves,
    victim: Halves,
    /// From the high end: victim's port 16, type 8, code 8, protocol 8, unused 8, IPv6 1, minute 15.
    packed: u64,
}

impl Tuple for Quoted {
    fn hash(&self, secrets: &Secrets) -> u64 {
        let [one, two, three, four, five, six] = secrets.0;
        let source = fold(self.source[0] ^ three, self.source[1] ^ four);
        let address = fold(self.address[0] ^ five, self.address[1] ^ six);
        let victim = fold(self.victim[0] ^ one, self.victim[1] ^ two);
        let both = fold(source ^ one, address ^ two);
        fold(both ^ victim.rotate_left(32) ^ three, self.packed ^ four)
    }
}

impl Quoted {
    /// What a packet that quotes another is counted under; `None` for a packet that is no ICMP.
    fn new(packet: &Packet<'_>, quotation: Quotation, minute_offset: u16) -> Option<Self> {
        let (Transport::Icmp(icmp) | Transport::Icmpv6(icmp)) = &packet.transport else {
            return None;
        };
        let (source, address, is_ipv6) = match &packet.ip {
            Ip::V4(ip) => (
                [0, u64::from(ip.source())],
                [0, u64::from(ip.destination())],
                0,
            ),
            Ip::V6(ip) => (ip.source(), ip.destination(), 1),
        };
        let rest = u64::from(quotation.victim_port) << 48
            | u64::from(icmp.kind()) << 40
            | u64::from(icmp.code().unwrap_or(0)) << 32
            | u64::from(quotation.protocol) << 24
            | is_ipv6 << 15
            | u64::from(minute_offset);
        Some(Self {
            source,
            address,
            victim: quotation.victim,
            packed: rest,
        })
    }
}

/// The table of one interval's quotations.
#[derive(Debug)]
pub(crate) struct Quotations {
    table: Table<Quoted>,
}

impl Quotations {
    /// An empty table; its memory is fixed here.
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self {
            table: Table::new(BYTES, secrets),
        }
    }

    /// Counts a packet's quotation; false if it would need a new row and there is no room for one.
    pub(crate) fn count(
        &mut self,
        packet: &Packet<'_>,
        quotation: Quotation,
        minute_offset: u16,
    ) -> bool {
        Quoted::new(packet, quotation, minute_offset)
            .is_some_and(|tuple| self.table.try_count(Sighting::new(tuple, 0)))
    }

    /// The quotations as columns; empties the table.
    pub(crate) fn take(&mut self, base_minute: u32) -> QuotedColumns {
        let columns = QuotedColumns::of(self.table.entries(), base_minute);
        self.table.clear();
        columns
    }
}

/// Quotations as columns of bytes, laid out as [`Columns`](super::Columns) are, in the order of their first packets.
///
/// Addresses have 16 bytes; an IPv4 address is 12 zero bytes and its 4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuotedColumns {
    /// Number of rows.
    pub rows: usize,
    /// Minutes since 1970-01-01 00:00 UTC, 4 bytes each.
    pub minute: Vec<u8>,
    /// 4 or 6, 1 byte each.
    pub family: Vec<u8>,
    /// Who reports, 16 bytes each.
    pub source: Vec<u8>,
    /// Monitored addresses that the reports came to, 16 bytes each.
    pub address: Vec<u8>,
    /// ICMP or ICMPv6 types, 1 byte each.
    pub kind: Vec<u8>,
    /// Codes, 1 byte each.
    pub code: Vec<u8>,
    /// Protocols of the quoted packets, 1 byte each.
    pub protocol: Vec<u8>,
    /// Victims, the destinations of the quoted packets, 16 bytes each.
    pub victim: Vec<u8>,
    /// Their ports, 2 bytes each.
    pub victim_port: Vec<u8>,
    /// Packets, 8 bytes each.
    pub packets: Vec<u8>,
}

impl QuotedColumns {
    fn of(entries: &[Entry<Quoted>], base_minute: u32) -> Self {
        let mut columns = Self {
            rows: entries.len(),
            ..Self::default()
        };
        for Entry { tuple, packets, .. } in entries {
            let [port, port_low, kind, code, protocol, _, minute, minute_low] =
                tuple.packed.to_be_bytes();
            let offset = u16::from_be_bytes([minute & 0x7f, minute_low]);
            let minute_number = base_minute + u32::from(offset);
            columns.minute.extend(minute_number.to_le_bytes());
            columns.family.push(if minute & 0x80 == 0 { 4 } else { 6 });
            columns.source.extend(network_order(tuple.source));
            columns.address.extend(network_order(tuple.address));
            columns.kind.push(kind);
            columns.code.push(code);
            columns.protocol.push(protocol);
            columns.victim.extend(network_order(tuple.victim));
            columns.victim_port.extend([port_low, port]);
            columns.packets.extend(packets.to_le_bytes());
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::LinkType;

    /// A destination unreachable from 192.31.196.`reporter` that quotes a SYN to port 80 of 192.52.193.7.
    #[rustfmt::skip]
    fn unreachable(reporter: u8) -> Vec<u8> {
        vec![
            0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 192, 31, 196, reporter, 203, 0, 113, 9,
            3, 1, 0, 0, 0, 0, 0, 0,
            0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 203, 0, 113, 9, 192, 52, 193, 7,
            0x17, 0x70, 0x00, 0x50, 1, 2, 3, 4,
        ]
    }

    fn count(quotations: &mut Quotations, bytes: &[u8], minute_offset: u16) -> bool {
        let packet = Packet::from_bytes(LinkType::RawIp, bytes).unwrap();
        let quotation = Quotation::of(&packet).unwrap().unwrap();
        quotations.count(&packet, quotation, minute_offset)
    }

    #[test]
    fn rows_are_laid_out_as_the_batch_format_has_them() {
        let mut quotations = Quotations::new(Secrets::from_seed(1));
        for _ in 0..3 {
            assert!(count(&mut quotations, &unreachable(1), 0x7fff));
        }
        assert!(count(&mut quotations, &unreachable(2), 1));
        let columns = quotations.take(0x0100);
        assert_eq!(columns.rows, 2);
        assert_eq!(columns.minute, [0xff, 0x80, 0, 0, 0x01, 0x01, 0, 0]);
        assert_eq!(columns.family, [4, 4]);
        assert_eq!(columns.source[10..16], [0, 0, 192, 31, 196, 1]);
        assert_eq!(columns.address[12..16], [203, 0, 113, 9]);
        assert_eq!(columns.victim[12..16], [192, 52, 193, 7]);
        assert_eq!((columns.kind[0], columns.code[0]), (3, 1));
        assert_eq!(
            (columns.protocol[0], &columns.victim_port[..2]),
            (6, &[80, 0][..])
        );
        assert_eq!(columns.packets[..8], [3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(quotations.take(0).rows, 0);
    }

    #[test]
    fn a_full_table_still_counts_what_it_knows() {
        let mut quotations = Quotations::new(Secrets::from_seed(1));
        let mut minute = 0;
        while count(&mut quotations, &unreachable(1), minute) {
            minute += 1;
        }
        assert_eq!(minute, 6371);
        assert!(count(&mut quotations, &unreachable(1), 0));
        assert!(!count(&mut quotations, &unreachable(2), 0));
        assert_eq!(quotations.take(0).rows, 6371);
    }
}
