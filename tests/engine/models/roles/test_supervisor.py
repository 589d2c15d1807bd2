"""Models are kept where they are wanted: loaded at the start, again when evicted or dead, in turns if need be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from support.backends import PerRoleScriptedBackend
from support.naps import Naps
from support.waiting import until
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import BREAKER_OPENS_AFTER, EVICTIONS_WITHIN_S, RESIDENT_TRUST_S, RESTART_PAUSE_S
from tale_tui.domain.errors import BackendCrashed, ModelError, NotAuthorised, OutOfMemory, Unreachable, WrongState
from tale_tui.domain.events import Fact, Notice, RoleChanged
from tale_tui.domain.models import BackendName, ModelRef, Role, RoleState
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.backend import ChatMessage, ChatRequest
from tale_tui.engine.models.machine import MachineMemory
from tale_tui.engine.models.registry import given_backends
from tale_tui.engine.models.scripted import Fail, Hold, Say, Script, ScriptedBackend, spoken
from tale_tui.engine.models.wiring import ModelServices, build_model_services

GB = 10**9
UX, TASK = Role.UX, Role.TASK
SMALL, BIG, OTHER = (ModelRef(BackendName.SCRIPTED, name) for name in ("small", "big", "other"))


class Records:
    """Keeps what happened, in memory."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.typical: dict[str, float] = {}
        self.apart: set[tuple[str, str]] = set()

    async def role_choice(self, role: Role) -> ModelRef | None:
        return None

    async def keep_role_choice(self, role: Role, ref: ModelRef) -> None:
        return None

    async def add_residency(
        self, ref: ModelRef, what: str, *, ms: float | None, size_bytes: int | None, at: float | None
    ) -> None:
        self.events.append((ref.model, what))

    async def typical_ms(self, ref: ModelRef, what: str) -> float | None:
        return self.typical.get(ref.model)

    async def evicts(self, arriving: ModelRef, other: ModelRef) -> bool:
        return (arriving.model, other.model) in self.apart


class Home:
    """Two roles on a scripted backend, and a machine of 10 GB."""

    def __init__(
        self,
        manual_clock: Any,
        *scripts: Script,
        total_gb: float = 10,
        backend: ScriptedBackend | None = None,
        ux: str = str(SMALL),
        task: str = str(BIG),
        **memory: Any,
    ) -> None:
        self.manual_clock = manual_clock
        self.backend = backend or ScriptedBackend(
            scripts or [spoken("a")], models=("small", "big"), sizes={"small": 2 * GB, "big": 6 * GB}
        )
        self.total = int(total_gb * GB)
        self.records = Records()
        self.facts: list[Fact] = []
        self.naps = Naps()
        settings = Settings(ux=ux, task=task, memory=memory)
        clock = Clock(now=manual_clock.now, monotonic=manual_clock.monotonic)
        self.parts: ModelServices = build_model_services(
            given_backends({BackendName.SCRIPTED: self.backend}),
            self.records,
            settings,
            clock,
            self.facts.append,
            self.machine,
            self.naps.sleep,
        )

    def machine(self) -> MachineMemory:
        used = sum(model.size_bytes or 0 for model in self.backend.in_memory.values())
        return MachineMemory(self.total - used, self.total)

    def add(self, model: str, size_bytes: int) -> None:
        """The backend has another model."""
        self.backend.models = (*self.backend.models, model)
        self.backend.sizes[model] = size_bytes

    async def begin(self) -> None:
        await self.parts.roles.restore()
        await self.parts.roles.warm()

    async def look(self) -> None:
        await self.parts.supervisor.check()

    def state(self, role: Role) -> RoleState:
        return self.parts.roles.states.status(role).state

    @property
    def loaded(self) -> set[str]:
        return set(self.backend.in_memory)

    @property
    def notices(self) -> list[Notice]:
        return [fact for fact in self.facts if isinstance(fact, Notice)]


@pytest.fixture
def home(manual_clock: Any) -> Callable[..., Home]:
    return lambda *scripts, **more: Home(manual_clock, *scripts, **more)


