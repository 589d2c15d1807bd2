"""Replies that are being made: live states, the tail, how much is done for how much text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from textual.geometry import Region
from textual.widget import Widget

from tale_tui.domain.conversation import MessageState
from tale_tui.ui.markdown.document import Block
from tale_tui.ui.markdown.layout import Setter
from tale_tui.ui.transcript.layout import TurnLayout
from tale_tui.ui.transcript.turn import SLICE, TEXT_SHOWN, TurnBlock


async def test_before_the_first_word(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "Hello"), make.growing(1)) as scene:
        view = scene.view
        view.set_live("a1", make.Live("waiting", 1000.0, waits_for="Ollama"))
        scene.clock.seconds = 1002.5
        scene.hurry()
        assert scene.lines[3].endswith("waiting 2.50 s")
        assert scene.lines[4] == " ▎ waits for Ollama"
        view.set_live("a1", make.Live("loading", 1000.0))
        scene.hurry()
        assert scene.lines[3].endswith("loading 2.50 s")
        assert scene.lines[4] == " ▎ loading the model"
        view.set_live("a1", make.Live("reading", 1000.0, 312, 900))
        scene.hurry()
        assert scene.lines[3].endswith("2.50 s")
        assert scene.lines[4] == " ▎ ▰▰▰▱▱▱▱▱ reading 312 of 900 tokens"
        view.set_live("a1", make.Live("reading", 1000.0))
        scene.hurry()
        assert scene.lines[4] == " ▎ ▌"


async def test_while_it_is_written(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "Hello"), make.growing(1)) as scene:
        scene.view.set_live("a1", make.Live("writing", 1000.0, tokens=9, rate=9.4, ttft_ms=400.0))
        scene.view.stream_text("a1", "Good day")
        scene.hurry()
        narrow = scene.lines[3]
        assert narrow.endswith("0.40 s · 9.4 tok/s ·    9 tok")
        assert scene.lines[4] == " ▎ Good day▌"
        scene.view.set_live("a1", make.Live("writing", 1000.0, tokens=1234, rate=38.2, ttft_ms=400.0))
        scene.hurry()
        assert scene.lines[3].endswith("0.40 s ·  38 tok/s · 1.2k tok")
        assert len(scene.lines[3]) == len(narrow)
        scene.view.set_live("a1", None)
        scene.view.update(make.reply(1, "Good day"))
        scene.hurry()
        assert scene.lines[3].endswith("0.31 s · 3.40 s in all · 38 tok/s · 412 + 118 tok")
        assert scene.lines[4] == " ▎ Good day"


async def test_thinking_is_folded_while_it_goes_on(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "Hello"), make.growing(1)) as scene:
        scene.view.set_live("a1", make.Live("thinking", 1000.0, tokens=1))
        scene.view.stream_thinking("a1", "Let me ")
        scene.clock.seconds += 3
        scene.view.set_live("a1", make.Live("thinking", 1000.0, tokens=214))
        scene.view.stream_thinking("a1", "think")
        scene.hurry()
        assert scene.lines[4] == " ▎ ▸ thinking · t opens"
        scene.view.set_live("a1", make.Live("writing", 1000.0, tokens=215))
        scene.view.stream_text("a1", "Yes")
        scene.hurry()
        assert scene.lines[4:6] == [" ▎ ▸ thought for 3.00 s · 214 tok · t opens", " ▎ Yes▌"]


async def test_the_caret_stands_on_the_ground_of_code(stage: Any, make: Any) -> None:
    async with stage(make.growing(1)) as scene:
        scene.view.stream_text("a1", "```py\nx = ")
        scene.hurry()
        assert scene.lines[2] == " ▎   x = ▌"


async def test_the_first_word_is_shown_at_once(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "Hello"), make.growing(1)) as scene:
        scene.view.set_live("a1", make.Live("reading", 1000.0))
        scene.view.stream_text("a1", "First")
        assert "First" in scene.text
        scene.view.stream_text("a1", " second")
        assert "second" not in scene.text
        await scene.window.until(lambda: "second" in scene.text, "the rest comes a little later")


async def test_only_the_lines_that_change_are_sent(stage: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(make.user(1, "Hello"), make.growing(1, "Some words")) as scene:
        sent: list[Region] = []
        monkeypatch.setattr(Widget, "refresh", lambda self, *regions, **rest: sent.extend(regions) or self)
        scene.view.stream_text("a1", " and more")
        scene.hurry()
        assert [(region.y, region.height) for region in sent] == [(4, 1)]
        assert sent[0].width < 30
        sent.clear()
        scene.hurry()
        assert sent == []


async def test_what_is_done_for_two_thousand_pieces(stage: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    placed: list[object] = []
    original = Setter.put

    def counting(self: Setter, blocks: Sequence[Block]) -> None:
        placed.extend(blocks)
        original(self, blocks)

    monkeypatch.setattr(Setter, "put", counting)
    async with stage(make.user(1, "Hello"), make.growing(1)) as scene:
        widgets = len(scene.window.app.screen.query("*"))
        for number in range(2000):
            scene.view.stream_text("a1", f"word{number} " if number % 20 else f"\n\nParagraph {number}: ")
        scene.hurry()
        # All came within one pause between two paints: each of the 100 blocks is set once or twice.
        assert len(placed) <= 210
        assert "word1999" in scene.text
        assert len(scene.window.app.screen.query("*")) == widgets


async def test_text_that_nobody_looks_at_is_not_set(stage: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    messages = [make.reply(number, "line\n\n" * 30) for number in range(20)]
    async with stage(*messages, make.growing(99)) as scene:
        scene.view.action_home()
        laid: list[str] = []
        original = TurnBlock.lay_out
        monkeypatch.setattr(TurnBlock, "lay_out", lambda self, how: laid.append(self.message.id) or original(self, how))
        height = scene.view.virtual_size.height
        for _ in range(50):
            scene.view.stream_text("a99", "line\n\n")
        scene.hurry()
        assert laid == []
        assert scene.view.virtual_size.height > height
        assert scene.lines[-1].endswith("↓ more below · end")


async def test_an_update_with_another_text_shows_that(stage: Any, make: Any) -> None:
    async with stage(make.growing(1)) as scene:
        scene.view.stream_text("a1", "Wrong text")
        scene.hurry()
        scene.view.update(make.reply(1, "Right text"))
        scene.hurry()
        assert "Right text" in scene.text
        assert "Wrong" not in scene.text
        assert scene.view.source("a1") == "Right text"


async def test_an_update_of_what_is_not_there_is_left_alone(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "Hello")) as scene:
        before = scene.text
        scene.view.update(make.reply(7, "Nobody"))
        scene.view.stream_text("a7", "x")
        scene.view.stream_thinking("a7", "x")
        scene.view.set_live("a7", make.Live("reading", 0.0))
        scene.view.show_message("a7")
        scene.hurry()
        assert scene.text == before
        assert scene.view.source("a7") == ""
        assert scene.view.code_block_at("a7") is None


async def test_messages_come_and_go(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "one"), make.reply(1, "two")) as scene:
        scene.view.add(make.user(2, "three"))
        scene.view.add(make.growing(2))
        scene.hurry()
        assert [word for word in ("one", "two", "three") if word in scene.text] == ["one", "two", "three"]
        scene.view.drop_after("u1")
        assert "one" in scene.text
        assert "two" not in scene.text
        scene.view.drop_after("nobody")
        assert "one" in scene.text
        scene.view.drop_after(None)
        assert scene.text.strip() == ""


async def test_a_reply_is_stopped_in_the_middle(stage: Any, make: Any) -> None:
    async with stage(make.growing(1)) as scene:
        scene.view.set_live("a1", make.Live("writing", 1000.0, tokens=3))
        scene.view.stream_text("a1", "Half a sen")
        scene.view.update(make.reply(1, "Half a sen", state=MessageState.STOPPED, usage=None))
        scene.hurry()
        assert "stopped, g goes on" in scene.lines[0]
        assert scene.lines[1] == " ▎ Half a sen"
        assert not scene.view.spinner.running


async def test_the_spinner_turns_and_stands_still(stage: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(make.growing(1), make.growing(2)) as scene:
        scene.window.app.animation_level = "full"
        scene.view.set_live("a1", make.Live("reading", 1000.0))
        first = scene.lines[0]
        await scene.window.until(lambda: scene.lines[0] != first, "the spinner turns")
        scene.view.set_live("a1", None)
        assert not scene.view.spinner.running
        scene.window.app.animation_level = "none"
        scene.view.set_live("a2", make.Live("reading", 1000.0))
        frame = scene.view.spinner.frame
        scene.view.spinner.turn()
        assert scene.view.spinner.frame == frame


async def test_a_huge_message_comes_in_steps(stage: Any, make: Any) -> None:
    paragraph = "Some *words* of a paragraph.\n\n"
    text = paragraph * (3 * SLICE // len(paragraph)) + "The end."
    async with stage() as scene:
        scene.view.load(make.conversation(make.reply(1, text)))
        assert "The end." not in scene.text
        await scene.window.until(lambda: "The end." in scene.text, "all of it is set")


async def test_of_an_endless_message_the_beginning_is_shown(stage: Any, make: Any) -> None:
    text = "x" * (TEXT_SHOWN + 1500)
    async with stage(make.user(1, text), focus=True) as scene:
        await scene.window.until(lambda: "more characters" in scene.text, "the beginning is set")
        assert "1.5k more characters, click or enter shows them" in scene.text
        await scene.window.press("enter")
        await scene.window.until(
            lambda: scene.view.turn_layout.turns[0].whole and "more char" not in scene.text, "all of it is set"
        )
        assert scene.view.source("u1") == text


async def test_where_setting_is_slow_it_is_done_less_often(
    stage: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(make.growing(1)) as scene:
        pauses: list[float] = []
        monkeypatch.setattr(scene.view, "set_timer", lambda pause, after: pauses.append(pause))
        monkeypatch.setattr(TurnLayout, "bottom", _slow(TurnLayout.bottom, scene.clock))
        scene.hurry()
        assert pauses == [pytest.approx(0.4)]


def _slow(method: Any, clock: Any) -> Any:
    def slow(self: TurnLayout, height: int) -> Any:
        clock.seconds += 0.1
        return method(self, height)

    return slow
