"""Rules from afar: only what the operator signed, only later than what is in force, only what is usable."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from firmware.updates import rules
from firmware.updates.signed import SignedRefusedError, generation_of, verified

from tests.firmware.operator_keys import Operator

if TYPE_CHECKING:
    from pathlib import Path

RULE = 'alert tcp any any -> $HOME_NET 445 (msg:"SMB"; flags:S; sid:9000001; rev:1;)\n'
LINT = (sys.executable, "-m", "teiten_agent", "rules", "lint", "--json")


def text(generation: int, body: str = RULE) -> str:
    return f"# teiten-rules generation={generation}\n{body}"


def adopt(content: bytes, file: Path, authority: Path) -> int:
    """What the sensor does with what came; the generation."""
    signed = verified(content, authority)
    rules.adopt(signed, file, LINT)
    return signed.generation


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path, "operator")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "data/operator.rules"
    made.parent.mkdir()
    made.write_text("", encoding="utf-8")
    return made


def test_what_the_operator_signs_is_taken_and_later_rules_take_its_place(
    operator: Operator, file: Path
) -> None:
    assert generation_of(file) == 0
    assert adopt(operator.sign(text(1)), file, operator.certificate) == 1
    assert adopt(operator.sign(text(3, "")), file, operator.certificate) == 3
    assert file.read_text(encoding="utf-8") == text(3, "")
    assert generation_of(file) == 3


@pytest.mark.parametrize("generation", [1, 2])
def test_what_was_signed_before_cannot_be_brought_back(
    operator: Operator, file: Path, generation: int
) -> None:
    adopt(operator.sign(text(2)), file, operator.certificate)
    with pytest.raises(SignedRefusedError, match=f"generation {generation} is no later than 2"):
        adopt(operator.sign(text(generation, "")), file, operator.certificate)
    assert file.read_text(encoding="utf-8") == text(2)


def test_somebody_elses_signature_is_refused(operator: Operator, file: Path, tmp_path: Path) -> None:
    other = Operator(tmp_path, "other")
    with pytest.raises(SignedRefusedError, match="not signed by the operator"):
        adopt(other.sign(text(1)), file, operator.certificate)
    assert file.read_text(encoding="utf-8") == ""


def test_a_changed_byte_is_refused(operator: Operator, file: Path) -> None:
    signed = operator.sign(text(1))
    changed = signed.replace(b"445", b"446")
    assert changed != signed
    for content in (changed, signed[:-1], b"", text(1).encode()):
        with pytest.raises(SignedRefusedError, match="not signed by the operator"):
            adopt(content, file, operator.certificate)


def test_without_an_operator_nothing_is_taken(operator: Operator, file: Path, tmp_path: Path) -> None:
    with pytest.raises(SignedRefusedError, match=r"no operator\.pem is provisioned"):
        adopt(operator.sign(text(1)), file, tmp_path / "none.pem")


def test_rules_with_mistakes_or_without_a_generation_are_refused(operator: Operator, file: Path) -> None:
    with pytest.raises(SignedRefusedError, match="1 rules hold mistakes"):
        adopt(operator.sign(text(1, "alert nonsense\n")), file, operator.certificate)
    with pytest.raises(SignedRefusedError, match="the first line must be"):
        adopt(operator.sign(RULE), file, operator.certificate)
    assert file.read_text(encoding="utf-8") == ""
