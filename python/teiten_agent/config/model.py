"""The options of `agent.toml`: each field carries its documentation, unit and bounds as metadata."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from teiten_agent.config.kinds import (
    Address,
    Choice,
    CollectorUrl,
    Kind,
    Location,
    LoopbackPort,
    Network,
    Several,
    Switch,
    Text,
    Whole,
    Words,
)
from teiten_protocol.bundle import MAX_BUNDLED
from teiten_protocol.limits import SENSOR_ID

_METADATA_KEY = "option"
_REQUIRED = dataclasses.MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What is known about one key.

    Attributes:
        text: What it decides, in both languages.
        kind: What it may be.
        unit: The unit of a number, empty where it has none.
        example: What the sample shows, as TOML would hold it.
    """

    text: Words
    kind: Kind
    unit: str = ""
    example: object


def _option(  # noqa: PLR0913  # one line a fact, all by name
    *,
    english: str,
    japanese: str,
    kind: Kind,
    example: object,
    unit: str = "",
    default: Any = _REQUIRED,  # noqa: ANN401  # dataclasses.field is typed so
) -> Any:  # noqa: ANN401  # as above
    option = Option(text=Words(english, japanese), kind=kind, unit=unit, example=example)
    return dataclasses.field(default=default, metadata={_METADATA_KEY: option})


