"""An alert is told once, until its figure was well again; what is looked at are rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.calls import NOON, SMALL, new_call
from support.waiting import until
from tale_tui.config.settings import AlertSettings
from tale_tui.domain.alerts import ALERT_ENDS_BELOW, AlertKind, LimitReading
from tale_tui.domain.clock import Clock
from tale_tui.domain.events import Fact, Notice
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine.engine import Engine
from tale_tui.engine.metrics.alerts import AlertWatch, readings, upper_end
from tale_tui.engine.models.scripted import ScriptedBackend, spoken
from tale_tui.engine.store.alerts.figures import WatchedFigures
from tale_tui.engine.store.store import Store

Start = Callable[..., Awaitable[Engine]]
NOTHING = WatchedFigures((), (), (), 0, 0, 0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "tale.db", Clock(now=lambda: NOON + 60))
    yield opened
    await opened.close()


def watch_of(store: Store, told: list[Fact], **limits: Any) -> AlertWatch:
    return AlertWatch(store, AlertSettings(**limits), Clock(now=lambda: NOON + 60), told.append)


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
                raised += await store.judge([LimitReading(AlertKind.FIRST_TEXT, "", value, 10.0, "slow")])
            kept = await store.alerts()
        finally:
            await store.close()
    assert [alert.seen for alert in raised] == expected(values, 10.0)
    assert sorted(alert.id for alert in kept) == [alert.id for alert in raised]
    assert sum(alert.ended is None for alert in kept) <= 1


async def test_what_is_open_stays_open_over_a_new_start(tmp_path: Path) -> None:
    reading = LimitReading(AlertKind.SWITCH, "", 2.0, 1.0, "slow")
    for count in (1, 0):
        store = await Store.open(tmp_path / "tale.db", Clock())
        assert len(await store.judge([reading])) == count
        await store.close()


async def test_acknowledging_says_what_was_and_leaves_the_figure_watched(store: Store) -> None:
    reading = LimitReading(AlertKind.SWITCH, "", 2.0, 1.0, "slow")
    [alert] = await store.judge([reading])
    assert await store.acknowledge(alert.id + 1) is None
    assert [one.id for one in await store.acknowledge(alert.id) or ()] == [alert.id]
    assert await store.acknowledge(None) == ()
    assert await store.alerts(waiting=True) == ()
    assert await store.judge([reading]) == ()


def test_with_few_calls_nothing_is_said_of_times() -> None:
    assert upper_end([9.0] * 4) is None
    assert upper_end([9.0] * 5) == 9.0
    few = WatchedFigures((9000.0,) * 4, (), (), 0, 0, 0)
    assert AlertKind.FIRST_TEXT not in {one.kind for one in readings(few, AlertSettings())}


@pytest.mark.parametrize(
    ("spent", "passed"),
    [(799, set()), (800, {AlertKind.BUDGET}), (1000, {AlertKind.BUDGET_SPENT})],
)
def test_a_budget_is_told_at_80_percent_and_when_it_is_spent(spent: int, passed: set[AlertKind]) -> None:
    found = WatchedFigures((), (), (), 0, spent, 0)
    read = readings(found, AlertSettings(day_tokens=1000, failures=0))
    assert {one.kind for one in read if one.passed} == passed


def test_what_has_the_limit_0_is_not_watched() -> None:
    assert readings(NOTHING, AlertSettings(failures=0)) == ()


async def test_slow_replies_are_told_once_with_what_was_seen(store: Store) -> None:
    told: list[Fact] = []
    watch = watch_of(store, told, regressions=False)
    await store.add_calls([new_call(ttft_ms=1500.0)] * 5)
    [alert] = await watch.look()
    assert (alert.kind, alert.seen, alert.limit, alert.raised) == (AlertKind.FIRST_TEXT, 1.5, 1.0, NOON + 60)
    assert await watch.look() == ()
    assert told == [Notice("Alert", alert.sentence, "warning")]


async def test_yesterday_is_in_no_budget_of_today(store: Store) -> None:
    await store.add_calls([new_call(timestamp=NOON - 2 * 86_400)] * 3 + [new_call()])
    watch = watch_of(store, [], day_tokens=15, month_tokens=1000, regressions=False)
    raised = {alert.kind: alert for alert in await watch.look()}
    assert {alert.seen for alert in raised.values()} == {15.0}
    assert raised.keys() == {AlertKind.BUDGET_SPENT}


async def test_a_model_that_got_slower_is_told_with_since_when_and_what_changed(store: Store) -> None:
    quick = [new_call(timestamp=NOON + n, ttft_ms=100.0 + n % 7, digest="one") for n in range(200)]
    slow = [new_call(timestamp=NOON + 200 + n, ttft_ms=170.0 + n % 7, digest="two") for n in range(40)]
    await store.add_calls([*quick, *slow])
    watch = watch_of(store, [])
    [alert] = await watch.look()
    assert (alert.kind, alert.subject) == (AlertKind.REGRESSION, f"{SMALL} first text in ms")
    assert "103 before, 173" in alert.sentence
    assert alert.sentence.endswith("its files changed then.")


async def test_a_low_limit_raises_one_alert_in_an_engine_however_many_replies_follow(start_engine: Start) -> None:
    ref = ModelRef(BackendName.SCRIPTED, "small")
    backend = ScriptedBackend([spoken("yes") for _ in range(9)], models=("small",))
    engine = await start_engine(
        {ref.backend: backend}, ux=str(ref), task=str(ref), alerts={"day_tokens": 1, "first_text_s": 0, "switch_s": 0}
    )
    session = await engine.sessions.create()
    for n in range(3):
        async for _ in engine.chat.send(session.id, "How are you?", key=f"key{n}"):
            pass
        await until_alerts(engine, 1)
    alerts = await engine.metrics.alerts(waiting=True)
    assert sorted(alert.kind for alert in alerts) == [AlertKind.BUDGET_SPENT]
    assert len(await engine.metrics.acknowledge(None)) == 1
    assert await engine.metrics.alerts(waiting=True) == ()


async def until_alerts(engine: Engine, count: int) -> None:
    kept: list[int] = []

    async def look() -> bool:
        kept[:] = [len(await engine.metrics.alerts())]
        return kept == [count]

    await until(look, "they are kept")
