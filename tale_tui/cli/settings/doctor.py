"""`tale-tui doctor`: what was found, what is missing, what to do, and where everything is."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.exit_codes import Exit
from tale_tui.cli.output import MUTED, echo, echo_json, width
from tale_tui.domain.errors import StoreError, TaleError

if TYPE_CHECKING:
    from tale_tui.domain.models import Finding
    from tale_tui.engine.api import EngineApi


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def doctor(context: CommandContext, as_json: bool) -> int:
    """Say what was found, what is missing and what to do.

    Exit code 1 when something is bad.
    """
    from tale_tui.domain.models import FindingState

    findings = (*_own(context), *_of_the_engine(context))
    if as_json:
        echo_json(
            {
                "findings": [
                    {"area": each.area, "state": each.state.value, "text": each.text, "advice": each.advice}
                    for each in findings
                ]
            }
        )
    else:
        _print(findings)
    return Exit.FAILED if any(each.state is FindingState.BAD for each in findings) else Exit.DONE


def _own(context: CommandContext) -> tuple[Finding, ...]:
    """What needs no engine: the folders, the settings, the terminal."""
    from tale_tui.domain.models import Finding, FindingState

    paths = context.paths
    folders = {"config": paths.config, "data": paths.data, "cache": paths.cache, "logs": paths.logs}
    findings = [Finding("folders", FindingState.OK, f"{name}: {folder}") for name, folder in folders.items()]
    findings.extend(_settings(context))
    encoding = getattr(sys.stdout, "encoding", None) or "unknown"
    if encoding.lower().replace("-", "") == "utf8":
        findings.append(Finding("terminal", FindingState.OK, f"{os.environ.get('TERM', 'none')}, {encoding}"))
    else:
        advice = "Choose a UTF-8 locale, as in LANG=C.UTF-8; signs are ASCII until then."
        findings.append(Finding("terminal", FindingState.LOOK, f"The encoding is {encoding}.", advice))
    return tuple(findings)


def _settings(context: CommandContext) -> tuple[Finding, ...]:
    from tale_tui.config.load import load
    from tale_tui.config.problems import SettingsError
    from tale_tui.domain.models import Finding, FindingState

    file = context.paths.settings_file
    try:
        notes = load(context.paths, context.overrides, context.environ).notes
    except SettingsError as error:
        return tuple(Finding("settings", FindingState.BAD, problem) for problem in error.problems)
    text = str(file) if file.exists() else f"{file} is not there; the defaults hold"
    return (
        Finding("settings", FindingState.OK, text),
        *(Finding("settings", FindingState.LOOK, note) for note in notes),
    )


def _of_the_engine(context: CommandContext) -> tuple[Finding, ...]:
    """What the engine finds; where it cannot start, why."""
    from tale_tui.config.problems import SettingsError
    from tale_tui.config.settings import Settings
    from tale_tui.domain.models import Finding, FindingState

    async def work(engine: EngineApi) -> tuple[Finding, ...]:
        return await engine.control.doctor()

    try:
        try:
            return context.run(work)
        except SettingsError:
            # They are among the findings already; the rest can be looked at without them.
            return context.run(work, settings=Settings())
    except TaleError as error:
        area = "database" if isinstance(error, StoreError) else "engine"
        return (Finding(area, FindingState.BAD, error.title, error.sentence),)


def _print(findings: tuple[Finding, ...]) -> None:
    from tale_tui.domain.models import FindingState
    from tale_tui.formatting.symbols import signs

    marks = {
        FindingState.OK: click.style(signs().done, fg="green"),
        FindingState.LOOK: click.style(signs().failed, fg="yellow"),
        FindingState.BAD: click.style(signs().wrong, fg="red"),
    }
    words = {FindingState.OK: "", FindingState.LOOK: "look: ", FindingState.BAD: "bad: "}
    room = max(width(each.area) for each in findings)
    for each in findings:
        said = f"{each.text}, {each.now}" if each.now else each.text
        echo(f"{marks[each.state]} {each.area.ljust(room)}  {words[each.state]}{said}")
        if each.advice:
            echo(click.style(f"{' ' * (room + 4)}{each.advice}", **MUTED))
