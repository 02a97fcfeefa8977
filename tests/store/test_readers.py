"""Readers: a token that says who asks, and nothing in the store that could be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from teiten_collector.store import RegistryError

if TYPE_CHECKING:
    from teiten_collector.store import Store


def test_a_token_names_its_reader_until_it_is_removed(store: Store) -> None:
    token = store.readers.add("analysts", now_ns=5)
    other = store.readers.add("dashboard", now_ns=6)
    assert [(one.name, one.created_ns) for one in store.readers.list()] == [("analysts", 5), ("dashboard", 6)]
    assert store.readers.authenticate(token) == "analysts"
    store.readers.remove("analysts")
    assert store.readers.authenticate(token) is None
    assert store.readers.authenticate(other) == "dashboard"


def test_the_token_stands_nowhere_in_the_store(store: Store) -> None:
    secret = store.readers.add("analysts")[-43:].encode()
    store.close()
    assert [
        path for path in store.directory.rglob("*") if path.is_file() and secret in path.read_bytes()
    ] == []


def test_anything_but_the_token_is_refused(store: Store) -> None:
    token = store.readers.add("analysts")
    sensor = store.registry.add("tokyo-01", ["198.51.100.0/28"])
    assert store.registry.authenticate(token) is None
    for other in ("", token[:-1], token + "A", f"{token[:-43]}{'A' * 43}", f"{token}\n", f"é{token}", sensor):
        assert store.readers.authenticate(other) is None


def test_a_name_is_taken_once_and_is_of_a_form(store: Store) -> None:
    store.readers.add("analysts")
    with pytest.raises(RegistryError, match="is there already"):
        store.readers.add("analysts")
    with pytest.raises(RegistryError, match="must match"):
        store.readers.add("The Analysts")
    with pytest.raises(RegistryError, match="there is no reader nobody"):
        store.readers.remove("nobody")
