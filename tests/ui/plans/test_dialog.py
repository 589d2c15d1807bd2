"""The dialog of a plan: read, changed, approved whole or by the step, refused, kept waiting, saved, read from files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual import events

from support import plans
from support.window import Window
from tale_tui.domain.errors import BadPlan
from tale_tui.domain.models import BackendName, BackendReport, ModelInfo, ModelRef
from tale_tui.domain.plans import PlanForecast
from tale_tui.domain.tasks import Plan, PlanApproval, Reason, StepState, TaskState
from tale_tui.engine.tasks.plan import parse_plan
from tale_tui.formatting.units import count
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.pick import PickDialog
from tale_tui.ui.dialogs.text_entry import LinesInput, TextDialog
from tale_tui.ui.plans.dialog import PlanDialog
from tale_tui.ui.plans.edit_step import StepTextsDialog
from tale_tui.ui.tasks.screen import TasksScreen
from tale_tui.ui.widgets.line_input import LineInput

TASK = "r5n100000000000"


def line(window: Window, words: str) -> str:
    """The line of the screen that has these words, without what is more than one blank."""
    return next(" ".join(one.split()) for one in window.painted.splitlines() if words in one)


async def calls(window: Window, *expected: tuple[Any, ...]) -> None:
    await window.until(
        lambda: [call for call in window.engine.calls if call[0] != "draft"] == [*expected], f"{expected} is asked for"
    )


async def test_it_says_what_will_run_and_why_it_asks(open_plan: Any) -> None:
    async with open_plan() as window:
        await window.shows("Web application: may this run?", "14 steps, 17.1k tok (11.1k–27.4k), 15:50 (10:20–25:20)")
        await window.shows(plans.ASKS)
        assert "spec.md" in line(window, "Requirements")
        assert "2 3 qwen3:14b 2.9k (1.9k–4.6k) 4:50 (3:10–7:45) routes.py" in line(window, "Routes")
        assert line(window, "Copy to").startswith("│ ? 7")
        await window.press(*["down"] * 4)
        await window.shows("from 2 schema.sql, 3 api.yaml", "gives routes.py to 7, 8, 11", "longest way 1 › 3 › 5")
        await window.shows("“Write the routes of api.yaml for FastAPI.")
        assert window.app.focused.id == "focus-first"


async def test_few_columns_have_the_rest_below(open_plan: Any) -> None:
    async with open_plan(size=(80, 24)) as window:
        assert line(window, "Data model").split()[-2:] == ["900", "1:30"]
        await window.shows("f1 all keys   esc back")
        await window.press(*["down"] * 6)
        await window.shows("after 4 5 6", "by qwen3:14b", "effects outside")


async def test_without_runs_it_says_that_it_is_what_is_usual(open_plan: Any) -> None:
    engine = plans.planned()
    engine.plan_forecast = plans.foresee(plans.PLAN, runs=0)
    async with open_plan(engine=engine) as window:
        await window.shows("17.1k tok", "what is usual: this model never ran here")
        assert "(" not in line(window, "Data model")


async def test_why_these_steps_is_folded(open_plan: Any) -> None:
    async with open_plan() as window:
        await window.hides("The data model and the interface")
        await window.press("t")
        await window.shows("The data model and the interface come first")
        await window.press("t")
        await window.hides("The data model and the interface")


@pytest.mark.parametrize("keys", [("escape",), ("enter",)])
async def test_the_safe_answer_leaves_it_waiting(open_plan: Any, keys: tuple[str, ...]) -> None:
    async with open_plan() as window:
        await window.press(*keys)
        await window.dialog(TasksScreen)
        await calls(window)


@pytest.mark.parametrize("keys", [("a",), ("right", "enter")])
async def test_all_of_it_is_approved(open_plan: Any, keys: tuple[str, ...]) -> None:
    async with open_plan() as window:
        await window.press(*keys)
        await calls(window, ("approve", TASK, True))
        await window.tells("may run")


async def test_one_step_is_approved(open_plan: Any) -> None:
    async with open_plan() as window:
        await window.press("down", "down", "space")
        await calls(window, ("approve step", TASK, True, "api"))


async def test_step_by_step_begins_with_the_first_that_can_run(open_plan: Any) -> None:
    detail = plans.waiting()
    steps = [replace(one, state=StepState.DONE) if one.spec.key == "spec" else one for one in detail.steps]
    async with open_plan(replace(detail, steps=tuple(steps))) as window:
        await window.press("right", "right", "enter")
        await calls(window, ("approve step", TASK, True, "data"))


async def test_it_is_refused_with_a_reason(open_plan: Any) -> None:
    async with open_plan() as window:
        await window.press("n")
        await window.dialog(TextDialog)
        await window.press("escape")
        await window.dialog(PlanDialog)
        await window.press("n")
        await window.dialog(TextDialog)
        await window.press(*"sqlite", "enter")
        await calls(window, ("refuse", TASK, "sqlite"))


async def test_what_is_changed_is_foreseen_at_once_and_stored_with_the_yes(open_plan: Any) -> None:
    async with open_plan() as window:
        await window.press(*["down"] * 4, "plus")
        await window.shows("Routes *", "14 steps, 20.0k tok")
        assert "at most 5.8k tok" in window.painted
        await window.press("minus")
        await window.shows("18.8k tok")
        assert not [call for call in window.engine.calls if call[0] != "draft"]
        await window.press("a")
        await window.until(lambda: window.engine.calls[-1][0] == "approve", "it is approved")
        stored = [call for call in window.engine.calls if call[0] == "set_plan"]
        changed = {spec.key: spec for spec in parse_plan(stored[0][2]).steps}
        assert changed["routes"].max_tokens == 4_600
        assert changed["auth"].max_tokens is None


async def test_a_step_is_edited(open_plan: Any) -> None:
    async with open_plan() as window:
        await window.press("down", "e")
        form = await window.dialog(StepTextsDialog)
        await window.press(*"s")
        await window.press("ctrl+s")
        await window.dialog(PlanDialog)
        await window.shows("Data models *")
        assert isinstance(form, StepTextsDialog)


async def test_a_step_without_words_is_not_taken(open_plan: Any) -> None:
    async with open_plan() as window:
        await window.press("i")
        await window.dialog(StepTextsDialog)
        await window.press("ctrl+s")
        await window.shows("Give it a title, and say what its model is asked.")
        await window.press(*"Review", "tab", *"Look", "tab", *"../x", "ctrl+s")
        await window.dialog(PlanDialog)
        await window.shows("is no file inside the folder of the task")
        assert "Review" not in window.painted


async def test_a_step_is_inserted_and_what_was_changed_is_undone(open_plan: Any) -> None:
    async with open_plan() as window:
        await window.press("i")
        await window.dialog(StepTextsDialog)
        await window.press(*"Review", "tab", *"Look", "ctrl+s")
        await window.dialog(PlanDialog)
        await window.shows("15 steps", "Review *")
        assert window.app.screen.tree_view.key == "added-1"
        await window.press("u")
        await window.shows("14 steps")
        await window.hides("Review")


async def test_what_is_typed_at_once_behind_tab_goes_into_the_next_field(open_plan: Any) -> None:
    async with open_plan() as window:
        await window.press("i")
        form = await window.dialog(StepTextsDialog)
        for key in (*"Review", "tab", *"Look", "tab", *"a.md"):
            window.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await window.until(lambda: form.query_one("#files", LineInput).value == "a.md", "the last field")
        assert form.query_one("#focus-first", LineInput).value == "Review"
        assert form.query_one("#prompt", LinesInput).text == "Look"


async def test_a_step_is_removed_and_moved(open_plan: Any) -> None:
    async with open_plan() as window:
        await window.press("down", "d")
        await window.shows("13 steps")
        await window.hides("Data model")
        assert window.app.screen.tree_view.row.number == "2"
        await window.press("J")
        await window.shows("3 waits for 2, so it stays behind it.")
        await window.press("up", "K")
        await window.shows("1 is the first one.")


async def test_a_step_is_given_to_another_model(open_plan: Any) -> None:
    engine = plans.planned()
    other = ModelInfo(ModelRef(BackendName.OLLAMA, "llama3.2:3b"), capabilities=frozenset({"chat"}))
    engine.reports = [BackendReport(BackendName.OLLAMA, True, models=(other,))]
    async with open_plan(engine=engine) as window:
        await window.press("m")
        await window.dialog(PickDialog)
        await window.shows("whichever works on tasks", "llama3.2:3b")
        await window.press("down", "down", "enter")
        await window.dialog(PlanDialog)
        await window.shows("Requirements *")
        await window.press("a")
        await window.until(lambda: window.engine.calls[-1][0] == "approve", "it is approved")
        plan = next(parse_plan(call[2]) for call in window.engine.calls if call[0] == "set_plan")
        assert plan.steps[0].ref == other.ref


async def test_leaving_asks_whether_changes_are_kept(open_plan: Any) -> None:
    async with open_plan() as window:
        await window.press("plus")
        await window.shows("Requirements *")
        await window.press("escape")
        await window.dialog(ConfirmDialog)
        await window.press("escape")
        await window.dialog(PlanDialog)
        await window.press("escape")
        await window.dialog(ConfirmDialog)
        await window.press("enter")
        await window.until(lambda: window.engine.calls[-1][0] == "set_plan", "they are kept")
        assert not [call for call in window.engine.calls if call[0] == "approve"]


async def test_changes_are_dropped_where_the_user_says_so(open_plan: Any) -> None:
    async with open_plan() as window:
        await window.press("plus")
        await window.shows("Requirements *")
        await window.press("escape")
        await window.dialog(ConfirmDialog)
        await window.press("right", "enter")
        await window.dialog(TasksScreen)
        await calls(window)


async def test_many_changes_at_once_are_made_one_after_the_other(open_plan: Any) -> None:
    budgets: list[int] = []

    def foresee(plan: Plan) -> PlanForecast:
        budgets.append(plan.steps[0].max_tokens or 0)
        return plans.foresee(plan)

    async with open_plan() as window:
        window.engine.foresee = foresee
        await window.press(*["plus"] * 5)
        await window.until(lambda: len(budgets) == 5, "all are asked for")
        await window.shows(f"at most {count(budgets[-1])} tok")
        assert budgets == sorted(set(budgets))
        await window.press(*["u"] * 5)
        await window.hides("Requirements *")


async def test_what_is_done_stays_as_it_is(open_plan: Any) -> None:
    detail = plans.waiting()
    steps = [replace(one, state=StepState.DONE) if one.spec.key == "spec" else one for one in detail.steps]
    async with open_plan(replace(detail, steps=tuple(steps))) as window:
        await window.press("up", "e")
        await window.shows("1 is done: it stays.")
        assert isinstance(window.app.screen, PlanDialog)


async def test_a_plan_that_runs_is_only_read_and_follows_it(open_plan: Any) -> None:
    async with open_plan(plans.running(), key="p") as window:
        await window.shows("Web application: its plan", "3 of 13 done", "Close", "1.6k of ~2.4k", "again in 0:04")
        for key in ("a", "e", "d", "plus", "n"):
            await window.press(key)
        assert isinstance(window.app.screen, PlanDialog)
        assert "draft" not in {call[0] for call in window.engine.calls}
        detail = window.engine.work[TASK]
        done = tuple(replace(one, state=StepState.DONE) if one.spec.key == "auth" else one for one in detail.steps)
        window.engine.work[TASK] = replace(detail, steps=done)
        window.engine.change(TASK, steps_done=4)
        await window.shows("4 of 13 done")


async def test_a_paused_plan_is_changed_and_wants_a_yes_later(open_plan: Any) -> None:
    detail = plans.running()
    steps = tuple(
        replace(one, state=StepState.PENDING) if one.state is StepState.RUNNING else one for one in detail.steps
    )
    paused = replace(detail.task, state=TaskState.PAUSED, reason=Reason.USER, running_since=None)
    async with open_plan(replace(detail, task=paused, steps=steps), key="p") as window:
        await window.shows("Leave it paused")
        await window.press("a")
        assert isinstance(window.app.screen, PlanDialog)
        await window.press("plus")
        await window.shows("Authentication *")
        await window.press("escape")
        await window.dialog(ConfirmDialog)
        await window.press("enter")
        await window.until(lambda: window.engine.calls[-1][0] == "set_plan", "it is kept")


async def test_what_is_answered_elsewhere_is_only_read(open_plan: Any) -> None:
    async with open_plan() as window:
        await window.press("plus")
        await window.shows("Requirements *")
        window.engine.change(TASK, state=TaskState.RUNNING, reason=Reason.NONE)
        await window.shows("Close", "its plan")
        await window.press("a", "escape")
        await window.dialog(TasksScreen)
        await calls(window)


async def test_a_yes_is_no_yes_to_a_plan_that_nobody_has_seen(open_plan: Any) -> None:
    async with open_plan() as window:
        detail = window.engine.work[TASK]
        window.engine.work[TASK] = replace(detail, plan=replace(detail.plan, steps=detail.plan.steps[:-1]))
        await window.press("a")
        await window.tells("The plan was changed meanwhile")
        await calls(window)


async def test_a_plan_is_saved_and_taken_from_a_file(open_plan: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_plan() as window:
        await window.press("s")
        await window.dialog(TextDialog)
        await window.press("enter")
        await window.until(lambda: (tmp_path / "plan-r5n1.json").exists(), "it is written")
        await window.dialog(PlanDialog)
        saved = json.loads((tmp_path / "plan-r5n1.json").read_text())
        assert [step["key"] for step in saved["steps"]] == [spec.key for spec in plans.SPECS[1:]]
        saved["steps"] = saved["steps"][:3]
        (tmp_path / "x.json").write_text(json.dumps(saved))
        await window.press("o")
        await window.dialog(TextDialog)
        await window.press(*"x.json", "enter")
        await window.dialog(PlanDialog)
        await window.shows("3 steps")


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read: No such file"), (b"\xff\xfe", "it is not text"), (b"{", "this is not JSON")],
)
async def test_a_file_that_is_no_plan_changes_nothing(
    open_plan: Any, tmp_path: Path, monkeypatch: Any, content: bytes | None, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    async with open_plan() as window:
        await window.press("o")
        await window.dialog(TextDialog)
        await window.press("x", "enter")
        await window.dialog(PlanDialog)
        await window.shows(said, "14 steps")


async def test_what_the_engine_cannot_do_is_told(open_plan: Any) -> None:
    async with open_plan() as window:
        window.engine.errors["tasks.approve"] = BadPlan("It cannot.")
        await window.press("a")
        await window.tells("It cannot.")


async def test_foreign_text_is_no_markup(open_plan: Any) -> None:
    detail = plans.waiting()
    evil = replace(detail.steps[1].spec, title="[bold]x[/bold]\x1b[31m", prompt="a\u202eb")
    steps = (detail.steps[0], replace(detail.steps[1], spec=evil), *detail.steps[2:])
    plan = replace(detail.plan, steps=tuple(one.spec for one in steps))
    asks = PlanApproval("[red]why[/red]")
    async with open_plan(replace(detail, plan=plan, steps=steps, approval=asks)) as window:
        await window.shows("[bold]x[/bold]", "[red]why[/red]")
        assert "\u202e" not in window.painted
        assert "\x1b" not in window.painted


async def test_files_that_would_be_copied_out_stand_in_a_line_each(open_plan: Any) -> None:
    async with open_plan(plans.copying()) as window:
        await window.shows("To /srv/app:")
        for number in range(3):
            await window.shows(f"- page{number}.md, 6 B")
        rows = [one for one in window.painted.splitlines() if "- page" in one]
        assert len(rows) == 3


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_of_many_files_it_says_how_many_more_there_are(open_plan: Any, size: tuple[int, int]) -> None:
    async with open_plan(plans.copying(30), size=size) as window:
        await window.shows("- page5.md, 6 B", "and 24 more", "Finish without copying")


@pytest.mark.parametrize("by_key", [True, False])
async def test_it_is_finished_without_copying(open_plan: Any, by_key: bool) -> None:
    async with open_plan(plans.copying()) as window:
        await window.shows("Finish without copying")
        await (window.press("x") if by_key else window.pilot.click("#without"))
        await window.dialog(TasksScreen)
        await calls(window, ("approve step", TASK, False, "out"))
        await window.tells("Web application goes on without copying.")


async def test_only_what_copies_is_finished_without_copying(open_plan: Any) -> None:
    async with open_plan() as window:
        await window.hides("Finish without copying")
        await window.press("x")
        assert isinstance(window.app.screen, PlanDialog)
        await calls(window)
