"""The load of a stress test: all of it is done, killed processes are waited for, and what is lost is found."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import BackendCrashed
from tale_tui.domain.models import BackendName, Role
from tale_tui.engine.api import EngineApi
from tale_tui.engine.engine import Engine
from tale_tui.engine.load_test import load
from tale_tui.engine.load_test.kills import KillableEngine, KillableModels
from tale_tui.engine.load_test.load import LoadOutcome, LoadPlan, LoadProgress, LoadTest, SentMessage
from tale_tui.engine.load_test.report import LoadFigure, LoadReport, report_of
from tale_tui.engine.models.backend import ChatRequest
from tale_tui.engine.models.scripted import Fail, Script, ScriptedBackend, spoken

Start = Callable[..., Awaitable[Engine]]
WAIT_S = 20


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "LOOK_S", 0.01)


@pytest.fixture
async def engine(start_engine: Start) -> Engine:
    backend = ScriptedBackend([spoken("Fine, ", "thank you.")])
    return await start_engine(
        {BackendName.SCRIPTED: backend}, ux="scripted/demo", task="scripted/demo", tasks={"per_model": 4}
    )


class Vase:
    """Something that is broken, and is whole again after a few looks or never."""

    name = "the vase"

    def __init__(self, looks: int | None) -> None:
        self.broken = False
        self._looks = looks

    async def kill(self) -> bool:
        self.broken = True
        return True

    async def is_back(self, engine: EngineApi) -> bool:
        if self._looks is None:
            return False
        self._looks -= 1
        return self._looks < 0


async def put_on(engine: Any, tasks: int, chats: int, *kills: Vase) -> tuple[LoadOutcome, list[LoadProgress]]:
    told: list[LoadProgress] = []
    async with asyncio.timeout(WAIT_S):
        outcome = await LoadTest(engine, LoadPlan(tasks, chats), Clock(), told.append, kills).run()
    return outcome, told


def figure(report: LoadReport, name: str) -> LoadFigure:
    return next(found for found in report.figures if found.name == name)


async def test_every_task_ends_and_every_chat_talks_and_all_of_it_is_counted(engine: Engine) -> None:
    outcome, told = await put_on(engine, 12, 2)
    report = await report_of(engine, outcome)
    assert (report.tasks, report.tasks_done, report.tasks_failed) == (12, 12, 0)
    assert report.messages == len(outcome.messages) >= 2 * load.TURNS_MIN
    assert report.messages_failed == 0
    assert report.lost == ()
    assert len(figure(report, "a task, once it runs").values) == 12
    assert len(figure(report, "first text of a reply").values) == report.messages
    assert told[-1].counts.done == 12
    assert max(progress.tokens_per_second for progress in told) > 0
    assert report.tokens.total_tokens == (await engine.metrics.tokens()).total.total_tokens


async def test_without_conversations_the_tasks_alone_are_the_load(start_engine: Start) -> None:
    backend = ScriptedBackend([spoken("Fine, ", "thank you.", rate=20)])
    engine = await start_engine({BackendName.SCRIPTED: backend}, ux="scripted/demo", task="scripted/demo")
    outcome, _ = await put_on(engine, 3, 0, Vase(0))
    assert outcome.messages == ()
    assert [recovery.killed for recovery in outcome.recoveries] == ["the vase"]


async def test_what_is_killed_is_waited_for_and_its_time_is_kept(engine: Engine) -> None:
    first, second = Vase(3), Vase(0)
    outcome, _ = await put_on(engine, 6, 1, first, second)
    assert first.broken
    assert second.broken
    assert [recovery.killed for recovery in outcome.recoveries] == ["the vase", "the vase"]
    assert all(recovery.seconds is not None and recovery.seconds > 0 for recovery in outcome.recoveries)


async def test_a_reply_that_fails_is_gone_on_with_as_a_user_would(
    start_engine: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "CONTINUE_PAUSE_S", 0.01)
    failed: set[str] = set()

    def answer(request: ChatRequest) -> Script:
        asked = request.messages[-1].text
        if request.role is Role.UX and asked not in failed:
            failed.add(asked)
            return Script((Fail(BackendCrashed("It is gone.")),))
        return spoken("Fine, ", "thank you.")

    backend = ScriptedBackend(answer)
    engine = await start_engine({BackendName.SCRIPTED: backend}, ux="scripted/demo", task="scripted/demo")
    outcome, _ = await put_on(engine, 1, 1)
    report = await report_of(engine, outcome)
    assert (report.messages, report.messages_failed, report.messages_continued) == (3, 0, 3)
    assert report.lost == ()


async def test_what_never_comes_back_is_said_and_the_test_ends(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "RECOVERY_MAX_S", 0.1)
    outcome, _ = await put_on(engine, 6, 1, Vase(None))
    assert [recovery.seconds for recovery in outcome.recoveries] == [None]


async def test_what_is_not_there_is_lost(engine: Engine) -> None:
    outcome, _ = await put_on(engine, 2, 1)
    [session_id] = {message.session_id for message in outcome.messages}
    more = replace(
        outcome,
        task_ids=(*outcome.task_ids, "nowhere"),
        messages=(*outcome.messages, SentMessage(session_id, "unsaid", done=True)),
    )
    report = await report_of(engine, more)
    assert report.lost == ("task nowhere is not there", "message unsaid is not there")


async def test_a_task_that_does_not_go_on_is_lost(engine: Engine) -> None:
    task = await engine.tasks.submit("later", key="later", after=())
    await engine.tasks.pause(task.id)
    report = await report_of(engine, LoadOutcome((task.id,), (), 0, 0))
    assert report.lost == (f"task {task.id} is paused and does not go on",)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_share_of_the_values_does_not_exceed_the_figure(values: list[float], share: float) -> None:
    found = LoadFigure("", tuple(sorted(values))).at(share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) <= share * len(values)


@pytest.mark.parametrize(
    ("values", "kept"),
    [((0.1,) * 4, None), ((0.1,) * 5, True), ((0.1,) * 18 + (2.0,) * 2, False), ((0.1,) * 19 + (2.0,), True)],
)
def test_a_promise_is_judged_at_p95_of_five_values_at_least(values: tuple[float, ...], kept: bool | None) -> None:
    assert LoadFigure("", values, 1.0).kept is kept
    assert LoadFigure("", values).kept is None


SLEEPS = "import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"


@pytest.mark.process
async def test_only_what_stands_below_the_engine_of_the_test_is_killed(engine: Engine) -> None:
    ours = subprocess.Popen([sys.executable, "-c", f"{SLEEPS}time.sleep(60)"])  # noqa: ASYNC220 - does not wait
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])  # noqa: ASYNC220 - the same
    process = psutil.Process(ours.pid)
    try:
        async with asyncio.timeout(WAIT_S):
            while not (below := process.children()):
                await asyncio.sleep(0.01)
        models = KillableModels(process)
        assert await models.kill()
        assert ours.poll() is None
        assert not await models.is_back(engine)
        # Its own child is its own to reap: until then it is there as a zombie.
        async with asyncio.timeout(WAIT_S):
            while any(one.status() != psutil.STATUS_ZOMBIE for one in below):
                await asyncio.sleep(0.01)
        assert await KillableEngine(process).kill()
        assert ours.wait(WAIT_S) < 0
        assert other.poll() is None
        assert not await KillableEngine(process).kill()
    finally:
        for one in (ours, other):
            one.kill()
            one.wait()
