"""What the report says in words, in each of its languages, in the plain style of the 2009 report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from teiten_collector.config import Language

SLIGHT_PERCENT = 5.0
"""A change below this, either way, is called level."""
PLAIN_PERCENT = 20.0
"""A change from here on is no longer called slight."""
LARGE_RISE_PERCENT = 100.0
"""An increase from here on is called large: more than twice as much."""
LARGE_FALL_PERCENT = -50.0
"""A decrease from here on is called large: less than half as much."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """Texts of one language; `{names}` are filled in by `str.format`."""

    title: str
    period: str
    compare: str
    span: str
    rate: str
    change: str
    rank: str
    negligible: str
    total: str
    total_compared: str
    total_changed: str
    not_compared: str
    not_observed: str
    top: str
    list_separator: str
    address_unit: str
    prefix_unit: str
    address_day: str
    prefix_day: str
    ports_table: str
    countries_table: str
    backscatter_table: str
    ports_table_ipv6: str
    countries_table_ipv6: str
    backscatter_table_ipv6: str
    columns: tuple[str, str, str, str, str, str, str]
    country_column: str
    counted: str
    exposure: str
    unobserved: str
    no_percentage: str
    nothing: str
    unobserved_table: str
    country_database: str
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


PHRASES: dict[Language, Phrases] = {
    "ja": Phrases(
        title="インターネット定点観測 センサーに対するアクセス",
        period="今期: ",
        compare="前期: ",
        span="{first} から {last} まで {days} 日間",
        rate="{rate} 件",
        change="{sign}{change} 件",
        rank="{rank} 位",
        negligible="ごく僅か",
        total="今期のセンサーに対するアクセス件数は、{unit}当たり {rate} 件であった。",
        total_compared="今期のセンサーに対するアクセス件数は、{unit}当たり {rate} 件で、"
        "前期と比較して {change} ({percent})と{trend}。",
        total_changed="今期のセンサーに対するアクセス件数は、{unit}当たり {rate} 件で、"
        "前期と比較して {change} であった。",
        not_compared="前期は観測がないため、比較していない。",
        not_observed="今期は観測がないため、件数を示せない。",
        top="アクセス件数の上位 {count} ポートは、{keys} の順であった。",
        list_separator="、",
        address_unit="一日・1IP ",
        prefix_unit="一日・1 プレフィックス(/64) ",
        address_day="アドレス・日",
        prefix_day="プレフィックス・日",
        ports_table="表 3-1 宛先ポート別検知件数",
        countries_table="表 3-2 発信元国・地域別検知件数",
        backscatter_table="発信元国・地域別 跳ね返りパケット件数",
        ports_table_ipv6="IPv6 宛先ポート別検知件数",
        countries_table_ipv6="IPv6 発信元国・地域別検知件数",
        backscatter_table_ipv6="IPv6 発信元国・地域別 跳ね返りパケット件数",
        columns=("今期順位", "前期順位", "ポート", "今期件数", "前期比", "増加順位", "減少順位"),
        country_column="国・地域",
        counted="検知 {packets} パケット、発信元 {sources} アドレス。",
        exposure="延べ観測: 今期 {days} {unit} (センサー {sensors} 台)、"
        "前期 {compare_days} {unit} (センサー {compare_sensors} 台)。",
        unobserved="観測のない時間: 登録した延べ{unit}のうち、今期 {share}、前期 {compare_share}。"
        "件数 0 とはせず、分母から除いた。",
        no_percentage="前期比の「-」: 前期の検知件数が少なかった(0.005 件未満)ため、比率は記載していない。",
        nothing="検知なし。",
        unobserved_table="観測なし。",
        country_database="国・地域の判定: {database}",
        level="ほぼ横ばいであった",
        slight_rise="やや増加した",
        rise="増加した",
        large_rise="大幅に増加した",
        slight_fall="やや減少した",
        fall="減少した",
        large_fall="大幅に減少した",
    ),
    "en": Phrases(
        title="Internet fixed-point observation: accesses to the sensors",
        period="This period: ",
        compare="Previous:    ",
        span="{first} to {last}, {days} days",
        rate="{rate}",
        change="{sign}{change}",
        rank="{rank}",
        negligible="negligible",
        total="Accesses to the sensors came to {rate} {unit} in this period.",
        total_compared="Accesses to the sensors came to {rate} {unit} in this period, {change} ({percent}) "
        "against the previous one: {trend}.",
        total_changed="Accesses to the sensors came to {rate} {unit} in this period, {change} "
        "against the previous one.",
        not_compared="The previous period was not observed, so there is no comparison.",
        not_observed="This period was not observed, so there are no rates.",
        top="The {count} ports with the most accesses were, in order, {keys}.",
        list_separator=", ",
        address_unit="per address and day",
        prefix_unit="per /64 prefix and day",
        address_day="address-days",
        prefix_day="prefix-days",
        ports_table="Table 3-1 Accesses by destination port",
        countries_table="Table 3-2 Accesses by country or region of the source",
        backscatter_table="Backscatter by country or region of the source",
        ports_table_ipv6="IPv6: accesses by destination port",
        countries_table_ipv6="IPv6: accesses by country or region of the source",
        backscatter_table_ipv6="IPv6: backscatter by country or region of the source",
        columns=("Rank", "Previous", "Port", "Rate", "Change", "Rise rank", "Fall rank"),
        country_column="Country or region",
        counted="{packets} packets from {sources} source addresses.",
        exposure="Observed: {days} {unit} in this period (sensors: {sensors}), "
        "{compare_days} {unit} in the previous one (sensors: {compare_sensors}).",
        unobserved="Not observed: {share} of the registered {unit} in this period, {compare_share} in the "
        "previous one; left out of the denominator, not counted as zero.",
        no_percentage='A "-" for the percentage: the previous rate was below 0.005, too small to compare.',
        nothing="Nothing was seen.",
        unobserved_table="Not observed.",
        country_database="Countries and regions by {database}",
        level="level",
        slight_rise="a slight increase",
        rise="an increase",
        large_rise="a large increase",
        slight_fall="a slight decrease",
        fall="a decrease",
        large_fall="a large decrease",
    ),
}
