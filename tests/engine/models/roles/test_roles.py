import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from support.backends import PerRoleScriptedBackend
from support.waiting import until
from tale_tui.domain.errors import (
    BackendCrashed,
    DiskFull,
    ModelDamaged,
    ModelNotFound,
    NoModel,
    OutOfMemory,
    TimedOut,
    Unreachable,
)
from tale_tui.domain.events import Fact, Notice, RoleChanged
from tale_tui.domain.models import BackendName, BackendReport, LoadedModel, ModelInfo, ModelRef, Role, RoleState
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.backend import Backend
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.registry import given_backends
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.models.scripted import ScriptedBackend, spoken

OLLAMA, EMBEDDED, SCRIPTED = BackendName.OLLAMA, BackendName.EMBEDDED, BackendName.SCRIPTED
UX, TASK = Role.UX, Role.TASK
SMALL, BIG = ModelRef(OLLAMA, "small:1b"), ModelRef(OLLAMA, "big:9b")
DEFAULT = ModelRef(OLLAMA, "qwen2.5:7b")


class RoleChoiceStore:
    """What the last run left."""

    def __init__(self, **choices: ModelRef) -> None:
        self.choices = {Role(role): ref for role, ref in choices.items()}
        self.full = False
        self.writes = 0

    async def role_choice(self, role: Role) -> ModelRef | None:
        return self.choices.get(role)

    async def keep_role_choice(self, role: Role, ref: ModelRef) -> None:
        if self.full:
            raise DiskFull("The disk is full.")
        self.writes += 1
        self.choices[role] = ref


class Named(ScriptedBackend):
    """A scripted backend under another name, with sizes, and errors on demand."""

    def __init__(self, name: BackendName, **sizes: int) -> None:
        models = {model.replace("__", ":"): size for model, size in sizes.items()}
        super().__init__([spoken("a")], models=models)
        self.name = name  # type: ignore[misc]
        self.sizes = models
        self.load_error: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.begun = asyncio.Event()
        self.reports: asyncio.Event | None = None
        """What a report waits for."""

    async def report(self, timeout_s: float) -> BackendReport:
        if self.reports:
            await self.reports.wait()
        if self.away:
            return BackendReport(self.name, available=False, detail=self.away.sentence)
        infos = tuple(ModelInfo(ModelRef(self.name, model), self.sizes.get(model)) for model in self.models)
        return BackendReport(self.name, available=True, models=infos)

    async def load(self, model: str, window: int | None) -> LoadedModel:
        self.begun.set()
        if self.gate:
            await self.gate.wait()
        if self.load_error:
            raise self.load_error
        await super().load(model, window)
        self.in_memory[model] = LoadedModel(ModelRef(self.name, model), 4096)
        return self.in_memory[model]


Make = Callable[..., Roles]


class Desk:
    """Roles on some backends, and the facts that they published."""

    def __init__(self, kept: RoleChoiceStore, *backends: Backend, ux: str = "auto", task: str = "auto") -> None:
        self.kept = kept
        self.facts: list[Fact] = []
        self.time = 0.0
        pool = Pool(
            given_backends({backend.name: backend for backend in backends}),
            window=4096,
            probe_s=1.0,
            monotonic=lambda: self.time,
        )
        self.roles = Roles(pool, kept, {UX: ux, TASK: task}, self.facts.append, lambda: 77.0)

    def states(self, role: Role = UX) -> list[RoleState]:
        return [fact.status.state for fact in self.facts if isinstance(fact, RoleChanged) and fact.status.role is role]

    @property
    def notices(self) -> list[Notice]:
        return [fact for fact in self.facts if isinstance(fact, Notice)]


# who serves


async def test_before_anything_is_known_the_roles_are_looked_for() -> None:
    desk = Desk(RoleChoiceStore(), Named(OLLAMA, small__1b=1))
    ux, task = desk.roles.states.statuses()
    assert (ux.role, task.role) == (UX, TASK)
    assert (ux.state, ux.ref) == (RoleState.LOADING, None)


