"""`tale-tui servers`: the engine in the background, by the names that other servers' commands have."""

from __future__ import annotations

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.main import CommandGroup
from tale_tui.cli.servers.run import start_engine, stop
from tale_tui.cli.tasks.status import echo_engine


@click.group(cls=CommandGroup)
def servers() -> None:
    """Start and stop the engine, or say how it is."""


@servers.command()
@click.pass_obj
def start(context: CommandContext) -> int:
    """Start the engine in the background, as: tale-tui run --background"""
    return start_engine(context)


@servers.command()
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def status(context: CommandContext, as_json: bool) -> None:
    """Say how the engine is, as: tale-tui status"""
    echo_engine(context, as_json=as_json)


servers.add_command(stop)
