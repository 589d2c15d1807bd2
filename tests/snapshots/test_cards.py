"""Cards of tasks in a conversation, in every state; the transcript alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from support.looks import SIZES, THEMES
from tale_tui.domain.conversation import Author, Message, Session, Transcript
from tale_tui.domain.forecasts import NOTHING, Estimate, ForecastSummary
from tale_tui.domain.models import BackendName, ModelRef, Usage
from tale_tui.domain.tasks import Reason, Task, TaskState
from tale_tui.formatting.symbols import ASCII
from tale_tui.ui.theming import VARIABLE_DEFAULTS, load_theme, theme_folders
from tale_tui.ui.transcript.parts import LiveFigures
from tale_tui.ui.transcript.view import TranscriptView

NOW = 1_794_146_520.0
"""Sunday 8 November 2026, 14:02 UTC."""
SMALL, USUAL = (80, 24), (120, 40)
UX, BIG = ModelRef(BackendName.OLLAMA, "qwen2.5:7b"), ModelRef(BackendName.OLLAMA, "qwen3:14b")
USAGE = Usage(412, 118, 0, 310.0, None, 3400.0, 38.2)
HELLO = "Hello! How are you today?"
WANTED = "Can you write a Python function to calculate the Fibonacci sequence?"
RESULT = '''Here is a function for the Fibonacci sequence. It remembers what it has found.

```python
from functools import cache


@cache
def fib(n: int) -> int:
    """n-th Fibonacci number, n >= 0."""
    if n < 0:
        raise ValueError("n must not be negative")
    return n if n < 2 else fib(n - 1) + fib(n - 2)
```

It raises `ValueError` for a negative number.

- `fib(10)` is 55
- `fib(50)` is 12586269025
'''


def task(state: str, shown: str = "k4t9", title: str = "Fibonacci function", **fields: Any) -> Task:
    fields = {"ref": BIG, "p": 0.93, "message_id": f"card {shown}", **fields}
    return Task(shown * 5, shown, title, TaskState(state), NOW - 300, NOW, **fields)


RUNS = task(
    "running", running_since=NOW - 42, expected_s=72.0, steps_total=3, steps_done=1, step_title="write",
    completion_tokens=96,
)  # fmt: skip
DONE = task("done", worked_s=51.0, finished=NOW - 70, completion_tokens=412, prompt_tokens=96)
STATES = (
    task("failed", "z3h6", "Translate the manual", worked_s=3.0, finished=NOW - 80, error_code="out_of_memory",
         error="qwen3:14b needs 9.3 GB, and 6.1 GB are free. Close other programs, or choose a smaller model: /model."),
    task("waiting", "r5n1", "Web application", reason=Reason.APPROVAL, steps_total=14),
    task("paused", "m2x7", "Compare three databases", reason=Reason.INTERRUPTED, worked_s=130.0, expected_s=490.0),
    task("cancelled", "h7j2", "A poem about the sea", worked_s=8.0, finished=NOW - 75),
    task("queued", "p8c3", "Tests for Fibonacci", waits_for=("k4t9",), p=None, expected_s=72.0),
    RUNS,
)  # fmt: skip


def said(number: int, text: str) -> Message:
    return Message(f"u{number}", "s", None, Author.USER, text, NOW - 400 + number)


def reply(number: int, text: str) -> Message:
    return Message(f"a{number}", "s", None, Author.ASSISTANT, text, NOW - 390 + number, ref=UX, usage=USAGE)


def card(one: Task, text: str = "", **fields: Any) -> Message:
    made = Message(one.message_id or "", "s", None, Author.ASSISTANT, text, NOW - 300, task_id=one.id)
    return replace(made, **fields)


class Page(App[None]):
    """A conversation and nothing else."""

    AUTO_FOCUS = None

    def __init__(self, theme: str) -> None:
        super().__init__()
        self.animation_level = "none"
        self.view = TranscriptView(clock=lambda: NOW, monotonic=lambda: 0.0)
        self.register_theme(load_theme(theme, theme_folders()))
        self.theme = theme

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(VARIABLE_DEFAULTS)

    def compose(self) -> ComposeResult:
        yield self.view


@pytest.fixture
def picture(snap_compare: Callable[..., bool]) -> Callable[..., bool]:
    """Whether a conversation looks as in the picture that was kept."""

    def compare(
        messages: tuple[Message, ...],
        tasks: tuple[Task, ...],
        act: Callable[[TranscriptView], None] | None = None,
        *,
        size: tuple[int, int] = USUAL,
        theme: str = "tale-dark",
        chosen: str = "",
        keys: tuple[str, ...] = (),
    ) -> bool:
        app = Page(theme)

        async def play(pilot: Pilot[None]) -> None:
            app.view.load(Transcript(Session("s", "A talk", NOW, NOW), messages))
            app.view.set_tasks(tasks)
            await pilot.pause()
            if act is not None:
                act(app.view)
            if chosen:
                app.view.chosen = chosen
                app.view.focus()
                await pilot.press(*keys)
            app.view.throttle.run()
            await pilot.pause()

        return snap_compare(app, terminal_size=size, run_before=play)

    return compare


def writing(one: Task) -> Callable[[TranscriptView], None]:
    """Half of the result has come."""

    def act(view: TranscriptView) -> None:
        view.stream_step(one.id, RESULT[:240])
        view.set_task_live(one.id, LiveFigures("writing", 0.0, tokens=96, rate=11.8))

    return act


ASKED = (said(1, HELLO), reply(1, "I am fine, thank you. What shall we do?"), said(2, WANTED), card(RUNS))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_acknowledged(picture: Any, size: tuple[int, int], theme: str) -> None:
    assert picture(ASKED, (RUNS,), size=size, theme=theme)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_writing(picture: Any, size: tuple[int, int], theme: str) -> None:
    assert picture(ASKED, (RUNS,), writing(RUNS), size=size, theme=theme)


def test_writing_where_one_model_does_both(picture: Any) -> None:
    """Nothing is known of how long it takes: the bar moves."""
    one = task("running", running_since=NOW - 42)

    def act(view: TranscriptView) -> None:
        view.same_model = True
        writing(one)(view)

    assert picture((said(1, WANTED), card(one)), (one,), act)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_talk_goes_on(picture: Any, size: tuple[int, int]) -> None:
    """The card has folded, and the keys of the chosen one are told."""

    def act(view: TranscriptView) -> None:
        writing(RUNS)(view)
        view.add(said(3, "Meanwhile: what is memoisation?"))
        view.add(reply(3, "It keeps the result of a call, so that the same call later costs a look-up."))

    assert picture(ASKED, (RUNS,), act, size=size, chosen="card k4t9")


@pytest.mark.parametrize("theme", [*THEMES, "terminal"])
def test_every_state(picture: Any, theme: str) -> None:
    assert picture(tuple(card(one) for one in STATES), STATES, theme=theme)


@pytest.mark.parametrize("size", [(80, 40), (40, 24), (20, 5)], ids=["80x40", "40x24", "20x5"])
def test_every_state_in_little_room(picture: Any, size: tuple[int, int]) -> None:
    assert picture(tuple(card(one) for one in STATES), STATES, size=size)


def test_without_signs(picture: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = ("formatting.digest", "formatting.symbols", "formatting.tasks")
    for module in (*modules, "ui.transcript.card", "ui.transcript.parts", "ui.transcript.paint"):
        monkeypatch.setattr(f"tale_tui.{module}.signs", lambda: ASCII)
    done = replace(DONE, id="w9d4", shown="w9d4", message_id="card w9d4")
    assert picture((*(card(one) for one in STATES[1:]), card(done, RESULT)), (*STATES, done))


RESULT_SHOWN = (said(1, WANTED), card(DONE, RESULT, ref=BIG), said(2, "Thank you."), reply(2, "You are welcome."))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_done(picture: Any, size: tuple[int, int], theme: str) -> None:
    assert picture(RESULT_SHOWN, (DONE,), size=size, theme=theme)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_whole_result(picture: Any, size: tuple[int, int]) -> None:
    assert picture(RESULT_SHOWN, (DONE,), size=size, chosen="card k4t9", keys=("enter",))


@pytest.mark.parametrize("theme", THEMES)
def test_an_offer(picture: Any, theme: str) -> None:
    """What may have been a task was answered, and can still become one."""
    talk = (said(1, "The login page could be friendlier"), reply(1, "It could. What do its users complain about?"))
    assert picture(talk, (), lambda view: view.set_offer("a1"), size=SMALL, theme=theme)


def test_a_second_version(picture: Any) -> None:
    again = card(RUNS, sibling=2, siblings=2)
    assert picture((said(1, WANTED), again), (RUNS,), size=SMALL)


FORESEEN = ForecastSummary(Estimate(900, 600, 1_400), Estimate(70, 45, 110), NOTHING, 231, "medium")
LETTER = ForecastSummary(Estimate(290, 180, 470), Estimate(65, 40, 100), NOTHING, 231, "medium")
FORESEEN_TASKS = (
    task("done", "w9d4", "Letter to the landlord", worked_s=51.0, finished=NOW - 70, completion_tokens=318,
         forecast=LETTER),
    task("running", "m3v7", "A poem about the sea", running_since=NOW - 10, forecast=replace(LETTER, runs=4)),
    task("running", "x2c8", "Rename the pictures", running_since=NOW - 150, forecast=FORESEEN),
    task("queued", "p8c3", "Tests for Fibonacci", waits_for=("k4t9",), p=None, forecast=FORESEEN),
    task("queued", "q5n2", "Tests for primes", p=None, forecast=replace(FORESEEN, runs=4)),
    task("running", running_since=NOW - 42, step_title="write", forecast=FORESEEN),
)  # fmt: skip


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_what_was_foreseen_of_tasks(picture: Callable[..., bool], size: tuple[int, int], theme: str) -> None:
    def act(view: TranscriptView) -> None:
        view.set_task_live(FORESEEN_TASKS[-1].id, LiveFigures("writing", 0.0, tokens=412, rate=11.8))

    messages = tuple(card(one) for one in FORESEEN_TASKS)
    assert picture(messages, FORESEEN_TASKS, act, size=size, theme=theme)


DEAR = replace(FORESEEN, large=True, cost=Estimate(0.0123, 0.008, 0.0204))
ASKING_TASKS = (
    task("queued", "q5n2", "Tests for primes", p=None, forecast=DEAR),
    task("queued", "p8c3", "Tests for Fibonacci", p=None, forecast=replace(DEAR, runs=4)),
    task("waiting", "b4d6", "Web application", reason=Reason.BUDGET, forecast=DEAR),
    task("waiting", "s6k3", "A poem about the sea", reason=Reason.LENGTH, worked_s=140.0, completion_tokens=2_100,
         forecast=LETTER),
)  # fmt: skip


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_large_tasks_and_those_that_ask_about_budgets(
    picture: Callable[..., bool], size: tuple[int, int], theme: str
) -> None:
    assert picture(tuple(card(one) for one in ASKING_TASKS), ASKING_TASKS, size=size, theme=theme)
