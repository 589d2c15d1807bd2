"""One message, answered on standard output: a reply as it comes, or the result of the task that it became."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from tale_tui.cli.exit_codes import NO_MODEL_CODES, Exit
from tale_tui.cli.output import MUTED, ProgressLine, echo_err, is_terminal, say, say_json, tenth

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from tale_tui.cli.chat.options import ChatOptions
    from tale_tui.domain.conversation import Message
    from tale_tui.domain.events import TaskStarted, TurnEvent, TurnStarted
    from tale_tui.domain.models import ModelRef
    from tale_tui.domain.tasks import TaskDetail
    from tale_tui.engine.api import EngineApi


OFFER = "That may have been a task. To have it worked on as one: tale-tui submit TEXT"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a message: a reply, or the task that it became."""

    reply: Message
    confidence: float | None
    """How sure it is that it is a task, or that it is none, 0.5 to 1; None where it was not judged."""
    task: TaskDetail | None = None
    unsure: bool = False
    """Whether it was answered because nobody is sure that it is a task."""


async def print_answer(engine: EngineApi, message: str, wanted: ChatOptions, *, as_json: bool) -> int:
    """Ask once and print the answer as it comes, or whole as JSON; of a task its result.

    Raises:
        TaleError: no model, no such session, a message that cannot be sent, a model that failed.
    """
    from tale_tui.cli.preflight import choose_model, ensure_model

    line = ProgressLine()
    ref = await choose_model(engine, wanted.backend, wanted.model, yes=wanted.yes, line=line)
    if ref is None:
        await ensure_model(engine, yes=wanted.yes, line=line)
    session = await (engine.sessions.find(wanted.session) if wanted.session else engine.sessions.create())
    found = await _ask(engine, session.id, message, ref, wanted, line, silent=as_json)
    if found is None:
        echo_err("Stopped in another window. What came is kept.")
        return Exit.INTERRUPTED
    code = Exit.DONE
    if found.task is not None:
        code = await _say_task(engine, found.task, quiet=as_json, waited=wanted.wait)
    elif not as_json and is_terminal(sys.stderr):
        echo_err(click.style(_summary(found.reply), **MUTED))
        if found.unsure:
            echo_err(click.style(OFFER, **MUTED))
    if as_json:
        say_json(_as_data(found))
    return code


async def _ask(
    engine: EngineApi,
    session_id: str,
    message: str,
    ref: ModelRef | None,
    wanted: ChatOptions,
    line: ProgressLine,
    *,
    silent: bool,
) -> Answer | None:
    """Send the message; where it became a task, wait for that too, if that is wanted."""
    from tale_tui.cli.follow import may_be_task
    from tale_tui.cli.tasks.wait import wait_for
    from tale_tui.domain.clock import ID_SHOWN, random_id
    from tale_tui.domain.events import TaskStarted
    from tale_tui.domain.tasks import Task

    p: float | None = None
    task: Task | None = None

    def begins(event: TurnStarted | TaskStarted) -> None:
        nonlocal p, task
        if isinstance(event, TaskStarted):
            task = event.task
        elif event.user is not None:
            p = event.user.p

    unsure = wanted.tasks and not silent and await may_be_task(engine, message, session_id)
    turn = engine.chat.send(session_id, message, key=random_id(), ref=ref, as_task=wanted.as_task)
    try:
        reply = await _stream(turn, line, begins, silent=silent)
    except asyncio.CancelledError:
        echo_err(f"Stopped. What came is kept, and goes on with: tale-tui chat --session {session_id[:ID_SHOWN]}")
        raise
    if reply is None:
        return None
    sure = None if p is None else max(p, 1 - p)
    if task is None:
        return Answer(reply, sure, unsure=unsure and reply.ref is not None)
    detail = await wait_for(engine, task.id, line=line) if wanted.wait else await engine.tasks.get(task.id)
    return Answer(reply, sure, detail)


async def _say_task(engine: EngineApi, detail: TaskDetail, *, quiet: bool, waited: bool) -> Exit:
    """Write what became of the task, or that it is queued."""
    from tale_tui.cli.tasks.submit import say_queued
    from tale_tui.cli.tasks.wait import say_end

    if waited:
        return say_end(detail, quiet=quiet)
    if not quiet:
        await say_queued(engine, detail, as_json=False)
    return Exit.DONE


async def _stream(
    turn: AsyncGenerator[TurnEvent, None],
    line: ProgressLine,
    begins: Callable[[TurnStarted | TaskStarted], None],
    *,
    silent: bool,
) -> Message | None:
    from tale_tui.cli.follow import follow
    from tale_tui.domain.errors import rebuild
    from tale_tui.domain.events import TurnCancelled, TurnDone, TurnFailed

    printed = ""

    def text(piece: str) -> None:
        nonlocal printed
        line.clear()
        printed += piece
        if not silent:
            say(piece, end="")

    def reads(done: int, total: int) -> None:
        line.word(f"reading {done} of {total} tokens")

    try:
        async with aclosing(turn) as events:
            end = await follow(events, text=text, waits=line.word, reads=reads, begins=begins)
    finally:
        # The last line of a broken answer is ended too: what follows it begins a line of its own.
        line.clear()
        if printed and not silent:
            say()
    match end:
        case TurnDone(reply=reply):
            return reply
        case TurnFailed(code=code, sentence=sentence):
            if code in NO_MODEL_CODES and not printed:
                from tale_tui.cli.preflight import no_answer

                raise no_answer(sentence)
            raise rebuild(code, sentence)
        case TurnCancelled():
            return None


def _as_data(found: Answer) -> dict[str, object]:
    from tale_tui.cli.tasks.output import rounded
    from tale_tui.domain.models import Usage

    reply, detail = found.reply, found.task
    usage = reply.usage or Usage()
    text, ref = reply.text, reply.ref
    if detail is not None:
        task = detail.task
        usage = Usage(
            task.prompt_tokens, task.completion_tokens, total_ms=task.worked_s * 1000 if task.finished else None
        )
        text, ref = detail.result, task.ref
    return {
        "session": reply.session_id,
        "reply": text,
        "backend": ref.backend.value if ref else None,
        "model": ref.model if ref else None,
        "ttft_ms": tenth(usage.ttft_ms),
        "load_ms": tenth(usage.load_ms),
        "total_ms": tenth(usage.total_ms),
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "tokens_per_second": tenth(usage.tokens_per_second),
        "task_detected": detail is not None,
        "confidence": rounded(found.confidence),
        "task_id": detail.task.id if detail is not None else None,
    }


def _summary(reply: Message) -> str:
    from tale_tui.cli.follow import figures
    from tale_tui.domain.clock import ID_SHOWN
    from tale_tui.formatting.symbols import signs

    parts = [reply.ref.model if reply.ref else "", *figures(reply.usage), f"session {reply.session_id[:ID_SHOWN]}"]
    return f" {signs().dot} ".join(part for part in parts if part)
