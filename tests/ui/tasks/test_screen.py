"""The tasks screen on tasks that a test moves by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support import tasks as fake_tasks
from support.window import Window
from tale_tui.domain.errors import EngineLost
from tale_tui.domain.events import Notice, StepReading, TaskChanged, TasksChanged, TaskSeen
from tale_tui.domain.forecasts import NOTHING, Estimate, ForecastSummary
from tale_tui.domain.tasks import Priority, Reason, TaskState
from tale_tui.ui.dialogs.link import LinkDialog


def titles(window: Window) -> list[str]:
    """Of the rows of the list."""
    return [task.title for task in window.app.tasks.model.rows]


async def choose(window: Window, shown: str) -> None:
    """Choose a task by its shown id, and wait until it is read."""
    screen = window.app.tasks
    found = next(task for task in window.engine.all.values() if task.shown == shown)
    await window.until(lambda: screen.list.choose(found.id), f"{shown} in the list")
    await window.until(lambda: screen.pane.detail and screen.pane.detail.task.id == found.id, "it is read")


# the list


async def test_tasks_stand_in_their_order_with_signs_and_times(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await window.shows("1/3   0:42   ~0:30", "approve 14 steps", "waits for k4t9", "out of memory", "0:51")
        assert [title.split()[0] for title in titles(window)] == [
            "Fibonacci", "Compare", "Web", "Summary", "Tests", "Letter", "Translate", "Poem"
        ]  # fmt: skip
        await window.shows("2 running · 1 queued · 2 need you · 1 done · 1 failed")


@pytest.mark.parametrize(
    ("presses", "shown"),
    [
        (1, ["k4t9", "m2x7", "r5n1", "t6b2", "p8c3"]),
        (2, ["r5n1", "t6b2"]),
        (3, ["w9d4"]),
        (4, ["z3h6"]),
        (5, ["k4t9", "m2x7", "r5n1", "t6b2", "p8c3", "w9d4", "z3h6", "b7y5"]),
    ],
)
async def test_kinds_of_tasks(open_tasks: Any, presses: int, shown: list[str]) -> None:
    async with open_tasks() as window:
        await window.press(*["right"] * presses)
        assert [task.shown for task in window.app.tasks.model.rows] == shown


async def test_a_click_on_a_kind_shows_it(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await window.pilot.click(window.app.tasks.tabs, offset=(30, 0))
        await window.until(lambda: titles(window) == ["Translate the manual"], "the failed ones")


async def test_the_filter_follows_what_is_typed_and_escape_clears_it(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await window.press("slash", *"fib")
        assert titles(window) == ["Fibonacci function", "Tests for Fibonacci"]
        await window.press("down")
        assert window.app.tasks.chosen.shown == "p8c3"
        await window.press("enter")
        await window.until(lambda: window.app.tasks.list.has_focus, "the list has the focus")
        await window.press("x")
        await window.shows('Cancel "Tests for Fibonacci"?')
        await window.press("escape")
        await window.until(lambda: window.app.screen is window.app.tasks, "the question is gone")
        await window.press("escape")
        await window.until(lambda: len(titles(window)) == 8, "the filter is empty")
        assert window.app.tasks.chosen.shown == "p8c3"
        assert window.app.left == 0
        await window.press("escape")
        await window.until(lambda: window.app.left == 1, "the chat is asked for")


async def test_the_filter_looks_at_model_state_and_id(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await window.press("slash", *"qwen3 running")
        assert len(titles(window)) == 2
        window.app.tasks.filter.value = "z3h6"
        await window.until(lambda: titles(window) == ["Translate the manual"], "found by its id")


async def test_sorting(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await window.press("S", "S", "S")
        assert titles(window) == sorted(titles(window))
        assert window.told[-1] == "Sorted: title."


async def test_the_chosen_task_stays_chosen_when_rows_move(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "p8c3")
        window.engine.change(window.engine.all["m2x700000000000"].id, state=TaskState.DONE, finished=1.0, worked_s=9.0)
        await window.until(lambda: titles(window)[1].startswith("Web"), "it left its place")
        assert window.app.tasks.chosen.shown == "p8c3"


async def test_what_is_read_stays_where_it_is_when_tasks_come(open_tasks: Any) -> None:
    engine = fake_tasks.plain(fake_tasks.many(200))
    async with open_tasks(engine) as window:
        await window.press("pagedown", "pagedown", "pagedown")
        top = window.app.tasks.model.rows[window.app.tasks.list.scroll_offset.y].id
        new = fake_tasks.task("zzzz", "A new one", "running")
        engine.give(fake_tasks.detail_of(new))
        engine.publish(TaskChanged(new))
        await window.until(lambda: "A new one" in titles(window), "it is there")
        await window.until(
            lambda: window.app.tasks.model.rows[window.app.tasks.list.scroll_offset.y].id == top,
            "the same one on top",
        )


async def test_more_changes_than_can_be_told_are_read_again(open_tasks: Any) -> None:
    async with open_tasks() as window:
        window.engine.work.clear()
        window.engine.publish(TasksChanged())
        await window.shows("No tasks yet")
        assert not window.app.tasks.pane.display


async def test_other_facts_are_no_matter_of_the_list(open_tasks: Any) -> None:
    async with open_tasks() as window:
        window.engine.publish(Notice("Title", "Sentence."))
        await window.press("down")
        assert window.app.tasks.chosen.shown == "m2x7"


async def test_without_an_engine_it_says_why_and_ctrl_r_tries_again(open_tasks: Any) -> None:
    async with open_tasks(broken=EngineLost("It ended.")) as window:
        await window.shows("It ended.", "try again")
        await window.press("ctrl+r")
        await window.shows("Fibonacci function")


async def test_what_cannot_be_read_is_told(open_tasks: Any) -> None:
    async with open_tasks() as window:
        window.engine.errors["tasks.list"] = EngineLost("The engine ended.")
        await window.press("ctrl+r")
        await window.tells("The engine ended.")
        assert len(titles(window)) == 8


# the chosen task


async def test_the_text_of_a_task_streams_in(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "m2x7")
        await window.shows("SQLite is", "collect")
        window.engine.write("m2x700000000000", " for one machine", 31, key="collect")
        await window.shows("SQLite is for one machine", "31 tok")


async def test_what_streamed_in_is_there_after_another_view(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "m2x7")
        await window.press("d")
        await window.shows("Compare three databases, please.")
        window.engine.write("m2x700000000000", " for one machine", key="collect")
        await window.press("d", "d")
        await window.shows("SQLite is for one machine")


async def test_what_was_stored_later_does_not_take_back_what_streamed_in(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "m2x7")
        window.engine.write("m2x700000000000", " for one machine", key="collect")
        await window.shows("for one machine")
        window.engine.tell("m2x700000000000", TaskSeen(window.engine.work["m2x700000000000"]))
        window.engine.write("m2x700000000000", ", say many", key="collect")
        await window.shows("SQLite is for one machine, say many")


async def test_what_turned_out_to_be_thinking_is_no_text_of_the_step(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "m2x7")
        window.engine.write("m2x700000000000", " for one machine", key="collect")
        await window.shows("SQLite is for one machine")
        detail = window.engine.work["m2x700000000000"]
        steps = tuple(
            replace(one, text="", thinking="SQLite is for one machine") if one.spec.key == "collect" else one
            for one in detail.steps
        )
        window.engine.tell("m2x700000000000", TaskSeen(replace(detail, steps=steps)))
        window.engine.write("m2x700000000000", "Take Postgres.", key="collect")
        await window.shows("thought", "Take Postgres.")
        await window.hides("SQLite is for one machine")


async def test_reading_and_loading_are_told(open_tasks: Any) -> None:
    engine = fake_tasks.plain()
    engine.give(fake_tasks.detail_of(fake_tasks.task("k4t9", "One", "running", running_since_ago=3)))
    async with open_tasks(engine) as window:
        await choose(window, "k4t9")
        window.app.passed = 5.0
        engine.tell("k4t900000000000", StepReading("answer", 0, 0))
        await window.shows("loading the model")
        window.app.passed = 10.0
        engine.tell("k4t900000000000", StepReading("answer", 120, 900))
        await window.shows("reading 120 of 900 tokens")


async def test_a_task_that_ends_shows_its_result(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "m2x7")
        one = window.engine.all["m2x700000000000"]
        ended = fake_tasks.detail_of(one, result="All three are good.")
        window.engine.work[one.id] = ended
        window.engine.change(one.id, state=TaskState.DONE, finished=1.0)
        await window.shows("All three are good.")
        await window.until(lambda: window.engine.followed(one.id) == 0, "nobody follows it any more")


async def test_a_task_that_is_run_again_is_followed_again(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "z3h6")
        await window.until(lambda: window.engine.followed("z3h600000000000") == 0, "its stream ended")
        await window.press("r")
        await window.until(lambda: window.engine.followed("z3h600000000000") == 1, "it is followed")
        assert window.engine.calls == [("retry", "z3h600000000000", "")]


async def test_only_one_task_is_followed(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "k4t9")
        await choose(window, "m2x7")
        await window.until(lambda: window.engine.followed("k4t900000000000") == 0, "the one before is left")
        assert window.engine.followed("m2x700000000000") == 1


async def test_a_held_key_reads_nothing_on_its_way(open_tasks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.ui.tasks.follow.FOLLOW_AFTER_S", 3600.0)
    async with open_tasks() as window:
        await window.press(*["down"] * 7)
        assert window.app.tasks.chosen.shown == "b7y5"
        assert window.app.tasks.pane.shown.shown == "k4t9"
        assert all(window.engine.followed(one) == 0 for one in window.engine.all)


async def test_after_a_held_key_the_last_task_is_read_as_it_is_then(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await window.press("down", "down", "up")
        window.engine.change("m2x700000000000", priority=Priority.LOW)
        await window.shows("low · qwen3:14b", "SQLite is")


async def test_what_waits_for_a_yes_shows_exactly_what_will_run(open_tasks: Any) -> None:
    async with open_tasks() as window:
        hidden = "Delete\u202e nothing"
        detail = window.engine.work["r5n100000000000"]
        steps = (*detail.steps[:1], *detail.steps[1:])
        object.__setattr__(steps[0].spec, "prompt", hidden)
        await choose(window, "r5n1")
        await window.shows("1 of 14 · routes", "\\u{202e}", "Do the models.")


async def test_views_are_chosen_by_key_and_click(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "k4t9")
        await window.press("d", "d")
        await window.shows("What happened", "running with qwen3:14b", "tasks go to the big model", "a task, .93")
        await window.pilot.click(window.app.tasks.pane.views, offset=(3, 0))
        await window.shows("from functools import cache")
        await window.hides("Use a cache.")


async def test_narrow_the_task_opens_over_the_list(open_tasks: Any) -> None:
    async with open_tasks(size=(80, 24)) as window:
        await window.shows("approve 14 steps")
        await window.press("enter")
        await window.shows("outline", "output   request   history")
        await window.hides("approve 14 steps")
        await window.press("escape")
        await window.shows("approve 14 steps")
        assert window.app.tasks.list.has_focus


async def test_tiny_the_list_is_left(open_tasks: Any) -> None:
    async with open_tasks(size=(20, 5)) as window:
        await window.shows("k4t9", "Fibon")


# what can be done


@pytest.mark.parametrize(
    ("shown", "keys", "call"),
    [
        ("k4t9", ["space"], ("pause",)),
        ("t6b2", ["space"], ("resume",)),
        ("r5n1", ["a", "a"], ("approve", True)),
        ("r5n1", ["n"], ("approve", False)),
        ("z3h6", ["r"], ("retry", "")),
        ("k4t9", ["plus"], ("set_priority", Priority.URGENT)),
        ("k4t9", ["minus"], ("set_priority", Priority.NORMAL)),
        ("p8c3", ["x", "right", "enter"], ("cancel",)),
        ("w9d4", ["r", "right", "enter"], ("retry", "")),
        ("k4t9", ["R", "up", "enter"], ("retry", "outline")),
    ],
)
async def test_a_key_asks_the_engine(open_tasks: Any, shown: str, keys: list[str], call: tuple[Any, ...]) -> None:
    async with open_tasks() as window:
        await choose(window, shown)
        before = window.app.screen
        for place, key in enumerate(keys):
            await window.press(key)
            if place == 0 and len(keys) > 1:
                await window.until(lambda: window.app.screen is not before, "a dialog")
        await window.until(
            lambda: window.engine.calls == [(call[0], f"{shown}00000000000", *call[1:])], f"{call[0]} is asked for"
        )


async def test_cancelling_asks_and_escape_keeps_it(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "k4t9")
        await window.press("x")
        await window.shows("Keep it")
        await window.press("escape")
        assert window.engine.calls == []


async def test_what_is_refused_is_told_in_a_sentence(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "w9d4")
        await window.press("space")
        await window.tells("w9d4 is done already.")
        await window.press("a")
        await window.tells("w9d4 asks nothing: done.")


async def test_urgent_goes_no_higher(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "k4t9")
        window.engine.change("k4t900000000000", priority=Priority.URGENT)
        await window.until(lambda: window.app.tasks.chosen.priority is Priority.URGENT, "it is urgent")
        await window.press("plus")
        await window.tells("Urgent is as soon as it gets.")
        assert window.engine.calls == []


async def test_queued_tasks_change_places(open_tasks: Any) -> None:
    engine = fake_tasks.plain(fake_tasks.task(f"{letter}{letter}22", letter.upper()) for letter in "bcd")
    async with open_tasks(engine) as window:
        await window.press("J")
        await window.until(lambda: titles(window) == ["C", "B", "D"], "behind the next")
        await window.press("J")
        await window.until(lambda: titles(window) == ["C", "D", "B"], "last")
        await window.press("J")
        await window.tells("bb22 is the last of those that wait.")
        await window.press("shift+up", "shift+up")
        await window.until(lambda: titles(window) == ["B", "C", "D"], "first again")


async def test_what_was_written_is_copied_and_quoted(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "w9d4")
        await window.press("c")
        await window.until(lambda: window.app.copied == [fake_tasks.CODE], "the result in the clipboard")
        await window.press("i")
        await window.until(lambda: window.app.quoted, "the result for the chat")
        assert window.app.quoted[0].startswith("Letter to the landlord (w9d4):\n\n> The function")
        assert "\n>\n> ```python\n" in window.app.quoted[0]


async def test_a_block_of_code_is_copied_by_a_click(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "w9d4")
        await window.shows("def fib")
        line = next(number for number, text in enumerate(window.painted.split("\n")) if text.rstrip().endswith("copy"))
        await window.pilot.click(offset=(window.painted.split("\n")[line].rindex("copy") + 1, line))
        await window.until(lambda: window.app.copied, "the code")
        assert window.app.copied[0].startswith("from functools import cache")


async def test_nothing_written_is_told(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "p8c3")
        for key in ("c", "i", "s", "v"):
            await window.press(key)
        await window.until(lambda: window.told.count("p8c3 has not written anything yet.") == 4, "four sentences")


async def test_a_result_opens_in_the_editor(open_tasks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def edit(text: str, command: list[str]) -> str:
        seen.append(text)
        return "changed"

    monkeypatch.setattr("tale_tui.ui.terminal.editor.edit", edit)
    monkeypatch.setattr("tale_tui.ui.terminal.editor.editor_command", lambda: ["vi"])
    async with open_tasks() as window:
        monkeypatch.setattr(window.app, "suspend", window.app.batch_update)
        await choose(window, "w9d4")
        await window.press("v")
        await window.until(lambda: seen == [fake_tasks.CODE], "the editor has it")
        await window.tells("as it was")


async def test_files_of_a_result_are_saved(open_tasks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fib.py").write_text("mine")
    async with open_tasks() as window:
        await choose(window, "w9d4")
        await window.press("s")
        await window.shows("2 files", "python, 7 lines")
        await window.press("enter")
        await window.shows("Replace fib.py?")
        await window.press("escape")
        await window.tells("tests/test_fib.py in")
        assert (tmp_path / "fib.py").read_text() == "mine"
        assert "def test_the_first_ones" in (tmp_path / "tests/test_fib.py").read_text()


async def test_the_screen_opens_at_a_task(open_tasks: Any) -> None:
    async with open_tasks() as window:
        window.app.tasks.open_task("w9d4")
        await window.until(lambda: window.app.tasks.chosen.shown == "w9d4", "it is chosen")
        await window.until(lambda: window.app.tasks.pane.text.has_focus, "it is read")
        window.app.tasks.open_task("nope")
        await window.tells("No task's id begins with nope.")


async def test_a_task_that_is_filtered_out_is_found_all_the_same(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await window.press("slash", *"fib", "enter", "right")
        window.app.tasks.open_task("w9d4")
        await window.until(lambda: window.app.tasks.chosen.shown == "w9d4", "it is chosen")


async def test_text_that_is_not_ours_is_shown_literally(open_tasks: Any) -> None:
    engine = fake_tasks.plain()
    one = fake_tasks.task("k4t9", "[red]x[/] \x1b[31mred\x1b]52;c;x\x07", "failed", error="[/] \x1b[2J gone")
    engine.give(fake_tasks.detail_of(one, text="[b]\x1b[2J", result="`[/red]` \x1b[31mtext"))
    async with open_tasks(engine) as window:
        await choose(window, "k4t9")
        await window.shows("[red]x[/] red", "[/red]", "[/]")
        assert "\x1b" not in window.painted


async def test_reasons_why_it_waits_are_told(open_tasks: Any) -> None:
    engine = fake_tasks.plain()
    again = fake_tasks.task("bbbb", "Again", "queued", next_try=fake_tasks.NOW + 12)
    engine.give(fake_tasks.detail_of(again, [fake_tasks.step("one", "pending", error="The server is busy.")]))
    engine.give(fake_tasks.detail_of(fake_tasks.task("cccc", "Repeat", "waiting", reason=Reason.REPEAT)))
    async with open_tasks(engine) as window:
        await choose(window, "bbbb")
        await window.shows("again in 10 s", "The server is busy. It is tried again in 10 s.", "run again?")


async def test_a_link_in_what_a_task_wrote_asks_where_it_leads(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await window.shows("from functools")
        text = window.app.tasks.pane.text
        text.post_message(text.LinkChosen("https://example.org/a"))
        dialog = await window.dialog(LinkDialog)
        await window.shows("example.org")
        dialog.dismiss(False)
        await window.until(lambda: window.app.screen is window.app.tasks, "the tasks again")


async def test_a_task_that_was_read_before_it_was_foreseen_keeps_its_forecast(open_tasks: Any) -> None:
    async with open_tasks() as window:
        await choose(window, "p8c3")
        screen, task = window.app.tasks, window.app.tasks.chosen
        foreseen = ForecastSummary(Estimate(620, 380, 1_020), Estimate(70, 45, 110), NOTHING, 12, "medium")
        screen.changed(replace(task, forecast=foreseen))
        await window.shows("forecast medium · 620 tok")
        screen.changed(replace(task, forecast=None, title="Of another name"))
        await window.until(lambda: screen.pane.shown.title == "Of another name", "the other name beside the list too")
        await window.shows("Of another name", "forecast medium · 620 tok")
        screen.pane.show_detail(replace(screen.pane.detail, task=task))
        assert screen.pane.shown == replace(task, forecast=foreseen, title="Of another name")
