"""The chosen turn: which it is, how it is shown, what it has to offer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.reactive import reactive

from tale_tui.ui.markdown.lines import ACCENT, MUTED, PANEL, Link, Target, TextPart, Unfold
from tale_tui.ui.markdown.wrap import cells
from tale_tui.ui.text import plain_line
from tale_tui.ui.transcript.card import CardTurn
from tale_tui.ui.transcript.cards import TaskPaper
from tale_tui.ui.transcript.keys import Offer, card_offers, key_line, key_sign, offered, usual_keys
from tale_tui.ui.transcript.layout import ScrollPosition
from tale_tui.ui.transcript.paint import Bar, LineStyle
from tale_tui.ui.transcript.parts import THINKING
from tale_tui.ui.transcript.turn import BODY, FOOT, THOUGHT, RenderContext, TurnBlock

if TYPE_CHECKING:
    from tale_tui.domain.conversation import Message

_CONTEXT_LINES = 2
"""Lines above a turn that are shown with it."""


class TurnSelection(TaskPaper):
    """Turns of which one can be chosen."""

    chosen: reactive[str | None] = reactive(None, init=False, repaint=False)
    """The id of the message of the chosen turn."""

    marked_link = ""
    """The address that the reader has moved to."""
    keys: Mapping[str, str] = usual_keys()
    """Name of a binding -> its key, as far as it is known."""
    _told: TurnBlock | None = None
    """The turn that has the keys below it."""

    def on_resize(self) -> None:
        """The keys have more room, or less."""
        self.fit()
        self.tell_keys()

    @property
    def chosen_number(self) -> int | None:
        """The number of the chosen turn."""
        return self.stack.find(self.chosen)

    @property
    def chosen_turn(self) -> TurnBlock | None:
        """The chosen turn."""
        number = self.chosen_number
        return None if number is None else self.stack.turns[number]

    def watch_chosen(self) -> None:
        """Put the keys below the chosen turn."""
        self.marked_link = ""
        self.tell_keys()

    def watch_has_focus(self, has_focus: bool) -> None:
        """With the focus the keys work: choose the last turn where none is. Without it nothing is chosen any more."""
        super().watch_has_focus(has_focus)
        if not self.is_attached:
            return
        if has_focus and self.chosen_number is None and self.stack.turns:
            self.chosen = self.stack.turns[-1].message.id
        elif not has_focus and self.screen.focused not in (None, self):
            self.chosen = None
        self.tell_keys()

    def show_message(self, message_id: str) -> None:
        """Scroll to a message and choose it, as for a hit of a search; a card is opened, the hit may be inside."""
        number = self.stack.find(message_id)
        if number is not None:
            turn = self.stack.lay(number)
            if isinstance(turn, CardTurn) and turn.is_card and turn.foldable:
                self.open_card(turn.message.task_id or "", opened=True, by_reader=True)
            self.chosen = message_id
            self.go_to(self.stack.move(ScrollPosition(number), -_CONTEXT_LINES))

    def view(self) -> tuple[str | None, int]:
        """What is at the top of the screen: a message and a line of it; None and 0 where the end is followed."""
        if self.following or not self.stack.turns:
            return None, 0
        return self.stack.turns[self.top.turn].message.id, self.top.line

    def add(self, message: Message) -> None:
        """Append a message; it is chosen where the one that was chosen made room for it."""
        super().add(message)
        if self.has_focus and self.chosen is None:
            self.chosen = message.id

    def update(self, message: Message) -> None:
        """Show a message as it is now, and what the keys can do with it now."""
        super().update(message)
        if message.id == self.chosen:
            self.tell_keys()

    def _card_changed(self, card: CardTurn) -> None:
        """A card says something else now, and the keys may do something else with it."""
        super()._card_changed(card)
        if card is self._told:
            self.tell_keys()

    def reset(self) -> None:
        """Nothing is chosen that is not there any more."""
        super().reset()
        if self.chosen_number is None:
            self.chosen = None

    # how it is shown

    def setting(self, width: int) -> RenderContext:
        """With the keys that lines tell."""
        keys = self.keys
        return replace(
            super().setting(width),
            think_key=keys.get("thinking", "t"),
            go_on_key=keys.get("continue", "g"),
            open_key=key_sign(keys.get("open", "enter")),
            retry_key=key_sign(keys.get("retry_task", "r")),
            resume_key=key_sign(keys.get("resume_task", "space")),
        )

    def look(self, number: int) -> LineStyle:
        """The chosen turn has its own bar, the key at its block of code, and its marked link."""
        look = super().look(number)
        if number != self.chosen_number:
            return look
        if self._told is None:
            return look._replace(bar=Bar.CHOSEN)
        code = self.code_in_view(number)
        key = key_sign(self.keys.get("copy_code", ""))
        if isinstance(turn := self.stack.turns[number], CardTurn) and not turn.ended:
            code = None  # the key does something else there
        return LineStyle(Bar.CHOSEN, self.marked_link, -1 if code is None else code, key)

    def keys_below(self) -> tuple[TextPart, ...]:
        """The keys of the chosen turn, where some of it is on the screen but not its end."""
        number = self.chosen_number
        if number is None or not (turn := self.stack.turns[number]).keys:
            return ()
        first = self.stack.top(ScrollPosition(number)) - self.stack.top(self.top)
        if not first < self.size.height < first + turn.height or self.stack.setting is None:
            return ()
        rest = self.stack.setting.width - sum(cells(piece.text) for piece in turn.keys)
        pieces = (*turn.keys, TextPart(" " * max(rest, 0)))
        return tuple(piece._replace(style=piece.style | PANEL) for piece in pieces)

    def learn_keys(self) -> None:
        """Look which keys the user has set; called when the transcript has the focus."""

    def tell_keys(self) -> None:
        """Put the keys below the chosen turn, while they work."""
        turn = self.chosen_turn if self.has_focus else None
        if self._told is not None and self._told is not turn:
            self._told.keys = ()
            if self.stack.setting is not None:
                self._told.refresh_foot(self.stack.setting)
        self._told = turn
        if turn is not None:
            self.learn_keys()
        if turn is not None and self.stack.setting is not None:
            self.stack.lay(self.stack.find(turn.message.id) or 0)
            turn.keys = self._key_line(turn, self.stack.setting.width)
            turn.refresh_foot(self.stack.setting)
        self.settle()

    def _key_line(self, turn: TurnBlock, width: int) -> tuple[TextPart, ...]:
        keys = self.keys
        if self.marked_link:
            sign = key_sign(keys.get("open", ""))
            room = width - cells(sign) - len(" opens ")
            address = plain_line(self.marked_link, max(room, 1)).plain
            return TextPart(sign, ACCENT), TextPart(f" opens {address}", MUTED)
        return key_line(self.offers(turn), keys, width)

    # what it offers

    def offers(self, turn: TurnBlock) -> list[Offer]:
        """What the keys do with a turn that is set."""
        if isinstance(turn, CardTurn) and turn.is_card:
            return self._card_offers(turn)
        return offered(
            turn.message,
            code=bool(turn.sheet(BODY).codes),
            thoughts=bool(turn.thinking),
            links=len(links(turn)),
            folded=left_out(turn),
        )

    def _card_offers(self, card: CardTurn) -> list[Offer]:
        if card.task is None:
            return []
        text = "" if not card.opens else "folded" if not card.opened or left_out(card) else "open"
        code = bool(card.sheet(BODY).codes)
        return card_offers(card.message, card.task, text=text, written=bool(card.text), code=code)

    def code_in_view(self, number: int) -> int | None:
        """The number of the block of code that a key would copy: the last one of a turn that is seen, else its last.

        Args:
            number: of the turn.
        """
        turn = self.stack.seen(number)
        titles = turn.sheet(BODY).code_lines
        first = turn.first_line(BODY)
        start = self.top.line if number == self.top.turn else 0
        end = self.stack.top(self.top) + self.size.height - self.stack.top(ScrollPosition(number))
        seen = [index for index, line in enumerate(titles) if start <= first + line < end]
        return seen[-1] if seen else len(titles) - 1 if titles else None

    def code_block_at(self, message_id: str) -> str | None:
        """The code that the key would copy, as it was written; None where the message has no block of code."""
        number = self.stack.find(message_id)
        if number is None or (code := self.code_in_view(number)) is None:
            return None
        return self.stack.turns[number].codes[code]

    def unfold(self, turn: TurnBlock, *names: str) -> None:
        """Show what is left out, or fold it again."""
        turn.unfolded ^= frozenset(names)
        turn.forget()
        self.forget_words()
        self.screen.clear_selection()
        self.go_to(self.top)
        self.tell_keys()


def targets(turn: TurnBlock, *parts: int) -> Iterator[Target]:
    """What clicks in some parts of a turn do."""
    for part in parts:
        for line in turn.sheet(part).lines:
            yield from (piece.target for piece in line.pieces if piece.target is not None)


def links(turn: TurnBlock) -> list[str]:
    """The addresses that the text of a turn links to, each once."""
    return list(dict.fromkeys(target.url for target in targets(turn, BODY) if isinstance(target, Link)))


def left_out(turn: TurnBlock) -> bool:
    """Whether something in the text of a turn is left out."""
    return any(isinstance(target, Unfold) for target in targets(turn, BODY, FOOT))


def folds(turn: TurnBlock) -> list[str]:
    """What of a turn is left out; its thoughts where it is nothing else."""
    names = [target.what for target in targets(turn, BODY, FOOT) if isinstance(target, Unfold)]
    return names or ([THINKING] if any(targets(turn, THOUGHT)) else [])
