//! The errors of the binding, and the one place where they become Python exceptions.

use std::io;
use std::path::{Path, PathBuf};

use pyo3::create_exception;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;
use teiten_capture::OpenError;
#[cfg(target_os = "linux")]
use teiten_capture::live::LiveError;
use teiten_core::{Fault, NetworkError, SettingsError};

create_exception!(
    teiten_agent._core,
    CaptureError,
    PyValueError,
    "A file cannot be used as a capture: it is something else, or damaged.\n\n\
     `path` is the file, `offset` where in the (expanded) file the damage lies if that is known, `reason` what is\n\
     wrong with it. A file that the system refuses raises `OSError` instead."
);

/// Whatever can go wrong in a call from Python.
pub(crate) enum Error {
    Open {
        path: PathBuf,
        source: OpenError,
    },
    Network(NetworkError),
    Settings(SettingsError),
    Argument(&'static str),
    /// The rules together are more than the engine holds.
    Rules(String),
    #[cfg(target_os = "linux")]
    Live(LiveError),
    /// A packet buffer is damaged.
    Buffer(Fault),
    /// Python raised: a signal's handler, or a conversion.
    Signal(PyErr),
}

impl From<PyErr> for Error {
    fn from(raised: PyErr) -> Self {
        Self::Signal(raised)
    }
}

#[cfg(target_os = "linux")]
impl From<LiveError> for Error {
    fn from(error: LiveError) -> Self {
        Self::Live(error)
    }
}

impl From<NetworkError> for Error {
    fn from(error: NetworkError) -> Self {
        Self::Network(error)
    }
}

impl From<SettingsError> for Error {
    fn from(error: SettingsError) -> Self {
        Self::Settings(error)
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Open {
                path,
                source: OpenError::Io(source),
            } => system_error(&source, None, path),
            Error::Open {
                source: error @ OpenError::Temporary { .. },
                ..
            } => temporary_error(&error),
            Error::Open { path, source } => Python::attach(|py| {
                capture_error(py, &path, &source).unwrap_or_else(|while_raising| while_raising)
            }),
            Error::Network(error) => PyValueError::new_err(error.to_string()),
            Error::Settings(error) => PyValueError::new_err(error.to_string()),
            Error::Argument(reason) => PyValueError::new_err(reason),
            Error::Rules(reason) => PyValueError::new_err(reason),
            #[cfg(target_os = "linux")]
            Error::Live(error) => live_error(&error),
            Error::Buffer(fault) => PyValueError::new_err(fault.to_string()),
            Error::Signal(raised) => raised,
        }
    }
}

fn capture_error(py: Python<'_>, path: &Path, source: &OpenError) -> PyResult<PyErr> {
    let offset = match source {
        OpenError::Damaged(fault) => Some(fault.offset),
        OpenError::HeaderCut { there, .. } => Some(*there as u64),
        _ => None,
    };
    let reason = source.to_string();
    let error = CaptureError::new_err(format!("{}: {reason}", path.display()));
    let value = error.value(py);
    value.setattr("path", path.as_os_str())?;
    value.setattr("offset", offset)?;
    value.setattr("reason", PyString::new(py, &reason))?;
    Ok(error)
}

/// The subclass of `OSError` that belongs to the error's number, with `filename` set.
fn system_error(source: &io::Error, said: Option<String>, filename: PathBuf) -> PyErr {
    let said = said.unwrap_or_else(|| {
        let said = source.to_string();
        // Python prints the number itself.
        said.split(" (os error").next().unwrap_or(&said).to_owned()
    });
    match source.raw_os_error() {
        Some(number) => PyOSError::new_err((number, said, filename.into_os_string())),
        None => PyOSError::new_err(format!("{said}: {}", filename.display())),
    }
}

fn temporary_error(error: &OpenError) -> PyErr {
    match error {
        OpenError::Temporary { directory, source } => {
            system_error(source, Some(error.to_string()), directory.clone())
        }
        other => PyOSError::new_err(other.to_string()),
    }
}

/// The subclass of `OSError` for what the system says, `ValueError` for an argument out of bounds.
#[cfg(target_os = "linux")]
fn live_error(error: &LiveError) -> PyErr {
    let said = error.to_string();
    match error {
        LiveError::System { error, .. } => {
            let said = said.split(" (os error").next().unwrap_or(&said).to_owned();
            PyOSError::new_err((error.raw_os_error(), said))
        }
        LiveError::NoInterface(_) => PyOSError::new_err((NO_SUCH_DEVICE, said)),
        LiveError::LinkType(_) | LiveError::Filter(_) | LiveError::Megabytes(_) => {
            PyValueError::new_err(said)
        }
    }
}

/// `ENODEV` of `asm-generic/errno-base.h`.
#[cfg(target_os = "linux")]
const NO_SUCH_DEVICE: i32 = 19;
