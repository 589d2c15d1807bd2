"""How a server is reached: proxies and certificates of the environment, good ones and others."""

from __future__ import annotations

import gc
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.network import ELSEWHERE, Certificate, Relay, complaining, free_port
from tale_tui.config.settings import OllamaSettings, OpenAISettings, Settings
from tale_tui.domain import errors
from tale_tui.engine.models.http.access import find_access, is_network_variable
from tale_tui.engine.models.http.address import ollama_address
from tale_tui.engine.models.ollama.backend import OllamaBackend
from tale_tui.engine.models.openai.backend import OpenAIBackend

FAR = f"http://{ELSEWHERE}:11434"
FAR_ENCRYPTED = f"https://{ELSEWHERE}"
NEAR = ("http://127.0.0.1:11434", "https://localhost:11434", "http://[::1]:11434")
NOWHERE = "/nowhere/at/all.pem"


@pytest.fixture(autouse=True)
def _no_network_variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if is_network_variable(name):
            monkeypatch.delenv(name)
    return


BROKEN = [
    {"ALL_PROXY": "socks4://127.0.0.1:1080"},
    {"HTTP_PROXY": "ftp://proxy", "HTTPS_PROXY": "ftp://proxy"},
    {"http_proxy": "http://proxy:port", "https_proxy": "http://proxy:port"},
    {"ALL_PROXY": "http://"},
    {"ALL_PROXY": "::::"},
    {"ALL_PROXY": "http://user:pass@pro xy:1"},
]


