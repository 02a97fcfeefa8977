//! Tuples as columns of bytes.

use super::table::Entry;
use super::tuple::{Marked, Tuple4, Tuple6};
use crate::wire::ipv6::Halves;

/// An IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4: addresses of 4 bytes.
    Ipv4,
    /// IPv6: addresses of 16 bytes.
    Ipv6,
}

/// Tuples as columns of bytes: row `i` of a column of width `w` is `column[i * w..(i + 1) * w]`.
///
/// Integers are little-endian and unsigned; addresses are in network byte order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// How wide the addresses are.
    pub family: Family,
    /// Number of rows.
    pub rows: usize,
    /// Minutes since 1970-01-01 00:00 UTC, 4 bytes each.
    pub minute: Vec<u8>,
    /// Source addresses, 4 or 16 bytes each.
    pub source: Vec<u8>,
    /// Monitored addresses, 4 or 16 bytes each.
    pub address: Vec<u8>,
    /// Forms of the keys, 1 byte each.
    pub form: Vec<u8>,
    /// Values of the keys, 2 bytes each.
    pub value: Vec<u8>,
    /// Source ports (TCP, UDP) or codes (ICMP), 2 bytes each.
    pub source_port: Vec<u8>,
    /// TCP flag bytes, 1 byte each.
    pub flags: Vec<u8>,
    /// Classes, 1 byte each.
    pub class: Vec<u8>,
    /// Tools, 1 byte each.
    pub tool: Vec<u8>,
    /// Packets, 8 bytes each.
    pub packets: Vec<u8>,
    /// Sums of IP packet lengths, 8 bytes each.
    pub bytes: Vec<u8>,
}

impl Columns {
    /// The columns of IPv4 rows whose minutes count from `base_minute`.
    #[must_use]
    pub fn of_ipv4(entries: &[Entry<Tuple4>], base_minute: u32) -> Self {
        Self::of(entries, base_minute, |tuple| {
            let addresses = tuple.addresses();
            (half_at(addresses, 0), half_at(addresses, 4))
        })
    }

    /// The columns of IPv6 rows whose minutes count from `base_minute`.
    #[must_use]
    pub fn of_ipv6(entries: &[Entry<Tuple6>], base_minute: u32) -> Self {
        Self::of(entries, base_minute, |tuple| {
            (
                network_order(tuple.source()),
                network_order(tuple.address()),
            )
        })
    }

    fn of<T: Marked, const ADDRESS: usize>(
        entries: &[Entry<T>],
        base_minute: u32,
        addresses: impl Fn(&T) -> ([u8; ADDRESS], [u8; ADDRESS]),
    ) -> Self {
        let mut columns = Self::with_capacity::<ADDRESS>(T::FAMILY, entries.len());
        let mut block = Block::<ADDRESS>::default();
        for entries in entries.chunks(BLOCK) {
            for (row, entry) in (0..BLOCK).zip(entries) {
                let packed = entry.tuple.packed();
                let minute = base_minute + u32::from(packed.minute_offset());
                (block.source[row], block.address[row]) = addresses(&entry.tuple);
                block.minute[row] = minute.to_le_bytes();
                block.form[row] = packed.form();
                block.value[row] = packed.value().to_le_bytes();
                block.source_port[row] = packed.source_port().to_le_bytes();
                block.flags[row] = packed.flags();
                block.class[row] = packed.class();
                block.tool[row] = packed.tool();
                block.packets[row] = entry.packets.to_le_bytes();
                block.bytes[row] = entry.bytes.to_le_bytes();
            }
            columns.extend(&block, entries.len());
        }
        columns
    }

    fn with_capacity<const ADDRESS: usize>(family: Family, rows: usize) -> Self {
        let width = |width| Vec::with_capacity(rows * width);
        Self {
            family,
            rows: 0,
            minute: width(4),
            source: width(ADDRESS),
            address: width(ADDRESS),
            form: width(1),
            value: width(2),
            source_port: width(2),
            flags: width(1),
            class: width(1),
            tool: width(1),
            packets: width(8),
            bytes: width(8),
        }
    }

    /// Takes the first rows of a block, at most [`BLOCK`] of them.
    fn extend<const ADDRESS: usize>(&mut self, block: &Block<ADDRESS>, rows: usize) {
        let source_port = block.source_port[..rows].as_flattened();
        self.rows += rows;
        self.minute.extend(block.minute[..rows].as_flattened());
        self.source.extend(block.source[..rows].as_flattened());
        self.address.extend(block.address[..rows].as_flattened());
        self.form.extend(&block.form[..rows]);
        self.value.extend(block.value[..rows].as_flattened());
        self.source_port.extend(source_port);
        self.flags.extend(&block.flags[..rows]);
        self.class.extend(&block.class[..rows]);
        self.tool.extend(&block.tool[..rows]);
        self.packets.extend(block.packets[..rows].as_flattened());
        self.bytes.extend(block.bytes[..rows].as_flattened());
    }

