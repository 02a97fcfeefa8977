"""Enrolment codes: one use, an end, and nothing of them in the store that could be used."""

from __future__ import annotations

import pytest

from teiten_collector.store import Enrolled, Objection, RegistryError, Store
from teiten_protocol.enrolment import Enrolment, new_code, new_token

HOUR = 3600 * 1_000_000_000


@pytest.fixture
def sensor(store: Store) -> str:
    store.registry.add("tokyo-01", ["198.51.100.0/28"], now_ns=0)
    store.registry.add("osaka-01", ["203.0.113.0/28"], now_ns=0)
    return "tokyo-01"


def test_a_code_lets_in_by_the_token_that_the_sensor_brings(store: Store, sensor: str) -> None:
    code, ends = store.enrolments.issue(sensor, now_ns=0, lifetime_ns=HOUR)
    token = new_token()
    assert ends == HOUR
    assert store.enrolments.redeem(Enrolment(sensor, code, token), now_ns=1) == Enrolled(sensor, repeat=False)
    known = store.registry.authenticate(token, now_ns=2)
    assert known is not None
    assert known.id == sensor


def test_an_answer_that_was_lost_may_be_asked_for_again_even_after_the_end(store: Store, sensor: str) -> None:
    code, _ = store.enrolments.issue(sensor, now_ns=0, lifetime_ns=HOUR)
    enrolment = Enrolment(sensor, code, new_token())
    store.enrolments.redeem(enrolment, now_ns=1)
    assert store.enrolments.redeem(enrolment, now_ns=2 * HOUR) == Enrolled(sensor, repeat=True)


def test_a_code_is_used_once(store: Store, sensor: str) -> None:
    code, _ = store.enrolments.issue(sensor)
    store.enrolments.redeem(Enrolment(sensor, code, new_token()))
    thief = new_token()
    assert store.enrolments.redeem(Enrolment(sensor, code, thief)) is Objection.USED
    assert store.registry.authenticate(thief) is None


def test_a_code_ends(store: Store, sensor: str) -> None:
    code, _ = store.enrolments.issue(sensor, now_ns=0, lifetime_ns=HOUR)
    assert store.enrolments.redeem(Enrolment(sensor, code, new_token()), now_ns=HOUR) is Objection.EXPIRED


def test_a_code_is_of_one_sensor_and_stays_good_when_another_tries_it(store: Store, sensor: str) -> None:
    code, _ = store.enrolments.issue(sensor)
    assert store.enrolments.redeem(Enrolment("osaka-01", code, new_token())) is Objection.OTHER_SENSOR
    assert store.enrolments.redeem(Enrolment(sensor, code, new_token())) == Enrolled(sensor, repeat=False)


def test_another_code_replaces_the_one_before(store: Store, sensor: str) -> None:
    first, _ = store.enrolments.issue(sensor)
    store.enrolments.issue(sensor)
    assert store.enrolments.redeem(Enrolment(sensor, first, new_token())) is Objection.UNKNOWN


def test_a_guess_with_the_right_id_is_refused(store: Store, sensor: str) -> None:
    code, _ = store.enrolments.issue(sensor)
    guess = code[: -len("A" * 22)] + new_code()[-22:]
    assert store.enrolments.redeem(Enrolment(sensor, guess, new_token())) is Objection.UNKNOWN


def test_disabling_a_sensor_ends_its_code_and_a_later_one_lets_it_in_again(store: Store, sensor: str) -> None:
    code, _ = store.enrolments.issue(sensor)
    store.registry.disable(sensor)
    assert store.enrolments.redeem(Enrolment(sensor, code, new_token())) is Objection.UNKNOWN
    code, _ = store.enrolments.issue(sensor)
    token = new_token()
    store.enrolments.redeem(Enrolment(sensor, code, token))
    assert store.registry.authenticate(token) is not None


def test_a_token_that_is_in_use_is_no_new_one(store: Store, sensor: str) -> None:
    token = store.registry.rotate("osaka-01")
    code, _ = store.enrolments.issue(sensor)
    assert store.enrolments.redeem(Enrolment(sensor, code, token)) is Objection.TOKEN_TAKEN


def test_tokens_before_an_enrolment_hold_for_a_day_more(store: Store, sensor: str) -> None:
    old = store.registry.rotate(sensor, now_ns=0, overlap_ns=0)
    code, _ = store.enrolments.issue(sensor, now_ns=0)
    store.enrolments.redeem(Enrolment(sensor, code, new_token()), now_ns=0)
    assert store.registry.authenticate(old, now_ns=23 * HOUR) is not None
    assert store.registry.authenticate(old, now_ns=24 * HOUR) is None


def test_neither_code_nor_token_stands_in_the_store(store: Store, sensor: str) -> None:
    code, _ = store.enrolments.issue(sensor)
    token = new_token()
    store.enrolments.redeem(Enrolment(sensor, code, token))
    store.close()
    for secret in (code[-22:].encode(), token[-43:].encode()):
        assert [
            path for path in store.directory.rglob("*") if path.is_file() and secret in path.read_bytes()
        ] == []


def test_only_a_registered_sensor_gets_a_code(store: Store) -> None:
    with pytest.raises(RegistryError, match="no sensor kyoto-01 is registered"):
        store.enrolments.issue("kyoto-01")
