"""Odd environments, for everything that a user starts: chat, submit, line mode, doctor, models and the window."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.network import ELSEWHERE, Certificate, free_port
from support.ollama_server import ANSWER, MODEL, ollama_server

pytestmark = [pytest.mark.process, pytest.mark.long, pytest.mark.timeout(240)]

WAIT_S = 60.0
NOWHERE = "/nowhere/at/all"
DEAD_PROXY = f"http://127.0.0.1:{free_port()}"
ODD = {
    "socks": {"ALL_PROXY": "socks4://127.0.0.1:1", "all_proxy": "socks://127.0.0.1:1"},
    "malformed": {"HTTP_PROXY": "http://proxy:port", "https_proxy": "ftp://:::"},
    "no-proxy": {"NO_PROXY": "[::1],localhost", "HTTP_PROXY": DEAD_PROXY, "http_proxy": DEAD_PROXY},
    "certificates": {"SSL_CERT_FILE": f"{NOWHERE}.pem", "SSL_CERT_DIR": NOWHERE, "SSLKEYLOGFILE": f"{NOWHERE}/keys"},
}
NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy")
SURFACES: dict[str, tuple[tuple[str, ...], str]] = {
    "chat": (("chat", "-m", "Good morning to you"), ""),
    "submit": (("submit", "Write a long report on rivers"), ""),
    "plain": (("--plain",), "Good morning to you\n"),
    "doctor": (("doctor",), ""),
    "models": (("models",), ""),
}
FOUND = {"chat": ANSWER, "submit": ANSWER, "plain": ANSWER, "doctor": "version 0.33.0", "models": f"ollama/{MODEL}"}


@pytest.fixture(autouse=True)
def _usual_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NETWORK:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ollama_server() as found:
        yield found


@pytest.fixture
def say(commands: Any) -> Callable[..., tuple[int, str]]:
    """Run what a surface is started with: its exit code, and all that it wrote on one line."""

    def run(surface: str, **env: str) -> tuple[int, str]:
        args, text = SURFACES[surface]
        process = commands.start(*args, **env)
        out, err = process.communicate(text, timeout=WAIT_S)
        assert "Traceback" not in out + err
        return process.returncode, re.sub(r"\s+", " ", f"{out} {err}")

    return run


def environment_of(host: str, role: str = f"ollama/{MODEL}", **more: str) -> dict[str, str]:
    return {"OLLAMA_HOST": host, "TALE_UX": role, "TALE_TASK": role} | more


@pytest.mark.parametrize("odd", [*ODD, "blank"])
@pytest.mark.parametrize("surface", SURFACES)
def test_ollama_on_this_machine_works_whatever_the_environment_holds(
    surface: str, odd: str, say: Callable[..., tuple[int, str]], port: int
) -> None:
    blank = " " if odd == "blank" else ""
    code, said = say(surface, **environment_of(f"http://127.0.0.1:{port}{blank}", **ODD.get(odd, {})))
    assert code == 0, said
    assert FOUND[surface] in said


@pytest.mark.parametrize("odd", [*ODD, "blank"])
def test_the_window_answers_whatever_the_environment_holds(odd: str, window: Callable[..., Any], port: int) -> None:
    blank = " " if odd == "blank" else ""
    opened = window(**environment_of(f"http://127.0.0.1:{port}{blank}", **ODD.get(odd, {})))
    opened.wait_for(MODEL)
    opened.press("Good morning to you\r")
    opened.wait_for(ANSWER)


def elsewhere(odd: str, tmp_path: Path, port: int) -> tuple[dict[str, str], str]:
    """An environment in which a server elsewhere cannot be reached, and what is told of it."""
    if odd == "untrusted":
        address = f"https://localhost:{port}"
        return environment_of(address), f"The certificate of {address} is not trusted on this machine"
    if odd == "certificates":
        return environment_of(f"https://{ELSEWHERE}", SSL_CERT_FILE=f"{NOWHERE}.pem"), "SSL_CERT_FILE does not name a"
    if odd == "malformed":
        return environment_of(f"http://{ELSEWHERE}", HTTP_PROXY="http://proxy:port"), "what HTTP_PROXY holds is not"
    if odd == "socks":
        return environment_of(f"http://{ELSEWHERE}", ALL_PROXY="socks4://127.0.0.1:1"), "what ALL_PROXY holds is not"
    proxied = {"HTTP_PROXY": DEAD_PROXY, "NO_PROXY": "[::1]"}
    return environment_of(f"http://{ELSEWHERE}", **proxied), "cannot be reached through the proxy that HTTP_PROXY names"


@pytest.fixture(scope="module")
def encrypted_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with ollama_server(Certificate(tmp_path_factory.mktemp("certificate")).context) as found:
        yield found


UNREACHABLE = ["untrusted", "certificates", "malformed", "socks", "no-proxy"]


@pytest.mark.parametrize("odd", UNREACHABLE)
@pytest.mark.parametrize("surface", SURFACES)
def test_a_server_elsewhere_that_cannot_be_reached_so_is_a_sentence_with_the_variable(
    surface: str, odd: str, say: Callable[..., tuple[int, str]], tmp_path: Path, encrypted_port: int
) -> None:
    env, told = elsewhere(odd, tmp_path, encrypted_port)
    code, said = say(surface, **env)
    assert told in said
    assert (code == 0) is (surface in ("models", "doctor")), said


@pytest.mark.parametrize("odd", UNREACHABLE)
def test_the_window_tells_of_a_server_that_cannot_be_reached_so(
    odd: str, window: Callable[..., Any], tmp_path: Path, encrypted_port: int
) -> None:
    env, told = elsewhere(odd, tmp_path, encrypted_port)
    opened = window(**env, size=(120, 40))
    opened.wait_for(lambda text: told in re.sub(r"[^\w.:/\[\]-]+", " ", text))


@pytest.mark.parametrize("surface", ["chat", "doctor"])
def test_where_nobody_chose_a_model_the_server_that_was_named_is_told_of(
    surface: str, say: Callable[..., tuple[int, str]], tmp_path: Path, encrypted_port: int
) -> None:
    env, told = elsewhere("untrusted", tmp_path, encrypted_port)
    _, said = say(surface, **(env | {"TALE_UX": "auto", "TALE_TASK": "auto"}))
    assert told in said


@pytest.mark.parametrize("surface", SURFACES)
def test_a_key_with_a_line_end_is_refused_and_in_no_log(
    surface: str, say: Callable[..., tuple[int, str]], home: Path, port: int
) -> None:
    key = "geheim-first\nunderneath-second"
    _, said = say(surface, **environment_of(f"http://127.0.0.1:{port}", OLLAMA_API_KEY=key))
    assert "Environment variable OLLAMA_API_KEY holds characters that no key has" in said
    logged = "".join(path.read_text() for path in home.rglob("*.log"))
    for part in key.split():
        assert part not in said + logged


def test_the_welcome_tells_of_the_server_that_was_named(
    window: Callable[..., Any], tmp_path: Path, encrypted_port: int
) -> None:
    env, told = elsewhere("untrusted", tmp_path, encrypted_port)
    patient = {"TALE_UX": "auto", "TALE_TASK": "auto", "TALE_LIMITS__PROBE_S": "20"}  # on a busy machine it is slow
    opened = window(**(env | patient), size=(120, 40))
    opened.wait_for("Three ways to go on")
    opened.wait_for(lambda text: told in " ".join(text.split()))
