"""`tale-tui sessions`: list, search, rename, delete."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.exit_codes import Exit
from tale_tui.cli.main import CommandGroup, CountRange
from tale_tui.cli.output import (
    MUTED,
    Column,
    confirmed,
    echo,
    echo_err,
    echo_json,
    echo_table,
    is_terminal,
    short_ids,
    when_text,
)
from tale_tui.cli.text_command import TextCommand
from tale_tui.domain.errors import BadInput
from tale_tui.domain.text import clean_line, is_blank
from tale_tui.formatting.units import stamp

if TYPE_CHECKING:
    from tale_tui.domain.conversation import SearchHit, Session
    from tale_tui.engine.api import EngineApi

MARKS = str.maketrans("", "", "\ue000\ue001")
"""The signs around the words that were found."""


@click.group(cls=CommandGroup, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.option("--limit", type=CountRange(), default=1000, show_default=True, help="At most so many.")
@click.pass_context
def sessions(ctx: click.Context, as_json: bool, limit: int) -> None:
    """List, search, rename and delete sessions."""
    if ctx.invoked_subcommand is None:
        _list(ctx.ensure_object(CommandContext), as_json=as_json, limit=limit)
    elif as_json:
        raise BadInput(f"--json goes behind the command: tale-tui sessions {ctx.invoked_subcommand} --json")


@sessions.command("list")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.option("--limit", type=CountRange(), default=1000, show_default=True, help="At most so many.")
@click.pass_obj
def list_sessions(context: CommandContext, as_json: bool, limit: int) -> None:
    """List the sessions, the one used last first."""
    _list(context, as_json=as_json, limit=limit)


@sessions.command(cls=TextCommand)
@click.argument("words", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.option("--limit", type=CountRange(), default=50, show_default=True, help="At most so many.")
@click.pass_obj
def search(context: CommandContext, words: tuple[str, ...], as_json: bool, limit: int) -> None:
    """Search all messages for WORDS, the best match first."""
    looked_for = " ".join(words)
    if is_blank(clean_line(looked_for)):
        raise BadInput("There is nothing to look for: give a word, as in tale-tui sessions search fibonacci")

    async def work(engine: EngineApi) -> tuple[tuple[SearchHit, ...], tuple[Session, ...]]:
        return await engine.sessions.search(looked_for, limit=limit), await engine.sessions.list()

    hits, known = context.run(work)
    if as_json:
        echo_json({"hits": [_hit_data(hit) for hit in hits]})
        return
    if not hits:
        echo_err("Nothing was found.")
        return
    shown = short_ids(session.id for session in known)
    echo_table(
        (Column("id", style=MUTED), Column("when", style=MUTED), Column("session"), Column("found", gives=True)),
        [
            (
                shown.get(hit.session_id, hit.session_id),
                when_text(hit.created),
                hit.session_title,
                " ".join(hit.snippet.translate(MARKS).split()),
            )
            for hit in hits
        ],
    )


@sessions.command(cls=TextCommand)
@click.argument("session", metavar="ID")
@click.argument("title")
@click.pass_obj
def rename(context: CommandContext, session: str, title: str) -> None:
    """Give the session ID another TITLE; an empty one goes back to its first words."""

    async def work(engine: EngineApi) -> Session:
        return await engine.sessions.rename((await engine.sessions.find(session)).id, title)

    echo(context.run(work).title)


@sessions.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--yes", "-y", is_flag=True, help="Delete without asking.")
@click.pass_obj
def delete(context: CommandContext, ids: tuple[str, ...], yes: bool) -> int:
    """Delete sessions and all their messages, for ever."""

    async def work(engine: EngineApi) -> tuple[Session, ...]:
        found = [await engine.sessions.find(prefix) for prefix in ids]
        if yes:
            for session in found:
                await engine.sessions.delete(session.id)
        return tuple(found)

    found = context.run(work)
    if not yes:
        if not is_terminal(sys.stdin):
            raise BadInput(f"Deleting asks first. To delete without: tale-tui sessions delete {' '.join(ids)} --yes")
        for session in found:
            echo_err(f"{session.id}  {session.title}")
        if not confirmed(f"Delete {'it' if len(found) == 1 else 'them'} for ever?"):
            echo_err("Nothing was deleted.")
            return Exit.FAILED
        ids, yes = tuple(session.id for session in found), True
        context.run(work)
    echo_err(f"Deleted: {', '.join(session.title or session.id for session in found)}")
    return Exit.DONE


def _list(context: CommandContext, *, as_json: bool, limit: int) -> None:
    async def work(engine: EngineApi) -> tuple[Session, ...]:
        return await engine.sessions.list(limit=limit)

    found = context.run(work)
    if as_json:
        echo_json({"sessions": [_session_data(session) for session in found]})
        return
    if not found:
        echo_err("No sessions yet. `tale-tui` opens one, and so does: tale-tui chat -m TEXT")
        return
    shown = short_ids(session.id for session in found)
    echo_table(
        (
            Column("id", style=MUTED),
            Column("title", gives=True),
            Column("turns", right=True),
            Column("last", right=True, style=MUTED),
        ),
        [(shown[session.id], session.title, str(session.turns), when_text(session.updated)) for session in found],
    )


def _session_data(session: Session) -> dict[str, object]:
    return {
        "id": session.id,
        "title": session.title,
        "created": stamp(session.created),
        "updated": stamp(session.updated),
        "turns": session.turns,
        "forked_from": session.forked_from,
    }


def _hit_data(hit: SearchHit) -> dict[str, object]:
    return {
        "session": hit.session_id,
        "title": hit.session_title,
        "message": hit.message_id,
        "author": hit.author.value,
        "created": stamp(hit.created),
        "snippet": hit.snippet.translate(MARKS),
    }
