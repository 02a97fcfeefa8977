"""`count`: the sums, their JSON shape, and captures that end in a fault."""

from __future__ import annotations

import gzip
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent.agent import COMMAND, run
from tests.agent.traffic import MONDAY_NS, SYN_BYTES, arp, pcap, syn, write

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = [
    *((MONDAY_NS + number, syn(f"203.0.113.{number}", "192.0.2.1", 445)) for number in range(5)),
    (MONDAY_NS + 10**9, syn("203.0.113.9", "198.51.100.1", 23)),
    (MONDAY_NS + 2 * 10**9, arp()),
]


def document(*words: object, expect: int = 0, stdin: bytes = b"") -> dict[str, Any]:
    counted: dict[str, Any] = json.loads(run("count", "--json", *words, expect=expect, stdin=stdin).stdout)
    return counted


def test_the_document_has_the_shape_that_scripts_rely_on(tmp_path: Path) -> None:
    counted = document(write(tmp_path / "a.pcap", FRAMES))
    assert list(counted) == [
        "packets",
        "bytes",
        "counted",
        "not_monitored",
        "malformed",
        "keys",
        "classes",
        "tools",
        "detections",
    ]
    assert counted["packets"] == 7
    assert counted["counted"] == 6
    assert counted["bytes"] == 6 * SYN_BYTES
    assert counted["not_monitored"] == 0
    assert list(counted["malformed"].values()) == [1]
    assert not any("." in reason for reason in counted["malformed"])
    assert counted["keys"] == {
        "445/TCP": {"packets": 5, "bytes": 5 * SYN_BYTES},
        "23/TCP": {"packets": 1, "bytes": SYN_BYTES},
    }
    assert counted["classes"] == {"probe": 6}
    assert counted["detections"] == {"9101203": 1, "9101215": 5}, (
        "probes of Telnet and SMB, by the built-in set"
    )


def test_without_rules_the_sums_are_the_same_and_nothing_is_detected(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pcap", FRAMES)
    counted = document(path)
    assert document("--no-rules", path) == counted | {"detections": {}}
    assert "--no-rules" in run("count", "--no-rules", "--rules", path, path, expect=2).stderr


def test_threads_print_to_the_byte_what_one_prints(tmp_path: Path) -> None:
    # So many that each thread has a part of its own.
    probes = [
        (MONDAY_NS + number, syn(f"203.0.113.{number % 250}", f"192.0.2.{number % 199}", number % 999))
        for number in range(2_000)
    ]
    path = tmp_path / "large.pcap"
    path.write_bytes(pcap([*FRAMES, *probes]) + pcap(probes)[24:] * 100)
    assert path.stat().st_size > 3 << 22
    printed = [run("count", "--json", "--no-rules", "--threads", n, path).stdout for n in (1, 2, 3)]
    assert printed[0] == printed[1] == printed[2]
    assert json.loads(printed[0])["packets"] == 7 + 101 * 2_000
    assert json.loads(printed[0])["counted"] == 6 + 101 * 2_000


def test_only_monitored_addresses_count(tmp_path: Path) -> None:
    counted = document(
        write(tmp_path / "a.pcap", FRAMES), "--monitored", "192.0.2.0/28", "--monitored", "2001:db8::/64"
    )
    assert (counted["packets"], counted["counted"], counted["not_monitored"]) == (7, 5, 1)
    assert list(counted["keys"]) == ["445/TCP"]


def test_several_captures_a_folder_and_standard_input_add_up(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    first = write(tmp_path / "first.pcap", FRAMES)
    write(folder / "b.pcap", FRAMES)
    (folder / "below" / "c.gz").write_bytes(gzip.compress(pcap(FRAMES)))
    (folder / "README.md").write_text("no capture")
    write(folder / ".hidden.pcap", FRAMES)
    counted = document(first, folder, "-", stdin=pcap(FRAMES))
    assert (counted["packets"], counted["counted"]) == (28, 24)


def test_a_compressed_file_in_a_folder_that_is_no_capture_is_said(tmp_path: Path) -> None:
    write(tmp_path / "a.pcap", FRAMES)
    (tmp_path / "notes.gz").write_bytes(gzip.compress(b"these are notes, and no packets"))
    done = run("count", "--json", tmp_path)
    assert json.loads(done.stdout)["packets"] == 7
    assert "notes.gz: passed over" in done.stderr


def test_the_table_shows_the_top_keys_and_the_sum(tmp_path: Path) -> None:
    done = run("count", write(tmp_path / "a.pcap", FRAMES), "--top", 1)
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["key", "packets", "bytes", "share"]
    assert lines[1].split() == ["445/TCP", "5", "200", "83.3%"]
    assert lines[2].split() == ["...", "1", "40", "16.7%"]
    assert lines[-1] == "7 packets = 6 counted (240 bytes) + 0 not monitored + 1 malformed"


def test_everything_before_a_fault_is_counted_and_the_fault_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    whole = pcap(FRAMES)
    path.write_bytes(whole[:-10])
    done = run("count", "--json", path, expect=65)
    assert json.loads(done.stdout)["packets"] == 6
    offset = len(whole) - len(FRAMES[-1][1]) - 16
    assert f"{path}: " in done.stderr
    assert f" at byte {offset}; everything before is counted" in done.stderr


def test_a_fault_does_not_keep_the_next_capture_from_being_counted(tmp_path: Path) -> None:
    cut, noise, whole = tmp_path / "cut.pcap", tmp_path / "noise", write(tmp_path / "whole.pcap", FRAMES)
    cut.write_bytes(pcap(FRAMES)[:-10])
    noise.write_bytes(b"no capture at all, but bytes")
    done = run("count", "--json", cut, noise, whole, expect=65)
    assert json.loads(done.stdout)["packets"] == 13
    assert f"{noise}: " in done.stderr


@pytest.mark.parametrize("name", ["none.pcap", "noise", "empty"])
def test_where_nothing_can_be_read_nothing_is_printed(tmp_path: Path, name: str) -> None:
    (tmp_path / "noise").write_bytes(b"no capture at all, but bytes")
    (tmp_path / "empty").touch()
    done = run("count", tmp_path / name, expect=65)
    assert done.stdout == ""
    assert str(tmp_path / name) in done.stderr


def test_a_folder_without_captures_is_an_error(tmp_path: Path) -> None:
    assert "holds no capture" in run("count", tmp_path, expect=65).stderr


def test_a_network_that_is_none_is_a_mistake_of_usage(tmp_path: Path) -> None:
    assert "198.51.100.0/28" in run("count", tmp_path, "--monitored", "192.0.2.1/24", expect=2).stderr


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pcap", FRAMES)
    with subprocess.Popen(
        [*COMMAND, "count", "--json", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
