"""Deterministic markdown answers, already cut into tokens.

The first token is START, the last is END, and a unique one-token marker
`mkNNNN` stands about every 25 tokens (never inside a table), so that the
driver can measure the lag between 'token written by the server' and 'token
visible on the screen' all along an answer.
"""

import random
import re
from functools import lru_cache

START = "ZEBRASTART"
END = "ZEBRAEND"
_WORDS = [
    "terminal",
    "screen",
    "paint",
    "cursor",
    "buffer",
    "stream",
    "token",
    "frame",
    "model",
    "answer",
    "context",
    "window",
    "prompt",
    "layout",
    "widget",
    "style",
    "render",
    "reactive",
    "queue",
    "event",
    "latency",
    "measure",
    "median",
    "sample",
    "server",
    "client",
    "socket",
    "chunk",
    "line",
    "column",
    "scroll",
    "region",
    "paragraph",
    "heading",
    "list",
    "table",
    "code",
    "block",
    "quote",
    "link",
]
_TOK = re.compile(r"mk\d{4}|\n+|[ \t]*[A-Za-z_]{1,7}|[ \t]*\d+|[ \t]*[^\w\s]+|[ \t]+")


class _Gen:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.mk = 0

    def marker(self):
        self.mk += 1
        return f"mk{self.mk:04d}"

    def words(self, n):
        return " ".join(self.r.choice(_WORDS) for _ in range(n))

    def sections(self):
        k = 0
        while True:
            k += 1
            yield f"\n\n## Section {k}: {self.words(3)}\n\n"
            for _ in range(2):
                yield (
                    f"{self.marker()} {self.words(14)}, **{self.words(2)}** and *{self.words(2)}* "
                    f"with `{self.r.choice(_WORDS)}_{k}` inside. {self.marker()} {self.words(12)}.\n\n"
                )
            for _ in range(4):
                yield f"- {self.marker()} {self.words(9)}\n"
            yield "\n"
            yield (
                f"```python\ndef {self.r.choice(_WORDS)}_{k}(value):\n    # {self.marker()} {self.words(5)}\n"
                f"    total = 0\n    for item in range(value):\n        total += item * {k}\n"
                f"    return total  # {self.marker()}\n```\n\n"
            )
            yield "| Name | Value | Note |\n|---|---|---|\n"
            for i in range(3):
                yield f"| {self.r.choice(_WORDS)} | {k * 10 + i} | {self.words(2)} |\n"
            yield "\n"
            for i in range(3):
                yield f"{i + 1}. {self.marker()} {self.words(8)}\n"
            yield f"\n> {self.marker()} {self.words(10)}\n"


@lru_cache(maxsize=16)
def tokens(n, seed=7):
    """Exactly n tokens (n >= 3)."""
    g = _Gen(seed)
    out = [START] + [" " + w for w in g.words(min(18, n - 3)).split()] + ["."]
    unit, _unit_at = [], len(out)
    for piece in g.sections():
        if piece.startswith("\n\n## "):  # a section boundary: safe place to stop
            if len(out) + len(unit) + 30 > n:
                break
            out += unit
            unit = []
        unit += _TOK.findall(piece)
    room = n - len(out)
    if room > 4:
        tail = ["\n\n"]
        while len(tail) < room - 2:
            tail.append((" " if len(tail) > 1 else "") + (g.marker() if len(tail) % 25 == 1 else g.r.choice(_WORDS)))
        out += [*tail, "\n\n", END]
    else:
        out = [*out[: n - 1], " " + END]
    out = [*out[: n - 1], out[-1]]
    return tuple(out)


if __name__ == "__main__":
    for n in (10, 50, 2000, 8000):
        t = tokens(n)
        print(n, len(t), t[0], repr(t[-1]), sum("mk" in x for x in t), len("".join(t)))
    print("".join(tokens(420)))
