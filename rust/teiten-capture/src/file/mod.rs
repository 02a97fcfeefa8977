//! Capture files: pcap and pcapng, plain or compressed, from a path, a pipe or standard input.
//!
//! | module | holds |
//! |---|---|
//! | `mapping` | the bytes of a file, copied or mapped |
//! | `compression` | gzip, zstd and pipes, expanded into such bytes |
//! | `order` | byte order of the writer |
//! | `pcap`, `pcapng` | a walk over the records of each format |
//! | `parts` | parts of a file counted at the same time |
//! | `appearance` | what a file that is no capture looks like |

mod appearance;
mod compression;
mod mapping;
mod order;
mod parts;
mod pcap;
mod pcapng;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use teiten_core::{Fault, Frame, FrameSource, Lent};

pub use self::compression::Compression;
use self::mapping::Contents;

/// A record that claims more captured bytes than this is a fault.
///
/// It is libpcap's `MAXIMUM_SNAPLEN`, which every writer keeps for the link types read here.
pub const MAXIMUM_CAPTURED_LENGTH: u32 = 262_144;

/// So many records are walked between two looks at a [`Watch`].
const RECORDS_BETWEEN_LOOKS: u64 = 1 << 20;

/// Asked now and then during long work whether to go on; `false` stops it.
pub type Watch<'w> = &'w mut dyn FnMut() -> bool;

/// The format of a capture file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// pcap, with times in micro- or nanoseconds.
    Pcap,
    /// pcapng.
    Pcapng,
}

impl Format {
    /// The name of the format: `pcap` or `pcapng`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcap => "pcap",
            Self::Pcapng => "pcapng",
        }
    }
}

/// Why a file cannot be read as a capture at all.
#[derive(Debug)]
pub enum OpenError {
    /// The system refused.
    Io(io::Error),
    /// The temporary file for expanded or piped data cannot be written.
    Temporary {
        /// Where it was to lie.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The [`Watch`] said to stop.
    Stopped,
    /// The path is a directory.
    Directory,
    /// There is not a single byte.
    Empty,
    /// The bytes are those of something else.
    NotACapture {
        /// What they look like.
        looks_like: String,
    },
    /// The file ends inside its own header.
    HeaderCut {
        /// Name of the format that its first bytes announce.
        format: &'static str,
        /// Bytes that are there.
        there: usize,
        /// Bytes that the header takes.
        needed: usize,
    },
    /// A version of the format that is not known.
    Version {
        /// Name of the format.
        format: &'static str,
        /// Major version stated.
        major: u16,
        /// Minor version stated.
        minor: u16,
        /// Versions that are read.
        known: &'static str,
    },
    /// The header is damaged.
    Damaged(Fault),
    /// Nothing usable could be expanded.
    Expansion {
        /// Why the expansion ended.
        reason: String,
    },
}

impl OpenError {
    fn unlike(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            Self::Empty
        } else {
            Self::NotACapture {
                looks_like: appearance::of(bytes),
            }
        }
    }
}

const EXPECTED: &str = "expected a pcap or pcapng capture, plain or compressed by gzip or zstd";

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(source) => source.fmt(formatter),
            Self::Temporary { directory, source } => write!(
                formatter,
                "cannot write a temporary file in {}: {source}; name another directory by TMPDIR",
                directory.display()
            ),
            Self::Stopped => formatter.write_str("stopped"),
            Self::Directory => write!(formatter, "is a directory; {EXPECTED}"),
            Self::Empty => write!(formatter, "is empty; {EXPECTED}"),
            Self::NotACapture { looks_like } => {
                write!(formatter, "looks like {looks_like}; {EXPECTED}")
            }
            Self::HeaderCut {
                format,
                there,
                needed,
            } => {
                write!(
                    formatter,
                    "ends inside its {format} header ({there} of {needed} bytes are there)"
                )
            }
            Self::Version {
                format,
                major,
                minor,
                known,
            } => {
                write!(
                    formatter,
                    "is of {format} version {major}.{minor}; versions {known} are read"
                )
            }
            Self::Damaged(fault) => write!(formatter, "has a damaged header: {}", fault.reason),
            Self::Expansion { reason } => write!(formatter, "holds no capture: {reason}"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(source) | Self::Temporary { source, .. } => Some(source),
            Self::Damaged(fault) => Some(fault),
            _ => None,
        }
    }
}

