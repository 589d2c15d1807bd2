"""What was counted, in words and cells: the tokens screen, `tale-tui tokens` and line mode say the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tale_tui.domain.constants import PROMISED_SAVING
from tale_tui.domain.metrics import CallDimension
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import clock, count, duration, percent, plural, rate

if TYPE_CHECKING:
    from tale_tui.domain.metrics import (
        CallActivity,
        CallRecord,
        PeriodChange,
        TokenGroup,
        TokenOverview,
        TokenReport,
        TokenSavings,
        TokenSums,
    )

TITLED = frozenset({CallDimension.SESSION, CallDimension.TASK})
"""Dimensions whose values are ids with a title."""
SHOWN_KEY_CHARACTERS = 8
"""Of the id of a session or a task: `tale-tui status` and `chat --session` take it."""
EMPTY = "No call of a model is counted there. What is said and done from here on is."


def overview_parts(found: TokenOverview) -> dict[str, str]:
    """What was spent lately, name and number, the nearest first."""
    sums = {"session": found.session, "hour": found.hour, "today": found.today, "month": found.month}
    return {name: count(number) for name, number in sums.items() if number is not None}


def pace_words(found: TokenOverview) -> str:
    """`at this pace 96k an hour`; empty where nothing was spent lately."""
    return f"at this pace {count(found.pace)} an hour" if found.pace else ""


def overview_words(found: TokenOverview, tokens_per_second: float | None) -> str:
    """All of it in one line."""
    parts = [f"{name} {number}" for name, number in overview_parts(found).items()]
    now = f"now {rate(tokens_per_second)}" if tokens_per_second else ""
    return "   ".join(filter(None, (*parts, now, pace_words(found))))


def change_words(change: PeriodChange) -> str:
    """What became of tokens, calls, failures and speed: `than the day before: tokens +12 %, calls +8 %`.

    What is not known of both is left out; empty where nothing was counted in the period before.
    """
    name = _PERIODS.get(change.days, f"the {change.days} days before")
    now, before = change.now, change.before
    if not before.calls:
        return ""
    parts = [
        _changed("tokens", now.total_tokens, before.total_tokens),
        _changed("calls", now.calls, before.calls),
        f"failed {now.failed} after {before.failed}" if now.failed or before.failed else "",
    ]
    if now.ttft_ms is not None and before.ttft_ms is not None:
        parts.append(f"first text {duration(now.ttft_ms / 1000)} after {duration(before.ttft_ms / 1000)}")
    if now.tokens_per_second is not None and before.tokens_per_second is not None:
        parts.append(f"{rate(now.tokens_per_second)} after {rate(before.tokens_per_second)}")
    return f"than {name}: {', '.join(filter(None, parts))}"


_PERIODS = {1: "the day before", 7: "the week before"}


def _changed(name: str, now: int | None, before: int | None) -> str:
    """`tokens +12 %`; where there were none before the number itself."""
    if not before:
        return f"{name} {count(now or 0)} after 0"
    return f"{name} {100 * ((now or 0) - before) / before:+.0f} %"


def running_words(activity: CallActivity, now: float) -> str:
    """What models do now: `qwen3:14b step 316 tok 0:34, ...`; empty where they do nothing."""
    return ", ".join(
        f"{call.ref.model} {call.kind.value} {call.tokens:,} tok {clock(now - call.began)}" for call in activity.running
    )


def saved_parts(saved: TokenSavings) -> list[str]:
    """What the large model was spared, both measures beside what every task there would have made of them; none where
    nothing is known."""
    if saved.resent is None:
        return []
    kept = ", kept" if saved.alone is not None and saved.alone >= PROMISED_SAVING else ""
    return [
        f"{_share(saved.alone)} each prompt alone ({percent(PROMISED_SAVING)} promised{kept}), "
        f"{_share(saved.alone_tasks_large)} if every task had gone to {saved.large.model}",
        f"with the history resent {_share(saved.resent)} and {_share(saved.resent_tasks_large)}",
        f"{plural(saved.misses, 'miss', 'misses')} of {plural(saved.turns, 'turn')}, asked again with another model",
    ]


def saved_short(saved: TokenSavings) -> str:
    """The two measures and the misses in few words; empty where nothing is known."""
    if saved.resent is None:
        return ""
    return (
        f"{_share(saved.alone)} each prompt alone, {_share(saved.resent)} as sent; "
        f"{plural(saved.misses, 'miss', 'misses')} of {plural(saved.turns, 'turn')}"
    )


def saved_words(saved: TokenSavings) -> str:
    """The same in one line; empty where nothing is known."""
    parts = saved_parts(saved)
    return f"saved  {'; '.join(parts)}" if parts else ""


def saved_meaning(saved: TokenSavings) -> str:
    """How it is reckoned, in words."""
    return f"saved = what {saved.large.model} would have used for what {saved.small.model} answered"


def uncounted_words(sums: TokenSums) -> str:
    """What is missing in the sums; empty where nothing is."""
    if not sums.uncounted:
        return ""
    about = (
        f": about {count(sums.estimated_tokens)} tokens by estimate, in no sum above" if sums.estimated_tokens else ""
    )
    return f"{plural(sums.uncounted, 'call')} gave no numbers, or not all{about}."


def uncounted_short(sums: TokenSums) -> str:
    """The same in few words."""
    if not sums.uncounted:
        return ""
    about = f": about {count(sums.estimated_tokens)}, in no sum" if sums.estimated_tokens else ""
    return f"{plural(sums.uncounted, 'call')} without numbers{about}"


def group_cells(by: Sequence[CallDimension], group: TokenGroup) -> tuple[str, ...]:
    """What a group is called, a cell for each dimension."""
    cells = []
    for dimension, value in zip(by, group.key, strict=True):
        if dimension in TITLED and value:
            cells.append(f"{value[:SHOWN_KEY_CHARACTERS]} {group.title}".rstrip())
        else:
            cells.append(value or signs().dash)
    return tuple(cells)


def figure_names(total: TokenSums) -> list[str]:
    """The columns of a table; what no server said of any call, and what nothing costs, would be an empty one."""
    known = {
        "failed": total.failed > 0,
        "cached": total.cached_tokens is not None,
        "thinking": total.thinking_tokens is not None,
        "cost": total.cost is not None,
    }
    return [name for name in _FIGURES if known.get(name, True)]


def figure_cells(
    sums: TokenSums, names: Sequence[str], number: Callable[[float], str] = "{:,}".format
) -> tuple[str, ...]:
    """Sums in the columns of these names.

    Args:
        sums: of a group.
        names: as `figure_names` gives them.
        number: how a count is written; to the last token where nothing else is said.
    """
    return tuple(_FIGURES[name](sums, lambda value: known_count(value, number)) for name in names)


def report_lines(report: TokenReport) -> list[str]:
    """A report without a table: `ollama/qwen3:14b: 31 calls, 61,200 prompt, 48,900 completion, 110,100 total`."""
    rows = [(" ".join(group_cells(report.by, group)), group.sums) for group in report.groups]
    names = [name for name in figure_names(report.total) if name not in ("calls", "tok/s", "first")]
    lines = []
    for name, sums in (*rows, ("all", report.total)):
        cells = zip(figure_cells(sums, names), names, strict=True)
        lines.append(f"{name}: " + ", ".join([plural(sums.calls, "call"), *(" ".join(one) for one in cells if one[0])]))
    return lines


def known_count(number: int | None, write: Callable[[float], str] = "{:,}".format) -> str:
    """A count; a dash for what no server said."""
    return signs().dash if number is None else write(number)


def call_cells(call: CallRecord) -> tuple[str, ...]:
    """A call in the columns of `CALL_COLUMNS`."""
    return (
        call.labels.step or call.labels.kind.value,
        str(call.ref),
        known_count(call.prompt_tokens),
        known_count(call.completion_tokens),
        "" if call.tokens_per_second is None else rate(call.tokens_per_second),
        milliseconds(call.ttft_ms),
        f"{call.outcome.value}: {call.error}" if call.error else call.outcome.value,
    )


CALL_COLUMNS = ("call", "model", "prompt", "completion", "speed", "first", "ended")
"""What there is to say of a call in a line."""


def milliseconds(ms: float | None) -> str:
    """A duration; empty where it is not known."""
    return "" if ms is None else duration(ms / 1000)


def _share(value: float | None) -> str:
    return "unknown" if value is None else percent(value)


_FIGURES: Mapping[str, Callable[[TokenSums, Callable[[int | None], str]], str]] = {
    "calls": lambda sums, number: number(sums.calls),
    "failed": lambda sums, number: number(sums.failed),
    "prompt": lambda sums, number: number(sums.prompt_tokens),
    "cached": lambda sums, number: number(sums.cached_tokens),
    "completion": lambda sums, number: number(sums.completion_tokens),
    "thinking": lambda sums, number: number(sums.thinking_tokens),
    "total": lambda sums, number: number(sums.total_tokens),
    "tok/s": lambda sums, _: "" if sums.tokens_per_second is None else f"{sums.tokens_per_second:.1f}",
    "first": lambda sums, _: milliseconds(sums.ttft_ms),
    "cost": lambda sums, _: "" if sums.cost is None else f"{sums.cost:.2f}",
}
"""The columns of numbers, in their order."""
