"""All turns of a transcript, one above the other: where each begins, and which are set.

Only turns that come near the screen are set; the height of the others is estimated. So a place in the transcript is a
turn and a line of it, which stays what it is when something above it turns out higher or lower than was thought.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from itertools import accumulate
from typing import NamedTuple

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


class TurnLayout:
    """Turns from top to bottom.

    Attributes:
        turns: all of them.
        setting: how they are drawn; assign through `use`.
    """

    def __init__(self) -> None:
        self.turns: list[TurnBlock] = []
        self.setting: RenderContext | None = None
        self._numbers: dict[str, int] = {}
        self._tops: list[int] = [0]
        self._sound = 0
        """So many of `_tops` are right."""
        self._used: OrderedDict[TurnBlock, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self.turns)

    def find(self, message_id: str | None) -> int | None:
        """The number of the turn of a message."""
        return None if message_id is None else self._numbers.get(message_id)

    def use(self, setting: RenderContext) -> None:
        """Draw turns like this from now on; at another width all heights are estimated anew."""
        if self.setting is None or self.setting.width != setting.width:
            for turn in self.turns:
                turn.forget()
                turn.height = turn.estimate(setting.width)
            self._used.clear()
            self._sound = 0
        self.setting = setting

    def add(self, turn: TurnBlock) -> None:
        """Append a turn."""
        self._numbers[turn.message.id] = len(self.turns)
        self.turns.append(turn)
        if self.setting is not None:
            turn.height = turn.estimate(self.setting.width)

    def swap(self, number: int, turn: TurnBlock) -> None:
        """Another turn for the same message."""
        self._used.pop(self.turns[number], None)
        self.turns[number] = turn
        if self.setting is not None:
            turn.height = turn.estimate(self.setting.width)
        self.resized(number)

    def cut(self, count: int) -> None:
        """Keep the first `count` turns."""
        for turn in self.turns[count:]:
            del self._numbers[turn.message.id]
            self._used.pop(turn, None)
        del self.turns[count:]
        self._sound = min(self._sound, count)

    # where turns are

    @property
    def height(self) -> int:
        """Lines of all turns, as far as it is known."""
        return self._fresh_tops()[-1]

    def top(self, place: ScrollPosition) -> int:
        """How many lines are above a place."""
        return self._fresh_tops()[place.turn] + place.line if self.turns else 0

    def place(self, line: int) -> ScrollPosition:
        """What is at a line counted from the top."""
        tops = self._fresh_tops()
        if not self.turns:
            return TOP
        number = min(max(bisect_right(tops, line) - 1, 0), len(self.turns) - 1)
        return ScrollPosition(number, max(line - tops[number], 0))

    def resized(self, number: int) -> None:
        """The height of a turn has changed."""
        self._sound = min(self._sound, number)

    def _fresh_tops(self) -> list[int]:
        count = len(self.turns)
        if self._sound < count or len(self._tops) != count + 1:
            del self._tops[self._sound + 1 :]
            start = self._tops.pop()
            heights = (turn.height for turn in self.turns[self._sound :])
            self._tops += accumulate(heights, initial=start)
            self._sound = count
        return self._tops

    # the words at a place

    def mark(self, place: ScrollPosition) -> TextAnchor | None:
        """The words at a place, to be found again when lines are broken elsewhere; None where nothing is set."""
        if not self.turns or not self.turns[place.turn].laid_out:
            return None
        turn = self.turns[place.turn]
        part, line = turn.line(min(place.line, turn.height - 1))
        return TextAnchor(place.turn, part, line.row, next((piece.at for piece in line.pieces if piece.at >= 0), 0))

    def found(self, mark: TextAnchor) -> ScrollPosition:
        """The line where the words of a mark are now; the first one where its turn is gone."""
        if mark.turn >= len(self.turns):
            return TOP
        turn = self.lay(mark.turn)
        found = 0
        for number, line in enumerate(turn.sheet(mark.part).lines):
            start = next((piece.at for piece in line.pieces if piece.at >= 0), 0)
            if (line.row, start) > (mark.row, mark.at):
                break
            found = number
        return ScrollPosition(mark.turn, turn.first_line(mark.part) + found)

    # setting turns

    def lay(self, number: int) -> TurnBlock:
        """The turn, with its lines up to date as far as one step goes (`Turn.whole`)."""
        turn = self.turns[number]
        if self.setting is None:
            return turn
        if not turn.whole:
            before = turn.height
            turn.lay_out(self.setting)
            if turn.height != before:
                self.resized(number)
        self._used[turn] = None
        self._used.move_to_end(turn)
        return turn

    def seen(self, number: int) -> TurnBlock:
        """The turn with lines, as they were when it was set last."""
        turn = self.turns[number]
        return turn if turn.laid_out else self.lay(number)

    def forget_far(self, near: range) -> None:
        """Give back the lines of turns that have not been used for the longest time and are not `near`."""
        kept = {self.turns[number] for number in near}
        for turn in list(self._used)[: max(len(self._used) - TURNS_KEPT, 0)]:
            if turn not in kept and not turn.growing:
                turn.forget()
                del self._used[turn]

    def move(self, place: ScrollPosition, lines: int) -> ScrollPosition:
        """The place `lines` further down (or up), all turns between the two being set; not beyond the ends."""
        if not self.turns:
            return TOP
        number, line = place.turn, place.line + lines
        while line < 0 and number > 0:
            number -= 1
            line += self.lay(number).height
        while (height := self.lay(number).height) <= line and number + 1 < len(self.turns):
            number, line = number + 1, line - height
        return ScrollPosition(number, max(min(line, height - 1), 0))

    def within(self, place: ScrollPosition) -> ScrollPosition:
        """The place, or the last line of its turn where that has become shorter."""
        if not self.turns:
            return TOP
        return ScrollPosition(place.turn, min(place.line, self.lay(place.turn).height - 1))

    def fill(self, top: ScrollPosition, height: int) -> ScrollPosition:
        """Set what is seen of a screen of `height` lines that begins at `top`.

        Returns:
            The top: `top` itself, or the place that puts the last line to the bottom of the screen, where `top` is
            below that.
        """
        if not self.turns:
            return TOP
        number, missing = top.turn, height + top.line
        while missing > 0 and number < len(self.turns):
            missing -= self.lay(number).height
            number += 1
        return self.bottom(height) if missing > 0 else top

    def bottom(self, height: int) -> ScrollPosition:
        """The place at the top of a screen of `height` lines whose last line is the last of all, all of it set."""
        number, missing = len(self.turns), height
        while missing > 0 and number > 0:
            number -= 1
            missing -= self.lay(number).height
        return ScrollPosition(number, max(-missing, 0)) if self.turns else TOP
