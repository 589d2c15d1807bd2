"""The words for checkpoints."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.checkpoints import TASK, change, engine_of, week
from support.screen_app import NOW
from tale_tui.domain.checkpoints import (
    CheckpointDetail,
    CheckpointDiff,
    CheckpointKind,
    CheckpointList,
    FileChange,
    FileDiff,
    KeptFile,
    Restoration,
    RestoreAction,
    RestoreFile,
)
from tale_tui.formatting.checkpoints import (
    TreeLine,
    diff_line,
    file_rows,
    operation_name,
    place_name,
    restoration_preview,
    restoration_report,
    restoration_summary,
    short_name,
    summary,
    task_file_lines,
    tree_lines,
    whose,
)

ONE = week()[0]


def steps(**actions: RestoreAction) -> tuple[RestoreFile, ...]:
    return tuple(
        RestoreFile(TASK, name, action, f"{name}.kept" if action is RestoreAction.CONFLICT else "")
        for name, action in actions.items()
    )


WRITE, REMOVE, CONFLICT = RestoreAction


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (steps(a=WRITE), "1 file is written."),
        ((), ""),
        (steps(a=WRITE, b=WRITE, c=REMOVE), "2 files are written, 1 is removed."),
        (steps(a=REMOVE, b=REMOVE), "2 files are removed."),
        (
            steps(a=WRITE, b=CONFLICT),
            "1 file is written, 1 is a conflict (b, changed since): both are kept.",
        ),
        (
            steps(a=CONFLICT, b=CONFLICT, c=CONFLICT, d=CONFLICT, e=CONFLICT),
            "5 files are conflicts (a, b, c and 2 more, changed since): both are kept.",
        ),
    ],
)
def test_what_going_back_does_is_one_sentence(files: tuple[RestoreFile, ...], words: str) -> None:
    assert restoration_summary(files) == words


def test_a_preview_tells_states_and_that_the_present_is_kept() -> None:
    seen = Restoration(ONE, (), ("r5n1 Web application: Routes is to be done again",))
    assert restoration_preview(seen) == ("r5n1 Web application: Routes is to be done again. The present is kept first.")
    assert restoration_preview(Restoration(ONE)) == "Nothing differs: everything is as it was kept."


def test_a_report_names_few_files() -> None:
    done = Restoration(ONE, steps(a=WRITE, b=WRITE, c=WRITE, d=WRITE, e=REMOVE, f=CONFLICT))
    assert restoration_report(done) == (
        "a, b, c and 1 more were written. e was removed. f was changed since: it stays, and what was kept is in f.kept."
    )


def test_names_of_what_has_to_do_with_going_back_do_not_grow(in_utc: None) -> None:
    at = "Sun 8 Nov 2026, 14:01:00"
    assert place_name(ONE) == f"{at}, after 3, Interface of the API"
    assert operation_name(ONE) == "3, Interface of the API"
    back = replace(ONE, kind=CheckpointKind.RESTORE, message=f"back to {at}, after 3, Interface of the API")
    assert (place_name(back), short_name(back), operation_name(back)) == (at, at, f"the restore of {at}")


def test_of_whom_one_is() -> None:
    assert whose(ONE) == TASK
    assert whose(replace(ONE, task_id="")) == "all"
    assert whose(replace(ONE, task_id="", session_id="", group=TASK)) == TASK, "a task that belongs to no conversation"


def test_all_of_them_in_a_line_tells_that_some_are_damaged(in_utc: None) -> None:
    found = CheckpointList((ONE,), 1, 41_000_000, 1_000_000_000, ("d" * 40,))
    line = "↶ 1 checkpoint today, the last 14:01 after 3, Interface of the API, 41 MB of 1.0 GB"
    assert summary(found, NOW) == f"{line}, 1 damaged"
    assert summary(replace(found, damaged=()), NOW) == line
    assert summary(replace(found, checkpoints=()), NOW) == "no checkpoints yet, 1 damaged"


def test_hostile_names_are_cleaned_in_every_line() -> None:
    name = "\x1b[31mred\nline"
    rows = file_rows(CheckpointDetail(ONE, None, (), (KeptFile(TASK, name, "b" * 40, 1),)), None, Restoration(ONE))
    told = [restoration_report(Restoration(ONE, steps(**{name: WRITE}))), *(row.name for row in rows)]
    assert all("\x1b" not in words and "\n" not in words for words in told)
    assert name in [row.path for row in rows], "the name by which it is brought back is the whole one"


def test_the_first_one_of_a_task_has_new_files_only() -> None:
    detail = CheckpointDetail(ONE, None, (), (KeptFile(TASK, "a.py", "b" * 40, 1),))
    rows = file_rows(detail, None, Restoration(ONE, steps(**{"a.py": WRITE})))
    assert [(row.name, row.sign, row.note) for row in rows if row.path] == [("a.py", "+", "other now")]


def test_files_of_several_tasks_stand_below_their_titles_and_one_alone_can_be_meant() -> None:
    other = "k4t9aaaabbbbcccc"
    files = (KeptFile(TASK, "a.py", "b" * 40, 1), KeptFile(other, "b.py", "b" * 40, 1))
    detail = CheckpointDetail(week()[1], None, (), files)
    rows = file_rows(detail, None, Restoration(ONE))
    assert [(row.depth, row.name) for row in rows] == [(0, TASK), (1, "a.py"), (0, other), (1, "b.py")]
    assert [row.name for row in file_rows(detail, None, Restoration(ONE), other)] == ["b.py"]


def test_a_file_that_is_gone_and_one_that_is_no_text_are_told() -> None:
    gone = FileDiff(FileChange(TASK, "a.py", "b" * 40, ""), "--- a.py\n+++ /dev/null\n-x", 0, 1)
    image = FileDiff(change("b.png", "a", "b"))
    runs = FileDiff(change("c.sh", "a", "a"), "")
    empty = FileDiff(change("d.txt"), "")
    since = CheckpointDiff("a" * 40, "b" * 40, (gone, image, runs, empty), ())
    rows = file_rows(CheckpointDetail(week()[1], None, (), ()), since, Restoration(ONE))
    assert [(row.sign, row.name, row.note) for row in rows] == [
        ("-", "a.py", "removed"), ("M", "b.png", "no text, or too long"),
        ("M", "c.sh", "only its mode"), ("+", "d.txt", "empty"),
    ]  # fmt: skip
    assert [diff_line(one) for one in (gone, image, runs)] == [
        "- a.py  removed", "M b.png  no text, or too long", "M c.sh  only its mode",
    ]  # fmt: skip


def test_the_folder_of_a_task_tells_the_last_step_and_what_came_since() -> None:
    detail = next(iter(engine_of().held.values()))
    now = CheckpointDiff(ONE.id, "", (FileDiff(change("new.txt")), FileDiff(change("docs/spec.md", "a", "b"))), ())
    assert task_file_lines(detail, now, TASK) == (
        "  docs/",
        "    spec.md  changed since",
        "  new.txt  new since",
        "  schema.sql",
        "  src/",
        "+   api.yaml",
        "    routes.py",
    )


def test_each_folder_stands_once_above_what_lies_in_it() -> None:
    assert tree_lines(["src/a/one.py", "readme", "src/two.py", "src/a/three.py"]) == (
        TreeLine(0, "readme", "readme"),
        TreeLine(0, "src/", ""),
        TreeLine(1, "a/", ""),
        TreeLine(2, "one.py", "src/a/one.py"),
        TreeLine(2, "three.py", "src/a/three.py"),
        TreeLine(1, "two.py", "src/two.py"),
    )


def test_folders_of_the_same_name_in_others_are_told_apart() -> None:
    assert [(line.depth, line.name) for line in tree_lines(["a/x/1", "b/x/2"])] == [
        (0, "a/"), (1, "x/"), (2, "1"), (0, "b/"), (1, "x/"), (2, "2"),
    ]  # fmt: skip


def test_no_path_is_no_line() -> None:
    assert tree_lines([]) == ()
