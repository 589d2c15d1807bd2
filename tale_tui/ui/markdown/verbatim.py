"""Text that is shown as it was written, such as what the user wrote: line by line, but for fenced code."""

from __future__ import annotations

from collections.abc import Sequence

from tale_tui.ui.markdown.blocks import Block, Fence, Verbatim
from tale_tui.ui.markdown.units import language_of

_FENCE_SIGNS = 3
"""So many ` or ~ in a row open a fence."""


class VerbatimDocument:
    """Text that grows and is shown line by line as it is, but for fenced code.

    Attributes:
        finished: blocks that no further text can change.
        open: the blocks after them, which it may.
    """

    def __init__(self) -> None:
        self.finished: list[Block] = []
        self.open: list[Block] = []
        self._source = ""

    def feed(self, text: str) -> None:
        """Append `text`, which is clean (no control characters but tab and line feed)."""
        lines = (self._source + text).split("\n")
        position = 0
        while position < len(lines):
            fence = _opening(lines[position])
            end = _closing(lines, position + 1, fence) if fence else position
            if end >= len(lines) - 1:
                break
            self.finished.append(self._block(lines[position : end + 1], fence, closed=True))
            position = end + 1
        rest = lines[position:]
        self._source = "\n".join(rest)
        fence = _opening(rest[0])
        closed = bool(fence) and len(rest) > 1 and _closes(rest[-1], fence)
        self.open = [self._block(rest, fence, closed)] if self._source else []

    def _block(self, lines: Sequence[str], fence: str, closed: bool) -> Block:
        above = self.finished[-1] if self.finished else None
        if not fence:
            gap = isinstance(above, Fence) and bool(lines[0].strip())
            return Verbatim(lines[0], gap)
        gap = above is not None and not (isinstance(above, Verbatim) and not above.text.strip())
        return Fence(language_of(lines[0].strip()[len(fence) :]), "\n".join(lines[1 : -1 if closed else None]), gap)


def _opening(line: str) -> str:
    """The run of ` or ~ with which a fence opens in this line; empty where none does."""
    text = line.strip()
    run = text[: len(text) - len(text.lstrip(text[:1]))] if text[:1] in ("`", "~") else ""
    return run if len(run) >= _FENCE_SIGNS and not (run[0] == "`" and "`" in text[len(run) :]) else ""


def _closes(line: str, fence: str) -> bool:
    text = line.strip()
    return len(text) >= len(fence) and not text.strip(fence[0])


def _closing(lines: Sequence[str], start: int, fence: str) -> int:
    """The line that closes a fence; the number of lines where none does."""
    return next((line for line in range(start, len(lines)) if _closes(lines[line], fence)), len(lines))