@pytest.mark.parametrize(
    ("memory", "loaded"),
    [
        ({}, {"small", "big"}),
        ({"both": "yes"}, {"small", "big"}),
        ({"both": "no"}, {"small"}),
        ({"limit_gb": 5.0}, {"small"}),
        ({"both": "yes", "total_gb": 7}, {"small"}),
    ],
)
async def test_both_stay_where_they_fit_and_may(
    home: Callable[..., Home], memory: dict[str, Any], loaded: set[str]
) -> None:
    one = home(**memory)
    await one.begin()
    assert one.loaded == {"small"}
    await one.look()
    assert one.loaded == loaded
    assert one.state(UX) is RoleState.READY
    assert one.state(TASK) is (RoleState.READY if "big" in loaded else RoleState.IDLE)
    kept = {model.ref.model: model.kept for model in (await one.parts.reporter.report()).models}
    assert kept == dict.fromkeys(loaded, True)


async def test_what_is_unknown_stays_only_where_the_settings_say_so(home: Callable[..., Home]) -> None:
    for both, loaded in (("auto", {"small"}), ("yes", {"small", "big"})):
        one = home(both=both)
        one.backend.sizes.clear()
        await one.begin()
        await one.look()
        assert one.loaded == loaded


async def test_a_server_that_began_anew_has_not_too_little_memory(home: Callable[..., Home]) -> None:
    one = home()
    await one.begin()
    await one.look()
    one.backend.in_memory.clear()

    await one.look()
    await one.look()

    assert one.loaded == {"small", "big"}
    assert not one.parts.supervisor.one_model
    assert not one.notices


async def test_what_was_evicted_is_loaded_again_and_noted(home: Callable[..., Home]) -> None:
    one = home()
    await one.begin()
    await one.look()
    await one.backend.unload("small")
    one.manual_clock.monotonic_s += RESIDENT_TRUST_S
    await one.look()
    assert one.loaded == {"small", "big"}
    assert one.records.events[-2:] == [("small", "evicted"), ("small", "load")]
    one.manual_clock.monotonic_s += RESIDENT_TRUST_S - 1
    await one.look()
    one.manual_clock.monotonic_s += RESIDENT_TRUST_S - 1
    assert one.parts.pool.resident(SMALL) is not None, "it was seen at the last look"
    before = list(one.backend.loads)
    await one.look()
    assert one.backend.loads == before


async def test_a_model_that_is_evicted_again_and_again_is_left_to_others_and_that_is_said(
    home: Callable[..., Home],
) -> None:
    one = home(both="no")
    await one.begin()
    await one.look()
    for _ in range(4):
        await one.backend.unload("small")
        one.manual_clock.monotonic_s += RESIDENT_TRUST_S
        await one.look()
    assert one.backend.loads == ["small"] * 2
    [notice] = one.notices
    assert notice.title == "Others use the server"
    assert not one.parts.supervisor.keeps(UX, SMALL)
    assert one.state(UX) is RoleState.IDLE
    await one.parts.roles.load(SMALL)  # a message does
    await one.look()
    assert one.state(UX) is RoleState.READY
    await one.backend.unload("small")
    one.manual_clock.monotonic_s += 2 * RESIDENT_TRUST_S
    await one.look()
    assert one.backend.loads == ["small"] * 3
    one.manual_clock.monotonic_s += EVICTIONS_WITHIN_S
    await one.look()
    assert one.backend.loads == ["small"] * 4
    assert len(one.notices) == 1


async def test_a_server_that_could_not_hold_both_is_not_made_to_try_again_until_it_does(
    home: Callable[..., Home],
) -> None:
    one = home(both="yes")
    one.records.apart.add(("big", "small"))
    await one.begin()
    for _ in range(3):
        await one.look()
        one.manual_clock.monotonic_s += RESIDENT_TRUST_S
    assert one.loaded == {"small"}
    assert one.parts.supervisor.one_model
    assert not one.notices
    await one.parts.roles.load(SMALL)
    await one.parts.roles.load(BIG, role=TASK)  # for a task, and both are there
    await one.look()
    assert not one.parts.supervisor.one_model


