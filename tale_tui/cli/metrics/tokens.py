"""`tale-tui tokens`: what every call of a model read, wrote and cost."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.metrics.live import LiveTokens, show_live
from tale_tui.cli.metrics.output import chosen_form, deliver, echo_report, output_options
from tale_tui.cli.output import echo, echo_err, echo_json
from tale_tui.domain.errors import BadInput, NoSuchSession
from tale_tui.domain.metrics import CallDimension, CallFilter
from tale_tui.domain.text import clean_line
from tale_tui.domain.time_ranges import period_days, range_of
from tale_tui.formatting.alerts import budget_words
from tale_tui.formatting.exports.tokens import report_csv, report_data, report_json
from tale_tui.formatting.tokens import EMPTY, change_words, overview_words, saved_meaning, saved_words, uncounted_words

if TYPE_CHECKING:
    from tale_tui.domain.budgets import BudgetUse
    from tale_tui.domain.metrics import PeriodChange, TokenReport, TokenSavings
    from tale_tui.engine.api import EngineApi

DEFAULT_BY = "model,kind"


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
@output_options("The groups")
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
    form = chosen_form(form, output, live=live, force=force)

    async def chosen(engine: EngineApi) -> CallFilter:
        return CallFilter(begin, end, model.strip(), await _session_id(engine, session))

    if live:
        shown = LiveTokens(context.run(chosen), by)
        context.run(shown.look)
        show_live(context, shown)
        return
    whole = form is None and not (since or until or model or session)
    days = period_days(since, time.time()) if since and not (until or session) else None

    async def work(engine: EngineApi) -> _Found:
        which = await chosen(engine)
        report = await engine.metrics.tokens(which, by=by)
        saved = None if form or model or session else await engine.metrics.savings(which)
        if begin is not None and days is not None and form is None:
            return _Found(report, saved, change=await engine.metrics.change(begin, days, model=which.model))
        if not whole:
            return _Found(report, saved)
        speed = (await engine.metrics.activity()).tokens_per_second
        overview = overview_words(await engine.metrics.overview(), speed)
        return _Found(report, saved, overview, await engine.metrics.budgets())

    found = context.run(work)
    report = found.report
    if form == "json" and output is None:
        echo_json(report_data(report, begin, end))
    elif form is None:
        _echo_words(found)
    else:
        text = report_csv(report) if form == "csv" else report_json(report, begin, end)
        deliver(text, output, force=force)


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


@dataclass(frozen=True, slots=True)
class _Found:
    """What is said in words."""

    report: TokenReport
    saved: TokenSavings | None
    overview: str = ""
    budgets: tuple[BudgetUse, ...] = ()
    change: PeriodChange | None = None


def _echo_words(found: _Found) -> None:
    report, saved = found.report, found.saved
    if found.overview:
        echo(found.overview)
    if found.budgets:
        echo(f"budget: {', '.join(map(budget_words, found.budgets))}")
    if found.change is not None and (words := change_words(found.change)):
        echo(words)
    if not report.total.calls:
        echo_err(EMPTY)
        return
    told = saved_words(saved) if saved is not None else ""
    if told:
        echo(told)
    echo_report(report)
    if words := uncounted_words(report.total):
        echo_err(words)
    if saved is not None and told:
        echo_err(saved_meaning(saved))
