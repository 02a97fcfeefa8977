//! Messages of IKE: version 1 (RFC 2408) and version 2 (RFC 7296).

use super::{Direction, Shown};

pub(super) const EVENTS: &[&str] = &[
    "malformed_data",
    "weak_crypto_enc",
    "weak_crypto_prf",
    "weak_crypto_auth",
    "weak_crypto_dh",
    "weak_crypto_no_dh",
    "weak_crypto_no_auth",
    "no_encryption",
    "invalid_proposal",
    "unknown_proposal",
    "multiple_server_proposal",
];

const MALFORMED: u32 = 1;
const WEAK_ENCRYPTION: u32 = 1 << 1;
const WEAK_PRF: u32 = 1 << 2;
const WEAK_AUTHENTICATION: u32 = 1 << 3;
const WEAK_GROUP: u32 = 1 << 4;
const NO_GROUP: u32 = 1 << 5;
const NO_AUTHENTICATION: u32 = 1 << 6;
const NO_ENCRYPTION: u32 = 1 << 7;
const INVALID: u32 = 1 << 8;
const UNKNOWN: u32 = 1 << 9;
const MULTIPLE: u32 = 1 << 10;

/// Bytes of the header (RFC 2408 section 3.1, RFC 7296 section 3.1).
const HEADER: usize = 28;

/// Payload types that are looked into: security associations of versions 1 and 2, and what is encrypted (RFC 7296
/// section 3.14, RFC 7383 section 2.5), behind which no payload is in the clear.
const ASSOCIATION_1: u8 = 1;
const ASSOCIATION_2: u8 = 33;
const ENCRYPTED: [u8; 2] = [46, 53];

/// What a message shows: one whose header states its very length, a version and an exchange of that version.
pub(super) fn read(payload: &[u8]) -> Option<Shown> {
    // On port 4500, four zero bytes tell IKE from ESP (RFC 3948 section 2.2); no initiator's SPI is 0.
    let message = payload.strip_prefix(&[0; 4]).unwrap_or(payload);
    let (header, body) = message.split_first_chunk::<HEADER>()?;
    let (first, version, exchange, flags) = (header[16], header[17] >> 4, header[18], header[19]);
    let stated = u32::from_be_bytes([header[24], header[25], header[26], header[27]]);
    if usize::try_from(stated).ok()? != message.len() || header[..8] == [0; 8] {
        return None;
    }
    let asks = match (version, exchange) {
        // Nobody got a responder's cookie from a sensor that answers nobody: who sends one is a responder.
        (1, 0..=5 | 32 | 33) => header[8..16] == [0; 8],
        // IANA registry of IKEv2 exchange types.
        (2, 34..=44) => flags & 0x20 == 0,
        _ => return None,
    };
    let direction = if asks {
        Direction::Request
    } else {
        Direction::Response
    };
    // Version 1 encrypts all behind the header (RFC 2408 section 3.1).
    if version == 1 && flags & 1 != 0 {
        return Some((0, direction));
    }
    let events = payloads(first, body, direction).unwrap_or(MALFORMED);
    Some((events, direction))
}

/// Walks the chain of payloads (RFC 7296 section 3.2): type of the next, a byte, the length of all.
fn payloads(mut kind: u8, mut rest: &[u8], direction: Direction) -> Option<u32> {
    let mut events = 0;
    while kind != 0 {
        let [next, _, high, low, ..] = rest else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let content = rest.get(4..length)?;
        match kind {
            ASSOCIATION_1 => events |= first_association(content, direction)?,
            ASSOCIATION_2 => events |= association(content, direction)?,
            _ if ENCRYPTED.contains(&kind) => return Some(events),
            _ => {}
        }
        (kind, rest) = (*next, rest.get(length..)?);
    }
    Some(events)
}

