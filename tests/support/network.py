"""Servers between a client and another one, on this machine: proxies that speak HTTP or SOCKS, and encryption with a
certificate that nobody trusts."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import trustme

ELSEWHERE = "models.example"
"""A name that no resolver knows: who reaches it does so through a proxy."""


def free_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Certificate:
    """A certificate for this machine, of an authority that nobody trusts."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(self.context)
        self.authority = folder / "authority.pem"
        """Who trusts what is in this file trusts the certificate."""
        authority.cert_pem.write_to_path(str(self.authority))


@asynccontextmanager
async def complaining() -> AsyncIterator[int]:
    """Something that speaks HTTP and understands nothing, as long as the block lasts: its port."""

    async def complain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(complain, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class Relay:
    """Hands what it gets on to one server, whatever the client asks for.

    Args:
        port: of that server, on this machine.
        speaks: `http` and `socks` are proxies, `plain` is none.
        context: encrypts the side of the client.
    """

    def __init__(self, port: int, speaks: str = "plain", context: ssl.SSLContext | None = None) -> None:
        self._target = port
        self._speaks = speaks
        self._context = context
        self._open: set[asyncio.Task[None]] = set()
        self.wanted: list[str] = []
        """The hosts that clients asked a proxy for."""
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Relay]:
        """It listens as long as the block lasts."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for one in self._open:
                one.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            first = b""
            if self._speaks == "socks":
                await self._greet(reader, writer)
            elif self._speaks == "http":
                first = await self._read_head(reader, writer)
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            try:
                back.write(first)
                await asyncio.gather(_pump(reader, back), _pump(there, writer))
            finally:
                back.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # one side is gone, or the test is over
        finally:
            writer.close()
            self._open.discard(task)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        _, _, _, kind = await reader.readexactly(4)
        size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        self.wanted.append((await reader.readexactly(size)).decode(errors="replace"))
        await reader.readexactly(2)
        writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")

    async def _read_head(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """The request of a client as the server wants it: with the path alone where it was not a tunnel."""
        head = await reader.readuntil(b"\r\n\r\n")
        method, url, rest = head.split(b" ", 2)
        if method == b"CONNECT":
            self.wanted.append(url.decode())
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            return b""
        host, _, path = url.removeprefix(b"http://").partition(b"/")
        self.wanted.append(host.decode())
        return b" ".join((method, b"/" + path, rest))
