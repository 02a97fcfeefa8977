//! Observers: captures in, intervals out.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Mutex;

use pyo3::prelude::*;
use teiten_core::{Network, Settings, Stop};

use crate::capture::Capture;
use crate::errors::Error;
use crate::interval::{Folded, Interval};
use crate::lock::lock;

/// Counts the packets of captures into intervals.
#[pyclass(frozen, module = "teiten_agent._core")]
pub(crate) struct Observer {
    core: Mutex<teiten_core::Observer>,
}

#[pymethods]
impl Observer {
    #[new]
    #[pyo3(signature = (
        monitored = Vec::new(), *, interval_seconds = 60, table_megabytes = 16, max_rows = 1_048_576, span = None,
        seed = None
    ))]
    #[pyo3(
        text_signature = "(monitored=(), *, interval_seconds=60, table_megabytes=16, max_rows=1048576, span=None, \
                             seed=None)"
    )]
    fn new(
        monitored: Vec<String>,
        interval_seconds: u32,
        table_megabytes: u32,
        max_rows: u32,
        span: Option<(i64, i64)>,
        seed: Option<u64>,
    ) -> Result<Self, Error> {
        let monitored = monitored
            .into_iter()
            .map(|text| text.parse::<Network>())
            .collect::<Result<_, _>>()?;
        let seed = seed.unwrap_or_else(secret);
        let settings = Settings {
            monitored,
            interval_seconds,
            table_megabytes,
            max_rows,
            span,
            seed,
        };
        Ok(Self {
            core: Mutex::new(teiten_core::Observer::new(&settings)?),
        })
    }

    /// Observes packets of `capture` until an interval closes, which is returned; None at the limit or the end.
    #[pyo3(signature = (capture, limit = 4_194_304))]
    fn advance(
        &self,
        py: Python<'_>,
        capture: &Bound<'_, Capture>,
        limit: u64,
    ) -> PyResult<Option<Interval>> {
        if limit == 0 {
            return Err(Error::Argument(
                "limit is 0; with at least 1 packet a call the work goes on",
            )
            .into());
        }
        let capture = capture.get();
        let closed = py.detach(|| {
            let mut core = lock(&self.core);
            let mut progress = lock(&capture.progress);
            match core.observe_all(&mut progress.reader, limit) {
                Ok(Stop::Interval(interval)) => Some(Folded::from(*interval)),
                Ok(Stop::Limit | Stop::Exhausted) => None,
                Err(fault) => {
                    progress.fault = Some(fault);
                    None
                }
            }
        });
        closed.map(|folded| Interval::new(py, folded)).transpose()
    }

    /// Closes the open interval.
    fn finish(&self, py: Python<'_>) -> PyResult<Option<Interval>> {
        let closed = py.detach(|| lock(&self.core).finish().map(Folded::from));
        closed.map(|folded| Interval::new(py, folded)).transpose()
    }
}

/// A number nobody outside can know, from the keys the system gives to hash maps.
fn secret() -> u64 {
    RandomState::new().build_hasher().finish()
}
