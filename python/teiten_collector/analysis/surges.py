"""Whether counts rose above what the days before make likely, when, and for how long.

The null hypothesis is the rate of the days before, with days that differ as much as those did: counts are
overdispersed (a source that comes sends many packets), so the dispersion is estimated from the days before
and every test allows for it. The probability of a window of days is the larger one of an exact conditional
test of counts divided by the dispersion, which is right for few packets, and of the quasi-likelihood F test,
which is right for a dispersion known from few days. Several windows are tried; the probability is multiplied
by their number (Bonferroni). docs/explanation/analysis.md has the sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from teiten_collector.analysis.chance import count_tail, dispersion, quasi_rise, rate_rise

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

WINDOWS = (1, 2, 3, 5, 7, 14)
"""Lengths of the windows tried, in days."""
ELEVATED = 0.01
"""A day is elevated where so many or more are less likely than this."""
GAP = 2
"""So many days between two elevated ones do not part a surge."""
LEAST_DAYS = 7
"""Fewer days before than these say nothing of how much days differ."""


@dataclass(frozen=True, slots=True)
class Rise:
    """The likeliest rise in a series.

    Attributes:
        probability: Of the most unlikely window, were there no rise, times the number of windows; 1 at most.
        dispersion: How much more the days before differ than Poisson counts; 1 at least.
        before_rate: Rate of the days before.
        first: Index of the first day of the rise among the days after; None where no day is elevated.
        last: Index of its last day.
        elevated: Indexes of its elevated days, from `first` to `last`.
    """

    probability: float
    dispersion: float
    before_rate: float
    first: int | None
    last: int | None
    elevated: tuple[int, ...]


def find_rise(before: Numbers, before_days: Numbers, after: Numbers, after_days: Numbers) -> Rise | None:
    """Looks for a rise in the days after.

    Args:
        before: Counts of the days before.
        before_days: What was observed of each of these days (address-days).
        after: Counts of the days after, in order.
        after_days: What was observed of each of these.

    Returns:
        None where fewer than `LEAST_DAYS` of the days before, or none after, were observed.
    """
    known = before_days > 0
    counts, days = before[known], before_days[known]
    if len(counts) < LEAST_DAYS or not (after_days > 0).any():
        return None
    spread = dispersion(counts, days)
    total, exposure = float(counts.sum()), float(days.sum())
    best, best_window, tried = 1.0, (0, 0), 0
    for length in WINDOWS:
        for start in range(len(after) - length + 1):
            window = slice(start, start + length)
            observed = float(after_days[window].sum())
            if observed <= 0:
                continue
            tried += 1
            probability = _window(
                total, exposure, float(after[window].sum()), observed, spread, len(counts) - 1
            )
            if probability < best:
                best, best_window = probability, (start, start + length - 1)
    elevated = [
        number
        for number, (count, observed) in enumerate(zip(after, after_days, strict=True))
        if _elevated(float(count), float(observed), total, exposure, spread)
    ]
    run = _run(elevated, best_window)
    return Rise(
        probability=min(1.0, best * max(tried, 1)),
        dispersion=spread,
        before_rate=total / exposure,
        first=run[0] if run else None,
        last=run[-1] if run else None,
        elevated=tuple(run),
    )


def _window(  # noqa: PLR0913, PLR0917 - both counts and exposures, and the dispersion with its freedom
    before: float, before_days: float, after: float, after_days: float, spread: float, freedom: int
) -> float:
    if after / after_days <= before / before_days:
        return 1.0
    exact = rate_rise(before / spread, before_days, after / spread, after_days)
    # With nothing before there is no dispersion to be unsure of: the exact test alone.
    if before <= 0:
        return exact
    return max(exact, quasi_rise(before, before_days, after, after_days, spread, freedom))


def _elevated(count: float, observed: float, before: float, before_days: float, spread: float) -> bool:
    """Whether a day's count is beyond what the days before make likely, their rate being uncertain too."""
    if observed <= 0 or count <= 0:
        return False
    shape = before / spread + 0.5  # Jeffreys' prior of a Poisson rate
    mean = observed * shape * spread / before_days
    variance = mean * spread + mean**2 / shape
    return count_tail(count, mean, variance) < ELEVATED


def _run(elevated: list[int], window: tuple[int, int]) -> list[int]:
    """The elevated days of the window and those that follow or precede it without a longer gap."""
    run = [number for number in elevated if window[0] <= number <= window[1]]
    if not run:
        return []
    for number in reversed([number for number in elevated if number < run[0]]):
        if run[0] - number > GAP + 1:
            break
        run.insert(0, number)
    for number in [number for number in elevated if number > run[-1]]:
        if number - run[-1] > GAP + 1:
            break
        run.append(number)
    return run
