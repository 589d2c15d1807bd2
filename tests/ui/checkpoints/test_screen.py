"""The checkpoints screen: what it shows, and what its keys do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen

from support.checkpoints import DIFF, SESSION, TASK, engine_of, week
from support.window import Window
from tale_tui.domain.checkpoints import CheckpointScope
from tale_tui.domain.errors import CannotUndo, CheckpointDamaged, CheckpointFailed, EngineLost, ReadOnly
from tale_tui.domain.events import SessionChanged, TaskChanged

NARROW = (80, 24)
NEWEST = f"{100:040x}"


def asked(window: Window, verb: str) -> list[tuple[Any, ...]]:
    """What the engine was asked for by a verb of the checkpoints."""
    return [call[1:] for call in window.engine.calls if call[0] == verb]


def restored(window: Window) -> list[tuple[Any, ...]]:
    """What was gone back to, previews left out."""
    return [call for call in asked(window, "restore") if not call[-1]]


async def test_the_list_is_shown_with_its_scope_its_count_and_its_room(open_checkpoints: Any) -> None:
    async with open_checkpoints() as window:
        await window.shows("Dashboard › Checkpoints", "r5n1 Web application · 21 kept · 41 MB of 1.0 GB")
        await window.shows("14:01", "after 3, Interface of the API", "+ src/api.yaml", "↶ before the undo of 5, Routes")
        await window.shows("12 of that day", "4, one a day", "enter opens")
        assert "after 12, Part 12" not in window.painted


async def test_the_chosen_one_shows_its_files_as_a_tree_what_changed_and_how(open_checkpoints: Any) -> None:
    async with open_checkpoints() as window:
        await window.shows("docs/", "spec.md", "+3 −1", "as now", "88 lines", "other now")
        await window.shows("6.0 MB: left out, too large", "then paused with 3 of 14 steps done")
        await window.shows("--- docs/spec.md 13:58", "+++ docs/spec.md 14:01", "+Sessions end after 12 hours.")
        assert asked(window, "diff") == [(f"{99:040x}", NEWEST)]


async def test_what_a_restore_would_do_is_said_in_sentences_before_it_is_asked_for(open_checkpoints: Any) -> None:
    async with open_checkpoints() as window:
        await window.shows("To restore it: 2 files are written, 1 is a conflict")
        await window.shows("(docs/spec.md, changed since): both are kept.", "u takes it back.")
        assert restored(window) == []


async def test_one_that_is_damaged_is_named_below_the_list_with_what_to_do(open_checkpoints: Any) -> None:
    engine = engine_of()
    engine.damaged = ("d" * 40,)
    async with open_checkpoints(engine) as window:
        await window.shows("! 1 checkpoint is damaged and left out: dddddddd.", "tale-tui checkpoints remove dddddddd")


async def test_what_a_restore_would_do_is_looked_at_again_where_the_conversation_moved_on(
    open_checkpoints: Any,
) -> None:
    engine = engine_of()
    would = engine.restoration
    engine.restoration = replace(would, files=(), states=())
    async with open_checkpoints(engine) as window:
        await window.shows("Nothing differs")
        engine.restoration = would
        engine.publish(SessionChanged(SESSION))
        await window.pilot.pause()
        window.app.passed = 2.0
        window.app.checkpoints.tick()
        await window.shows("To restore it: 2 files are written")


async def test_a_day_opens_and_closes(open_checkpoints: Any) -> None:
    async with open_checkpoints() as window:
        await window.press(*["down"] * 5)
        await window.shows("open, close")
        await window.press("enter")
        await window.shows("after 12, Part 12", "after 1, Part 1", "enter closes")
        await window.press("enter")
        await window.hides("after 12, Part 12")


async def test_the_newest_day_is_open_where_nothing_was_kept_today(open_checkpoints: Any) -> None:
    async with open_checkpoints(engine_of(week()[5:])) as window:
        await window.shows("after 12, Part 12", "enter closes", "4, one a day")


async def test_enter_leads_to_the_files_and_escape_back(open_checkpoints: Any) -> None:
    async with open_checkpoints() as window:
        await window.shows("+Sessions end after 12 hours.")
        await window.press("enter", "down", "down")
        await window.shows("+openapi: 3", "enter read")
        await window.press("down")
        await window.shows("It did not change since the checkpoint before.")
        await window.press("enter", "escape", "escape")
        await window.shows("enter look")
        await window.press("escape")
        await window.until(lambda: window.app.left_to == ["tasks"], "it leads back")


async def test_where_there_is_little_room_the_files_open_over_the_list(open_checkpoints: Any) -> None:
    async with open_checkpoints(size=NARROW) as window:
        await window.shows("after 2, Data model", "21 kept · 41 MB")
        await window.press("enter")
        await window.shows("spec.md", "+Sessions end after 12 hours.")
        assert "after 2, Data model" not in window.painted
        await window.press("escape")
        await window.shows("after 2, Data model")


async def test_a_restore_asks_and_the_safe_choice_is_chosen(open_checkpoints: Any) -> None:
    async with open_checkpoints() as window:
        await window.shows("To restore it")
        await window.press("r")
        await window.shows("Go back to Sun 8 Nov 2026, 14:01:00, after 3, Interface of the", "both are kept")
        await window.press("enter")
        await window.hides("Go back to Sun")
        assert restored(window) == []
        await window.press("r")
        await window.shows("Go back to Sun")
        await window.press("tab", "enter")
        await window.shows("Back to after 3", "src/api.yaml, src/routes.py were written", "u take back")
        assert restored(window) == [(NEWEST, TASK, "", False)]


async def test_a_restore_that_changes_nothing_says_so_and_asks_nothing(open_checkpoints: Any) -> None:
    engine = engine_of()
    engine.restoration = replace(engine.restoration, files=(), states=())
    async with open_checkpoints(engine) as window:
        await window.shows("Nothing differs: everything is as it was kept.")
        await window.press("r")
        await window.tells("Nothing differs")
        assert restored(window) == []


async def test_of_a_whole_conversation_all_is_restored(open_checkpoints: Any) -> None:
    async with open_checkpoints(scope=CheckpointScope("", SESSION, "Shop")) as window:
        await window.shows("Shop · 21 kept", "To restore all:", "task", "r5n1")
        await window.press("r")
        await window.shows("Go back to Sun")
        await window.press("tab", "enter")
        await window.until(lambda: restored(window) == [(NEWEST, "", "", False)], "all of it is restored")


async def test_one_file_is_chosen_and_brought_back(open_checkpoints: Any) -> None:
    async with open_checkpoints() as window:
        await window.shows("other now")
        await window.press("f")
        await window.shows("Bring back which file?", "src/routes.py")
        await window.press("end", "enter")
        await window.shows("Go back to src/routes.py of Sun 8 Nov")
        await window.press("tab", "enter")
        await window.until(lambda: restored(window) == [(NEWEST, TASK, "src/routes.py", False)], "one file is restored")


async def test_in_the_files_the_chosen_one_is_brought_back(open_checkpoints: Any) -> None:
    async with open_checkpoints() as window:
        await window.shows("other now")
        await window.press("enter", "f")
        await window.shows("Go back to docs/spec.md of Sun 8 Nov")


async def test_undo_does_not_ask_where_nothing_is_a_conflict(open_checkpoints: Any) -> None:
    async with open_checkpoints(engine_of(conflict=False)) as window:
        await window.press("u")
        await window.shows("Undone: 3, Interface of the API", "src/api.yaml, src/routes.py were written.", "U do again")
        assert asked(window, "undo") == [(TASK, SESSION, True), (TASK, SESSION, False)]
        await window.press("U")
        await window.shows("Done again: 3, Interface of the API", "u take back")


async def test_undo_asks_where_a_file_was_changed_since(open_checkpoints: Any) -> None:
    async with open_checkpoints() as window:
        await window.press("u")
        await window.shows("Undo 3, Interface of the API?", "1 is a conflict", "(docs/spec.md, changed since)")
        await window.press("escape")
        await window.hides("Undo 3, Interface")
        assert asked(window, "undo") == [(TASK, SESSION, True)]
        await window.press("u")
        await window.shows("Undo 3, Interface of the API?")
        await window.press("tab", "enter")
        await window.shows("what was kept is in docs/spec.kept-bbbbbbbb.md")


async def test_where_nothing_is_left_to_undo_it_says_so(open_checkpoints: Any) -> None:
    engine = engine_of()
    engine.errors["checkpoints.undo"] = CannotUndo("There is no step left whose files and state could be taken back.")
    async with open_checkpoints(engine) as window:
        await window.press("u")
        await window.shows("That cannot be undone", "There is no step left")


async def test_the_present_is_kept_under_a_message(open_checkpoints: Any) -> None:
    async with open_checkpoints() as window:
        await window.press("n")
        await window.shows("Keep the present")
        await window.press(*"safe", "enter")
        await window.shows("yours: safe")
        assert asked(window, "keep") == [("safe", TASK, "")]


async def test_where_everything_is_shown_the_present_of_the_chosen_one_is_kept(open_checkpoints: Any) -> None:
    async with open_checkpoints(scope=CheckpointScope()) as window:
        await window.shows("all of it · 21 kept", "To restore all")
        await window.press("n")
        await window.shows("Keep the present")
        await window.press("enter")
        await window.until(lambda: asked(window, "keep") == [("", "", SESSION)], "the conversation is kept")


async def test_nothing_is_kept_of_nothing(open_checkpoints: Any) -> None:
    async with open_checkpoints(engine_of([]), scope=CheckpointScope()) as window:
        await window.shows("No checkpoints yet: one is made after each step of a task.")
        await window.press("n")
        await window.tells("Say of what")


async def test_removing_asks_first(open_checkpoints: Any) -> None:
    async with open_checkpoints() as window:
        await window.press("down", "d")
        await window.shows("Remove this checkpoint, after 2, Data model?")
        await window.press("enter")
        await window.hides("Remove this checkpoint")
        assert asked(window, "remove") == []
        await window.press("d", "tab", "enter")
        await window.shows("20 kept")
        assert asked(window, "remove") == [(f"{99:040x}",)]


async def test_what_is_shown_is_exported_and_no_file_is_written_over(
    open_checkpoints: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoints-2026-11-08.bundle").write_text("mine")
    async with open_checkpoints() as window:
        await window.press("e")
        await window.shows("Write 21 checkpoints to", "checkpoints-2026-11-08.bundle")
        await window.press("enter")
        await window.tells("is there already")
        await window.shows("Write 21 checkpoints to")
        await window.press("end", "x", "enter")
        await window.shows("Written")
        [(path, ids)] = asked(window, "export")
        assert path == str(tmp_path / "checkpoints-2026-11-08.bundlex")
        assert len(ids) == 21
    assert (tmp_path / "checkpoints-2026-11-08.bundle").read_text() == "mine"


async def test_what_is_imported_is_shown_with_everything(
    open_checkpoints: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_checkpoints() as window:
        await window.press("i")
        await window.shows("Take in the checkpoints of")
        await window.press(*"old", "enter")
        await window.shows("1 checkpoint taken in.", "all of it · 21 kept")
        assert asked(window, "import_") == [(str(tmp_path / "old"),)]
        await window.press("space")
        await window.shows("r5n1 Web application · 21 kept", "To restore it", "+Sessions end after 12 hours.")
        await window.press("space")
        await window.shows("all of it · 21 kept", "To restore all", "+Sessions end after 12 hours.")


async def test_without_any_it_says_how_one_is_made(open_checkpoints: Any) -> None:
    async with open_checkpoints(engine_of([])) as window:
        await window.shows("No checkpoints yet: one is made after each step of a task, and by n.")
        assert "r restore" not in window.painted


async def test_a_damaged_repository_is_one_sentence(open_checkpoints: Any) -> None:
    engine = engine_of()
    engine.errors["checkpoints.list"] = CheckpointFailed("The checkpoints cannot be opened: permission denied.")
    async with open_checkpoints(engine) as window:
        await window.shows("The checkpoints cannot be opened: permission denied.")


async def test_one_that_is_damaged_is_said_and_the_others_can_be_looked_at(open_checkpoints: Any) -> None:
    engine = engine_of()
    engine.errors["checkpoints.show"] = CheckpointDamaged("What was kept is not what it was. Look at the disk.")
    async with open_checkpoints(engine) as window:
        await window.shows("What was kept is not what it was. Look at the disk.", "after 2, Data model")
        await window.press("down")
        await window.shows("To restore it")


async def test_a_process_that_only_reads_changes_nothing(open_checkpoints: Any) -> None:
    engine = engine_of(conflict=False)
    async with open_checkpoints(engine) as window:
        await window.shows("To restore it")
        engine.errors["checkpoints.keep"] = ReadOnly("Nothing can be written in the data folder.")
        await window.press("n", "enter")
        await window.tells("Nothing can be written in the data folder.")


async def test_without_an_engine_one_sentence_is_shown(open_checkpoints: Any) -> None:
    broken = EngineLost("The engine ended. Press ctrl+r to start it again.")
    async with open_checkpoints(broken=broken) as window:
        await window.shows("The engine ended.", "try again")
        await window.press("ctrl+r")
        await window.shows("after 3, Interface of the API")


async def test_what_is_kept_meanwhile_comes_to_the_list_and_the_choice_stays(open_checkpoints: Any) -> None:
    engine = engine_of()
    async with open_checkpoints(engine) as window:
        await window.press("down")
        engine.kept.insert(0, replace(week()[0], id=f"{101:040x}", number=101, message="after 4, Pages"))
        await window.press("ctrl+r")
        await window.shows("after 4, Pages")
        assert window.app.checkpoints.chosen.message == "after 2, Data model"


@pytest.mark.parametrize("size", [(120, 40), NARROW, (60, 14), (20, 5)])
async def test_no_line_is_wider_than_the_screen(open_checkpoints: Any, size: tuple[int, int]) -> None:
    async with open_checkpoints(size=size) as window:
        await window.shows("14:01")
        assert all(len(line) <= size[0] for line in window.painted.splitlines())


async def test_a_long_line_of_a_difference_goes_on_in_the_next_one(open_checkpoints: Any) -> None:
    engine = engine_of()
    [(places, since)] = engine.differences.items()
    text = f"{DIFF}\n+{'x' * 160}END"
    engine.differences[places] = replace(since, files=(replace(since.files[0], text=text),))
    async with open_checkpoints(engine) as window:
        await window.shows("xxxx", "END")
        await window.press("enter", "enter")
        await window.press("end", "home", "down", "pagedown", "up", "pageup")
        await window.shows("--- docs/spec.md 13:58")


async def test_a_step_that_ends_has_the_list_read_again_and_behind_another_screen_nothing_is(
    open_checkpoints: Any,
) -> None:
    engine = engine_of()
    async with open_checkpoints(engine) as window:
        await window.shows("after 3, Interface of the API")
        screen = window.app.checkpoints
        engine.kept.insert(0, replace(week()[0], id=f"{101:040x}", number=101, message="after 4, Pages"))
        engine.publish(TaskChanged(next(iter(engine.all.values()))))
        await window.pilot.pause()
        window.app.passed = 2.0
        screen.tick()
        await window.shows("after 4, Pages", "22 kept")
        lists = len(asked(window, "list"))
        window.app.add_mode("other", Screen)
        await window.app.switch_mode("other")
        window.app.passed = 100.0
        screen.tick()
        await window.idle()
        assert len(asked(window, "list")) == lists, "nobody looks"
