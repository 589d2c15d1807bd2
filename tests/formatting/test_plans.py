"""Plans in words: what a step is given and gives, when it is tried again; and plans without some of their steps."""

from __future__ import annotations

from dataclasses import replace

from support import plans
from tale_tui.domain.tasks import Plan, StepSpec, StepState, TaskState
from tale_tui.formatting.plans import plan_rows, progress_words, step_facts, without


def test_what_a_step_is_given_and_gives_is_told_by_numbers_and_files() -> None:
    detail = plans.waiting()
    forecast = plans.foresee(detail.plan)
    way = "longest way 1 › 3 › 5 › 8 › 13 › 14, 15:50"
    assert step_facts(detail, forecast, "routes") == (
        "from 2 schema.sql, 3 api.yaml",
        "gives routes.py to 7, 8, 11",
        way,
    )
    assert step_facts(detail, forecast, "spec") == ("gives spec.md to 2, 3, 6", way)
    assert step_facts(detail, None, "copy") == ("from 4 auth.py, 5 routes.py, 6 pages/index.md", "gives its text to 14")
    assert step_facts(detail, None, "result")[0].startswith("from 7, 9, 10 style.css")


def test_when_a_step_is_tried_again_is_told_to_the_second_where_somebody_counts() -> None:
    detail = plans.running()
    for now, said in (
        (None, "again soon: no JSON came"),
        (plans.NOW, "again in 0:04: no JSON came"),
        (plans.NOW + 9, "again soon: no JSON came"),
    ):
        states = {row.step.spec.key: row.state for row in plan_rows(detail, None, now)}
        assert states["texts"] == said


def test_what_never_ran_of_a_task_that_has_ended_does_not_wait() -> None:
    detail = plans.running()
    stopped = tuple(
        replace(step, state=StepState.PENDING) if step.state is StepState.RUNNING else step for step in detail.steps
    )
    detail = replace(detail, task=replace(detail.task, state=TaskState.CANCELLED), steps=stopped)
    forecast = plans.foresee(detail.plan)
    rows = {row.step.spec.key: row for row in plan_rows(detail, forecast, plans.NOW)}
    assert {key: rows[key].state for key in ("auth", "tests", "pictures")} == {
        "auth": "stopped",
        "tests": "not run",
        "pictures": "left out: refused by you",
    }
    assert (rows["tests"].tokens, rows["tests"].time, rows["auth"].tokens) == ("–", "–", "1.6k tok")
    assert progress_words(detail, forecast) == "3 of 13 done, 3 stopped, 7 not run, 1 left out"


def test_a_plan_without_a_step_is_given_nothing_that_only_it_gave() -> None:
    one = StepSpec("one", "One", "Do it.", files=("a.md", "b.md"))
    two = StepSpec("two", "Two", "Do it.", ("one",), files=("b.md",))
    three = StepSpec("three", "Three", "Do it.", ("one", "two"), inputs=("one", "a.md", "b.md", "two"))
    left = without(Plan((one, two, three)), {"one"})
    assert left.steps == (replace(two, after=()), replace(three, after=("two",), inputs=("b.md", "two")))
