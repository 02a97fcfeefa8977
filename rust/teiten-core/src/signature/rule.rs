//! What a rule means, whatever syntax it was written in.

use super::application::ApplicationEvent;
use super::content::Step;
use super::ranges::Ranges;
use super::text::Place;

/// Which packets a rule's header speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Every IP packet.
    Ip,
    /// Every IPv4 packet.
    Ipv4,
    /// Every IPv6 packet.
    Ipv6,
    /// TCP segments.
    Tcp,
    /// UDP datagrams.
    Udp,
    /// ICMP and ICMPv6 messages.
    Icmp,
    /// ICMPv6 messages alone.
    Icmpv6,
    /// Packets of one other protocol number.
    Number(u8),
    /// DNS messages over UDP.
    Dns,
    /// Packets one of whose headers is not as it should be.
    Anomaly,
}

/// Addresses of both families.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// IPv4 addresses as numbers.
    pub ipv4: Ranges,
    /// IPv6 addresses as numbers.
    pub ipv6: Ranges,
}

impl Addresses {
    /// Every address.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            ipv4: Ranges::span(0, u32::MAX.into()),
            ipv6: Ranges::span(0, u128::MAX),
        }
    }

    /// No address.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            ipv4: Ranges::NONE,
            ipv6: Ranges::NONE,
        }
    }
}

/// One end of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Its addresses.
    pub addresses: Addresses,
    /// Its ports; packets without ports match only every port.
    pub ports: Ranges,
}

/// A header field that a rule compares with a set of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// TCP window.
    Window,
    /// ICMP type.
    IcmpKind,
    /// ICMP code.
    IcmpCode,
    /// Bytes of payload.
    PayloadLength,
    /// TCP acknowledgement number.
    Acknowledgement,
    /// TCP sequence number.
    Sequence,
    /// ICMP identifier, of messages that have one.
    IcmpIdentifier,
    /// ICMP sequence number, of messages that have one.
    IcmpSequence,
    /// Protocol number behind the IP header.
    Protocol,
    /// IPv4 fragment offset in units of 8 bytes.
    FragmentOffset,
    /// IPv4 identification.
    Identification,
    /// IPv4 time to live or IPv6 hop limit.
    TimeToLive,
    /// IPv4 type of service or IPv6 traffic class.
    TypeOfService,
    /// Length of the IP packet as its header states it.
    PacketLength,
    /// Maximum segment size among the TCP options.
    SegmentSize,
    /// Bytes of TCP header.
    TcpHeaderLength,
}

/// How a set of bits is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitMode {
    /// Exactly these.
    Exactly,
    /// These and any others.
    AtLeast,
    /// Any of these.
    AnyOf,
    /// Not all of these.
    NotAll,
}

impl BitMode {
    /// Whether `bits` compare so with the `wanted` ones.
    #[must_use]
    pub const fn holds(self, bits: u8, wanted: u8) -> bool {
        match self {
            Self::Exactly => bits == wanted,
            Self::AtLeast => bits & wanted == wanted,
            Self::AnyOf => bits & wanted != 0,
            Self::NotAll => bits & wanted != wanted,
        }
    }
}

/// A protocol whose checksum a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// IPv4 header.
    Ipv4,
    /// TCP over the given version of IP.
    Tcp(u8),
    /// UDP over the given version of IP.
    Udp(u8),
    /// ICMP over IPv4.
    Icmp,
    /// ICMP over IPv6.
    Icmpv6,
}

