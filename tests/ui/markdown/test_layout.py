"""Blocks -> lines: each construct as it looks, and what is copied of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tale_tui.formatting.markdown import NESTING_LIMIT
from tale_tui.ui.markdown.document import Block, MarkdownDocument
from tale_tui.ui.markdown.layout import NARROWEST, Body, Options, Setter
from tale_tui.ui.markdown.lines import CODE, HEADING, LINK, MUTED, STRONG, Line, Link, RenderedLines

Lay = Callable[..., RenderedLines]
Shown = Callable[..., list[str]]

EVERYTHING = """# Title
Some *text* with `code` and a [link](http://a.b/c) that goes on so that it is wrapped.
- one
- two that wraps as it is longer than the line
  - nested
    - deep

    para in deep
- [x] done
- [ ] open
1. first
2. second
   ```python
   def f():
   \treturn 1
   ```

> quote
> more
>> inner

| Name | Value |
|:--|--:|
| a | 1 |

---
end 漢字 and 👨‍👩‍👧"""


def test_all_of_it(shown: Shown) -> None:
    assert shown(EVERYTHING, 40) == [
        "Title",
        "",
        "Some text with code and a link that goes",
        "on so that it is wrapped.",
        "• one",
        "• two that wraps as it is longer than",
        "  the line",
        "  ◦ nested",
        "    ▪ deep",
        "",
        "    para in deep",
        "✓ done",
        "○ open",
        "1. first",
        "2. second",
        "",
        "     python                        copy",
        "     def f():",
        "         return 1",
        "",
        "│ quote more",
        "│",
        "│ │ inner",
        "",
        "Name  Value",
        "───────────",
        "a         1",
        "",
        "────────────────────────────────────────",
        "",
        "end 漢字 and 👨‍👩‍👧",
    ]


def test_ascii_has_signs_for_all_of_it(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALE_ASCII", "1")
    text = EVERYTHING.replace("end 漢字 and 👨‍👩‍👧", "end")
    assert "".join(shown(text + "\n```\n" + "x" * 80 + "\n```", 40)).isascii()


def test_rows_are_what_was_written(lay: Lay) -> None:
    assert [row for row in lay(EVERYTHING, 40).rows if row] == [
        "Title",
        "Some text with code and a link that goes on so that it is wrapped.",
        "- one",
        "- two that wraps as it is longer than the line",
        "  - nested",
        "    - deep",
        "    para in deep",
        "- [x] done",
        "- [ ] open",
        "1. first",
        "2. second",
        "def f():",
        "    return 1",
        "quote more",
        "inner",
        "Name\tValue",
        "a\t1",
        "end 漢字 and 👨‍👩‍👧",
    ]


@pytest.mark.parametrize("width", [40, 23, NARROWEST])
def test_pieces_stand_where_they_say_in_their_row(lay: Lay, width: int) -> None:
    sheet = lay(EVERYTHING, width)
    for line in sheet.lines:
        for piece in line.pieces:
            row = sheet.rows[line.row]
            if piece.at >= 0 and piece.text[:1] not in "•◦▪":
                assert row is not None
                assert row[piece.at : piece.at + len(piece.text)] == piece.text


def test_styles(lay: Lay) -> None:
    sheet = lay("# A **b**\n\n`c` [d](https://e.x)")
    styles = {piece.text: piece.style for line in sheet.lines for piece in line.pieces}
    assert styles["A "] == HEADING
    assert styles["b"] == HEADING | STRONG
    assert styles["c"] == CODE
    assert styles["d"] == LINK
    assert [piece.target for line in sheet.lines for piece in line.pieces if piece.target] == [Link("https://e.x")]


def test_a_style_for_all_text(lay: Lay) -> None:
    sheet = lay("thought", verbatim=True, style=MUTED)
    assert sheet.lines[0].pieces[0].style == MUTED


def links(sheet: RenderedLines) -> list[tuple[str, str]]:
    pieces = [piece for line in sheet.lines for piece in line.pieces]
    return [(piece.text, piece.target.url) for piece in pieces if isinstance(piece.target, Link)]


BY_REFERENCE = (
    "See [the *docs*][d], [D][], [d] and [none][x].\n\n| [d] |\n|---|\n| [c][D] |\n\n## [d]\n\n[d]: https://e.x"
)


def test_links_by_reference_are_links(lay: Lay, shown: Shown) -> None:
    assert {url for _, url in links(lay(BY_REFERENCE))} == {"https://e.x"}
    assert [text for text, _ in links(lay(BY_REFERENCE))] == ["the ", "docs", "D", "d", "d", "c", "d"]
    assert shown(BY_REFERENCE)[0] == "See the docs, D, d and [none][x]."
    assert "https://e.x" not in "\n".join(shown(BY_REFERENCE))


def test_a_definition_that_comes_last_makes_links_of_what_stands_above(lay: Lay) -> None:
    body = Body(MarkdownDocument(), Options(60))
    for character in BY_REFERENCE:
        body.document.feed(character)
        body.update(finished=False)
    body.update(finished=True)
    whole = lay(BY_REFERENCE)
    assert [line.pieces for line in body.sheet.lines] == [line.pieces for line in whole.lines]
    assert body.sheet.rows == whole.rows


def test_a_definition_above_makes_links_at_once() -> None:
    body = Body(MarkdownDocument(), Options(60))
    body.document.feed("[d]: https://e.x\n\nSee [d]")
    body.update(finished=False)
    assert [line.text for line in body.sheet.lines] == ["See d"]
    assert links(body.sheet) == [("d", "https://e.x")]


@pytest.mark.long
@pytest.mark.parametrize("sign", ["- ", "> ", "1. "])
@pytest.mark.parametrize("width", [20, 80])
def test_deep_text_is_shown_whole(lay: Lay, sign: str, width: int) -> None:
    for depth in (10, 22, NESTING_LIMIT, NESTING_LIMIT + 50):
        text = "\n".join(f"{sign * level}w{level}" for level in range(1, depth + 1))
        sheet = lay(f"{text}\n\n```\ncode\n```\n\nlast words", width)
        words = " ".join(line.text for line in sheet.lines).split()
        assert [f"w{level}" in words for level in range(1, depth + 1)] == [True] * depth
        assert sheet.lines[-1].text == "last words"
        assert sheet.codes == ["code"]


CONSTRUCTS = st.sampled_from(
    [
        "words and more of them ", "漢字 ", "verylongwordwithoutanyspace", "**b** ", "`c d` ", "[l](http://e.x/y) ",
        "\n", "- ", "1. ", "> ", "# ", "- [x] ", "  ", "    ", "\n```py\nif a:\n    b = 'c'\n```\n", "\n\n",
        "\n| a | b |\n|---|--:|\n| c | d e f |\n", "---\n", "👨‍👩‍👧", "\t",
    ]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(CONSTRUCTS, max_size=25).map("".join), st.integers(NARROWEST, 50))
def test_no_line_is_too_wide(text: str, width: int) -> None:
    body = Body(MarkdownDocument(), Options(width))
    body.document.feed(text)
    body.update(finished=True)
    assert all(cell_len(line.text) <= width for line in body.sheet.lines)


@settings(max_examples=100, deadline=None)
@given(st.lists(CONSTRUCTS, max_size=20), st.integers(12, 50))
def test_a_text_that_grows_looks_in_the_end_as_if_it_had_come_at_once(pieces: list[str], width: int) -> None:
    def faces(sheet: RenderedLines) -> object:
        return [(line.pieces, line.row) for line in sheet.lines], sheet.rows, sheet.codes, sheet.code_lines

    growing, whole = Body(MarkdownDocument(), Options(width)), Body(MarkdownDocument(), Options(width))
    for piece in pieces:
        growing.document.feed(piece)
        growing.update(finished=False)
    growing.update(finished=True)
    whole.document.feed("".join(pieces))
    whole.update(finished=True)
    assert faces(growing.sheet) == faces(whole.sheet)


def test_lines_that_stay_the_same_stay_the_same_objects() -> None:
    body = Body(MarkdownDocument(), Options(20))
    body.document.feed("one two three four five six seven ")
    body.update(finished=False)
    before: list[Line] = list(body.sheet.lines)
    body.document.feed("eight")
    body.update(finished=False)
    assert body.sheet.lines[0] is before[0]
    assert body.sheet.lines[-1] is not before[-1]


def test_finished_blocks_are_set_once(monkeypatch: pytest.MonkeyPatch) -> None:
    placed: list[str] = []
    original = Setter.put

    def counting(self: Setter, blocks: Sequence[Block]) -> None:
        placed.extend(map(repr, blocks))
        original(self, blocks)

    monkeypatch.setattr(Setter, "put", counting)
    body = Body(MarkdownDocument(), Options(60))
    for number in range(200):
        body.document.feed(f"Paragraph {number} of some words.\n\n")
        body.update(finished=False)
    # Each is set while it is open, perhaps once more when it is settled; never with every piece that comes.
    assert len(placed) <= 3 * 200


def test_a_growing_paragraph_shows_no_sign_of_what_is_still_open() -> None:
    body = Body(MarkdownDocument(), Options(60))
    body.document.feed("a **bold wo")
    body.update(finished=False)
    assert body.sheet.lines[0].text == "a bold wo"
    body.update(finished=True)
    assert body.sheet.lines[0].text == "a **bold wo"


def test_deep_lists_keep_room_for_words(shown: Shown) -> None:
    text = "".join("  " * depth + f"- {depth} words of the item\n" for depth in range(9))
    assert all("words" in line or "item" in line or "of" in line for line in shown(text, 20))


def test_an_empty_item_is_a_line(shown: Shown) -> None:
    assert shown("- a\n-\n- b") == ["• a", "•", "• b"]


def test_an_item_that_begins_with_code_has_a_line_for_its_sign(shown: Shown) -> None:
    assert shown("- ```sh\n  ls\n  ```", 30) == ["•", "    sh                   copy", "    ls"]
