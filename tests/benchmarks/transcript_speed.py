"""Figures of the transcript: `python tests/benchmarks/transcript_speed.py`.

Opens a session of 10,000 messages, scrolls it, lets replies of 2,000 and 8,000 tokens stream in, does the same with a
session whose replies are cards of tasks, and shows texts that are hostile by their size. Times are of the loop that
also draws the screen, without the terminal. A benchmark, not a test: nothing is judged here.
"""

from __future__ import annotations

import asyncio
import random
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input

from tale_tui.domain.conversation import Author, Message, MessageState, Session, Transcript
from tale_tui.domain.models import BackendName, ModelRef, Usage
from tale_tui.domain.tasks import Task, TaskState
from tale_tui.ui.markdown import warm
from tale_tui.ui.theming import VARIABLE_DEFAULTS
from tale_tui.ui.transcript.parts import LiveFigures
from tale_tui.ui.transcript.view import TranscriptView

MESSAGES = 10_000
SIZE = (120, 40)
PIECES_A_PAINT = 8
"""200 tokens a second, painted 25 times a second."""
REF = ModelRef(BackendName.OLLAMA, "qwen2.5:7b")
USAGE = Usage(900, 120, 0, 310.0, 0.0, 3400.0, 38.5)
WORDS = ["terminal", "screen", "paint", "cursor", "buffer", "stream", "token", "frame", "model", "answer", "window"]
ANSWER = """Memoisation keeps the **result** of a call, so that the same call *later* costs a look-up:

```python
from functools import cache

@cache
def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)
```

| way | calls |
|:----|------:|
| plain | 1,664,079 |
| `cache` | 31 |

1. It trades memory for time, see https://docs.python.org/3/library/functools.html.
2. Every result stays there until the cache is cleared.
   - `lru_cache` keeps the ones that were asked for last.

"""
HOSTILE = {
    "a line of 200,000 characters": "word " * 40_000,
    "the same without spaces": "x" * 200_000,
    "a line of 200,000 in a fence without language": "```\n" + "x y " * 50_000,
    "200,000 characters of Python": "```python\n" + ("def f(a):\n    return 'x' + str(a)  # c\n" * 5000)[:200_000],
    "a table of 300 x 10": "|" + "h|" * 10 + "\n|" + "---|" * 10 + "\n" + ("|" + "cell|" * 10 + "\n") * 300,
    "20,000 lines of code": "```python\n" + "x = 1\n" * 20_000,
    "1,000 headings": "# heading\n\n" * 1000,
    "quotes 5,000 deep": ">" * 5000 + " a\n",
    "lists 300 deep": "".join("  " * depth + "- a\n" for depth in range(300)),
    "10,000 lines that go on 200 quotes": ">" * 200 + "a\n" * 10_000,
    "5,000 definitions of links": "[a]\n\n" + "".join(f"[{number}]: http://a.b/{number}\n" for number in range(5000)),
    "100,000 combining marks": "e" + "\u0301" * 100_000,
    "100,000 brackets": "[" * 100_000,
    "40,000 stars": "*a " * 40_000,
    "1 MB of prose": "Some *words* here, and `code`.\n\n" * 32_000,
}


