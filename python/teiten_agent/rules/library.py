"""The built-in set, and rule files read and compiled together.

Among the built-in rules the strongest speaks for a packet alone (`Statement.strength`): priority 1 for what
a worm or an attack tool is known by, 2 for what says most about a packet besides (a sweep completed, a
scanner's name, a broken header), 3 for a protocol's request known by its payload, 4 for one known by fewer
bytes or by odd headers, 5 for a port alone, 6 for what is left. Rules of the operator always speak. An
operator's rule with the number of a built-in one and a higher revision takes its place.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from teiten_agent import _core
from teiten_agent.errors import ConfigurationError, InputError
from teiten_agent.rules.statement import Statement, statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRST_BUILTIN = 9_100_001
LAST_BUILTIN = 9_199_999
"""Numbers of built-in rules, out of every public rule set's range."""

MAX_FILE_BYTES = 64 << 20
"""Largest rule file read: a public set of fifty thousand rules has 40 MB."""


@dataclass(frozen=True)
class Library:
    """Rules of several files, compiled together.

    Attributes:
        texts: Name and text of each file.
        variables: What the operator set of the rules' variables, by name.
        core: What the engine runs.
    """

    texts: tuple[tuple[str, str], ...]
    variables: tuple[tuple[str, str], ...]
    core: _core.Rules

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The rules as text."""
        return tuple(one for name, text in self.texts for one in statements(name, text))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the rules say, in hexadecimal: names of files do not matter."""
        hashed = hashlib.sha256(repr(self.variables).encode())
        for _, text in self.texts:
            hashed.update(hashlib.sha256(text.encode()).digest())
        return hashed.hexdigest()

    def find(self, sid: int) -> Statement | None:
        """The rule of a number."""
        return next((one for one in self.statements if one.sid == sid), None)


def load(
    files: Sequence[str | Path], variables: Mapping[str, str] | None = None, *, with_builtin: bool = True
) -> Library:
    """Read and compile the operator's rule files, behind the built-in set unless told otherwise.

    Args:
        files: The rule files.
        variables: What `$NAME` stands for in them, by name without the dollar sign; others have defaults.
        with_builtin: Whether the built-in set is loaded, too.

    Raises:
        ConfigurationError: A file cannot be read, or the rules together are more than the engine holds.
    """
    own = tuple((str(file), _read(Path(file))) for file in files)
    inherited = builtin_texts() if with_builtin else ()
    return compiled((*inherited, *own), exclusive_of(inherited), variables or {})


def reload(files: Sequence[str | Path], variables: Mapping[str, str] | None = None) -> Library:
    """Read and compile rule files again, as `load` does, if none of them is broken.

    Raises:
        ConfigurationError: As `load`; or a file ends within a rule, which one does that is still being
            written; or it holds mistakes and not one usable rule.
    """
    library = load(files, variables)
    usable = {rule.place[0] for rule in library.core.signatures()}
    for one in library.core.diagnostics():
        file, line, column = one.place
        if one.cut_off:
            raise ConfigurationError(
                f"{file}:{line}:{column}: the file ends within a rule: {one.reason}",
                "write the file to its end, then send SIGHUP again",
            )
        if one.obstacle == "mistake" and file not in usable:
            raise ConfigurationError(
                f"{file}:{line}:{column}: {one.reason}, and no rule of the file is usable", one.remedy
            )
    return library


def compiled(
    texts: tuple[tuple[str, str], ...],
    exclusive: Sequence[int] = (),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Library:
    """Compile texts; of the rules in `exclusive` the earliest speaks for a packet alone.

    Raises:
        ConfigurationError: The rules together are more than the engine holds.
    """
    try:
        core = _core.Rules(texts, exclusive=exclusive, variables=dict(variables))
        return Library(texts, tuple(sorted(variables.items())), core)
    except ValueError as error:
        raise ConfigurationError(f"the rules cannot be compiled: {error}", "load fewer rule files") from error


def builtin() -> Library:
    """The built-in set alone."""
    texts = builtin_texts()
    return compiled(texts, exclusive_of(texts))


def builtin_texts() -> tuple[tuple[str, str], ...]:
    """Name and text of each file of the built-in set, by name."""
    folder = resources.files(__package__) / "builtin"
    files = sorted((one for one in folder.iterdir() if one.name.endswith(".rules")), key=lambda one: one.name)
    return tuple((f"builtin/{file.name}", file.read_text(encoding="utf-8")) for file in files)


def exclusive_of(texts: Sequence[tuple[str, str]]) -> list[int]:
    """The numbers of rules that exclude each other, the strongest first."""
    found = [one for name, text in texts for one in statements(name, text) if one.sid is not None]
    return [one.sid for one in sorted(found, key=Statement.strength) if one.sid is not None]


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read: {error.strerror or error}",
            "see to the path in [rules] files or --rules",
        ) from error
    if len(content) > MAX_FILE_BYTES:
        raise InputError(f"{path}: is larger than {MAX_FILE_BYTES:,} bytes", "is it a rule file?")
    return content.decode("utf-8", errors="replace")
