"""`tale-tui run` and `tale-tui stop`: an engine without a window, which works off the queue until nothing is left that
could be done without the user."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext, folder_error
from tale_tui.cli.exit_codes import Exit
from tale_tui.cli.output import echo, echo_err
from tale_tui.cli.preflight import ensure_runs
from tale_tui.cli.signals import on_ending
from tale_tui.cli.tasks.output import line_of
from tale_tui.domain.constants import BACKGROUND_LINGER_S
from tale_tui.domain.errors import BadInput, EngineLost, WrongState
from tale_tui.domain.events import AlertRaised, EngineMoved, TaskChanged, TasksChanged
from tale_tui.domain.tasks import ENDED, OPEN, Reason, TaskState
from tale_tui.domain.text import reason_of
from tale_tui.engine.background import DETACHED_OPTION, STAY_OPTION, start_background
from tale_tui.formatting.engine import engine_words, is_here

if TYPE_CHECKING:
    from tale_tui.config.paths import Paths
    from tale_tui.domain.events import Fact
    from tale_tui.domain.tasks import EngineStatus, Task
    from tale_tui.engine.api import EngineApi

START_TIMEOUT_S = 20.0
"""How long an engine may take until it answers."""
END_TIMEOUT_S = 20.0
"""How long an engine may take to end: it stores what its tasks wrote."""
EXIT_TIMEOUT_S = 2.0
"""How long its process is waited for after that."""
POLL_S = 0.05
"""Between two looks at a process that begins or ends."""
TASKS_KEPT = "What is open is kept. It goes on with: tale-tui run"


@click.command()
@click.option("--background", is_flag=True, help="In a process of its own; this command ends at once.")
@click.option(STAY_OPTION, is_flag=True, help="Until it is ended, also where there is nothing to do.")
@click.option(DETACHED_OPTION, "detached", is_flag=True, hidden=True, help="This is the process in the background.")
@click.pass_obj
def run(context: CommandContext, background: bool, stay: bool, detached: bool) -> int:
    """Work off the queue without a window.

    It ends when the queue is empty; what was cut off goes on too. Exit code 1 when a task failed meanwhile. In the
    background it loads the model that answers and goes on until there was nothing to do for ten minutes. With --stay it
    goes on until: tale-tui stop
    """
    if background:
        return start_engine(context, stays=stay)
    return _work(context, detached=detached, stays=stay)


@click.command()
@click.pass_obj
def stop(context: CommandContext) -> int:
    """End the engine that has no window.

    Its tasks go on with the next start.
    """
    paths = context.paths

    async def work(engine: EngineApi | None) -> int:
        if engine is None:
            echo_err("No engine runs.")
            return Exit.DONE
        status = await engine.control.status()
        await engine.control.stop()
        if not await _has_ended(paths, status.pid):
            echo_err(f"Process {status.pid} is still busy with its end.")
            return Exit.FAILED
        echo_err(f"Ended: {engine_words(status)}.")
        return Exit.DONE

    return context.run_there(work)


def can_go_on(tasks: Iterable[Task]) -> bool:
    """Whether one of these runs, or will, without the user doing anything.

    A queued task that waits for others needs no look at those: where nothing else runs or is free to, all of them end
    at a task that wants the user.
    """
    return any(
        task.state is TaskState.RUNNING or (task.state is TaskState.QUEUED and not task.waits_for) for task in tasks
    )


class QueueWorker:
    """One run over the queue. `end` ends it early.

    Args:
        report: writes a line about each task that has ended.
        inform: writes who works, where that is another process.
        resumes: whether tasks that were cut off go on; asked where this process is the engine.
        lingers: whether it stays until nothing was there to do for `BACKGROUND_LINGER_S`, and nobody watches.
        stays: whether it stays until it is ended, whatever there is to do.
    """

    def __init__(
        self,
        *,
        report: Callable[[str], None],
        inform: Callable[[str], None],
        resumes: Callable[[], bool],
        lingers: bool,
        stays: bool = False,
    ) -> None:
        self._report = report
        self._inform = inform
        self._resumes = resumes
        self._lingers = lingers
        self._stays = stays
        self._wake = asyncio.Event()
        self._ending = False
        self._here = False
        self._open: dict[str, Task] = {}
        self._failed = 0

    @property
    def was_ended(self) -> bool:
        """Whether it was this process that worked, and `end` ended it: what runs is cut off with it."""
        return self._ending and self._here

    def end(self) -> None:
        """End the run; what is open goes on with the next one."""
        self._ending = True
        self._wake.set()

    async def until_empty(self, engine: EngineApi) -> int:
        """Work until nothing is left to do.

        Returns:
            How many tasks failed meanwhile.
        Raises:
            EngineLost: the engine ended, and this process could not become it.
            ReadOnly: nothing can be written, so no task is run.
        """
        await self._begin(engine)
        reader = asyncio.create_task(self._watch(engine), name="queue")
        reader.add_done_callback(lambda _: self._wake.set())
        try:
            await self._work(engine, reader)
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):  # by the line above
                await reader
        return self._failed

    async def _work(self, engine: EngineApi, reader: asyncio.Task[None]) -> None:
        loop = asyncio.get_running_loop()
        idle_since: float | None = None
        while not (self._ending or reader.done()):
            self._wake.clear()
            if self._stays or can_go_on(self._open.values()) or await self._has_work(engine):
                idle_since = None
                await self._wake.wait()
                continue
            idle_since = idle_since or loop.time()
            left = idle_since + BACKGROUND_LINGER_S - loop.time() if self._lingers else 0.0
            if left <= 0:
                # One reader is this run itself.
                if not self._lingers or (await engine.control.status()).watched <= 1:
                    return
                idle_since, left = loop.time(), BACKGROUND_LINGER_S
            with suppress(TimeoutError):  # that was the time
                async with asyncio.timeout(left):
                    await self._wake.wait()

    async def _has_work(self, engine: EngineApi) -> bool:
        """Read again: no fact says that a task need not wait for another one any longer."""
        await self._refresh(engine)
        return can_go_on(self._open.values())

    async def _begin(self, engine: EngineApi) -> None:
        """Take over where this process is the engine: what was cut off goes on."""
        await ensure_runs(engine)
        status = await engine.control.status()
        self._here = is_here(status)
        if not self._here:
            self._inform(f"At work: {engine_words(status)}. This waits until nothing is left to do.")
        elif self._resumes():
            for task in await engine.tasks.list(states=(TaskState.PAUSED,)):
                if task.reason is Reason.INTERRUPTED:
                    with suppress(WrongState):  # somebody was faster
                        await engine.tasks.resume(task.id)
        await self._refresh(engine)

    async def _refresh(self, engine: EngineApi) -> None:
        """Read what is open; what was and is not any more has ended."""
        found = {task.id: task for task in await engine.tasks.list(states=tuple(OPEN))}
        for task_id in self._open.keys() - found.keys():
            self._update((await engine.tasks.get(task_id)).task)
        self._open = found

    async def _watch(self, engine: EngineApi) -> None:
        async with aclosing(engine.control.watch()) as facts:
            async for fact in facts:
                await self._on_fact(engine, fact)
                self._wake.set()

    async def _on_fact(self, engine: EngineApi, fact: Fact) -> None:
        match fact:
            case TaskChanged(task=task):
                self._update(task)
            case TasksChanged():
                await self._refresh(engine)
            case AlertRaised(alert):
                self._inform(f"Alert: {alert.sentence}")
            case EngineMoved():
                await self._begin(engine)

    def _update(self, task: Task) -> None:
        if task.state not in ENDED:
            self._open[task.id] = task
        elif self._open.pop(task.id, None) is not None:
            self._failed += task.state is TaskState.FAILED
            self._report(line_of(task))


def _work(context: CommandContext, *, detached: bool, stays: bool) -> int:
    from tale_tui.cli.tasks.status import open_line

    queue = QueueWorker(
        report=_silent if detached else echo,
        inform=_silent if detached else echo_err,
        resumes=lambda: context.settings().tasks.resume != "never",
        lingers=detached,
        stays=stays,
    )

    async def work(engine: EngineApi) -> int:
        on_ending(asyncio.get_running_loop(), lambda _: queue.end())
        try:
            failed = await queue.until_empty(engine)
        except asyncio.CancelledError:
            echo_err(TASKS_KEPT)
            raise
        if detached:
            return Exit.FAILED if failed else Exit.DONE
        if queue.was_ended:
            echo_err(TASKS_KEPT)
        elif (counts := (await engine.control.status()).tasks).open:
            echo_err(f"Left: {open_line(counts)}. All of them: tale-tui tasks --state open")
        return Exit.FAILED if failed else Exit.DONE

    return context.run(work, load=detached or stays, works_queue=True, ends=queue.end)


def _silent(_: str) -> None:
    """Nobody reads what a process in the background writes."""


def start_engine(context: CommandContext, *, stays: bool = False) -> int:
    """Start an engine in the background, where none works off the queue yet.

    Args:
        context: of the command.
        stays: whether it goes on without anything to do.

    Returns:
        The exit code.
    """
    paths = context.make_folders()
    if context.demo_home is not None:
        raise BadInput("--demo has a folder that goes with this command: leave out --background.")

    async def runs_already(engine: EngineApi | None) -> EngineStatus | None:
        return None if engine is None else await engine.control.status()

    status = context.run_there(runs_already)
    if status is not None and status.works_queue:
        echo_err(f"Already at work: {engine_words(status)}.")
        return Exit.DONE
    pid = launch_engine(context, paths, stays=stays)
    if pid is None:
        return Exit.FAILED
    until = "It stays until" if stays else "It ends when there was nothing to do for ten minutes, or with"
    echo_err(f"Works in the background, process {pid}. {until}: tale-tui stop")
    return Exit.DONE


def launch_engine(context: CommandContext, paths: Paths, *, stays: bool) -> int | None:
    """Start an engine in the background and wait until it answers; what is wrong is said.

    Args:
        context: of the command.
        paths: its folders; they exist.
        stays: whether it goes on without anything to do.
    Returns:
        The number of its process; None where there is none.
    """
    # Whatever is wrong with the settings is said here, where somebody reads it.
    context.settings()
    try:
        pid = start_background(paths, context.overrides, context.environ, stays=stays)
    except OSError as error:
        if error.filename is not None and str(error.filename) != sys.executable:
            raise folder_error(error) from error
        echo_err(f"The engine could not be started: {reason_of(error)}. Nothing was changed.")
        return None
    if not asyncio.run(_is_up(paths, pid)):
        echo_err(f"The engine could not be started. The details are in {paths.log_file}")
        return None
    return pid


async def _is_up(paths: Paths, pid: int) -> bool:
    """Wait until the process `pid` is the engine, or waits for the one that is to end."""
    from tale_tui.engine.ipc.connect import find_engine

    with suppress(TimeoutError):
        async with asyncio.timeout(START_TIMEOUT_S):
            while not _is_gone(pid):
                with suppress(EngineLost):  # it is not that far
                    async with find_engine(paths) as engine:
                        if engine is not None:
                            return True
                await asyncio.sleep(POLL_S)
    return False


async def _has_ended(paths: Paths, pid: int) -> bool:
    """Wait until the process `pid` is not the engine any more, and a moment for it to be gone."""
    try:
        async with asyncio.timeout(END_TIMEOUT_S):
            while True:
                if not await _is_engine(paths, pid):
                    break
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        return False
    with suppress(TimeoutError):  # its parent has not reaped it
        async with asyncio.timeout(EXIT_TIMEOUT_S):
            while True:
                if _is_gone(pid):
                    break
                await asyncio.sleep(POLL_S)
    return True


async def _is_engine(paths: Paths, pid: int) -> bool:
    from tale_tui.engine.ipc.connect import find_engine

    try:
        async with find_engine(paths) as engine:
            return engine is not None and (await engine.control.status()).pid == pid
    except EngineLost:
        # It is about to end: the next look tells.
        return True


def _is_gone(pid: int) -> bool:
    """Whether the process of this number has ended; one of our own is reaped."""
    with suppress(ChildProcessError):  # not a child of ours
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return True
    import psutil

    try:
        # The first process of a container may take its time until it reaps what has ended.
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
