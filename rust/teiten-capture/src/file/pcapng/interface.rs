//! Interface descriptions of pcapng files: the link type of their packets, and what their time stamps mean.

use std::borrow::Cow;

use teiten_core::LinkType;

use crate::file::order::Order;

/// The earliest time that a packet can have: any before it become this one.
pub(super) const EARLIEST_NS: i64 = i64::MIN + 1;

/// Options of an interface description that bear on time, section 4.2.
const END_OF_OPTIONS: u16 = 0;
const TIME_RESOLUTION: u16 = 9;
const TIME_OFFSET: u16 = 14;

/// What an interface description says of the packets that name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interface {
    pub(super) link: LinkType,
    /// 0 for no limit.
    pub(super) snap_length: u32,
    unit: Unit,
    offset_ns: i64,
}

impl Interface {
    /// What the body of an interface description says, or why it says nothing usable.
    pub(super) fn described(order: Order, body: &[u8]) -> Result<Self, Cow<'static, str>> {
        let Some((&[k0, k1, _, _, s0, s1, s2, s3], options)) = body.split_first_chunk::<8>() else {
            return Err("an interface description too short for its fields".into());
        };
        let mut interface = Self {
            link: LinkType::from_number(u32::from(order.u16([k0, k1]))),
            snap_length: order.u32([s0, s1, s2, s3]),
            // Microseconds where nothing else is said.
            unit: Unit::Nanoseconds(1_000),
            offset_ns: 0,
        };
        interface.read_time_options(order, options)?;
        Ok(interface)
    }

    /// A packet's time. One that 64 bits cannot hold becomes the nearest that they can: it is for the observer to judge.
    #[inline]
    pub(super) fn time_ns(&self, ticks: u64) -> i64 {
        let time = self.unit.nanoseconds(ticks);
        time.saturating_add(self.offset_ns).max(EARLIEST_NS)
    }

    fn read_time_options(
        &mut self,
        order: Order,
        mut options: &[u8],
    ) -> Result<(), Cow<'static, str>> {
        while let Some((&[c0, c1, l0, l1], rest)) = options.split_first_chunk::<4>() {
            let code = order.u16([c0, c1]);
            let length = usize::from(order.u16([l0, l1]));
            if code == END_OF_OPTIONS {
                break;
            }
            let Some(value) = rest.get(..length) else {
                return Err(format!(
                    "option {code} runs past the end of its interface description"
                )
                .into());
            };
            match (code, value) {
                (TIME_RESOLUTION, &[resolution]) => {
                    self.unit = Unit::from_resolution(resolution);
                }
                (TIME_OFFSET, value) if value.len() == 8 => {
                    let value = *value.first_chunk::<8>().unwrap_or(&[0; 8]);
                    self.offset_ns = order.i64(value).saturating_mul(1_000_000_000);
                }
                (TIME_RESOLUTION | TIME_OFFSET, _) => {
                    return Err(format!("option {code} has {length} bytes").into());
                }
                _ => {}
            }
            options = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(())
    }
}

/// How a time stamp's unit becomes nanoseconds.
#[derive(Debug, Clone, Copy)]
enum Unit {
    /// A whole number of nanoseconds.
    Nanoseconds(u64),
    /// A fraction of a nanosecond, by its divisor.
    Part(u128),
    /// A negative power of two of a second, by its exponent.
    Binary(u32),
}

impl Unit {
    /// The meaning of `if_tsresol`, section 4.2.
    fn from_resolution(resolution: u8) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        if resolution & 0x80 != 0 {
            return Self::Binary(exponent);
        }
        if exponent <= 9 {
            Self::Nanoseconds(10_u64.pow(9 - exponent))
        } else {
            // No count of 64 bits reaches a nanosecond in units below 10^-38 of one.
            Self::Part(10_u128.pow((exponent - 9).min(38)))
        }
    }

    /// As many nanoseconds, at most [`i64::MAX`].
    #[inline]
    fn nanoseconds(self, ticks: u64) -> i64 {
        let time = match self {
            Self::Nanoseconds(factor) => ticks.checked_mul(factor).map(i64::try_from),
            Self::Part(divisor) => Some(i64::try_from(u128::from(ticks) / divisor)),
            Self::Binary(exponent) => Some(i64::try_from(
                (u128::from(ticks) * 1_000_000_000) >> exponent,
            )),
        };
        time.and_then(Result::ok).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_of_either_base_become_nanoseconds() {
        for (resolution, ticks, expected) in [
            (0, 3, 3_000_000_000),
            (6, 3, 3_000),
            (9, 3, 3),
            (12, 3_999, 3),
            (127, u64::MAX, 0),
            (0x80, 3, 3_000_000_000),
            (0x9e, 1 << 30, 1_000_000_000),
            (0xff, u64::MAX, 0),
            (0, u64::MAX, i64::MAX),
            (9, 1 << 63, i64::MAX),
            (0x80, u64::MAX, i64::MAX),
        ] {
            assert_eq!(
                Unit::from_resolution(resolution).nanoseconds(ticks),
                expected,
                "{resolution:#x}"
            );
        }
    }
}