/// What one walk over a capture finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Earliest time of any record, in nanoseconds since 1970-01-01 00:00 UTC.
    pub first_ns: i64,
    /// Latest time of any record.
    pub last_ns: i64,
    /// Number of records, those before a fault.
    pub records: u64,
}

/// A capture, opened.
///
/// It is as it was at that moment: what is appended later is not seen. A file larger than 1 MiB is mapped, and must not
/// be truncated by another program while it is read: the system would end the process (SIGBUS). Rotating captures by
/// renaming is harmless.
#[derive(Debug)]
pub struct CaptureFile {
    contents: Arc<Contents>,
    start: Walk,
    format: Format,
    compression: Option<Compression>,
    expansion_fault: Option<Arc<str>>,
}

/// A place in a file of either format.
#[derive(Debug, Clone)]
enum Walk {
    Pcap(pcap::Walk),
    Pcapng(pcapng::Walk),
}

impl CaptureFile {
    /// Opens the capture at `path`; `-` is standard input.
    ///
    /// Standard input, pipes and compressed files are first copied, expanded, into a temporary file without a name (in
    /// `$TMPDIR`, else `/var/tmp`), or into memory up to 1 MiB. Memory is bounded whatever the file says. `watch` is
    /// asked at least once every 16 MiB of that, and after every signal that interrupts a read.
    ///
    /// A compressed file that is cut short or corrupt gives what could be expanded of it; its readers end in a fault.
    ///
    /// # Errors
    /// An [`OpenError`] that says what the file is instead of a capture, or what the system answered.
    pub fn open(path: &Path, watch: Watch<'_>) -> Result<Self, OpenError> {
        let contents = if path == Path::new("-") {
            compression::spool(&mut io::stdin().lock(), watch)?
        } else {
            let mut file = File::open(path).map_err(OpenError::Io)?;
            let kind = file.metadata().map_err(OpenError::Io)?.file_type();
            if kind.is_dir() {
                return Err(OpenError::Directory);
            }
            if kind.is_file() {
                Contents::of(file).map_err(OpenError::Io)?
            } else {
                compression::spool(&mut file, watch)?
            }
        };
        Self::from_contents(contents, watch)
    }

    fn from_contents(contents: Contents, watch: Watch<'_>) -> Result<Self, OpenError> {
        let compression = Compression::detect(&contents);
        let (contents, fault) = match compression {
            None => (contents, None),
            Some(compression) => {
                let expanded = compression::expand(compression, &contents, watch)?;
                (expanded.contents, expanded.fault)
            }
        };
        let begun = if pcapng::begins(&contents) {
            pcapng::Walk::begin(&contents).map(|walk| (Format::Pcapng, Walk::Pcapng(walk)))
        } else {
            pcap::Walk::begin(&contents).map(|walk| (Format::Pcap, Walk::Pcap(walk)))
        };
        match (begun, fault) {
            (Ok((format, start)), fault) => Ok(Self {
                contents: Arc::new(contents),
                start,
                format,
                compression,
                expansion_fault: fault.map(Arc::from),
            }),
            (Err(_), Some(reason)) => Err(OpenError::Expansion { reason }),
            (Err(error), None) => Err(error),
        }
    }

