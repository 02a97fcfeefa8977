"""The collector's configuration: one TOML file, checked whole before anything starts.

An unknown key is an error that suggests the near name. A relative path is relative to the directory of the
configuration file, so that a command means the same from any working directory. An empty string in a path
says "none", as the sample does.
"""

from __future__ import annotations

import difflib
import ipaddress
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from teiten_collector.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Language = Literal["ja", "en"]

_COUNTRIES: dict[Language, str] = {"ja": "JP", "en": "US"}

SAMPLE = """\
[server]
listen = "127.0.0.1:8443"         # address and port; [::1]:8443 for IPv6
tls_certificate = ""              # PEM, the chain included
tls_key = ""                      # PEM
allow_plain_http = false          # true: HTTP without TLS beyond loopback, behind a proxy that ends TLS
sensor_requests_per_minute = 1200 # of one sensor; beyond: 429
sensor_megabytes_per_minute = 1000
connections = 8192                # at once; beyond: closed
connections_per_address = 1024    # of one address; 0: no bound, behind a proxy
metrics_networks = []             # who may read /metrics besides this machine
[store]
url = ""                          # empty: embedded, in [store] directory
directory = "/var/lib/teiten-collector"
group_seconds = 5                 # how often journaled batches are brought into the tables
upkeep_minutes = 10               # how often serve joins, removes and counts; 0: never
journal_days = 400                # how long days can be rebuilt; 0: always
removed_files_hours = 24          # longer than any query runs
query_memory_megabytes = 0        # beyond: to disk; 0: half of the machine's
[geo]
country_database = ""             # a MaxMind-format file; empty: the embedded default
asn_database = ""
[report]
timezone = "Asia/Tokyo"
language = "ja"                   # ja or en
access_groups = []                # empty: every sensor
signature_groups = []
home_country = ""                 # a code as JP; empty: the time zone's, else the language's
signature_lists = []              # CSV: sid,message,category,classtype
categories = ""                   # TOML; empty: the six of the 2009 report
known_survey_scanners = true      # keep the shipped list of survey scanners apart
survey_scanner_lists = []         # CSV, own ones besides: network,operator,source,checked
"""
"""Every key with its default, as its page in docs/reference shows it: a test compares them."""


def _path(value: object, info: ValidationInfo) -> object:
    """Reads a path: empty is none, relative is beside the configuration file."""
    if not isinstance(value, str):
        return value
    if not value:
        return None
    base = (info.context or {}).get("base")
    path = Path(value).expanduser()
    return path if base is None else Path(base) / path


Location = Annotated[Path, BeforeValidator(_path)]
OptionalLocation = Annotated[Path | None, BeforeValidator(_path)]


def _network(value: object) -> object:
    """Reads a network."""
    return ipaddress.ip_network(value) if isinstance(value, str) else value


Network = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, BeforeValidator(_network)]


