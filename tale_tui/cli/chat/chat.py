"""`tale-tui chat`: the window, one answer on standard output, or a conversation line by line."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.exit_codes import NO_MODEL_CODES, Exit
from tale_tui.cli.held_notices import HeldNotices
from tale_tui.cli.output import MUTED, ProgressLine, echo, echo_err, echo_json, is_terminal, rounded, tenth
from tale_tui.cli.stdin import checked_words, is_piped, read_message
from tale_tui.domain.errors import BadInput, EmptyMessage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from tale_tui.domain.conversation import Message
    from tale_tui.domain.events import TaskStarted, TurnEvent, TurnStarted
    from tale_tui.domain.models import ModelRef
    from tale_tui.domain.tasks import TaskDetail
    from tale_tui.engine.api import EngineApi

INSTEAD = "Ask once with: tale-tui chat -m TEXT\nTalk line by line with: tale-tui --plain"
NO_TERMINAL = f"The window needs a terminal, and there is none here.\n{INSTEAD}"
BACKENDS = ("embedded", "ollama", "openai", "scripted")
THOUGHT_ALOUD = "The lines above were thinking. This is the answer:"
TASK_HINT = "That may have been a task. To have it worked on as one: tale-tui submit TEXT"


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """Who shall answer, and where the answer belongs, as the command line says."""

    session: str | None = None
    backend: str | None = None
    model: str | None = None
    yes: bool = False
    """Whether the starter model may be fetched where there is no model."""
    wait: bool = True
    """Whether the result of a task is waited for."""
    tasks: bool = True
    """Whether a message may become a task."""

    @property
    def as_task(self) -> bool | None:
        """As the engine takes it: None lets it judge."""
        return None if self.tasks else False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a message: a reply, or the task that it became."""

    reply: Message
    confidence: float | None
    """How sure it is that it is a task, or that it is none, 0.5 to 1; None where it was not judged."""
    task: TaskDetail | None = None
    unsure: bool = False
    """Whether it was answered because nobody is sure that it is a task."""


@click.command()
@click.option("-m", "--message", metavar="TEXT", help="Ask this and print the answer.")
@click.option("--session", metavar="ID", help="Go on with this session.")
@click.option("--backend", type=click.Choice(BACKENDS), help="Where the model runs, for this run.")
@click.option("--model", metavar="NAME", help="The model for this run: NAME or BACKEND/NAME.")
@click.option("--plain", is_flag=True, help="A conversation line by line, for pipes and screen readers.")
@click.option("--yes", "-y", is_flag=True, help="Fetch the starter model (93 MB) where there is no model.")
@click.option("--no-wait", is_flag=True, help="A message that is a task is only queued.")
@click.option("--no-tasks", is_flag=True, help="No message becomes a task: the model that talks answers all.")
@click.option("--exit", "leaves", is_flag=True, help="Answer and leave, never the window; as it is with -m.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one line of JSON.")
@click.pass_obj
def chat(
    context: CommandContext,
    message: str | None = None,
    session: str | None = None,
    backend: str | None = None,
    model: str | None = None,
    plain: bool = False,
    yes: bool = False,
    no_wait: bool = False,
    no_tasks: bool = False,
    leaves: bool = False,
    as_json: bool = False,
) -> int:
    """Open the window, or print one answer with -m.

    Text on standard input is the message. The answer streams to standard output. A message that is a task is carried
    out, and its result is printed.
    """
    options = ChatOptions(session, backend, model, yes, wait=not no_wait, tasks=not no_tasks)
    if plain:
        if message is not None or as_json or leaves:
            raise BadInput("--plain takes its lines from standard input: leave out -m, --exit and --json.")
        return _converse(context, options)
    if message is None and is_piped() and (leaves or as_json or not shown_elsewhere(context.environ)):
        message = read_message()
        if not message:
            raise EmptyMessage(f"Standard input is empty, so there is nothing to ask.\n{INSTEAD}")
    if message is None:
        if as_json or leaves:
            option = "--json" if as_json else "--exit"
            raise BadInput(f"{option} goes with -m TEXT or with text on standard input.")
        return _open_window(context, options)
    if not message.strip():
        raise EmptyMessage("The message is empty: say something, as in tale-tui chat -m TEXT")
    return _answer(context, checked_words(message), options, as_json=as_json)


def shown_elsewhere(environ: Mapping[str, str]) -> bool:
    """Whether the window is shown by a program that speaks to it over its pipes, as textual-serve does."""
    return bool(environ.get("TEXTUAL_DRIVER"))


