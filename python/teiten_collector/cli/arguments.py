"""What several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from teiten_collector.store import Store

if TYPE_CHECKING:
    import argparse

    from teiten_collector.config import CollectorConfig

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no public name


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
