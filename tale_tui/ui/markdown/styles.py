"""How a piece of text is set, as a number: flags, and above them the kind of a word of code.

Numbers because they are made, joined and looked up for every word that is shown; the widget turns each into colours.
"""

from __future__ import annotations

from enum import IntEnum

PLAIN = 0
STRONG = 1
EMPHASIS = 2
STRIKE = 4
CODE = 8
"""Code within running text."""
LINK = 16
HEADING = 32
MUTED = 64
PANEL = 128
"""On the ground of a block of code."""
MARKED = 256
"""The link that the reader has moved to."""
ERROR = 512
WARNING = 1024
ACCENT = 2048
AUTHOR_USER = 4096
AUTHOR_MODEL = 8192
"""The small model; the big one is `AUTHOR_TASK`."""
AUTHOR_TASK = 16384
SUCCESS = 32768

_CODE_SHIFT = 16


class CodeKind(IntEnum):
    """What a word is in its programming language."""

    PLAIN = 0
    COMMENT = 1
    KEYWORD = 2
    CONSTANT = 3
    FUNCTION = 4
    CLASS = 5
    BUILTIN = 6
    DECORATOR = 7
    TAG = 8
    ATTRIBUTE = 9
    STRING = 10
    NUMBER = 11
    OPERATOR = 12
    INSERTED = 13
    DELETED = 14
    HEADING = 15


def code_style(kind: CodeKind) -> int:
    """The style of a word in a block of code."""
    return PANEL | kind << _CODE_SHIFT


def code_kind(style: int) -> CodeKind:
    """The kind of word that a style is for."""
    return CodeKind(style >> _CODE_SHIFT)
