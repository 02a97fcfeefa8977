"""Categories of signatures, and what is known of each signature.

Detections carry a signature's number only. Its message and category come from a list, as CSV with a header:

    sid,message,category,classtype
    9000001,SQL Slammer,Worm,worm

Only `sid` is needed; `category` (an id of the categories' file) goes before everything that the categories'
file would say, `message` and `classtype` are what that file looks at. A signature that is in no list has its
number for a message.
"""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from teiten_collector.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Title(BaseModel):
    """A title in each language of the report."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    ja: str
    en: str


class Category(BaseModel):
    """One category, as the file has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(min_length=1)
    title: Title
    examples: tuple[str, ...] = ()
    sids: tuple[int | tuple[int, int], ...] = ()
    messages: tuple[str, ...] = ()
    classtypes: tuple[str, ...] = ()
    rest: bool = False

    def has_number(self, sid: int) -> bool:
        """Whether it names the signature by its number."""
        return any(
            sid == named if isinstance(named, int) else named[0] <= sid <= named[1] for named in self.sids
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    category: tuple[Category, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """What is known of a signature.

    Attributes:
        sid: Its number.
        message: What it is called; its number where that is not known.
        category: The id of its category.
    """

    sid: int
    message: str
    category: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a list of signatures; empty texts are not known."""

    message: str = ""
    category: str = ""
    classtype: str = ""


@dataclass(frozen=True, slots=True)
class Signatures:
    """Categories in their order, and a list of signatures."""

    categories: tuple[Category, ...]
    listed: Mapping[int, Listed]

    def signature(self, sid: int) -> Signature:
        """What is known of a signature, whatever its number."""
        line = self.listed.get(sid, Listed())
        return Signature(sid, line.message or str(sid), line.category or self._category(sid, line))

    def _category(self, sid: int, line: Listed) -> str:
        for category in self.categories:
            if category.has_number(sid):
                return category.id
        for category in self.categories:
            if line.message and line.message.startswith(category.messages or ("\0",)):
                return category.id
        for category in self.categories:
            if line.classtype and line.classtype in category.classtypes:
                return category.id
        return next(category.id for category in self.categories if category.rest)


def read_categories(path: Path | None = None) -> tuple[Category, ...]:
    """Reads a file of categories; without one, the six of the 2009 report.

    Raises:
        InputError: It cannot be read, or says something it cannot.
    """
    if path is None:
        source = resources.files("teiten_collector.analysis").joinpath("categories.toml")
        return _parse_categories(source.read_text(encoding="utf-8"), source.name)
    return _parse_categories(_read(path), str(path))


def read_signatures(paths: Sequence[Path], categories: tuple[Category, ...]) -> Signatures:
    """Reads lists of signatures; a later list goes before an earlier one.

    Raises:
        InputError: A list cannot be read, has a line without a number, or names an unknown category.
    """
    known = {category.id for category in categories}
    listed: dict[int, Listed] = {}
    for path in paths:
        for number, line in enumerate(csv.DictReader(_read(path).splitlines()), start=2):
            place = f"{path}:{number}"
            sid = (line.get("sid") or "").strip()
            if not (sid.isascii() and sid.isdigit()):
                raise InputError(
                    f"{sid!r} is no number of a signature",
                    place=place,
                    remedy="the first line is sid,message,category,classtype",
                )
            category = (line.get("category") or "").strip()
            if category and category not in known:
                raise InputError(
                    f"{category!r} is no category", place=place, remedy=f"known: {', '.join(sorted(known))}"
                )
            message, classtype = ((line.get(name) or "").strip() for name in ("message", "classtype"))
            listed[int(sid)] = Listed(message, category, classtype)
    return Signatures(categories, listed)


def _parse_categories(text: str, place: str) -> tuple[Category, ...]:
    try:
        found = _File.model_validate(tomllib.loads(text)).category
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise InputError(f"no list of categories: {error}", place=place) from error
    ids = [category.id for category in found]
    if len(set(ids)) != len(ids):
        raise InputError("two categories have the same id", place=place)
    if sum(category.rest for category in found) != 1:
        raise InputError("exactly one category takes the rest (rest = true)", place=place)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(f"cannot be read: {reason}", place=str(path)) from error