async def test_a_setting_is_stronger_than_what_was_kept() -> None:
    backend = Named(OLLAMA, small__1b=1, big__9b=9)
    desk = Desk(RoleChoiceStore(ux=SMALL), backend, ux="ollama/big:9b")
    await desk.roles.restore()
    assert desk.roles.states.status(UX).ref == BIG
    assert await desk.roles.serving(UX) == BIG


async def test_what_was_kept_is_stronger_than_what_is_there() -> None:
    desk = Desk(RoleChoiceStore(ux=BIG), Named(OLLAMA, small__1b=1, big__9b=9, **{"qwen2.5__7b": 5}))
    await desk.roles.restore()
    assert desk.roles.states.status(UX).state is RoleState.IDLE
    assert await desk.roles.serving(UX) == BIG


async def test_a_wrong_setting_is_an_error_in_a_sentence() -> None:
    desk = Desk(RoleChoiceStore(ux=BIG), Named(OLLAMA, small__1b=1), ux="big")
    await desk.roles.restore()
    assert desk.roles.states.status(UX).state is RoleState.FAILED
    with pytest.raises(NoModel, match="backend/model"):
        await desk.roles.serving(UX)


async def test_what_stands_in_is_said_once() -> None:
    desk = Desk(RoleChoiceStore(), Named(OLLAMA, small__1b=1, big__9b=9))
    await desk.roles.restore()
    await desk.roles.resolve()
    await desk.roles.resolve()
    assert desk.roles.states.status(UX).ref == SMALL
    assert desk.roles.states.status(TASK).ref == BIG
    assert [notice.sentence for notice in desk.notices] == [
        "qwen2.5:7b is not installed; small:1b serves until you choose. qwen3:14b is not installed; big:9b serves "
        "until you choose. Installed are small:1b, big:9b: choose with /model or `tale-tui models use`."
    ]


async def test_where_nothing_is_found_it_is_looked_for_again_by_the_next_who_asks() -> None:
    backend = Named(OLLAMA)
    desk = Desk(RoleChoiceStore(), backend)
    await desk.roles.warm()
    assert desk.roles.states.status(UX).state is RoleState.UNSET
    with pytest.raises(NoModel, match="No model was found"):
        await desk.roles.serving(UX)
    backend.models = ("small:1b",)
    assert await desk.roles.serving(UX) == SMALL


async def test_a_model_for_tasks_alone_that_stands_in_is_not_told_at_every_start() -> None:
    desk = Desk(RoleChoiceStore(ux=SMALL), Named(OLLAMA, small__1b=1, big__9b=9))
    await desk.roles.restore()
    await desk.roles.resolve()
    assert desk.roles.states.status(TASK).ref == BIG
    assert desk.notices == []


async def test_who_was_chosen_before_anything_was_looked_for_stays() -> None:
    desk = Desk(RoleChoiceStore(), Named(OLLAMA, small__1b=1, big__9b=9))
    await desk.roles.assign(UX, BIG)
    await desk.roles.resolve()
    assert desk.roles.states.status(UX).ref == BIG


async def test_who_was_chosen_while_it_is_looked_for_stays() -> None:
    backend = Named(OLLAMA, small__1b=1, big__9b=9)
    backend.reports = asyncio.Event()
    desk = Desk(RoleChoiceStore(), backend)
    resolving = asyncio.create_task(desk.roles.resolve())
    await asyncio.sleep(0)
    await desk.roles.assign(UX, BIG)
    backend.reports.set()
    await resolving
    assert (desk.roles.states.status(UX).ref, desk.roles.states.status(UX).state) == (BIG, RoleState.READY)
    assert desk.roles.states.status(TASK).ref == BIG


async def test_after_a_choice_that_did_not_work_it_is_still_looked_for() -> None:
    desk = Desk(RoleChoiceStore(), Named(OLLAMA, small__1b=1))
    with pytest.raises(ModelNotFound):
        await desk.roles.assign(UX, ModelRef(OLLAMA, "typo:1b"))
    assert await desk.roles.serving(UX) == SMALL


# how it goes


