"""The last line: the model, how full its window is, and the keys that matter now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import COUNT_WIDTH, bar, count, duration, key_name, plural, rate
from tale_tui.ui.text import fitted, spread

ModelState = Literal["starting", "unset", "idle", "loading", "ready", "away", "failed"]

ALARM_SHARE = 0.8
"""From this share on the gauge says that the window is nearly full."""
WIDE = 110
"""Cells from which on words are written out."""
MODEL_SHARE = 0.25
"""The part of the line that the model takes: fixed, so that what follows never moves."""
_BOTH_FROM, _BOTH_NAMES, _ONE_NAME = 70, 26, 14
"""Cells of a line that has the names of both models, and of the models in it and in a narrower one at least."""
_WORKER_SHARE = 0.25
"""Of the cells of both models, what the name of the one that works keeps."""
_DEMO_CELLS = len(" ● ") + len(" demo")
"""Beside the name of a demo; the word goes before a part of the name does."""
_NAME_MIN = 5
"""Cells below which a name says nothing."""
GAUGE_MIN_WIDTH = 46
"""Cells below which the gauge gives way to the keys."""
_BAR_WIDE, _BAR_NARROW = 8, 5
_GAUGE_WIDE, _GAUGE_NARROW = 34, 20
"""Cells of the whole gauge, its longest numbers and word included."""
_TICK_S = 1.0
_GAP, _NARROW_GAP = 3, 2
"""Cells between two keys, and before the first."""
_MINUTE_S = 60

_SIGNS: dict[ModelState, str] = {
    "starting": "working",
    "unset": "absent",
    "idle": "absent",
    "loading": "working",
    "ready": "resident",
    "away": "failed",
    "failed": "failed",
}

_WORDS: dict[ModelState, str] = {"starting": "starting", "unset": "no model", "away": "away", "failed": "failed"}

_COLOURS: dict[ModelState, str] = {"away": "$warning", "failed": "$error", "unset": "$muted", "starting": "$muted"}


@dataclass(frozen=True, slots=True)
class ModelShown:
    """The model that answers, as the line shows it."""

    state: ModelState = "starting"
    name: str = ""
    """Safe text."""
    demo: bool = False
    since: float | None = None
    """While it loads: since when, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class WindowShown:
    """How full the context window is, in tokens."""

    used: int | None
    """None where nobody has counted yet."""
    size: int
    cut: bool = False
    """True when the server dropped a part of what was sent."""
    digest: int = 0
    """Of what is used, the summary of older turns."""
    left_out: bool = False
    """Whether older turns were neither sent nor summed up."""


@dataclass(frozen=True, slots=True)
class TasksShown:
    """How many tasks are open."""

    running: int = 0
    queued: int = 0
    asking: int = 0
    """Those that wait for the user."""

    @property
    def open(self) -> int:
        """All of them."""
        return self.running + self.queued + self.asking


_NO_TASKS = TasksShown()


@dataclass(frozen=True, slots=True)
class KeyHint:
    """A key that matters now."""

    key: str
    """As Textual names it; pressed when the hint is clicked."""
    label: str
    name: str = ""
    """As it is shown where it stands for others too: `1-6`; empty for its own name."""

    def shown(self, colour: str) -> Content:
        """The key in `colour` and what it does, to be clicked."""
        line = Content.assemble((self.name or key_name(self.key), colour), " ", (self.label, "$muted"))
        return line.stylize(Style.from_meta({"@click": f"app.simulate_key('{self.key}')"}))


def key_hints(wanted: Iterable[tuple[str, ...]], keys: Mapping[str, str]) -> tuple[KeyHint, ...]:
    """The hints of keys that can do something now.

    Args:
        wanted: the id of each binding, what it does, and how the key is named where not by its own name.
        keys: binding id -> key, of those that can do something.
    """
    return tuple(KeyHint(keys[name], *words) for name, *words in wanted if name in keys)


def hints_that_fit(hints: Sequence[KeyHint], room: int, gap: int) -> Content:
    """As many hints as there is room for: the last one always, the others from the first; empty where none fits.

    Args:
        hints: the most wanted first.
        room: cells.
        gap: cells between two of them.
    """
    if not hints or room <= 0:
        return Content("")
    *first, last = (hint.shown("$foreground") for hint in hints)
    shown, used = [last], last.cell_length + 1
    for hint in first:
        used += hint.cell_length + gap
        if used > room:
            break
        shown.insert(-1, hint)
    return Content(" " * gap).join(shown) + " " if last.cell_length < room else Content("")


