"""Markdown -> tokens of its blocks: one reading for what is shown and for the code that is saved of it.

It is CommonMark with tables, and differs in four things: nothing is dropped however deep it stands, the definition
of a link is one line, a fence that says Markdown holds fences, and an item of a list is no head of a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

    Rule = Callable[[StateBlock, int, int, bool], bool]

NESTING_LIMIT = 200
"""Quotes and items of lists in each other that are read; what stands deeper is plain text."""
PLAIN_TEXT = "plain_text"
"""Type of the token that holds what stands too deep: its lines as they are."""
DEFINITION = "definition"
"""Type of the token of a line such as `[label]: https://...`; its `meta` has `label`, as `reference_key` gives it, and
`href`."""

_FENCE_SIGNS = 3
"""So many ` or ~ in a row open a fence."""
_MARKDOWN = frozenset({"markdown", "md", "mdx", "qmd", "rmd"})
"""Languages, as a fence names them, in which fences stand."""
_DEFINITION = re.compile(
    r"\[(?P<label>(?:[^\[\]\\]|\\.)*[^\[\]\\\s](?:[^\[\]\\]|\\.)*)\]:[ \t]*"
    r"<?(?P<href>(?:[A-Za-z][A-Za-z0-9+.-]+:|[/#.])[^\s<>]*)>?"
    r"(?:[ \t]+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?[ \t]*"
)
"""A target has a scheme or is a path: `[Ann]: Hello` is what Ann says."""
_ITEM = re.compile(r"(?:[-+*]|\d{1,9}[.)])(?:[ \t]|$)")
"""How an item of a list begins."""
_ALLOWANCE = 5000
"""Lines that the quotes within one quote may look at together, besides one for each of its characters."""
_LABEL_LIMIT = 999
"""Characters of a label, as CommonMark has it."""


@cache
def _reader() -> MarkdownIt:
    """The reader of blocks, made at first use: markdown_it is not imported before something is to be read."""
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import fence, table

    # The level counts a list and its item apart; the limit of the library drops the text.
    reader = MarkdownIt("commonmark", {"html": False, "maxNesting": 2 * NESTING_LIMIT + 3}).enable("table")
    reader.disable(["html_block", "inline", "text_join"])
    rules = reader.block.ruler
    rules.at("table", partial(_table, table), {"alt": ["paragraph", "reference"]})
    rules.before("table", PLAIN_TEXT, _plain_text)
    rules.at("fence", partial(_fence, fence), {"alt": ["paragraph", "reference", "blockquote", "list"]})
    rules.at("reference", _definition)
    return reader


def block_tokens(source: str) -> list[Token]:
    """The blocks of a clean text as tokens of markdown_it, those of type `inline` without children."""
    return _reader().parse(source, {})


def reference_key(label: str) -> str:
    """What two labels of a link have in common that mean the same."""
    from markdown_it.common.utils import normalizeReference

    return normalizeReference(label)


def language_of(info: str) -> str:
    """`python` of an info string such as `python title="x"` or `{.python}`."""
    words = info.replace("{", " ").replace("}", " ").replace(",", " ").split()
    return words[0].lstrip(".").lower() if words else ""


def fence_signs(line: str) -> str:
    """The run of ` or ~ with which a fence opens in this line; empty where none does."""
    text = line.strip()
    run = text[: len(text) - len(text.lstrip(text[:1]))] if text[:1] in ("`", "~") else ""
    return run if len(run) >= _FENCE_SIGNS and not (run[0] == "`" and "`" in text[len(run) :]) else ""


def closing_line(opening: str, lines: Iterable[str]) -> int | None:
    """Which line closes a fence.

    Args:
        opening: the line that opens it.
        lines: those after it.
    Returns:
        The place among `lines`; None where none closes it.
    """
    return next((number for number, opened in enumerate(_open_fences(opening, lines)) if not opened), None)


def closing_signs(opening: str, lines: Iterable[str]) -> list[str]:
    """The lines that close a fence after `lines`, none of which does."""
    opened = [opening.strip()]
    for found in _open_fences(opening, lines):
        opened = found
    return [fence_signs(line) for line in reversed(opened)]


def _open_fences(opening: str, lines: Iterable[str]) -> Iterator[list[str]]:
    """After each line the lines that open a fence and are not closed, up to the one that closes the first.

    In a fence that says Markdown, a fence with a language is one of that text, and its end is not that of the outer.
    """
    opened = [opening.strip()]
    for line in lines:
        text, signs = line.strip(), fence_signs(opened[-1])
        if len(text) >= len(signs) and not text.strip(signs[0]):
            opened.pop()
        elif text.startswith(signs) and _says_markdown(opened[-1]) and fence_signs(text):
            opened.append(text)
        yield opened
        if not opened:
            return


def _says_markdown(opening: str) -> bool:
    return language_of(opening.lstrip("`~")) in _MARKDOWN


def _table(usual: Rule, state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """The rule of the library, but for a head that is an item of a list: it is one wherever it stands."""
    head = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    return _ITEM.match(head) is None and usual(state, start, end, silent)


def _fence(usual: Rule, state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """The rule of the library, with another end for a fence that says Markdown."""
    if not usual(state, start, end, silent):
        return False
    if not silent and _says_markdown(state.tokens[-1].info.strip()):
        token = state.tokens[-1]
        closing = closing_line(token.markup + token.info, _lines_of_fence(state, start + 1, end))
        length = sum(1 for _ in _lines_of_fence(state, start + 1, end)) if closing is None else closing
        last = start + 1 + length
        state.line = last if closing is None else last + 1
        token.content = state.getLines(start + 1, last, state.sCount[start], True)
        token.map = [start, state.line]
    return True


def _lines_of_fence(state: StateBlock, start: int, end: int) -> Iterable[str]:
    """The lines that a fence which begins above `start` may have; those that are too far in to close it are empty."""
    for line in range(start, end):
        if not state.isEmpty(line) and state.sCount[line] < state.blkIndent:
            return
        yield "" if state.is_code_block(line) else state.src[state.bMarks[line] : state.eMarks[line]]


def _definition(state: StateBlock, start: int, _end: int, silent: bool) -> bool:
    """A rule: the definition of a link, which never goes on in the next line, as the text may still grow."""
    if silent or state.is_code_block(start):
        return False
    begin = state.bMarks[start] + state.tShift[start]
    found = _DEFINITION.fullmatch(state.src, begin, state.eMarks[start]) if state.src[begin] == "[" else None
    if found is None or len(found["label"]) > _LABEL_LIMIT:
        return False
    href = state.md.normalizeLink(found["href"])
    if not state.md.validateLink(href):
        return False
    state.line = start + 1
    token = state.push(DEFINITION, "", 0)
    token.meta = {"label": reference_key(found["label"]), "href": href}
    token.map = [start, state.line]
    return True


def _plain_text(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A rule: what stands too deep to be read, up to the end of what holds it."""
    if silent or not state.level or _place(state, start, end).depth <= NESTING_LIMIT:
        return False
    line = last = start
    # Less than nothing is the indentation of a line that goes on the paragraph of a quote without its sign.
    while line < end and (state.isEmpty(line) or not 0 <= state.sCount[line] < state.blkIndent):
        line += 1
        last = last if state.isEmpty(line - 1) else line
    state.line = last
    token = state.push(PLAIN_TEXT, "", 0)
    token.content = state.getLines(start, last, state.blkIndent, False)
    token.map = [start, last]
    return True


