//! Borrowed views of single headers, one checked constructor each.
//!
//! A view holds the fixed part of its header as an array of exactly that length, so a constructor that returns
//! `Ok` is the proof that every accessor is total: no accessor of this module can fail or panic. Views judge
//! nothing but whether the header can be read at all; wrong checksums, odd flags and lying lengths pass, because
//! a telescope counts such packets too.

pub mod checksum;
pub mod cooked;
pub mod ethernet;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
pub mod link;
pub mod loopback;
pub mod mpls;
pub mod pppoe;
pub mod reason;
pub mod tcp;
pub mod udp;

pub use reason::{Layer, Malformed, Reason};

/// The 16-bit number in network byte order at a constant offset of a header.
#[inline]
pub(crate) const fn u16_at<const N: usize>(header: &[u8; N], at: usize) -> u16 {
    u16::from_be_bytes([header[at], header[at + 1]])
}

/// The 32-bit number in network byte order at a constant offset of a header.
#[inline]
pub(crate) const fn u32_at<const N: usize>(header: &[u8; N], at: usize) -> u32 {
    u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

/// The 64-bit number in network byte order at a constant offset of a header.
#[inline]
const fn u64_at<const N: usize>(header: &[u8; N], at: usize) -> u64 {
    (u32_at(header, at) as u64) << 32 | u32_at(header, at + 4) as u64
}
