"""Blocks of code: colours within bounds, long lines, long blocks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pygments.lexer import Lexer
from pygments.token import Token

from tale_tui.ui.markdown.code import CODE_CHARS, LINE_CHARS, LINE_SHOWN, LINES_SHOWN, CodeLine, CodeReader
from tale_tui.ui.markdown.lines import CodeKind, CopyCode, RenderedLines, Unfold, code_kind

Lay = Callable[..., RenderedLines]
Shown = Callable[..., list[str]]

PYTHON = '''from functools import cache

@cache
def fib(n: int) -> int:
    """The n-th number
    of Fibonacci."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)  # twice
'''


def words(line: CodeLine) -> dict[str, CodeKind]:
    return {word.strip(): kind for word, kind in line}


def text_of(lines: list[CodeLine]) -> list[str]:
    return ["".join(word for word, _ in line) for line in lines]


def test_words_have_kinds() -> None:
    lines = CodeReader("python").read(PYTHON.splitlines(), finished=True)
    assert text_of(lines) == PYTHON.splitlines()
    assert words(lines[0])["from"] is CodeKind.KEYWORD
    assert words(lines[2])["@cache"] is CodeKind.DECORATOR
    assert words(lines[3])["fib"] is CodeKind.FUNCTION
    assert words(lines[5])['of Fibonacci."""'] is CodeKind.STRING
    assert words(lines[6])["# twice"] is CodeKind.COMMENT


@pytest.mark.parametrize("language", ["", "text", "nonsense", "py thon", "../x", "pyt"])
def test_what_is_no_language_is_plain(language: str) -> None:
    lines = CodeReader(language).read(["def f(): pass"], finished=True)
    assert lines == [(("def f(): pass", CodeKind.PLAIN),)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*PYTHON.splitlines(), "", "'''", "x = [", "]", "\\"]), max_size=60), st.integers(1, 9))
def test_growing_code_ends_as_if_it_had_come_at_once(source: list[str], step: int) -> None:
    growing = CodeReader("python")
    for end in range(step, len(source), step):
        assert text_of(growing.read(source[:end], finished=False)) == source[:end]
    assert growing.read(source, finished=True) == CodeReader("python").read(source, finished=True)


def test_a_string_over_many_lines_keeps_its_colour_while_it_grows() -> None:
    source = ["x = 1"] * 40 + ['"""'] + ["words of a text"] * 60
    reader = CodeReader("python")
    for end in range(1, len(source) + 1):
        lines = reader.read(source[:end], finished=False)
    assert lines[-1] == (("words of a text", CodeKind.STRING),)


def test_growing_code_is_read_at_its_end_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    original = Lexer.get_tokens

    def counting(self: Lexer, text: str) -> object:
        read.append(text.count("\n") + 1)
        return original(self, text)

    monkeypatch.setattr(Lexer, "get_tokens", counting)
    reader = CodeReader("python")
    source = ["x = f(1)  # words"] * 300
    for end in range(1, 301):
        reader.read(source[:end], finished=False)
    assert max(read) < 60


def test_unchanged_lines_are_the_same_objects() -> None:
    reader = CodeReader("python")
    before = reader.read(["a = 1", "b ="], finished=False)
    after = reader.read(["a = 1", "b = 2"], finished=False)
    assert after[0] is before[0]
    assert after[1] is not before[1]


def test_only_so_much_is_coloured() -> None:
    source = ["x = 1"] * (CODE_CHARS // 3)
    lines = CodeReader("python").read(source, finished=True)
    assert text_of(lines) == source
    assert len(lines[0]) > 1
    assert lines[-1] == (("x = 1", CodeKind.PLAIN),)


def test_an_endless_line_leaves_the_block_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lexer, "get_tokens", lambda self, text: pytest.fail("it was read"))
    source = ["x = 1", "y = " + "1" * LINE_CHARS]
    assert text_of(CodeReader("python").read(source, finished=True)) == source


def test_a_lexer_that_loses_text_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lexer, "get_tokens", lambda self, text: iter([(Token.Keyword, "def")]))
    assert CodeReader("python").read(["def f", "g"], finished=True) == [
        (("def f", CodeKind.PLAIN),),
        (("g", CodeKind.PLAIN),),
    ]


def test_a_long_line_goes_on_with_a_sign(shown: Shown) -> None:
    assert shown("```\n" + "x" * 25 + "\n```", 16) == ["           copy", "  " + "x" * 13, "↪ " + "x" * 12]


def test_the_ground_of_a_block_reaches_its_right_edge(lay: Lay) -> None:
    sheet = lay("```py\na\n\n漢字 = 2\n```", 30)
    assert {line.width for line in sheet.lines} == {30}


def test_a_block_of_a_few_cells(shown: Shown) -> None:
    assert shown("```python\nab\n```", 8) == ["", "  ab"]


def test_tabs_are_shown_as_spaces_and_copied_as_tabs(lay: Lay) -> None:
    sheet = lay("```\n\tx\n```")
    assert sheet.lines[1].text.startswith("      x")
    assert sheet.codes == ["\tx"]


def test_titles_copy_their_block(lay: Lay) -> None:
    sheet = lay("```a\n1\n```\ntext\n```b\n2\n```")
    titles = [sheet.lines[number] for number in sheet.code_lines]
    assert [line.text.split() for line in titles] == [["a", "copy"], ["b", "copy"]]
    assert [piece.target for line in titles for piece in line.pieces if piece.target] == [CopyCode(0), CopyCode(1)]
    assert sheet.codes == ["1", "2"]


def test_of_a_long_block_the_beginning_is_shown_and_all_is_copied(lay: Lay) -> None:
    text = "\n".join(f"line {number}" for number in range(20_000))
    sheet = lay(f"```\n{text}\n```")
    assert len(sheet.lines) == LINES_SHOWN + 2
    assert "19.6k more lines" in sheet.lines[-1].text
    assert sheet.lines[-1].pieces[1].target == Unfold("code 0")
    assert sheet.codes == [text]


def test_a_long_block_can_be_unfolded(lay: Lay) -> None:
    text = "x\n" * (LINES_SHOWN + 50)
    assert len(lay(f"```\n{text}```", unfolded={"code 0"}).lines) == LINES_SHOWN + 51


def test_of_an_endless_line_the_beginning_is_shown(lay: Lay) -> None:
    sheet = lay("```\n" + "x" * 200_000 + "\n```")
    assert sum(line.text.count("x") for line in sheet.lines) == LINE_SHOWN
    assert len(sheet.codes[0]) == 200_000


def test_kinds_survive_in_styles(lay: Lay) -> None:
    sheet = lay("```py\nreturn 1\n```")
    assert [code_kind(piece.style) for piece in sheet.lines[1].pieces[1:4]] == [
        CodeKind.KEYWORD,
        CodeKind.PLAIN,
        CodeKind.NUMBER,
    ]
