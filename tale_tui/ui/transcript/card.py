"""The lines of a task's card: who does it, where it is, what of it is not shown. Pure functions of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tale_tui.formatting import tasks as task_words
from tale_tui.formatting.digest import DIGEST_LINES, screen_digest
from tale_tui.formatting.forecasts import LARGE, cost_words, tok_words
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import count, plural, rate, when
from tale_tui.ui.markdown.lines import (
    AUTHOR_TASK,
    ERROR,
    MUTED,
    PLAIN,
    STRONG,
    SUCCESS,
    WARNING,
    CardAction,
    RenderedLines,
    TextPart,
)
from tale_tui.ui.markdown.wrap import cells, wrap
from tale_tui.ui.text import fitted, plain, plain_line
from tale_tui.ui.transcript import parts
from tale_tui.ui.transcript.parts import versions
from tale_tui.ui.transcript.turn import TEXT_SHOWN, THOUGHT, RenderContext, TurnBlock, TurnText

if TYPE_CHECKING:
    from tale_tui.domain.conversation import Message
    from tale_tui.domain.tasks import Task
    from tale_tui.ui.transcript.parts import LiveFigures


OPENS = CardAction("open")
"""A click at the card shows or folds its text."""

NO_MODEL = "Task"
"""The author of a card of which nobody knows the model."""

_TONES = {"work": AUTHOR_TASK, "look": WARNING, "ok": SUCCESS, "bad": ERROR, "quiet": MUTED}

_LOUD = {"look": WARNING, "bad": ERROR}
"""Of the words of a state; all others are quiet."""

_GAUGE_CELLS = 8

_SHORT_GAUGE_CELLS = 5

_GAP = 3
"""Cells between the parts of a card's line."""

_TITLE_LEAST = 14
"""Cells of a title that all else gives way to."""

_TITLE_SHORTEST = 7
"""The same where one word stands beside it."""

_TITLE_WIDE = 24
"""The same where words are told in full."""

_NAME_LIMIT = 80

_COUNT_CELLS = 4

_RATE_CELLS = 9

_FORESEEN_CELLS = len("1.2k of ~1.4k tok")


@dataclass(frozen=True, slots=True)
class CardContext:
    """How a card is drawn now.

    Attributes:
        now: seconds since the epoch.
        width: cells.
        live: what is going on in the step that runs, where that is known.
    """

    now: float
    width: int
    live: LiveFigures | None = None


def line(task: Task, telling: CardContext) -> tuple[TextPart, ...]:
    """The line of a card: sign, id and title at the left; where it is, how far and how long at the right."""
    tone = task_words.tone(task)
    lead = (
        TextPart(f"{task_words.sign(task)} ", _TONES[tone] | STRONG, target=OPENS),
        TextPart(task.shown, MUTED, 0, OPENS),
        TextPart("  ", PLAIN, len(task.shown), OPENS),
    )
    title = plain_line(task.title).plain
    room = telling.width - sum(cells(piece.text) for piece in lead)
    for least, right in _right(task, telling):
        used = sum(cells(piece.text) + _GAP for piece in right)
        if room - used >= min(cells(title), least):
            break
    else:
        right, used = (), 0
    name = fitted(title, max(room - used, 0))
    style = MUTED if task.state == "cancelled" else PLAIN
    pieces = [*lead, TextPart(name, style, len(task.shown) + 2, OPENS)]
    if right:
        pieces.append(TextPart(" " * (room - used - cells(name)), target=OPENS))
    for part in right:
        pieces += [TextPart(" " * _GAP, target=OPENS), part._replace(target=OPENS)]
    return tuple(pieces)


