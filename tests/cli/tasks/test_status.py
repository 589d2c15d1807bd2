"""`status`: of a task, and of the engine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.calls import new_call
from support.scripted_engine import FORECAST
from support.scripted_groups import new_task
from tale_tui.domain.alerts import Alert, AlertKind
from tale_tui.domain.tasks import TaskState
from tale_tui.formatting.tasks import sign


def test_status_of_a_task(cli: Any, work: Any) -> None:
    out = cli("status", "jk").out
    assert out.startswith("✗ jkmn  Manual  out of memory")
    assert "It does not fit." in out
    assert "ollama/qwen2.5:7b, a task" in out
    assert json.loads(cli("status", "jk", "--json").out)["error"] == "It does not fit."


def test_status_of_a_task_says_what_was_foreseen(cli: Any, engine: Any) -> None:
    engine.give(new_task("abcd2222"))
    assert "forecast" not in cli("status", "abcd").out
    assert json.loads(cli("status", "abcd", "--json").out)["forecast"] is None
    engine.change("abcd2222", forecast=FORECAST.summary)
    assert "forecast  simple, 60 tok (30–110), 0:05 (0:05–0:10)" in cli("status", "abcd").out
    told = json.loads(cli("status", "abcd", "--json").out)["forecast"]
    assert told["completion_tokens"] == {"middle": 60, "low": 30, "high": 110}
    assert (told["complexity"], told["runs"]) == ("simple", 12)


@pytest.mark.parametrize("state", [TaskState.QUEUED, TaskState.RUNNING])
def test_status_follows_a_task_that_another_process_works_on(cli: Any, engine: Any, state: TaskState) -> None:
    engine.give(new_task("abcd2222", state))
    assert cli("status", "abcd").out.startswith(f"{sign(engine.work['abcd2222'].task)} abcd")
    result = cli("status", "abcd", "-f")
    assert result.out.startswith("✓ abcd")
    assert "abcd  working  qwen2.5:7b" in result.err
    assert json.loads(cli("status", "abcd", "--follow", "--json").out)["state"] == "done"


def test_status_follows_nothing_where_nobody_works(cli: Any, engine: Any) -> None:
    engine.give(new_task("abcd2222"))
    engine.here = True
    assert cli("status", "abcd", "-f").code == 0
    assert engine.work["abcd2222"].task.state is TaskState.QUEUED
    assert cli("status", "-f").code == 2


def test_status_of_the_whole(cli: Any, work: Any) -> None:
    lines = cli("status").out.splitlines()
    assert lines[0].startswith("engine  the window, process 1, since ")
    assert lines[1] == "ux      ● ollama/qwen2.5:7b, loaded"
    assert lines[2] == "task    ○ no model"
    assert lines[3] == "queue   1 running, 1 done, 1 failed"
    assert lines[4] == "tokens  0 today, in 0 calls"
    work.rows = [new_call(), new_call()]
    assert cli("status").out.splitlines()[4] == "tokens  30 today, in 2 calls"
    data = json.loads(cli("status", "--json").out)
    assert (data["tokens_today"], data["calls_today"]) == (30, 2)


def test_status_without_an_engine_says_what_to_start(cli: Any, engine: Any) -> None:
    engine.here = True
    result = cli("status")
    assert "engine  none" in result.out
    assert "queue   no tasks" in result.out
    assert "No engine runs. To start one: tale-tui run" in result.err
    assert json.loads(cli("status", "--json").out)["engine"] is None


def test_status_as_json(cli: Any, work: Any) -> None:
    data = json.loads(cli("status", "--json").out)
    assert data["engine"] == {"pid": 1, "version": "1", "background": False, "works_queue": True}
    assert data["models"]["ux"]["model"] == "ollama/qwen2.5:7b"
    assert data["models"]["task"]["state"] == "unset"
    assert data["tasks"]["running"] == 1
    assert list(data["tasks"]) == [
        "waiting",
        "queued",
        "running",
        "paused",
        "interrupted",
        "done",
        "failed",
        "cancelled",
    ]


def test_status_names_what_is_not_as_it_should_be_in_one_line(cli: Any, work: Any, engine: Any) -> None:
    assert "broken" not in cli("status").out
    engine.alerts = [
        Alert(3, AlertKind.BUDGET_SPENT, "day", 1.0, 80.0, 80.0, "Spent."),
        Alert(2, AlertKind.FIRST_TEXT, "", 1.0, 1.5, 1.0, "Slow."),
        Alert(1, AlertKind.SWITCH, "", 1.0, 1.5, 1.0, "Slow.", ended=2.0),
    ]
    last = cli("status").out.splitlines()[-1]
    assert last == "broken  budget, spent (day); first text of replies. tale-tui alerts says more"
    assert json.loads(cli("status", "--json").out)["broken"] == ["budget, spent (day)", "first text of replies"]
