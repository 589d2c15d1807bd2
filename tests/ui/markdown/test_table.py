"""Tables: columns, columns that do not fit, too many rows."""

from __future__ import annotations

from collections.abc import Callable

from tale_tui.ui.markdown.lines import RenderedLines, Unfold
from tale_tui.ui.markdown.table import COLUMNS_SHOWN, ROWS_SHOWN

Lay = Callable[..., RenderedLines]
Shown = Callable[..., list[str]]


def table(columns: int, rows: int, cell: str = "cell") -> str:
    def line(values: list[str]) -> str:
        return "| " + " | ".join(values) + " |\n"

    head = line([f"title {column}" for column in range(columns)]) + line(["---"] * columns)
    return head + "".join(line([f"{cell} {row}.{column}" for column in range(columns)]) for row in range(rows))


def test_columns_are_aligned(shown: Shown) -> None:
    assert shown("| a | bb | c |\n|:--|--:|:-:|\n| long one | 1 | x |\n| `b` | 200 | middle |", 40) == [
        "a          bb    c",
        "─────────────────────",
        "long one    1    x",
        "b         200  middle",
    ]


def test_a_wide_column_is_wrapped(shown: Shown) -> None:
    assert shown("| a | b |\n|---|---|\n| one | some words that do not fit here |", 24) == [
        "a    b",
        "────────────────────────",
        "one  some words that do",
        "     not fit here",
    ]


def test_wide_characters_are_counted_in_cells(shown: Shown) -> None:
    assert shown("| a | b |\n|---|---|\n| 漢字 | x |\n| ab | y |", 24) == ["a     b", "───────", "漢字  x", "ab    y"]


def test_columns_that_do_not_fit_stand_one_under_the_other(shown: Shown) -> None:
    assert shown(table(5, 2), 24) == [
        "title 0  cell 0.0",
        "title 1  cell 0.1",
        "title 2  cell 0.2",
        "title 3  cell 0.3",
        "title 4  cell 0.4",
        "",
        "title 0  cell 1.0",
        "title 1  cell 1.1",
        "title 2  cell 1.2",
        "title 3  cell 1.3",
        "title 4  cell 1.4",
    ]


def test_rows_are_copied_with_tabs(lay: Lay) -> None:
    sheet = lay("| a | b |\n|---|---|\n| one two | three |", 13)
    assert [row for row in sheet.rows if row] == ["a\tb", "one two\tthree"]
    stacked = lay(table(5, 1), 24)
    assert [row for row in stacked.rows if row][:2] == ["title 0\tcell 0.0", "title 1\tcell 0.1"]


def test_of_a_long_table_the_beginning_is_shown(lay: Lay) -> None:
    sheet = lay(table(10, 300), 120)
    assert len(sheet.lines) == ROWS_SHOWN + 3
    assert "200 more rows" in sheet.lines[-1].text
    (target,) = [piece.target for piece in sheet.lines[-1].pieces if piece.target]
    assert isinstance(target, Unfold)
    assert len(lay(table(10, 300), 120, unfolded={target.what}).lines) == 302


def test_a_table_of_very_many_columns(lay: Lay) -> None:
    sheet = lay(table(200, 1), 80)
    assert len(sheet.lines) == COLUMNS_SHOWN


def test_links_and_styles_in_cells(lay: Lay) -> None:
    sheet = lay("| a |\n|---|\n| [x](https://e.x) **y** |")
    pieces = sheet.lines[2].pieces
    assert [piece.text for piece in pieces] == ["x", " ", "y"]
    assert pieces[0].target is not None


def test_a_table_without_titles(shown: Shown) -> None:
    assert shown("|  |  |\n|---|---|\n| a | b |\n| c | d |", 20) == ["a  b", "c  d"]


def test_an_empty_cell_and_a_short_row(shown: Shown) -> None:
    assert shown("| a | b |\n|---|---|\n|  |  |\n| c |", 20) == ["a  b", "────", "", "c"]
