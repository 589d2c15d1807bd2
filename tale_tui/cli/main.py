"""The command line as a whole: its commands, its options, and how every error ends.

A command is imported when it is called. Wrong usage is said in one sentence, with what would be right: what click
refuses gets its words here; a command refuses with a `BadInput`, which has its own.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tale_tui import __version__
from tale_tui.cli.context import CommandContext
from tale_tui.cli.exit_codes import Exit, exit_for
from tale_tui.cli.output import echo_err, wants_colour
from tale_tui.config.paths import find_paths
from tale_tui.domain.errors import BadInput, TaleError

if TYPE_CHECKING:
    from types import TracebackType


PROGRAM = "tale-tui"

COMMANDS = {
    "chat": "tale_tui.cli.chat.chat:chat",
    "submit": "tale_tui.cli.tasks.submit:submit",
    "tasks": "tale_tui.cli.tasks.list:tasks",
    "list": "tale_tui.cli.tasks.list:tasks",
    "status": "tale_tui.cli.tasks.status:status",
    "result": "tale_tui.cli.tasks.wait:result",
    "wait": "tale_tui.cli.tasks.wait:wait",
    "cancel": "tale_tui.cli.tasks.control:cancel",
    "pause": "tale_tui.cli.tasks.control:pause",
    "resume": "tale_tui.cli.tasks.control:resume",
    "retry": "tale_tui.cli.tasks.control:retry",
    "give": "tale_tui.cli.tasks.control:give",
    "plan": "tale_tui.cli.tasks.plan:plan",
    "approve": "tale_tui.cli.tasks.control:approve",
    "priority": "tale_tui.cli.tasks.control:priority",
    "run": "tale_tui.cli.servers.run:run",
    "stop": "tale_tui.cli.servers.run:stop",
    "servers": "tale_tui.cli.servers.servers:servers",
    "logs": "tale_tui.cli.servers.logs:logs",
    "context": "tale_tui.cli.chat.context:context",
    "sessions": "tale_tui.cli.data.sessions:sessions",
    "export": "tale_tui.cli.data.export_import:export",
    "import": "tale_tui.cli.data.export_import:import_",
    "checkpoints": "tale_tui.cli.data.checkpoints:checkpoints",
    "tokens": "tale_tui.cli.metrics.tokens:tokens",
    "dashboard": "tale_tui.cli.metrics.dashboard:dashboard",
    "alerts": "tale_tui.cli.metrics.alerts:alerts",
    "metrics": "tale_tui.cli.metrics.metrics:metrics",
    "stress-test": "tale_tui.cli.metrics.stress_test:stress_test",
    "models": "tale_tui.cli.models.models:models",
    "predict": "tale_tui.cli.learning.predict:predict",
    "detect": "tale_tui.cli.learning.detect:detect",
    "learning": "tale_tui.cli.learning.learning:learning",
    "recall": "tale_tui.cli.recall.recall:recall",
    "doctor": "tale_tui.cli.settings.doctor:doctor",
    "init": "tale_tui.cli.settings.setup:init",
    "completion": "tale_tui.cli.settings.setup:completion",
    "version": "tale_tui.cli.settings.setup:version",
}

OLD_NAMES = {"predict-complexity": "predict"}
"""Names that still work, and no help lists."""


class CommandGroup(click.Group):
    """A group that says which command was meant, where there is none of a name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names.

        Raises:
            BadInput: there is none.
        """
        name = args[0]
        if ctx.resilient_parsing or name.startswith("-") or self.get_command(ctx, name) is not None:
            return super().resolve_command(ctx, args)
        # Loaded where something is wrong: `--version` does without.
        from difflib import get_close_matches

        from tale_tui.domain.text import clean_line

        near = get_close_matches(name, self.list_commands(ctx), n=1)
        right = f"do you mean {ctx.command_path} {near[0]}?" if near else f"{ctx.command_path} --help lists them."
        raise BadInput(f"There is no command {ctx.command_path} {clean_line(name)}: {right}")


class LazyGroup(CommandGroup):
    """A group that knows its commands by name.

    Args:
        lazy: name of a command -> `module:attribute`, in the order of the help.
    """

    def __init__(self, *arguments: Any, lazy: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None for an unknown name."""
        place = self._lazy.get(OLD_NAMES.get(cmd_name, cmd_name))
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{place} is no command")
        return command


class CountRange(click.IntRange):
    """A whole number above zero."""

    MAX = 1_000_000_000
    """More than anybody has of anything, and small enough for a database."""

    def __init__(self) -> None:
        super().__init__(1, self.MAX)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number that is written."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{str(value)!r} is no number for this, write a whole one from 1 to {self.MAX:,}.", param, ctx)


def _read_flags(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    flags = {}
    for value in values:
        name, separator, text = value.partition("=")
        if not (name and separator):
            from tale_tui.domain.text import clean_line

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
    ctx.obj = CommandContext(flags=flags, demo_home=home)
    if ctx.invoked_subcommand is None:
        from tale_tui.cli.chat.chat import chat

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
        echo_err(usage_words(error))
        return Exit.USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except TaleError as error:
        echo_err(error.whole)
        return exit_for(error)
    except OSError as error:
        _log_crash(type(error), error, error.__traceback__)
        from tale_tui.domain.text import reason_of

        echo_err(f"The system refused: {reason_of(error)}. What was stored is kept.")
        return Exit.FAILED
    return code if isinstance(code, int) else Exit.DONE


def report_crash(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """The last word on an exception that nobody expected: a sentence for the user, the traceback for the log."""
    _log_crash(kind, error, traceback)
    echo_err(
        f"Something went wrong that should not. What was stored is kept. The details are in {find_paths().log_file}"
    )


def usage_words(error: click.UsageError) -> str:
    """What click refused, in one sentence."""
    from tale_tui.domain.text import clean_line

    return clean_line(_words(error))


def _words(error: click.UsageError) -> str:
    ctx, words = error.ctx, error.format_message()
    if ctx is None:
        return words
    help_words = f"{ctx.command_path} --help"
    match error:
        case click.MissingParameter(param=click.Option() as option):
            name = f"{max(option.opts, key=len)} {option.make_metavar(ctx)}"
            return f"{name} is missing: write {_usage(ctx)} {name}"
        case click.MissingParameter(param=click.Parameter() as param):
            return f"{param.make_metavar(ctx)} is missing: write {_usage(ctx)}"
        case click.BadParameter(param=click.Option() as option):
            return f"{max(option.opts, key=len)}: {error.message}"
        case click.BadParameter():
            return error.message
        case click.NoSuchOption(option_name=name):
            near = error.possibilities
            right = f"do you mean {' or '.join(near)}?" if near else f"{help_words} lists them."
            return f"{ctx.command_path} has no option {name}: {right}"
        case click.BadOptionUsage():
            return f"{words.rstrip('.')}: {help_words} says which."
    return f"{words.rstrip('.')}: write {_usage(ctx)}"


def _usage(ctx: click.Context) -> str:
    """How the command is written, without its options."""
    pieces = [piece for piece in ctx.command.collect_usage_pieces(ctx) if piece != ctx.command.options_metavar]
    return " ".join((ctx.command_path, *pieces))


def _log_crash(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    from tale_tui.config import logs

    logs.log_crash(find_paths().log_file, kind, error, traceback)