    /// The format of the file.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// How the file is compressed, if it is.
    #[must_use]
    pub const fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// Size of the capture in bytes, expanded.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.contents.len() as u64
    }

    /// A reader that stands before the first record.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader {
            contents: Arc::clone(&self.contents),
            walk: self.start.clone(),
            last: 0,
            until: usize::MAX,
            ending: Ending {
                met: false,
                expansion_fault: self.expansion_fault.clone(),
            },
        }
    }

    /// Walks over all records, up to a fault if there is one, and tells what span of time they lie in; `None` without
    /// records.
    ///
    /// # Errors
    /// [`OpenError::Stopped`] where `watch` said so; it is asked every million records.
    pub fn span(&self, watch: Watch<'_>) -> Result<Option<Span>, OpenError> {
        let mut reader = self.reader();
        let mut span: Option<Span> = None;
        loop {
            let lent = reader.lend(RECORDS_BETWEEN_LOOKS, |frame| {
                let time = frame.time_ns;
                let span = span.get_or_insert(Span {
                    first_ns: time,
                    last_ns: time,
                    records: 0,
                });
                span.first_ns = span.first_ns.min(time);
                span.last_ns = span.last_ns.max(time);
                span.records += 1;
                true
            });
            match lent {
                Ok(Lent::Limit) if watch() => {}
                Ok(Lent::Limit) => return Err(OpenError::Stopped),
                Ok(_) | Err(_) => break,
            }
        }
        Ok(span)
    }
}

/// Walks a capture from its start and lends its frames, one at a time.
///
/// After the last record comes `None`, or the fault that made it the last; then `None` for ever.
#[derive(Debug)]
pub struct Reader {
    contents: Arc<Contents>,
    walk: Walk,
    /// Where the record yielded last begins.
    last: usize,
    /// No record is yielded that begins here or behind.
    until: usize,
    ending: Ending,
}

/// How a walk ends: not yet, or with what fault.
#[derive(Debug, Clone)]
struct Ending {
    met: bool,
    expansion_fault: Option<Arc<str>>,
}

impl Ending {
    /// Meets the end at `offset`; a fault of the expansion is the cause of, or comes on top of, a fault in the records.
    #[cold]
    fn meet(&mut self, offset: u64, fault: Option<Fault>) -> Option<Fault> {
        self.met = true;
        match (fault, self.expansion_fault.take()) {
            (fault, None) => fault,
            (None, Some(reason)) => Some(Fault {
                offset,
                reason: reason.to_string().into(),
            }),
            (
                Some(Fault {
                    offset,
                    reason: damage,
                }),
                Some(reason),
            ) => Some(Fault {
                offset,
                reason: format!("{reason}; {damage}").into(),
            }),
        }
    }
}

impl Walk {
    const fn offset(&self) -> usize {
        match self {
            Self::Pcap(walk) => walk.offset(),
            Self::Pcapng(walk) => walk.offset(),
        }
    }

    const fn rewind(&mut self, offset: usize) {
        match self {
            Self::Pcap(walk) => walk.rewind(offset),
            Self::Pcapng(walk) => walk.rewind(offset),
        }
    }

    #[inline]
    fn plain_records<'a>(&self, bytes: &'a [u8]) -> pcap::PlainRecords<'a> {
        match self {
            Self::Pcap(walk) => walk.plain_records(bytes),
            Self::Pcapng(_) => pcap::PlainRecords::NONE,
        }
    }

    /// Whether [`plain_records`](Self::plain_records) lends any.
    const fn is_plain(&self) -> bool {
        match self {
            Self::Pcap(walk) => walk.is_plain(),
            Self::Pcapng(_) => false,
        }
    }
}

impl Reader {
    /// How many bytes of the capture lie behind: up to [`CaptureFile::size`], or to the offset of the fault.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.walk.offset() as u64
    }

    /// Whether the end, or a fault, has been met.
    #[must_use]
    pub const fn ended(&self) -> bool {
        self.ending.met
    }
}

