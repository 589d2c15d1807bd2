"""`tale-tui run` and `tale-tui stop`: work off the queue without a window, here or in the background, and end that."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from tale_tui.at_work import engine_words
from tale_tui.background import DETACHED_OPTION, start_background
from tale_tui.cli.exits import Exit
from tale_tui.cli.invocation import Invocation, folder_error
from tale_tui.cli.output import say, tell
from tale_tui.engine.errors import BadInput, EngineLost

if TYPE_CHECKING:
    from tale_tui.engine.api import EngineApi
    from tale_tui.engine.task_types import EngineStatus
    from tale_tui.paths import Paths

START_TIMEOUT_S = 20.0
"""How long an engine may take until it answers."""
END_TIMEOUT_S = 20.0
"""How long an engine may take to end: it stores what its tasks wrote."""
LEAVE_TIMEOUT_S = 2.0
"""How long its process is waited for after that."""
KEPT = "What is open is kept. It goes on with: tale-tui run"
LOOK_S = 0.05
"""Between two looks at a process that begins or ends."""


@click.command()
@click.option("--background", is_flag=True, help="In a process of its own; this command ends at once.")
@click.option(DETACHED_OPTION, "detached", is_flag=True, hidden=True, help="This is the process in the background.")
@click.pass_obj
def run(invocation: Invocation, background: bool, detached: bool) -> int:
    """Work off the queue without a window.

    It ends when the queue is empty; what was cut off goes on too. Exit code 1 when a task failed meanwhile. In the
    background it goes on until there was nothing to do for ten minutes, or until: tale-tui stop
    """
    if background:
        return _start(invocation)
    return _work(invocation, detached=detached)


@click.command()
@click.pass_obj
def stop(invocation: Invocation) -> int:
    """End the engine that has no window.

    Its tasks go on with the next start.
    """

    paths = invocation.paths

    async def work(engine: EngineApi | None) -> int:
        if engine is None:
            tell("No engine runs.")
            return Exit.DONE
        status = await engine.control.status()
        await engine.control.stop()
        if not await _has_ended(paths, status.pid):
            tell(f"Process {status.pid} is still busy with its end.")
            return Exit.FAILED
        tell(f"Ended: {engine_words(status)}.")
        return Exit.DONE

    return invocation.run_there(work)


def _work(invocation: Invocation, *, detached: bool) -> int:
    from tale_tui.cli.queue_run import QueueRun
    from tale_tui.cli.status import open_line

    queue = QueueRun(
        says=_silent if detached else say,
        tells=_silent if detached else tell,
        resumes=lambda: invocation.settings().tasks.resume != "never",
        lingers=detached,
    )

    async def work(engine: EngineApi) -> int:
        with suppress(NotImplementedError):  # Windows has no such signal
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, queue.end)
        try:
            failed = await queue.until_empty(engine)
        except asyncio.CancelledError:
            tell(KEPT)
            raise
        if detached:
            return Exit.FAILED if failed else Exit.DONE
        if queue.was_ended:
            tell(KEPT)
        elif (counts := (await engine.control.status()).tasks).open:
            tell(f"Left: {open_line(counts)}. All of them: tale-tui tasks --state open")
        return Exit.FAILED if failed else Exit.DONE

    return invocation.run(work, works_queue=True, ends=queue.end)


def _silent(_: str) -> None:
    """Nobody reads what a process in the background writes."""


def _start(invocation: Invocation) -> int:
    paths = invocation.make_folders()
    if invocation.demo_home is not None:
        raise BadInput("--demo has a folder that goes with this command: leave out --background.")

    async def runs_already(engine: EngineApi | None) -> EngineStatus | None:
        return None if engine is None else await engine.control.status()

    status = invocation.run_there(runs_already)
    if status is not None and status.works_queue:
        tell(f"Already at work: {engine_words(status)}.")
        return Exit.DONE
    # Whatever is wrong with the settings is said here, where somebody reads it.
    invocation.settings()
    try:
        pid = start_background(paths, invocation.overrides, invocation.environ)
    except OSError as error:
        raise folder_error(error) from error
    if not asyncio.run(_is_up(invocation.paths, pid)):
        tell(f"The engine could not be started. The details are in {paths.log_file}")
        return Exit.FAILED
    tell(
        f"Works in the background, process {pid}. "
        "It ends when there was nothing to do for ten minutes, or with: tale-tui stop"
    )
    return Exit.DONE


async def _is_up(paths: Paths, pid: int) -> bool:
    """Wait until the process `pid` is the engine, or waits for the one that is to end."""
    from tale_tui.engine.link import find_engine

    with suppress(TimeoutError):
        async with asyncio.timeout(START_TIMEOUT_S):
            while not _is_gone(pid):
                with suppress(EngineLost):  # it is not that far
                    async with find_engine(paths) as engine:
                        if engine is not None:
                            return True
                await asyncio.sleep(LOOK_S)
    return False


async def _has_ended(paths: Paths, pid: int) -> bool:
    """Wait until the process `pid` is not the engine any more, and a moment for it to be gone."""
    try:
        async with asyncio.timeout(END_TIMEOUT_S):
            while True:
                if not await _is_engine(paths, pid):
                    break
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        return False
    with suppress(TimeoutError):  # whoever started it has not taken leave of it
        async with asyncio.timeout(LEAVE_TIMEOUT_S):
            while True:
                if _is_gone(pid):
                    break
                await asyncio.sleep(LOOK_S)
    return True


async def _is_engine(paths: Paths, pid: int) -> bool:
    from tale_tui.engine.link import find_engine

    try:
        async with find_engine(paths) as engine:
            return engine is not None and (await engine.control.status()).pid == pid
    except EngineLost:
        # It is about to end: the next look tells.
        return True


def _is_gone(pid: int) -> bool:
    """Whether the process of this number has ended; one of our own is taken leave of."""
    with suppress(ChildProcessError):  # not a child of ours
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return True
    import psutil

    try:
        # The first process of a container may take its time until it takes leave of what has ended.
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
