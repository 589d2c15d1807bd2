"""`wait` and `result`: what is waited for, what is printed, and how it ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tale_tui.cli.output import ProgressLine
from tale_tui.cli.tasks.wait import wait_for
from tale_tui.domain.events import Notice, TaskSeen
from tale_tui.domain.models import ModelRef
from tale_tui.domain.tasks import Reason, TaskState


def test_waiting_for_a_task_prints_its_result(cli: Any, engine: Any, new_task: Any) -> None:
    engine.work["abcd2222"] = new_task("abcd2222")
    assert cli("wait", "ab").out == "Rain on the window.\n"
    assert json.loads(cli("wait", "ab", "--json").out)["result"] == "Rain on the window."


def test_a_person_sees_a_line_that_moves_and_what_it_cost(
    cli: Any, engine: Any, new_task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tale_tui.cli.output.ANIMATION_INTERVAL_S", 0.0)
    engine.work["abcd2222"] = new_task("abcd2222", ref=ModelRef.parse("embedded/starter"))
    result = cli("wait", "ab", terminal=True)
    assert result.out == "Rain on the window.\n"
    for words in ("queued", "loading", "reading 12 of 40 tokens", "thinking", "writing", "3 tokens"):
        assert words in result.err
    assert "starter · 0:42 · 3 tok · abcd" in result.err


async def test_what_holds_a_task_up_is_written_once(
    engine: Any, new_task: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.work["abcd2222"] = new_task("abcd2222")
    engine.facts = asyncio.Queue()
    follow = engine.tasks.follow

    async def held_up(task_id: str) -> Any:
        while not engine.facts.empty():
            await asyncio.sleep(0)
        async for event in follow(task_id):
            yield event

    engine.tasks.follow = held_up
    full = "There is no space left."
    for severity, sentence in (("information", "New."), ("error", full), ("error", full), ("error", "")):
        engine.facts.put_nowait(Notice("The disk is full", sentence, severity))
    detail = await wait_for(engine, "abcd2222", line=ProgressLine(live=False))
    assert detail.result == "Rain on the window."
    written = capsys.readouterr().err
    assert written.count(f"The disk is full: {full}") == 1
    assert "New." not in written


@pytest.mark.parametrize("here", [True, False])
def test_a_task_that_was_cut_off_goes_on_for_who_waits(cli: Any, engine: Any, new_task: Any, here: bool) -> None:
    engine.work["abcd2222"] = new_task("abcd2222", TaskState.PAUSED, reason=Reason.INTERRUPTED)
    engine.here = here
    assert cli("wait", "ab").out == "Rain on the window.\n"
    assert engine.done_to == [("resume", "abcd2222")]


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (TaskState.PAUSED, "abcd  paused: tale-tui resume abcd"),
        (TaskState.WAITING, "abcd  approve 1 step: tale-tui approve abcd, or tale-tui approve abcd --no"),
    ],
)
def test_what_a_task_wants_of_the_user_is_said(
    cli: Any, engine: Any, new_task: Any, state: TaskState, says: str
) -> None:
    engine.work["abcd2222"] = new_task("abcd2222", state)
    assert says in cli("wait", "ab").err
    assert says in cli("wait", "ab", terminal=True).err or engine.work["abcd2222"].task.state is TaskState.DONE


@pytest.mark.parametrize(
    ("ended", "says"),
    [(TaskState.CANCELLED, "which was cancelled"), (TaskState.FAILED, "which failed")],
)
def test_a_task_that_can_never_begin_is_not_waited_for(
    cli: Any, engine: Any, new_task: Any, ended: TaskState, says: str
) -> None:
    engine.work["aaaa1111"] = new_task("aaaa1111", ended)
    engine.work["bbbb2222"] = new_task("bbbb2222", after=("aaaa1111",))
    engine.work["cccc3333"] = new_task("cccc3333", after=("bbbb2222",))

    async def waits(task_id: str) -> Any:
        yield TaskSeen(engine.work[task_id])
        await asyncio.Event().wait()

    engine.tasks.follow = waits
    result = cli("wait", "cccc")
    assert (result.code, result.out) == (1, "")
    assert f"cccc cannot begin: it waits for aaaa, {says}." in result.err
    assert "tale-tui retry aaaa" in result.err
    assert json.loads(cli("wait", "bbbb", "--json").out)["state"] == "queued"


def test_what_waits_for_a_task_that_fails_meanwhile_is_named(cli: Any, engine: Any, new_task: Any) -> None:
    engine.work["aaaa1111"] = new_task("aaaa1111", TaskState.RUNNING)
    engine.work["bbbb2222"] = new_task("bbbb2222", after=("aaaa1111",))

    async def waits(task_id: str) -> Any:
        engine.facts = asyncio.Queue()
        yield TaskSeen(engine.work[task_id])
        engine.put("aaaa1111", title="Another title")
        engine.put("aaaa1111", state=TaskState.FAILED)
        await asyncio.Event().wait()

    engine.tasks.follow = waits
    engine.facts = asyncio.Queue()
    assert "bbbb cannot begin: it waits for aaaa, which failed." in cli("wait", "bbbb").err


def test_what_waits_for_a_task_is_waited_for(cli: Any, engine: Any, new_task: Any) -> None:
    engine.work["aaaa1111"] = new_task("aaaa1111", TaskState.DONE)
    engine.work["bbbb2222"] = new_task("bbbb2222", after=("aaaa1111",))
    assert cli("wait", "bbbb").out == "Rain on the window.\n"


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
