"""Which category a signature belongs to, by a file that operators may replace.

`categories.toml` beside this is the default. The form is the collector's, so that one file serves both: the
first category from the top that names a signature has it; numbers are looked at in every category before
messages, and messages before classes.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from teiten_agent.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

_DEFAULT = "categories.toml"
_KEYS = frozenset({"id", "title", "examples", "sids", "messages", "classtypes", "rest"})


@dataclass(frozen=True, slots=True)
class Category:
    """One category.

    Attributes:
        id: What tables call it.
        japanese: Its title in Japanese.
        english: Its title in English.
        sids: Ranges of numbers of its signatures, both ends included.
        messages: What its signatures' messages begin with.
        classtypes: Its signatures' classes.
        rest: Whether it takes what no other names.
    """

    id: str
    japanese: str
    english: str
    sids: tuple[tuple[int, int], ...]
    messages: tuple[str, ...]
    classtypes: frozenset[str]
    rest: bool


@dataclass(frozen=True, slots=True)
class Categories:
    """Categories in their order."""

    all: tuple[Category, ...]

    def of(self, sid: int, message: str, classification: str) -> Category:
        """The category of a signature: there is one for every signature."""
        return (
            next((one for one in self.all if any(low <= sid <= high for low, high in one.sids)), None)
            or next((one for one in self.all if message.startswith(one.messages or ("\0",))), None)
            or next((one for one in self.all if classification in one.classtypes), None)
            or next(one for one in self.all if one.rest)
        )


def read(path: Path | None = None) -> Categories:
    """Read a file of categories; without one, the six of the 2009 report.

    Raises:
        ConfigurationError: It cannot be read, or says something it cannot.
    """
    if path is None:
        return _parse(default_text(), _DEFAULT)
    try:
        return _parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"{path}: cannot be read: {reason}", "see to --categories") from error


def default_text() -> str:
    """The default file, for an operator to edit."""
    return (resources.files(__package__) / _DEFAULT).read_text(encoding="utf-8")


def _parse(text: str, place: str) -> Categories:
    try:
        document = tomllib.loads(text)
        categories = tuple(_category(table) for table in document["category"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(
            f"{place}: no list of categories: {error}", "each [[category]] needs id and title = { ja, en }"
        ) from error
    if len({one.id for one in categories}) != len(categories):
        raise ConfigurationError(f"{place}: two categories have the same id", "give each its own")
    if sum(one.rest for one in categories) != 1:
        raise ConfigurationError(
            f"{place}: exactly one category takes the rest", "write `rest = true` in one"
        )
    return Categories(categories)


def _category(table: dict[str, object]) -> Category:
    if strangers := sorted(table.keys() - _KEYS):
        raise ValueError(f"`{strangers[0]}` is no key of a category")
    title = table["title"]
    if not isinstance(title, dict):
        raise TypeError("title is no table of ja and en")
    return Category(
        id=str(table["id"]),
        japanese=str(title["ja"]),
        english=str(title["en"]),
        sids=tuple(_range(named) for named in _list(table, "sids")),
        messages=tuple(map(str, _list(table, "messages"))),
        classtypes=frozenset(map(str, _list(table, "classtypes"))),
        rest=table.get("rest") is True,
    )


def _list(table: dict[str, object], key: str) -> list[object]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise TypeError(f"{key} is no list")
    return value


def _range(named: object) -> tuple[int, int]:
    match named:
        case int():
            return named, named
        case [int() as low, int() as high]:
            return low, high
        case _:
            raise ValueError(f"sids: {named!r} is neither a number nor [first, last]")
