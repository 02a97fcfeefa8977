"""The service around the door: other processes beside it, its end, its transport."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from teiten_collector import service
from teiten_collector.door import Contacts
from teiten_collector.intake import Intake
from teiten_collector.store import Store
from teiten_protocol import compress, encode
from tests.door.conftest import Collector, command, configure, register, serving
from tests.door.requesting import post, send
from tests.store.building import AUGUST, admit, batch, countries, tuple4

AUTHORITY = Path(__file__).parents[1] / "agent/tls/authority.pem"
SERVER = Path(__file__).parents[1] / "agent/tls/server.pem"


def report(collector: Collector, *arguments: str) -> dict[str, object]:
    done = collector.command("report", "--period", "2009-08-01", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    document: dict[str, object] = json.loads(done.stdout)
    return document


def test_a_report_of_another_process_holds_whatever_was_acknowledged(tmp_path: Path) -> None:
    configuration = configure(tmp_path, seconds=3600)  # the service itself brings nothing into the tables
    tokens = register(configuration)
    with serving(configuration, tokens=tokens) as collector:
        for sequence in range(3):
            rows = (tuple4(AUGUST + sequence, "192.0.2.1", packets=7),)
            assert send(collector, batch(sequence, ipv4=rows)).status_code == 201
        access = report(collector)["access"]
        assert isinstance(access, dict)
        assert access["total"]["count"] == 21
        assert access["address_days"] == 16 * 3 / 1440  # a /28 for three minutes
        assert post(collector, b"it still answers").status_code == 422


def test_sigterm_brings_everything_acknowledged_into_the_tables(tmp_path: Path) -> None:
    configuration = configure(tmp_path, seconds=3600)
    tokens = register(configuration)
    with serving(configuration, tokens=tokens) as collector:
        assert send(collector, batch(1, ipv4=(tuple4(AUGUST, "192.0.2.1"),))).status_code == 201
    assert collector.process.returncode == 0
    assert not configuration.with_name("ready").exists()
    with Store.open(collector.store_directory) as store:
        assert store.waiting() == 0


def test_import_takes_the_same_way_as_the_network(tmp_path: Path) -> None:
    configuration = configure(tmp_path)
    register(configuration)
    spool = tmp_path / "spool"
    spool.mkdir()
    given = [batch(sequence, ipv4=(tuple4(AUGUST, "192.0.2.1"),)) for sequence in range(3)]
    for item in given:
        name = f"{item.key.epoch:016x}-{item.key.sequence:08x}.batch"
        (spool / name).write_bytes(compress(encode(item)))
    arguments = ("import", "--config", str(configuration), "--json", str(spool))
    first, second = command(*arguments), command(*arguments)
    assert json.loads(first.stdout) == {"new": 3, "repeated": 0, "refused": 0}
    assert json.loads(second.stdout) == {"new": 0, "repeated": 3, "refused": 0}
    (spool / "torn.batch").write_bytes(compress(encode(given[0]))[:-5])
    third = command(*arguments)
    assert (third.returncode, json.loads(third.stdout)["refused"]) == (65, 1)
    assert "torn.batch" in third.stderr
    checked = command("check", "--config", str(configuration), "--json")
    assert (checked.returncode, json.loads(checked.stdout)["findings"]) == (0, [])


def test_import_of_an_unregistered_sensor_says_how_to_register_it(tmp_path: Path) -> None:
    file = tmp_path / "one.batch"
    file.write_bytes(compress(encode(batch(1, sensor="nobody"))))
    done = command("import", "--config", str(configure(tmp_path)), str(file))
    assert done.returncode == 65
    assert "sensor add" in done.stderr


def test_a_port_that_is_taken_is_named_with_the_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("serve", "--config", str(configure(tmp_path, server=[f'listen = "127.0.0.1:{port}"'])))
    assert done.returncode == 78
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr


def tls(certificate: Path, key: Path) -> list[str]:
    return [
        'listen = "127.0.0.1:0"',
        f"tls_certificate = {json.dumps(str(certificate))}",
        f"tls_key = {json.dumps(str(key))}",
    ]


def test_tls_is_spoken_where_certificate_and_key_are_named(tmp_path: Path) -> None:
    with serving(configure(tmp_path, server=tls(SERVER, SERVER))) as collector:
        assert collector.url.startswith("https://")
        answer = requests.get(f"{collector.url}/healthz", verify=str(AUTHORITY), timeout=30)
        assert answer.status_code == 200


def test_a_key_that_is_none_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    done = command("serve", "--config", str(configure(tmp_path, server=tls(SERVER, AUTHORITY))))
    assert done.returncode == 78
    assert "tls_key" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--help"], ["report", "--help"], ["sensor", "add", "--help"], ["--version"]]
)
def test_help_and_version_need_no_configuration(arguments: list[str]) -> None:
    done = command(*arguments)
    assert done.returncode == 0
    assert "teiten-collector" in done.stdout


@pytest.mark.parametrize("period", ["2009-13", "August", "2009-08..", "2009-08-02..2009-08-01", "1969"])
def test_a_period_that_is_none_is_a_usage_error(tmp_path: Path, period: str) -> None:
    done = command("report", "--config", str(configure(tmp_path)), "--period", period)
    assert done.returncode == 2
    assert done.stderr.startswith("teiten-collector: ")


def test_an_interruption_while_the_program_loads_ends_as_one_later_does() -> None:
    """Loading takes a second, in which whoever mistyped reaches for Ctrl-C."""
    program = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'duckdb':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from teiten_collector.cli import main\n"
        "sys.exit(main(['--version']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_completion_knows_the_commands() -> None:
    done = command("completion", "bash")
    assert "sensor" in done.stdout


def test_the_configuration_of_a_group_without_sensors_is_refused(tmp_path: Path) -> None:
    configuration = configure(tmp_path)
    with configuration.open("a", encoding="utf-8") as file:
        file.write('[report]\naccess_groups = ["acces"]\n')
    register(configuration)
    done = command("report", "--config", str(configuration), "--period", "2009-08")
    assert done.returncode == 78
    assert "acces" in done.stderr


def test_a_panic_of_a_library_makes_the_intake_unready_and_the_next_turn_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Panic(BaseException):
        """As a library written in Rust raises it: no Exception."""

    def panic(*_: object) -> None:
        raise Panic

    with Store.open(tmp_path / "store") as store:
        admit(store, batch(1, ipv4=(tuple4(AUGUST, "192.0.2.1"),)))
        intake = service._IntakeThread(  # noqa: SLF001 - what serve runs
            Intake(store, countries(tmp_path)),
            Contacts(store.contacts),
            1.0,
            threading.Event(),
            service._Progress(),  # noqa: SLF001
        )
        with monkeypatch.context() as broken:
            broken.setattr(store.tables, "append", panic)
            intake.drain()
            assert (intake.healthy, store.waiting()) == (False, 1)
        intake.drain()
        assert (intake.healthy, store.waiting()) == (True, 0)
