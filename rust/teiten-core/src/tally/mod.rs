//! Tuples in dense tables, and their columns.

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
