"""`tale-tui export` and `tale-tui import`: sessions as files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.files import refuse_existing, unwritten, write_text
from tale_tui.cli.output import echo, echo_err, echo_json
from tale_tui.domain.errors import BadImport, BadInput
from tale_tui.domain.text import reason_of

if TYPE_CHECKING:
    from tale_tui.domain.conversation import Session
    from tale_tui.engine.api import EngineApi


@click.command()
@click.argument("session", metavar="ID")
@click.option(
    "--format", "form", type=click.Choice(("markdown", "json")), default="markdown", show_default=True,
    help="Markdown has the shown branch, JSON everything.",
)  # fmt: skip
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this new file.")
@click.option("--force", is_flag=True, help="Replace the file where there is one.")
@click.pass_obj
def export(context: CommandContext, session: str, form: str, output: Path | None, force: bool) -> None:
    """Write the session ID to standard output or to a file."""
    if output is not None:
        refuse_existing(output, force=force)

    async def work(engine: EngineApi) -> str:
        from tale_tui.domain.conversation import ExportFormat

        return await engine.sessions.export((await engine.sessions.find(session)).id, ExportFormat(form))

    text = context.run(work)
    text = text if text.endswith("\n") else f"{text}\n"
    if output is None:
        echo(text, end="")
        return
    _write(output, text, force=force)
    echo_err(f"Written to {output}")


def _write(path: Path, text: str, *, force: bool) -> None:
    from tale_tui.domain.errors import FileNotSaved

    try:
        write_text(path, text, force=force)
    except OSError as error:
        raise FileNotSaved(f"{unwritten(path, error)} The session is kept as it was.") from error


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def import_(context: CommandContext, file: Path, as_json: bool) -> None:
    """Take in the sessions of FILE.

    It is what `export --format json` wrote; - is standard input.
    """
    try:
        text = (sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadImport(f"{file} is not text. Take a file that `tale-tui export --format json` wrote.") from error
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {reason_of(error)}.") from error

    async def work(engine: EngineApi) -> tuple[Session, ...]:
        return await engine.sessions.import_(text)

    taken = context.run(work)
    if as_json:
        echo_json({"sessions": [{"id": session.id, "title": session.title} for session in taken]})
        return
    for session in taken:
        echo(f"{session.id}  {session.title}")
