//! What may be wrong with a packet's headers, under Suricata's names of decoder events.

/// Names of the events, in the order of their bits.
const NAMES: [&str; 0] = [];

/// Bits of the events that this packet shows.
#[must_use]
pub(super) fn of(_view: &super::view::View<'_>) -> u128 {
    0
}

/// The bit of an event.
#[must_use]
pub fn number(name: &str) -> Option<u8> {
    NAMES
        .iter()
        .position(|known| *known == name)
        .and_then(|bit| u8::try_from(bit).ok())
}
