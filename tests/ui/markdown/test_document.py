"""Source -> blocks: each construct, and that it does not matter in which pieces a source comes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tale_tui.formatting.markdown import NESTING_LIMIT
from tale_tui.ui.markdown import document as parsing
from tale_tui.ui.markdown.document import (
    Definition,
    Fence,
    Heading,
    Item,
    MarkdownDocument,
    Paragraph,
    Quote,
    Rule,
    TableHead,
    TableRow,
    Verbatim,
    parse,
)

FRAGMENTS = st.sampled_from(
    [
        "a", "b c", "\n", "\n\n", "- ", "* ", "+ ", "1. ", "2) ", "10. ", "# ", "## ", "#", "```", "```py\n", "~~~",
        "> ", ">", "| a | b |", "|---|---|", "|:-:|--:|", "| x |", "---", "===", "    ", "  ", "\t", "[ ] ", "[x] ",
        "[l](http://e.x)", "**b**", "`c`", "***", "<b>", "[r]: http://x.y",
        "[r]: ", "http://x.y", "```md\n", "\\", "|", "-", "=", "1", ".", "\n- ",
        "\n1. ",
    ]
)  # fmt: skip
SOURCES = st.lists(FRAGMENTS, max_size=30).map("".join)


def fed(pieces: list[str]) -> MarkdownDocument:
    document = MarkdownDocument()
    for piece in pieces:
        document.feed(piece)
    return document


@settings(max_examples=400, deadline=None)
@given(SOURCES, st.lists(st.integers(0, 120), max_size=8))
def test_pieces_give_the_blocks_of_the_whole(source: str, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(source)) for cut in cuts), len(source)]
    document = fed([source[start:end] for start, end in pairwise(places)])
    assert document.finished + document.open == parse(source)


@settings(max_examples=150, deadline=None)
@given(SOURCES)
def test_single_characters_give_the_blocks_of_the_whole(source: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Long paragraphs are kept by a stub; here every paragraph of some lines is.
        patch.setattr(parsing, "STUB_LINES", 2)
        document = fed(list(source))
    assert document.finished + document.open == parse(source)


@settings(max_examples=150, deadline=None)
@given(SOURCES, SOURCES)
def test_what_is_finished_stays(first: str, second: str) -> None:
    document = fed([first])
    before = list(document.finished)
    document.feed(second)
    assert document.finished[: len(before)] == before


def test_paragraphs_and_headings() -> None:
    assert parse("# One\ntwo\nthree\n\nfour\n\nFive\n====\n") == [
        Heading(1, "One"),
        Paragraph("two\nthree", gap=True),
        Paragraph("four", gap=True),
        Heading(1, "Five", gap=True),
    ]


def test_a_list_is_its_items_and_their_empty_lines() -> None:
    assert parse("Here:\n- a\n- b\n\n- c\n") == [
        Paragraph("Here:"),
        Item("-", (Paragraph("a"),)),
        Item("-", (Paragraph("b"),)),
        Item("-", (Paragraph("c"),), gap=True),
    ]


def test_ordered_lists_count_on_whatever_the_source_says() -> None:
    items = [block for block in parse("3. a\n3. b\n1. c\n\ntext\n\n7) d\n8) e\n") if isinstance(block, Item)]
    assert [item.marker for item in items] == ["3.", "4.", "5.", "7)", "8)"]


def test_a_list_with_another_sign_is_another_list() -> None:
    items = [block for block in parse("1. a\n2. b\n1) c\n") if isinstance(block, Item)]
    assert [item.marker for item in items] == ["1.", "2.", "1)"]


def test_nested_lists_and_code_in_items() -> None:
    (item,) = parse("1. first\n   - inner\n\n   ```sh\n   ls\n   ```\n")
    assert item == Item(
        "1.", (Paragraph("first"), Item("-", (Paragraph("inner"),)), Fence("sh", "ls", gap=True)), sign="."
    )


@pytest.mark.parametrize(
    ("source", "done"), [("- [x] a", True), ("- [X] a", True), ("- [ ] a", False), ("- [y] a", None)]
)
def test_task_items(source: str, done: bool | None) -> None:
    (item,) = parse(source)
    assert isinstance(item, Item)
    assert item.done is done
    assert item.blocks == (Paragraph("a" if done is not None else "[y] a"),)


def test_tables_are_a_head_and_rows() -> None:
    assert parse("| a | b |\n|:--|--:|\n| 1 | 2 |\n| 3 |\nend\n\nafter") == [
        TableHead(("a", "b"), ("left", "right")),
        TableRow(("1", "2")),
        TableRow(("3", "")),
        TableRow(("end", "")),
        Paragraph("after", gap=True),
    ]


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("python", "python"),
        ("", ""),
        ('Python title="a b"', "python"),
        ("{.rust .numbered}", "rust"),
        ("js,ignore", "js"),
    ],
)
def test_the_language_of_a_fence(info: str, language: str) -> None:
    assert parse(f"```{info}\nx\n```") == [Fence(language, "x")]


def test_an_open_fence_takes_all_that_comes() -> None:
    assert parse("```py\na\n\n- b\n# c") == [Fence("py", "a\n\n- b\n# c")]


def test_quotes_and_rules() -> None:
    assert parse("> a\n> > b\n\n***\n") == [
        Quote((Paragraph("a"), Quote((Paragraph("b"),), gap=True))),
        Rule(gap=True),
    ]


def test_html_is_text() -> None:
    assert parse("<script>x</script>") == [Paragraph("<script>x</script>")]


def test_definitions_take_no_room() -> None:
    assert parse("[a]: http://b.c\none\n\n[A]: http://d.e\n[f]: /g\ntwo") == [
        Definition("A", "http://b.c"),
        Paragraph("one"),
        Definition("A", "http://d.e"),
        Definition("F", "/g"),
        Paragraph("two", gap=True),
    ]


def test_the_first_definition_of_a_label_counts_wherever_it_stands() -> None:
    document = fed(["- x\n\n  [a]: /first\n\n", "> [a]: /second\n> [b]: /th"])
    assert dict(document.references) == {"A": "/first", "B": "/th"}
    document.feed("ird\n\n[b]: /fourth\n\ntext\n\nmore")
    assert dict(document.references) == {"A": "/first", "B": "/third"}


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("--\n-|\n--##", id="the second line of a table that is none"),
        pytest.param("```md\n```py\n```\n```\nx", id="a fence in a fence"),
        pytest.param('[a]: /b c\nd\n\n[e]: /f\n"g\nh"', id="definitions"),
    ],
)
def test_blocks_do_not_depend_on_the_pieces(source: str) -> None:
    document = fed(list(source))
    assert document.finished + document.open == parse(source)


def test_only_the_end_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    original = parsing.Units

    class Counting(original):  # type: ignore[misc,valid-type]  # the class under test, counted
        def __init__(self, source: str, *rest: object) -> None:
            read.append(len(source))
            super().__init__(source, *rest)

    monkeypatch.setattr(parsing, "Units", Counting)
    for source in ("- item of a list\n", "a row of words\n", "| a | b |\n", "Words in a paragraph.\n\n"):
        read.clear()
        document = fed(["| h | i |\n|---|---|\n"] if source.startswith("|") else [])
        for _ in range(300):
            document.feed(source)
        assert max(read) < 1200, source


def test_a_long_paragraph_may_become_a_title() -> None:
    lines = [f"line {number}\n" for number in range(100)]
    assert fed(lines).open == [Paragraph("".join(lines).strip())]
    assert fed([*lines, "---\n"]).open == [Heading(2, "".join(lines).strip())]


def test_deep_nesting_ends_in_text() -> None:
    (block,) = parse(">" * 5000 + " a\n")
    depth = 0
    while isinstance(block, Quote):
        (block,), depth = block.blocks, depth + 1
    assert (depth, block) == (NESTING_LIMIT + 1, Verbatim(">" * (5000 - NESTING_LIMIT - 1) + " a"))
