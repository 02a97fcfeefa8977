//! What a file that is no capture looks like, so that an error can name it.

use std::fmt::Write;

/// First bytes of formats that are handed in by mistake, and of captures in formats that are not read.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"\xfd7zXZ\0", "xz-compressed data"),
    (b"BZh", "bzip2-compressed data"),
    (b"\x04\x22\x4d\x18", "LZ4-compressed data"),
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
    (b"\x7fELF", "an ELF program"),
    (b"snoop\0\0\0", "a snoop capture"),
    (b"RTSS", "a Microsoft Network Monitor 1 capture"),
    (b"GMBU", "a Microsoft Network Monitor 2 capture"),
    (b"XCP\0", "a NetXray or Sniffer capture"),
    (b"TRSNIFF data", "a Sniffer capture"),
    (b"\x1c\x00\x01\xac", "an IXIA capture"),
    (b"\xac\x01\x00\x1c", "an IXIA capture"),
    (b"\x1c\x00\x01\xab", "an IXIA capture"),
    (b"\xab\x01\x00\x1c", "an IXIA capture"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
];

/// A tar archive says so behind its first member's name.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// As many bytes are looked at to tell text from other data.
const SAMPLE: usize = 512;

/// A few words for what `bytes` look like.
pub(super) fn of(bytes: &[u8]) -> String {
    if let Some((_, name)) = BEGINNINGS
        .iter()
        .find(|(beginning, _)| bytes.starts_with(beginning))
    {
        return (*name).to_owned();
    }
    if bytes
        .get(TAR.0..)
        .is_some_and(|rest| rest.starts_with(TAR.1))
    {
        return "a tar archive".to_owned();
    }
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    if sample.iter().all(|&byte| byte == 0) {
        return "zero bytes".to_owned();
    }
    if sample
        .iter()
        .all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..))
    {
        return "text".to_owned();
    }
    let mut words = "data that begin with".to_owned();
    for byte in sample.iter().take(8) {
        let _ = write!(words, " {byte:02x}");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_handed_in_by_mistake() {
        let mut archive = vec![b'a'; 257];
        archive.extend(b"ustar\0");
        for (bytes, name) in [
            (&b"\xfd7zXZ\0\0\x04"[..], "xz-compressed data"),
            (b"snoop\0\0\0\0\0\0\x02", "a snoop capture"),
            (b"# a rule file\n", "text"),
            ("定点".as_bytes(), "text"),
            (&archive, "a tar archive"),
            (&[0; 40], "zero bytes"),
            (&[1, 2, 0xff], "data that begin with 01 02 ff"),
        ] {
            assert_eq!(of(bytes), name);
        }
    }
}
