"""`tale-tui tokens`: what every call of a model read, wrote and cost."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.files import refuse_existing, refuse_unwritable, unwritten, write_text
from tale_tui.cli.metrics.output import echo_report, report_csv, report_data, savings_words, uncounted_words
from tale_tui.cli.metrics.ranges import range_of
from tale_tui.cli.output import echo, echo_err, echo_json
from tale_tui.domain.constants import PACE_WINDOW_S
from tale_tui.domain.errors import BadInput, EngineLost, NoSuchSession
from tale_tui.domain.metrics import CallDimension, CallFilter
from tale_tui.domain.text import clean_line
from tale_tui.formatting.alerts import budget_words

if TYPE_CHECKING:
    from tale_tui.domain.budgets import BudgetUse
    from tale_tui.domain.metrics import TokenReport, TokenSavings
    from tale_tui.engine.api import EngineApi

DEFAULT_BY = "model,kind"
ENGINE_LOOK_S = 1.0
"""Between two looks for an engine, while none runs."""
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class _Overview:
    """The line above the table."""

    hour: int
    today: int
    month: int
    pace: float
    """Tokens an hour, as in the last minutes."""
    session: int | None
    """Of the session last used; None where there is none."""
    rate: float
    """Tokens a second that are written now."""


def _dimensions(_ctx: click.Context, _parameter: click.Parameter, text: str) -> tuple[CallDimension, ...]:
    names = [part.strip().lower() for part in text.split(",") if part.strip()]
    unknown = next((name for name in names if name not in set(CallDimension)), None)
    if unknown is not None or not names:
        listed = ", ".join(CallDimension)
        raise BadInput(f"--by {clean_line(unknown or text)!r} is nothing to group by: write some of {listed}.")
    return tuple(dict.fromkeys(map(CallDimension, names)))


@click.command()
@click.option("--live", is_flag=True, help="Go on, and show it as it grows.")
@click.option("--since", metavar="T", help="From then on: 1h, today, week, month or a date.")
@click.option("--until", metavar="T", help="Up to then, a date with its whole day.")
@click.option(
    "--by", metavar="D,...", default=DEFAULT_BY, show_default=True, callback=_dimensions,
    help="Groups: " + ", ".join(CallDimension) + ".",
)  # fmt: skip
@click.option("--model", metavar="NAME", default="", help="Only this model, as NAME or BACKEND/NAME.")
@click.option("--session", metavar="ID", default="", help="Only this session.")
@click.option("--json", "form", flag_value="json", help="One line of JSON.")
@click.option("--csv", "form", flag_value="csv", help="The groups as CSV.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write JSON or CSV to this new file.")
@click.option("--force", is_flag=True, help="Replace the file where there is one.")
@click.pass_obj
def tokens(
    context: CommandContext,
    live: bool,
    since: str | None,
    until: str | None,
    by: tuple[CallDimension, ...],
    model: str,
    session: str,
    form: str | None,
    output: Path | None,
    force: bool,
) -> None:
    """Say what the calls of models read, wrote and cost.

    What a server did not say is a dash, and in no sum. Without --since everything that was ever counted is meant.
    """
    begin, end = range_of(since, until, time.time())
    form = form or _form_of(output)
    if live and (form or output):
        raise BadInput("--live writes to the terminal, or lines to a pipe: leave --json, --csv and --output out.")
    if output is not None:
        refuse_unwritable(output)
        refuse_existing(output, force=force)

    async def chosen(engine: EngineApi) -> CallFilter:
        return CallFilter(begin, end, model.strip(), await _session_id(engine, session))

    if live:
        _live(context, context.run(chosen), by)
        return
    whole = form is None and not (since or until or model or session)

    async def work(
        engine: EngineApi,
    ) -> tuple[TokenReport, _Overview | None, TokenSavings | None, tuple[BudgetUse, ...]]:
        which = await chosen(engine)
        report = await engine.metrics.tokens(which, by=by)
        saved = None if form or model or session else await engine.metrics.savings(which)
        budgets = await engine.metrics.budgets() if whole else ()
        return report, await _overview(engine) if whole else None, saved, budgets

    report, overview, saved, budgets = context.run(work)
    if form == "json" and output is None:
        echo_json(report_data(report, begin, end))
    elif form is None:
        _echo_words(report, overview, saved, budgets)
    else:
        csv_text = report_csv(report)
        text = csv_text if form == "csv" else f"{json.dumps(report_data(report, begin, end), ensure_ascii=False)}\n"
        _deliver(text, output, force=force)


def _form_of(output: Path | None) -> str | None:
    """What a file is written as, by its name."""
    if output is None:
        return None
    form = {".json": "json", ".csv": "csv"}.get(output.suffix.lower())
    if form is None:
        raise BadInput(f"What is {clean_line(str(output))} to be written as? Say --json or --csv.")
    return form


def _deliver(text: str, output: Path | None, *, force: bool) -> None:
    if output is None:
        echo(text, end="")
        return
    try:
        write_text(output, text, force=force)
    except OSError as error:
        raise BadInput(unwritten(output, error)) from error
    echo_err(f"Written to {output}")


async def _session_id(engine: EngineApi, given: str) -> str:
    """The whole id of a session; of one that was deleted the whole id is to be given.

    Raises:
        NoSuchSession: none, and nothing was counted under that id.
    """
    if not given:
        return ""
    try:
        return (await engine.sessions.find(given)).id
    except NoSuchSession:
        if (await engine.metrics.tokens(CallFilter(session_id=given))).total.calls:
            return given
        raise


async def _overview(engine: EngineApi) -> _Overview:
    now = time.time()

    async def spent(which: CallFilter) -> int:
        return (await engine.metrics.tokens(which)).total.total_tokens or 0

    day, month = (range_of(name, None, now)[0] for name in ("today", "month"))
    sessions = await engine.sessions.list(limit=1)
    session_id = sessions[0].id if sessions else ""
    ranges = [CallFilter(since=since) for since in (now - HOUR_S, day, month, now - PACE_WINDOW_S)]
    found = await asyncio.gather(*map(spent, (*ranges, CallFilter(session_id=session_id))))
    hour, today, this_month, lately, session = found
    rate = sum(call.tokens_per_second or 0.0 for call in (await engine.metrics.activity()).running)
    pace = lately * HOUR_S / PACE_WINDOW_S
    return _Overview(hour, today, this_month, pace, session if session_id else None, rate)


def _echo_words(
    report: TokenReport, overview: _Overview | None, saved: TokenSavings | None, budgets: tuple[BudgetUse, ...]
) -> None:
    if overview is not None:
        echo(_overview_words(overview))
    if budgets:
        echo(f"budget: {', '.join(map(budget_words, budgets))}")
    if not report.total.calls:
        echo_err("No call of a model is counted there. What is said and done from here on is.")
        return
    lines = savings_words(saved) if saved is not None else []
    for line in lines[:1]:
        echo(line)
    echo_report(report)
    for line in (uncounted_words(report.total), *lines[1:]):
        if line:
            echo_err(line)


def _overview_words(found: _Overview) -> str:
    from tale_tui.formatting.units import count, rate

    parts = [f"hour {count(found.hour)}", f"today {count(found.today)}", f"month {count(found.month)}"]
    if found.session is not None:
        parts.insert(0, f"session {count(found.session)}")
    if found.rate:
        parts.append(f"now {rate(found.rate)}")
    if found.pace:
        parts.append(f"at this pace {count(found.pace)} an hour")
    return "   ".join(parts)


def _live(context: CommandContext, which: CallFilter, by: tuple[CallDimension, ...]) -> None:
    """Show it until the user ends it. This process is never the engine for longer than a look: who ends it must not
    end what others ask of models."""
    from tale_tui.cli.metrics.live import LiveTokens

    shown = LiveTokens(which, by)
    context.run(shown.look)

    async def follow(engine: EngineApi | None) -> bool:
        if engine is None:
            return False
        await shown.follow(engine)
        return True

    while True:
        try:
            there = context.run_there(follow)
        except EngineLost:
            there = True
        if not there:
            shown.note("No engine runs, so nothing moves. To start one: tale-tui, or tale-tui run --background")
        time.sleep(ENGINE_LOOK_S)
