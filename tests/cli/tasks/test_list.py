"""`tasks`, and what is done to one task."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.calls import new_call
from tale_tui.domain.metrics import CallKind
from tale_tui.domain.tasks import Priority, TaskState


def test_a_list_that_is_cut_says_so(cli: Any, work: Any) -> None:
    everything = cli("tasks", "--limit", "3")
    assert (len(everything.out.splitlines()), everything.err) == (4, "")
    for more in ([], ["--json"]):
        assert cli("tasks", "--limit", "2", *more).err == "There are more than 2. For more: --limit N\n"
    assert len(json.loads(cli("tasks", "--limit", "2", "--json").out)["tasks"]) == 2


@pytest.mark.parametrize("command", ["tasks", "list"])
def test_tasks_are_a_table(cli: Any, engine: Any, work: Any, command: str) -> None:
    done = {"task_id": "efgh3333", "kind": CallKind.STEP, "tokens_per_second": 38.0}
    engine.rows = [new_call(**done), new_call(**done), new_call(task_id="abcd2222", prompt_tokens=None)]
    lines = cli(command).out.splitlines()
    assert lines[0].split() == ["id", "title", "state", "priority", "model", "tokens", "tok/s", "time", "last"]
    assert lines[1].startswith("◐  abcd  Write it  working")
    assert lines[2].split()[:4] == ["✓", "efgh", "Letter", "done"]
    assert lines[2].split()[4:8] == ["normal", "qwen2.5:7b", "30", "38.0"]
    assert "0:42" in lines[2]
    assert lines[1].split()[-4:-2] == ["qwen2.5:7b", "3"]
    assert lines[3].split()[-4:-2] == ["qwen2.5:7b", "–"]
    assert lines[3].startswith("✗  jkmn  Manual    out of memory")


def test_only_some_states(cli: Any, work: Any) -> None:
    assert [line.split()[1] for line in cli("tasks", "--state", "done").out.splitlines()[1:]] == ["efgh"]
    assert [line.split()[1] for line in cli("tasks", "--state", "Open").out.splitlines()[1:]] == ["abcd"]
    assert len(cli("tasks", "--state", "failed", "--state", "done").out.splitlines()) == 3
    assert len(cli("tasks", "--state", "ended", "--limit", "1").out.splitlines()) == 2


def test_an_unknown_state_is_bad_input(cli: Any, work: Any) -> None:
    result = cli("tasks", "--state", "sleeping")
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert "'sleeping' is no state of a task: write one of draft, waiting, queued" in result.err


def test_tasks_as_json(cli: Any, work: Any) -> None:
    result = cli("tasks", "--json")
    data = json.loads(result.out)
    assert [task["id"] for task in data["tasks"]] == ["abcd2222", "efgh3333", "jkmn4444"]
    assert data["tasks"][0]["text"] == "Write\nit"
    assert data["tasks"][0]["confidence"] == 0.9312
    assert result.out == cli("list", "--json").out
    assert json.loads(cli("tasks", "--state", "queued", "--json").out) == {"tasks": []}


def test_no_tasks_are_a_sentence(cli: Any, engine: Any, work: Any) -> None:
    assert "No task is queued or paused." in cli("tasks", "--state", "queued", "--state", "paused").err
    engine.work.clear()
    result = cli("tasks")
    assert (result.code, result.out) == (0, "")
    assert "tale-tui submit" in result.err


@pytest.mark.parametrize("command", ["status", "result", "cancel", "pause", "resume", "retry", "approve"])
def test_an_unknown_id_is_bad_input(cli: Any, work: Any, command: str) -> None:
    result = cli(command, "zz")
    assert (result.code, result.out) == (2, "")
    assert result.err == "No task's id begins with zz.\n"


# what is done to one


@pytest.mark.parametrize(
    ("state", "arguments", "done"),
    [
        (TaskState.RUNNING, ["cancel", "ab"], ("cancel", "abcd2222")),
        (TaskState.RUNNING, ["pause", "ab"], ("pause", "abcd2222")),
        (TaskState.PAUSED, ["resume", "ab"], ("resume", "abcd2222")),
        (TaskState.FAILED, ["retry", "ab"], ("retry", "abcd2222", "")),
        (TaskState.PAUSED, ["retry", "ab", "--from", "work"], ("retry", "abcd2222", "work")),
        (TaskState.WAITING, ["approve", "ab"], ("approve", "abcd2222", True)),
        (TaskState.WAITING, ["approve", "ab", "--no"], ("approve", "abcd2222", False)),
        (TaskState.RUNNING, ["priority", "ab", "urgent"], ("set_priority", "abcd2222", Priority.URGENT)),
    ],
)
def test_a_task_is_changed(cli: Any, work: Any, state: TaskState, arguments: list[str], done: tuple[Any, ...]) -> None:
    work.change("abcd2222", state=state)
    result = cli(*arguments)
    assert result.code == 0
    assert work.calls == [done]
    assert "abcd  Write it" in result.out


def test_the_changed_task_as_json(cli: Any, work: Any) -> None:
    result = cli("cancel", "ab", "--json")
    assert (json.loads(result.out)["state"], result.err) == ("cancelled", "")


def test_a_task_that_is_queued_again_says_who_will_do_it(cli: Any, work: Any) -> None:
    work.change("abcd2222", state=TaskState.PAUSED)
    assert "will do it: the window" in cli("resume", "ab").err
    work.here = True
    assert "Nothing works on the queue now." in cli("retry", "jk").err


def test_cancelling_twice_is_bad_input(cli: Any, work: Any) -> None:
    cli("cancel", "ab")
    result = cli("cancel", "ab")
    assert result.code == 2
    assert result.err == "abcd is cancelled already.\n"


def test_an_unknown_priority_changes_nothing(cli: Any, work: Any) -> None:
    result = cli("priority", "ab", "soon")
    assert (result.code, work.calls) == (2, [])
    assert "write one of urgent, high, normal, low." in result.err


def test_the_states_are_those_of_the_engine() -> None:
    from tale_tui.cli.tasks.list import STATE_GROUPS, states_of

    assert states_of(("all",)) == tuple(TaskState)
    assert set(states_of(("open", "ended"))) == set(TaskState)
    assert not STATE_GROUPS.keys() & set(TaskState)
