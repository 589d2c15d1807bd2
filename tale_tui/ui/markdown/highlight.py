"""Code -> words with their kind, by Pygments; within bounds, as its lexers are slow and the code is not ours."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from tale_tui.ui.markdown.styles import CodeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pygments.lexer import Lexer

    # Pygments has no name for the type of its token types; they are tuples of words with a parent.
    from pygments.token import _TokenType

Word = tuple[str, CodeKind]
CodeLine = tuple[Word, ...]

CODE_CHARS = 16_000
"""Characters of a block of code that are coloured; the lines after them are plain (about 50 ms)."""
LINE_CHARS = 1000
"""Characters: a block with a longer line is plain, as some lexers are quadratic in it."""
WINDOW_LINES = 24
"""So many lines at the end of growing code are read again and again before the point to read from moves on."""
_EVIDENCE = (6, 12, 20)
"""How many lines a new point to read from is tried with."""


class CodeReader:
    """The words of code that grows, in time proportional to what is new.

    Reading begins at a checkpoint: a line from which the lexer, started afresh, has been seen to find the same words as
    it did coming from above. That is no proof (a string may span lines that look like code), so finished code is read
    once more from its first line.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._lexer = _lexer(language)
        self._source: list[str] = []
        self._lines: list[CodeLine] = []
        self._checkpoint = 0

    def read(self, source: Sequence[str], *, finished: bool) -> list[CodeLine]:
        """The words of each line; lines that have not changed are the same objects as before."""
        if not finished and self._source == source:
            return self._lines
        limit = _coloured_lines(source) if self._lexer else 0
        start = 0 if finished else self._point_to_read_from(source)
        fresh = list(self._words(source[start:limit])) if limit > start else []
        plain: list[CodeLine] = [((line, CodeKind.PLAIN),) for line in source[start + len(fresh) :]]
        fresh += plain
        lines = self._lines[:start]
        for number, line in enumerate(fresh, start):
            same = number < len(self._lines) and self._lines[number] == line
            lines.append(self._lines[number] if same else line)
        self._source, self._lines = list(source), lines
        if not finished and min(limit, len(source)) - start > WINDOW_LINES:
            self._move_checkpoint(min(limit, len(source)))
        return lines

    def _point_to_read_from(self, source: Sequence[str]) -> int:
        known = self._source[: self._checkpoint]
        if len(known) > len(source) or list(source[: len(known)]) != known:
            self._checkpoint = 0
        return self._checkpoint

    def _move_checkpoint(self, end: int) -> None:
        for lines in _EVIDENCE:
            place = end - lines
            if list(self._words(self._source[place:end])) == self._lines[place:end]:
                self._checkpoint = place
                return

    def _words(self, source: Sequence[str]) -> Iterator[CodeLine]:
        if self._lexer is None:
            return
        lines = _split(self._lexer.get_tokens("\n".join(source)))
        for text in source:
            line = next(lines, ())
            # A lexer that loses text would make the screen lie.
            yield line if "".join(word for word, _ in line) == text else ((text, CodeKind.PLAIN),)


def _coloured_lines(source: Sequence[str]) -> int:
    """How many lines, from the first, are to be coloured."""
    used = 0
    for number, line in enumerate(source):
        if len(line) > LINE_CHARS:
            return 0
        used += len(line) + 1
        if used > CODE_CHARS:
            return number
    return len(source)


def _split(tokens: Iterable[tuple[_TokenType, str]]) -> Iterator[CodeLine]:
    """Words by line; neighbours of one kind joined."""
    line: list[Word] = []
    for token_type, text in tokens:
        kind = _kind(token_type)
        for number, part in enumerate(text.split("\n")):
            if number:
                yield tuple(line)
                line = []
            if not part:
                continue
            if line and line[-1][1] is kind:
                part = line.pop()[0] + part
            line.append((part, kind))
    yield tuple(line)


@lru_cache(maxsize=32)
def _lexer(language: str) -> Lexer | None:
    """The lexer of a language; None where Pygments itself has none (lexers of other packages are not searched)."""
    if language not in _known_languages():
        return None
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(language, stripnl=False, ensurenl=False)


@cache
def _known_languages() -> frozenset[str]:
    from pygments.lexers import get_all_lexers

    aliases = {alias.lower() for _, names, _, _ in get_all_lexers(plugins=False) for alias in names}
    # `text` needs no lexer.
    return frozenset(aliases - {"text", "plain", "none", ""})


@cache
def kind_tokens() -> dict[CodeKind, _TokenType]:
    """The token type that stands for each kind, to ask a Pygments style for its colour."""
    from pygments.token import Token

    return {
        CodeKind.PLAIN: Token.Text,
        CodeKind.COMMENT: Token.Comment,
        CodeKind.KEYWORD: Token.Keyword,
        CodeKind.CONSTANT: Token.Keyword.Constant,
        CodeKind.FUNCTION: Token.Name.Function,
        CodeKind.CLASS: Token.Name.Class,
        CodeKind.BUILTIN: Token.Name.Builtin,
        CodeKind.DECORATOR: Token.Name.Decorator,
        CodeKind.TAG: Token.Name.Tag,
        CodeKind.ATTRIBUTE: Token.Name.Attribute,
        CodeKind.STRING: Token.Literal.String,
        CodeKind.NUMBER: Token.Literal.Number,
        CodeKind.OPERATOR: Token.Operator,
        CodeKind.INSERTED: Token.Generic.Inserted,
        CodeKind.DELETED: Token.Generic.Deleted,
        CodeKind.HEADING: Token.Generic.Heading,
    }


@cache
def _kinds() -> dict[_TokenType, CodeKind]:
    from pygments.token import Token

    kinds = {token: kind for kind, token in kind_tokens().items()}
    kinds |= {
        Token: CodeKind.PLAIN,
        Token.Keyword.Type: CodeKind.BUILTIN,
        Token.Name.Exception: CodeKind.BUILTIN,
        Token.Name.Constant: CodeKind.CONSTANT,
        Token.Operator.Word: CodeKind.KEYWORD,
        Token.Comment.Preproc: CodeKind.DECORATOR,
        Token.Generic.Subheading: CodeKind.HEADING,
        Token.Generic.Prompt: CodeKind.COMMENT,
    }
    return kinds


@cache
def _kind(token_type: _TokenType) -> CodeKind:
    """The kind of a token type, or of the nearest one above it that has a kind."""
    kinds = _kinds()
    above: _TokenType | None = token_type
    while above is not None and above not in kinds:
        above = above.parent
    return CodeKind.PLAIN if above is None else kinds[above]
