import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from support.waiting import until
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import ExportFormat, View
from tale_tui.domain.errors import (
    BadInput,
    DatabaseNewer,
    DiskFull,
    EngineLost,
    FetchFailed,
    ReadOnly,
    StoreError,
    Unreachable,
)
from tale_tui.domain.events import Fact, Notice, RoleChanged, SessionChanged
from tale_tui.domain.models import BackendName, BackendReport, ModelInfo, ModelRef, Progress, Role, RoleState
from tale_tui.engine.chat.digests import DigestService
from tale_tui.engine.chat.turn import TurnManager
from tale_tui.engine.checkpoints.service import CheckpointService
from tale_tui.engine.engine import Engine
from tale_tui.engine.models import service as model_service
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.models.scripted import ScriptedBackend, spoken
from tale_tui.engine.recall.service import RecallService
from tale_tui.engine.store.store import Store

DEMO = ModelRef(BackendName.SCRIPTED, "demo")
Start = Callable[..., Awaitable[Engine]]


async def facts_of(engine: Engine, *calls: Awaitable[Any]) -> list[Fact]:
    """What is published while these are awaited, without the state of the roles."""
    facts = engine.control.watch()
    await anext(facts)
    for call in calls:
        await call
    await engine.stop()
    return [fact async for fact in facts if not isinstance(fact, RoleChanged)]


# starting and stopping


async def test_it_is_ready_while_the_model_is_still_loading(start_engine: Start) -> None:
    gate = asyncio.Event()

    class Slow(ScriptedBackend):
        async def report(self, timeout_s: float) -> BackendReport:
            await gate.wait()
            return await super().report(timeout_s)

    engine = await start_engine({BackendName.SCRIPTED: Slow([spoken("a")])})
    assert [(status.state, status.ref) for status in await engine.models.roles()] == [(RoleState.LOADING, None)] * 2
    assert await engine.sessions.list() == ()
    facts = engine.control.watch()
    gate.set()
    async for fact in facts:
        if isinstance(fact, RoleChanged) and fact.status.role is Role.UX and fact.status.state is RoleState.READY:
            assert fact.status.ref == DEMO
            assert fact.status.demo
            break
    await facts.aclose()


async def test_without_loading_no_model_is_touched_until_a_turn_wants_one(start_engine: Start) -> None:
    backend = ScriptedBackend([spoken("a")])
    engine = await start_engine({BackendName.SCRIPTED: backend}, load=False)
    assert [(status.state, status.ref) for status in await engine.models.roles()] == [(RoleState.IDLE, DEMO)] * 2
    assert backend.loads == []
    session = await engine.sessions.create()
    async with aclosing(engine.chat.send(session.id, "hi", key="k")) as events:
        assert [event async for event in events]
    assert backend.loads == ["demo"]


async def test_watching_without_loading_says_who_would_serve(start_engine: Start) -> None:
    engine = await start_engine([spoken("a")], load=False)
    async with aclosing(engine.control.watch()) as facts:
        async for fact in facts:
            if isinstance(fact, RoleChanged) and fact.status.role is Role.UX and fact.status.ref:
                assert fact.status.state is RoleState.IDLE
                break


async def test_a_window_that_comes_to_an_engine_without_one_has_the_models_kept(start_engine: Start) -> None:
    backend = ScriptedBackend([spoken("a")])
    engine = await start_engine({BackendName.SCRIPTED: backend}, load=False, ux="scripted/demo", task="scripted/demo")
    async with aclosing(engine.control.watch()) as facts:
        await anext(facts)
        await asyncio.sleep(0)
        assert backend.loads == []
    for _ in range(2):
        async with aclosing(engine.control.watch(window=True)) as facts:
            async for fact in facts:
                if isinstance(fact, RoleChanged) and fact.status.state is RoleState.READY:
                    break
    assert backend.loads == ["demo"]
    assert [task.get_name() for task in asyncio.all_tasks()].count("Looking after the models") == 1


