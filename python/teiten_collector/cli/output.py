"""How the commands speak: documents and files on standard output, messages on standard error."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from teiten_collector.errors import CannotWriteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def print_json(content: dict[str, object]) -> None:
    """Prints one document."""
    print(json.dumps(content, ensure_ascii=False, indent=2))


def write(content: bytes, path: Path | None) -> None:
    """Writes a file, or to standard output.

    Raises:
        CannotWriteError: The file cannot be written.
    """
    if path is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CannotWriteError(
            f"cannot be written: {error.strerror}", place=str(path), remedy="name a file that can be"
        ) from error


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on a terminal, nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)
