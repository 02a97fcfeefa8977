"""What chance alone would do: the distributions and tests behind every verdict.

Each function names its source; docs/explanation/analysis.md says what each is used for. Probabilities are
floats of 0 to 1; counts need not be whole, because a count divided by its dispersion is none.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

CONFIDENCE = 0.95
"""The level of every interval."""

_EXACT_OCCUPANCY = 4_000
"""Up to so many packets the distribution of occupied addresses is computed exactly."""


@cache
def _special() -> Any:  # noqa: ANN401 - the package ships no types
    """The special functions: loaded when first needed, because commands that report nothing need none."""
    from scipy import special  # type: ignore[import-untyped] # noqa: PLC0415 - as said

    return special


def poisson_intervals(counts: Numbers, level: float = CONFIDENCE) -> tuple[Numbers, Numbers]:
    """Exact intervals of Poisson means, given one count of each.

    F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936) 437-442. The lower limit
    of a count of 0 is 0.
    """
    tail = (1 - level) / 2
    positive = np.maximum(counts, 1.0)
    low = np.where(counts > 0, _special().gammaincinv(positive, tail), 0.0)
    return low, _special().gammaincinv(counts + 1.0, 1 - tail)


def rate_rise(before: float, before_days: float, after: float, after_days: float) -> float:
    """Probability of so many or more afterwards, were the rate the same; exact for Poisson counts.

    J. Przyborowski and H. Wilenski, "Homogeneity of results in testing samples from Poisson series",
    Biometrika 31 (1940) 313-323: given the sum, the later count is binomial. Counts divided by a dispersion
    are taken through the incomplete beta function, which is the binomial's tail for whole numbers.
    """
    if after <= 0:
        return 1.0
    return float(_special().betainc(after, before + 1.0, after_days / (before_days + after_days)))


def dispersion(counts: Numbers, days: Numbers) -> float:
    """How much more days differ than Poisson counts: Pearson's statistic by its freedom, at least 1.

    P. McCullagh and J. A. Nelder, Generalized Linear Models, 2nd ed. (1989), section 4.5.
    """
    if len(counts) <= 1 or counts.sum() <= 0:
        return 1.0
    expected = days * (counts.sum() / days.sum())
    statistic = float(np.sum((counts - expected) ** 2 / expected))
    return max(1.0, statistic / (len(counts) - 1))


def quasi_rise(  # noqa: PLR0913, PLR0917 - two counts, two exposures, and how sure the dispersion is
    before: float, before_days: float, after: float, after_days: float, spread: float, freedom: float
) -> float:
    """Probability of such a rise under the same rate, with a dispersion estimated from few days.

    Half the tail of an F distribution: the quasi-likelihood ratio test of McCullagh and Nelder (1989),
    sections 4.5 and 9.2, one-sided. 1 where there is no rise.
    """
    rate = (before + after) / (before_days + after_days)
    if after_days <= 0 or before_days <= 0 or rate <= 0 or after / after_days <= before / before_days:
        return 1.0
    deviance = 2 * sum(
        count * np.log(count / (rate * days)) if count > 0 else 0.0
        for count, days in ((before, before_days), (after, after_days))
    )
    return float(_special().fdtrc(1.0, max(freedom, 1.0), max(deviance, 0.0) / spread)) / 2


def count_tail(count: float, mean: float, variance: float) -> float:
    """Probability of a count or more, of a negative binomial (Poisson where variance and mean agree).

    J. M. Hilbe, Negative Binomial Regression, 2nd ed. (2011), section 8.2: the Poisson's mixture over gamma
    means, its tail through the incomplete beta function.
    """
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    if variance <= mean * (1 + 1e-9):
        return float(_special().gammainc(count, mean))
    size = mean * mean / (variance - mean)
    return float(_special().betainc(count, size, mean / (mean + size)))


def false_discovery(probabilities: Sequence[float]) -> list[float]:
    """The least false discovery rate at which each of many tests counts as a discovery.

    Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", J. R. Stat. Soc. B 57
    (1995) 289-300.
    """
    if not probabilities:
        return []
    values = np.asarray(probabilities, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * len(values) / np.arange(1, len(values) + 1)
    least = np.minimum.accumulate(scaled[::-1])[::-1]
    found = np.empty_like(least)
    found[order] = np.minimum(least, 1.0)
    return [float(value) for value in found]


def occupied(packets: int, places: int) -> tuple[float, float]:
    """Mean and variance of how many places are reached by packets that each choose any of them.

    W. Feller, An Introduction to Probability Theory and Its Applications I, 3rd ed. (1968), section IV.2.
    """
    missed = np.exp(packets * np.log1p(-1 / places)) if places > 1 else 0.0
    both = np.exp(packets * np.log1p(-2 / places)) if places > 2 else 0.0  # noqa: PLR2004 - two places
    mean = places * (1 - missed)
    variance = places * missed + places * (places - 1) * both - (places * missed) ** 2
    return float(mean), float(max(variance, 0.0))


def occupied_tails(reached: int, packets: int, places: int) -> tuple[float, float]:
    """Probabilities of so few or fewer, and of so many or more, places reached (Feller, as `occupied`).

    Exact up to a few thousand packets, by the chain that adds one packet at a time; beyond that by the normal
    limit with continuity correction.
    """
    if packets <= _EXACT_OCCUPANCY:
        length = min(packets, places) + 1
        chain = np.zeros(length)
        chain[0] = 1.0
        stays = np.arange(length) / places
        for _ in range(packets):
            moved = chain * (1 - stays)
            chain *= stays
            chain[1:] += moved[:-1]
        return float(min(chain[: reached + 1].sum(), 1.0)), float(min(chain[reached:].sum(), 1.0))
    mean, variance = occupied(packets, places)
    if variance <= 0:
        return (1.0, 1.0)
    deviation = variance**0.5
    few = _special().ndtr((reached + 0.5 - mean) / deviation)
    many = _special().ndtr(-(reached - 0.5 - mean) / deviation)
    return float(few), float(many)


def reached_tails(reached: int, chances: Numbers) -> tuple[float, float]:
    """Probabilities of so few or fewer, and of so many or more, places reached with given chances.

    The Poisson-binomial distribution: Y. H. Wang, "On the number of successes in independent trials",
    Statistica Sinica 3 (1993) 295-312, computed by adding one place at a time.
    """
    spread = np.zeros(len(chances) + 1)
    spread[0] = 1.0
    for chance in chances:
        spread[1:] = spread[1:] * (1 - chance) + spread[:-1] * chance
        spread[0] *= 1 - chance
    return float(min(spread[: reached + 1].sum(), 1.0)), float(min(spread[reached:].sum(), 1.0))


def evenness(days: Sequence[Numbers], places: int) -> tuple[float, int]:
    """The index of dispersion of counts over places, added up over days, and its degrees of freedom.

    R. A. Fisher, Statistical Methods for Research Workers (1925), section 16. Were every place as likely, it
    follows the chi-square distribution; `spread_tails` gives its tails.

    Args:
        days: The counts above 0 of each day; the other places had none.
        places: How many places there are.
    """
    statistic, freedom = 0.0, 0
    for counts in days:
        total = float(counts.sum())
        if total > 0 and places > 1:
            mean = total / places
            squares = float(np.sum((counts - mean) ** 2)) + (places - len(counts)) * mean**2
            statistic += squares / mean
            freedom += places - 1
    return statistic, freedom


def spread_tails(statistic: float, freedom: int, spread: float = 1.0) -> tuple[float, float]:
    """Probabilities of such an index of dispersion or less, and of such a one or more.

    Args:
        statistic: The index.
        freedom: Its degrees of freedom.
        spread: The variance of a count by its mean, where it is not 1 (Poisson).
    """
    if freedom < 1:
        return 1.0, 1.0
    return float(_special().chdtr(freedom, statistic / spread)), float(
        _special().chdtrc(freedom, statistic / spread)
    )


def rank_correlation(first: Numbers, second: Numbers) -> tuple[float, float]:
    """Spearman's rank correlation of two series, ties at their mean rank, and its two-sided probability.

    C. Spearman, Am. J. Psychol. 15 (1904) 72-101; the probability by Student's t, as M. G. Kendall, Rank
    Correlation Methods (1948). 0 and 1 where one of them does not vary or there are fewer than 5 pairs.
    """
    least = 5
    if len(first) < least:
        return 0.0, 1.0
    ranks = [mean_ranks(values) for values in (first, second)]
    centred = [values - values.mean() for values in ranks]
    scale = float(np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    if scale <= 0:
        return 0.0, 1.0
    correlation = float((centred[0] * centred[1]).sum() / scale)
    freedom = len(first) - 2
    rest = 1 - correlation**2
    if rest <= 1e-12:  # noqa: PLR2004 - as good as none
        return correlation, 0.0
    statistic = abs(correlation) * np.sqrt(freedom / rest)
    return correlation, float(2 * _special().stdtr(freedom, -statistic))


def mean_ranks(values: Numbers) -> Numbers:
    """Ranks from 1; equal values have the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray(((last - counts + 1 + last) / 2)[inverse], dtype=np.float64)
