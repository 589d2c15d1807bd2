"""What the demo answers: texts written beforehand, one chosen by the words of the message."""

from __future__ import annotations

import json
import re

DEMO_MODEL = "demo"
DEMO_NOTE = "A demo: answers written beforehand, no model."
DEMO_RATE = 60.0
"""Pieces a second: a small model on a good machine."""
DEMO_FIRST_S = 0.25
"""Seconds until the first piece."""

DEMO_DIGEST = "Demo: this summary was written beforehand. The user tried what the demo can do."
DEMO_PLAN = json.dumps(
    {
        "reasoning": "Demo: this plan was written beforehand. The data model comes first, since all else builds on it.",
        "steps": [
            {"key": "spec", "title": "Requirements", "prompt": "List what the application has to do.",
             "output": "a list", "files": ["spec.md"], "model": "small", "max_tokens": 500},
            {"key": "data", "title": "Data model", "prompt": "Write the tables with their columns as code.",
             "inputs": ["spec"], "after": ["spec"], "files": ["schema.sql"], "max_tokens": 1000},
            {"key": "api", "title": "Interface of the API", "prompt": "Describe each route in a table.",
             "inputs": ["spec"], "after": ["spec"], "files": ["api.md"], "max_tokens": 1000},
            {"key": "login", "title": "Authentication", "prompt": "Write the Python code that signs users in.",
             "inputs": ["data", "api"], "after": ["data", "api"], "files": ["auth.py"], "max_tokens": 2000},
            {"key": "routes", "title": "Routes", "prompt": "Write the Python code of the routes.",
             "inputs": ["data", "api"], "after": ["data", "api"], "files": ["routes.py"], "max_tokens": 2000},
        ],
    },
    indent=1,
)  # fmt: skip
"""What the demo answers when it is asked for a plan."""

_LABEL = "\n\n*Demo: this answer was written beforehand; no model was asked.*"

_WELCOME = """## Hello

This is **tale-tui** with its demo. It shows how answers look and move; it does not think. What you can try here:

1. Hand over work, as in *write a Python function*: it becomes a task, and you can go on talking.
2. Ask for *code*, a *table*, a *list* or a *long* answer.
3. Press `escape` while an answer comes: it stops, and what came stays. It can be continued.
4. Send something while an answer comes: it waits below and goes next.
5. Go up to the turns, choose one, and ask again: both versions are kept.

To talk to a real model, leave the demo and start `tale-tui`. It finds [Ollama](https://ollama.com) by itself, speaks to
any server with `/v1/chat/completions`, and can fetch a small model that runs without any of them."""

_CODE = '''## Fibonacci, three ways

The definition, word for word. It is short, and it counts the same numbers again and again:

```python
def fib(n: int) -> int:
    """The n-th Fibonacci number, n >= 0."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)
```

Two numbers are enough to go on from, so a loop needs no memory to speak of:

```python
def fib(n: int) -> int:
    """The n-th Fibonacci number, n >= 0."""
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a
```

Or keep the definition and let Python remember the results:

```python
from functools import cache


@cache
def fib(n: int) -> int:
    """The n-th Fibonacci number, n >= 0."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)
```

| way | additions for `fib(30)` | memory |
|---|---:|---|
| definition | 1,346,268 | depth of the call, 30 |
| loop | 30 | two numbers |
| cache | 29 | 31 results |

Take the loop, unless many different `n` are asked for. More on the numbers: [OEIS A000045](https://oeis.org/A000045).'''

_TABLE = """## Where to keep a list of books

| | SQLite | a JSON file | a spreadsheet |
|---|---|---|---|
| 100 books | fine | fine | fine |
| 1,000,000 books | fine | slow | no |
| two programs at once | yes, one writes at a time | no | no |
| read without a program | no | yes | yes |
| survives a crash while writing | yes | only if written beside and renamed | mostly |

**In short:** a file until two things write to it, then SQLite. The format is documented and
[meant to be read for decades](https://sqlite.org/lts.html)."""

