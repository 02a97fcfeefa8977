"""What `sensor.txt` becomes: the agent's configuration, and the files of systemd-networkd."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firmware.provisioning.profile import Profile
    from firmware.provisioning.settings import Settings

TOKEN_FILE = "/var/lib/teiten/keys/token"  # noqa: S105  # where it is, not what it is
AUTHORITY_FILE = "/var/lib/teiten/keys/collector-ca.pem"
RULES = "/var/lib/teiten/rules/operator.rules"
SPOOL = "/var/lib/teiten/spool"


def agent(settings: Settings, profile: Profile, *, authority: bool, spool_megabytes: int) -> str:
    """The agent's configuration; `authority`: the collector's certificate is of an authority of one's own."""
    return f"""\
# Made from sensor.txt at every boot: change that, not this.
# Limits of memory as on boards of {profile.board_megabytes} MB.
[sensor]
id = {json.dumps(settings.sensor)}
monitored = {json.dumps([str(network) for network in settings.monitored])}

[capture]
interface = {json.dumps(settings.interface)}
ring_megabytes = {profile.ring_megabytes}

[uplink]
collector = {json.dumps(settings.collector)}
token_file = {json.dumps(TOKEN_FILE)}
ca_file = {json.dumps(AUTHORITY_FILE if authority else "")}

[rules]
files = [{json.dumps(RULES)}]

[spool]
directory = {json.dumps(SPOOL)}
max_megabytes = {spool_megabytes}

[limits]
table_megabytes = {profile.table_megabytes}
"""


def resolver(settings: Settings) -> str:
    """What resolv.conf(5) says; without name servers, names are not asked for."""
    return "".join(f"nameserver {server}\n" for server in settings.dns) or "# no name server\n"


def network(settings: Settings) -> dict[str, str]:
    """Names and contents of systemd-networkd's files."""
    own = settings.management_address
    lines = [
        f"[Match]\nName={settings.management_device}\n\n[Network]\nLLMNR=no\nMulticastDNS=no\nEmitLLDP=no\n"
    ]
    if own is None:
        lines.append("DHCP=yes\n")
    else:
        lines.append(f"Address={own}\nIPv6AcceptRA=no\n")
    if settings.gateway is not None:
        lines.append(f"Gateway={settings.gateway}\n")
    lines += [f"NTP={server}\n" for server in settings.time]
    files = {
        "10-observation.network": f"[Match]\nName={settings.interface}\n\n[Link]\n"
        "ActivationPolicy=always-up\nRequiredForOnline=no\n\n[Network]\nDHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nLLDP=no\n"
        "EmitLLDP=no\n"
        "LLMNR=no\nMulticastDNS=no\n",
        "20-management.network": "".join(lines),
    }
    if settings.management_vlan is not None:
        vlan = settings.management_device
        files["15-management.netdev"] = (
            f"[NetDev]\nName={vlan}\nKind=vlan\n\n[VLAN]\nId={settings.management_vlan}\n"
        )
        carrier = (
            "10-observation.network" if settings.management == settings.interface else "15-carrier.network"
        )
        files.setdefault(
            carrier, f"[Match]\nName={settings.management}\n\n[Network]\nLinkLocalAddressing=no\n"
        )
        files[carrier] += f"VLAN={vlan}\n"
    return files
