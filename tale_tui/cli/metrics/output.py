"""What was counted as the commands print it: tables, and calls as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tale_tui.cli.output import MUTED, Column, echo_table, tenth, when_text
from tale_tui.formatting.tokens import call_cells, figure_cells, figure_names, group_cells
from tale_tui.formatting.units import stamp

if TYPE_CHECKING:
    from tale_tui.domain.metrics import CallRecord, TokenReport


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


def echo_report(report: TokenReport, limit: int | None = None) -> None:
    """Write a table of the groups and their sum.

    Args:
        report: the sums.
        limit: groups at most; None for all.
    """
    keys = [Column(dimension.value, gives=place == 0) for place, dimension in enumerate(report.by)]
    names = figure_names(report.total)
    rows = [(*group_cells(report.by, group), *figure_cells(group.sums, names)) for group in report.groups[:limit]]
    whole = ("all", *[""] * (len(keys) - 1), *figure_cells(report.total, names))
    echo_table([*keys, *(Column(name, right=True) for name in names)], [*rows, whole])


def echo_calls(calls: Sequence[CallRecord]) -> None:
    """Write a table of calls."""
    columns = (
        *(Column("  "), Column("call"), Column("model", gives=True), Column("prompt", right=True)),
        *(Column("completion", right=True), Column("speed", right=True), Column("first", right=True)),
        *(Column("ended", style=MUTED), Column("at", right=True, style=MUTED)),
    )
    echo_table(columns, [("  ", *call_cells(call), when_text(call.timestamp)) for call in calls])
