//! Intervals and their columns.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use teiten_core::signature::SignatureCounters;
use teiten_core::{Counters, Family, Sketch, Totals};

/// An interval of the core with its sums over keys, classes and tools: what takes a walk over the rows, done before the
/// interpreter is held again.
pub(crate) struct Folded {
    interval: teiten_core::Interval,
    keys: BTreeMap<String, Totals>,
    classes: BTreeMap<&'static str, u64>,
    tools: BTreeMap<&'static str, u64>,
}

impl From<teiten_core::Interval> for Folded {
    fn from(interval: teiten_core::Interval) -> Self {
        Self {
            keys: interval.keys(),
            classes: interval.classes(),
            tools: interval.tools(),
            interval,
        }
    }
}

/// What one span of observation gave.
#[pyclass(frozen, module = "teiten_agent._core")]
pub(crate) struct Interval {
    /// Start and end in nanoseconds since 1970-01-01 00:00 UTC, half-open.
    #[pyo3(get)]
    span: (i64, i64),
    /// Why it closed: "time", "full" or "end".
    #[pyo3(get)]
    cause: &'static str,
    /// The tuples of IPv4.
    #[pyo3(get)]
    ipv4: Py<Columns>,
    /// The tuples of IPv6.
    #[pyo3(get)]
    ipv6: Py<Columns>,
    /// What it gave up: 0 nothing, 1 its length, 2 source ports, 3 sources.
    #[pyo3(get)]
    step: u8,
    /// What ICMP errors quoted.
    #[pyo3(get)]
    quoted: Py<Quoted>,
    /// How many sources there were, where they were given up.
    #[pyo3(get)]
    sketches: Py<Sketches>,
    /// What the signatures detected.
    #[pyo3(get)]
    detections: Py<Detections>,
    /// Example payloads.
    #[pyo3(get)]
    examples: Py<Examples>,
    signatures: BTreeMap<u32, u64>,
    engine: Option<Engine>,
    counters: Counters,
    keys: BTreeMap<String, Totals>,
    classes: BTreeMap<&'static str, u64>,
    tools: BTreeMap<&'static str, u64>,
}

impl Interval {
    pub(crate) fn new(py: Python<'_>, folded: Folded) -> PyResult<Self> {
        let Folded {
            interval,
            keys,
            classes,
            tools,
        } = folded;
        Ok(Self {
            span: (interval.start_ns, interval.end_ns),
            cause: interval.cause.name(),
            ipv4: Py::new(py, Columns::new(py, interval.ipv4))?,
            ipv6: Py::new(py, Columns::new(py, interval.ipv6))?,
            step: interval.step as u8,
            quoted: Py::new(py, Quoted::new(py, interval.quoted))?,
            sketches: Py::new(py, Sketches::new(py, &interval.sketches))?,
            engine: interval.detected.engine.map(|counters| Engine {
                counters,
                overflow: interval.detected.overflow,
                examples_overflow: interval.detected.examples_overflow,
            }),
            signatures: interval.detected.signatures.into_iter().collect(),
            detections: Py::new(py, Detections::new(py, interval.detected.columns))?,
            examples: Py::new(py, Examples::new(py, interval.detected.examples))?,
            counters: interval.counters,
            keys,
            classes,
            tools,
        })
    }
}

#[pymethods]
impl Interval {
    /// What became of every record; a new dictionary each time.
    #[getter]
    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Counters {
            packets,
            bytes,
            counted,
            not_monitored,
            outside_span,
            time_backward,
            time_ahead,
            suspicious,
            suspected_forged,
            quoted_unread,
            quoted_overflow,
            ..
        } = self.counters;
        let dictionary = PyDict::new(py);
        dictionary.set_item("packets", packets)?;
        dictionary.set_item("bytes", bytes)?;
        dictionary.set_item("counted", counted)?;
        dictionary.set_item("not_monitored", not_monitored)?;
        dictionary.set_item("outside_span", outside_span)?;
        dictionary.set_item("time_backward", time_backward)?;
        dictionary.set_item("time_ahead", time_ahead)?;
        dictionary.set_item("suspicious", suspicious)?;
        dictionary.set_item("suspected_forged", suspected_forged)?;
        dictionary.set_item("quoted_unread", quoted_unread)?;
        dictionary.set_item("quoted_overflow", quoted_overflow)?;
        for (reason, packets) in self.counters.malformed() {
            dictionary.set_item(format!("malformed.{reason}"), packets)?;
        }
        for (reason, packets) in self.counters.suspects() {
            dictionary.set_item(format!("suspect.{reason}"), packets)?;
        }
        if let Some(Engine {
            counters,
            overflow,
            examples_overflow,
        }) = &self.engine
        {
            dictionary.set_item("detections_overflow", overflow)?;
            dictionary.set_item("examples_overflow", examples_overflow)?;
            dictionary.set_item("signatures.inspected", counters.inspected)?;
            dictionary.set_item("signatures.not_inspected", counters.not_inspected)?;
            dictionary.set_item("signatures.work_spent", counters.work_spent)?;
            dictionary.set_item("signatures.limits_evicted", counters.limits_evicted)?;
            dictionary.set_item("signatures.spreads_evicted", counters.spreads_evicted)?;
        }
        Ok(dictionary)
    }

    /// Detections by number of the signature.
    fn signatures(&self) -> BTreeMap<u32, u64> {
        self.signatures.clone()
    }

    /// Packets and bytes by key text.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dictionary = PyDict::new(py);
        for (key, totals) in &self.keys {
            dictionary.set_item(key, (totals.packets, totals.bytes))?;
        }
        Ok(dictionary)
    }

    /// Packets by name of class.
    fn classes(&self) -> BTreeMap<&'static str, u64> {
        self.classes.clone()
    }

    /// Packets by name of tool.
    fn tools(&self) -> BTreeMap<&'static str, u64> {
        self.tools.clone()
    }
}

