"""A run of styled text, and the pieces that lines take from it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from tale_tui.ui.markdown.lines import Link, TextPart

if TYPE_CHECKING:
    from tale_tui.ui.markdown.inline import Span


class Run:
    """Text with styles.

    Attributes:
        text: of all spans.
    """

    __slots__ = ("_ends", "_spans", "_style", "text")

    def __init__(self, spans: Sequence[Span], style: int) -> None:
        self._spans = spans
        self._style = style
        self._ends = list(accumulate(len(span.text) for span in spans))
        self.text = "".join(span.text for span in spans)

    def pieces(self, start: int, end: int, at: int) -> Iterator[TextPart]:
        """The pieces from character `start` to `end`; character 0 of the run stands at `at` in its row."""
        number = bisect_right(self._ends, start)
        while start < end:
            span = self._spans[number]
            first = self._ends[number] - len(span.text)
            last = min(end, self._ends[number])
            target = Link(span.url) if span.url else None
            yield TextPart(span.text[start - first : last - first], span.style | self._style, at + start, target)
            start, number = last, number + 1
