//! Which scanner a SYN betrays.
//!
//! Every test is one that the tool's own published code cannot help passing; weak hints are not used. They are
//! made on pure SYNs over IPv4, the strongest first.

use crate::wire::ipv4::Ipv4;
use crate::wire::tcp::{Tcp, flag};

/// The scanner a packet betrays. The numbers are those of the batch format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Tool {
    /// No verdict.
    None = 0,
    /// ZMap before it randomised the identification (4.0, 2024).
    Zmap = 1,
    /// Masscan.
    Masscan = 2,
    /// Mirai and the families grown from its published code.
    Mirai = 3,
}

impl Tool {
    /// Every tool, in the order of their numbers, without [`Tool::None`].
    pub const ALL: [Self; 3] = [Self::Zmap, Self::Masscan, Self::Mirai];

    /// `none`, `zmap`, `masscan` or `mirai`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zmap => "zmap",
            Self::Masscan => "masscan",
            Self::Mirai => "mirai",
        }
    }

    /// The verdict on a segment over IPv4.
    #[inline]
    #[must_use]
    pub fn of(ip: &Ipv4<'_>, tcp: &Tcp<'_>) -> Self {
        if tcp.flags() != flag::SYN {
            Self::None
        } else if is_mirai(ip, tcp) {
            Self::Mirai
        } else if is_masscan(ip, tcp) {
            Self::Masscan
        } else if ip.identification() == ZMAP_IDENTIFICATION {
            Self::Zmap
        } else {
            Self::None
        }
    }
}

/// `iph->ip_id = htons(54321)` (zmap/zmap, `src/probe_modules/packet.c`, up to 4.0); by chance one in 65,536.
const ZMAP_IDENTIFICATION: u16 = 54321;

/// `tcph->seq = iph->daddr` (jgamblin/Mirai-Source-Code, `mirai/bot/scanner.c`); by chance one in 2^32.
#[inline]
fn is_mirai(ip: &Ipv4<'_>, tcp: &Tcp<'_>) -> bool {
    tcp.sequence() == ip.destination()
}

/// `ip_id = ip_them ^ port_them ^ seqno` (robertdavidgraham/masscan, `src/templ-pkt.c`), of which the low 16 bits
/// are sent. One in 65,536 matches by chance, so the window of its template, 1024, has to agree.
#[inline]
fn is_masscan(ip: &Ipv4<'_>, tcp: &Tcp<'_>) -> bool {
    let mixed = ip.destination() ^ u32::from(tcp.destination_port()) ^ tcp.sequence();
    u32::from(ip.identification()) == mixed & 0xffff && tcp.window() == 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESTINATION: [u8; 4] = [203, 0, 113, 9];
    const PORT: u16 = 445;

    /// The verdict on a segment to [`PORT`] of [`DESTINATION`].
    fn verdict(identification: u16, sequence: u32, flags: u8, window: u16) -> Tool {
        let mut bytes = [0; 40];
        bytes[0] = 0x45;
        bytes[3] = 40;
        bytes[4..6].copy_from_slice(&identification.to_be_bytes());
        bytes[16..20].copy_from_slice(&DESTINATION);
        bytes[22..24].copy_from_slice(&PORT.to_be_bytes());
        bytes[24..28].copy_from_slice(&sequence.to_be_bytes());
        bytes[33] = flags;
        bytes[34..36].copy_from_slice(&window.to_be_bytes());
        let ip = Ipv4::new(&bytes).unwrap();
        Tool::of(&ip, &Tcp::new(ip.payload()).unwrap())
    }

    /// What Masscan writes for this sequence number: the low half of address xor port xor sequence.
    fn masscan_identification(sequence: u16) -> u16 {
        u16::from_be_bytes([113, 9]) ^ PORT ^ sequence
    }

    #[test]
    fn zmap_is_known_by_its_identification() {
        assert_eq!(verdict(54321, 0x0102_0304, flag::SYN, 65535), Tool::Zmap);
        assert_eq!(verdict(54320, 0x0102_0304, flag::SYN, 65535), Tool::None);
    }

    #[test]
    fn masscan_is_known_by_its_identification_and_window() {
        let identification = masscan_identification(0x0304);
        assert_eq!(
            verdict(identification, 0x0102_0304, flag::SYN, 1024),
            Tool::Masscan
        );
        assert_eq!(
            verdict(identification, 0x0102_0304, flag::SYN, 1025),
            Tool::None
        );
    }

    #[test]
    fn mirai_is_known_by_its_sequence_number() {
        let sequence = u32::from_be_bytes(DESTINATION);
        assert_eq!(verdict(1, sequence, flag::SYN, 5840), Tool::Mirai);
        assert_eq!(verdict(54321, sequence, flag::SYN, 5840), Tool::Mirai);
    }

    #[test]
    fn only_a_pure_syn_gets_a_verdict() {
        assert_eq!(verdict(54321, 1, flag::SYN | flag::ACK, 65535), Tool::None);
        assert_eq!(verdict(54321, 1, 0xc2, 65535), Tool::None);
    }
}
