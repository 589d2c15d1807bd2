"""What was counted as the commands print it: as JSON, as CSV, as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tale_tui.cli.files import unwritten, write_text
from tale_tui.cli.output import MUTED, Column, echo, echo_err, echo_table, stamp, tenth, when_text
from tale_tui.domain.constants import PROMISED_SAVING
from tale_tui.domain.errors import BadInput
from tale_tui.domain.metrics import CallDimension
from tale_tui.domain.text import clean_line

if TYPE_CHECKING:
    from tale_tui.domain.metrics import CallRecord, TokenGroup, TokenReport, TokenSavings, TokenSums

COST_DIGITS = 6
"""Behind the point, of a cost: a millionth is less than any token costs."""
TITLED = frozenset({CallDimension.SESSION, CallDimension.TASK})
SHOWN_KEY_CHARACTERS = 8
"""Of the id of a session or a task in a table: `tale-tui status` and `chat --session` take it."""
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""A cell of a spreadsheet that begins so is worked out: text of others must not be."""


def sums_data(sums: TokenSums) -> dict[str, Any]:
    """Sums for programs: what no server said is None; where there was no call at all, nothing was spent."""
    counted = {
        "prompt_tokens": sums.prompt_tokens,
        "cached_tokens": sums.cached_tokens,
        "completion_tokens": sums.completion_tokens,
        "thinking_tokens": sums.thinking_tokens,
        "total_tokens": sums.total_tokens,
    }
    tokens = counted if sums.calls else dict.fromkeys(counted, 0)
    cost = None if sums.cost is None else round(sums.cost, COST_DIGITS)
    return tokens | {"calls": sums.calls, "failed": sums.failed, "cost": cost}


def report_data(report: TokenReport, since: float | None, until: float | None) -> dict[str, Any]:
    """A report for programs; an open end of the range is None."""
    return {
        "from": None if since is None else stamp(since),
        "to": None if until is None else stamp(until),
        "total": sums_data(report.total),
        "groups": [_group_data(report, group) for group in report.groups],
    }


def report_csv(report: TokenReport) -> str:
    """The groups of a report as CSV: a line each, without the total, so that a column sums to it."""
    rows = [_group_data(report, group) for group in report.groups]
    empty = [*(dimension.value for dimension in report.by), *(["title"] if TITLED & {*report.by} else [])]
    names = [*rows[0]] if rows else [*empty, *sums_data(report.total)]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def call_data(call: CallRecord) -> dict[str, Any]:
    """One call for programs."""
    return {
        "timestamp": stamp(call.timestamp),
        "kind": call.labels.kind.value,
        "step": call.labels.step or None,
        "model": str(call.ref),
        "outcome": call.outcome.value,
        "error": call.error or None,
        "prompt_tokens": call.prompt_tokens,
        "cached_tokens": call.cached_tokens,
        "completion_tokens": call.completion_tokens,
        "thinking_tokens": call.thinking_tokens,
        "total_tokens": call.total_tokens,
        "ttft_ms": tenth(call.ttft_ms),
        "load_ms": tenth(call.load_ms),
        "waiting_ms": tenth(call.waiting_ms),
        "total_ms": tenth(call.total_ms),
        "tokens_per_second": tenth(call.tokens_per_second),
    }


def form_of(output: Path | None) -> str | None:
    """What a file is written as, by its name; None without a file.

    Raises:
        BadInput: the name does not say it.
    """
    if output is None:
        return None
    form = {".json": "json", ".csv": "csv"}.get(output.suffix.lower())
    if form is None:
        raise BadInput(f"What is {clean_line(str(output))} to be written as? Say --json or --csv.")
    return form


def deliver(text: str, output: Path | None, *, force: bool) -> None:
    """Write a text to a file, or to standard output where there is none.

    Raises:
        BadInput: the file cannot be written.
    """
    if output is None:
        echo(text, end="")
        return
    try:
        write_text(output, text, force=force)
    except OSError as error:
        raise BadInput(unwritten(output, error)) from error
    echo_err(f"Written to {output}")


def echo_report(report: TokenReport, limit: int | None = None) -> None:
    """Write a table of the groups and their sum.

    Args:
        report: the sums.
        limit: groups at most; None for all.
    """
    keys = [Column(dimension.value, gives=place == 0) for place, dimension in enumerate(report.by)]
    figures = _shown_figures(report.total)
    rows = [(*_shown_key(report.by, group), *_cells(group.sums, figures)) for group in report.groups[:limit]]
    whole = ("all", *[""] * (len(keys) - 1), *_cells(report.total, figures))
    echo_table([*keys, *(Column(name, right=True) for name in figures)], [*rows, whole])