def _right(task: Task, telling: CardContext) -> list[tuple[int, tuple[TextPart, ...]]]:
    """What may stand at the right, the longest first, each with the cells that it leaves to the title."""
    now, doing = telling.now, _doing(telling.live)
    style = _LOUD.get(task_words.tone(task), MUTED)
    words = TextPart(plain_line(task_words.state_words(task, now, doing=doing)).plain, style)
    short = TextPart(plain_line(task_words.short_state(task, now, doing=doing)).plain, style)
    long_times, times = task_words.times(task, now), task_words.short_times(task, now)
    if task.state == "running":
        long_times = long_times.rjust(task_words.times_width(task))
        times = times.rjust(task_words.times_width(task, short=True))
    wide, narrow = TextPart(long_times, MUTED), TextPart(times, MUTED)
    return [
        *_with_forecast(task, telling, words, wide, narrow),
        (_TITLE_WIDE, (words, *_middle(task, telling, _GAUGE_CELLS), wide)),
        (_TITLE_LEAST, (short, *_middle(task, telling, _SHORT_GAUGE_CELLS), narrow)),
        (_TITLE_LEAST, (short, narrow)),
        (_TITLE_SHORTEST, (short,) if task.state in ("waiting", "failed", "queued") else (narrow,)),
    ]


def _with_forecast(
    task: Task, telling: CardContext, words: TextPart, wide: TextPart, narrow: TextPart
) -> list[tuple[int, tuple[TextPart, ...]]]:
    """The same with what was foreseen: what is left while it runs, what comes before, what came afterwards."""
    if task.forecast is None:
        return []
    figures, middle = _foreseen(task, telling), _middle(task, telling, _GAUGE_CELLS)
    hard = plain_line(task_words.complexity(task)).plain
    told = (TextPart(hard, MUTED),) if hard else ()
    found: list[tuple[TextPart, ...]] = []
    if task.state == "running":
        found = [(words, *middle, *figures, wide)]
    elif task.state == "done":
        tokens = TextPart(task_words.written(task), MUTED)
        # The sign says that it is done where the word has no room.
        found = [(words, wide, *middle, *told), (wide, *middle, *told), (words, wide, tokens, *told)]
        found += [(words, wide), (words, narrow)]
    elif task.is_open and not task_words.elapsed_s(task, telling.now):
        large = (TextPart(LARGE, WARNING),) if task.forecast.large else ()
        costs = cost_words(task.forecast.cost, task.forecast.runs)
        cost = (TextPart(costs, MUTED),) if costs else ()
        found = [(words, *large, wide, *figures, *told, *cost), (words, *large, wide, *figures, *told)]
        found += [(words, *large, wide), (words, *large, narrow)]
    return [(_TITLE_LEAST, parts) for parts in found]


def _middle(task: Task, telling: CardContext, width: int) -> tuple[TextPart, ...]:
    """The gauge of a task that has begun and of which it is known how long it takes, the tokens of one that ended."""
    if task.state in ("running", "paused"):
        # Where it takes longer than was known, the gauge leaves its cells empty, so that nothing beside it moves.
        gauge = task_words.progress(task, telling.now, width).ljust(width if task_words.has_end(task) else 0)
        return (TextPart(gauge, AUTHOR_TASK if task.state == "running" else MUTED),) if gauge else ()
    told = task_words.tokens(task) if task.finished is not None else ""
    return (TextPart(told, MUTED),) if told else ()


def _foreseen(task: Task, telling: CardContext) -> tuple[TextPart, ...]:
    """Tokens: of one that runs `412 of ~900 tok`, of another one what is foreseen."""
    if task.forecast is None:
        return ()
    if task.state != "running":
        return (TextPart(tok_words(task.forecast.completion_tokens, task.forecast.runs), MUTED),)
    written = telling.live.tokens if telling.live is not None and task.steps_total == 1 else 0
    whole = f"~{count(task.forecast.completion_tokens.middle)} tok"
    return (TextPart(f"{count(written)} of {whole}".rjust(_FORESEEN_CELLS) if written else whole, MUTED),)


def _doing(live: LiveFigures | None) -> str:
    if live is None:
        return ""
    match live.phase:
        case "loading":
            return "loading the model"
        case "reading":
            return f"reading {live.done} of {live.total}" if live.total else "reading"
    return live.phase


def unknown_line() -> tuple[TextPart, ...]:
    """What stands in the place of a card's line until its task was read."""
    return (TextPart(f"{signs().waiting} {signs().ellipsis}", MUTED),)