@pytest.mark.parametrize("load", [True, False])
async def test_nobody_waits_for_models_that_nobody_looks_after_any_more(
    load: bool, start_engine: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: Roles) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Roles, "resolve", broken)
    engine = await start_engine([spoken("a")], load=load)
    notices = []
    async with asyncio.timeout(5), aclosing(engine.control.watch()) as facts:
        async for fact in facts:
            notices += [fact] if isinstance(fact, Notice) else []
            if isinstance(fact, RoleChanged) and fact.status.state is RoleState.FAILED:
                assert "broke off because of an error in the application" in fact.status.detail
                if fact.status.role is Role.TASK:
                    break
    assert "ZeroDivisionError: a bug" in caplog.text


async def test_a_backend_that_breaks_off_hides_no_other(start_engine: Start, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(ScriptedBackend):
        name = BackendName.OLLAMA

        async def report(self, timeout_s: float) -> BackendReport:
            raise ZeroDivisionError("a bug")

    engine = await start_engine({BackendName.OLLAMA: Broken([]), BackendName.SCRIPTED: ScriptedBackend([spoken("a")])})
    reports = {report.name: report for report in await engine.models.backends()}
    assert reports[BackendName.SCRIPTED].available
    assert reports[BackendName.OLLAMA].detail.startswith("Looking at ollama broke off")
    assert "ZeroDivisionError: a bug" in caplog.text


async def test_watching_begins_with_both_roles_and_ends_with_the_engine(start_engine: Start) -> None:
    engine = await start_engine([spoken("a")], ux="scripted/demo", task="scripted/demo")
    facts = engine.control.watch()
    first, second = await anext(facts), await anext(facts)
    assert isinstance(first, RoleChanged)
    assert isinstance(second, RoleChanged)
    assert (first.status.role, second.status.role) == (Role.UX, Role.TASK)
    await engine.stop()
    assert [fact async for fact in facts if not isinstance(fact, RoleChanged)] == []


async def test_stopping_twice_does_nothing_more(start_engine: Start) -> None:
    engine = await start_engine([spoken("a")])
    await asyncio.gather(engine.stop(), engine.stop())
    await engine.stop()
    with pytest.raises(StoreError):
        await engine.sessions.list()
    with pytest.raises(EngineLost):
        await anext(engine.chat.send("s", "hi", key="k"))


async def test_what_cannot_be_closed_leaves_nothing_else_open(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    closed: list[str] = []

    class Closing(ScriptedBackend):
        async def close(self) -> None:
            closed.append("model")
            await super().close()

    async def broken(self: TurnManager) -> None:
        raise ZeroDivisionError("a bug")

    async def full(self: CheckpointService) -> None:
        raise DiskFull("Full.")

    monkeypatch.setattr(TurnManager, "close", broken)
    monkeypatch.setattr(CheckpointService, "close", full)
    backend = Closing([spoken("a")])
    engine = await Engine.start(paths, Settings(), backends={BackendName.SCRIPTED: backend})
    facts = engine.control.watch()
    await anext(facts)
    await until(lambda: backend.loads, "the model is loaded")
    with pytest.raises(DiskFull):
        await engine.stop()
    assert "Closing turns broke off" in caplog.text
    assert "ZeroDivisionError: a bug" in caplog.text
    assert closed == ["model"]
    assert [fact async for fact in facts if not isinstance(fact, RoleChanged)] == []
    with pytest.raises(StoreError):
        await engine.sessions.list()


async def test_stopping_while_a_model_loads(start_engine: Start) -> None:
    begun = asyncio.Event()

    class Endless(ScriptedBackend):
        async def load(self, *args: Any, **kwargs: Any) -> Any:
            begun.set()
            await asyncio.Event().wait()

    engine = await start_engine({BackendName.SCRIPTED: Endless([spoken("a")])})
    await begun.wait()
    await engine.stop()


async def test_a_start_that_fails_closes_what_was_opened(start_engine: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []
    close = Store.close

    async def note(self: Store) -> None:
        closed.append(True)
        await close(self)

    async def fail(self: Roles) -> None:
        raise DatabaseNewer("newer")

    monkeypatch.setattr(Store, "close", note)
    monkeypatch.setattr(Roles, "restore", fail)
    with pytest.raises(DatabaseNewer):
        await start_engine([spoken("a")])
    assert closed == [True]


async def test_what_was_found_at_the_start_is_said_to_the_first_who_watches(
    start_engine: Start, paths: Paths, clock: Clock
) -> None:
    paths.database.write_bytes(b"this is no database" * 100)
    engine = await start_engine([spoken("a")])
    facts = await facts_of(engine)
    assert [fact.title for fact in facts if isinstance(fact, Notice)] == ["The database was damaged"]
    store = await Store.open(paths.database, clock)
    for _ in range(2):
        session = await store.add_session()
        await store.begin_turn(session.id, user_id=clock.new_id(), text="hi", reply_ref=None)
    await store.close()
    engine = await start_engine([spoken("a")])
    (notice,) = await facts_of(engine)
    assert isinstance(notice, Notice)
    assert notice.sentence.startswith("2 replies broke off")


async def test_an_engine_that_only_reads_changes_nothing(start_engine: Start, paths: Paths) -> None:
    writer = await start_engine([spoken("a")])
    session = await writer.sessions.create()
    async with aclosing(writer.chat.send(session.id, "hi", key="k")) as events:
        assert [event async for event in events]
    reader = await start_engine([spoken("a")], load=False, read_only=True)
    assert [found.id for found in await reader.sessions.list()] == [session.id]
    with pytest.raises(ReadOnly):
        await reader.sessions.create()
    with pytest.raises(ReadOnly):
        await anext(reader.chat.send(session.id, "more", key="k2"))


# sessions


async def test_every_change_of_a_session_is_published(start_engine: Start) -> None:
    engine = await start_engine([spoken("a"), spoken("b")], ux="scripted/demo")
    session = await engine.sessions.create()
    async with aclosing(engine.chat.send(session.id, "hi", key="k")) as events:
        assert [event async for event in events]
    reply = (await engine.sessions.transcript(session.id)).messages[-1]
    exported = await engine.sessions.export(session.id, ExportFormat.JSON)

    async def changes(call: Awaitable[Any]) -> list[SessionChanged]:
        subscription = engine.bus.subscribe()
        await call
        engine.bus.unsubscribe(subscription)
        return [fact async for fact in subscription if isinstance(fact, SessionChanged)]

    here = SessionChanged(session.id)
    assert await changes(engine.sessions.rename(session.id, "title")) == [here]
    assert await changes(engine.sessions.set_system(session.id, "system")) == [here]
    assert await changes(engine.sessions.show_sibling(session.id, reply.id, 1)) == [here]
    assert await changes(engine.chat.enqueue(session.id, "later", key="q")) == [SessionChanged(session.id, source="q")]
    assert await changes(engine.chat.dequeue(session.id, "q")) == [SessionChanged(session.id, source="q")]
    assert await changes(engine.chat.dequeue(session.id, "q")) == []
    assert await changes(engine.sessions.save_view(session.id, View(draft="d"))) == []
    assert len(await changes(engine.sessions.fork(session.id, reply.id))) == 1
    assert len(await changes(engine.sessions.import_(exported))) == 1
    [created] = await changes(engine.sessions.create())
    assert created.source == created.session_id
    assert await changes(engine.sessions.delete(session.id)) == [SessionChanged(session.id, deleted=True)]


async def test_what_is_said_is_heard_by_what_remembers_and_sums_up_and_a_new_title_is_not(
    start_engine: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(RecallService, "on_fact", lambda *_: heard.append("recall"))
    monkeypatch.setattr(DigestService, "on_fact", lambda *_: heard.append("digests"))
    engine = await start_engine([spoken("a")])
    session = await engine.sessions.create()
    await engine.sessions.import_(await engine.sessions.export(session.id, ExportFormat.JSON))
    await engine.sessions.rename(session.id, "title")
    assert heard == []
    async with aclosing(engine.chat.send(session.id, "hi", key="k")) as events:
        assert [event async for event in events]
    assert heard == ["recall", "digests"] * 2


async def test_a_session_can_be_read_in_every_way(start_engine: Start) -> None:
    engine = await start_engine([spoken("It is a fish.")])
    session = await engine.sessions.create(title="Waters", system="Be a fish.")
    async with aclosing(engine.chat.send(session.id, "What is it?", key="k")) as events:
        assert [event async for event in events]
    assert (await engine.sessions.find(session.id[:-1])).id == session.id
    assert [hit.message_id for hit in await engine.sessions.search("What", limit=5)] == ["k"]
    assert await engine.sessions.prompt_history(limit=5) == ("What is it?",)
    assert "It is a fish." in await engine.sessions.export(session.id, ExportFormat.MARKDOWN)
    assert await engine.sessions.list(limit=0) == ()


# models


async def test_backends_that_may_serve_are_reported(start_engine: Start) -> None:
    engine = await start_engine([spoken("a")])
    (report,) = await engine.models.backends()
    assert (report.name, report.available, report.models[0].ref) == (BackendName.SCRIPTED, True, DEMO)


async def test_one_that_a_role_names_is_reported_too(start_engine: Start) -> None:
    engine = await start_engine([spoken("a")], task="ollama/big")
    assert [report.name for report in await engine.models.backends()] == [BackendName.SCRIPTED, BackendName.OLLAMA]


async def test_a_role_is_given_and_tried_again(start_engine: Start) -> None:
    backend = ScriptedBackend([spoken("a")], models=("demo", "other"))
    engine = await start_engine({BackendName.SCRIPTED: backend})
    other = ModelRef(BackendName.SCRIPTED, "other")
    assert (await engine.models.use(Role.UX, other)).ref == other
    backend.away = Unreachable("away")
    await backend.unload("other")
    engine.pool.residency.clear()
    assert (await engine.models.retry_role(Role.UX)).state is RoleState.AWAY
    backend.away = None
    assert (await engine.models.retry_role(Role.UX)).state is RoleState.READY


async def test_a_pulled_model_serves_a_role_that_has_none(start_engine: Start) -> None:
    backend = ScriptedBackend([spoken("a")], models=())
    engine = await start_engine({BackendName.SCRIPTED: backend})
    async with aclosing(engine.control.watch()) as facts:
        async for fact in facts:
            if isinstance(fact, RoleChanged) and fact.status.role is Role.UX:
                if fact.status.state is RoleState.UNSET:
                    pulling = engine.models.pull(DEMO)
                    assert [step.finished async for step in pulling] == [False, True]
                if fact.status.state is RoleState.READY:
                    break
    assert backend.loads == ["demo"]


def store_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


async def fake_fetch(source: str, models_dir: Path) -> AsyncGenerator[Progress, None]:
    if source == "nowhere":
        raise FetchFailed("Not there.")
    yield Progress("Downloading", 1, 2)
    store_file(models_dir / "starter.gguf")
    yield Progress("demo", 2, 2, finished=True)


async def test_the_starter_serves_roles_that_have_none(
    start_engine: Start, monkeypatch: pytest.MonkeyPatch, paths: Paths
) -> None:
    monkeypatch.setattr(model_service, "fetch", fake_fetch)
    backend = ScriptedBackend([spoken("a")], models=())
    engine = await start_engine({BackendName.SCRIPTED: backend}, load=False)
    assert [status.state for status in await engine.models.roles()] == [RoleState.UNSET, RoleState.UNSET]
    backend.models = ("demo",)
    assert [step.label async for step in engine.models.fetch_starter()] == ["Downloading", "demo"]
    assert (paths.models / "starter.gguf").exists()
    assert [status.state for status in await engine.models.roles()] == [RoleState.IDLE, RoleState.IDLE]
    with pytest.raises(FetchFailed):
        await anext(engine.models.fetch_starter(source="nowhere"))


async def test_a_file_is_added(start_engine: Start, monkeypatch: pytest.MonkeyPatch, paths: Paths) -> None:
    added: list[tuple[str, Path]] = []

    async def add(path: str, folder: Path) -> ModelInfo:
        added.append((path, folder))
        return ModelInfo(DEMO)

    engine = await start_engine([spoken("a")])
    with pytest.raises(BadInput):
        await engine.models.add("/nowhere/model.gguf")
    monkeypatch.setattr(model_service, "add_model", add)
    assert (await engine.models.add("/some/model.gguf")).ref == DEMO
    assert added == [("/some/model.gguf", paths.models)]


async def test_the_doctor_looks_at_everything_without_loading_a_model(start_engine: Start) -> None:
    backend = ScriptedBackend([spoken("a")])
    engine = await start_engine({BackendName.SCRIPTED: backend}, load=False)
    findings = await engine.control.doctor()
    areas = {finding.area for finding in findings}
    assert areas >= {"python", "data", "database", "memory", "scripted", "ux", "task"}
    assert backend.loads == []
