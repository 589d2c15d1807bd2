"""What differs between two moments, as people read it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping

from tale_tui.domain.checkpoints import FileChange, FileDiff
from tale_tui.domain.constants import CHECKPOINT_DIFF_BYTES_MAX
from tale_tui.domain.tasks import StepState, TaskDetail
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.checkpoints.entry import Entry, FileKey, hash_of, shown_path
from tale_tui.formatting.plans import numbered


def file_diffs(
    before: Mapping[FileKey, Entry], after: Mapping[FileKey, Entry], content: Callable[[bytes], bytes]
) -> tuple[FileDiff, ...]:
    """The files that differ.

    Args:
        before: by task and path.
        after: the same of the other moment.
        content: what was kept under a hash.
    """
    keys = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    return tuple(_file_diff(key, before.get(key), after.get(key), content) for key in keys)


def _file_diff(key: FileKey, before: Entry | None, after: Entry | None, content: Callable[[bytes], bytes]) -> FileDiff:
    path = shown_path(key[1])
    change = FileChange(key[0], path, hash_of(before), hash_of(after))
    old, new = _text_of(before, content), _text_of(after, content)
    if old is None or new is None:
        return FileDiff(change)
    names = [clean_line(path) if entry else "/dev/null" for entry in (before, after)]
    lines = list(difflib.unified_diff(old, new, names[0], names[1], lineterm=""))
    added = sum(line.startswith("+") for line in lines[2:])
    removed = sum(line.startswith("-") for line in lines[2:])
    return FileDiff(change, "\n".join(lines), added, removed)


def _text_of(entry: Entry | None, content: Callable[[bytes], bytes]) -> list[str] | None:
    """The lines of a file, safe to show; none where nothing is there, None where it is no text or too long."""
    kept = content(entry[1]) if entry is not None else b""
    if not kept:
        return []
    if len(kept) > CHECKPOINT_DIFF_BYTES_MAX or b"\0" in kept:
        return None
    try:
        return clean(kept.decode()).removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        return None


def task_differences(before: Iterable[TaskDetail], after: Iterable[TaskDetail]) -> tuple[str, ...]:
    """What became of tasks, a sentence each."""
    old = {detail.task.id: detail for detail in before}
    new = {detail.task.id: detail for detail in after}
    found = []
    for id_ in dict.fromkeys((*old, *new)):
        was, is_now = _words(old.get(id_)), _words(new.get(id_))
        if was != is_now:
            title = clean_line((new.get(id_) or old[id_]).task.title)
            found.append(f"{title}: {was}, then {is_now}")
    return tuple(found)


def _words(detail: TaskDetail | None) -> str:
    if detail is None:
        return "not there"
    steps = [step for step in numbered(detail) if step.state is not StepState.SKIPPED]
    done = sum(step.state is StepState.DONE for step in steps)
    return f"{detail.task.state.value} with {done} of {len(steps)} steps done"
