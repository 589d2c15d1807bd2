"""What was counted as data: JSON for programs, CSV for spreadsheets. The same from the window and from a command."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from tale_tui.formatting.tokens import TITLED
from tale_tui.formatting.units import stamp

if TYPE_CHECKING:
    from tale_tui.domain.metrics import TokenGroup, TokenReport, TokenSums

COST_DIGITS = 6
"""Behind the point, of a cost: a millionth is less than any token costs."""
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


def report_json(report: TokenReport, since: float | None, until: float | None) -> str:
    """The same as one line of text."""
    return f"{json.dumps(report_data(report, since, until), ensure_ascii=False)}\n"


def _group_data(report: TokenReport, group: TokenGroup) -> dict[str, Any]:
    key: dict[str, Any] = {
        dimension.value: value or None for dimension, value in zip(report.by, group.key, strict=True)
    }
    title = {"title": group.title or None} if TITLED & {*report.by} else {}
    return key | title | sums_data(group.sums)


def _cell(value: object) -> object:
    """A value as a spreadsheet takes it: text that would be a formula is text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value
