"""`tale-tui chat`: the window, one answer, or a conversation line by line."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

import click

from tale_tui.cli.chat.options import ChatOptions
from tale_tui.cli.context import CommandContext
from tale_tui.cli.output import is_terminal
from tale_tui.cli.stdin import is_piped, read_message
from tale_tui.domain.errors import BadInput, EmptyMessage

if TYPE_CHECKING:
    from tale_tui.engine.api import EngineApi

NO_TERMINAL = (
    "The window needs a terminal, and there is none here.\n"
    "Ask once with: tale-tui chat -m TEXT\nTalk line by line with: tale-tui --plain"
)
BACKENDS = ("embedded", "ollama", "openai", "scripted")


@click.command()
@click.option("-m", "--message", metavar="TEXT", help="Ask this and print the answer.")
@click.option("--session", metavar="ID", help="Go on with this session.")
@click.option("--backend", type=click.Choice(BACKENDS), help="Where the model runs, for this run.")
@click.option("--model", metavar="NAME", help="The model for this run: NAME or BACKEND/NAME.")
@click.option("--plain", is_flag=True, help="A conversation line by line, for pipes and screen readers.")
@click.option("--yes", "-y", is_flag=True, help="Fetch the starter model (93 MB) where there is no model.")
@click.option("--no-wait", is_flag=True, help="A message that is a task is only queued.")
@click.option("--no-tasks", is_flag=True, help="No message becomes a task: the model that talks answers all.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one line of JSON.")
@click.pass_obj
def chat(
    invocation: CommandContext,
    message: str | None = None,
    session: str | None = None,
    backend: str | None = None,
    model: str | None = None,
    plain: bool = False,
    yes: bool = False,
    no_wait: bool = False,
    no_tasks: bool = False,
    as_json: bool = False,
) -> int:
    """Open the window, or print one answer with -m.

    Text on standard input is the message. The answer streams to standard output. A message that is a task is carried
    out, and its result is printed.
    """
    wanted = ChatOptions(session, backend, model, yes, wait=not no_wait, tasks=not no_tasks)
    if plain:
        if message is not None or as_json:
            raise BadInput("--plain takes its lines from standard input: leave out -m and --json.")
        return _talk(invocation, wanted)
    if message is None and is_piped():
        message = read_message()
        if not message:
            raise BadInput(NO_TERMINAL)
    if message is None:
        if as_json:
            raise BadInput("--json goes with -m TEXT or with text on standard input.")
        return _open_window(invocation, wanted)
    if not message.strip():
        raise EmptyMessage("The message is empty: say something, as in tale-tui chat -m TEXT")
    return _answer(invocation, message, wanted, as_json=as_json)


def _open_window(invocation: CommandContext, wanted: ChatOptions) -> int:
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise BadInput(NO_TERMINAL)
    overrides = invocation.overrides
    if wanted.backend or wanted.model:
        backend, model = wanted.backend, wanted.model or ""
        if not (backend and model) and "/" not in model:
            raise BadInput("The window takes both: --backend NAME --model NAME")
        overrides["ux"] = f"{backend}/{model.removeprefix(f'{backend}/')}" if backend else model
    # What is imported now stays: looking through it for garbage costs a tenth of the start. The window turns the
    # collector on again behind its first frame.
    gc.disable()
    try:
        # The screen is imported here and nowhere else in the command line.
        from tale_tui.ui.app import run_app

        return run_app(
            invocation.make_folders(),
            session=wanted.session or "",
            demo=invocation.demo_home is not None,
            overrides=overrides,
        )
    finally:
        gc.enable()


def _answer(invocation: CommandContext, message: str, wanted: ChatOptions, *, as_json: bool) -> int:
    from tale_tui.cli.chat.answer import print_answer
    from tale_tui.cli.notices import TaskNotices

    async def work(engine: EngineApi) -> int:
        async with TaskNotices(engine):
            return await print_answer(engine, message, wanted, as_json=as_json)

    return invocation.run(work, load=not (wanted.backend or wanted.model))


def _talk(invocation: CommandContext, wanted: ChatOptions) -> int:
    from tale_tui.cli.line_mode.start import talk
    from tale_tui.cli.notices import TaskNotices

    async def work(engine: EngineApi) -> int:
        async with TaskNotices(engine) as news:
            return await talk(engine, wanted, news)

    # Who types at it sees what goes on; a script ends with its last line.
    return invocation.run(work, load=True, works_queue=is_terminal(sys.stdin))