class StatusLine(Widget):
    """Three parts at fixed places, so that nothing jumps when one of them changes."""

    ALLOW_SELECT = False
    # The keys are clickable and look like the rest of the line.
    auto_links = False

    class WindowChosen(Message):
        """The gauge of the window was clicked."""

    model: reactive[ModelShown] = reactive(ModelShown())
    """The model that answers."""
    task_model: reactive[ModelShown | None] = reactive(None)
    """The model that works on tasks; None until something is known of it."""
    tasks: reactive[TasksShown] = reactive(TasksShown())
    """How many tasks are open, of this conversation or not."""
    window: reactive[WindowShown | None] = reactive(None)
    """The context window after the last turn; None while nothing is known of it."""
    speed: reactive[float | None] = reactive(None)
    """Tokens a second that models write now, all together, said where there is room; None while none does."""
    keys: reactive[tuple[KeyHint, ...]] = reactive(())
    """What can be done now, the most wanted first; the last one is shown wherever there is room for any."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.now = now
        self._gauge_cells = range(0)
        """Where the gauge stands, as it was painted last."""

    def on_click(self, event: events.Click) -> None:
        """The gauge is clicked: what it is made of is wanted."""
        if event.x in self._gauge_cells:
            self.post_message(self.WindowChosen())

    def watch_model(self, model: ModelShown) -> None:
        """Count seconds while a model loads, and only then."""
        counts = model.state == "loading" and model.since is not None and self.is_attached
        self.auto_refresh = _TICK_S if counts else None

    def render(self) -> Content:
        """One line; words go where there is little room, then the gauge, then keys."""
        width = self.size.width
        wide = width >= WIDE
        least = _BOTH_NAMES if width >= _BOTH_FROM else _ONE_NAME
        counts = self.tasks != _NO_TASKS or self.speed is not None
        left = self._models(max(round(width * MODEL_SHARE), least))
        self._gauge_cells = range(0)
        if width >= GAUGE_MIN_WIDTH:
            begin = left.cell_length + 1
            self._gauge_cells = range(begin, begin + (_GAUGE_WIDE if wide else _GAUGE_NARROW))
            left = Content.assemble(
                left,
                " ",
                self._gauge(wide=wide),
                (self._counts(wide=wide) if counts else "", "$muted"),
            )
        gap = _GAP if wide else _NARROW_GAP
        return spread(left, hints_that_fit(self.keys, width - left.cell_length - gap, gap), width)

    def _models(self, width: int) -> Content:
        """The model that answers in `width` cells, and that which works where it is another one: sign, name, a word."""
        worker, sign, name = self.task_model, Content(""), Content("")
        if worker is not None and worker.name not in ("", self.model.name):
            state: ModelState = "loading" if self.tasks.running else worker.state
            sign = Content.assemble("  ", (getattr(signs(), _SIGNS[state]), _COLOURS.get(state, "$task")))
            name = Content.assemble(" ", (worker.name, "$task"))
        first = self._model(width - sign.cell_length)
        left = width - first.cell_length - sign.cell_length
        if name.cell_length > left and width >= _BOTH_NAMES:
            # Neither takes all the room: who works is worth knowing as well as who answers.
            left = min(name.cell_length, max(left, round(width * _WORKER_SHARE)))
            first = self._model(width - sign.cell_length - left)
            left = width - first.cell_length - sign.cell_length
        shown = name.truncate(left, ellipsis=True) if left >= _NAME_MIN else Content("")
        return Content.assemble(first, sign, shown).truncate(width, pad=True)

    def _model(self, room: int) -> Content:
        """The model that answers, in at most `room` cells."""
        model = self.model
        word = _WORDS.get(model.state, "demo" if model.demo and len(model.name) + _DEMO_CELLS <= room else "")
        if model.state == "loading":
            word = f"loading {self._waited()}".rstrip()
        sign = getattr(signs(), _SIGNS[model.state])
        room -= 3 + (len(word) + 1 if word else 0)
        name = fitted(model.name, room) if room > 0 else ""
        colour = _COLOURS.get(model.state, "$ux")
        return Content.assemble(" ", (sign, colour), " ", (name, "$ux"), " " if name and word else "", (word, "$muted"))

    def _waited(self) -> str:
        since = self.model.since
        if since is None:
            return ""
        seconds = max(self.now() - since, 0)
        return f"{int(seconds)} s" if seconds < _MINUTE_S else duration(seconds)

    def _counts(self, *, wide: bool) -> str:
        """The open tasks; they stand behind the gauge, so that it stays where it is when the first one comes."""
        tasks = self.tasks
        parts = [
            f"{number} {word}"
            for number, word in ((tasks.running, "running"), (tasks.queued, "queued"), (tasks.asking, "needs you"))
            if number
        ]
        words = [", ".join(parts) if wide or len(parts) == 1 else plural(tasks.open, "task")] if parts else []
        if self.speed is not None and wide:
            words.append(rate(self.speed))
        return "".join(f" {one}" for one in ("  ".join(words),) if one)

    def _gauge(self, *, wide: bool) -> Content:
        """The window: always as many cells, from the first frame on; an empty gauge while nothing is known."""
        shown, width = self.window, _GAUGE_WIDE if wide else _GAUGE_NARROW
        if shown is None or shown.size <= 0:
            shown = WindowShown(None, 0)
        share = min((shown.used or 0) / max(shown.size, 1), 1.0)
        word, colour = "", "$muted"
        if shown.cut:
            word, colour = "cut", "$error"
        elif shown.left_out:
            word, colour = "left out" if wide else "full", "$warning"
        elif share >= ALARM_SHARE:
            word, colour = "high", "$warning"
        used = signs().dash if shown.used is None else count(shown.used)
        size = count(shown.size) if shown.size else signs().dash
        numbers = f"{used:>{COUNT_WIDTH}} of {size}" if wide else f"{used}/{size}"
        label = "window " if wide and (shown.cut or not shown.left_out) else ""  # else the words take its room
        painted = bar(share, _BAR_WIDE if wide else _BAR_NARROW)
        # The summary of older turns stands before the newest ones, in the window as in its gauge.
        cells = round(shown.digest / max(shown.size, 1) * len(painted))
        summed_up = min(max(cells, 1), len(painted)) if shown.digest else 0
        gauge = ((painted[:summed_up], "$accent"), (painted[summed_up:], colour))
        line = Content.assemble((label, "$muted"), *gauge, " ", (f"{numbers} {word}".rstrip(), colour))
        return line.truncate(width, pad=True)
