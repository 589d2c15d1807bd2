"""The transcript: all turns of a conversation, as they are and as they grow.

A line API: no turn is a widget, so a long conversation costs what a short one costs. Data comes in by the methods of
`TranscriptView`; what the reader wants to be done goes out as messages.

    TranscriptView    keys, mouse, messages to the screen
    ChoosingPaper     the chosen turn
    TaskPaper         tasks that go on
    CardPaper         cards of tasks
    FedPaper          messages that come and grow
    SelectablePaper   words selected with the mouse
    TranscriptPaper   scrolling
    TranscriptCanvas  painting
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, cast, get_args

from textual import events
from textual.binding import BindingType
from textual.message import Message as TextualMessage

from tale_tui.ui.markdown.lines import CardAction, CopyCode, Link, Unfold, Version
from tale_tui.ui.text import plain_line
from tale_tui.ui.transcript.card import CardTurn
from tale_tui.ui.transcript.keys import ENDED, KEY_PREFIX, KEYS, goes_on, task_kinds
from tale_tui.ui.transcript.layout import TOP, ScrollPosition
from tale_tui.ui.transcript.parts import THINKING
from tale_tui.ui.transcript.turn_selection import TurnSelection, folds, left_out, links

WishKind = Literal["copy", "copy_code", "edit", "regenerate", "fork", "details", "previous", "next", "continue"]
TaskWishKind = Literal["open", "cancel", "pause", "resume", "retry", "result", "save", "show"]

_OVERLAP_LINES = 2
"""Lines that two screens have in common when a screen is scrolled."""
_ADDRESS_SHOWN = 300


class TranscriptView(TurnSelection):
    """A conversation.

    Up and down choose a turn, the keys of `transcript_keys.KEYS` do something with it. The mouse chooses a turn,
    follows a link, copies a block of code, selects words.
    """

    BINDINGS: ClassVar[list[BindingType]] = KEYS
    HELP = "The conversation. Choose a turn with up and down; the line below it tells what its keys do."

    @dataclass
    class Wish(TextualMessage):
        """The reader wants something done with a message."""

        kind: WishKind
        message_id: str
        text: str = ""
        """Of `copy_code`: the code."""

    @dataclass
    class TaskWish(TextualMessage):
        """The reader wants something done with the task of a card."""

        kind: TaskWishKind
        """`open`: the card was opened or folded, its text may be wanted; `result`: in the editor; `save`: the files of
        its result; `show`: among all tasks."""
        task_id: str
        opened: bool = False
        """Of `open`: whether the card is open now."""

    @dataclass
    class RerouteWanted(TextualMessage):
        """The reader clicked that a task is to be talk, or a reply a task after all."""

        message_id: str
        """Of the reply."""

    @dataclass
    class LinkChosen(TextualMessage):
        """The reader wants a link to be opened."""

        url: str
        """Begins with http, https or mailto."""

    class LeftBottom(TextualMessage):
        """Down was pressed at the last turn: the focus wants to go to what is below."""

    # keys

    def learn_keys(self) -> None:
        """The user may have set other keys than the usual ones."""
        found = {
            active.binding.id.removeprefix(KEY_PREFIX): key
            for key, active in reversed(self.screen.active_bindings.items())
            if active.node is self and active.binding.id is not None
        }
        self.keys = {**self.keys, **found}

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what the chosen turn offers."""
        turn = self.chosen_turn
        if action not in ("wish", "think", "link", "open", "task"):
            return True
        if turn is None:
            return False
        task = turn.task if isinstance(turn, CardTurn) else None
        match action, parameters:
            case "task", (kind,):
                return task is not None and kind in task_kinds(task)
            case "wish", ("copy_code",):
                return task is None or task.state in ENDED
            case "wish", ("regenerate" | "continue",) if turn.is_card:
                return False
            case "wish", ("edit",):
                return turn.message.author == "user"
            case "wish", ("regenerate",):
                return turn.message.author == "assistant" and not turn.growing
            case "wish", ("continue",):
                return goes_on(turn.message)
            case "wish", ("previous" | "next",):
                return turn.message.siblings > 1
        return True

    def action_choose(self, step: int) -> None:
        """Choose the turn above or below; in a turn that is higher than the screen, scroll first."""
        number = self.chosen_number
        if number is None:
            if self.stack.turns:
                self.chosen = self.stack.turns[-1].message.id
            return
        hidden = self._hidden(number, step)
        if hidden:
            self.scroll_lines(step * min(hidden, max(self.size.height - _OVERLAP_LINES, 1)))
        elif 0 <= number + step < len(self.stack):
            self.chosen = self.stack.turns[number + step].message.id
            self._show_edge(number + step, step)
        elif step > 0:
            self.post_message(self.LeftBottom())

    def _hidden(self, number: int, step: int) -> int:
        """How many lines of a turn are above the screen (`step` -1) or below it (1)."""
        turn, top = self.stack.lay(number), self.stack.top(self.top)
        first = self.stack.top(ScrollPosition(number))
        if step < 0:
            return max(top - first, 0)
        return max(first + turn.height - top - self.size.height, 0)

    def _show_edge(self, number: int, step: int) -> None:
        """Show the turn that was just chosen: all of it, or, where it is too high, the edge from which it is read."""
        height, room = self.stack.lay(number).height, self.size.height
        first = self.stack.top(ScrollPosition(number)) - self.stack.top(self.top)
        last = first + height
        if height <= room:
            self.scroll_lines(min(first, 0) or max(last - room, 0))
        elif step < 0 and last <= 0:
            self.scroll_lines(last - room)
        elif step > 0 and first >= room:
            self.scroll_lines(first)

    def action_page(self, step: int) -> None:
        """Scroll one screen."""
        self.scroll_lines(step * max(self.size.height - _OVERLAP_LINES, 1))

    def action_home(self) -> None:
        """To the first line."""
        self.go_to(TOP)

    def action_end(self) -> None:
        """To the last line, and follow what comes."""
        self.following = True
        self.settle()

    def action_wish(self, kind: str) -> None:
        """Ask for something to be done with the chosen turn."""
        turn = self.chosen_turn
        if turn is None or kind not in get_args(WishKind):
            return
        code = self.code_block_at(turn.message.id) if kind == "copy_code" else ""
        if code is not None:
            self.post_message(self.Wish(cast(WishKind, kind), turn.message.id, code))

    def action_think(self) -> None:
        """Open or close the thoughts of the chosen turn."""
        if (turn := self.chosen_turn) is not None and turn.thinking:
            self.unfold(turn, THINKING)

    def action_link(self) -> None:
        """Open the only link of the chosen turn, or mark its next one."""
        turn = self.chosen_turn
        found = links(turn) if turn is not None else []
        if len(found) == 1:
            self.post_message(self.LinkChosen(found[0]))
        elif found:
            place = found.index(self.marked_link) + 1 if self.marked_link in found else 0
            self.marked_link = found[place % len(found)]
            self.tell_keys()

    def action_open(self) -> None:
        """Open the marked link, else show what is left out of the chosen turn; open or fold a card."""
        turn = self.chosen_turn
        if self.marked_link:
            self.post_message(self.LinkChosen(self.marked_link))
        elif isinstance(turn, CardTurn) and turn.is_card and not (turn.opened and left_out(turn)):
            self.turn_card(turn)
        elif turn is not None and (names := folds(turn)):
            self.unfold(turn, *names)

    def action_task(self, kind: str) -> None:
        """Ask for something to be done with the task of the chosen card."""
        if isinstance(turn := self.chosen_turn, CardTurn) and kind in get_args(TaskWishKind):
            self.post_message(self.TaskWish(cast(TaskWishKind, kind), turn.message.task_id or ""))

    def turn_card(self, card: CardTurn) -> None:
        """Open a card or fold it, and say so; without text, or waiting for the user, it is shown among all tasks."""
        task_id = card.message.task_id or ""
        if not card.opens or (card.task is not None and card.task.state == "waiting"):
            self.post_message(self.TaskWish("show", task_id))
        else:
            number = self.stack.find(card.message.id) or 0
            top = ScrollPosition(number) if self.top.turn == number else self.top
            self.following = False
            self.open_card(task_id, not card.opened, by_reader=True)
            self.go_to(top)
            self.post_message(self.TaskWish("open", task_id, card.opened))

    def turn_seen_card(self) -> bool:
        """Open or fold the last card on the screen that has more to show than it shows; False where there is none."""
        for number in sorted({shown.turn for shown in self.shown()}, reverse=True):
            turn = self.stack.turns[number]
            if isinstance(turn, CardTurn) and turn.is_card and turn.opens:
                self.turn_card(turn)
                return True
        return False

    def card_folded(self, task_id: str) -> None:
        """Nobody looks at what the task writes any more."""
        self.post_message(self.TaskWish("open", task_id, opened=False))

    # mouse

    def on_click(self, event: events.Click) -> None:
        """Choose a turn, and do what is written where the click was."""
        if event.chain > 1:
            event.prevent_default()
            (self.select_word if event.chain == 2 else self.select_row)(event.x, event.y)
            return
        shown, target = self.target_at(event.x, event.y)
        if self.on_hint(event.x, event.y):
            self.action_end()
            return
        if shown is None or self.text_selection is not None:
            return
        turn = self.stack.turns[shown.turn]
        self.chosen = turn.message.id
        match target:
            case Link(url):
                self.post_message(self.LinkChosen(url))
            case CopyCode(number):
                self.post_message(self.Wish("copy_code", turn.message.id, turn.codes[number]))
            case Unfold(name):
                self.unfold(turn, name)
            case CardAction("reclassify"):
                self.post_message(self.RerouteWanted(turn.message.id))
            case CardAction("open") if isinstance(turn, CardTurn):
                self.turn_card(turn)
            case CardAction(kind):
                self.action_task(kind)
            case Version(step):
                self.post_message(self.Wish("next" if step > 0 else "previous", turn.message.id))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Tell where the link under the pointer leads."""
        _, target = self.target_at(event.x, event.y)
        address = plain_line(target.url, _ADDRESS_SHOWN) if isinstance(target, Link) else None
        if address != self.tooltip:
            self.tooltip = address
