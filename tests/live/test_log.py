"""Event lines: one a line, whatever the values hold."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from teiten_agent.log import Log


def test_an_event_is_a_line_of_keys_and_values() -> None:
    stream = io.StringIO()
    Log(stream).warning("spool_full", used=12, said='no "room" left')
    assert stream.getvalue().endswith(
        r'level=warning event=spool_full used=12 said="no \"room\" left"' + "\n"
    )
    assert stream.getvalue().startswith("time=20")


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    full = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115  # closing it fails, too
    log = Log(full)
    for _ in range(1000):
        log.info("event", said="x" * 100)
    with suppress(OSError):
        full.close()


@given(st.text())
def test_no_value_makes_a_second_line_or_a_second_key(value: str) -> None:
    stream = io.StringIO()
    Log(stream).info("event", said=value, after="this")
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert line.endswith(" after=this\n")


@given(st.text(), st.one_of(st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)))
def test_as_json_an_event_is_a_line_that_holds_an_object(said: str, number: float) -> None:
    stream = io.StringIO()
    Log(stream, as_json=True).warning("event", said=said, number=number)
    line = stream.getvalue()
    assert line.count("\n") == 1
    read = json.loads(line)
    assert read.pop("time").startswith("20")
    assert read == {"level": "warning", "event": "event", "said": said, "number": number}
