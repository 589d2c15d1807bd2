"""What a turn consists of besides its text: the line above, thoughts, what waits for text, errors, the line below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tale_tui.formatting.symbols import bar, signs
from tale_tui.formatting.units import count, duration, plural
from tale_tui.ui.markdown.lines import (
    ACCENT,
    AUTHOR_TASK,
    ERROR,
    MUTED,
    PANEL,
    PLAIN,
    STRONG,
    CardAction,
    Line,
    RenderedLines,
    TextPart,
    Unfold,
)
from tale_tui.ui.markdown.wrap import wrap
from tale_tui.ui.text import plain

if TYPE_CHECKING:
    from tale_tui.ui.transcript.header import LiveFigures

THINKING = "thinking"
"""What `Unfold` names the thoughts of a model."""
ALL_TEXT = "text"
"""What `Unfold` names a text of which only the beginning is shown."""
VIEW_RULE = "the model sees from here"
_RULE_LEAD = 2
_GAUGE_CELLS = 8


def head(header: tuple[TextPart, ...], width: int, *, begins_view: bool) -> RenderedLines:
    """The header, below a rule where the model's view begins with this turn."""
    sheet = RenderedLines()
    if begins_view:
        rule = signs().rule
        words = f"{rule * _RULE_LEAD} {VIEW_RULE} "[:width]
        sheet.put((TextPart(words + rule * max(width - len(words), 0), MUTED),), sheet.row(None))
        sheet.put((), sheet.row(None))
    sheet.put(header, sheet.row(header[0].text))
    return sheet


def thought(text: str, took: tuple[float, int] | None, key: str, *, opened: bool, busy: bool) -> RenderedLines:
    """The line that thoughts are folded to.

    Args:
        text: what was thought.
        took: seconds and tokens, where they were seen; 0 tokens are not told.
        key: opens and closes them.
        opened: whether they are shown.
        busy: whether the model is still thinking.
    """
    dot = f" {signs().dot} "
    if busy:
        words = "thinking"
    elif took:
        words = f"thought for {duration(took[0])}{f'{dot}{count(took[1])} tok' if took[1] else ''}"
    else:
        words = f"thought{dot}{plural(len(text.split()), 'word')}"
    sign = signs().unfolded if opened else signs().folded
    hint = f"{dot}{key} {'closes' if opened else 'opens'}" if key else ""
    sheet = RenderedLines()
    sheet.put((TextPart(f"{sign} {words}{hint}", MUTED, target=Unfold(THINKING)),), sheet.row(None))
    return sheet


def join(sheet: RenderedLines, more: RenderedLines) -> None:
    """Put `more` below what is on the sheet, and an empty line below both."""
    rows = len(sheet.rows)
    sheet.rows += more.rows
    sheet.lines += [line.below(rows) for line in more.lines]
    sheet.put((), sheet.row(""))


def indicator(live: LiveFigures | None) -> RenderedLines:
    """What stands in place of a reply that has not begun."""
    sheet = RenderedLines()
    words = ""
    if live is not None and live.phase == "waiting":
        words = f"waits for {live.server}"
    elif live is not None and live.phase == "loading":
        words = "loading the model"
    elif live is not None and live.phase == "reading" and live.total:
        words = f"{bar(live.done / live.total, _GAUGE_CELLS)} reading {live.done} of {live.total} tokens"
    piece = TextPart(words, MUTED) if words else TextPart(signs().caret, ACCENT)
    sheet.put((piece,), sheet.row(None))
    return sheet


def no_text() -> RenderedLines:
    """What stands in place of a reply that ended before its first word."""
    sheet = RenderedLines()
    sheet.put((TextPart("no text", MUTED),), sheet.row(None))
    return sheet


def with_caret(line: Line, width: int) -> Line:
    """A line of growing text with the sign behind it where the next word will come, if there is room for it."""
    pieces = line.pieces
    if pieces and pieces[-1].style == PANEL and pieces[-1].at < 0 and pieces[-1].text:
        *before, fill = pieces
        caret = (TextPart(signs().caret, PANEL | ACCENT), TextPart(fill.text[1:], PANEL))
        return Line((*before, *caret), line.row)
    if line.width < width:
        return Line((*pieces, TextPart(signs().caret, ACCENT)), line.row)
    return line


def offer(key: str) -> tuple[TextPart, ...]:
    """The question below a reply to what may have been a task."""
    target = CardAction("reclassify")
    return TextPart("Run this as a task?", AUTHOR_TASK, target=target), TextPart(f"  {key}", ACCENT, target=target)


def foot(
    error: str, left_out: int, keys: tuple[TextPart, ...], width: int, notes: Sequence[tuple[TextPart, ...]] = ()
) -> RenderedLines:
    """What stands below the text: what is not shown of it, an error, and the line that parts it from the next turn.

    Args:
        error: a sentence, or a title and below it sentences.
        left_out: characters of the text that are not shown.
        keys: what the last line says; empty for an empty line.
        width: cells.
        notes: lines above the last one.
    """
    sheet = RenderedLines()
    if left_out:
        note = f"{signs().ellipsis} {plural(left_out, 'more character')}, click or enter shows them"
        sheet.put((TextPart(note[:width], MUTED, target=Unfold(ALL_TEXT)),), sheet.row(None))
    if error:
        _put_error(sheet, plain(error).plain.replace("\t", " "), width)
    for pieces in notes:
        sheet.put(pieces, sheet.row(None))
    sheet.put(keys, sheet.row(""))
    return sheet


def _put_error(sheet: RenderedLines, error: str, width: int) -> None:
    lead = f"{signs().failed} "
    lines = error.strip().split("\n")
    for number, text in enumerate(lines):
        row = sheet.row(text)
        style = PLAIN if number else ERROR | STRONG if len(lines) > 1 else ERROR
        for start, end in wrap(text, max(width - len(lead), 1)):
            sign = TextPart(lead, ERROR | STRONG) if number == 0 and start == 0 else TextPart(" " * len(lead))
            sheet.put((sign, TextPart(text[start:end], style, start)), row)
