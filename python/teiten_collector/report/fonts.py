"""The fonts of figures and paper: Noto Sans JP and Noto Serif JP, under the SIL Open Font License 1.1.

They come with the package pylopdf-fonts-jp, which holds the two fonts and nothing else, so that a report
looks the same on every machine, whatever fonts that has. The licence lets a document carry them.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from teiten_collector.errors import ConfigurationError

SANS = "Noto Sans JP"
SANS_OR_LIKE = f"{SANS}, Hiragino Sans, Yu Gothic, Meiryo, IPAexGothic, sans-serif"
"""For a reader's machine, which has other fonts: as CSS names them, the one that is measured with first."""
SERIF = "Noto Serif JP"
_PACKAGE = "pylopdf_fonts_jp"
_FILES = ("NotoSansJP-Regular.otf", "NotoSerifJP-Regular.otf")


def font_directory() -> Path:
    """The folder that holds the two fonts.

    Raises:
        ConfigurationError: The package is not installed, or without the fonts.
    """
    found = find_spec(_PACKAGE)
    for location in (found.submodule_search_locations or ()) if found is not None else ():
        directory = Path(location)
        if all((directory / file).is_file() for file in _FILES):
            return directory
    raise ConfigurationError(
        "the fonts of the report are missing", place=_PACKAGE, remedy="install teiten-agent[collector]"
    )
