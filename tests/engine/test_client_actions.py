"""What a user can do with a task, on the API alone."""

from __future__ import annotations

from typing import Any

import pytest

from support import tasks as fake_tasks
from tale_tui.domain.errors import BadPriority, BadTimeLimit, NoSuchTask
from tale_tui.domain.tasks import ENDED, OPEN, Priority, TaskState
from tale_tui.engine import client_actions
from tale_tui.engine.client_actions import ACTIONS, KINDS, TaskKind


def engine_with(*states: str) -> Any:
    """An engine with a task of each of these states: `aa00`, `aa01` and so on, the older the later."""
    return fake_tasks.plain(
        fake_tasks.task(f"aa{number:02}", state, state, created_ago=number, updated_ago=number)
        for number, state in enumerate(states)
    )


@pytest.mark.parametrize("name", ACTIONS)
async def test_each_action_asks_the_engine_for_what_it_is_called(name: str) -> None:
    engine = engine_with(min(KINDS[ACTIONS[name].kind]).value)
    [one] = await engine.tasks.list()
    engine.calls.clear()
    done = await ACTIONS[name].run(engine, one.id)
    [call] = engine.calls
    assert call[:2] == ({"decline": "approve"}.get(name, name), one.id)
    assert done == (await engine.tasks.get(one.id)).task


def test_an_action_fits_the_states_in_which_the_engine_allows_it() -> None:
    fitting = {name: KINDS[action.kind] for name, action in ACTIONS.items()}
    assert fitting == {
        "cancel": OPEN,
        "pause": {TaskState.QUEUED, TaskState.RUNNING},
        "resume": {TaskState.PAUSED},
        "retry": ENDED | {TaskState.PAUSED},
        "give": set(TaskState),
        "approve": {TaskState.WAITING},
        "decline": {TaskState.WAITING},
    }


async def test_one_task_is_found_by_the_beginning_of_its_id_or_all_that_it_may_mean() -> None:
    engine = engine_with("queued", "running")
    assert [one.shown for one in await client_actions.matching(engine, "AA01")] == ["aa01"]
    assert [one.shown for one in await client_actions.matching(engine, "AA")] == ["aa00", "aa01"]
    with pytest.raises(NoSuchTask, match="zz"):
        await client_actions.matching(engine, "zz")


@pytest.mark.parametrize(
    ("kind", "found", "otherwise"),
    [
        ("any", ["aa00", "aa01", "aa02", "aa03"], "There is no task yet."),
        ("open", ["aa00", "aa01", "aa03"], "No task is open."),
        ("going", ["aa00"], "No task runs or is queued."),
        ("paused", ["aa01"], "No task is paused."),
        ("waiting", ["aa03"], "No task waits for you."),
        ("written", ["aa02"], "No task is done yet."),
        ("again", ["aa01", "aa02"], "No task has ended yet."),
    ],
)
async def test_among_the_tasks_that_fit_one_is_chosen(kind: TaskKind, found: list[str], otherwise: str) -> None:
    engine = engine_with("queued", "paused", "done", "waiting")
    assert [one.shown for one in await client_actions.choices(engine, kind)] == found
    with pytest.raises(NoSuchTask, match=otherwise):
        await client_actions.choices(engine_with(), kind)


async def test_the_latest_task_is_the_one_of_the_conversation_before_all_others() -> None:
    engine = engine_with("done", "done", "running")
    asked: list[str] = []
    listing = engine.tasks.list

    async def of_session(*, session_id: str = "", **rest: Any) -> Any:
        asked.append(session_id)
        return [one for one in await listing(**rest) if not session_id or (session_id, one.shown) == ("s1", "aa01")]

    engine.tasks.list = of_session
    assert (await client_actions.latest(engine, "written", "s1")).shown == "aa01"
    assert (await client_actions.latest(engine, "written", "s2")).shown == "aa00"
    assert asked == ["s1", "s2", ""]
    assert (await client_actions.latest(engine, "written")).shown == "aa00"
    with pytest.raises(NoSuchTask, match="No task is paused"):
        await client_actions.latest(engine, "paused", "s1")


async def test_what_runs_is_told_alone() -> None:
    assert [one.shown for one in await client_actions.running(engine_with("done", "running"))] == ["aa01"]


async def test_without_a_word_what_fits_goes_before_what_runs_and_that_before_the_newest() -> None:
    engine = engine_with("done", "running", "paused", "paused")
    found = [await client_actions.likeliest(engine, states) for states in (KINDS["paused"], KINDS["any"], ())]
    assert [one.shown for one in found if one] == ["aa02", "aa01", "aa01"]
    newest = await client_actions.likeliest(engine_with("done", "failed"), ())
    assert newest is not None
    assert newest.shown == "aa00"
    assert await client_actions.likeliest(engine_with(), KINDS["any"]) is None


def test_a_priority_is_read_however_it_is_written() -> None:
    assert client_actions.parse_priority(" High ") is Priority.HIGH
    with pytest.raises(BadPriority, match="There is no priority 'soon': write one of urgent, high, normal, low"):
        client_actions.parse_priority("soon")


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon", "", "31536001"])
def test_what_is_no_time_limit_is_refused(text: str) -> None:
    with pytest.raises(BadTimeLimit, match="is no time limit"):
        client_actions.parse_time_limit(text)


def test_a_time_limit_is_seconds_up_to_a_year() -> None:
    assert [client_actions.parse_time_limit(text) for text in ("0.5", "600", "31536000")] == [0.5, 600, 31_536_000]


def test_the_text_of_a_task_is_its_result_else_what_its_steps_wrote() -> None:
    one = fake_tasks.task("k4t9", "Fibonacci")
    steps = [fake_tasks.step("plan", "done", "A plan."), fake_tasks.step("empty"), fake_tasks.step("code", text="x")]
    assert client_actions.result_text(fake_tasks.detail_of(one, steps, result="All of it.")) == "All of it."
    assert client_actions.result_text(fake_tasks.detail_of(one, steps)) == "## plan\n\nA plan.\n\n## code\n\nx"
    assert client_actions.result_text(fake_tasks.detail_of(one, steps[:2])) == "A plan."
    assert client_actions.result_text(fake_tasks.detail_of(one)) == ""
