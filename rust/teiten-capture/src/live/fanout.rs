//! Which ring of a group a packet goes to: all packets of one source to one ring.
//!
//! The kernel's own ways spread by flow. A scanner opens a flow a packet, and what is told of a source (the thresholds of
//! signatures, the tools that two packets betray) would be torn apart. So the kernel runs a program, whose answer it
//! takes modulo the number of rings.

use super::{Filter, Instruction};

/// `SKF_NET_OFF` of `linux/filter.h`: from here a load counts from the network header, whatever lies before it.
const NETWORK: u32 = 0_u32.wrapping_sub(0x10_0000);

/// 2^32 over the golden ratio, to the nearest prime: neighbours in a network come apart (Knuth, "The Art of Computer
/// Programming" volume 3, section 6.4). No secret: who knows it can send to one ring alone, which drops and counts.
const MULTIPLIER: u32 = 0x9e37_79b1;

const LOAD_BYTE: u16 = 0x30;
const LOAD_WORD: u16 = 0x20;
const TO_INDEX: u16 = 0x07;
const XOR_INDEX: u16 = 0xac;
const MULTIPLY: u16 = 0x24;
const SHIFT_RIGHT: u16 = 0x74;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN_SUM: u16 = 0x16;
const RETURN: u16 = 0x06;

/// The program (`linux/bpf_common.h` has its words). What is no IP, or is cut short, goes to the first ring.
pub(super) fn by_source() -> Filter {
    const fn load(offset: u32) -> Instruction {
        (LOAD_WORD, 0, 0, NETWORK.wrapping_add(offset))
    }
    Filter {
        instructions: vec![
            (LOAD_BYTE, 0, 0, NETWORK),
            (SHIFT_RIGHT, 0, 0, 4),
            (JUMP_IF_EQUAL, 0, 2, 4),
            // IPv4: the source (RFC 791, 3.1).
            load(12),
            (JUMP, 0, 0, 11),
            (JUMP_IF_EQUAL, 0, 13, 6),
            // IPv6: the four words of the source (RFC 8200, 3).
            load(8),
            (TO_INDEX, 0, 0, 0),
            load(12),
            (XOR_INDEX, 0, 0, 0),
            (TO_INDEX, 0, 0, 0),
            load(16),
            (XOR_INDEX, 0, 0, 0),
            (TO_INDEX, 0, 0, 0),
            load(20),
            (XOR_INDEX, 0, 0, 0),
            (MULTIPLY, 0, 0, MULTIPLIER),
            (SHIFT_RIGHT, 0, 0, 16),
            (RETURN_SUM, 0, 0, 0),
            (RETURN, 0, 0, 0),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the program on a packet from its network header on, as the kernel does: a load behind its end returns 0.
    fn run(packet: &[u8]) -> u32 {
        let word = |offset: u32, bytes: usize| {
            let at = offset.wrapping_sub(NETWORK) as usize;
            let loaded = packet.get(at..at + bytes)?;
            Some(
                loaded
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | u32::from(*byte)),
            )
        };
        let (mut sum, mut index, mut at) = (0_u32, 0_u32, 0);
        let program = by_source().instructions;
        loop {
            let (code, yes, no, operand) = program[at];
            at += 1;
            match code {
                LOAD_BYTE | LOAD_WORD => {
                    match word(operand, if code == LOAD_BYTE { 1 } else { 4 }) {
                        Some(loaded) => sum = loaded,
                        None => return 0,
                    }
                }
                TO_INDEX => index = sum,
                XOR_INDEX => sum ^= index,
                MULTIPLY => sum = sum.wrapping_mul(operand),
                SHIFT_RIGHT => sum >>= operand,
                JUMP => at += operand as usize,
                JUMP_IF_EQUAL => at += usize::from(if sum == operand { yes } else { no }),
                RETURN_SUM => return sum,
                RETURN => return operand,
                other => panic!("unknown code {other:#x}"),
            }
        }
    }

    fn ipv4(source: u32, rest: u8) -> Vec<u8> {
        let mut packet = vec![rest; 40];
        packet[0] = 0x45;
        packet[12..16].copy_from_slice(&source.to_be_bytes());
        packet
    }

    fn ipv6(source: u128, rest: u8) -> Vec<u8> {
        let mut packet = vec![rest; 60];
        packet[0] = 0x60;
        packet[8..24].copy_from_slice(&source.to_be_bytes());
        packet
    }

    #[test]
    fn nothing_but_the_source_decides() {
        for number in 0..100 {
            assert_eq!(run(&ipv4(number, 1)), run(&ipv4(number, 2)));
            let number = u128::from(number) << 64;
            assert_eq!(run(&ipv6(number, 1)), run(&ipv6(number, 2)));
        }
    }

    #[test]
    fn neighbours_are_spread_over_the_rings() {
        for rings in [2, 3, 4, 8] {
            let mut met = vec![[0; 2]; rings];
            for number in 0..1000 {
                met[run(&ipv4(0xcb00_7100 + number, 0)) as usize % rings][0] += 1;
                let source = 0x2001_0db8_u128 << 96 | u128::from(number) << 64;
                met[run(&ipv6(source, 0)) as usize % rings][1] += 1;
            }
            for count in met.iter().flatten() {
                assert!(
                    (1000 / rings / 2..=1000 / rings * 2).contains(count),
                    "{met:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_ip_or_is_cut_short_goes_to_the_first_ring() {
        assert_eq!(run(&[]), 0);
        assert_eq!(run(&[0; 60]), 0);
        assert_eq!(run(&ipv4(7, 0)[..15]), 0);
        assert_eq!(run(&ipv6(7, 0)[..23]), 0);
    }
}
