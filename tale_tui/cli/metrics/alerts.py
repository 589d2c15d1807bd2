"""`tale-tui alerts`: what was told, and that it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.output import Column, echo_err, echo_json, echo_table, when_text
from tale_tui.domain.errors import BadInput
from tale_tui.domain.text import clean_line
from tale_tui.formatting.alerts import alert_state
from tale_tui.formatting.units import stamp

if TYPE_CHECKING:
    from tale_tui.domain.alerts import Alert
    from tale_tui.engine.api import EngineApi

COLUMNS = (Column("id", right=True), Column("raised"), Column("state"), Column("what", gives=True))
ID_MAX = 2**63 - 1
"""The largest id that a database has."""


def alert_id(text: str) -> int | None:
    """The alert that is meant; None for all.

    Raises:
        BadInput: it is neither a number nor `all`.
    """
    text = text.strip()
    if text.lower() == "all":
        return None
    if text.isascii() and text.isdigit() and int(text) <= ID_MAX:
        return int(text)
    raise BadInput(f"{clean_line(text)!r} is no alert: give its number, or all.")


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also those that were acknowledged.")
@click.option("--ack", metavar="ID|all", help="Acknowledge one, or all.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def alerts(context: CommandContext, everything: bool, ack: str | None, as_json: bool) -> None:
    """Say which limits were passed and which models got worse."""

    which = alert_id(ack) if ack is not None else None

    async def work(engine: EngineApi) -> tuple[Alert, ...]:
        if ack is not None:
            return await engine.metrics.acknowledge(which)
        return await engine.metrics.alerts(waiting=not everything)

    found = context.run(work)
    if as_json:
        echo_json({"alerts": [_data(alert) for alert in found]})
        return
    if ack is not None:
        echo_err(f"Acknowledged: {len(found)}.")
    if found:
        echo_table(COLUMNS, [(str(one.id), when_text(one.raised), alert_state(one), one.sentence) for one in found])
    elif ack is None:
        echo_err("No alert was ever raised." if everything else "No alert waits to be acknowledged.")


def _data(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "kind": alert.kind,
        "subject": alert.subject,
        "raised": stamp(alert.raised),
        "seen": alert.seen,
        "limit": alert.limit,
        "sentence": alert.sentence,
        "ended": None if alert.ended is None else stamp(alert.ended),
        "acknowledged": None if alert.acknowledged is None else stamp(alert.acknowledged),
    }
