"""The beginning of a text, for the screen and for a prompt."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tale_tui.formatting import digest
from tale_tui.formatting.digest import DIGEST_CHARS, LEFT_OUT, prompt_digest, screen_digest
from tale_tui.formatting.symbols import UNICODE

# on the screen


def test_a_short_text_is_its_own_digest() -> None:
    text = "One.\n\nTwo.\n\n- a\n- b"
    assert screen_digest(f"\n{text}\n") == text
    assert screen_digest("") == screen_digest("\n\n") == ""


def test_a_digest_ends_with_a_paragraph() -> None:
    text = "\n\n".join(f"Paragraph {number}." for number in range(20))
    assert screen_digest(text, lines=5) == "Paragraph 0.\n\nParagraph 1.\n\nParagraph 2."


def test_code_is_cut_at_a_line_and_closed() -> None:
    code = "```python\n" + "\n".join(f"x = {number}" for number in range(50)) + "\n```"
    assert screen_digest(code, lines=5) == "```python\nx = 0\nx = 1\nx = 2\nx = 3\n```"
    assert screen_digest(f"Here:\n\n{code}", lines=8).endswith("x = 4\n```")
    assert screen_digest(f"One.\n\nTwo.\n\nHere:\n\n{code}", lines=8) == "One.\n\nTwo.\n\nHere:"


def test_code_within_a_page_is_cut_and_both_are_closed() -> None:
    page = "```md\n# Use\n```py\n" + "x = 1\n" * 30 + "```\n```"
    assert screen_digest(page, lines=5) == "```md\n# Use\n```py\nx = 1\nx = 1\n```\n```"


def test_code_with_empty_lines_and_signs_of_fences_in_it_is_one_block() -> None:
    code = "````markdown\na\n\n```\nb\n```\n````"
    assert screen_digest(f"{code}\n\nend", lines=20) == f"{code}\n\nend"


def test_prose_without_an_end_is_cut_at_a_sentence_or_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "signs", lambda: UNICODE)
    assert screen_digest("A sentence. " * 100, lines=2, width=40).endswith("A sentence. …")
    assert screen_digest("word " * 100, lines=2, width=40).endswith("word …")
    assert screen_digest("x" * 1000, lines=2, width=40) == "x" * 78 + "…"
    assert screen_digest("line\n" * 100, lines=2) == "line\nline …"


@settings(max_examples=200)
@given(
    text=st.lists(st.sampled_from(["word", "a longer line " * 9, "```", "~~~py", "", "- item", "# head"]), max_size=40)
)
def test_a_digest_is_short_whatever_the_text_is(text: list[str]) -> None:
    found = screen_digest("\n".join(text), lines=8, width=100)
    # The first line of a block of code is there even where it is too long.
    assert sum(1 + len(line) // 101 for line in found.split("\n")) <= 10
    assert screen_digest(found, lines=20, width=100) == found


# in a prompt


def test_a_long_result_is_cut_at_a_paragraph() -> None:
    text = "\n\n".join(f"{number} " + "word " * 50 for number in range(20))
    shown = prompt_digest(text)
    assert shown.endswith(LEFT_OUT)
    assert len(shown) <= DIGEST_CHARS + len(LEFT_OUT)
    assert text.startswith(shown.removesuffix(LEFT_OUT))
    assert text[len(shown.removesuffix(LEFT_OUT)) :].lstrip(" ").startswith("\n\n")


def test_a_cut_code_block_is_closed() -> None:
    assert prompt_digest("```python\n" + "x = 1\n" * 500).removesuffix(LEFT_OUT).endswith("\n```")
    assert prompt_digest("x" * 5000).removesuffix(LEFT_OUT) == "x" * DIGEST_CHARS
