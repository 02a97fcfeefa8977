//! Compressed and piped captures become plain contents: copied through a buffer of fixed size into memory while small,
//! into a temporary file without a name when large.

use std::env;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use tempfile::{SpooledData, SpooledTempFile, spooled_tempfile_in};

use super::mapping::{COPIED_BYTES, Contents};
use super::{OpenError, Watch};

/// A compressed capture is expanded up to this many bytes; what lies beyond is a fault.
///
/// Without a bound a few megabytes of compressed zeros would fill the disk. Captures of a telescope that are larger than
/// this unpacked are better unpacked once, beforehand.
const MAXIMUM_EXPANDED_BYTES: u64 = 64 << 30;

/// Largest window a zstd frame may ask for, as a power of two: 128 MiB, what `zstd -d` accepts without further options.
const MAXIMUM_WINDOW_LOG: u32 = 27;

/// How many bytes are copied at once.
const BUFFER_BYTES: usize = 256 << 10;

/// So many copies are made between two looks at the [`Watch`].
const COPIES_BETWEEN_LOOKS: u32 = 64;

/// How a capture is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip (RFC 1952), of any number of members.
    Gzip,
    /// Zstandard (RFC 8878), of any number of frames, skippable ones included, without dictionary.
    Zstd,
}

impl Compression {
    /// What the first bytes say: RFC 1952 section 2.3.1 (ID1, ID2), RFC 8878 sections 3.1.1 and 3.1.2.
    pub(super) fn detect(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The name of the format: `gzip` or `zstd`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// What came out of a compressed file.
#[derive(Debug)]
pub(super) struct Expanded {
    pub(super) contents: Contents,
    /// Why the expansion ended before the compressed data did, if so; `contents` holds what came before.
    pub(super) fault: Option<String>,
}

/// Expands all of `compressed`.
///
/// A stream that is cut short or corrupt yields what could be expanded, and the fault.
///
/// # Errors
/// [`OpenError::Io`] where the temporary file cannot be written, [`OpenError::Stopped`] where `watch` said so.
pub(super) fn expand(
    compression: Compression,
    compressed: &[u8],
    watch: Watch<'_>,
) -> Result<Expanded, OpenError> {
    let name = compression.name();
    let mut source: Box<dyn Read + '_> = match compression {
        Compression::Gzip => Box::new(MultiGzDecoder::new(compressed)),
        Compression::Zstd => {
            let mut decoder =
                zstd::stream::read::Decoder::with_buffer(compressed).map_err(OpenError::Io)?;
            decoder
                .window_log_max(MAXIMUM_WINDOW_LOG)
                .map_err(OpenError::Io)?;
            Box::new(decoder)
        }
    };
    let mut spool = Spool::new();
    let fault = match spool.fill(&mut source, MAXIMUM_EXPANDED_BYTES, watch)? {
        End::Reached => None,
        End::Limit => Some(format!(
            "the {name} data expand beyond {} GiB; expand the file first",
            MAXIMUM_EXPANDED_BYTES >> 30
        )),
        End::Error(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Some(format!("the {name} data are cut short"))
        }
        End::Error(error) => Some(format!("the {name} data are corrupt: {error}")),
    };
    Ok(Expanded {
        contents: spool.finish()?,
        fault,
    })
}

/// Copies all of a pipe, a device or standard input.
///
/// # Errors
/// [`OpenError::Io`] where `source` cannot be read or the temporary file not written, [`OpenError::Stopped`] where
/// `watch` said so.
pub(super) fn spool(source: &mut dyn Read, watch: Watch<'_>) -> Result<Contents, OpenError> {
    let mut spool = Spool::new();
    match spool.fill(source, u64::MAX, watch)? {
        End::Reached | End::Limit => spool.finish(),
        End::Error(error) => Err(OpenError::Io(error)),
    }
}

enum End {
    Reached,
    Limit,
    Error(io::Error),
}

/// A temporary file without a name, kept in memory while it is small.
struct Spool {
    file: SpooledTempFile,
    directory: PathBuf,
}

impl Spool {
    fn new() -> Self {
        let directory = temporary_directory();
        Self {
            file: spooled_tempfile_in(COPIED_BYTES, &directory),
            directory,
        }
    }

    fn fill(
        &mut self,
        source: &mut dyn Read,
        limit: u64,
        watch: Watch<'_>,
    ) -> Result<End, OpenError> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut left = limit;
        let mut copies: u32 = 0;
        loop {
            if copies % COPIES_BETWEEN_LOOKS == 0 && !watch() {
                return Err(OpenError::Stopped);
            }
            copies = copies.wrapping_add(1);
            let count = match source.read(&mut buffer) {
                Ok(0) => return Ok(End::Reached),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    // A signal came: the watch says whether it means to stop.
                    copies = 0;
                    continue;
                }
                Err(error) => return Ok(End::Error(error)),
            };
            let kept = usize::try_from(left).map_or(count, |left| count.min(left));
            self.file
                .write_all(&buffer[..kept])
                .map_err(|error| self.explain(error))?;
            left -= kept as u64;
            if kept < count {
                return Ok(End::Limit);
            }
        }
    }

    fn finish(self) -> Result<Contents, OpenError> {
        match self.file.into_inner() {
            SpooledData::InMemory(cursor) => Ok(Contents::Copied(cursor.into_inner())),
            SpooledData::OnDisk(file) => Contents::of(file).map_err(OpenError::Io),
        }
    }

    fn explain(&self, source: io::Error) -> OpenError {
        OpenError::Temporary {
            directory: self.directory.clone(),
            source,
        }
    }
}

