"""Code -> words with their kind -> lines; Pygments works within bounds, as it is slow and the code is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from tale_tui.formatting.units import plural
from tale_tui.ui.markdown.lines import MUTED, PANEL, CodeKind, CopyCode, RenderedLines, TextPart, Unfold, code_style
from tale_tui.ui.markdown.wrap import cells, chop

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pygments.lexer import Lexer

    from tale_tui.formatting.symbols import Signs


Word = tuple[str, CodeKind]

CodeLine = tuple[Word, ...]
TokenType = tuple[str, ...]
"""What Pygments says a word is, from the general to the special; it has no public name for the class of these."""

CODE_CHARS = 16_000
"""Characters of a block of code that are coloured; the lines after them are plain (about 50 ms)."""

LINE_CHARS = 1000
"""Characters: a block with a longer line is plain, as some lexers are quadratic in it."""

WINDOW_LINES = 24
"""So many lines at the end of growing code are read again and again before the point to read from moves on."""

_EVIDENCE = (6, 12, 20)
"""How many lines a new point to read from is tried with."""

LINES_SHOWN = 400
"""Lines of a block of code that are shown before the reader asks for more; copying always gives all."""

LINE_SHOWN = 4000
"""Characters of a line that are shown."""

TAB = 4
"""Cells from one tab stop to the next."""

COPY_LABEL = "  copy"
"""With room before it for the key, which is shown where the key would copy this block."""

_LEFT = 2
"""Cells before the code; what continues a line that is too long has its sign there."""

_RIGHT = 1

_QUIET = MUTED | PANEL

Pieces = tuple[TextPart, ...]


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


def _split(tokens: Iterable[tuple[TokenType, str]]) -> Iterator[CodeLine]:
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
def kind_tokens() -> dict[CodeKind, TokenType]:
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
def _kinds() -> dict[TokenType, CodeKind]:
    """The kind of a token type, where it has one of its own; the most general one has."""
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
def _kind(token_type: TokenType) -> CodeKind:
    """The kind of a token type, or of the nearest one above it that has a kind."""
    kinds = _kinds()
    while token_type not in kinds:
        token_type = token_type[:-1]
    return kinds[token_type]


class CodeMemory:
    """What is known of a block of code that grows, so that only its new lines are set.

    Args:
        language: of the code.
        width: cells that the block may take.
    """

    def __init__(self, language: str, width: int) -> None:
        self.key = language, width
        self.reader = CodeReader(language)
        self.lines: list[tuple[CodeLine, list[Pieces]]] = []


class CodePanel:
    """How one block of code is set.

    Args:
        sheet: takes the lines.
        margin: what stands before every line.
        memory: of the same block when it was shorter.
        signs: those of this terminal.
    """

    def __init__(self, sheet: RenderedLines, margin: Pieces, memory: CodeMemory, signs: Signs) -> None:
        self._sheet = sheet
        self._margin = margin
        self._memory = memory
        self._signs = signs
        self._language, self._width = memory.key

    def put(self, text: str, *, finished: bool, unfolded: bool) -> None:
        """Append the block.

        Args:
            text: the code as it was written.
            finished: whether no more will come.
            unfolded: whether all of it is shown.
        """
        number = len(self._sheet.codes)
        self._sheet.codes.append(text)
        self._sheet.code_lines.append(len(self._sheet.lines))
        self._put(self._title(number), None)
        lines = text.split("\n")
        limit = len(lines) if unfolded else LINES_SHOWN
        shown = [_displayed(line) for line in lines[:limit]]
        self._code(shown, self._memory.reader.read(shown, finished=finished))
        if len(lines) > limit:
            rest = plural(len(lines) - limit, "more line")
            note = f"{self._signs.ellipsis} {rest}, click or enter shows them; copying gives all"
            pieces = (TextPart(" " * _LEFT, PANEL), TextPart(note, _QUIET, target=Unfold(f"code {number}")))
            self._put(self._filled(pieces), None)

    def _put(self, pieces: Pieces, row: int | None) -> None:
        self._sheet.put((*self._margin, *pieces), self._sheet.row(None) if row is None else row)

    def _title(self, number: int) -> Pieces:
        room = self._width - _LEFT - _RIGHT - len(COPY_LABEL)
        if room < 0:
            return self._filled(())
        name = self._language[:room]
        space = " " * (room - cells(name))
        label = TextPart(COPY_LABEL, _QUIET, target=CopyCode(number))
        return self._filled((TextPart(" " * _LEFT + name + space, _QUIET), label))

    def _code(self, texts: list[str], lines: list[CodeLine]) -> None:
        known = self._memory.lines
        for number, (text, words) in enumerate(zip(texts, lines, strict=True)):
            if number == len(known):
                known.append((words, self._broken(text, words)))
            elif known[number][0] is not words:
                known[number] = words, self._broken(text, words)
            row = self._sheet.row(text)
            for pieces in known[number][1]:
                self._put(pieces, row)

    def _broken(self, text: str, words: CodeLine) -> list[Pieces]:
        """A line of code as lines of the screen."""
        width = max(self._width - _LEFT - _RIGHT, 1)
        found: list[Pieces] = []
        for start, end in chop(text, width):
            lead = TextPart(self._signs.continued + " ", _QUIET) if found else TextPart(" " * _LEFT, PANEL)
            found.append(self._filled((lead, *_between(words, start, end))))
        return found

    def _filled(self, pieces: Pieces) -> Pieces:
        """With the ground of the block up to its right edge."""
        rest = self._width - sum(cells(piece.text) for piece in pieces)
        return (*pieces, TextPart(" " * rest, PANEL)) if rest > 0 else pieces


def _displayed(line: str) -> str:
    """A line of code as it is shown: tabs as spaces, and no endless line."""
    return line[:LINE_SHOWN].expandtabs(TAB)


def _between(words: CodeLine, start: int, end: int) -> Iterator[TextPart]:
    """The words from character `start` to `end` of a line."""
    position = 0
    for word, kind in words:
        first, last = max(start, position), min(end, position + len(word))
        if first < last:
            yield TextPart(word[first - position : last - position], code_style(kind), first)
        position += len(word)
