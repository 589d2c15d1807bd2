"""`tale-tui wait` and `tale-tui result`: progress on standard error, the result on standard output."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.exit_codes import NO_MODEL_CODES, Exit
from tale_tui.cli.follow import FollowedTask, follow_task, until_blocked
from tale_tui.cli.output import MUTED, ProgressLine, echo, echo_err, echo_json, is_terminal
from tale_tui.cli.preflight import ensure_runs
from tale_tui.cli.tasks.choose import find_task
from tale_tui.cli.tasks.completion import task_ids
from tale_tui.cli.tasks.output import blocked_words, question_words, task_data
from tale_tui.domain.errors import TaleError, WrongState
from tale_tui.domain.events import Notice
from tale_tui.domain.tasks import ENDED, OPEN, TaskState
from tale_tui.formatting.engine import is_here
from tale_tui.formatting.plans import planning_words

if TYPE_CHECKING:
    from tale_tui.domain.tasks import Task, TaskDetail
    from tale_tui.engine.api import EngineApi

GOES_ON = (TaskState.QUEUED, TaskState.RUNNING, TaskState.DONE)
"""The states of a task whose server is back."""
TICK_S = 1.0
"""The time that a task takes is shown to the second."""


@click.command()
@click.argument("task_id", metavar="ID", shell_complete=task_ids(OPEN))
@click.option("--json", "as_json", is_flag=True, help="Print the task as one line of JSON.")
@click.pass_obj
def wait(context: CommandContext, task_id: str, as_json: bool) -> int:
    """Wait for a task and print its result.

    Where no other process is the engine, this command is it and works on the task.
    """

    async def work(engine: EngineApi) -> int:
        task = await find_task(engine, task_id)
        return echo_end(await wait_for(engine, task.id, line=ProgressLine()), as_json=as_json)

    return context.run(work)


@click.command()
@click.argument("task_id", metavar="ID", shell_complete=task_ids(ENDED))
@click.option("--json", "as_json", is_flag=True, help="Print the task as one line of JSON.")
@click.pass_obj
def result(context: CommandContext, task_id: str, as_json: bool) -> int:
    """Print the result of a task.

    Exit code 2 where it has not ended yet, 1 where it failed or was cancelled.
    """

    async def work(engine: EngineApi) -> TaskDetail:
        return await engine.tasks.get((await find_task(engine, task_id)).id)

    detail = context.run(work)
    task = detail.task
    if task.state not in ENDED:
        raise WrongState(
            f"{task.shown} ({task.title}) is {task.state.value}, so it has no result yet: "
            f"tale-tui wait {task.shown} waits for it."
        )
    if task.state is not TaskState.DONE and not as_json:
        for step in detail.steps:
            if step.text:
                echo(step.text.rstrip("\n"))
    code = echo_end(detail, as_json=as_json)
    if code is not Exit.DONE:
        echo_err(f"To run it again: tale-tui retry {task.shown}")
    return code


class ShownProgress:
    """A task that is waited for, on standard error: one line that is written over on a terminal, elsewhere a line for
    each state that it comes to.

    Args:
        line: the line.
    """

    def __init__(self, line: ProgressLine) -> None:
        self._line = line
        self._live = is_terminal(sys.stderr)
        self._work: FollowedTask | None = None
        self._said = ""
        self._named: set[str] = set()
        """Steps that were written down when they began."""

    def show(self, work: FollowedTask) -> None:
        """Show how it is now."""
        before, self._work = self._work, work
        waited = before is not None and before.task.server_since is not None
        if before is not None and waited and work.task.server_since is None and work.task.state in GOES_ON:
            self.echo(_back_line(before.task, time.time()))
        words = _state_line(work.task)
        if words and words != self._said and not (self._live and work.task.state in ENDED):
            self._line.clear()
            if not self._live or work.task.state in (TaskState.WAITING, TaskState.PAUSED):
                for line in (*work.copies.splitlines(), words):
                    echo_err(line)
        self._said = words
        self._named.update(work.over if before is None else ())
        for step in (*work.over, *work.running):
            if step not in self._named and not self._live:
                echo_err(f"{work.task.shown}  {step}")
            self._named.add(step)
        self._draw()

    def echo(self, words: str) -> None:
        """Write a line beside it."""
        self._line.clear()
        echo_err(words)
        self._draw()

    def clear(self) -> None:
        """Take the line away: something else is written."""
        self._work = None
        self._line.clear()

    async def tick(self) -> None:
        """Show the time as it goes by."""
        while True:
            await asyncio.sleep(TICK_S)
            self._draw()

    def _draw(self) -> None:
        if self._work is None or not self._live or self._work.task.state in ENDED:
            return
        from tale_tui.formatting.tasks import sign, state_words, times
        from tale_tui.formatting.units import plural

        task, now = self._work.task, time.time()
        words = [f"{sign(task)} {task.shown}", state_words(task, now, doing=self._work.doing)]
        if task.state is TaskState.RUNNING:
            words.append(times(task, now))
            words += [", ".join(self._work.running)] if len(self._work.running) > 1 else []
        if self._work.tokens:
            words.append(plural(self._work.tokens, "token"))
        self._line.word("  ".join(words))


async def wait_for(engine: EngineApi, task_id: str, *, line: ProgressLine) -> TaskDetail:
    """Wait until a task has ended, and show how it goes.

    Where one that it waits for ended without being done, it would never begin: standard error says so, and it stays
    queued.

    Raises:
        NoSuchTask: it is not there.
        ReadOnly: it has not ended, and nothing can be written.
        asyncio.CancelledError: the user does not wait any longer; what becomes of the task stands on standard error.
    """
    shown = ShownProgress(line)
    try:
        async with _meanwhile(shown.tick()), _meanwhile(_echo_errors(engine, shown)):
            return await _end_of(engine, task_id, shown)
    except asyncio.CancelledError:
        line.clear()
        with suppress(TaleError):  # the engine may have ended too: what is stored is kept all the same
            echo_err(await _goes_on(engine, task_id))
        raise
    finally:
        line.clear()


def echo_end(detail: TaskDetail, *, as_json: bool = False, quiet: bool = False) -> Exit:
    """Write what became of a task that was waited for: its result, or why there is none.

    Args:
        detail: the task.
        as_json: writes it as JSON instead of its result.
        quiet: leaves its result out.
    Returns:
        The exit code.
    """
    task = detail.task
    if as_json:
        echo_json(task_data(detail))
    match task.state:
        case TaskState.DONE:
            if not (as_json or quiet):
                echo(detail.result.rstrip("\n"))
                if words := planning_words(detail):
                    echo_err(f"{task.shown}  {words}")
                if is_terminal(sys.stderr):
                    echo_err(click.style(_summary(task), **MUTED))
            return Exit.DONE
        case TaskState.FAILED:
            echo_err(f"{task.shown} failed: {task.error}")
            partial = any(step.text for step in detail.steps)
            return Exit.NO_MODEL if task.error_code in NO_MODEL_CODES and not partial else Exit.FAILED
        case TaskState.CANCELLED:
            echo_err(f"{task.shown} was cancelled.")
            return Exit.FAILED
        case _:
            return Exit.FAILED


async def _end_of(engine: EngineApi, task_id: str, shown: ShownProgress) -> TaskDetail:
    task = (await engine.tasks.get(task_id)).task
    if task.state not in ENDED:
        await ensure_runs(engine)
    if not task.after:
        return await follow_task(engine, task_id, shown.show)
    following = asyncio.ensure_future(follow_task(engine, task_id, shown.show))
    blocking = asyncio.ensure_future(until_blocked(engine, task_id))
    try:
        await asyncio.wait({following, blocking}, return_when=asyncio.FIRST_COMPLETED)
        needed = None if following.done() else blocking.result()
        if needed is None:
            return await following
    finally:
        following.cancel()
        blocking.cancel()
        await asyncio.gather(following, blocking, return_exceptions=True)
    shown.clear()
    detail = await engine.tasks.get(task_id)
    echo_err(blocked_words(detail.task, needed))
    return detail


async def _goes_on(engine: EngineApi, task_id: str) -> str:
    """What becomes of a task that nobody waits for here any longer."""
    shown = (await engine.tasks.get(task_id)).task.shown
    if is_here(await engine.control.status()):
        return f"{shown} is kept. It goes on with: tale-tui wait {shown}, or with all that is open: tale-tui run"
    return f"{shown} goes on without this command. To end it: tale-tui cancel {shown}"


async def _echo_errors(engine: EngineApi, shown: ShownProgress) -> None:
    """Write what goes wrong beside the task: a full disk, for one, holds it up without ending it."""
    written: set[str] = set()
    with suppress(TaleError):  # an engine that is lost is reported by whoever follows the task
        async with aclosing(engine.control.watch()) as facts:
            async for fact in facts:
                if isinstance(fact, Notice) and fact.severity == "error" and fact.sentence not in written:
                    written.add(fact.sentence)
                    shown.echo(f"{fact.title}: {fact.sentence}")


@asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do something as long as the block lasts."""
    task = asyncio.create_task(work, name="meanwhile")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):  # by the line above
            await task


