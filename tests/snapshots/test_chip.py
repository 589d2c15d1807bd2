"""The chip at the prompt, the choice of ids, the dialogs about tasks, and the last line while tasks run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from support.looks import SIZES, THEMES
from tale_tui.domain.events import Notice
from tale_tui.domain.forecasts import NOTHING, Estimate, TaskForecast
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.tasks import Classification, DetectBand
from tale_tui.engine.models.scripted import Hold, Say, Script, spoken

looks = pytest.mark.parametrize(
    "look",
    [
        pytest.param((SIZES[size], theme), id=f"{size}-{theme.removeprefix('tale-')}")
        for size in SIZES
        for theme in THEMES
    ],
)
BIG = ModelRef.parse("ollama/qwen3:14b")
FORESEEN = TaskForecast(
    *("code", Estimate(85, 80, 95), Estimate(620, 380, 1_020), Estimate(70, 45, 110), NOTHING, 12),
    why="the nearest of 12 runs of this model",
    ref=BIG,
    complexity="medium",
)
ON = {"enabled": True}
CODE = "Here it is:\n\n```python\ndef fib(n: int) -> int:\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n"


def work(request: Any) -> Script:
    """Talk is answered, work is begun."""
    if request.role is Role.TASK:
        return Script((Say(CODE), Hold(asyncio.Event())))
    return spoken("Memoisation keeps the result of a call, so that the same call later costs a look-up.")


async def judged(window: Any, text: str, p: float, band: DetectBand, foreseen: TaskForecast = FORESEEN) -> None:
    """Write a text that is judged so."""

    async def judge(text: str, *, session_id: str = "") -> Classification:
        return Classification(p, band, (), BIG, 70.0)

    async def foresee(text: str, *, model: str = "") -> TaskForecast:
        return foreseen

    window.engine.chat.classify = judge
    window.engine.learning.forecast = foresee
    await window.write(text)
    await window.until(
        lambda: window.chip is not None and (window.chip.kind != "task" or window.chip.forecast is not None), "the chip"
    )


async def given(window: Any, *titles: str) -> None:
    """Hand in tasks from the chat, and wait until each is a card."""
    for number, title in enumerate(titles, 1):
        await window.say(f"/task {title}")
        await window.until(lambda number=number: len(window.tasks) == number, "it is a task")
    line, bar = window.chat.line, window.chat.title_bar
    await window.until(
        lambda: (line.tasks.running, line.tasks.queued, bar.running) == (1, len(titles) - 1, 1), "all are counted"
    )
    first = next(iter(window.tasks))
    await window.until(
        lambda: window.chat.view.card(first).content.text.strip() == CODE.strip(), "the first one has written"
    )
    await window.until(lambda: all(task.forecast for task in window.tasks.values()), "all are foreseen")
    await window.until(
        lambda: not window.busy and bar.turns == len(titles), "no turn is under way, and the title counts them"
    )


@looks
def test_a_task(looks_as_before: Any, look: Any) -> None:
    async def act(window: Any) -> None:
        await judged(window, "Write tests for it too", 0.93, DetectBand.TASK)

    assert looks_as_before(act=act, size=look[0], theme=look[1], detect=ON)


@looks
def test_a_large_task(looks_as_before: Any, look: Any) -> None:
    async def act(window: Any) -> None:
        large = replace(FORESEEN, large=True, cost=Estimate(0.0123, 0.008, 0.0204))
        await judged(window, "Write tests for it too", 0.93, DetectBand.TASK, large)

    assert looks_as_before(act=act, size=look[0], theme=look[1], detect=ON)


@looks
def test_nobody_is_sure(looks_as_before: Any, look: Any) -> None:
    async def act(window: Any) -> None:
        await judged(window, "The tests are red again", 0.52, DetectBand.UNSURE)

    assert looks_as_before(act=act, size=look[0], theme=look[1], detect=ON)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_talk(looks_as_before: Any, size: tuple[int, int]) -> None:
    async def act(window: Any) -> None:
        await judged(window, "What is memoisation?", 0.03, DetectBand.CHAT)

    assert looks_as_before(act=act, size=size, detect=ON)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_user_said_so(looks_as_before: Any, size: tuple[int, int]) -> None:
    async def act(window: Any) -> None:
        await judged(window, "What is memoisation? " * 12, 0.03, DetectBand.CHAT)
        await window.press("f8")
        await window.until(lambda: window.chip.forecast is not None, "the forecast")

    assert looks_as_before(act=act, size=size, detect=ON)


@looks
def test_the_choice_of_ids(looks_as_before: Any, look: Any) -> None:
    async def act(window: Any) -> None:
        await given(window, "Fibonacci function", "Compare three databases", "Tests for Fibonacci")
        await window.write("/pause ")
        await window.until(lambda: window.chat.composer.completion.rows, "ids")
        await window.press("down")

    assert looks_as_before(act=act, answers=work, size=look[0], theme=look[1])


@looks
def test_an_id_that_is_not_clear(looks_as_before: Any, look: Any) -> None:
    async def act(window: Any) -> None:
        await given(window, "Fibonacci function", "Compare three databases", "Tests for Fibonacci")
        window.chat.run_command("cancel", "id")
        await window.shows("Which task", "esc back")
        await window.until(lambda: window.app.screen.picks.size.height == 3, "all rows are laid out")

    assert looks_as_before(act=act, answers=work, size=look[0], theme=look[1])


@looks
def test_leaving(looks_as_before: Any, look: Any) -> None:
    async def act(window: Any) -> None:
        await given(window, "Fibonacci function", "Compare three databases")
        await window.press("ctrl+q")
        await window.shows("Leave while")

    assert looks_as_before(act=act, answers=work, size=look[0], theme=look[1])


@pytest.mark.parametrize("size", [*SIZES.values(), (200, 60)], ids=[*SIZES, "200x60"])
def test_talk_while_it_works(looks_as_before: Any, size: tuple[int, int]) -> None:
    async def act(window: Any) -> None:
        await given(window, "Fibonacci function", "Compare three databases")
        await window.say("Meanwhile: what is memoisation?")
        await window.shows("costs a")
        await window.until(lambda: not window.busy, "it is answered")

    assert looks_as_before(act=act, answers=work, size=size)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_tasks_that_were_cut_off(looks_as_before: Any, size: tuple[int, int]) -> None:
    async def before(engine: Any, clock: Any) -> None:
        from tale_tui.domain.tasks import TaskCounts

        status = engine.control.status

        async def cut_off() -> Any:
            from dataclasses import replace

            return replace(await status(), tasks=TaskCounts(paused=2, interrupted=2))

        engine.control.status = cut_off

    async def act(window: Any) -> None:
        await window.shows("cut off")

    assert looks_as_before(act=act, before=before, size=size)


def test_what_is_told_leaves_the_prompt_free(looks_as_before: Any) -> None:
    async def act(window: Any) -> None:
        await window.write("half a thought")
        window.hear(Notice("The disk is nearly full", "Make room: replies are stored as they come."))
        await window.until(lambda: window.told, "it is told")

    assert looks_as_before(act=act, size=(20, 5))


def test_tasks_beside_the_conversation(looks_as_before: Any) -> None:
    """The narrowest terminal with a panel; what is told stands below it, and covers neither it nor the prompt."""

    async def act(window: Any) -> None:
        await given(window, "Fibonacci function", "Compare three databases and say which one suits a list of books")
        # The status counts what is stored, and that happens after a while of real time.
        tasks = window.controller.conversation.tasks
        first = next(iter(tasks))

        async def stored() -> bool:
            return (await window.engine.tasks.get(first)).task.completion_tokens == 1

        await window.until(stored, "what the first one wrote is stored")
        await window.controller.tasks.cards.refresh()
        assert tasks[first].completion_tokens == 1
        await window.say("/status")
        await window.shows("Status", "Compare three data")

    assert looks_as_before(act=act, answers=work, size=(150, 40), theme="tale-light")
