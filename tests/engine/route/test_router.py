"""The router: what it reads of roles and models, and what it writes to the log."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tale_tui.config.paths import Paths
from tale_tui.config.settings import RouteSettings, Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import BREAKER_OPENS_AFTER
from tale_tui.domain.errors import BackendCrashed, NoModel, Unreachable
from tale_tui.domain.models import BackendName, ModelRef, Role
from tale_tui.engine.models.registry import given_backends
from tale_tui.engine.models.roles.defaults import Choice
from tale_tui.engine.models.scripted import ScriptedBackend, spoken
from tale_tui.engine.models.wiring import ModelServices, build_model_services
from tale_tui.engine.route.router import Router
from tale_tui.engine.store.store import Store

UX, TASK = Role.UX, Role.TASK
SMALL, BIG = (ModelRef(BackendName.SCRIPTED, name) for name in ("small", "big"))


class Rig:
    def __init__(self, store: Store, clock: Clock, **settings: str) -> None:
        self.backend = ScriptedBackend([spoken("a")], models=("small", "big"), window=4096)
        chosen = Settings(**{"ux": str(SMALL), "task": str(BIG), **settings})
        self.home: ModelServices = build_model_services(
            given_backends({BackendName.SCRIPTED: self.backend}), store, chosen, clock, lambda fact: None
        )

    def router(self, **rules: object) -> Router:
        return Router(self.home.roles, self.home.pool, RouteSettings(**rules))  # type: ignore[arg-type]


@pytest.fixture
async def rig(paths: Paths, clock: Clock) -> AsyncIterator[Rig]:
    store = await Store.open(paths.database, clock)
    made = Rig(store, clock)
    await made.home.roles.restore()
    yield made
    await store.close()


async def test_it_decides_from_memory_and_says_so_in_the_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tale_tui.engine.route"):
        talk = await rig.router().route(UX)
        work = await rig.router().route(TASK, p=0.93, simple=0.2)
    assert (talk.ref, work.ref) == (SMALL, BIG)
    assert [record.getMessage() for record in caplog.records] == [
        "a reply goes to scripted/small: answers in conversations; has to be loaded; else scripted/big",
        "a task goes to scripted/big: works on tasks; detected .93; has to be loaded; else scripted/small",
    ]
    assert rig.backend.loads == []


async def test_what_is_loaded_need_not_be(rig: Rig) -> None:
    await rig.home.roles.load(SMALL)
    assert (await rig.router().route(UX)).why == "answers in conversations"


async def test_what_failed_again_and_again_is_stood_in_for(rig: Rig, manual_clock: Any) -> None:
    for _ in range(BREAKER_OPENS_AFTER):
        assert (await rig.router().route(TASK)).ref == BIG
        manual_clock.monotonic_s += 1
        await rig.home.pool.failed(BIG, BackendCrashed("It ended."))
    found = await rig.router().route(TASK)
    assert (found.ref, found.why) == (SMALL, "in place of big, which failed again and again")


async def test_one_that_is_away_is_stood_in_for(rig: Rig) -> None:
    await rig.home.roles.failed(BIG, Unreachable("Nothing answers."))
    assert (await rig.router().route(TASK)).why == "in place of big, which is away"
    assert (await rig.router(fallback=False).route(TASK)).ref == BIG


async def test_rules_of_the_settings_and_the_users_choice(rig: Rig) -> None:
    assert (await rig.router(tasks="ux").route(TASK)).ref == SMALL
    assert (await rig.router().route(TASK, simple=0.9)).ref == SMALL
    assert (await rig.router().route(TASK, simple=0.9, given=TASK)).ref == BIG
    assert (await rig.router(simple_tasks="task").route(TASK, simple=0.9)).ref == BIG
    assert (await rig.router(simple_from=0.95).route(TASK, simple=0.9)).ref == BIG
    other = ModelRef(BackendName.OLLAMA, "other")
    assert (await rig.router().route(UX, chosen=other)).ref == other


async def test_a_preview_asks_nobody(rig: Rig) -> None:
    assert rig.router().preview(TASK) == BIG
    assert rig.router().preview(TASK, 0.9) == SMALL
    for role in Role:
        rig.home.roles.states.set_choice(role, Choice(None))
    assert rig.router().preview(TASK) is None


async def test_without_a_model_it_looks_once_more_and_says_what_to_do(paths: Paths, clock: Clock) -> None:
    store = await Store.open(paths.database, clock)
    rig = Rig(store, clock, ux="auto", task="auto")
    await rig.home.roles.restore()
    rig.backend.models = ()
    with pytest.raises(NoModel, match="No model was found"):
        await rig.router().route(UX)
    rig.backend.models = ("small",)
    assert (await rig.router().route(UX)).ref == SMALL
    await store.close()


async def test_signals_are_what_is_known_now(rig: Rig) -> None:
    await rig.home.roles.load(BIG, role=TASK)
    signals = rig.router().signals(TASK, p=0.8, simple=0.3, prompt_tokens=12)
    assert (signals.p, signals.simple, signals.prompt_tokens) == (0.8, 0.3, 12)
    assert (signals.task.ref, signals.task.resident, signals.task.window) == (BIG, True, 4096)
    assert (signals.ux.ref, signals.ux.resident) == (SMALL, False)