class _Place:
    """Where a block stands.

    A quote looks at each of its lines, also at those that go on a paragraph without its sign, so that a few signs
    would be work for as many lines as follow. A quote has an allowance for the quotes in it: its length.
    """

    __slots__ = ("allowance", "depth")

    def __init__(self, depth: int, allowance: list[int]) -> None:
        self.depth = depth
        """In how many quotes and items of lists."""
        self.allowance = allowance
        """Lines that may still be looked at, shared by all in the outermost quote; empty outside of quotes."""


def _place(state: StateBlock, start: int, end: int) -> _Place:
    """Where the block that begins at `start` stands; the quote or item that holds it ends at `end` or before."""
    places: dict[int, _Place] = state.env.setdefault("places", {})
    opening = state.tokens[-1] if state.tokens else None
    if opening is None or opening.nesting <= 0:
        return places[state.level]
    is_item = opening.type == "list_item_open"
    outer = places.get(state.level - (2 if is_item else 1)) or _Place(0, [])
    place = places[state.level] = _Place(outer.depth + 1, outer.allowance)
    if not is_item:
        place.allowance = outer.allowance or [_ALLOWANCE + state.eMarks[end - 1] - state.bMarks[start]]
        place.allowance[0] -= end - start
        if place.allowance[0] < 0:
            place.depth = NESTING_LIMIT + 1
    return place