/// One proposal or transform cut off: whether another follows, and its bytes behind the first four.
///
/// Both begin alike (RFC 2408 sections 3.5 and 3.6, RFC 7296 sections 3.3.1 and 3.3.2).
fn cut(bytes: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let [more, _, high, low, ..] = bytes else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    Some((*more != 0, bytes.get(4..length)?, bytes.get(length..)?))
}

/// The transforms of a proposal, how many it states, and its protocol.
fn proposal(content: &[u8]) -> Option<(&[u8], u8, u8)> {
    let [_, protocol, spi, count, rest @ ..] = content else {
        return None;
    };
    Some((rest.get(usize::from(*spi)..)?, *count, *protocol))
}

/// RFC 2408 section 4.2: whoever answers chooses one transform of one proposal.
fn first_association(content: &[u8], direction: Direction) -> Option<u32> {
    // Domain of interpretation and situation, of which IPsec's has one word where it names no more (RFC 2407 section 4.2).
    let mut rest = content.get(8..)?;
    let (mut proposals, mut transforms) = (0_u32, 0);
    loop {
        let (more, content, behind) = cut(rest)?;
        let (mut list, count, _) = proposal(content)?;
        for _ in 0..count {
            let (_, content, behind) = cut(list)?;
            content.get(..4)?;
            list = behind;
        }
        proposals += 1;
        transforms = transforms.max(count);
        if !more {
            break;
        }
        rest = behind;
    }
    let several = proposals > 1 || transforms > 1;
    Some(if direction == Direction::Response && several {
        MULTIPLE
    } else {
        0
    })
}

/// RFC 7296 section 3.3.
fn association(mut rest: &[u8], direction: Direction) -> Option<u32> {
    let (mut events, mut proposals) = (0, 0_u32);
    while !rest.is_empty() {
        let (more, content, behind) = cut(rest)?;
        events |= proposed(content)?;
        proposals += 1;
        if !more {
            break;
        }
        rest = behind;
    }
    // Whoever answers accepts a single proposal (section 2.7).
    if direction == Direction::Response && proposals > 1 {
        events |= MULTIPLE;
    }
    Some(events)
}

/// What the transforms of a proposal show. Which are weak: RFC 8247 section 2 and what it left of older ones, as
/// Suricata has them.
fn proposed(content: &[u8]) -> Option<u32> {
    let (mut list, count, protocol) = proposal(content)?;
    // AH does not encrypt (section 3.3.1).
    let mut events = if protocol == 2 { NO_ENCRYPTION } else { 0 };
    let (mut group, mut authenticated, mut both) = (false, false, false);
    for _ in 0..count {
        let (_, transform, behind) = cut(list)?;
        let [kind, _, high, low, ..] = transform else {
            return None;
        };
        let number = u16::from_be_bytes([*high, *low]);
        // Types of section 3.3.2, numbers of the IANA registry of IKEv2 parameters.
        match (kind, number) {
            // DES and triple DES, RC5, IDEA, CAST, Blowfish, and no encryption.
            (1, 1..=9 | 11) => events |= WEAK_ENCRYPTION,
            // AES in CCM and GCM, Camellia in CCM, ChaCha20 with Poly1305: they authenticate, too.
            (1, 14..=16 | 18..=20 | 25..=28) => both = true,
            (2 | 4, 0) => events |= INVALID,
            (2, 1 | 2) => events |= WEAK_PRF,
            (1 | 2 | 5, _) | (3, 0) => {}
            (3, number) => {
                authenticated = true;
                if number <= 7 {
                    events |= WEAK_AUTHENTICATION;
                }
            }
            (4, number) => {
                if matches!(number, 1 | 2 | 5 | 22) {
                    events |= WEAK_GROUP;
                }
            }
            _ => events |= UNKNOWN,
        }
        group |= *kind == 4;
        list = behind;
    }
    if !group {
        events |= NO_GROUP;
    }
    if !authenticated && !both {
        events |= NO_AUTHENTICATION;
    }
    Some(events)
}
