"""A server on this machine that says what real servers said, byte by byte, also cut at other places."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

RECORDINGS = Path(__file__).parents[2] / "data" / "recordings"


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Reply:
    """What is said to a request.

    `end` is `complete`, `cut` (the connection is dropped without the end of the body) or `hold` (nothing more comes
    until the client hangs up).
    """

    pieces: list[bytes]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    end: str = "complete"
    before: asyncio.Event | None = None
    """Nothing is said until this is set."""


class ReplayServer:
    """Answers each address with its replies in turn; the last one stays."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.connections = 0
        self.was_asked = asyncio.Event()
        """Set when the first request is there."""
        self.client_left = asyncio.Event()
        """Set when the client hangs up while an answer is not complete."""
        self._replies: defaultdict[tuple[str, str], list[Reply]] = defaultdict(list)
        self._server: asyncio.Server | None = None
        self._handlers: set[asyncio.Task[None]] = set()

    def play(self, name: str, *, cut: int | None = None, path: str | None = None) -> None:
        """Answer as in a recording.

        Args:
            name: of the recording, such as `chat/stream`.
            cut: bytes of a piece; None leaves the pieces as they were.
            path: another address than the recorded one.
        """
        taken = json.loads((RECORDINGS / f"{name}.json").read_text())
        pieces = [piece.encode() for _, piece in taken["body"]]
        if cut:
            whole = b"".join(pieces)
            pieces = [whole[start : start + cut] for start in range(0, len(whole), cut)]
        end = {"complete": "complete", "closed by the client": "hold"}.get(taken["end"], "cut")
        self._add(
            taken["request"]["method"],
            path or taken["request"]["path"],
            Reply(pieces, taken["status"], dict(taken["headers"]), end),
        )

    def say(
        self,
        path: str,
        body: str | bytes | dict[str, Any] | list[bytes],
        *,
        method: str = "POST",
        status: int = 200,
        end: str = "complete",
        headers: dict[str, str] | None = None,
        before: asyncio.Event | None = None,
    ) -> None:
        """Answer with something written by hand; lists are the pieces."""
        if isinstance(body, dict):
            body = json.dumps(body)
        pieces = body if isinstance(body, list) else [body.encode() if isinstance(body, str) else body]
        self._add(method, path, Reply(pieces, status, headers or {}, end, before))

    def lines(self, path: str, *objects: dict[str, Any], **more: Any) -> None:
        """Answer with one JSON object a line."""
        self.say(path, [json.dumps(one).encode() + b"\n" for one in objects], **more)

    def events(self, path: str, *objects: dict[str, Any] | str, **more: Any) -> None:
        """Answer with server-sent events; a string is sent as it is."""
        data = [one if isinstance(one, str) else json.dumps(one) for one in objects]
        self.say(path, [f"data: {one}\n\n".encode() for one in data], **more)

    def bodies(self, path: str) -> list[Any]:
        """What was sent to an address."""
        return [asked.body for asked in self.asked if asked.path == path]

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await self._server.wait_closed()

    def _add(self, method: str, path: str, reply: Reply) -> None:
        self._replies[method, path].append(reply)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.connections += 1
        try:
            while (asked := await self._read(reader)) is not None:
                self.asked.append(asked)
                self.was_asked.set()
                replies = self._replies[asked.method, asked.path]
                missing = Reply([b"404 page not found"], 404)
                reply = missing if not replies else replies.pop(0) if len(replies) > 1 else replies[0]
                if reply.before is not None:
                    await reply.before.wait()
                await self._send(writer, reply)
                if reply.end == "hold":
                    await reader.read()
                    self.client_left.set()
                if reply.end != "complete":
                    break
        except ConnectionError:
            self.client_left.set()
        finally:
            self._handlers.discard(task)
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> Asked | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            return None
        first, *rest = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Asked(method, path, headers, json.loads(body) if body else None)

    async def _send(self, writer: asyncio.StreamWriter, reply: Reply) -> None:
        framing = {"content-length", "transfer-encoding", "connection", "keep-alive"}
        headers = {name: value for name, value in reply.headers.items() if name.lower() not in framing}
        headers["transfer-encoding"] = "chunked"
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {reply.status} Whatever\r\n{head}\r\n".encode())
        for piece in reply.pieces:
            if piece:
                writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0)  # the client reads this piece alone
        if reply.end == "complete":
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        if reply.end == "cut":
            # What was sent arrives; then the connection ends where the end of the body should be.
            writer.write_eof()


@pytest.fixture
async def replay() -> AsyncIterator[ReplayServer]:
    """A server that says what the test tells it to."""
    server = ReplayServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
def recording() -> Callable[[str], dict[str, Any]]:
    """A recording by its name, such as `chat/stream`."""

    def read(name: str) -> dict[str, Any]:
        taken: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())
        return taken

    return read


@pytest.fixture(scope="session")
def recorded() -> Callable[[], list[str]]:
    """The names of all recordings."""
    return lambda: sorted(f"{path.parent.name}/{path.stem}" for path in RECORDINGS.glob("*/*.json"))
