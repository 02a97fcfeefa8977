"""Findings as sentences, in the plain style of the 2009 report."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, assert_never

from teiten_collector.analysis.findings.finding import Finding, Kind, Part
from teiten_collector.report.country_names import country_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from teiten_collector.config import Language

_LISTED_DAYS = 3
_HOUR = 3_600
_MINUTE = 60
_SMALL = 0.005
_ALMOST_ALL = 0.9


def finding_text(finding: Finding, language: Language) -> str:
    """The finding in words: one or two sentences that end in a full stop."""
    return _japanese(finding) if language == "ja" else _english(finding)


def _japanese(finding: Finding) -> str:  # noqa: C901, PLR0911 - one sentence a kind
    evidence, subject = finding.evidence, finding.subject
    span = _span_ja(finding.first, finding.last)
    match finding.kind:
        case Kind.SINGLE_SOURCE if finding.part is Part.SIGNATURES:
            name = country_name(subject, "ja")
            return (
                f"{name}を発信元とする検知の{_most_ja(evidence)}は、特定の IP アドレス({_text(evidence, 'source')})に"
                f"よるもので、検知されたシグネチャは{_messages(evidence, '、')}である。{_without_ja(evidence, f'{name}を発信元とする検知件数')}"
            )
        case Kind.SINGLE_SOURCE:
            what = f"{country_name(subject, 'ja')}から" if "/" not in subject else f"{subject} に対する"
            country = country_name(_text(evidence, "country"), "ja")
            keys = evidence.get("keys")
            target = f"で、宛先は主に {'、'.join(map(str, keys))} で" if isinstance(keys, list) else "で"
            whole = _whole_ja(evidence)
            of = "アクセスの増加" if evidence.get("of_change") else "アクセス"
            amount = _share_of_change(evidence) if evidence.get("of_change") else _number(evidence, "share")
            what = what.replace("から", "からの")
            return (
                f"{whole}{what}{of}の{_amount_ja(amount)}は、{country}を発信元とする特定の IP アドレス"
                f"({_text(evidence, 'source')})からのもの{target}ある({span})。{_port_ja(evidence)}"
            )
        case Kind.FIXED_SOURCE_PORT:
            return (
                f"{subject} に対するアクセスの{_amount_ja(_number(evidence, 'share'))}は発信元ポートが "
                f"{_text(evidence, 'source_port')} であり、スキャン活動を行うツールの存在がうかがえる"
                f"(発信元 {_whole(evidence, 'sources')} アドレス)。"
            )
        case Kind.COUNTRY_CONCENTRATION:
            return (
                f"{subject} に対するアクセスは、国・地域別では{country_name(_text(evidence, 'country'), 'ja')}からのアクセスが "
                f"{_percent(_number(evidence, 'share'))}を占めている。"
            )
        case Kind.COUNTRY_CHANGE:
            return (
                f"{subject} に対するアクセスは、特に{country_name(_text(evidence, 'country'), 'ja')}からのアクセスが前期と比較して "
                f"{_signed(_number(evidence, 'change'), 2)} 件 ({_signed(_number(evidence, 'change_percent'), 1)}%)と"
                f"{_moved_ja(evidence)}。"
            )
        case Kind.PERIODIC_SOURCE:
            return (
                f"{subject} に対して、{country_name(_text(evidence, 'country'), 'ja')}を発信元とする特定の IP アドレス"
                f"({_text(evidence, 'source')})からの定期的なアクセス(約{_every_ja(evidence)}ごと)を{span}に検知しており、"
                "何者かがスキャン活動を継続している可能性がある。"
            )
        case Kind.BACKSCATTER_BURST:
            explains = evidence.get("explains")
            name = country_name(subject, "ja")
            cause = (
                f"{name}からのアクセスの増加の{_amount_ja(float(explains))}はこれによる。"
                if isinstance(explains, float) and explains >= _LEAST_CAUSE
                else ""
            )
            return (
                f"{name}を発信元とする特定の IP アドレス({_text(evidence, 'victim')})からの跳ね返りパケットを{span}に大量に検知した"
                f"({_replies(evidence, '、')}{_attacked_ja(evidence)})。{cause}"
            )
        case Kind.NEW_KEY:
            seen = _days_ja(evidence.get("days"))
            when = f"{seen}に集中して検知した" if seen else f"{span}に検知した"
            return (
                f"前期にはほとんど見られなかった {subject} に対するアクセスを{when}"
                f"(一日・1IP 当たり {_rate(_number(evidence, 'rate'))} 件、発信元 {_whole(evidence, 'sources')} アドレス)。"
            )
        case Kind.GONE_KEY:
            seen = _days_ja(evidence.get("compare_days"))
            before = f"前期において{seen}に一時的に増加した" if seen else "前期に見られた"
            return f"{before} {subject} に対するアクセスは、今期はほとんど見られなかった。"
        case Kind.CATEGORY_SINGLE_SOURCE:
            whole = f"{subject} の検知件数の{_most_ja(evidence)}"
            return (
                f"{whole}は、{country_name(_text(evidence, 'country'), 'ja')}を発信元とする特定の IP アドレス"
                f"({_text(evidence, 'source')})によるものである({span})。{_without_ja(evidence, f'{subject} の検知件数')}"
            )
        case Kind.SURGE:
            return (
                f"{subject} に対するアクセスは、{span}に増加が見られた(一日・1IP 当たり "
                f"{_rate(_number(evidence, 'rate'))} 件、増加前は {_rate(_number(evidence, 'before_rate'))} 件)。"
            )
    assert_never(finding.kind)


_LEAST_CAUSE = 0.25
"""What explains less of a change is not called its cause."""


def _english(finding: Finding) -> str:  # noqa: C901, PLR0911 - one sentence a kind
    evidence, subject = finding.evidence, finding.subject
    span = _span_en(finding.first, finding.last)
    match finding.kind:
        case Kind.SINGLE_SOURCE if finding.part is Part.SIGNATURES:
            name = country_name(subject, "en")
            return (
                f"{_most_en(evidence)} of the detections from {name} is one address ({_text(evidence, 'source')}), "
                f"with the signatures {_messages(evidence, ', ')}. {_without_en(evidence, f'detections from {name}')}"
            )
        case Kind.SINGLE_SOURCE:
            what = (
                f"accesses to {subject}" if "/" in subject else f"accesses from {country_name(subject, 'en')}"
            )
            if evidence.get("of_change"):
                amount, what = _share_of_change(evidence), f"increase of {what}"
            else:
                amount = _number(evidence, "share")
            country = country_name(_text(evidence, "country"), "en")
            keys = evidence.get("keys")
            target = f", mainly to {', '.join(map(str, keys))}" if isinstance(keys, list) else ""
            whole = _whole_en(evidence)
            return (
                f"{whole}{_amount_en(amount)} of the {what} comes from one address in {country} "
                f"({_text(evidence, 'source')}){target}, seen {span}.{_port_en(evidence)}"
            )
        case Kind.FIXED_SOURCE_PORT:
            return (
                f"{_amount_en(_number(evidence, 'share'))} of the accesses to {subject} has the source port "
                f"{_text(evidence, 'source_port')} ({_whole(evidence, 'sources')} sources): a scanning tool is likely."
            )
        case Kind.COUNTRY_CONCENTRATION:
            return (
                f"{_percent(_number(evidence, 'share'))} of the accesses to {subject} comes from "
                f"{country_name(_text(evidence, 'country'), 'en')}."
            )
        case Kind.COUNTRY_CHANGE:
            return (
                f"Accesses to {subject} from {country_name(_text(evidence, 'country'), 'en')} changed by "
                f"{_signed(_number(evidence, 'change'), 2)} ({_signed(_number(evidence, 'change_percent'), 1)}%) "
                "against the previous period, which is most of the change of that port."
            )
        case Kind.PERIODIC_SOURCE:
            return (
                f"One address in {country_name(_text(evidence, 'country'), 'en')} ({_text(evidence, 'source')}) came to "
                f"{subject} regularly, about every {_every_en(evidence)}, {span}: somebody may keep scanning."
            )
        case Kind.BACKSCATTER_BURST:
            explains = evidence.get("explains")
            name = country_name(subject, "en")
            cause = (
                f" This is {_amount_en(float(explains)).lower()} of the increase of accesses from {name}."
                if isinstance(explains, float) and explains >= _LEAST_CAUSE
                else ""
            )
            return (
                f"Much backscatter of one address in {name} ({_text(evidence, 'victim')}) was seen {span} "
                f"({_replies(evidence, ', ')}{_attacked_en(evidence)}).{cause}"
            )
        case Kind.NEW_KEY:
            seen = _days_en(evidence.get("days"))
            when = f"on {seen} only" if seen else span
            return (
                f"Accesses to {subject}, hardly seen in the previous period, were seen {when} "
                f"({_rate(_number(evidence, 'rate'))} per address and day, {_whole(evidence, 'sources')} sources)."
            )
        case Kind.GONE_KEY:
            seen = _days_en(evidence.get("compare_days"))
            before = f", which rose on {seen} of the previous period," if seen else ""
            return f"Accesses to {subject}{before} were hardly seen in this one."
        case Kind.CATEGORY_SINGLE_SOURCE:
            return (
                f"{_most_en(evidence)} of the {subject} detections is one address in "
                f"{country_name(_text(evidence, 'country'), 'en')} ({_text(evidence, 'source')}), seen {span}. "
                f"{_without_en(evidence, f'{subject} detections')}"
            )
        case Kind.SURGE:
            return (
                f"Accesses to {subject} rose {span} ({_rate(_number(evidence, 'rate'))} per address and day, "
                f"{_rate(_number(evidence, 'before_rate'))} before)."
            )
    assert_never(finding.kind)


def _number(evidence: Mapping[str, object], name: str) -> float:
    value = evidence.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _whole(evidence: Mapping[str, object], name: str) -> str:
    return f"{_number(evidence, name):,.0f}"


def _text(evidence: Mapping[str, object], name: str) -> str:
    return str(evidence[name])


def _rate(rate: float) -> str:
    return f"{rate:,.2f}" if rate >= _SMALL or rate == 0 else f"{rate:.2g}"


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _signed(value: float, decimals: int) -> str:
    return f"{'+' if value >= 0 else '-'} {abs(value):,.{decimals}f}"


def _share_of_change(evidence: Mapping[str, object]) -> float:
    return _number(evidence, "explains")


def _amount_ja(share: float) -> str:
    return f"ほとんど({_percent(share)})" if share >= _ALMOST_ALL else f" {_percent(share)}"


def _amount_en(share: float) -> str:
    return f"Nearly all ({_percent(share)})" if share >= _ALMOST_ALL else _percent(share)


def _most_ja(evidence: Mapping[str, object]) -> str:
    explains = evidence.get("explains")
    if isinstance(explains, float):
        return f"増加の{_amount_ja(explains)}"
    return _amount_ja(_number(evidence, "share"))


def _most_en(evidence: Mapping[str, object]) -> str:
    explains = evidence.get("explains")
    if isinstance(explains, float):
        return f"{_amount_en(explains)} of the increase"
    return _amount_en(_number(evidence, "share"))


def _without_ja(evidence: Mapping[str, object], what: str) -> str:
    rate = _rate(_number(evidence, "rate_without"))
    if evidence.get("change_percent_without") is None:
        return f"これを除いた{what}は一日・1IP 当たり {rate} 件である。"
    change = _number(evidence, "change_without")
    moved = "増加した" if change > 0 else "減少した"
    return (
        f"これを除いた{what}は一日・1IP 当たり {rate} 件で、前期と比較して {_signed(change, 2)} 件 "
        f"({_signed(_number(evidence, 'change_percent_without'), 1)}%)と{moved}。"
    )


def _without_en(evidence: Mapping[str, object], what: str) -> str:
    rate = _rate(_number(evidence, "rate_without"))
    if evidence.get("change_percent_without") is None:
        return f"Without it, {what} come to {rate} per address and day."
    return (
        f"Without it, {what} come to {rate} per address and day, {_signed(_number(evidence, 'change_without'), 2)} "
        f"({_signed(_number(evidence, 'change_percent_without'), 1)}%) against the previous period."
    )


def _messages(evidence: Mapping[str, object], separator: str) -> str:
    signatures = evidence.get("signatures")
    if not isinstance(signatures, list):
        return ""
    return separator.join(str(signature["message"]) for signature in signatures)


def _port_ja(evidence: Mapping[str, object]) -> str:
    port = evidence.get("source_port")
    return f"その発信元ポートは {port} である。" if port else ""


def _port_en(evidence: Mapping[str, object]) -> str:
    port = evidence.get("source_port")
    return f" Its source port is {port}." if port else ""


def _whole_ja(evidence: Mapping[str, object]) -> str:
    return "" if evidence.get("of_change") else f"{_span_ja(*_asked(evidence))}における"


def _whole_en(evidence: Mapping[str, object]) -> str:
    return (
        ""
        if evidence.get("of_change")
        else f"{_span_en(*_asked(evidence))[:1].upper()}{_span_en(*_asked(evidence))[1:]}, "
    )


def _asked(evidence: Mapping[str, object]) -> tuple[date, date]:
    return date.fromisoformat(_text(evidence, "from")), date.fromisoformat(_text(evidence, "to"))


def _moved_ja(evidence: Mapping[str, object]) -> str:
    return "増加した" if _number(evidence, "change") > 0 else "減少した"


def _every_ja(evidence: Mapping[str, object]) -> str:
    seconds = _number(evidence, "every_seconds")
    return f" {seconds / _HOUR:.3g} 時間" if seconds >= _HOUR else f" {seconds / _MINUTE:.3g} 分"


def _every_en(evidence: Mapping[str, object]) -> str:
    seconds = _number(evidence, "every_seconds")
    return f"{seconds / _HOUR:.3g} hours" if seconds >= _HOUR else f"{seconds / _MINUTE:.3g} minutes"


_REPLIES = {"syn-ack": "SYN+ACK", "rst": "RST", "icmp": "ICMP", "other": "-"}


def _replies(evidence: Mapping[str, object], separator: str) -> str:
    replies = evidence.get("replies")
    if not isinstance(replies, dict):
        return ""
    total = sum(replies.values())
    ordered = sorted(replies.items(), key=lambda item: (-item[1], item[0]))
    return separator.join(f"{_REPLIES[name]} {_percent(count / total)}" for name, count in ordered)


def _attacked_ja(evidence: Mapping[str, object]) -> str:
    port = evidence.get("attacked_port")
    return "" if port is None else f"、攻撃を受けたポートは主に {port}/TCP"


def _attacked_en(evidence: Mapping[str, object]) -> str:
    port = evidence.get("attacked_port")
    return "" if port is None else f"; the port attacked is mainly {port}/TCP"


def _day_ja(day: date) -> str:
    return f"{day.month} 月 {day.day} 日"


def _span_ja(first: date, last: date) -> str:
    if first == last:
        return _day_ja(first)
    return f"{_day_ja(first)}から {_day_ja(last)}"


def _span_en(first: date, last: date) -> str:
    if first == last:
        return f"on {first.isoformat()}"
    return f"from {first.isoformat()} to {last.isoformat()}"


def _listed(days: object) -> list[date]:
    return [date.fromisoformat(str(day)) for day in days] if isinstance(days, list) else []


def _days_ja(days: object) -> str:
    listed = _listed(days)
    if not listed:
        return ""
    if len(listed) > _LISTED_DAYS:
        return _span_ja(listed[0], listed[-1])
    return _joined([_day_ja(day) for day in listed], "、", "及び")


def _days_en(days: object) -> str:
    listed = _listed(days)
    if len(listed) > _LISTED_DAYS:
        return f"{listed[0].isoformat()} to {listed[-1].isoformat()}"
    return _joined([day.isoformat() for day in listed], ", ", " and ")


def _joined(words: Sequence[str], separator: str, last: str) -> str:
    if len(words) <= 1:
        return "".join(words)
    return f"{separator.join(words[:-1])}{last}{words[-1]}"
