"""`submit`: what is handed in, what is printed, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.scripted_groups import new_task
from tale_tui.cli.tasks.output import forecast_data
from tale_tui.domain.errors import BadPlan, OutOfMemory, Unreachable
from tale_tui.domain.forecasts import Estimate
from tale_tui.domain.models import Role, RoleState, RoleStatus
from tale_tui.domain.tasks import Priority, TaskState

FIELDS = [
    "id",
    "title",
    "text",
    "priority",
    "state",
    "route",
    "model",
    "confidence",
    "created",
    "updated",
    "started",
    "finished",
    "steps",
    "result",
    "prompt_tokens",
    "completion_tokens",
    "error",
    "reason",
    "server_since",
    "forecast",
    "plan",
]
FORESEEN = "simple, 60 tok (30–110), 0:05 (0:05–0:10)"
"""What the scripted engine foresees of every text."""
NOTHING = {"priority": Priority.NORMAL, "plan": "", "after": (), "time_limit_s": None}


def test_it_waits_and_only_the_result_is_on_standard_output(cli: Any, engine: Any) -> None:
    result = cli("submit", "Write a haiku")
    assert (result.code, result.out) == (0, "Rain on the window.\n")
    assert engine.handed_in == [{"text": "Write a haiku", **NOTHING}]
    [task_id] = engine.work
    shown = task_id[:4]
    assert result.err == f"forecast: {FORESEEN}\n{shown}  queued\n{shown}  working  qwen2.5:7b\n"
    assert cli("submit", "Write a haiku", "--wait").out == result.out


def test_an_engine_of_a_command_runs_only_what_is_followed(cli: Any, connection: Any) -> None:
    cli("submit", "x")
    assert (connection.loaded, connection.works_queue, connection.ends) == (False, False, None)


def test_json_has_the_fields_of_a_task_in_order(cli: Any, engine: Any) -> None:
    result = cli("submit", "Write a haiku", "--json")
    assert result.out.count("\n") == 1
    data = json.loads(result.out)
    assert list(data) == FIELDS
    [task_id] = engine.work
    assert data["id"] == task_id
    assert (data["text"], data["state"], data["priority"]) == ("Write a haiku", "done", "normal")
    assert (data["route"], data["model"], data["confidence"]) == ("a task", "ollama/qwen2.5:7b", None)
    assert (data["started"], data["finished"]) == ("2026-11-08T12:00:00Z", "2026-11-08T12:00:42Z")
    assert (data["result"], data["prompt_tokens"], data["completion_tokens"]) == ("Rain on the window.", 40, 3)
    assert data["error"] is None
    assert [step["key"] for step in data["steps"]] == ["work"]


@pytest.mark.parametrize("arguments", [["submit"], ["submit", "-"]])
def test_text_may_come_on_standard_input(cli: Any, engine: Any, arguments: list[str]) -> None:
    assert cli(*arguments, stdin="\n two\nlines \n").code == 0
    assert engine.handed_in[0]["text"] == "two\nlines"


def test_words_without_quotes_are_one_text(cli: Any, engine: Any) -> None:
    assert cli("submit", "fix", "the  bug", stdin="not this").code == 0
    assert engine.handed_in[0]["text"] == "fix the  bug"


def test_everything_else_is_handed_on(cli: Any, engine: Any, tmp_path: Path) -> None:
    engine.give(new_task("abcd2222"))
    plan = tmp_path / "plan.json"
    plan.write_text('{"steps": []}')
    options = ["--priority", "High", "--after", "ab", "--time-limit", "2.5", "--plan", str(plan), "--no-wait"]
    assert cli("submit", "x", *options).code == 0
    assert engine.handed_in == [
        {
            "text": "x",
            "priority": Priority.HIGH,
            "plan": '{"steps": []}',
            "after": ("abcd2222",),
            "time_limit_s": 2.5,
        }
    ]


def test_files_are_attached(cli: Any, engine: Any, tmp_path: Path) -> None:
    notes, more = tmp_path / "notes.txt", tmp_path / "more.txt"
    notes.write_text("Rain.\n" + "x" * 30_000)
    more.write_text("Sun.")
    assert cli("submit", "Sum up", "--file", str(notes), "--file", str(more)).code == 0
    [step] = json.loads(engine.handed_in[0]["plan"])["steps"]
    assert step["prompt"].startswith("The file notes.txt:\n\nRain.\nxxx")
    assert step["prompt"].endswith("The file more.txt:\n\nSun.")


def test_files_that_cannot_be_attached_are_bad_input(
    cli: Any, engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long, binary, plan = tmp_path / "long.txt", tmp_path / "binary", tmp_path / "plan.json"
    long.write_text("x" * 70_000)
    binary.write_bytes(b"a\0b")
    plan.write_text("{}")
    assert "long.txt: 70,000 characters are more than the 60,000" in cli("submit", "x", "--file", str(long)).err
    assert "binary is not text:" in cli("submit", "x", "--file", str(binary)).err
    assert cli("submit", "x", "--file", str(plan), "--plan", str(plan)).code == 2
    monkeypatch.setattr("tale_tui.cli.files.FILE_CHARACTERS_MAX", 100)
    assert "long.txt is longer than 100 characters" in cli("submit", "x", "--file", str(long)).err
    assert cli("submit", "x", "--file", str(tmp_path / "nowhere")).code == 2
    assert engine.handed_in == []


def test_a_plan_needs_no_text(cli: Any, engine: Any, tmp_path: Path) -> None:
    plan = tmp_path / "three steps.json"
    plan.write_text("{}")
    assert cli("submit", "--plan", str(plan)).code == 0
    assert engine.handed_in[0]["text"] == "three steps"


# only queued


def test_without_waiting_it_prints_the_id_and_who_will_do_it(cli: Any, engine: Any) -> None:
    result = cli("submit", "x", "--no-wait")
    [task_id] = engine.work
    assert (result.code, result.out) == (0, f"{task_id}\n")
    assert result.err == "qwen2.5:7b will do it: the window, process 1, works on the queue.\n"
    engine.background = True
    assert "the engine without a window, process 1, works" in cli("submit", "x", "--no-wait").err


def test_a_person_sees_the_short_id(cli: Any, engine: Any) -> None:
    result = cli("submit", "x", "--no-wait", terminal=True)
    [task_id] = engine.work
    assert result.out == f"{task_id[:4]}\n"


@pytest.mark.parametrize("why", ["here", "command"])
def test_without_waiting_it_says_when_nothing_works_on_the_queue(cli: Any, engine: Any, why: str) -> None:
    engine.here, engine.works = why == "here", why != "command"
    result = cli("submit", "x", "--no-wait")
    assert result.code == 0
    assert result.err.startswith("Nothing works on the queue now. To work it off: tale-tui run")
    assert "run --background" in result.err


def test_without_waiting_json_is_the_task(cli: Any, engine: Any) -> None:
    result = cli("submit", "x", "--no-wait", "--json")
    assert (json.loads(result.out)["state"], result.err) == ("queued", "")
    assert json.loads(result.out)["result"] is None


# ends


def test_a_task_that_fails_is_said_and_ends_with_1(cli: Any, engine: Any) -> None:
    engine.fails = OutOfMemory("It needs 12 GB and 8 are free.")
    result = cli("submit", "x")
    assert (result.code, result.out) == (1, "")
    assert result.err.endswith("failed: It needs 12 GB and 8 are free.\n")
    data = json.loads(cli("submit", "x", "--json").out)
    assert (data["state"], data["error"], data["result"]) == ("failed", "It needs 12 GB and 8 are free.", None)


def test_a_task_without_a_model_to_ask_ends_with_3(cli: Any, engine: Any) -> None:
    engine.fails = Unreachable("Ollama does not answer.")
    assert cli("submit", "x").code == 3


def test_a_task_that_is_cancelled_elsewhere_ends_with_1(cli: Any, engine: Any) -> None:
    engine.ends_with = TaskState.CANCELLED
    result = cli("submit", "x")
    assert (result.code, result.out) == (1, "")
    assert "was cancelled." in result.err


def test_without_any_model_nothing_is_handed_in(cli: Any, engine: Any) -> None:
    engine.role = RoleStatus(Role.UX, RoleState.UNSET)
    result = cli("submit", "x")
    assert result.code == 3
    assert "tale-tui models pull starter --yes" in result.err
    assert engine.handed_in == []


# bad input


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["submit", ""], "The task is empty: say what is to be done"),
        (["submit", " \n "], "The task is empty: say"),
        (["submit", "x", "--priority", "soon"], "There is no priority 'soon': write one of urgent, high, normal, low."),
        (
            ["submit", "x", "--time-limit", "-5"],
            "'-5' is no time limit: write seconds above 0 and up to 31,536,000 (a ",
        ),
        (["submit", "x", "--time-limit", "1e300"], "'1e300' is no time limit"),
        (["submit", "x", "--time-limit", "0"], "'0' is no time limit"),
        (["submit", "x", "--time-limit", "nan"], "'nan' is no time limit"),
        (["submit", "x", "--time-limit", "soon"], "'soon' is no time limit"),
        (["submit", "x", "--after", "zz"], "No task's id begins with zz."),
        (["submit", "x", "--plan", "/nowhere/plan.json"], "/nowhere/plan.json cannot be read"),
        (["wait", "zz"], "No task's id begins with zz."),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(cli: Any, engine: Any, arguments: list[str], says: str) -> None:
    result = cli(*arguments)
    assert (result.code, result.out) == (2, "")
    assert says in result.err
    assert result.err.count("\n") == 1
    assert engine.handed_in == []


def test_a_plan_that_cannot_be_run_is_named_with_its_file(cli: Any, engine: Any, tmp_path: Path) -> None:
    engine.errors["tasks.submit"] = BadPlan("steps[0].key: this is missing.")
    plan = tmp_path / "plan.json"
    plan.write_text('{"steps": [{}]}')
    result = cli("submit", "x", "--plan", str(plan))
    assert (result.code, result.err) == (2, f"{plan}: steps[0].key: this is missing.\n")


def test_without_text_it_says_what_to_write(cli: Any, engine: Any) -> None:
    result = cli("submit", terminal=True)
    assert result.code == 2
    assert "tale-tui submit" in result.err
    assert "empty" in cli("submit", stdin="").err


def test_the_mark_that_some_programs_write_first_is_no_part_of_a_plan(cli: Any, engine: Any, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text("{}", encoding="utf-8-sig")
    assert cli("submit", "x", "--plan", str(plan)).code == 0
    assert engine.handed_in[0]["plan"] == "{}"


def test_what_does_not_end_is_not_read_to_its_end(cli: Any, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.cli.stdin.MESSAGE_CHARACTERS_MAX", 100)
    result = cli("submit", "-", stdin="y\n" * 1000)
    assert (result.code, engine.handed_in) == (2, [])
    assert "longer than 100 characters" in result.err


def test_a_plan_that_is_no_text_is_bad_input(cli: Any, engine: Any, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_bytes(b"\xff\xfe")
    assert "is not text" in cli("submit", "x", "--plan", str(plan)).err
    plan.write_text(" ")
    result = cli("submit", "x", "--plan", str(plan))
    assert (result.code, engine.handed_in) == (2, [])
    assert "is empty" in result.err


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "'; DROP TABLE task; --", "[/] [bold]x"])
def test_any_text_is_a_task(cli: Any, engine: Any, text: str) -> None:
    assert cli("submit", text).code == 0
    assert engine.handed_in[0]["text"] == text


def test_without_waiting_it_says_that_a_task_wants_a_yes(cli: Any, engine: Any, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('{"approval": true}')
    result = cli("submit", "x", "--plan", str(plan), "--no-wait")
    [task_id] = engine.work
    assert (result.code, result.out) == (0, f"{task_id}\n")
    assert result.err.endswith(f": tale-tui approve {task_id[:4]}, or tale-tui approve {task_id[:4]} --no\n")


def test_without_waiting_it_says_that_a_task_cannot_begin(cli: Any, engine: Any) -> None:
    engine.give(new_task("aaaa1111", TaskState.CANCELLED))
    assert "it waits for aaaa, which was cancelled." in cli("submit", "x", "--after", "aaaa", "--no-wait").err


def test_a_large_task_is_said_before_it_runs_and_nothing_waits(cli: Any, engine: Any) -> None:
    engine.forecast = replace(engine.forecast, large=True, cost=Estimate(0.0123, 0.008, 0.0204))
    result = cli("submit", "Write a haiku")
    assert "forecast: large, simple, 60 tok" in result.err
    assert "cost 0.012 (0.008" in result.err
    assert "This is a large task: about 145 tokens and 4 s. To end it: tale-tui cancel " in result.err
    assert result.code == 0
    data = forecast_data(engine.forecast.summary)
    assert data["large"] is True
    assert data["cost"] == {"middle": 0.0123, "low": 0.008, "high": 0.0204}
    assert data["prompt_tokens"] == {"middle": 85, "low": 80, "high": 95}
    assert data["past"] == {"kind": None, "tasks": 0, "within_30_percent": None}
