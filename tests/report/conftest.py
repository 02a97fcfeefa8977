"""A store that holds the reference's month, made once."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from teiten_collector.analysis.categories import Signatures, read_categories, read_signatures
from teiten_collector.analysis.periods import parse_period
from teiten_collector.enrich import CountryDatabase
from teiten_collector.intake import Intake
from teiten_collector.report import CountrySource, Document, Question, build_document
from teiten_collector.store import Engine, Store
from tests.report.reference_month import (
    DETECTOR,
    DETECTOR_MONITORED,
    MONITORED,
    SENSOR,
    SIGNATURE_LIST,
    country_codes,
    detection_batches,
    month_batches,
)
from tests.store.building import admit, write_mmdb

if TYPE_CHECKING:
    from pathlib import Path

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture(scope="session")
def reference_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a store with July and August 2009 in its tables."""
    directory = tmp_path_factory.mktemp("reference")
    sources = {code: int(IPv4Address("60.0.0.0")) + 256 * at for at, code in enumerate(country_codes())}
    database = write_mmdb(
        directory / "countries.mmdb",
        {f"{IPv4Address(network)}/24": {"country_code": code} for code, network in sources.items()},
    )
    store_directory = directory / "store"
    with Store.open(store_directory) as store:
        store.registry.add(SENSOR, [MONITORED], ["access"])
        store.registry.add(DETECTOR, [DETECTOR_MONITORED], ["ids"])
        for batch in (*month_batches(sources), *detection_batches(sources)):
            admit(store, batch)
        Intake(store, CountryDatabase.open(database, store_directory)).run_once()
    return store_directory


def signatures(path: Path, content: str) -> Signatures:
    """What is known of signatures: a list, and the categories of the reference."""
    path.write_text(content, encoding="utf-8")
    return read_signatures([path], read_categories())


@pytest.fixture(scope="session")
def reference_document(reference_store: Path) -> Document:
    """The report of August 2009 against July 2009."""
    period = parse_period("2009-08", TOKYO)
    with Store.open(reference_store) as store, Engine(reference_store) as engine:
        return build_document(
            engine,
            store.registry.list(),
            Question(period, period.before(), ("access",), ("ids",)),
            CountrySource("Test-Country (2026-11-01)", ""),
            signatures(reference_store / "signatures.csv", SIGNATURE_LIST),
        )