def uncounted_words(sums: TokenSums) -> str:
    """What is missing in the sums; empty where nothing is."""
    from tale_tui.formatting.units import count, plural

    if not sums.uncounted:
        return ""
    about = (
        f": about {count(sums.estimated_tokens)} tokens by estimate, in no sum above" if sums.estimated_tokens else ""
    )
    return f"{plural(sums.uncounted, 'call')} gave no numbers, or not all{about}."


def savings_words(saved: TokenSavings) -> list[str]:
    """What the large model was spared, in two lines; none where nothing is known."""
    from tale_tui.formatting.units import percent, plural

    def share(value: float | None) -> str:
        return "unknown" if value is None else percent(value)

    if saved.resent is None:
        return []
    kept = ", kept" if saved.alone is not None and saved.alone >= PROMISED_SAVING else ""
    line = (
        f"saved  {share(saved.alone)} each prompt alone ({percent(PROMISED_SAVING)} promised{kept}), "
        f"{share(saved.alone_tasks_large)} if every task had gone to {saved.large.model}; "
        f"with the history resent {share(saved.resent)} and {share(saved.resent_tasks_large)}; "
        f"{plural(saved.misses, 'miss', 'misses')} of {plural(saved.turns, 'turn')}, asked again with another model"
    )
    return [line, f"saved = what {saved.large.model} would have used for what {saved.small.model} answered"]


def echo_calls(calls: Sequence[CallRecord]) -> None:
    """Write a table of calls."""
    from tale_tui.formatting.units import rate

    columns = (
        *(Column("  "), Column("call"), Column("model", gives=True), Column("prompt", right=True)),
        *(Column("completion", right=True), Column("speed", right=True), Column("first", right=True)),
        *(Column("ended", style=MUTED), Column("at", right=True, style=MUTED)),
    )
    echo_table(
        columns,
        [
            (
                "  ",
                call.labels.step or call.labels.kind.value,
                str(call.ref),
                _number(call.prompt_tokens),
                _number(call.completion_tokens),
                "" if call.tokens_per_second is None else rate(call.tokens_per_second),
                _milliseconds(call.ttft_ms),
                f"{call.outcome.value}: {call.error}" if call.error else call.outcome.value,
                when_text(call.timestamp),
            )
            for call in calls
        ],
    )


def _group_data(report: TokenReport, group: TokenGroup) -> dict[str, Any]:
    key: dict[str, Any] = {
        dimension.value: value or None for dimension, value in zip(report.by, group.key, strict=True)
    }
    title = {"title": group.title or None} if TITLED & {*report.by} else {}
    return key | title | sums_data(group.sums)


def _cell(value: object) -> object:
    """A value as a spreadsheet takes it: text that would be a formula is text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value


def _shown_key(by: Sequence[CallDimension], group: TokenGroup) -> tuple[str, ...]:
    from tale_tui.formatting.symbols import signs

    cells = []
    for dimension, value in zip(by, group.key, strict=True):
        if dimension in TITLED and value:
            cells.append(f"{value[:SHOWN_KEY_CHARACTERS]} {group.title}".rstrip())
        else:
            cells.append(value or signs().dash)
    return tuple(cells)


def _shown_figures(total: TokenSums) -> list[str]:
    """The figures of a table; what no server said of any call, and what nothing costs, would be an empty column."""
    known = {
        "failed": total.failed > 0,
        "cached": total.cached_tokens is not None,
        "thinking": total.thinking_tokens is not None,
        "cost": total.cost is not None,
    }
    return [name for name in _FIGURES if known.get(name, True)]


def _cells(sums: TokenSums, figures: Sequence[str]) -> tuple[str, ...]:
    return tuple(_FIGURES[name](sums) for name in figures)


def _number(number: int | None) -> str:
    """A count to the last token; a dash for what no server said."""
    from tale_tui.formatting.symbols import signs

    return signs().dash if number is None else f"{number:,}"


def _milliseconds(ms: float | None) -> str:
    from tale_tui.formatting.units import duration

    return "" if ms is None else duration(ms / 1000)


_FIGURES: Mapping[str, Callable[[TokenSums], str]] = {
    "calls": lambda sums: _number(sums.calls),
    "failed": lambda sums: _number(sums.failed),
    "prompt": lambda sums: _number(sums.prompt_tokens),
    "cached": lambda sums: _number(sums.cached_tokens),
    "completion": lambda sums: _number(sums.completion_tokens),
    "thinking": lambda sums: _number(sums.thinking_tokens),
    "total": lambda sums: _number(sums.total_tokens),
    "tok/s": lambda sums: "" if sums.tokens_per_second is None else f"{sums.tokens_per_second:.1f}",
    "first": lambda sums: _milliseconds(sums.ttft_ms),
    "cost": lambda sums: "" if sums.cost is None else f"{sums.cost:.2f}",
}
"""The columns of numbers, in their order."""
