"""What a rule matches, in words of both languages, clause by clause in the order of the rule.

=========== =====================================================
words       one thing said in both languages
header      what is asked of a packet's headers
payload     what is asked of its payload
application what is asked of the payload as an application's message
state       what is asked of other packets, and of other rules
=========== =====================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from teiten_agent.rules.explain import application, header, payload, state
from teiten_agent.rules.explain.words import Language, Words
from teiten_agent.rules.listing import reference, title_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from teiten_agent.rules.categories import Category
    from teiten_agent.rules.statement import Option, Statement

__all__ = ["Explanation", "Language", "Words", "explain"]

_MODIFIERS = frozenset(
    {"nocase", "depth", "offset", "distance", "within", "startswith", "endswith", "fast_pattern", "rawbytes"}
)

_REMARKS = frozenset(
    {
        *(
            "msg",
            "reference",
            "classtype",
            "sid",
            "psad_id",
            "rev",
            "metadata",
            "priority",
            "gid",
            "requires",
        ),
        *(
            "activated_by",
            "activates",
            "count",
            "created",
            "exists",
            "file_meta",
            "logto",
            "prefilter",
            "psad_dl",
        ),
        *(
            "psad_derived_sids",
            "react",
            "rem",
            "replace",
            "resp",
            "service",
            "severity",
            "soid",
            "tag",
            "target",
        ),
    }
)

_PAYLOAD = Words("ペイロード", "the payload")

_BUFFERS = {
    "dns.query": Words("問い合わせた名前", "the name asked for"),
    "dns_query": Words("問い合わせた名前", "the name asked for"),
    "dotprefix": Words("「.」に続けて問い合わせた名前", "the name asked for, behind a dot,"),
    "pkt_data": _PAYLOAD,
    "raw_data": _PAYLOAD,
}
"""What the contents that follow an option look into."""
_OPTIONS = {**header.OPTIONS, **payload.OPTIONS, **application.OPTIONS, **state.OPTIONS}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say about a rule."""

    statement: Statement
    category: Category
    clauses: tuple[Words, ...]

    def text(self, language: Language) -> str:
        """The explanation as lines of text."""
        japanese = language is Language.JAPANESE
        title = title_of(self.statement.message)
        if japanese and self.statement.japanese:
            title = self.statement.japanese
        category = self.category.japanese if japanese else self.category.english
        lines = [f"{self.statement.sid}  {title}", f"  {'分類' if japanese else 'category'}: {category}"]
        lines += [f"  - {clause.in_(language)}" for clause in self.clauses]
        references = [reference(value) for value in self.statement.values("reference")]
        if references:
            lines.append(f"  {'根拠' if japanese else 'known from'}: {', '.join(references)}")
        lines.append(f"  {'場所' if japanese else 'place'}: {self.statement.file}:{self.statement.line}")
        return "\n".join(lines)


def explain(statement: Statement, category: Category) -> Explanation:
    """Say what a rule matches."""
    return Explanation(statement, category, tuple(_clauses(statement)))


def _clauses(statement: Statement) -> Iterator[Words]:
    yield from header.header(statement.header)
    options = [option for option in statement.options if option.name not in _REMARKS]
    buffer = _PAYLOAD
    for position, option in enumerate(options):
        if option.name in _MODIFIERS:
            continue
        if option.name in _BUFFERS:
            buffer = _BUFFERS[option.name]
        elif option.name == "pcre":
            yield payload.expression(option.value, buffer)
        elif option.name == "content":
            modifiers: dict[str, str] = {}
            for following in options[position + 1 :]:
                if following.name not in _MODIFIERS:
                    break
                modifiers[following.name] = following.value
            yield payload.content(option.value, modifiers, buffer)
        else:
            yield _option(option)


def _option(option: Option) -> Words:
    told = _OPTIONS.get(option.name)
    if told is not None:
        return told(option.value)
    written = f"{option.name}:{option.value}" if option.value else option.name
    return Words(f"条件 {written}", f"as `{written}` says")
