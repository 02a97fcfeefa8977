"""The command keeps to its contract: outputs and exit codes."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest

from teiten_scenario.cli import main
from teiten_scenario.world import built_in

if TYPE_CHECKING:
    from pathlib import Path


def test_list_names_every_built_in_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    listing = capsys.readouterr().out
    assert all(name in listing for name in built_in())
    assert main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [scenario["name"] for scenario in listed] == list(built_in())


def test_write_tells_what_it_wrote_and_configuration_fits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["write", "small", "--output", str(tmp_path), "--scale", "0.5", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    truth = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    assert truth["scale"] == 0.5
    assert told["packets"] == sum(sensor["packets"] for sensor in truth["sensors"].values())
    assert sorted(told["files"]) == sorted(str(path) for path in tmp_path.iterdir())
    agent = tomllib.loads((tmp_path / "tokyo-01.agent.toml").read_text(encoding="utf-8"))
    assert agent["sensor"]["monitored"] == truth["sensors"]["tokyo-01"]["monitored"]
    collector = tomllib.loads((tmp_path / "collector.toml").read_text(encoding="utf-8"))
    assert collector["geo"]["country_database"] == str(tmp_path / "country.mmdb")
    assert collector["report"] == {
        "timezone": "Asia/Tokyo",
        "access_groups": ["access"],
        "signature_groups": ["ids"],
    }
    bulletins = tomllib.loads((tmp_path / "bulletins.toml").read_text(encoding="utf-8"))
    assert bulletins["bulletin"][0]["keys"] == ["2967/TCP"]


def test_write_prints_the_commands_that_follow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(built_in()["small"], encoding="utf-8")
    assert main(["write", str(file), "--output", str(tmp_path / "out"), "--seed", "5"]) == 0
    out = capsys.readouterr().out
    assert "sensor add tokyo-01" in out
    assert "--from 2024-03-02T00:00:00+09:00 --to 2024-03-04T00:00:00+09:00 osaka-01.pcap" in out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["write", "nothing-like-it", "--output", "{tmp}"], 65),
        (["write", "{tmp}/absent.toml", "--output", "{tmp}"], 65),
        (["write", "{tmp}/bad.toml", "--output", "{tmp}"], 65),
        (["write", "small", "--output", "{tmp}/bad.toml"], 73),
        (["flood", "--packets", "1", "--sources", "1", "--output", "{tmp}/absent/flood.pcap"], 73),
    ],
)
def test_errors_have_their_exit_codes_and_name_the_place(
    arguments: list[str], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.toml").write_text("sead = 1\n", encoding="utf-8")
    assert main([argument.replace("{tmp}", str(tmp_path)) for argument in arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("teiten-scenario: ")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["write", "small"],
        ["write", "small", "--output", "x", "--scale", "0"],
        ["write", "small", "--output", "x", "--scale", "nan"],
        ["write", "small", "--output", "x", "--seed", "-1"],
        ["flood", "--packets", "0", "--sources", "1", "--output", "x"],
    ],
)
def test_usage_errors_exit_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_flood_prints_its_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "flood.pcap"
    assert main(["flood", "--packets", "50", "--sources", "10", "--output", str(path), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert sum(counts["keys"].values()) == counts["packets"] == 50
