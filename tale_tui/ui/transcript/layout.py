"""All turns of a transcript, one above the other: where each begins, and which are set.

Only turns that come near the screen are set; the height of the others is estimated. So a position in the transcript is
a turn and a line of it, which stays what it is when something above it turns out higher or lower than was thought.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tale_tui.ui.markdown.lines import Line
    from tale_tui.ui.transcript.turn import RenderContext, TurnBlock

TURNS_KEPT = 100
"""Turns whose lines are kept though they are not on the screen."""


class ScrollPosition(NamedTuple):
    """A line of a turn."""

    turn: int
    line: int = 0


TOP = ScrollPosition(0, 0)


class TextAnchor(NamedTuple):
    """Words of a turn, whatever line they stand in."""

    turn: int
    part: int
    row: int
    at: int
    """The place of the first of them in the row."""


class ShownLine(NamedTuple):
    """A line that is on the screen."""

    turn: int
    number: int
    """Of the line in its turn."""
    part: int
    line: Line


class ScrollAnchor:
    """The words that the reader sees first, held over changes of the width.

    Several changes in a row hold the same words, so that they do not move the text bit by bit.
    """

    def __init__(self, layout: TurnLayout) -> None:
        self._layout = layout
        self._words: TextAnchor | None = None
        self._left_at = TOP

    def take(self, top: ScrollPosition) -> None:
        """Remember the words at the top, unless they are where the last change left them."""
        if self._words is None or top != self._left_at:
            self._words = self._layout.anchor_at(top) if self._layout.context else None

    def find(self, top: ScrollPosition) -> ScrollPosition:
        """Where the words are now; `top` where there were none."""
        return top if self._words is None else self._layout.position_of(self._words)

    def leave(self, top: ScrollPosition) -> None:
        """The words are at the top now."""
        self._left_at = top

    def forget(self) -> None:
        """The words at the top are others now, even if the position is the same."""
        self._words, self._left_at = None, TOP


class TurnLayout:
    """Turns from top to bottom.

    Attributes:
        turns: all of them.
        context: how they are drawn; assign through `set_context`.
    """

    def __init__(self) -> None:
        self.turns: list[TurnBlock] = []
        self.context: RenderContext | None = None
        self._numbers: dict[str, int] = {}
        self._tops: list[int] = [0]
        self._sound = 0
        """So many of `_tops` are right."""
        self._offered: str | None = None
        """The id of the message below which the offer stands."""
        self._used: OrderedDict[TurnBlock, None] = OrderedDict()

    def find(self, message_id: str | None) -> int | None:
        """The number of the turn of a message."""
        return None if message_id is None else self._numbers.get(message_id)

    def turn(self, message_id: str | None) -> TurnBlock | None:
        """The turn of a message."""
        number = self.find(message_id)
        return None if number is None else self.turns[number]

    def set_context(self, context: RenderContext) -> None:
        """Draw turns like this from now on; at another width all heights are estimated anew."""
        if self.context is None or self.context.width != context.width:
            for turn in self.turns:
                turn.forget()
                turn.height = turn.estimate(context.width)
            self._used.clear()
            self._sound = 0
        self.context = context

    def add(self, turn: TurnBlock) -> None:
        """Append a turn."""
        self._numbers[turn.content.message.id] = len(self.turns)
        self.turns.append(turn)
        if self.context is not None:
            turn.height = turn.estimate(self.context.width)

    def swap(self, number: int, turn: TurnBlock) -> None:
        """Another turn for the same message."""
        self._used.pop(self.turns[number], None)
        turn.begins_view = self.turns[number].begins_view
        self.turns[number] = turn
        if self.context is not None:
            turn.height = turn.estimate(self.context.width)
        self.resized(number)

    def cut(self, count: int) -> None:
        """Keep the first `count` turns."""
        for turn in self.turns[count:]:
            del self._numbers[turn.content.message.id]
            self._used.pop(turn, None)
        del self.turns[count:]
        self._sound = min(self._sound, count)

    def begin_view(self, message_id: str | None) -> bool:
        """Mark where the model's view of the conversation begins; None where it is shown all.

        Returns:
            Whether it was marked otherwise before.
        """
        number = self.find(message_id) or 0
        before = [index for index, turn in enumerate(self.turns) if turn.begins_view]
        # Where it begins with the first turn nothing is hidden from the model.
        after = [number] if number else []
        for index in {*before, *after} if before != after else ():
            self.turns[index].begins_view = index in after
            self.turns[index].whole = False
        return before != after

    def offer_below(self, message_id: str | None) -> bool:
        """Offer below a reply, and nowhere else, to make a task of it; None offers it nowhere.

        Returns:
            Whether another one offered it before.
        """
        before, self._offered = self._offered, message_id
        changed = False
        for offered in {before, message_id}:
            turn, on = self.turn(offered), offered == message_id
            if turn is not None and turn.offer != on:
                turn.offer, turn.whole, changed = on, False, True
        return changed

    # where turns are

    @property
    def height(self) -> int:
        """Lines of all turns, as far as it is known."""
        return self._fresh_tops()[-1]

    def lines_above(self, position: ScrollPosition) -> int:
        """How many lines are above a position."""
        return self._fresh_tops()[position.turn] + position.line if self.turns else 0

    def position_at(self, line: int) -> ScrollPosition:
        """What is at a line counted from the top."""
        tops = self._fresh_tops()
        if not self.turns:
            return TOP
        number = min(max(bisect_right(tops, line) - 1, 0), len(self.turns) - 1)
        return ScrollPosition(number, max(line - tops[number], 0))

    def resized(self, number: int) -> None:
        """The height of a turn has changed."""
        self._sound = min(self._sound, number)

    def hidden_lines(self, number: int, top: ScrollPosition, height: int, *, below: bool) -> int:
        """How many lines of a turn are above a screen, or below it.

        Args:
            number: of the turn.
            top: of the screen.
            height: of the screen.
            below: which of the two.
        """
        lines = self.laid_out(number).height
        first = self.lines_above(ScrollPosition(number)) - self.lines_above(top)
        return max(first + lines - height if below else -first, 0)

    def lines_to(self, number: int, top: ScrollPosition, height: int, *, below: bool) -> int:
        """How far to scroll to see all of a turn or, where it is too high, the edge from which it is read.

        Args:
            number: of the turn.
            top: of the screen.
            height: of the screen.
            below: whether it is reached from above.
        """
        lines = self.laid_out(number).height
        first = self.lines_above(ScrollPosition(number)) - self.lines_above(top)
        last = first + lines
        if lines <= height:
            return min(first, 0) or max(last - height, 0)
        if not below and last <= 0:
            return last - height
        return first if below and first >= height else 0

    def guess_last_height(self) -> None:
        """The last turn grows where nobody looks: it is not set, but the height of all should tell."""
        turn = self.turns[-1]
        if self.context is not None and (height := turn.estimate(self.context.width)) > turn.height:
            turn.height = height
            self.resized(len(self.turns) - 1)

    def _fresh_tops(self) -> list[int]:
        count = len(self.turns)
        if self._sound < count or len(self._tops) != count + 1:
            del self._tops[self._sound + 1 :]
            start = self._tops.pop()
            heights = (turn.height for turn in self.turns[self._sound :])
            self._tops += accumulate(heights, initial=start)
            self._sound = count
        return self._tops

    # the words at a position

    def anchor_at(self, position: ScrollPosition) -> TextAnchor | None:
        """The words at a position, to be found again when lines are broken elsewhere; None where nothing is set."""
        if not self.turns or not self.turns[position.turn].sheets:
            return None
        turn = self.turns[position.turn]
        part, line = turn.line(min(position.line, turn.height - 1))
        return TextAnchor(position.turn, part, line.row, next((piece.at for piece in line.pieces if piece.at >= 0), 0))

    def position_of(self, anchor: TextAnchor) -> ScrollPosition:
        """The line where the words of an anchor are now; the first one where its turn is gone."""
        if anchor.turn >= len(self.turns):
            return TOP
        turn = self.laid_out(anchor.turn)
        found = 0
        for number, line in enumerate(turn.sheets[anchor.part].lines):
            start = next((piece.at for piece in line.pieces if piece.at >= 0), 0)
            if (line.row, start) > (anchor.row, anchor.at):
                break
            found = number
        return ScrollPosition(anchor.turn, turn.first_line(anchor.part) + found)

    def shown(self, top: ScrollPosition, height: int) -> Iterator[ShownLine]:
        """The lines of a screen of `height` lines that begins at `top`, as far as there are turns."""
        left = height
        number, line = top
        while left > 0 and number < len(self.turns):
            turn = self.last_laid_out(number)
            for place in range(line, min(turn.height, line + left)):
                yield ShownLine(number, place, *turn.line(place))
            left -= max(turn.height - line, 0)
            number, line = number + 1, 0

    # setting turns

    def laid_out(self, number: int) -> TurnBlock:
        """The turn, with its lines up to date as far as one step goes (`TurnBlock.whole`)."""
        turn = self.turns[number]
        if self.context is None:
            return turn
        if not turn.whole:
            before = turn.height
            turn.lay_out(self.context)
            if turn.height != before:
                self.resized(number)
        self._used[turn] = None
        self._used.move_to_end(turn)
        return turn

    def lay_out(self, message_id: str) -> None:
        """Bring the lines of a turn up to date, on the screen or not."""
        if (number := self.find(message_id)) is not None:
            self.laid_out(number)

    def last_laid_out(self, number: int) -> TurnBlock:
        """The turn with the lines that it was given last."""
        turn = self.turns[number]
        return turn if turn.sheets else self.laid_out(number)

    def forget_far(self, near: range) -> None:
        """Give back the lines of turns that have not been used for the longest time and are not `near`."""
        kept = {self.turns[number] for number in near}
        for turn in list(self._used)[: max(len(self._used) - TURNS_KEPT, 0)]:
            if turn not in kept and not turn.growing:
                turn.forget()
                del self._used[turn]

    def move(self, position: ScrollPosition, lines: int) -> ScrollPosition:
        """The position `lines` further down (or up), all turns between the two being set; not beyond the ends."""
        if not self.turns:
            return TOP
        number, line = position.turn, position.line + lines
        while line < 0 and number > 0:
            number -= 1
            line += self.laid_out(number).height
        while (height := self.laid_out(number).height) <= line and number + 1 < len(self.turns):
            number, line = number + 1, line - height
        return ScrollPosition(number, max(min(line, height - 1), 0))

    def clamped(self, position: ScrollPosition) -> ScrollPosition:
        """The position, or the last line of its turn where that has become shorter."""
        if not self.turns:
            return TOP
        return ScrollPosition(position.turn, min(position.line, self.laid_out(position.turn).height - 1))

    def fill(self, top: ScrollPosition, height: int) -> ScrollPosition:
        """Set what is seen of a screen of `height` lines that begins at `top`.

        Returns:
            The top: `top` itself, or the position that puts the last line to the bottom of the screen, where `top` is
            below that.
        """
        if not self.turns:
            return TOP
        number, missing = top.turn, height + top.line
        while missing > 0 and number < len(self.turns):
            missing -= self.laid_out(number).height
            number += 1
        return self.bottom(height) if missing > 0 else top

    def bottom(self, height: int) -> ScrollPosition:
        """The position at the top of a screen of `height` lines whose last line is the last of all, all of it set."""
        number, missing = len(self.turns), height
        while missing > 0 and number > 0:
            number -= 1
            missing -= self.laid_out(number).height
        return ScrollPosition(number, max(-missing, 0)) if self.turns else TOP
