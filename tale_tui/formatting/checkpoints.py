"""Words for checkpoints, which the window and the command line share."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tale_tui.domain.checkpoints import (
    Checkpoint,
    CheckpointDetail,
    CheckpointDiff,
    CheckpointKind,
    CheckpointList,
    FileChange,
    FileDiff,
    Restoration,
    RestoreAction,
    RestoreFile,
    SkippedFile,
    SkipReason,
)
from tale_tui.domain.constants import CHECKPOINT_HASH_SHOWN
from tale_tui.domain.text import clean_line
from tale_tui.formatting.units import moment, plural, size, when

_BACK = frozenset({CheckpointKind.BEFORE, CheckpointKind.RESTORE, CheckpointKind.UNDO, CheckpointKind.REDO})
_NAMED_MAX = 3
"""Files that a sentence names; of more it tells how many."""
ALL = "all"
NOTHING_DIFFERS = "Nothing differs: everything is as it was kept."


def summary(found: CheckpointList, now: float) -> str:
    """All of them in a line: `↶ 8 checkpoints today, the last 14:01 after 3, Routes, 41 MB of 1 GB`.

    Args:
        found: the newest of them.
        now: the present, in seconds since the epoch.
    """
    lost = f", {len(found.damaged)} damaged" if found.damaged else ""
    if not found.checkpoints:
        return f"no checkpoints yet{lost}"
    today = time.localtime(now)[:3]
    count = sum(time.localtime(one.at)[:3] == today for one in found.checkpoints)
    last = found.checkpoints[0]
    room = f"{size(found.size_bytes)} of {size(found.budget_bytes)}"
    return (
        f"↶ {plural(count, 'checkpoint')} today, the last {when(last.at, now)} {clean_line(last.message)}, {room}{lost}"
    )


def damaged_line(ids: Sequence[str]) -> str:
    """Which ones cannot be read any more, and what to do; empty where all can."""
    if not ids:
        return ""
    names = [short_hash(id_) for id_ in ids]
    what = f"{plural(len(ids), 'checkpoint is', 'checkpoints are')} damaged and left out: {_named(names)}."
    return f"{what} To remove {'it' if len(ids) == 1 else 'the first one'}: tale-tui checkpoints remove {names[0]}"


def short_hash(id_: str) -> str:
    """The hash of a checkpoint as it is shown."""
    return id_[:CHECKPOINT_HASH_SHOWN]


def what_it_is(checkpoint: Checkpoint) -> str:
    """Its message, with a sign before those that have to do with going back."""
    return f"{'↶ ' if checkpoint.kind in _BACK else ''}{clean_line(checkpoint.message)}"


def short_name(checkpoint: Checkpoint) -> str:
    """What it is called in a sentence: `after 3, Routes`; the moment of one that itself has to do with going back, so
    that such names do not grow."""
    return moment(checkpoint.at) if checkpoint.kind in _BACK else clean_line(checkpoint.message)


def place_name(checkpoint: Checkpoint) -> str:
    """What is gone back to, in a sentence: `Sun 8 Nov 2026, 14:01:00, after 3, Routes`."""
    return ", ".join(dict.fromkeys((moment(checkpoint.at), short_name(checkpoint))))


def operation_name(checkpoint: Checkpoint) -> str:
    """What is undone or done again, in a sentence: `3, Routes`, `the restore of Sun 8 Nov 2026, 14:01:00`."""
    if checkpoint.kind in _BACK:
        return f"the restore of {moment(checkpoint.at)}"
    return clean_line(checkpoint.message).removeprefix("after ")


def whose(checkpoint: Checkpoint) -> str:
    """The id of the task that it is of; `all` where it is of a whole conversation."""
    return checkpoint.task_id or (ALL if checkpoint.session_id else checkpoint.group)


def change_sign(change: FileChange) -> str:
    """`+` for a file that is new, `-` for one that is gone, `M` for one that is another now."""
    return "+" if not change.before else "M" if change.after else "-"


def changes_in_short(checkpoint: Checkpoint) -> str:
    """What became of files, in few words: `+ api.yaml`, `3 files`."""
    if len(checkpoint.changes) == 1:
        change = checkpoint.changes[0]
        return f"{change_sign(change)} {clean_line(change.path)}"
    return plural(len(checkpoint.changes), "file") if checkpoint.changes else ""


def skipped_line(skipped: SkippedFile) -> str:
    """What was left out, and why: `data/dump.bin  6 MB: left out, too large`."""
    gap = "  " if skipped.reason is SkipReason.TOO_LARGE else ": "
    return f"{clean_line(skipped.path)}{gap}{_skipped_note(skipped)}"


def _skipped_note(skipped: SkippedFile) -> str:
    big = f"{size(skipped.size_bytes)}: " if skipped.reason is SkipReason.TOO_LARGE else ""
    return f"{big}left out, {skipped.reason}"


def diff_line(diff: FileDiff) -> str:
    """How a file differs: `M spec.md  +12 −3`."""
    return f"{change_sign(diff.change)} {clean_line(diff.change.path)}  {_diff_note(diff)}"


def restoration_lines(restoration: Restoration, *, done: bool) -> tuple[str, ...]:
    """What going back does, or did, a line each; says so where that is nothing.

    Args:
        restoration: it.
        done: whether it was done.
    """
    if restoration.empty:
        return (NOTHING_DIFFERS,)
    lines = [_file_line(file, done=done) for file in restoration.files]
    lines += [clean_line(state) for state in restoration.states]
    if done and restoration.before:
        lines.append(f"The present was kept first, as {short_hash(restoration.before)}.")
    return tuple(lines)


def restoration_summary(files: Iterable[RestoreFile]) -> str:
    """The same in one sentence: `2 files are written, 1 is a conflict (spec.md, changed since): both are kept.`; empty
    where there are none."""
    found: dict[RestoreAction, list[str]] = {action: [] for action in RestoreAction}
    for file in files:
        found[file.action].append(clean_line(file.path))
    conflicts = found[RestoreAction.CONFLICT]
    one, many = f"a conflict ({_named(conflicts)}, changed since)", f"conflicts ({_named(conflicts)}, changed since)"
    words = {
        RestoreAction.WRITE: ("written", "written"),
        RestoreAction.REMOVE: ("removed", "removed"),
        RestoreAction.CONFLICT: (f"{one}: both are kept", f"{many}: both are kept"),
    }
    parts: list[str] = []
    for action, paths in found.items():
        if paths:
            noun = ("is", "are") if parts else ("file is", "files are")
            parts.append(f"{plural(len(paths), *noun)} {words[action][len(paths) > 1]}")
    return f"{', '.join(parts)}." if parts else ""


def restoration_preview(restoration: Restoration) -> str:
    """What going back does, in sentences."""
    if restoration.empty:
        return NOTHING_DIFFERS
    states = [f"{clean_line(state)}." for state in restoration.states]
    return " ".join(filter(None, (restoration_summary(restoration.files), *states, "The present is kept first.")))


def restoration_report(restoration: Restoration) -> str:
    """What was done by going back, in sentences that name few files."""
    if restoration.empty:
        return NOTHING_DIFFERS
    parts = []
    for action in (RestoreAction.WRITE, RestoreAction.REMOVE):
        paths = [clean_line(file.path) for file in restoration.files if file.action is action]
        if paths:
            done = "written" if action is RestoreAction.WRITE else "removed"
            parts.append(f"{_named(paths)} {'was' if len(paths) == 1 else 'were'} {done}")
    conflicts = restoration.conflicts
    parts += [_file_line(file, done=True) for file in conflicts[:_NAMED_MAX]]
    if (more := len(conflicts) - _NAMED_MAX) > 0:
        parts.append(f"{plural(more, 'more file was', 'more files were')} changed since: both are kept")
    return " ".join(f"{part}." for part in (*parts, *map(clean_line, restoration.states)))


def _named(paths: list[str]) -> str:
    """Some of the paths, and how many more there are."""
    more = len(paths) - _NAMED_MAX
    return ", ".join(paths[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def _file_line(file: RestoreFile, *, done: bool) -> str:
    path = clean_line(file.path)
    match file.action:
        case RestoreAction.WRITE:
            return f"{path} {'was' if done else 'is'} written"
        case RestoreAction.REMOVE:
            return f"{path} {'was' if done else 'is'} removed"
        case RestoreAction.CONFLICT if file.beside:
            return f"{path} was changed since: it stays, and what was kept is in {clean_line(file.beside)}"
        case RestoreAction.CONFLICT:
            return f"{path} was changed since: it stays"


@dataclass(frozen=True, slots=True)
class TreeLine:
    """A folder or a file."""

    depth: int
    """How many folders it lies in."""
    name: str
    """Of a folder with a `/` behind it."""
    path: str
    """Of a file; empty for a folder."""


def tree_lines(paths: Iterable[str]) -> tuple[TreeLine, ...]:
    """The lines of a tree, each folder above what lies in it.

    Args:
        paths: of files, `/` between their parts.
    """
    lines: list[TreeLine] = []
    above: list[str] = []
    for parts in sorted(path.split("/") for path in set(paths)):
        *folders, name = parts
        same = 0
        while same < min(len(above), len(folders)) and above[same] == folders[same]:
            same += 1
        lines += [TreeLine(depth, f"{folders[depth]}/", "") for depth in range(same, len(folders))]
        lines.append(TreeLine(len(folders), name, "/".join(parts)))
        above = folders
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class KeptFileRow:
    """A line of the tree of files that a checkpoint holds."""

    depth: int
    name: str
    """Safe text; of a folder with a `/` behind it."""
    sign: str = ""
    """`+`, `-`, `M`, or `!` for what was left out."""
    note: str = ""
    task_id: str = ""
    path: str = ""
    """Empty for what is no file that can be brought back."""
    diff: FileDiff | None = None


def file_rows(
    detail: CheckpointDetail, since: CheckpointDiff | None, now: Restoration, task_id: str = ""
) -> tuple[KeptFileRow, ...]:
    """The files of a checkpoint as a tree, with what changed.

    Args:
        detail: all that it holds.
        since: what differs from the checkpoint before; None where there is none: then all of them are new.
        now: what going back to it would do.
        task_id: only the files of this task; empty for all, those of several below the titles of their tasks.
    """
    held = [(file.task_id, file.path) for file in detail.files]
    changed = {(one.change.task_id, one.change.path): one for one in since.files} if since is not None else {}
    skipped = {(one.task_id, one.path): one for one in detail.checkpoint.skipped}
    differ = {(file.task_id, file.path) for file in now.files}
    keys = [key for key in (*held, *changed, *skipped) if task_id in ("", key[0])]
    tasks = list(dict.fromkeys(key[0] for key in keys))
    titles = {task.id: clean_line(f"{task.shown} {task.title}") for task in detail.tasks}
    rows: list[KeptFileRow] = []
    for id_ in tasks:
        inside = int(len(tasks) > 1)
        if inside:
            rows.append(KeptFileRow(0, titles.get(id_, id_)))
        for line in tree_lines(path for of, path in keys if of == id_):
            key, name, depth = (id_, line.path), clean_line(line.name), line.depth + inside
            if not line.path:
                rows.append(KeptFileRow(depth, name))
            elif key in skipped:
                rows.append(KeptFileRow(depth, name, "!", _skipped_note(skipped[key])))
            elif (diff := changed.get(key)) is not None:
                rows.append(KeptFileRow(depth, name, change_sign(diff.change), _diff_note(diff), *key, diff))
            else:
                note = "other now" if key in differ else "as now"
                rows.append(KeptFileRow(depth, name, "+" if since is None else "", note, *key))
    return tuple(rows)


def _diff_note(diff: FileDiff) -> str:
    if not diff.change.after:
        return "removed"
    if diff.mode_only:
        return "only its mode"
    if diff.text is None:
        return "no text, or too long"
    if diff.change.before:
        return f"+{diff.added} −{diff.removed}"
    return plural(diff.added, "line") if diff.added else "empty"


def task_file_lines(detail: CheckpointDetail, now: CheckpointDiff, task_id: str) -> tuple[str, ...]:
    """The folder of a task as a tree, a line each: signs for what its last step changed, words for what came since.

    Args:
        detail: of its newest checkpoint.
        now: what differs between that and the present.
        task_id: the task.
    """
    last = {one.path: change_sign(one) for one in detail.checkpoint.changes if one.task_id == task_id}
    later = {one.change.path: change_sign(one.change) for one in now.files if one.change.task_id == task_id}
    held = {file.path for file in detail.files if file.task_id == task_id}
    words = {"+": "  new since", "-": "  removed since", "M": "  changed since", "": ""}
    return tuple(
        f"{last.get(line.path, ''):2}{'  ' * line.depth}{clean_line(line.name)}{words[later.get(line.path, '')]}"
        for line in tree_lines(held | later.keys() | last.keys())
    )
