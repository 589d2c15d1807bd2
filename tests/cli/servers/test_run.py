"""`run` and `stop`: the queue worked off without a window, and the end of that."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import psutil
import pytest

from support.scripted_groups import new_task
from tale_tui.cli.servers import run
from tale_tui.cli.servers.run import QueueWorker, can_go_on
from tale_tui.domain.errors import EngineLost
from tale_tui.domain.events import EngineMoved, TasksChanged
from tale_tui.domain.tasks import Reason, TaskState


@pytest.fixture
def queue(engine: Any) -> Any:
    engine.here, engine.works_off = True, False
    return engine


class Runs:
    """A run over the queue of a fake, with what it wrote."""

    def __init__(self, engine: Any, *, lingers: bool = False, resumes: bool = True, stays: bool = False) -> None:
        self.said: list[str] = []
        self.told: list[str] = []
        self.queue = QueueWorker(
            report=self.said.append, inform=self.told.append, resumes=lambda: resumes, lingers=lingers, stays=stays
        )
        self.running = asyncio.create_task(self.queue.until_empty(engine))

    async def ended(self) -> int:
        async with asyncio.timeout(5):
            return await self.running


async def turns() -> None:
    """Let everything happen that can."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_what_can_go_on_without_the_user() -> None:
    def task(state: TaskState, **more: Any) -> Any:
        return new_task("abcd2222", state, **more).task

    assert can_go_on([task(TaskState.RUNNING)])
    assert can_go_on([task(TaskState.QUEUED)])
    assert can_go_on([task(TaskState.QUEUED, next_try=9e9)])
    assert not can_go_on([task(TaskState.QUEUED, waits_for=("efgh",)), task(TaskState.PAUSED), task(TaskState.WAITING)])
    assert not can_go_on([])


async def test_an_empty_queue_ends_at_once(queue: Any) -> None:
    runs = Runs(queue)
    assert await runs.ended() == 0
    assert (runs.said, runs.told) == ([], [])


async def test_it_ends_with_the_last_task_and_says_what_ended(queue: Any) -> None:
    for name in ("abcd2222", "efgh3333"):
        queue.give(new_task(name, title=name))
    runs = Runs(queue)
    await turns()
    queue.change("abcd2222", state=TaskState.DONE)
    await turns()
    assert not runs.running.done()
    queue.change("efgh3333", state=TaskState.FAILED, error_code="out_of_memory")
    assert await runs.ended() == 1
    assert [line.split()[:2] for line in runs.said] == [["✓", "abcd"], ["✗", "efgh"]]


async def test_a_task_that_becomes_free_is_waited_for(queue: Any) -> None:
    queue.give(new_task("abcd2222"))
    queue.give(new_task("efgh3333", waits_for=("abcd",), after=("abcd2222",)))
    runs = Runs(queue)
    await turns()
    queue.give(new_task("efgh3333", after=("abcd2222",)))  # nobody tells it
    queue.change("abcd2222", state=TaskState.DONE)
    await turns()
    assert not runs.running.done()
    queue.change("efgh3333", state=TaskState.DONE)
    assert await runs.ended() == 0


async def test_tasks_that_want_the_user_do_not_hold_it_up(queue: Any) -> None:
    queue.give(new_task("abcd2222", TaskState.PAUSED, reason=Reason.USER))
    queue.give(new_task("efgh3333", waits_for=("abcd",), after=("abcd2222",)))
    assert await Runs(queue).ended() == 0
    assert queue.calls == []


async def test_what_was_cut_off_goes_on(queue: Any) -> None:
    queue.give(new_task("abcd2222", TaskState.PAUSED, reason=Reason.INTERRUPTED))
    assert await Runs(queue, resumes=False).ended() == 0
    assert queue.calls == []
    runs = Runs(queue)
    await turns()
    assert queue.calls == [("resume", "abcd2222")]
    queue.change("abcd2222", state=TaskState.DONE)
    assert await runs.ended() == 0


async def test_where_a_window_works_it_waits_and_takes_over(queue: Any) -> None:
    queue.here = False
    queue.give(new_task("abcd2222", TaskState.RUNNING))
    runs = Runs(queue)
    await turns()
    assert runs.told == ["At work: the window, process 1. This waits until nothing is left to do."]
    queue.give(new_task("abcd2222", TaskState.PAUSED, reason=Reason.INTERRUPTED))
    queue.here = True
    queue.publish(EngineMoved(here=True))
    await turns()
    assert queue.calls == [("resume", "abcd2222")]
    queue.change("abcd2222", state=TaskState.DONE)
    assert await runs.ended() == 0


async def test_many_changes_at_once_are_read_again(queue: Any) -> None:
    queue.give(new_task("abcd2222", TaskState.RUNNING))
    runs = Runs(queue)
    await turns()
    queue.give(new_task("abcd2222", TaskState.DONE))
    queue.publish(TasksChanged())
    assert await runs.ended() == 0
    assert len(runs.said) == 1


