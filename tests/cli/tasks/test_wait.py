"""`wait` and `result`: what is waited for, what is printed, and how it ends."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from support.scripted_groups import new_task
from support.waiting import until
from tale_tui.cli.follow import FollowedTask, followed
from tale_tui.cli.output import ProgressLine
from tale_tui.cli.tasks.wait import ShownProgress, wait_for
from tale_tui.domain.events import Notice
from tale_tui.domain.models import ModelRef
from tale_tui.domain.tasks import Reason, Step, StepSpec, StepState, TaskDetail, TaskState


def test_waiting_for_a_task_prints_its_result(cli: Any, engine: Any) -> None:
    engine.give(new_task("abcd2222"))
    assert cli("wait", "ab").out == "Rain on the window.\n"
    assert json.loads(cli("wait", "ab", "--json").out)["result"] == "Rain on the window."


def test_a_person_sees_a_line_that_moves_and_what_it_cost(
    cli: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tale_tui.cli.output.ANIMATION_INTERVAL_S", 0.0)
    engine.give(new_task("abcd2222", ref=ModelRef.parse("embedded/starter")))
    result = cli("wait", "ab", terminal=True)
    assert result.out == "Rain on the window.\n"
    for words in ("queued", "loading", "reading 12 of 40 tokens", "thinking", "writing", "3 tokens"):
        assert words in result.err
    assert "starter · 0:42 · 3 tok · abcd" in result.err


@pytest.fixture
def waited_for(engine: Any) -> Callable[[str], Awaitable[asyncio.Task[TaskDetail]]]:
    """Begins to wait for a task that the test moves, and comes back when all that will be told is heard."""
    engine.works_off = False

    async def begin(task_id: str) -> asyncio.Task[TaskDetail]:
        readers = 2 if engine.work[task_id].task.after else 1
        waiting = asyncio.create_task(wait_for(engine, task_id, line=ProgressLine(live=False)))
        await until(lambda: engine.followed(task_id) and len(engine.watchers) == readers, "somebody waits")
        return waiting

    return begin


async def test_what_holds_a_task_up_is_written_once(
    engine: Any, waited_for: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.give(new_task("abcd2222"))
    waiting = await waited_for("abcd2222")
    full = "There is no space left."
    for severity, sentence in (("information", "New."), ("error", full), ("error", full), ("error", "")):
        engine.publish(Notice("The disk is full", sentence, severity))
    await until(lambda: engine.heard, "the notices are heard")
    engine.change("abcd2222", state=TaskState.DONE, result="Rain on the window.")
    assert (await waiting).result == "Rain on the window."
    written = capsys.readouterr().err
    assert written.count(f"The disk is full: {full}") == 1
    assert "New." not in written


@pytest.mark.parametrize("here", [True, False])
def test_a_task_that_was_cut_off_goes_on_for_who_waits(cli: Any, engine: Any, here: bool) -> None:
    engine.give(new_task("abcd2222", TaskState.PAUSED, reason=Reason.INTERRUPTED))
    engine.here = here
    assert cli("wait", "ab").out == "Rain on the window.\n"
    assert engine.calls == [("resume", "abcd2222")]


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (TaskState.PAUSED, "abcd  paused: tale-tui resume abcd"),
        (TaskState.WAITING, "abcd  approve 1 step: tale-tui approve abcd, or tale-tui approve abcd --no"),
    ],
)
def test_what_a_task_wants_of_the_user_is_said(cli: Any, engine: Any, state: TaskState, says: str) -> None:
    engine.give(new_task("abcd2222", state))
    assert says in cli("wait", "ab").err
    assert says in cli("wait", "ab", terminal=True).err or engine.work["abcd2222"].task.state is TaskState.DONE


def test_what_would_be_copied_is_shown_to_who_waits(cli: Any, engine: Any) -> None:
    shown = "To /srv/www:\n\n- a.py, 6 B, sha256 0123456789abcdef: new"
    detail = new_task("abcd2222", TaskState.WAITING, reason=Reason.APPROVAL)
    steps = (*detail.steps, Step(StepSpec("out", "Copy out", kind="copy", to="/srv/www"), text=shown, allowed=False))
    engine.give(replace(detail, steps=steps))
    for command in ("status", "plan", "wait"):
        written = cli(command, "ab")
        assert "- a.py, 6 B, sha256 0123456789abcdef: new" in written.out + written.err


@pytest.mark.parametrize(
    ("ended", "says"),
    [(TaskState.CANCELLED, "which was cancelled"), (TaskState.FAILED, "which failed")],
)
def test_a_task_that_can_never_begin_is_not_waited_for(cli: Any, engine: Any, ended: TaskState, says: str) -> None:
    engine.give(new_task("aaaa1111", ended))
    engine.give(new_task("bbbb2222", after=("aaaa1111",)))
    engine.give(new_task("cccc3333", after=("bbbb2222",)))
    engine.works_off = False
    result = cli("wait", "cccc")
    assert (result.code, result.out) == (1, "")
    assert f"cccc cannot begin: it waits for aaaa, {says}." in result.err
    assert "tale-tui retry aaaa" in result.err
    assert json.loads(cli("wait", "bbbb", "--json").out)["state"] == "queued"


async def test_what_waits_for_a_task_that_fails_meanwhile_is_named(
    engine: Any, waited_for: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.give(new_task("aaaa1111", TaskState.RUNNING))
    engine.give(new_task("bbbb2222", after=("aaaa1111",)))
    waiting = await waited_for("bbbb2222")
    engine.change("aaaa1111", title="Another title")
    engine.change("aaaa1111", state=TaskState.FAILED)
    assert (await waiting).task.state is TaskState.QUEUED
    assert "bbbb cannot begin: it waits for aaaa, which failed." in capsys.readouterr().err


def test_what_waits_for_a_task_is_waited_for(cli: Any, engine: Any) -> None:
    engine.give(new_task("aaaa1111", TaskState.DONE))
    engine.give(new_task("bbbb2222", after=("aaaa1111",)))
    assert cli("wait", "bbbb").out == "Rain on the window.\n"


@pytest.mark.parametrize(("state", "told"), [(TaskState.RUNNING, True), (TaskState.CANCELLED, False)])
def test_that_its_server_is_back_is_told_once(capsys: pytest.CaptureFixture[str], state: TaskState, told: bool) -> None:
    shown = ShownProgress(ProgressLine())
    task = new_task("abcd2222", ref=ModelRef.parse("ollama/big")).task
    away = replace(task, state=TaskState.QUEUED, reason=Reason.SERVER, server_since=time.time() - 42.0)
    for now in (away, away, replace(task, state=state), replace(task, state=state)):
        shown.show(FollowedTask(now))
    assert capsys.readouterr().err.count("Ollama is back after 42 s") == told


def test_the_result_of_a_task(cli: Any, work: Any) -> None:
    assert cli("result", "ef").out == "Rain.\n"
    assert json.loads(cli("result", "ef", "--json").out)["result"] == "Rain."


def test_a_task_without_a_result_says_why(cli: Any, work: Any) -> None:
    result = cli("result", "ab")
    assert (result.code, result.out) == (2, "")
    assert "abcd (Write it) is running" in result.err
    assert "tale-tui wait abcd" in result.err
    result = cli("result", "jk")
    assert result.code == 1
    assert "jkmn failed: It does not fit." in result.err
    assert "tale-tui retry jkmn" in result.err


def test_each_step_is_named_once_also_where_several_run(capsys: pytest.CaptureFixture[str]) -> None:
    detail = new_task("abcd2222", TaskState.RUNNING)
    specs = [StepSpec(key, f"Step {key}") for key in "abcd"]

    def so(done: str, running: str) -> TaskDetail:
        states = dict.fromkeys(done, StepState.DONE) | dict.fromkeys(running, StepState.RUNNING)
        return replace(detail, steps=tuple(Step(spec, states.get(spec.key, StepState.PENDING)) for spec in specs))

    shown = ShownProgress(ProgressLine())
    for done, running in (("a", "b"), ("a", "bc"), ("abc", "d"), ("abcd", "")):
        shown.show(followed(so(done, running)))
    named = [line for line in capsys.readouterr().err.splitlines() if ". Step" in line]
    assert named == ["abcd  2. Step b", "abcd  3. Step c", "abcd  4. Step d"]
