"""`tale-tui predict`: how hard a task is, what it will read, write and take, who would be asked, and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.learning.json_rows import json_rows
from tale_tui.cli.output import echo, echo_json, rounded, tenth
from tale_tui.cli.stdin import checked_words, is_piped, read_message
from tale_tui.cli.text_command import TextCommand
from tale_tui.domain.errors import BadInput, EmptyMessage, TaskTooLong
from tale_tui.domain.text import clean_line

if TYPE_CHECKING:
    from tale_tui.domain.forecasts import Estimate, ForecastAccuracy, ForecastHistory, TaskForecast
    from tale_tui.engine.api import EngineApi

EXAMPLE = 'tale-tui predict "Write a web scraper"'


@click.command(cls=TextCommand)
@click.argument("text", nargs=-1)
@click.option("--model", metavar="NAME", default="", help="For this model, as NAME or BACKEND/NAME.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.option("--jsonl", "lines", is_flag=True, help="Foresee lines of JSON with id and text from standard input.")
@click.option("--history", is_flag=True, help="How near the forecasts of the last tasks were.")
@click.pass_obj
def predict(
    context: CommandContext, text: tuple[str, ...], model: str, as_json: bool, lines: bool, history: bool
) -> None:
    """Foresee what the task TEXT will read, write and take.

    Also how hard it is, which model would do it and why. Nothing is sent or stored. Without TEXT it is read from
    standard input. A line of --jsonl may name its "model".
    """
    if history:
        if text or lines or model:
            raise BadInput("--history is of tasks that are done: leave everything else out but --json.")
        context.run(lambda engine: _history(engine, as_json=as_json))
        return
    if lines:
        if text or as_json:
            raise BadInput("--jsonl reads its tasks from standard input: tale-tui predict --jsonl < FILE")
        context.run(lambda engine: _lines(engine, model))
        return
    if not text and not is_piped():
        raise BadInput(f"Say what is to be foreseen, as in: {EXAMPLE}")
    wish = checked_words(" ".join(text)) if text else read_message()
    if not wish.strip():
        cause = "There is no text to foresee" if text else "Standard input is empty"
        raise BadInput(f"{cause}: write one, as in {EXAMPLE}")

    async def work(engine: EngineApi) -> None:
        found = await engine.learning.forecast(wish, model=model)
        if as_json:
            echo_json(_data(found))
        else:
            _echo(found)

    context.run(work)


async def _lines(engine: EngineApi, model: str) -> None:
    for row in json_rows():
        name = row.get("model", model)
        if not isinstance(name, str):
            raise BadInput(f'The model of {clean_line(str(row["id"]))} is no text: write it as in {{"model": "NAME"}}.')
        try:
            found = await engine.learning.forecast(row["text"], model=name)
        except (EmptyMessage, TaskTooLong) as error:
            raise type(error)(f"{clean_line(str(row['id']))}: {error.sentence}") from error
        echo_json({"id": row["id"], **_line(found)})


def _line(found: TaskForecast) -> dict[str, Any]:
    written = found.completion_tokens
    return {
        "p": rounded(found.p),
        "label": found.complexity,
        "complexity": found.complexity,
        "prompt_tokens": round(found.prompt_tokens.middle),
        "completion_tokens": round(written.middle),
        "pred": round(written.middle),
        "lo": round(written.low),
        "hi": round(written.high),
        "seconds": tenth(found.total_seconds.middle),
        "route": found.route.value if found.route else None,
        "why": _why(found),
    }


def _data(found: TaskForecast) -> dict[str, Any]:
    """A forecast for programs."""

    def interval(estimate: Estimate | None) -> dict[str, float] | None:
        return None if estimate is None else {name: round(end, 6) for name, end in asdict(estimate).items()}

    return {
        "label": found.complexity,
        "complexity": found.complexity,
        "p": rounded(found.p),
        "kind": found.kind,
        "prompt_tokens": interval(found.prompt_tokens),
        "completion_tokens": interval(found.completion_tokens),
        "seconds": interval(found.seconds),
        "waiting_s": interval(found.waiting),
        "cost": interval(found.cost),
        "runs": found.runs,
        "large": found.large,
        "model": str(found.ref) if found.ref else None,
        "route": found.route.value if found.route else None,
        "why": _why(found),
    }


def _echo(found: TaskForecast) -> None:
    from tale_tui.formatting.forecasts import forecast_lines

    echo(found.complexity or "complexity unknown")
    for name, words in forecast_lines(found):
        echo(f"  {name:<8}{clean_line(words)}")
    if found.route is not None:
        model = f"{found.ref} " if found.ref else ""
        echo(f"  {'model':<8}{clean_line(f'{model}({found.route.value}): {found.route_why}')}")


def _why(found: TaskForecast) -> str:
    return clean_line("; ".join(filter(None, (found.why, found.route_why))))


async def _history(engine: EngineApi, *, as_json: bool) -> None:
    found = await engine.learning.history()
    if as_json:
        echo_json(_history_data(found))
        return
    from tale_tui.formatting.forecasts import history_lines

    for line in history_lines(found):
        echo(line)


def _history_data(found: ForecastHistory) -> dict[str, Any]:
    def data(accuracy: ForecastAccuracy) -> dict[str, Any]:
        return {
            "tasks": accuracy.tasks,
            "within_30_percent": rounded(accuracy.near_share),
            "tokens_covered": accuracy.covered,
            "seconds_covered": accuracy.seconds_covered,
        }

    return {"aim": found.aim, **data(found.total), "kinds": {kind.kind: data(kind) for kind in found.kinds}}
