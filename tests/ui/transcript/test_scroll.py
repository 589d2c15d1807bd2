"""Scrolling: the reader's place, the tail, ten thousand messages, other widths."""

from __future__ import annotations

from typing import Any

import pytest
from textual.events import MouseScrollUp
from textual.scrollbar import ScrollBarRender, ScrollDown, ScrollTo, ScrollUp

from tale_tui.domain.conversation import View
from tale_tui.ui.transcript.layout import TURNS_KEPT, ScrollPosition
from tale_tui.ui.transcript.turn import TurnBlock


def long_talk(make: Any, turns: int = 30) -> list[Any]:
    messages = []
    for number in range(turns):
        messages.append(make.user(number, f"Question {number}"))
        messages.append(make.reply(number, f"Answer {number}. " + "Some more words. " * (number % 23)))
    return messages


async def test_the_end_is_shown_first_and_followed(stage: Any, make: Any) -> None:
    async with stage(*long_talk(make)) as scene:
        assert "Answer 29" in scene.text
        assert scene.view.following
        scene.view.add(make.growing(99))
        for number in range(30):
            scene.view.stream_text("a99", f"line {number}\n\n")
            scene.hurry()
        assert "line 29" in scene.text
        assert scene.view.view() == (None, 0)


async def test_a_reader_who_scrolled_up_is_left_alone(stage: Any, make: Any) -> None:
    async with stage(*long_talk(make), focus=True) as scene:
        await scene.window.press("pageup")
        assert not scene.view.following
        before = scene.lines
        scene.view.add(make.growing(99))
        for number in range(30):
            scene.view.stream_text("a99", f"line {number}\n\n")
        scene.hurry()
        assert scene.lines[:-1] == before[:-1]
        assert scene.lines[-1].endswith("↓ more below · end")
        await scene.window.press("end")
        assert scene.view.following
        assert "line 29" in scene.text
        assert "more below" not in scene.text


async def test_the_hint_can_be_clicked(stage: Any, make: Any) -> None:
    async with stage(*long_talk(make)) as scene:
        scene.view.action_home()
        scene.view.add(make.growing(99, "The newest"))
        scene.hurry()
        await scene.click("more below")
        assert "The newest" in scene.text


async def test_scrolling_to_the_end_follows_again(stage: Any, make: Any) -> None:
    async with stage(*long_talk(make), focus=True) as scene:
        await scene.window.press("pageup")
        assert not scene.view.following
        await scene.window.press("pagedown")
        assert scene.view.following


async def test_the_users_own_message_goes_to_the_end(stage: Any, make: Any) -> None:
    async with stage(*long_talk(make)) as scene:
        scene.view.action_home()
        scene.view.add(make.user(99, "Now then"))
        scene.hurry()
        assert "Now then" in scene.text
        assert scene.view.following


async def test_the_wheel_and_the_scroll_bar(stage: Any, make: Any) -> None:
    async with stage(*long_talk(make)) as scene:
        view = scene.view
        top = view.scroll_y
        x, y = view.region.x + 5, view.region.y + 5
        scene.window.app.post_message(MouseScrollUp(None, x, y, 0, 0, 0, shift=False, meta=False, ctrl=False))
        await scene.window.until(lambda: view.scroll_y < top, "the wheel scrolls up")
        view.post_message(ScrollTo(y=0))
        await scene.window.pilot.pause()
        assert "Question 0" in scene.text
        view.post_message(ScrollDown())
        await scene.window.pilot.pause()
        second = scene.lines[0]
        view.post_message(ScrollUp())
        await scene.window.pilot.pause()
        assert "Question 0" in scene.text
        assert second not in scene.lines[:1]
        assert view.vertical_scrollbar.position == view.scroll_y
        assert view.vertical_scrollbar.window_virtual_size == view.virtual_size.height


async def test_the_scroll_bar_looks_as_it_should_while_text_comes_and_layouts_are_made(stage: Any, make: Any) -> None:
    def drawn(total: float, window: float, line: float) -> Any:
        high = scene.view.size.height
        return ScrollBarRender.render_bar(high, virtual_size=total, window_size=window, position=line).segments

    async with stage(*long_talk(make)) as scene:
        view, bar = scene.view, scene.view.vertical_scrollbar
        view.add(make.growing(99))
        for number in range(60):
            view.stream_text("a99", f"line {number}\n\n")
            scene.hurry()
            right = drawn(view.virtual_size.height, view.size.height, view.scroll_y)
            assert drawn(bar.window_virtual_size, bar.window_size, bar.position) == right
            view.refresh(layout=True)
            await scene.window.pilot.pause()
            assert drawn(bar.window_virtual_size, bar.window_size, bar.position) == right


async def test_every_line_comes_once_in_its_order(stage: Any, make: Any) -> None:
    async with stage(*long_talk(make)) as scene:
        scene.view.action_home()
        seen = [line for line in scene.lines if "Answer" in line or "Question" in line]
        while not scene.view.following:
            scene.view.scroll_lines(1)
            last = scene.lines[-1]
            if "Answer" in last or "Question" in last:
                seen.append(last)
        words = [line.split()[1:3] for line in seen]
        assert words == [part for number in range(30) for part in (["Question", f"{number}"], ["Answer", f"{number}."])]


