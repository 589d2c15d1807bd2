"""What was counted as the commands print it: tables, and calls as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tale_tui.cli.files import refuse_existing, refuse_unwritable, unwritten, write_text
from tale_tui.cli.output import MUTED, Column, echo, echo_err, echo_table, tenth, when_text
from tale_tui.domain.errors import BadInput
from tale_tui.domain.text import clean_line
from tale_tui.formatting.tokens import call_cells, figure_cells, figure_names, group_cells
from tale_tui.formatting.units import stamp

if TYPE_CHECKING:
    from tale_tui.domain.metrics import CallRecord, TokenReport

Command = Callable[..., Any]


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


def output_options(rows: str) -> Callable[[Command], Command]:
    """The options of a command whose figures programs read too; `rows` is what CSV has a line for."""
    options = (
        click.option("--json", "form", flag_value="json", help="One line of JSON."),
        click.option("--csv", "form", flag_value="csv", help=f"{rows} as CSV."),
        click.option("-o", "--output", type=click.Path(path_type=Path), help="Write JSON or CSV to this new file."),
        click.option("--force", is_flag=True, help="Replace the file where there is one."),
    )
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


def chosen_form(form: str | None, output: Path | None, *, live: bool, force: bool) -> str | None:
    """What `output_options` and `--live` come to: `json`, `csv`, or None for words.

    Args:
        form: as it was asked for; else the name of the file says it.
        output: the file; it is not there, or may be replaced.
        live: whether it goes on.
        force: whether a file is replaced.
    Raises:
        BadInput: they do not go together, the name does not say what to write, or the file cannot be written.
    """
    if live and (form or output):
        raise BadInput("--live writes to the terminal, or lines to a pipe: leave --json, --csv and --output out.")
    if output is None:
        return form
    form = form or {".json": "json", ".csv": "csv"}.get(output.suffix.lower())
    if form is None:
        raise BadInput(f"What is {clean_line(str(output))} to be written as? Say --json or --csv.")
    refuse_unwritable(output)
    refuse_existing(output, force=force)
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
