//! What a telescope sensor does to a packet: headers, class, tool, tuple table, intervals.
#![forbid(unsafe_code)]
