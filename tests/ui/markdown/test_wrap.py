"""Breaking lines: nothing gets lost, nothing gets too wide."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len, get_character_cell_size

from tale_tui.ui.markdown import wrap as wrapping
from tale_tui.ui.markdown.wrap import GrowingWrap, cells, chop, is_narrow, wrap

# A joiner that joins nothing is measured in two ways by Rich; text never has one, as `clean` sees to it.
WORDS = st.one_of(
    st.sampled_from(
        ["a", "word", "longerwordhere", " ", "  ", "\n", "漢字", "é", "e\u0301", "👨‍👩‍👧", "❤️", "—", "“", "한국어"]
    ),
    st.text(max_size=3).filter(lambda text: "\u200d" not in text),
)
TEXTS = st.lists(WORDS, max_size=20).map("".join)
WIDTHS = st.integers(2, 20)


@pytest.mark.long
@settings(max_examples=500, deadline=None)
@given(TEXTS, WIDTHS)
def test_lines_fit_and_only_spaces_are_dropped(text: str, width: int) -> None:
    end = 0
    for start, stop in wrap(text, width):
        assert cell_len(text[start:stop]) <= width
        assert not text[end:start].strip(" \n")
        end = stop
    assert not text[end:].strip(" \n")


@pytest.mark.long
@settings(max_examples=500, deadline=None)
@given(TEXTS.map(lambda text: text.replace("\n", "")), WIDTHS)
def test_chopped_code_keeps_every_character(text: str, width: int) -> None:
    pieces = [text[start:end] for start, end in chop(text, width)]
    assert "".join(pieces) == text
    assert all(cell_len(piece) <= width for piece in pieces)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=12), WIDTHS)
def test_a_text_that_grows_is_broken_as_if_it_had_come_at_once(words: list[str], width: int) -> None:
    growing, text = GrowingWrap(), ""
    for word in words:
        text += word
        assert growing.wrap(text, width) == wrap(text, width)


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="äö  ü", max_size=60).map(str.lstrip), WIDTHS)
def test_both_ways_of_breaking_agree(text: str, width: int) -> None:
    assert is_narrow(text)
    narrow = wrap(text, width)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(wrapping, "is_narrow", lambda text: False)
        assert wrap(text, width) == narrow


def test_a_shorter_or_other_text_begins_anew() -> None:
    growing = GrowingWrap()
    growing.wrap("one two three four", 8)
    assert growing.wrap("one tw", 8) == [(0, 6)]
    assert growing.wrap("one two three four", 20) == [(0, 18)]


def test_narrow_characters_are_one_cell_wide() -> None:
    assert all(get_character_cell_size(chr(code)) == 1 for code in range(0x20, 0x3000) if is_narrow(chr(code)))


def test_words_go_to_the_next_line_whole() -> None:
    text = "one two three"
    assert [text[start:end] for start, end in wrap(text, 9)] == ["one two", "three"]


def test_wide_characters_may_be_parted() -> None:
    text = "漢字漢字"
    assert [text[start:end] for start, end in wrap(text, 5)] == ["漢字", "漢字"]
    assert cells("漢字") == 4
