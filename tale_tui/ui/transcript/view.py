"""The transcript: all turns of a conversation, as they are and as they grow.

A line API: no turn is a widget, so a long conversation costs what a short one costs. Data comes in by the methods of
`TranscriptView`; what the reader wants to be done goes out as messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, get_args

from textual import events
from textual.binding import BindingType
from textual.message import Message as TextualMessage
from textual.reactive import reactive

from tale_tui.ui.markdown.lines import CardAction, CopyCode, Link, Target, TextPart, Version
from tale_tui.ui.text import plain_line
from tale_tui.ui.transcript.card import CardTurn
from tale_tui.ui.transcript.cards import TICK_S, CardRegistry
from tale_tui.ui.transcript.find import Place
from tale_tui.ui.transcript.keys import KEY_PREFIX, KEYS, key_sign
from tale_tui.ui.transcript.layout import TOP, ScrollPosition
from tale_tui.ui.transcript.paint import Bar, LineStyle
from tale_tui.ui.transcript.parts import THINKING, FrameTime, LiveFigures, is_ours
from tale_tui.ui.transcript.scroll_view import TurnScrollView
from tale_tui.ui.transcript.throttle import Spinner, SwitchedTimer
from tale_tui.ui.transcript.turn import HEAD, RenderContext, TurnBlock
from tale_tui.ui.transcript.turn_selection import TurnSelection, code_in_view, folds, left_out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tale_tui.domain.conversation import Message, Transcript
    from tale_tui.domain.tasks import Task

ActionKind = Literal["copy", "copy_code", "edit", "regenerate", "fork", "details", "previous", "next", "continue"]
TaskActionKind = Literal["open", "cancel", "pause", "resume", "retry", "give", "result", "save", "show"]

_CONTEXT_LINES = 2
"""Lines above a message that are shown with it."""
_CARD_STAYS_FROM = 8
"""Lines of the screen from which on the card whose text is followed keeps the first ones."""
_ADDRESS_SHOWN = 300


class TranscriptView(TurnScrollView):
    """A conversation.

    Up and down choose a turn, the keys of `keys.KEYS` do something with it. The mouse chooses a turn, follows a link,
    copies a block of code, selects words.
    """

    BINDINGS: ClassVar[list[BindingType]] = KEYS
    HELP = "The conversation. Choose a turn with up and down; the line below it tells what its keys do."

    same_model: reactive[bool] = reactive(False, init=False, repaint=False)
    """Whether tasks are done by the model that talks: then nobody needs to be told who does them."""
    reclassify_key: reactive[str] = reactive("F8", init=False, repaint=False)
    """The key that makes talk of a task and a task of talk, as it is shown."""

    @dataclass
    class ActionRequested(TextualMessage):
        """The reader wants something done with a message."""

        kind: ActionKind
        message_id: str
        text: str = ""
        """Of `copy_code`: the code."""

    @dataclass
    class TaskActionRequested(TextualMessage):
        """The reader wants something done with the task of a card."""

        kind: TaskActionKind
        """`open`: the card was opened or folded, its text may be wanted; `result`: in the editor; `save`: the files of
        its result; `show`: among all tasks."""
        task_id: str
        opened: bool = False
        """Of `open`: whether the card is open now."""

    @dataclass
    class ReclassifyRequested(TextualMessage):
        """The reader clicked that a task is to be talk, or a reply a task after all."""

        message_id: str
        """Of the reply."""

    class LeftBottom(TextualMessage):
        """Down was pressed at the last turn: the focus wants to go to what is below."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.cards = CardRegistry(self.turn_layout)
        self.turn_selection = TurnSelection(self.turn_layout)
        self.card_timer = SwitchedTimer(self, self.tick)
        self.spinner = Spinner(self, self.refresh_headers)

    # messages

    def load(self, transcript: Transcript) -> None:
        """Show a session, where its reader was.

        Args:
            transcript: its messages, where the reader was and where the model's view begins.
        """
        layout, cards = self.turn_layout, self.cards.all()
        layout.cut(0)
        for message in transcript.messages:
            layout.add(self.cards.make_turn(message))
        number = layout.find(transcript.view.message_id)
        self.top = TOP if number is None else ScrollPosition(number, max(transcript.view.line, 0))
        self.following = number is None
        self.unseen = False
        layout.begin_view(transcript.view_from)
        self.cards.turns_replaced(cards)
        self._turns_gone()
        self.throttle.run()

    def add(self, message: Message) -> None:
        """Append a message; where it is the user's the end is followed again, and what opened by itself folds."""
        if message.author == "user":
            if self.cards.opened_by_themselves:
                self._fold(self.cards.take_opened_by_themselves())
            self.following = True
        self.turn_layout.add(self.cards.make_turn(message))
        self.cards.mark_last()
        self.text_came()
        if self.has_focus and self.chosen is None:
            self.chosen = message.id

    def update(self, message: Message) -> None:
        """Show a message as it is now: its state, text, usage, versions. One that is not shown is left alone."""
        number = self.turn_layout.find(message.id)
        if number is None:
            return
        if message.task_id != self.turn_layout.turns[number].content.message.task_id:
            self.turn_layout.swap(number, self.cards.make_turn(message))
            self.cards.mark_last()
        turn = self.turn_layout.turns[number]
        turn.replace(message)
        if not turn.growing:
            self.set_live(message.id, None)
        self.throttle.request()
        if message.id == self.turn_selection.message_id:
            self.tell_keys()

    def drop_after(self, message_id: str | None) -> None:
        """Take away all that is below a message; None takes away everything."""
        layout, number = self.turn_layout, self.turn_layout.find(message_id)
        layout.cut(0 if message_id is None else len(layout.turns) if number is None else number + 1)
        self.top = min(self.top, ScrollPosition(max(len(layout.turns) - 1, 0), self.top.line))
        self.cards.turns_removed()
        self._turns_gone()
        self.throttle.run()

    def _turns_gone(self) -> None:
        """Nothing is chosen that is not there any more."""
        self.lines_replaced()
        if self.turn_selection.number is None:
            self.chosen = None

    def set_live(self, message_id: str, live: LiveFigures | None) -> None:
        """How far a reply is; None when it is not being made any more."""
        if (turn := self.turn_layout.turn(message_id)) is None:
            return
        turn.set_live(live)
        self.spinner.spin(
            any(turn.content.live and not isinstance(turn, CardTurn) for turn in self.turn_layout.turns[-2:])
        )
        self.throttle.request()

    def set_view_from(self, message_id: str | None) -> None:
        """Where the model's view of the conversation begins; None where it is shown all."""
        if self.turn_layout.begin_view(message_id):
            self.throttle.run()

    def set_offer(self, message_id: str | None) -> None:
        """Offer below a reply to make a task of it after all; None takes the offer away."""
        if self.turn_layout.offer_below(message_id):
            self.throttle.run()

    def source(self, message_id: str) -> str:
        """The Markdown of a message as it is now; empty for one that is not shown."""
        turn = self.turn_layout.turn(message_id)
        return "" if turn is None else turn.content.text

    def view(self) -> tuple[str | None, int]:
        """What is at the top of the screen: a message and a line of it; None and 0 where the end is followed."""
        if self.following or not self.turn_layout.turns:
            return None, 0
        return self.turn_layout.turns[self.top.turn].content.message.id, self.top.line

    # tasks

    def card(self, task_id: str) -> CardTurn | None:
        """The card of a task, where it is among the turns."""
        return self.cards.card(task_id)

    def task_of(self, message_id: str) -> Task | None:
        """The task that a message is the card of."""
        turn = self.turn_layout.turn(message_id)
        return turn.task if isinstance(turn, CardTurn) else None

    def set_tasks(self, tasks: Iterable[Task]) -> None:
        """All tasks of the conversation; a card of it whose task is not among them is an ordinary reply."""
        self.cards.set_tasks(tasks)
        if self.cards.messages:
            self._keep_keys()
            self.throttle.run()

    def put_task(self, task: Task) -> None:
        """A task as it is now; one without a card here is remembered, its card may come."""
        if (card := self.cards.put_task(task)) is not None:
            self._keep_keys()
            self._card_changed(card)

    def stream_step(self, task_id: str, text: str, thinking: bool = False) -> None:
        """More of what a task writes, or of what its model thinks.

        Args:
            task_id: the whole id of the task.
            text: what has come.
            thinking: whether it was thought.
        """
        card = self.cards.stream(task_id, text, self.monotonic(), thinking=thinking)
        if card is not None and card.opened:
            if card.last:
                self.text_came()
            else:
                self.throttle.request()

    def set_task_text(self, task_id: str, text: str, thinking: str = "") -> None:
        """All that a task has written in the step that it is at, or its result."""
        if (card := self.cards.set_text(task_id, text, thinking)) is not None:
            self._card_changed(card)

    def set_task_step(self, task_id: str, step: str) -> None:
        """Which step of a task the text of its card is of; empty where it has only one."""
        if (card := self.cards.card(task_id)) is not None:
            card.set_step(step)
            self.throttle.request()

    def set_task_live(self, task_id: str, live: LiveFigures | None) -> None:
        """What goes on in the step that runs, how fast it writes and how much; None where that is not known."""
        if self.cards.set_live(task_id, live):
            self.throttle.request()

    def open_card(self, task_id: str, opened: bool, *, by_reader: bool = False) -> None:
        """Show all of a card's text, or fold it.

        Args:
            task_id: the whole id of the task.
            opened: which of the two.
            by_reader: whether the reader wants it: then it stays so until he wants it otherwise.
        """
        if (card := self.cards.open(task_id, opened, by_reader=by_reader)) is not None:
            self.scroll_anchor.forget()
            # Out of sight it would keep the height that it had, and the scroll bar with it.
            self.turn_layout.lay_out(card.content.message.id)
            self._card_changed(card)

    def _fold(self, task_ids: Iterable[str]) -> None:
        for task_id in task_ids:
            self.open_card(task_id, opened=False)
            self.post_message(self.TaskActionRequested("open", task_id, opened=False))

    def _card_changed(self, card: CardTurn) -> None:
        """A card says something else now, and the keys may do something else with it."""
        self.throttle.request()
        if self.turn_selection.tells_keys_of(card):
            self.tell_keys()

    # how turns are drawn

    def context(self, width: int) -> RenderContext:
        """With what is known of models and keys."""
        keys = self.turn_selection.keys
        return RenderContext(
            width,
            self._frame_time,
            think_key=keys.get("thinking", "t"),
            go_on_key=keys.get("continue", "g"),
            open_key=key_sign(keys.get("open", "enter")),
            retry_key=key_sign(keys.get("retry_task", "r")),
            resume_key=key_sign(keys.get("resume_task", "space")),
            reclassify_key=self.reclassify_key,
            same_model=self.same_model,
        )

    def _frame_time(self) -> FrameTime:
        return FrameTime(self.clock(), self.monotonic(), self.spinner.frame)

    def line_style(self, number: int) -> LineStyle:
        """The bar of who speaks, or of the chosen turn."""
        if number == self.turn_selection.number:
            return self.turn_selection.line_style(self.top, self.size.height)
        turn = self.turn_layout.turns[number]
        if isinstance(turn, CardTurn):
            return LineStyle(Bar.TASK)
        if is_ours(turn.content.message):
            return LineStyle(Bar.OURS)
        return LineStyle(Bar.USER if turn.content.message.author == "user" else Bar.MODEL)

    def last_line(self) -> tuple[TextPart, ...]:
        """The keys of the chosen turn, where their line is below the screen."""
        return self.turn_selection.keys_below(self.top, self.size.height)

    def first_lines(self) -> tuple[tuple[TextPart, ...], ...]:
        """The line of a card whose text is followed past it, and which step that is of."""
        turns, context = self.turn_layout.turns, self.turn_layout.context
        if not self.following or context is None or self.size.height < _CARD_STAYS_FROM or not turns:
            return ()
        turn = turns[self.top.turn]
        return turn.lines_above_text(context, self.top.line) if isinstance(turn, CardTurn) else ()

    def watch_same_model(self) -> None:
        """Say who does the tasks, or do not."""
        self.apply_context()

    def watch_reclassify_key(self) -> None:
        """Tell the key."""
        self.apply_context()

    def apply_context(self) -> None:
        """Keys or models have changed: draw the lines that tell them anew."""
        if self.turn_layout.context is None:
            return
        self.turn_layout.set_context(self.context(self.turn_layout.context.width))
        for turn in self.turn_layout.turns:
            if turn.offer or isinstance(turn, CardTurn):
                turn.whole = False
        self.throttle.run()

    def update_view(self) -> None:
        """Bring the screen up to date, and look at the clock from now on where a card on it tells the time."""
        super().update_view()
        if self.cards.messages and any(True for _ in self._cards_on_the_clock()):
            self.card_timer.start(TICK_S)
        else:
            self.card_timer.stop()

    def tick(self) -> None:
        """Draw the times of the tasks on the screen anew."""
        if self.turn_layout.context is not None:
            for card in self._cards_on_the_clock():
                card.refresh_card(self.turn_layout.context)
            self.repaint()

    def _cards_on_the_clock(self) -> Iterable[CardTurn]:
        return self.cards.on_the_clock({shown.turn for shown in self.shown()})

    # the chosen turn

    @property
    def chosen(self) -> str | None:
        """The id of the message of the chosen turn."""
        return self.turn_selection.message_id

    @chosen.setter
    def chosen(self, message_id: str | None) -> None:
        if message_id != self.chosen:
            self.turn_selection.choose(message_id)
            self.tell_keys()

    def watch_has_focus(self, has_focus: bool) -> None:
        """With the focus the keys work: choose the last turn where none is. Without it nothing is chosen any more."""
        super().watch_has_focus(has_focus)
        if not self.is_attached:
            return
        if has_focus and self.turn_selection.number is None and self.turn_layout.turns:
            self.chosen = self.turn_layout.turns[-1].content.message.id
        elif not has_focus and self.screen.focused not in (None, self):
            self.chosen = None
        self.tell_keys()

    def on_resize(self) -> None:
        """The keys have more room, or less."""
        self.fit()
        self.tell_keys()

    def tell_keys(self) -> None:
        """Put the keys below the chosen turn, while they work."""
        if self.has_focus and self.turn_selection.number is not None:
            self._learn_keys()
        self.turn_selection.tell_keys(working=self.has_focus)
        self.update_view()

    def _keep_keys(self) -> None:
        """Put the keys below the chosen turn where another one shows its message now."""
        turn = self.turn_selection.turn
        if self.has_focus and turn is not None and not self.turn_selection.tells_keys_of(turn):
            self.tell_keys()

    def _learn_keys(self) -> None:
        """The user may have set other keys than the usual ones."""
        found = {
            active.binding.id.removeprefix(KEY_PREFIX): key
            for key, active in reversed(self.screen.active_bindings.items())
            if active.node is self and active.binding.id is not None
        }
        self.turn_selection.keys = {**self.turn_selection.keys, **found}

    def show_message(self, message_id: str) -> None:
        """Scroll to a message and choose it, as for a hit of a search; a card is opened, the hit may be inside."""
        layout, number = self.turn_layout, self.turn_layout.find(message_id)
        if number is not None:
            turn = layout.laid_out(number)
            if isinstance(turn, CardTurn) and turn.foldable:
                self.open_card(turn.content.message.task_id or "", opened=True, by_reader=True)
            self.chosen = message_id
            self.go_to(layout.move(ScrollPosition(number), -_CONTEXT_LINES))

    def show_place(self, place: Place) -> None:
        """Bring a place into sight; a card that shows too little of its text for it is opened."""
        turn = self.turn_layout.laid_out(place.turn)
        if place.part == HEAD and isinstance(turn, CardTurn) and turn.foldable and not turn.opened:
            self.open_card(turn.content.message.task_id or "", opened=True, by_reader=True)
            place = next(self.finder.places(place.turn), place)
            self.finder.place = place
        super().show_place(place)

    def code_block_at(self, message_id: str) -> str | None:
        """The code that the key would copy, as it was written; None where the message has no block of code."""
        layout, number = self.turn_layout, self.turn_layout.find(message_id)
        if number is None or (code := code_in_view(layout, number, self.top, self.size.height)) is None:
            return None
        return layout.turns[number].codes[code]

    def unfold(self, turn: TurnBlock, *names: str) -> None:
        """Show what is left out of a turn, or fold it again."""
        super().unfold(turn, *names)
        self.tell_keys()

    def go_to(self, position: ScrollPosition) -> None:
        """Bring a position to the top of the screen. What opened by itself folds when it is out of sight."""
        super().go_to(position)
        if self.cards.opened_by_themselves:
            self._fold(self.cards.take_opened_by_themselves({shown.turn for shown in self.shown()}))

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what the chosen turn offers."""
        return self.turn_selection.allows(action, parameters)

    def action_choose(self, step: int) -> None:
        """Choose the turn above or below; in a turn that is higher than the screen, scroll first."""
        number, turns = self.turn_selection.number, self.turn_layout.turns
        if number is None:
            if turns:
                self.chosen = turns[-1].content.message.id
            return
        hidden = self.turn_layout.hidden_lines(number, self.top, self.size.height, below=step > 0)
        if hidden:
            self.scroll_lines(step * min(hidden, self.page_lines))
        elif 0 <= number + step < len(turns):
            self.chosen = turns[number + step].content.message.id
            self.scroll_lines(self.turn_layout.lines_to(number + step, self.top, self.size.height, below=step > 0))
        elif step > 0:
            self.post_message(self.LeftBottom())

    def action_request(self, kind: str) -> None:
        """Ask for something to be done with the chosen turn."""
        if self.chosen is None or self.turn_selection.number is None or kind not in get_args(ActionKind):
            return
        code = self.code_block_at(self.chosen) if kind == "copy_code" else ""
        if code is not None:
            self.post_message(self.ActionRequested(cast(ActionKind, kind), self.chosen, code))

    def action_think(self) -> None:
        """Open or close the thoughts of the chosen turn."""
        if (turn := self.turn_selection.turn) is not None and turn.content.thinking:
            self.unfold(turn, THINKING)

    def action_link(self) -> None:
        """Open the only link of the chosen turn, or mark its next one."""
        if (url := self.turn_selection.next_link()) is not None:
            self.post_message(self.LinkChosen(url))
        elif self.turn_selection.marked_link:
            self.tell_keys()

    def action_open(self) -> None:
        """Open the marked link, else show what is left out of the chosen turn; open or fold a card."""
        turn = self.turn_selection.turn
        if self.turn_selection.marked_link:
            self.post_message(self.LinkChosen(self.turn_selection.marked_link))
        elif isinstance(turn, CardTurn) and not (turn.opened and left_out(turn)):
            self.turn_card(turn)
        elif turn is not None and (names := folds(turn)):
            self.unfold(turn, *names)

    def action_task(self, kind: str) -> None:
        """Ask for something to be done with the task of the chosen card."""
        if isinstance(turn := self.turn_selection.turn, CardTurn) and kind in get_args(TaskActionKind):
            self.post_message(self.TaskActionRequested(cast(TaskActionKind, kind), turn.content.message.task_id or ""))

    def turn_card(self, card: CardTurn) -> None:
        """Open a card or fold it, and say so; without text, or waiting for the user, it is shown among all tasks."""
        task_id = card.content.message.task_id or ""
        if not card.opens or (card.task is not None and card.task.state == "waiting"):
            self.post_message(self.TaskActionRequested("show", task_id))
        else:
            number = self.turn_layout.find(card.content.message.id) or 0
            top = ScrollPosition(number) if self.top.turn == number else self.top
            self.following = False
            self.open_card(task_id, not card.opened, by_reader=True)
            self.go_to(top)
            self.post_message(self.TaskActionRequested("open", task_id, card.opened))

    def turn_seen_card(self) -> bool:
        """Open or fold the last card on the screen that has more to show than it shows; False where there is none."""
        for number in sorted({shown.turn for shown in self.shown()}, reverse=True):
            turn = self.turn_layout.turns[number]
            if isinstance(turn, CardTurn) and turn.opens:
                self.turn_card(turn)
                return True
        return False

    # the mouse

    def activate(self, turn: TurnBlock, target: Target | None) -> None:
        """Choose a turn, and do what is written where the click was."""
        self.chosen = turn.content.message.id
        match target:
            case CopyCode(number):
                self.post_message(self.ActionRequested("copy_code", turn.content.message.id, turn.codes[number]))
            case CardAction("reclassify"):
                self.post_message(self.ReclassifyRequested(turn.content.message.id))
            case CardAction("open") if isinstance(turn, CardTurn):
                self.turn_card(turn)
            case CardAction(kind):
                self.action_task(kind)
            case Version(step):
                self.post_message(self.ActionRequested("next" if step > 0 else "previous", turn.content.message.id))
            case _:
                super().activate(turn, target)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Tell where the link under the pointer leads."""
        _, target = self.target_at(event.x, event.y)
        address = plain_line(target.url, _ADDRESS_SHOWN) if isinstance(target, Link) else None
        if address != self.tooltip:
            self.tooltip = address
