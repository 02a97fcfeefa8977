//! Why a header cannot be read.

use std::fmt;

/// What a header belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The capture record itself.
    Record,
    /// Everything before the IP header.
    Link,
    /// The IP header with IPv6's extension headers.
    Network,
    /// TCP, UDP, ICMP, ICMPv6.
    Transport,
}

/// Declares the reasons once: variant, name, layer, meaning.
macro_rules! reasons {
    ($($variant:ident $name:literal $layer:ident $meaning:literal,)+) => {
        /// Why a header cannot be read; the name says layer and reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $(#[doc = $meaning] $variant,)+
        }

        impl Reason {
            /// Every reason, in the order of their layers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in `snake_case`, as counters carry it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The layer at which reading stopped.
            #[must_use]
            pub const fn layer(self) -> Layer {
                match self { $(Self::$variant => Layer::$layer,)+ }
            }

            /// The meaning, for a person.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

reasons! {
    TimeRange "time_range" Record "The time is before 1970 or after 2199.",
    LinkUnknown "link_unknown" Link "The link type is none this crate reads.",
    LinkShort "link_short" Link "The bytes end within a link header.",
    LinkDepth "link_depth" Link "More tags and labels are stacked than are looked through.",
    Arp "arp" Link "The frame carries ARP, not IP.",
    Rarp "rarp" Link "The frame carries reverse ARP, not IP.",
    Lldp "lldp" Link "The frame carries link layer discovery (LLDP), not IP.",
    Eapol "eapol" Link "The frame carries port authentication (EAPOL), not IP.",
    PppoeDiscovery "pppoe_discovery" Link "The frame carries PPPoE discovery, not a session.",
    SpanningTree "spanning_tree" Link "The frame carries a bridge's spanning tree, not IP.",
    Llc "llc" Link "An IEEE 802.3 frame whose LLC header leads to no IP.",
    NotIp "not_ip" Link "The frame carries another protocol than IP.",
    MplsPayload "mpls_payload" Link "What follows the MPLS labels is no IP.",
    PppProtocol "ppp_protocol" Link "What the PPPoE session carries is no IP.",
    LoopbackFamily "loopback_family" Link "The loopback header names an address family that is no IP.",
    IpVersion "ip_version" Network "The version of the IP header is neither 4 nor 6, or not what the link header says.",
    IpShort "ip_short" Network "No byte follows the headers before IP.",
    Ipv4HeaderShort "ipv4_header_short" Network "Fewer than the 20 bytes of an IPv4 header.",
    Ipv4HeaderLength "ipv4_header_length" Network "The IPv4 header claims to be shorter than 20 bytes.",
    Ipv6HeaderShort "ipv6_header_short" Network "Fewer than the 40 bytes of an IPv6 header.",
    Ipv6ExtensionShort "ipv6_extension_short" Network "The bytes end within an IPv6 extension header.",
    Ipv6ExtensionDepth "ipv6_extension_depth" Network "More IPv6 extension headers than are walked.",
    TcpShort "tcp_short" Transport "The bytes end within the TCP header.",
    UdpShort "udp_short" Transport "The bytes end within the UDP header.",
    IcmpShort "icmp_short" Transport "The bytes end before the ICMP type.",
}

/// Where and why reading a frame stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Why, and at which layer.
    pub reason: Reason,
    /// Where the header that cannot be read begins, in bytes from the start of the frame.
    pub offset: usize,
}

impl Malformed {
    /// The layer at which reading stopped.
    #[must_use]
    pub const fn layer(self) -> Layer {
        self.reason.layer()
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} (at byte {})",
            self.reason.meaning(),
            self.offset
        )
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_numbered_in_order() {
        for (position, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, position);
            assert_eq!(
                Reason::ALL
                    .iter()
                    .filter(|other| other.name() == reason.name())
                    .count(),
                1
            );
        }
    }

    #[test]
    fn a_stop_names_place_and_reason() {
        let stop = Malformed {
            reason: Reason::Ipv4HeaderShort,
            offset: 14,
        };
        assert_eq!(stop.layer(), Layer::Network);
        assert_eq!(
            stop.to_string(),
            "Fewer than the 20 bytes of an IPv4 header. (at byte 14)"
        );
    }
}
