"""`tale-tui learning`: what was learned on this machine, how good it is, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.output import echo, echo_err, echo_json
from tale_tui.domain.errors import BadInput
from tale_tui.domain.text import clean_line

if TYPE_CHECKING:
    from tale_tui.domain.learning import LearnedPart, LearningEvent
    from tale_tui.engine.api import EngineApi


@click.command()
@click.argument("action", type=click.Choice(("reset", "undo")), required=False)
@click.argument("what", metavar="[PART|ID]", required=False)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def learning(context: CommandContext, action: str | None, what: str | None, as_json: bool) -> None:
    """Say what was learned on this machine and how good it is.

    `undo ID` goes back to what was before a fit or a reset. `reset PART` forgets what detection, complexity or forecast
    has learned; that can be undone too. All of it stays on this machine.
    """
    if action is None:
        context.run(lambda engine: _show(engine, as_json=as_json))
        return
    if what is None:
        name = "PART: detection, complexity or forecast" if action == "reset" else "ID, as in complexity-3"
        raise BadInput(f"Say what: tale-tui learning {action} {name}.")
    part = _part(what) if action == "reset" else None

    async def change(engine: EngineApi) -> LearningEvent:
        return await (engine.learning.undo(what) if part is None else engine.learning.reset(part))

    event = context.run(change)
    if as_json:
        from tale_tui.formatting.exports.learning import event_data

        echo_json(event_data(event))
    elif part is None:
        echo_err(f"Undone: {event.id}. What was in use before it serves.")
    else:
        echo_err(f"Forgotten: {part}. tale-tui learning undo {event.id} brings it back.")


def _part(name: str) -> LearnedPart:
    from tale_tui.domain.learning import LearnedPart

    try:
        return LearnedPart(name.strip().lower())
    except ValueError:
        raise BadInput(f"{clean_line(name)!r} learns nothing: give {', '.join(LearnedPart)}.") from None


async def _show(engine: EngineApi, *, as_json: bool) -> None:
    found = await engine.learning.learned()
    if as_json:
        from tale_tui.formatting.exports.learning import learned_data

        echo_json(learned_data(found))
        return
    from tale_tui.cli.output import when_text
    from tale_tui.formatting.learning import learned_lines

    for state in found:
        for line in learned_lines(state, when_text):
            echo(line)
