//! A tuple, and how it is packed.
//!
//! All of a tuple but its addresses fits in 64 bits, from the high end: value 16, source port 16, flags 8, form 3,
//! class 2, tool 4, minute 15. The minute is kept as an offset from a base that the interval chooses.

use super::columns::Family;
use crate::class::Class;
use crate::key::{Form, Key};
use crate::packet::{Ip, Packet, Transport};
use crate::tool::{Scanners, Tool};
use crate::wire::icmp::Icmp;
use crate::wire::ipv6::Halves;

/// Minutes that offsets from one base can tell apart.
pub const MINUTES: u32 = 1 << 15;

/// What is counted together, besides the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Under which key.
    pub key: Key,
    /// Source port of TCP and UDP, code of ICMP, 0 otherwise.
    pub source_port: u16,
    /// The TCP flag byte, 0 otherwise.
    pub flags: u8,
    /// What kind of packet.
    pub class: Class,
    /// Which scanner.
    pub tool: Tool,
}

impl Marks {
    /// The marks of a packet, in whose sender `scanners` recognise a tool.
    #[inline]
    #[must_use]
    pub fn of(packet: &Packet<'_>, scanners: &mut Scanners) -> Self {
        let code = |icmp: &Icmp<'_>| icmp.code().map_or(0, u16::from);
        let (source_port, flags, tool) = match (&packet.transport, &packet.ip) {
            (Transport::Tcp(tcp), Ip::V4(ip)) => {
                (tcp.source_port(), tcp.flags(), scanners.recognise(ip, tcp))
            }
            (Transport::Tcp(tcp), Ip::V6(_)) => (tcp.source_port(), tcp.flags(), Tool::None),
            (Transport::Udp(udp), _) => (udp.source_port(), 0, Tool::None),
            (Transport::Ports(ports), _) => (ports.source_port(), 0, Tool::None),
            (Transport::Icmp(icmp) | Transport::Icmpv6(icmp), _) => (code(icmp), 0, Tool::None),
            (Transport::Cut | Transport::LaterFragment | Transport::Other, _) => (0, 0, Tool::None),
        };
        Self {
            key: Key::of(packet),
            source_port,
            flags,
            class: Class::of(packet),
            tool,
        }
    }

    /// Packs the marks with a minute's offset below [`MINUTES`].
    #[inline]
    #[must_use]
    pub const fn pack(self, minute_offset: u16) -> Packed {
        Packed(
            (self.key.value as u64) << 48
                | (self.source_port as u64) << 32
                | (self.flags as u64) << 24
                | (self.key.form as u64) << 21
                | (self.class as u64 - 1) << 19
                | (self.tool as u64) << 15
                | (minute_offset as u64),
        )
    }
}

/// [`Marks`] with the offset of its minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed(pub(crate) u64);

#[expect(
    clippy::cast_possible_truncation,
    reason = "each field is cut out at its own width"
)]
impl Packed {
    /// The [`Marks`] of a TCP segment, packed; `ports` has the source port above.
    #[inline]
    #[must_use]
    pub(crate) const fn of_tcp(
        ports: u32,
        flags: u8,
        class: Class,
        tool: Tool,
        minute_offset: u16,
    ) -> Self {
        Self(
            (ports.rotate_left(16) as u64) << 32
                | (flags as u64) << 24
                | (Form::Tcp as u64) << 21
                | (class as u64 - 1) << 19
                | (tool as u64) << 15
                | (minute_offset as u64),
        )
    }

    /// The key.
    #[inline]
    #[must_use]
    pub const fn key(self) -> Key {
        let form = match Form::from_number(self.form()) {
            Some(form) => form,
            // No marks have a number that is no form's.
            None => Form::Ip,
        };
        let value = self.value();
        Key { form, value }
    }