    /// Packets of the rows, in their order.
    pub fn packets(&self) -> impl Iterator<Item = u64> + '_ {
        numbers(&self.packets)
    }

    /// Sums of IP lengths of the rows, in their order.
    pub fn bytes(&self) -> impl Iterator<Item = u64> + '_ {
        numbers(&self.bytes)
    }
}

/// Rows that are laid out at a time: what they fill stays in the first cache.
const BLOCK: usize = 256;

/// The columns of a few rows, of a number known when this is compiled, so that no store has to be checked.
struct Block<const ADDRESS: usize> {
    minute: [[u8; 4]; BLOCK],
    source: [[u8; ADDRESS]; BLOCK],
    address: [[u8; ADDRESS]; BLOCK],
    form: [u8; BLOCK],
    value: [[u8; 2]; BLOCK],
    source_port: [[u8; 2]; BLOCK],
    flags: [u8; BLOCK],
    class: [u8; BLOCK],
    tool: [u8; BLOCK],
    packets: [[u8; 8]; BLOCK],
    bytes: [[u8; 8]; BLOCK],
}

impl<const ADDRESS: usize> Default for Block<ADDRESS> {
    fn default() -> Self {
        Self {
            minute: [[0; 4]; BLOCK],
            source: [[0; ADDRESS]; BLOCK],
            address: [[0; ADDRESS]; BLOCK],
            form: [0; BLOCK],
            value: [[0; 2]; BLOCK],
            source_port: [[0; 2]; BLOCK],
            flags: [0; BLOCK],
            class: [0; BLOCK],
            tool: [0; BLOCK],
            packets: [[0; 8]; BLOCK],
            bytes: [[0; 8]; BLOCK],
        }
    }
}

fn numbers(column: &[u8]) -> impl Iterator<Item = u64> + '_ {
    column
        .chunks_exact(8)
        .map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap_or_default()))
}

const fn half_at(addresses: [u8; 8], at: usize) -> [u8; 4] {
    [
        addresses[at],
        addresses[at + 1],
        addresses[at + 2],
        addresses[at + 3],
    ]
}

pub(super) fn network_order(halves: Halves) -> [u8; 16] {
    (u128::from(halves[0]) << 64 | u128::from(halves[1])).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Class;
    use crate::key::{Form, Key};
    use crate::tally::tuple::Marks;
    use crate::tool::Tool;

    const SYN: Marks = Marks {
        key: Key {
            form: Form::Tcp,
            value: 445,
        },
        source_port: 6000,
        flags: 2,
        class: Class::Probe,
        tool: Tool::Masscan,
    };

    #[test]
    fn rows_are_laid_out_as_the_batch_format_has_them() {
        let tuple = Tuple4::new(0xc633_6407, 0xcb00_7109, SYN.pack(3));
        let entry = Entry {
            tuple,
            packets: 1,
            bytes: 256,
        };
        let columns = Columns::of_ipv4(&[entry, entry], 0x0102_0300);
        assert_eq!(columns.rows, 2);
        assert_eq!(columns.minute[..4], [0x03, 0x03, 0x02, 0x01]);
        assert_eq!(columns.source, [198, 51, 100, 7, 198, 51, 100, 7]);
        assert_eq!(columns.address[4..], [203, 0, 113, 9]);
        assert_eq!(
            (columns.form, columns.value),
            (vec![1, 1], vec![0xbd, 1, 0xbd, 1])
        );
        assert_eq!(
            (columns.source_port[..2].to_vec(), columns.flags[0]),
            (vec![0x70, 0x17], 2)
        );
        assert_eq!((columns.class[1], columns.tool[1]), (1, 2));
        assert_eq!(columns.packets[..8], [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(columns.bytes[8..], [0, 1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn ipv6_addresses_are_in_network_byte_order() {
        let tuple = Tuple6::new([0x2001_0db8 << 32, 1], [0x2001_0db8 << 32, 2], SYN.pack(0));
        let columns = Columns::of_ipv6(
            &[Entry {
                tuple,
                packets: 1,
                bytes: 60,
            }],
            0,
        );
        assert_eq!(
            (columns.source[..4].to_vec(), columns.source[15]),
            (vec![0x20, 1, 0x0d, 0xb8], 1)
        );
        assert_eq!((columns.address.len(), columns.address[15]), (16, 2));
    }
}