/// `$TMPDIR`, else `/var/tmp` where there is one: it lies on a disk, while `/tmp` is often memory.
fn temporary_directory() -> PathBuf {
    let lasting = Path::new("/var/tmp");
    if env::var_os("TMPDIR").is_none() && lasting.is_dir() {
        lasting.to_owned()
    } else {
        env::temp_dir()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_compression() {
        assert_eq!(
            Compression::detect(&[0x1f, 0x8b, 8, 0]),
            Some(Compression::Gzip)
        );
        assert_eq!(
            Compression::detect(&[0x28, 0xb5, 0x2f, 0xfd]),
            Some(Compression::Zstd)
        );
        assert_eq!(
            Compression::detect(&[0x53, 0x2a, 0x4d, 0x18]),
            Some(Compression::Zstd)
        );
        assert_eq!(Compression::detect(&[0xd4, 0xc3, 0xb2, 0xa1]), None);
        assert_eq!(Compression::detect(&[]), None);
    }

    #[test]
    fn what_lies_beyond_the_limit_is_not_kept() {
        let mut spool = Spool::new();
        let end = spool
            .fill(&mut io::repeat(7), 300_000, &mut || true)
            .unwrap();
        assert!(matches!(end, End::Limit));
        assert_eq!(spool.finish().unwrap().len(), 300_000);
        let mut spool = Spool::new();
        let end = spool
            .fill(&mut io::repeat(7).take(300_000), 300_000, &mut || true)
            .unwrap();
        assert!(matches!(end, End::Reached));
    }

    #[test]
    fn large_data_go_to_a_file_and_come_back_equal() {
        let bytes: Vec<u8> = (0..=250_u8).cycle().take(3 * COPIED_BYTES + 1).collect();
        let contents = spool(&mut &bytes[..], &mut || true).unwrap();
        assert!(matches!(contents, Contents::Mapped(_)));
        assert!(contents[..] == bytes[..]);
    }

    #[test]
    fn the_watch_stops_an_endless_source() {
        let mut looks = 0;
        let mut watch = || {
            looks += 1;
            looks <= 3
        };
        let error = spool(&mut io::repeat(0), &mut watch).unwrap_err();
        assert!(matches!(error, OpenError::Stopped));
        assert_eq!(looks, 4);
    }

    #[test]
    fn a_window_beyond_the_limit_is_refused_before_it_is_allocated() {
        // RFC 8878 section 3.1.1.1: no flags; window descriptor 0x90: exponent 18, 2^28 bytes; a last raw block of 0.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x90, 1, 0, 0];
        let expanded = expand(Compression::Zstd, &frame, &mut || true).unwrap();
        assert!(expanded.fault.is_some_and(|fault| fault.contains("memory")));
        // Exponent 17, 2^27 bytes, is accepted.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x88, 1, 0, 0];
        let expanded = expand(Compression::Zstd, &frame, &mut || true).unwrap();
        assert_eq!(expanded.fault, None);
    }

    #[test]
    fn a_block_that_expands_beyond_what_the_format_allows_is_refused_before_memory_is_taken() {
        // A compressed block of one literal and 5,000 sequences, each a match of 131,074 bytes: 655 MB from 10 kB.
        let mut block = vec![
            1 << 3,
            b'x', // RFC 8878 section 3.1.1.3.1: a raw literals section of 1 byte
            0x80 | 0x13,
            0x88, // section 3.1.1.3.2.1: 5,000 sequences
            0x54,
            0,
            0,
            52, // each code once for all: no literals, repeated offset, longest match
        ];
        block.extend([0xff; 10_000]);
        block.push(1);
        // Section 3.1.1.2.1: a first block that repeats one byte, so that there is something to match.
        let header =
            |size: usize, kind: usize, last: usize| (size << 3 | kind << 1 | last).to_le_bytes();
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x38];
        frame.extend(&header(1000, 1, 0)[..3]);
        frame.push(b'a');
        frame.extend(&header(block.len(), 2, 1)[..3]);
        frame.extend(block);
        let expanded = expand(Compression::Zstd, &frame, &mut || true).unwrap();
        assert!(
            expanded
                .fault
                .is_some_and(|fault| fault.contains("corrupt"))
        );
        assert!(expanded.contents.len() <= 1000);
    }
}
