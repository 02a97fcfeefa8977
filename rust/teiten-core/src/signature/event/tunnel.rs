//! What tunnels carry: IP in IP, and GRE with whatever it names.

use super::{ERSPAN_DEPTH, ERSPAN_SHORT, ERSPAN_VERSION, Version, Walk, link};
use crate::wire::ethernet::ether_type;

/// IPv4 in IP (RFC 2003).
pub(super) const IPV4: u8 = 4;
/// IPv6 in IP (RFC 4213).
pub(super) const IPV6: u8 = 41;
/// GRE (RFC 2784).
pub(super) const GRE: u8 = 47;

/// Protocol types of GRE that are no Ethernet types.
mod gre_type {
    /// Frames of Ethernet (RFC 1701, "Transparent Ethernet Bridging").
    pub(super) const ETHERNET: u16 = 0x6558;
    /// PPP (RFC 2637 section 4.1).
    pub(super) const PPP: u16 = 0x880b;
    /// Mirrored frames, types I and II (draft-foschiano-erspan-03 section 4).
    pub(super) const ERSPAN: u16 = 0x88be;
}

impl Walk {
    /// Walks through what a whole packet of this protocol carries, if it is a tunnel's.
    pub(super) fn tunnel(&mut self, protocol: u8, segment: &[u8]) {
        match protocol {
            IPV4 if self.enter() => self.ip(segment, Version::Four),
            IPV6 if self.enter() => self.ip(segment, Version::Six),
            GRE if self.enter() && self.enter() => self.gre(segment),
            _ => {}
        }
    }

    /// RFC 2784 section 2, RFC 2890 section 2; RFC 2637 section 4.1.
    fn gre(&mut self, segment: &[u8]) {
        let [flags, second, high, low, rest @ ..] = segment else {
            return;
        };
        let kind = u16::from_be_bytes([*high, *low]);
        let words = match second & 7 {
            // Routes of version 0 are walked by nobody (RFC 2784 section 2.3).
            0 if flags & 0x40 == 0 => [0x80, 0x20, 0x10]
                .iter()
                .filter(|flag| flags & **flag != 0)
                .count(),
            // A key always, then what its bits say.
            1 if kind == gre_type::PPP && flags & 0x20 != 0 => {
                1 + usize::from(flags & 0x10 != 0) + usize::from(second & 0x80 != 0)
            }
            _ => return,
        };
        let Some(carried) = rest.get(words * 4..) else {
            return;
        };
        match kind {
            // PPP's own packets without payload acknowledge (RFC 2637 section 4.1).
            gre_type::PPP if carried.is_empty() => {}
            gre_type::PPP => self.ppp(carried),
            gre_type::ERSPAN if flags & 0x10 != 0 => self.mirrored(carried),
            // A mirrored frame of type I has no header of its own.
            gre_type::ETHERNET | gre_type::ERSPAN => self.ethernet(carried),
            ether_type::IPV4
            | ether_type::IPV6
            | ether_type::VLAN
            | ether_type::SERVICE_VLAN
            | ether_type::MPLS
            | ether_type::MPLS_UPSTREAM => self.by_type(kind, carried, 0),
            _ => {}
        }
    }

    /// Type II: version, VLAN, session and index in 8 bytes, then a frame (draft-foschiano-erspan-03 section 4.2).
    fn mirrored(&mut self, bytes: &[u8]) {
        let Some(([first, second, ..], frame)) = bytes.split_first_chunk::<8>() else {
            self.events |= ERSPAN_SHORT;
            return;
        };
        if first >> 4 != 1 {
            self.events |= ERSPAN_VERSION;
            return;
        }
        // The mirrored frame's own VLAN, one more than those around it.
        if u16::from_be_bytes([*first, *second]) & 0x0fff != 0 {
            if self.tags_around >= link::MAX_TAGS {
                self.events |= ERSPAN_DEPTH;
                return;
            }
            self.tags += 1;
        }
        self.ethernet(frame);
    }
}
