//! The addresses whose traffic is counted.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::wire::ipv6::Halves;

/// An address prefix: `198.51.100.0/28`, `2001:db8::/64`, or one address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

/// Why a text is no [`Network`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkError {
    /// The part before the slash is no IPv4 or IPv6 address.
    Address(String),
    /// The part after the slash is no length the address can have.
    Length(String),
    /// Bits are set behind the prefix: the network meant is given.
    HostBits(String, Network),
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.length)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| NetworkError::Address(text.to_owned()))?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => width,
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|length| {
                    *length <= width && digits.bytes().all(|digit| digit.is_ascii_digit())
                })
                .ok_or_else(|| NetworkError::Length(text.to_owned()))?,
        };
        let network = Self {
            address: first_address(address, length),
            length,
        };
        if network.address == address {
            Ok(network)
        } else {
            Err(NetworkError::HostBits(text.to_owned(), network))
        }
    }
}

impl fmt::Display for NetworkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(text) => {
                write!(
                    formatter,
                    "`{text}` does not begin with an IPv4 or IPv6 address"
                )
            }
            Self::Length(text) => write!(
                formatter,
                "`{text}` does not end with a prefix length of 0 to 32 (IPv4) or 128 (IPv6)"
            ),
            Self::HostBits(text, network) => {
                write!(
                    formatter,
                    "`{text}` has bits set behind its prefix; write `{network}`"
                )
            }
        }
    }
}

impl std::error::Error for NetworkError {}

fn first_address(address: IpAddr, length: u8) -> IpAddr {
    let length = u32::from(length);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            IpAddr::from((u32::from(address) & mask).to_be_bytes())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            IpAddr::from((u128::from(address) & mask).to_be_bytes())
        }
    }
}

/// A set of addresses, as disjoint ranges in order.
///
/// A sensor has few networks, so a search is a handful of comparisons in one cache line.
#[derive(Clone, Debug)]
pub struct Monitored {
    everything: bool,
    ipv4: Box<[(u32, u32)]>,
    ipv6: Box<[(Halves, Halves)]>,
}

impl Monitored {
    /// The addresses of the networks; every address if there are none.
    #[must_use]
    pub fn new(networks: &[Network]) -> Self {
        let mut ipv4 = Vec::new();
        let mut ipv6 = Vec::new();
        for network in networks {
            let length = u32::from(network.length);
            match network.address {
                IpAddr::V4(address) => {
                    let first = u32::from(address);
                    ipv4.push((first, first | u32::MAX.checked_shr(length).unwrap_or(0)));
                }
                IpAddr::V6(address) => {
                    let first = u128::from(address);
                    let last = first | u128::MAX.checked_shr(length).unwrap_or(0);
                    ipv6.push((halves(first), halves(last)));
                }
            }
        }
        Self {
            everything: networks.is_empty(),
            ipv4: disjoint(ipv4),
            ipv6: disjoint(ipv6),
        }
    }

    /// Whether an IPv4 address is one of them.
    #[inline]
    #[must_use]
    pub fn has_ipv4(&self, address: u32) -> bool {
        self.everything || has(&self.ipv4, address)
    }

    /// Whether an IPv4 packet goes to one of them, and does not claim to come from one that was named.
    #[inline]
    #[must_use]
    pub fn counts(&self, source: u32, destination: u32) -> bool {
        self.everything || has(&self.ipv4, destination) && !has(&self.ipv4, source)
    }

    /// Whether an IPv4 address is in a network that was named; false where none was.
    #[inline]
    #[must_use]
    pub fn names_ipv4(&self, address: u32) -> bool {
        has(&self.ipv4, address)
    }

    /// Whether an IPv6 address is in a network that was named; false where none was.
    #[must_use]
    pub fn names_ipv6(&self, address: Halves) -> bool {
        has(&self.ipv6, address)
    }

