"""Findings as sentences, in the plain style of the 2009 report.

A sentence is a template of its language and the evidence, put into words, that fills it. What is not known
leaves its clause out.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Protocol

from teiten_collector.analysis.findings.finding import Finding, Kind
from teiten_collector.report.country_names import country_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from teiten_collector.config import Language

NEARLY_ALL = 0.9
"""From this share on, a part is called nearly all."""
CAUSE = 0.25
"""What explains less of a change is not called its cause."""
LISTED_DAYS = 3
"""More days than these are named by the first and the last."""
_HOUR, _MINUTE = 3_600, 60
_PRINTS_AS_NOTHING = 0.005
_REPLIES = {"syn-ack": "SYN+ACK", "rst": "RST", "icmp": "ICMP", "other": "-"}
_SPACES = re.compile(
    r"(?<=[\u3041-\u30fa\u30fc-\u9fff])(?=[0-9A-Za-z])|(?<=[0-9A-Za-z])(?=[\u3041-\u30fa\u30fc-\u9fff])"
)
"""Where a Japanese and a Latin word meet without a blank; the 2009 report sets one."""
_WITH_ARTICLE = frozenset(
    ("AE", "BS", "CD", "CF", "DO", "GB", "GM", "KY", "MH", "MV", "NL", "PH", "SB", "SC", "US", "VA")
)
"""Countries whose English name takes an article in a sentence."""

_COUNTRY = "-country"
_KEY = "-key"
_SIGNATURES = "-signatures"

_JAPANESE = {
    Kind.SINGLE_SOURCE + _KEY: "{asked}における{subject} に対するアクセスの{share}は、{country}を発信元とする"
    "特定の IP アドレス({source})からのものである{fixed_port}。",
    Kind.SINGLE_SOURCE
    + _KEY
    + "-change": "{subject} に対するアクセスの増加の{explains}は、{country}を発信元とする"
    "特定の IP アドレス({source})からのものである({span}){fixed_port}。",
    Kind.SINGLE_SOURCE + _COUNTRY: "{subject_country}からのアクセスの増加の{explains}は、特定の IP アドレス"
    "({source})からのもので、宛先は主に{keys}である({span}){fixed_port}。",
    Kind.SINGLE_SOURCE + _SIGNATURES: "{subject_country}を発信元とする検知件数の{most}は、特定の IP アドレス"
    "({source})によるもので、検知されたシグネチャは{messages}である。これを除いた{subject_country}を発信元と"
    "する検知件数は{unit}当たり {rate_without} 件{change_without}。",
    Kind.CATEGORY_SINGLE_SOURCE: "{subject} の検知件数の{most}は、{country}を発信元とする特定の IP アドレス"
    "({source})によるものである({span})。これを除いた {subject} の検知件数は{unit}当たり "
    "{rate_without} 件{change_without}。",
    Kind.FIXED_SOURCE_PORT: "{subject} に対するアクセスの{share}は発信元ポートが {source_port} であり、ス"
    "キャン"
    "活動を行うツールの存在がうかがえる(発信元 {sources} アドレス)。",
    Kind.COUNTRY_CONCENTRATION: "{subject} に対するアクセスは、国・地域別では{country}からのアクセスが "
    "{percent}"
    "を占めている。",
    Kind.COUNTRY_CHANGE: "{subject} に対するアクセスは、特に{country}からのアクセスが前期と比較して "
    "{change} 件 "
    "({change_percent}%)と{moved}。",
    Kind.PERIODIC_SOURCE: "{subject} に対して、{country}を発信元とする特定の IP アドレス({source})からの"
    "定期的な"
    "アクセス(約{every}ごと)を{span}に検知しており、何者かがスキャン活動を継続している可能性がある。",
    Kind.BACKSCATTER_BURST: "{subject_country}を発信元とする特定の IP アドレス({victim})からの跳ね返りパ"
    "ケットを"
    "{span}に大量に検知した({replies}{attacked})。{cause}",
    Kind.NEW_KEY: "前期にはほとんど見られなかった {subject} に対するアクセスを{seen}に検知した(一日・1IP "
    "当たり "
    "{rate} 件、発信元 {sources} アドレス)。",
    Kind.GONE_KEY: "前期において{seen_before}見られた {subject} に対するアクセスは、今期はほとんど見られ"
    "なかった。",
    Kind.SURGE: "{subject} に対するアクセスは、{span}に増加が見られた({unit}当たり {rate} 件、増加前は "
    "{before_rate} 件)。",
}
_ENGLISH = {
    Kind.SINGLE_SOURCE
    + _KEY: "{asked}, {share} of the accesses to {subject} came from one address in {country} "
    "({source}){fixed_port}.",
    Kind.SINGLE_SOURCE
    + _KEY
    + "-change": "{explains} of the increase of accesses to {subject} came from one "
    "address in {country} ({source}), seen {span}{fixed_port}.",
    Kind.SINGLE_SOURCE
    + _COUNTRY: "{explains} of the increase of accesses from {subject_country} came from one "
    "address ({source}), mainly to {keys}, seen {span}{fixed_port}.",
    Kind.SINGLE_SOURCE + _SIGNATURES: "{most} of the detections from {subject_country} came from one address "
    "({source}), with the signatures {messages}. Without it, detections from {subject_country} come to "
    "{rate_without} per {unit} and day{change_without}.",
    Kind.CATEGORY_SINGLE_SOURCE: "{most} of the {subject} detections came from one address in {country} "
    "({source}), seen {span}. Without it, {subject} detections come to {rate_without} per {unit} and "
    "day{change_without}.",
    Kind.FIXED_SOURCE_PORT: "{share} of the accesses to {subject} had the source port {source_port} "
    "({sources} sources): a scanning tool is likely.",
    Kind.COUNTRY_CONCENTRATION: "{percent} of the accesses to {subject} came from {country}.",
    Kind.COUNTRY_CHANGE: "Accesses to {subject} from {country} {moved} by {change} ({change_percent}%) "
    "against the previous period, which is most of that port's change.",
    Kind.PERIODIC_SOURCE: "One address in {country} ({source}) came to {subject} regularly, about every "
    "{every}, "
    "{span}: somebody may keep scanning.",
    Kind.BACKSCATTER_BURST: "Much backscatter of one address in {subject_country} ({victim}) was seen {span} "
    "({replies}{attacked}).{cause}",
    Kind.NEW_KEY: "Accesses to {subject}, hardly seen in the previous period, were seen {seen} ({rate} per "
    "{unit} and day, {sources} sources).",
    Kind.GONE_KEY: "Accesses to {subject}, seen {seen_before}in the previous period, were hardly seen in "
    "this one.",
    Kind.SURGE: "Accesses to {subject} rose {span} ({rate} per {unit} and day, {before_rate} before).",
}


def finding_text(finding: Finding, language: Language) -> str:
    """The finding in words: one or two sentences that end in a full stop."""
    if language == "ja":
        filled = _JAPANESE[_template(finding)].format(**_gaps(finding, _Japanese()))
        return _SPACES.sub(" ", filled)
    filled = _ENGLISH[_template(finding)].format(**_gaps(finding, _English()))
    return filled[:1].upper() + filled[1:]


def _template(finding: Finding) -> str:
    if finding.kind is not Kind.SINGLE_SOURCE:
        return finding.kind
    if finding.part.of_detections:
        return finding.kind + _SIGNATURES
    if "/" not in finding.subject:
        return finding.kind + _COUNTRY
    return finding.kind + _KEY + ("-change" if finding.evidence.get("of_change") else "")


class _Words(Protocol):
    """How a language puts evidence."""

    listing: str
    address_unit: str
    prefix_unit: str

    def country(self, code: str) -> str: ...
    def span(self, first: date, last: date) -> str: ...
    def amount(self, share: float) -> str: ...
    def of_increase(self, amount: str) -> str: ...
    def days(self, days: Sequence[date]) -> str: ...
    def before(self, days: str) -> str: ...
    def every(self, seconds: float) -> str: ...
    def moved(self, change: float) -> str: ...
    def fixed_port(self, port: int) -> str: ...
    def attacked(self, port: int) -> str: ...
    def cause(self, country: str, amount: str) -> str: ...
    def compared(self, change: str, percent: str, moved: str) -> str: ...
    def not_compared(self) -> str: ...


class _Japanese:
    """Japanese, as the 2009 report writes it."""

    listing = "、"
    address_unit = "一日・1IP "
    prefix_unit = "一日・1 プレフィックス(/64)"

    def country(self, code: str) -> str:
        return country_name(code, "ja")

    def span(self, first: date, last: date) -> str:
        one, other = (f"{day.month} 月 {day.day} 日" for day in (first, last))
        return one if first == last else f"{one}から {other}"

    def amount(self, share: float) -> str:
        return f"ほとんど({share:.0%})" if share >= NEARLY_ALL else f" {share:.0%} "

    def of_increase(self, amount: str) -> str:
        return f"増加の{amount}"

    def days(self, days: Sequence[date]) -> str:
        if len(days) > LISTED_DAYS:
            return self.span(days[0], days[-1])
        return _joined([self.span(day, day) for day in days], "、", "及び ")

    def before(self, days: str) -> str:
        return f" {days}に一時的に" if days else ""

    def every(self, seconds: float) -> str:
        return f" {seconds / _HOUR:.3g} 時間" if seconds >= _HOUR else f" {seconds / _MINUTE:.3g} 分"

    def moved(self, change: float) -> str:
        return "増加した" if change > 0 else "減少した"

    def fixed_port(self, port: int) -> str:
        return f"。その発信元ポートは {port} である"

    def attacked(self, port: int) -> str:
        return f"、攻撃を受けたポートは主に {port}/TCP"

    def cause(self, country: str, amount: str) -> str:
        return f"{country}からのアクセスの増加の{amount}は、これによる。"

    def compared(self, change: str, percent: str, moved: str) -> str:
        return f"で、前期と比較して {change} 件 ({percent}%)と{moved}"

    def not_compared(self) -> str:
        return "である"


class _English:
    """English, as plain."""

    listing = ", "
    address_unit = "address"
    prefix_unit = "/64 prefix"

    def country(self, code: str) -> str:
        name = country_name(code, "en")
        return f"the {name}" if code in _WITH_ARTICLE else name

    def span(self, first: date, last: date) -> str:
        if first == last:
            return f"on {first.isoformat()}"
        return f"from {first.isoformat()} to {last.isoformat()}"

    def amount(self, share: float) -> str:
        return f"nearly all ({share:.0%})" if share >= NEARLY_ALL else f"{share:.0%}"

    def of_increase(self, amount: str) -> str:
        return f"{amount} of the increase"

    def days(self, days: Sequence[date]) -> str:
        if len(days) > LISTED_DAYS:
            return self.span(days[0], days[-1])
        return f"on {_joined([day.isoformat() for day in days], ', ', ' and ')} only" if days else ""

    def before(self, days: str) -> str:
        return f"{days} " if days else ""

    def every(self, seconds: float) -> str:
        return f"{seconds / _HOUR:.3g} hours" if seconds >= _HOUR else f"{seconds / _MINUTE:.3g} minutes"

    def moved(self, change: float) -> str:
        return "rose" if change > 0 else "fell"

    def fixed_port(self, port: int) -> str:
        return f", from source port {port}"

    def attacked(self, port: int) -> str:
        return f"; the port attacked is mainly {port}/TCP"

    def cause(self, country: str, amount: str) -> str:
        return f" It makes {amount} of the increase of accesses from {country}."

    def compared(self, change: str, percent: str, moved: str) -> str:
        del moved  # the sign says it
        return f", {change} ({percent}%) against the previous period"

    def not_compared(self) -> str:
        return ""


def _gaps(finding: Finding, words: _Words) -> Mapping[str, str]:
    """Every piece of evidence in words; what there is none of is empty."""
    evidence = finding.evidence
    country = words.country(finding.subject) if "/" not in finding.subject else ""
    explains, port, attacked = (evidence.get(name) for name in ("explains", "source_port", "attacked_port"))
    explained = words.amount(_number(evidence, "explains"))
    span = words.span(finding.first, finding.last)
    caused = isinstance(explains, float) and explains >= CAUSE
    return {
        "subject": finding.subject,
        "subject_country": country,
        "unit": words.prefix_unit if finding.part.of_prefixes else words.address_unit,
        "span": span,
        "asked": words.span(*_asked(evidence)) if "from" in evidence else "",
        "country": words.country(str(evidence.get("country", ""))),
        "source": str(evidence.get("source", "")),
        "victim": str(evidence.get("victim", "")),
        "source_port": str(port),
        "sources": f"{_number(evidence, 'sources'):,.0f}",
        "share": words.amount(_number(evidence, "share")),
        "percent": f"{_number(evidence, 'share'):.0%}",
        "explains": explained,
        "most": (
            words.amount(_number(evidence, "share")) if explains is None else words.of_increase(explained)
        ),
        "rate": _rate(_number(evidence, "rate")),
        "before_rate": _rate(_number(evidence, "before_rate")),
        "rate_without": _rate(_number(evidence, "rate_without")),
        "change": _signed(_number(evidence, "change"), 2),
        "change_percent": _signed(_number(evidence, "change_percent"), 1),
        "moved": words.moved(_number(evidence, "change")),
        "change_without": _change_without(evidence, words),
        "keys": words.listing.join(map(str, _list(evidence, "keys"))),
        "messages": words.listing.join(str(found["message"]) for found in _list(evidence, "signatures")),
        "fixed_port": words.fixed_port(port) if isinstance(port, int) else "",
        "attacked": words.attacked(attacked) if isinstance(attacked, int) else "",
        "replies": _replies(evidence, words.listing),
        "cause": words.cause(country, explained) if caused else "",
        "every": words.every(_number(evidence, "every_seconds")),
        "seen": words.days(_days(evidence, "days")) or span,
        "seen_before": words.before(words.days(_days(evidence, "compare_days"))),
    }


def _change_without(evidence: Mapping[str, object], words: _Words) -> str:
    if evidence.get("change_percent_without") is None:
        return words.not_compared()
    change = _number(evidence, "change_without")
    return words.compared(
        _signed(change, 2), _signed(_number(evidence, "change_percent_without"), 1), words.moved(change)
    )


def _replies(evidence: Mapping[str, object], separator: str) -> str:
    replies = evidence.get("replies")
    if not isinstance(replies, dict):
        return ""
    total = sum(replies.values())
    ordered = sorted(replies.items(), key=lambda item: (-item[1], item[0]))
    return separator.join(f"{_REPLIES[name]} {count / total:.0%}" for name, count in ordered)


def _asked(evidence: Mapping[str, object]) -> tuple[date, date]:
    return date.fromisoformat(str(evidence["from"])), date.fromisoformat(str(evidence["to"]))


def _days(evidence: Mapping[str, object], name: str) -> list[date]:
    return [date.fromisoformat(str(day)) for day in _list(evidence, name)]


def _list(evidence: Mapping[str, object], name: str) -> list[dict[str, object]]:
    value = evidence.get(name)
    return value if isinstance(value, list) else []


def _number(evidence: Mapping[str, object], name: str) -> float:
    value = evidence.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _rate(rate: float) -> str:
    return f"{rate:,.2f}" if rate >= _PRINTS_AS_NOTHING or rate == 0 else f"{rate:.2g}"


def _signed(value: float, decimals: int) -> str:
    return f"{'+' if value >= 0 else '-'} {abs(value):,.{decimals}f}"


def _joined(words: Sequence[str], separator: str, last: str) -> str:
    if len(words) <= 1:
        return "".join(words)
    return f"{separator.join(words[:-1])}{last}{words[-1]}"
