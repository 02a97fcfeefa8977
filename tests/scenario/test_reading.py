"""Descriptions are checked, and errors name the place and the near name."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_scenario.errors import DescriptionError
from teiten_scenario.payloads import PayloadKind
from teiten_scenario.reading import parse
from teiten_scenario.world import built_in, plan

SMALL = built_in()["small"]


@pytest.mark.parametrize("name", sorted(built_in()))
def test_built_in_scenarios_are_valid(name: str) -> None:
    assert parse(built_in()[name]).name == name


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("seed = 1", "sead = 1", "sead", "did you mean 'seed'"),
        ('timezone = "Asia/Tokyo"', 'timezone = "Asia/Tokio"', "timezone", "no time zone"),
        (
            "last_day = 2024-03-03\n\n[[period]]",
            "last_day = 2024-02-03\n\n[[period]]",
            "last_day",
            "in order",
        ),
        ('id = "tokyo-01"', 'id = "Tokyo"', "sensor[0].id", "must match"),
        ('id = "osaka-01"', 'id = "tokyo-01"', "sensor", "twice"),
        ('"198.51.100.0/29"', '"198.51.100.1/29"', "sensor[0].monitored", "host bits"),
        ('"2001:db8:0:1::/64"', '"2001:db8::/48"', "sensor[0].monitored", "/64"),
        ("arp = 10", "arb = 10", "sensor[0].noise.arb", "did you mean 'arp'"),
        ('code = "JP"', 'code = "Japan"', "country[0].code", "two capital letters"),
        ("sources = 300", "sources = 0", "country[0].sources", "from 1"),
        ("{ JP = 20,", "{ XX = 20,", "mix[0].countries.XX", "no [[country]]"),
        ('key = "445/TCP"', 'key = "445/tcp"', "mix[0].traffic[0].key", "no key"),
        ("rate = 40\nleaning", "rate = -1\nleaning", "mix[0].traffic[0].rate", "number from 0"),
        ("rate = 40\nleaning", "rats = 40\nleaning", "mix[0].traffic[0].rats", "did you mean 'rate'"),
        ("{ JP = 3 }", "{ FR = 3 }", "mix[0].traffic[0].leaning.FR", "no [[country]]"),
        ("mirai = 0.4", "nmap = 0.4", "mix[0].traffic[1].tools.nmap", "zmap, masscan or mirai"),
        ("mirai = 0.4", "mirai = 0.9", "mix[0].traffic[1].tools", "more than 1"),
        ('payload = "ping"', 'payload = "pong"', "mix[0].traffic[2].payload", "must be one of"),
        ('payload = "ping"', 'payload = "slammer"', "mix[0].traffic[2].payload", "no payload of ICMP"),
        (
            'reply = "reflected"\nsource_port = 53',
            "source_port = 53",
            "mix[0].traffic[4].source_port",
            "reflected",
        ),
        (
            'reply = "reflected"\nsource_port = 53',
            'reply = "reflected"',
            "mix[0].traffic[4].source_port",
            "state it",
        ),
        ('kind = "surge"', 'kind = "serge"', "mix[0].event[0].kind", "kinds are"),
        ("daily = [6, 10]", "daily = [6, 10, 3]", "mix[0].event[0].daily", "not within"),
        ("end = 2024-03-03T09:30:00", "end = 2024-03-03T01:30:00", "mix[0].event[3].end", "after start"),
        ('source = "118.112.7.7"', 'source = "::1"', "mix[0].event[4].source", "IPv4"),
        ('groups = ["ids"]\ncountries', 'groups = ["idz"]\ncountries', "mix[1].groups", "no sensor"),
        ('key = "128/ICMPv6"', 'key = "8/ICMP"', "mix[2].traffic[1].key", "not made over IPv6"),
        ('keys = ["2967/TCP"]', 'keys = ["2967"]', "bulletin[0].keys", "no key"),
        ("[[sensor]]", "[[sensor", "the description", "no TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(old: str, new: str, place: str, words: str) -> None:
    assert old in SMALL
    with pytest.raises(DescriptionError) as caught:
        parse(SMALL.replace(old, new, 1))
    assert caught.value.place == place
    assert words in caught.value.reason


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("daily = [8]", "daily = [800]", "mix[0].countries"),
        ("{ JP = 20, CN", "{ JP = 0, CN", "mix[0].countries"),
        ('key = "8/ICMP"\nrate = 12', 'key = "8/ICMP"\nrate = 1', "mix[0].traffic[2].rate"),
        (
            "CN = { before = 70, after = 130 }, US = 30",
            "CN = { before = 1, after = 150 }, US = 99",
            "mix[0].countries.CN",
        ),
    ],
)
def test_rates_and_events_that_contradict_one_another_are_refused(old: str, new: str, place: str) -> None:
    assert old in SMALL
    text = SMALL.replace(old, new, 1)
    if "JP = 0" in new:
        text = text.replace("US = 30 }", "US = 1 }")
    with pytest.raises(DescriptionError) as caught:
        plan(parse(text))
    assert caught.value.place == place


@given(st.text(max_size=200))
def test_any_text_is_a_description_or_an_error(text: str) -> None:
    with pytest.raises(DescriptionError):
        parse(text)


@given(st.data())
def test_a_description_with_any_line_changed_is_a_description_or_an_error(data: st.DataObject) -> None:
    lines = SMALL.splitlines()
    index = data.draw(st.integers(0, len(lines) - 1))
    name, equals, _ = lines[index].partition("=")
    value = data.draw(
        st.sampled_from(["0", "-1", "1e300", "nan", '""', '"x"', "[]", "{}", "true", "2024-03-01", "[1]"])
    )
    lines[index] = f"{name}={value}" if equals else data.draw(st.text(max_size=20))
    with contextlib.suppress(DescriptionError):
        parse("\n".join(lines))


def test_the_example_of_the_how_to_is_a_world() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "scenarios.md").read_text(encoding="utf-8")
    example = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert example is not None
    world = plan(parse(example[1]))
    truth = world.truth()["periods"]["week 2"]["groups"]["access"]
    assert truth["address_days"] == 7 * 32
    assert truth["ipv4"]["keys"]["445/TCP"] == 30 * 7 * 32
    assert truth["ipv4"]["countries"] == {"CN": 55 * 7 * 32, "JP": 20 * 7 * 32}
    for name in (*PayloadKind, *built_in()):
        assert f"`{name}`" in page
