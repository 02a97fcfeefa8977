"""Rules from afar: only what the operator signed, only later than what is in force, only what is usable."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from firmware.updates.rules import RulesRefusedError, adopt, generation_of

if TYPE_CHECKING:
    from pathlib import Path

RULE = 'alert tcp any any -> $HOME_NET 445 (msg:"SMB"; flags:S; sid:9000001; rev:1;)\n'
LINT = (sys.executable, "-m", "teiten_agent", "rules", "lint", "--json")


class Operator:
    """Somebody with a key."""

    def __init__(self, folder: Path, name: str) -> None:
        """Make the key."""
        self.folder = folder
        self.key, self.certificate = folder / f"{name}.key", folder / f"{name}.pem"
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", f"/CN={name}", "-keyout", str(self.key), "-out", str(self.certificate)),
        )

    def sign(self, text: str) -> bytes:
        """What docs/how-to/rules.md says."""
        source, signed = self.folder / "plain.rules", self.folder / "signed.cms"
        source.write_text(text, encoding="utf-8")
        _openssl(
            *("cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-in", str(source)),
            *("-signer", str(self.certificate), "-inkey", str(self.key), "-out", str(signed)),
        )
        return signed.read_bytes()


def _openssl(*words: str) -> None:
    subprocess.run(["/usr/bin/openssl", *words], check=True, capture_output=True)


def rules(generation: int, text: str = RULE) -> str:
    return f"# teiten-rules generation={generation}\n{text}"


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
    assert adopt(operator.sign(rules(1)), file, operator.certificate, LINT) == 1
    assert adopt(operator.sign(rules(3, "")), file, operator.certificate, LINT) == 3
    assert file.read_text(encoding="utf-8") == rules(3, "")
    assert generation_of(file) == 3


@pytest.mark.parametrize("generation", [1, 2])
def test_what_was_signed_before_cannot_be_brought_back(
    operator: Operator, file: Path, generation: int
) -> None:
    adopt(operator.sign(rules(2)), file, operator.certificate, LINT)
    with pytest.raises(RulesRefusedError, match=f"generation {generation} is no later than 2"):
        adopt(operator.sign(rules(generation, "")), file, operator.certificate, LINT)
    assert file.read_text(encoding="utf-8") == rules(2)


def test_somebody_elses_signature_is_refused(operator: Operator, file: Path, tmp_path: Path) -> None:
    other = Operator(tmp_path, "other")
    with pytest.raises(RulesRefusedError, match="not signed by the operator"):
        adopt(other.sign(rules(1)), file, operator.certificate, LINT)
    assert file.read_text(encoding="utf-8") == ""


def test_a_changed_byte_is_refused(operator: Operator, file: Path) -> None:
    signed = operator.sign(rules(1))
    changed = signed.replace(b"445", b"446")
    assert changed != signed
    for content in (changed, signed[:-1], b"", rules(1).encode()):
        with pytest.raises(RulesRefusedError, match="not signed by the operator"):
            adopt(content, file, operator.certificate, LINT)


def test_without_an_operator_nothing_is_taken(operator: Operator, file: Path, tmp_path: Path) -> None:
    with pytest.raises(RulesRefusedError, match=r"no operator\.pem is provisioned"):
        adopt(operator.sign(rules(1)), file, tmp_path / "none.pem", LINT)


def test_rules_with_mistakes_or_without_a_generation_are_refused(operator: Operator, file: Path) -> None:
    with pytest.raises(RulesRefusedError, match="1 rules hold mistakes"):
        adopt(operator.sign(rules(1, "alert nonsense\n")), file, operator.certificate, LINT)
    with pytest.raises(RulesRefusedError, match="the first line must be"):
        adopt(operator.sign(RULE), file, operator.certificate, LINT)
    assert file.read_text(encoding="utf-8") == ""
