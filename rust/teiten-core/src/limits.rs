//! Every bound of this crate, with its reason.

/// Tags, labels and sessions looked through before the IP header.
///
/// `QinQ` (IEEE 802.1Q-2022) stacks two tags and MPLS networks rarely more than four labels; beyond this a
/// frame is counted as `link_depth`.
pub const MAX_LINK_HEADERS: usize = 16;

/// IPv6 extension headers walked before the chain counts as cut short (RFC 8200 section 4 sets no bound).
///
/// RFC 8200 section 4.1 names at most six in order; tests of intruders repeat them, so there is room for that.
pub const MAX_IPV6_EXTENSIONS: usize = 64;

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

/// Frames whose table look-ups are overlapped: enough to hide memory latency, few enough to stay in the first cache.
pub const GROUP: usize = 32;
