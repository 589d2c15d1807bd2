"""Commands that take free text, which may look like an option."""

from __future__ import annotations

from collections import deque

import click


class TextCommand(click.Command):
    """A command that takes free text, which may begin with a dash: `-word` is text where there is no such option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the options first, and behind them, as words, what only looks like one."""
        known = {name: option for option in self.get_params(ctx) for name in (*option.opts, *option.secondary_opts)}
        options: list[str] = []
        words: list[str] = []
        left = deque(args)
        while left:
            arg = left.popleft()
            option = known.get(arg.partition("=")[0])
            if arg == "--":
                words += left
                break
            if isinstance(option, click.Option):
                options.append(arg)
                if "=" not in arg and not (option.is_flag or option.count):
                    if not left:
                        return super().parse_args(ctx, options)  # click says what is missing
                    options.append(left.popleft())
            elif arg.startswith("--"):
                options.append(arg)  # click says which one was meant
            else:
                words.append(arg)
        return super().parse_args(ctx, [*options, "--", *words])