def _open_window(context: CommandContext, options: ChatOptions) -> int:
    if not (shown_elsewhere(context.environ) or (is_terminal(sys.stdin) and is_terminal(sys.stdout))):
        raise BadInput(NO_TERMINAL)
    overrides = context.overrides
    if options.backend or options.model:
        backend, model = options.backend, options.model or ""
        if not (backend and model) and "/" not in model:
            raise BadInput("The window takes both: --backend NAME --model NAME")
        overrides["ux"] = f"{backend}/{model.removeprefix(f'{backend}/')}" if backend else model
    # The screen is imported here and nowhere else in the command line.
    from tale_tui.ui.app import run_app

    return run_app(
        context.make_folders(),
        session=options.session or "",
        demo=context.demo_home is not None,
        overrides=overrides,
    )


def _converse(context: CommandContext, options: ChatOptions) -> int:
    from tale_tui.cli.line_mode.conversation import converse

    async def work(engine: EngineApi) -> int:
        async with HeldNotices(engine) as notices:
            # Nothing is written over in this mode, so progress is written as in a pipe.
            ref = await _model(engine, options, ProgressLine(live=False))
            session = await engine.sessions.find(options.session) if options.session else None
            return await converse(
                engine, session=session, ref=ref, tasks=options.tasks, waits=options.wait, between=notices.echo
            )

    # Who types at it sees what goes on; a script ends with its last line.
    return context.run(work, load=True, works_queue=is_terminal(sys.stdin))


def _answer(context: CommandContext, message: str, options: ChatOptions, *, as_json: bool) -> int:
    async def work(engine: EngineApi) -> int:
        async with HeldNotices(engine):
            limit = context.settings().tasks.text_limit
            return await print_answer(engine, message, options, as_json=as_json, text_limit=limit)

    return context.run(work, load=not (options.backend or options.model))


async def print_answer(
    engine: EngineApi, message: str, options: ChatOptions, *, as_json: bool, text_limit: int | None = None
) -> int:
    """Ask once and print the answer as it comes, or whole as JSON; of a task its result.

    Args:
        engine: answers.
        message: the text.
        options: who shall answer, and where it belongs.
        as_json: whether it is printed as JSON.
        text_limit: the most characters of a task; None leaves that to the engine.
    Raises:
        TaleError: no model, no such session, a message that cannot be sent, a model that failed.
    """
    from tale_tui.formatting.no_answer import no_answer

    line = ProgressLine()
    if options.as_task is None and not (options.backend or options.model):
        await _check_task(engine, message, text_limit)
    ref = await _model(engine, options, line)
    session = await (engine.sessions.find(options.session) if options.session else engine.sessions.create())
    found = await _ask(engine, session.id, message, ref, options, line, silent=as_json)
    if found is None:
        echo_err("Stopped in another window. What came is kept.")
        return Exit.INTERRUPTED
    code = Exit.DONE
    reply = found.reply
    if found.task is not None:
        code = await _echo_task(engine, found.task, quiet=as_json, waited=options.wait)
    elif not reply.text.strip():
        code = Exit.FAILED
        model = reply.ref.model if reply.ref else "The model"
        echo_err(no_answer(model, reply.finish, thought=bool(reply.thinking)))
    elif not as_json and is_terminal(sys.stderr):
        echo_err(click.style(_summary(found.reply), **MUTED))
        if found.unsure:
            echo_err(click.style(TASK_HINT, **MUTED))
    if as_json:
        echo_json(_answer_data(found))
    return code


async def _check_task(engine: EngineApi, message: str, text_limit: int | None) -> None:
    """Refuse a task that is too long before a model is looked for.

    Raises:
        TaskTooLong: it is.
    """
    from tale_tui.domain.tasks import DetectBand, check_task_text

    if text_limit is not None and len(message) > text_limit:
        judged = await engine.chat.classify(message, session_id="")
        if judged.enabled and judged.band is DetectBand.TASK:
            check_task_text(message, text_limit)


async def _model(engine: EngineApi, options: ChatOptions, line: ProgressLine) -> ModelRef | None:
    """The model that the options name; None for that of the role ux, which is there then.

    Raises:
        NoModel: there is none; the sentence says what to run.
    """
    from tale_tui.cli.preflight import choose_model, ensure_model

    ref = await choose_model(engine, options.backend, options.model, yes=options.yes, line=line)
    if ref is None:
        await ensure_model(engine, yes=options.yes, line=line)
    return ref


