//! Every bound of the signature engine, with its reason.

/// Longest text of one rule in bytes: an address list of a rule set in use fits ten times over.
pub const MAX_RULE_BYTES: usize = 1 << 16;

/// How deep lists and variables may nest; rule sets in use nest three deep.
pub const MAX_NESTING: usize = 16;

/// Most ranges one address or port list may name, variables expanded, so that variables that name each other twice
/// cannot grow without bound.
pub const MAX_RANGES: usize = 1 << 16;

/// Most steps through a buffer in one rule; the longest in a public rule set has 40.
pub const MAX_STEPS: usize = 128;

/// Longest `content` in bytes, as in Suricata.
pub const MAX_CONTENT_BYTES: usize = 255;

/// Most values one rule may extract (`byte_extract`, `byte_math`).
pub const MAX_VALUES: usize = 8;

/// Largest compiled regular expression in bytes; the longest of a public rule set needs a tenth.
pub const MAX_EXPRESSION_BYTES: usize = 1 << 20;

/// Memory one regular expression may fill while it runs, in bytes.
pub const MAX_EXPRESSION_CACHE_BYTES: usize = 1 << 16;

/// Work one rule may spend on one packet, in units of about a nanosecond: a search of ten packets' length.
pub const RULE_WORK: u32 = 100_000;

/// Work all rules together may spend on one packet, in the same units.
pub const PACKET_WORK: u32 = 400_000;

/// Most different addresses or keys a spread may wait for: what its sketch can tell apart within a tenth.
pub const MAX_SPREAD: u32 = 1024;

/// Longest window of a limit or a spread in seconds: a day.
pub const MAX_WINDOW_SECONDS: u32 = 86_400;

/// Tunnels looked through: GRE in IP-in-IP in GRE is no traffic that anybody sends in earnest.
pub const MAX_TUNNELS: usize = 3;

/// Most rules one set may hold.
pub const MAX_RULES: usize = 1 << 17;

/// Most sums of weights a table of packets without payload may have, 2 bytes each: ports, flags, windows and times to
/// live of the built-in rules together need two thirds of them.
pub const MAX_SUMS: usize = 3 << 16;