async def test_it_can_be_ended_from_outside(queue: Any) -> None:
    queue.give(new_task("abcd2222", TaskState.RUNNING))
    runs = Runs(queue)
    await turns()
    runs.queue.end()
    assert await runs.ended() == 0


async def test_in_the_background_it_stays_as_long_as_a_window_watches(queue: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(run, "BACKGROUND_LINGER_S", 0.0)
    queue.watched = 2
    runs = Runs(queue, lingers=True)
    await turns()
    assert not runs.running.done()
    queue.watched = 1
    assert await runs.ended() == 0


async def test_in_the_background_it_stays_for_a_while(queue: Any) -> None:
    runs = Runs(queue, lingers=True)
    await turns()
    assert not runs.running.done()
    runs.queue.end()
    assert await runs.ended() == 0


# the commands


def test_run_works_off_the_queue_and_fails_where_a_task_failed(cli: Any, connection: Any, engine: Any) -> None:
    engine.here = True
    assert cli("run").code == 0
    assert connection.works_queue is True
    connection.ends()


def test_run_says_what_is_left_for_the_user(cli: Any, engine: Any) -> None:
    engine.here = True
    engine.give(new_task("abcd2222", TaskState.WAITING))
    result = cli("run")
    assert (result.code, result.out) == (0, "")
    assert result.err == "Left: 1 waiting for you. All of them: tale-tui tasks --state open\n"


def test_run_that_is_ended_says_how_it_goes_on(cli: Any, engine: Any, monkeypatch: Any) -> None:
    engine.here = True
    engine.give(new_task("abcd2222", TaskState.RUNNING))

    async def ended(self: QueueWorker, _: Any) -> int:
        self._here = engine.here
        self.end()
        return 0

    monkeypatch.setattr(QueueWorker, "until_empty", ended)
    assert cli("run").err == "What is open is kept. It goes on with: tale-tui run\n"
    engine.here = False
    assert cli("run").err == "Left: 1 running. All of them: tale-tui tasks --state open\n", "another process works"


@pytest.mark.parametrize("command", [["run"], ["wait", "abcd"]])
def test_where_nothing_can_be_written_nothing_is_waited_for(cli: Any, engine: Any, command: list[str]) -> None:
    engine.here, engine.can_write = True, False
    engine.give(new_task("abcd2222"))
    result = cli(*command)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Nothing can be written here: No task can be run.")
    engine.give(new_task("abcd2222", TaskState.DONE, result="Rain."))
    assert cli("wait", "abcd").out == "Rain.\n"


def test_a_log_that_cannot_be_written_is_named(cli: Any, connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", "/logs/tale-tui.log")

    connection.runs = False
    monkeypatch.setattr("tale_tui.cli.servers.run.start_background", refused)
    result = cli("run", "--background")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Nothing can be written here: /logs/tale-tui.log cannot be made.")


def test_stop_ends_only_an_engine_without_a_window(
    cli: Any, connection: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(pid: int) -> Any:
        raise psutil.NoSuchProcess(pid)

    monkeypatch.setattr(psutil, "Process", gone)
    result = cli("stop")
    assert (result.code, result.err) == (2, "Process 1 is the engine.\n")
    engine.background = True
    result = cli("stop")
    assert (result.code, engine.stopped) == (0, True)
    assert result.err == "Ended: the engine without a window, process 1.\n"
    connection.runs = False
    assert cli("stop").err == "No engine runs.\n"


def test_a_second_engine_is_not_started(cli: Any, engine: Any) -> None:
    result = cli("run", "--background")
    assert (result.code, result.err) == (0, "Already at work: the window, process 1.\n")


def test_a_demo_has_no_background(cli: Any, engine: Any) -> None:
    assert cli("--demo", "run", "--background").code == 2


async def test_one_that_stays_is_ended_by_nothing_but_its_end(queue: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(run, "BACKGROUND_LINGER_S", 0.01)
    runs = Runs(queue, lingers=True, stays=True)
    await asyncio.sleep(0.05)
    assert not runs.running.done()
    queue.give(new_task("abcd2222", TaskState.RUNNING))
    queue.change("abcd2222", state=TaskState.DONE)
    await asyncio.sleep(0.05)
    assert not runs.running.done()
    runs.queue.end()
    assert await runs.ended() == 0


@pytest.mark.parametrize("options", [[], ["--stay"], ["--detached"], ["--detached", "--stay"]])
def test_the_model_is_loaded_by_an_engine_that_goes_on(
    cli: Any, connection: Any, engine: Any, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BACKGROUND_LINGER_S", 0.01)
    engine.here = True
    if "--stay" in options:
        engine.errors["control.status"] = EngineLost("It ended.")
    cli("run", *options)
    assert connection.loaded is bool(options)
