"""Standard input, line by line."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from tale_tui.cli.stdin import InputLines
from tale_tui.domain.errors import BadInput


async def read_all(content: bytes) -> list[str]:
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    try:
        return [line async for line in InputLines(reader)]
    finally:
        os.close(reader)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\n\nlast", ["one", "", "last"]),
        ("ä€𝄞\n".encode(), ["ä€𝄞"]),
        (b"x" * 200_000 + b"\ny\n", ["x" * 200_000, "y"]),
    ],
    ids=["nothing", "lines", "unended", "wide", "long"],
)
async def test_lines_of_standard_input(content: bytes, lines: list[str]) -> None:
    if len(content) <= 60_000:
        assert await read_all(content) == lines
        return
    reader, writer = os.pipe()
    feeding = asyncio.create_task(asyncio.to_thread(feed, writer, content))
    assert [line async for line in InputLines(reader)] == lines
    await feeding
    os.close(reader)


async def test_a_line_that_is_not_utf8_is_refused_and_the_next_one_read() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"one\nbad \xff\nthree\nlast \xe9")
    os.close(writer)
    lines = InputLines(reader)
    assert await anext(lines) == "one"
    with pytest.raises(BadInput, match="line 2"):
        await anext(lines)
    assert await anext(lines) == "three"
    with pytest.raises(BadInput, match="line 4"):
        await anext(lines)
    assert [line async for line in lines] == []
    os.close(reader)


async def test_a_line_taken_in_pieces_is_cut_between_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.cli.stdin.MESSAGE_CHARACTERS_MAX", 1000)
    monkeypatch.setattr("tale_tui.cli.stdin.CHUNK_BYTES", 501)
    for text in ("€" * 3000, "𝄞" * 3000, "ä" * 3000, "aä€𝄞" * 1000):
        assert "".join(await read_all(text.encode())) == text


async def test_no_more_is_read_than_is_soon_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead: list[int] = []

    class WatchedQueue(asyncio.Queue[Any]):
        def put_nowait(self, item: Any) -> None:
            super().put_nowait(item)
            ahead.append(self.qsize())

    monkeypatch.setattr(asyncio, "Queue", WatchedQueue)
    monkeypatch.setattr("tale_tui.cli.stdin.LINES_AHEAD", 3)
    reader, writer = os.pipe()
    feeding = asyncio.create_task(asyncio.to_thread(feed, writer, b"yes\n" * 50_000))
    lines = InputLines(reader)
    for _ in range(10):
        assert await anext(lines) == "yes"
    assert not feeding.done(), "the rest waits in the pipe"
    assert len([line async for line in lines]) == 50_000 - 10
    assert max(ahead) <= 3
    await feeding
    os.close(reader)


async def test_a_line_that_does_not_end_is_taken_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.cli.stdin.MESSAGE_CHARACTERS_MAX", 1000)
    assert "".join(await read_all(b"x" * 5000)) == "x" * 5000


def feed(writer: int, content: bytes) -> None:
    while content:
        content = content[os.write(writer, content) :]
    os.close(writer)


async def test_a_line_comes_when_it_is_there(engine: Any) -> None:
    reader, writer = os.pipe()
    lines = InputLines(reader)
    os.write(writer, b"eins\nzw")
    assert await anext(lines) == "eins"
    os.write(writer, "ö\n".encode())
    assert await anext(lines) == "zwö"
    os.close(writer)
    with pytest.raises(StopAsyncIteration):
        await anext(lines)
    os.close(reader)
