"""Checkpoints as a user of the window has them, on a real engine whose model writes files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from support.folders import texts_in
from support.kept import block, plan
from support.window import Window
from tale_tui.config.paths import Paths, below
from tale_tui.domain.tasks import StepState, Task, TaskState
from tale_tui.engine.models.scripted import ScriptedBackend, spoken

pytestmark = pytest.mark.long

TASK = "taskabcdefgh2345"
WAIT_S = 60.0
TWO_STEPS = (block("spec.md", "A = 1"), block("src/routes.py", "B = 2"))


def model() -> ScriptedBackend:
    """Says hello, then writes two files."""
    return ScriptedBackend([spoken("Hello."), *(spoken(text) for text in TWO_STEPS)], models=["demo", "big"])


async def two_steps(window: Window, *, talks: bool = True) -> Task:
    """A task of two steps that is done, in the conversation on the screen."""
    await window.ready()
    if talks:
        await window.say("hello")
        await window.answered()
    engine, session = window.engine, window.session
    task = await engine.tasks.submit(
        "Make it", key=TASK, plan=plan("spec.md", "src/routes.py"), session_id=session.id if session else None
    )
    async with asyncio.timeout(WAIT_S):
        async for _ in engine.tasks.follow(task.id):
            pass
    found = (await engine.tasks.get(task.id)).task
    assert found.state is TaskState.DONE, found.error
    assert len((await engine.checkpoints.list()).checkpoints) == 2
    return found


def files(paths: Paths) -> dict[str, str]:
    """What stands in the folder of the task."""
    return texts_in(paths.task_files / TASK)


BOTH = {"spec.md": "A = 1\n", "src/routes.py": "B = 2\n"}


async def test_undo_and_redo_in_the_chat_take_files_and_text_back_and_forth(open_window: Any, paths: Paths) -> None:
    async with open_window(backend=model(), ux="scripted/demo", task="scripted/demo") as window:
        await two_steps(window)
        await window.say("/undo")
        await window.shows("Undone: 2, Step 2", "src/routes.py was removed.", "alt+u do again")
        assert files(paths) == {"spec.md": "A = 1\n"}
        assert (await window.engine.tasks.get(TASK)).steps[1].state is StepState.PENDING
        await window.press("alt+u")
        await window.shows("Done again: 2, Step 2", "src/routes.py was written.", "alt+u take back")
        assert files(paths) == BOTH
        assert (await window.engine.tasks.get(TASK)).task.state is TaskState.DONE
        for _ in range(2):
            await window.say("/undo")
            await window.rest()
        await window.tells("spec.md was removed")
        assert files(paths) == {}
        await window.say("/undo")
        await window.shows("There is no step left whose files and state could be taken back.")
        await window.say("/redo")
        await window.tells("spec.md was written")
        assert files(paths) == {"spec.md": "A = 1\n"}


async def test_an_undo_asks_where_a_file_was_changed_and_keeps_both(open_window: Any, paths: Paths) -> None:
    async with open_window(backend=model(), ux="scripted/demo", task="scripted/demo") as window:
        await two_steps(window)
        mine = paths.task_files / TASK / "src" / "routes.py"
        mine.write_text("mine\n")
        await window.say("/undo")
        await window.shows("Undo 2, Step 2?", "1 file is a conflict")
        await window.press("enter")
        await window.closed()
        assert files(paths) == BOTH | {"src/routes.py": "mine\n"}
        await window.say("/undo")
        await window.shows("Undo 2, Step 2?")
        await window.press("tab", "enter")
        await window.shows("src/routes.py was changed since: it stays.")
        assert files(paths) == BOTH | {"src/routes.py": "mine\n"}
        assert (await window.engine.tasks.get(TASK)).task.state is TaskState.PAUSED


async def test_in_a_new_conversation_nothing_can_be_undone(open_window: Any, paths: Paths) -> None:
    async with open_window(backend=model(), ux="scripted/demo", task="scripted/demo") as window:
        await two_steps(window)
        await window.press("ctrl+n")
        await window.say("/undo")
        await window.shows("Nothing was done in this conversation yet that could be taken back.")
        assert files(paths) == BOTH


async def test_the_tasks_screen_undoes_the_chosen_task_and_shows_what_was_kept(open_window: Any, paths: Paths) -> None:
    async with open_window(backend=model(), ux="scripted/demo", task="scripted/demo") as window:
        await two_steps(window)
        await window.press("f3")
        await window.shows("Make it")
        await window.press("u")
        await window.shows("Undone: 2, Step 2", "U do again")
        assert files(paths) == {"spec.md": "A = 1\n"}
        await window.press("U")
        await window.shows("Done again: 2, Step 2")
        assert files(paths) == BOTH
        await window.press("C")
        await window.shows("Dashboard › Checkpoints", "task Make it · 4 kept", "after 1, Step 1", "↶ undone: 2, Step 2")
        await window.press("escape", "escape")
        await window.shows("/ filter")


async def test_a_restore_with_a_conflict_keeps_both_and_is_undone(open_window: Any, paths: Paths) -> None:
    async with open_window(backend=model(), ux="scripted/demo", task="scripted/demo") as window:
        await two_steps(window)
        changed = paths.task_files / TASK / "spec.md"
        changed.write_text("mine\n")
        await window.say(f"/checkpoints {TASK[:4]}")
        await window.shows("after 2, Step 2", "after 1, Step 1", "routes.py")
        await window.press("down")
        await window.shows("To restore it: 1 file is removed, 1 is a conflict")
        await window.press("r")
        await window.shows("Go back to", "Stay as it is")
        await window.press("tab", "enter")
        await window.shows("Back to after 1, Step 1")
        kept = [name for name in files(paths) if "kept" in name]
        assert len(kept) == 1
        assert files(paths) == {"spec.md": "mine\n", kept[0]: "A = 1\n"}
        await window.shows("before going back to", "u take back")
        await window.press("u")
        await window.shows("Undone: the restore of")
        assert files(paths)["src/routes.py"] == "B = 2\n"
        assert files(paths)["spec.md"] == "mine\n"
        assert (await window.engine.tasks.get(TASK)).task.state is TaskState.DONE


async def test_a_conversation_that_came_back_is_taken_back_with_the_key_that_is_named(open_window: Any) -> None:
    async with open_window(ux="scripted/demo", task="scripted/demo") as window:
        await window.ready()
        await window.say("hello")
        await window.answered()
        await window.engine.checkpoints.keep("as it was", session_id=window.session.id)
        await window.say("hello again")
        await window.answered(2)
        await window.say("/checkpoints")
        await window.shows("yours: as it was", "all", "To restore all: The conversation comes back as a new one")
        await window.press("r")
        await window.shows("Go back to", "Stay as it is")
        await window.press("tab", "enter")
        await window.shows("Back to yours: as it was", "u take back")
        assert len(await window.engine.sessions.list()) == 2
        await window.press("u")
        await window.shows("Undone: the restore of", "U do again")
        assert len(await window.engine.sessions.list()) == 1


async def test_one_file_is_brought_back_and_nothing_else(open_window: Any, paths: Paths) -> None:
    async with open_window(backend=model(), ux="scripted/demo", task="scripted/demo") as window:
        await two_steps(window)
        for name in BOTH:
            (paths.task_files / TASK / name).unlink()
        await window.say("/checkpoints")
        await window.shows("other now")
        await window.press("f")
        await window.shows("Bring back which file?")
        await window.press("down", "enter")
        await window.shows("Go back to src/routes.py of")
        await window.press("tab", "enter")
        await window.shows("src/routes.py was written.")
        assert files(paths) == {"src/routes.py": "B = 2\n"}
        assert (await window.engine.tasks.get(TASK)).task.state is TaskState.DONE


async def test_what_is_kept_by_hand_is_exported_and_restored_in_another_data_folder(
    open_window: Any, paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_window(backend=model(), ux="scripted/demo", task="scripted/demo") as window:
        await two_steps(window)
        await window.say("/checkpoints")
        await window.shows("after 2, Step 2")
        await window.press("n")
        await window.shows("Keep the present")
        await window.press(*"safe", "enter")
        await window.shows("yours: safe", "3 kept")
        await window.press("e")
        await window.shows("Write 3 checkpoints to")
        await window.press("ctrl+u", *"all.bundle", "enter")
        await window.shows("Written")
    assert (tmp_path / "all.bundle").exists()
    other = below(tmp_path / "other")
    other.make()
    async with open_window(backend=model(), ux="scripted/demo", task="scripted/demo", folders=other) as window:
        await window.ready()
        await window.press("f5")
        await window.shows("no checkpoints yet")
        await window.press("C")
        await window.shows("No checkpoints yet")
        await window.press("i")
        await window.shows("Take in the checkpoints of")
        await window.press(*"all.bundle", "enter")
        await window.shows("3 checkpoints taken in.", "yours: safe")
        await window.press("r")
        await window.shows("Go back to", "comes back as a new task")
        await window.press("tab", "enter")
        await window.shows("Back to yours: safe", "were written")
        assert files(other) == BOTH
        await window.press("escape")
        await window.hides("Back to yours")
        await window.press("f5")
        await window.shows("↶", "checkpoints today")


async def test_the_details_of_a_card_show_the_folder_of_the_task(open_window: Any, paths: Paths) -> None:
    answers = [spoken(TWO_STEPS[1])]
    async with open_window(answers, ux="scripted/demo", task="scripted/demo") as window:
        await window.ready()
        await window.say("/task Write the routes")
        await window.until(lambda: window.card is not None, "there is a card")
        task_id = window.card.task_id
        async for _ in window.engine.tasks.follow(task_id):
            pass
        await window.rest()
        # A task without a plan declares no files: what lies in its folder was put there.
        folder = paths.task_files / task_id / "src"
        folder.mkdir(parents=True)
        (folder / "notes.txt").write_text("mine\n")
        await window.engine.checkpoints.keep("with notes", task_id=task_id)
        (folder / "more.txt").write_text("mine\n")
        await window.press("shift+tab", "d")
        await window.shows("files", "src/", "notes.txt", "more.txt  new since")


async def test_what_can_be_neither_read_nor_written_is_one_sentence_and_nothing_is_changed(
    open_window: Any, paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("no bundle at all")
    async with open_window(backend=model(), ux="scripted/demo", task="scripted/demo") as window:
        await two_steps(window)
        await window.say("/checkpoints")
        await window.shows("after 2, Step 2")
        for key, name in (("i", "text"), ("i", "nothing-there"), ("i", "~nobody-here/a"), ("e", "no/folder/a")):
            before = len(window.told)
            await window.press(key)
            await window.shows("Take in the checkpoints of" if key == "i" else "Write 2 checkpoints to")
            await window.press("ctrl+u", *name, "enter")
            await window.until(lambda before=before: len(window.told) > before, f"{name}: it is told")
            await window.shows("after 2, Step 2")
        assert len((await window.engine.checkpoints.list()).checkpoints) == 2
        assert not (tmp_path / "no").exists()
