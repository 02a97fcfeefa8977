"""The rules of silence, as nft(8) and sysctl(8) read them.

What arrives at the observation interface reaches the agent before any rule (a packet socket sees frames
before the ingress hook), and then nothing else: it is dropped before the kernel's own stack can answer. What
would leave by it is dropped again at the egress hook, whoever made it: each half holds without the other.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from firmware.provisioning.settings import Settings

AGENT_USER = "teiten-agent"
"""The account that the agent runs under; it alone reaches the collector."""

_HTTPS_PORT = 443


def rules(settings: Settings, *, ssh: bool = False) -> str:
    """Everything nft needs, from an empty rule set; `ssh`: whether somebody may log in."""
    return f"flush ruleset\n\n{observation(settings)}\n{management(settings, ssh=ssh)}"


def observation(settings: Settings) -> str:
    """The observation interface: nothing in, nothing out; ARP for the monitored addresses if asked for."""
    name = settings.interface
    heard = spoken = ""
    ours = [str(network) for network in settings.monitored if network.version == 4]  # noqa: PLR2004  # IPv4
    if settings.answer_arp and ours:
        addresses = ", ".join(ours)
        heard = f"\n    arp operation request arp daddr ip {{ {addresses} }} counter accept"
        spoken = f"\n    arp operation reply arp saddr ip {{ {addresses} }} counter accept"
    if settings.management == name and settings.management_vlan is not None:
        tagged = f"\n    vlan id {settings.management_vlan} counter accept"
        heard, spoken = heard + tagged, spoken + tagged
    return f"""\
table netdev silence {{
  chain heard {{
    type filter hook ingress device "{name}" priority -500; policy drop;{heard}
    counter drop
  }}
  chain spoken {{
    type filter hook egress device "{name}" priority -500; policy drop;{spoken}
    counter drop
  }}
}}
"""


def management(settings: Settings, *, ssh: bool = False) -> str:
    """The management interface: the agent to the collector, names and time; nobody comes in but by SSH."""
    device = settings.management_device
    login = f'    iifname "{device}" tcp dport 22 accept\n' if ssh else ""
    collector = ""
    if settings.collector:
        url = urlsplit(settings.collector)
        port = url.port or _HTTPS_PORT
        to = f"{_to(url.hostname or '')}tcp dport {port}"
        collector = f'\n    oifname "{device}" meta skuid "{AGENT_USER}" {to} accept'
    names = "".join(
        f'\n    oifname "{device}" {_to(str(server))}{protocol} dport 53 accept'
        for server in settings.dns
        for protocol in ("udp", "tcp")
    )
    times = "".join(
        f'\n    oifname "{device}" {_to(str(server))}udp dport 123 accept' for server in settings.time
    ) or (f'\n    oifname "{device}" udp dport 123 accept')
    lease = ""
    if settings.management_address is None:
        lease = f'\n    oifname "{device}" udp sport 68 udp dport 67 accept'
    allowed = (lease + collector + names + times).lstrip("\n")
    return f"""\
table inet management {{
  chain input {{
    type filter hook input priority 0; policy drop;
    iifname "lo" accept
    ct state established,related accept
    iifname "{device}" udp sport 67 udp dport 68 accept
    iifname "{device}" icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert }} accept
{login}    counter drop
  }}
  chain forward {{
    type filter hook forward priority 0; policy drop;
  }}
  chain output {{
    type filter hook output priority 0; policy drop;
    oifname "lo" accept
    ct state established,related accept
    oifname "{device}" icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit }} accept
{allowed}
    counter drop
  }}
}}
"""


def kernel(settings: Settings) -> dict[str, str]:
    """Paths below /proc/sys, and what is written there: the interface has no address and asks for none."""
    name = settings.interface.replace(".", "/")
    return {
        "net/ipv4/conf/default/accept_redirects": "0",
        "net/ipv4/ip_forward": "0",
        f"net/ipv6/conf/{name}/disable_ipv6": "1",
        f"net/ipv6/conf/{name}/accept_ra": "0",
        f"net/ipv6/conf/{name}/autoconf": "0",
        # 8: no ARP reply at all; 0 with answer-arp, where the rules let only monitored addresses pass.
        f"net/ipv4/conf/{name}/arp_ignore": "0" if settings.answer_arp else "8",
        f"net/ipv4/conf/{name}/arp_announce": "2",
        f"net/ipv4/conf/{name}/rp_filter": "0",
    }


def _to(host: str) -> str:
    """Restrict a rule to an address; a name has none yet, and the account and the port must do."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    return f"{'ip' if address.version == 4 else 'ip6'} daddr {address} "  # noqa: PLR2004  # IPv4
