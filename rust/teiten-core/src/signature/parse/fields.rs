//! Options that compare header fields.

use super::content::unquoted;
use super::draft::Draft;
use super::options::{RuleOption, shortened};
use crate::signature::event;
use crate::signature::ranges::Ranges;
use crate::signature::rule::{BitMode, Checksum, Field, Protocol, Test};
use crate::signature::text::Refusal;

/// Reads an option that compares a header field; `false` if it is none.
pub(super) fn field(draft: &mut Draft, option: &RuleOption<'_>) -> Result<bool, Refusal> {
    let (field, largest, inclusive) = match option.name {
        "dsize" | "psad_dsize" => (Field::PayloadLength, u16::MAX.into(), false),
        "itype" => (Field::IcmpKind, u8::MAX.into(), false),
        "icode" => (Field::IcmpCode, u8::MAX.into(), false),
        "icmp_id" => (Field::IcmpIdentifier, u16::MAX.into(), false),
        "icmp_seq" => (Field::IcmpSequence, u16::MAX.into(), false),
        "id" => (Field::Identification, u16::MAX.into(), false),
        "ttl" => (Field::TimeToLive, u8::MAX.into(), true),
        "tos" => (Field::TypeOfService, u8::MAX.into(), false),
        "fragoffset" | "fragoff" => (Field::FragmentOffset, 0x1fff, false),
        "psad_ip_len" => (Field::PacketLength, u16::MAX.into(), false),
        "seq" => (Field::Sequence, u32::MAX.into(), false),
        "ack" => (Field::Acknowledgement, u32::MAX.into(), false),
        "window" | "tcp.window" => (Field::Window, u16::MAX.into(), false),
        "tcp.mss" => (Field::SegmentSize, u16::MAX.into(), false),
        "ip_proto" => {
            let numbers = protocol_numbers(option)?;
            draft.test(Test::Number(Field::Protocol, numbers));
            return Ok(true);
        }
        _ => return other(draft, option),
    };
    let numbers = numbers(option, largest, inclusive)?;
    draft.test(Test::Number(field, numbers));
    Ok(true)
}

fn other(draft: &mut Draft, option: &RuleOption<'_>) -> Result<bool, Refusal> {
    let test = match option.name {
        "flags" | "tcp.flags" => flags(option)?,
        "fragbits" => fragment_bits(option)?,
        "sameip" => Test::SameAddress,
        "ipopts" => Test::IpOption(ip_option(option)?),
        "rpc" => rpc(option)?,
        "ipv4-csum" => checksum(option, Checksum::Ipv4)?,
        "tcpv4-csum" => checksum(option, Checksum::Tcp(4))?,
        "tcpv6-csum" => checksum(option, Checksum::Tcp(6))?,
        "udpv4-csum" => checksum(option, Checksum::Udp(4))?,
        "udpv6-csum" => checksum(option, Checksum::Udp(6))?,
        "icmpv4-csum" => checksum(option, Checksum::Icmp)?,
        "icmpv6-csum" => checksum(option, Checksum::Icmpv6)?,
        "decode-event" => {
            let name = option.needed()?;
            let bit = event::number(name).ok_or_else(|| match event::absence(name) {
                event::Absence::Sender => Refusal::senderless(option.offset, name),
                event::Absence::Unsupported(why) => {
                    option.unsupported(&format!("the event `{}` {why}", shortened(name)))
                }
            })?;
            draft.protocol = Protocol::Anomaly;
            Test::Event(bit)
        }
        _ => return Ok(false),
    };
    draft.test(test);
    Ok(true)
}

/// The numbers that a comparison names: `N`, `!N`, `>N`, `<N`, `>=N`, `<=N`, `A<>B` (between, `A<=>B` with both
/// ends), `A-B` (with both ends), and lists of numbers in brackets.
///
/// `inclusive` is for options whose `A<>B` counts its ends too.
pub(super) fn numbers(
    option: &RuleOption<'_>,
    largest: u128,
    inclusive: bool,
) -> Result<Ranges, Refusal> {
    let text: String = unquoted(option.needed()?)
        .chars()
        .filter(|letter| !letter.is_ascii_whitespace())
        .collect();
    let number = |digits: &str| {
        let parsed = match digits.strip_prefix("0x") {
            Some(hex) => u128::from_str_radix(hex, 16),
            None if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse(),
            None => "x".parse::<u128>(),
        };
        parsed.map_err(|_| option.mistake(&format!("`{}` is no number", shortened(digits))))
    };
    let everything = Ranges::span(0, largest);
    let ranges = if let Some((first, last)) = text.split_once("<=>") {
        Ranges::span(number(first)?, number(last)?)
    } else if let Some((first, last)) = text.split_once("<>") {
        let (first, last) = (number(first)?, number(last)?);
        if inclusive {
            Ranges::span(first, last)
        } else {
            Ranges::span(first.saturating_add(1), last.saturating_sub(1))
        }
    } else if let Some(least) = text.strip_prefix(">=") {
        Ranges::span(number(least)?, largest)
    } else if let Some(most) = text.strip_prefix("<=") {
        Ranges::span(0, number(most)?)
    } else if let Some(below) = text.strip_prefix('>') {
        Ranges::span(number(below)?.saturating_add(1), largest)
    } else if let Some(above) = text.strip_prefix('<') {
        number(above)?
            .checked_sub(1)
            .map_or(Ranges::NONE, |most| Ranges::span(0, most))
    } else if let Some(rest) = text.strip_prefix('!') {
        Ranges::one(number(rest)?).complement(largest)
    } else if let Some(inside) = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    {
        inside.split(',').try_fold(Ranges::NONE, |all, digits| {
            Ok(all.union(&Ranges::one(number(digits)?)))
        })?
    } else if let Some((first, last)) = text.split_once('-') {
        Ranges::span(
            if first.is_empty() { 0 } else { number(first)? },
            if last.is_empty() {
                largest
            } else {
                number(last)?
            },
        )
    } else {
        Ranges::one(number(&text)?)
    };
    let ranges = ranges.intersection(&everything);
    if ranges.is_empty() {
        return Err(option.mistake(&format!("no number from 0 to {largest} is as it asks")));
    }
    Ok(ranges)
}

