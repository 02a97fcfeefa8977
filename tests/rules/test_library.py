"""Rules are read, compiled, ordered and identified by what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teiten_agent.errors import ConfigurationError, InputError
from teiten_agent.rules import load, reload
from teiten_agent.rules.cases import detections, run
from teiten_agent.rules.lint import lint
from teiten_agent.rules.packet import packets
from teiten_agent.rules.statement import content_bytes, statements

OWN = 'alert udp any any -> any 1434 (msg:"mine"; content:"|04 01|"; startswith; sid:1000001; rev:1;)\n'
SLAMMER = 'udp 4000>1434 04 01*97 00*200 "sock" 00*4 "send" 00*66'


def rule_file(folder: Path, text: str) -> Path:
    path = folder / "own.rules"
    path.write_text(text, encoding="utf-8")
    return path


def test_rules_of_the_operator_always_speak_beside_the_built_in_one(tmp_path: Path) -> None:
    library = load([rule_file(tmp_path, OWN)])
    assert detections(library.core, packets(SLAMMER)) == {1_000_001: 1, 9_100_001: 1}


def test_without_the_built_in_set_only_the_files_rules_run(tmp_path: Path) -> None:
    library = load([rule_file(tmp_path, OWN)], with_builtin=False)
    assert detections(library.core, packets(SLAMMER)) == {1_000_001: 1}


def test_a_rule_of_a_built_in_number_and_a_higher_revision_takes_its_place(tmp_path: Path) -> None:
    text = 'alert udp any any -> any 1434 (msg:"quieter"; dsize:1; sid:9100001; rev:9;)\n'
    library = load([rule_file(tmp_path, text)])
    assert 9_100_001 not in detections(library.core, packets(SLAMMER))
    assert [(one.obstacle, one.sid) for one in library.core.diagnostics()] == [("replaced", 9_100_001)]


def test_variables_are_the_operators(tmp_path: Path) -> None:
    text = 'alert udp any any -> !$MINE any (msg:"elsewhere"; sid:1;)\n'
    elsewhere = packets("udp 1>2 41")
    for mine, detected in (("198.51.100.20", {}), ("198.51.100.21", {1: 1})):
        library = load([rule_file(tmp_path, text)], {"MINE": mine}, with_builtin=False)
        assert detections(library.core, elsewhere) == detected


def test_what_a_library_says_decides_its_digest_and_not_where_it_lies(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    first = load([rule_file(one, OWN)])
    assert first.digest == load([rule_file(other, OWN)]).digest
    assert first.digest != load([rule_file(other, OWN + "# more\n")]).digest
    assert first.digest != load([rule_file(other, OWN)], {"HOME_NET": "192.0.2.1"}).digest


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.rules: cannot be read"):
        load([tmp_path / "missing.rules"])


def test_a_mistake_is_told_with_its_place_and_the_other_rules_load(tmp_path: Path) -> None:
    path = rule_file(tmp_path, OWN + 'alert udp any any -> any any (msg:"x"; dsize:many; sid:2;)\n')
    report = lint(load([path], with_builtin=False))
    assert report.usable == 1
    assert [(one.place[1], one.sid, one.obstacle) for one in report.findings] == [(2, 2, "mistake")]
    assert f"{path}:2:" in report.text()


def test_reading_again_refuses_a_broken_file_and_takes_one_with_a_usable_rule(tmp_path: Path) -> None:
    path = rule_file(tmp_path, "this is no rule\n")
    with pytest.raises(ConfigurationError, match=r"own\.rules:1:"):
        reload([path])
    assert len(reload([rule_file(tmp_path, OWN + "this is no rule\n")]).core) > 1


def test_cases_of_an_operators_rule_run_too(tmp_path: Path) -> None:
    noted = f"#+ {SLAMMER}\n#- {SLAMMER}\n{OWN}"
    outcome = run(load([rule_file(tmp_path, noted)], with_builtin=False))
    assert (outcome.rules, outcome.cases) == (1, 2)
    assert [(one.case[:2], one.said) for one in outcome.failures] == [("#-", "matches")]


def test_a_rule_is_cut_at_semicolons_outside_quotes_alone() -> None:
    (statement,) = statements(
        "f", '#ja 題\n#+ udp 1>2\nalert udp any any -> any any (msg:"a\\;b; c"; sid:5;)'
    )
    assert (statement.message, statement.sid, statement.japanese) == ("a;b; c", 5, "題")
    assert (statement.matches, statement.line) == (("udp 1>2",), 3)


def test_a_rule_may_go_on_over_lines() -> None:
    (statement,) = statements("f", "\nalert udp any any -> any any \\\n (sid:7; \\\n rev:2;)\n")
    assert (statement.sid, statement.value("rev"), statement.line) == (7, "2", 2)


def test_content_is_text_with_hexadecimal_between_bars() -> None:
    assert content_bytes('!"a|20 0D|b\\"|FF|"') == b'a \rb"\xff'


@pytest.mark.parametrize(
    "text", ["", "udp", "udp 1", "tcp 1>2 Z", "udp 1>2 zz", "99999*src udp 1>2", "icmp x"]
)
def test_what_is_no_packet_is_said_to_be_none(text: str) -> None:
    with pytest.raises(InputError, match="packet"):
        packets(text)


@given(st.text())
def test_any_text_is_cut_into_statements_and_compiled_without_a_crash(text: str) -> None:
    from teiten_agent.rules.library import compiled  # noqa: PLC0415  # beside its one use

    library = compiled((("wild", text),))
    assert len(library.statements) <= text.count("(")


@pytest.mark.parametrize("cut", [1, 5, 20, 30, 45, len(OWN) - 3])
def test_reading_again_refuses_a_file_that_ends_within_a_rule(tmp_path: Path, cut: int) -> None:
    path = rule_file(tmp_path, OWN + OWN.replace("1000001", "1000002")[:cut])
    with pytest.raises(ConfigurationError, match=r"own\.rules:2:\d+: the file ends within a rule: "):
        reload([path])
    assert len(load([path], with_builtin=False).core) == 1, "at the start what is usable runs"


@pytest.mark.parametrize("text", [OWN, OWN.rstrip(), OWN + "# a remark", OWN + OWN[:40] + "\n" + OWN])
def test_reading_again_takes_a_file_whose_last_rule_is_whole(tmp_path: Path, text: str) -> None:
    assert any(rule.sid == 1_000_001 for rule in reload([rule_file(tmp_path, text)]).core.signatures())
