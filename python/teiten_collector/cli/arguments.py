"""What several commands take."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from teiten_collector.store import Store

if TYPE_CHECKING:
    from teiten_collector.config import CollectorConfig

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no public name


class Parser(argparse.ArgumentParser):
    """A command line whose commands themselves tell what they do not know, beside what they do know."""

    def parse_known_args(self, *given: Any) -> Any:  # type: ignore[override]  # noqa: ANN401  # handed through
        """See `argparse.ArgumentParser`; what is not known is an error here already."""
        known, unknown = super().parse_known_args(*given)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown


def add_config(parser: argparse.ArgumentParser) -> None:
    """Adds `--config`."""
    parser.add_argument(
        "--config", required=True, type=Path, metavar="PATH", help="the collector's TOML file"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds `--json`."""
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")


def open_store(config: CollectorConfig) -> Store:
    """Opens the store that a configuration names."""
    return Store.open(config.store.directory, config.store.url)
