"""Speaking HTTP to a server of models: one client, named limits of time, lines however the pieces were cut."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from time import monotonic
from typing import TypedDict

import anyio
import httpx
from socksio.exceptions import SOCKSError

from tale_tui import __version__
from tale_tui.config.settings import LimitSettings
from tale_tui.domain.constants import (
    ANSWER_BYTES_MAX,
    CATALOG_TIMEOUT_S,
    DRAIN_TIMEOUT_S,
    ERROR_BODY_BYTES_MAX,
    ERROR_BODY_TIMEOUT_S,
    KEEP_CONNECTION_S,
    STREAM_LINE_BYTES_MAX,
)
from tale_tui.domain.errors import BrokenStream, Refused, TimedOut
from tale_tui.engine.models.http.access import ServerAccess, find_access
from tale_tui.engine.models.http.address import Address
from tale_tui.engine.models.lenient_json import read_object
from tale_tui.engine.models.server_errors import ServerDescription, by_proxy, refusal, sentence, transport_failure
from tale_tui.engine.models.traffic import Traffic

FIRST_ERROR_STATUS = 300
"""From here on a status is no answer. Redirections are not followed: prompts go where the user said."""
TRANSPORT_ERRORS = (httpx.HTTPError, OSError, SOCKSError)
"""What sending and reading let through; a proxy that does not speak SOCKS, and encryption, have errors of their own."""


def load_transport() -> None:
    """Import what httpx leaves to the first request, which would hold up the event loop for a tenth of a second.

    To be called in a thread where no event loop runs.
    """
    httpx.AsyncHTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    anyio.run(anyio.sleep, 0)


class KeyAuth(httpx.Auth):
    """Sends a key, or sees to it that none is sent, whatever environment and password files hold.

    Args:
        key: empty for none.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Set or remove the header of one request."""
        if self._key:
            request.headers["authorization"] = f"Bearer {self._key}"
        else:
            request.headers.pop("authorization", None)
        yield request


class _CountedStream(httpx.AsyncByteStream):
    """The body of an answer, counted.

    Args:
        stream: it.
        traffic: counts.
    """

    def __init__(self, stream: httpx.AsyncByteStream, traffic: Traffic) -> None:
        self._stream = stream
        self._traffic = traffic

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._traffic.received += len(chunk)
            yield chunk

    async def aclose(self) -> None:
        """Close what it counts."""
        await self._stream.aclose()


class ClientOptions(TypedDict):
    """What every client of httpx is made with, ours and the one inside of a library."""

    auth: httpx.Auth
    timeout: httpx.Timeout
    trust_env: bool
    verify: ssl.SSLContext
    proxy: httpx.Proxy | None
    follow_redirects: bool
    event_hooks: dict[str, list[Callable[..., Awaitable[None]]]]


def _counting(traffic: Traffic) -> dict[str, list[Callable[..., Awaitable[None]]]]:
    """What a client of httpx calls so that its requests and answers are counted."""

    async def count_request(request: httpx.Request) -> None:
        size = request.headers.get("content-length", "")
        traffic.sent += int(size) if size.isdigit() else 0

    async def count_response(response: httpx.Response) -> None:
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _CountedStream(response.stream, traffic)

    return {"request": [count_request], "response": [count_response]}


def client_options(access: ServerAccess, limits: LimitSettings, key: str, traffic: Traffic) -> ClientOptions:
    """Options for the clients of one server.

    Connecting is limited here, everything else by the caller. The environment was read already, by `find_access`: the
    clients do not, as they would stumble over what it holds.
    """
    return ClientOptions(
        auth=KeyAuth(key),
        timeout=httpx.Timeout(None, connect=limits.connect_s),
        trust_env=False,
        verify=access.verify,
        proxy=access.proxy,
        follow_redirects=False,
        event_hooks=_counting(traffic),
    )


class ResponseLines:
    """The lines of an answer that streams. Only waiting counts against the limits of time, not what happens between.

    Args:
        chunks: the answer as it arrives.
        server: who sends it.
        limits: how long to wait.
        waited_s: seconds that were waited for the answer to begin.
    """

    def __init__(
        self, chunks: AsyncIterator[bytes], server: ServerDescription, limits: LimitSettings, waited_s: float = 0
    ) -> None:
        self._chunks = chunks
        self._server = server
        self._limits = limits
        self._left_s = limits.first_token_s - waited_s
        self._speaking = False
        self._buffer = bytearray()
        self._searched = 0
        self._ended = False

    async def next(self) -> bytes | None:
        """The next line without its end; None when there is none any more. What follows the last line end is a line.

        Raises:
            TimedOut: nothing that counts came for too long.
            BrokenStream: the connection was cut, or the line is endless.
        """
        while (end := self._buffer.find(b"\n", self._searched)) < 0:
            self._searched = len(self._buffer)
            if self._searched > STREAM_LINE_BYTES_MAX:
                raise BrokenStream(sentence(BrokenStream, self._server))
            chunk = b"" if self._ended else await self._read()
            if not chunk:
                return self._take(len(self._buffer)) if self._buffer else None
            self._buffer += chunk
        return self._take(end + 1)

    def extend_limit(self, *, speaking: bool) -> None:
        """Say that the last line was a sign of life, which starts the limit anew.

        Args:
            speaking: whether the answer itself has begun, so that from here on silence is what is limited.
        """
        self._speaking = self._speaking or speaking
        self._left_s = self._limits.silence_s if self._speaking else self._limits.first_token_s

    async def drain(self) -> None:
        """Read the end of an answer that is whole, so that its connection can be used again; give up soon."""
        with suppress(*TRANSPORT_ERRORS):  # then the connection is closed instead
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                async for _ in self._chunks:
                    pass

    def _take(self, size: int) -> bytes:
        line = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._searched = 0
        return line.rstrip(b"\r\n")

    async def _read(self) -> bytes:
        """What arrives next; empty at the end."""
        began = monotonic()
        try:
            async with asyncio.timeout(max(self._left_s, 0)):
                chunk = await anext(self._chunks, b"")
        except TimeoutError as error:
            raise self._timed_out() from error
        except TRANSPORT_ERRORS as error:
            raise transport_failure(self._server, error, streaming=True) from error
        self._left_s -= monotonic() - began
        self._ended = not chunk
        return chunk

    def _timed_out(self) -> TimedOut:
        if self._speaking:
            return TimedOut(
                f"{self._server.name} fell silent in the middle of the answer, for {self._limits.silence_s:g} s. What "
                "came is kept; go on with it, or ask again."
            )
        return no_first_token(self._server, self._limits.first_token_s)


class ModelServerClient:
    """The connection to one server. Nothing is opened before the first request.

    Args:
        address: where it is.
        server: how it is spoken of.
        limits: how long to wait.
        key: what it is shown; empty for nothing.
        traffic: counts what is sent and received.
    Raises:
        NotAvailable: the environment names a proxy or certificates for it that cannot be used.
    """

    def __init__(
        self, address: Address, server: ServerDescription, limits: LimitSettings, key: str, traffic: Traffic
    ) -> None:
        access = find_access(address)
        self.address = address
        self.server = replace(server, proxy=access.proxy_variable)
        self.options = client_options(access, limits, key, traffic)
        self._limits = limits
        self._client: httpx.AsyncClient | None = None

    async def ask(
        self,
        method: str,
        url: str,
        body: Mapping[str, object] | None = None,
        *,
        limit_s: float | None = CATALOG_TIMEOUT_S,
        model: str = "",
    ) -> dict[str, object]:
        """Send a request and return the object that answers it.

        Args:
            method: of HTTP.
            url: whole.
            body: sent as JSON; None for none.
            limit_s: seconds until the answer is whole; None for one that has to wait until the model is loaded, which
                may take as long as a first token.
            model: the model that it is about, for sentences.
        Raises:
            ModelError: there was no such answer.
        """
        loading, limit_s = limit_s is None, self._limits.first_token_s if limit_s is None else limit_s
        try:
            async with asyncio.timeout(limit_s):
                response = await self._open(method, url, body, model)
                text = await _read(response)
        except TimeoutError as error:
            raise (no_first_token if loading else no_answer)(self.server, limit_s) from error
        except TRANSPORT_ERRORS as error:
            raise transport_failure(self.server, error) from error
        answer = read_object(text)
        if answer is None:
            raise Refused(
                f"Something answers at {self.server.url}, but not as {self.server.name} does. Is it the address?"
            )
        if answer.get("error"):
            raise refusal(self.server, response.status_code, text.decode(errors="replace"), model)
        return answer

    @asynccontextmanager
    async def stream(self, url: str, body: Mapping[str, object], model: str) -> AsyncIterator[ResponseLines]:
        """Send a request whose answer streams; leaving the context closes the connection unless all was read.

        Raises:
            ModelError: it was refused, or did not begin in time.
        """
        began = monotonic()
        try:
            async with asyncio.timeout(self._limits.first_token_s):
                response = await self._open("POST", url, body, model)
        except TimeoutError as error:
            raise no_first_token(self.server, self._limits.first_token_s) from error
        except TRANSPORT_ERRORS as error:
            raise transport_failure(self.server, error) from error
        try:
            yield ResponseLines(response.aiter_bytes(), self.server, self._limits, monotonic() - began)
        finally:
            with suppress(*TRANSPORT_ERRORS):  # whatever goes wrong, it is closed
                await response.aclose()

    async def close(self) -> None:
        """Close all connections. May be called twice."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _open(self, method: str, url: str, body: Mapping[str, object] | None, model: str) -> httpx.Response:
        """Send a request and wait for the beginning of a good answer."""
        client = self._connected()
        response = await client.send(client.build_request(method, url, json=body), stream=True)
        if response.status_code < FIRST_ERROR_STATUS:
            return response
        text = await _read_complaint(response)
        raise refusal(self.server, response.status_code, text.decode(errors="replace"), model)

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                **self.options,
                # A proxy that packs the answer would hold pieces back.
                headers={"user-agent": f"tale-tui/{__version__}", "accept-encoding": "identity"},
                limits=httpx.Limits(keepalive_expiry=KEEP_CONNECTION_S),
            )
        return self._client


