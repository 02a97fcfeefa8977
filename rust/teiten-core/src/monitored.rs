//! The addresses whose traffic is counted.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

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

    fn from_str(_text: &str) -> Result<Self, Self::Err> {
        unimplemented!()
    }
}

impl fmt::Display for NetworkError {
    fn fmt(&self, _formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!()
    }
}

impl std::error::Error for NetworkError {}
