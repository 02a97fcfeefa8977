//! Sums over captures, where no tuples are asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use teiten_core::Network;

use crate::capture::Capture;
use crate::errors::Error;
use crate::lock::{lock, read};
use crate::rules::Rules;

/// Counts packets by key, class and tool.
#[pyclass(frozen, module = "teiten_agent._core")]
pub(crate) struct Sums {
    core: Mutex<teiten_core::Sums>,
    threads: usize,
}

#[pymethods]
impl Sums {
    #[new]
    #[pyo3(signature = (monitored = Vec::new(), *, threads = 1, seed = 0, rules = None))]
    #[pyo3(text_signature = "(monitored=(), *, threads=1, seed=0, rules=None)")]
    fn new(
        monitored: Vec<String>,
        threads: usize,
        seed: u64,
        rules: Option<&Bound<'_, Rules>>,
    ) -> Result<Self, Error> {
        if threads == 0 {
            return Err(Error::Argument("threads is 0; it takes at least 1"));
        }
        let monitored: Vec<Network> = monitored
            .into_iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()?;
        let rules = rules.map(|rules| Arc::clone(&rules.get().book));
        Ok(Self {
            core: Mutex::new(teiten_core::Sums::new(&monitored, rules, seed)),
            threads,
        })
    }

    /// Counts the packets that begin in the next `length` bytes of a capture.
    #[pyo3(signature = (capture, length = 67_108_864))]
    fn advance(
        &self,
        py: Python<'_>,
        capture: &Bound<'_, Capture>,
        length: usize,
    ) -> Result<(), Error> {
        if length == 0 {
            return Err(Error::Argument(
                "length is 0; with at least 1 byte a call the work goes on",
            ));
        }
        let capture = capture.get();
        py.detach(|| {
            let mut progress = lock(&capture.progress);
            let mut core = lock(&self.core);
            if let Err(fault) = progress.reader.count_span(&mut core, self.threads, length) {
                progress.fault = Some(fault);
            }
        });
        Ok(())
    }

    /// What became of every record; a new dictionary each time.
    #[getter]
    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counters = read(py, &self.core, teiten_core::Sums::counters);
        let dictionary = PyDict::new(py);
        dictionary.set_item("packets", counters.packets)?;
        dictionary.set_item("bytes", counters.bytes)?;
        dictionary.set_item("counted", counters.counted)?;
        dictionary.set_item("not_monitored", counters.not_monitored)?;
        for (reason, packets) in counters.malformed() {
            dictionary.set_item(format!("malformed.{reason}"), packets)?;
        }
        Ok(dictionary)
    }

    /// Packets and bytes by key text.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dictionary = PyDict::new(py);
        for (key, totals) in read(py, &self.core, teiten_core::Sums::keys) {
            dictionary.set_item(key, (totals.packets, totals.bytes))?;
        }
        Ok(dictionary)
    }

    /// Packets by name of class.
    fn classes(&self, py: Python<'_>) -> BTreeMap<&'static str, u64> {
        read(py, &self.core, teiten_core::Sums::classes)
    }

    /// Packets by name of tool.
    fn tools(&self, py: Python<'_>) -> BTreeMap<&'static str, u64> {
        read(py, &self.core, teiten_core::Sums::tools)
    }

    /// Detections by number of the signature.
    fn signatures(&self, py: Python<'_>) -> BTreeMap<u32, u64> {
        py.detach(|| lock(&self.core).signatures())
    }
}