fn protocol_numbers(option: &RuleOption<'_>) -> Result<Ranges, Refusal> {
    let text = option.needed()?;
    let (sign, name) = match text.strip_prefix('!') {
        Some(rest) => ("!", rest.trim()),
        None => ("", text),
    };
    // Names of the IANA registry of protocol numbers that rules use.
    let number = match name.to_ascii_lowercase().as_str() {
        "icmp" => 1,
        "igmp" => 2,
        "ipip" | "ipencap" => 4,
        "tcp" => 6,
        "egp" => 8,
        "udp" => 17,
        "ipv6" => 41,
        "rsvp" => 46,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "icmpv6" | "ipv6-icmp" => 58,
        "ospf" => 89,
        "pim" => 103,
        "sctp" => 132,
        _ => return numbers(option, u8::MAX.into(), false),
    };
    let one = Ranges::one(number);
    Ok(if sign.is_empty() {
        one
    } else {
        one.complement(u8::MAX.into())
    })
}

/// Splits the mode of a bit comparison off its letters.
fn mode(text: &str) -> (BitMode, String) {
    let mut mode = BitMode::Exactly;
    let letters = text
        .chars()
        .filter(|letter| {
            match letter {
                '+' => mode = BitMode::AtLeast,
                '*' => mode = BitMode::AnyOf,
                '!' => mode = BitMode::NotAll,
                other => return !other.is_ascii_whitespace() && *other != '|',
            }
            false
        })
        .collect();
    (mode, letters)
}

fn flag_bits(option: &RuleOption<'_>, letters: &str) -> Result<u8, Refusal> {
    letters.chars().try_fold(0, |bits, letter| {
        let bit = match letter.to_ascii_uppercase() {
            'F' => 0x01,
            'S' => 0x02,
            'R' => 0x04,
            'P' => 0x08,
            'A' => 0x10,
            'U' => 0x20,
            '2' | 'E' => 0x40,
            '1' | 'C' => 0x80,
            '0' => 0,
            _ => return Err(option.mistake(&format!("`{letter}` is no TCP flag"))),
        };
        Ok(bits | bit)
    })
}

fn flags(option: &RuleOption<'_>) -> Result<Test, Refusal> {
    let text = option.needed()?;
    let (wanted, ignored) = text.split_once(',').unwrap_or((text, ""));
    let (mode, letters) = mode(wanted);
    Ok(Test::Flags {
        wanted: flag_bits(option, &letters)?,
        mode,
        regarded: !flag_bits(option, ignored.trim())?,
    })
}

fn fragment_bits(option: &RuleOption<'_>) -> Result<Test, Refusal> {
    let (mode, letters) = mode(option.needed()?);
    let wanted = letters.chars().try_fold(0, |bits, letter| {
        let bit = match letter.to_ascii_uppercase() {
            'R' => 4,
            'D' => 2,
            'M' => 1,
            _ => {
                return Err(
                    option.mistake(&format!("`{letter}` is none of the fragment bits R, D, M"))
                );
            }
        };
        Ok(bits | bit)
    })?;
    Ok(Test::FragmentBits { wanted, mode })
}

/// Numbers of the IANA registry of IP option numbers.
fn ip_option(option: &RuleOption<'_>) -> Result<Option<u8>, Refusal> {
    Ok(Some(match option.needed()? {
        "any" => return Ok(None),
        "eol" => 0,
        "nop" => 1,
        "rr" => 7,
        "qs" => 25,
        "ts" => 68,
        "sec" => 130,
        // Snort tells a second form of loose source routing apart; the number is the same.
        "lsrr" | "lsrre" => 131,
        "esec" => 133,
        "cipso" => 134,
        "satid" => 136,
        "ssrr" | "ssrre" => 137,
        other => return Err(option.mistake(&format!("`{}` is no IP option", shortened(other)))),
    }))
}

fn rpc(option: &RuleOption<'_>) -> Result<Test, Refusal> {
    let list = option.list()?;
    let number = |text: &str| match text {
        "*" => Ok(None),
        digits => digits
            .parse()
            .map(Some)
            .map_err(|_| option.mistake("a number of it is none")),
    };
    let at = |place: usize| list.get(place).copied().unwrap_or("*");
    let program = number(at(0))?.ok_or_else(|| option.mistake("it names no program"))?;
    Ok(Test::RpcCall(program, number(at(1))?, number(at(2))?))
}

fn checksum(option: &RuleOption<'_>, which: Checksum) -> Result<Test, Refusal> {
    match unquoted(option.needed()?) {
        "valid" => Ok(Test::Checksum(which, true)),
        "invalid" => Ok(Test::Checksum(which, false)),
        _ => Err(option.mistake("it is neither `valid` nor `invalid`")),
    }
}
