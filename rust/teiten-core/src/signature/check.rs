//! Whether a packet passes the tests of a rule's headers.

use super::rule::{Checksum, Field, Test};
use super::view::{Kind, View, mark};
use crate::class::Class;
use crate::packet::Ip;
use crate::wire::ipv6::Halves;

/// Whether the packet passes the test.
pub(super) fn passes(test: &Test, view: &View<'_>) -> bool {
    match test {
        Test::Number(field, numbers) => {
            value(*field, view).is_some_and(|value| numbers.has(value.into()))
        }
        Test::Flags {
            wanted,
            mode,
            regarded,
        } => view.kind == Kind::Tcp && mode.holds(view.tcp_flags() & regarded, *wanted),
        Test::FragmentBits { wanted, mode } => {
            view.marks & mark::IPV4 != 0 && mode.holds(view.marks & mark::FRAGMENT_BITS, *wanted)
        }
        Test::SameAddress => view.marks & mark::SAME_ADDRESS != 0,
        Test::IpOption(number) => has_option(view.ipv4_options(), *number),
        Test::Fragment(expected) => view.fragment == *expected,
        Test::Answer => matches!(
            Class::of(view.packet),
            Class::Backscatter | Class::Reflected
        ),
        Test::RpcCall(program, version, procedure) => is_call(view, *program, *version, *procedure),
        Test::Checksum(which, right) => is_right(*which, view) == Some(*right),
        // Events of headers are looked for once a packet, those of messages once a datagram, see `matcher`.
        Test::Event(_) | Test::Application(_) => false,
    }
}

/// The value of a field; `None` where the packet has no such field.
fn value(field: Field, view: &View<'_>) -> Option<u32> {
    let tcp = view.kind == Kind::Tcp;
    let icmp = view.kind == Kind::Icmp;
    match field {
        Field::PayloadLength => u32::try_from(view.payload.len()).ok(),
        Field::Window => tcp.then(|| view.half_at(14).into()),
        Field::Sequence => tcp.then(|| view.word_at(4)),
        Field::Acknowledgement => tcp.then(|| view.word_at(8)),
        Field::TcpHeaderLength => tcp.then(|| u32::from(view.half_at(12) >> 12) * 4),
        Field::SegmentSize => view.segment_size().map(u32::from),
        Field::IcmpKind => icmp.then(|| u32::from(view.half_at(0) >> 8)),
        Field::IcmpCode => icmp.then(|| u32::from(view.half_at(0) & 0xff)),
        Field::IcmpIdentifier => view.icmp_echo().map(|echo| echo.0.into()),
        Field::IcmpSequence => view.icmp_echo().map(|echo| echo.1.into()),
        Field::Protocol => Some(view.packet.protocol.into()),
        Field::FragmentOffset => view.ipv4().filter(|_| view.fragment).map_or_else(
            || view.ipv4().map(|_| 0),
            |ip| Some(ip.fragment_offset().into()),
        ),
        Field::Identification => view.ipv4().map(|ip| ip.identification().into()),
        Field::TimeToLive => Some(view.time_to_live.into()),
        Field::TypeOfService => Some(match &view.packet.ip {
            Ip::V4(_) => view.header_byte(1).into(),
            Ip::V6(_) => u32::from(view.header_byte(0) << 4 | view.header_byte(1) >> 4),
        }),
        Field::PacketLength => Some(view.packet.ip.stated_length()),
    }
}

fn has_option(mut options: &[u8], wanted: Option<u8>) -> bool {
    while let Some((kind, rest)) = options.split_first() {
        if wanted.is_none_or(|wanted| wanted == *kind) {
            return true;
        }
        // RFC 791 section 3.1: end of options and no operation are single bytes, others state their length.
        options = match kind {
            0 => return false,
            1 => rest,
            _ => match rest
                .first()
                .and_then(|length| options.get(usize::from(*length).max(2)..))
            {
                Some(rest) => rest,
                None => return false,
            },
        };
    }
    false
}

/// A SUN RPC call (RFC 5531 section 9): message type 0, RPC version 2.
fn is_call(view: &View<'_>, program: u32, version: Option<u32>, procedure: Option<u32>) -> bool {
    // Over TCP a record mark of 4 bytes comes first (section 11).
    let start = if view.kind == Kind::Tcp { 4 } else { 0 };
    let word = |number: usize| {
        let bytes = view
            .payload
            .get(start + number * 4..)
            .and_then(<[u8]>::first_chunk);
        bytes.map(|bytes| u32::from_be_bytes(*bytes))
    };
    word(1) == Some(0)
        && word(2) == Some(2)
        && word(3) == Some(program)
        && version.is_none_or(|version| word(4) == Some(version))
        && procedure.is_none_or(|procedure| word(5) == Some(procedure))
}

/// Whether the checksum is right; `None` where the packet has none of this kind.
fn is_right(which: Checksum, view: &View<'_>) -> Option<bool> {
    let version = if view.ipv4().is_some() { 4 } else { 6 };
    let whole = !view.fragment && !view.more_fragments();
    match which {
        Checksum::Ipv4 => {
            let header = view.header().get(..view.ipv4()?.header_length())?;
            Some(folded(sum(0, header)) == 0xffff)
        }
        Checksum::Icmp => (view.kind == Kind::Icmp && version == 4 && whole)
            .then(|| folded(sum(0, view.segment)) == 0xffff),
        Checksum::Icmpv6 => {
            (view.kind == Kind::Icmp && version == 6 && whole).then(|| covers(view))
        }
        Checksum::Tcp(over) => {
            (view.kind == Kind::Tcp && version == over && whole).then(|| covers(view))
        }
        Checksum::Udp(over) => {
            // RFC 768: a checksum of zero is none, over IPv4.
            let none = over == 4 && view.half_at(6) == 0;
            (view.kind == Kind::Udp && version == over && whole && !none).then(|| covers(view))
        }
    }
}

/// Whether the sum over pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1) and segment is right.
fn covers(view: &View<'_>) -> bool {
    let halves = |halves: Halves| {
        halves
            .iter()
            .fold(0, |total, half| sum(total, &half.to_be_bytes()))
    };
    let addresses = match &view.packet.ip {
        Ip::V4(ip) => sum(
            sum(0, &ip.source().to_be_bytes()),
            &ip.destination().to_be_bytes(),
        ),
        Ip::V6(ip) => halves(ip.source()) + halves(ip.destination()),
    };
    let length = u64::try_from(view.segment.len()).unwrap_or(0);
    folded(sum(
        addresses + u64::from(view.packet.protocol) + length,
        view.segment,
    )) == 0xffff
}

fn sum(start: u64, bytes: &[u8]) -> u64 {
    let pairs = bytes.chunks_exact(2);
    let odd = pairs
        .remainder()
        .first()
        .map_or(0, |byte| u64::from(*byte) << 8);
    pairs.fold(start + odd, |total, pair| {
        total + u64::from(u16::from_be_bytes([pair[0], pair[1]]))
    })
}

const fn folded(mut total: u64) -> u64 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total
}
