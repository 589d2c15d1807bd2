"""The prompt: sending, lines, history, paste."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual.app import App, ComposeResult

from support.window import Window
from tale_tui.ui.widgets.prompt import HISTORY_MAX, PASTE_MAX, PROMPT_KEYS, Prompt, PromptHistory, looks_binary


class Stage(App[None]):
    CSS = "Prompt { height: auto; max-height: 8; }"

    def __init__(self) -> None:
        super().__init__()
        self.prompt = Prompt("Write", {})
        self.heard: list[Any] = []

    def compose(self) -> ComposeResult:
        yield self.prompt

    def on_mount(self) -> None:
        self.prompt.focus()

    def on_prompt_submitted(self, event: Prompt.Submitted) -> None:
        self.heard.append(event)

    on_prompt_completion_moved = on_prompt_submitted
    on_prompt_completion_taken = on_prompt_submitted
    on_prompt_completion_run = on_prompt_submitted


async def test_enter_sends_what_stands_there_and_takes_it_out() -> None:
    app = Stage()
    async with app.run_test() as pilot:
        await pilot.press(*"hi", "enter")
        assert [event.text for event in app.heard] == ["hi"]
        assert app.prompt.text == ""


async def test_keys_that_come_all_at_once_keep_their_order() -> None:
    app = Stage()
    async with app.run_test() as pilot:
        typed = [*"Show me cod", "left", "right", "x", "backspace", "e", "enter", *"next"]
        for key in typed:
            app.post_message(events.Key(key if len(key) > 1 or key != " " else "space", key if len(key) == 1 else None))
        await pilot.pause()
        assert [event.text for event in app.heard] == ["Show me code"]
        assert app.prompt.text == "next"


@pytest.mark.parametrize("key", ["ctrl+j", "shift+enter", "alt+enter"])
async def test_a_new_line(key: str) -> None:
    app = Stage()
    async with app.run_test() as pilot:
        await pilot.press("a", key, "b")
        assert app.prompt.text == "a\nb"
        assert app.heard == []


async def test_it_grows_with_its_lines_up_to_eight() -> None:
    app = Stage()
    async with app.run_test() as pilot:
        heights = []
        for _ in range(10):
            heights.append(app.prompt.size.height)
            await pilot.press("ctrl+j")
            await pilot.pause()
        assert heights[:8] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert heights[-1] == 8


async def test_up_and_down_walk_through_the_history_and_bring_the_draft_back() -> None:
    app = Stage()
    async with app.run_test() as pilot:
        app.prompt.history_of_messages.load(["one", "two"])
        await pilot.press(*"new", "up")
        assert app.prompt.text == "two"
        await pilot.press("up", "up", "up")
        assert app.prompt.text == "one"
        await pilot.press("down", "down")
        assert app.prompt.text == "new"
        await pilot.press("down")
        assert app.prompt.text == "new"


async def test_arrows_move_inside_several_lines_first() -> None:
    app = Stage()
    async with app.run_test() as pilot:
        app.prompt.history_of_messages.load(["old"])
        app.prompt.fill("first\nsecond")
        await pilot.press("up")
        assert app.prompt.text == "first\nsecond"
        assert app.prompt.cursor_location[0] == 0
        await pilot.press("up")
        assert app.prompt.text == "old"


async def test_arrows_move_inside_a_wrapped_line_first() -> None:
    app = Stage()
    async with app.run_test(size=(20, 10)) as pilot:
        app.prompt.history_of_messages.load(["old"])
        app.prompt.fill("word " * 10)
        await pilot.pause()
        await pilot.press("up")
        assert app.prompt.text == "word " * 10


async def test_a_message_of_the_history_that_is_changed_keeps_the_draft() -> None:
    app = Stage()
    async with app.run_test() as pilot:
        app.prompt.history_of_messages.load(["one"])
        await pilot.press(*"draft", "up", "x")
        await pilot.pause()
        assert app.prompt.text == "onex"
        await pilot.press("up")
        assert app.prompt.text == "draft"


async def test_a_paste_passes_the_border() -> None:
    app = Stage()
    async with app.run_test() as pilot:
        await pilot.press("a")
        app.prompt.post_message(events.Paste("b\x1b[31mc\x1b]0;title\x07\r\nd"))
        await pilot.pause()
        assert app.prompt.text == "abc\nd"
        assert app.heard == []


@pytest.mark.parametrize("pasted", ["\x01\x02\x03\x04 text", "PK\x03\x04\x14\x00" * 9, "\ufffd\ufffdabc"])
async def test_a_binary_paste_is_refused_in_a_sentence(pasted: str) -> None:
    app = Stage()
    async with app.run_test(notifications=True) as pilot:
        app.prompt.post_message(events.Paste(pasted))
        await pilot.pause()
        assert app.prompt.text == ""
        assert Window(app).told == ["The clipboard does not hold text. Nothing was pasted."]


async def test_a_paste_beyond_all_measure_is_refused() -> None:
    app = Stage()
    async with app.run_test(notifications=True) as pilot:
        app.prompt.post_message(events.Paste("x" * (PASTE_MAX + 1)))
        await pilot.pause()
        assert app.prompt.text == ""
        assert "too many to paste" in Window(app).told[0]


async def test_a_large_paste_is_taken() -> None:
    app = Stage()
    async with app.run_test() as pilot:
        text = "line of text\n" * 4000
        app.prompt.post_message(events.Paste(text))
        await pilot.pause()
        assert app.prompt.text == text


@pytest.mark.parametrize(
    "text", ["", "plain", "tab\tand\nlines\r\n", "\x1b[31mred\x1b[0m " * 9, "emoji 👩‍👩‍👧 é ß 漢字"]
)
def test_text_is_not_binary(text: str) -> None:
    assert not looks_binary(text)


async def test_while_completing_the_keys_go_to_the_list() -> None:
    app = Stage()
    async with app.run_test() as pilot:
        app.prompt.completing = True
        await pilot.press("down", "up", "tab", "enter")
        kinds = [type(event).__name__ for event in app.heard]
        assert kinds == ["CompletionMoved", "CompletionMoved", "CompletionTaken", "CompletionRun"]
        assert [app.heard[0].step, app.heard[1].step] == [1, -1]


async def test_what_is_rewritten_can_be_undone() -> None:
    app = Stage()
    async with app.run_test() as pilot:
        await pilot.press(*"abc")
        app.prompt.rewrite("")
        assert app.prompt.text == ""
        await pilot.press("ctrl+underscore")
        assert app.prompt.text == "abc"


async def test_nothing_moves_while_it_waits() -> None:
    app = Stage()
    async with app.run_test():
        assert not app.prompt.cursor_blink


def test_every_key_has_an_id_a_description_and_a_tooltip() -> None:
    ids = [binding.id for binding in PROMPT_KEYS]  # type: ignore[union-attr]
    assert len(set(ids)) == len(ids)
    for binding in PROMPT_KEYS:
        assert binding.id  # type: ignore[union-attr]
        assert binding.description  # type: ignore[union-attr]
        assert binding.tooltip  # type: ignore[union-attr]


def test_history_keeps_the_newest_and_no_repeats_in_a_row() -> None:
    history = PromptHistory()
    for number in range(HISTORY_MAX + 5):
        history.add(f"m{number}")
        history.add(f"m{number}")
    walked = []
    while (text := history.back("")) is not None:
        walked.append(text)
    assert len(walked) == HISTORY_MAX
    assert walked[0] == f"m{HISTORY_MAX + 4}"


def test_an_earlier_run_comes_before_this_one() -> None:
    history = PromptHistory()
    history.add("now")
    history.load(["then"])
    assert history.back("") == "now"
    assert history.back("") == "then"
    assert history.back("") is None


def test_an_empty_history_has_nothing() -> None:
    history = PromptHistory()
    assert history.back("x") is None
    assert history.forward() is None


SIGNS = ["👨\u200d👩\u200d👧", "🇩🇪", "👍🏽", "e\u0301", "क्षि"]
"""A family, a flag, a skin tone, a letter with a mark, a syllable."""


@pytest.mark.parametrize("sign", SIGNS)
async def test_a_sign_of_several_characters_is_erased_and_passed_as_one(sign: str) -> None:
    app = Stage()
    async with app.run_test() as pilot:
        app.prompt.fill(f"a{sign}{sign}")
        await pilot.press("backspace")
        assert app.prompt.text == f"a{sign}"
        await pilot.press("left")
        assert app.prompt.cursor_location == (0, 1)
        await pilot.press("right")
        assert app.prompt.cursor_location == (0, 1 + len(sign))
        await pilot.press("left", "delete")
        assert app.prompt.text == "a"


@pytest.mark.parametrize("sign", SIGNS)
async def test_the_cursor_is_over_the_whole_sign(sign: str) -> None:
    app = Stage()
    async with app.run_test() as pilot:
        app.prompt.fill(f"a{sign}b")
        await pilot.press("left", "left")
        await pilot.pause()
        texts = [segment.text for segment in app.prompt.render_line(0)]
        assert texts[:2] == ["a", sign]


async def test_up_and_down_end_before_a_sign_and_never_in_it() -> None:
    app = Stage()
    async with app.run_test() as pilot:
        app.prompt.fill(f"{SIGNS[0] * 4}\nabc")
        await pilot.press("up")
        row, column = app.prompt.cursor_location
        assert row == 0
        assert column % len(SIGNS[0]) == 0


async def test_a_step_of_a_word_never_parts_a_letter_from_its_mark() -> None:
    app = Stage()
    async with app.run_test() as pilot:
        app.prompt.fill("one cafe\u0301 two")
        seen = []
        for key in ["ctrl+left"] * 5 + ["ctrl+right"] * 5:
            await pilot.press(key)
            seen.append(app.prompt.cursor_location[1])
        assert 0 in seen
        assert seen[-1] == len(app.prompt.text)
        assert 8 not in seen
