"""`tale-tui checkpoints`: what was kept of conversations, tasks and their files, and the way back."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.exit_codes import Exit
from tale_tui.cli.files import refuse_existing, refuse_unwritable
from tale_tui.cli.held_notices import HeldNotices
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
    when_text,
)
from tale_tui.cli.text_command import TextCommand
from tale_tui.domain.errors import BadInput

if TYPE_CHECKING:
    from tale_tui.domain.checkpoints import (
        BundleImport,
        Checkpoint,
        CheckpointDetail,
        CheckpointDiff,
        CheckpointList,
        FileChange,
        Restoration,
    )
    from tale_tui.engine.api import EngineApi

T = TypeVar("T")

json_option = click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
task_option = click.option("--task", metavar="ID", default="", help="Only of this task.")
limit_option = click.option(
    "--limit", type=CountRange(), default=100, show_default=True, help="At most so many, the newest."
)


@click.group(cls=CommandGroup, invoke_without_command=True)
@task_option
@json_option
@limit_option
@click.pass_context
def checkpoints(ctx: click.Context, task: str, as_json: bool, limit: int) -> None:
    """List checkpoints, go back to one, undo and redo steps.

    A checkpoint keeps a conversation, its tasks and their files: after each step of a task, inside long ones, and at
    your wish. They are a git repository, checkpoints.git in the data folder. HASH is that of one, or its beginning.
    """
    if ctx.invoked_subcommand is None:
        _list(ctx.ensure_object(CommandContext), task, as_json=as_json, limit=limit)
    elif as_json or task:
        raise BadInput(f"Options go behind the command: tale-tui checkpoints {ctx.invoked_subcommand} --help")


@checkpoints.command("list")
@task_option
@json_option
@limit_option
@click.pass_obj
def list_checkpoints(context: CommandContext, task: str, as_json: bool, limit: int) -> None:
    """List the checkpoints, the newest first."""
    _list(context, task, as_json=as_json, limit=limit)


@checkpoints.command()
@click.argument("checkpoint", metavar="HASH")
@json_option
@click.pass_obj
def show(context: CommandContext, checkpoint: str, as_json: bool) -> None:
    """Say what the checkpoint HASH holds."""

    async def work(engine: EngineApi) -> CheckpointDetail:
        return await engine.checkpoints.show(checkpoint)

    _show(_run(context, work), as_json=as_json)


@checkpoints.command()
@click.argument("checkpoint", metavar="HASH")
@click.argument("other", metavar="[OTHER]", default="")
@json_option
@click.pass_obj
def diff(context: CommandContext, checkpoint: str, other: str, as_json: bool) -> None:
    """Say what changed from the checkpoint HASH to OTHER, or to the present."""

    async def work(engine: EngineApi) -> CheckpointDiff:
        return await engine.checkpoints.diff(checkpoint, other)

    _show_diff(_run(context, work), as_json=as_json)


@checkpoints.command()
@click.argument("checkpoint", metavar="HASH")
@task_option
@click.option("--file", metavar="PATH", default="", help="Only this file, by its path in the folder of the task.")
@click.option("--yes", "-y", is_flag=True, help="Do it without asking.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
@click.pass_obj
def restore(
    context: CommandContext, checkpoint: str, task: str, file: str, yes: bool, dry_run: bool, as_json: bool
) -> int:
    """Go back to the checkpoint HASH: all of it, one task, or one file.

    What would be done is shown first. The present is kept before, so that `undo` takes this back. Files that you
    changed since stay, and what was kept is written beside them.
    """

    async def work(engine: EngineApi, dry_run: bool) -> Restoration:
        task_id = await _task_id(engine, task)
        return await engine.checkpoints.restore(checkpoint, task_id=task_id, file=file, dry_run=dry_run)

    again = f"restore {checkpoint} --yes"
    return _go_back(context, _GoingBack.RESTORE, work, yes=yes, dry_run=dry_run, as_json=as_json, again=again)


@checkpoints.command()
@task_option
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
@click.pass_obj
def undo(context: CommandContext, task: str, dry_run: bool, as_json: bool) -> int:
    """Take back the files and the state of the last step, or the last restore; again, of the one before it."""

    async def work(engine: EngineApi, dry_run: bool) -> Restoration:
        return await engine.checkpoints.undo(task_id=await _task_id(engine, task), dry_run=dry_run)

    return _go_back(context, _GoingBack.UNDO, work, yes=True, dry_run=dry_run, as_json=as_json)


@checkpoints.command()
@task_option
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
@click.pass_obj
def redo(context: CommandContext, task: str, dry_run: bool, as_json: bool) -> int:
    """Do again what was undone last."""

    async def work(engine: EngineApi, dry_run: bool) -> Restoration:
        return await engine.checkpoints.redo(task_id=await _task_id(engine, task), dry_run=dry_run)

    return _go_back(context, _GoingBack.REDO, work, yes=True, dry_run=dry_run, as_json=as_json)


@checkpoints.command(cls=TextCommand)
@click.argument("message", nargs=-1)
@click.option("--task", metavar="ID", default="", help="Of this task, with the conversation that it belongs to.")
@click.option("--session", metavar="ID", default="", help="Of this conversation, with its tasks.")
@json_option
@click.pass_obj
def keep(context: CommandContext, message: tuple[str, ...], task: str, session: str, as_json: bool) -> None:
    """Keep the present, under a MESSAGE of your own. It stays until you remove it."""

    async def work(engine: EngineApi) -> Checkpoint:
        session_id = (await engine.sessions.find(session)).id if session else ""
        task_id = await _task_id(engine, task)
        return await engine.checkpoints.keep(" ".join(message), task_id=task_id, session_id=session_id)

    made = _run(context, work)
    if as_json:
        echo_json(_data(made))
        return
    from tale_tui.formatting.checkpoints import short_hash

    echo(short_hash(made.id))


@checkpoints.command()
@click.argument("checkpoint", metavar="HASH")
@click.option("--yes", "-y", is_flag=True, help="Do it without asking.")
@click.pass_obj
def remove(context: CommandContext, checkpoint: str, yes: bool) -> int:
    """Forget the checkpoint HASH for ever."""
    if not yes:
        if not is_terminal(sys.stdin):
            raise BadInput(f"Removing asks first. Without: tale-tui checkpoints remove {checkpoint} --yes")
        if not confirmed(f"Forget {checkpoint} for ever?"):
            echo_err("Nothing was removed.")
            return Exit.FAILED

    async def work(engine: EngineApi) -> Checkpoint:
        return await engine.checkpoints.remove(checkpoint)

    echo_err(f"Removed: {_run(context, work).message or checkpoint}")
    return Exit.DONE


@checkpoints.command()
@click.argument("hashes", metavar="[HASH...]", nargs=-1)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Write to this new file."
)
@click.pass_obj
def export(context: CommandContext, hashes: tuple[str, ...], output: Path) -> None:
    """Write checkpoints to a file, a bundle that git reads too: those named, or all."""
    refuse_existing(output, force=False)
    refuse_unwritable(output)
    place = str(output.absolute())

    async def work(engine: EngineApi) -> int:
        return await engine.checkpoints.export(place, checkpoints=hashes)

    from tale_tui.formatting.units import plural

    echo_err(f"{plural(_run(context, work), 'checkpoint')} written to {output}")


@checkpoints.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@click.pass_obj
def import_(context: CommandContext, file: Path, as_json: bool) -> None:
    """Take in the checkpoints of FILE, which `export` wrote. Nothing is restored by that."""
    place = str(file.absolute())

    async def work(engine: EngineApi) -> BundleImport:
        return await engine.checkpoints.import_(place)

    found = _run(context, work)
    if as_json:
        echo_json({"taken": found.taken, "known": found.known})
        return
    from tale_tui.formatting.units import plural

    known = f", {found.known} were here already" if found.known else ""
    echo_err(f"{plural(found.taken, 'checkpoint')} taken in{known}")


async def _task_id(engine: EngineApi, prefix: str) -> str:
    """The whole id; the task may be gone, or of another machine, where the whole id is given."""
    from tale_tui.domain.clock import ID_LENGTH
    from tale_tui.domain.errors import NoSuchTask

    try:
        return (await engine.tasks.find(prefix)).id if prefix else ""
    except NoSuchTask:
        if len(prefix) == ID_LENGTH:
            return prefix
        raise


def _run(context: CommandContext, work: Callable[[EngineApi], Awaitable[T]]) -> T:
    """Do something with the engine, and write what it has to say besides: that checkpoints are damaged, for one."""

    async def told(engine: EngineApi) -> T:
        async with HeldNotices(engine):
            return await work(engine)

    return context.run(told)


def _list(context: CommandContext, task: str, *, as_json: bool, limit: int) -> None:
    async def work(engine: EngineApi) -> tuple[CheckpointList, dict[str, str]]:
        found = await engine.checkpoints.list(task_id=await _task_id(engine, task), limit=limit)
        return found, {one.id: one.shown for one in await engine.tasks.list()}

    found, shown = _run(context, work)
    if as_json:
        echo_json(
            {
                "checkpoints": [_data(one) for one in found.checkpoints],
                "kept": found.kept,
                "size_bytes": found.size_bytes,
                "budget_bytes": found.budget_bytes,
                "damaged": list(found.damaged),
            }
        )
        return
    from tale_tui.domain.clock import ID_SHOWN
    from tale_tui.formatting.checkpoints import changes_in_short, damaged_line, short_hash, what_it_is, whose
    from tale_tui.formatting.symbols import signs
    from tale_tui.formatting.units import size

    if lost := damaged_line(found.damaged):
        echo_err(lost)
    if not found.checkpoints:
        echo_err("No checkpoints yet: one is made after each step of a task, and by: tale-tui checkpoints keep")
        return
    echo_table(
        (
            Column("hash", style=MUTED),
            Column("when", style=MUTED),
            Column("task", style=MUTED),
            Column("what", gives=True),
            Column("files"),
        ),
        [
            (
                short_hash(one.id),
                when_text(one.at),
                shown.get(whose(one), whose(one)[:ID_SHOWN]),
                what_it_is(one),
                changes_in_short(one) or signs().dash,
            )
            for one in found.checkpoints
        ],
    )
    echo_err(f"{found.kept} kept, {size(found.size_bytes)} of {size(found.budget_bytes)}")


def _show(found: CheckpointDetail, *, as_json: bool) -> None:
    from tale_tui.formatting.units import size, stamp

    if as_json:
        echo_json(
            _data(found.checkpoint)
            | {
                "session": found.session and {"id": found.session.id, "title": found.session.title},
                "tasks": [
                    {"id": task.id, "title": task.title, "state": task.state.value, "steps_done": task.steps_done}
                    for task in found.tasks
                ],
                "contents": [
                    {"task": file.task_id, "path": file.path, "hash": file.hash, "size_bytes": file.size_bytes}
                    for file in found.files
                ],
            }
        )
        return
    from tale_tui.domain.text import clean_line
    from tale_tui.formatting.checkpoints import change_sign, skipped_line, what_it_is

    one = found.checkpoint
    echo(f"{one.id}  {stamp(one.at)}")
    echo(what_it_is(one))
    if found.session is not None:
        echo(f"conversation  {clean_line(found.session.title)}")
    for task in found.tasks:
        steps = f"{task.steps_done} of {task.steps_total} steps done"
        echo(f"task  {task.id}  {clean_line(task.title)}: {task.state}, {steps}")
    signs = {(change.task_id, change.path): change_sign(change) for change in one.changes}
    for file in found.files:
        sign = signs.get((file.task_id, file.path), " ")
        echo(f"{sign} {clean_line(file.path)}  {size(file.size_bytes)}")
    for change in one.changes:
        if not change.after:
            echo(f"- {clean_line(change.path)}")
    for skipped in one.skipped:
        echo(f"! {skipped_line(skipped)}")


def _show_diff(found: CheckpointDiff, *, as_json: bool) -> None:
    if as_json:
        echo_json(
            {
                "since": found.since,
                "until": found.until or None,
                "tasks": list(found.tasks),
                "files": [
                    _change(one.change) | {"added": one.added, "removed": one.removed, "diff": one.text or None}
                    for one in found.files
                ],
            }
        )
        return
    from tale_tui.formatting.checkpoints import diff_line

    if not found.files and not found.tasks:
        echo_err("Nothing differs.")
    for sentence in found.tasks:
        echo(sentence)
    for one in found.files:
        echo(diff_line(one))
        if one.text:
            echo(one.text)


class _GoingBack(Enum):
    """Ways of going back, and how what is gone back by is introduced: before it is done, and then."""

    RESTORE = ("To go back to", "Back to")
    UNDO = ("To undo:", "Undone:")
    REDO = ("To do again:", "Done again:")


def _go_back(
    context: CommandContext,
    kind: _GoingBack,
    work: Callable[[EngineApi, bool], Awaitable[Restoration]],
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    again: str = "",
) -> int:
    """Show what going back does, ask, and do it.

    Args:
        context: of the command.
        kind: which of them.
        work: does it, or only says what would be done.
        yes: nobody is asked.
        dry_run: nothing is done.
        as_json: for programs.
        again: the command that does it without asking.
    """
    from tale_tui.formatting.checkpoints import operation_name, place_name, restoration_lines, restoration_summary

    name_of = place_name if kind is _GoingBack.RESTORE else operation_name
    if dry_run or not yes:
        seen = _run(context, lambda engine: work(engine, True))
        if dry_run and as_json:
            echo_json(_restoration(seen))
            return Exit.DONE
        if not seen.empty:
            (echo if dry_run else echo_err)(f"{kind.value[0]} {name_of(seen.checkpoint)}")
        for line in restoration_lines(seen, done=False):
            (echo if dry_run else echo_err)(line)
        if dry_run or seen.empty:
            return Exit.DONE
        if not is_terminal(sys.stdin):
            raise BadInput(f"Going back asks first. To do it without: tale-tui checkpoints {again}")
        if not confirmed(f"{restoration_summary(seen.files)} Go back?".lstrip()):
            echo_err("Nothing was changed.")
            return Exit.FAILED
    done = _run(context, lambda engine: work(engine, False))
    if as_json:
        echo_json(_restoration(done))
    else:
        if not done.empty:
            echo(f"{kind.value[1]} {name_of(done.checkpoint)}")
        for line in restoration_lines(done, done=True):
            echo(line)
    return Exit.DONE


def _restoration(found: Restoration) -> dict[str, Any]:
    return {
        "checkpoint": found.checkpoint.id,
        "files": [
            {"task": file.task_id, "path": file.path, "action": file.action.value, "beside": file.beside or None}
            for file in found.files
        ],
        "states": list(found.states),
        "before": found.before or None,
        "made": found.made or None,
    }


def _data(one: Checkpoint) -> dict[str, Any]:
    from tale_tui.formatting.units import stamp

    return {
        "hash": one.id,
        "message": one.message,
        "time": stamp(one.at),
        "kind": one.kind.value,
        "task": one.task_id or None,
        "session": one.session_id or None,
        "step": one.step or None,
        "of": one.of or None,
        "files": [_change(change) for change in one.changes],
        "skipped": [
            {"task": file.task_id, "path": file.path, "reason": file.reason.value, "size_bytes": file.size_bytes}
            for file in one.skipped
        ],
    }


def _change(change: FileChange) -> dict[str, Any]:
    before, after = change.before or None, change.after or None
    return {"task": change.task_id, "path": change.path, "before": before, "after": after}
