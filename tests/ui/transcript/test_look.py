"""What the transcript looks like: turns, their headers and states."""

from __future__ import annotations

from typing import Any

import pytest

from tale_tui.domain.conversation import MessageState
from tale_tui.domain.models import FinishReason, ModelRef, Usage
from tale_tui.ui.transcript.parts import FrameTime, header


async def test_a_conversation(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "What is memoisation?"), make.reply(1, "A **cache**:\n\n- one\n- two")) as scene:
        assert scene.lines[:9] == [
            " ▎ You                                                                   13:52",
            " ▎ What is memoisation?",
            "",
            " ▎ qwen2.5:7b                0.31 s · 3.40 s in all · 38 tok/s · 412 + 118 tok",
            " ▎ A cache:",
            " ▎",
            " ▎ • one",
            " ▎ • two",
            "",
        ]


async def test_an_empty_transcript_says_what_would_be_here(stage: Any) -> None:
    async with stage(empty="Nothing yet. Type below; enter sends.") as scene:
        assert scene.lines[1] == "   Nothing yet. Type below; enter sends."


async def test_an_empty_transcript_may_be_silent(stage: Any) -> None:
    async with stage() as scene:
        assert scene.text.strip() == ""


async def test_text_is_never_wider_than_a_hundred_cells(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "word " * 80 + "\n\n```\nx\n```"), size=(200, 40)) as scene:
        assert max(map(len, scene.lines)) == 103


@pytest.mark.parametrize("size", [(20, 5), (12, 4), (3, 4), (40, 10)])
async def test_small_screens_show_what_fits(stage: Any, make: Any, size: tuple[int, int]) -> None:
    text = "# A\n\n```py\nx = 1\n```\n| a | b |\n|---|---|\n| c | d |"
    messages = [make.user(1, "A question of some words"), make.reply(1, text)]
    async with stage(*messages, size=size, focus=True) as scene:
        assert all(strip.cell_length == size[0] for strip in scene.view.render_lines(scene.view.size.region))
        await scene.window.press("up", "down", "home", "end")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": MessageState.STOPPED}, "stopped, g goes on · 0.31 s"),
        ({"state": MessageState.INTERRUPTED}, "! interrupted, g goes on · 0.31 s"),
        ({"state": MessageState.FAILED, "usage": None}, "! failed"),
        ({"finish": FinishReason.LENGTH}, "cut at the limit, g goes on · 0.31 s"),
        ({"sibling": 2, "siblings": 3}, "‹ 2/3 ›   0.31 s"),
        ({"usage": Usage(ttft_ms=1310.0)}, "▲ 1.31 s"),
        ({"usage": Usage(ttft_ms=990.0)}, "    0.99 s"),
        ({"usage": Usage()}, "qwen2.5:7b"),
        ({"usage": Usage(completion_tokens=7)}, " 7 tok"),
        ({"ref": None}, "Model"),
        ({"ref": None, "why": "from the list of tasks"}, "tale"),
    ],
)
async def test_states_are_words(stage: Any, make: Any, fields: dict[str, Any], words: str) -> None:
    async with stage(make.reply(1, "Some text", **fields), size=(110, 10)) as scene:
        assert words in scene.lines[0]


def test_a_narrow_header_keeps_what_matters_most(make: Any) -> None:
    message = make.reply(1, "x", state=MessageState.INTERRUPTED)
    texts = []
    for width in (90, 60, 45, 30, 26, 12, 5):
        pieces = header(message, None, FrameTime(make.now, 0.0), width, "g")
        texts.append("".join(piece.text for piece in pieces))
        assert len(texts[-1]) <= width
    assert "3.40 s in all" in texts[0]
    assert "tok/s" not in texts[2]
    assert "interrupted" in texts[3]
    assert texts[4].endswith("! interrupted")
    assert texts[5] == "qwen2.5:7b"
    assert texts[6] == "qwen…"


async def test_an_error_says_what_happened_and_what_to_do(stage: Any, make: Any) -> None:
    error = "The server does not answer\nNothing answers at http://x. Start it with `ollama serve`."
    async with stage(make.reply(1, "", state=MessageState.FAILED, usage=None, error=error), size=(50, 12)) as scene:
        assert scene.lines[1:4] == [
            " ▎ ! The server does not answer",
            " ▎   Nothing answers at http://x. Start it with",
            " ▎   `ollama serve`.",
        ]


async def test_a_reply_stopped_before_its_first_word(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "", state=MessageState.STOPPED)) as scene:
        assert scene.lines[1] == " ▎ no text"


async def test_the_view_of_the_model_begins_with_a_rule(stage: Any, make: Any) -> None:
    messages = [make.user(1, "a"), make.reply(1, "b"), make.user(2, "c"), make.reply(2, "d")]
    async with stage(*messages, view_from="u2", size=(60, 20)) as scene:
        rule = scene.line_of("the model sees from here")
        assert scene.lines[rule].startswith("   ── the model sees from here ──")
        assert scene.lines[rule + 2].startswith(" ▎ You")
        scene.view.set_view_from("a2")
        assert scene.line_of("the model sees from here") > rule
        scene.view.set_view_from("u1")
        assert "the model sees" not in scene.text
        scene.view.set_view_from(None)
        assert "the model sees" not in scene.text


async def test_thoughts_are_folded_and_open(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "Answer", thinking="Let me think\nabout it"), focus=True) as scene:
        assert scene.lines[1] == " ▌ ▸ thought · 5 words · t opens"
        assert scene.lines[2] == " ▌ Answer"
        await scene.window.press("t")
        assert scene.lines[1:6] == [
            " ▌ ▾ thought · 5 words · t closes",
            " ▌ Let me think",
            " ▌ about it",
            " ▌",
            " ▌ Answer",
        ]
        await scene.click("▾ thought")
        assert scene.lines[2] == " ▌ Answer"


async def test_a_name_is_never_markup_and_never_a_sequence(stage: Any, make: Any) -> None:
    ref = ModelRef(make.reply(1, "").ref.backend, "[red]x[/]\x1b]0;t\x07" + "y" * 200)
    async with stage(make.reply(1, "[/] [bold]x", ref=ref)) as scene:
        assert scene.lines[0].startswith(" ▎ [red]x[/]yyy")
        assert scene.lines[1] == " ▎ [/] [bold]x"


async def test_another_theme_paints_anew(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "Text `code`\n\n```py\nreturn 1\n```")) as scene:

        def colours() -> set[Any]:
            rows = scene.view.render_lines(scene.view.size.region)
            styles = [segment.style for strip in rows for segment in strip if segment.style]
            return {(style.color, style.bgcolor) for style in styles}

        before = colours()
        scene.window.app.theme = "textual-light"
        await scene.window.pilot.pause()
        assert not before & colours()
        after = colours()
        scene.view.code_theme = "xcode"
        assert colours() != after
        scene.view.code_theme = "no such style"
        assert len(colours()) < len(after)