impl FrameSource for Reader {
    #[inline]
    fn next_frame(&mut self) -> Option<Result<Frame<'_>, Fault>> {
        let Self {
            contents,
            walk,
            last,
            until,
            ending,
        } = self;
        next(contents, walk, last, *until, ending)
    }

    #[inline]
    fn lend(&mut self, limit: u64, mut take: impl FnMut(Frame<'_>) -> bool) -> Result<Lent, Fault> {
        let Self {
            contents,
            walk,
            last,
            until,
            ending,
        } = self;
        let bytes: &[u8] = contents;
        let within = bytes.get(..*until).unwrap_or(bytes);
        let mut plain = walk.plain_records(within);
        let mut is_plain = walk.is_plain() && walk.offset() <= within.len();
        for _ in 0..limit {
            let left = plain.left();
            let frame = if let Some(frame) = plain.next() {
                frame
            } else {
                if is_plain {
                    walk.rewind(within.len() - left);
                    is_plain = false;
                    plain = pcap::PlainRecords::NONE;
                }
                match next(bytes, walk, last, *until, ending) {
                    Some(frame) => frame?,
                    None => return Ok(Lent::All),
                }
            };
            if !take(frame) {
                walk.rewind(if is_plain { within.len() - left } else { *last });
                return Ok(Lent::Refused);
            }
        }
        if is_plain {
            walk.rewind(within.len() - plain.left());
        }
        Ok(Lent::Limit)
    }

    fn step_back(&mut self) {
        self.walk.rewind(self.last);
    }
}