async def _ask(
    engine: EngineApi,
    session_id: str,
    message: str,
    ref: ModelRef | None,
    options: ChatOptions,
    line: ProgressLine,
    *,
    silent: bool,
) -> Answer | None:
    """Send the message; where it became a task, wait for that too, unless the options say otherwise."""
    from tale_tui.cli.follow import follow_elsewhere, may_be_task, send_in_turn
    from tale_tui.cli.line_mode.tasks import acknowledged
    from tale_tui.cli.tasks.wait import wait_for
    from tale_tui.domain.clock import ID_SHOWN, random_id
    from tale_tui.domain.events import TaskStarted
    from tale_tui.domain.tasks import Task

    p: float | None = None
    task: Task | None = None
    waits = False

    def begins(event: TurnStarted | TaskStarted) -> None:
        nonlocal p, task
        if isinstance(event, TaskStarted):
            task = event.task
            if not silent:
                line.clear()
                echo_err(acknowledged(task))
        elif event.user is not None:
            p = event.user.p

    unsure = options.tasks and not silent and await may_be_task(engine, message, session_id)

    async def others() -> None:
        nonlocal waits
        waits = True
        line.word("another reply is coming in this session")
        await follow_elsewhere(engine, session_id)
        line.clear()
        waits = False

    send = partial(engine.chat.send, session_id, message, key=random_id(), ref=ref, as_task=options.as_task)
    turn = send_in_turn(send, others)
    try:
        reply = await _stream(turn, line, begins, silent=silent)
    except asyncio.CancelledError:
        kept = "The message was not sent. The session" if waits else "Stopped. What came is kept, and"
        echo_err(f"{kept} goes on with: tale-tui chat --session {session_id[:ID_SHOWN]}")
        raise
    if reply is None:
        return None
    sure = None if p is None else max(p, 1 - p)
    if task is None:
        return Answer(reply, sure, unsure=unsure and reply.ref is not None)
    detail = await wait_for(engine, task.id, line=line) if options.wait else await engine.tasks.get(task.id)
    return Answer(reply, sure, detail)


async def _stream(
    turn: AsyncGenerator[TurnEvent, None],
    line: ProgressLine,
    begins: Callable[[TurnStarted | TaskStarted], None],
    *,
    silent: bool,
) -> Message | None:
    """Print a reply as it comes; None where it was stopped in another window."""
    from tale_tui.cli.follow import follow
    from tale_tui.domain.errors import rebuild
    from tale_tui.domain.events import TurnCancelled, TurnDone, TurnFailed

    printed = ""

    def text(piece: str) -> None:
        nonlocal printed
        line.clear()
        printed += piece
        if not silent:
            echo(piece, end="")

    def takes_back() -> None:
        echo()
        echo_err(click.style(THOUGHT_ALOUD, **MUTED))

    def reads(done: int, total: int) -> None:
        line.word(f"reading {done} of {total} tokens")

    def tells(sentence: str) -> None:
        line.clear()
        echo_err(sentence)

    try:
        async with aclosing(turn) as events:
            back = takes_back if is_terminal(sys.stdout) and not silent else None
            end = await follow(
                events, text=text, waits=line.word, reads=reads, begins=begins, takes_back=back, tells=tells
            )
    finally:
        # The last line of a broken answer is ended too: what follows it begins a line of its own.
        line.clear()
        if printed and not silent:
            echo()
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


async def _echo_task(engine: EngineApi, detail: TaskDetail, *, quiet: bool, waited: bool) -> Exit:
    """Write what became of the task, or that it is queued."""
    from tale_tui.cli.tasks.submit import echo_queued
    from tale_tui.cli.tasks.wait import echo_end

    if waited:
        return echo_end(detail, quiet=quiet)
    if not quiet:
        await echo_queued(engine, detail, as_json=False)
    return Exit.DONE


def _answer_data(found: Answer) -> dict[str, object]:
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
        "finish": reply.finish.value if reply.finish else None,
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
    """Who wrote it, and what it cost."""
    from tale_tui.domain.clock import ID_SHOWN
    from tale_tui.formatting.symbols import signs
    from tale_tui.formatting.usage import usage_words

    words = usage_words(reply.usage)
    model = reply.ref.model if reply.ref else ""
    parts = (model, words.first, words.rate, words.written, f"session {reply.session_id[:ID_SHOWN]}")
    return f" {signs().dot} ".join(part for part in parts if part)
