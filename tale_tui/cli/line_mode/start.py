"""Line mode on the standard streams of this process: its conversation, its exit code and Ctrl+C."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tale_tui.cli.exit_codes import NO_MODEL_CODES, Exit, exit_for
from tale_tui.cli.line_mode.conversation import LineConversation
from tale_tui.cli.output import ProgressLine, echo_err, is_terminal, say
from tale_tui.cli.preflight import WAYS_ON, choose_model, ensure_model
from tale_tui.cli.stdin import InputLines
from tale_tui.domain.errors import NoModel

if TYPE_CHECKING:
    from tale_tui.cli.chat.options import ChatOptions
    from tale_tui.cli.notices import TaskNotices
    from tale_tui.engine.api import EngineApi


async def talk(engine: EngineApi, wanted: ChatOptions, news: TaskNotices) -> Exit:
    """Talk until standard input ends.

    Args:
        wanted: who answers, where it belongs, and what becomes of tasks.
        news: what the engine has to say, which is told between two messages.
    """
    interactive = is_terminal(sys.stdin)
    # Nothing is written over in this mode, so progress is told as in a pipe.
    line = ProgressLine(live=False)
    ref = await choose_model(engine, wanted.backend, wanted.model, yes=wanted.yes, line=line)
    if ref is None:
        await ensure_model(engine, yes=wanted.yes, line=line)
    conversation = LineConversation(
        engine=engine,
        lines=InputLines(sys.stdin.fileno()),
        out=lambda piece: say(piece, end=""),
        told=echo_err,
        interactive=interactive,
        session=await engine.sessions.find(wanted.session) if wanted.session else None,
        ref=ref,
        tasks=wanted.tasks,
        waits=wanted.wait,
        between=news.tell,
    )
    with _interrupts(conversation):
        whole = await conversation.run()
    if not whole:
        return Exit.INTERRUPTED
    if conversation.failed is not None and not interactive:
        if conversation.failed.code in NO_MODEL_CODES and not isinstance(conversation.failed, NoModel):
            echo_err(WAYS_ON)
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
