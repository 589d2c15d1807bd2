"""The shape of a message: length, layout, signs and pasted blocks. Fast on texts of any length."""

from __future__ import annotations

import re
from collections.abc import Iterator

LOOK_CHARS = 320
"""So much of a text is searched for patterns; the rest counts by its length alone."""
PATTERNS = {
    "fence": re.compile(r"```|~~~"),
    "inline code": re.compile(r"`[^`\n]+`|\b\w+\([^()\n]{0,40}\)|\b\w+_\w+\b|\b[a-z]+[A-Z]\w+"),
    "code": re.compile(
        r"[;{}]\s*(?:\n|$)|\b(?:def|class|function|fn|func|return|import|const|let|var|public|void|for|while|print)\b"
        r"[^\n.?!]{0,40}[(){}=:;]|</?[a-zA-Z][^>\n]{0,60}>|=>|==|!=|\+=|&&|\|\||::|->"
    ),
    "sql": re.compile(r"\b(?:select\b.{1,80}\bfrom|insert into|create table|group by|left join)\b", re.IGNORECASE),
    "trace": re.compile(
        r"Traceback|(?:Error|Exception)\b|\bat [\w.$<>]+\([\w.]+:\d+\)|\b[Ll]ine \d+|panic|[Ss]egfault|errno"
        r"|[Ee]xit code|undefined reference|[Ss]tack ?trace|core dumped|error TS\d+|\bE\d{4}\b|fatal:"
    ),
    "log": re.compile(r"\b(?:ERROR|WARN|INFO|DEBUG|FATAL)\b|\d\d:\d\d:\d\d"),
    "path": re.compile(
        r"(?:^|\s)(?:~|\.{0,2})/[\w.-]+/|[A-Z]:\\|\b[\w-]{1,40}\.(?:py|js|ts|c|cpp|rs|go|java|csv|json|txt|md|sh|ya?ml|log|sql|html|css|xlsx|pdf|docx)\b"
    ),
    "address": re.compile(r"https?://|www\.|@\w+\.\w"),
    "mail": re.compile(
        r"^(?:subject|betreff|from|to|objet|asunto|oggetto)\s*:|\b(?:dear|hi) [A-Z]\w+,", re.IGNORECASE | re.MULTILINE
    ),
    "bullets": re.compile(
        r"(?:^|\n)[ \t]{0,8}(?:[-*•]|\(?\d{1,2}[.)]|[a-d][.)])\s.*\n[ \t]{0,8}(?:[-*•]|\(?\d{1,2}[.)]|[a-d][.)])\s"
    ),
    "formula": re.compile(
        r"\d\s*[-+*/^=×÷]\s*\(?\d|\b[a-z]\s*[=^]\s*[-\d(a-z]|\b[fgh]\([a-z]\)|\\(?:frac|int|sum|sqrt|begin|\[)|\$\$|[∫∑√≤≥∈∀∂]"
    ),
    "percent": re.compile(r"\d\s?%"),
    "money": re.compile(r"[$€£¥]\s?\d|\d\s?(?:[$€£¥]|usd|eur|euros?|dollars?|bucks)", re.IGNORECASE),
    "quote": re.compile(r"[\"“«„「『][^\"”»“」』]{25,}"),
    "short quote": re.compile(r"[\"“«„「『][^\"”»“」』\n]{1,24}[\"”»“」』]"),
    "given after colon": re.compile(r"[:：]\s*\S.{14}", re.DOTALL),
    "given after break": re.compile(r"[:：]\s*\n\s*\S"),
    "asks of all": re.compile(r"\b(?:in|at|under|max|about|around|exactly|only|least|most)\s+\d+\s+\w", re.IGNORECASE),
    "placeholder": re.compile(r"\[[A-Za-z_ ]{2,20}\]|\{[A-Za-z_ ]{2,20}\}|<[A-Z_ ]{3,20}>"),
    "smile": re.compile(r"[:;]-?[)(DPp]|[\U0001F300-\U0001FAFF]|\b(?:lol|haha|hehe|jaja|www)\b", re.IGNORECASE),
    "command": re.compile(r"^\s*[/$>]\s?\w"),
}
_QUOTES = frozenset('"“«„「『')
_COLONS = frozenset(":：")
NEEDED: dict[str, frozenset[str]] = {
    "fence": frozenset("`~"),
    "bullets": frozenset("\n"),
    "percent": frozenset("%"),
    "mail": frozenset(":,"),
    "quote": _QUOTES,
    "short quote": _QUOTES,
    "given after colon": _COLONS,
    "given after break": _COLONS,
    "placeholder": frozenset("[{<"),
    "command": frozenset("/$>"),
}
"""Signs of which a pattern needs one: where none of them is, it is not searched for."""


def shape(text: str) -> Iterator[str]:
    """Names of what is seen in a stripped text."""
    looked = text[:LOOK_CHARS]
    size = _bucket(len(text))
    yield f"chars {size}"
    lines = looked.count("\n")
    yield f"lines {min(_bucket(lines), 6)}"
    signs = set(looked)
    for name, pattern in PATTERNS.items():
        needed = NEEDED.get(name)
        if (needed is None or not signs.isdisjoint(needed)) and pattern.search(looked):
            yield name
    yield from _signs(text, looked, size)
    if lines and "\n\n" in looked:
        yield "paragraphs"


def _signs(text: str, looked: str, size: int) -> Iterator[str]:
    marks = looked.count("?") + looked.count("？") + looked.count("؟")
    yield f"question marks {min(marks, 3)}"
    if marks:
        yield f"question marks {min(marks, 3)} in {size}"
    if looked.count("!") + looked.count("！"):
        yield "exclaims"
    if text[-1:] in (".", "。", "।"):
        yield "full stop"
    if text[-1:] in (":", "："):
        yield "ends open"
    signs = sum(map(looked.count, "{}()[];=<>_\\|#$"))
    yield f"signs {min(_bucket(signs), 6)}"
    yield f"commas {min(_bucket(looked.count(',') + looked.count('，') + looked.count('、')), 5)}"
    yield f"digits {min(_bucket(sum(map(looked.count, '0123456789'))), 6)}"
    if not looked.isascii():
        yield "beyond ascii"


def _bucket(count: int) -> int:
    """A length on a scale of half octaves: finer than doubling where most messages lie."""
    if count < 2:
        return count
    octave = count.bit_length()
    return octave * 2 - (count < 3 << (octave - 2))
