"""Provisioning: what is written where, and that a code is never lost nor left on the card."""

from __future__ import annotations

import tomllib

import pytest
from firmware.provisioning.apply import TAKEN, Places, apply
from firmware.provisioning.settings import SettingsError

from teiten_agent import config
from teiten_protocol.enrolment import TOKEN
from tests.firmware.test_settings import GOOD

CODE = "enrol_0123456789abcdef_0123456789abcdefABCDEF"


def test_the_agent_accepts_the_configuration_that_is_made(places: Places) -> None:
    apply(places)
    configuration = config.load(str(places.root / "etc/teiten/agent.toml"))
    assert configuration.sensor.id == "tokyo-01"
    assert configuration.capture.interface == "eth0"
    assert configuration.uplink.collector == "https://collector.example:8443"


def test_the_code_moves_to_the_data_partition_and_a_token_is_made(places: Places) -> None:
    apply(places)
    code, token = places.data / "keys/code", places.data / "keys/token"
    assert code.read_text(encoding="ascii") == CODE + "\n"
    assert code.stat().st_mode & 0o077 == 0
    assert TOKEN.fullmatch(token.read_text(encoding="ascii").strip())
    assert token.stat().st_mode & 0o007 == 0
    assert CODE not in (places.boot / "sensor.txt").read_text(encoding="utf-8")


def test_the_code_is_taken_in_its_place_and_all_else_stays_byte_for_byte(places: Places) -> None:
    text = places.boot / "sensor.txt"
    before, file = text.read_bytes(), text.stat().st_ino
    apply(places)
    after = text.read_bytes()
    at = before.index(b"code =")
    end = at + len(f"code = {CODE}")
    assert (after[:at], after[end:]) == (before[:at], before[end:])
    assert after[at:end].rstrip() == TAKEN.encode()
    assert text.stat().st_ino == file


def test_a_code_whose_taking_was_cut_short_is_taken_at_the_next_boot(places: Places) -> None:
    apply(places)
    kept = {name: (places.data / "keys" / name).read_bytes() for name in ("code", "token")}
    text = places.boot / "sensor.txt"
    text.write_text(GOOD.replace("code =", "#ode ="), encoding="utf-8")
    assert apply(places).code is None
    assert CODE not in text.read_text(encoding="utf-8")
    assert {name: (places.data / "keys" / name).read_bytes() for name in kept} == kept


def test_a_second_boot_finds_the_token_where_it_was_put(places: Places) -> None:
    apply(places)
    token = (places.data / "keys/token").read_bytes()
    assert apply(places).code is None
    assert (places.data / "keys/token").read_bytes() == token


def test_a_new_code_comes_with_a_new_token(places: Places) -> None:
    apply(places)
    token = (places.data / "keys/token").read_bytes()
    text = places.boot / "sensor.txt"
    other = CODE.replace("0123", "3210")
    text.write_text(f"{text.read_text(encoding='utf-8')}\ncode = {other}\n", encoding="utf-8")
    apply(places)
    assert (places.data / "keys/code").read_text(encoding="ascii") == other + "\n"
    assert (places.data / "keys/token").read_bytes() != token


def test_mistakes_are_written_onto_the_boot_partition_and_nothing_else(places: Places) -> None:
    (places.boot / "sensor.txt").write_text("sensor = Tokyo 1\n", encoding="utf-8")
    with pytest.raises(SettingsError):
        apply(places)
    said = (places.boot / "sensor-errors.txt").read_text(encoding="utf-8")
    assert "line 1: sensor: 'Tokyo 1' is no id" in said
    assert not list(places.root.iterdir())
    assert not list(places.data.iterdir())


def test_complaints_go_once_the_settings_are_right(places: Places) -> None:
    (places.boot / "sensor-errors.txt").write_text("old", encoding="utf-8")
    apply(places)
    assert not (places.boot / "sensor-errors.txt").exists()


def test_a_collector_without_a_code_is_refused(places: Places) -> None:
    text = places.boot / "sensor.txt"
    text.write_text(GOOD.replace("code =", "# code ="), encoding="utf-8")
    with pytest.raises(SettingsError, match="code is missing"):
        apply(places)


def test_the_spool_fits_the_data_partition(places: Places) -> None:
    apply(places)
    made = tomllib.loads((places.root / "etc/teiten/agent.toml").read_text(encoding="utf-8"))
    assert made["spool"]["max_megabytes"] >= 1


def test_nobody_logs_in_unless_keys_are_provisioned(places: Places) -> None:
    apply(places)
    assert not (places.root / "run/teiten-firmware/ssh").exists()
    assert "dport 22" not in (places.root / "run/teiten-firmware/silence.nft").read_text(encoding="utf-8")


def test_keys_let_their_owners_in_by_the_management_interface(places: Places) -> None:
    (places.boot / "authorized_keys").write_bytes(b"ssh-ed25519 AAAA operator\r\n")
    apply(places)
    keys = places.root / "run/teiten-firmware/ssh/authorized_keys"
    assert keys.read_bytes() == b"ssh-ed25519 AAAA operator\n"
    assert keys.stat().st_mode & 0o077 == 0
    assert 'iifname "eth1" tcp dport 22 accept' in (
        places.root / "run/teiten-firmware/silence.nft"
    ).read_text(encoding="utf-8")


def test_a_place_for_releases_is_made(places: Places) -> None:
    apply(places)
    assert (places.data / "update/incoming").is_dir()
