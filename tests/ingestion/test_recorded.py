"""Batches of every version that was ever sent are read, stored and reported as they were at first."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from teiten_protocol import SUPPORTED_VERSIONS, decode, encode, expand
from tests.ingestion.recorded import FOLDER, SUMS, Meaning, meaning, recordings

if TYPE_CHECKING:
    from pathlib import Path

RECORDINGS = list(recordings())


@pytest.mark.parametrize(("body", "expected"), RECORDINGS, ids=[body.stem for body, _ in RECORDINGS])
def test_a_recorded_batch_is_read_stored_and_reported_as_at_first(
    tmp_path: Path, body: Path, expected: Path
) -> None:
    assert meaning(body, tmp_path / "collector") == Meaning.read(expected)


WRITTEN = [(body, expected) for body, expected in RECORDINGS if int(body.parent.name) in SUPPORTED_VERSIONS]


@pytest.mark.parametrize(("body", "expected"), WRITTEN, ids=[body.stem for body, _ in WRITTEN])
def test_a_recorded_batch_of_a_version_that_is_spoken_is_written_the_same_again(
    body: Path, expected: Path
) -> None:
    content = expand(body.read_bytes())
    assert encode(decode(content)) == content
    assert hashlib.sha256(content).hexdigest() == Meaning.read(expected).sha256


def test_every_supported_version_was_recorded() -> None:
    assert {path.parent.name for path, _ in RECORDINGS} >= {str(version) for version in SUPPORTED_VERSIONS}


def test_together_they_bring_rows_to_every_table_and_merged_sources() -> None:
    meanings = [Meaning.read(expected) for _, expected in RECORDINGS]
    for table in meanings[0].rows:
        assert any(one.rows[table] for one in meanings), table
    assert any(decode(expand(body.read_bytes())).merged_ipv4.rows for body, _ in RECORDINGS)


def test_no_recorded_file_was_ever_changed() -> None:
    present = {
        str(path.relative_to(FOLDER)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in FOLDER.glob("*/*")
    }
    lines = (line.split("  ") for line in SUMS.read_text(encoding="ascii").splitlines())
    kept = {name: digest for digest, name in lines}
    assert present == kept
