"""Markdown as the transcript shows it: source -> blocks (parse) -> lines of styled pieces (layout). No widgets."""

from __future__ import annotations


def warm() -> None:
    """Import and build what the first text would have to wait for (80 ms); to be called in a thread."""
    from tale_tui.ui.markdown.code import CodeReader
    from tale_tui.ui.markdown.document import parse
    from tale_tui.ui.markdown.inline import spans

    parse("- **warm** `up`\n")
    spans("**warm** `up` https://example.org")
    CodeReader("python").read(["pass"], finished=True)
