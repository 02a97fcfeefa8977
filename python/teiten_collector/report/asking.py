"""What the configuration has a report asked: the same for who prints it and for who counts ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_collector.analysis.survey_scanners import read_survey_scanners
from teiten_collector.report.document import Question

if TYPE_CHECKING:
    from teiten_collector.analysis.bulletins import Bulletin
    from teiten_collector.analysis.periods import Period
    from teiten_collector.config import ReportConfig


def question_of(
    config: ReportConfig, period: Period, compare: Period, bulletins: tuple[Bulletin, ...] = ()
) -> Question:
    """The question of a period against another.

    Raises:
        InputError: A list of survey scanners cannot be read.
    """
    return Question(
        period,
        compare,
        access_groups=config.access_groups,
        signature_groups=config.signature_groups,
        home_country=config.home,
        bulletins=bulletins,
        scanners=read_survey_scanners(config.survey_scanner_lists, shipped=config.known_survey_scanners),
    )
