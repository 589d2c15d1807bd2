"""Files of a task that are copied out: what is asked and shown, what a yes is a yes to, and what is never done."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.folders import texts_in
from support.kept import TASK, Kept, block
from tale_tui.config.paths import below
from tale_tui.config.settings import Settings, TaskSettings
from tale_tui.domain.constants import STEP_FILE_BYTES_MAX
from tale_tui.domain.errors import BadPlan, NotCopied
from tale_tui.domain.events import TaskSeen
from tale_tui.domain.plans import copied_files, spliced
from tale_tui.domain.tasks import Plan, StepSpec, StepState, TaskDetail, TaskState
from tale_tui.engine.tasks import copy_step
from tale_tui.engine.tasks.copy_step import CopyPlan, copy_plan
from tale_tui.engine.tasks.executor import Executor
from tale_tui.engine.tasks.plan import check_again, parse_plan
from tale_tui.formatting.plans import asked_copy, plan_json

WAIT_S = 30.0


def steps(to: Path | str, /, *, inputs: tuple[str, ...] = (), **more: Any) -> str:
    """A step that gives two files, one that gives none, and one that copies."""
    copy: dict[str, Any] = {"key": "out", "title": "Copy out", "kind": "copy", "to": str(to), "after": ["b"]}
    return json.dumps(
        {
            "steps": [
                {"key": "a", "prompt": "Do a.", "files": ["a.py", "src/b.py"]},
                {"key": "b", "prompt": "Say b.", "after": ["a"]},
                copy | ({"inputs": list(inputs)} if inputs else {}) | more,
            ]
        }
    )


# in a plan


def test_a_plan_may_have_a_step_that_copies_and_it_comes_back_as_it_was() -> None:
    plan = parse_plan(steps("/srv/app", inputs=("a.py",)))
    spec = plan.steps[2]
    assert (spec.kind, spec.to, spec.inputs, spec.prompt) == ("copy", "/srv/app", ("a.py",), "")
    assert spec.goes_outside
    assert spec.repeatable
    assert parse_plan(plan_json(plan)) == plan


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"to": ""}, 'steps.2..to: "" is no folder'),
        ({"to": "app"}, "write its whole path"),
        ({"to": "./app"}, "write its whole path"),
        ({"to": "~other/app"}, "write its whole path"),
        ({"to": "/srv/../etc"}, "write its whole path"),
        ({"to": "~/../x"}, "write its whole path"),
        ({"prompt": "Do it."}, "asks no model"),
        ({"model": "scripted/demo"}, "asks no model"),
        ({"files": ["c.py"]}, "only a step that asks a model gives files"),
        ({"repeatable": False}, "can always be repeated"),
        ({"after": [], "inputs": []}, "no step before out gives a file"),
        ({"inputs": ["b"]}, "no step before out gives a file"),
        ({"inputs": ["c.py"]}, r'no step before out is called "c\.py"'),
        ({"kind": "model", "prompt": "x"}, "only a step of the kind copy"),
    ],
)
def test_a_copy_that_makes_no_sense_is_refused_with_the_plan(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadPlan, match=said):
        parse_plan(steps("/srv/app", **change))


# what would be copied


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "files" / "t1"
    (folder / "src").mkdir(parents=True)
    (folder / "a.py").write_text("A = 1\n")
    (folder / "src" / "b.py").write_text("B = 1\n")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


NAMES = ("a.py", "src/b.py")


def looked(source: Path, target: Path | str, names: tuple[str, ...] = NAMES) -> CopyPlan:
    return copy_plan(source, names, str(target), source.parents[1])


def test_what_is_shown_is_what_would_be_done(source: Path, target: Path) -> None:
    (target / "a.py").write_text("mine\n")
    now = looked(source, target)
    assert [file.name for file in now.files] == ["a.py", "src/b.py"]
    heading, _, first, second = now.shown.splitlines()
    assert heading == f"To {target}:"
    assert first.startswith("- a.py, 6 B, sha256 ")
    assert "replaces the file there, sha256 " in first
    assert second.endswith(": new")
    assert now.question.endswith(
        f"copies 2 files out of its folder to {target}: a.py (replaces the one there), src/b.py."
    )
    assert now.agrees(now.shown)


def test_a_yes_is_one_to_what_was_shown_and_what_was_copied_since_is_no_change(source: Path, target: Path) -> None:
    (target / "a.py").write_text("mine\n")
    shown = looked(source, target).shown
    (target / "src").mkdir()
    (target / "src" / "b.py").write_text("B = 1\n")  # as a copy that broke off leaves it
    assert looked(source, target).agrees(shown)
    (target / "a.py").write_text("mine, and changed\n")
    assert not looked(source, target).agrees(shown)
    (target / "a.py").write_text("mine\n")
    (source / "src" / "b.py").write_text("B = 2\n")
    assert not looked(source, target).agrees(shown)
    assert not looked(source, target, ("a.py",)).agrees(shown)
    assert not looked(source, target).agrees("")
    other = target.with_name("other")
    other.mkdir()
    (other / "a.py").write_text("mine\n")
    (source / "src" / "b.py").write_text("B = 1\n")
    assert not looked(source, other).agrees(shown)


def test_what_is_in_the_way_is_said_in_one_sentence(source: Path, target: Path, tmp_path: Path) -> None:
    def why(to: Path | str = target, names: tuple[str, ...] = NAMES) -> str:
        with pytest.raises(NotCopied) as refused:
            looked(source, to, names)
        assert "\n" not in refused.value.sentence
        return refused.value.sentence

    assert why(tmp_path / "nowhere") == (
        f"There is no folder {tmp_path / 'nowhere'}: make it, then retry the task, or change its plan."
    )
    assert "is a file and no folder" in why(source / "a.py")
    assert "inside the data folder" in why(tmp_path / "data")
    assert "inside the data folder" in why(source)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert "inside the data folder" in why(tmp_path / "link")
    (source / "data").mkdir()
    (source / "data" / "tale.db").write_text("x")
    assert "inside the data folder" in why(tmp_path, ("data/tale.db",))
    assert "is not in the folder of the task any more" in why(names=("c.py",))
    assert "nothing to copy" in why(names=())
    (target / "a.py").mkdir()
    assert "is a folder there" in why()
    (target / "a.py").rmdir()
    (target / "src").write_text("no folder")
    assert f"{target / 'src'} is a file, and a folder is needed there" in why()
    (target / "src").unlink()
    os.mkfifo(target / "a.py")
    assert "is no ordinary file there" in why()
    (target / "a.py").unlink()
    (source / "a.py").write_text("x" * (STEP_FILE_BYTES_MAX + 1))
    assert "has more than 1.0 MB" in why()


@pytest.mark.parametrize(
    "raised", [RuntimeError("Symlink loop from '/x'"), RuntimeError("Could not determine home directory.")]
)
def test_a_folder_that_leads_nowhere_is_said_in_a_fixed_sentence(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, raised: RuntimeError
) -> None:
    def fails(path: Path) -> Path:
        raise raised

    monkeypatch.setattr(Path, "expanduser", fails)
    with caplog.at_level(logging.INFO), pytest.raises(NotCopied) as caught:
        looked(source, target)
    assert caught.value.sentence == (
        f"The folder {target} cannot be looked at: it is in a home that is not known, or its links go in a circle."
    )
    assert str(raised) in caplog.text


def test_a_folder_that_cannot_be_written_is_said(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target.chmod(0o500)
    monkeypatch.setattr(copy_step.os, "access", lambda *_: False)  # who runs this may be allowed everything
    with pytest.raises(NotCopied, match="Nothing can be written to"):
        looked(source, target)


def test_too_little_room_is_said_before_anything_is_written(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_step.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 3})())
    with pytest.raises(NotCopied, match="has 3 B left, and 12 B are needed"):
        looked(source, target)
    monkeypatch.setattr(copy_step, "COPY_BYTES_MAX", 10)
    with pytest.raises(NotCopied, match="12 B together, and 10 B can be copied"):
        looked(source, target)


def test_no_link_is_followed(source: Path, target: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "b.py").write_text("secret")
    (secret / "key.txt").write_text("secret")
    (source / "key.txt").symlink_to(secret / "key.txt")
    (source / "more").symlink_to(secret)
    for name in ("key.txt", "more/b.py"):
        with pytest.raises(NotCopied, match="behind a link in the folder of the task"):
            looked(source, target, (name,))
    (target / "a.py").symlink_to(secret / "key.txt")
    with pytest.raises(NotCopied, match=r"a\.py would go through a link in"):
        looked(source, target)
    (target / "a.py").unlink()
    (target / "src").symlink_to(secret)
    with pytest.raises(NotCopied, match=r"src/b\.py would go through a link in"):
        looked(source, target)
    assert (secret / "b.py").read_text() == "secret"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from([None, b"one", b"two", b"three"]), min_size=3, max_size=3),
    st.lists(st.sampled_from([None, b"one", b"two", b"three"]), min_size=3, max_size=3),
)
def test_a_yes_holds_just_as_long_as_nothing_else_would_be_replaced(
    tmp_path_factory: pytest.TempPathFactory, then: list[bytes | None], now: list[bytes | None]
) -> None:
    root = tmp_path_factory.mktemp("copy")
    source, target = root / "data" / "files" / "t1", root / "out"
    source.mkdir(parents=True)
    target.mkdir()
    names = ("0.py", "1.py", "2.py")
    for name in names:
        (source / name).write_bytes(b"one")

    def lay(contents: list[bytes | None]) -> None:
        for name, content in zip(names, contents, strict=True):
            (target / name).unlink(missing_ok=True)
            if content is not None:
                (target / name).write_bytes(content)

    lay(then)
    shown = looked(source, target, names).shown
    lay(now)
    assert looked(source, target, names).agrees(shown) == all(
        after in (before, b"one") for before, after in zip(then, now, strict=True)
    )


# in a whole engine


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    paths = below(tmp_path / "home")
    paths.make()
    tasks = TaskSettings(backoff_s=0.01)
    found = Kept(paths, Settings(ux="scripted/demo", task="scripted/demo", tasks=tasks))
    found.says = [block("a.py", "A = 1") + block("src/b.py", "B = 1"), "the end"]
    await found.open()
    yield found
    await found.close()


async def until(kept: Kept, *states: TaskState) -> TaskDetail:
    async with asyncio.timeout(WAIT_S), aclosing(kept.engine.tasks.follow(TASK)) as events:
        async for event in events:
            if isinstance(event, TaskSeen) and event.detail.task.state in states:
                return event.detail
    raise AssertionError("its events ended")


async def asking(kept: Kept, target: Path, **more: Any) -> TaskDetail:
    await kept.engine.tasks.submit("Make it", key=TASK, plan=steps(target, **more))
    return await until(kept, TaskState.WAITING, TaskState.FAILED)


def take_away(folder: Path) -> None:
    folder.rmdir()


def make(folder: Path) -> None:
    folder.mkdir()


async def test_it_asks_with_all_that_it_would_do_and_does_it_after_a_yes(kept: Kept, target: Path) -> None:
    (target / "a.py").write_text("mine\n")
    (target / "a.py").chmod(0o640)
    waiting = await asking(kept, target)
    assert waiting.task.state is TaskState.WAITING
    assert waiting.approval is not None
    assert "a.py (replaces the one there), src/b.py" in waiting.approval.asks
    assert asked_copy(waiting).startswith(f"To {target}:\n\n- a.py, 6 B, sha256 ")
    assert texts_in(target) == {"a.py": "mine\n"}
    await kept.engine.tasks.approve(TASK, yes=True)
    done = await until(kept, TaskState.DONE)
    assert texts_in(target) == {"a.py": "A = 1\n", "src/b.py": "B = 1\n"}
    assert (target / "a.py").stat().st_mode & 0o777 == 0o640
    assert done.result == "the end"
    assert done.steps[2].text == f"Copied. To {target}:\n\n- a.py\n- src/b.py"
    assert asked_copy(done) == ""


async def test_only_what_it_is_given_is_copied(kept: Kept, target: Path) -> None:
    await asking(kept, target, inputs=("src/b.py",))
    await kept.engine.tasks.approve(TASK, yes=True)
    await until(kept, TaskState.DONE)
    assert texts_in(target) == {"src/b.py": "B = 1\n"}


async def test_with_a_no_nothing_is_copied_and_the_task_ends(kept: Kept, target: Path) -> None:
    await asking(kept, target)
    await kept.engine.tasks.approve(TASK, yes=False)
    done = await until(kept, TaskState.DONE)
    assert done.steps[2].state is StepState.SKIPPED
    assert done.result == "the end"
    assert texts_in(target) == {}


async def test_a_task_without_its_copy_comes_back_from_where_it_was_kept(kept: Kept, target: Path) -> None:
    await asking(kept, target)
    await kept.engine.tasks.approve(TASK, yes=False)
    done = await until(kept, TaskState.DONE)
    check_again(done)
    skipped = tuple(replace(step, state=StepState.SKIPPED) for step in done.steps)
    check_again(replace(done, steps=skipped))
    evil = replace(done.plan.steps[2], to="../up")
    plan = Plan((*done.plan.steps[:2], evil))
    with pytest.raises(BadPlan, match="no folder"):
        check_again(replace(done, plan=plan, steps=tuple(replace(step, state=StepState.DONE) for step in done.steps)))


async def test_the_step_that_asks_is_left_out_by_its_key(kept: Kept, target: Path) -> None:
    await asking(kept, target)
    await kept.engine.tasks.approve(TASK, yes=False, step="out")
    assert (await until(kept, TaskState.DONE)).steps[2].state is StepState.SKIPPED
    assert texts_in(target) == {}


async def test_what_changed_after_it_was_shown_is_asked_about_again(kept: Kept, target: Path) -> None:
    (target / "a.py").write_text("mine\n")
    before = await asking(kept, target)
    (target / "a.py").write_text("mine, changed after I looked\n")
    await kept.engine.tasks.approve(TASK, yes=True)
    again = await until(kept, TaskState.WAITING, TaskState.DONE)
    while again.task.state is TaskState.WAITING and asked_copy(again) == asked_copy(before):
        again = await kept.engine.tasks.get(TASK)
        await asyncio.sleep(0)
    assert again.task.state is TaskState.WAITING
    assert before.approval is not None
    assert "changed since" not in before.approval.asks
    assert again.approval is not None
    assert again.approval.asks.startswith(
        "What it would do changed since you said yes (a.py). It asks before it copies"
    )
    assert texts_in(target) == {"a.py": "mine, changed after I looked\n"}
    await kept.engine.tasks.approve(TASK, yes=True)
    await until(kept, TaskState.DONE)
    assert texts_in(target) == {"a.py": "A = 1\n", "src/b.py": "B = 1\n"}


async def test_a_yes_to_the_plan_is_none_to_the_copy(kept: Kept, target: Path) -> None:
    plan = json.loads(steps(target)) | {"approval": True}
    await kept.engine.tasks.submit("Make it", key=TASK, plan=json.dumps(plan))
    first = await until(kept, TaskState.WAITING)
    assert asked_copy(first) == ""
    await kept.engine.tasks.approve(TASK, yes=True)
    while not asked_copy(detail := await kept.engine.tasks.get(TASK)):
        assert detail.task.state is not TaskState.DONE
        await asyncio.sleep(0.01)
    assert texts_in(target) == {}
    await kept.engine.tasks.approve(TASK, yes=True)
    await until(kept, TaskState.DONE)
    assert len(texts_in(target)) == 2


async def test_a_folder_that_cannot_be_copied_to_is_refused_with_the_plan(kept: Kept, target: Path) -> None:
    nowhere = target / "not" / "there"
    for to, said in ((nowhere, "there is no folder .*not that there could stand in"), (kept.folder(), "data folder")):
        with pytest.raises(BadPlan, match=rf"steps\[2\]\.to: .*{said}"):
            await kept.engine.tasks.submit("Make it", key=TASK, plan=steps(to))
    assert not await kept.engine.tasks.list()
    await asking(kept, target)
    for verb in (kept.engine.tasks.draft, kept.engine.tasks.set_plan):
        with pytest.raises(BadPlan, match=r"steps\[2\]\.to: "):
            await verb(TASK, plan=steps(nowhere))


async def test_an_undo_says_that_what_was_copied_stays(kept: Kept, target: Path) -> None:
    await asking(kept, target)
    await kept.engine.tasks.approve(TASK, yes=True)
    await until(kept, TaskState.DONE)
    seen = await kept.engine.checkpoints.undo(task_id=TASK, dry_run=True)
    done = await kept.engine.checkpoints.undo(task_id=TASK)
    for told in (seen, done):
        assert f"What was copied to {target} stays there" in told.states
    assert len(texts_in(target)) == 2


async def test_a_folder_that_is_missing_fails_it_and_a_retry_asks(kept: Kept, target: Path) -> None:
    take_away(target)
    failed = await asking(kept, target)
    assert failed.task.state is TaskState.FAILED
    assert failed.task.error.startswith(f"There is no folder {target}: make it")
    make(target)
    await kept.engine.tasks.retry(TASK)
    assert (await until(kept, TaskState.WAITING, TaskState.DONE)).task.state is TaskState.WAITING
    await kept.engine.tasks.approve(TASK, yes=True)
    await until(kept, TaskState.DONE)
    assert len(texts_in(target)) == 2


async def test_a_disk_that_fills_up_in_the_middle_says_what_was_copied_and_it_goes_on(
    kept: Kept, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asking(kept, target)
    claim = copy_step.claim

    def full(part: Path, place: Path) -> None:
        if place.name == "b.py":
            raise OSError(errno.ENOSPC, "No space left on device")
        claim(part, place)

    monkeypatch.setattr(copy_step, "claim", full)
    await kept.engine.tasks.approve(TASK, yes=True)
    failed = await until(kept, TaskState.FAILED)
    assert failed.task.error == (
        f"{target / 'src' / 'b.py'} cannot be written: No space left on device. 1 of 2 files were copied before that."
    )
    assert texts_in(target) == {"a.py": "A = 1\n"}
    monkeypatch.setattr(copy_step, "claim", claim)
    written = (target / "a.py").stat().st_mtime_ns
    await kept.engine.tasks.retry(TASK)
    await until(kept, TaskState.DONE)
    assert (target / "a.py").stat().st_mtime_ns == written
    assert texts_in(target) == {"a.py": "A = 1\n", "src/b.py": "B = 1\n"}


async def test_a_copy_that_comes_back_from_a_checkpoint_asks_again(kept: Kept, target: Path) -> None:
    """A yes that stands in a checkpoint, which may come from another machine, is none."""
    shown = asked_copy(await asking(kept, target))
    take_away(target)
    await kept.engine.tasks.approve(TASK, yes=True)
    failed = await until(kept, TaskState.FAILED)
    assert failed.steps[2].allowed
    make(target)
    steps_then = tuple(replace(step, state=StepState.PENDING, text=shown) for step in failed.steps[2:])
    executor = kept.engine.tasks
    assert isinstance(executor, Executor)
    await executor.put_back(TASK, steps_then, TaskState.PAUSED, "", "brought back")
    await kept.engine.tasks.resume(TASK)
    assert (await until(kept, TaskState.WAITING, TaskState.DONE)).task.state is TaskState.WAITING
    assert texts_in(target) == {}


def test_what_a_step_was_broken_down_into_is_copied_whole() -> None:
    whole = StepSpec("code", "Code", "x", kind="plan", files=("a.py", "b.py"))
    out = StepSpec("out", "Out", after=("code",), inputs=("code",), kind="copy", to="/srv")
    parts = (StepSpec("code.1", "1", "x", files=("a.py",)), StepSpec("code.2", "2", "x", ("code.1",), files=("b.py",)))
    plan = spliced(Plan((whole, out)), "code", parts)
    assert set(copied_files(plan.steps[-1], plan.steps)) == {"a.py", "b.py"}
