"""What a turn consists of besides its text: the line above with who speaks, when, how fast and how it ended; thoughts,
what waits for text, errors, the line below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tale_tui.formatting.symbols import ASCII, signs
from tale_tui.formatting.units import DURATION_WIDTH, bar, count, duration, plural, rate, when
from tale_tui.ui.markdown.lines import (
    ACCENT,
    AUTHOR_MODEL,
    AUTHOR_TASK,
    AUTHOR_USER,
    ERROR,
    MUTED,
    PANEL,
    PLAIN,
    STRONG,
    WARNING,
    CardAction,
    Line,
    RenderedLines,
    TextPart,
    Unfold,
    Version,
)
from tale_tui.ui.markdown.wrap import cells, wrap
from tale_tui.ui.text import fitted, plain, plain_line

if TYPE_CHECKING:
    from tale_tui.domain.conversation import Message
    from tale_tui.domain.models import Usage

THINKING = "thinking"
"""What `Unfold` names the thoughts of a model."""
ALL_TEXT = "text"
"""What `Unfold` names a text of which only the beginning is shown."""
VIEW_RULE = "the model sees from here"
_RULE_LEAD = 2
_GAUGE_CELLS = 8
YOU = "You"
NO_MODEL = "Model"
"""The author of a reply of which nobody knows the model."""
OURS = "tale"
"""The author of a sentence that no model was asked for."""
SLOW_FIRST_TOKEN_MS = 1000.0
"""A first token that takes longer gets a sign."""
_GAP = 2
"""Cells between the author and what stands at the right."""
_RATE_CELLS = 9
_COUNT_CELLS = 4
_NAME_LIMIT = 80


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """How far a reply is that is being made."""

    phase: Literal["waiting", "loading", "reading", "thinking", "writing"]
    started: float
    """Of the clock that only goes forward, in seconds."""
    done: int = 0
    """Tokens of the prompt that are read."""
    total: int = 0
    """Tokens of the prompt; 0 while unknown."""
    tokens: int = 0
    """Tokens of the reply so far."""
    rate: float | None = None
    """Tokens a second."""
    ttft_ms: float | None = None
    """From the request to the first text."""
    waits_for: str = ""
    """What is waited for: a server by its name, or a task."""


@dataclass(frozen=True, slots=True)
class FrameTime:
    """When something is drawn.

    Attributes:
        now: seconds since the epoch.
        monotonic: seconds of the clock that `LiveFigures.started` is of.
        frame: number of the picture of the spinner.
    """

    now: float
    monotonic: float
    frame: int = 0


Variant = Sequence[TextPart]


def is_ours(message: Message) -> bool:
    """Whether it was answered without a model, from what is stored."""
    return message.author != "user" and message.ref is None and message.task_id is None and bool(message.why)


def author_of(message: Message) -> str:
    """The name that stands above a message; safe text."""
    if is_ours(message):
        return OURS
    if message.ref is None:
        return YOU if message.author == "user" else NO_MODEL
    return plain_line(message.ref.model, _NAME_LIMIT).plain


def header(
    message: Message, live: LiveFigures | None, moment: FrameTime, width: int, go_on_key: str
) -> tuple[TextPart, ...]:
    """The pieces of the line, `width` cells together where there is something at the right.

    Args:
        message: whose.
        live: how far it is, while it is made.
        moment: the present.
        width: cells.
        go_on_key: the key that goes on with a reply that broke off.
    """
    name = fitted(author_of(message), width)
    # Ours has no colour, as the two of models belong to them.
    style = STRONG if is_ours(message) else AUTHOR_USER if message.author == "user" else AUTHOR_MODEL
    author = TextPart(name, style, 0)
    room = width - cells(name) - _GAP
    for variant in _variants(message, live, moment, go_on_key):
        pieces = [*(versions(message) if message.siblings > 1 else ()), *variant]
        used = sum(cells(piece.text) for piece in pieces)
        if used <= room:
            return (author, TextPart(" " * (width - cells(name) - used)), *pieces)
    return (author,)


def _variants(message: Message, live: LiveFigures | None, moment: FrameTime, go_on_key: str) -> list[Variant]:
    """What may stand at the right, the longest first."""
    if message.author == "user":
        return [[TextPart(when(message.created, moment.now), MUTED)]]
    if live is not None:
        return _live(live, moment)
    if message.state == "streaming":
        return [[TextPart(signs().ellipsis, MUTED)]]
    return _joined(_joined(_ending(message, go_on_key), _remembered(message)), _figures(message.usage))


def versions(message: Message) -> Variant:
    """`‹ 2/2 ›`, each sign a button."""
    before, after = ("<", ">") if signs() == ASCII else ("‹", "›")
    return (
        TextPart(f"{before} ", MUTED, target=Version(-1)),
        TextPart(f"{message.sibling}/{message.siblings}", MUTED, target=Version(1)),
        TextPart(f" {after}   ", MUTED, target=Version(1)),
    )


def _live(live: LiveFigures, moment: FrameTime) -> list[Variant]:
    spinner = signs().spinner[moment.frame % len(signs().spinner)]
    elapsed = max(moment.monotonic - live.started, 0.0)
    first = duration(live.ttft_ms / 1000 if live.ttft_ms is not None else elapsed).rjust(DURATION_WIDTH)
    match live.phase:
        case "waiting":
            words = [f"waiting {first}"]
        case "loading":
            words = [f"loading {first}"]
        case "reading":
            words = [first]
        case _:
            speed = "" if live.rate is None else rate(live.rate).rjust(_RATE_CELLS)
            tokens = f"{count(live.tokens).rjust(_COUNT_CELLS)} tok" if live.tokens else ""
            dot = f" {signs().dot} "
            parts = [part for part in (first, speed, tokens) if part]
            words = [dot.join(parts), dot.join(parts[1:]), tokens]
    return [[TextPart(f"{spinner} ", MUTED), TextPart(text, MUTED)] for text in [*words, ""]]


def _ending(message: Message, go_on_key: str) -> list[Variant]:
    """How a reply ended, where it is not as it should be; the longest first."""
    go_on = f", {go_on_key} goes on" if go_on_key else ""
    match message.state:
        case "stopped":
            return [[TextPart(f"stopped{go_on}", MUTED)], [TextPart("stopped", MUTED)]]
        case "interrupted":
            sign = f"{signs().failed} interrupted"
            return [[TextPart(sign + go_on, WARNING)], [TextPart(sign, WARNING)]]
        case "failed":
            return [[TextPart(f"{signs().failed} failed", ERROR)]]
    if message.finish == "length":
        return [[TextPart(f"cut at the limit{go_on}", WARNING)], [TextPart("cut", WARNING)]]
    return [[]]


def _remembered(message: Message) -> list[Variant]:
    """What of that it was offered, where it was."""
    return [[TextPart(f"{message.remembered} remembered", MUTED)], []] if message.remembered else [[]]


def _figures(usage: Usage | None) -> list[Variant]:
    """What a reply cost, the longest first: first text, all of it, speed, tokens read and written."""
    if usage is None:
        return [[]]
    total = "" if usage.total_ms is None else f"{duration(usage.total_ms / 1000)} in all"
    speed = "" if usage.tokens_per_second is None else rate(usage.tokens_per_second)
    written = "" if usage.completion_tokens is None else f"{count(usage.completion_tokens)} tok"
    both = written
    if written and usage.prompt_tokens is not None:
        both = f"{count(usage.prompt_tokens)} + {written}"
    return [
        _figure_line(usage, rest)
        for rest in ((total, speed, both), (total, speed, written), (speed, written), (written,), ())
    ]


def _figure_line(usage: Usage, rest: Sequence[str]) -> Variant:
    dot = f" {signs().dot} "
    tail = dot.join(part for part in rest if part)
    if usage.ttft_ms is None:
        return [TextPart(tail, MUTED)] if tail else []
    slow = usage.ttft_ms > SLOW_FIRST_TOKEN_MS
    sign = ("^ " if signs() == ASCII else "▲ ") if slow else ""
    first = TextPart(sign + duration(usage.ttft_ms / 1000), WARNING if slow else MUTED)
    return [first, TextPart(dot + tail, MUTED)] if tail else [first]


def _joined(left: list[Variant], right: list[Variant]) -> list[Variant]:
    """Both with a dot between them: the figures give way first, then the words of the ending."""
    if not left[0]:
        return right
    dot = TextPart(f" {signs().dot} ", MUTED)
    full = [[*left[0], dot, *variant] if variant else list(left[0]) for variant in right]
    return [*full, *left]


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
        words = f"waits for {live.waits_for}"
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
