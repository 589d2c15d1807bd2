"""The whole command line: its first level, and how a run ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tale_tui import __version__
from tale_tui.cli.exits import Exit, exit_for
from tale_tui.cli.invocation import Invocation
from tale_tui.cli.lazy import LazyGroup
from tale_tui.cli.output import tell, wants_colour
from tale_tui.cli.usage import usage_words
from tale_tui.engine.errors import BadInput, TaleError
from tale_tui.paths import find_paths

if TYPE_CHECKING:
    from types import TracebackType

PROGRAM = "tale-tui"

COMMANDS = {
    "chat": "tale_tui.cli.chat:chat",
    "submit": "tale_tui.cli.submit:submit",
    "tasks": "tale_tui.cli.tasks:tasks",
    "list": "tale_tui.cli.tasks:tasks",
    "status": "tale_tui.cli.status:status",
    "result": "tale_tui.cli.tasks:result",
    "wait": "tale_tui.cli.submit:wait",
    "cancel": "tale_tui.cli.steer:cancel",
    "pause": "tale_tui.cli.steer:pause",
    "resume": "tale_tui.cli.steer:resume",
    "retry": "tale_tui.cli.steer:retry",
    "approve": "tale_tui.cli.steer:approve",
    "priority": "tale_tui.cli.steer:priority",
    "run": "tale_tui.cli.run:run",
    "stop": "tale_tui.cli.run:stop",
    "sessions": "tale_tui.cli.sessions:sessions",
    "export": "tale_tui.cli.exchange:export",
    "import": "tale_tui.cli.exchange:import_",
    "models": "tale_tui.cli.models:models",
    "detect": "tale_tui.cli.detect:detect",
    "doctor": "tale_tui.cli.doctor:doctor",
    "init": "tale_tui.cli.setup:init",
    "completion": "tale_tui.cli.setup:completion",
    "version": "tale_tui.cli.setup:version",
}


def _read_flags(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    flags = {}
    for value in values:
        name, separator, text = value.partition("=")
        if not (name and separator):
            from tale_tui.engine.text import clean_line

            raise BadInput(f"--set {clean_line(value)!r} is not NAME=VALUE: write it as in --set look.theme=nord")
        flags[name.strip()] = text
    return flags


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 usage or bad input, 3 no model, 130 interrupted.",
)
@click.version_option(__version__, "-V", "--version", prog_name=PROGRAM, message="%(prog)s %(version)s")
@click.option("--session", metavar="ID", help="Open this session.")
@click.option("--plain", is_flag=True, help="A conversation line by line, for pipes and screen readers.")
@click.option("--no-wait", is_flag=True, help="With --plain: a message that is a task is only queued.")
@click.option("--no-tasks", is_flag=True, help="With --plain: no message becomes a task.")
@click.option("--demo", is_flag=True, help="Try it without a model, in a temporary folder.")
@click.option(
    "--set",
    "flags",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_read_flags,
    help="A setting for this run, as in look.theme=nord. May be repeated.",
)
@click.pass_context
def root(
    ctx: click.Context,
    session: str | None,
    plain: bool,
    no_wait: bool,
    no_tasks: bool,
    demo: bool,
    flags: dict[str, str],
) -> object:
    """Talk to language models on your own machine.

    Without a command it opens the window. Text on standard input is a message: it is answered on standard output.
    """
    ctx.color = wants_colour()
    home = None
    if demo:
        from tempfile import TemporaryDirectory

        home = Path(ctx.with_resource(TemporaryDirectory(prefix="tale-demo-")))
    ctx.obj = Invocation(flags=flags, demo_home=home)
    if ctx.invoked_subcommand is None:
        from tale_tui.cli.chat import chat

        return ctx.invoke(chat, session=session, plain=plain, no_wait=no_wait, no_tasks=no_tasks)
    if plain or session or no_wait or no_tasks:
        raise BadInput(f"What is for a conversation goes behind the command: {PROGRAM} chat --plain")
    return None


def run(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Args:
        arguments: without the name of the program; None takes those of the process.
    Returns:
        The exit code.
    Raises:
        SystemExit: nobody reads the output any more (1), or a shell asked for completions.
        Exception: what nobody expected. In the program itself `report_crash` says so and writes it to the log.
    """
    sys.excepthook = report_crash
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        # Replaced streams of a test or of an embedding program need not have it.
        with suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # typed as any text stream
    try:
        code = root.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except click.Abort:
        return Exit.INTERRUPTED
    except click.UsageError as error:
        tell(usage_words(error))
        return Exit.USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except TaleError as error:
        tell(error.whole)
        return exit_for(error)
    except OSError as error:
        _log_crash(type(error), error, error.__traceback__)
        tell(f"The system refused: {error.strerror or error}. What was stored is kept.")
        return Exit.FAILED
    return code if isinstance(code, int) else Exit.DONE


def report_crash(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """The last word on an exception that nobody expected: a sentence for the user, the traceback for the log."""
    _log_crash(kind, error, traceback)
    tell(f"Something went wrong that should not. What was stored is kept. The details are in {find_paths().log_file}")


def _log_crash(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    from tale_tui import logs

    logs.log_crash(find_paths().log_file, kind, error, traceback)
