"""Every dialog over the chat, as its keys and commands open it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from support.looks import SIZES
from tale_tui.domain.alerts import AlertKind, LimitReading
from tale_tui.domain.events import Notice
from tale_tui.domain.models import FinishReason, Progress
from tale_tui.engine.models.scripted import Pause, Say, Script
from tale_tui.ui.widgets.progress_gauge import ProgressGauge

SMALL, USUAL = (80, 24), (120, 40)
LINK = "https://user@docs.python.org.evil.example:8080/3/library/functools.html#functools.cache"
DAY_S = 86_400.0


@pytest.fixture
def talked(tell: Callable[..., Awaitable[str]]) -> dict[str, Any]:
    """A conversation of one turn, opened."""

    async def before(engine: Any, clock: Any) -> None:
        await tell(engine, "What is memoisation?")

    script = Script((Pause(0.31), Say("Keeping "), Pause(1), Say(f"[results]({LINK}).")), prompt_tokens=31)
    return {"before": before, "session": "id01", "answers": [script]}


@pytest.fixture
def many(exported: Callable[..., str]) -> dict[str, Any]:
    """Conversations of some days."""
    lines = [
        exported("Fibonacci and friends", "Each number is the sum of two.", ago_s=600),
        exported("Letter to the landlord", "Dear Mr. Winter, the heating does not work.", ago_s=5 * 3600),
        exported("Compare three databases", "SQLite for one machine, PostgreSQL for many.", ago_s=2 * DAY_S),
        exported("What is the Fibonacci heap good for?", "Dijkstra with many edges.", ago_s=40 * DAY_S),
        exported("A very long title that goes on and on " * 4, "Short: the number five.", ago_s=400 * DAY_S),
    ]

    async def before(engine: Any, clock: Any) -> None:
        await engine.sessions.import_("\n".join(lines))

    return {"before": before}


async def ready(window: Any) -> None:
    await window.shows("results")
    await window.rest()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_welcome(looks_as_before: Any, size: tuple[int, int]) -> None:
    async def act(window: Any) -> None:
        await window.shows("Use a model file")

    assert looks_as_before(served=False, state="unset", act=act, size=size)


def test_welcome_while_it_fetches(looks_as_before: Any) -> None:
    async def fetch(*, source: str = "") -> AsyncGenerator[Progress, None]:
        yield Progress("Fetching the starter model", 0, 92_871_040)
        yield Progress("Fetching the starter model", 38_000_000, 92_871_040)
        await asyncio.Event().wait()

    async def act(window: Any) -> None:
        await window.shows("Use a model file")
        window.engine.models.fetch_starter = fetch
        line = window.app.screen.query_one(ProgressGauge)
        # It counts from the first number on, so that it knows at the second how long it will take.
        moments = iter([0.0])
        line.clock = lambda: next(moments, 12.0)
        await window.press("enter")
        await window.shows("38 MB of 93 MB")

    assert looks_as_before(served=False, state="unset", act=act, size=SMALL)


def test_welcome_asks_for_an_address(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.shows("Use a model file")
        await window.press("o")

    assert looks_as_before(served=False, state="unset", act=act, size=SMALL)


def test_later(looks_as_before: Any) -> None:
    """Without a model, after the welcome was left."""

    async def act(window: Any) -> None:
        await window.shows("Use a model file")
        await window.press("escape")
        await window.shows("There is no model yet")

    assert looks_as_before(served=False, state="unset", act=act, size=SMALL)


def test_no_conversations(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.press("ctrl+o")
        await window.shows("No conversation yet")

    assert looks_as_before(act=act, size=SMALL)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_conversations(looks_as_before: Any, many: dict[str, Any], size: tuple[int, int]) -> None:
    async def act(window: Any) -> None:
        await window.press("ctrl+o")
        await window.shows("Letter to the landlord")
        await window.press("down")

    assert looks_as_before(**many, act=act, size=size)


@pytest.mark.parametrize("words", ["number", "zzz"])
def test_conversations_searched(looks_as_before: Any, many: dict[str, Any], words: str) -> None:
    async def act(window: Any) -> None:
        await window.press("ctrl+o")
        await window.shows("Letter to the landlord")
        await window.press(*words)
        await window.until(lambda: "0 messages" in window.painted or "2 messages" in window.painted, "it was searched")

    assert looks_as_before(**many, act=act, size=SMALL)


def test_a_conversation_is_deleted(looks_as_before: Any, many: dict[str, Any]) -> None:
    async def act(window: Any) -> None:
        await window.press("ctrl+o")
        await window.shows("Letter to the landlord")
        await window.press("down", "delete")
        await window.shows("cannot be brought back")

    assert looks_as_before(**many, act=act, size=SMALL)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_models(looks_as_before: Any, size: tuple[int, int]) -> None:
    async def act(window: Any) -> None:
        await window.press("ctrl+l")
        await window.shows("llama3.2:3b")

    assert looks_as_before(act=act, size=size)


def test_themes(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.say("/theme")
        await window.shows("tale-light")
        await window.press("down")
        await window.until(lambda: window.app.theme == "tale-light", "it is shown")

    assert looks_as_before(act=act, size=SMALL)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_help(looks_as_before: Any, size: tuple[int, int]) -> None:
    async def act(window: Any) -> None:
        await window.press("f1")
        await window.shows("type to find a key", "Keys here")

    assert looks_as_before(act=act, size=size)


def test_the_palette(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.press("ctrl+p")
        await window.shows("New conversation")

    assert looks_as_before(act=act, size=SMALL)


def test_details(looks_as_before: Any, talked: dict[str, Any]) -> None:
    async def act(window: Any) -> None:
        await ready(window)
        await window.press("shift+tab", "d")
        await window.shows("first token")

    assert looks_as_before(**talked, act=act, size=SMALL)


def test_a_link(looks_as_before: Any, talked: dict[str, Any]) -> None:
    async def act(window: Any) -> None:
        await ready(window)
        await window.press("shift+tab", "o")
        await window.shows("Open this link?")

    assert looks_as_before(**talked, act=act, size=SMALL)


def test_the_system_prompt(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.say("/system")
        await window.shows("System prompt")
        await window.press(*"Be brief.")

    assert looks_as_before(act=act, size=SMALL)


def test_another_title(looks_as_before: Any, talked: dict[str, Any]) -> None:
    async def act(window: Any) -> None:
        await ready(window)
        await window.say("/rename")
        await window.shows("Rename the conversation")

    assert looks_as_before(**talked, act=act, size=SMALL)


@pytest.mark.parametrize("told", [False, True], ids=["none", "some"])
def test_notices(looks_as_before: Any, told: bool) -> None:
    async def act(window: Any) -> None:
        if told:
            window.hear(Notice("The disk is nearly full", "Make room: replies are stored.", "error"))
            await window.shows("nearly full")
            window.clock.turn(600)
            window.hear(Notice("Another model stands in", "llama3.2:3b answers.", "warning"))
            await window.shows("stands in")
        await window.say("/notices")
        await window.shows("Notices")

    assert looks_as_before(act=act, size=SMALL)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_alerts(looks_as_before: Any, size: tuple[int, int]) -> None:
    async def before(engine: Any, clock: Any) -> None:
        first = LimitReading(
            AlertKind.FIRST_TEXT, "", 1.8, 1.0, "The first text of a reply takes 1.80 s; the limit is 1.00 s."
        )
        [raised] = await engine.store.raise_alerts([first])
        await engine.store.raise_alerts([replace(first, seen=0.2)])
        await engine.metrics.acknowledge(raised.id)
        clock.turn(2 * 3600)
        spent = "81k of 80k tokens of this day are spent. Tasks go on; raise the budget, or wait until the next day."
        worse = "qwen3:14b writes 24 % more slowly since 11:40, when Ollama went from 0.32 to 0.33."
        await engine.store.raise_alerts([LimitReading(AlertKind.REGRESSION, "ollama/qwen3:14b", 1.24, 1.0, worse)])
        clock.turn(600)
        await engine.store.raise_alerts([LimitReading(AlertKind.BUDGET_SPENT, "day", 81_000, 80_000, spent)])

    async def act(window: Any) -> None:
        await window.say("/alerts")
        await window.shows("Alerts")

    assert looks_as_before(before=before, act=act, size=size)


@pytest.mark.parametrize("theme", ["tale-dark", "tale-light"])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_more_is_foreseen_than_a_budget_has_left(looks_as_before: Any, size: tuple[int, int], theme: str) -> None:
    async def act(window: Any) -> None:
        await window.say("/task Write a web application with a login")
        await window.shows("More is foreseen", "are left")

    assert looks_as_before(act=act, size=size, theme=theme, budgets={"day_tokens": 100})


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_task_that_writes_far_more_than_its_like(looks_as_before: Any, size: tuple[int, int]) -> None:
    def rambles(request: Any) -> Script:
        words = tuple(Say("word ") for _ in range(request.max_tokens))
        return Script(words, FinishReason.LENGTH, completion_tokens=len(words))

    async def act(window: Any) -> None:
        await window.say("/task Write a haiku about rain")
        await window.shows("Far longer", "has written", "asks whether to go on", "1 needs you")
        [task] = window.tasks.values()
        card = window.chat.view.card(task.id)
        await window.until(lambda: len(card.content.text.split()) == task.completion_tokens, "all of it is shown")
        view = window.chat.view
        await window.until(
            lambda: view.turn_layout.turns[-1].whole and view.is_vertical_scroll_end, "its end is in sight"
        )

    assert looks_as_before(act=act, size=size, answers=rambles)
