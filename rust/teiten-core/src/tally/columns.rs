//! Tuples as columns of bytes.

use super::table::Entry;
use super::tuple::{Marked, Packed, Tuple4, Tuple6};
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
        Self {
            source: column(entries, |entry| source_of(entry.tuple.addresses())),
            address: column(entries, |entry| address_of(entry.tuple.addresses())),
            ..Self::without_addresses(Family::Ipv4, entries, base_minute)
        }
    }

    /// The columns of IPv6 rows whose minutes count from `base_minute`.
    #[must_use]
    pub fn of_ipv6(entries: &[Entry<Tuple6>], base_minute: u32) -> Self {
        Self {
            source: column(entries, |entry| network_order(entry.tuple.source())),
            address: column(entries, |entry| network_order(entry.tuple.address())),
            ..Self::without_addresses(Family::Ipv6, entries, base_minute)
        }
    }

    fn without_addresses<T: Marked>(
        family: Family,
        entries: &[Entry<T>],
        base_minute: u32,
    ) -> Self {
        let packed = |entry: &Entry<T>| -> Packed { entry.tuple.packed() };
        Self {
            family,
            rows: entries.len(),
            minute: column(entries, |entry| {
                (base_minute + u32::from(packed(entry).minute_offset())).to_le_bytes()
            }),
            source: Vec::new(),
            address: Vec::new(),
            form: column(entries, |entry| [packed(entry).form()]),
            value: column(entries, |entry| packed(entry).value().to_le_bytes()),
            source_port: column(entries, |entry| packed(entry).source_port().to_le_bytes()),
            flags: column(entries, |entry| [packed(entry).flags()]),
            class: column(entries, |entry| [packed(entry).class()]),
            tool: column(entries, |entry| [packed(entry).tool()]),
            packets: column(entries, |entry| entry.packets.to_le_bytes()),
            bytes: column(entries, |entry| entry.bytes.to_le_bytes()),
        }
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

/// One value of each entry, one behind the other.
fn column<T, const WIDTH: usize>(
    entries: &[Entry<T>],
    value: impl Fn(&Entry<T>) -> [u8; WIDTH],
) -> Vec<u8> {
    let mut column = Vec::with_capacity(entries.len() * WIDTH);
    column.extend(entries.iter().flat_map(value));
    column
}

fn numbers(column: &[u8]) -> impl Iterator<Item = u64> + '_ {
    column
        .chunks_exact(8)
        .map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap_or_default()))
}

const fn source_of(addresses: [u8; 8]) -> [u8; 4] {
    let [a, b, c, d, ..] = addresses;
    [a, b, c, d]
}

const fn address_of(addresses: [u8; 8]) -> [u8; 4] {
    let [.., a, b, c, d] = addresses;
    [a, b, c, d]
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
