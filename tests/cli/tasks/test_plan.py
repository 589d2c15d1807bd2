"""`plan` and `approve`: a plan is shown, exported, changed, approved by the step, refused with a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tale_tui.domain.forecasts import Estimate
from tale_tui.domain.models import Usage
from tale_tui.domain.plans import PlanForecast, PlanStepForecast
from tale_tui.domain.tasks import (
    Plan,
    PlanApproval,
    Reason,
    Step,
    StepKind,
    StepSpec,
    StepState,
    Task,
    TaskDetail,
    TaskState,
)
from tale_tui.engine.tasks.plan import parse_plan

SPECS = (
    StepSpec("plan", "plan", kind=StepKind.PLAN),
    StepSpec("spec", "Requirements", "Write them.", files=("spec.md",), max_tokens=600),
    StepSpec("data", "Data model", "Draw it.", ("spec",)),
    StepSpec("api", "Interface", "Write it.", ("spec",)),
    StepSpec("send", "Copy", "Copy it.", ("data", "api"), repeatable=False),
)
TASK = Task(
    "r5n10000", "r5n1", "Web application", TaskState.WAITING, 1.0, 1.0, reason=Reason.APPROVAL, steps_total=4
)  # fmt: skip


def detail(**states: Step) -> TaskDetail:
    plan = Plan(SPECS, reasoning="The model comes first.")
    steps = tuple(states.get(spec.key, Step(spec, allowed=spec.kind == StepKind.PLAN)) for spec in SPECS)
    return TaskDetail(TASK, "Build it", plan, steps, approval=PlanApproval("It asks because of this: it is large."))


def estimate(middle: float) -> Estimate:
    return Estimate(middle, middle / 2, middle * 2)


@pytest.fixture
def asking(engine: Any) -> Any:
    engine.give(detail(plan=Step(SPECS[0], StepState.DONE)))
    engine.plan_forecast = PlanForecast(
        tuple(PlanStepForecast(spec.key, estimate(600), estimate(60)) for spec in SPECS[1:]),
        estimate(2400), estimate(180), estimate(120), ("spec", "data", "send"), 12,
    )  # fmt: skip
    return engine


def test_a_plan_is_shown_as_a_tree_with_what_is_foreseen(cli: Any, asking: Any) -> None:
    lines = cli("plan", "r5").out.splitlines()
    assert lines[0].startswith("? r5n1  Web application  approve 4 steps")
    assert lines[1] == "  4 steps, 2.4k tok (1.2k–4.8k), 3:00 (1:30–6:00)"
    assert lines[2] == "  It asks because of this: it is large."
    assert lines[3] == "  why so: The model comes first."
    table = [" ".join(line.split()) for line in lines[4:]]
    assert table[0] == "# step after model tokens time gives state"
    assert table[1].startswith(
        "1 Requirements – the big one 600 tok (300–1.2k) 1:00 (0:30–2:00) spec.md wants your yes"
    )
    assert table[2].startswith("2 ├ Data model 1 ")
    assert table[3].startswith("3 └ Interface 1 ")
    assert table[4].startswith("4 └ Copy 2 3 ")
    assert "outside" in table[4]
    assert table[5] == "0 of 4 done, 4 waiting, about 2:00 left (1:00–4:00)"
    assert (
        "tale-tui approve r5n1 --no; --step N for one step, --refuse REASON for another plan" in cli("plan", "r5").err
    )


def test_why_the_plans_before_were_refused_is_said(cli: Any, engine: Any) -> None:
    asks = replace(detail(), approval=PlanApproval("It asks.", refused=("Use SQLite", "No pictures")))
    engine.give(asks)
    assert cli("plan", "r5").out.splitlines()[2] == "  Refused before: No pictures; Use SQLite"


def test_how_far_a_plan_is_is_said_of_each_step(cli: Any, engine: Any) -> None:
    engine.give(
        detail(
            plan=Step(SPECS[0], StepState.DONE),
            spec=Step(SPECS[1], StepState.DONE, 1, usage=Usage(completion_tokens=588), started=10.0, finished=74.0),
            data=Step(SPECS[2], StepState.RUNNING, 2, started=74.0),
            api=Step(SPECS[3], StepState.SKIPPED, error="refused by you"),
            send=Step(SPECS[4]),
        )
    )
    table = [" ".join(line.split()) for line in cli("plan", "r5").out.splitlines()]
    assert any(line.startswith("1 Requirements – the big one 588 tok 1:04 spec.md done") for line in table)
    assert any(line.startswith("2 ├ Data model") and line.endswith("running, attempt 2") for line in table)
    assert any(line.startswith("3 └ Interface") and line.endswith("left out: refused by you") for line in table)
    assert any(line.endswith("outside waits for 2") for line in table)
    assert table[-1] == "1 of 3 done, 1 running, 1 waiting, 1 left out"


def test_what_is_exported_can_be_handed_in(cli: Any, asking: Any) -> None:
    plan = parse_plan(cli("plan", "r5", "--json").out)
    assert [spec.key for spec in plan.steps] == ["spec", "data", "api", "send"]
    assert plan.steps[0] == SPECS[1]
    assert plan.steps[-1].goes_outside


def test_a_changed_plan_is_taken_back(cli: Any, asking: Any, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(cli("plan", "r5", "--json").out)
    assert cli("plan", "r5", "--set", str(file)).code == 0
    [call] = [call for call in asking.calls if call[0] == "set_plan"]
    assert json.loads(call[2])["steps"][0]["key"] == "spec"
    assert cli("plan", "r5", "--set", str(tmp_path / "none")).code == 2


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (["--step", "2"], ("approve step", "r5n10000", True, "data")),
        (["--step", "api"], ("approve step", "r5n10000", True, "api")),
        (["--step", "4", "--no"], ("approve step", "r5n10000", False, "send")),
        (["--refuse", "Use SQLite"], ("refuse", "r5n10000", "Use SQLite")),
        ([], ("approve", "r5n10000", True)),
        (["--no"], ("approve", "r5n10000", False)),
    ],
)
def test_a_plan_is_answered(cli: Any, asking: Any, words: list[str], call: tuple[Any, ...]) -> None:
    assert cli("approve", "r5", *words).code == 0
    assert asking.calls[-1] == call or call in asking.calls


def test_a_refusal_is_for_the_whole_plan(cli: Any, asking: Any) -> None:
    refused = cli("approve", "r5", "--refuse", "no", "--step", "1")
    assert (refused.code, refused.out) == (2, "")
    assert "--refuse is for the whole plan" in refused.err


def test_programs_are_told_what_was_asked_and_what_each_step_is(cli: Any, asking: Any) -> None:
    told = json.loads(cli("status", "r5", "--json").out)
    assert told["plan"]["asks"] == "It asks because of this: it is large."
    assert told["plan"]["reasoning"] == "The model comes first."
    assert told["steps"][1]["plan"]["files"] == ["spec.md"]
    assert told["steps"][1]["allowed"] is False