async def test_a_server_that_is_away_is_probed_and_its_models_are_loaded_when_it_is_back(
    home: Callable[..., Home],
) -> None:
    one = home()
    await one.begin()
    await one.look()
    await one.backend.close()
    one.backend.away = Unreachable("Nothing answers.")
    one.manual_clock.monotonic_s += RESIDENT_TRUST_S
    with pytest.raises(Unreachable):
        await one_call(one, SMALL)
    assert [one.state(role) for role in Role] == [RoleState.AWAY] * 2
    [server] = [health for health in (await one.parts.reporter.report()).backends if health.name == "scripted"]
    assert (server.state, server.failures, server.detail) == ("away", 0, "Nothing answers.")
    loads = len(one.backend.loads)
    for _ in range(BREAKER_OPENS_AFTER):  # neither a probe nor a look is a call, so that nothing is counted
        await one.naps.end_one()
        await one.look()
    assert not one.parts.pool.breakers.open(SMALL)
    assert len(one.backend.loads) == loads
    one.backend.away = None
    while one.parts.pool.servers.away(SMALL.backend) is not None:
        await one.naps.end_one()
    assert ("", "recovered") in one.records.events
    await one.look()
    assert [one.state(role) for role in Role] == [RoleState.READY] * 2
    assert one.loaded == {"small", "big"}
    assert ("small", "evicted") not in one.records.events


async def test_one_that_died_is_started_again(home: Callable[..., Home]) -> None:
    one = home(Script((Say("a"), Fail(BackendCrashed("It ended.")))), both="no")
    await one.begin()
    await one.look()
    running = asyncio.create_task(one.parts.supervisor.run())
    with pytest.raises(BackendCrashed):
        await one_call(one, SMALL)
    await one.parts.roles.failed(SMALL, BackendCrashed("It ended."))
    await one.backend.unload("small")
    assert one.state(UX) is RoleState.FAILED
    one.manual_clock.monotonic_s += 1
    await until(lambda: one.state(UX) is RoleState.READY, "it is started again")
    running.cancel()
    assert one.backend.loads == ["small", "small"]


async def test_one_that_died_is_left_alone_until_its_pause_is_over(home: Callable[..., Home]) -> None:
    one = home(Script((Say("a"), Fail(BackendCrashed("It ended.")))), both="no")
    await one.begin()
    with pytest.raises(BackendCrashed):
        await one_call(one, SMALL)
    await one.parts.roles.failed(SMALL, BackendCrashed("It ended."))
    await one.backend.unload("small")
    await one.look()
    assert one.backend.loads == ["small"]
    assert one.parts.supervisor.next_check_s() == RESTART_PAUSE_S
    one.manual_clock.monotonic_s += RESTART_PAUSE_S
    await one.look()
    assert one.backend.loads == ["small", "small"]


async def test_the_first_round_finds_out_who_serves(home: Callable[..., Home]) -> None:
    one = home(ux="auto", both="no")
    await one.parts.roles.restore()
    running = asyncio.create_task(one.parts.supervisor.run())
    await until(lambda: one.state(UX) is RoleState.READY, "a model is found and loaded")
    running.cancel()
    assert len(one.backend.loads) == 1


