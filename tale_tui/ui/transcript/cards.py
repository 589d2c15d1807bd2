"""Turns that are cards of tasks: which they are, which are open, and what is told of their tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tale_tui.ui.transcript.card import CardTurn
from tale_tui.ui.transcript.turn import TurnBlock

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from tale_tui.domain.conversation import Message
    from tale_tui.domain.tasks import Task
    from tale_tui.ui.transcript.layout import TurnLayout
    from tale_tui.ui.transcript.parts import LiveFigures

TICK_S = 1.0
"""Between two looks at the clock for the times of tasks that run."""


class CardRegistry:
    """The cards among the turns, and the tasks that they are of.

    A card opens by itself when its task begins to write and it is the last turn; it folds when the user goes on or
    scrolls away. What the reader opens or folds stays so. A card whose task is gone is an ordinary turn.
    """

    def __init__(self, layout: TurnLayout) -> None:
        self._layout = layout
        self.messages: dict[str, str] = {}
        """Id of a task -> id of the message that is its card."""
        self._tasks: dict[str, Task] = {}
        self._all_known = False
        """Whether all tasks were told."""
        self._last: CardTurn | None = None
        """The last turn, where it is a card."""
        self.opened_by_themselves: set[str] = set()

    def card(self, task_id: str) -> CardTurn | None:
        """The card of a task, where it is among the turns."""
        turn = self._layout.turn(self.messages.get(task_id))
        return turn if isinstance(turn, CardTurn) else None

    def all(self) -> dict[str, CardTurn]:
        """Id of a task -> its card."""
        return {task_id: card for task_id in self.messages if (card := self.card(task_id)) is not None}

    # turns

    def make_turn(self, message: Message) -> TurnBlock:
        """The turn that shows a message: a card for the reply of a task."""
        if message.task_id is None:
            return TurnBlock(message)
        self.messages[message.task_id] = message.id
        return CardTurn(message, self._tasks.get(message.task_id))

    def turns_replaced(self, before: Mapping[str, CardTurn]) -> None:
        """The conversation was read again: cards that were shown before stay open and keep what their tasks wrote.

        Args:
            before: as `all` gave them.
        """
        self.turns_removed()
        if self._all_known:
            self._give_tasks()
        for task_id, card in before.items():
            if (now := self.card(task_id)) is not None:
                now.follow_on(card)

    def turns_removed(self) -> None:
        """Some turns are gone."""
        self.messages = {
            task: message for task, message in self.messages.items() if self._layout.find(message) is not None
        }
        self.mark_last()

    def mark_last(self) -> None:
        """The last turn can be undone, those above it cannot."""
        turn = self._layout.turns[-1] if self._layout.turns else None
        last = turn if isinstance(turn, CardTurn) else None
        if last is not self._last:
            for card, is_last in ((self._last, False), (last, True)):
                if card is not None:
                    card.last, card.whole = is_last, False
            self._last = last

    def on_the_clock(self, numbers: Iterable[int]) -> Iterator[CardTurn]:
        """The cards whose times go on, among the turns of these numbers."""
        for number in numbers:
            turn = self._layout.turns[number]
            if isinstance(turn, CardTurn) and turn.ticking:
                yield turn

    # their tasks

    def set_tasks(self, tasks: Iterable[Task]) -> None:
        """All tasks of the conversation."""
        self._tasks, self._all_known = {task.id: task for task in tasks}, True
        self._give_tasks()

    def put_task(self, task: Task) -> CardTurn | None:
        """A task as it is now; one without a card is remembered, its card may come.

        Returns:
            Its card.
        """
        self._tasks[task.id] = task
        self._give_task(self.messages.get(task.id), task)
        if (card := self.card(task.id)) is not None and card.ended:
            card.set_live(None)
        return card

    def _give_tasks(self) -> None:
        for task_id, message_id in self.messages.items():
            self._give_task(message_id, self._tasks.get(task_id))

    def _give_task(self, message_id: str | None, task: Task | None) -> None:
        """Show a task on the card that its message is; without a task the message is an ordinary turn."""
        number = self._layout.find(message_id)
        if number is None:
            return
        turn = self._layout.turns[number]
        if isinstance(turn, CardTurn):
            if task is not None:
                turn.set_task(task)
                return
            self._layout.swap(number, TurnBlock(turn.content.message, turn.content))
        elif task is not None and turn.content.message.task_id == task.id:
            self._layout.swap(number, CardTurn(turn.content.message, task, turn.content))
        self.mark_last()

    # their text

    def stream(self, task_id: str, text: str, monotonic: float, *, thinking: bool) -> CardTurn | None:
        """More of what a task writes, or of what its model thinks; the last card opens for it.

        Args:
            task_id: the whole id of the task.
            text: what has come.
            monotonic: when.
            thinking: whether it was thought.

        Returns:
            Its card, where something has come.
        """
        card = self.card(task_id)
        if card is None or not text:
            return None
        if not card.held and not card.opened and card.last and not card.ended:
            card.set_opened(True)
            self.opened_by_themselves.add(task_id)
        if thinking:
            card.think(text, monotonic)
        else:
            card.append(text)
        return card

    def set_text(self, task_id: str, text: str, thinking: str) -> CardTurn | None:
        """All that a task has written and thought.

        Returns:
            Its card, where that is not what it shows already.
        """
        card = self.card(task_id)
        if card is None or (text, thinking) == (card.content.text, card.content.thinking):
            return None
        card.set_text(text, thinking)
        return card

    def set_live(self, task_id: str, live: LiveFigures | None) -> bool:
        """What goes on in the step that runs; whether a card shows something else by it."""
        card = self.card(task_id)
        if card is None or card.content.live == live:
            return False
        card.set_live(live)
        return True

    # open and folded

    def open(self, task_id: str, opened: bool, *, by_reader: bool) -> CardTurn | None:
        """Show all of a card's text, or fold it.

        Args:
            task_id: the whole id of the task.
            opened: which of the two.
            by_reader: whether the reader wants it: then it stays so until he wants it otherwise.

        Returns:
            The card, where it was not so before.
        """
        card = self.card(task_id)
        if card is None or card.opened == opened:
            return None
        # What was folded does not open by itself again.
        card.held = by_reader or not opened
        if card.held:
            self.opened_by_themselves.discard(task_id)
        else:
            self.opened_by_themselves.add(task_id)
        card.set_opened(opened)
        return card

    def take_opened_by_themselves(self, but: Container[int] = ()) -> list[str]:
        """The tasks whose cards opened by themselves and are to be folded now.

        Args:
            but: numbers of the turns that stay open.
        """
        found = []
        for task_id in self.opened_by_themselves:
            card = self.card(task_id)
            if card is None or self._layout.find(card.content.message.id) not in but:
                found.append(task_id)
        self.opened_by_themselves.difference_update(found)
        return found
