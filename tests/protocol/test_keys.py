"""Keys are read and written in one form only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_protocol import Form, KeyTextError, key_text, parse_key
from tests.protocol.batches import values


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (Form.TCP, 445, "445/TCP"),
        (Form.UDP, 53, "53/UDP"),
        (Form.ICMP, 8, "8/ICMP"),
        (Form.ICMPV6, 128, "128/ICMPv6"),
        (Form.IP, 47, "47/IP"),
        (Form.FRAGMENT, 17, "frag/UDP"),
        (Form.FRAGMENT, 58, "frag/ICMPv6"),
        (Form.CUT, 6, "?/TCP"),
    ],
)
def test_keys_have_the_texts_of_the_design(form: Form, value: int, text: str) -> None:
    assert key_text(form, value) == text
    assert parse_key(text) == (form, value)


@given(st.sampled_from(Form).flatmap(lambda form: st.tuples(st.just(form), values(form))))
def test_every_key_survives_writing_and_reading(key: tuple[Form, int]) -> None:
    assert parse_key(key_text(*key)) == key


@given(st.text())
def test_any_text_is_the_one_text_of_a_key_or_refused(text: str) -> None:
    try:
        key = parse_key(text)
    except KeyTextError:
        return
    assert key_text(*key) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "445",
        "445/tcp",
        "0445/TCP",
        "65536/TCP",
        "256/ICMP",
        "frag/47",
        "?/IP",
        "-1/UDP",
        "٤/TCP",
        "²/TCP",
    ],
)
def test_what_only_resembles_a_key_is_refused(text: str) -> None:
    with pytest.raises(KeyTextError):
        parse_key(text)


@pytest.mark.parametrize(("form", "value"), [(0, 1), (8, 1), (1, 65536), (3, 256), (6, 47), (7, 2), (2, -1)])
def test_values_out_of_a_forms_bounds_have_no_text(form: int, value: int) -> None:
    with pytest.raises(KeyTextError):
        key_text(form, value)
