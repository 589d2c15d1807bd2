"""Markdown as tokens: what stands deep, definitions of links, fences within fences."""

from __future__ import annotations

import pytest

from tale_tui.formatting.markdown import (
    DEFINITION,
    NESTING_LIMIT,
    PLAIN_TEXT,
    block_tokens,
    closing_line,
    closing_signs,
    reference_key,
)

NESTED = {
    "quotes": "> " * NESTING_LIMIT,
    "quotes without blanks": ">" * NESTING_LIMIT,
    "bullets": "- " * NESTING_LIMIT,
    "numbers": "1. " * NESTING_LIMIT,
    "both": "- > " * (NESTING_LIMIT // 2),
}


def contents(source: str, kind: str = "") -> list[str]:
    return [token.content for token in block_tokens(source) if token.content and kind in token.type]


@pytest.mark.parametrize("signs", NESTED.values(), ids=NESTED)
def test_what_stands_as_deep_as_anybody_writes_is_read(signs: str) -> None:
    assert contents(signs + "*a*\n\nafter") == ["*a*", "after"]
    assert not contents(signs + "a", PLAIN_TEXT)


@pytest.mark.parametrize("signs", NESTED.values(), ids=NESTED)
def test_what_stands_deeper_is_plain_text(signs: str) -> None:
    assert contents(f"{signs}> - # a\n\nafter") == ["- # a", "after"]
    assert contents(f"{signs}> - # a\n\nafter", PLAIN_TEXT) == ["- # a"]


def test_the_lines_of_deep_text_stay_lines_and_what_follows_is_read_on() -> None:
    deep = "\n".join("  " * level + "- a" for level in range(NESTING_LIMIT + 3))
    found = contents(f"{deep}\n- # b\n")
    assert found[-3:] == ["a", "a\n- a\n  - a", "b"]


def test_many_lines_that_go_on_a_deep_quote_are_plain_text() -> None:
    """Each quote looks at all of them, so a few signs would be work for every line that follows."""
    source = "> " * 100 + "a\n" + "b\n" * 5000
    found = contents(source)
    assert len(contents(source, PLAIN_TEXT)) == 1
    assert sum(text.count("b") for text in found) == 5000
    assert not contents("> " * 100 + "a\n" + "b\n" * 20, PLAIN_TEXT)


@pytest.mark.parametrize(
    ("line", "label", "href"),
    [
        ("[a]: https://b.c", "a", "https://b.c"),
        ('  [A  b]:<http://b.c/d>  "Title" ', "a b", "http://b.c/d"),
        ("[1]: mailto:a@b.c 'x'", "1", "mailto:a@b.c"),
        ("[1]: ./a.md (x)", "1", "./a.md"),
        ("[1]: /a b", None, None),
        ("[Ann]: Hello", None, None),
        ("[Ann]: https://b.c is where", None, None),
        ("[ ]: https://b.c", None, None),
        ("[a]: javascript:alert(1)", None, None),
        ("    [a]: https://b.c", None, None),
        ("text\n[a]: https://b.c", None, None),
        (f"[{'a' * 1000}]: https://b.c", None, None),
    ],
)
def test_a_definition_is_one_line_with_an_address(line: str, label: str | None, href: str | None) -> None:
    found = [token.meta for token in block_tokens(line) if token.type == DEFINITION]
    assert found == ([] if label is None else [{"label": reference_key(label), "href": href}])


def test_definitions_stand_in_lists_and_quotes_too() -> None:
    found = [token.meta["label"] for token in block_tokens("- a\n\n  [x]: /y\n\n> [z]: /y") if token.type == DEFINITION]
    assert found == ["X", "Z"]


INNER = "# Use\n```bash\nmake\n```\nDone.\n"


@pytest.mark.parametrize("language", ["markdown", "md", "Markdown", "{.md}", 'md title="a.md"'])
def test_a_fence_that_says_markdown_holds_fences(language: str) -> None:
    assert contents(f"```{language}\n{INNER}```\nafter") == [INNER, "after"]
    assert contents(f"- x\n  ~~~{language}\n  ~~~py\n  a\n  ~~~\n  b\n  ~~~\nafter") == [
        "x",
        "~~~py\na\n~~~\nb\n",
        "after",
    ]


def test_other_fences_end_at_the_next_signs() -> None:
    assert contents("```text\n```py\na\n```\nb") == ["```py\na\n", "b"]
    assert contents("````md\n```py\na\n````\nb") == ["```py\na\n", "b"]


@pytest.mark.parametrize(
    ("lines", "closing"),
    [
        ("```md|a|```", 1),
        ("```md|```py|```|```", 2),
        ("```md|```py|```js|```|```", 3),
        ("```md|```md|```js|```|```|```", 4),
        ("```md|````py|```|````|```", 3),
        ("```md|~~~py|```", 1),
        ("```md|```|```", 0),
        ("```md|```py|```", None),
        ("```md", None),
        ("~~~|  ~~~~  ", 0),
    ],
)
def test_where_a_fence_closes(lines: str, closing: int | None) -> None:
    opening, *rest = lines.split("|")
    assert closing_line(opening, rest) == closing


def test_what_closes_the_fences_that_are_open() -> None:
    assert closing_signs("```md", ["a", "~~~py"]) == ["```"]
    assert closing_signs("```md", ["a", "````md", "b", "````py"]) == ["````", "````", "```"]
    assert closing_signs("~~~", []) == ["~~~"]
