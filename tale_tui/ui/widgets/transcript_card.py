"""A reply that is the card of a task: its line, what the task writes while it runs, a digest of what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tale_tui.ui import task_words
from tale_tui.ui.markdown.lines import Piece, Sheet
from tale_tui.ui.text import plain
from tale_tui.ui.widgets import task_card
from tale_tui.ui.widgets import transcript_parts as parts
from tale_tui.ui.widgets.transcript_turn import TEXT_SHOWN, THOUGHT, Setting, Turn

if TYPE_CHECKING:
    from tale_tui.engine.task_types import Task
    from tale_tui.engine.types import Message

_ENDED = ("done", "failed", "cancelled")


class CardTurn(Turn):
    """A card and its lines.

    Attributes:
        task: as it is now; None until it was read.
        gone: whether there is no such task any more: then it is an ordinary reply.
        opened: whether all of its text is shown.
        held: whether the reader opened or folded it: then it stays so.
        last: whether it is the last turn, where it can be undone.
    """

    __slots__ = ("_digest", "_digest_of", "gone", "held", "last", "opened", "task")

    def __init__(self, message: Message, task: Task | None = None) -> None:
        super().__init__(message)
        self.task = task
        self.gone = self.opened = self.held = self.last = False
        self._digest = ""
        self._digest_of: tuple[int, int, int] | None = None

    @property
    def is_card(self) -> bool:
        """Whether it is drawn as a card."""
        return not self.gone

    @property
    def ended(self) -> bool:
        """Whether nothing more comes by itself."""
        return self.gone or (self.task is not None and self.task.state in _ENDED)

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
        if self.opened or self.gone:
            return self.text
        return self.digest if self.ended else ""

    @property
    def digest(self) -> str:
        """The beginning of its text."""
        key = (self.edition, self.length, self._width)
        if self._digest_of != key:
            self._digest = task_words.digest(self.text, width=max(self._width, 1))
            self._digest_of = key
        return self._digest

    @property
    def foldable(self) -> bool:
        """Whether it has text that is not shown when it is folded."""
        return bool(self.text) and not (self.ended and self.digest == self.text.strip("\n"))

    @property
    def opens(self) -> bool:
        """Whether there is something to be opened and folded: text, or text that comes."""
        return self.foldable or (self.task is not None and self.task.state == "running")

    @property
    def codes(self) -> list[str]:
        """The blocks of code whole, though a digest ends in the middle of one."""
        if self.opened or not self.ended or not self.foldable:
            return super().codes
        from tale_tui.ui.markdown.body import Body
        from tale_tui.ui.markdown.layout import Options
        from tale_tui.ui.markdown.parse import MarkdownDocument

        body = Body(MarkdownDocument(), Options(max(self._width, 1)))
        body.document.feed(plain(self.text[:TEXT_SHOWN]).plain)
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

    def set_gone(self, gone: bool) -> None:
        """Whether there is no such task any more."""
        if gone != self.gone:
            self.gone = gone
            self.forget()

    def set_opened(self, opened: bool) -> None:
        """Show all of its text, or fold it."""
        if opened != self.opened:
            self.opened = opened
            self.forget()

    def set_text(self, text: str, thinking: str) -> None:
        """What it has written and thought so far, in place of what was known of it."""
        self._take(replace(self.message, text=text, thinking=thinking))

    def follow_on(self, before: CardTurn) -> None:
        """Show what the card of the same task showed before the conversation was read again."""
        self.opened, self.held = before.opened, before.held
        if before.text and not self.text:
            self.set_text(before.text, before.thinking)
            self.set_live(before.live)

    def replace(self, message: Message) -> None:
        """The message as it is now; a card has no text of its own until its task has ended."""
        if not message.text and not self.ended:
            message = replace(message, text=self.text, thinking=self.thinking)
        self._take(message)

    def _take(self, message: Message) -> None:
        if not self.opened and message.text != self.text:
            self.forget()
        super().replace(message)

    def estimate(self, width: int) -> int:
        """About how many lines it will have."""
        if self.opened or self.gone:
            return super().estimate(width) + 1
        shown = min(self.line_feeds + self.length // max(width, 1) + 1, task_words.DIGEST_LINES) if self.ended else 0
        return shown + CARD_LINES

    def refresh_card(self, setting: Setting) -> None:
        """Draw its line anew, for another time."""
        if self.laid_out:
            self._sheets[THOUGHT] = self._thought(setting)

    # its parts

    @property
    def _acknowledged(self) -> bool:
        return self.task is not None and self.task.state in ("queued", "running")

    def _telling(self, setting: Setting) -> task_card.Telling:
        return task_card.Telling(setting.moment().now, self._width, moving=not setting.still, live=self.live)

    def _head(self, setting: Setting) -> Sheet:
        if self.gone:
            return super()._head(setting)
        if self.task is None:
            return parts.head((Piece(task_card.NO_MODEL, 0, 0),), self._width, begins_view=self.begins_view)
        undo = setting.reroute_key if self.last and not self.ended else ""
        named = setting.same_model or not self._acknowledged
        pieces = task_card.header(
            self.task, self.message, self._telling(setting), named=named, undo_key=undo, quiet=not self.opened
        )
        return parts.head(pieces, self._width, begins_view=self.begins_view)

    def _thought(self, setting: Setting) -> Sheet:
        """The sentence, the card and, where text is shown below it, thoughts."""
        if self.gone:
            return super()._thought(setting)
        sheet = Sheet()
        if self.task is None:
            sheet.put(task_card.unknown_line(), sheet.row(None))
            return sheet
        if self._acknowledged and not setting.same_model:
            task_card.put_acknowledgement(sheet, self.task, self._width)
        task_card.put_card(sheet, self.task, self._telling(setting))
        if self.opened and self.thinking:
            sheet.put((), sheet.row(""))
            thoughts = super()._thought(setting)
            rows = len(sheet.rows)
            sheet.rows += thoughts.rows
            sheet.lines += [line.below(rows) for line in thoughts.lines]
        if self.written or self.growing:
            sheet.put((), sheet.row(""))
        return sheet

    def _middle(self) -> Sheet:
        if self.gone:
            return super()._middle()
        if self._body is not None and self._body.sheet.lines and self.written:
            return self._body.sheet
        return parts.indicator(self.live) if self.growing and not self.thinking else Sheet()

    def _foot(self, setting: Setting) -> Sheet:
        if self.gone or self.task is None:
            return super()._foot(setting)
        task = self.task
        keys = {"open": setting.open_key, "retry": setting.retry_key, "resume": setting.resume_key}
        fold: tuple[Piece, ...] = ()
        if self.foldable:
            fold = task_card.fold_note(task, self.text, opened=self.opened, key=setting.open_key)
        answer = task_card.answer_note(task, keys)
        error = (task.error or self.message.error) if task.state == "failed" else ""
        notes = [note for note in (fold, answer) if note]
        return parts.foot(error, self.left_out, self.keys, self._width, notes)


CARD_LINES = 5
"""Lines of a folded card besides its text: header, sentence, two empty lines and the card."""