def no_first_token(server: ServerDescription, limit_s: float) -> TimedOut:
    """The error for a server that took the request and then said nothing."""
    return TimedOut(
        f"{server.name} at {server.url} took the request and then said nothing for {limit_s:g} s. It may be loading or "
        f"reading still: try again, or raise limits.first_token_s in the settings.{by_proxy(server)}"
    )


def no_answer(server: ServerDescription, limit_s: float) -> TimedOut:
    """The error for a server that took a question and did not answer it."""
    return TimedOut(
        f"{server.name} at {server.url} did not answer within {limit_s:g} s. Look whether it is busy.{by_proxy(server)}"
    )


async def _read(response: httpx.Response) -> bytes:
    """The body of an answer; its connection is free again then."""
    text = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            text += chunk
            if len(text) > ANSWER_BYTES_MAX:
                break
    finally:
        await response.aclose()
    return bytes(text)


async def _read_complaint(response: httpx.Response) -> bytes:
    """What is said of an error, as far as it comes soon: that there was one is known without it."""
    text = bytearray()
    try:
        with suppress(*TRANSPORT_ERRORS):
            async with asyncio.timeout(ERROR_BODY_TIMEOUT_S):
                async for chunk in response.aiter_bytes():
                    text += chunk
                    if len(text) > ERROR_BODY_BYTES_MAX:
                        break
    finally:
        await response.aclose()
    return bytes(text)
