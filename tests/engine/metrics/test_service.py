"""What the engine tells of its calls, on scripted days."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from support.calls import LARGE, SMALL, new_call
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import UnknownModel
from tale_tui.domain.metrics import CallDimension, CallFilter, CallKind
from tale_tui.domain.models import Role
from tale_tui.engine.metrics.recorder import CallRecorder
from tale_tui.engine.metrics.service import MetricsService
from tale_tui.engine.store.store import Store

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 8, 0, 20, tzinfo=BERLIN).timestamp()


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "tale.db", Clock(now=lambda: NOW))
    yield opened
    await opened.close()


@pytest.fixture
def service(store: Store) -> MetricsService:
    models = {Role.UX: SMALL, Role.TASK: LARGE}
    unused: Any = None
    """What the other verbs are answered from."""
    return MetricsService(
        *(store, CallRecorder(store), {}, lambda: (), models.get), *(unused, unused, unused), lambda: NOW
    )


async def test_the_overview_is_by_the_clock_of_the_user(store: Store, service: MetricsService) -> None:
    ago = {60: 1, 1500: 10, 3000: 100, 5000: 1000, 7 * 86_400 + 3600: 10_000}
    await store.add_calls(
        [new_call(timestamp=NOW - s, prompt_tokens=n, completion_tokens=None) for s, n in ago.items()]
    )
    found = await service.overview()
    # Midnight was twenty minutes ago, the first of the month a week and twenty minutes.
    assert (found.session, found.today, found.today_calls, found.hour, found.month) == (None, 1, 1, 111, 1111)
    assert found.pace == 4.0


async def test_the_session_of_the_overview_is_the_one_used_last(store: Store, service: MetricsService) -> None:
    session = await store.add_session()
    await store.begin_turn(session.id, user_id="u1", text="Hi", reply_ref=SMALL)
    await store.add_calls([new_call(timestamp=NOW - 1, session_id=session.id), new_call(timestamp=NOW - 1)])
    assert (await service.overview()).session == 15


async def test_the_dearest_come_first_and_only_they_are_looked_up(store: Store, service: MetricsService) -> None:
    calls = [
        new_call(timestamp=NOW - 1, task_id=f"task{number}", prompt_tokens=number, completion_tokens=0)
        for number in range(50)
    ]
    await store.add_calls(calls)
    report = await service.tokens(by=(CallDimension.TASK,), limit=2)
    assert [group.key for group in report.groups] == [("task49",), ("task48",)]
    assert report.total.calls == 50


async def test_a_timeline_has_the_sum_of_its_range_and_of_one_model(store: Store, service: MetricsService) -> None:
    begin = int(NOW) // 60 * 60
    await store.add_calls(
        [
            new_call(SMALL, begin - 0.5),
            new_call(SMALL, float(begin)),
            new_call(LARGE, begin + 59.9, CallKind.STEP),
            new_call(SMALL, begin + 60.0, prompt_tokens=None, completion_tokens=None),
            new_call(SMALL, begin + 120.0),
        ]
    )
    edges = (begin, begin + 60, begin + 120)
    found = await service.timeline(CallFilter(), edges)
    assert dict(found.models) == {str(SMALL): (15, 0), str(LARGE): (15, 0)}
    only = await service.timeline(CallFilter(model=LARGE.model), edges)
    assert only.models == ((str(LARGE), (15, 0)),)
    report = await service.tokens(CallFilter(since=begin, until=begin + 120))
    assert sum(sum(pieces) for _, pieces in found.models) == report.total.total_tokens
    assert (await service.timeline(CallFilter(), ())).models == ()


async def test_an_unknown_model_is_named(service: MetricsService) -> None:
    with pytest.raises(UnknownModel, match="qwen3:14b"):
        await service.timeline(CallFilter(model="qwen3:14"), (0, 60))
    with pytest.raises(UnknownModel):
        await service.calls(CallFilter(model="qwen3:14"))


async def test_days_are_compared_with_the_same_time_of_the_days_before(store: Store, service: MetricsService) -> None:
    midnight = NOW - 20 * 60
    ago = {60: 7, 25 * 60: 100, 86_400 + 60: 4, 86_400 - 60: 1000, 86_400 + 25 * 60: 2000}
    await store.add_calls([new_call(timestamp=NOW - s, prompt_tokens=n, completion_tokens=0) for s, n in ago.items()])
    change = await service.change(midnight, 1)
    assert (change.days, change.now.total_tokens, change.before.total_tokens) == (1, 7, 4)
    rolling = await service.change(NOW - 86_400, 1)
    assert (rolling.now.total_tokens, rolling.before.total_tokens) == (1107, 2004)
    with pytest.raises(UnknownModel):
        await service.change(midnight, 1, model="nobody")


async def test_a_day_of_another_length_is_still_the_day_before(store: Store) -> None:
    noon = datetime(2026, 10, 25, 12, tzinfo=BERLIN).timestamp()  # its night had 25 hours
    unused: Any = None
    service = MetricsService(
        *(store, CallRecorder(store), {}, lambda: (), lambda _: None), *(unused, unused, unused), lambda: noon
    )
    await store.add_calls(
        [
            new_call(timestamp=noon - 13 * 3600 - 60, prompt_tokens=1, completion_tokens=0),  # 23:59 of the day before
            new_call(timestamp=noon - 25 * 3600 - 60, prompt_tokens=20, completion_tokens=0),  # 11:59
            new_call(timestamp=noon - 25 * 3600 + 60, prompt_tokens=300, completion_tokens=0),  # 12:01
        ]
    )
    change = await service.change(datetime(2026, 10, 25, tzinfo=BERLIN).timestamp(), 1)
    assert (change.now.total_tokens, change.before.total_tokens) == (None, 20)
