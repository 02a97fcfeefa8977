//! Live capture: the ring of an interface.

use std::sync::Mutex;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use teiten_capture::live::{self, Filter, Settings};

use crate::errors::Error;
use crate::lock::lock;

/// The ring of an interface that is captured from.
#[pyclass(frozen, module = "teiten_agent._core")]
pub(crate) struct Ring {
    pub(crate) ring: Mutex<live::Ring>,
}

#[pymethods]
impl Ring {
    #[new]
    #[pyo3(signature = (interface, *, ring_megabytes = 4, promiscuous = false, program = Vec::new(), fanout_group = None))]
    #[pyo3(
        text_signature = "(interface, *, ring_megabytes=4, promiscuous=False, program=(), fanout_group=None)"
    )]
    fn new(
        interface: String,
        ring_megabytes: u32,
        promiscuous: bool,
        program: Vec<live::Instruction>,
        fanout_group: Option<u16>,
    ) -> Result<Self, Error> {
        let filter = match program.len() {
            0 => None,
            _ => Some(Filter::new(program)?),
        };
        let settings = Settings {
            interface,
            ring_megabytes,
            promiscuous,
            filter,
            fanout_group,
        };
        Ok(Self {
            ring: Mutex::new(live::Ring::open(&settings)?),
        })
    }

    /// Waits until there are packets to observe; whether there are.
    fn wait(&self, py: Python<'_>, milliseconds: u32) -> Result<bool, Error> {
        let patience = Duration::from_millis(milliseconds.into());
        Ok(py.detach(|| lock(&self.ring).wait(patience))?)
    }

    /// Lets no more packets in; those inside can still be observed.
    fn seal(&self, py: Python<'_>) -> Result<(), Error> {
        Ok(py.detach(|| lock(&self.ring).seal())?)
    }

    /// What the kernel and the ring counted since the last call.
    fn counters<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let counted = py.detach(|| lock(&self.ring).counters())?;
        let dictionary = PyDict::new(py);
        for (name, count) in [
            ("received", counted.received),
            ("dropped", counted.dropped),
            ("freezes", counted.freezes),
            ("read", counted.read),
            ("outgoing", counted.outgoing),
            ("unreadable", counted.unreadable),
            ("tagged", counted.tagged),
        ] {
            dictionary.set_item(name, count)?;
        }
        Ok(dictionary)
    }
}
