"""What a person changes of a plan: other words, models, budgets, steps more and fewer, another order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import plans
from tale_tui.domain.errors import BadPlan
from tale_tui.domain.models import Role
from tale_tui.domain.tasks import Plan
from tale_tui.engine.tasks.plan import parse_plan
from tale_tui.formatting.plans import exported_plan, plan_json
from tale_tui.ui.plans import edits
from tale_tui.ui.plans.edits import StepTexts

PLAN = exported_plan(plans.waiting())
NAMES = {spec.key: str(number) for number, spec in enumerate(PLAN.steps, 1)}


def test_other_words_stand_in_the_place_of_those_before() -> None:
    changed = edits.rewritten(PLAN, "data", StepTexts("Tables", "Draw them.", ("tables.sql",)))
    spec = edits.step_of(changed, "data")
    assert (spec.title, spec.prompt, spec.files, spec.after) == ("Tables", "Draw them.", ("tables.sql",), ("spec",))
    assert [one for one in changed.steps if one.key != "data"] == [one for one in PLAN.steps if one.key != "data"]


def test_a_step_is_given_to_a_model_or_to_whichever_has_a_role() -> None:
    given_one = edits.step_of(edits.given_to(PLAN, "data", plans.SMALL), "data")
    assert (given_one.ref, given_one.role) == (plans.SMALL, Role.TASK)
    back = edits.step_of(edits.given_to(PLAN, "texts", Role.UX), "texts")
    assert (back.ref, back.role) == (None, Role.UX)


def test_a_budget_grows_and_shrinks_from_what_is_foreseen() -> None:
    more = edits.budgeted(PLAN, "data", 1, 1_440.0)
    assert edits.step_of(more, "data").max_tokens == 1_800
    assert edits.step_of(edits.budgeted(more, "data", -1, 9.0), "data").max_tokens == 1_400
    assert edits.step_of(edits.budgeted(PLAN, "data", -1, None), "data").max_tokens == 400


@given(st.integers(1, 10_000_000))
def test_a_budget_always_moves_and_never_below_the_least(tokens: int) -> None:
    plan = edits.with_steps(PLAN, [replace(PLAN.steps[0], max_tokens=tokens)])
    more, fewer = (edits.budgeted(plan, "spec", way, None).steps[0].max_tokens or 0 for way in (1, -1))
    assert more >= edits.BUDGET_MIN
    assert fewer >= edits.BUDGET_MIN
    assert more > tokens or more == edits.BUDGET_MIN
    assert fewer < tokens or fewer == edits.BUDGET_MIN


def test_what_waited_for_a_step_waits_for_the_one_that_is_inserted_behind_it() -> None:
    plan, key = edits.inserted(PLAN, "data", StepTexts("Review", "Review it.", ("review.md",)))
    assert [spec.key for spec in plan.steps][1:3] == ["data", key]
    assert edits.step_of(plan, key).after == ("data",)
    assert edits.step_of(plan, "auth").after == ("data", "api", key)
    assert edits.step_of(plan, "routes").inputs == ("schema.sql", "api.yaml", key)
    again, other = edits.inserted(plan, "data", StepTexts("Once more", "Do it.", ()))
    assert other != key
    parse_plan(plan_json(again))


def test_what_waited_for_a_step_that_is_removed_waits_for_those_before_it() -> None:
    plan = edits.removed(PLAN, "data")
    assert edits.step_of(plan, "auth").after == ("spec", "api")
    assert edits.step_of(plan, "routes").inputs == ("api.yaml",)
    parse_plan(plan_json(plan))


def test_the_only_step_stays() -> None:
    with pytest.raises(BadPlan, match="refuse the plan"):
        edits.removed(Plan(PLAN.steps[:1]), "spec")


def test_a_step_moves_among_those_that_do_not_wait_for_it() -> None:
    moved = edits.moved(PLAN, "api", -1, NAMES)
    assert [spec.key for spec in moved.steps][:3] == ["spec", "api", "data"]
    with pytest.raises(BadPlan, match="2 waits for 1, so it stays behind it"):
        edits.moved(PLAN, "data", -1, NAMES)
    with pytest.raises(BadPlan, match="1 is the first one"):
        edits.moved(PLAN, "spec", -1, NAMES)
    with pytest.raises(BadPlan, match="14 is the last one"):
        edits.moved(PLAN, "result", 1, NAMES)


@given(st.lists(st.tuples(st.sampled_from(["removed", "inserted", "up", "down"]), st.integers(0, 30)), max_size=12))
def test_whatever_is_changed_can_be_run(changes: list[tuple[str, int]]) -> None:
    plan = PLAN
    for kind, number in changes:
        key = plan.steps[number % len(plan.steps)].key
        names = {spec.key: spec.key for spec in plan.steps}
        try:
            match kind:
                case "removed":
                    plan = edits.removed(plan, key)
                case "inserted":
                    plan, _ = edits.inserted(plan, key, StepTexts("New", "Do it."))
                case _:
                    plan = edits.moved(plan, key, -1 if kind == "up" else 1, names)
        except BadPlan:
            continue
    assert len(parse_plan(plan_json(plan)).steps) == len(plan.steps)


def test_what_is_new_or_other_is_marked() -> None:
    before = {spec.key: spec for spec in PLAN.steps}
    steps = plans.waiting().steps[1:]
    assert edits.changed_keys(before, steps) == frozenset()
    other = replace(steps[1], spec=replace(steps[1].spec, title="Tables"))
    assert edits.changed_keys(before, (steps[0], other)) == {"data"}