class _Section(BaseModel):
    """A table of the file: frozen once read, unknown keys refused, nothing coerced silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Listen(_Section):
    """Where the door listens.

    Attributes:
        host: An IP address, or ``localhost``.
        port: 0 to 65535; 0 lets the system choose (the line printed at start names it).
    """

    host: str
    port: int = Field(ge=0, le=65535)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``address:port`` or ``[address]:port``.

        Raises:
            ValueError: The text is neither.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not (port.isascii() and port.isdigit() and int(port) <= 65535):  # noqa: PLR2004 - the last port
            raise ValueError(f"{text!r} is no address and port; write 127.0.0.1:8443 or [::1]:8443")
        bare = host.removeprefix("[").removesuffix("]")
        if bare != "localhost":
            address = ipaddress.ip_address(bare)
            if (address.version == 6) != host.startswith("["):  # noqa: PLR2004 - IP version 6
                raise ValueError(f"{text!r}: an IPv6 address stands in brackets, as in [::1]:8443")
        return cls(host=bare, port=int(port))


class ServerConfig(_Section):
    """``[server]``: the door."""

    listen: Listen = Field(default_factory=lambda: Listen.parse("127.0.0.1:8443"), validate_default=False)
    tls_certificate: OptionalLocation = None
    tls_key: OptionalLocation = None
    allow_plain_http: bool = False
    sensor_requests_per_minute: int = Field(default=1200, ge=1, le=1_000_000)
    sensor_megabytes_per_minute: int = Field(default=1000, ge=1, le=1_000_000)
    connections: int = Field(default=8192, ge=1, le=1_000_000)
    connections_per_address: int = Field(default=1024, ge=0, le=1_000_000)
    metrics_networks: tuple[Network, ...] = Field(default=(), strict=False)

    @field_validator("listen", mode="before")
    @classmethod
    def _read_listen(cls, value: object) -> object:
        return Listen.parse(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _transport_is_safe(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together: name both or neither")
        if self.tls_certificate is None and not self.listen.is_loopback and not self.allow_plain_http:
            raise ValueError(
                f"plain HTTP on {self.listen.host} would show tokens to the network; name tls_certificate "
                "and tls_key, listen on 127.0.0.1, or set allow_plain_http = true where a proxy ends TLS",
            )
        return self


class StoreConfig(_Section):
    """``[store]``: where batches are kept.

    Attributes:
        url: SQLAlchemy URL of the ledger and registry; empty is SQLite inside `directory`.
        directory: Journal, tables and, embedded, the ledger.
        group_seconds: Seconds between two group commits into the tables.
        upkeep_minutes: Minutes between two turns of upkeep by `serve`; 0: none.
        journal_days: How long the journal keeps batches that are in the tables; 0: for good.
        removed_files_hours: How long files of the tables stay that no current version names.
        query_memory_megabytes: What a report's queries may take; 0: half of the machine's.
    """

    url: str = ""
    directory: Location = Path("/var/lib/teiten-collector")
    group_seconds: float = Field(default=5.0, gt=0, le=3600, strict=False)
    upkeep_minutes: float = Field(default=10.0, ge=0, le=1440, strict=False)
    journal_days: int = Field(default=400, ge=0, le=36_500)
    removed_files_hours: int = Field(default=24, ge=1, le=8760)
    query_memory_megabytes: int = Field(default=0, ge=0, le=1 << 24)


class GeoConfig(_Section):
    """``[geo]``: where sources are looked up. ``None`` in `country_database` is the embedded default."""

    country_database: OptionalLocation = None
    asn_database: OptionalLocation = None


class ReportConfig(_Section):
    """``[report]``: whose days, which language, which sensors."""

    timezone: str = "Asia/Tokyo"
    language: Language = "ja"
    access_groups: tuple[str, ...] = Field(default=(), strict=False)
    signature_groups: tuple[str, ...] = Field(default=(), strict=False)
    home_country: str = Field(default="", pattern=r"^([A-Z]{2})?$")
    signature_lists: tuple[Location, ...] = Field(default=(), strict=False)
    categories: OptionalLocation = None
    known_survey_scanners: bool = True
    survey_scanner_lists: tuple[Location, ...] = Field(default=(), strict=False)

    @field_validator("timezone")
    @classmethod
    def _zone_is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                f"{value!r} is no time zone; write a name of the IANA list, as Asia/Tokyo"
            ) from error
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose days a report counts."""
        return ZoneInfo(self.timezone)

    @property
    def home(self) -> str:
        """Code of the country that has figures of its own: as stated, the zone's, or the language's."""
        zones = get_global("zone_territories")
        return self.home_country or zones.get(self.timezone) or _COUNTRIES[self.language]


class CollectorConfig(_Section):
    """The whole file."""

    server: ServerConfig = Field(default_factory=ServerConfig)
    store: StoreConfig = Field(default_factory=StoreConfig)
    geo: GeoConfig = Field(default_factory=GeoConfig)
    report: ReportConfig = Field(default_factory=ReportConfig)


def load(path: Path) -> CollectorConfig:
    """Reads and checks a configuration file.

    Raises:
        ConfigurationError: The file cannot be read, is no TOML, or says something it cannot. The message
            names the file, the key path of every fault, and the remedy.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(
            f"cannot be read: {reason}",
            place=str(path),
            remedy="name the file with --config; docs/reference/collector-configuration.md has a sample",
        ) from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"no TOML: {error}", place=str(path)) from error
    return parse(document, path)


def parse(document: dict[str, Any], path: Path) -> CollectorConfig:
    """Checks a configuration already read; `path` names it in messages and is the base of relative paths.

    Raises:
        ConfigurationError: As `load`.
    """
    try:
        return CollectorConfig.model_validate(document, context={"base": path.absolute().parent})
    except ValidationError as error:
        faults = [_explain(fault) for fault in error.errors(include_url=False, include_context=False)]
        raise ConfigurationError("\n".join(faults), place=str(path)) from error


def _explain(fault: ErrorDetails) -> str:
    """One fault as ``key.path: what is wrong; what to do``."""
    location = [str(part) for part in fault["loc"]]
    place = ".".join(location) or "the file"
    if fault["type"] == "extra_forbidden":
        names = _names_beside(location[:-1])
        near = difflib.get_close_matches(location[-1], names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(names)}"
        return f"{place}: unknown key; {hint}"
    if fault["type"] == "literal_error":
        choices = fault["msg"].removeprefix("Input should be ")
        return f"{place}: {fault['input']!r} is none of the choices: {choices}"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {message[:1].lower()}{message[1:]}"


def _names_beside(location: list[str]) -> list[str]:
    """The keys a table of the file may have."""
    model: type[BaseModel] = CollectorConfig
    for name in location:
        field = model.model_fields.get(name)
        section = None if field is None else field.annotation
        if not (isinstance(section, type) and issubclass(section, BaseModel)):
            return []
        model = section
    return list(model.model_fields)