_LIST = """## Before you send a patch

- Read the whole change once, as if somebody else had written it.
- Run what it touches:
  - the tests beside it,
  - the program itself, once, by hand.
- Say *why* in the message. *What* is in the change.
- Take out what you left in to look at things:
  - prints,
  - commented lines,
  - the file called `new2.py`.

> A change is finished when there is nothing left to take away from it.

Small patches are read carefully; large ones are approved."""

_LONG_PART = """## {number}. {title}

{text}

"""

_LONG = (
    (
        "What happens when you press a key",
        "The terminal writes a few bytes into a pipe. The program waits on that pipe, reads them, and decides what "
        "they mean: `a` is one byte, an arrow is three, a pasted text is framed by two marks. Then it changes what it "
        "remembers, draws the lines that look different now, and writes them back. All of that has to be done in the "
        "time between two frames, or the key feels heavy.",
    ),
    (
        "Why text that grows is hard",
        "An answer arrives in pieces of a few letters. Drawing everything anew for each piece costs more the longer "
        "the answer is, so the work grows with the *square* of its length. The way out is to notice that a finished "
        "paragraph never changes: draw it once, keep the lines, and only look at the last one again.",
    ),
    (
        "How to lose nothing",
        "```text\n"
        "message  ->  disk  ->  model  ->  screen\n"
        "              ^          |\n"
        "              +--- every second\n"
        "```\n\n"
        "The message is written down before the model is asked, and the answer once a second while it comes. Whatever "
        "is pulled out of the wall, at most one second of an answer is missing afterwards.",
    ),
    (
        "What a window is",
        "A model reads a limited number of tokens at once: its *context window*. A conversation that is longer than "
        "the window has to be cut, and the honest way is to cut whole turns at the old end and to show where.",
    ),
    (
        "Numbers to remember",
        "| | |\n|---|---:|\n| a reader's pace | 4 words a second |\n"
        "| a small model on a laptop | 40 tokens a second |\n| a frame at 60 Hz | 17 ms |\n"
        "| what feels immediate | 100 ms |",
    ),
)

_SHORT = "Received, and answered in one short sentence."

_ANSWERS = (
    (re.compile(r"^load test\b", re.IGNORECASE), _SHORT),
    (re.compile(r"\b(code|function|program|python|fibonacci|script)\b", re.IGNORECASE), _CODE),
    (re.compile(r"\b(table|compare|comparison|difference|versus|vs)\b", re.IGNORECASE), _TABLE),
    (re.compile(r"\b(list|steps|checklist|plan|how do i)\b", re.IGNORECASE), _LIST),
    (
        re.compile(r"\b(long|essay|explain|article|everything)\b", re.IGNORECASE),
        "".join(
            _LONG_PART.format(number=number, title=title, text=text) for number, (title, text) in enumerate(_LONG, 1)
        ).rstrip(),
    ),
)
_RULE = "\n---\n"
"""What is asked for in a task stands below the last rule; above it is what was talked about."""
_FILES = re.compile(r"^Give these files\b.*\n((?:- .+(?:\n|\Z))+)", re.MULTILINE)
"""The files that a step of a task is to give, one a line."""
_FILE = '```text title="{name}"\nDemo: this file was written beforehand.\n```\n\n'


def demo_answer(message: str) -> str:
    """The answer to a message, in Markdown: by its words, else a welcome that says what can be asked.

    It begins with the files that a step of a task is to give.
    """
    asked = message.rsplit(_RULE, 1)[-1].lstrip()
    said = next((answer for words, answer in _ANSWERS if words.search(asked)), _WELCOME)
    wanted = _FILES.search(asked)
    names = [line.removeprefix("- ") for line in wanted[1].splitlines()] if wanted else []
    return "".join(_FILE.format(name=name) for name in names) + said + _LABEL


def demo_pieces(text: str) -> list[str]:
    """A text cut as a model would bring it: a word at a time, with the white space before it."""
    return re.findall(r"\s*\S+|\s+\Z", text)
