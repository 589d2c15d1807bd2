"""The first start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from tale_tui.domain.errors import FetchFailed
from tale_tui.domain.models import Progress
from tale_tui.ui.dialogs.welcome import DEFAULT_SERVER, ModelReady, UseServer, WelcomeScreen
from tale_tui.ui.widgets.line_input import LineInput

TOTAL = 92_871_040


class Source:
    """Fetches a model, step by step, as a test allows."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go_on = asyncio.Event()
        self.closed = 0
        self.error: Exception | None = None

    async def __call__(self, source: str) -> AsyncGenerator[Progress, None]:
        self.asked.append(source)
        try:
            yield Progress("Fetching the starter model")
            yield Progress("Fetching the starter model", TOTAL // 10, TOTAL)
            yield Progress("Fetching the starter model", TOTAL // 2, TOTAL)
            await self.go_on.wait()
            if self.error is not None:
                raise self.error
            yield Progress("Fetching the starter model", TOTAL, TOTAL, finished=True)
        finally:
            self.closed += 1


async def test_it_says_what_there_is_to_do(show: Any) -> None:
    async with show(WelcomeScreen(Source()), size=(80, 24)) as shown:
        text = shown.text
        for words in (
            "No model was found on this machine.",
            "Fetch the starter model",
            "93 MB",
            "is a demo, not an assistant",
            "ollama pull qwen2.5:7b",
            "Nothing is sent anywhere before you choose.",
            "enter starter model",
            "esc later",
        ):
            assert words in " ".join(text.split()) or words in text
        assert not shown.screen.query_one(LineInput).has_focus


async def test_the_starter_is_fetched_with_progress(show: Any) -> None:
    source, ticks = Source(), iter(range(0, 1000, 2))
    async with show(WelcomeScreen(source, clock=lambda: next(ticks)), size=(80, 24)) as shown:
        await shown.window.press("enter")
        await shown.window.until(lambda: "50 %" in shown.text, "half of it")
        assert "46 MB of 93 MB" in shown.text
        assert "left" in shown.text
        assert "esc stop" in shown.text
        assert "Use Ollama" not in shown.text
        source.go_on.set()
        assert await shown.result() == ModelReady()
        assert source.asked == [""]
        assert source.closed == 1


async def test_escape_stops_the_fetching(show: Any) -> None:
    source = Source()
    async with show(WelcomeScreen(source)) as shown:
        await shown.window.press("enter")
        await shown.window.until(lambda: "50 %" in shown.text, "half of it")
        await shown.window.press("escape")
        await shown.window.until(lambda: source.closed, "closed")
        await shown.window.until(lambda: "Use Ollama" in shown.text, "the offers")
        assert shown.results == []
        await shown.window.press("enter")
        await shown.window.until(lambda: len(source.asked) == 2, "fetched again")


async def test_an_error_is_a_sentence_and_the_offers_come_back(show: Any) -> None:
    source = Source()
    source.error = FetchFailed("The index does not answer. Give a file instead: press f.")
    source.go_on.set()
    async with show(WelcomeScreen(source)) as shown:
        await shown.window.press("enter")
        await shown.window.until(
            lambda: "! The index does not answer. Give a file instead" in shown.text, "the sentence"
        )
        assert "Use Ollama" in shown.text
        await shown.window.press("o")
        await shown.window.until(lambda: "Ollama, or of" in shown.text, "asked")


async def test_a_path_that_is_wrong_is_put_right_where_it_was_written(show: Any) -> None:
    source = Source()
    source.error = FetchFailed("/no/such.gguf cannot be read: no such file.")
    source.go_on.set()
    async with show(WelcomeScreen(source)) as shown:
        await shown.window.press("f")
        await shown.type("/no/such.gguf")
        await shown.window.press("enter")
        await shown.window.until(lambda: "! /no/such.gguf cannot be read" in shown.text, "the sentence")
        entry = shown.screen.query_one(LineInput)
        assert entry.has_focus
        assert entry.value == "/no/such.gguf"
        await shown.window.press("escape")
        await shown.window.until(lambda: "Use Ollama" in shown.text, "the offers")
        assert "cannot be read" not in shown.text


async def test_nothing_unexpected_leaves_it_waiting(show: Any) -> None:
    source = Source()
    source.error = RuntimeError("boom")
    source.go_on.set()
    async with show(WelcomeScreen(source)) as shown:
        await shown.window.press("enter")
        await shown.window.until(lambda: "could not be fetched" in shown.text, "the sentence")
        assert "boom" not in shown.text


async def test_a_server_is_named_by_its_address(show: Any) -> None:
    async with show(WelcomeScreen(Source())) as shown:
        await shown.window.press("o")
        await shown.window.until(lambda: "enter go on" in shown.text, "asked")
        assert shown.screen.query_one(LineInput).value == DEFAULT_SERVER
        await shown.type("0")
        await shown.window.press("enter")
        assert await shown.result() == UseServer(DEFAULT_SERVER + "0")


async def test_a_file_is_taken_by_its_path(show: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    source = Source()
    source.go_on.set()
    async with show(WelcomeScreen(source)) as shown:
        await shown.window.press("f", "enter")
        assert source.asked == []
        shown.screen.query_one(LineInput).value = "'~/models/a b.gguf'"
        await shown.window.press("enter")
        assert await shown.result() == ModelReady()
        assert source.asked == [str(tmp_path / "models" / "a b.gguf")]


@pytest.mark.parametrize("key", ["o", "f"])
async def test_escape_goes_back_to_the_offers_and_then_away(show: Any, key: str) -> None:
    async with show(WelcomeScreen(Source())) as shown:
        await shown.window.press(key)
        await shown.window.until(lambda: "esc back" in shown.text, "asked")
        await shown.window.press("escape")
        await shown.window.until(lambda: "esc later" in shown.text, "the offers")
        await shown.window.press("escape")
        assert await shown.result() is None


async def test_letters_are_written_where_one_writes(show: Any) -> None:
    async with show(WelcomeScreen(Source())) as shown:
        await shown.window.press("f")
        await shown.type("of")
        assert shown.screen.query_one(LineInput).value == "of"


async def test_an_offer_can_be_clicked(show: Any) -> None:
    source = Source()
    async with show(WelcomeScreen(source), size=(80, 24)) as shown:
        offers = list(shown.screen.query("ChoiceRow"))
        await shown.window.pilot.click(offers[1])
        await shown.window.until(lambda: "esc back" in shown.text, "asked")
        await shown.window.press("escape")
        await shown.window.pilot.click(offers[0])
        await shown.window.until(lambda: source.asked, "fetched")


async def test_what_did_not_work_before_is_said_at_once(show: Any, hostile: str, harmless: Any) -> None:
    async with show(WelcomeScreen(Source(), problem="Nothing answers there.")) as shown:
        assert "! Nothing answers there." in shown.text
        await shown.window.press("escape")
        await shown.next(WelcomeScreen(Source(), problem=hostile))
        assert harmless(shown.text)


@pytest.mark.parametrize("size", [(20, 5), (40, 12), (80, 24), (120, 40), (200, 60)])
async def test_any_size(show: Any, size: tuple[int, int]) -> None:
    source = Source()
    async with show(WelcomeScreen(source), size=size) as shown:
        assert "enter" in shown.text
        assert "esc" in shown.text
        page = shown.screen.query_one("#page")
        if size[1] >= 24:
            assert page.max_scroll_y == 0
        await shown.window.press("enter")
        await shown.window.until(lambda: "MB" in shown.text, "progress")
