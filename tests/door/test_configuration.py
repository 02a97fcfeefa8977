"""The configuration says what is wrong with it: file, key path, remedy."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from teiten_collector import config
from teiten_collector.errors import ConfigurationError, ExitCode

PAGE = Path(__file__).parents[2] / "docs/reference/collector-configuration.md"


def load(directory: Path, text: str) -> config.CollectorConfig:
    path = directory / "collector.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path)


def test_the_sample_is_every_key_with_its_default(tmp_path: Path) -> None:
    assert load(tmp_path, config.SAMPLE) == config.CollectorConfig()
    document = tomllib.loads(config.SAMPLE)
    fields = config.CollectorConfig.model_fields
    assert list(document) == list(fields)
    for name, section in document.items():
        model = fields[name].annotation
        assert model is not None
        assert list(section) == list(model.model_fields)


def test_the_page_shows_the_sample_and_explains_every_key() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"```toml\n{config.SAMPLE}```" in page
    for section, keys in tomllib.loads(config.SAMPLE).items():
        for key in keys:
            assert f"| `{section}.{key}` |" in page


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[server]\nlisen = "x"', "server.lisen: unknown key; did you mean listen?"),
        ("[sever]", "sever: unknown key; did you mean server?"),
        (
            "[store]\nfrobnicate = 1",
            "store.frobnicate: unknown key; known here: url, directory, group_seconds",
        ),
        ('[report]\ntimezone = "Tokyo"', "report.timezone: 'Tokyo' is no time zone"),
        ('[report]\nlanguage = "fr"', "report.language: 'fr' is none of the choices: 'ja' or 'en'"),
        ('[server]\nlisten = "8443"', "server.listen: '8443' is no address and port"),
        ('[server]\nlisten = "::1:8443"', "an IPv6 address stands in brackets"),
        ('[server]\ntls_key = "key.pem"', "tls_certificate and tls_key go together"),
        ('[server]\nlisten = "0.0.0.0:8443"', "plain HTTP on 0.0.0.0 would show tokens to the network"),
        ("[store]\ngroup_seconds = 0", "store.group_seconds: input should be greater than 0"),
        ("[server", "no TOML"),
    ],
)
def test_a_fault_names_file_key_and_remedy(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    assert expected in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "collector.toml"))
    assert caught.value.exit_code is ExitCode.CONFIGURATION


def test_a_file_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        config.load(tmp_path / "absent.toml")


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, '[server]\nlisen = "x"\n[report]\nlanguage = "fr"')
    assert "server.lisen" in str(caught.value)
    assert "report.language" in str(caught.value)


def test_plain_http_beyond_loopback_is_a_decision(tmp_path: Path) -> None:
    loaded = load(tmp_path, '[server]\nlisten = "0.0.0.0:8443"\nallow_plain_http = true')
    assert loaded.server.listen == config.Listen(host="0.0.0.0", port=8443)  # noqa: S104 - the point of the test


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "127.1.2.3:8443", "[::1]:8443", "localhost:8443"])
def test_loopback_needs_no_tls(tmp_path: Path, listen: str) -> None:
    assert load(tmp_path, f'[server]\nlisten = "{listen}"').server.listen.is_loopback


def test_relative_paths_are_beside_the_file(tmp_path: Path) -> None:
    loaded = load(tmp_path, '[store]\ndirectory = "data"\n[geo]\ncountry_database = "../geo.mmdb"')
    assert loaded.store.directory == tmp_path / "data"
    assert loaded.geo.country_database == tmp_path / "../geo.mmdb"
