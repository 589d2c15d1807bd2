"""What is remembered: found by words and by meaning, with where it was said; changed, pinned and forgotten."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.types import CSSPathType
from textual.widgets import Input, Static

from tale_tui.domain.clock import Clock
from tale_tui.engine.api import EngineApi
from tale_tui.formatting.units import key_name
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.keys import KeyPlace, binding
from tale_tui.ui.live_screen import LiveScreen
from tale_tui.ui.remembered import words
from tale_tui.ui.remembered.controller import ItemChip, RememberedController, SessionOf
from tale_tui.ui.remembered.pages import PAGE, ItemPages
from tale_tui.ui.remembered.table import ItemHeading, ItemList
from tale_tui.ui.text import NoMarkup, plain
from tale_tui.ui.widgets.line_input import LineInput
from tale_tui.ui.widgets.tabs import WordTabs

if TYPE_CHECKING:
    from tale_tui.domain.recall import RecallItem

NARROW = 100
"""Cells below which words go."""
NO_SOURCE = "It was not said in a conversation, or that was deleted."

REMEMBERED_KEYS: list[BindingType] = [
    binding("remembered.back", "escape", "back", "Back", "Close what is told, take the words away, then back"),
    # Before the list, so that what is typed right behind it is no key of the list any more.
    binding("remembered.filter", "slash", "filter", "Filter", "Type words, or what you want to know", priority=True),
    binding("remembered.filter_up", "up", "move(-1)", "Up", "Choose the item above while words are typed"),
    binding("remembered.filter_down", "down", "move(1)", "Down", "Choose the item below while words are typed"),
    binding("remembered.next_chip", "right,right_square_bracket", "step_chip(1)", "Next kind", "Show the next kind"),
    binding(
        "remembered.chip_before", "left,left_square_bracket", "step_chip(-1)", "Kind before", "Show the one before"
    ),
    binding("remembered.edit", "e", "edit", "Edit", "Have the chosen item say something else"),
    binding("remembered.pin", "p", "pin", "Pin", "It stays when its conversation is deleted, and counts more"),
    binding("remembered.forget", "d,delete", "forget", "Forget", "Forget the chosen item for ever, after asking"),
    binding("remembered.new", "n", "remember", "Remember", "Remember something"),
    binding("remembered.switch", "space", "switch", "Not here", "Off for the conversation in the chat, or on again"),
    binding("remembered.fetch", "ctrl+s", "fetch", "Fetch", "Fetch a model that finds by meaning, where there is none"),
    binding("remembered.again", "ctrl+r", "again", "Read again", "Read it again; without an engine, look for one"),
]
"""Keys of the screen; those that move the choice belong to the table."""


class RememberedScreen(LiveScreen):
    """What is remembered.

    Args:
        bridge: brings the engine and what it says.
        engine: the engine; None while there is none.
        session_of: names the conversation in the chat.
        clock: the time; None for the real one.

    Attributes:
        back_to: the mode that is shown when this one is left.
    """

    CSS_PATH: ClassVar[CSSPathType | None] = "remembered.tcss"
    TICK_S = 5.0  # what was said is looked at a few seconds after it was said
    AUTO_FOCUS = "ItemList"
    BACK = "remembered.back"
    BINDING_GROUP_TITLE = "Remembered"
    BINDINGS: ClassVar[list[BindingType]] = REMEMBERED_KEYS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-wide")]  # noqa: RUF012  (declared so by Textual)
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (12, "-low"), (20, "-middle"), (30, "-high")]  # noqa: RUF012  (likewise)

    controller: RememberedController

    @dataclass
    class SourceWanted(Message):
        """Where an item was said is to be shown, or the task that gave it."""

        item: RecallItem

    def __init__(
        self, bridge: Bridge, engine: EngineApi | None, session_of: SessionOf, clock: Clock | None = None
    ) -> None:
        super().__init__("remembered", bridge, clock)
        self.filter = LineInput(placeholder="/ words, or what you want to know", id="filter")
        self.chips = WordTabs(tuple(ItemChip), "screen.chip")
        self.counted = Static(markup=False, id="counted")
        self.heading, self.list = ItemHeading(), ItemList(self._clock)
        self.about = NoMarkup(id="about")
        self.state_line = NoMarkup(id="state")
        self.controller = RememberedController(self, self, engine, session_of)
        self.back_to = "dashboard"

    @property
    def key_places(self) -> tuple[KeyPlace, ...]:
        """The screen and its table."""
        return (("In what is remembered", self.BINDINGS), ("In the table", self.list.BINDINGS))

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        self.title_bar.current, self.title_bar.below = "Dashboard", "Remembered"
        self.chips.current = ItemChip.ALL
        yield self.title_bar
        with Horizontal(id="top"):
            yield self.filter
            yield self.chips
            yield self.counted
        yield self.heading
        yield self.list
        yield self.about
        yield self.state_line
        yield self.notice_line
        yield self.bar

    # what is shown

    @property
    def chosen(self) -> RecallItem | None:
        """The item that the keys are about."""
        return self.list.row

    def look_for(self, text: str) -> None:
        """Look for words, in all that is remembered."""
        self.controller.chip = ItemChip.ALL
        self.controller.find(text)
        self.filter.value = text
        if self.is_attached:
            self.list.focus()

    def pages_in_sight(self) -> range:
        """The pages of items that are seen, or chosen; the first one is always ready."""
        rows = self.controller.rows
        if not isinstance(rows, ItemPages):
            return range(1)
        first = min(self.list.scroll_offset.y, max(self.list.index, 0))
        last = max(self.list.scroll_offset.y + self.list.size.height, self.list.index)
        return range(first // PAGE, last // PAGE + 1)

    def paint(self) -> None:
        """Show all that is known."""
        if not self.is_attached:
            return
        known, narrow = self.controller, self.size.width < NARROW
        self.title_bar.note = words.state_title(known.state, narrow=narrow)
        self.title_bar.running, self.title_bar.asking = known.counts.running, known.counts.asking
        self.chips.current = known.chip
        self.set_class(bool(self._complaint), "-away")
        is_off = known.state is not None and not (known.state.enabled and known.allowed)
        self.set_class(is_off or known.fetched is not None, "-off")
        self.counted.update(Content(self._counted()))
        key = key_name(self.key_of("remembered.fetch"))
        line = words.state_line(known.state, allowed=known.allowed, fetched=known.fetched, key=key)
        self.state_line.update("" if self._complaint else line)
        index, wanted = self.list.index, known.wanted
        before = wanted or (self.chosen.id if self.chosen is not None else "")
        place = _place_of(known.rows, before) if before else -1
        if place >= 0:
            index, known.wanted = place, ""
        self.list.show(known.rows, index, self._empty_words())
        self._paint_chosen()

    def _counted(self) -> str:
        known = self.controller
        if known.searching:
            return "searching"
        if known.state is None or not (known.words or known.chip is not ItemChip.ALL):
            return ""
        return f"{len(known.rows):,} of {known.state.items:,}"

    def _empty_words(self) -> str:
        known = self.controller
        if self._complaint or known.state is None:
            return self._complaint
        if known.searching:
            return ""
        if known.state.items and known.words:
            return words.NOT_FOUND
        if known.state.items:
            return f"Nothing of that kind. {key_name(self.key_of('remembered.next_chip'))} shows others."
        key = self.key_of("remembered.new")
        return f"{words.EMPTY} {key_name(key)} remembers something now." if key else words.EMPTY

    @on(ItemList.Moved)
    @on(events.Resize)
    def _paint_chosen(self) -> None:
        """What is about the chosen item."""
        item, known = self.chosen, self.controller
        lines = Content("")
        if item is not None:
            context = known.context_of(item)
            limit = words.QUOTED_NARROW if self.size.width < NARROW else words.QUOTED_CHARACTERS
            said = plain(words.origin_words(item, context, limit))
            used = words.use_words(item, known.hits.get(item.id), context, self._clock())
            lines = Content("\n").join([said, plain(used, "$muted")])
        self.about.update(lines)
        self._show_keys()

    @on(events.DescendantFocus)
    def _show_keys(self) -> None:
        if not self.is_current:
            return
        back = "chat" if self.back_to == "chat" else "back"
        if self._complaint:
            wanted = [("remembered.again", "try again"), ("remembered.back", back), ("app.help_outside", "")]
        elif self.filter.has_focus:
            wanted = [("remembered.next_chip", "other kinds"), ("remembered.back", back), ("app.help", "all keys")]
        else:
            here = "not in this chat" if self.controller.allowed else "in this chat again"
            pin = "unpin" if self.chosen is not None and self.chosen.pinned else "pin"
            source = "source" if self.size.width < NARROW else "to its source"
            wanted = [("remembered.open", source), ("remembered.edit", "edit"), ("remembered.pin", pin)]
            new = "remember" if self.size.width < NARROW else "remember something"
            wanted += [("remembered.forget", "forget"), ("remembered.new", new)]
            wanted += [("remembered.switch", here), ("remembered.back", back), ("app.help_outside", "")]
        self.show_hints(wanted)

    @on(ItemList.PageWanted)
    def _read_page(self, event: ItemList.PageWanted) -> None:
        self.controller.page_wanted(event.page)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value.strip() != self.controller.words:
            self.list.index = min(self.list.index, 0)
            self.controller.find(event.value)
            self.paint()

    @on(Input.Submitted)
    def _keep_words(self, event: Input.Submitted) -> None:
        event.stop()
        self.list.focus()

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that would do nothing is not there."""
        engine, state = self.controller.engine, self.controller.state
        if action in ("edit", "pin", "forget"):
            return engine is not None and self.chosen is not None
        if action == "filter":
            return engine is not None and not self.filter.has_focus
        if action in ("remember", "step_chip"):
            return engine is not None
        if action == "switch":
            return engine is not None and state is not None and state.enabled
        if action == "fetch":
            return engine is not None and state is not None and state.fetchable and self.controller.fetched is None
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """Close one thing at a time; with nothing left to close, back to where this was opened."""
        if self.put_notice_away():
            return
        if self.filter.value or self.filter.has_focus:
            self.filter.value = ""
            self.list.focus()
        else:
            self.post_message(self.Left(self.back_to))

    def action_filter(self) -> None:
        """To the line of the words."""
        self.set_focus(self.filter)

    def action_move(self, step: int) -> None:
        """Move the choice while words are typed."""
        self.list.action_move(step)

    def action_chip(self, name: str) -> None:
        """Show other items, from the first."""
        self.list.scroll_to(y=0, animate=False)
        self.list.index = min(self.list.index, 0)
        self.controller.show(ItemChip(name))
        self.paint()

    def action_step_chip(self, step: int) -> None:
        """Show the kind beside the one that is shown."""
        chips = tuple(ItemChip)
        self.action_chip(chips[(chips.index(self.controller.chip) + step) % len(chips)])

    @on(ItemList.Opened)
    def _open(self, event: ItemList.Opened) -> None:
        source = event.item.source
        if source.task_id or source.session_id:
            self.post_message(self.SourceWanted(event.item))
        else:
            self.say(NO_SOURCE)

    def action_remember(self) -> None:
        """Ask what is to be remembered."""
        if self.controller.engine is not None:
            self.spawn(self._remember, self.controller.engine, group="change")

    async def _remember(self, engine: EngineApi) -> None:
        if await self.controller.remember(engine):
            self.controller.chip = ItemChip.ALL
            self.filter.value = ""
            self.controller.find("")

    def action_edit(self) -> None:
        """Ask what the chosen item is to say."""
        self._change(self.controller.edit)

    def action_pin(self) -> None:
        """Pin the chosen item, or let it loose."""
        self._change(self.controller.pin)

    def action_forget(self) -> None:
        """Forget the chosen item, after asking."""
        self._change(self.controller.forget)

    def _change(self, change: Callable[[EngineApi, RecallItem], Awaitable[None]]) -> None:
        engine, item = self.controller.engine, self.chosen
        if engine is None or item is None:
            return

        async def work() -> None:
            await change(engine, item)

        self.spawn(work, group="change")

    def action_fetch(self) -> None:
        """Fetch a model that finds by meaning."""
        if self.controller.engine is not None:
            self.spawn(self.controller.fetch, self.controller.engine, group="fetch")

    def action_switch(self) -> None:
        """Off for the conversation in the chat, or on again."""
        if self.controller.engine is not None:
            self.spawn(self.controller.switch, self.controller.engine, group="change")


def _place_of(rows: object, item_id: str) -> int:
    """The index of an item among those that are there; -1 where it is not."""
    if isinstance(rows, ItemPages):
        return rows.place_of(item_id)
    found = rows if isinstance(rows, tuple) else ()
    return next((place for place, item in enumerate(found) if item.id == item_id), -1)
