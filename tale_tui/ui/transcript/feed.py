"""What is given to the transcript: messages as they come, change and grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tale_tui.ui.transcript.header import LiveFigures
from tale_tui.ui.transcript.layout import TOP, ScrollPosition
from tale_tui.ui.transcript.throttle import RepaintThrottle
from tale_tui.ui.transcript.turn import TurnBlock

if TYPE_CHECKING:
    from tale_tui.domain.conversation import Message, Transcript


class FedPaper(RepaintThrottle):
    """Turns that come and grow."""

    # messages

    def load(self, transcript: Transcript) -> None:
        """Show a session, where its reader was.

        Args:
            transcript: its messages, where the reader was and where the model's view begins.
        """
        self.stack.cut(0)
        for message in transcript.messages:
            self.stack.add(self.make_turn(message))
        number = self.stack.find(transcript.view.message_id)
        self.top = TOP if number is None else ScrollPosition(number, max(transcript.view.line, 0))
        self.following = number is None
        self.unseen = False
        self._mark_view(transcript.view_from)
        self.reset()
        self.update_now()

    def make_turn(self, message: Message) -> TurnBlock:
        """The turn that shows a message."""
        return TurnBlock(message)

    def reset(self) -> None:
        """Other turns are shown: what belonged to the old ones ends."""
        self.forget_words()
        if self.is_attached:
            self.screen.clear_selection()

    def add(self, message: Message) -> None:
        """Append a message; where it is the user's the end is followed again."""
        self.stack.add(self.make_turn(message))
        if message.author == "user":
            self.following = True
        self._text_came()

    def update(self, message: Message) -> None:
        """Show a message as it is now: its state, text, usage, versions. One that is not shown is left alone."""
        if (turn := self._turn(message.id)) is not None:
            turn.replace(message)
            if not turn.growing:
                self.set_live(message.id, None)
            self.update_soon()

    def drop_after(self, message_id: str | None) -> None:
        """Take away all that is below a message; None takes away everything."""
        number = self.stack.find(message_id)
        self.stack.cut(0 if message_id is None else len(self.stack) if number is None else number + 1)
        self.top = min(self.top, ScrollPosition(max(len(self.stack) - 1, 0), self.top.line))
        self.reset()
        self.update_now()

    def stream_text(self, message_id: str, delta: str) -> None:
        """More of a reply."""
        if (turn := self._turn(message_id)) is not None and delta:
            first = not turn.text
            turn.append(delta)
            self._text_came()
            if first:
                self.update_now()

    def stream_thinking(self, message_id: str, delta: str) -> None:
        """More of what the model thinks before it replies."""
        if (turn := self._turn(message_id)) is not None and delta:
            turn.think(delta, self.monotonic())
            self._text_came()

    def set_live(self, message_id: str, live: LiveFigures | None) -> None:
        """How far a reply is; None when it is not being made any more."""
        if (turn := self._turn(message_id)) is not None:
            turn.set_live(live)
            self.spin(any(turn.live and not turn.is_card for turn in self.stack.turns[-2:]))
            self.update_soon()

    def set_view_from(self, message_id: str | None) -> None:
        """Where the model's view of the conversation begins; None where it is shown all."""
        if self._mark_view(message_id):
            self.update_now()

    def source(self, message_id: str) -> str:
        """The Markdown of a message as it is now; empty for one that is not shown."""
        turn = self._turn(message_id)
        return "" if turn is None else turn.text

    def _turn(self, message_id: str) -> TurnBlock | None:
        number = self.stack.find(message_id)
        return None if number is None else self.stack.turns[number]

    def _mark_view(self, message_id: str | None) -> bool:
        """Whether it was marked otherwise before."""
        number = self.stack.find(message_id) or 0
        before = [index for index, turn in enumerate(self.stack.turns) if turn.begins_view]
        # Where it begins with the first turn nothing is hidden from the model.
        after = [number] if number else []
        for index in {*before, *after} if before != after else ():
            self.stack.turns[index].begins_view = index in after
            self.stack.turns[index].whole = False
        return before != after

    def _text_came(self) -> None:
        if not self.following and self.stack.turns:
            self.unseen = True
            self._guess_height()
        self.update_soon()

    def _guess_height(self) -> None:
        """The last turn grows where nobody looks: it is not set, but the scroll bar should know."""
        turn, setting = self.stack.turns[-1], self.stack.setting
        if setting is not None and (height := turn.estimate(setting.width)) > turn.height:
            turn.height = height
            self.stack.resized(len(self.stack) - 1)
