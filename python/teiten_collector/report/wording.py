"""What the page and the paper say in fixed words, in each language: headings, captions, sentences with gaps.

Tables that rank, and the words for how much something changed, are `teiten_collector.report.phrases`, which
every form shares. Numbers of tables and figures are the 2009 report's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from teiten_collector.report.figures.spoken import Speech
from teiten_collector.report.page import Words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from teiten_collector.config import Language


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


WORDING: dict[Language, Wording] = {
    "ja": Wording(
        title="インターネット定点観測報告",
        month="{year} 年 {month} 月期",
        span="{first} から {last} まで",
        words=Words(
            table="表 {number}",
            figure="図 {number}",
            contents="目次",
            numbers="数値を表で見る",
            omitted="中略",
        ),
        speech=Speech(
            share="比率",
            day="日",
            rate="件数",
            total="合計",
            unobserved="観測なし",
            between="{first} から {last} まで。",
            highest="最も多い日は {day} の {rate} 件。",
            nothing="検知なし。",
            made_of="期間中の内訳は {parts} の順に多い。",
            separator="、",
            end="。",
        ),
        others="その他",
        rate_axis="件 (一日・1IP 当たり)",
        detection_axis="検知件数 (一日・1IP 当たり)",
        current="今期",
        previous="前期",
        overview="概説",
        leading_port="最もアクセス件数が多い {key} は、{unit}当たり {rate} 件で、"
        "前期と比較して {change} 件 ({percent})と、{trend}。",
        leading_port_level="最もアクセス件数が多い {key} は、{unit}当たり {rate} 件であった。",
        countries_rose="発信元国・地域別で見ると、{names}からのアクセスが増加した。",
        countries_fell="発信元国・地域別で見ると、{names}からのアクセスが減少した。",
        detections_total="今期のシグネチャを用いた不正侵入等の検知件数は、{unit}当たり {rate} 件であった。",
        detections_changed="今期のシグネチャを用いた不正侵入等の検知件数は、{unit}当たり {rate} 件で、"
        "前期と比較して {change} 件 ({percent})と{trend}。",
        list_separator="、",
        bulletins="分析 セキュリティ情報の公開とアクセス状況",
        bulletin_accesses="セキュリティ情報公開後に見られたアクセス",
        bulletin="■ {key} ({id})",
        bulletin_figure="{key} に対するアクセス",
        published="公開",
        noticed="事前通知",
        bulletin_surge="{key} ({title})に対するアクセスは、公開前の一日・1IP 当たり {before} 件に対し、"
        "公開後は {after} 件で、アクセスの増加が {days} 日間見られた。発信元は {sources} アドレスである。",
        bulletin_no_surge="{key} ({title})に対するアクセスは、公開前の一日・1IP 当たり {before} 件に対し、"
        "公開後は {after} 件で、アクセスの増加は見られなかった。",
        bulletin_unknown="{key} ({title})に対するアクセスの増加の有無は、観測が足りないため判定できない。",
        scan_range_heading="攻撃者が探索した範囲の推測",
        scan_range="探索範囲",
        scan_range_columns=(
            "セキュリティ情報",
            "宛先ポート",
            "アクセスを観測したセンサー",
            "推測される探索範囲",
        ),
        reach={
            "all": "すべて",
            "nearly-all": "ほぼすべて",
            "several": "数か所",
            "few": "ごく一部",
            "none": "なし",
        },
        range_={
            "exhaustive": "広範囲の IP アドレスを網羅",
            "random": "ランダムな IP アドレス",
            "local": "センサーに近い IP アドレス",
            "insufficient-evidence": "判定できない",
        },
        features_heading="まとめ",
        features="アクセスの特徴",
        feature_columns=("特徴", "該当"),
        feature_surge="セキュリティ情報の公開後にアクセスが増加",
        feature_days="アクセスの増加が続いた日数",
        feature_range="探索範囲は広範囲の IP アドレスを網羅",
        feature_of="{total} 件中 {count} 件 ({names})",
        feature_of_none="{total} 件中 0 件",
        feature_days_value="{key} {days} 日間",
        no_bulletins="今期の報告で対象としたセキュリティ情報はない。",
        accesses="インターネット定点観測 センサーに対するアクセス",
        by_port="宛先ポート別",
        by_country="発信元国・地域別",
        outline="(1) 概要",
        course="(2) 推移",
        shares_world="世界の宛先ポート比率",
        shares_home="{country}の宛先ポート比率",
        shares_port_countries="宛先ポートの国・地域別比率",
        port_course="宛先ポート {key} に対するアクセスの推移",
        icmp_course="{key} のアクセスの推移",
        backscatter_days="発信元国・地域別 跳ね返りパケット件数",
        backscatter_table="発信元国・地域別 跳ね返りパケット件数 (順位)",
        shares_countries="発信元国・地域別比率",
        shares_country_ports="発信元国・地域別上位のポート別比率",
        country_course="{country}からのアクセスの推移",
        further="参考",
        further_ports="上位の宛先ポートの件数の 95%信頼区間と発信元アドレス数",
        further_countries="上位の発信元国・地域の件数の 95%信頼区間と発信元アドレス数",
        figures_columns=("今期件数", "95%信頼区間", "前期件数", "パケット数", "発信元アドレス数"),
        classes="アクセスの種類別件数",
        class_column="種類",
        class_names={
            "probe": "探索",
            "backscatter": "跳ね返りパケット",
            "reflected": "リフレクション応答",
            "other": "その他",
        },
        tools="スキャンツール別件数",
        tool_column="ツール",
        tool_names={"zmap": "ZMap", "masscan": "Masscan", "mirai": "Mirai 系"},
        networks="発信元自律システム(AS)別件数",
        network_column="AS 番号",
        victims="跳ね返りパケットの発信元",
        victim_columns=("発信元 IP アドレス", "国・地域", "今期件数", "パケット数", "最初の日", "最後の日"),
        sensors="センサー別件数",
        sensor_columns=(
            "センサー",
            "今期件数",
            "95%信頼区間",
            "前期件数",
            "発信元アドレス数",
            "観測した延べ日数",
            "登録した延べ日数",
        ),
        ipv6="IPv6 アドレスに対するアクセス",
        signatures_ipv6="IPv6 アドレスにおける検知",
        signatures="インターネット定点観測 シグネチャを用いた不正侵入等の検知",
        by_category="攻撃手法別",
        shares_categories="シグネチャを用いた不正侵入等の攻撃手法別検知比率",
        categories_course="シグネチャを用いた不正侵入等の攻撃手法別検知推移",
        categories_table="シグネチャを用いた不正侵入等の攻撃手法別検知件数",
        shares_category_countries="シグネチャを用いた不正侵入等の攻撃手法の国・地域別比率",
        shares_detections_countries="シグネチャを用いた不正侵入等の発信元国・地域別検知比率",
        detections_countries_course="シグネチャを用いた不正侵入等の発信元国・地域別検知推移",
        detections_countries_table="シグネチャを用いた不正侵入等の発信元国・地域別検知件数",
        shares_detections_signatures="シグネチャを用いた不正侵入等の発信元国・地域別上位のシグネチャ別比率",
        category_column="攻撃手法",
        topics="セキュリティ情報",
        topics_columns=("公開日", "番号", "表題", "宛先ポート"),
        topics_lead="この報告で対象としたセキュリティ情報は次のとおりである。",
        method="集計方法",
        method_accesses_heading="センサーに対するアクセス",
        method_accesses="TCP 及び UDP はポートごとに集計し、スラッシュの前にポート番号を付けて表す。(例 "
        "135/TCP は TCP の 135 番ポートを表す。)ICMP パケットはタイプごとに集計し、スラッシュの前にタイプ番"
        "号を付けて表す。(例 8/ICMP は ICMP Echo Request を表す。)跳ね返りパケットも件数に含む。",
        method_rates="件数は、観測したアドレスの延べ日数(アドレス・日)で割った、一日・1IP 当たりの値である。"
        "センサーが停止していた時間は件数 0 とせず、分母から除く。表の件数と前期比は小数点第三位を、比率は小"
        "数点第二位を四捨五入している。",
        method_days="今期は {first} から {last} までの {days} 日間、前期は {compare_first} から "
        "{compare_last} までの {compare_days} 日間で、日付は {timezone} による。",
        method_observed="センサーは今期 {sensors} 台、前期 {compare_sensors} 台で、延べ観測は今期 {days} ア"
        "ドレス・日、前期 {compare_days} アドレス・日である。",
        method_signatures_heading="シグネチャを用いた不正侵入等の検知",
        method_signatures="検知された各シグネチャは、表 6-1 に示す分類に従って集計している。センサーは応答を"
        "一切返さず、攻撃対象となる機器も接続していないため、セッションの確立を必要としない UDP の Worm や "
        "Scan 系の検知が大きな割合を占める。",
        categories_examples="グラフに表示される分類と代表的なシグネチャ",
        categories_examples_columns=("分類", "代表的なシグネチャ"),
        method_countries_heading="発信元国・地域",
        method_countries="発信元の国・地域は、発信元 IP アドレスから {database} により判定した。発信元アドレ"
        "スは偽装されていることがある。",
        rounding="小数点第二位で四捨五入しているため、合計が 100%にならないことがある。",
        exposure_note="延べ観測: 今期 {days} {unit}、前期 {compare_days} {unit}。",
        unobserved_note="登録した延べ{unit}のうち観測のない割合: 今期 {share}、前期 {compare_share}。",
        unobserved_days="灰色の帯は観測のない日を示す。",
    ),
    "en": Wording(
        title="Report of Internet fixed-point observation",
        month="{name} {year}",
        span="{first} to {last}",
        words=Words(
            table="Table {number}",
            figure="Figure {number}",
            contents="Contents",
            numbers="The numbers as a table",
            omitted="ranks left out",
        ),
        speech=Speech(
            share="Share",
            day="Day",
            rate="Rate",
            total="Total",
            unobserved="not observed",
            between="{first} to {last}. ",
            highest="The highest day is {day} with {rate}. ",
            nothing="Nothing was seen. ",
            made_of="Made up most of {parts}.",
            separator=", ",
            end=". ",
        ),
        others="Others",
        rate_axis="accesses per address and day",
        detection_axis="detections per address and day",
        current="this period",
        previous="previous period",
        overview="Overview",
        leading_port="{key}, the port with the most accesses, came to {rate} {unit}, {change} ({percent}) "
        "against the previous period: {trend}.",
        leading_port_level="{key}, the port with the most accesses, came to {rate} {unit}.",
        countries_rose="By country or region of the source, accesses from {names} rose most.",
        countries_fell="By country or region of the source, accesses from {names} fell most.",
        detections_total="Detections of intrusion attempts by signatures came to {rate} {unit} in this "
        "period.",
        detections_changed="Detections of intrusion attempts by signatures came to {rate} {unit} in this "
        "period, {change} ({percent}) against the previous one: {trend}.",
        list_separator=", ",
        bulletins="Analysis: security bulletins and accesses",
        bulletin_accesses="Accesses after the publication of bulletins",
        bulletin="{key} ({id})",
        bulletin_figure="Accesses to {key}",
        published="published",
        noticed="notice",
        bulletin_surge="Accesses to {key} ({title}) came to {before} per address and day before the "
        "publication and {after} after it: a surge of {days} days, from {sources} source addresses.",
        bulletin_no_surge="Accesses to {key} ({title}) came to {before} per address and day before the "
        "publication and {after} after it: no surge.",
        bulletin_unknown="Whether accesses to {key} ({title}) rose cannot be told: not enough was observed.",
        scan_range_heading="What range was scanned",
        scan_range="Scan range",
        scan_range_columns=(
            "Bulletin",
            "Destination port",
            "Sensors that saw accesses",
            "Inferred scan range",
        ),
        reach={
            "all": "all",
            "nearly-all": "nearly all",
            "several": "several",
            "few": "few",
            "none": "none",
        },
        range_={
            "exhaustive": "exhaustive: a wide range of addresses",
            "random": "random addresses",
            "local": "addresses near the sensors",
            "insufficient-evidence": "insufficient evidence",
        },
        features_heading="Summary",
        features="Features of the accesses",
        feature_columns=("Feature", "Holds for"),
        feature_surge="Accesses rose after the publication",
        feature_days="Days that the rise lasted",
        feature_range="The scan covered a wide range of addresses",
        feature_of="{count} of {total} ({names})",
        feature_of_none="0 of {total}",
        feature_days_value="{key} {days}",
        no_bulletins="No bulletin was named for this report.",
        accesses="Internet fixed-point observation: accesses to the sensors",
        by_port="By destination port",
        by_country="By country or region of the source",
        outline="(1) Outline",
        course="(2) Course",
        shares_world="Shares of destination ports, world",
        shares_home="Shares of destination ports, {country}",
        shares_port_countries="Shares of countries and regions in each port",
        port_course="Accesses to port {key} by day",
        icmp_course="Accesses by {key} by day",
        backscatter_days="Backscatter by country or region of the source",
        backscatter_table="Backscatter by country or region of the source (ranks)",
        shares_countries="Shares of countries and regions",
        shares_country_ports="Shares of ports in the leading countries and regions",
        country_course="Accesses from {country} by day",
        further="Further figures",
        further_ports="Leading destination ports: 95% intervals and source addresses",
        further_countries="Leading countries and regions: 95% intervals and source addresses",
        figures_columns=("Rate", "95% interval", "Previous", "Packets", "Sources"),
        classes="Accesses by class",
        class_column="Class",
        class_names={
            "probe": "Probe",
            "backscatter": "Backscatter",
            "reflected": "Reflected",
            "other": "Other",
        },
        tools="Accesses by scanner's tool",
        tool_column="Tool",
        tool_names={"zmap": "ZMap", "masscan": "Masscan", "mirai": "Mirai family"},
        networks="Accesses by autonomous system of the source",
        network_column="AS number",
        victims="Sources of backscatter",
        victim_columns=("Source address", "Country or region", "Rate", "Packets", "First day", "Last day"),
        sensors="Accesses by sensor",
        sensor_columns=(
            "Sensor",
            "Rate",
            "95% interval",
            "Previous",
            "Sources",
            "Days observed",
            "Days registered",
        ),
        ipv6="Accesses to IPv6 addresses",
        signatures_ipv6="Detections at IPv6 addresses",
        signatures="Internet fixed-point observation: detections by signatures",
        by_category="By attack method",
        shares_categories="Detections: shares of attack methods",
        categories_course="Detections by attack method and day",
        categories_table="Detections by attack method",
        shares_category_countries="Detections: shares of countries and regions in each attack method",
        shares_detections_countries="Detections: shares of countries and regions",
        detections_countries_course="Detections by country or region and day",
        detections_countries_table="Detections by country or region of the source",
        shares_detections_signatures="Detections: shares of signatures in the leading countries and regions",
        category_column="Attack method",
        topics="Security bulletins",
        topics_columns=("Published", "Number", "Title", "Ports"),
        topics_lead="This report looks at the following security bulletins.",
        method="How this was counted",
        method_accesses_heading="Accesses to the sensors",
        method_accesses="TCP and UDP are counted by destination port, written before the slash (135/TCP is "
        "port 135 of TCP). ICMP is counted by type, written before the slash (8/ICMP is ICMP Echo Request). "
        "Backscatter is counted too.",
        method_rates="A rate is a number of packets per address-day observed: one monitored address "
        "observed for one day. Time in which a sensor was down is no zero; it is left out of the "
        "denominator. Rates and changes in tables are rounded to two decimals, percentages to one.",
        method_days="This period is {first} to {last} ({days} days), the previous one {compare_first} to "
        "{compare_last} ({compare_days} days); days are those of {timezone}.",
        method_observed="Sensors: {sensors} in this period, {compare_sensors} in the previous one. "
        "Observed: {days} address-days in this period, {compare_days} in the previous one.",
        method_signatures_heading="Detections by signatures",
        method_signatures="Each signature is counted under the category that table 6-1 shows. The sensors "
        "never answer and have nothing to attack behind them, so that worms and scans over UDP, which need "
        "no session, make up much of what is detected.",
        categories_examples="Categories in the figures, and typical signatures",
        categories_examples_columns=("Category", "Typical signatures"),
        method_countries_heading="Countries and regions",
        method_countries="The country or region of a source was looked up by its address in {database}. A "
        "source address can be forged.",
        rounding="Rounded to one decimal, so the sum may not be 100%.",
        exposure_note="Observed: {days} {unit} in this period, {compare_days} in the previous one.",
        unobserved_note="Not observed: {share} of the registered {unit} in this period, "
        "{compare_share} in the previous one.",
        unobserved_days="Grey bands are days without observation.",
    ),
}