def header(
    task: Task, message: Message, telling: CardContext, *, named: bool, undo_key: str, quiet: bool
) -> tuple[TextPart, ...]:
    """The first line of a card: its model where nothing else names it, at the right how sure it is that it is a task.

    Args:
        task: whose.
        message: the card.
        telling: the present, and the cells of the line.
        named: whether the model is named here.
        undo_key: makes talk of it; empty where that is not offered.
        quiet: whether figures are left out.
    """
    model = plain_line(task_words.model_name(task) or NO_MODEL, _NAME_LIMIT).plain
    name = fitted(model, telling.width) if named else ""
    author = TextPart(name, AUTHOR_TASK | STRONG, 0)
    room = telling.width - cells(name) - (2 if name else 0)
    for variant in _header_variants(task, telling, undo_key, quiet=quiet):
        pieces = [*(versions(message) if message.siblings > 1 else ()), *variant]
        used = sum(cells(piece.text) for piece in pieces)
        if used <= room:
            return author, TextPart(" " * (telling.width - cells(name) - used)), *pieces
    return (author,)


def _header_variants(task: Task, telling: CardContext, undo_key: str, *, quiet: bool) -> list[Sequence[TextPart]]:
    chip = TextPart(task_words.chip(task), AUTHOR_TASK)
    undo: tuple[TextPart, ...] = ()
    if undo_key:
        target = CardAction("reclassify")
        undo = (
            TextPart("    "),
            TextPart(undo_key, MUTED, target=target),
            TextPart(" just talk", MUTED, target=target),
        )
    figures = "" if quiet else _figures(task, telling)
    ended = (TextPart(f"   {when(task.finished, telling.now)}", MUTED),) if task.finished is not None else ()
    full = (TextPart(f"{figures}   ", MUTED), chip, *ended, *undo) if figures else (chip, *ended, *undo)
    found: list[Sequence[TextPart]] = [full, (chip, *ended, *undo), (chip, *undo), (chip,), ()]
    # While it is queued or runs the sentence above the card says it.
    why = "" if task.state in ("queued", "running") else plain_line(task_words.reason_words(task)).plain
    return [(TextPart(f"{why}   ", MUTED), *full), *found] if why else found


def _figures(task: Task, telling: CardContext) -> str:
    """How fast it writes and how much it has written, while it runs."""
    if task.state != "running":
        return ""
    live, dot = telling.live, f" {signs().dot} "
    if live is None or not live.tokens:
        return task_words.tokens(task)
    speed = "" if live.rate is None else rate(live.rate).rjust(_RATE_CELLS) + dot
    return speed + f"{count(live.tokens).rjust(_COUNT_CELLS)} tok"


def put_acknowledgement(sheet: RenderedLines, task: Task, width: int) -> None:
    """The sentence above a card, with an empty line below it."""
    text = plain_line(task_words.acknowledgement(task)).plain
    name = len(plain_line(task_words.model_name(task), _NAME_LIMIT).plain)
    row = sheet.row(text)
    for start, end in wrap(text, width):
        middle = min(max(name, start), end)
        pieces = (TextPart(text[start:middle], AUTHOR_TASK | STRONG, start), TextPart(text[middle:end], PLAIN, middle))
        sheet.put(tuple(piece for piece in pieces if piece.text), row)
    sheet.put((), sheet.row(""))


def put_card(sheet: RenderedLines, task: Task, telling: CardContext) -> None:
    """The line of a card."""
    pieces = line(task, telling)
    sheet.put(pieces, sheet.row("".join(piece.text for piece in pieces if piece.at >= 0)))


def fold_note(task: Task, text: str, *, opened: bool, key: str) -> tuple[TextPart, ...]:
    """That there is more text than is shown, or that it can be folded; empty where text comes and is shown.

    Args:
        task: whose.
        text: all that it wrote.
        opened: whether all of it is shown.
        key: opens and folds it.
    """
    if opened and task.state == "running":
        return ()
    what = {"done": "whole result", "running": "text so far"}.get(task.state, "what it wrote")
    dot = f" {signs().dot} "
    sign = signs().unfolded if opened else signs().folded
    rest = f"{key} folds" if opened else f"{plural(text.count(chr(10)) + 1, 'line')}{dot}{key} opens"
    return (TextPart(f"{sign} {what}{dot}{rest}", MUTED, target=OPENS),)


