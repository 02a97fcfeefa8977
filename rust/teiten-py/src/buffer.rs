//! Packets that pcapy-ng copied.

use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use teiten_capture::BufferReader;
use teiten_core::LinkType;

use crate::lock::read;

/// Packets in a buffer, and how far they have been observed.
#[pyclass(frozen, module = "teiten_agent._core")]
pub(crate) struct PacketBuffer {
    packets: Py<PyBytes>,
    records: Py<PyBytes>,
    link: LinkType,
    /// Number of the next record.
    pub(crate) position: Mutex<usize>,
}

#[pymethods]
impl PacketBuffer {
    #[new]
    fn new(packets: Py<PyBytes>, records: Py<PyBytes>, linktype: u32) -> Self {
        Self {
            packets,
            records,
            link: LinkType::from_number(linktype),
            position: Mutex::new(0),
        }
    }

    /// How many records have not been observed.
    #[getter]
    fn remaining(&self, py: Python<'_>) -> usize {
        let records = self.records.as_bytes(py).len() / BufferReader::RECORD_BYTES;
        records - read(py, &self.position, |position| records.min(*position))
    }
}

impl PacketBuffer {
    /// A reader of the whole buffer, from its first record.
    pub(crate) fn reader<'a>(&'a self, py: Python<'a>) -> BufferReader<'a> {
        BufferReader::new(
            self.packets.as_bytes(py),
            self.records.as_bytes(py),
            self.link,
        )
    }
}
