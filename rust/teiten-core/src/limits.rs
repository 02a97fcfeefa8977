//! Every bound of this crate, with its reason.

/// Tags, labels and sessions looked through before the IP header.
///
/// QinQ (IEEE 802.1Q-2022) stacks two tags and MPLS networks rarely more than four labels; beyond this a
/// frame is counted as `link_depth`.
pub const MAX_LINK_HEADERS: usize = 16;

/// IPv6 extension headers walked before the chain counts as cut short (RFC 8200 section 4 sets no bound).
///
/// A packet of 1500 bytes has room for 182 of the shortest, 8 bytes each, and evasion tests do fill one; a walk to
/// this bound takes less than a microsecond.
pub const MAX_IPV6_EXTENSIONS: usize = 256;

/// Longest interval in seconds: a day, so that a batch never mixes more than two days.
pub const MAX_INTERVAL_SECONDS: u32 = 86_400;

/// Smallest tuple tables in MiB.
pub const MIN_TABLE_MEGABYTES: u32 = 1;

/// Largest tuple tables in MiB; more than [`MAX_ROWS`] rows of either family never need.
pub const MAX_TABLE_MEGABYTES: u32 = 1024;

/// Most rows of one interval, both families together: what a batch may carry.
pub const MAX_ROWS: u32 = 1 << 20;

/// First nanosecond that is no packet's time any more, 2200-01-01 00:00 UTC: a clock beyond it is broken, and
/// sums below it cannot overflow.
pub const END_OF_TIME_NS: i64 = 7_258_118_400_000_000_000;

/// A packet this far ahead of a live sensor's clock was stamped by another clock: it counts as if it came now.
///
/// Far longer than any clock is corrected by slewing, or than one call observes between two looks at the clock.
pub const AHEAD_NS: i64 = 10_000_000_000;

/// Frames whose table look-ups are overlapped: enough to hide memory latency, few enough to stay in the first cache.
pub const GROUP: usize = 32;

/// Early closes allowed within the length of an interval before the next step of degradation, unless set otherwise.
///
/// At the default table that is some million rows a minute sent on whole, 40 MB of columns.
pub const EARLY_CLOSES: u32 = 4;

/// Lengths of an interval without an early close before a step of degradation is taken back.
pub const CALM_INTERVALS: i64 = 5;
