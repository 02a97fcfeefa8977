"""pcapy-ng, the binding of libpcap: 3 MB, loaded by who needs it, which a ring without a filter does not."""

from __future__ import annotations

from typing import Any


def pcapy_ng() -> Any:  # noqa: ANN401  # compiled, without types
    """The module."""
    import pcapy  # type: ignore[import-not-found]  # noqa: PLC0415

    return pcapy
