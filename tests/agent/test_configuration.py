"""The configuration: mistakes are named with their place and what is allowed; one schema has all faces."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_agent import config
from teiten_agent.config.model import SECTIONS
from teiten_agent.config.render import Language, in_force, json_schema, reference, sample, toml_value
from teiten_agent.errors import ConfigurationError
from tests.agent.agent import Agent, run

ROOT = Path(__file__).resolve().parents[2]
GOOD = '[sensor]\nid = "tokyo-01"\nmonitored = ["192.0.2.0/24"]\n'
ID, MONITORED = 'id = "tokyo-01"', 'monitored = ["192.0.2.0/24"]'

MISTAKES = [
    (
        "an unknown key near a known one",
        '[uplink]\ncolector = ""',
        "uplink.colector: no such key; did you mean collector?",
    ),
    (
        "an unknown key near none",
        "[uplink]\nzzz = 1",
        "uplink.zzz: no such key; known are collector, token_file, ca_file",
    ),
    ("an unknown table", "[uplnk]", "uplnk: no such table; did you mean uplink?"),
    (
        "a wrong type",
        '[interval]\nseconds = "60"',
        "interval.seconds: is a string; must be an integer from 1 to 86400",
    ),
    (
        "a boolean for an integer",
        "[interval]\nseconds = true",
        "interval.seconds: is a boolean; must be an integer",
    ),
    (
        "a float for an integer",
        "[interval]\nseconds = 60.0",
        "interval.seconds: is a float; must be an integer",
    ),
    ("too small", "[interval]\nseconds = 0", "interval.seconds: is 0; must be an integer from 1 to 86400"),
    (
        "too large",
        "[spool]\nmax_megabytes = 10000000",
        "spool.max_megabytes: is 10000000; must be an integer from 1",
    ),
    (
        "plain http",
        '[uplink]\ncollector = "http://192.0.2.9"',
        "uplink.collector: is 'http://192.0.2.9': plain http would",
    ),
    (
        "a URL without scheme",
        '[uplink]\ncollector = "collector:8443"',
        "uplink.collector: is 'collector:8443'; must be",
    ),
    (
        "a port that is none",
        '[uplink]\ncollector = "https://a:99999"',
        "uplink.collector: is 'https://a:99999' (Port out of",
    ),
    (
        "a password in the URL",
        '[uplink]\ncollector = "https://u:p@a"',
        "uplink.collector: is 'https://u:p@a': a user, a",
    ),
    (
        "a rule file that is no path",
        '[rules]\nfiles = [""]',
        "rules.files: has an element (number 1) that is empty; must be an array",
    ),
    ("a path that is empty", '[spool]\ndirectory = ""', "spool.directory: is empty; must be a path"),
]


def complaint(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        config.parse(text.encode(), "agent.toml")
    return caught.value.what


@pytest.mark.parametrize(("text", "said"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(text: str, said: str) -> None:
    assert f"agent.toml: {said}" in complaint(f"{GOOD}{text}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"seconds = 60\n{GOOD}", "agent.toml: seconds: no such table"),
        (f"interval = 60\n{GOOD}", "agent.toml: interval: is an integer; must be a table"),
        (f"[sensor]\n{MONITORED}", "agent.toml: sensor.id: missing; must be 1 to 63 of a-z"),
        (f"[sensor]\n{ID}", "agent.toml: sensor.monitored: missing; must be an array"),
        (f'[sensor]\nid = "Tokyo 01"\n{MONITORED}', "agent.toml: sensor.id: is 'Tokyo 01'; must be 1 to 63"),
        (f"[sensor]\n{ID}\nmonitored = []", "agent.toml: sensor.monitored: has 0 elements; must be"),
        (
            f"[sensor]\n{ID}\nmonitored = [7]",
            "agent.toml: sensor.monitored: has an element (number 1) that is an integer",
        ),
        (f'[sensor]\n{ID}\nmonitored = ["192.0.2.1/24"]', 'did you mean "192.0.2.0/24"?'),
        ("[sensor", "agent.toml: is not TOML: "),
        ("a = " + "[" * 5000, "agent.toml: is not TOML: "),
        ("", "agent.toml: sensor.id: missing"),
    ],
)
def test_a_mistake_of_the_whole_file_is_named(text: str, said: str) -> None:
    assert said in complaint(text)


def test_all_mistakes_are_named_in_one_go() -> None:
    said = complaint('[sensor]\nid = "A"\n[spol]\n[interval]\nseconds = 0\nsecond = 1\n')
    assert [line.split(": ")[1] for line in said.splitlines()] == [
        "spol",
        "sensor.id",
        "sensor.monitored",
        "interval.second",
        "interval.seconds",
    ]


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="byte 2 is not UTF-8"):
        config.parse(b"# \xff", "agent.toml")


def test_a_missing_file_ends_with_78_and_the_way_to_begin(tmp_path: Path) -> None:
    done = run("config", "show", "--config", tmp_path / "none.toml", expect=78)
    assert "none.toml: cannot be read: No such file" in done.stderr
    assert "config sample" in done.stderr


def test_relative_paths_count_from_the_file(agent: Agent) -> None:
    assert agent.configuration.spool.directory == str(agent.spool)
    assert agent.configuration.uplink.ca_file == ""


@pytest.mark.parametrize(
    "url", ["http://localhost:8080", "http://127.8.9.1", "http://[::1]:1", "https://a.example/base/"]
)
def test_a_collector_on_loopback_or_behind_tls_is_taken(url: str) -> None:
    assert config.parse(f'{GOOD}[uplink]\ncollector = "{url}"'.encode(), "a").uplink.collector == url.rstrip(
        "/"
    )


@pytest.mark.parametrize("language", list(Language))
def test_the_sample_is_a_configuration_with_every_key(language: Language) -> None:
    text = sample(language)
    configuration = config.parse(text.encode(), "/etc/teiten/agent.toml")
    assert configuration.sensor.id == "tokyo-01"
    for name, section in SECTIONS.items():
        assert f"[{name}]" in text
        for field in dataclasses.fields(section):
            assert f"\n{field.name} = " in text


def test_what_is_shown_loads_to_the_same(agent: Agent) -> None:
    configuration = agent.configuration
    assert config.parse(in_force(configuration).encode(), "/elsewhere/agent.toml") == configuration
    assert agent.run("config", "show").stdout == in_force(configuration)
    assert agent.document("config", "show")["interval"] == {"seconds": 3600}


def test_the_schema_knows_every_key_and_no_other() -> None:
    schema: Any = json_schema()
    assert json.loads(run("config", "schema").stdout) == schema
    assert schema["required"] == ["sensor"]
    for name, section in SECTIONS.items():
        table = schema["properties"][name]
        assert list(table["properties"]) == [field.name for field in dataclasses.fields(section)]
        assert table["additionalProperties"] is False


def test_the_reference_page_is_up_to_date() -> None:
    page = ROOT / "docs" / "reference" / "agent-configuration.md"
    assert page.read_text(encoding="utf-8") == reference(), (
        f"write it anew: python -m teiten_agent.config.render > {page.relative_to(ROOT)}"
    )


KEYS = sorted({field.name for section in SECTIONS.values() for field in dataclasses.fields(section)})
VALUES = st.recursive(
    st.one_of(
        st.text().map(toml_value),
        st.integers().map(str),
        st.floats().map(repr),
        st.booleans().map(lambda value: str(value).lower()),
        st.datetimes().map(lambda value: value.isoformat()),
        st.sampled_from(
            ['"https://["', '"http://[::1"', '"https://a:b"', '"fe80::1%eth0/64"', '"1.2.3.4/255.0.0.255"']
        ),
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
    max_leaves=5,
)
LINES = st.one_of(
    st.sampled_from([f"[{name}]" for name in (*SECTIONS, "other")]),
    st.builds(lambda key, value: f"{key} = {value}", st.sampled_from([*KEYS, "other"]), VALUES),
)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(LINES, max_size=12).map(lambda lines: "\n".join(lines).encode("utf-8", "replace")),
    )
)
def test_any_bytes_give_a_configuration_or_a_configuration_error(content: bytes) -> None:
    try:
        configuration = config.parse(content, "agent.toml")
    except ConfigurationError as error:
        said = error.what
    else:
        again = config.parse(in_force(configuration).encode(), "agent.toml")
        said = "agent.toml: good" if again == configuration else "not the same"
    assert said.startswith("agent.toml: ")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_written_as_toml_reads_it(text: str) -> None:
    assert config.parse(
        f"{GOOD}[capture]\nfilter = {toml_value(text[:4096].replace(chr(0), ''))}".encode(), "a"
    ).capture.filter == text[:4096].replace(chr(0), "")
