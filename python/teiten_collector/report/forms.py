"""The forms a report is given in. A form loads what it needs when it is asked for: text, no typesetter."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from teiten_collector.report.content import to_content
from teiten_collector.report.render_json import to_json
from teiten_collector.report.render_text import render_text

if TYPE_CHECKING:
    from teiten_collector.config import Language
    from teiten_collector.report.document import Document


class Form(StrEnum):
    """A form, by its name on the command line."""

    JSON = "json"
    TEXT = "text"
    HTML = "html"
    PDF = "pdf"

    @property
    def is_text(self) -> bool:
        """Whether a terminal can show it."""
        return self is not Form.PDF


def render(document: Document, form: Form, language: Language) -> bytes:
    """The document in a form; text is UTF-8. The same document gives the same bytes.

    Args:
        document: What to tell.
        form: How.
        language: In which; JSON has every one.

    Raises:
        ConfigurationError: What the form needs is not installed.
    """
    match form:
        case Form.JSON:
            return to_json(document).encode()
        case Form.TEXT:
            return render_text(document, language).encode()
        case Form.HTML:
            from teiten_collector.report.render_html import render_html  # noqa: PLC0415 - see the module

            return render_html(to_content(document), language).encode()
        case Form.PDF:
            from teiten_collector.report.render_pdf import render_pdf  # noqa: PLC0415 - see the module

            return render_pdf(to_content(document), language)
        case _:
            assert_never(form)