async def test_warming_loads_ux_and_leaves_task() -> None:
    backend = Named(OLLAMA, small__1b=1, big__9b=9)
    desk = Desk(RoleChoiceStore(), backend)
    await desk.roles.warm()
    assert backend.loads == ["small:1b"]
    assert desk.states(UX) == [RoleState.IDLE, RoleState.LOADING, RoleState.READY]
    assert desk.roles.states.status(UX).window == 4096
    assert desk.roles.states.status(UX).detail.startswith("qwen2.5:7b is not installed")
    assert desk.roles.states.status(TASK).state is RoleState.IDLE


async def test_a_server_that_answers_with_another_model_is_told_of_once() -> None:
    class OneModel(Named):
        async def load(self, model: str, window: int | None) -> LoadedModel:
            return replace(await super().load(model, window), runs="other:3b")

    desk = Desk(RoleChoiceStore(), OneModel(OLLAMA, small__1b=1), ux=str(SMALL), task=str(SMALL))
    await desk.roles.warm()
    desk.roles.gone(SMALL)
    await desk.roles.load(SMALL)
    sentence = "You asked ollama for small:1b, but it runs other:3b and answers with that."
    assert [one.sentence for one in desk.notices if one.title == "Another model answers"] == [sentence]
    assert desk.roles.states.status(UX).state is RoleState.READY


async def test_loading_says_since_when() -> None:
    backend = Named(OLLAMA, small__1b=1)
    backend.gate = asyncio.Event()
    desk = Desk(RoleChoiceStore(ux=SMALL), backend)
    await desk.roles.restore()
    warming = asyncio.create_task(desk.roles.warm())
    await backend.begun.wait()
    assert desk.roles.states.status(UX).loading_since == 77.0
    backend.gate.set()
    await warming
    assert desk.roles.states.status(UX).loading_since is None


async def test_one_model_in_both_roles_is_ready_in_both() -> None:
    desk = Desk(RoleChoiceStore(ux=SMALL, task=SMALL), Named(OLLAMA, small__1b=1))
    await desk.roles.restore()
    await desk.roles.warm()
    assert [status.state for status in desk.roles.states.statuses()] == [RoleState.READY, RoleState.READY]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Unreachable("gone"), RoleState.AWAY),
        (ModelNotFound("gone"), RoleState.AWAY),
        (OutOfMemory("full"), RoleState.FAILED),
        (TimedOut("slow"), RoleState.FAILED),
    ],
)
async def test_a_kept_model_that_cannot_be_had_is_said_and_nobody_takes_its_place(
    error: Exception, state: RoleState
) -> None:
    backend, files = Named(OLLAMA, small__1b=1, big__9b=1), Named(EMBEDDED, starter=1)
    backend.load_error = error
    desk = Desk(RoleChoiceStore(ux=BIG), backend, files)
    await desk.roles.restore()
    await desk.roles.warm()
    status = desk.roles.states.status(UX)
    assert (status.state, status.ref, status.detail) == (state, BIG, str(error))
    assert (ModelRef(OLLAMA, "small:1b") in status.offered) == isinstance(error, ModelNotFound)
    assert files.loads == []
    backend.load_error = None
    assert (await desk.roles.retry(UX)).state is RoleState.READY
    assert desk.roles.states.status(UX).detail == ""


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Unreachable("gone"), RoleState.AWAY),
        (BackendCrashed("dead"), RoleState.FAILED),
        (TimedOut("silent"), RoleState.READY),
    ],
)
async def test_a_call_that_fails_shows_on_the_role_where_it_means_something(error: Exception, state: RoleState) -> None:
    desk = Desk(RoleChoiceStore(ux=SMALL), Named(OLLAMA, small__1b=1))
    await desk.roles.restore()
    await desk.roles.warm()
    assert isinstance(error, Unreachable | BackendCrashed | TimedOut)
    await desk.roles.failed(SMALL, error)
    assert desk.roles.states.status(UX).state is state
    await desk.roles.served(UX, SMALL)
    assert desk.roles.states.status(UX).state is RoleState.READY


async def test_an_error_of_a_model_without_a_role_changes_nothing() -> None:
    desk = Desk(RoleChoiceStore(ux=SMALL), Named(OLLAMA, small__1b=1))
    await desk.roles.restore()
    before = desk.roles.states.statuses()
    await desk.roles.failed(BIG, Unreachable("gone"))
    with pytest.raises(ModelNotFound):
        await desk.roles.load(BIG)
    assert desk.roles.states.statuses() == before