def answer_note(task: Task, keys: dict[str, str]) -> tuple[TextPart, ...]:
    """What the user can do about a task that does not go on by itself.

    Args:
        task: whose.
        keys: of `open`, `retry` and `resume`.
    """
    kind, key, words = "", "", ""
    match task.state:
        case "waiting":
            asks_to_go_on = task.reason in ("budget", "length")
            kind, key, words = (
                "show",
                keys["open"],
                "asks whether to go on" if asks_to_go_on else "shows what would run",
            )
        case "paused":
            kind, key, words = "resume", keys["resume"], "goes on"
        case "failed":
            kind, key, words = "retry", keys["retry"], "tries again"
    return (TextPart(f"{key} {words}", MUTED, target=CardAction(kind)),) if key else ()


class CardTurn(TurnBlock):
    """A card and its lines.

    Attributes:
        task: as it is now; None until it was read.
        opened: whether all of its text is shown.
        held: whether the reader opened or folded it: then it stays so.
        last: whether it is the last turn, where it can be undone.
        step: which step its text is of, where the task has several; foreign text.
    """

    __slots__ = ("_card_at", "_digest", "_digest_of", "held", "last", "opened", "step", "task")

    def __init__(self, message: Message, task: Task | None = None, content: TurnText | None = None) -> None:
        super().__init__(message, content)
        self.task = task
        self.opened = self.held = self.last = False
        self.step = ""
        self._card_at = 0
        """The number of the card's line among those of its part."""
        self._digest = ""
        self._digest_of: tuple[int, int, int] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more comes by itself."""
        return self.task is not None and not self.task.is_open

    @property
    def ticking(self) -> bool:
        """Whether its line changes as time goes by."""
        return self.task is not None and (self.task.state == "running" or self.task.next_try is not None)

    @property
    def growing(self) -> bool:
        """Whether text comes and is shown."""
        return self.opened and self.task is not None and self.task.state == "running"

    @property
    def written(self) -> str:
        """What of its text is shown: all, the beginning of a result, or nothing."""
        if self.opened:
            return self.content.text
        return self.digest if self.ended else ""

    @property
    def digest(self) -> str:
        """The beginning of its text."""
        key = (self.content.edition, self.content.length, self._width)
        if self._digest_of != key:
            self._digest = screen_digest(self.content.text, width=max(self._width, 1))
            self._digest_of = key
        return self._digest

    @property
    def foldable(self) -> bool:
        """Whether it has text that is not shown when it is folded."""
        return bool(self.content.text) and not (self.ended and self.digest == self.content.text.strip("\n"))

    @property
    def opens(self) -> bool:
        """Whether there is something to be opened and folded: text, or text that comes."""
        return self.foldable or (self.task is not None and self.task.state == "running")

    @property
    def codes(self) -> list[str]:
        """The blocks of code whole, though a digest ends in the middle of one."""
        if self.opened or not self.ended or not self.foldable:
            return super().codes
        from tale_tui.ui.markdown.document import MarkdownDocument
        from tale_tui.ui.markdown.layout import Body, Options

        body = Body(MarkdownDocument(), Options(max(self._width, 1)))
        body.document.feed(plain(self.content.text[:TEXT_SHOWN]).plain)
        body.update(finished=True)
        return body.sheet.codes

    def set_task(self, task: Task | None) -> None:
        """The task as it is now. One that was done and is run again begins without a text."""
        ended, done = self.ended, self.task is not None and self.task.state == "done"
        self.task = task
        if self.ended != ended:
            self.forget()
        if done and not self.ended:
            self.set_text("", "")
        self.whole = False

    def set_opened(self, opened: bool) -> None:
        """Show all of its text, or fold it."""
        if opened != self.opened:
            self.opened = opened
            self.forget()

    def set_text(self, text: str, thinking: str) -> None:
        """What it has written and thought so far, in place of what was known of it."""
        self._take(replace(self.content.message, text=text, thinking=thinking))

    def follow_on(self, before: CardTurn) -> None:
        """Show what the card of the same task showed before the conversation was read again."""
        self.opened, self.held, self.step = before.opened, before.held, before.step
        if before.content.text and not self.content.text:
            self.set_text(before.content.text, before.content.thinking)
            self.set_live(before.content.live)

    def replace(self, message: Message) -> None:
        """The message as it is now; a card has no text of its own until its task has ended."""
        if not message.text and not self.ended:
            message = replace(message, text=self.content.text, thinking=self.content.thinking)
        self._take(message)

    def _take(self, message: Message) -> None:
        if not self.opened and message.text != self.content.text:
            self.forget()
        super().replace(message)

    def set_step(self, step: str) -> None:
        """Say which step its text is of; empty for none."""
        if step != self.step:
            self.step = step
            self.whole = False

    def lines_above_text(self, context: RenderContext, first: int) -> tuple[tuple[TextPart, ...], ...]:
        """The line of the card, and which step its text is of, where these are above what is seen of it.

        Args:
            context: how it is drawn.
            first: the number of the first line that is seen.
        """
        if self.task is None or not self.growing or first <= self.first_line(THOUGHT) + self._card_at:
            return ()
        lines = (line(self.task, self._telling(context)), self._step_line())
        return tuple(pieces for pieces in lines if pieces)

    def estimate(self, width: int) -> int:
        """About how many lines it will have."""
        if self.opened:
            return super().estimate(width) + 1
        lines = self.content.line_feeds + self.content.length // max(width, 1) + 1
        shown = min(lines, DIGEST_LINES) if self.ended else 0
        return shown + CARD_LINES

    def refresh_card(self, context: RenderContext) -> None:
        """Draw its line anew, for another time."""
        if self.sheets:
            self.sheets[THOUGHT] = self._thought(context)

    # its parts

    @property
    def _acknowledged(self) -> bool:
        return self.task is not None and self.task.state in ("queued", "running")

    def _telling(self, context: RenderContext) -> CardContext:
        return CardContext(context.moment().now, self._width, live=self.content.live)

    def _head(self, context: RenderContext) -> RenderedLines:
        if self.task is None:
            return parts.head((TextPart(NO_MODEL, 0, 0),), self._width, begins_view=self.begins_view)
        undo = context.reclassify_key if self.last and not self.ended else ""
        named = context.same_model or not self._acknowledged
        pieces = header(
            self.task, self.content.message, self._telling(context), named=named, undo_key=undo, quiet=not self.opened
        )
        return parts.head(pieces, self._width, begins_view=self.begins_view)

    def _thought(self, context: RenderContext) -> RenderedLines:
        """The sentence, the card and, where text is shown below it, thoughts."""
        sheet = RenderedLines()
        if self.task is None:
            sheet.put(unknown_line(), sheet.row(None))
            return sheet
        if self._acknowledged and not context.same_model:
            put_acknowledgement(sheet, self.task, self._width)
        self._card_at = len(sheet.lines)
        put_card(sheet, self.task, self._telling(context))
        if self.opened and (step := self._step_line()):
            sheet.put((), sheet.row(""))
            sheet.put(step, sheet.row(None))
        if self.opened and self.content.thinking:
            sheet.put((), sheet.row(""))
            thoughts = super()._thought(context)
            rows = len(sheet.rows)
            sheet.rows += thoughts.rows
            sheet.lines += [line.below(rows) for line in thoughts.lines]
        if self.written or self.growing:
            sheet.put((), sheet.row(""))
        return sheet

    def _step_line(self) -> tuple[TextPart, ...]:
        """Which step its text is of; empty once the text is the result."""
        if self.ended or not self.step:
            return ()
        return (TextPart(fitted(plain_line(self.step).plain, self._width), MUTED | STRONG),)

    def _middle(self) -> RenderedLines:
        if self._body is not None and self._body.sheet.lines and self.written:
            return self._body.sheet
        return parts.indicator(self.content.live) if self.growing and not self.content.thinking else RenderedLines()

    def _foot(self, context: RenderContext) -> RenderedLines:
        if self.task is None:
            return super()._foot(context)
        task = self.task
        keys = {"open": context.open_key, "retry": context.retry_key, "resume": context.resume_key}
        fold: tuple[TextPart, ...] = ()
        if self.foldable:
            fold = fold_note(task, self.content.text, opened=self.opened, key=context.open_key)
        answer = answer_note(task, keys)
        error = (task.error or self.content.message.error) if task.state == "failed" else ""
        notes = [note for note in (fold, answer) if note]
        return parts.foot(error, self.left_out, self.keys, self._width, notes)


CARD_LINES = 5
"""Lines of a folded card besides its text: header, sentence, two empty lines and the card."""
