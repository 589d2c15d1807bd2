"""Signs as a reader counts them: a family, a flag, a skin tone or a letter with its marks is one sign."""

from __future__ import annotations

SIGN_MAX = 64
"""Characters on each side that are looked at: no sign is longer, however long the line."""


def sign_at(line: str, column: int) -> tuple[int, int]:
    """The sign that the character at `column` belongs to, as (start, end); (column, column) at the end of the line."""
    if column >= len(line):
        return column, column
    if line[column].isascii() and line[column : column + 2].isascii():
        return column, column + 1
    # Not needed for the first frame.
    from wcwidth import iter_graphemes

    at = _start(line, column)
    for sign in iter_graphemes(line[at : column + SIGN_MAX]):
        if at + len(sign) > column:
            return at, at + len(sign)
        at += len(sign)
    return column, column + 1


def _start(line: str, column: int) -> int:
    """Where a sign certainly begins, at or before `column`: signs begin at letters of ASCII, whatever is before."""
    first = max(column - SIGN_MAX, 0)
    return next((at for at in range(column, first, -1) if line[at].isascii()), first)
