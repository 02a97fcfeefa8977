"""The report: one document of figures, and the forms it is given in."""

from teiten_collector.report.asking import question_of
from teiten_collector.report.document import CountrySource, Document, Question, build_document
from teiten_collector.report.forms import Form, render
from teiten_collector.report.render_json import to_json
from teiten_collector.report.render_text import render_text

__all__ = [
    "CountrySource",
    "Document",
    "Form",
    "Question",
    "build_document",
    "question_of",
    "render",
    "render_text",
    "to_json",
]
