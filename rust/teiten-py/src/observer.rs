//! Observers: packets of any source in, intervals out.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use teiten_core::{Fault, FrameSource, Network, Settings, Stop};

use crate::buffer::PacketBuffer;
use crate::capture::Capture;
use crate::errors::Error;
use crate::interval::{Folded, Interval};
#[cfg(target_os = "linux")]
use crate::live::Ring;
use crate::lock::lock;
use crate::rules::Rules;

/// Counts packets into intervals.
#[pyclass(frozen, module = "teiten_agent._core")]
pub(crate) struct Observer {
    core: Mutex<teiten_core::Observer>,
}

#[pymethods]
impl Observer {
    #[allow(clippy::too_many_arguments, reason = "Python names each of them")]
    #[new]
    #[pyo3(signature = (
        monitored = Vec::new(), *, interval_seconds = 60, table_megabytes = 16, max_rows = 1_048_576, span = None,
        early_closes = 4, seed = None, rules = None, examples = false
    ))]
    #[pyo3(
        text_signature = "(monitored=(), *, interval_seconds=60, table_megabytes=16, max_rows=1048576, span=None, \
                             early_closes=4, seed=None, rules=None, examples=False)"
    )]
    #[expect(clippy::too_many_arguments, reason = "one a setting, by name")]
    fn new(
        monitored: Vec<String>,
        interval_seconds: u32,
        table_megabytes: u32,
        max_rows: u32,
        span: Option<(i64, i64)>,
        early_closes: Option<u32>,
        seed: Option<u64>,
        rules: Option<&Bound<'_, Rules>>,
        examples: bool,
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
            early_closes,
            seed,
        };
        let mut core = teiten_core::Observer::new(&settings)?;
        if examples {
            core.keep_examples();
        }
        if let Some(rules) = rules {
            core.set_rules(Arc::clone(&rules.get().book));
        }
        Ok(Self {
            core: Mutex::new(core),
        })
    }

    /// From here on packets are held against these rules.
    fn set_rules(&self, py: Python<'_>, rules: &Bound<'_, Rules>) {
        let book = Arc::clone(&rules.get().book);
        py.detach(|| lock(&self.core).set_rules(book));
    }

    /// Observes packets of `source` until an interval closes, which is returned; None at the limit or the end.
    #[pyo3(signature = (source, limit = 4_194_304, *, now_ns = None))]
    fn advance(
        &self,
        py: Python<'_>,
        source: Source<'_>,
        limit: u64,
        now_ns: Option<i64>,
    ) -> PyResult<Option<Interval>> {
        if limit == 0 {
            return Err(Error::Argument(
                "limit is 0; with at least 1 packet a call the work goes on",
            )
            .into());
        }
        let closed = match source {
            Source::Capture(capture) => {
                let capture = capture.get();
                py.detach(|| {
                    let mut progress = lock(&capture.progress);
                    let closed = self.observe(&mut progress.reader, limit, now_ns);
                    Ok(closed.unwrap_or_else(|fault| {
                        progress.fault = Some(fault);
                        None
                    }))
                })
            }
            #[cfg(target_os = "linux")]
            Source::Ring(ring) => {
                let ring = ring.get();
                py.detach(|| self.observe(&mut *lock(&ring.ring), limit, now_ns))
            }
            Source::Buffer(buffer) => {
                let buffer = buffer.get();
                let mut reader = buffer.reader(py);
                py.detach(|| {
                    let mut position = lock(&buffer.position);
                    reader.seek(*position);
                    let closed = self.observe(&mut reader, limit, now_ns);
                    *position = reader.position();
                    closed
                })
            }
        };
        interval(py, closed.map_err(Error::Buffer)?)
    }

    /// Closes the intervals that were over before `now_ns`.
    fn close_before(&self, py: Python<'_>, now_ns: i64) -> PyResult<Option<Interval>> {
        let closed = py.detach(|| lock(&self.core).close_before(now_ns).map(Folded::from));
        interval(py, closed)
    }

    /// Closes the open interval, at `now_ns` if that is given.
    #[pyo3(signature = (now_ns = None))]
    fn finish(&self, py: Python<'_>, now_ns: Option<i64>) -> PyResult<Option<Interval>> {
        let closed = py.detach(|| {
            let mut core = lock(&self.core);
            let closed = match now_ns {
                Some(now_ns) => core.finish_at(now_ns),
                None => core.finish(),
            };
            closed.map(Folded::from)
        });
        interval(py, closed)
    }
}

impl Observer {
    /// Observes frames of any source; to be called without the interpreter.
    fn observe(
        &self,
        source: &mut impl FrameSource,
        limit: u64,
        now_ns: Option<i64>,
    ) -> Result<Option<Folded>, Fault> {
        let mut core = lock(&self.core);
        if let Some(now_ns) = now_ns {
            core.set_now(now_ns);
        }
        Ok(match core.observe_all(source, limit)? {
            Stop::Interval(interval) => Some(Folded::from(*interval)),
            Stop::Limit | Stop::Exhausted => None,
        })
    }
}

/// Where packets come from.
#[derive(FromPyObject)]
enum Source<'py> {
    Capture(Bound<'py, Capture>),
    #[cfg(target_os = "linux")]
    Ring(Bound<'py, Ring>),
    Buffer(Bound<'py, PacketBuffer>),
}

fn interval(py: Python<'_>, closed: Option<Folded>) -> PyResult<Option<Interval>> {
    closed.map(|folded| Interval::new(py, folded)).transpose()
}

/// A number nobody outside can know, from the keys the system gives to hash maps.
fn secret() -> u64 {
    RandomState::new().build_hasher().finish()
}