def _state_line(task: Task) -> str:
    """The state that it came to, where that is worth a line of its own."""
    from tale_tui.formatting.tasks import state_words

    words = f"{task.shown}  {state_words(task, time.time())}"
    match task.state:
        case TaskState.WAITING:
            return question_words(task)
        case TaskState.PAUSED:
            return f"{words}: tale-tui resume {task.shown}"
        case TaskState.QUEUED if task.next_try is not None:
            return f"{task.shown}  an attempt failed, it is tried again: {task.error}".removesuffix(": ")
        case TaskState.RUNNING if task.ref is not None:
            return f"{words}  {task.ref.model}"
        case TaskState.QUEUED | TaskState.RUNNING:
            return words
        case _:
            return ""


def _back_line(task: Task, now: float) -> str:
    """That the server is back for which a task waited, and how long it was away."""
    from tale_tui.formatting.servers import server_name
    from tale_tui.formatting.units import span

    server = server_name("" if task.ref is None else task.ref.backend)
    since = now if task.server_since is None else task.server_since
    return f"{task.shown}  {server} is back after {span(now - since)}"


def _summary(task: Task) -> str:
    from tale_tui.formatting.symbols import signs
    from tale_tui.formatting.tasks import times, tokens

    parts = (f"{task.ref.model}" if task.ref else "", times(task, time.time()), tokens(task), task.shown)
    return f" {signs().dot} ".join(part for part in parts if part)