def option_of(field: dataclasses.Field[Any]) -> Option:
    """Return what is known about a field of a section."""
    option = field.metadata[_METADATA_KEY]
    assert isinstance(option, Option)  # noqa: S101  # every field of a section is made by _option
    return option


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """Which sensor this is / このセンサーの身元."""

    id: str = _option(
        english="The id under which the collector registered this sensor.",
        japanese="コレクターに登録されたこのセンサーのID。",
        kind=Text(
            SENSOR_ID.pattern,
            Words(
                "1 to 63 of a-z, 0-9, dot, underscore and hyphen, beginning with a letter or digit",
                "a-z、0-9、ドット、下線、ハイフンの1〜63文字(先頭は英小文字か数字)",
            ),
        ),
        example="tokyo-01",
    )
    monitored: tuple[Network, ...] = _option(
        english="The monitored addresses: only packets to them are counted.",
        japanese="観測対象のアドレス。ここへ宛てたパケットだけを数える。",
        kind=Several(Address(), fewest=1),
        example=["198.51.100.0/28", "2001:db8::/64"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Where live traffic comes from / 通信の取り込み元."""

    interface: str = _option(
        english="The network interface of live capture; replaying captures does not use it.",
        japanese="ライブ取り込みに使うネットワークインターフェース。キャプチャの再生では使わない。",
        kind=Text(
            r"[^\s/\x00]{0,15}",
            Words("at most 15 characters without space or slash", "空白とスラッシュを含まない15文字以内"),
        ),
        default="",
        example="eth0",
    )
    filter: str = _option(
        english="A BPF filter of live capture; empty takes everything.",
        japanese="ライブ取り込みのBPFフィルター。空ならすべて取り込む。",
        kind=Text(r"[^\x00]{0,4096}", Words("at most 4096 characters", "4096文字以内")),
        default="",
        example="",
    )
    source: str = _option(
        english="How packets are taken: from a ring shared with the kernel (Linux), or copied by libpcap.",
        japanese="パケットの取り込み方。カーネルと共有するリング(Linux)か、libpcapによるコピー。",
        kind=Choice(("ring", "pcapy")),
        default="ring",
        example="ring",
    )
    threads: int = _option(
        english="Threads that capture, each with a ring and its share of the sources (ring only).",
        japanese="取り込みスレッドの数。送信元ごとに振り分け、各スレッドが専用のリングを持つ(ringのみ)。",
        kind=Whole(1, 32),
        default=1,
        example=1,
    )
    ring_megabytes: int = _option(
        english="Memory of all rings, or of libpcap's buffer, in units of 1,048,576 bytes; a full one drops.",
        japanese="全リング(またはlibpcapのバッファー)のメモリー(1,048,576バイト単位)。満杯の間は取りこぼす。",
        kind=Whole(1, 1_024),
        unit="MiB",
        default=8,
        example=8,
    )
    promiscuous: bool = _option(
        english="Whether to take frames addressed to other hosts, as on a mirror port.",
        japanese="他のホスト宛てのフレームも取り込むか。ミラーポートでの観測に必要。",
        kind=Switch(),
        default=False,
        example=False,
    )
    snap_length: int = _option(
        english="How much of each frame is kept; headers need 96 bytes, signatures the payload, too.",
        japanese="フレームごとに取り込む長さ。ヘッダーには96バイト、シグネチャには本文も要る。",
        kind=Whole(96, 262_144),
        unit="B",
        default=65_535,
        example=65_535,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """How long one interval is / 集計区間の長さ."""

    seconds: int = _option(
        english="The length of an interval; intervals begin at multiples of it in Unix time.",
        japanese="集計区間の長さ。区間はUnix時刻でこの値の倍数から始まる。",
        kind=Whole(1, 86_400),
        unit="s",
        default=60,
        example=60,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """Where batches go / バッチの送信先."""

    collector: str = _option(
        english="The collector's URL. Without one nothing is uploaded: export the spool instead.",
        japanese="コレクターのURL。空なら送信しない(スプールを書き出して渡す)。",
        kind=CollectorUrl(),
        default="",
        example="https://collector.example:8443",
    )
    token_file: str = _option(
        english="The file that holds this sensor's token, one line; it must not be readable by everyone.",
        japanese="このセンサーのトークンを1行で収めたファイル。誰にでも読める権限にしてはならない。",
        kind=Location(),
        default="/etc/teiten/token",
        example="/etc/teiten/token",
    )
    ca_file: str = _option(
        english="Certificates (PEM) to trust instead of the usual ones, for an authority of one's own.",
        japanese="独自の認証局を使う場合に、標準の証明書に代えて信頼する証明書(PEM)。",
        kind=Location(empty_means=Words("the usual authorities", "標準の認証局")),
        default="",
        example="",
    )
    batches_per_request: int = _option(
        english="Most batches of one request; several save round trips and the collector's syncs.",
        japanese="1回の要求で送るバッチの最大数。まとめると往復とコレクターの同期書き込みが減る。",
        kind=Whole(1, MAX_BUNDLED),
        default=32,
        example=32,
    )
    order: str = _option(
        english="Which batches go first after time without a collector.",
        japanese="送信できなかった期間の後に、どのバッチから送るか。",
        kind=Choice(("oldest-first", "newest-first")),
        default="oldest-first",
        example="oldest-first",
    )
    max_kilobits_per_second: int = _option(
        english="Most that uploads take of the link, averaged over requests; 0 sets no bound.",
        japanese="送信に使う回線速度の上限(要求ごとの平均)。0なら制限しない。",
        kind=Whole(0, 100_000_000),
        unit="kbit/s",
        default=100_000,
        example=20_000,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spool:
    """Where batches wait until they are acknowledged / 受領確認までバッチを置く場所."""

    directory: str = _option(
        english="The folder of the spool; it is created if need be.",
        japanese="スプールのフォルダー。なければ作る。",
        kind=Location(),
        default="/var/lib/teiten/spool",
        example="/var/lib/teiten/spool",
    )
    max_megabytes: int = _option(
        english="Most that the spool may take (1,000,000 bytes); at it, replay waits, live capture drops.",
        japanese="スプールの上限(100万バイト単位)。達すると再生は送信を待ち、ライブは最古のものから捨てる。",
        kind=Whole(1, 1_000_000),
        unit="MB",
        default=512,
        example=512,
    )
    max_age_days: int = _option(
        english="How long live capture keeps a batch that no collector takes. Replay never gives one up.",
        japanese="ライブ取り込みで、受領されないバッチを保つ日数。再生したバッチは捨てない。",
        kind=Whole(1, 3_650),
        unit="d",
        default=30,
        example=30,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which signatures run / 使うシグネチャ."""

    files: tuple[str, ...] = _option(
        english="Rule files besides the built-in set, as for Suricata or Snort; read again on SIGHUP.",
        japanese="内蔵ルールに加えるルールファイル(Suricata・Snortの書式)。SIGHUPで読み直す。",
        kind=Several(Location()),
        default=(),
        example=[],
    )
    variables: tuple[str, ...] = _option(
        english="What variables of rule files stand for, as NAME=VALUE; addresses are any by default.",
        japanese="ルールファイルの変数の値。指定のないアドレス変数はany。",
        kind=Several(
            Text(
                r"[A-Za-z_][A-Za-z0-9_]*=[^;\s]+",
                Words("NAME=VALUE without blanks", "空白を含まないNAME=VALUE"),
            )
        ),
        default=(),
        example=[],
    )

    examples: bool = _option(
        english="Whether 64 bytes of one payload of each signature and source are kept and uploaded.",
        japanese="シグネチャと送信元ごとに1つ、ペイロードの先頭64バイトを保存し送信するか。",
        kind=Switch(),
        default=True,
        example=True,
    )

    def values(self) -> dict[str, str]:
        """The variables by name."""
        return dict(text.split("=", 1) for text in self.variables)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much memory counting may take / 集計に使うメモリーの上限."""

    table_megabytes: int = _option(
        english="Memory of all tuple tables in units of 1,048,576 bytes; a full one ends its interval early.",
        japanese="全集計表のメモリー(1,048,576バイト単位、起動時に固定)。満杯になると区間を早めに閉じる。",
        kind=Whole(1, 1_024),
        unit="MiB",
        default=16,
        example=16,
    )
    max_rows: int = _option(
        english="Most rows of one interval; reaching it ends the interval early.",
        japanese="1区間の最大行数。達すると区間を早めに閉じる。",
        kind=Whole(1, 1_048_576),
        unit="rows",
        default=1_048_576,
        example=1_048_576,
    )
    early_closes: int = _option(
        english="Early ends within an interval's length before source ports, then sources, are given up.",
        japanese="区間の長さの間に、送信元ポート、次に送信元の内訳を省くまでに許す早期終了の回数。",
        kind=Whole(0, 63),
        default=4,
        example=4,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Where Prometheus finds what the running agent counted / 稼働中の計数の公開先."""

    textfile: str = _option(
        english="A file written anew every 15 seconds, for node_exporter and `teiten-agent status`.",
        japanese="15秒ごとに書き直すファイル。node_exporterと `teiten-agent status` が読む。",
        kind=Location(empty_means=Words("none", "なし")),
        default="/run/teiten/agent.prom",
        example="/run/teiten/agent.prom",
    )
    listen: str = _option(
        english="Where `GET /metrics` is answered over HTTP, on loopback alone; empty: nowhere.",
        japanese="HTTPの `GET /metrics` に応答するループバックのアドレスとポート。空なら応答しない。",
        kind=LoopbackPort(),
        default="",
        example="",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """How the service says what happens / 動作記録の書式."""

    format: str = _option(
        english='How events stand on standard error: as key=value ("logfmt"), or a JSON object a line.',
        japanese='標準エラー出力の書式。key=value("logfmt")か、1行に1つのJSON("json")。',
        kind=Choice(("logfmt", "json")),
        default="logfmt",
        example="logfmt",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything `agent.toml` decides. Paths are as written until `load` has made them absolute."""

    sensor: Sensor
    capture: Capture
    interval: Interval
    uplink: Uplink
    spool: Spool
    rules: Rules
    limits: Limits
    metrics: Metrics
    log: Log


SECTIONS: dict[str, type[Any]] = {
    "sensor": Sensor,
    "capture": Capture,
    "interval": Interval,
    "uplink": Uplink,
    "spool": Spool,
    "rules": Rules,
    "limits": Limits,
    "metrics": Metrics,
    "log": Log,
}
"""The tables of the file, in the order in which the sample shows them."""
