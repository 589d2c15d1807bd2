"""The border: where text that is not ours becomes safe to keep, to show and to hand to a model.

What a terminal could obey is taken out: every control sequence of ECMA-48 (7 and 8 bit, unterminated ones too), every
control character but tab and line feed, what reorders or hides text. What people write is left alone: joined emoji,
accents, every script. Safety does not rest on recognising sequences: no ESC, C0 or C1 character is ever let through,
recognising them only takes away what would be left of them to read.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from functools import cache
from itertools import chain, groupby

COMBINING_MAX = 4
"""Characters without a width that may stand in a row: more pile up over the neighbouring lines."""
LINE_LIMIT = 200
"""Characters of a title, a name or an error, at most, unless the caller says otherwise."""

_CONTROL = re.compile(r"[^\t\n\x20-\x7e]")
_NEW_LINES = re.compile("\r\n?|[\x85\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_HIGH_SURROGATE_AT_END = re.compile("[\ud800-\udbff]\\Z")

# ECMA-48. Each part after the introducer is optional, so that a match never backtracks and a sequence that breaks off
# is one as well. A string (OSC, DCS, APC, PM, SOS) ends at its terminator or at the end of its line: what a terminal
# would swallow is dropped, but never more than a line of it.
_SEQUENCE = re.compile(
    r"(?P<csi>(?:\x1b\[|\x9b)[0-?]*(?P<csi_middle>[ -/]*))(?P<csi_end>[@-~])?"
    r"|(?P<string>(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x18\x1a\x1b\x9c\n]*)(?P<string_end>\x1b\\|[\x07\x18\x1a\x9c])?"
    r"|(?P<escape>\x1b(?P<escape_middle>[ -/]*))(?P<escape_end>[0-~])?"
)

_DROPPED_BELOW = (  # the first plane of Unicode, U+0000 to U+FFFF
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1
    "\u00ad"  # soft hyphen
    "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # fillers: letters and marks that show nothing
    "\u061c\u202a-\u202e"  # bidirectional embeddings and overrides
    "\u180b-\u180f"  # Mongolian selectors
    "\u200b\ufeff"  # zero-width space, byte order mark
    "\u2060-\u206f"  # invisible operators, bidirectional isolates
    "\ufff0-\ufffb"  # interlinear annotation
)
_DROPPED_ABOVE = (
    "\U00016fe4\U0001d159"  # fillers
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # controls of shorthand and musical notation
    "\U000e0000-\U000e0fff"  # tags and the supplementary variation selectors: whole hidden messages fit in
)
_DROPPED = re.compile(f"[{_DROPPED_BELOW}{_DROPPED_ABOVE}]")
# Private use (a font may draw anything; the store marks search hits with two of them) and what is no character at all.
_REPLACED_BELOW = "\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff"
_NO_CHARACTERS_ABOVE = "".join(f"{chr(plane << 16 | 0xFFFE)}-{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 15))
_REPLACED = re.compile(f"[{_REPLACED_BELOW}{_NO_CHARACTERS_ABOVE}\U000f0000-\U0010ffff]")
# A variation selector says how to draw the character before it: one is enough, and in ASCII only 0-9 # * have any.
_SELECTORS = "\ufe00-\ufe0f"
_STRAY_SELECTOR = re.compile(
    f'[{_SELECTORS}](?:(?<=[\\x00-"$-)+-/:-\\x7f{_SELECTORS}][{_SELECTORS}])|(?<=\\A[{_SELECTORS}]))'
)
_JOINERS_AND_MARKS = "\u200c-\u200f"
"""Joiners and direction marks: without them emoji families, Persian and Hebrew fall apart."""

# Whether one of the patterns above can match at all. Up to U+FFFF `re` looks a character up in a table, above it tries
# range by range: so the ranges above are few and wide here, and text in any script is searched ten times as fast.
_MAY_BE_SEQUENCE = re.compile("[\x1b\x80-\x9f]")
_MAY_BE_REPLACED = re.compile(f"[{_REPLACED_BELOW}\U0001fffe-\U0010ffff]")
_MAY_BE_TROUBLE = re.compile(
    f"[{_DROPPED_BELOW}\u2028\u2029\ud800-\udfff{_REPLACED_BELOW}{_SELECTORS}\U00016fe4-\U0001d17a\U0001fffe-\U0010ffff]"
)

_SPACES = re.compile(r"[ \t\n]+")
_BLANK = re.compile(f"[\\s\u2800{_JOINERS_AND_MARKS}{_SELECTORS}]*")
_ESCAPE_LOOKALIKE = re.compile(r"\\(?=u\{)")
_INVISIBLE_BUT_PRINTABLE = re.compile(f"[{_SELECTORS}\u2800]")

_CONTROL_TOKEN = re.compile(
    r"<(?="
    r"[|｜][\w▁/.:-]{1,64}[|｜]?>"  # <|im_end|> <|turn> and the wide bars of DeepSeek
    r"|[\w▁/.:-]{1,64}[|｜]>"  # <turn|>
    r"|/?[a-z]{1,32}_of_[a-z]{1,32}>"  # <start_of_turn> <end_of_text>
    r"|/?(?:s|bos|eos|pad|unk|mask|sep|cls|sop|eop|unused\d{1,5})>"
    r"|</?SYS>>"
    r"|/?(?:[a-z]{1,32}:)?(?:think|thinking|thought|tool_calls?|tool_response|tool_result|tools|function_calls?|invoke)\b[^<>\n]{0,200}>"
    r"|/?function(?:=[^<>\n]{0,200})?>"
    r")"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_(?:CALLS|RESULTS|CONTENT)|CALL_ID|ARGS|THINK"
    r"|IMG(?:_BREAK|_END)?|PREFIX|MIDDLE|SUFFIX|gMASK)\])"
)


class _Widthless:
    """Patterns of what takes no cell of its own and is let through: marks that combine, joiners, direction marks.

    Made when the first text needs them, from the tables of Python, which takes some milliseconds.
    """

    def __init__(self) -> None:
        table = _mark_ranges((0x300, 0x3400), (0xA000, 0xAC00), (0xF900, 0x10000)) + _JOINERS_AND_MARKS
        exact = table + _mark_ranges((0x10000, 0x17000), (0x1B000, 0x1F000))
        self.may_pile_up = re.compile(f"[{table}\U00010000-\U0001efff]{{{COMBINING_MAX + 1}}}")
        self.piled_up = re.compile(f"([{exact}]{{{COMBINING_MAX}}})[{exact}]+")
        self.last_cluster = re.compile(f"[^{exact}]?[{exact}]*\\Z")


def _mark_ranges(*blocks: tuple[int, int]) -> str:
    """The combining marks of some blocks of Unicode, as the inside of a character class.

    Blocks of ideographs, syllables and private use, which have none, need not be looked through.
    """
    codes = chain.from_iterable(range(*block) for block in blocks)
    marks = (code for code in codes if unicodedata.category(chr(code)) in ("Mn", "Me"))
    # Neighbours have the same difference between themselves and their place in the list.
    runs = groupby(enumerate(marks), key=lambda placed: placed[1] - placed[0])
    ranges = ([code for _, code in run] for _, run in runs)
    return "".join(f"{chr(found[0])}-{chr(found[-1])}" for found in ranges)


_widthless = cache(_Widthless)


def _join_surrogates(text: str) -> str:
    """Pairs become the character that they mean, lone ones U+FFFD."""
    if _SURROGATES.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _scrub(text: str) -> str:
    """What is left to do when lines end in line feeds and sequences are gone, but for what piles up."""
    if _MAY_BE_TROUBLE.search(text) is None:
        return text
    return _STRAY_SELECTOR.sub("", _replace(_DROPPED.sub("", text)))


def _replace(text: str) -> str:
    return _REPLACED.sub("\ufffd", text) if _MAY_BE_REPLACED.search(text) else text


def _unpile(text: str) -> str:
    if text.isascii() or _widthless().may_pile_up.search(text) is None:
        return text
    return _widthless().piled_up.sub(r"\1", text)


def _cut_sequences(text: str) -> str:
    return _SEQUENCE.sub("", text) if _MAY_BE_SEQUENCE.search(text) else text


def _unfinished(text: str) -> str:
    """The shortest beginning that goes on as the control sequence at the end of `text` does; empty without one."""
    if _MAY_BE_SEQUENCE.search(text) is None:
        return ""
    last = deque(_SEQUENCE.finditer(text), maxlen=1)
    if not last or last[0].end() < len(text):
        return ""
    sequence = last[0]
    if sequence["csi"]:
        return "" if sequence["csi_end"] else "\x1b[ " if sequence["csi_middle"] else "\x1b["
    if sequence["string"]:
        return "" if sequence["string_end"] else "\x1b]"
    return "" if sequence["escape_end"] else "\x1b " if sequence["escape_middle"] else "\x1b"


def clean(text: str) -> str:
    """Make foreign text safe to keep and to show; lines stay lines.

    In this order: CR LF, CR, NEL and the Unicode separators become line feeds; control sequences go, a string without
    its terminator up to the end of its line; control characters but tab and line feed, bidirectional embeddings,
    overrides and isolates, zero-width spaces, fillers and tags go; private use, noncharacters and lone surrogates
    become U+FFFD; of more than four characters without a width in a row the first four stay. Linear in the length,
    and cleaning twice is cleaning once.

    Args:
        text: anything, lone surrogates included.
    Returns:
        Text that any terminal, file and database takes.
    """
    if text.isascii() and _CONTROL.search(text) is None:
        return text  # as most text is
    if _MAY_BE_TROUBLE.search(text):
        text = _NEW_LINES.sub("\n", _join_surrogates(text))
        text = _scrub(_cut_sequences(text))
    return _unpile(text)


def clean_line(text: str, limit: int = LINE_LIMIT) -> str:
    """Make foreign text safe for one line: a title, a name, an error.

    Args:
        text: anything.
        limit: the most characters that come back; longer text ends in `…`.
    Returns:
        Clean text without tabs and line feeds, blanks joined and none at the ends.
    """
    line = _SPACES.sub(" ", clean(text)).strip(" ")
    return line if len(line) <= limit else line[: limit - 1].rstrip(" ") + "…"


def reason_of(error: OSError) -> str:
    """Why the system refused something, in its own words; safe text in one line."""
    return clean_line(error.strerror or str(error) or "unknown error")


def is_blank(text: str) -> bool:
    """Whether nothing can be seen of a clean text: spaces, and what joins or directs characters that are not there."""
    return _BLANK.fullmatch(text) is not None


class Cleaner:
    """`clean` for text that arrives in pieces: however it is cut, the pieces together give what the whole gives.

    Harmless text is returned by the `feed` that brought it. Held back is only what a next piece could complete: a
    control sequence (up to three characters remember where in it we are, so that memory and time stay bounded) and
    half of a pair of surrogates.
    """

    def __init__(self) -> None:
        self._half_pair = ""
        self._after_cr = False
        self._open_sequence = ""
        self._cluster = ""
        """The last character that was returned, with what combines with it."""

    def feed(self, piece: str) -> str:
        """Take the next piece, return what of it is safe to show now."""
        holds = self._half_pair or self._after_cr or self._open_sequence
        if not holds and piece.isascii() and _CONTROL.search(piece) is None:
            self._cluster = piece[-1:] or self._cluster
            return piece
        piece = self._half_pair + piece
        half = _HIGH_SURROGATE_AT_END.search(piece)
        self._half_pair = half[0] if half else ""
        return self._take(_join_surrogates(piece[:-1] if half else piece))

    def flush(self) -> str:
        """End the text: return what was held back and can be shown, and be ready for another text."""
        rest = self._take("\ufffd" if self._half_pair else "")
        self._half_pair = self._open_sequence = self._cluster = ""
        self._after_cr = False
        return rest

    def _take(self, piece: str) -> str:
        if not piece:
            return ""
        ends_in_cr = piece.endswith("\r")
        if self._after_cr:
            piece = piece.removeprefix("\n")
        self._after_cr = ends_in_cr
        text = self._open_sequence + _NEW_LINES.sub("\n", piece)
        self._open_sequence = _unfinished(text)
        text = _unpile(_scrub(self._cluster + _cut_sequences(text)))
        fresh = text[len(self._cluster) :]
        if fresh:
            cluster = _widthless().last_cluster.search(text, max(0, len(text) - COMBINING_MAX - 1))
            self._cluster = cluster[0] if cluster else ""
        return fresh


def reveal(text: str) -> str:
    r"""Show exactly what is there, for text that a user approves before it runs: a command, a path, an address.

    Everything that is not printed, is not seen or changes how its neighbours look becomes `\u{...}`, line feeds apart;
    a `\u{` that stands in the text itself becomes `\u{5c}u{`. So `reveal(text) != text` is the question whether
    something is hidden, and no two texts look alike because of what is hidden in them.
    """
    text = _ESCAPE_LOOKALIKE.sub(r"\\u{5c}", text)
    piled = {i for run in _widthless().piled_up.finditer(text) for i in range(run.start() + COMBINING_MAX, run.end())}
    return "".join(f"\\u{{{ord(char):x}}}" if i in piled or _is_hidden(char) else char for i, char in enumerate(text))


def _is_hidden(char: str) -> bool:
    if char.isascii():
        return not char.isprintable() and char != "\n"
    return (
        not char.isprintable() or _DROPPED.match(char) is not None or _INVISIBLE_BUT_PRINTABLE.match(char) is not None
    )


def defuse(text: str) -> str:
    """Turn what a chat template would obey (`<|im_end|>`, `[INST]`, `<think>`) into ordinary text for a model.

    A blank after the opening bracket breaks the token and leaves it readable. Clean the text first: what a hidden
    character separates is no token until it is gone.
    """
    return _CONTROL_TOKEN.sub(r"\g<0> ", text)
