"""The beginning of a Markdown text, for a place that has not the room for all of it. Pure functions.

On the screen the room is lines of a width; in a prompt it is characters, and the model is told that there is more.
Both cut where it hurts least and close a block of code that they cut.
"""

from __future__ import annotations

import re

from tale_tui.formatting.markdown import closing_line, closing_signs, fence_signs
from tale_tui.formatting.symbols import signs

DIGEST_LINES = 8
"""Lines of a result that are shown before all of it is asked for."""
DIGEST_CHARS = 1200
"""Of the result of a task so much is shown to a model in later turns: about 300 tokens."""
LEFT_OUT = "\n\n[The rest of this result is left out here.]"

_LEAST_SHARE = 0.5
"""A digest of a prompt ends with a paragraph, a line or a word, where one ends behind this share of it."""
_CODE_LEAST = 5
"""Lines of room below which no block of code is begun on the screen."""
_CODE_INDENT = 4
"""Spaces before a line that is code, whatever signs it has."""
_SENTENCE_END = re.compile(r"[.!?…]\s")


def screen_digest(text: str, lines: int = DIGEST_LINES, width: int = 100) -> str:
    """The beginning of a Markdown text, cut where a paragraph ends; all of it where it is short.

    A first paragraph that is too long itself is cut at a sentence, at a word if need be, and gets an ellipsis. A block
    of code is cut at a line and closed, where there is room for some of it.

    Args:
        text: Markdown.
        lines: of the screen, about.
        width: cells of a line.
    """
    # Longer than what can be shown: the rest needs not be looked at.
    text = text.strip("\n")[: (lines + 2) * (width + 2)]
    kept: list[str] = []
    room = lines
    for block in _blocks(text):
        if _height("\n".join(block).rstrip("\n").split("\n"), width) > room:
            is_code = _is_fence(block[0])
            if not kept or (is_code and room >= _CODE_LEAST):
                kept += _cut_code(block, room, width) if is_code else _cut_prose(block, room, width)
            break
        kept += block
        room -= _height(block, width)
    return "\n".join(kept).strip("\n")


def _height(lines: list[str], width: int) -> int:
    """Lines of the screen, about."""
    return sum(1 + len(line) // width for line in lines)


def _blocks(text: str) -> list[list[str]]:
    """Lines that belong together, with the empty lines below them; a fence is one block with all that is in it."""
    blocks: list[list[str]] = [[]]
    lines = text.split("\n")
    while lines:
        line = lines.pop(0)
        after_gap = bool(blocks[-1]) and not blocks[-1][-1].strip()
        if (_is_fence(line) or (after_gap and line.strip())) and any(one.strip() for one in blocks[-1]):
            blocks.append([])
        blocks[-1].append(line)
        if _is_fence(line):
            closing = closing_line(line, lines)
            end = len(lines) if closing is None else closing + 1
            blocks[-1] += lines[:end]
            blocks.append([])
            del lines[:end]
    return [block for block in blocks if block]


def _is_fence(line: str) -> bool:
    return not line.startswith(" " * _CODE_INDENT) and bool(fence_signs(line))


def _cut_code(block: list[str], lines: int, width: int) -> list[str]:
    end = 2
    while end < len(block) and _height(block[: end + 1], width) <= lines:
        end += 1
    code = "\n".join(block[:end]).rstrip()
    return [code, *closing_signs(block[0], block[1:end])]


def _cut_prose(block: list[str], lines: int, width: int) -> list[str]:
    kept: list[str] = []
    while kept != block and _height([*kept, block[len(kept)]], width) <= lines:
        kept.append(block[len(kept)])
    if kept:
        return [*kept[:-1], f"{kept[-1].rstrip()} {signs().ellipsis}"]
    start = block[0][: lines * width - 2]
    ends = [one.end() for one in _SENTENCE_END.finditer(start)]
    if ends and ends[-1] > len(start) // 2:
        return [f"{start[: ends[-1]].rstrip()} {signs().ellipsis}"]
    return [f"{start.rpartition(' ')[0].rstrip()} {signs().ellipsis}" if " " in start else start + signs().ellipsis]


def prompt_digest(text: str, limit: int = DIGEST_CHARS) -> str:
    """The beginning of a text for a prompt, cut at a paragraph, a line or a word."""
    text = text.strip()
    if len(text) <= limit:
        return text
    head = text[:limit]
    for mark in ("\n\n", "\n", " "):
        at = head.rfind(mark)
        if at >= limit * _LEAST_SHARE:
            head = head[:at]
            break
    fence = "\n```" if head.count("```") % 2 else ""
    return f"{head.rstrip()}{fence}{LEFT_OUT}"
