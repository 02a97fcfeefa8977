"""The configuration: one schema that checks, samples, shows and documents it.

`model` holds the options themselves; `kinds` what a value may be; `load` reads a file; `render` writes the
sample, what is in force, the JSON Schema and the reference page from the same metadata.
"""

from teiten_agent.config.load import DEFAULT_PATH, load, parse
from teiten_agent.config.model import (
    Capture,
    Configuration,
    Interval,
    Limits,
    Log,
    Metrics,
    Rules,
    Sensor,
    Spool,
    Uplink,
)

__all__ = [
    "DEFAULT_PATH",
    "Capture",
    "Configuration",
    "Interval",
    "Limits",
    "Log",
    "Metrics",
    "Rules",
    "Sensor",
    "Spool",
    "Uplink",
    "load",
    "parse",
]
