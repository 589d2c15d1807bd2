"""The address that Prometheus asks: who has no key is told nothing, and nothing that is sent to it does any harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from support.network import free_port
from tale_tui.domain.errors import StoreError
from tale_tui.engine.metrics.export import listener as listening
from tale_tui.engine.metrics.export.listener import CONNECTIONS_MAX, MetricsListener

KEY = "sesame-open"
RIGHT = {"Authorization": f"Bearer {KEY}"}
PAGE = "# TYPE tale_calls_total counter\ntale_calls_total 3\n"


async def page() -> str:
    return PAGE


@pytest.fixture
async def address() -> AsyncIterator[str]:
    listen = f"127.0.0.1:{free_port()}"
    listener = MetricsListener(listen, KEY, page)
    assert await listener.start() == ""
    yield listen
    await listener.close()


async def asked(address: str, method: str = "GET", path: str = "/metrics", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.request(method, f"http://{address}{path}", headers=headers)


async def test_who_has_the_key_gets_the_text(address: str) -> None:
    answer = await asked(address, **RIGHT)
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert (await asked(address, path="/metrics?name=x", **RIGHT)).text == PAGE


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", f"Bearer {KEY}x", f"Basic {KEY}", KEY, f"Bearer {KEY[:-1]}"],
)
async def test_who_has_not_is_told_nothing(address: str, authorization: str) -> None:
    for path in ("/metrics", "/"):
        answer = await asked(address, path=path, **({"Authorization": authorization} if authorization else {}))
        assert (answer.status_code, answer.text) == (401, "")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_there_is_one_page_that_is_only_read(address: str) -> None:
    assert (await asked(address, path="/", **RIGHT)).status_code == 404
    posted = await asked(address, "POST", **RIGHT)
    assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")
    head = await asked(address, "HEAD", **RIGHT)
    assert (head.status_code, head.text, head.headers["content-length"]) == (200, "", str(len(PAGE)))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b" 400 "),
        (b"GET /metrics HTTP/1.1\r\n\r\n", b" 400 "),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xe9\r\n\r\n", b" 401 "),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000, b" 431 "),
        (b"", b""),
    ],
)
async def test_what_is_no_request_is_answered_and_forgotten(address: str, sent: bytes, status: bytes) -> None:
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    assert status in answer
    assert (await asked(address, **RIGHT)).status_code == 200


async def test_who_is_slow_is_hung_up_on(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "REQUEST_TIMEOUT_S", 0.05)
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /metrics HTTP/1.1\r\n")
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


async def test_too_many_at_once_are_hung_up_on(address: str) -> None:
    host, port = address.split(":")
    waiting = [await asyncio.open_connection(host, int(port)) for _ in range(CONNECTIONS_MAX)]
    async with asyncio.timeout(10):
        while True:
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                async with asyncio.timeout(0.2):
                    assert await reader.read() == b""
                break
            except TimeoutError:  # not all of the others were accepted before
                waiting.append((reader, writer))
    for _, one in (*waiting, (reader, writer)):
        one.close()


async def test_a_port_that_is_taken_is_one_sentence(address: str) -> None:
    second = MetricsListener(address, KEY, page)
    assert await second.start() == (
        f"Nothing is served on {address}: the port is taken. Choose another port for metrics.listen."
    )
    await second.close()


async def test_it_ends_while_somebody_is_connected() -> None:
    listen = f"127.0.0.1:{free_port()}"
    listener = MetricsListener(listen, KEY, page)
    await listener.start()
    host, port = listen.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await listener.close()
        assert await reader.read() == b""
    writer.close()
    with pytest.raises(httpx.ConnectError):
        await asked(listen, **RIGHT)


async def test_rows_that_cannot_be_read_are_said() -> None:
    async def broken() -> str:
        raise StoreError("The database did not answer.")

    listen = f"localhost:{free_port()}"
    listener = MetricsListener(listen, KEY, broken)
    await listener.start()
    answer = await asked(listen.replace("localhost", "127.0.0.1"), **RIGHT)
    await listener.close()
    assert (answer.status_code, answer.text) == (503, "The database did not answer.\n")
