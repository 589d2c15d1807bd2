"""The text of a task: its keys, what can be clicked in it, what is kept when it is shown anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from tale_tui.ui.tasks.text import Passage, TaskText
from tale_tui.ui.theming import VARIABLE_DEFAULTS
from tale_tui.ui.transcript.scroll_view import TurnScrollView

LONG = "\n\n".join(f"line {number}" for number in range(100))


class Host(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.text = TaskText()
        self.posted: list[str] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(VARIABLE_DEFAULTS)

    def compose(self) -> ComposeResult:
        yield self.text

    def on_turn_scroll_view_link_chosen(self, event: TurnScrollView.LinkChosen) -> None:
        self.posted.append(event.url)

    def on_task_text_copy_wanted(self, event: TaskText.CopyWanted) -> None:
        self.posted.append(event.code)

    @property
    def lines(self) -> list[str]:
        return [strip.text.strip() for strip in self.text.render_lines(Region(0, 0, *self.text.size))]

    def offset_of(self, words: str) -> tuple[int, int]:
        strips = self.text.render_lines(Region(0, 0, *self.text.size))
        return next((strip.text.index(words), y) for y, strip in enumerate(strips) if words in strip.text)


@asynccontextmanager
async def opened(*passages: Passage, follow: bool = False) -> AsyncIterator[tuple[Host, Pilot[None]]]:
    host = Host()
    async with host.run_test(size=(60, 20)) as pilot:
        host.text.show(passages, follow=follow)
        host.text.focus()
        await pilot.pause()
        yield host, pilot


def passage(text: str, **fields: Any) -> Passage:
    return Passage("a", "Step 1", text=text, **fields)


async def test_keys_scroll_it() -> None:
    async with opened(passage(LONG)) as (host, pilot):
        assert host.lines[:2] == ["Step 1", "line 0"]
        await pilot.press("j")
        assert host.lines[0] == "line 0"
        await pilot.press("k", "pagedown")
        assert host.text.top.line == 18
        await pilot.press("pageup")
        assert host.lines[0] == "Step 1"
        await pilot.press("end")
        assert "line 99" in host.lines
        assert host.text.following
        await pilot.press("home")
        assert host.lines[0] == "Step 1"
        assert not host.text.following


async def test_clicks_do_what_is_written_there() -> None:
    async with opened(passage("[words](http://e.x/y)\n\n```py\nx = 1\n```", thinking="Hm.")) as (host, pilot):
        await pilot.click(host.text, offset=host.offset_of("words"))
        await pilot.click(host.text, offset=host.offset_of("copy"))
        assert host.posted == ["http://e.x/y", "x = 1"]
        await pilot.click(host.text, offset=host.offset_of("thought"))
        assert "Hm." in host.lines
        await pilot.press("t")
        assert "Hm." not in host.lines


async def test_a_word_is_selected_with_two_clicks_and_a_row_with_three() -> None:
    async with opened(passage("Some words here.")) as (host, pilot):
        await pilot.click(host.text, offset=host.offset_of("words"), times=2)
        assert host.screen.get_selected_text() == "words"
        await pilot.click(host.text, offset=host.offset_of("words"), times=3)
        assert host.screen.get_selected_text() == "Some words here."


async def test_what_grows_is_followed_or_said_to_be_below() -> None:
    async with opened(passage(LONG, growing=True), follow=True) as (host, pilot):
        host.text.stream("a", "\n\nthe end", thinking=False)
        host.text.throttle.run()
        assert any(line.startswith("the end") for line in host.lines)
        await pilot.press("home")
        host.text.stream("a", "\n\nmore", thinking=False)
        host.text.throttle.run()
        assert host.lines[-1].endswith("more below · end")
        await pilot.click(host.text, offset=host.offset_of("more below"))
        assert host.text.following


async def test_what_has_streamed_in_is_ahead_of_what_was_stored() -> None:
    async with opened(passage("One", growing=True), follow=True) as (host, _):
        host.text.stream("a", " two", thinking=False)
        host.text.show([passage("One", growing=True, note="3 tok")], follow=True)
        assert any(line.startswith("One two") for line in host.lines)
        assert host.lines[0].endswith("3 tok")
        host.text.show([passage("Other")], follow=True)
        assert "Other" in host.lines
