"""Whole stories with tasks on the screen, with the engine behind it: talk while it works."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tale_tui.domain.models import Role
from tale_tui.domain.tasks import TaskState
from tale_tui.engine.models.scripted import Hold, Say, Script, ScriptedBackend, spoken
from tale_tui.ui.dialogs.choose_task import ChooseTaskDialog
from tale_tui.ui.dialogs.leave import LeaveDialog
from tale_tui.ui.preferences import WindowPreferences
from tale_tui.ui.tasks.notifications import GATHER_S
from tale_tui.ui.tasks.screen import TasksScreen
from tale_tui.ui.terminal.notifications import call

pytestmark = pytest.mark.long

HELLO = "Hello! How are you today?"
WORK = "Can you write a Python function to calculate the Fibonacci sequence?"
BIG = "scripted/demo-big"


@pytest.fixture
def work() -> tuple[Callable[[Any], Script], asyncio.Event]:
    """Answers talk at once, begins a task and goes on with it when the event is set."""
    go_on = asyncio.Event()

    def answer(request: Any) -> Script:
        if request.role is Role.TASK:
            return Script((Say("def fib(n):\n"), Hold(go_on), Say("    return n\n")))
        return spoken("Fine, ", "thank you.")

    return answer, go_on


def state(window: Any) -> TaskState | None:
    """Of the task of the newest card."""
    one = window.card
    known = window.tasks.get(one.task_id) if one is not None else None
    return known.state if known is not None else None


async def reaches(window: Any, wanted: str) -> None:
    await window.until(lambda: state(window) == wanted, f"the task is {wanted}")


async def begun(window: Any) -> None:
    """Wait until the text of the task stands under its card."""
    await reaches(window, "running")
    shown = window.chat.view
    await window.until(lambda: shown.card(window.card.task_id).content.text.startswith("def"), "its text has begun")


async def test_talk_and_work_and_ask_and_look(open_window: Any, work: Any) -> None:
    """The four messages that the product is for."""
    answer, go_on = work
    async with open_window(answer, detect=True) as window:
        await window.ready()
        await window.say(HELLO)
        await window.answered()
        assert window.card is None

        await window.write(WORK)
        await window.until(lambda: window.chip is not None, "the chip says what it is")
        assert window.chip.kind == "task"
        await window.press("enter")
        await begun(window)
        assert window.chat.view.card(window.card.task_id).opened
        assert not window.busy

        calls = len(window.backend.requests)
        await window.say("What's the status of my task?")
        await window.answered(3)
        assert "running" in window.messages[-1].text
        assert len(window.backend.requests) == calls
        assert not window.chat.view.card(window.card.task_id).opened

        await window.say("/tasks")
        await window.dialog(TasksScreen)
        await window.press("f2")
        await window.closed()

        go_on.set()
        await reaches(window, "done")
        await window.until(lambda: "return n" in window.card.text, "the card holds the result")
        await window.until(
            lambda: sum("is done" in notice.title for _, notice in window.app.notices.kept) == 1, "it is told once"
        )
        assert window.prompt.has_focus


@pytest.mark.long
async def test_what_is_watched_is_not_told(open_window: Any, work: Any) -> None:
    answer, go_on = work
    async with open_window(answer, detect=True) as window:
        await window.ready()
        await window.say(WORK)
        await begun(window)
        go_on.set()
        await reaches(window, "done")
        await window.idle()
        await window.pilot.pause(2 * GATHER_S)
        assert [notice.title for _, notice in window.app.notices.kept if "is done" in notice.title] == []


async def test_the_whole_result_is_one_key_away(open_window: Any, work: Any) -> None:
    """Without leaving the prompt; what is written there is sent instead."""
    answer, go_on = work
    async with open_window(answer, detect=True) as window:
        await window.ready()
        await window.say(WORK)
        await begun(window)
        task_id, view = window.card.task_id, window.chat.view
        assert view.card(task_id).opened
        await window.press("enter")
        assert not view.card(task_id).opened
        assert not window.follows(task_id)
        await window.press("enter")
        assert view.card(task_id).opened
        assert window.follows(task_id)
        await window.say("   ")
        assert any("nothing to send" in sentence for sentence in window.told)
        assert view.card(task_id).opened
        go_on.set()
        await reaches(window, "done")


async def test_one_key_overrides_before_sending(open_window: Any, work: Any) -> None:
    answer, go_on = work
    async with open_window(answer, detect=True) as window:
        await window.ready()
        await window.write(WORK)
        await window.until(lambda: window.chip and window.chip.kind == "task", "it is judged a task")
        await window.press("f8")
        assert window.chip.kind == "chat"
        assert window.chip.chosen
        await window.press("enter")
        await window.answered()
        assert window.card is None

        await window.write("hmm")
        await window.until(lambda: window.chip is not None, "it is judged")
        await window.press("f8", "enter")
        await reaches(window, "running")
        go_on.set()


async def test_one_key_undoes_after_sending(open_window: Any, work: Any) -> None:
    answer, _ = work
    async with open_window(answer, detect=True) as window:
        await window.ready()
        await window.say(WORK)
        await begun(window)
        first = window.card.task_id
        await window.press("f8")
        await window.answered()
        assert window.messages[-1].text == "Fine, thank you."
        assert window.messages[-1].siblings == 2
        assert (await window.engine.tasks.get(first)).task.state is TaskState.CANCELLED

        await window.press("f8")
        await window.until(lambda: window.card is not None and window.card.task_id != first, "a task again")
        await begun(window)


async def test_where_nobody_is_sure_a_task_is_offered(open_window: Any, work: Any) -> None:
    answer, _ = work
    bounds = {"chat_to": 0.0, "task_from": 1.0}
    async with open_window(answer, manners=WindowPreferences(**bounds), detection=bounds) as window:
        await window.ready()
        await window.write(WORK)
        await window.until(lambda: window.chip is not None, "it is judged")
        assert window.chip.kind == "ask"
        await window.press("enter")
        await window.answered()
        turns = window.chat.view.turn_layout.turns
        await window.until(lambda: [turn.offer for turn in turns] == [False, True], "it is offered below the reply")
        await window.press("f8")
        await begun(window)
        assert not any(turn.offer for turn in window.chat.view.turn_layout.turns)


async def test_a_task_is_steered_by_commands(open_window: Any, work: Any) -> None:
    answer, go_on = work
    async with open_window(answer) as window:
        await window.ready()
        await window.say("/task Write the function")
        await begun(window)
        shown = window.tasks[window.card.task_id].shown
        await window.say(f"/pause {shown}")
        await reaches(window, "paused")
        await window.say("/resume")
        await reaches(window, "running")
        await window.say("/pause")
        await reaches(window, "paused")
        await window.press("ctrl+r")
        await reaches(window, "running")
        await window.say(f"/priority {shown} urgent")
        await window.until(lambda: window.tasks[window.card.task_id].priority == "urgent", "it goes first")
        await window.say("/status")
        await window.until(lambda: any("running" in said for said in window.told) or window.told, "it is told")
        await window.say(f"/cancel {shown}")
        await reaches(window, "cancelled")
        await window.say(f"/cancel {shown}")
        await window.until(lambda: any("already" in said for said in window.told), "twice is once too often")
        go_on.set()
        await window.say(f"/retry {shown}")
        await reaches(window, "done")
        await window.say("/result")
        await window.until(lambda: window.chat.view.card(window.card.task_id).opened, "all of it is shown")
        assert window.chat.view.chosen == window.card.id


async def test_retry_asks_again_or_runs_again(open_window: Any, work: Any) -> None:
    answer, go_on = work
    go_on.set()
    async with open_window(answer) as window:
        await window.ready()
        await window.say(HELLO)
        await window.answered()
        await window.say("/retry")
        await window.until(lambda: window.messages[-1].siblings == 2, "another answer")
        await window.answered()
        await window.say("/task Write it")
        await reaches(window, "done")
        first = window.tasks[window.card.task_id].finished
        await window.say("/retry")
        await window.until(
            lambda: state(window) == "done" and window.tasks[window.card.task_id].finished != first,
            "it ran again",
        )


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/cancel", "No task is open."),
        ("/pause", "No task runs"),
        ("/resume", "No task is paused."),
        ("/status", "There is no task yet."),
        ("/result", "No task is done yet."),
        ("/save", "No task is done yet."),
        ("/cancel zzzz", "zzzz"),
        ("/retry zzzz", "zzzz"),
        ("/priority zzzz soon", "'soon' is no priority: it is one of urgent, high, normal, low"),
        ("/priority", "Which task, and which priority"),
        ("/task", "what is to be done"),
    ],
)
async def test_what_cannot_be_done_is_said_in_a_sentence(open_window: Any, command: str, said: str) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say(command)
        await window.tells(said)


async def test_an_id_that_is_not_clear_opens_a_choice(open_window: Any, work: Any) -> None:
    answer, _ = work
    async with open_window(answer) as window:
        await window.ready()
        for title in ("Write one thing", "Write another thing"):
            await window.say(f"/task {title}")
            await window.until(lambda title=title: window.card and window.messages[-2].text == title, "it is a task")
        await window.say("/cancel id")
        choice = await window.dialog(ChooseTaskDialog)
        assert len(choice.picks.rows) == 2
        await window.press("escape")
        await window.closed()
        assert all(one.state not in ("cancelled",) for one in window.tasks.values())
        await window.say("/cancel id")
        await window.dialog(ChooseTaskDialog)
        await window.press("enter")
        await window.until(
            lambda: any(one.state == "cancelled" for one in window.tasks.values()),
            "one is cancelled",
        )


async def test_ids_are_completed(open_window: Any, work: Any) -> None:
    answer, _ = work
    async with open_window(answer) as window:
        await window.ready()
        await window.say("/task Write one thing")
        await begun(window)
        await window.write("/pause ")
        rows = window.chat.composer.completion
        await window.until(lambda: len(rows.rows) == 2, "the command and the id")
        assert rows.rows[0].text == "/pause"
        assert "Write one thing" in rows.rows[1].hint
        await window.press("down", "tab")
        assert window.prompt.text == rows.rows[0].text or window.prompt.text.startswith("/pause id")
        await window.press("enter")
        await reaches(window, "paused")


async def test_the_chosen_task_stays_chosen_while_tasks_change(open_window: Any, work: Any) -> None:
    answer, _ = work
    async with open_window(answer) as window:
        await window.ready()
        await window.say("/task Write one thing")
        await begun(window)
        await window.say("/task Write another thing")
        await window.until(lambda: len(window.tasks) == 2, "both are tasks")
        await window.write("/cancel ")
        shown = window.chat.composer.completion
        await window.until(lambda: len(shown.rows) == 3, "the command and the ids")
        await window.press("down")
        chosen, hint = shown.row.text, shown.row.hint
        await window.engine.tasks.pause(chosen.split()[-1])
        await window.until(lambda: window.tasks[chosen.split()[-1]].state == "paused", "the window knows it")
        window.chat.composer.complete_again()
        await window.until(lambda: shown.row.hint != hint, "the row says that it is paused")
        assert shown.row.text == chosen


async def test_what_was_cut_off_goes_on_when_the_user_says_so(open_window: Any, work: Any) -> None:
    answer, go_on = work
    async with open_window(answer) as window:
        await window.ready()
        await window.say("/task Write the function")
        await begun(window)
    async with open_window(answer) as window:
        notice = window.chat.composer.banner
        await window.until(lambda: notice.shown is not None, "it is asked")
        assert notice.shown.text.startswith("1 task was cut off")
        await window.ready()
        assert window.chat.view.card(window.card.task_id).content.text.startswith("def"), "what it wrote is shown"
        await window.press("escape")
        assert notice.shown is None
        assert (await window.engine.control.status()).tasks.interrupted == 1
    async with open_window(answer) as window:
        await window.until(lambda: window.notice is not None, "it is asked again")
        await window.ready()
        task_id = window.card.task_id
        await window.press("f6")
        await window.until(lambda: window.notice is None, "it goes on")
        await window.until(lambda: window.chat.view.card(task_id).opened, "what it writes stands under its card again")
        assert window.follows(task_id)
        go_on.set()
        await reaches(window, "done")


@pytest.mark.long
async def test_another_conversation_is_not_asked_about_a_task_that_was_cut_off(open_window: Any, work: Any) -> None:
    answer, _ = work
    async with open_window(answer) as window:
        await window.ready()
        await window.say("/task Write the function")
        await begun(window)
    async with open_window(answer) as window:
        await window.until(lambda: window.notice is not None, "it is asked in its own conversation")
        await window.say("/new")
        await window.idle()
        assert window.notice is not None, "the first screen is asked about all of them"
        await window.say("/task Write another function")
        await window.until(lambda: window.notice is None, "the conversation that begins has no part in it")
        assert (await window.engine.control.status()).tasks.interrupted == 1


async def test_a_conversation_whose_task_runs_is_shown_with_what_it_writes(open_window: Any, work: Any) -> None:
    answer, go_on = work
    async with open_window(answer) as window:
        await window.ready()
        await window.say("/task Write the function")
        await begun(window)
        session, task_id = window.session.id, window.card.task_id
        window.chat.run_command("new")
        await window.until(lambda: window.messages == [], "a new conversation")
        assert not window.follows(task_id)
        await window.open_session(session)
        await window.until(lambda: window.chat.view.card(task_id).opened, "what it writes stands under its card")
        go_on.set()
        await reaches(window, "done")


async def test_nobody_is_asked_where_the_settings_say_so(open_window: Any, work: Any) -> None:
    answer, _ = work
    async with open_window(answer) as window:
        await window.ready()
        await window.say("/task Write the function")
        await begun(window)
    async with open_window(
        answer, manners=WindowPreferences(asks_to_resume=False), tasks={"resume": "never"}
    ) as window:
        await window.ready()
        assert window.notice is None


async def test_leaving_with_open_tasks_asks(open_window: Any, work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, _ = work
    started: list[Any] = []
    monkeypatch.setattr("tale_tui.ui.app.start_background", lambda *given: started.append(given) or 1, raising=False)
    async with open_window(answer) as window:
        await window.ready()
        await window.say("/task Write the function")
        await begun(window)
        await window.press("ctrl+q")
        asked = await window.dialog(LeaveDialog)
        await window.press("escape")
        await window.closed()
        assert not window.leaving
        await window.press("ctrl+q")
        asked = await window.dialog(LeaveDialog)
        asked.dismiss("background")
        await window.left()
        assert len(started) == 1


async def test_who_looks_elsewhere_is_called(open_window: Any, work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, go_on = work
    written: list[str] = []

    def send(app: Any, title: str, text: str, manners: WindowPreferences, now: float) -> None:
        written.append(call(title, text, manners, now, {}))

    monkeypatch.setattr("tale_tui.ui.tasks.notifications.send", send)
    async with open_window(answer) as window:
        await window.ready()
        await window.say("/task Write the function")
        await begun(window)
        window.app.app_focus = False
        go_on.set()
        await window.until(lambda: written, "the terminal is asked")
        assert "is done" in written[0]
        assert written[0].endswith("\a")


@pytest.mark.long
async def test_what_was_never_sent_is_there_again(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.write("half a thought")
        await window.press("ctrl+q")
        await window.left()
    async with open_window([spoken("A whole one.")]) as window:
        await window.until(lambda: window.prompt.text == "half a thought", "it is there again")
        await window.ready()
        await window.press("enter")
        await window.answered()
        await window.press("ctrl+q")
        await window.left()
    async with open_window() as window:
        await window.ready()
        assert window.prompt.text == ""


async def test_the_end_is_followed_when_a_task_that_waited_goes_off(open_window: Any) -> None:
    """The line of what waits goes away in the same moment, so the transcript grows: nobody has scrolled."""
    gate, go_on = asyncio.Event(), asyncio.Event()

    def answer(request: Any) -> Script:
        if request.role is Role.TASK:
            return Script((Say("def fib(n):\n"), Hold(go_on)))
        return Script((Say("\n\n".join(f"Line {number}." for number in range(40))), Hold(gate), Say("\n\nThe end.")))

    async with open_window(answer, detect=True, size=(80, 24)) as window:
        await window.ready()
        await window.say(HELLO)
        await window.until(lambda: "Line 39." in window.chat.view.source(window.messages[-1].id), "it streams")
        await window.say(WORK)
        await window.until(lambda: window.queued, "it waits")
        gate.set()
        await begun(window)
        assert window.chat.view.following
        go_on.set()
        await reaches(window, "done")


SIMPLE = "Write a Python function that reverses a string"


async def test_a_simple_task_is_done_by_the_small_model_and_one_key_has_the_big_one_do_it(open_window: Any) -> None:
    def answer(request: Any) -> Script:
        return spoken(f"by {request.model}")

    backend = ScriptedBackend(answer, models=("demo", "demo-big"))
    async with open_window(backend=backend, detect=True, ux="scripted/demo", task=BIG) as window:
        await window.ready()
        await window.write(SIMPLE)
        await window.until(lambda: window.chip and window.chip.model == "demo", "the chip names the small model")
        await window.press("enter")
        await reaches(window, "done")
        task = window.tasks[window.card.task_id]
        assert task.why.startswith("simple ."), task.why
        assert window.card.text == "by demo"
        await window.shows("small model")
        await window.press("shift+tab", "m")
        await window.until(lambda: window.card.text == "by demo-big", "the big one has done it again")
        assert window.tasks[task.id].why.startswith("you chose it")


async def test_the_key_before_sending_has_the_big_model_do_what_is_simple(open_window: Any) -> None:
    backend = ScriptedBackend(lambda request: spoken(f"by {request.model}"), models=("demo", "demo-big"))
    async with open_window(backend=backend, detect=True, ux="scripted/demo", task=BIG) as window:
        await window.ready()
        await window.write(SIMPLE)
        await window.until(lambda: window.chip and window.chip.model == "demo", "the chip names the small model")
        await window.press("f8")
        assert window.chip.kind == "chat"
        await window.press("f8")
        assert (window.chip.kind, window.chip.chosen, window.chip.model) == ("task", True, "demo-big")
        await window.press("enter")
        await reaches(window, "done")
        assert window.card.text == "by demo-big"
