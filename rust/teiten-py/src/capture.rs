//! Capture files.

use std::ffi::OsStr;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Mutex;

use pyo3::prelude::*;
use teiten_capture::{CaptureFile, OpenError, Reader};
use teiten_core::{Fault, FrameSource, Lent};

use crate::errors::Error;
use crate::lock::read;

/// A walk counts so many records between two looks for signals.
const RECORDS_BETWEEN_LOOKS: u64 = 1 << 20;

/// A capture file, opened, and how far it has been read.
#[pyclass(frozen, module = "teiten_agent._core")]
pub(crate) struct Capture {
    path: PathBuf,
    file: CaptureFile,
    pub(crate) progress: Mutex<Progress>,
}

/// How far a capture has been read, and the fault met there.
pub(crate) struct Progress {
    pub(crate) reader: Reader,
    pub(crate) fault: Option<Fault>,
}

#[pymethods]
impl Capture {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> Result<Self, Error> {
        let opened = watched(py, |watch| CaptureFile::open(&path, watch));
        match opened {
            Ok(file) => {
                let progress = Mutex::new(Progress {
                    reader: file.reader(),
                    fault: None,
                });
                Ok(Self {
                    path,
                    file,
                    progress,
                })
            }
            Err(Interruption::Signal(raised)) => Err(Error::Signal(raised)),
            Err(Interruption::Failed(source)) => Err(Error::Open { path, source }),
        }
    }

    /// The path as it was given; "-" for standard input.
    #[getter]
    fn path(&self) -> &OsStr {
        self.path.as_os_str()
    }

    /// "pcap" or "pcapng".
    #[getter]
    const fn format(&self) -> &'static str {
        self.file.format().name()
    }

    /// "gzip", "zstd", or None for a plain file.
    #[getter]
    fn compression(&self) -> Option<&'static str> {
        self.file
            .compression()
            .map(teiten_capture::Compression::name)
    }

    /// Size in bytes, expanded.
    #[getter]
    fn size(&self) -> u64 {
        self.file.size()
    }

    /// Bytes that have been read, of `size`.
    #[getter]
    fn position(&self, py: Python<'_>) -> u64 {
        read(py, &self.progress, |progress| progress.reader.position())
    }

    /// Offset and reason of the damage that ended the reading, once met.
    #[getter]
    fn fault(&self, py: Python<'_>) -> Option<(u64, String)> {
        read(py, &self.progress, |progress| {
            progress
                .fault
                .as_ref()
                .map(|fault| (fault.offset, fault.reason.to_string()))
        })
    }

    /// Whether the end, or a fault, has been met.
    #[getter]
    fn exhausted(&self, py: Python<'_>) -> bool {
        read(py, &self.progress, |progress| progress.reader.ended())
    }

    /// First and last time in nanoseconds and the number of records; None without records.
    fn span(&self, py: Python<'_>) -> Result<Option<(i64, i64, u64)>, Error> {
        let span = self.uninterrupted(watched(py, |watch| self.file.span(watch)))?;
        Ok(span.map(|span| (span.first_ns, span.last_ns, span.records)))
    }

    /// Walks over all records as an observer would, without looking into them, and counts them.
    fn walk(&self, py: Python<'_>) -> Result<u64, Error> {
        self.uninterrupted(watched(py, |watch| {
            let mut reader = self.file.reader();
            let mut records = 0;
            loop {
                let lent = reader.lend(RECORDS_BETWEEN_LOOKS, |frame| {
                    black_box(frame);
                    records += 1;
                    true
                });
                match lent {
                    Ok(Lent::Limit) if watch() => {}
                    Ok(Lent::Limit) => return Err(OpenError::Stopped),
                    Ok(_) | Err(_) => break,
                }
            }
            Ok(records)
        }))
    }
}

impl Capture {
    fn uninterrupted<T>(&self, result: Result<T, Interruption>) -> Result<T, Error> {
        result.map_err(|interruption| match interruption {
            Interruption::Signal(raised) => Error::Signal(raised),
            Interruption::Failed(source) => Error::Open {
                path: self.path.clone(),
                source,
            },
        })
    }
}

/// Why long work did not come to its end.
enum Interruption {
    Signal(PyErr),
    Failed(OpenError),
}

/// Does long work without the interpreter, looking for signals when the work asks.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method itself is bound to one lifetime, where any is needed"
)]
fn watched<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(teiten_capture::Watch<'_>) -> Result<T, OpenError> + Send,
) -> Result<T, Interruption> {
    py.detach(|| {
        let mut raised = None;
        let result = work(&mut || match Python::attach(|py| py.check_signals()) {
            Ok(()) => true,
            Err(error) => {
                raised = Some(error);
                false
            }
        });
        match raised {
            Some(raised) => Err(Interruption::Signal(raised)),
            None => result.map_err(Interruption::Failed),
        }
    })
}
