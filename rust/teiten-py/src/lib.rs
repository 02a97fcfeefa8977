//! The private extension module `teiten_agent._core`: a table of contents.
//!
//! Python sees captures, rings, observers and intervals, never packets. Every class is frozen; what changes lies behind a lock
//! inside, and the interpreter is released while the core works. `_core.pyi` is the public description.

mod buffer;
mod capture;
mod errors;
mod interval;
#[cfg(target_os = "linux")]
mod live;
mod lock;
mod observer;
mod rules;
mod sums;

use pyo3::prelude::*;

#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::buffer::PacketBuffer;
    #[pymodule_export]
    use crate::capture::Capture;
    #[pymodule_export]
    use crate::errors::CaptureError;
    #[pymodule_export]
    use crate::interval::{Columns, Detections, Examples, Interval, Quoted, Sketches};
    #[cfg(target_os = "linux")]
    #[pymodule_export]
    use crate::live::Ring;
    #[pymodule_export]
    use crate::observer::Observer;
    #[pymodule_export]
    use crate::rules::{RuleDiagnostic, Rules, Signature};
    #[pymodule_export]
    use crate::sums::Sums;

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name Python gives to versions")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    const BUILD_PROFILE: &str = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
}
