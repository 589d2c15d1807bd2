"""`submit --jsonl`: many tasks at once, all of them or none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.scripted_groups import new_task
from tale_tui.domain.tasks import Priority, TaskState


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tasks.jsonl"


def written(file: Path, *lines: dict[str, Any]) -> str:
    file.write_text("\n".join(map(json.dumps, lines)) + "\n")
    return str(file)


def test_every_line_is_handed_in_as_it_says(cli: Any, engine: Any, file: Path) -> None:
    engine.give(new_task("abcd2222"))
    plan = {"steps": [{"key": "a", "prompt": "do"}]}
    lines = (
        {"text": "first", "name": "one", "priority": "high", "time_limit_s": 60.0},
        {"text": "second", "after": ["one", "abcd"], "plan": plan},
        {"text": "third", "after": "one"},
    )
    result = cli("submit", "--jsonl", written(file, *lines), "--no-wait")
    assert (result.code, result.err) == (0, "")
    first, second, third = result.out.split()
    given = engine.handed_in
    assert [one["text"] for one in given] == ["first", "second", "third"]
    assert (given[0]["priority"], given[0]["time_limit_s"]) == (Priority.HIGH, 60.0)
    assert given[1]["after"] == (first, "abcd2222")
    assert json.loads(given[1]["plan"]) == plan
    assert given[2]["after"] == (first,)
    assert len({first, second, third}) == 3


def test_what_became_of_them_is_printed_in_their_order(cli: Any, engine: Any, file: Path) -> None:
    path = written(file, {"text": "first"}, {"text": "second"})
    result = cli("submit", "--jsonl", path)
    assert result.code == 0
    assert [line.split()[1] for line in result.out.splitlines()] == ["done", "done"]
    found = [json.loads(line) for line in cli("submit", "--jsonl", path, "--json").out.splitlines()]
    assert [one["state"] for one in found] == ["done", "done"]
    engine.ends_with = TaskState.FAILED
    assert cli("submit", "--jsonl", path).code == 1


def test_they_may_come_on_standard_input(cli: Any, engine: Any) -> None:
    assert cli("submit", "--jsonl", "-", "--no-wait", stdin='{"text": "a"}\n\n{"text": "b"}\n').code == 0
    assert [one["text"] for one in engine.handed_in] == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("write a haiku", 'line 2: this is no JSON object, as in {"text"'),
        ("[1]", "line 2: this is no JSON object"),
        ('{"txet": "x"}', "line 2: "),
        ('{"text": "x", "what": 1}', "line 2: what: is not known here; there are text, name, priority"),
        ('{"text": 5}', "line 2: text: input should be a valid string"),
        ('{"text": " "}', "line 2: Nothing that can be read"),
        ('{"text": "x", "priority": "soon"}', "line 2: There is no priority 'soon'"),
        ('{"text": "x", "after": ["zz"]}', "line 2: No task's id begins with zz."),
        ('{"text": "x", "name": "a"}', "line 2: another line has the name a already."),
    ],
)
def test_a_line_that_cannot_be_a_task_is_named_and_none_is_handed_in(
    cli: Any, engine: Any, file: Path, line: str, says: str
) -> None:
    file.write_text(f'{{"text": "x", "name": "a"}}\n{line}\n')
    result = cli("submit", "--jsonl", str(file))
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert says in result.err
    assert engine.handed_in == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--jsonl", "/nowhere"], "/nowhere cannot be read"), (["x", "--jsonl", "/nowhere"], "leave everything else out")],
)
def test_bad_usage_is_one_sentence(cli: Any, arguments: list[str], says: str) -> None:
    result = cli("submit", *arguments)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert says in result.err


def test_a_file_without_a_line_and_one_with_too_many(cli: Any, file: Path) -> None:
    file.write_text("\n \n")
    assert "has no line" in cli("submit", "--jsonl", str(file)).err
    assert "1,001 tasks, and 1,000 go together" in cli("submit", "--jsonl", written(file, *[{"text": "x"}] * 1001)).err
