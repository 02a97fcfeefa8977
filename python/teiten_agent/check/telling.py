"""Whether the collector takes what the sensor tells: each step of the way to an acknowledgement."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from teiten_agent.check.step import State, UnsureError, skipped, taken
from teiten_agent.config.kinds import is_loopback
from teiten_agent.errors import AnswerIsNoError, ConfigurationError, UnreachableError
from teiten_agent.spool import survey
from teiten_agent.uplink import Uplink, read_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from teiten_agent.check.step import Step
    from teiten_agent.config import Configuration

STEPS = ("token", "name", "connection", "certificate", "collector", "registration", "delivery")

_PATIENCE_SECONDS = 10.0

_MOST_SECONDS_APART = 60.0
"""A clock this far from the collector's puts packets into wrong minutes."""

_MOST_MINUTES_WAITING = 15
"""Batches of a minute each that wait so long are not on their way."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def steps(configuration: Configuration) -> Iterator[Step]:
    """Take each in turn, as long as the one before allows it."""
    url = urlsplit(configuration.uplink.collector)
    if not configuration.uplink.collector:
        nowhere = "uplink.collector is empty: batches stay in the spool until they are exported"
        yield from skipped(STEPS, nowhere)
        return
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    way: list[tuple[str, Callable[[], str]]] = [
        ("name", lambda: _name(host, port)),
        ("connection", lambda: _connection(host, port)),
        ("certificate", lambda: _certificate(configuration, host, port)),
        ("collector", lambda: _collector(configuration)),
    ]
    token = taken("token", lambda: _token(configuration))
    yield token
    last = token
    proxy = _proxy(configuration.uplink.collector, host)
    for name, look in way:
        if last.state is State.FAILED:
            yield from skipped((name,), f"needs the {last.name}")
        elif proxy and name != "collector":
            yield from skipped((name,), f"requests go by the proxy {proxy}")
        elif name == "certificate" and url.scheme == "http":
            yield from skipped((name,), "plain HTTP, on loopback alone")
        else:
            last = taken(name, look)
            yield last
    if last.state is State.FAILED:
        yield from skipped(("registration",), f"needs the {last.name}")
    else:
        yield taken("registration", lambda: _registration(configuration))
    yield taken("delivery", lambda: _delivery(configuration))


def _token(configuration: Configuration) -> str:
    read_token(configuration.uplink.token_file)
    return configuration.uplink.token_file


def _proxy(url: str, host: str) -> str:
    """The proxy that the environment names for this URL; empty where there is none."""
    from requests.utils import get_environ_proxies, select_proxy  # noqa: PLC0415  # as in `uplink`

    return "" if is_loopback(host) else select_proxy(url, get_environ_proxies(url)) or ""


def _name(host: str, port: int) -> str:
    try:
        found = {str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreachableError(
            f"uplink.collector: the name {host} leads to no address: {said}",
            "see to the spelling, the network and the resolver (/etc/resolv.conf)",
        ) from error
    return f"{host} is an address" if found == {host} else f"{host} is {', '.join(sorted(found))}"


def _connection(host: str, port: int) -> str:
    try:
        with socket.create_connection((host, port), _PATIENCE_SECONDS):
            return f"{host} takes connections on port {port}"
    except OSError as error:
        remedy = (
            "does the collector run, and on this port?"
            if isinstance(error, ConnectionRefusedError)
            else "see to the route (`ip route`) and to firewalls on the way"
        )
        raise UnreachableError(
            f"uplink.collector: {host} port {port}: {error.strerror or error}", remedy
        ) from error


def _certificate(configuration: Configuration, host: str, port: int) -> str:
    authorities = _authorities(configuration)
    try:
        context = ssl.create_default_context(cafile=authorities)
    except OSError as error:
        raise ConfigurationError(
            f"the authorities to trust: {authorities}: cannot be read: {error.strerror or error}",
            "install them (Debian: ca-certificates), or set uplink.ca_file",
        ) from error
    try:
        with (
            socket.create_connection((host, port), _PATIENCE_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as encrypted,
        ):
            until = dict(encrypted.getpeercert() or {}).get("notAfter")
    except ssl.SSLCertVerificationError as error:
        raise UnreachableError(
            f"uplink.collector: the certificate of {host} is not trusted: {error.verify_message}",
            _certificate_remedy(error.verify_code),
        ) from error
    except OSError as error:
        raise UnreachableError(
            f"uplink.collector: {host} port {port} does not speak TLS: {error.strerror or error}",
            "does the collector have server.tls_certificate, and is it its port?",
        ) from error
    return f"is trusted, until {until}"


def _certificate_remedy(code: int) -> str:
    match code:  # openssl/x509_vfy.h
        case 9 | 10:  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
            return "is the clock right? Then the collector needs a new certificate"
        case 62 | 64:  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
            return "uplink.collector must name the collector as its certificate does"
        case _:
            return "put the certificate of the collector's own authority into uplink.ca_file"


def _authorities(configuration: Configuration) -> str:
    """The file of authorities that the uplink trusts, chosen as requests does."""
    from requests.utils import DEFAULT_CA_BUNDLE_PATH  # noqa: PLC0415  # as in `uplink`

    from_environment = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return configuration.uplink.ca_file or from_environment or DEFAULT_CA_BUNDLE_PATH


def _collector(configuration: Configuration) -> str:
    at = Uplink(configuration.uplink).health().at
    if at is None:
        return f"{configuration.uplink.collector} answers"
    apart = (datetime.now(UTC) - at).total_seconds()
    if abs(apart) > _MOST_SECONDS_APART:
        raise AnswerIsNoError(
            f"{configuration.uplink.collector} answers, but its clock is {abs(apart):.0f} s"
            f" {'behind' if apart > 0 else 'ahead of'} this one",
            "run a time service (NTP) on both",
        )
    return f"{configuration.uplink.collector} answers; clocks agree"


def _registration(configuration: Configuration) -> str:
    known = Uplink(configuration.uplink).registration()
    own = configuration.sensor
    if known is None:
        raise UnsureError(
            f"{configuration.uplink.collector} does not tell whether it takes this token and these addresses",
            "upgrade the collector",
        )
    if known.sensor != own.id:
        raise ConfigurationError(
            f"sensor.id: is {own.id}, and the token is that of sensor {known.sensor}",
            "correct sensor.id, or put this sensor's own token into uplink.token_file",
        )
    if strange := _beyond(own.monitored, known.monitored):
        raise ConfigurationError(
            f"sensor.monitored: {', '.join(map(str, strange))} is not registered: batches that tell of it are"
            " withheld",
            "register it on the collector (`teiten-collector sensor`), or take it out here",
        )
    if unheard := _beyond(known.monitored, own.monitored):
        raise ConfigurationError(
            f"sensor.monitored: {', '.join(map(str, unheard))} is registered and not monitored: rates would"
            " divide by addresses that nobody watches",
            "monitor it here, or end its registration on the collector",
        )
    return f"the token is that of {known.sensor}; its addresses are those monitored here"


def _beyond(networks: Iterable[Network], allowed: Iterable[Network]) -> list[Network]:
    """Those networks that the allowed ones do not cover, joined first to as few as there can be."""
    covering = {(one.version, int(one.network_address), one.prefixlen) for one in _joined(allowed)}
    return [
        one
        for one in _joined(networks)
        if not any(
            (one.version, int(wider.network_address), wider.prefixlen) in covering
            for wider in (one.supernet(new_prefix=length) for length in range(one.prefixlen + 1))
        )
    ]


def _joined(networks: Iterable[Network]) -> list[Network]:
    listed = list(networks)
    ipv4 = [one for one in listed if isinstance(one, ipaddress.IPv4Network)]
    ipv6 = [one for one in listed if isinstance(one, ipaddress.IPv6Network)]
    return [*ipaddress.collapse_addresses(ipv4), *ipaddress.collapse_addresses(ipv6)]


def _delivery(configuration: Configuration) -> str:
    status = survey(Path(configuration.spool.directory), configuration.spool.max_megabytes)
    last = status.acknowledged_at or "never"
    if status.refused:
        raise AnswerIsNoError(
            f"{status.refused} batches were refused by the collector for good; last acknowledgement: {last}",
            f"the reasons lie in {Path(configuration.spool.directory) / 'refused'}; once they are mended,"
            " `teiten-agent spool upload --refused`",
        )
    waiting_since = datetime.fromtimestamp(status.waiting_since_ns // 1_000_000_000, UTC)
    if status.waiting and datetime.now(UTC) - waiting_since > timedelta(minutes=_MOST_MINUTES_WAITING):
        raise AnswerIsNoError(
            f"{status.waiting} batches wait since {status.waiting_since}; last acknowledgement: {last}",
            "mend what failed above; is the agent running (`teiten-agent status`)? Without it,"
            " `teiten-agent spool upload`",
        )
    if not status.acknowledged_at:
        raise UnsureError(
            f"no batch was ever acknowledged; {status.waiting} wait",
            "start the agent, and look again after an interval",
        )
    return f"last acknowledgement: {last}; {status.waiting} waiting"
