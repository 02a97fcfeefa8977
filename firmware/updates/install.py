"""Every few minutes: tell the collector how this sensor stands, and install what it offers if it is signed.

A release is a bundle, which RAUC verifies and writes, or rules or settings, which the operator signed
(`signed`).

RAUC decides by the certificate in the running root: signature, board, and the digest of every block that it
reads. The collector and the way to it are trusted with nothing but to deliver.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from firmware.provisioning import overrides, profile
from firmware.provisioning.apply import AGENT, CARD_ALONE, OVERRIDES
from firmware.provisioning.silence import AGENT_USER
from firmware.updates import environment, rules, settings
from firmware.updates.record import Record, words
from firmware.updates.signed import Kind, SignedRefusedError, generation_of, verified
from firmware.updates.trial import RECORD, captures_and_uploads, running_slot

from teiten_protocol.fleet import Condition, Order, Outcome

ROOT = Path("/")
DATA = Path("/var/lib/teiten")
FOLDER = DATA / "update"
INCOMING = FOLDER / "incoming"
BUNDLE = FOLDER / "bundle.raucb"
VERSION = Path("/usr/lib/teiten-firmware/version")
RULES = DATA / "rules/operator.rules"
OPERATOR = DATA / "keys/operator.pem"
SETTINGS_TRIAL_SECONDS = 900
"""As a slot has: three times the longest interval that can be set from afar."""
_NO_ANSWER = "D-Bus error"
"""What RAUC's command says where its service did not answer (RAUC 1.8, src/main.c): no verdict."""
_SQUASHFS = b"hsqs"
"""How RAUC's bundles begin (RAUC 1.8, docs/reference.rst: a squashfs, then the signature)."""


def condition() -> Condition:
    """How this sensor stands."""
    record = Record.read(RECORD)
    agent = subprocess.run(["/usr/bin/systemctl", "is-active", "--quiet", "teiten-agent"], check=False)
    return Condition(
        version=VERSION.read_text(encoding="ascii").strip(),
        slot=running_slot(),
        capturing=agent.returncode == 0,
        generation=generation_of(RULES),
        settings_generation=overrides.generation_in_force((ROOT / AGENT).read_text(encoding="utf-8")),
        release=record.release,
        outcome=record.outcome,
        said=record.said,
    )


def ask(standing: Condition) -> Order | None:
    """What the collector orders, fetched; None if it could not be asked, which was said."""
    done = subprocess.run(
        [
            *("/usr/bin/setpriv", "--reuid", AGENT_USER, "--regid", AGENT_USER, "--init-groups"),
            *("/usr/bin/python3", "-m", "firmware.updates.exchange", str(INCOMING)),
        ],
        check=False,
        input=standing.encode(),
        capture_output=True,
    )
    if done.returncode:
        print(f"teiten: {done.stderr.decode(errors='replace').strip()}", file=sys.stderr)
        return None
    return Order.decode(done.stdout)


def install(order: Order) -> bool:
    """Install what was fetched; whether the other slot is to be started."""
    # Here, and not by D-Bus when it is asked: that waits for 25 seconds, and a busy board needs more.
    started = subprocess.run(["/usr/bin/systemctl", "start", "rauc.service"], check=False)
    if started.returncode:
        return False
    fetched = INCOMING / order.release
    os.chown(fetched, 0, 0)
    fetched.chmod(0o600)
    fetched.replace(BUNDLE)
    with BUNDLE.open("rb") as file:
        is_bundle = file.read(len(_SQUASHFS)) == _SQUASHFS
    if is_bundle:
        return _install_bundle(order)
    _adopt_signed(order)
    BUNDLE.unlink()
    return False


def _adopt_signed(order: Order) -> None:
    try:
        signed = verified(BUNDLE.read_bytes(), OPERATOR)
        if signed.kind is Kind.RULES:
            rules.adopt(signed, RULES)
            _agent("kill", "--signal=HUP")
            Record(order.release, Outcome.GOOD).write(RECORD)
            stays = True
        else:
            stays = settings.adopt(
                signed,
                order.release,
                kept=DATA / OVERRIDES,
                configuration=ROOT / AGENT,
                base=(ROOT / CARD_ALONE).read_text(encoding="utf-8"),
                record=RECORD,
                board_megabytes=profile.total_megabytes(),
                restart=lambda: _agent("restart"),
                proven=lambda: captures_and_uploads(SETTINGS_TRIAL_SECONDS),
            )
    except SignedRefusedError as refused:
        said = words(str(refused))
        Record(order.release, Outcome.REFUSED, said).write(RECORD)
        print(f"teiten: release {order.release[:16]} is refused: {said}", file=sys.stderr)
        return
    if stays:
        print(f"teiten: {signed.kind} of generation {signed.generation} are in force")
    else:
        print(f"teiten: {Record.read(RECORD).said}: the settings before are back", file=sys.stderr)


def _agent(*words_of_systemctl: str) -> None:
    subprocess.run(["/usr/bin/systemctl", *words_of_systemctl, "teiten-agent"], check=False)


def _install_bundle(order: Order) -> bool:
    tried = Record.read(RECORD)
    # Noted before: if power goes while it is installed, `trial` finds no trial, and it is fetched again.
    Record(order.release, Outcome.INSTALLED).write(RECORD)
    done = subprocess.run(
        ["/usr/bin/rauc", "install", str(BUNDLE)],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    BUNDLE.unlink()
    if done.returncode and _NO_ANSWER in done.stdout:
        tried.write(RECORD)
        print(f"teiten: RAUC does not answer, later again: {words(done.stdout)}", file=sys.stderr)
        return False
    if done.returncode:
        Record(order.release, Outcome.REFUSED, words(done.stdout)).write(RECORD)
        print(f"teiten: release {order.release[:16]} is refused: {words(done.stdout)}", file=sys.stderr)
        return False
    print(f"teiten: release {order.release[:16]} is installed, and is now tried")
    return True


def main() -> int:
    """One round."""
    BUNDLE.unlink(missing_ok=True)
    standing = condition()
    order = ask(standing)
    if order is None:
        return 0
    nothing_new = not order.release or order.release == standing.release
    if nothing_new or environment.read().trial:
        return 0
    print(f"teiten: release {order.release[:16]} is fetched")
    if install(order):
        subprocess.run(["/usr/bin/systemctl", "--no-block", "reboot"], check=True)
    else:
        ask(condition())
    return 0


if __name__ == "__main__":
    sys.exit(main())
