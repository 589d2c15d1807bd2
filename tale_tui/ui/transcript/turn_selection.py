"""The chosen turn: which it is, how it is shown, what it has to offer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tale_tui.ui.markdown.lines import ACCENT, MUTED, PANEL, Link, Target, TextPart, Unfold
from tale_tui.ui.markdown.wrap import cells
from tale_tui.ui.text import plain_line
from tale_tui.ui.transcript.card import CardTurn
from tale_tui.ui.transcript.keys import (
    Offer,
    card_offers,
    goes_on,
    key_line,
    key_sign,
    offered,
    task_kinds,
    usual_keys,
)
from tale_tui.ui.transcript.layout import ScrollPosition, TurnLayout
from tale_tui.ui.transcript.paint import Bar, LineStyle
from tale_tui.ui.transcript.parts import THINKING
from tale_tui.ui.transcript.turn import BODY, FOOT, THOUGHT, TurnBlock

if TYPE_CHECKING:
    from collections.abc import Mapping


class TurnSelection:
    """The chosen turn.

    Attributes:
        message_id: of its message; None where none is chosen.
        marked_link: the address that the reader has moved to.
        keys: name of a binding -> its key, as far as it is known.
    """

    def __init__(self, layout: TurnLayout) -> None:
        self._layout = layout
        self.message_id: str | None = None
        self.marked_link = ""
        self.keys: Mapping[str, str] = usual_keys()
        self._told: TurnBlock | None = None
        """The turn that has the keys below it."""

    @property
    def number(self) -> int | None:
        """The number of the chosen turn."""
        return self._layout.find(self.message_id)

    @property
    def turn(self) -> TurnBlock | None:
        """The chosen turn."""
        return self._layout.turn(self.message_id)

    def choose(self, message_id: str | None) -> None:
        """Choose the turn of a message, or none."""
        self.message_id = message_id
        self.marked_link = ""

    def next_link(self) -> str | None:
        """The only link of the chosen turn; where it has several, its next one is marked."""
        found = links(self.turn) if self.turn is not None else []
        if len(found) == 1:
            return found[0]
        if found:
            place = found.index(self.marked_link) + 1 if self.marked_link in found else 0
            self.marked_link = found[place % len(found)]
        return None

    # the keys below it

    def tells_keys_of(self, turn: TurnBlock) -> bool:
        """Whether the keys stand below a turn."""
        return turn is self._told

    def tell_keys(self, *, working: bool) -> None:
        """Put the keys below the chosen turn, while they work."""
        context, turn = self._layout.context, self.turn if working else None
        if self._told is not None and self._told is not turn:
            self._told.keys = ()
            if context is not None:
                self._told.refresh_foot(context)
        self._told = turn
        if turn is not None and context is not None:
            self._layout.laid_out(self.number or 0)
            turn.keys = self._key_line(turn, context.width)
            turn.refresh_foot(context)

    def _key_line(self, turn: TurnBlock, width: int) -> tuple[TextPart, ...]:
        if self.marked_link:
            sign = key_sign(self.keys.get("open", ""))
            room = width - cells(sign) - len(" opens ")
            address = plain_line(self.marked_link, max(room, 1)).plain
            return TextPart(sign, ACCENT), TextPart(f" opens {address}", MUTED)
        return key_line(offers(turn), self.keys, width)

    def keys_below(self, top: ScrollPosition, height: int) -> tuple[TextPart, ...]:
        """The keys of the chosen turn, where some of it is on the screen but not its end; they take its last line then.

        Args:
            top: of the screen.
            height: of the screen.
        """
        number, layout = self.number, self._layout
        if number is None or not (turn := layout.turns[number]).keys:
            return ()
        first = layout.lines_above(ScrollPosition(number)) - layout.lines_above(top)
        if not first < height < first + turn.height or layout.context is None:
            return ()
        rest = layout.context.width - sum(cells(piece.text) for piece in turn.keys)
        pieces = (*turn.keys, TextPart(" " * max(rest, 0)))
        return tuple(piece._replace(style=piece.style | PANEL) for piece in pieces)

    def line_style(self, top: ScrollPosition, height: int) -> LineStyle:
        """The chosen turn has its own bar, the key at its block of code, and its marked link."""
        number = self.number
        if self._told is None or number is None:
            return LineStyle(Bar.CHOSEN)
        code = code_in_view(self._layout, number, top, height)
        if isinstance(turn := self._layout.turns[number], CardTurn) and not turn.ended:
            code = None  # the key does something else there
        key = key_sign(self.keys.get("copy_code", ""))
        return LineStyle(Bar.CHOSEN, self.marked_link, -1 if code is None else code, key)

    def allows(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Whether a key does something with the chosen turn.

        Args:
            action: of the key.
            parameters: of the action.
        """
        turn = self.turn
        if action not in ("request", "think", "link", "open", "task"):
            return True
        if turn is None:
            return False
        task = turn.task if isinstance(turn, CardTurn) else None
        match action, parameters:
            case "task", (kind,):
                return task is not None and kind in task_kinds(task)
            case "request", ("copy_code",):
                return task is None or not task.is_open
            case "request", ("regenerate" | "continue",) if isinstance(turn, CardTurn):
                return False
            case "request", ("edit",):
                return turn.content.message.author == "user"
            case "request", ("regenerate",):
                return turn.content.message.author == "assistant" and not turn.growing
            case "request", ("continue",):
                return goes_on(turn.content.message)
            case "request", ("previous" | "next",):
                return turn.content.message.siblings > 1
        return True


def offers(turn: TurnBlock) -> list[Offer]:
    """What the keys do with a turn that is set."""
    code = bool(turn.sheets[BODY].codes)
    if not isinstance(turn, CardTurn):
        thoughts, found = bool(turn.content.thinking), len(links(turn))
        return offered(turn.content.message, code=code, thoughts=thoughts, links=found, folded=left_out(turn))
    if turn.task is None:
        return []
    text = "" if not turn.opens else "folded" if not turn.opened or left_out(turn) else "open"
    return card_offers(turn.content.message, turn.task, text=text, written=bool(turn.content.text), code=code)


def code_in_view(layout: TurnLayout, number: int, top: ScrollPosition, height: int) -> int | None:
    """The number of the block of code that a key would copy: the last one of a turn that is seen, else its last.

    Args:
        layout: all turns.
        number: of the turn.
        top: of the screen.
        height: of the screen.
    """
    turn = layout.last_laid_out(number)
    titles = turn.sheets[BODY].code_lines
    first = turn.first_line(BODY)
    start = top.line if number == top.turn else 0
    end = layout.lines_above(top) + height - layout.lines_above(ScrollPosition(number))
    seen = [index for index, line in enumerate(titles) if start <= first + line < end]
    return seen[-1] if seen else len(titles) - 1 if titles else None


def targets(turn: TurnBlock, *parts: int) -> Iterator[Target]:
    """What clicks in some parts of a turn do."""
    for part in parts:
        for line in turn.sheets[part].lines:
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