    /// Value of the key.
    #[must_use]
    pub const fn value(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// Source port, or code.
    #[must_use]
    pub const fn source_port(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// TCP flag byte.
    #[must_use]
    pub const fn flags(self) -> u8 {
        (self.0 >> 24) as u8
    }

    /// Number of the key's form.
    #[must_use]
    pub const fn form(self) -> u8 {
        (self.0 >> 21) as u8 & 0x07
    }

    /// Number of the class.
    #[must_use]
    pub const fn class(self) -> u8 {
        ((self.0 >> 19) as u8 & 0x03) + 1
    }

    /// Number of the tool.
    #[must_use]
    pub const fn tool(self) -> u8 {
        (self.0 >> 15) as u8 & 0x0f
    }

    /// The same without a source port; codes of ICMP stay.
    #[must_use]
    pub const fn without_source_port(self) -> Self {
        if self.form() == Form::Tcp as u8 || self.form() == Form::Udp as u8 {
            Self(self.0 & !(0xffff << 32))
        } else {
            self
        }
    }

    /// Offset of the minute from the interval's base.
    #[must_use]
    pub const fn minute_offset(self) -> u16 {
        self.0 as u16 & 0x7fff
    }
}

/// What a table keys its rows by.
pub trait Tuple: Copy + Eq {
    /// Mixes the tuple with secrets into a hash whose every bit depends on all of the tuple.
    fn hash(&self, secrets: &Secrets) -> u64;
}

/// A tuple of either family.
pub trait Marked: Tuple {
    /// Which family.
    const FAMILY: Family;
    /// A tuple that no packet has.
    const NOTHING: Self;

    /// What it is besides its addresses.
    fn packed(&self) -> Packed;

    /// Source address; one of IPv4 is the low half, and 0 the high one.
    fn source(&self) -> Halves;

    /// The same without a source port; codes of ICMP stay.
    #[must_use]
    fn without_source_port(self) -> Self;

    /// The same without a source address.
    #[must_use]
    fn without_source(self) -> Self;
}

/// A tuple of IPv4, 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple4 {
    addresses: u64,
    packed: Packed,
}

impl Tuple4 {
    /// A tuple of a source, a monitored address and the rest.
    #[inline]
    #[must_use]
    pub const fn new(source: u32, address: u32, packed: Packed) -> Self {
        Self {
            addresses: (source as u64) << 32 | address as u64,
            packed,
        }
    }

    /// Source and monitored address, in network byte order.
    #[must_use]
    pub const fn addresses(&self) -> [u8; 8] {
        self.addresses.to_be_bytes()
    }
}

impl Tuple for Tuple4 {
    #[inline]
    fn hash(&self, secrets: &Secrets) -> u64 {
        fold(self.addresses ^ secrets.0[0], self.packed.0 ^ secrets.0[1])
    }
}

impl Marked for Tuple4 {
    const FAMILY: Family = Family::Ipv4;
    const NOTHING: Self = Self::new(0, 0, Packed(0));

    #[inline]
    fn packed(&self) -> Packed {
        self.packed
    }

    #[inline]
    fn source(&self) -> Halves {
        [0, self.addresses >> 32]
    }

    #[inline]
    fn without_source_port(self) -> Self {
        let packed = self.packed.without_source_port();
        Self { packed, ..self }
    }

    #[inline]
    fn without_source(self) -> Self {
        let addresses = self.addresses & 0xffff_ffff;
        Self { addresses, ..self }
    }
}

/// A tuple of IPv6, 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple6 {
    source: Halves,
    address: Halves,
    packed: Packed,
}

impl Tuple6 {
    /// A tuple of a source, a monitored address and the rest.
    #[must_use]
    pub const fn new(source: Halves, address: Halves, packed: Packed) -> Self {
        Self {
            source,
            address,
            packed,
        }
    }

    /// Monitored address.
    #[must_use]
    pub const fn address(&self) -> Halves {
        self.address
    }
}

impl Tuple for Tuple6 {
    #[inline]
    fn hash(&self, secrets: &Secrets) -> u64 {
        let source = fold(self.source[0] ^ secrets.0[2], self.source[1] ^ secrets.0[3]);
        let address = fold(
            self.address[0] ^ secrets.0[4],
            self.address[1] ^ secrets.0[5],
        );
        fold(
            source ^ address.rotate_left(32) ^ secrets.0[0],
            self.packed.0 ^ secrets.0[1],
        )
    }
}

impl Marked for Tuple6 {
    const FAMILY: Family = Family::Ipv6;
    const NOTHING: Self = Self::new([0; 2], [0; 2], Packed(0));

