"""Writing that survives a power cut: whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, content: str, mode: int = 0o644) -> None:
    """Put text in a file's place, in folders that are made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, content.encode(), mode)


def replace(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put new content in a file's place, whole or not at all, also when the power goes."""
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as stream:
        new.chmod(mode)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)
    _sync_folder(path.parent)


def remove(path: Path) -> None:
    """Take a file away for good."""
    path.unlink()
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
