"""What a report says in fixed words: one instance of `Wording` a language.

Words for a change ("やや増加した"), cells of tables, and numbers of tables and figures are the 2009 report's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from teiten_collector.report.figures.spoken import Speech
    from teiten_collector.report.page import Words

SLIGHT_PERCENT = 5.0
"""A change below this, either way, is called level."""
PLAIN_PERCENT = 20.0
"""A change from here on is no longer called slight."""
LARGE_RISE_PERCENT = 100.0
"""An increase from here on is called large: more than twice as much."""
LARGE_FALL_PERCENT = -50.0
"""A decrease from here on is called large: less than half as much."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Texts of one language; `{names}` are filled in by `str.format`."""

    title: str
    month: str
    span: str
    words: Words
    speech: Speech
    others: str
    rate_axis: str
    detection_axis: str
    current: str
    previous: str
    # 1
    overview: str
    leading_port: str
    leading_port_level: str
    countries_rose: str
    countries_fell: str
    detections_total: str
    detections_changed: str
    list_separator: str
    # 2
    bulletins: str
    bulletin_accesses: str
    bulletin: str
    bulletin_figure: str
    published: str
    noticed: str
    bulletin_surge: str
    bulletin_no_surge: str
    bulletin_unknown: str
    scan_range_heading: str
    scan_range: str
    scan_range_columns: tuple[str, str, str, str]
    reach: Mapping[str, str]
    range_: Mapping[str, str]
    features_heading: str
    features: str
    feature_columns: tuple[str, str]
    feature_surge: str
    feature_days: str
    feature_range: str
    feature_of: str
    feature_of_none: str
    feature_days_value: str
    no_bulletins: str
    # 3
    accesses: str
    by_port: str
    by_country: str
    outline: str
    course: str
    shares_world: str
    shares_home: str
    shares_port_countries: str
    port_course: str
    icmp_course: str
    backscatter_days: str
    backscatter_table: str
    shares_countries: str
    shares_country_ports: str
    country_course: str
    further: str
    further_ports: str
    further_countries: str
    figures_columns: tuple[str, str, str, str, str]
    classes: str
    class_column: str
    class_names: Mapping[str, str]
    tools: str
    tool_column: str
    tool_names: Mapping[str, str]
    networks: str
    network_column: str
    victims: str
    victim_columns: tuple[str, str, str, str, str, str]
    sensors: str
    sensor_columns: tuple[str, str, str, str, str, str, str]
    ipv6: str
    # beyond the reference
    prefix_unit: str
    estimate: str
    sources_estimated: str
    without_surveys_column: str
    survey_column: str
    surveys: str
    surveys_lead: str
    no_surveys: str
    ports_without_surveys: str
    countries_without_surveys: str
    surveys_detections: str
    further_categories: str
    further_detection_countries: str
    further_signatures: str
    signature_column: str
    tools_by_port: str
    packets_column: str
    no_tool: str
    tools_note: str
    reflected: str
    attacks: str
    attacks_seen: str
    no_attacks: str
    attack_floor: str
    lacking: str
    lacking_before: str
    counting_twice: str
    counting_twice_before: str
    sentence_separator: str
    method_surveys_heading: str
    method_surveys: str
    lacks_heading: str
    nothing_lacks: str
    lacks: str
    lacks_left_out: str
    lack_gap: str
    lack_overlap: str
    lack_batches: str
    lack_loss: str
    lack_packets: str
    reflected_columns: tuple[str, ...]
    attack_columns: tuple[str, ...]
    lack_columns: tuple[str, ...]
    loss_reasons: Mapping[str, str]
    # 4
    signatures_ipv6: str
    signatures: str
    by_category: str
    shares_categories: str
    categories_course: str
    categories_table: str
    shares_category_countries: str
    shares_detections_countries: str
    detections_countries_course: str
    detections_countries_table: str
    shares_detections_signatures: str
    category_column: str
    # 5
    topics: str
    topics_columns: tuple[str, str, str, str]
    topics_lead: str
    # 6
    method: str
    method_accesses_heading: str
    method_accesses: str
    method_rates: str
    method_days: str
    method_observed: str
    method_signatures_heading: str
    method_signatures: str
    categories_examples: str
    categories_examples_columns: tuple[str, str]
    method_countries_heading: str
    method_countries: str
    rounding: str
    exposure_note: str
    unobserved_note: str
    unobserved_days: str
    # tables that rank, and words for how much something changed
    cell_rate: str
    cell_change: str
    cell_rank: str
    negligible: str
    total: str
    total_compared: str
    not_compared: str
    not_observed: str
    top: str
    address_unit: str
    address_day: str
    prefix_day: str
    ports_table: str
    countries_table: str
    ports_table_ipv6: str
    countries_table_ipv6: str
    ranking_columns: tuple[str, str, str, str, str, str, str]
    country_column: str
    counted: str
    no_percentage: str
    nothing: str
    level: str
    slight_rise: str
    rise: str
    large_rise: str
    slight_fall: str
    fall: str
    large_fall: str

    def trend(self, percent: float) -> str:
        """The word for a change."""
        if abs(percent) < SLIGHT_PERCENT:
            return self.level
        if percent > 0:
            if percent < PLAIN_PERCENT:
                return self.slight_rise
            return self.rise if percent < LARGE_RISE_PERCENT else self.large_rise
        if percent > -PLAIN_PERCENT:
            return self.slight_fall
        return self.fall if percent > LARGE_FALL_PERCENT else self.large_fall
