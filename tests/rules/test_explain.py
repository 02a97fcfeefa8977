"""`rules explain` says in both languages what rules of anybody match."""

from __future__ import annotations

from pathlib import Path

import pytest

from teiten_agent.rules import categories, load
from teiten_agent.rules.explain import Language, explain
from teiten_agent.rules.statement import statements


def said(options: str) -> tuple[list[str], list[str]]:
    """The clauses behind the header, in Japanese and in English."""
    (statement,) = statements("own", f"alert udp any any -> any any ({options} sid:1;)")
    clauses = explain(statement, categories.read().all[0]).clauses[1:]
    return [one.in_(Language.JAPANESE) for one in clauses], [one.in_(Language.ENGLISH) for one in clauses]


@pytest.mark.parametrize(
    ("options", "japanese", "english"),
    [
        (
            'dns.query; dotprefix; content:".example"; endswith;',
            '「.」に続けて問い合わせた名前(末尾)に".example"がある',
            'the name asked for, behind a dot, has ".example" (at its end)',
        ),
        (
            'dns_query; pcre:"/^a/";',
            '問い合わせた名前が正規表現 "/^a/" に一致',
            'the name asked for matches the expression "/^a/"',
        ),
        (
            'pcre:!"/^a/";',
            'ペイロードが正規表現 "/^a/" に一致しない',
            'the payload does not match the expression "/^a/"',
        ),
        (
            "app-layer-event:dns.z_flag_set;",
            "DNSのメッセージ: 予約ビットZが立っている",
            "a message of DNS has the reserved bit Z set",
        ),
        (
            "app-layer-event:http.unheard_of;",
            "メッセージの異常 http.unheard_of(Suricataの呼び名)がある",
            "a message is wrong in the way that Suricata names http.unheard_of",
        ),
        (
            "flow:to_client,stateless;",
            "応答の向き(跳ね返りか反射)、セッションを問わない",
            "it goes the way of an answer (backscatter, or reflected), no session is asked for",
        ),
        (
            "flowbits:isset,a|b;",
            "他のルールがこのパケットに印a|bを付けた",
            "another rule told of this packet: a|b",
        ),
        ("flowbits:noalert;", "それ自身は検知としない", "this is no detection itself"),
        (
            "byte_jump:2,4,multiplier 4;",
            "続きは4バイト目からの2バイトの数(multiplier 4)だけ先から見る",
            "what follows is looked for as far behind as the 2-byte number at byte 4 (multiplier 4) says",
        ),
        (
            "byte_extract:1,0,n;",
            "nは0バイト目からの1バイトの数",
            "n stands for the 1-byte number at byte 0",
        ),
        (
            "byte_math:bytes 1,offset 0,oper +,rvalue 3,result m;",
            "mは0バイト目からの1バイトの数 + 3",
            "m stands for the 1-byte number at byte 0 + 3",
        ),
    ],
)
def test_each_option_has_its_words(options: str, japanese: str, english: str) -> None:
    assert said(options) == ([japanese], [english])


def test_remarks_are_no_conditions() -> None:
    assert said("service:dns; tag:session; rev:2;") == ([], [])


@pytest.mark.shared
@pytest.mark.parametrize("names", ["snort-2.2.0-gpl", "snort3-community", "telescope"])
def test_no_usable_rule_of_public_sets_is_left_without_words(shared: Path, names: str) -> None:
    library = load(sorted((shared / "rules" / names).glob("*.rules")), with_builtin=False)
    usable = {rule.sid for rule in library.core.signatures()}
    wordless = {
        clause.english
        for statement in library.statements
        if statement.sid in usable
        for clause in explain(statement, categories.read().all[0]).clauses
        if clause.english.startswith("as `")
    }
    assert wordless == set()
