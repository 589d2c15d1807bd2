"""`tale-tui context`: what the window of the model is filled with in a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.output import MUTED, Column, echo, echo_err, echo_json, echo_table
from tale_tui.domain.errors import NoSuchSession

if TYPE_CHECKING:
    from tale_tui.domain.context import ContextReport
    from tale_tui.engine.api import EngineApi


@click.command()
@click.argument("session", required=False, default="")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def context(command: CommandContext, session: str, as_json: bool) -> None:
    """Show what the model is shown of a session.

    Each part in tokens, and the summary of older turns.

    SESSION is an id or its beginning; without it the session used last.
    """

    async def work(engine: EngineApi) -> ContextReport:
        if session:
            found = await engine.sessions.find(session)
        else:
            latest = await engine.sessions.list(limit=1)
            if not latest:
                raise NoSuchSession("There is no session yet. The first message begins one.")
            found = latest[0]
        return await engine.chat.context(found.id)

    report = command.run(work)
    if as_json:
        echo_json(_data(report))
        return
    from tale_tui.formatting.alerts import whole_percent
    from tale_tui.formatting.context import digest_words, part_lines, turns_words, window_words
    from tale_tui.formatting.units import count

    echo_err(window_words(report))
    columns = (
        Column("part", gives=True),
        Column("tokens", right=True),
        Column("share", right=True),
        Column("limit", style=MUTED),
    )
    echo_table(
        columns, [(line.label, count(line.tokens), whole_percent(line.share), line.note) for line in part_lines(report)]
    )
    echo_err(turns_words(report))
    echo_err(digest_words(report))
    if report.digest is not None:
        echo(report.digest.text)


def _data(report: ContextReport) -> dict[str, Any]:
    from tale_tui.formatting.units import stamp

    digest = report.digest
    return {
        "session": report.session_id,
        "model": str(report.ref) if report.ref is not None else None,
        "window": report.window,
        "used": report.used,
        "parts": [{"name": part.name.value, "tokens": part.tokens, "limit": part.limit} for part in report.parts],
        "turns": report.turns,
        "turns_shown": report.turns_shown,
        "turns_left_out": report.turns_lost,
        "summaries": report.summaries,
        "why_none": report.why_none or None,
        "summary": None
        if digest is None
        else {
            "text": digest.text,
            "turns": digest.turns,
            "message": digest.message_id,
            "model": str(digest.ref) if digest.ref is not None else None,
            "made": stamp(digest.created),
        },
    }
