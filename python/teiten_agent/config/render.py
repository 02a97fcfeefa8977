"""What is made from the schema: the sample, what is in force, the JSON Schema and the reference page."""

from __future__ import annotations

import dataclasses
import ipaddress
from enum import Enum
from typing import TYPE_CHECKING

from teiten_agent.config.kinds import Words
from teiten_agent.config.model import SECTIONS, Configuration, option_of

if TYPE_CHECKING:
    from teiten_agent.config.model import Option


class Language(Enum):
    """A language of the documentation."""

    ENGLISH = "en"
    JAPANESE = "ja"

    def of(self, words: Words) -> str:
        """Choose the sentence in this language."""
        return words.english if self is Language.ENGLISH else words.japanese


_UNIT = Words("Unit", "単位")
_ALLOWED = Words("Allowed", "許容値")
_DEFAULT = Words("Default", "既定値")
_REQUIRED = Words("required", "必須")


def sample(language: Language = Language.ENGLISH) -> str:
    """A configuration to begin with: every key, explained, with the values of an imagined sensor."""
    lines = ["# agent.toml"]
    for name, section in SECTIONS.items():
        lines += ["", f"[{name}]"]
        for field in dataclasses.fields(section):
            option = option_of(field)
            lines.append(f"# {language.of(option.text)}")
            lines.append(f"# {language.of(_ALLOWED)}: {language.of(option.kind.allowed)}{_with_unit(option)}")
            lines.append(f"{field.name} = {toml_value(option.example)}")
    return "\n".join(lines) + "\n"


def in_force(configuration: Configuration) -> str:
    """The configuration as the program uses it, as TOML: defaults filled in, paths absolute."""
    lines: list[str] = []
    for name, table in as_document(configuration).items():
        lines += ["", f"[{name}]"] if lines else [f"[{name}]"]
        lines += [f"{key} = {toml_value(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def as_document(configuration: Configuration) -> dict[str, dict[str, object]]:
    """The configuration as plain values, for JSON and for TOML."""
    return {
        name: {
            field.name: _plain(getattr(getattr(configuration, name), field.name))
            for field in dataclasses.fields(section)
        }
        for name, section in SECTIONS.items()
    }


def json_schema() -> dict[str, object]:
    """The schema as JSON Schema (draft 2020-12), for editors and other programs."""
    tables: dict[str, object] = {}
    required_tables = []
    for name, section in SECTIONS.items():
        properties: dict[str, object] = {}
        required = []
        for field in dataclasses.fields(section):
            option = option_of(field)
            entry = {"description": option.text.english + _with_unit(option), **option.kind.json_schema}
            if field.default is dataclasses.MISSING:
                required.append(field.name)
            else:
                entry["default"] = _plain(field.default)
            properties[field.name] = entry
        tables[name] = {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }
        if required:
            required_tables.append(name)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "agent.toml",
        "type": "object",
        "properties": tables,
        "required": required_tables,
        "additionalProperties": False,
    }


def reference() -> str:
    """The reference page of the documentation, in both languages."""
    lines = [
        "# Configuration of the agent / エージェントの設定",
        "",
        "<!-- Written by `python -m teiten_agent.config.render`; a test holds it equal to the schema. -->",
        "",
        "`teiten-agent` reads `/etc/teiten/agent.toml`, or the file that `--config` names. Unknown keys are",
        "errors. Relative paths count from the folder of the file. `teiten-agent config sample` prints a",
        "file to begin with (`--language ja` in Japanese), `config show` what is in force, `config schema`",
        "the JSON Schema.",
        "",
        "`teiten-agent` は `/etc/teiten/agent.toml`、または `--config` で指定したファイルを読む。",
        "未知のキーは誤りとする。相対パスはそのファイルのフォルダーから数える。",
        "`config sample --language ja` は日本語の見本、`config show` は有効な設定、",
        "`config schema` は JSON Schema を出力する。",
    ]
    for name, section in SECTIONS.items():
        lines += ["", f"## `[{name}]`", "", (section.__doc__ or "").rstrip(".") + ".", ""]
        for field in dataclasses.fields(section):
            option = option_of(field)
            default = (
                f"{_REQUIRED.english} / {_REQUIRED.japanese}"
                if field.default is dataclasses.MISSING
                else f"`{toml_value(_plain(field.default))}`"
            )
            lines += [f"### `{name}.{field.name}`", "", option.text.english, "", option.text.japanese, ""]
            lines.append(f"- {_ALLOWED.english}: {option.kind.allowed.english}")
            lines.append(f"- {_ALLOWED.japanese}: {option.kind.allowed.japanese}")
            if option.unit:
                lines.append(f"- {_UNIT.english} / {_UNIT.japanese}: {option.unit}")
            lines.append(f"- {_DEFAULT.english} / {_DEFAULT.japanese}: {default}")
            lines.append(f"- Sample / 見本: `{field.name} = {toml_value(option.example)}`")
            lines.append("")
        lines.pop()
    return "\n".join(lines) + "\n"


def toml_value(value: object) -> str:
    """Write a string, a boolean, an integer or an array of them as TOML 1.0."""
    if isinstance(value, str):
        return '"' + "".join(_escaped(character) for character in value) + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    raise TypeError(f"no option holds {type(value).__name__}")


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if ord(character) < 0x20 or ord(character) == 0x7F:  # noqa: PLR2004  # control characters, TOML 1.0 "String"
        return f"\\u{ord(character):04x}"
    return character


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return str(value)
    return value


def _with_unit(option: Option) -> str:
    return f" ({option.unit})" if option.unit else ""


if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201  # the page goes to standard output
