"""Alerts that leave the application: what is taken, and that what hangs or fails holds up nothing and is told once."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from support.calls import NOON
from support.network import free_port
from support.waiting import until
from tale_tui.config.settings import AlertSettings
from tale_tui.domain.alerts import Alert, AlertKind
from tale_tui.domain.events import Notice
from tale_tui.engine.metrics.delivery import AlertDelivery

ALERT = Alert(1, AlertKind.FIRST_TEXT, "", NOON, 1.5, 1.0, "The first text takes $(touch x); `id` 1.5 s.")
TAKES = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.argv[2] + '\\n' + sys.stdin.read())"
HANGS = "import time, pathlib, sys, os; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(60)"


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def delivery(told: list[Notice], limit_s: float = 10.0, **settings: Any) -> AlertDelivery:
    return AlertDelivery(AlertSettings(**settings), told.append, limit_s)


@pytest.mark.process
async def test_a_program_gets_the_sentence_as_it_is_and_the_alert_as_json(tmp_path: Path) -> None:
    told, file = list[Notice](), tmp_path / "taken"
    out = delivery(told, command=[sys.executable, "-c", TAKES, str(file)])
    out.send(ALERT)
    await out.close()
    sentence, _, data = file.read_text().partition("\n")
    assert sentence == ALERT.sentence
    assert json.loads(data)["kind"] == "first_text"
    assert told == []
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]  # noqa: ASYNC240  (nobody else waits)


@pytest.mark.process
async def test_a_program_that_hangs_is_ended_and_told_once(tmp_path: Path) -> None:
    told, file = list[Notice](), tmp_path / "pid"
    out = delivery(told, limit_s=5.0, command=[sys.executable, "-c", HANGS, str(file)])
    out.send(ALERT)
    await until(lambda: told, "it is told")
    await out.close()
    assert [notice.title for notice in told] == ["An alert was not sent"]
    assert "took longer than 5 s" in told[0].sentence
    assert not is_alive(int(file.read_text()))


@pytest.mark.parametrize("command", [["/nothing/is/here"], [sys.executable, "-c", "raise SystemExit(3)"]])
async def test_a_program_that_fails_is_told_once_until_it_works_again(command: list[str]) -> None:
    told = list[Notice]()
    out = delivery(told, command=command)
    for _ in range(3):
        out.send(ALERT)
    await out.close()
    assert len(told) == 1
    assert "tale-tui alerts" in told[0].sentence


@asynccontextmanager
async def address(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """An address on this machine that answers so, and what it was sent; without an answer it hangs."""
    taken = list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        taken.append(head + await reader.readexactly(length))
        if answer:
            writer.write(answer)
        else:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/hook?token=secret", taken
    finally:
        server.close()


async def test_an_address_gets_the_alert_as_json() -> None:
    told = list[Notice]()
    async with address(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, taken):
        out = delivery(told, webhook=url)
        out.send(ALERT)
        await out.close()
    [request] = taken
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?token=secret HTTP/1.1")
    assert json.loads(body)["sentence"] == ALERT.sentence
    assert told == []


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n", b"HTTP/1.1 500 No\r\n\r\n", b"nonsense"]
)
async def test_an_address_that_does_not_take_it_is_told_once_without_its_secret(answer: bytes) -> None:
    told = list[Notice]()
    async with address(answer) as (url, taken):
        out = delivery(told, webhook=url)
        out.send(ALERT)
        out.send(ALERT)
        await until(lambda: len(taken) == 2, "both were sent")
        await out.close()
    assert len(told) == 1
    assert "127.0.0.1" in told[0].sentence
    assert "secret" not in told[0].sentence


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:{port}/hook?token=secret", "it cannot be reached; the log says more"),
        ("http://127.0.0.1:{port}/hook\x00?token=secret", "it is no address that can be posted to"),
    ],
)
async def test_why_an_address_does_not_take_it_is_a_sentence_and_the_reason_is_in_the_log(
    url: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    told = list[Notice]()
    out = delivery(told, webhook=url.format(port=free_port()))
    with caplog.at_level(logging.INFO):
        out.send(ALERT)
        await out.close()
    assert told[0].sentence.startswith(f"The address at 127.0.0.1 did not take an alert: {why}")
    assert "the address for alerts: " in caplog.text
    assert "secret" not in told[0].sentence


async def test_an_address_that_hangs_holds_up_nobody_and_is_told_once() -> None:
    told = list[Notice]()
    async with address(b"") as (url, _):
        out = delivery(told, limit_s=0.5, webhook=url)
        began = time.monotonic()
        out.send(ALERT)
        assert time.monotonic() - began < 0.1
        out.send(ALERT)
        await until(lambda: told, "it is told")
        await out.close()
    assert len(told) == 1
    assert "took longer than 0.5 s" in told[0].sentence
