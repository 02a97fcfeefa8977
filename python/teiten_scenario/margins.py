"""Accesses by key and country, when only the sums by key and the sums by country are known.

Iterative proportional fitting (Deming and Stephan, 1940) turns a table of leanings into one with the wanted
sums; rounding then keeps both sums exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_ROUNDS = 60


def whole(shares: npt.NDArray[np.float64], total: int) -> npt.NDArray[np.int64]:
    """Split a total in proportion to shares, by largest remainders; ties go to the first."""
    scaled = shares * (total / shares.sum()) if shares.sum() > 0 else np.zeros_like(shares)
    result: npt.NDArray[np.int64] = np.floor(scaled).astype(np.int64)
    missing = total - int(result.sum())
    result[np.argsort(result - scaled, kind="stable")[:missing]] += 1
    return result


def fit(
    leanings: npt.NDArray[np.float64], rows: npt.NDArray[Any], columns: npt.NDArray[Any]
) -> npt.NDArray[np.int64]:
    """Make a table of whole numbers with the given sums, near in proportion to the leanings.

    Args:
        leanings: A positive table.
        rows: Whole sum of each row, at least 0.
        columns: Whole sum of each column, at least 0; all of them together are the rows' total.
    """
    table = leanings.copy()
    for _ in range(_ROUNDS):
        table *= _ratio(rows, table.sum(axis=1))[:, None]
        table *= _ratio(columns, table.sum(axis=0))[None, :]
    result: npt.NDArray[np.int64] = np.floor(table + 1e-9).astype(np.int64)
    for row in np.flatnonzero(result.sum(axis=1) > rows):
        result[row] = whole(table[row], int(rows[row]))
    row_missing = np.asarray(rows - result.sum(axis=1), dtype=np.int64)
    column_missing = np.asarray(columns - result.sum(axis=0), dtype=np.int64)
    for cell in np.argsort(result - table, axis=None, kind="stable"):
        row, column = divmod(int(cell), table.shape[1])
        if row_missing[row] > 0 and column_missing[column] > 0:
            result[row, column] += 1
            row_missing[row] -= 1
            column_missing[column] -= 1
    return _settle(result, row_missing, column_missing)


def _ratio(wanted: npt.NDArray[Any], sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    ratio: npt.NDArray[np.float64] = np.divide(wanted, sums, out=np.zeros(len(sums)), where=sums > 0)
    return ratio


def _settle(
    table: npt.NDArray[np.int64], row_missing: npt.NDArray[np.int64], column_missing: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Place what rounding left, wherever it fits."""
    for column in np.flatnonzero(column_missing < 0):  # take back first what a column has too much
        for row in np.argsort(-table[:, column], kind="stable"):
            moved = int(min(-column_missing[column], table[row, column]))
            table[row, column] -= moved
            column_missing[column] += moved
            row_missing[row] += moved
    for row in np.flatnonzero(row_missing > 0):
        for column in np.flatnonzero(column_missing > 0):
            moved = int(min(row_missing[row], column_missing[column]))
            table[row, column] += moved
            row_missing[row] -= moved
            column_missing[column] -= moved
    return table
