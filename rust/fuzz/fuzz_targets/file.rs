//! Any bytes as a capture file: it is read to its end or its fault, and the walk ends.
#![no_main]

use std::io::Write;

use libfuzzer_sys::fuzz_target;
use teiten_capture::CaptureFile;
use teiten_core::FrameSource;

fuzz_target!(|data: &[u8]| {
    let mut file = tempfile::NamedTempFile::new_in("/dev/shm").expect("there is memory for a file");
    file.write_all(data).expect("there is memory for a file");
    let Ok(capture) = CaptureFile::open(file.path(), &mut || true) else {
        return;
    };
    let mut reader = capture.reader();
    let mut records = 0u64;
    while let Some(Ok(frame)) = reader.next_frame() {
        assert!(frame.bytes.len() as u64 <= capture.size());
        records += 1;
    }
    // A record takes at least 12 bytes of a file.
    assert!(records <= capture.size() / 12);
    assert!(reader.position() <= capture.size());
    if let Ok(Some(span)) = capture.span(&mut || true) {
        assert!(span.first_ns <= span.last_ns && span.records == records);
    }
});
