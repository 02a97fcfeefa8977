"""Reading `agent.toml`: every mistake is found in one go, each with its key, and what is allowed there."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from pathlib import Path
from typing import Any

from teiten_agent.config.kinds import Kind, Location, Several, kind_of
from teiten_agent.config.model import SECTIONS, Configuration, option_of
from teiten_agent.errors import ConfigurationError

DEFAULT_PATH = "/etc/teiten/agent.toml"
_MAX_BYTES = 1 << 20
"""A configuration is some hundred bytes; a megabyte is a mistake, perhaps a device."""


def load(path: str) -> Configuration:
    """Read and check a configuration file; relative paths in it count from its own folder.

    Raises:
        ConfigurationError: The file cannot be read, is no TOML, or holds mistakes: all of them are listed.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigurationError(
            f"{path}: cannot be read: {reason}",
            "name a configuration with --config; `teiten-agent config sample` prints one to begin with",
        ) from error
    if len(content) > _MAX_BYTES:
        raise ConfigurationError(f"{path}: larger than {_MAX_BYTES} bytes", "is it the right file?")
    return parse(content, path)


def parse(content: bytes, path: str) -> Configuration:
    """Check a configuration's bytes; `path` names them in errors and is where relative paths count from.

    Raises:
        ConfigurationError: The content is no TOML or holds mistakes: all of them are listed.
    """
    try:
        document = tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path}: byte {error.start} is not UTF-8", "save the file as UTF-8"
        ) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: is not TOML: {error}") from error
    except ValueError as error:  # a date or a number out of what Python can hold
        raise ConfigurationError(f"{path}: is not TOML: {error}") from error
    mistakes: list[str] = [
        f"{path}: {name}: no such table{_nearest(name, SECTIONS)}"
        for name in document
        if name not in SECTIONS
    ]
    sections = {
        name: _section(document.get(name, {}), name, section, path, mistakes)
        for name, section in SECTIONS.items()
    }
    if mistakes:
        raise ConfigurationError(
            "\n".join(mistakes), f"`teiten-agent config sample` shows every key; correct {path} and try again"
        )
    return Configuration(**sections)


def _section(table: object, name: str, section: type[Any], path: str, mistakes: list[str]) -> Any:  # noqa: ANN401
    """Check one table; mistakes are appended, and the result is None if there were any in it."""
    if not isinstance(table, dict):
        mistakes.append(
            f"{path}: {name}: is {kind_of(table)}; must be a table: write [{name}] on a line of its own"
        )
        return None
    before = len(mistakes)
    fields = {field.name: field for field in dataclasses.fields(section)}
    mistakes.extend(
        f"{path}: {name}.{key}: no such key{_nearest(key, fields)}" for key in table if key not in fields
    )
    values: dict[str, object] = {}
    for key, field in fields.items():
        option = option_of(field)
        if key not in table:
            if field.default is dataclasses.MISSING:
                mistakes.append(f"{path}: {name}.{key}: missing; must be {option.kind.allowed.english}")
                continue
            value = field.default
        else:
            try:
                value = option.kind.check(table[key])
            except ValueError as error:
                mistakes.append(f"{path}: {name}.{key}: {error}; must be {option.kind.allowed.english}")
                continue
        values[key] = _resolved(value, option.kind, path)
    return section(**values) if len(mistakes) == before else None


def _resolved(value: Any, kind: Kind, path: str) -> object:  # noqa: ANN401
    """Let relative paths count from the folder of the configuration file."""
    if isinstance(kind, Several) and isinstance(kind.item, Location):
        return tuple(_resolved(one, kind.item, path) for one in value)
    if isinstance(kind, Location) and value:
        return os.path.join(os.path.dirname(os.path.abspath(path)), value)  # noqa: PTH100,PTH118,PTH120
    return value


def _nearest(name: str, known: dict[str, Any]) -> str:
    """Suggest the known name that a mistyped one is near to, or list them all."""
    import difflib  # noqa: PLC0415  # only who mistyped needs it

    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known are {', '.join(known)}"
