"""Strict reading of TOML tables: exact types, bounds, and no key that nobody asked for."""

import difflib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from teiten_scenario.errors import DescriptionError


class Table:
    """A TOML table being read. Every key that is asked for becomes known; `close` refuses the others."""

    def __init__(self, values: Mapping[str, object], place: str) -> None:
        """Read `values`, which stand at `place` in the description (empty for its top)."""
        self._values = values
        self._known: set[str] = set()
        self.place = place

    def at(self, name: str) -> str:
        """Place of a key of this table."""
        return f"{self.place}.{name}" if self.place else name

    def has(self, name: str) -> bool:
        """Tell whether the key is there."""
        self._known.add(name)
        return name in self._values

    def names(self) -> list[str]:
        """All keys, in their order, for a table whose keys are names; they become known."""
        self._known.update(self._values)
        return list(self._values)

    def text(self, name: str, default: str | None = None) -> str:
        """Read a text that is not empty."""
        value = self._value(name, default)
        if not isinstance(value, str) or not (value or value == default):
            raise DescriptionError(self.at(name), "must be a text")
        return value

    def texts(self, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """Read a list of texts."""
        value = self._value(name, default)
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise DescriptionError(self.at(name), "must be a list of texts")
        return tuple(value)

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """Read an integer from `low` to `high`."""
        value = self._value(name, default)
        if type(value) is not int or not low <= value <= high:
            raise DescriptionError(self.at(name), f"must be an integer from {low} to {high}")
        return value

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        """Read a number from `low` to `high`."""
        return _number(self.at(name), self._value(name, default), low, high)

    def numbers(self, name: str, low: float, high: float) -> tuple[float, ...]:
        """Read a list of numbers, each from `low` to `high`."""
        value = self._value(name, None)
        if not isinstance(value, list) or not value:
            raise DescriptionError(self.at(name), "must be a list of numbers")
        return tuple(
            _number(f"{self.at(name)}[{index}]", item, low, high) for index, item in enumerate(value)
        )

    def flag(self, name: str) -> bool:
        """Read true or false; false where it is absent."""
        value = self._value(name, default=False)
        if not isinstance(value, bool):
            raise DescriptionError(self.at(name), "must be true or false")
        return value

    def day(self, name: str, default: date | None = None) -> date:
        """Read a date, written without quotes."""
        value = self._value(name, default)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise DescriptionError(self.at(name), "must be a date, for example 2009-08-12 without quotes")
        return value

    def moment(self, name: str) -> datetime:
        """Read a local date and time, written without quotes; it is a time of the scenario's time zone."""
        value = self._value(name, None)
        if not isinstance(value, datetime) or value.tzinfo is not None:
            raise DescriptionError(
                self.at(name), "must be a local time, for example 2009-08-12T03:00:00 without quotes"
            )
        return value

    def weights(self, name: str) -> dict[str, float]:
        """Read a table of numbers of at least 0; empty where it is absent."""
        if not self.has(name):
            return {}
        inner = self.table(name)
        return {key: inner.number(key, 0, _MANY) for key in inner.names()}

    def is_table(self, name: str) -> bool:
        """Tell whether the key is there and holds a table."""
        self._known.add(name)
        return isinstance(self._values.get(name), dict)

    def table(self, name: str) -> "Table":
        """Read an inner table."""
        value = self._value(name, None)
        if not isinstance(value, dict):
            raise DescriptionError(self.at(name), "must be a table")
        return Table(value, self.at(name))

    def tables(self, name: str) -> list["Table"]:
        """Read a list of tables; empty where it is absent."""
        value = self._value(name, ())
        if not isinstance(value, list | tuple) or not all(isinstance(item, dict) for item in value):
            raise DescriptionError(self.at(name), f"must be a list of tables, each written [[{name}]]")
        return [Table(item, f"{self.at(name)}[{index}]") for index, item in enumerate(value)]

    def close(self) -> None:
        """Refuse keys that nobody asked for, and suggest the near name."""
        for name in self._values:
            if name not in self._known:
                near = difflib.get_close_matches(name, sorted(self._known), n=1)
                hint = (
                    f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(self._known))}"
                )
                raise DescriptionError(self.at(name), f"unknown key; {hint}")

    def _value(self, name: str, default: object) -> object:
        self._known.add(name)
        value = self._values.get(name, default)
        if value is None:
            self._suggest(name)
            raise DescriptionError(self.at(name), "is missing")
        return value

    def _suggest(self, name: str) -> None:
        near = difflib.get_close_matches(name, [key for key in self._values if key not in self._known], n=1)
        if near:
            raise DescriptionError(self.at(near[0]), f"unknown key; did you mean {name!r}?")


_MANY: Final = 1e9


def _number(place: str, value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise DescriptionError(place, f"must be a number from {low:g} to {high:g}")
    return float(value)
