"""The Markdown within a paragraph -> spans of styled text, links with their targets; also while it is written."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from tale_tui.formatting.markdown import reference_key
from tale_tui.ui.markdown.lines import CODE, EMPHASIS, LINK, MUTED, PLAIN, STRIKE, STRONG, Link, TextPart

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

PIECE_LENGTH = 4000
"""Characters: a longer paragraph is read in pieces of about this length, so that a word more costs one piece."""
PIECE_LIMIT = 2 * PIECE_LENGTH
"""Characters: here a piece ends even within a word."""
INLINE_LIMIT = 64_000
"""Characters of one paragraph that are read as Markdown; the rest is shown as it is."""
_SIGN_LIMITS = {"[": 150, "*": 800, "_": 800, "~": 800, "`": 800, "\\": 800, "<": 800}
"""How many of a sign a piece may have; the reader is quadratic in them, and text with more is not prose."""
_CACHED_PIECES = 1024
_LINK_SCHEMES = ("http://", "https://", "mailto:")
_WRAPPERS = {"strong": STRONG, "em": EMPHASIS, "s": STRIKE}
_OPEN_LINK = re.compile(r"\[([^\[\]\n]*)\]\([^()\s]*\Z")
_OPEN_SIGN = re.compile(r"(?:\*{1,3}|_{1,3}|~~|`)\Z")
_LABEL = re.compile(r"\[([^\[\]]+)\]")
_CODE_SPAN = re.compile(r"`+[^`]*`+")
_HAS_ADDRESS = re.compile(r"https?://|mailto:", re.IGNORECASE)
_HAS_SIGN = re.compile(r"[\\`*_~\[\]!<&\n]")


class Span(NamedTuple):
    """Text of one style."""

    text: str
    style: int = PLAIN
    url: str = ""
    """Where it links to; http, https or mailto."""


@cache
def _reader(links: bool) -> MarkdownIt:
    """The reader of running text; with `links` it finds bare addresses too, which costs as much as all the rest."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False, "linkify": links}).enable("strikethrough")
    reader.disable("html_inline")
    if links:
        reader.enable("linkify")
        if reader.linkify is not None:
            reader.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    return reader


References = Mapping[str, str]
"""What labels of links stand for: label, as `reference_key` gives it, to address."""
_NO_REFERENCES: References = {}


def spans(text: str, references: References = _NO_REFERENCES) -> tuple[Span, ...]:
    """The spans of a paragraph; its tabs and line ends are spaces but for hard ones, which are line feeds."""
    text = text.replace("\t", " ")
    if len(text) <= PIECE_LENGTH:
        return _piece(text, _used(text, references))
    found: list[Span] = []
    start = 0
    while start < min(len(text), INLINE_LIMIT):
        end = _end_of_piece(text, start)
        piece = text[start:end]
        found += _piece(piece, _used(piece, references))
        start = end
    if start < len(text):
        found.append(Span(text[start:].replace("\n", " ")))
    return tuple(found)


def _used(text: str, references: References) -> tuple[tuple[str, str], ...]:
    """Those of `references` that a text may mean."""
    if not references or "[" not in text:
        return ()
    keys = dict.fromkeys(map(reference_key, _LABEL.findall(text)))
    return tuple((key, references[key]) for key in keys if key in references)


def _end_of_piece(text: str, start: int) -> int:
    """Where the piece that begins at `start` ends: after the first white space that is far enough away."""
    for position in range(start + PIECE_LENGTH, min(start + PIECE_LIMIT, len(text))):
        if text[position - 1] in " \n":
            return position
    return start + PIECE_LIMIT


@lru_cache(maxsize=_CACHED_PIECES)
def _piece(text: str, references: tuple[tuple[str, str], ...]) -> tuple[Span, ...]:
    """The spans of a piece; cached, as an open block is read again with every word that comes."""
    links = _HAS_ADDRESS.search(text) is not None
    if not links and not _HAS_SIGN.search(text):
        return (Span(text),) if text else ()
    if any(text.count(sign) > limit for sign, limit in _SIGN_LIMITS.items()):
        return (Span(text.replace("\n", " ")),)
    lead, trail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    addresses = {key: {"title": "", "href": href} for key, href in references}
    (token,) = _reader(links).parseInline(text.strip(), {"references": addresses})
    found = _flatten(token.children or [])
    # The reader strips the spaces at both ends; between two pieces of a long paragraph one has to stay.
    ends = [Span(" ")] if lead else [], [Span(" ")] if trail else []
    return (*ends[0], *found, *ends[1])


def _flatten(tokens: list[Token]) -> list[Span]:
    found: list[Span] = []
    style, url, target = PLAIN, "", ""
    for token in tokens:
        name = token.type
        if (text := _text_of(token)) is not None:
            added = CODE if name == "code_inline" else MUTED if name == "image" else PLAIN
            _add(found, text, style | added, url or (_image_url(token) if name == "image" else ""))
        elif name == "link_open":
            href = str(token.attrs.get("href", ""))
            url, target = (href, "") if href.lower().startswith(_LINK_SCHEMES) else ("", href)
            style |= LINK if url else PLAIN
        elif name == "link_close":
            if target:
                _add(found, f" ({target})", style | MUTED, "")
            style, url, target = style & ~LINK, "", ""
        elif name.endswith("_open"):
            style |= _WRAPPERS.get(token.tag, PLAIN)
        elif name.endswith("_close"):
            style &= ~_WRAPPERS.get(token.tag, PLAIN)
    return found


def _text_of(token: Token) -> str | None:
    """What a token shows; None where it only opens or closes."""
    match token.type:
        case "text" | "code_inline":
            return token.content
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "image":
            return f"[image: {token.content}]" if token.content else "[image]"
    return None


def _image_url(token: Token) -> str:
    source = str(token.attrs.get("src", ""))
    return source if source.lower().startswith(_LINK_SCHEMES) else ""


def _add(found: list[Span], text: str, style: int, url: str) -> None:
    """Append, joining what looks the same."""
    if not text:
        return
    if found and found[-1].style == style and found[-1].url == url:
        text = found.pop().text + text
    found.append(Span(text, style, url))


def settle(text: str) -> str:
    """Close strong text, code and a link that `text` leaves open at its end, and drop a sign that opens nothing yet.

    Without it the signs would be shown until their partner comes, and the line would jump when it does.
    """
    text = _OPEN_LINK.sub(r"\1", text)
    if "`" in text:
        prose = _CODE_SPAN.sub("", text)
        if "`" in prose:
            return text[:-1] if text.endswith("`") else text + "`"
    else:
        prose = text
    if prose.count("**") % 2:
        bare = _OPEN_SIGN.sub("", text).rstrip()
        return bare if text.endswith("*") and bare.count("**") % 2 == 0 else f"{bare}**"
    return text


class Run:
    """Text with styles.

    Attributes:
        text: of all spans.
    """

    __slots__ = ("_ends", "_spans", "_style", "text")

    def __init__(self, spans: Sequence[Span], style: int) -> None:
        self._spans = spans
        self._style = style
        self._ends = list(accumulate(len(span.text) for span in spans))
        self.text = "".join(span.text for span in spans)

    def pieces(self, start: int, end: int, at: int) -> Iterator[TextPart]:
        """The pieces from character `start` to `end`; character 0 of the run stands at `at` in its row."""
        number = bisect_right(self._ends, start)
        while start < end:
            span = self._spans[number]
            first = self._ends[number] - len(span.text)
            last = min(end, self._ends[number])
            target = Link(span.url) if span.url else None
            yield TextPart(span.text[start - first : last - first], span.style | self._style, at + start, target)
            start, number = last, number + 1
