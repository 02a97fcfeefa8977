"""Events of applications' messages, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from teiten_agent.rules.explain.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES = {
    "bittorrent-dht": "BitTorrent DHT",
    "dhcp": "DHCP",
    "dns": "DNS",
    "ike": "IKE",
    "krb5": "Kerberos 5",
    "ldap": "LDAP",
    "mdns": "mDNS",
    "ntp": "NTP",
    "quic": "QUIC",
    "snmp": "SNMP",
}

_CANNOT_BE_READ = Words("最後まで読めない", "cannot be read to its end")

_SHOWN = {
    "malformed_data": _CANNOT_BE_READ,
    "malformed_packet": _CANNOT_BE_READ,
    "invalid_data": _CANNOT_BE_READ,
    "error_on_data": Words("ヘッダーを最後まで読めない", "has a header that cannot be read to its end"),
    "not_request": Words("サーバー宛てなのに応答", "is a response on its way to the server"),
    "not_response": Words("クライアント宛てなのに要求", "is a request on its way to the client"),
    "z_flag_set": Words("予約ビットZが立っている", "has the reserved bit Z set"),
    "invalid_opcode": Words("オペコードが未割り当て(6より大きい)", "has an opcode above 6, which none is"),
    "name_too_long": Words("名前が255バイトを超える", "has a name of more than 255 bytes"),
    "infinite_loop": Words("名前の圧縮ポインターが循環する", "has a name whose pointers lead in a circle"),
    "too_many_labels": Words("名前のラベルが127個を超える", "has a name of more than 127 labels"),
    "invalid_authorities": Words(
        "権威セクションを最後まで読めない", "has an authority section that cannot be read to its end"
    ),
    "invalid_additionals": Words(
        "付加セクションを最後まで読めない", "has an additional section that cannot be read to its end"
    ),
    "malformed_options": Words(
        "オプションの長さがその種類に合わない", "has an option whose length its kind does not allow"
    ),
    "truncated_options": Words("オプションが途中で切れている", "has options that are cut short"),
    "unknown_security_model": Words(
        "ユーザーベース(3)以外のセキュリティモデル", "has another security model than the user-based one (3)"
    ),
    "weak_crypto_enc": Words("弱い暗号を含む", "proposes a weak cipher"),
    "weak_crypto_prf": Words("弱い擬似乱数関数を含む", "proposes a weak pseudorandom function"),
    "weak_crypto_auth": Words("弱い認証方式を含む", "proposes a weak integrity check"),
    "weak_crypto_dh": Words("弱いDiffie-Hellmanグループを含む", "proposes a weak Diffie-Hellman group"),
    "weak_crypto_no_dh": Words("Diffie-Hellmanグループがない", "proposes no Diffie-Hellman group"),
    "weak_crypto_no_auth": Words("認証方式がない", "proposes no integrity check"),
    "no_encryption": Words("暗号化しない(AH)", "proposes no encryption (AH)"),
    "invalid_proposal": Words("提案に無効な値がある", "has a proposal with a value that is none"),
    "unknown_proposal": Words(
        "提案に未知の種類の変換がある", "has a proposal with a transform of unknown type"
    ),
    "multiple_server_proposal": Words("応答が複数の提案を選んでいる", "answers with more than one choice"),
    "weak_encryption": Words("弱い暗号で暗号化されている", "is encrypted with a weak cipher"),
}


def _event(value: str) -> Words:
    protocol, _, event = value.partition(".")
    name = _NAMES.get(protocol, protocol)
    shown = _SHOWN.get(event)
    if shown is None:
        return Words(
            f"メッセージの異常 {value}(Suricataの呼び名)がある",
            f"a message is wrong in the way that Suricata names {value}",
        )
    return Words(f"{name}のメッセージ: {shown.japanese}", f"a message of {name} {shown.english}")


OPTIONS: dict[str, Callable[[str], Words]] = {"app-layer-event": _event}
"""Options that ask for something of a message, by name."""