    /// Whether an IPv6 address is one of them.
    #[inline]
    #[must_use]
    pub fn has_ipv6(&self, address: Halves) -> bool {
        self.everything || has(&self.ipv6, address)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
const fn halves(address: u128) -> Halves {
    [(address >> 64) as u64, address as u64]
}

/// Networks either nest or are apart, so in order of their first addresses the outer one comes first.
fn disjoint<A: Ord + Copy>(mut ranges: Vec<(A, A)>) -> Box<[(A, A)]> {
    ranges.sort_unstable_by(|one, other| one.0.cmp(&other.0).then(other.1.cmp(&one.1)));
    ranges.dedup_by(|inner, outer| inner.0 <= outer.1);
    ranges.into_boxed_slice()
}

#[inline]
fn has<A: Ord + Copy>(ranges: &[(A, A)], address: A) -> bool {
    let behind = ranges.partition_point(|(first, _)| *first <= address);
    behind > 0 && address <= ranges[behind - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn texts_are_read_and_written() {
        for text in [
            "198.51.100.0/28",
            "0.0.0.0/0",
            "2001:db8::/64",
            "::/0",
            "203.0.113.9/32",
        ] {
            assert_eq!(network(text).to_string(), text);
        }
        assert_eq!(network("203.0.113.9").to_string(), "203.0.113.9/32");
        assert_eq!(network("2001:db8::1").to_string(), "2001:db8::1/128");
    }

    #[test]
    fn a_text_that_is_no_network_is_told_why() {
        let told = |text: &str| text.parse::<Network>().unwrap_err().to_string();
        assert!(told("example/8").contains("does not begin with"));
        for text in [
            "192.0.2.0/33",
            "192.0.2.0/",
            "192.0.2.0/+8",
            "::/129",
            "::/a",
        ] {
            assert!(told(text).contains("prefix length"), "{text}");
        }
        assert!(told("192.0.2.7/24").contains("write `192.0.2.0/24`"));
    }

    #[test]
    fn no_network_means_every_address() {
        let monitored = Monitored::new(&[]);
        assert!(monitored.has_ipv4(7) && monitored.has_ipv6([7, 7]));
        assert!(!monitored.names_ipv4(7) && !monitored.names_ipv6([7, 7]));
    }

    #[test]
    fn networks_of_one_family_leave_the_other_out() {
        let monitored = Monitored::new(&[network("192.0.2.0/24")]);
        assert!(monitored.has_ipv4(0xc000_0200) && monitored.has_ipv4(0xc000_02ff));
        assert!(!monitored.has_ipv4(0xc000_01ff) && !monitored.has_ipv4(0xc000_0300));
        assert!(!monitored.has_ipv6([0, 0]));
    }

    #[test]
    fn ipv6_networks_end_where_their_prefix_does() {
        let monitored = Monitored::new(&[network("2001:db8:0:1::/64"), network("::1")]);
        assert!(monitored.has_ipv6([0x2001_0db8_0000_0001, u64::MAX]));
        assert!(!monitored.has_ipv6([0x2001_0db8_0000_0002, 0]));
        assert!(monitored.has_ipv6([0, 1]) && !monitored.has_ipv6([0, 2]));
    }

    proptest! {
        #[test]
        fn an_address_is_monitored_if_any_network_has_it(
            prefixes in proptest::collection::vec((any::<u32>(), 0u8..=32), 1..20),
            address in any::<u32>(),
            near in any::<bool>(),
        ) {
            let networks: Vec<Network> = prefixes
                .iter()
                .map(|(address, length)| Network {
                    address: first_address(IpAddr::from(address.to_be_bytes()), *length),
                    length: *length,
                })
                .collect();
            let address = if near { prefixes[0].0 ^ (address & 0xff) } else { address };
            let expected = networks.iter().any(|network| {
                first_address(IpAddr::from(address.to_be_bytes()), network.length) == network.address
            });
            prop_assert_eq!(Monitored::new(&networks).has_ipv4(address), expected);
        }
    }
}