async def test_who_gives_up_waiting_leaves_the_role_as_not_loaded() -> None:
    backend = Named(OLLAMA, small__1b=1)
    backend.gate = asyncio.Event()
    desk = Desk(RoleChoiceStore(ux=SMALL), backend)
    await desk.roles.restore()
    first = asyncio.create_task(desk.roles.load(SMALL))
    await backend.begun.wait()
    second = asyncio.create_task(desk.roles.load(SMALL))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([second])
    assert desk.roles.states.status(UX).state is RoleState.LOADING
    first.cancel()
    await asyncio.wait([first])
    assert desk.roles.states.status(UX).state is RoleState.IDLE


async def test_of_two_roles_that_wait_for_one_model_the_last_says_that_it_is_not_loaded() -> None:
    backend = Named(OLLAMA, small__1b=1)
    backend.gate = asyncio.Event()
    desk = Desk(RoleChoiceStore(ux=SMALL, task=SMALL), backend)
    await desk.roles.restore()
    talks = asyncio.create_task(desk.roles.load(SMALL))
    await backend.begun.wait()
    works = asyncio.create_task(desk.roles.load(SMALL, role=TASK))
    await asyncio.sleep(0)
    works.cancel()
    await asyncio.wait([works])
    assert [status.state for status in desk.roles.states.statuses()] == [RoleState.LOADING, RoleState.LOADING]
    talks.cancel()
    await asyncio.wait([talks])
    assert [status.state for status in desk.roles.states.statuses()] == [RoleState.IDLE, RoleState.IDLE]


async def test_a_model_that_left_while_its_role_has_failed_changes_nothing() -> None:
    desk = Desk(RoleChoiceStore(ux=SMALL), Named(OLLAMA, small__1b=1))
    await desk.roles.restore()
    await desk.roles.warm()
    await desk.roles.failed(SMALL, BackendCrashed("dead"))
    desk.roles.gone(SMALL)
    assert desk.roles.states.status(UX).state is RoleState.FAILED


# where each role has a process of its own


