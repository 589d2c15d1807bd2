"""Where text is broken into lines of at most a number of cells. Offsets into the text, never copies of it."""

from __future__ import annotations

import re

from rich.cells import cell_len, split_graphemes

_WIDE = re.compile(
    "[^\x20-\x7e\xa0-\xac\xae-\u02ff\u0370-\u0482\u2010-\u2027\u2030-\u205e\u2190-\u21ff\u2500-\u25fc\u2800-\u28ff]"
)
"""Finds a character that may not be one cell wide; there are more of them, these are the common ones."""


def is_narrow(text: str) -> bool:
    """Whether every character is known to be one cell wide, so that cells can be counted by counting characters."""
    return _WIDE.search(text) is None


def cells(text: str) -> int:
    """How many cells a terminal needs for `text`."""
    return len(text) if text.isascii() else cell_len(text)


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """Break at spaces, else between characters that belong together least; each line as (start, end).

    Spaces at a break belong to no line. A line feed ends a line. Every line needs at most `width` cells, unless a
    single character needs more. There is at least one line.

    Args:
        text: may have line feeds.
        width: cells; at least 1.
    """
    lines: list[tuple[int, int]] = []
    start = 0
    while True:
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if end - start <= width and text.isascii():
            lines.append((start, _trimmed(text, start, end)))
        elif is_narrow(text[start:end]):
            _wrap_narrow(text, start, end, width, lines)
        else:
            _wrap_wide(text, start, end, width, lines)
        if end == len(text):
            return lines
        start = end + 1


class GrowingWrap:
    """Breaks a text that grows: lines are broken from left to right, so all but the last one stay as they are."""

    def __init__(self) -> None:
        self._text = ""
        self._width = 0
        self._lines: list[tuple[int, int]] = []

    def wrap(self, text: str, width: int) -> list[tuple[int, int]]:
        """As `wrap`."""
        lines: list[tuple[int, int]] = []
        if self._lines and width == self._width and text.startswith(self._text):
            lines = self._lines[:-1]
        start = self._lines[len(lines)][0] if lines else 0
        lines += [(start + first, start + last) for first, last in wrap(text[start:], width)]
        self._text, self._width, self._lines = text, width, lines
        return lines


def chop(text: str, width: int) -> list[tuple[int, int]]:
    """Break after `width` cells wherever that is, as code is; each line as (start, end), at least one."""
    if len(text) <= width and is_narrow(text):
        return [(0, len(text))]
    if is_narrow(text):
        return [(start, min(start + width, len(text))) for start in range(0, len(text), width)]
    lines: list[tuple[int, int]] = []
    start = used = 0
    for first, _, size in split_graphemes(text)[0]:
        if used + size > width and first > start:
            lines.append((start, first))
            start, used = first, 0
        used += size
    return [*lines, (start, len(text))]


def _trimmed(text: str, start: int, end: int) -> int:
    """Where the line ends without the spaces at its end."""
    while end > start and text[end - 1] == " ":
        end -= 1
    return end


def _wrap_narrow(text: str, start: int, end: int, width: int, lines: list[tuple[int, int]]) -> None:
    while end - start > width:
        space = text.rfind(" ", start, start + width + 1)
        stop = _trimmed(text, start, space) if space > start else start
        if stop == start:
            # There is no space to break at, or nothing but spaces before it.
            stop = following = start + width
        else:
            following = space + 1
        lines.append((start, stop))
        while following < end and text[following] == " ":
            following += 1
        if following == end:
            return
        start = following
    lines.append((start, _trimmed(text, start, end)))


def _wrap_wide(text: str, start: int, end: int, width: int, lines: list[tuple[int, int]]) -> None:
    """As `_wrap_narrow`, for text whose characters have different widths; wide ones may be parted from each other."""
    used = 0
    line = start
    break_at, break_used = start, 0
    for first, last, size in split_graphemes(text[start:end])[0]:
        first, last = first + start, last + start
        is_space = text[first:last] == " "
        if used == 0 and is_space and line > start:
            line = break_at = last
            continue
        while used + size > width and not is_space and first > line:
            stop = _trimmed(text, line, break_at) if break_at > line else line
            if stop > line:
                lines.append((line, stop))
                line, used = break_at, used - break_used
            else:
                # Nothing but spaces may have filled the line and more.
                lines.append((line, first if used <= width else line + width))
                line, used = first, 0
            break_at, break_used = line, 0
        used += size
        if is_space or size > 1:
            break_at, break_used = last, used
    if line < end or line == start:
        lines.append((line, _trimmed(text, line, end)))
