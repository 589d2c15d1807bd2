"""What is given to the transcript about tasks: their state, what they write, whether their cards are open."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tale_tui.ui.widgets.transcript_card import CardTurn
from tale_tui.ui.widgets.transcript_cards import CardPaper
from tale_tui.ui.widgets.transcript_header import Live
from tale_tui.ui.widgets.transcript_stack import Place

if TYPE_CHECKING:
    from tale_tui.engine.task_types import Task
    from tale_tui.engine.types import Message


class TaskPaper(CardPaper):
    """Cards whose tasks go on.

    A card opens by itself when its task begins to write and it is the last turn; it folds when the user goes on or
    scrolls away. What the reader opens or folds stays so.
    """

    _offered: str | None = None
    """The id of the message below which the offer stands."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self._by_itself: set[str] = set()
        """Ids of the tasks whose cards opened by themselves."""

    # what comes

    def set_tasks(self, tasks: Iterable[Task]) -> None:
        """All tasks of the conversation; a card of it whose task is not among them is an ordinary reply."""
        self._tasks, self._known = {task.id: task for task in tasks}, True
        if self._cards:
            self._give_tasks()
            self.update_now()

    def put_task(self, task: Task) -> None:
        """A task as it is now; one without a card here is remembered, its card may come."""
        self._tasks[task.id] = task
        if (card := self.card(task.id)) is not None:
            card.set_task(task)
            card.set_gone(False)
            if card.ended:
                card.set_live(None)
            self._card_changed(card)

    def stream_step(self, task_id: str, text: str, thinking: bool = False) -> None:
        """More of what a task writes, or of what its model thinks.

        Args:
            task_id: the whole id of the task.
            text: what has come.
            thinking: whether it was thought.
        """
        card = self.card(task_id)
        if card is None or not text:
            return
        if not card.held and not card.opened and card.last and not card.ended:
            card.set_opened(True)
            self._by_itself.add(task_id)
        if thinking:
            card.think(text, self.monotonic())
        else:
            card.append(text)
        if card.opened and card.last:
            self._text_came()
        elif card.opened:
            self.update_soon()

    def set_task_text(self, task_id: str, text: str, thinking: str = "") -> None:
        """All that a task has written in the step that it is at, or its result."""
        if (card := self.card(task_id)) is not None and (text, thinking) != (card.text, card.thinking):
            card.set_text(text, thinking)
            self._card_changed(card)

    def set_task_live(self, task_id: str, live: Live | None) -> None:
        """What goes on in the step that runs, how fast it writes and how much; None where that is not known."""
        if (card := self.card(task_id)) is not None and card.live != live:
            card.set_live(live)
            self.update_soon()

    def open_card(self, task_id: str, opened: bool, *, by_reader: bool = False) -> None:
        """Show all of a card's text, or fold it.

        Args:
            task_id: the whole id of the task.
            opened: which of the two.
            by_reader: whether the reader wants it: then it stays so until he wants it otherwise.
        """
        card = self.card(task_id)
        if card is None or card.opened == opened:
            return
        # What was folded does not open by itself again.
        card.held = by_reader or not opened
        if card.held:
            self._by_itself.discard(task_id)
        else:
            self._by_itself.add(task_id)
        self._set_opened(card, opened)

    def set_offer(self, message_id: str | None) -> None:
        """Offer below a reply to make a task of it after all; None takes the offer away."""
        before, self._offered = self._offered, message_id
        changed = False
        for offered in {before, message_id} - {None}:
            turn, on = self._turn(offered or ""), offered == message_id
            if turn is not None and turn.offer != on:
                turn.offer, turn.whole, changed = on, False, True
        if changed:
            self.update_now()

    # open and folded

    def add(self, message: Message) -> None:
        """Append a message. With one of the user's the cards that opened by themselves fold."""
        if message.author == "user":
            self._fold(lambda _: True)
        super().add(message)

    def _set_opened(self, card: CardTurn, opened: bool) -> None:
        card.set_opened(opened)
        self.forget_words()
        self._card_changed(card)

    def _fold(self, wanted: Callable[[CardTurn], bool]) -> None:
        """Fold cards that opened by themselves."""
        for task_id in list(self._by_itself):
            card = self.card(task_id)
            if card is None or wanted(card):
                self._by_itself.discard(task_id)
                self.open_card(task_id, opened=False)
                self.card_folded(task_id)

    def card_folded(self, task_id: str) -> None:
        """A card has folded by itself."""

    def go_to(self, place: Place) -> None:
        """Bring a place to the top of the screen. Cards that opened by themselves fold when they are out of sight."""
        super().go_to(place)
        if self._by_itself:
            seen = {shown.turn for shown in self.shown()}
            self._fold(lambda card: self.stack.find(card.message.id) not in seen)
