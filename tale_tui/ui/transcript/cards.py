"""Turns that are cards of tasks: which they are, how they are drawn, and that their times go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.reactive import reactive

from tale_tui.ui.transcript.card import CardTurn
from tale_tui.ui.transcript.feed import FedPaper
from tale_tui.ui.transcript.header import LiveFigures
from tale_tui.ui.transcript.layout import ScrollPosition
from tale_tui.ui.transcript.turn import RenderContext, TurnBlock

if TYPE_CHECKING:
    from textual.timer import Timer

    from tale_tui.domain.conversation import Message, Transcript
    from tale_tui.domain.tasks import Task


TICK_S = 1.0
"""Between two looks at the clock for the times of tasks that run."""


class CardPaper(FedPaper):
    """Turns, some of which are cards."""

    same_model: reactive[bool] = reactive(False, init=False, repaint=False)
    """Whether tasks are done by the model that talks: then nobody needs to be told who does them."""
    reroute_key: reactive[str] = reactive("F8", init=False, repaint=False)
    """The key that makes talk of a task and a task of talk, as it is shown."""

    _known = False
    """Whether all tasks were told."""
    _last: CardTurn | None = None
    """The last turn, where it is a card."""
    ticking: Timer | None = None
    """Looks at the clock; None while no time on the screen goes on."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self._cards: dict[str, str] = {}
        """Id of a task -> id of the message that is its card."""
        self._tasks: dict[str, Task] = {}

    # what can be asked

    def card(self, task_id: str) -> CardTurn | None:
        """The card of a task, where it is among the turns."""
        turn = self._turn(self._cards.get(task_id, ""))
        return turn if isinstance(turn, CardTurn) else None

    def task_of(self, message_id: str) -> Task | None:
        """The task that a message is the card of."""
        turn = self._turn(message_id)
        return turn.task if isinstance(turn, CardTurn) else None

    def card_opened(self, task_id: str) -> bool:
        """Whether all of a card's text is shown."""
        card = self.card(task_id)
        return card is not None and card.opened

    @property
    def newest_card(self) -> str | None:
        """The id of the task of the last card; None where there is none."""
        return next(reversed(self._cards), None)

    def watch_same_model(self) -> None:
        """Say who does the tasks, or do not."""
        self.apply_setting()

    def watch_reroute_key(self) -> None:
        """Tell the key."""
        self.apply_setting()

    def apply_setting(self) -> None:
        """Keys or models have changed: draw the lines that tell them anew."""
        if self.stack.setting is None:
            return
        self.stack.use(self.setting(self.stack.setting.width))
        for turn in self.stack.turns:
            if turn.is_card or turn.offer:
                turn.whole = False
        self.update_now()

    # turns that are cards

    def setting(self, width: int) -> RenderContext:
        """With what is known of models and keys."""
        setting = super().setting(width)
        still = self.is_attached and self.app.animation_level == "none"
        return replace(setting, reroute_key=self.reroute_key, same_model=self.same_model, still=still)

    def make_turn(self, message: Message) -> TurnBlock:
        """A card for the reply of a task."""
        if message.task_id is None:
            return super().make_turn(message)
        self._cards.pop(message.task_id, None)
        self._cards[message.task_id] = message.id
        return CardTurn(message, self._tasks.get(message.task_id))

    def load(self, transcript: Transcript) -> None:
        """Show a session; cards that were shown before stay open and keep what their tasks wrote."""
        before = {task_id: card for task_id in self._cards if (card := self.card(task_id)) is not None}
        super().load(transcript)
        if not self._cards:
            return
        if self._known:
            self._give_tasks()
        for task_id, card in before.items():
            if (now := self.card(task_id)) is not None:
                now.follow_on(card)
        self.update_now()

    def reset(self) -> None:
        """Other turns are shown."""
        super().reset()
        self._cards = {task: message for task, message in self._cards.items() if self.stack.find(message) is not None}
        self._mark_last()

    def add(self, message: Message) -> None:
        """Append a message."""
        super().add(message)
        self._mark_last()

    def _give_tasks(self) -> None:
        for task_id in self._cards:
            if (card := self.card(task_id)) is not None:
                card.set_task(self._tasks.get(task_id))
                card.set_gone(card.task is None)

    def update(self, message: Message) -> None:
        """Show a message as it is now; it may have become a card."""
        number = self.stack.find(message.id)
        if number is not None and message.task_id != self.stack.turns[number].message.task_id:
            self.stack.swap(number, self.make_turn(message))
            self._mark_last()
        super().update(message)

    def _mark_last(self) -> None:
        """The last turn can be undone, those above it cannot."""
        turn = self.stack.turns[-1] if self.stack.turns else None
        last = turn if isinstance(turn, CardTurn) else None
        if last is not self._last:
            for card, is_last in ((self._last, False), (last, True)):
                if card is not None:
                    card.last, card.whole = is_last, False
            self._last = last

    def _card_changed(self, card: CardTurn) -> None:
        """A card says something else now."""
        self.update_soon()

    # time

    def settle(self) -> None:
        """Bring the screen up to date, and look at the clock from now on where a card on it tells the time."""
        super().settle()
        ticking = bool(self._cards) and any(True for _ in self._ticking_cards())
        if ticking and self.ticking is None:
            self.ticking = self.set_interval(TICK_S, self.tick)
        elif not ticking and self.ticking is not None:
            self.ticking.stop()
            self.ticking = None

    def _ticking_cards(self) -> Iterator[CardTurn]:
        """The cards on the screen whose times go on."""
        for number in {shown.turn for shown in self.shown()}:
            turn = self.stack.turns[number]
            if isinstance(turn, CardTurn) and turn.ticking:
                yield turn

    def tick(self) -> None:
        """Bring the times on the screen up to date."""
        if self.stack.setting is not None:
            for card in self._ticking_cards():
                card.refresh_card(self.stack.setting)
            self.repaint()


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

    def set_task_live(self, task_id: str, live: LiveFigures | None) -> None:
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

    def go_to(self, place: ScrollPosition) -> None:
        """Bring a place to the top of the screen. Cards that opened by themselves fold when they are out of sight."""
        super().go_to(place)
        if self._by_itself:
            seen = {shown.turn for shown in self.shown()}
            self._fold(lambda card: self.stack.find(card.message.id) not in seen)