class Stage(App[None]):
    """A transcript above a line to type in."""

    CSS = "TranscriptView { height: 1fr; } Input { dock: bottom; }"

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What the style of the transcript asks for."""
        return dict(VARIABLE_DEFAULTS)

    def compose(self) -> ComposeResult:
        """Both."""
        yield TranscriptView()
        yield Input()


def message(number: int, author: Author, text: str) -> Message:
    """A message of some minutes ago."""
    model = author is Author.ASSISTANT
    return Message(
        f"{author.value}{number}",
        "session",
        None,
        author,
        text,
        time.time() - 600,
        ref=REF if model else None,
        usage=USAGE if model else None,
    )


def session(*messages: Message) -> Transcript:
    """A session of these."""
    return Transcript(Session("session", "Speed", 0.0, 0.0), messages)


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def tell(name: str, seconds: list[float]) -> None:
    """Print median, 95th percentile and maximum in milliseconds."""
    ordered = sorted(1000 * one for one in seconds)
    p95 = ordered[min(int(len(ordered) * 0.95), len(ordered) - 1)]
    print(f"{name:48} median {statistics.median(ordered):7.2f}  p95 {p95:7.2f}  max {ordered[-1]:7.2f} ms")


def paint(view: TranscriptView) -> None:
    """What the compositor asks of the transcript."""
    view.render_lines(view.size.region)


async def opening(view: TranscriptView, pilot: Pilot[None]) -> None:
    """A session of many messages, and ways through it."""
    talk = []
    for number in range(MESSAGES // 2):
        talk.append(message(number, Author.USER, f"Question {number} " + "and some words " * (number % 20)))
        talk.append(message(number, Author.ASSISTANT, ANSWER * (number % 4) + "Short. " * (number % 40)))
    wanted = session(*talk)
    tell(f"open {MESSAGES:,} messages", [timed(lambda: (view.load(wanted), paint(view))) for _ in range(5)])
    await pilot.pause()

    def steps(lines: int, count: int) -> list[float]:
        return [timed(lambda: (view.scroll_lines(lines), paint(view))) for _ in range(count)]

    tell("scroll one line up", steps(-1, 400))
    tell("scroll one screen up", steps(-36, 400))
    tell("scroll three lines down", steps(3, 400))
    tell("choose the turn above", [timed(lambda: (view.action_choose(-1), paint(view))) for _ in range(200)])

    def jump() -> None:
        view.go_to(view.turn_layout.position_at(random.randrange(view.turn_layout.height)))
        paint(view)

    tell("jump anywhere", [timed(jump) for _ in range(200)])
    laid = sum(bool(turn.sheets) for turn in view.turn_layout.turns)
    print(f"{'':48} {laid} turns are set, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")


def tokens(count: int) -> list[str]:
    """A Markdown answer in pieces, the same every time."""
    pick = random.Random(7)
    pieces: list[str] = []
    while len(pieces) < count:
        prose = [f" {pick.choice(WORDS)}" for _ in range(60)]
        prose[20], prose[40] = f" **{pick.choice(WORDS)}**", f" `{pick.choice(WORDS)}`"
        pieces += [*prose, ".\n\n", *ANSWER.replace(" ", "\0 ").split("\0")]
    return pieces[:count]


async def streaming(view: TranscriptView, count: int) -> None:
    """A reply that streams in, painted after every few pieces."""
    view.load(session(message(0, Author.USER, "Question")))
    reply = replace(message(0, Author.ASSISTANT, ""), state=MessageState.STREAMING, usage=None)
    view.add(reply)
    pieces, seconds, cpu = tokens(count), [], time.process_time()
    for number, piece in enumerate(pieces):
        view.stream_text(reply.id, piece)
        view.set_live(reply.id, LiveFigures("writing", 0.0, tokens=number, rate=200.0, ttft_ms=300.0))
        if number % PIECES_A_PAINT == 0:
            seconds.append(timed(lambda: (view.throttle.run(), paint(view))))
            await asyncio.sleep(0)
    view.update(replace(reply, text="".join(pieces), state=MessageState.COMPLETE))
    tell(f"{count:,} tokens, each {PIECES_A_PAINT} painted", seconds)
    print(f"{'':48} {time.process_time() - cpu:.2f} s of processor in all")


async def at_once(view: TranscriptView, count: int) -> None:
    """A reply whose pieces all come before the next paint."""
    view.load(session(message(0, Author.USER, "Question")))
    reply = replace(message(0, Author.ASSISTANT, ""), state=MessageState.STREAMING, usage=None)
    view.add(reply)
    began = time.perf_counter()
    for piece in tokens(count):
        view.stream_text(reply.id, piece)
    view.throttle.run()
    paint(view)
    tell(f"{count:,} tokens at once", [time.perf_counter() - began])


async def cards(view: TranscriptView, count: int) -> None:
    """A session whose replies are cards; then the text of a task comes, and its time goes on."""
    now = time.time()
    tasks, talk = [], []
    for number in range(MESSAGES // 2):
        one = Task(f"task{number}", f"t{number:04}", f"Task {number}", TaskState.DONE, now, now, ref=REF, worked_s=42.0)
        tasks.append(replace(one, finished=now - 60))
        talk.append(message(number, Author.USER, f"Question {number}"))
        talk.append(replace(message(number, Author.ASSISTANT, ANSWER), task_id=one.id))
    tasks[-1] = running = replace(tasks[-1], state=TaskState.RUNNING, finished=None, running_since=now)
    talk[-1] = replace(talk[-1], text="")
    wanted = session(*talk)

    def opened() -> None:
        view.load(wanted)
        view.set_tasks(tasks)
        paint(view)

    tell(f"open {MESSAGES:,} messages, half of them cards", [timed(opened) for _ in range(5)])
    tell("a second of a task", [timed(lambda: (view.tick(), paint(view))) for _ in range(200)])

    def told() -> None:
        view.put_task(running)
        view.throttle.run()
        paint(view)

    tell("a task told anew", [timed(told) for _ in range(200)])
    seconds = []
    for number, piece in enumerate(tokens(count)):
        view.stream_step(running.id, piece)
        view.set_task_live(running.id, LiveFigures("writing", 0.0, tokens=number, rate=200.0))
        if number % PIECES_A_PAINT == 0:
            seconds.append(timed(lambda: (view.throttle.run(), paint(view))))
            await asyncio.sleep(0)
    tell(f"{count:,} tokens under a card, each {PIECES_A_PAINT} painted", seconds)
    tell(
        "scroll one screen up, over cards",
        [timed(lambda: (view.scroll_lines(-36), paint(view))) for _ in range(400)],
    )


async def hostile(view: TranscriptView) -> None:
    """Texts that are hostile by their size: the longest step, and how long until all of it is there."""
    for name, text in HOSTILE.items():
        view.load(session())
        steps = [timed(lambda text=text: view.load(session(message(0, Author.ASSISTANT, text))))]
        while not view.turn_layout.turns[0].whole:
            steps.append(timed(view.throttle.run))
            await asyncio.sleep(0)
        steps[-1] += timed(lambda: paint(view))
        print(f"{name:48} {len(steps):2} steps, longest {1000 * max(steps):7.2f}, together {1000 * sum(steps):7.2f} ms")


async def main() -> None:
    """All of it, one after the other."""
    warm()
    app = Stage()
    async with app.run_test(size=SIZE) as pilot:
        view = app.query_one(TranscriptView)
        await pilot.pause()
        await opening(view, pilot)
        await at_once(view, 2000)
        await streaming(view, 2000)
        await streaming(view, 8000)
        await cards(view, 2000)
        await hostile(view)


if __name__ == "__main__":
    asyncio.run(main())
