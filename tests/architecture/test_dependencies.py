"""Dependencies point one way: between the packages, between the floors of one package, between the crates."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "python"

# What each package may import of the others (the design's one way).
MAY_IMPORT = {
    "teiten_protocol": set[str](),
    "teiten_agent": {"teiten_protocol"},
    "teiten_collector": {"teiten_protocol"},
    "teiten_scenario": {"teiten_protocol"},
}

# The rooms of a package by floor, from the ground up: a room uses only what stands below it.
FLOORS = {
    "teiten_agent": [
        {"_core", "config", "errors", "log", "notify", "progress"},
        {"rules", "captures", "live", "observe", "spool"},
        {"uplink", "watch", "shares"},
        {"metrics"},
        {"service", "replay", "count", "check", "status", "enrol"},
        {"cli"},
    ],
    "teiten_collector": [
        {"errors", "notify"},
        {"config", "store", "enrich"},
        {"door", "intake", "rebuild", "accounting", "analysis"},
        {"report", "export"},
        {"service", "upkeep", "web"},
        {"cli"},
    ],
}


def modules(package: str) -> list[Path]:
    return sorted((PYTHON / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The absolute dotted names that a module imports, `from x import y` as `x.y`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = path.relative_to(PYTHON).with_suffix("").parts[: -node.level]
                stem = ".".join((*base, node.module) if node.module else base)
            else:
                stem = node.module or ""
            names |= {f"{stem}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_a_package_imports_only_what_the_design_allows(package: str) -> None:
    assert modules(package), f"{package} has no modules"
    for path in modules(package):
        others = {name.split(".")[0] for name in imported(path)} & set(MAY_IMPORT) - {package}
        assert others <= MAY_IMPORT[package], f"{path.relative_to(ROOT)} imports {sorted(others)}"


@pytest.mark.parametrize("package", sorted(FLOORS))
def test_a_room_uses_only_what_stands_below_it(package: str) -> None:
    floor_of = {room: floor for floor, rooms in enumerate(FLOORS[package]) for room in rooms}
    for path in modules(package):
        room = path.relative_to(PYTHON / package).with_suffix("").parts[0]
        if room.startswith("__"):
            continue
        assert room in floor_of, f"{package}/{room} has no floor: name it in this test and in ARCHITECTURE.md"
        for name in imported(path):
            parts = name.split(".")
            if parts[0] != package or len(parts) < 2 or parts[1] not in floor_of or parts[1] == room:
                continue
            assert floor_of[parts[1]] <= floor_of[room], f"{path.relative_to(ROOT)} reaches up to {name}"


def test_no_code_of_the_product_leans_on_the_tests() -> None:
    for package in MAY_IMPORT:
        for path in modules(package):
            assert not any(name.split(".")[0] == "tests" for name in imported(path)), path


@pytest.mark.parametrize(
    ("crate", "may_use"),
    [
        ("teiten-core", set[str]()),
        ("teiten-capture", {"teiten-core"}),
        ("teiten-py", {"teiten-core", "teiten-capture"}),
    ],
)
def test_a_crate_depends_only_downwards(crate: str, may_use: set[str]) -> None:
    manifest = tomllib.loads((ROOT / "rust" / crate / "Cargo.toml").read_text(encoding="utf-8"))
    used = {name for name in manifest.get("dependencies", {}) if name.startswith("teiten-")}
    assert used <= may_use


def test_the_core_leans_on_nothing_but_matchers_and_views_of_its_own_memory() -> None:
    """What parses hostile bytes is all in this tree and forbids `unsafe`.

    Signatures need matchers, and the syntax of what these match; what they remember lies in plain words
    that zerocopy lets them see as records: checked when compiled, and of no byte that came from outside.
    """
    manifest = tomllib.loads((ROOT / "rust/teiten-core/Cargo.toml").read_text(encoding="utf-8"))
    assert set(manifest.get("dependencies", {})) <= {"memchr", "regex-automata", "regex-syntax", "zerocopy"}
    assert "#![forbid(unsafe_code)]" in (ROOT / "rust/teiten-core/src/lib.rs").read_text(encoding="utf-8")