async def test_opening_ten_thousand_messages_sets_those_on_the_screen(
    stage: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid: list[str] = []
    original = TurnBlock.lay_out
    monkeypatch.setattr(
        TurnBlock, "lay_out", lambda self, how: laid.append(self.content.message.id) or original(self, how)
    )
    async with stage() as scene:
        scene.view.load(make.conversation(*long_talk(make, 5000)))
        assert "Answer 4999" in scene.text
        assert len(laid) <= 24
        laid.clear()
        scene.view.scroll_lines(-1)
        assert len(laid) <= 2
        laid.clear()
        scene.view.go_to(ScrollPosition(5000))
        assert len(laid) <= 24
        assert scene.view.virtual_size.height > 20_000
        assert len(scene.window.app.screen.query("*")) < 20


async def test_lines_of_turns_far_away_are_given_back(stage: Any, make: Any) -> None:
    async with stage(*long_talk(make, 400)) as scene:
        scene.view.action_home()
        while not scene.view.following:
            scene.view.action_page(1)
        assert sum(bool(turn.sheets) for turn in scene.view.turn_layout.turns) <= TURNS_KEPT + 24
        assert "Answer 399" in scene.text


async def test_the_line_being_read_stays_when_the_width_changes(stage: Any, make: Any) -> None:
    words = " ".join(f"word{number}" for number in range(400))
    async with stage(*long_talk(make, 5), make.reply(77, words), *[make.user(f"x{n}", "y") for n in range(9)]) as scene:
        scene.view.show_message("a77")
        scene.view.scroll_lines(12)
        first = scene.lines[0].split()[1]
        for width in (50, 120, 33, 80):
            await scene.window.pilot.resize_terminal(width, 24)
            await scene.window.pilot.pause()
            assert first in scene.lines[0]
        assert not scene.view.following


async def test_a_change_of_width_after_all_else_is_gone(stage: Any, make: Any) -> None:
    async with stage(*long_talk(make)) as scene:
        scene.view.action_home()
        await scene.window.pilot.resize_terminal(60, 24)
        await scene.window.pilot.pause()
        scene.view.load(make.conversation())
        await scene.window.pilot.resize_terminal(70, 20)
        await scene.window.pilot.pause()
        assert scene.text.strip() == ""
        scene.view.load(make.conversation(make.user(1, "one"), make.user(2, "two")))
        await scene.window.pilot.resize_terminal(60, 24)
        await scene.window.pilot.pause()
        scene.view.drop_after("u1")
        await scene.window.pilot.resize_terminal(70, 20)
        await scene.window.pilot.pause()
        assert "one" in scene.text


async def test_the_end_stays_the_end_when_the_size_changes(stage: Any, make: Any) -> None:
    async with stage(*long_talk(make)) as scene:
        for size in ((50, 20), (120, 40), (80, 24)):
            await scene.window.pilot.resize_terminal(*size)
            await scene.window.pilot.pause()
            assert "Answer 29" in scene.text
            assert scene.view.following


async def test_a_session_opens_where_its_reader_was(stage: Any, make: Any) -> None:
    talk = long_talk(make)
    async with stage(*talk) as scene:
        scene.view.show_message("a7")
        scene.view.scroll_lines(1)
        place, lines = scene.view.view(), scene.lines
        scene.view.load(make.conversation(*talk))
        assert scene.view.following
        scene.view.load(make.conversation(*talk, view=View(*place)))
        assert scene.view.view() == place
        assert [line[3:] for line in scene.lines] == [line[3:] for line in lines]
        scene.view.load(make.conversation(*talk, view=View("a7", 10_000)))
        assert scene.view.view()[0] in ("a7", "u8")


async def test_a_session_may_be_loaded_before_the_screen_is_there(stage: Any, make: Any) -> None:
    from tale_tui.ui.transcript.view import TranscriptView

    view = TranscriptView()
    view.load(make.conversation(*long_talk(make), view=View("a3", 0)))
    view.add(make.user(99, "x"))
    assert view.turn_layout.find("u99") == 60


async def test_a_rule_above_does_not_move_what_is_read(stage: Any, make: Any) -> None:
    async with stage(*long_talk(make)) as scene:
        scene.view.show_message("a20")
        before = scene.lines
        scene.view.set_view_from("u10")
        assert scene.lines == before


async def test_headers_follow_the_clock(stage: Any, make: Any) -> None:
    async with stage(make.replace(make.user(1, "x"), created=make.now - 5)) as scene:
        assert scene.lines[0].endswith("now")
        scene.view.clock = lambda: make.now + 120
        scene.view.refresh_headers()
        assert scene.lines[0].endswith("14:01")


async def test_the_words_of_the_conversation_before_do_not_move_the_next_one(stage: Any, make: Any) -> None:
    numbered = "\n".join(f"line {number}" for number in range(100))
    async with stage(make.user(1, "word " * 2000)) as scene:
        scene.view.go_to(ScrollPosition(0, 40))
        await scene.window.pilot.resize_terminal(60, 24)
        place = scene.view.top
        scene.view.load(make.conversation(make.user(2, numbered)))
        scene.view.go_to(place)
        top = scene.lines[0]
        await scene.window.pilot.resize_terminal(70, 24)
        assert scene.lines[0] == top
