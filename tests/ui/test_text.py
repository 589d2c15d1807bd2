"""Foreign text on its way to a widget."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from tale_tui.domain.text import clean
from tale_tui.ui.text import MATCH_END, MATCH_START, NoMarkup, marked, match_parts, plain, plain_line

CORPUS = json.loads((Path(__file__).parents[1] / "data" / "hostile-text.json").read_text(encoding="utf-8"))
HOSTILE = [text for group in CORPUS.values() for text in group.values()]


@pytest.mark.parametrize("text", CORPUS["markup"].values(), ids=CORPUS["markup"])
def test_markup_is_shown_letter_by_letter(text: str) -> None:
    assert plain(text).plain == text
    assert plain(text).spans == []
    assert plain_line(text).plain == text


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_terminal_obeys_comes_through(text: str) -> None:
    for content in (plain(text), plain_line(text), marked(text, "bold")):
        assert content.plain == clean(content.plain)


def test_one_line_stays_one_line() -> None:
    assert plain_line("a\nb\tc").plain == "a b c"
    assert len(plain_line("x" * 500, 40).plain) == 40


def test_a_style_covers_the_whole() -> None:
    assert [(span.start, span.end) for span in plain("abc", "bold").spans] == [(0, 3)]
    assert [(span.start, span.end) for span in plain_line("abc", style="bold").spans] == [(0, 3)]


@pytest.mark.parametrize(
    ("snippet", "parts"),
    [
        ("", ()),
        ("plain", (("plain", False),)),
        (f"a {MATCH_START}b{MATCH_END} c", (("a ", False), ("b", True), (" c", False))),
        (f"{MATCH_START}b{MATCH_END}", (("b", True),)),
        (f"{MATCH_START}not closed", (("not closed", False),)),
        (f"never{MATCH_END} opened", (("never opened", False),)),
        (f"{MATCH_START}a{MATCH_START}b{MATCH_END}c", (("a", False), ("b", True), ("c", False))),
        ("two\nlines\tand a tab", (("two lines and a tab", False),)),
    ],
)
def test_parts_of_a_search_hit(snippet: str, parts: tuple[tuple[str, bool], ...]) -> None:
    assert match_parts(snippet) == parts


@given(st.text(alphabet=st.sampled_from(["a", " ", "\x1b", "[", "\n", MATCH_START, MATCH_END, "é"])))
def test_marks_never_come_through_and_spans_fit(snippet: str) -> None:
    content = marked(snippet, "bold")
    assert not set(content.plain) & {MATCH_START, MATCH_END, "\x1b", "\n"}
    assert all(0 <= span.start < span.end <= len(content.plain) for span in content.spans)


class Shown(App[None]):
    def compose(self) -> ComposeResult:
        yield NoMarkup(id="shown")


async def test_a_widget_shows_hostile_text_and_lives() -> None:
    app = Shown()
    async with app.run_test() as pilot:
        widget = app.query_one("#shown", NoMarkup)
        for text in HOSTILE:
            widget.update(text)
            await pilot.pause()
            assert str(widget.visual) == clean(text)
        widget.update(plain("ready"))
        await pilot.pause()
        assert str(widget.visual) == "ready"