/// The next frame of the contents, as [`FrameSource::next_frame`] promises; `last` is where it begins.
#[inline(never)]
fn next<'a>(
    bytes: &'a [u8],
    walk: &mut Walk,
    last: &mut usize,
    until: usize,
    ending: &mut Ending,
) -> Option<Result<Frame<'a>, Fault>> {
    if ending.met || (until..bytes.len()).contains(&walk.offset()) {
        return None;
    }
    let next = match walk {
        Walk::Pcap(walk) => {
            *last = walk.offset();
            walk.next(bytes)
        }
        Walk::Pcapng(walk) => walk.next(bytes).map(|next| {
            next.map(|(start, frame)| {
                *last = start;
                frame
            })
        }),
    };
    match next {
        Some(Ok(frame)) => Some(Ok(frame)),
        Some(Err(fault)) => ending.meet(walk.offset() as u64, Some(fault)).map(Err),
        None => ending.meet(walk.offset() as u64, None).map(Err),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// What a walk gave: time, link number and bytes of each frame, and the fault at its end.
    type Walked = (Vec<(i64, Vec<u8>)>, Option<Fault>);

    fn open(bytes: &[u8]) -> Result<CaptureFile, OpenError> {
        CaptureFile::from_contents(Contents::Copied(bytes.to_vec()), &mut || true)
    }

    fn walk(capture: &CaptureFile) -> Walked {
        let mut reader = capture.reader();
        let mut frames = Vec::new();
        let mut fault = None;
        while let Some(next) = reader.next_frame() {
            match next {
                Ok(frame) => frames.push((frame.time_ns, frame.bytes.to_vec())),
                Err(met) => fault = Some(met),
            }
        }
        assert!(reader.ended());
        assert!(reader.next_frame().is_none());
        (frames, fault)
    }

    /// Ends of the records in the file made, and the file.
    type Made = (Vec<usize>, Vec<u8>);

    fn pcap_of(lengths: &[u8]) -> Made {
        let mut bytes = vec![
            0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0,
            0,
        ];
        let mut ends = Vec::new();
        for (index, &length) in (0_u32..).zip(lengths) {
            for field in [index, 0, length.into(), length.into()] {
                bytes.extend(field.to_le_bytes());
            }
            bytes.extend(vec![length; length.into()]);
            ends.push(bytes.len());
        }
        (ends, bytes)
    }

    fn pcapng_of(lengths: &[u8]) -> Made {
        let mut bytes = vec![
            0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0,
            28, // section, then an interface with if_tsresol 0
            0, 0, 0, 1, 0, 0, 0, 28, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 28,
        ];
        let mut ends = Vec::new();
        for (index, &length) in (0_u32..).zip(lengths) {
            let padded = usize::from(length).next_multiple_of(4);
            let whole = u32::try_from(padded + 32).unwrap();
            for field in [6, whole, 0, 0, index, length.into(), length.into()] {
                bytes.extend(u32::to_be_bytes(field));
            }
            bytes.extend(vec![length; length.into()]);
            bytes.resize(bytes.len() + padded - usize::from(length), 0);
            bytes.extend(whole.to_be_bytes());
            ends.push(bytes.len());
        }
        (ends, bytes)
    }

    fn expected(lengths: &[u8]) -> Vec<(i64, Vec<u8>)> {
        (0..)
            .zip(lengths)
            .map(|(index, &length)| (index * 1_000_000_000, vec![length; length.into()]))
            .collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(bytes, 1).unwrap()
    }

    const LENGTHS: [u8; 7] = [60, 0, 1, 255, 42, 3, 64];

    #[test]
    fn a_file_cut_at_any_byte_gives_every_whole_record_and_then_a_fault_at_the_cut_one() {
        for (header, (ends, bytes)) in [(24, pcap_of(&LENGTHS)), (56, pcapng_of(&LENGTHS))] {
            for length in header..=bytes.len() {
                let whole = ends.iter().filter(|&&end| end <= length).count();
                let start = if whole == 0 { header } else { ends[whole - 1] };
                let capture = open(&bytes[..length]).unwrap();
                let (frames, fault) = walk(&capture);
                assert_eq!(frames, expected(&LENGTHS[..whole]));
                assert_eq!(
                    fault.map(|fault| fault.offset),
                    (start < length).then_some(start as u64)
                );
            }
        }
    }

    #[test]
    fn a_file_cut_inside_its_header_is_refused_in_words() {
        for (bytes, header) in [(pcap_of(&[]).1, 24), (pcapng_of(&[]).1, 28)] {
            for length in 0..header {
                let error = open(&bytes[..length]).unwrap_err().to_string();
                let words = match length {
                    0 => "is empty; expected a pcap or pcapng capture",
                    1..4 => "; expected a pcap or pcapng capture",
                    _ => "bytes are there)",
                };
                assert!(error.contains(words), "{error}");
            }
        }
    }

    #[test]
    fn compressed_files_give_what_plain_ones_give() {
        for (_, bytes) in [pcap_of(&LENGTHS), pcapng_of(&LENGTHS)] {
            let plain = walk(&open(&bytes).unwrap());
            let (front, back) = bytes.split_at(100);
            // A skippable frame (RFC 8878 section 3.1.2) of 3 bytes goes before.
            let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
            for (packed, compression) in [
                (gzip(&bytes), Compression::Gzip),
                ([gzip(front), gzip(back)].concat(), Compression::Gzip),
                (zstd(&bytes), Compression::Zstd),
                (
                    [&skippable[..], &zstd(front), &zstd(back)].concat(),
                    Compression::Zstd,
                ),
            ] {
                let capture = open(&packed).unwrap();
                assert_eq!(capture.compression(), Some(compression));
                assert_eq!(capture.size(), bytes.len() as u64);
                assert_eq!(walk(&capture), plain);
            }
        }
    }

    #[test]
    fn a_compressed_file_cut_short_gives_what_was_there_and_then_a_fault() {
        let lengths = [200; 3000];
        let (_, bytes) = pcap_of(&lengths);
        for (packed, name) in [(gzip(&bytes), "gzip"), (zstd(&bytes), "zstd")] {
            let mut most = 0;
            for length in (1..packed.len())
                .step_by(packed.len() / 97 + 1)
                .chain([packed.len() - 1])
            {
                match open(&packed[..length]) {
                    Ok(capture) => {
                        let (frames, fault) = walk(&capture);
                        let fault = fault.expect("a file cut short ends in a fault");
                        assert!(
                            fault.reason.starts_with(&format!("the {name} data are")),
                            "{fault}"
                        );
                        assert!(fault.offset <= capture.size());
                        assert_eq!(frames, expected(&lengths[..frames.len()]));
                        most = most.max(frames.len());
                    }
                    Err(error) => assert!(
                        matches!(
                            error,
                            OpenError::Expansion { .. } | OpenError::NotACapture { .. }
                        ),
                        "{error}"
                    ),
                }
            }
            assert!(most > 2000, "{name}: {most}");
        }
    }

    #[test]
    fn damage_at_a_record_boundary_of_a_compressed_file_is_a_fault_too() {
        let (_, bytes) = pcap_of(&LENGTHS);
        let mut packed = gzip(&bytes);
        let checksum = packed.len() - 8; // RFC 1952 section 2.3.1: CRC32, ISIZE
        packed[checksum] ^= 1;
        let capture = open(&packed).unwrap();
        let (frames, fault) = walk(&capture);
        assert_eq!(frames, expected(&LENGTHS));
        let fault = fault.unwrap();
        assert_eq!(fault.offset, capture.size());
        assert!(fault.reason.contains("corrupt"), "{fault}");
    }

    #[test]
    fn a_file_of_something_else_is_refused_with_what_it_looks_like() {
        for (bytes, words) in [
            (
                b"alert tcp any any".to_vec(),
                "looks like text; expected a pcap or pcapng capture",
            ),
            (gzip(b"alert tcp any any"), "looks like text"),
            (
                gzip(&gzip(&pcap_of(&[1]).1)),
                "looks like gzip-compressed data",
            ),
            (gzip(b""), "is empty"),
            (
                vec![0x1f, 0x8b, 8],
                "holds no capture: the gzip data are cut short",
            ),
        ] {
            let error = open(&bytes).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn paths_that_are_no_files_are_refused_in_words() {
        let directory = tempfile::tempdir().unwrap();
        let error = CaptureFile::open(directory.path(), &mut || true).unwrap_err();
        assert!(matches!(error, OpenError::Directory));
        let error = CaptureFile::open(&directory.path().join("none"), &mut || true).unwrap_err();
        assert!(matches!(error, OpenError::Io(source) if source.kind() == io::ErrorKind::NotFound));
        let error = CaptureFile::open(Path::new("/dev/null"), &mut || true).unwrap_err();
        assert!(matches!(error, OpenError::Empty));
    }

    #[test]
    fn what_is_appended_after_opening_is_not_seen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("growing.pcap");
        let (_, bytes) = pcap_of(&[200; 9000]);
        std::fs::write(&path, &bytes).unwrap();
        let capture = CaptureFile::open(&path, &mut || true).unwrap();
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(&[0; 16])
            .unwrap();
        let (frames, fault) = walk(&capture);
        assert_eq!((frames.len(), fault), (9000, None));
    }

    #[test]
    fn a_step_back_yields_the_same_frame_again_and_changes_nothing_else() {
        for (_, bytes) in [pcap_of(&LENGTHS), pcapng_of(&LENGTHS)] {
            let capture = open(&bytes).unwrap();
            let mut reader = capture.reader();
            for (time, bytes) in expected(&LENGTHS) {
                for _ in 0..3 {
                    let before = reader.position();
                    let frame = reader.next_frame().unwrap().unwrap();
                    assert_eq!((frame.time_ns, frame.bytes), (time, &bytes[..]));
                    reader.step_back();
                    assert!(reader.position() >= before);
                }
                assert!(reader.next_frame().is_some());
            }
            assert!(reader.next_frame().is_none());
        }
    }

    #[test]
    fn the_span_is_that_of_the_earliest_and_the_latest_record() {
        let (_, mut bytes) = pcap_of(&[0, 0, 0]);
        bytes[24] = 9; // the first record's seconds
        let span = open(&bytes).unwrap().span(&mut || true).unwrap();
        assert_eq!(
            span,
            Some(Span {
                first_ns: 1_000_000_000,
                last_ns: 9_000_000_000,
                records: 3
            })
        );
        assert_eq!(
            open(&bytes[..24]).unwrap().span(&mut || true).unwrap(),
            None
        );
        let cut = open(&bytes[..41]).unwrap().span(&mut || true).unwrap();
        assert_eq!(cut.map(|span| span.records), Some(1));
    }

    /// Walks any bytes and checks what holds for all: the walk ends, and its fault lies in the file.
    fn check(bytes: &[u8]) {
        let Ok(capture) = open(bytes) else { return };
        let (frames, fault) = walk(&capture);
        // The shortest record of either format has 16 bytes.
        assert!(frames.len() as u64 <= capture.size() / 16);
        assert!(
            frames
                .iter()
                .all(|(_, bytes)| bytes.len() as u64 <= capture.size())
        );
        assert!(fault.is_none_or(|fault| fault.offset <= capture.size()));
    }

    fn any_lengths() -> impl Strategy<Value = Vec<u8>> {
        vec(any::<u8>(), 0..20)
    }

    fn damaged(mut bytes: Vec<u8>, damages: &[(usize, u8)]) -> Vec<u8> {
        let length = bytes.len();
        for &(place, value) in damages {
            bytes[place % length] = value;
        }
        bytes
    }

    /// The frames lent up to a limit a call, each third one refused once.
    fn lent(capture: &CaptureFile, limit: u64) -> Walked {
        let mut reader = capture.reader();
        let (mut frames, mut refused): (Vec<(i64, Vec<u8>)>, _) = (Vec::new(), false);
        loop {
            let ended = reader.lend(limit, |frame| {
                refused = !refused && frames.len() % 3 == 2;
                if !refused {
                    frames.push((frame.time_ns, frame.bytes.to_vec()));
                }
                !refused
            });
            match ended {
                Ok(Lent::All) => return (frames, None),
                Ok(Lent::Limit) => assert!(!refused),
                Ok(Lent::Refused) => assert!(refused),
                Err(fault) => return (frames, Some(fault)),
            }
        }
    }

    proptest! {
        #[test]
        fn frames_are_lent_as_they_are_walked(
            lengths in vec(any::<u8>(), 0..20),
            limit in 1u64..9,
            (kind, damage) in (0usize..5, prop::option::of(any::<(prop::sample::Index, u8)>())),
        ) {
            let (_, mut bytes) = if kind == 4 { pcapng_of(&lengths) } else { pcap_of(&lengths) };
            match kind {
                // Nanoseconds; version 2.3; the other byte order, whose lengths are beyond reason.
                1 => bytes[..2].copy_from_slice(&[0x4d, 0x3c]),
                2 => bytes[6] = 3,
                3 => bytes[..8].copy_from_slice(&[0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4]),
                _ => {}
            }
            if let Some((at, value)) = damage {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            if let Ok(capture) = open(&bytes) {
                prop_assert_eq!(lent(&capture, limit), walk(&capture));
            }
        }

        #[test]
        fn any_bytes_behind_any_header_end_without_harm(
            header in prop::sample::select(vec![
                vec![],
                pcap_of(&[]).1,
                pcapng_of(&[]).1,
                vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
                vec![0x28, 0xb5, 0x2f, 0xfd],
            ]),
            bytes in vec(any::<u8>(), 0..2000),
        ) {
            check(&[header, bytes].concat());
        }

        #[test]
        fn a_good_file_with_any_bytes_changed_ends_without_harm(
            lengths in any_lengths(),
            damages in vec((any::<usize>(), any::<u8>()), 1..9),
        ) {
            for (_, bytes) in [pcap_of(&lengths), pcapng_of(&lengths)] {
                check(&damaged(bytes.clone(), &damages));
                check(&damaged(gzip(&bytes), &damages));
                check(&damaged(zstd(&bytes), &damages));
            }
        }

        #[test]
        fn every_record_written_is_read(lengths in any_lengths()) {
            for (_, bytes) in [pcap_of(&lengths), pcapng_of(&lengths)] {
                prop_assert_eq!(walk(&open(&bytes).unwrap()), (expected(&lengths), None));
            }
        }
    }
}
