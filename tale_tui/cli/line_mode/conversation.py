"""Line mode: the same engine without a screen, for pipes, scripts and screen readers.

Nothing is written over, coloured or drawn; what happens is said in words. Answers go to `out`, everything else to
`err`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, assert_never

from tale_tui.cli.exit_codes import NO_MODEL_CODES, Exit, exit_for
from tale_tui.cli.follow import FollowedTask, follow, follow_elsewhere, follow_task, may_be_task, send_in_turn
from tale_tui.cli.line_mode.checkpoints import HELP as CHECKPOINTS_HELP
from tale_tui.cli.line_mode.checkpoints import CheckpointCommands
from tale_tui.cli.line_mode.dashboard import dashboard_lines
from tale_tui.cli.line_mode.recall import HELP as RECALL_HELP
from tale_tui.cli.line_mode.recall import RecallCommands
from tale_tui.cli.line_mode.tasks import HELP as TASKS_HELP
from tale_tui.cli.line_mode.tasks import TaskCommands, acknowledged, asking
from tale_tui.cli.metrics.alerts import alert_id
from tale_tui.cli.output import echo, echo_err, is_terminal
from tale_tui.cli.preflight import NEXT_STEPS
from tale_tui.cli.stdin import InputLines
from tale_tui.domain.clock import ID_SHOWN, random_id
from tale_tui.domain.conversation import Author, ExportFormat, Message, Session
from tale_tui.domain.errors import BadInput, EngineLost, ModelError, NoModel, TaleError, rebuild
from tale_tui.domain.events import TaskStarted, TurnCancelled, TurnDone, TurnFailed, TurnStarted
from tale_tui.domain.metrics import CallDimension
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.tasks import ENDED, Task, TaskState
from tale_tui.domain.text import reason_of
from tale_tui.formatting.alerts import alert_state
from tale_tui.formatting.context import digest_words, part_lines, turns_words, window_words
from tale_tui.formatting.engine import is_here, who_works
from tale_tui.formatting.learning import learned_lines
from tale_tui.formatting.no_answer import no_answer
from tale_tui.formatting.slash import MARK, literal, split_command
from tale_tui.formatting.tasks import model_name
from tale_tui.formatting.tokens import EMPTY, overview_words, report_lines, saved_words, uncounted_words
from tale_tui.formatting.units import count, moment, plural, when
from tale_tui.formatting.usage import usage_words

if TYPE_CHECKING:
    from tale_tui.engine.api import EngineApi

T = TypeVar("T")

QUIT_WORDS = frozenset({"exit", "quit", "/exit", "/quit"})
SESSIONS_LISTED = 20
TASK_HINT = "That may have been a task. To have it worked on as one: /task TEXT"
STOPPED = "Stopped. What came is kept."
STOPPED_ELSEWHERE = "Stopped in another window. What came is kept."
HELP = """\
/help                  these lines
/new                   begin another session
/clear                 the same, with the system prompt of this one
/history               what was said in this session
/sessions              the sessions used last
/sessions ID           go on with one of them
/model                 the model that answers, and the others
/model BACKEND/MODEL   let another one answer
/context               what the model is shown of this session, and what has room
/system                the system prompt of this session
/system TEXT           set it
/alerts                limits that were passed, and models that got worse
/alerts ID, all        acknowledge one, or all
/export                print this session as Markdown
/export FILE           write it to a new file
/tokens                what was spent: lately, and by model
/dashboard             whether the promises hold, and what models do
/learning              what was learned here, and how good it is
/quit, exit            leave"""


async def converse(
    engine: EngineApi,
    *,
    session: Session | None,
    ref: ModelRef | None,
    tasks: bool,
    waits: bool,
    between: Callable[[], None],
) -> Exit:
    """Hold a conversation on the standard streams of this process until standard input ends.

    Args:
        session, ref, tasks, waits, between: as of `LineConversation`.
    """
    interactive = is_terminal(sys.stdin)
    conversation = LineConversation(
        engine=engine,
        lines=InputLines(sys.stdin.fileno()),
        out=lambda piece: echo(piece, end=""),
        err=echo_err,
        interactive=interactive,
        session=session,
        ref=ref,
        tasks=tasks,
        waits=waits,
        between=between,
    )
    with _interrupts(conversation):
        whole = await conversation.run()
    if not whole:
        return Exit.INTERRUPTED
    if conversation.failed is not None and not interactive:
        if conversation.failed.code in NO_MODEL_CODES and not isinstance(conversation.failed, NoModel):
            echo_err(NEXT_STEPS)
            return Exit.NO_MODEL
        return exit_for(conversation.failed)
    return Exit.DONE


@contextmanager
def _interrupts(conversation: LineConversation) -> Iterator[None]:
    """Ctrl+C goes to the conversation, which knows what there is to stop."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGINT, conversation.interrupt)
    except NotImplementedError:
        # Windows: there it ends the process, and what came of an answer is kept as everywhere.
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