class GatedProcesses(PerRoleScriptedBackend):
    """A load waits while there is a gate, and fails where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.gates: dict[Role, asyncio.Event] = {}
        self.errors: dict[Role, Exception] = {}
        self.begun: set[Role] = set()

    async def load_for(self, role: Role, model: str, window: int | None) -> LoadedModel:
        self.begun.add(role)
        if role in self.gates:
            await self.gates[role].wait()
        if role in self.errors:
            raise self.errors[role]
        return await super().load_for(role, model, window)


@pytest.fixture
async def processes() -> GatedProcesses:
    return GatedProcesses()


@pytest.fixture
async def one_file(processes: GatedProcesses) -> Desk:
    """One model in both roles, which have processes of their own."""
    desk = Desk(RoleChoiceStore(), processes, ux="scripted/small", task="scripted/small")
    await desk.roles.restore()
    await desk.roles.retry(TASK)  # from here on it is known that each has its own
    return desk


ONE = ModelRef(SCRIPTED, "small")


def both(desk: Desk) -> list[RoleState]:
    return [status.state for status in desk.roles.states.statuses()]


async def test_a_load_for_one_role_says_nothing_of_the_other(one_file: Desk, processes: GatedProcesses) -> None:
    processes.gates[UX] = asyncio.Event()
    loading = asyncio.create_task(one_file.roles.load(ONE))
    await until(lambda: UX in processes.begun, "it is being loaded")
    assert both(one_file) == [RoleState.LOADING, RoleState.IDLE]
    processes.gates[UX].set()
    await loading
    assert both(one_file) == [RoleState.READY, RoleState.IDLE]


async def test_a_load_for_one_role_that_fails_says_nothing_of_the_other(
    one_file: Desk, processes: GatedProcesses
) -> None:
    await one_file.roles.load(ONE)
    processes.errors[TASK] = BackendCrashed("It ended.")
    with pytest.raises(BackendCrashed):
        await one_file.roles.load(ONE, role=TASK)
    assert both(one_file) == [RoleState.READY, RoleState.FAILED]
    assert one_file.roles.failure(UX) is None


async def test_who_gives_up_waiting_for_one_process_leaves_the_wait_for_the_other(
    one_file: Desk, processes: GatedProcesses
) -> None:
    processes.gates = {UX: asyncio.Event(), TASK: asyncio.Event()}
    talks = asyncio.create_task(one_file.roles.load(ONE))
    works = asyncio.create_task(one_file.roles.load(ONE, role=TASK))
    await until(lambda: processes.begun == {UX, TASK}, "both are being loaded")
    talks.cancel()
    await asyncio.wait([talks])
    assert both(one_file) == [RoleState.IDLE, RoleState.LOADING]
    processes.gates[TASK].set()
    await works
    assert both(one_file) == [RoleState.IDLE, RoleState.READY]


async def test_a_process_that_ends_takes_its_own_role_and_a_damaged_file_takes_both(one_file: Desk) -> None:
    for role in Role:
        await one_file.roles.load(ONE, role=role)
    await one_file.roles.failed(ONE, BackendCrashed("It ended."), role=TASK)
    assert both(one_file) == [RoleState.READY, RoleState.FAILED]
    await one_file.roles.failed(ONE, ModelDamaged("It is damaged."), role=TASK)
    assert both(one_file) == [RoleState.FAILED, RoleState.FAILED]
    await one_file.roles.served(UX, ONE)
    assert both(one_file) == [RoleState.READY, RoleState.FAILED]


# choosing


async def test_a_choice_is_loaded_and_kept() -> None:
    kept = RoleChoiceStore(ux=SMALL)
    desk = Desk(kept, Named(OLLAMA, small__1b=1, big__9b=9))
    await desk.roles.restore()
    status = await desk.roles.assign(UX, BIG)
    assert (status.state, status.ref) == (RoleState.READY, BIG)
    assert kept.choices[UX] == BIG
    assert desk.notices == []


async def test_a_choice_for_task_is_looked_up_and_not_loaded() -> None:
    backend = Named(OLLAMA, small__1b=1, big__9b=9)
    kept = RoleChoiceStore(ux=SMALL)
    desk = Desk(kept, backend)
    await desk.roles.restore()
    assert (await desk.roles.assign(TASK, BIG)).state is RoleState.IDLE
    assert backend.loads == []
    assert kept.choices[TASK] == BIG


@pytest.mark.parametrize("role", [UX, TASK])
async def test_a_choice_that_does_not_work_changes_nothing(role: Role) -> None:
    kept = RoleChoiceStore(ux=SMALL, task=SMALL)
    desk = Desk(kept, Named(OLLAMA, small__1b=1))
    await desk.roles.restore()
    before = desk.roles.states.statuses()
    with pytest.raises(ModelNotFound):
        await desk.roles.assign(role, ModelRef(OLLAMA, "typo:1b"))
    assert desk.roles.states.statuses() == before
    assert kept.choices == {UX: SMALL, TASK: SMALL}


async def test_a_choice_for_task_on_a_server_that_is_away_says_so() -> None:
    backend = Named(OLLAMA, small__1b=1)
    backend.away = Unreachable("gone")
    desk = Desk(RoleChoiceStore(), backend)
    with pytest.raises(Unreachable, match="gone"):
        await desk.roles.assign(TASK, SMALL)


async def test_a_choice_against_the_settings_holds_until_the_next_start_and_that_is_said() -> None:
    desk = Desk(RoleChoiceStore(), Named(OLLAMA, small__1b=1, big__9b=9), ux="ollama/small:1b")
    await desk.roles.restore()
    await desk.roles.assign(UX, BIG)
    assert "ux = ollama/small:1b" in desk.notices[0].sentence


async def test_no_byte_of_a_setting_is_told_that_a_terminal_would_obey() -> None:
    kept = RoleChoiceStore()
    desk = Desk(kept, Named(OLLAMA, small__1b=1), ScriptedBackend(), ux="scripted/A\x1b]52;c;aGFja2Vk\x07B")
    await desk.roles.restore()
    await desk.roles.assign(UX, SMALL)
    kept.full = True
    await desk.roles.assign(TASK, SMALL)
    assert "holds again after the next start" in desk.notices[0].sentence
    assert [notice.sentence for notice in desk.notices] == [clean_line(notice.sentence) for notice in desk.notices]


async def test_what_served_is_kept_but_never_a_script() -> None:
    kept = RoleChoiceStore()
    desk = Desk(kept, Named(OLLAMA, small__1b=1), ScriptedBackend(), task="scripted/demo")
    await desk.roles.restore()
    await desk.roles.warm()
    assert kept.choices == {}
    await desk.roles.served(UX, SMALL)
    await desk.roles.served(TASK, ModelRef(SCRIPTED, "demo"))
    await desk.roles.served(UX, BIG)
    assert kept.choices == {UX: SMALL}


async def test_a_choice_that_cannot_be_kept_serves_all_the_same() -> None:
    kept = RoleChoiceStore()
    kept.full = True
    desk = Desk(kept, Named(OLLAMA, small__1b=1, **{"qwen2.5__7b": 5}))
    assert (await desk.roles.assign(UX, SMALL)).state is RoleState.READY
    assert "The disk is full." in desk.notices[0].sentence


async def test_a_default_that_was_fetched_takes_the_place_of_what_stood_in() -> None:
    backend = Named(OLLAMA, small__1b=1)
    desk = Desk(RoleChoiceStore(), backend)
    await desk.roles.restore()
    await desk.roles.warm()
    await desk.roles.added(ModelRef(OLLAMA, "tiny:1b"))
    assert desk.roles.states.status(UX).ref == SMALL
    await desk.roles.added(DEFAULT)
    assert (desk.roles.states.status(UX).ref, desk.roles.states.status(UX).detail) == (DEFAULT, "")
    assert desk.roles.states.status(TASK).ref == SMALL


async def test_a_demo_is_called_one_and_what_is_better_is_offered() -> None:
    backend = Named(OLLAMA, small__1b=1)
    starter = ModelRef(EMBEDDED, "smollm2-135m-instruct")
    desk = Desk(RoleChoiceStore(ux=starter), backend, Named(EMBEDDED, **{starter.model: 1}))
    await desk.roles.restore()
    await desk.roles.warm()
    status = desk.roles.states.status(UX)
    assert (status.ref, status.demo, status.state) == (starter, True, RoleState.READY)
    assert status.offered == (SMALL,)


async def test_retrying_a_task_model_that_came_back() -> None:
    backend = Named(OLLAMA, small__1b=1, big__9b=9)
    desk = Desk(RoleChoiceStore(task=BIG), backend)
    await desk.roles.restore()
    backend.away = Unreachable("gone")
    assert (await desk.roles.retry(TASK)).state is RoleState.AWAY
    backend.away = None
    assert (await desk.roles.retry(TASK)).state is RoleState.IDLE
    await desk.roles.load(BIG)
    assert (await desk.roles.retry(TASK)).state is RoleState.READY


async def test_a_model_that_is_in_memory_for_ux_is_ready_for_task_when_it_is_chosen() -> None:
    desk = Desk(RoleChoiceStore(ux=SMALL, task=BIG), Named(OLLAMA, small__1b=1, big__9b=9))
    await desk.roles.restore()
    await desk.roles.load(SMALL)
    assert (await desk.roles.assign(TASK, SMALL)).state is RoleState.READY


async def test_what_serves_again_and_again_is_kept_once() -> None:
    kept = RoleChoiceStore()
    desk = Desk(kept, Named(OLLAMA, small__1b=1))
    await desk.roles.restore()
    await desk.roles.warm()
    for _ in range(3):
        await desk.roles.served(UX, SMALL)
    assert (kept.choices, kept.writes) == ({UX: SMALL}, 1)


async def test_a_default_that_was_fetched_takes_no_place_that_somebody_was_given() -> None:
    desk = Desk(RoleChoiceStore(ux=SMALL), Named(OLLAMA, small__1b=1))
    await desk.roles.restore()
    await desk.roles.added(DEFAULT)
    assert desk.roles.states.status(UX).ref == SMALL
