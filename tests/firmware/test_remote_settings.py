"""Settings from afar: signed, allowed, later, usable; kept if the sensor goes on, or else taken back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from firmware.provisioning import overrides, profile, render
from firmware.provisioning.apply import AGENT, CARD_ALONE, OVERRIDES, Places, apply
from firmware.provisioning.overrides import ALLOWED, OverridesRefusedError, generation_in_force, merged
from firmware.provisioning.settings import read
from firmware.updates import settings
from firmware.updates.record import Record
from firmware.updates.signed import Kind, Signed, SignedRefusedError, verified

from teiten_agent import config
from teiten_agent.config.model import SECTIONS
from teiten_protocol.fleet import Outcome
from tests.firmware.operator_keys import Operator
from tests.firmware.test_settings import GOOD

if TYPE_CHECKING:
    from pathlib import Path

RELEASE = "cd" * 32
BOARD = 470
"""MiB that the kernel has on a board of 512 MB."""

BASE = render.agent(read(GOOD.encode()), profile.choose(None, BOARD), authority=False, spool_megabytes=100)


def text(generation: int, body: str = "[interval]\nseconds = 30\n") -> str:
    return f"# teiten-settings generation={generation}\n{body}"


@dataclass
class Board:
    """Where things lie on a sensor, and how its agent does.

    Attributes:
        folder: For all of it.
        healthy: Whether the agent comes back to capturing and uploading.
        started: With which generation it was started, each time.
    """

    folder: Path
    healthy: bool = True
    started: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """A sensor that has booted."""
        self.configuration.write_text(BASE, encoding="utf-8")

    @property
    def configuration(self) -> Path:
        """In memory."""
        return self.folder / "agent.toml"

    @property
    def kept(self) -> Path:
        """On the data partition."""
        return self.folder / "operator.toml"

    @property
    def record(self) -> Path:
        """On the data partition."""
        return self.folder / "record.json"

    def generation(self) -> int:
        """In force."""
        return generation_in_force(self.configuration.read_text(encoding="utf-8"))

    def restart(self) -> None:
        """Start the agent anew."""
        self.started.append(self.generation())

    def adopt(self, signed: Signed) -> bool:
        """Try settings."""
        return settings.adopt(
            signed,
            RELEASE,
            kept=self.kept,
            configuration=self.configuration,
            base=BASE,
            record=self.record,
            board_megabytes=BOARD,
            restart=self.restart,
            proven=lambda: self.healthy,
        )


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def signed(generation: int, body: str = "[interval]\nseconds = 30\n") -> Signed:
    return Signed(Kind.SETTINGS, generation, text(generation, body))


def test_only_keys_that_the_agent_has_can_be_set() -> None:
    for table, keys in ALLOWED.items():
        assert set(keys) <= set(SECTIONS[table].__dataclass_fields__)


def test_what_is_signed_is_told_apart_by_its_first_line(tmp_path: Path) -> None:
    operator = Operator(tmp_path, "operator")
    assert verified(operator.sign(text(7)), operator.certificate) == Signed(Kind.SETTINGS, 7, text(7))
    rules = "# teiten-rules generation=3\n"
    assert verified(operator.sign(rules), operator.certificate) == Signed(Kind.RULES, 3, rules)
    with pytest.raises(SignedRefusedError, match="not signed by the operator"):
        verified(Operator(tmp_path, "other").sign(text(7)), operator.certificate)
    for head in ("[interval]\n", "# teiten-settings generation=0\n", "# teiten-keys generation=1\n", ""):
        with pytest.raises(SignedRefusedError, match="the first line must be"):
            verified(operator.sign(head), operator.certificate)


def test_settings_with_which_the_sensor_goes_on_stay(board: Board) -> None:
    assert board.adopt(signed(2, '[capture]\nfilter = "not port 22"\n[limits]\ntable_megabytes = 24\n'))
    made = config.load(str(board.configuration))
    assert (made.capture.filter, made.limits.table_megabytes) == ("not port 22", 24)
    assert made.sensor.id == "tokyo-01"
    assert (board.generation(), board.started) == (2, [2])
    assert board.kept.read_text(encoding="utf-8").startswith("# teiten-settings generation=2\n")
    assert Record.read(board.record) == Record(RELEASE, Outcome.GOOD)


def test_later_settings_take_the_place_of_all_before(board: Board) -> None:
    board.adopt(signed(1, "[capture]\nsnap_length = 128\n"))
    assert board.adopt(signed(2, "[interval]\nseconds = 30\n"))
    made = config.load(str(board.configuration))
    assert (made.capture.snap_length, made.interval.seconds) == (65_535, 30)


def test_settings_with_which_it_does_not_come_back_are_taken_back(board: Board) -> None:
    board.adopt(signed(1))
    before = board.configuration.read_text(encoding="utf-8")
    board.healthy = False
    assert not board.adopt(signed(2, "[interval]\nseconds = 10\n"))
    assert board.configuration.read_text(encoding="utf-8") == before
    assert board.started == [1, 2, 1]
    assert board.kept.read_text(encoding="utf-8") == text(1)
    found = Record.read(board.record)
    assert (found.release, found.outcome) == (RELEASE, Outcome.ROLLED_BACK)
    assert found.said == "with settings of generation 2 the agent did not capture and upload in time"


def test_power_that_goes_during_the_trial_brings_those_before_back_and_is_told(board: Board) -> None:
    board.adopt(signed(1))

    class PowerCutError(Exception):
        pass

    def cut() -> None:
        raise PowerCutError

    board.restart = cut  # type: ignore[method-assign]  # the machine is no more
    with pytest.raises(PowerCutError):
        board.adopt(signed(2))
    assert board.kept.read_text(encoding="utf-8") == text(1)
    found = Record.read(board.record)
    assert found.outcome is Outcome.ROLLED_BACK
    assert found.said == "the board restarted while settings of generation 2 were tried"


@pytest.mark.parametrize("generation", [1, 2])
def test_settings_that_are_no_later_are_refused(board: Board, generation: int) -> None:
    board.adopt(signed(2))
    with pytest.raises(SignedRefusedError, match=f"generation {generation} is no later than 2"):
        board.adopt(signed(generation))
    assert board.started == [2]


def test_what_the_sensor_did_not_go_on_with_is_not_tried_again(board: Board) -> None:
    board.healthy = False
    board.adopt(signed(2))
    board.healthy = True
    with pytest.raises(SignedRefusedError, match="generation 2 is no later than 2"):
        board.adopt(signed(2))
    assert board.adopt(signed(3))


REFUSED = [
    ('[uplink]\ncollector = "https://elsewhere.example"\n', "uplink.collector cannot be set from afar"),
    ('[uplink]\nca_file = "/tmp/ca.pem"\n', "uplink.ca_file cannot be set from afar"),
    ('[uplink]\ntoken_file = "/etc/shadow"\n', "uplink.token_file cannot be set from afar"),
    ('[sensor]\nid = "osaka-01"\n', "sensor.id cannot be set from afar"),
    ('[sensor]\nmonitored = ["203.0.113.0/24"]\n', "sensor.monitored cannot be set from afar"),
    ('[capture]\ninterface = "eth1"\n', "capture.interface cannot be set from afar"),
    ('[capture]\nsource = "pcapy"\n', "capture.source cannot be set from afar"),
    ('[spool]\ndirectory = "/tmp"\n', "spool.directory cannot be set from afar"),
    ("[spool]\nmax_megabytes = 1000000\n", "spool.max_megabytes cannot be set from afar"),
    ('[rules]\nfiles = ["/etc/shadow"]\n', "rules.files cannot be set from afar"),
    ('[metrics]\ntextfile = "/var/lib/teiten/x"\n', "metrics.textfile cannot be set from afar"),
    ('[metrics]\nlisten = "127.0.0.1:9"\n', "metrics.listen cannot be set from afar"),
    ("[nonsense]\nkey = 1\n", "nonsense.key cannot be set from afar"),
    ("[interval]\nminutes = 1\n", "interval.minutes cannot be set from afar"),
    ("interval = 30\n", "interval is no table"),
    ("[interval]\nseconds = 0\n", "interval.seconds: is 0; must be an integer from 1"),
    ('[interval]\nseconds = "30"\n', "interval.seconds: is a string"),
    ("[interval]\nseconds = 3600\n", "interval.seconds: at most 300"),
    ("[interval]\nseconds = 2009-08-01\n", "interval.seconds: no setting holds such a value"),
    ("[interval]\nseconds = {a = 1}\n", "interval.seconds: no setting holds such a value"),
    ('[capture]\nfilter = "no filter at all"\n', "capture.filter"),
    ("[limits]\ntable_megabytes = 200\n", "200 .*|208 together, and this board has room for 117"),
    ("[capture]\nring_megabytes = 1024\n", "together, and this board has room for 117"),
    ("[interval\n", "are not TOML"),
    ("a = " + "[" * 5_000, "are not TOML"),
]


@pytest.mark.parametrize(("body", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_what_cannot_be_set_is_refused_and_nothing_is_changed(board: Board, body: str, said: str) -> None:
    with pytest.raises(SignedRefusedError, match=said):
        board.adopt(signed(1, body))
    assert board.configuration.read_text(encoding="utf-8") == BASE
    assert (board.started, board.kept.exists(), board.record.exists()) == ([], False, False)


def test_every_key_that_is_not_allowed_is_named() -> None:
    with pytest.raises(OverridesRefusedError) as refused:
        merged(
            BASE, text(1, '[sensor]\nid = "x"\n[spool]\ndirectory = "/"\n[interval]\nseconds = 30\n'), BOARD
        )
    assert str(refused.value) == "sensor.id cannot be set from afar; spool.directory cannot be set from afar"


def test_every_boot_puts_what_proved_itself_over_what_the_card_says(places: Places) -> None:
    (places.data / OVERRIDES).parent.mkdir()
    (places.data / OVERRIDES).write_text(text(4), encoding="utf-8")
    apply(places)
    assert config.load(str(places.root / AGENT)).interval.seconds == 30
    assert generation_in_force((places.root / AGENT).read_text(encoding="utf-8")) == 4
    assert generation_in_force((places.root / CARD_ALONE).read_text(encoding="utf-8")) == 0


@pytest.mark.parametrize(
    "kept", ['# teiten-settings generation=4\n[sensor]\nid = "x"\n', "", "\0\xff[", text(0)]
)
def test_settings_that_cannot_be_used_any_more_leave_the_card_in_force(
    places: Places, kept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (places.data / OVERRIDES).parent.mkdir()
    (places.data / OVERRIDES).write_text(kept, encoding="utf-8")
    apply(places)
    assert (places.root / AGENT).read_bytes() == (places.root / CARD_ALONE).read_bytes()
    assert "the operator's settings are left out" in capsys.readouterr().err
    assert overrides.generation_in_force((places.root / AGENT).read_text(encoding="utf-8")) == 0
