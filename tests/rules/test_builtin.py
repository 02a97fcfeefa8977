"""The built-in set keeps what its page promises."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from teiten_agent.rules import Library, builtin, categories
from teiten_agent.rules.cases import detections, run
from teiten_agent.rules.explain import Language, explain
from teiten_agent.rules.library import FIRST_BUILTIN, LAST_BUILTIN
from teiten_agent.rules.listing import as_markdown, listed, reference
from teiten_agent.rules.packet import packets

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "builtin-signatures.md"
SHARED = Path(__file__).resolve().parents[3] / "shared"

TABLE_6_1 = {
    "Worm": ("SQL Slammer", "Nachi", "Dabber"),
    "Scan": ("sweep of a subnet for active hosts", "proxy port probe", "port scan", "TCP ACK ping"),
    "UDP spam": ("MSRPC popup message",),
    "DoS": ("Smurf", "ICMP echo reply without echo"),
    "DNS": ("DNS request made for all records", "DNS port probe", "RR denial of service"),
    "Others": ("traceroute", "ISAKMP vendor id", "SIP message"),
}
"""The representative signatures of the reference report, table 6-1."""


@pytest.fixture(scope="module")
def library() -> Library:
    return builtin()


def test_every_rule_is_used(library: Library) -> None:
    assert library.core.diagnostics() == []
    assert len(library.core) == len(library.statements) >= 150


def test_every_rule_matches_its_packets_and_none_of_its_near_misses(library: Library) -> None:
    outcome = run(library, required=True)
    assert [str(failure) for failure in outcome.failures] == []
    assert outcome.cases >= 2 * outcome.rules


def test_numbers_are_of_our_own_range_and_used_once(library: Library) -> None:
    numbers = Counter(statement.sid for statement in library.statements)
    assert max(numbers.values()) == 1
    assert all(sid is not None and FIRST_BUILTIN <= sid <= LAST_BUILTIN for sid in numbers)


def test_every_rule_has_a_source_a_class_a_priority_and_a_japanese_title(library: Library) -> None:
    for statement in library.statements:
        assert statement.values("reference"), statement.sid
        assert statement.value("classtype"), statement.sid
        assert 1 <= statement.priority <= 6, statement.sid
        assert statement.japanese, statement.sid
        for value in statement.values("reference"):
            assert re.match(r"https://[a-z0-9.-]+|RFC \d+$|CVE-\d{4}-\d+$", reference(value)), value


@pytest.mark.parametrize("category", TABLE_6_1)
def test_the_representative_signatures_of_the_report_are_there_in_their_category(
    library: Library, category: str
) -> None:
    titles = [one.title.lower() for one in listed(library, categories.read()) if one.category == category]
    for named in TABLE_6_1[category]:
        assert any(named.lower() in title for title in titles), named


def test_every_rule_is_explained_in_words_in_both_languages(library: Library) -> None:
    known = categories.read()
    for statement in library.statements:
        assert statement.sid is not None
        explained = explain(
            statement, known.of(statement.sid, statement.message, statement.value("classtype"))
        )
        for clause in explained.clauses:
            assert not clause.english.startswith("as `"), statement.sid
        assert explained.text(Language.JAPANESE) != explained.text(Language.ENGLISH)


def test_one_packet_gives_one_built_in_detection(library: Library) -> None:
    """A SIPVicious request is a SIP message, an OPTIONS message and a scanner's: the scanner is told."""
    text = '"OPTIONS sip:1@192.0.2.1 SIP/2.0\\r\\nUser-Agent: friendly-scanner\\r\\n\\r\\n"'
    detected = detections(library.core, packets(f"udp 5061>5060 {text}"))
    titles = {one.sid: one.title for one in listed(library, categories.read())}
    assert [(titles[sid], count) for sid, count in detected.items()] == [("SIP scanner friendly-scanner", 1)]


def test_the_page_has_every_signature(library: Library) -> None:
    """`teiten-agent rules list --markdown` writes the tables."""
    known = categories.read()
    assert as_markdown(listed(library, known), known) in PAGE.read_text(encoding="utf-8")


@pytest.mark.shared
def test_no_rule_is_a_public_rule_sets(library: Library, shared: Path) -> None:
    """The public sets are GPL in part: neither their messages nor their contents in order are ours."""
    theirs: set[tuple[str, ...]] = set()
    messages: set[str] = set()
    for path in sorted((shared / "rules").rglob("*.rules")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            found = tuple(re.findall(r'content:\s*"([^"]+)"', line))
            if len(found) >= 3:
                theirs.add(found)
            messages.update(re.findall(r'msg:\s*"([^"]+)"', line))
    for statement in library.statements:
        assert statement.message not in messages
        contents = tuple(value.strip('"') for value in statement.values("content"))
        assert len(contents) < 3 or contents not in theirs, statement.sid
