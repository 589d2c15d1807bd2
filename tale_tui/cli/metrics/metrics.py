"""`tale-tui metrics`: everything that is counted, as Prometheus reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.output import echo

if TYPE_CHECKING:
    from tale_tui.engine.api import EngineApi


@click.command()
@click.pass_obj
def metrics(context: CommandContext) -> None:
    """Print what was counted as text for Prometheus.

    The same is served on the address of the setting metrics.listen.
    """

    async def work(engine: EngineApi) -> str:
        return await engine.metrics.exposition()

    echo(context.run(work), end="")
