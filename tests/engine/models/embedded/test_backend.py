"""The embedded backend for real: the starter model, llama.cpp, processes."""

# ruff: noqa: ASYNC240  # a test may wait for its files

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from support.processes import model_processes
from support.waiting import PATIENCE_S
from tale_tui.config.settings import Settings
from tale_tui.domain.errors import BackendCrashed, ContextFull, ModelDamaged, ModelError, NotAvailable, OutOfMemory
from tale_tui.domain.models import BackendName, FinishReason, ModelRef
from tale_tui.engine.models.backend import BackendEvent, ChatMessage, ChatRequest, Finished, PromptRead, TextPiece
from tale_tui.engine.models.embedded import process as embedded_process
from tale_tui.engine.models.embedded.backend import EmbeddedBackend
from tale_tui.engine.models.files import starter

pytestmark = [pytest.mark.starter, pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]

NAME = starter.STARTER_NAME
COLOURS = "Name three colours."
STORY = "Tell me a long story about a lighthouse."
LONG = "The quick brown fox jumps over the lazy dog. " * 120


@pytest.fixture(scope="module")
def models(place_starter: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with the starter in it."""
    return place_starter(tmp_path_factory.mktemp("models"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(models: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedBackend]:
    """One backend for all tests here, so that the model is loaded once."""
    made = EmbeddedBackend(Settings(), models, tmp_path_factory.mktemp("logs") / "embedded.log")
    yield made
    await made.close()


def asking(text: str, max_tokens: int = 24, **more: Any) -> ChatRequest:
    return ChatRequest(NAME, (ChatMessage("user", text),), None, max_tokens, temperature=0, **more)


async def ask(backend: EmbeddedBackend, request: ChatRequest) -> list[BackendEvent]:
    async with aclosing(backend.chat(request)) as events:
        return [event async for event in events]


def text_of(events: list[BackendEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextPiece))


def child() -> psutil.Process:
    (found,) = model_processes()
    return found


async def test_it_answers_and_counts(backend: EmbeddedBackend) -> None:
    await backend.load(NAME, None)
    request = asking("What is the sun? Answer in one sentence.")
    events = await ask(backend, request)
    reads = [event for event in events if isinstance(event, PromptRead)]
    pieces = [event for event in events if isinstance(event, TextPiece)]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert events == [*reads, *pieces, finished]
    assert reads[-1].done == reads[-1].total == finished.prompt_tokens
    assert "sun" in text_of(events).lower()
    assert sum(piece.tokens for piece in pieces) in (finished.completion_tokens, (finished.completion_tokens or 0) - 1)
    assert finished.prompt_tokens == await backend.count_tokens(NAME, request.messages)
    assert finished.prompt_ms
    assert finished.generation_ms
    assert finished.load_ms == 0


async def test_the_second_turn_reads_only_what_is_new(backend: EmbeddedBackend) -> None:
    first = asking(COLOURS)
    answer = text_of(await ask(backend, first))
    await ask(backend, asking("Something else entirely, to push the first prompt out of the slot."))
    turns = (*first.messages, ChatMessage("assistant", answer), ChatMessage("user", "And two more?"))
    finished = (await ask(backend, ChatRequest(NAME, turns, None, 8, temperature=0)))[-1]
    assert isinstance(finished, Finished)
    before = await backend.count_tokens(NAME, first.messages)
    assert before is not None
    assert (finished.cached_tokens or 0) >= before - 4


async def test_a_partial_answer_goes_on_as_if_nothing_had_happened(backend: EmbeddedBackend) -> None:
    pieces = [event.text for event in await ask(backend, asking(STORY)) if isinstance(event, TextPiece)]
    partial = "".join(pieces[:9])
    rest = await ask(backend, asking(STORY, len(pieces) - 9, continue_text=partial))
    assert partial + text_of(rest) == "".join(pieces)


async def test_the_limit_of_tokens_is_kept(backend: EmbeddedBackend) -> None:
    finished = (await ask(backend, asking(STORY, 5)))[-1]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.completion_tokens) == (FinishReason.LENGTH, 5)


async def test_what_does_not_fit_is_refused_with_the_numbers(backend: EmbeddedBackend) -> None:
    request = asking(LONG * 6)
    tokens = await backend.count_tokens(NAME, request.messages)
    assert tokens is not None
    with pytest.raises(ContextFull, match=f"{tokens:,} tokens long.* holds 4,096"):
        await ask(backend, request)


async def test_stopping_in_the_answer_keeps_the_process(backend: EmbeddedBackend) -> None:
    before = child().pid
    pieces = 0
    async with aclosing(backend.chat(asking(STORY, 4000))) as events:
        async for event in events:
            pieces += isinstance(event, TextPiece)
            if pieces == 3:
                break
    assert text_of(await ask(backend, asking(COLOURS)))
    assert child().pid == before


async def test_stopping_while_it_reads_keeps_the_process(
    backend: EmbeddedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may take longer over the piece of the prompt that is being read than a user has to wait.
    monkeypatch.setattr(embedded_process, "CHILD_STOP_TIMEOUT_S", PATIENCE_S)
    before = child().pid
    async with aclosing(backend.chat(asking("Summarise this. " + LONG))) as events:
        first = await anext(events)
        assert isinstance(first, PromptRead)
        assert first.done < first.total
    assert text_of(await ask(backend, asking(COLOURS)))
    assert child().pid == before


async def killed_at(backend: EmbeddedBackend, request: ChatRequest, number: int) -> tuple[str, ModelError]:
    """Kill the process at the event of this number. Returns the text that came, and the error."""
    came: list[BackendEvent] = []
    try:
        async with aclosing(backend.chat(request)) as events:
            async for event in events:
                came.append(event)
                if len(came) == number:
                    child().kill()
    except ModelError as error:
        return text_of(came), error
    raise AssertionError("it was not killed")


@pytest.mark.long
async def test_killed_in_the_answer_it_says_so_and_comes_back(backend: EmbeddedBackend) -> None:
    text, error = await killed_at(backend, asking(STORY, 4000), 8)
    assert text
    assert isinstance(error, BackendCrashed)
    assert "SIGKILL" in error.sentence
    finished = (await ask(backend, asking(COLOURS)))[-1]
    assert isinstance(finished, Finished)
    assert finished.load_ms


@pytest.mark.long
async def test_killed_while_it_reads_it_says_so_and_comes_back(backend: EmbeddedBackend) -> None:
    text, error = await killed_at(backend, asking("Repeat this. " + LONG), 1)
    assert text == ""
    assert isinstance(error, BackendCrashed)
    assert text_of(await ask(backend, asking(COLOURS)))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it listens on a port, with a key")
async def test_nobody_else_can_reach_it(backend: EmbeddedBackend) -> None:
    await backend.load(NAME, None)
    assert child().net_connections(kind="inet") == []
    addresses = [connection.laddr for connection in child().net_connections(kind="unix")]
    assert [address for address in addresses if Path(str(address)).exists()] == []


async def test_what_a_list_shows(backend: EmbeddedBackend) -> None:
    await backend.load(NAME, None)
    report = await backend.report(5)
    assert (report.name, report.available, report.detail) == (BackendName.EMBEDDED, True, "")
    assert report.version
    (info,) = report.models
    assert info.ref == ModelRef(BackendName.EMBEDDED, NAME)
    assert (info.size_bytes, info.parameters, info.quantization) == (starter.STARTER_BYTES, "135M", "Q4_1")
    assert (info.max_window, info.capabilities) == (8192, ("chat",))
    assert info.note == "A demo, not an assistant."
    (loaded,) = report.loaded
    assert loaded.window == 4096
    assert (loaded.size_bytes or 0) > 100_000_000


async def test_more_than_the_memory_allows_is_refused(models: Path, tmp_path: Path) -> None:
    backend = EmbeddedBackend(Settings(embedded={"memory_limit_gb": 0.2}), models, tmp_path / "log")
    try:
        with pytest.raises(OutOfMemory, match="8,192 tokens"):
            await backend.load(NAME, 20_000)
    finally:
        await backend.close()


def cut_in_half(data: bytearray) -> None:
    del data[len(data) // 2 :]


def cut_by_one(data: bytearray) -> None:
    del data[-1:]


def unknown_kind(data: bytearray) -> None:
    at = data.index(b"llama", data.index(b"general.architecture"))
    data[at : at + 5] = b"other"


def too_many_layers(data: bytearray) -> None:
    key = b"llama.block_count"
    at = data.index(key) + len(key) + 4
    data[at : at + 4] = (1000).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("damage", "error", "told"),
    [
        (cut_in_half, ModelDamaged, "cut off or damaged"),
        (cut_by_one, ModelDamaged, "cut off or damaged"),
        (too_many_layers, ModelDamaged, "SIGABRT"),
        (unknown_kind, NotAvailable, "does not know"),
    ],
)
async def test_a_damaged_file_is_told_from_a_foreign_one(
    starter_gguf: Path, tmp_path: Path, damage: Callable[[bytearray], None], error: type[ModelError], told: str
) -> None:
    data = bytearray(starter_gguf.read_bytes())
    damage(data)
    (tmp_path / "mine.gguf").write_bytes(data)
    backend = EmbeddedBackend(Settings(), tmp_path, tmp_path / "log")
    try:
        with pytest.raises(error, match=told):
            await backend.load("mine", None)
    finally:
        await backend.close()


async def test_a_starter_that_was_altered_is_not_loaded(starter_gguf: Path, tmp_path: Path) -> None:
    path = starter.starter_path(tmp_path)
    shutil.copyfile(starter_gguf, path)
    with path.open("r+b") as file:
        file.seek(50_000_000)
        file.write(bytes(2000))
    backend = EmbeddedBackend(Settings(), tmp_path, tmp_path / "log")
    with pytest.raises(ModelDamaged, match="models pull starter"):
        await backend.load(NAME, None)
    await backend.close()


@pytest.mark.long
async def test_a_loaded_model_survives_that_its_file_is_replaced(starter_gguf: Path, tmp_path: Path) -> None:
    mine, new = tmp_path / "mine.gguf", tmp_path / "new"
    shutil.copyfile(starter_gguf, mine)
    shutil.copyfile(starter_gguf, new)
    backend = EmbeddedBackend(Settings(), tmp_path, tmp_path / "log")
    request = ChatRequest("mine", (ChatMessage("user", STORY),), None, 12, temperature=0)
    try:
        async with aclosing(backend.chat(request)) as events:
            await anext(events)
            new.replace(mine)
            came = [event async for event in events]
        assert isinstance(came[-1], Finished)
        again = await ask(backend, request)
        assert text_of(again) == text_of(came)
        assert isinstance(again[-1], Finished)
        assert again[-1].load_ms
    finally:
        await backend.close()


async def test_the_starter_is_pulled_where_it_is_missing_only(backend: EmbeddedBackend) -> None:
    async with aclosing(backend.pull("starter")) as steps:
        assert [step.finished async for step in steps] == [True]


@pytest.mark.long
async def test_two_at_once_are_answered_in_turn(backend: EmbeddedBackend) -> None:
    answers = await asyncio.gather(*(ask(backend, asking(COLOURS, 6)) for _ in range(3)))
    assert len({text_of(answer) for answer in answers}) == 1
