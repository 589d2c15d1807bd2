"""The process that makes vectors: what goes wrong in it ends only it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from tale_tui.domain.errors import BackendCrashed, TimedOut
from tale_tui.engine.models.embedding import process
from tale_tui.engine.models.embedding.process import EmbedderProcess


@pytest.fixture
async def embedder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EmbedderProcess]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    made = EmbedderProcess("support.embedder_child")
    yield made
    await made.close()


def children() -> list[psutil.Process]:
    """The embedder's processes that run; one that has ended may still be there as a zombie, or go while it is read."""
    return [one for one in psutil.Process().children() if "support.embedder_child" in " ".join(command_of(one))]


def command_of(child: psutil.Process) -> list[str]:
    try:
        return [] if child.status() == psutil.STATUS_ZOMBIE else child.cmdline()
    except psutil.NoSuchProcess:
        return []


async def test_texts_become_vectors_in_their_order(embedder: EmbedderProcess) -> None:
    found = await embedder.embed(("a", "bcd"), asks=True)
    assert (found.vectors, found.tokens) == (((1.0, 1.0), (3.0, 1.0)), 7)
    assert (await embedder.embed(("ab",), asks=False)).vectors == ((2.0, 0.0),)
    assert len(children()) == 1


async def test_no_key_reaches_it(embedder: EmbedderProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TALE_OPENAI_KEY", "OLLAMA_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "secret")
    assert (await embedder.embed(("keys",), asks=True)).vectors == ((0.0, 1.0),)


@pytest.mark.parametrize("bad", ["crash", "nonsense"])
async def test_after_a_crash_or_nonsense_it_starts_again(embedder: EmbedderProcess, bad: str) -> None:
    with pytest.raises(BackendCrashed):
        await embedder.embed((bad,), asks=True)
    assert (await embedder.embed(("a",), asks=True)).tokens == 7


async def test_who_gives_up_ends_it(embedder: EmbedderProcess) -> None:
    waiting = asyncio.create_task(embedder.embed(("hang",), asks=False))
    while not children():
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not children()
    assert (await embedder.embed(("a",), asks=True)).tokens == 7


async def test_one_that_takes_too_long_is_ended(embedder: EmbedderProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "EMBEDDER_TIMEOUT_S", 0.2)
    with pytest.raises(TimedOut):
        await embedder.embed(("hang",), asks=True)
    assert not children()


async def test_it_ends_when_it_was_not_asked_for_a_while(
    embedder: EmbedderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "EMBEDDER_IDLE_S", 0.05)
    await embedder.embed(("a",), asks=True)
    while children():
        await asyncio.sleep(0.01)
    monkeypatch.setattr(process, "EMBEDDER_IDLE_S", 60)
    assert (await embedder.embed(("a",), asks=True)).tokens == 7
