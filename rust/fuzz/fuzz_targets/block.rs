//! Any bytes as a block of a ring: its packets lie within it, and the walk ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use teiten_capture::live::block::Cursor;

fuzz_target!(|block: &[u8]| {
    let mut cursor = Cursor::new(block);
    let mut promised = cursor.remaining();
    while let Ok(Some((packet, behind))) = cursor.packet(block) {
        assert!(packet.frame.start <= packet.frame.end && packet.frame.end <= block.len());
        assert!(behind.remaining() < promised);
        promised = behind.remaining();
        cursor = behind;
    }
});
