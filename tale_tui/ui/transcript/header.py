"""The first line of a turn: who speaks, and at the right when, how fast and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tale_tui.formatting.symbols import ASCII, signs
from tale_tui.formatting.units import DURATION_WIDTH, count, duration, rate, when
from tale_tui.ui.markdown.lines import AUTHOR_MODEL, AUTHOR_USER, ERROR, MUTED, STRONG, WARNING, TextPart, Version
from tale_tui.ui.markdown.wrap import cells
from tale_tui.ui.text import plain_line
from tale_tui.ui.widgets.line import fitted

if TYPE_CHECKING:
    from tale_tui.domain.conversation import Message
    from tale_tui.domain.models import Usage

YOU = "You"
NO_MODEL = "Model"
"""The author of a reply of which nobody knows the model."""
OURS = "tale"
"""The author of a sentence that no model was asked for."""
SLOW_FIRST_TOKEN_MS = 1000.0
"""A first token that takes longer gets a sign."""
_GAP = 2
"""Cells between the author and what stands at the right."""
_RATE_CELLS = 9
_COUNT_CELLS = 4
_NAME_LIMIT = 80


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """How far a reply is that is being made."""

    phase: Literal["waiting", "loading", "reading", "thinking", "writing"]
    started: float
    """Of the clock that only goes forward, in seconds."""
    done: int = 0
    """Tokens of the prompt that are read."""
    total: int = 0
    """Tokens of the prompt; 0 while unknown."""
    tokens: int = 0
    """Tokens of the reply so far."""
    rate: float | None = None
    """Tokens a second."""
    ttft_ms: float | None = None
    """From the request to the first text."""
    server: str = ""
    """How the server is called that is waited for."""


@dataclass(frozen=True, slots=True)
class FrameTime:
    """When something is drawn.

    Attributes:
        now: seconds since the epoch.
        monotonic: seconds of the clock that `LiveFigures.started` is of.
        frame: number of the picture of the spinner.
    """

    now: float
    monotonic: float
    frame: int = 0


Variant = Sequence[TextPart]


def is_ours(message: Message) -> bool:
    """Whether it was answered without a model, from what is stored."""
    return message.author != "user" and message.ref is None and message.task_id is None and bool(message.why)


def author_of(message: Message) -> str:
    """The name that stands above a message; safe text."""
    if is_ours(message):
        return OURS
    if message.ref is None:
        return YOU if message.author == "user" else NO_MODEL
    return plain_line(message.ref.model, _NAME_LIMIT).plain


def header(
    message: Message, live: LiveFigures | None, moment: FrameTime, width: int, go_on_key: str
) -> tuple[TextPart, ...]:
    """The pieces of the line, `width` cells together where there is something at the right.

    Args:
        message: whose.
        live: how far it is, while it is made.
        moment: the present.
        width: cells.
        go_on_key: the key that goes on with a reply that broke off.
    """
    name = fitted(author_of(message), width)
    author = TextPart(name, _author_style(message), 0)
    room = width - cells(name) - _GAP
    for variant in _variants(message, live, moment, go_on_key):
        pieces = [*versions(message), *variant]
        used = sum(cells(piece.text) for piece in pieces)
        if used <= room:
            return (author, TextPart(" " * (width - cells(name) - used)), *pieces)
    return (author,)


def _author_style(message: Message) -> int:
    """The colour of who speaks; ours has none, as the two of models belong to them."""
    if is_ours(message):
        return STRONG
    return AUTHOR_USER if message.author == "user" else AUTHOR_MODEL


def _variants(message: Message, live: LiveFigures | None, moment: FrameTime, go_on_key: str) -> list[Variant]:
    """What may stand at the right, the longest first."""
    if message.author == "user":
        return [[TextPart(when(message.created, moment.now), MUTED)]]
    if live is not None:
        return _live(live, moment)
    if message.state == "streaming":
        return [[TextPart(signs().ellipsis, MUTED)]]
    return _joined(_ending(message, go_on_key), _figures(message.usage))


def versions(message: Message) -> Variant:
    """`‹ 2/2 ›`, each sign a button."""
    if message.siblings < 2:
        return ()
    before, after = ("<", ">") if signs() == ASCII else ("‹", "›")
    return (
        TextPart(f"{before} ", MUTED, target=Version(-1)),
        TextPart(f"{message.sibling}/{message.siblings}", MUTED, target=Version(1)),
        TextPart(f" {after}   ", MUTED, target=Version(1)),
    )


def _live(live: LiveFigures, moment: FrameTime) -> list[Variant]:
    spinner = signs().spinner[moment.frame % len(signs().spinner)]
    elapsed = max(moment.monotonic - live.started, 0.0)
    first = duration(live.ttft_ms / 1000 if live.ttft_ms is not None else elapsed).rjust(DURATION_WIDTH)
    match live.phase:
        case "waiting":
            words = [f"waiting {first}"]
        case "loading":
            words = [f"loading {first}"]
        case "reading":
            words = [first]
        case _:
            speed = "" if live.rate is None else rate(live.rate).rjust(_RATE_CELLS)
            tokens = f"{count(live.tokens).rjust(_COUNT_CELLS)} tok" if live.tokens else ""
            dot = f" {signs().dot} "
            parts = [part for part in (first, speed, tokens) if part]
            words = [dot.join(parts), dot.join(parts[1:]), tokens]
    return [[TextPart(f"{spinner} ", MUTED), TextPart(text, MUTED)] for text in [*words, ""]]


def _ending(message: Message, go_on_key: str) -> list[Variant]:
    """How a reply ended, where it is not as it should be; the longest first."""
    go_on = f", {go_on_key} goes on" if go_on_key else ""
    match message.state:
        case "stopped":
            return [[TextPart(f"stopped{go_on}", MUTED)], [TextPart("stopped", MUTED)]]
        case "interrupted":
            sign = f"{signs().failed} interrupted"
            return [[TextPart(sign + go_on, WARNING)], [TextPart(sign, WARNING)]]
        case "failed":
            return [[TextPart(f"{signs().failed} failed", ERROR)]]
    if message.finish == "length":
        return [[TextPart(f"cut at the limit{go_on}", WARNING)], [TextPart("cut", WARNING)]]
    return [[]]


def _figures(usage: Usage | None) -> list[Variant]:
    """What a reply cost, the longest first: first text, all of it, speed, tokens read and written."""
    if usage is None:
        return [[]]
    total = "" if usage.total_ms is None else f"{duration(usage.total_ms / 1000)} in all"
    speed = "" if usage.tokens_per_second is None else rate(usage.tokens_per_second)
    written = "" if usage.completion_tokens is None else f"{count(usage.completion_tokens)} tok"
    both = written
    if written and usage.prompt_tokens is not None:
        both = f"{count(usage.prompt_tokens)} + {written}"
    return [
        _figure_line(usage, rest)
        for rest in ((total, speed, both), (total, speed, written), (speed, written), (written,), ())
    ]


def _figure_line(usage: Usage, rest: Sequence[str]) -> Variant:
    dot = f" {signs().dot} "
    tail = dot.join(part for part in rest if part)
    if usage.ttft_ms is None:
        return [TextPart(tail, MUTED)] if tail else []
    slow = usage.ttft_ms > SLOW_FIRST_TOKEN_MS
    sign = ("^ " if signs() == ASCII else "▲ ") if slow else ""
    first = TextPart(sign + duration(usage.ttft_ms / 1000), WARNING if slow else MUTED)
    return [first, TextPart(dot + tail, MUTED)] if tail else [first]


def _joined(left: list[Variant], right: list[Variant]) -> list[Variant]:
    """Both with a dot between them: the figures give way first, then the words of the ending."""
    if not left[0]:
        return right
    dot = TextPart(f" {signs().dot} ", MUTED)
    full = [[*left[0], dot, *variant] if variant else list(left[0]) for variant in right]
    return [*full, *left]
