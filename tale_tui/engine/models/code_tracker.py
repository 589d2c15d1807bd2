"""Whether a text that streams stands in code at its end."""

from __future__ import annotations

import re

_FENCE = re.compile(r"(?:[ \t]|>)*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(`{3,}(?=[^`]*$)|~{3,})")
"""What opens a block of code, also inside a list or a quote; behind it stands no other backtick."""
_CLOSED = re.compile(r"(?:[ \t]|>)*(`{3,}|~{3,})[ \t]*$")
_INDENTED = re.compile(r"(?: {4}| {0,3}\t)[ \t]*(?!(?:[-*+]|\d{1,9}[.)])[ \t])")
"""A line of code by its indentation, but for an item of a nested list."""
_TICKS = re.compile(r"`+")


class CodeTracker:
    """Follows blocks and spans of code in Markdown, however it is cut into pieces.

    A span that is not closed on its line counts as code to the end of that line.
    """

    def __init__(self) -> None:
        self._line: list[str] = []
        """What came of the last line."""
        self._fence = ""
        """What opened the block of code that is open."""
        self._may_indent = True
        """Whether the next line is code where it is indented: the one before it is blank, or such code."""

    def feed(self, text: str) -> None:
        """Take what comes next."""
        first, *more = text.split("\n")
        self._line.append(first)
        for line in more:
            self._end_line()
            self._line = [line]

    @property
    def inside(self) -> bool:
        """Whether what comes next stands in code."""
        line = "".join(self._line)
        if self._fence:
            return not self._closes(line)
        if _FENCE.match(line) or (self._may_indent and _INDENTED.match(line)):
            return True
        span = 0
        for ticks in _TICKS.finditer(line):
            size = len(ticks[0])
            span = size if not span else 0 if size == span else span
        return bool(span)

    def _end_line(self) -> None:
        line = "".join(self._line)
        if self._fence:
            self._fence = "" if self._closes(line) else self._fence
            self._may_indent = False
            return
        fence = _FENCE.match(line)
        self._fence = fence[1] if fence else ""
        indented = self._may_indent and _INDENTED.match(line) is not None
        self._may_indent = not fence and (indented or not line.strip())

    def _closes(self, line: str) -> bool:
        closed = _CLOSED.match(line)
        return closed is not None and closed[1].startswith(self._fence)
