"""An alert is told once, until its figure was well again; what is looked at are rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.calls import NOON, SMALL, new_call
from support.waiting import until
from tale_tui.config.settings import Settings
from tale_tui.domain.alerts import ALERT_ENDS_BELOW, Alert, AlertKind, LimitReading
from tale_tui.domain.clock import Clock
from tale_tui.domain.events import AlertRaised, Fact
from tale_tui.domain.metrics import CallKind, RunningCall
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.domain.tasks import TaskState
from tale_tui.engine.engine import Engine
from tale_tui.engine.metrics.alerts import AlertSources, AlertWatch
from tale_tui.engine.metrics.budgets import Budgets
from tale_tui.engine.metrics.delivery import AlertDelivery
from tale_tui.engine.models.scripted import ScriptedBackend, spoken
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.tasks import NewTask
from tale_tui.engine.tasks.plan import ONE_STEP

Start = Callable[..., Awaitable[Engine]]


class Present:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON - 10_000
        self.clock = Clock(now=lambda: self.now, monotonic=lambda: self.now)


@pytest.fixture
def present() -> Present:
    return Present()


@pytest.fixture
async def store(tmp_path: Path, present: Present) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "tale.db", present.clock)
    yield opened
    await opened.close()


class Watched:
    """A watch that a test has look, and what it told."""

    def __init__(self, store: Store, present: Present, **groups: Mapping[str, Any]) -> None:
        self.told: list[Fact] = []
        self.running: list[RunningCall] = []
        self.used: int | None = None
        self.environment = {"the version of tale-tui": "1"}
        chosen = Settings(**groups)  # type: ignore[arg-type]  # checked by pydantic
        delivery = AlertDelivery(chosen.alerts, self.told.append)
        budgets = Budgets(store, chosen.budgets, present.clock)
        self.watch = AlertWatch(store, chosen, present.clock, self.told.append, budgets, delivery)
        self._store = store

    async def look(self) -> tuple[Alert, ...]:
        async def memory() -> int | None:
            return self.used

        return await self.watch.look(AlertSources(lambda: tuple(self.running), memory, lambda: self.environment))

    async def record(self, *calls: Any) -> None:
        """Store calls, as the recorder does."""
        await self._store.add_calls(calls)
        self.watch.nudge(len(calls))


@pytest.fixture
async def begun(store: Store, present: Present) -> Callable[..., Awaitable[Watched]]:
    """Makes a watch that began before noon."""

    async def make(**groups: Mapping[str, Any]) -> Watched:
        made = Watched(store, present, **groups)
        assert await made.look() == ()
        present.now = NOON + 60
        return made

    return make


Begun = Callable[..., Awaitable[Watched]]


def expected(values: Sequence[float], limit: float) -> list[float]:
    """Which values raise an alert, by plain words: at the limit, where none is open."""
    raised, is_open = [], False
    for value in values:
        if value >= limit and not is_open:
            raised.append(value)
            is_open = True
        elif value < ALERT_ENDS_BELOW * limit:
            is_open = False
    return raised


@given(st.lists(st.floats(0, 20).map(lambda value: round(value, 1)), max_size=25))
@settings(max_examples=40, deadline=None)
async def test_once_raised_an_alert_is_not_raised_again_until_its_figure_was_well(values: list[float]) -> None:
    with TemporaryDirectory() as folder:
        store = await Store.open(Path(folder) / "tale.db", Clock())
        try:
            raised = []
            for value in values:
                raised += await store.raise_alerts([LimitReading(AlertKind.FIRST_TEXT, "", value, 10.0, "slow")])
            kept = await store.alerts()
        finally:
            await store.close()
    assert [alert.seen for alert in raised] == expected(values, 10.0)
    assert sorted(alert.id for alert in kept) == [alert.id for alert in raised]
    assert sum(alert.ended is None for alert in kept) <= 1


Looks = st.lists(st.tuples(st.integers(1, 50), st.sampled_from([None, 0, 5, 30, 60, 400])), max_size=30)


@pytest.mark.long
@given(Looks)
@settings(max_examples=40, deadline=None)
async def test_a_regression_is_told_again_only_where_it_began_after_the_last_one_was_told(
    looks: list[tuple[int, int | None]],
) -> None:
    """Each look is so many seconds after the one before; it finds a regression that began at this moment, or none."""
    now, told = 0.0, list[tuple[float, float]]()
    with TemporaryDirectory() as folder:
        store = await Store.open(Path(folder) / "tale.db", Clock(now=lambda: now))
        try:
            for passed, began in looks:
                now += passed
                seen = 0.0 if began is None else 1.0
                reading = LimitReading(AlertKind.REGRESSION, "m", seen, 1.0, "slow", began=began)
                if await store.raise_alerts([reading]):
                    assert began is not None
                    told.append((began, now))
        finally:
            await store.close()
    assert all(later[0] > earlier[1] for earlier, later in pairwise(told))


async def test_what_is_open_stays_open_over_a_new_start(tmp_path: Path) -> None:
    reading = LimitReading(AlertKind.SWITCH, "", 2.0, 1.0, "slow")
    for count in (1, 0):
        store = await Store.open(tmp_path / "tale.db", Clock())
        assert len(await store.raise_alerts([reading])) == count
        await store.close()


async def test_acknowledging_says_what_was_and_leaves_the_figure_watched(store: Store) -> None:
    reading = LimitReading(AlertKind.SWITCH, "", 2.0, 1.0, "slow")
    [alert] = await store.raise_alerts([reading])
    assert await store.acknowledge(alert.id + 1) is None
    assert [one.id for one in await store.acknowledge(alert.id) or ()] == [alert.id]
    assert await store.acknowledge(None) == ()
    assert await store.alerts(waiting=True) == ()
    assert await store.raise_alerts([reading]) == ()


async def test_slow_replies_are_told_once_with_what_was_seen(begun: Begun) -> None:
    watched = await begun()
    await watched.record(*[new_call(ttft_ms=1500.0)] * 5)
    [alert] = await watched.look()
    assert (alert.kind, alert.seen, alert.limit, alert.raised) == (AlertKind.FIRST_TEXT, 1.5, 1.0, NOON + 60)
    assert await watched.look() == ()
    assert watched.told == [AlertRaised(alert)]


async def test_what_was_slow_before_anybody_watched_is_not_told(store: Store, present: Present) -> None:
    await store.add_calls([new_call(timestamp=NOON - 20_000, ttft_ms=9000.0)] * 20)
    watched = Watched(store, present)
    assert await watched.look() == ()
    assert await watched.look() == ()


async def test_yesterday_is_in_no_budget_of_today(begun: Begun) -> None:
    watched = await begun(budgets={"day_tokens": 15, "month_tokens": 1000})
    await watched.record(*[new_call(timestamp=NOON - 2 * 86_400)] * 3, new_call())
    raised = {alert.kind: alert for alert in await watched.look()}
    assert {alert.seen for alert in raised.values()} == {15.0}
    assert raised.keys() == {AlertKind.BUDGET_SPENT}


async def test_the_budget_of_a_model_counts_that_model_alone(begun: Begun) -> None:
    other = ModelRef(BackendName.OPENAI, "m")
    watched = await begun(budgets={"models": {str(SMALL): {"day_tokens": 31}, str(other): {"day_tokens": 10}}})
    await watched.record(new_call(), new_call(), new_call(other, prompt_tokens=1))
    [alert] = await watched.look()
    assert (alert.kind, alert.subject, alert.seen) == (AlertKind.BUDGET, f"day of {SMALL}", 30.0)


async def test_a_model_that_got_slower_is_told_with_since_when_and_what_changed(begun: Begun) -> None:
    watched = await begun()
    await watched.record(*(new_call(timestamp=NOON + n, ttft_ms=100.0 + n % 7, digest="one") for n in range(200)))
    assert await watched.look() == ()
    await watched.record(*(new_call(timestamp=NOON + 200 + n, ttft_ms=170.0 + n % 7, digest="two") for n in range(40)))
    [alert] = await watched.look()
    assert (alert.kind, alert.subject) == (AlertKind.REGRESSION, f"{SMALL} first text in ms")
    assert "103 before, 173" in alert.sentence
    assert alert.sentence.endswith("what changed then: the model's files.")


async def test_a_regression_names_the_version_the_server_and_the_setting_that_changed_then(
    begun: Begun, present: Present
) -> None:
    watched = await begun()
    watched.environment |= {"the version of ollama": "0.5", "chat.window": "4096", "the text of chat.system": "a1"}
    await watched.record(*(new_call(timestamp=NOON + n, ttft_ms=100.0 + n % 7) for n in range(200)))
    await watched.look()
    present.now = NOON + 200
    watched.environment |= {"the version of ollama": "0.6", "chat.window": "8192", "the text of chat.system": "b2"}
    await watched.record(*(new_call(timestamp=NOON + 200 + n, ttft_ms=170.0 + n % 7) for n in range(40)))
    [alert] = await watched.look()
    assert "the version of ollama (0.5 before, 0.6 now)" in alert.sentence
    assert "chat.window (4096 before, 8192 now)" in alert.sentence
    assert alert.sentence.endswith(", the text of chat.system.")
    assert "tale-tui" not in alert.sentence


async def test_a_model_that_got_slower_before_anybody_watched_is_not_told(store: Store, present: Present) -> None:
    slow = (new_call(timestamp=NOON - 20_000 + n, ttft_ms=170.0 + n % 7) for n in range(40))
    await store.add_calls([*(new_call(timestamp=NOON - 30_000 + n, ttft_ms=100.0 + n % 7) for n in range(200)), *slow])
    watched = Watched(store, present)
    assert await watched.look() == ()
    present.now = NOON + 60
    await watched.record(*(new_call(timestamp=NOON + n, ttft_ms=170.0 + n % 7) for n in range(20)))
    assert await watched.look() == ()


async def test_models_that_take_more_memory_than_they_may_are_told(begun: Begun, present: Present) -> None:
    watched = await begun(memory={"limit_gb": 8})
    watched.used = 9 * 10**9
    [alert] = await watched.look()
    assert (alert.kind, alert.seen) == (AlertKind.MEMORY, 9e9)
    present.now += 60
    watched.used = 10**9
    assert await watched.look() == ()


async def running_task(store: Store, task_id: str) -> None:
    await store.add_task(NewTask(id=task_id, text="Write a poem", plan=ONE_STEP, time_limit_s=100.0))
    assert await store.claim_task(task_id, NOON) is not None


async def test_a_task_whose_model_is_silent_or_whose_time_ends_is_told_once_and_over_when_it_ends(
    begun: Begun, store: Store, present: Present
) -> None:
    watched = await begun()
    await running_task(store, "t0001")
    watched.running = [RunningCall(SMALL, None, CallKind.STEP, NOON, heard=NOON + 30, task_id="t0001")]
    assert await watched.look() == ()
    present.now = NOON + 90
    kinds = {alert.kind: alert.sentence for alert in await watched.look()}
    assert kinds.keys() == {AlertKind.SILENT, AlertKind.TIME_LIMIT}
    assert "Task t000" in kinds[AlertKind.SILENT] or "Task t0001" in kinds[AlertKind.SILENT]
    assert "90 %" in kinds[AlertKind.TIME_LIMIT]
    assert await watched.look() == ()
    await store.change_task("t0001", TaskState.CANCELLED, expect={TaskState.RUNNING})
    watched.running = []
    assert await watched.look() == ()
    assert all(alert.ended == present.now for alert in await store.alerts())


async def test_a_queue_that_only_grows_is_told_and_one_that_moves_is_not(
    begun: Begun, store: Store, present: Present
) -> None:
    watched = await begun(alerts={"queue_s": 100.0, "failures": 0})
    for n in range(4):
        await store.add_task(NewTask(id=f"a{n}", text="Write", plan=ONE_STEP))
        assert await watched.look() == ()
        present.now += 30
    await store.change_task("a0", TaskState.CANCELLED, expect={TaskState.QUEUED})
    assert await watched.look() == ()  # it moved: counted anew from here
    for n in range(5):
        present.now += 19
        await store.add_task(NewTask(id=f"b{n}", text="Write", plan=ONE_STEP))
        assert await watched.look() == ()
    present.now += 19
    [alert] = await watched.look()
    assert (alert.kind, alert.seen) == (AlertKind.QUEUE, 114.0)
    assert "by 5 tasks, to 8" in alert.sentence


async def test_a_low_limit_raises_one_alert_in_an_engine_however_many_replies_follow(start_engine: Start) -> None:
    ref = ModelRef(BackendName.SCRIPTED, "small")
    backend = ScriptedBackend([spoken("yes") for _ in range(9)], models=("small",))
    only = {"first_text_s": 0, "switch_s": 0}
    engine = await start_engine(
        {ref.backend: backend}, ux=str(ref), task=str(ref), alerts=only, budgets={"day_tokens": 1}
    )
    session = await engine.sessions.create()
    for n in range(3):
        async for _ in engine.chat.send(session.id, "How are you?", key=f"key{n}"):
            pass
        await until_alerts(engine, 1)
    alerts = await engine.metrics.alerts(waiting=True)
    assert sorted(alert.kind for alert in alerts) == [AlertKind.BUDGET_SPENT]
    [use] = await engine.metrics.budgets()
    assert (use.subject, use.limit, use.is_spent) == ("day", 1, True)
    assert len(await engine.metrics.acknowledge(None)) == 1
    assert await engine.metrics.alerts(waiting=True) == ()


async def until_alerts(engine: Engine, count: int) -> None:
    kept: list[int] = []

    async def look() -> bool:
        kept[:] = [len(await engine.metrics.alerts())]
        return kept == [count]

    await until(look, "they are kept")