@pytest.mark.parametrize("variables", [*BROKEN, {"SSL_CERT_FILE": NOWHERE}, {"SSL_CERT_DIR": "/nowhere"}])
@pytest.mark.parametrize("url", NEAR)
def test_this_machine_is_reached_whatever_the_variables_hold(
    url: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_PROXY", "[::1]")
    access = find_access(ollama_address(url))
    assert (access.proxy, access.proxy_variable) == (None, "")
    assert not url.startswith("https") or access.verify.cert_store_stats()["x509"] > 0


@pytest.mark.parametrize("variables", BROKEN)
@pytest.mark.parametrize("url", [FAR, FAR_ENCRYPTED])
def test_a_proxy_that_is_none_is_named_by_its_variable_and_not_shown(
    url: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(errors.NotAvailable) as raised:
        find_access(ollama_address(url))
    assert any(f"what {name} holds is not the address of one" in raised.value.sentence for name in variables)
    assert "pass" not in raised.value.sentence


@pytest.mark.parametrize(
    ("variables", "url", "proxy", "variable"),
    [
        ({}, FAR, None, ""),
        ({"HTTP_PROXY": "proxy:3128"}, FAR, "http://proxy:3128", "HTTP_PROXY"),
        ({"HTTP_PROXY": "proxy:3128"}, FAR_ENCRYPTED, None, ""),
        ({"https_proxy": " http://proxy:3128 "}, FAR_ENCRYPTED, "http://proxy:3128", "https_proxy"),
        ({"ALL_PROXY": "socks5h://localhost:1080"}, FAR, "socks5h://localhost:1080", "ALL_PROXY"),
        ({"all_proxy": "socks://localhost:1080/"}, FAR, "socks5://localhost:1080/", "all_proxy"),
        ({"all_proxy": "SOCKS://localhost:1080/"}, FAR, "socks5://localhost:1080/", "all_proxy"),
        ({"ALL_PROXY": "socks5://a:1", "HTTP_PROXY": "http://b:2"}, FAR, "http://b:2", "HTTP_PROXY"),
        ({"ALL_PROXY": "http://a:1", "NO_PROXY": f"x, {ELSEWHERE}"}, FAR, None, ""),
        ({"ALL_PROXY": "http://a:1", "NO_PROXY": "example"}, FAR, None, ""),
        ({"ALL_PROXY": "http://a:1", "NO_PROXY": "*"}, FAR, None, ""),
        ({"ALL_PROXY": "http://a:1", "NO_PROXY": "[::1],*.x,,[fd00::1]:9"}, FAR, "http://a:1", "ALL_PROXY"),
        ({"ALL_PROXY": "http://a:1", "NO_PROXY": "[fd00::1]"}, "http://[fd00::1]:9", None, ""),
        ({"ALL_PROXY": "http://a:1", "NO_PROXY": "fd00::1"}, "http://[fd00::1]:9", None, ""),
    ],
)
def test_the_proxy_of_a_server_elsewhere(
    variables: dict[str, str], url: str, proxy: str | None, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    access = find_access(ollama_address(url))
    assert (str(access.proxy.url) if access.proxy else None, access.proxy_variable) == (proxy, variable)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("kind", ["nowhere", "other kind", "no certificate"])
def test_certificates_that_cannot_be_read_are_named_by_their_variable(
    kind: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file.pem"
    file.write_text("no certificate")
    wants_file = variable == "SSL_CERT_FILE"
    place = {"nowhere": Path(NOWHERE), "other kind": tmp_path if wants_file else file, "no certificate": file}[kind]
    monkeypatch.setenv(variable, str(place))
    with pytest.raises(errors.NotAvailable, match=f"^{variable} does not name a fi|^{variable} does not name a fo"):
        find_access(ollama_address(FAR_ENCRYPTED))
    assert find_access(ollama_address(FAR)).proxy is None  # without encryption nobody looks at it


def test_the_keys_of_a_connection_are_never_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("/nowhere/keys", str(tmp_path / "keys")):
        monkeypatch.setenv("SSLKEYLOGFILE", place)
        assert find_access(ollama_address(FAR_ENCRYPTED)).verify.keylog_filename is None
        assert find_access(ollama_address("https://localhost")).verify.keylog_filename is None


# on the wire


def play_ollama(replay: Any) -> None:
    for name in ("version", "tags", "ps-empty"):
        replay.play(f"manage/{name}")


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.mark.parametrize(("scheme", "speaks"), [("http", "http"), ("socks5", "socks"), ("socks", "socks")])
async def test_a_server_elsewhere_is_asked_through_the_proxy(
    scheme: str, speaks: str, replay: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    play_ollama(replay)
    async with Relay(port_of(replay.url), speaks).running() as relay:
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:{relay.port}")
        backend = OllamaBackend(Settings(ollama=OllamaSettings(host=FAR)), "")
        report = await backend.report(5)
        await backend.close()
    assert (report.available, len(report.models)) == (True, 2)
    assert {one.partition(":")[0] for one in relay.wanted} == {ELSEWHERE}
    assert len(relay.wanted) >= 2, "the chat and the lists have a client each"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("far", [FAR, FAR_ENCRYPTED])
@pytest.mark.parametrize("answers", [False, True])
async def test_a_proxy_that_is_not_there_or_is_none_is_named(
    answers: bool, far: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What answers at its address is no proxy."""
    async with complaining() as other:
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:{other if answers else free_port()}")
        backend = OllamaBackend(Settings(ollama=OllamaSettings(host=far)), "")
        report = await backend.report(5)
        await backend.close()
    gc.collect()  # httpx leaves the connection to a proxy that speaks no SOCKS to the collector, which warns of it
    assert not report.available
    refused = answers and (scheme, far) == ("http", FAR)  # that is an answer, of the server as far as anybody knows
    assert ("refused" if refused else "cannot be reached through the proxy that ALL_PROXY names") in report.detail


@pytest.mark.parametrize("variable", ["", "SSL_CERT_FILE"])
async def test_a_certificate_is_trusted_where_its_authority_is_named(
    variable: str, replay: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play_ollama(replay)
    certificate = Certificate(tmp_path)
    if variable:
        monkeypatch.setenv(variable, str(certificate.authority))
    async with Relay(port_of(replay.url), context=certificate.context).running() as relay:
        address = f"https://localhost:{relay.port}"
        ollama = OllamaBackend(Settings(ollama=OllamaSettings(host=address)), "")
        openai = OpenAIBackend(Settings(openai=OpenAISettings(base_url=address)))
        reports = [await ollama.report(5), await openai.report(5)]
        if variable:
            assert reports[0].available
        else:
            for report in reports:
                assert report.detail.startswith(f"The certificate of {address}"), report
                assert "is not trusted on this machine" in report.detail
            for call in (ollama.loaded(), ollama.load("m", 4096), openai.load("m", 4096)):
                with pytest.raises(errors.NotTrusted):
                    await call
        await ollama.close()
        await openai.close()


async def test_an_address_that_is_not_encrypted_after_all() -> None:
    async with complaining() as port:
        backend = OllamaBackend(Settings(ollama=OllamaSettings(host=f"https://localhost:{port}")), "")
        report = await backend.report(5)
        await backend.close()
    assert "its address begins with http://" in report.detail


def test_the_context_of_a_server_without_encryption_has_no_certificates() -> None:
    assert find_access(ollama_address(FAR)).verify.cert_store_stats() == {"x509": 0, "crl": 0, "x509_ca": 0}
    assert find_access(ollama_address(FAR_ENCRYPTED)).verify.verify_mode is ssl.CERT_REQUIRED
