//! The bytes of a file, in memory or mapped: the only `unsafe` of the crate.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Deref;

use memmap2::{Advice, Mmap};

/// Files up to this size are read into memory, larger ones are mapped.
///
/// Below it a map saves nothing: setting it up, faulting its pages in and taking it down cost as much as the copy. Above
/// it the copy would cost memory that a 512 MB board lacks.
pub(super) const COPIED_BYTES: usize = 1 << 20;

/// The whole contents of a file, as they were when it was opened.
#[derive(Debug)]
pub(super) enum Contents {
    Copied(Vec<u8>),
    Mapped(Mmap),
}

impl Contents {
    /// Takes the contents of a regular `file`, from its start.
    ///
    /// What is appended later is not seen. **A mapped file must not be truncated while it is read**: the kernel answers
    /// the next touch of a page that is gone with SIGBUS, which ends the process. Programs that rotate captures rename
    /// and create, which is harmless; overwriting a capture in place while it is replayed is not, and costs no more than
    /// that run, for batches are durable once spooled and a replay can be repeated.
    pub(super) fn of(mut file: File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        let mut copied = Vec::new();
        let limit = COPIED_BYTES as u64 + 1;
        if file.metadata()?.len() < limit {
            // A file that grows meanwhile may have become too large for a copy: then it is mapped after all.
            (&file).take(limit).read_to_end(&mut copied)?;
            if copied.len() <= COPIED_BYTES {
                return Ok(Self::Copied(copied));
            }
        }
        // SAFETY: the map is private, read-only and as long as the file now is, and lives as long as every slice lent
        // from it. Nobody in this process writes to the file. Another process may: what it overwrites shows as other
        // bytes, which are read as untrusted input in any case (each length is loaded once and checked against the
        // slice before it is used); what it cuts off ends this process by SIGBUS, as said above, not in a wrong read.
        // The temporary files of expanded and piped captures have no name that another process could open.
        let map = unsafe { Mmap::map(&file)? };
        // A hint alone: a kernel that refuses it reads as correctly, with less read-ahead.
        let _ = map.advise(Advice::Sequential);
        Ok(Self::Mapped(map))
    }
}

impl Deref for Contents {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Copied(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn small_files_are_copied_and_large_ones_mapped_with_equal_contents() {
        for length in [0, 1, COPIED_BYTES, COPIED_BYTES + 1, 3 * COPIED_BYTES + 7] {
            let bytes: Vec<u8> = (0..=250_u8).cycle().take(length).collect();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            let contents = Contents::of(file).unwrap();
            assert_eq!(
                matches!(contents, Contents::Mapped(_)),
                length > COPIED_BYTES
            );
            assert!(contents[..] == bytes[..]);
        }
    }
}
