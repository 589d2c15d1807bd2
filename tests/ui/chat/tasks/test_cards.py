"""A card of a task that goes on while its reader does something else."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from tale_tui.domain.models import Role
from tale_tui.domain.tasks import TaskState
from tale_tui.engine.models.scripted import Hold, Say, Script, spoken
from tale_tui.ui.tasks.screen import TasksScreen


class Work:
    """Answers talk at once; a task writes its lines one by one, each after its event."""

    def __init__(self) -> None:
        self.more, self.end = asyncio.Event(), asyncio.Event()

    def __call__(self, request: Any) -> Script:
        if request.role is Role.TASK:
            return Script(
                (Say("line one\n\n"), Hold(self.more), Say("line two\n\n"), Hold(self.end), Say("line three"))
            )
        return spoken("An ", "answer.")


async def begun(window: Any) -> None:
    """Begin a task, and wait until what it writes stands under its card."""
    await window.ready()
    await window.say("/task Write three lines")
    await window.shows("line one")


async def test_nothing_is_told_of_a_task_where_the_list_of_all_tasks_is_in_front(open_window: Any) -> None:
    work = Work()
    async with open_window(work) as window:
        await begun(window)
        await window.press("f3")
        await window.dialog(TasksScreen)
        work.more.set()
        work.end.set()
        await window.shows("1 done")
        await window.press("f2")
        await window.closed()
        assert window.told == []


async def test_a_card_that_the_reader_opened_goes_on_being_written_after_the_conversation_was_read_again(
    open_window: Any,
) -> None:
    work = Work()
    async with open_window(work) as window:
        await begun(window)
        await window.say("hello")
        await window.answered(1)
        await window.hides("line one")
        reply = window.messages[-1]
        await window.press("shift+tab", "up", "up", "enter")
        await window.shows("line one")
        # Another version of the reply below it: what is on the screen is not only longer.
        async for _ in window.engine.chat.regenerate(reply.session_id, reply.id):
            pass
        await window.until(lambda: window.messages[-1].siblings == 2, "the other version is shown")
        await window.press("escape")
        await window.say("go on")
        await window.answered(2)
        work.more.set()
        await window.shows("line one", "line two")


async def test_a_card_has_the_steps_of_a_plan_that_is_being_made_and_not_its_json(open_window: Any) -> None:
    more, end = asyncio.Event(), asyncio.Event()
    first, second = '{"steps": [{"key": "a", "title": "Data model", "prompt": "Do a."}', ', {"title": "Interface", '

    def answer(request: Any) -> Script:
        if "You break a task down" in request.messages[0].text:
            return Script((Say(first), Hold(more), Say(second), Hold(end), Say('"prompt": "Do b."}]}')))
        return spoken("An answer.")

    async with open_window(answer, ux="scripted/demo", task="scripted/demo") as window:
        await window.ready()
        await window.say("/task Build a complete web application with user authentication, database, and API")
        await window.shows("planning", "1. Data model")
        more.set()
        await window.shows("2. Interface")
        await window.press("f3")
        await window.shows("Plan", "1. Data model", "2. Interface")
        assert '"steps"' not in window.painted
        await window.press("f2")
        assert '"steps"' not in window.painted
        end.set()
        await window.shows("approve 3 steps")
        await window.hides("1. Data model")


async def test_a_card_has_the_text_of_one_step_where_several_write_at_once(open_window: Any) -> None:
    more, end = asyncio.Event(), asyncio.Event()

    def answer(request: Any) -> Script:
        if "You break a task down" in request.messages[0].text:
            return spoken('{"steps": [{"key": "a", "prompt": "Do a."}, {"key": "b", "prompt": "Do b."}]}')
        asked = request.messages[-1].text
        name = "join" if "Your step of it, Join" in asked else "first" if "Your step of it, a:" in asked else "second"
        if name == "join":
            return spoken("joined at last")
        lines = (Say(f"{name} one\n\n"), Hold(more), Say(f"{name} two\n\n"), Hold(end), Say(f"{name} three"))
        return Script(lines)

    plans = {"ask_complexity": "never", "ask_tokens": 0}
    async with open_window(answer, plans=plans, tasks={"per_model": 4}) as window:
        await window.ready()
        await window.say("/task Build a complete web application with user authentication, database, and API")
        await window.until(lambda: "first one" in window.painted or "second one" in window.painted, "one of them")
        shown, other = ("first", "second") if "first one" in window.painted else ("second", "first")
        await window.shows("1. a" if shown == "first" else "2. b", "0/3, 2 running")
        more.set()
        await window.shows(f"{shown} one", f"{shown} two")
        assert other not in window.painted
        end.set()
        await window.shows("joined at last")
        await window.hides("3. Join and check")
        assert "first" not in window.painted
        assert "second" not in window.painted


async def test_the_card_and_its_step_stay_in_sight_while_their_text_is_followed(open_window: Any) -> None:
    end = asyncio.Event()
    first = {"key": "a", "title": "Database schema", "prompt": "Do a."}
    made = json.dumps({"steps": [first, {"key": "b", "prompt": "Do b.", "after": ["a"]}]})
    lines = "".join(f"line {number} of it\n\n" for number in range(60))

    def answer(request: Any) -> Script:
        if "You break a task down" in request.messages[0].text:
            return spoken(made)
        return Script((Say(lines), Hold(end), Say("the end of it\n\n")))

    async with open_window(answer, plans={"ask_complexity": "never", "ask_tokens": 0}) as window:
        await window.ready()
        await window.say("/task Build a complete web application with user authentication, database, and API")
        await window.shows("line 59 of it", "   0/3 ", "1. Database schema")
        assert "line 2 of it" not in window.painted
        await window.press("shift+tab", "home")
        await window.shows("line 2 of it")
        assert window.painted.count(" 0/3 ") == 1
        await window.press("end")
        await window.shows("line 59 of it", "   0/3 ", "1. Database schema")
        end.set()


async def test_a_task_that_was_read_before_it_was_foreseen_keeps_its_forecast(open_window: Any) -> None:
    work = Work()
    async with open_window(work) as window:
        await begun(window)
        await window.until(lambda: all(task.forecast for task in window.tasks.values()), "it is foreseen")
        (task,) = window.tasks.values()
        window.controller.tasks.cards.on_task(replace(task, forecast=None, title="Of another name"))
        (shown,) = window.tasks.values()
        assert (shown.forecast, shown.title) == (task.forecast, "Of another name")
        await window.controller.conversation.reload()
        assert window.tasks[task.id].forecast == task.forecast
        assert window.chat.view.card(task.id).task.forecast == task.forecast


async def test_a_card_folds_as_the_next_turn_begins_however_that_was_sent(open_window: Any) -> None:
    async with open_window(Work()) as window:
        await begun(window)
        (first,) = window.tasks
        await window.say("/task Write three more")
        await window.until(lambda: len(window.tasks) == 2, "it is a task")
        await window.until(lambda: not window.busy, "its turn is over")
        await window.hides("line one")
        assert not window.follows(first)


async def test_an_older_reading_of_a_task_changes_nothing(open_window: Any) -> None:
    async with open_window(Work()) as window:
        await begun(window)
        (task,) = window.tasks.values()
        await window.until(lambda: all(one.completion_tokens for one in window.tasks.values()), "it is counted")
        (known,) = window.tasks.values()
        window.controller.tasks.started(replace(task, state=TaskState.QUEUED, completion_tokens=None))
        assert window.tasks[task.id] == known