/// A test of a packet's headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// A field is among these numbers.
    Number(Field, Ranges),
    /// TCP flags compare so, those outside `regarded` left out.
    Flags {
        /// The flags wanted.
        wanted: u8,
        /// How they compare.
        mode: BitMode,
        /// The flags that are looked at.
        regarded: u8,
    },
    /// The three bits before IPv4's fragment offset (reserved 4, don't fragment 2, more fragments 1) compare so.
    FragmentBits {
        /// The bits wanted.
        wanted: u8,
        /// How they compare.
        mode: BitMode,
    },
    /// Source and destination address are one.
    SameAddress,
    /// The IPv4 header has an option of this number (IANA registry of IP option numbers); `None`: any option.
    IpOption(Option<u8>),
    /// The packet is a fragment, or is none.
    Fragment(bool),
    /// The packet answers something: backscatter, or reflected.
    Answer,
    /// The payload is a call of this SUN RPC program, version and procedure; `None`: any.
    RpcCall(u32, Option<u32>, Option<u32>),
    /// A checksum is right, or wrong.
    Checksum(Checksum, bool),
    /// One of the headers is not as it should be, in this way: a bit of [`super::event`].
    Event(u8),
    /// The datagram's message shows this event.
    Application(ApplicationEvent),
}

/// Whose matches are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// Each source apart.
    Source,
    /// Each destination apart.
    Destination,
    /// Each pair of source and destination apart.
    Both,
    /// All together.
    Rule,
}

/// How matches become detections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// The first `count` of each window.
    Limit,
    /// Every `count`-th within a window.
    Threshold,
    /// The `count`-th of each window alone.
    Both,
    /// Every one behind the first `count` of a window.
    Filter,
}

/// A limit on how often a rule speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How matches become detections.
    pub kind: LimitKind,
    /// Whose matches are counted together.
    pub track: Track,
    /// The count, at least 1.
    pub count: u32,
    /// Length of the window in seconds, at least 1.
    pub seconds: u32,
}

/// What has to differ between the packets of a spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpreadKind {
    /// `sweep`: one source reaches many addresses.
    Sweep,
    /// `portscan`: one source reaches many keys of one address.
    PortScan,
}

/// A rule that speaks once one source has reached so many different addresses or keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// What has to differ.
    pub kind: SpreadKind,
    /// How many different ones, 2 to [`super::limits::MAX_SPREAD`].
    pub count: u32,
    /// Within how many seconds.
    pub seconds: u32,
}

/// What a rule does with a flow bit; bits live for one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowBit {
    /// The rule, once it matches, sets the bit.
    Set(String),
    /// The rule, once it matches, clears the bit.
    Unset(String),
    /// The rule, once it matches, turns the bit over.
    Toggle(String),
    /// The rule matches only where any of these bits is set.
    IsSet(Vec<String>),
    /// The rule matches only where none of these bits is set.
    IsNotSet(Vec<String>),
}

impl FlowBit {
    /// Whether the bit is read.
    #[must_use]
    pub const fn reads(&self) -> bool {
        matches!(self, Self::IsSet(_) | Self::IsNotSet(_))
    }

    /// Whether the bit is changed.
    #[must_use]
    pub const fn writes(&self) -> bool {
        !self.reads()
    }
}

/// What a rule's byte steps look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Buffer {
    /// What follows the transport header.
    Payload,
    /// The name a DNS query asks for, its labels joined by dots.
    DnsName,
    /// The same with a dot before it.
    DottedDnsName,
}

/// A rule this engine can use.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Number of the rule.
    pub sid: u32,
    /// Revision.
    pub revision: u32,
    /// What it says when it matches.
    pub message: String,
    /// Its class of threat, as the rule set names it.
    pub classification: String,
    /// Where it stands.
    pub place: Place,
    /// Which packets its header speaks of.
    pub protocol: Protocol,
    /// Where the packet comes from.
    pub source: End,
    /// Where it goes to.
    pub destination: End,
    /// Whether the ends may be exchanged.
    pub both_ways: bool,
    /// Tests of the headers.
    pub tests: Vec<Test>,
    /// Steps through a buffer, in the order of the rule.
    pub steps: Vec<Step>,
    /// What the steps look into.
    pub buffer: Buffer,
    /// Limit on how often it speaks.
    pub limit: Option<Limit>,
    /// How many matches a window needs first.
    pub filter: Option<Limit>,
    /// What one source has to reach.
    pub spread: Option<Spread>,
    /// What it does with flow bits.
    pub flow_bits: Vec<FlowBit>,
    /// Whether it only sets bits, and never speaks.
    pub silent: bool,
}