    #[inline]
    fn packed(&self) -> Packed {
        self.packed
    }

    #[inline]
    fn source(&self) -> Halves {
        self.source
    }

    #[inline]
    fn without_source_port(self) -> Self {
        let packed = self.packed.without_source_port();
        Self { packed, ..self }
    }

    #[inline]
    fn without_source(self) -> Self {
        let source = [0, 0];
        Self { source, ..self }
    }
}

/// What keys the hash: senders choose tuples, and without these cannot choose where they land.
#[derive(Clone, Copy)]
pub struct Secrets(pub(super) [u64; 6]);

impl Secrets {
    /// Derives the secrets from a seed by SplitMix64 (Steele et al., "Fast Splittable Pseudorandom Number
    /// Generators", 2014, figure 15).
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let mut state = seed;
        Self([(); 6].map(|()| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ mixed >> 31
        }))
    }

    /// A hash of four numbers.
    #[inline]
    pub(crate) const fn mix(&self, numbers: [u64; 4]) -> u64 {
        let one = fold(numbers[0] ^ self.0[0], numbers[1] ^ self.0[1]);
        let two = fold(numbers[2] ^ self.0[2], numbers[3] ^ self.0[3]);
        fold(one ^ self.0[4], two ^ self.0[5])
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secrets")
    }
}

/// Both halves of a full multiplication, folded (as in wyhash, Wang Yi 2019).
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
pub(super) const fn fold(one: u64, other: u64) -> u64 {
    let product = one as u128 * other as u128;
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_field_comes_back(
            (form, value, source_port) in (1u8..=7, any::<u16>(), any::<u16>()),
            (flags, class, tool) in (any::<u8>(), 0usize..4, 0usize..Tool::ALL.len()),
            minute in 0u16..0x8000,
        ) {
            let form = Form::from_number(form).unwrap();
            let (class, tool) = (Class::ALL[class], Tool::ALL[tool]);
            let whole = Marks { key: Key { form, value }, source_port, flags, class, tool };
            let packed = whole.pack(minute);
            prop_assert_eq!(packed.form(), form as u8);
            prop_assert_eq!(packed.key(), whole.key);
            prop_assert_eq!(packed.value(), value);
            prop_assert_eq!(packed.source_port(), source_port);
            prop_assert_eq!(packed.flags(), flags);
            prop_assert_eq!(packed.class(), class as u8);
            prop_assert_eq!(packed.tool(), tool as u8);
            prop_assert_eq!(packed.minute_offset(), minute);
            let without = packed.without_source_port();
            let is_code = !matches!(form, Form::Tcp | Form::Udp);
            prop_assert_eq!(without.source_port(), if is_code { source_port } else { 0 });
            let again = Marks { source_port: without.source_port(), ..whole }.pack(minute);
            prop_assert_eq!(without, again);
        }
    }

    #[test]
    fn hashes_of_neighbours_spread_over_all_their_bits() {
        let secrets = Secrets::from_seed(7);
        let mut low = std::collections::HashSet::new();
        let mut high = std::collections::HashSet::new();
        for port in 0..4096u64 {
            let hash = Tuple4::new(1, 2, Packed(port << 48)).hash(&secrets);
            low.insert(hash & 0xffff);
            high.insert(hash >> 48);
        }
        // 4096 of 65,536 places hit by chance leave some 3,970 distinct.
        assert!(
            low.len() > 3500 && high.len() > 3500,
            "{} {}",
            low.len(),
            high.len()
        );
    }

    #[test]
    fn every_part_of_an_ipv6_tuple_counts_in_its_hash() {
        let secrets = Secrets::from_seed(7);
        let hash = |parts: [u64; 5]| {
            let [source, source_low, address, address_low, packed] = parts;
            let tuple = Tuple6::new([source, source_low], [address, address_low], Packed(packed));
            tuple.hash(&secrets)
        };
        let base = [1, 2, 3, 4, 5];
        for part in 0..5 {
            let mut other = base;
            other[part] ^= 1 << 40;
            assert_ne!(hash(base), hash(other));
        }
    }
}
