"""Checkpoints as a user has them: made by themselves, read with git, gone back to, undone, redone."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from support.kept import TASK, Kept, block, plan
from support.waiting import until
from tale_tui.config.paths import below
from tale_tui.config.settings import CheckpointSettings
from tale_tui.domain.checkpoints import CheckpointKind, RestoreAction, SkipReason
from tale_tui.domain.clock import random_id
from tale_tui.domain.conversation import Session
from tale_tui.domain.errors import (
    BadBundle,
    BadInput,
    CannotUndo,
    CheckpointDamaged,
    CheckpointFailed,
    FileNotSaved,
    FolderIsLink,
    NoSuchCheckpoint,
    ReadOnly,
)
from tale_tui.domain.models import BackendName
from tale_tui.domain.tasks import StepState, TaskState
from tale_tui.engine.checkpoints.service import CheckpointService
from tale_tui.engine.learning.complexity import ComplexityModels
from tale_tui.engine.models.scripted import Hold, Say, Script, ScriptedBackend, spoken
from tale_tui.engine.tasks.step_files import StepDone

OUTLINE, ROUTES = block("outline.py", "A = 1"), block("src/routes.py", "B = 2")


async def two_steps(kept: Kept) -> None:
    kept.says = [OUTLINE, ROUTES]
    await kept.open()
    detail = await kept.task(plan("outline.py", "src/routes.py"))
    assert detail.task.state is TaskState.DONE, detail.task.error
    await kept.all()


async def test_each_step_gives_a_checkpoint_with_a_message_for_people(kept: Kept) -> None:
    await two_steps(kept)
    one, two = await kept.all()
    assert [one.message, two.message] == ["after 1, Step 1", "after 2, Step 2"]
    assert [(change.path, change.before, bool(change.after)) for change in two.changes] == [("src/routes.py", "", True)]
    held = [file.path for file in (await kept.engine.checkpoints.show(one.id)).files]
    assert held == ["outline.py"], "what a later step wrote is not in it"


async def test_git_reads_all_of_it(kept: Kept) -> None:
    await two_steps(kept)
    await kept.all()
    assert kept.git("fsck", "--full", "--strict") == ""
    state = json.loads(kept.git("show", f"HEAD:tasks/{TASK}.json"))
    assert (state["state"], state["title"], len(state["steps"])) == ("done", "Make it", 2)
    assert kept.git("show", f"HEAD:files/{TASK}/src/routes.py") == "B = 2\n"
    assert kept.git("log", "-1", "--format=%s") == "after 2, Step 2\n"


async def test_undo_takes_back_step_by_step_and_redo_does_them_again(kept: Kept) -> None:
    await two_steps(kept)
    api = kept.engine.checkpoints
    before = await kept.engine.tasks.get(TASK)
    await api.undo()
    detail = await kept.engine.tasks.get(TASK)
    assert detail.task.state is TaskState.PAUSED
    assert [step.state for step in detail.steps] == [StepState.DONE, StepState.PENDING]
    assert detail.steps[1].earlier == (before.steps[1].text,), "what it had written is kept"
    assert kept.files() == {"outline.py": "A = 1\n"}
    assert not (kept.folder() / "src").exists()
    await api.undo()
    assert kept.files() == {}
    with pytest.raises(CannotUndo):
        await api.undo()
    await api.redo()
    await api.redo()
    with pytest.raises(CannotUndo):
        await api.redo()
    after = await kept.engine.tasks.get(TASK)
    assert after.task.state is TaskState.DONE
    assert after.result == before.result
    assert [step.text for step in after.steps] == [step.text for step in before.steps]
    assert kept.files() == {"outline.py": "A = 1\n", "src/routes.py": "B = 2\n"}


async def test_an_undone_step_is_done_anew_and_then_there_is_nothing_to_redo(kept: Kept) -> None:
    kept.says = [OUTLINE, ROUTES, block("src/routes.py", "B = 3")]
    await kept.open()
    await kept.task(plan("outline.py", "src/routes.py"))
    await kept.engine.checkpoints.undo()
    await kept.ended(await kept.engine.tasks.resume(TASK))
    assert kept.files()["src/routes.py"] == "B = 3\n"
    with pytest.raises(CannotUndo):
        await kept.engine.checkpoints.redo()
    await kept.engine.checkpoints.undo()
    assert "src/routes.py" not in kept.files()


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(kept: Kept) -> None:
    await two_steps(kept)
    one, _ = await kept.all()
    seen = await kept.engine.checkpoints.restore(one.id, dry_run=True)
    assert [(file.path, file.action) for file in seen.files] == [("src/routes.py", RestoreAction.REMOVE)]
    assert len(seen.states) == 1
    assert len(await kept.all()) == 2
    assert "src/routes.py" in kept.files()


async def test_restoring_keeps_the_present_first_and_is_undone(kept: Kept) -> None:
    await two_steps(kept)
    one, _ = await kept.all()
    (kept.folder() / "notes.txt").write_text("mine")
    done = await kept.engine.checkpoints.restore(one.id)
    assert kept.files() == {"outline.py": "A = 1\n", "notes.txt": "mine"}, "what is not theirs is not touched"
    present = await kept.engine.checkpoints.show(done.before)
    assert {file.path for file in present.files} == {"outline.py", "src/routes.py", "notes.txt"}
    assert (await kept.engine.tasks.get(TASK)).task.state is TaskState.PAUSED
    await kept.engine.checkpoints.undo()
    assert kept.files() == {"outline.py": "A = 1\n", "src/routes.py": "B = 2\n", "notes.txt": "mine"}
    assert (await kept.engine.tasks.get(TASK)).task.state is TaskState.DONE


async def test_a_file_that_somebody_changed_is_a_conflict_and_both_are_kept(kept: Kept) -> None:
    kept.says = [OUTLINE, block("outline.py", "A = 2")]
    await kept.open()
    await kept.task(plan("outline.py", "outline.py"))
    one, two = await kept.all()
    (kept.folder() / "outline.py").write_text("A = 'mine'\n")
    done = await kept.engine.checkpoints.restore(one.id)
    [file] = done.files
    assert file.action is RestoreAction.CONFLICT
    assert kept.files() == {"outline.py": "A = 'mine'\n", file.beside: "A = 1\n"}
    undone = await kept.engine.checkpoints.undo(task_id=TASK)
    assert undone.checkpoint.id != two.id, "what came last was the restoration"


async def test_what_somebody_changed_or_added_stays_however_often_one_goes_back(kept: Kept) -> None:
    await two_steps(kept)
    one, two = await kept.all()
    (kept.folder() / "outline.py").write_text("mine")
    (kept.folder() / "notes.txt").write_text("my notes")
    back = await kept.engine.checkpoints.restore(one.id)
    [beside] = [file.beside for file in back.files if file.beside]
    mine = {"outline.py": "mine", "notes.txt": "my notes", beside: "A = 1\n"}
    assert kept.files() == mine
    await kept.engine.checkpoints.restore(two.id)
    assert kept.files() == mine | {"src/routes.py": "B = 2\n"}
    again = await kept.engine.checkpoints.restore(one.id)
    assert {file.path: file.action for file in again.files}["outline.py"] is RestoreAction.CONFLICT
    assert kept.files() == mine


async def test_what_the_user_wished_to_be_kept_may_be_written_over(kept: Kept) -> None:
    await two_steps(kept)
    one, _ = await kept.all()
    (kept.folder() / "outline.py").write_text("mine")
    (kept.folder() / "notes.txt").write_text("my notes")
    wished = await kept.engine.checkpoints.keep("mine", task_id=TASK)
    await kept.engine.checkpoints.restore(one.id)
    assert kept.files() == {"outline.py": "A = 1\n"}
    await kept.engine.checkpoints.restore(wished.id)
    assert kept.files() == {"outline.py": "mine", "notes.txt": "my notes", "src/routes.py": "B = 2\n"}


async def test_where_nothing_can_be_kept_nothing_is_undone(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    await two_steps(kept)
    before = kept.files()

    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CheckpointFailed, match="No space left"):
        await kept.engine.checkpoints.undo()
    monkeypatch.undo()
    assert kept.files() == before
    assert (await kept.engine.tasks.get(TASK)).task.state is TaskState.DONE
    await kept.engine.checkpoints.undo()
    assert kept.files() == {"outline.py": "A = 1\n"}


async def test_an_undo_leaves_what_was_changed_since(kept: Kept) -> None:
    await two_steps(kept)
    (kept.folder() / "src" / "routes.py").write_text("mine")
    done = await kept.engine.checkpoints.undo()
    assert [file.action for file in done.files] == [RestoreAction.CONFLICT]
    assert kept.files()["src/routes.py"] == "mine"


async def test_one_file_comes_back_alone(kept: Kept) -> None:
    await two_steps(kept)
    _, two = await kept.all()
    for name in kept.files():
        (kept.folder() / name).unlink()
    done = await kept.engine.checkpoints.restore(two.id, file="src/routes.py")
    assert kept.files() == {"src/routes.py": "B = 2\n"}
    assert not done.states
    assert (await kept.engine.tasks.get(TASK)).task.state is TaskState.DONE
    with pytest.raises(NoSuchCheckpoint):
        await kept.engine.checkpoints.restore(two.id, file="other.py")


async def test_one_task_comes_back_and_the_other_stays(kept: Kept) -> None:
    kept.says = [OUTLINE, ROUTES]
    await kept.open()
    session = await kept.engine.sessions.create(title="Both")
    engine = kept.engine
    first = await engine.tasks.submit("One", key=TASK, plan=plan("outline.py"), session_id=session.id)
    await kept.ended(first)
    other = "othertask2345678"
    await kept.ended(await engine.tasks.submit("Two", key=other, plan=plan("src/routes.py"), session_id=session.id))
    both = (await kept.all())[-1]
    (kept.folder() / "outline.py").unlink()
    (kept.folder(other) / "src" / "routes.py").unlink()
    await engine.checkpoints.restore(both.id, task_id=other)
    assert (kept.files(), kept.files(other)) == ({}, {"src/routes.py": "B = 2\n"})


async def test_a_conversation_comes_back_as_a_new_one(kept: Kept) -> None:
    kept.says = ["Hello.", "And again."]
    await kept.open()
    engine = kept.engine
    session = await engine.sessions.create(title="Talk")
    async for _ in engine.chat.send(session.id, "Say hello", key="a" * 16, as_task=False):
        pass
    first = await engine.checkpoints.keep("as it was", session_id=session.id)
    async for _ in engine.chat.send(session.id, "Once more", key="b" * 16, as_task=False):
        pass
    again = await engine.checkpoints.restore(first.id)
    assert len(again.states) == 1
    talks = [await engine.sessions.transcript(one.id) for one in await engine.sessions.list()]
    assert sorted(len(talk.messages) for talk in talks) == [2, 4], "the present one is as it was"
    new = next(talk for talk in talks if len(talk.messages) == 2)
    assert [message.text for message in new.messages] == ["Say hello", "Hello."]


async def come_back(kept: Kept) -> tuple[Session, Session]:
    """A conversation that went on, and the one that came back of its beginning."""
    kept.says = ["Hello.", "And again.", "Once more."]
    await kept.open()
    engine = kept.engine
    session = await engine.sessions.create(title="Talk", system="Be brief.")
    await say(kept, session, "Say hello")
    first = await engine.checkpoints.keep("as it was", session_id=session.id)
    await say(kept, session, "Go on")
    await engine.checkpoints.restore(first.id)
    [new] = [one for one in await engine.sessions.list() if one.id != session.id]
    return session, new


async def say(kept: Kept, session: Session, text: str) -> None:
    async for _ in kept.engine.chat.send(session.id, text, key=random_id(), as_task=False):
        pass


async def test_a_conversation_that_came_back_is_taken_back_by_undo_and_comes_again_by_redo(kept: Kept) -> None:
    session, new = await come_back(kept)
    api, sessions = kept.engine.checkpoints, kept.engine.sessions
    as_new, as_old = await sessions.transcript(new.id), await sessions.transcript(session.id)
    for _ in range(2):
        undone = await api.undo(session_id=session.id)
        assert undone.states == ("The conversation that had come back as a new one is removed",)
        assert [one.id for one in await sessions.list()] == [session.id]
        with pytest.raises(CannotUndo):
            await api.undo(session_id=session.id)
        again = await api.redo(session_id=session.id)
        assert len(again.states) == 1
        assert await sessions.transcript(new.id) == as_new
    assert await sessions.transcript(session.id) == as_old


async def test_a_conversation_that_came_back_and_went_on_stays_and_that_is_said(kept: Kept) -> None:
    session, new = await come_back(kept)
    await say(kept, new, "And now?")
    undone = await kept.engine.checkpoints.undo(session_id=session.id)
    [sentence] = undone.states
    assert sentence.startswith("Talk (")
    assert sentence.endswith("the conversation went on since it came back, and stays")
    assert len((await kept.engine.sessions.transcript(new.id)).messages) == 4
    with pytest.raises(CannotUndo):  # it is there
        await kept.engine.checkpoints.redo(session_id=session.id)
    with pytest.raises(CannotUndo):
        await kept.engine.checkpoints.undo(session_id=session.id)


async def test_a_task_that_came_back_as_a_new_one_is_cancelled_by_undo_and_done_again_by_redo(kept: Kept) -> None:
    kept.says = [OUTLINE, "Nothing."]
    await kept.open()
    engine = kept.engine
    session = await engine.sessions.create(title="Plans")
    await kept.task(plan("outline.py", ""), session_id=session.id)
    whole = kept.files()
    done = (await kept.all())[-1]
    await engine.checkpoints.undo(task_id=TASK)
    await engine.tasks.set_plan(TASK, plan=plan("outline.py", "", ""))
    old = await engine.tasks.get(TASK)
    (kept.folder() / "outline.py").unlink()
    [file] = (await engine.checkpoints.restore(done.id, task_id=TASK, dry_run=True)).files
    assert (file.task_id, file.path, file.action) == (TASK, "outline.py", RestoreAction.WRITE)
    await engine.checkpoints.restore(done.id, task_id=TASK)
    [new] = [one for one in await engine.tasks.list() if one.id != TASK]
    assert new.state is TaskState.DONE
    assert (kept.files(), kept.files(new.id)) == ({}, whole), "each has a folder of its own"
    undone = await engine.checkpoints.undo(task_id=TASK)
    assert [state for state in undone.states if "stays as a cancelled one" in state]
    detail = await engine.tasks.get(new.id)
    assert (detail.task.state, detail.result) == (TaskState.CANCELLED, "")
    assert {step.state for step in detail.steps} == {StepState.PENDING}
    assert all(step.earlier for step in detail.steps), "what it had is kept"
    assert (await engine.tasks.get(TASK)).plan == old.plan
    assert kept.files(new.id) == {}
    await engine.checkpoints.redo(task_id=TASK)
    detail = await engine.tasks.get(new.id)
    assert detail.task.state is TaskState.DONE
    assert {step.state for step in detail.steps} == {StepState.DONE}
    assert len(await engine.tasks.list()) == 2
    assert kept.files(new.id) == whole


async def test_of_a_conversation_that_did_not_change_nothing_comes_back(kept: Kept) -> None:
    await kept.open()
    session = await kept.engine.sessions.create(title="Talk")
    async for _ in kept.engine.chat.send(session.id, "Say hello", key="a" * 16, as_task=False):
        pass
    made = await kept.engine.checkpoints.keep("", session_id=session.id)
    assert made.message == "yours"
    assert (await kept.engine.checkpoints.restore(made.id)).empty


async def test_what_is_skipped_is_listed(kept: Kept) -> None:
    await two_steps(kept)
    folder = kept.folder()
    (folder / "big.bin").write_bytes(b"0" * 5_000_001)
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "repo" / ".git").mkdir(parents=True)
    (folder / "repo" / "x").write_text("x")
    (folder / ".gitignore").write_text("*.log\n")
    (folder / "a.log").write_text("x")
    os.mkfifo(folder / "pipe")
    made = await kept.engine.checkpoints.keep("with all kinds", task_id=TASK)
    assert {file.path: file.reason for file in made.skipped} == {
        "big.bin": SkipReason.TOO_LARGE,
        "link": SkipReason.LINK,
        "repo": SkipReason.REPOSITORY,
        "a.log": SkipReason.IGNORED,
        "pipe": SkipReason.NO_FILE,
    }
    assert "passwd" not in kept.git("ls-tree", "-r", "HEAD")
    for path in ("big.bin", "a.log", "repo/x"):
        assert (folder / path).exists()


async def test_what_a_step_declares_is_kept_whatever_is_ignored(kept: Kept) -> None:
    kept.says = [block(".gitignore", "*"), OUTLINE]
    await kept.open()
    await kept.task(plan(".gitignore", "outline.py"))
    held = {file.path for file in (await kept.engine.checkpoints.show((await kept.all())[-1].id)).files}
    assert held == {".gitignore", "outline.py"}


async def test_a_diff_says_what_became_of_files_and_tasks(kept: Kept) -> None:
    await two_steps(kept)
    one, two = await kept.all()
    between = await kept.engine.checkpoints.diff(one.id[:10], two.id)
    assert [(diff.change.path, diff.added, diff.removed) for diff in between.files] == [("src/routes.py", 1, 0)]
    assert between.tasks == ("Make it: running with 1 of 2 steps done, then done with 2 of 2 steps done",)
    (kept.folder() / "outline.py").write_text("A = 5\n")
    present = await kept.engine.checkpoints.diff(two.id)
    assert "-A = 1\n+A = 5" in present.files[0].text


async def test_a_diff_tells_a_change_of_mode_and_an_empty_file(kept: Kept) -> None:
    await two_steps(kept)
    _, two = await kept.all()
    (kept.folder() / "outline.py").chmod(0o755)
    (kept.folder() / "empty").touch()
    empty, outline = (await kept.engine.checkpoints.diff(two.id)).files
    assert (outline.change.path, outline.mode_only, outline.text) == ("outline.py", True, "")
    assert (empty.change.path, empty.mode_only, empty.text, empty.added) == ("empty", False, "", 0)
    (kept.folder() / "src" / "routes.py").write_bytes(b"\0")
    assert (await kept.engine.checkpoints.diff(two.id)).files[-1].text is None


async def test_one_that_is_kept_for_itself_tells_what_changed_before_it(kept: Kept) -> None:
    await two_steps(kept)
    assert (await kept.engine.checkpoints.keep("as it is", task_id=TASK)).changes == ()
    (kept.folder() / "outline.py").write_text("mine")
    (kept.folder() / "notes.txt").write_text("mine")
    done = await kept.engine.checkpoints.undo()
    before = (await kept.engine.checkpoints.show(done.before)).checkpoint
    assert [(one.path, bool(one.before), bool(one.after)) for one in before.changes] == [
        ("notes.txt", False, True),
        ("outline.py", True, True),
    ]
    assert "M outline.py" in kept.git("log", "-1", "--format=%b", before.id)


async def test_messages_of_going_back_and_forth_stay_short(kept: Kept) -> None:
    await two_steps(kept)
    one, two = await kept.all()
    api = kept.engine.checkpoints
    for _ in range(3):
        await api.restore(one.id)
        await api.undo()
        await api.redo()
        newest = (await kept.all())[-1]
        await api.restore(two.id)
        await api.restore(newest.id)
    longest = max((found.message for found in await kept.all()), key=len)
    assert len(longest) <= len("before going back to Sun 29 Nov 2026, 20:51:14, after 1, Step 1"), longest


async def test_a_bundle_brings_checkpoints_to_another_machine(kept: Kept, tmp_path: Path) -> None:
    await two_steps(kept)
    before = await kept.engine.tasks.get(TASK)
    file = tmp_path / "all.bundle"
    assert await kept.engine.checkpoints.export(str(file)) == 2
    assert kept.git("bundle", "list-heads", str(file)).count("refs/checkpoints/") == 2
    with pytest.raises(FileNotSaved, match=r"all\.bundle cannot be written: File exists"):
        await kept.engine.checkpoints.export(str(file))
    other = Kept(below(tmp_path / "other"), kept.settings)
    other.paths.make()
    await other.open()
    try:
        taken = await other.engine.checkpoints.import_(str(file))
        assert (taken.taken, taken.known) == (2, 0)
        assert (await other.engine.checkpoints.import_(str(file))).known == 2
        newest = (await other.all())[-1]
        await other.engine.checkpoints.restore(newest.id)
        detail = await other.engine.tasks.get(TASK)
        assert detail.task.state is TaskState.DONE
        assert detail.result == before.result
        assert [step.text for step in detail.steps] == [step.text for step in before.steps]
        assert other.files() == kept.files()
        await other.engine.checkpoints.undo()
        assert (await other.engine.tasks.get(TASK)).task.state is TaskState.CANCELLED
        assert other.files() == {}
        with pytest.raises(CannotUndo):
            await other.engine.checkpoints.undo()
        await other.engine.checkpoints.redo()
        assert (await other.engine.tasks.get(TASK)).task.state is TaskState.DONE
        assert other.files() == kept.files()
    finally:
        await other.close()


@pytest.mark.parametrize("content", [b"", b"no bundle", b"# v2 git bundle\n\nPACK", b"# v2 git bundle\n" + b"0" * 5000])
async def test_what_is_no_bundle_is_said_and_nothing_is_taken(kept: Kept, tmp_path: Path, content: bytes) -> None:
    await kept.open()
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(BadBundle):
        await kept.engine.checkpoints.import_(str(file))
    with pytest.raises(BadBundle):
        await kept.engine.checkpoints.import_(str(tmp_path / "missing"))


async def test_a_bundle_cut_off_or_altered_is_said(kept: Kept, tmp_path: Path) -> None:
    await two_steps(kept)
    file = tmp_path / "all.bundle"
    await kept.engine.checkpoints.export(str(file))
    whole = file.read_bytes()
    for number, content in enumerate((whole[:-40], whole[: len(whole) // 2], whole[:-200] + b"\0" * 200)):
        broken = tmp_path / f"broken{number}"
        broken.write_bytes(content)
        with pytest.raises(BadBundle):
            await kept.engine.checkpoints.import_(str(broken))


async def test_a_damaged_repository_is_said_and_set_aside_and_the_work_goes_on(kept: Kept) -> None:
    await two_steps(kept)
    await kept.close()
    head = kept.git("rev-parse", "HEAD").strip()
    path = kept.paths.checkpoints / "objects" / head[:2] / head[2:]
    path.chmod(0o600)
    path.write_bytes(b"damaged")
    kept.says = [OUTLINE]
    await kept.open()
    await kept.task(plan("outline.py"), key="newtask234567890")
    assert [one.message for one in await kept.all()] == ["after Make it"]
    await until(lambda: any("begin anew" in notice.title for notice in kept.notices), "it is said")
    assert [one for one in kept.paths.data.iterdir() if ".damaged-" in one.name]


async def test_one_object_that_is_damaged_while_it_runs_is_noticed_with_the_next_checkpoint(kept: Kept) -> None:
    kept.says = [OUTLINE]
    await kept.open()
    await kept.task(plan("outline.py"))
    await kept.all()
    await kept.close()
    blob = kept.git("rev-parse", f"HEAD:files/{TASK}/outline.py").strip()
    path = kept.paths.checkpoints / "objects" / blob[:2] / blob[2:]
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:4])
    await kept.open()
    made = await kept.engine.checkpoints.keep("again", task_id=TASK)
    assert [one.id for one in await kept.all()] == [made.id]
    assert kept.git("show", f"HEAD:files/{TASK}/outline.py") == "A = 1\n"
    assert kept.git("fsck", "--full", "--strict") == ""


def damage(kept: Kept, name: str) -> None:
    """Alter the object that a name leads to."""
    id_ = kept.git("rev-parse", name).strip()
    path = kept.paths.checkpoints / "objects" / id_[:2] / id_[2:]
    path.chmod(0o600)
    path.write_bytes(b"damaged")


@pytest.mark.parametrize("part", ["", ":checkpoint.json"])
async def test_one_that_is_damaged_is_listed_as_such_and_can_be_removed(kept: Kept, part: str) -> None:
    await two_steps(kept)
    one, two = await kept.all()
    await kept.close()
    damage(kept, f"{one.id}{part}")
    await kept.open()
    api = kept.engine.checkpoints
    with pytest.raises(CheckpointDamaged, match=f"tale-tui checkpoints remove {one.id[:8]}"):
        await api.show(one.id[:6])
    found = await api.list()
    assert ([left.id for left in found.checkpoints], found.damaged) == ([two.id], (one.id,))
    assert (await api.remove(one.id[:6])).id == one.id
    assert (await api.list()).damaged == ()
    assert kept.git("fsck", "--full", "--strict") == ""


async def test_where_a_part_of_one_is_damaged_it_is_named_and_nothing_is_changed(kept: Kept) -> None:
    await two_steps(kept)
    one, two = await kept.all()
    await kept.close()
    damage(kept, f"{two.id}:files/{TASK}/src/routes.py")
    await kept.open()
    (kept.folder() / "src" / "routes.py").unlink()
    api = kept.engine.checkpoints
    for verb in (api.show, api.diff, api.restore):
        with pytest.raises(CheckpointDamaged, match=rf"^A part of {two.id[:8]} \(after 2, Step 2\) is gone or altered"):
            await verb(two.id)
    assert len(await kept.all()) == 2
    assert not (kept.folder() / "src" / "routes.py").exists()
    assert (await api.show(one.id)).files
    await api.restore(one.id)
    await api.remove(two.id)
    assert two.id not in [left.id for left in await kept.all()]


async def test_where_damage_keeps_room_from_being_given_back_it_is_named(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_steps(kept)
    one, _ = await kept.all()
    await kept.close()
    damage(kept, f"{one.id}:tasks/{TASK}.json")
    monkeypatch.setattr("tale_tui.engine.checkpoints.writer.CHECKPOINT_LOOSE_MAX", 0)
    await kept.open()
    await kept.engine.checkpoints.keep("mine", task_id=TASK)
    said = f"A part of {one.id[:8]} is gone or altered, so no room is given back. "
    await until(lambda: any(notice.sentence.startswith(said) for notice in kept.notices), "it is said")


async def test_where_a_link_stands_in_the_place_of_the_folder_that_is_one_sentence(kept: Kept, tmp_path: Path) -> None:
    await two_steps(kept)
    one, _ = await kept.all()
    kept.folder().rename(tmp_path / "elsewhere")
    kept.folder().symlink_to(tmp_path / "elsewhere")
    api = kept.engine.checkpoints
    said = r"^The folder of task task was replaced by a link, so nothing is read or written there"
    for work in (api.keep("", task_id=TASK), api.restore(one.id), api.undo()):
        with pytest.raises(FolderIsLink, match=said):
            await work
    assert len(await kept.all()) == 2
    assert (tmp_path / "elsewhere" / "src" / "routes.py").read_text() == "B = 2\n"


async def test_the_room_that_is_told_is_that_of_now(kept: Kept) -> None:
    await two_steps(kept)
    api = kept.engine.checkpoints
    (kept.folder() / "data.bin").write_bytes(os.urandom(200_000))
    before = (await api.list()).size_bytes
    await api.keep("with data", task_id=TASK)
    assert (await api.list()).size_bytes > before + 200_000


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
async def test_a_file_that_cannot_be_read_fails_the_checkpoint_aloud(kept: Kept) -> None:
    await two_steps(kept)
    (kept.folder() / "secret").write_text("x")
    (kept.folder() / "secret").chmod(0)
    with pytest.raises(CheckpointFailed, match="secret"):
        await kept.engine.checkpoints.keep("", task_id=TASK)
    assert len(await kept.all()) == 2


async def test_a_file_whose_reading_fails_fails_the_checkpoint_aloud(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_steps(kept)
    (kept.folder() / "secret").write_text("x")
    really = os.open

    def refusing(path: object, *more: object, **named: object) -> int:
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", str(path))
        return really(path, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(CheckpointFailed, match="secret"):
        await kept.engine.checkpoints.keep("", task_id=TASK)
    assert len(await kept.all()) == 2


async def test_where_the_folder_cannot_be_written_the_work_goes_on_and_it_is_said_once(kept: Kept) -> None:
    kept.paths.checkpoints.write_text("a file stands here")
    kept.paths.checkpoints.with_name("checkpoints.git.new").write_text("and here")
    kept.says = [OUTLINE, ROUTES]
    await kept.open()
    detail = await kept.task(plan("outline.py", "src/routes.py"))
    assert detail.task.state is TaskState.DONE
    assert await kept.all() == ()

    def told() -> list[str]:
        return [notice.sentence for notice in kept.notices if "heckpoint" in notice.title]

    await until(lambda: told(), "it is said")
    assert len(told()) == 1
    [sentence] = told()
    assert sentence.startswith("The folder checkpoints.git cannot be opened: ")
    assert str(kept.paths.data) not in sentence
    assert kept.files() == {"outline.py": "A = 1\n", "src/routes.py": "B = 2\n"}


async def test_where_nothing_may_be_written_they_are_read_only(kept: Kept) -> None:
    await two_steps(kept)
    await kept.close()
    await kept.open(read_only=True)
    one, two = await kept.all()
    assert (await kept.engine.checkpoints.show(two.id)).files
    with pytest.raises(ReadOnly):
        await kept.engine.checkpoints.undo()
    with pytest.raises(ReadOnly):
        await kept.engine.checkpoints.keep("", task_id=TASK)
    assert (await kept.engine.checkpoints.restore(one.id, dry_run=True)).files


async def test_without_them_by_setting_only_those_of_the_user_are_made(kept: Kept) -> None:
    kept.settings = kept.settings.model_copy(update={"checkpoints": CheckpointSettings(enabled=False)})
    await two_steps(kept)
    assert await kept.all() == ()
    made = await kept.engine.checkpoints.keep("mine", task_id=TASK)
    assert (made.kind, made.message) == (CheckpointKind.KEPT, "yours: mine")
    with pytest.raises(BadInput):
        await kept.engine.checkpoints.keep("of nothing")


async def test_a_removed_one_is_gone_and_the_newest_stays(kept: Kept) -> None:
    await two_steps(kept)
    one, two = await kept.all()
    with pytest.raises(BadInput):
        await kept.engine.checkpoints.remove(two.id)
    await kept.engine.checkpoints.remove(one.id)
    assert [found.id for found in await kept.all()] == [two.id]
    assert one.id not in kept.git("rev-list", "--all", "--objects")
    assert kept.git("fsck", "--full", "--strict") == ""
    await kept.engine.checkpoints.undo()
    assert kept.files() == {"outline.py": "A = 1\n"}


@pytest.mark.long
async def test_room_is_kept_within_the_budget(kept: Kept) -> None:
    kept.settings = kept.settings.model_copy(update={"checkpoints": CheckpointSettings(space_mb=10)})
    await kept.open()
    await kept.task(plan(""))
    kept.folder().mkdir(parents=True)
    service = kept.engine.checkpoints
    assert isinstance(service, CheckpointService)
    [before] = await kept.all()
    for _ in range(25):
        (kept.folder() / "data.bin").write_bytes(os.urandom(1_000_000))
        service.step_done(StepDone(TASK, "s1"))
        await service.settled()
    size = sum(one.stat().st_size for one in kept.paths.checkpoints.rglob("*") if one.is_file())
    assert size < 16_000_000
    assert kept.git("fsck", "--full") == ""
    newest = (await kept.all())[-1]
    assert newest.number == before.number + 25
    assert kept.git("rev-parse", "HEAD").strip() == newest.id


async def test_hostile_names_are_kept_and_come_back(kept: Kept) -> None:
    await two_steps(kept)
    folder = kept.folder()
    names = [b"with space", b"new\nline", b"\xff\xfe", b"-rf", b"\xe2\x80\xae.txt", b"CON", b"a" * 200, b"'\"$(x)`"]
    places = {name: Path(os.fsdecode(os.fsencode(folder) + b"/" + name)) for name in names}
    for name, place in places.items():
        place.write_bytes(name)
    made = await kept.engine.checkpoints.keep("names", task_id=TASK)
    await kept.engine.checkpoints.show(made.id)
    shutil.rmtree(folder)
    done = await kept.engine.checkpoints.restore(made.id)
    assert len(done.files) == len(names) + 2
    assert {name: place.read_bytes() for name, place in places.items()} == dict(zip(names, names, strict=True))


async def test_an_unknown_hash_is_said(kept: Kept) -> None:
    await two_steps(kept)
    for wrong in ("ffffffff", "", "zz", "../x"):
        with pytest.raises(NoSuchCheckpoint):
            await kept.engine.checkpoints.show(wrong)


async def test_a_task_that_is_gone_or_has_another_plan_comes_back_as_a_new_one(kept: Kept) -> None:
    await two_steps(kept)
    _, two = await kept.all()
    await kept.close()
    for name in ("tale.db", "tale.db-wal", "tale.db-shm"):
        (kept.paths.data / name).unlink(missing_ok=True)
    await kept.open()
    done = await kept.engine.checkpoints.restore(two.id)
    assert "comes back as a new task" in done.states[0]
    assert (await kept.engine.tasks.get(TASK)).task.state is TaskState.DONE


async def test_a_long_step_is_kept_before_it_is_done(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.engine.checkpoints.service.CHECKPOINT_INSIDE_S", (0.0, 0.0, 0.0))
    await two_steps(kept)
    inside = [one for one in await kept.all() if one.kind is CheckpointKind.INSIDE]
    assert inside
    assert inside[0].message.startswith("inside ")
    await kept.engine.checkpoints.undo()
    assert kept.files() == {"outline.py": "A = 1\n"}, "what is undone is the step"


async def test_how_hard_a_task_is_is_not_asked_before_any_task_would_be_kept(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()
    monkeypatch.setattr(ComplexityModels, "level_now", lambda _, text: asked.append(text))
    await two_steps(kept)
    assert asked == []


async def test_undo_of_a_task_that_runs_pauses_it_first(kept: Kept) -> None:
    go_on = asyncio.Event()
    held = Script((Say("half"), Hold(go_on)))
    await kept.open(backends={BackendName.SCRIPTED: ScriptedBackend((spoken(OUTLINE), held))})
    await kept.engine.tasks.submit("Make it", key=TASK, plan=plan("outline.py", ""))

    async def second_runs() -> bool:
        return (await kept.engine.tasks.get(TASK)).steps[1].state is StepState.RUNNING

    await until(second_runs, "the second step runs")
    await kept.engine.checkpoints.undo(task_id=TASK)
    detail = await kept.engine.tasks.get(TASK)
    assert detail.task.state is TaskState.PAUSED
    assert [step.state for step in detail.steps] == [StepState.PENDING, StepState.PENDING]
    assert kept.files() == {}


async def test_those_of_a_task_are_its_own_and_those_of_all_of_its_conversation(kept: Kept) -> None:
    kept.says = [OUTLINE, block("other.py", "C = 3")]
    await kept.open()
    session = await kept.engine.sessions.create()
    await kept.task(plan("outline.py"), session_id=session.id)
    await kept.task(plan("other.py"), key="otherabcdefgh234", session_id=session.id)
    alone = await kept.engine.tasks.submit("Wait", key="aloneabcdefgh234", plan=plan(""))
    await kept.ended(alone)
    api = kept.engine.checkpoints
    whole = await api.keep("all of it", session_id=session.id)
    of_task = (await api.list(task_id=TASK)).checkpoints
    assert [one.message for one in of_task] == ["yours: all of it", "after Make it"]
    assert whole.task_id == ""
    assert [one.message for one in (await api.list(task_id=alone.id)).checkpoints] == ["after Wait"]


async def test_undo_of_a_task_does_not_reach_a_restore_of_another_conversation(kept: Kept) -> None:
    kept.says = [OUTLINE, ROUTES]
    await kept.open()
    session = await kept.engine.sessions.create()
    await kept.task(plan("outline.py"), session_id=session.id)
    api = kept.engine.checkpoints
    first = await api.keep("mine", session_id=session.id)
    (kept.folder() / "outline.py").unlink()
    other = "otherabcdefgh234"
    await kept.task(plan("src/routes.py"), key=other)
    await api.restore(first.id)
    await api.undo(task_id=other)
    assert kept.files(other) == {}
    assert kept.files() == {"outline.py": "A = 1\n"}, "what was restored elsewhere stays"
    with pytest.raises(CannotUndo):
        await api.undo(task_id=other)