async def test_trouble_is_checked_once_and_then_there_is_peace(
    home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = home(both="no")
    await one.begin()
    supervisor, checks = one.parts.supervisor, 0

    async def check() -> None:
        nonlocal checks
        checks += 1
        await asyncio.sleep(0)

    monkeypatch.setattr(supervisor, "check", check)
    running = asyncio.create_task(supervisor.run())
    await until(lambda: checks, "it is checked")
    one.parts.pool.troubled.set()
    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()
    assert checks == 2
    assert not one.parts.pool.troubled.is_set()


async def one_call(home: Home, ref: ModelRef) -> None:
    request = ChatRequest(ref.model, (ChatMessage("user", "hi"),), 8192, 10)
    async for _ in home.parts.pool.chat(ref, request):
        pass


async def test_models_that_do_not_fit_together_take_turns_and_that_is_said(home: Callable[..., Home]) -> None:
    one = home(total_gb=7)
    one.records.typical["small"] = 3900.0
    await one.begin()
    await one.look()
    await one.parts.roles.load(BIG, role=TASK)
    assert one.loaded == {"big"}
    assert (one.state(UX), one.state(TASK)) == (RoleState.IDLE, RoleState.READY)
    [notice] = one.notices
    assert notice.title == "One model at a time"
    assert "big and small do not fit into memory together" in notice.sentence
    assert "chat will wait about 4 s" in notice.sentence
    found = await one.parts.reporter.report()
    assert (found.one_model, found.chat_waits_s) == (True, 3.9)
    assert not any(model.kept for model in found.models)
    await one.parts.roles.load(SMALL)
    assert one.loaded == {"small"}
    assert len(one.notices) == 1
    await one.look()
    assert one.parts.supervisor.one_model
    assert [what for _, what in one.records.events].count("evicted") == 0, "it left for the other one"


async def test_the_one_that_answers_comes_back_when_the_other_has_rested(home: Callable[..., Home]) -> None:
    one = home(total_gb=7)
    await one.begin()
    await one.look()
    await one.parts.roles.load(BIG, role=TASK)
    await one_call(one, BIG)
    await one.look()
    assert one.loaded == {"big"}
    assert not one.parts.supervisor.keeps(TASK, BIG)
    assert ("small", "evicted") not in one.records.events, "it left for the other one"
    one.manual_clock.monotonic_s += RESIDENT_TRUST_S + 1
    await one.look()
    assert one.loaded == {"small"}
    await one.look()
    assert one.loaded == {"small"}
    assert one.state(TASK) is RoleState.IDLE


async def test_a_model_without_a_role_for_which_one_leaves_makes_no_turns(home: Callable[..., Home]) -> None:
    one = home(total_gb=7)
    one.add("other", 6 * GB)
    await one.begin()
    await one.parts.pool.load(OTHER)
    assert one.loaded == {"other"}
    assert (one.parts.supervisor.one_model, one.notices) == (False, [])


async def test_a_model_without_a_role_that_leaves_makes_no_turns(home: Callable[..., Home]) -> None:
    one = home(total_gb=10)
    one.add("other", 3 * GB)
    await one.parts.roles.restore()
    await one.parts.pool.load(OTHER)
    await one.parts.roles.load(SMALL)
    await one.parts.roles.load(BIG, role=TASK)
    assert one.loaded == {"small", "big"}
    assert (one.parts.supervisor.one_model, one.notices) == (False, [])


async def test_when_there_is_room_again_both_stay(home: Callable[..., Home]) -> None:
    one = home(total_gb=7)
    await one.begin()
    await one.look()
    await one.parts.roles.load(BIG, role=TASK)
    one.total = 20 * GB
    one.manual_clock.monotonic_s += RESIDENT_TRUST_S + 1
    await one.look()
    await one.look()
    assert one.loaded == {"small", "big"}
    assert not (await one.parts.reporter.report()).one_model


async def test_what_never_fits_is_refused_and_comes_when_there_is_room(home: Callable[..., Home]) -> None:
    one = home(total_gb=5)
    await one.begin()
    with pytest.raises(OutOfMemory, match=r"big would take about 6\.0 GB"):
        await one.parts.roles.load(BIG, role=TASK)
    assert one.state(TASK) is RoleState.FAILED
    assert one.loaded == {"small"}
    await one.look()
    assert one.state(TASK) is RoleState.FAILED
    one.total = 20 * GB
    await one.look()
    assert one.state(TASK) is RoleState.READY


@pytest.mark.parametrize(
    ("error", "total_gb"), [(OutOfMemory("It does not fit."), 1), (NotAuthorised("The key is wrong."), 10)]
)
async def test_what_failed_is_left_alone_while_nothing_has_changed(
    home: Callable[..., Home], error: ModelError, total_gb: int
) -> None:
    one = home(both="no", total_gb=total_gb)
    one.backend.away = error
    await one.begin()
    assert one.state(UX) is RoleState.FAILED
    one.facts.clear()
    one.backend.away = None
    await one.look()
    assert (one.state(UX), one.facts, one.loaded) == (RoleState.FAILED, [], set())


async def test_a_load_that_is_under_way_is_not_waited_for(home: Callable[..., Home]) -> None:
    one, gate = home(both="no"), asyncio.Event()
    load = one.backend.load

    async def gated(model: str, window: int | None) -> Any:
        await gate.wait()
        return await load(model, window)

    one.backend.load = gated  # type: ignore[method-assign]
    beginning = asyncio.create_task(one.begin())
    await until(lambda: one.parts.roles.states.status(UX).loading_since is not None, "it is being loaded")
    async with asyncio.timeout(5):
        await one.look()
    gate.set()
    await beginning
    assert one.backend.loads == ["small"]


async def test_a_task_model_that_would_not_fit_after_all_sends_nobody_away(home: Callable[..., Home]) -> None:
    one = home()
    await one.begin()
    forecast, forecasts = one.backend.forecast, 0

    async def shrinking(model: str, window: int) -> Any:
        nonlocal forecasts
        forecasts += 1
        one.total = 20 * GB if forecasts == 1 else 7 * GB
        return await forecast(model, window)

    one.backend.forecast = shrinking  # type: ignore[method-assign]
    await one.look()
    assert forecasts == 2
    assert one.loaded == {"small"}


async def test_a_backend_that_cannot_say_what_is_loaded_is_away_and_left_alone_for_a_while(
    home: Callable[..., Home],
) -> None:
    one = home(both="no")
    await one.begin()

    async def silent() -> Any:
        raise Unreachable("Nothing answers.")

    one.backend.loaded = silent  # type: ignore[method-assign]
    await one.look()
    assert one.state(UX) is RoleState.AWAY
    assert one.parts.pool.breakers.wait_s(SMALL) > 0


async def test_what_is_lost_and_not_wanted_is_noted_once_and_its_role_is_idle(home: Callable[..., Home]) -> None:
    one = home(both="no")
    await one.begin()
    await one.parts.roles.load(BIG, role=TASK)
    await one.look()
    await one.backend.unload("big")
    one.manual_clock.monotonic_s += RESIDENT_TRUST_S
    await one.look()
    await one.look()
    assert one.state(TASK) is RoleState.IDLE
    assert one.records.events.count(("big", "evicted")) == 1


async def test_only_what_was_seen_in_memory_is_kept_there(home: Callable[..., Home]) -> None:
    one = home()
    await one.begin()
    assert [one.parts.supervisor.keeps(*pair) for pair in ((UX, SMALL), (TASK, BIG))] == [True, False]
    await one.look()
    assert one.parts.supervisor.keeps(TASK, BIG)
    one.parts.supervisor.leave_unloaded(SMALL)
    assert not one.parts.supervisor.keeps(UX, SMALL)


async def test_a_process_that_died_takes_only_its_own_role(home: Callable[..., Home]) -> None:
    backend = PerRoleScriptedBackend(sizes={"small": 2 * GB})
    one = home(backend=backend, both="yes", task=str(SMALL))
    await one.begin()
    await one.look()
    assert set(backend.processes) == {("small", UX), ("small", TASK)}
    del backend.processes["small", TASK]
    backend.away = BackendCrashed("It cannot be started.")
    one.manual_clock.monotonic_s += RESIDENT_TRUST_S
    one.facts.clear()
    await one.look()
    assert one.records.events[-1] == ("small", "died")
    shown = [(fact.status.role, fact.status.state) for fact in one.facts if isinstance(fact, RoleChanged)]
    assert shown[0] == (TASK, RoleState.IDLE)
    assert one.state(UX) is RoleState.READY


# the verbs

Start = Callable[..., Any]


@pytest.fixture
async def engine(start_engine: Start) -> tuple[Engine, ScriptedBackend]:
    backend = ScriptedBackend(
        [spoken("a")], models=("small", "big"), sizes={"small": GB // 100, "big": GB // 50}, counts=False
    )
    started = await start_engine({BackendName.SCRIPTED: backend}, load=False, ux=str(SMALL), task=str(BIG))
    return started, backend


async def test_what_is_in_memory_can_be_asked_loaded_and_unloaded(engine: tuple[Engine, ScriptedBackend]) -> None:
    whole, _ = engine
    found = await whole.models.load(SMALL)
    [model] = found.models
    assert (model.ref, model.roles, model.size_bytes, model.local) == (SMALL, (UX,), GB // 100, True)
    assert model.load_ms is not None
    assert (found.used_bytes, found.one_model) == (GB // 100, False)
    assert found.free_bytes
    assert 0 < found.limit_bytes <= 30 * GB
    assert [(health.name, health.state) for health in found.backends] == [("scripted", "ok")]
    assert (await whole.models.load(BIG)).models[-1].roles == (TASK,)
    left = await whole.models.unload(SMALL)
    assert [model.ref for model in left.models] == [BIG]
    assert (await whole.models.roles())[0].state is RoleState.IDLE
    entries = await whole.store.residencies()
    assert [(entry.ref.model, entry.what.value) for entry in entries] == [
        ("small", "unload"),
        ("big", "load"),
        ("small", "load"),
    ]


async def test_how_a_backend_is_can_be_seen_before_anybody_used_it(engine: tuple[Engine, ScriptedBackend]) -> None:
    whole, backend = engine
    [health] = (await whole.models.residency()).backends
    assert (health.name, health.state, health.detail) == ("scripted", "ok", "")
    backend.away = Unreachable("Nothing answers.")
    [health] = (await whole.models.residency()).backends
    assert (health.name, health.state, health.detail) == ("scripted", "away", "Nothing answers.")


async def test_one_that_is_at_work_is_not_unloaded(engine: tuple[Engine, ScriptedBackend]) -> None:
    whole, backend = engine
    gate = asyncio.Event()
    backend.answers = [Script((Say("a"), Hold(gate)))]
    call = whole.pool.chat(SMALL, ChatRequest("small", (ChatMessage("user", "hi"),), 8192, 10))
    await anext(call)
    with pytest.raises(WrongState, match="small is at work"):
        await whole.models.unload(SMALL)
    await call.aclose()
    await whole.models.unload(SMALL)


async def test_what_was_unloaded_stays_so_until_it_is_called_for(home: Callable[..., Home]) -> None:
    one = home(both="no")
    await one.begin()
    await one.look()
    await one.parts.pool.unload(SMALL)
    one.parts.supervisor.leave_unloaded(SMALL)
    await one.look()
    assert (one.loaded, one.state(UX)) == (set(), RoleState.IDLE)
    await one.parts.roles.load(SMALL)
    await one.look()
    one.manual_clock.monotonic_s += RESIDENT_TRUST_S
    await one.backend.unload("small")
    await one.look()
    assert one.loaded == {"small"}


async def test_what_was_unloaded_is_shown_as_idle_when_it_came_back_and_was_lost(home: Callable[..., Home]) -> None:
    one = home(both="no")
    await one.begin()
    await one.parts.roles.load(BIG, role=TASK)
    await one.look()
    await one.parts.pool.unload(BIG)
    one.parts.supervisor.leave_unloaded(BIG)
    await one.parts.roles.load(BIG, role=TASK)
    await one.backend.unload("big")
    await one.look()
    assert one.state(TASK) is RoleState.IDLE
    assert one.records.events[-1] == ("big", "evicted")


async def test_of_servers_elsewhere_it_is_said_that_their_memory_is_not_known(home: Callable[..., Home]) -> None:
    one = home()
    one.backend.local = False
    await one.begin()
    await one.look()
    found = await one.parts.reporter.report()
    assert (found.used_bytes, [model.local for model in found.models]) == (0, [False])
    assert found.notes == ("Models of scripted run on another machine, whose memory is not known here.",)


async def test_what_does_not_say_its_size_is_named(home: Callable[..., Home]) -> None:
    one = home(both="no")
    one.backend.sizes.clear()
    await one.begin()
    notes = (await one.parts.reporter.report()).notes
    assert notes == ("How much memory small takes is not known: scripted does not say.",)


async def test_a_model_that_the_user_wants_given_back_is_not_loaded_again(manual_clock: Any) -> None:
    class Ollama(ScriptedBackend):
        name = BackendName.OLLAMA

    backend = Ollama([spoken("a")], models=("small:1b",))
    ref = ModelRef(BackendName.OLLAMA, "small:1b")
    parts = build_model_services(
        given_backends({BackendName.OLLAMA: backend}),
        Records(),
        Settings(ux=str(ref), task=str(ref), ollama={"keep_alive_s": 5}),
        Clock(now=manual_clock.now, monotonic=manual_clock.monotonic),
        lambda fact: None,
        lambda: MachineMemory(8 * GB, 8 * GB),
    )
    await parts.roles.restore()
    await parts.roles.warm()
    await parts.supervisor.check()
    assert not parts.supervisor.keeps(UX, ref)
    await backend.unload("small:1b")  # the server did, 5 s after the call
    for _ in range(3):
        manual_clock.monotonic_s += RESIDENT_TRUST_S + 1
        await parts.supervisor.check()
    assert backend.loads == ["small:1b"]
    assert parts.roles.states.status(UX).state is RoleState.IDLE
    await parts.roles.load(ref)
    assert backend.loads == ["small:1b"] * 2
    assert parts.roles.states.status(UX).state is RoleState.READY