class Interrupted(Exception):
    """The user stopped what was under way."""


@dataclass(slots=True)
class LineConversation:
    """A conversation line by line.

    Attributes:
        lines: what the user writes, without line ends.
        out: writes an answer, piece by piece as it is.
        err: writes a line that is not an answer.
        interactive: whether a person types: then there are prompts and states.
        session: the session that goes on; None begins one with the first message.
        ref: the model that answers; None for the one of the role ux.
        tasks: whether a message may become a task.
        waits: whether the result of a task is waited for.
        between: called before a line is waited for.
        failed: the last error, for the exit code of a script.
    """

    engine: EngineApi
    lines: AsyncIterator[str]
    out: Callable[[str], None]
    err: Callable[[str], None]
    interactive: bool
    session: Session | None = None
    ref: ModelRef | None = None
    tasks: bool = True
    waits: bool = True
    between: Callable[[], None] = lambda: None
    failed: TaleError | None = None
    _under_way: asyncio.Task[Any] | None = field(default=None, init=False)
    _left: str = field(default=STOPPED, init=False)
    """What is said when what is under way is interrupted."""
    _followed: Message | None = field(default=None, init=False)
    """The reply that is being read, where it was asked for elsewhere."""

    def interrupt(self) -> None:
        """What Ctrl+C does: ends the answer that comes, or else the conversation."""
        if self._under_way is not None:
            self._under_way.cancel()

    async def run(self) -> bool:
        """Go on until the lines end or one of them says so.

        Returns:
            False where the user interrupted it at the prompt.
        """
        if self.interactive:
            self.err("Line mode. Write a message, /help for commands, exit to leave.")
        if self.session is not None:
            await self._attempt(self._stoppable(self._read_elsewhere()))
        while True:
            self.between()
            if self.interactive:
                self.out("You: ")
            try:
                line = await self._stoppable(anext(self.lines, None))
            except Interrupted:
                return False
            except BadInput as error:  # a line that is no text
                self.failed = error
                self.err(error.whole)
                continue
            if line is None and self.interactive:
                self.out("\n")
            if line is None or line.strip().lower() in QUIT_WORDS:
                return True
            if not await self._take(line.strip()):
                return True

    async def _take(self, line: str) -> bool:
        """Do what a line says; False where going on makes no sense."""
        if not line:
            return True
        if command := ("", "") if line == MARK else split_command(line):
            return await self._attempt(self._command(*command))
        return await self._attempt(self._stoppable(self._ask(literal(line))))

    async def _attempt(self, work: Awaitable[None]) -> bool:
        """Do something and say what goes wrong; False where going on makes no sense."""
        try:
            await work
        except Interrupted:
            if (reply := self._followed) is not None:
                with suppress(EngineLost):  # it ended, and the reply with it
                    await self.engine.chat.stop_turn(reply.session_id, reply_id=reply.id)
            self.err(self._left)
            self._left = STOPPED
        except TaleError as error:
            self.failed = error
            self.err(error.whole)
            return self.interactive or not isinstance(error, NoModel)
        finally:
            self._followed = None
        return True

    async def _stoppable(self, work: Awaitable[T]) -> T:
        """Wait for something that `interrupt` may end.

        Raises:
            Interrupted: it did.
        """

        async def as_task() -> T:
            return await work

        task: asyncio.Task[T] = asyncio.create_task(as_task())
        self._under_way = task
        try:
            return await task
        except asyncio.CancelledError:
            outer = asyncio.current_task()
            if outer is not None and outer.cancelling():
                raise
            raise Interrupted from None
        finally:
            self._under_way = None

    async def _ask(self, text: str) -> None:
        session = await self._current()
        task: Task | None = None

        def begins(event: TurnStarted | TaskStarted) -> None:
            nonlocal task
            if isinstance(event, TaskStarted):
                task = event.task

        offers = self.interactive and self.tasks and await may_be_task(self.engine, text, session.id)
        as_task = None if self.tasks else False
        send = partial(self.engine.chat.send, session.id, text, key=random_id(), ref=self.ref, as_task=as_task)
        with self._answer() as (write, back):
            async with aclosing(send_in_turn(send, self._read_elsewhere)) as events:
                end = await follow(
                    events, text=write, waits=self._state, begins=begins, takes_back=back, tells=self.err
                )
        match end:
            case TurnFailed(code=code, sentence=sentence):
                raise rebuild(code, sentence)
            case TurnCancelled():
                self.err(STOPPED_ELSEWHERE)
            case TurnDone(reply=reply):
                if task is None and reply.ref is not None and not reply.text.strip():
                    raise ModelError(no_answer(reply.ref.model, reply.finish, thought=bool(reply.thinking)))
                if task is None:
                    words = usage_words(reply.usage)
                    self._state(", ".join(part for part in (words.first, words.rate, words.written) if part))
                    if offers and reply.ref is not None:
                        self.err(TASK_HINT)
                else:
                    await self._work(task)
            case _:
                assert_never(end)

    @contextmanager
    def _answer(self) -> Iterator[tuple[Callable[[str], None], Callable[[], None] | None]]:
        """Writes the pieces of an answer, and takes them back for a person; its last line ends whatever happens."""
        begun = False

        def write(piece: str) -> None:
            nonlocal begun
            if self.interactive and not begun:
                self.out("Answer: ")
            begun = True
            self.out(piece)

        def takes_back() -> None:
            nonlocal begun
            begun = False
            self.out("\n")
            self._state("that was thinking")

        try:
            yield write, takes_back if self.interactive else None
        finally:
            if begun:
                self.out("\n")

    async def _read_elsewhere(self) -> None:
        """Write the answer that is coming in the session, asked for elsewhere; who interrupts that stops it."""
        if self.session is None:
            return

        def begins(event: TurnStarted | TaskStarted) -> None:
            if isinstance(event, TurnStarted):
                self._followed = event.reply
                self.err("An answer that was asked for elsewhere is coming in this session:")
            else:
                self._state(acknowledged(event.task))

        with self._answer() as (write, back):
            end = await follow_elsewhere(
                self.engine, self.session.id, text=write, waits=self._state, begins=begins, takes_back=back
            )
        self._followed = None
        if isinstance(end, TurnFailed):
            self.err(rebuild(end.code, end.sentence).whole)
        elif isinstance(end, TurnCancelled):
            self.err(STOPPED_ELSEWHERE)

    async def _work(self, task: Task) -> None:
        """Wait for a task and write its result, or say where it can be found."""
        self.err(acknowledged(task))
        if not self.waits:
            status = await self.engine.control.status()
            goes_on = is_here(status) and status.works_queue
            who = f"Look at it with /status {task.shown}" if goes_on else who_works(status, model_name(task))
            self.err(f"{task.shown} is queued. {who}")
            return
        await self._watch(task)

    async def _watch(self, task: Task) -> None:
        """Say how a task goes on, whoever handed it in, and write its result."""
        states: list[str] = []

        def shows(work: FollowedTask) -> None:
            words = work.doing or work.task.state.value
            if words not in states and not words.startswith("reading"):
                states.append(words)
                self._state(words)

        try:
            detail = await follow_task(self.engine, task.id, shows, ENDED | {TaskState.WAITING})
        except asyncio.CancelledError:
            self._left = f"{task.shown} goes on. Look at it with /status {task.shown}, end it with /cancel {task.shown}"
            raise
        if detail.task.state is TaskState.WAITING:  # for an answer, which is given here too
            self.err(asking(detail.task))
            return
        self._task_commands().say_end(detail)
        if detail.task.state is TaskState.FAILED:
            self.failed = rebuild(detail.task.error_code, detail.task.error)

    def _task_commands(self) -> TaskCommands:
        return TaskCommands(self.engine, self.out, self.err)

    def _state(self, words: str) -> None:
        if self.interactive and words:
            self.err(f"({words})")

    async def _current(self) -> Session:
        if self.session is None:
            self.session = await self.engine.sessions.create()
        return self.session

    def commands(self) -> dict[str, Callable[[str], Awaitable[None]]]:
        """Name of a command -> what it does with the words behind it."""
        return {
            "help": self._help,
            "new": self._new,
            "clear": self._clear,
            "history": self._history,
            "sessions": self._sessions,
            "model": self._model,
            "system": self._system,
            "context": self._context,
            "export": self._export,
            "tokens": self._tokens,
            "dashboard": self._dashboard,
            "learning": self._learning,
            "wait": self._wait,
            "alerts": self._alerts,
            **self._task_commands().table(),
            **CheckpointCommands(self.engine, self.session, self.out, self.err).table(),
            **RecallCommands(self.engine, self._current, self.out, self.err).table(),
        }

    async def _command(self, name: str, argument: str) -> None:
        command = self.commands().get(name)
        if command is None:
            raise BadInput(f"There is no command /{name}. /help lists them. To send it, write a word before it.")
        await command(argument)

    async def _help(self, _: str) -> None:
        self.err(f"{HELP}\n{TASKS_HELP}\n{CHECKPOINTS_HELP}\n{RECALL_HELP}")

    async def _new(self, _: str) -> None:
        self.session = None
        self.err("The next message begins another session.")

    async def _clear(self, _: str) -> None:
        system = self.session.system if self.session is not None else ""
        self.session = None
        if system:
            self.session = await self.engine.sessions.set_system((await self._current()).id, system)
        self.err("The next message begins another session with the same system prompt. This one is kept.")

    async def _history(self, _: str) -> None:
        if self.session is None:
            self.err("Nothing was said yet.")
            return
        transcript = await self.engine.sessions.transcript(self.session.id)
        for message in transcript.messages:
            who = "You" if message.author is Author.USER else "Answer"
            self.err(f"{who}: {message.text or message.error or message.state.value}")

    async def _sessions(self, prefix: str) -> None:
        if prefix:
            self.session = await self.engine.sessions.find(prefix)
            self.err(f"This goes on: {self.session.title}, {plural(self.session.turns, 'turn')}.")
            await self._stoppable(self._read_elsewhere())
            return
        sessions = await self.engine.sessions.list(limit=SESSIONS_LISTED)
        for session in sessions:
            self.err(f"{session.id[:ID_SHOWN]}  {session.title}, {plural(session.turns, 'turn')}")
        if not sessions:
            self.err("No sessions yet. The first message begins one.")

    async def _model(self, name: str) -> None:
        if name:
            try:
                ref = ModelRef.parse(name)
            except ValueError as error:
                raise BadInput("Write it as BACKEND/MODEL, as in /model ollama/qwen2.5:7b") from error
            status = await self.engine.models.use(Role.UX, ref)
            self.ref = None
            self.err(f"{status.ref or ref} answers from now on.")
            return
        for status in await self.engine.models.roles():
            if status.role is Role.UX:
                self.err(f"Answering: {self.ref or status.ref or 'no model'}, {status.state.value}. {status.detail}")
        for report in await self.engine.models.backends():
            for info in report.models:
                self.err(f"Installed: {info.ref}")

    async def _system(self, text: str) -> None:
        session = await self._current()
        if text:
            session = self.session = await self.engine.sessions.set_system(session.id, text)
        self.err(f"System prompt: {session.system or 'the one of the settings'}")

    async def _context(self, _: str) -> None:
        if self.session is None:
            self.err("Nothing was said yet, so the whole window is free.")
            return
        report = await self.engine.chat.context(self.session.id)
        self.err(window_words(report))
        for line in part_lines(report):
            note = f", {line.note}" if line.note else ""
            self.err(f"{line.label}: {count(line.tokens)} tokens{note}")
        self.err(turns_words(report))
        self.err(digest_words(report))
        if report.digest is not None:
            self.out(f"{report.digest.text}\n")

    async def _dashboard(self, _: str) -> None:
        metrics = self.engine.metrics
        report = await metrics.dashboard()
        tasks = await self.engine.tasks.list(states=(TaskState.RUNNING,))
        for line in dashboard_lines(report, tasks, await metrics.alerts(waiting=True), time.time()):
            self.err(line)

    async def _learning(self, _: str) -> None:
        now = time.time()
        for state in await self.engine.learning.learned():
            for line in learned_lines(state, lambda at: when(at, now)):
                self.err(line)

    async def _tokens(self, _: str) -> None:
        metrics = self.engine.metrics
        report = await metrics.tokens(by=(CallDimension.MODEL,))
        if not report.total.calls:
            self.err(EMPTY)
            return
        speed = (await metrics.activity()).tokens_per_second
        self.err(overview_words(await metrics.overview(), speed))
        for line in report_lines(report):
            self.err(line)
        saved = await metrics.savings()
        for line in (uncounted_words(report.total), saved_words(saved) if saved is not None else ""):
            if line:
                self.err(line)

    async def _wait(self, prefix: str) -> None:
        await self._stoppable(self._watch(await self._task_commands().find(prefix)))

    async def _alerts(self, which: str) -> None:
        metrics = self.engine.metrics
        if not which:
            found = await metrics.alerts(waiting=True)
            for alert in found:
                self.err(f"{alert.id}  {moment(alert.raised)}, {alert_state(alert)}: {alert.sentence}")
            if not found:
                self.err("No alert waits to be acknowledged.")
            return
        acknowledged = await metrics.acknowledge(alert_id(which))
        self.err(f"Acknowledged: {len(acknowledged)}.")

    async def _export(self, name: str) -> None:
        if self.session is None:
            raise BadInput("There is nothing to export yet.")
        text = await self.engine.sessions.export(self.session.id, ExportFormat.MARKDOWN)
        if not name:
            self.out(text)
            return
        _write_new(name, text)
        self.err(f"Written to {name}")


def _write_new(name: str, text: str) -> None:
    """Write a file that is not there yet: one that is, is somebody's work."""
    try:
        with Path(name).expanduser().open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise BadInput(f"{name} cannot be written: {reason_of(error)}. Nothing was changed.") from error
