"""Wrong usage in one sentence: what is wrong, and what would be right.

What click refuses gets its words here; a command refuses with a `BadInput`, which has its own.
"""

from __future__ import annotations

from typing import Any

import click

from tale_tui.engine.errors import BadInput


class Group(click.Group):
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

        from tale_tui.engine.text import clean_line

        near = get_close_matches(name, self.list_commands(ctx), n=1)
        right = f"do you mean {ctx.command_path} {near[0]}?" if near else f"{ctx.command_path} --help lists them."
        raise BadInput(f"There is no command {ctx.command_path} {clean_line(name)}: {right}")


class Count(click.IntRange):
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


def usage_words(error: click.UsageError) -> str:
    """What click refused, in one sentence."""
    from tale_tui.engine.text import clean_line

    return clean_line(_words(error))


def _words(error: click.UsageError) -> str:
    ctx, words = error.ctx, error.format_message()
    if ctx is None:
        return words
    help_words = f"{ctx.command_path} --help"
    match error:
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