/// What the engine counted of itself.
struct Engine {
    counters: SignatureCounters,
    overflow: u64,
    examples_overflow: u64,
}

/// Example payloads as columns of bytes.
#[pyclass(frozen, get_all, module = "teiten_agent._core")]
pub(crate) struct Examples {
    rows: usize,
    minute: Py<PyBytes>,
    signature: Py<PyBytes>,
    family: Py<PyBytes>,
    source: Py<PyBytes>,
    length: Py<PyBytes>,
    payload: Py<PyBytes>,
}

impl Examples {
    fn new(py: Python<'_>, columns: teiten_core::ExampleColumns) -> Self {
        let bytes = |column: Vec<u8>| PyBytes::new(py, &column).unbind();
        Self {
            rows: columns.rows,
            minute: bytes(columns.minute),
            signature: bytes(columns.signature),
            family: bytes(columns.family),
            source: bytes(columns.source),
            length: bytes(columns.length),
            payload: bytes(columns.payload),
        }
    }
}

/// Detections as columns of bytes.
#[pyclass(frozen, get_all, module = "teiten_agent._core")]
pub(crate) struct Detections {
    rows: usize,
    minute: Py<PyBytes>,
    signature: Py<PyBytes>,
    family: Py<PyBytes>,
    source: Py<PyBytes>,
    address: Py<PyBytes>,
    count: Py<PyBytes>,
}

impl Detections {
    fn new(py: Python<'_>, columns: teiten_core::DetectionColumns) -> Self {
        let bytes = |column: Vec<u8>| PyBytes::new(py, &column).unbind();
        Self {
            rows: columns.rows,
            minute: bytes(columns.minute),
            signature: bytes(columns.signature),
            family: bytes(columns.family),
            source: bytes(columns.source),
            address: bytes(columns.address),
            count: bytes(columns.count),
        }
    }
}

/// Tuples as columns of bytes.
#[pyclass(frozen, get_all, module = "teiten_agent._core")]
pub(crate) struct Columns {
    rows: usize,
    minute: Py<PyBytes>,
    source: Py<PyBytes>,
    address: Py<PyBytes>,
    form: Py<PyBytes>,
    value: Py<PyBytes>,
    source_port: Py<PyBytes>,
    flags: Py<PyBytes>,
    class_: Py<PyBytes>,
    tool: Py<PyBytes>,
    packets: Py<PyBytes>,
    bytes_: Py<PyBytes>,
}

impl Columns {
    /// Turns each column into `bytes` and frees it before the next, so that one column at most lies in memory twice.
    fn new(py: Python<'_>, columns: teiten_core::Columns) -> Self {
        let bytes = |column: Vec<u8>| PyBytes::new(py, &column).unbind();
        Self {
            rows: columns.rows,
            minute: bytes(columns.minute),
            source: bytes(columns.source),
            address: bytes(columns.address),
            form: bytes(columns.form),
            value: bytes(columns.value),
            source_port: bytes(columns.source_port),
            flags: bytes(columns.flags),
            class_: bytes(columns.class),
            tool: bytes(columns.tool),
            packets: bytes(columns.packets),
            bytes_: bytes(columns.bytes),
        }
    }
}

/// What ICMP errors quoted, as columns of bytes.
#[pyclass(frozen, get_all, module = "teiten_agent._core")]
pub(crate) struct Quoted {
    rows: usize,
    minute: Py<PyBytes>,
    family: Py<PyBytes>,
    source: Py<PyBytes>,
    address: Py<PyBytes>,
    kind: Py<PyBytes>,
    code: Py<PyBytes>,
    protocol: Py<PyBytes>,
    victim: Py<PyBytes>,
    victim_port: Py<PyBytes>,
    packets: Py<PyBytes>,
}

impl Quoted {
    fn new(py: Python<'_>, columns: teiten_core::QuotedColumns) -> Self {
        let bytes = |column: Vec<u8>| PyBytes::new(py, &column).unbind();
        Self {
            rows: columns.rows,
            minute: bytes(columns.minute),
            family: bytes(columns.family),
            source: bytes(columns.source),
            address: bytes(columns.address),
            kind: bytes(columns.kind),
            code: bytes(columns.code),
            protocol: bytes(columns.protocol),
            victim: bytes(columns.victim),
            victim_port: bytes(columns.victim_port),
            packets: bytes(columns.packets),
        }
    }
}

/// Sketches of sources, as columns of bytes.
#[pyclass(frozen, get_all, module = "teiten_agent._core")]
pub(crate) struct Sketches {
    rows: usize,
    family: Py<PyBytes>,
    form: Py<PyBytes>,
    value: Py<PyBytes>,
    registers: Py<PyBytes>,
}

impl Sketches {
    fn new(py: Python<'_>, sketches: &[Sketch]) -> Self {
        let family = |sketch: &Sketch| match sketch.family {
            Some(Family::Ipv4) => 4,
            Some(Family::Ipv6) => 6,
            None => 0,
        };
        let form = |sketch: &Sketch| sketch.key.map_or(0, |key| key.form as u8);
        let value = |sketch: &Sketch| sketch.key.map_or(0, |key| key.value).to_le_bytes();
        let bytes = |column: Vec<u8>| PyBytes::new(py, &column).unbind();
        let registers = |sketch: &Sketch| sketch.registers.to_vec();
        Self {
            rows: sketches.len(),
            family: bytes(sketches.iter().map(family).collect()),
            form: bytes(sketches.iter().map(form).collect()),
            value: bytes(sketches.iter().flat_map(value).collect()),
            registers: bytes(sketches.iter().flat_map(registers).collect()),
        }
    }
}
