"""Serves the text for Prometheus over HTTP: on this machine alone, to who has the key."""

from __future__ import annotations

import asyncio
import errno
import hmac
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus

import h11

from tale_tui.domain.errors import TaleError
from tale_tui.domain.text import reason_of
from tale_tui.engine.metrics.export.prometheus import CONTENT_TYPE

log = logging.getLogger(__name__)

PATH = b"/metrics"
REQUEST_TIMEOUT_S = 5.0
"""For a whole request and its answer: who is slower is hung up on."""
REQUEST_BYTES_MAX = 16 * 1024
"""Of what stands before the body; nobody sends one."""
READ_BYTES = 4096
CONNECTIONS_MAX = 8
"""At the same time; one more is hung up on."""


class MetricsListener:
    """A small HTTP server with one page.

    Args:
        listen: host and port, as the setting `metrics.listen` has it.
        key: what is wanted in the header `Authorization: Bearer KEY`; not empty.
        text: makes the page.
    """

    def __init__(self, listen: str, key: str, text: Callable[[], Awaitable[str]]) -> None:
        host, _, port = listen.rpartition(":")
        # A name could be looked up to something that is not this machine.
        self._host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
        self._port = int(port)
        self._listen = listen
        self._key = key.encode()
        self._text = text
        self._server: asyncio.Server | None = None
        self._requests: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Listen.

        Returns:
            Why it does not, as a sentence; empty where it does.
        """
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self._port)
        except OSError as error:
            log.warning("metrics are not served: %s", error)
            why = "the port is taken" if error.errno == errno.EADDRINUSE else reason_of(error)
            return f"Nothing is served on {self._listen}: {why}. Choose another port for metrics.listen."
        log.info("metrics are served on %s", self._listen)
        return ""

    async def close(self) -> None:
        """Listen no more, and hang up."""
        if self._server is not None:
            self._server.close()
            for task in self._requests:
                task.cancel()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:  # a server runs each connection as a task
            return
        self._requests.add(task)
        try:
            if len(self._requests) <= CONNECTIONS_MAX:
                async with asyncio.timeout(REQUEST_TIMEOUT_S):
                    await self._answer(reader, writer)
        except (OSError, TimeoutError) as error:  # it hung up, or was slow
            log.debug("a request for metrics broke off: %r", error)
        finally:
            self._requests.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=REQUEST_BYTES_MAX)
        method = b"GET"
        try:
            while (event := http.next_event()) is h11.NEED_DATA:
                http.receive_data(await reader.read(READ_BYTES))
            if not isinstance(event, h11.Request):
                return
            method = event.method
            status, body, more = await self._page(event)
        except h11.RemoteProtocolError as error:
            status, body, more = HTTPStatus(error.error_status_hint), "", []
        content = body.encode()
        headers = [
            ("Content-Type", CONTENT_TYPE if status is HTTPStatus.OK else "text/plain; charset=utf-8"),
            ("Content-Length", str(len(content))),
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
            *more,
        ]
        head = http.send(h11.Response(status_code=status, headers=headers, reason=status.phrase.encode()))
        data = b"" if method == b"HEAD" else content
        writer.write((head or b"") + data)
        await writer.drain()

    async def _page(self, request: h11.Request) -> tuple[HTTPStatus, str, list[tuple[str, str]]]:
        """Status, body and further headers. Who has no key is told nothing."""
        if not self._has_key(dict(request.headers).get(b"authorization", b"")):
            return HTTPStatus.UNAUTHORIZED, "", [("WWW-Authenticate", "Bearer")]
        if request.target.partition(b"?")[0] != PATH:
            return HTTPStatus.NOT_FOUND, "There is /metrics.\n", []
        if request.method not in (b"GET", b"HEAD"):
            return HTTPStatus.METHOD_NOT_ALLOWED, "", [("Allow", "GET, HEAD")]
        try:
            return HTTPStatus.OK, await self._text(), []
        except TaleError as error:
            return HTTPStatus.SERVICE_UNAVAILABLE, f"{error.sentence}\n", []

    def _has_key(self, header: bytes) -> bool:
        scheme, _, key = header.partition(b" ")
        return hmac.compare_digest(key.strip(), self._key) and scheme.lower() == b"bearer"
