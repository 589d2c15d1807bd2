"""How tasks are told: signs, states, times and digests, the same on every screen and on the command line.

Pure functions of a `Task` and of the present (`now`, seconds since the epoch). What comes from a task is one line and
safe already: titles and errors passed the border when they were stored.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from tale_tui.formatting.symbols import Signs, bar, signs
from tale_tui.formatting.units import about, count, format_probability

if TYPE_CHECKING:
    from tale_tui.domain.tasks import Task

Tone = Literal["work", "look", "ok", "bad", "quiet"]
"""How loud a state is: at work, needs the user, went well, went wrong, nothing to see."""

TIMES_WIDTH = len("10:42, longer than usual")
"""Cells that `times` needs at most."""
SHORT_TIMES_WIDTH = len("10:42 ~10:30")
"""The same of `short_times`."""
DIGEST_LINES = 8
"""Lines of a result that are shown before all of it is asked for."""

_CODE_LEAST = 5
"""Lines of room below which no block of code is begun in a digest."""
_MINUTE_S, _HOUR_S = 60, 3600
_CLOCK_MINUTES = 100
"""From so many minutes on a time is told in hours."""
_LEFT_STEP_S = 5
"""Nobody knows the time left to the second."""
_TONES: dict[str, Tone] = {"running": "work", "waiting": "look", "done": "ok", "failed": "bad"}
_SIGNS = {
    "draft": "waiting",
    "waiting": "asks",
    "queued": "waiting",
    "running": "working",
    "paused": "paused",
    "done": "done",
    "failed": "wrong",
    "cancelled": "dash",
}
_ERRORS = {
    "unreachable": "server away",
    "not_found": "no such model",
    "out_of_memory": "out of memory",
    "crashed": "model ended",
    "context_full": "window full",
    "not_authorised": "wants a key",
    "busy": "server busy",
    "timed_out": "took too long",
    "step_timed_out": "took too long",
    "broken_stream": "broke off",
    "refused": "refused",
    "damaged": "model damaged",
    "no_model": "no model",
    "disk_full": "disk full",
    "bad_plan": "bad plan",
}
"""Class of an error, as in errors.py -> what a list says of it."""
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_SENTENCE_END = re.compile(r"[.!?…]\s")


# what it is


def sign(task: Task, *, of: Signs | None = None) -> str:
    """The sign of its state, one cell.

    Args:
        task: whose.
        of: the set of signs; None takes those of this process.
    """
    return str(getattr(of or signs(), _SIGNS[task.state]))


def tone(task: Task) -> Tone:
    """How loud it is shown; what was interrupted waits for somebody to let it go on."""
    if task.state == "paused" and task.reason == "interrupted":
        return "look"
    return _TONES.get(task.state, "quiet")


def chip(task: Task) -> str:
    """That it is a task, and how sure that is: `task .93`; without a number where somebody said so."""
    return "task" if task.p is None else f"task {format_probability(task.p)}"


def model_name(task: Task) -> str:
    """The model that does it, did it or would; empty where that is not known."""
    return "" if task.ref is None else task.ref.model


def acknowledgement(task: Task) -> str:
    """What is said above the card of a task that runs, or will by itself; empty for any other."""
    doing = {"running": "is working on it", "queued": "will work on it"}.get(task.state)
    return f"{model_name(task) or 'The big model'} {doing}. Go on talking; it will show up here." if doing else ""


# where it is


def state_words(task: Task, now: float, *, doing: str = "") -> str:
    """Where it is: `step 2 of 3, writing`, `waits for k4t9`, `again in 12 s`, `approve 14 steps`, `out of memory`.

    Args:
        task: whose.
        now: the present.
        doing: what is going on in the step that runs (`writing`), where that is known better than by its title.
    """
    if task.state == "running":
        words = doing or task.step_title
        place = f"step {_step_number(task)} of {task.steps_total}"
        if task.steps_total > 1:
            return f"{place}, {words}" if words else place
        return doing or "working"
    return _still_words(task, now)


def short_state(task: Task, now: float, *, doing: str = "") -> str:
    """As `state_words`, for narrow places: `2/3 writing`."""
    if task.state == "running" and task.steps_total > 1:
        words = doing or task.step_title
        return f"{_step_number(task)}/{task.steps_total} {words}".rstrip()
    return state_words(task, now, doing=doing)


def _step_number(task: Task) -> int:
    """The number of the step that runs, from 1."""
    return min(task.steps_done + 1, task.steps_total)


def _still_words(task: Task, now: float) -> str:
    match task.state:
        case "queued":
            return _queued_words(task, now)
        case "waiting":
            return _question(task)
        case "paused":
            return "interrupted" if task.reason == "interrupted" else "paused"
        case "failed":
            return _ERRORS.get(task.error_code, "failed")
    return str(task.state)


def _queued_words(task: Task, now: float) -> str:
    if task.waits_for:
        first, *others = task.waits_for
        return f"waits for {first} and {len(others)} more" if others else f"waits for {first}"
    if task.next_try is not None:
        left = task.next_try - now
        return f"again in {about(left)}" if left > 0 else "again soon"
    return "queued"


def _question(task: Task) -> str:
    if task.reason == "repeat":
        return "run again?"
    if task.steps_done or not task.steps_total:
        return f"approve {task.step_title}".rstrip()
    return f"approve {task.steps_total} {'step' if task.steps_total == 1 else 'steps'}"


# how long


def elapsed_s(task: Task, now: float) -> float:
    """How long it ran in all, in seconds."""
    running = max(now - task.running_since, 0.0) if task.running_since is not None else 0.0
    return task.worked_s + running


def left_s(task: Task, now: float) -> float | None:
    """How long it still takes if it takes as long as usual; None where that is not known, or is over."""
    if task.expected_s is None:
        return None
    left = task.expected_s - elapsed_s(task, now)
    return left if left > 0 else None


def clock(seconds: float) -> str:
    """A time that goes on, as a clock shows it: `0:08`, `12:05`, from 100 minutes on `1.7 h`.

    Args:
        seconds: what is below 0 is taken as 0.
    """
    whole = int(max(seconds, 0.0))
    if whole < _CLOCK_MINUTES * _MINUTE_S:
        return f"{whole // _MINUTE_S}:{whole % _MINUTE_S:02}"
    return f"{whole / _HOUR_S:.1f} h"


def _roughly(seconds: float) -> str:
    """As `clock`, in steps of `_LEFT_STEP_S` and at least one of them."""
    return clock(max(round(seconds / _LEFT_STEP_S), 1) * _LEFT_STEP_S)


def times(task: Task, now: float) -> str:
    """How long so far and how long still: `0:42, about 0:30 left`, `0:42`, `about 1:10`, `–` where nothing is known."""
    elapsed, left = elapsed_s(task, now), left_s(task, now)
    if task.state == "running":
        if left is not None:
            return f"{clock(elapsed)}, about {_roughly(left)} left"
        return clock(elapsed) if task.expected_s is None else f"{clock(elapsed)}, longer than usual"
    if elapsed:
        return clock(elapsed)
    return f"about {_roughly(left)}" if left is not None and _open(task) else signs().dash


def short_times(task: Task, now: float) -> str:
    """As `times`, for narrow places: `0:42 ~0:30`, `0:42`, `~1:10`, `–`."""
    elapsed, left = elapsed_s(task, now), left_s(task, now)
    if task.state == "running" and left is not None:
        return f"{clock(elapsed)} ~{_roughly(left)}"
    if elapsed or task.state == "running":
        return clock(elapsed)
    return f"~{_roughly(left)}" if left is not None and _open(task) else signs().dash


def _open(task: Task) -> bool:
    return task.state not in ("done", "failed", "cancelled")


def share(task: Task, now: float) -> float | None:
    """How much of it is done, 0 to 1, by the time that it usually takes; None where that is not known, or is over."""
    if task.expected_s is None or left_s(task, now) is None:
        return None
    return elapsed_s(task, now) / task.expected_s


def progress(task: Task, now: float, width: int, *, moving: bool = True) -> str:
    """A gauge of `width` cells: a share where one is known, else activity, a cell that goes to and fro each second.

    Args:
        task: whose.
        now: the present.
        width: cells.
        moving: False stands still, for those who want nothing to move.
    """
    known = share(task, now)
    if known is not None:
        return bar(known, width)
    if task.state != "running" or width < 1:
        return signs().empty * max(width, 0)
    path = max(2 * (width - 1), 1)
    place = int(elapsed_s(task, now)) % path if moving else 0
    place = min(place, path - place)
    return signs().empty * place + signs().full + signs().empty * (width - place - 1)


def tokens(task: Task) -> str:
    """What it has written so far: `412 tok`; empty where that is not known."""
    return "" if task.completion_tokens is None else f"{count(task.completion_tokens)} tok"


# what came of it


def digest(text: str, lines: int = DIGEST_LINES, width: int = 100) -> str:
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
            is_code = _FENCE.match(block[0]) is not None
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
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if fence:
            blocks[-1].append(line)
            if found and found[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
                blocks.append([])
            continue
        after_gap = bool(blocks[-1]) and not blocks[-1][-1].strip()
        if (found or (after_gap and line.strip())) and any(one.strip() for one in blocks[-1]):
            blocks.append([])
        blocks[-1].append(line)
        fence = found[1] if found else ""
    return [block for block in blocks if block]


def _cut_code(block: list[str], lines: int, width: int) -> list[str]:
    found = _FENCE.match(block[0])
    end = 2
    while end < len(block) and _height(block[: end + 1], width) <= lines:
        end += 1
    code = "\n".join(block[:end]).rstrip()
    return [code, found[1] if found else ""]


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
