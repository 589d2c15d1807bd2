"""One contract for the API: the engine in this process, the same engine over the link, and the
one that tests script behave alike."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, suppress
from pathlib import Path

import pytest

from support.scripted_engine import ScriptedEngine
from support.waiting import until
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.context import PartName
from tale_tui.domain.conversation import ExportFormat, Message, MessageState, Transcript, View
from tale_tui.domain.errors import (
    BadImport,
    BadInput,
    BadPlan,
    CannotUndo,
    EmptyMessage,
    HasSecret,
    NoSuchCheckpoint,
    NoSuchItem,
    NoSuchMessage,
    NoSuchSession,
    NoSuchTask,
    TaleError,
    UnknownModel,
    WrongState,
)
from tale_tui.domain.events import (
    RoleChanged,
    Routed,
    SessionChanged,
    TaskSeen,
    TextDelta,
    TurnCancelled,
    TurnDone,
    TurnEvent,
    TurnStarted,
)
from tale_tui.domain.metrics import CallDimension, CallFilter, CallKind
from tale_tui.domain.models import BackendName, ModelRef, Role, RoleState
from tale_tui.domain.recall import RecallKind
from tale_tui.domain.tasks import ENDED, OPEN, Priority, Reason, TaskState
from tale_tui.engine.api import EngineApi
from tale_tui.engine.ipc.connect import open_engine
from tale_tui.engine.models.scripted import Hold, Say, Script, ScriptedBackend, spoken

ANSWERS = ("One fish", "Two fish", "Red fish", "Blue fish")
SCRIPTED = ModelRef(BackendName.SCRIPTED, "demo")


class Held:
    """A backend whose last answer waits until the test lets it go on."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        held = Script((Say("Half"), Hold(self.gate), Say(" whole")))
        self.backend = ScriptedBackend((*(spoken(*answer.split(" ")) for answer in ANSWERS), held))


@pytest.fixture
def held() -> Held:
    return Held()


async def opened(stack: AsyncExitStack, where: str, folder: Path, held: Held) -> EngineApi:
    """The engine in this process, or the same one over the link."""
    root = folder / "t"
    paths = Paths(root / "config", root / "data", root / "cache", root / "logs")
    paths.make()
    ids = itertools.count(1)
    times = itertools.count(1_000_000)
    clock = Clock(now=lambda: float(next(times)), new_id=lambda: f"id{next(ids):014d}")
    settings = Settings(ux=str(SCRIPTED), task=str(SCRIPTED))
    backends = {BackendName.SCRIPTED: held.backend}
    engine = await stack.enter_async_context(open_engine(paths, settings, clock, backends=backends))
    if where == "link":
        engine = await stack.enter_async_context(open_engine(paths, settings, clock, backends=backends))
    return engine


@pytest.fixture(params=["here", "link"])
async def client(request: pytest.FixtureRequest, tmp_path: Path, held: Held) -> AsyncIterator[EngineApi]:
    """The engine, for what only a store and backends can promise, such as versions."""
    async with AsyncExitStack() as stack:
        yield await opened(stack, request.param, tmp_path, held)


@pytest.fixture(params=["here", "link", "scripted"])
async def any_client(request: pytest.FixtureRequest, tmp_path: Path, held: Held) -> AsyncIterator[EngineApi]:
    """The engine, or the one that tests of its clients script."""
    async with AsyncExitStack() as stack:
        if request.param == "scripted":
            scripted: EngineApi = ScriptedEngine(ref=SCRIPTED)
            yield scripted
        else:
            yield await opened(stack, request.param, tmp_path, held)


def slug(text: str) -> str:
    return "key-" + "".join(filter(str.isalnum, text))


async def ask(client: EngineApi, session_id: str, text: str, key: str = "") -> list[TurnEvent]:
    return [event async for event in client.chat.send(session_id, text, key=key or slug(text))]


def reply_of(events: list[TurnEvent]) -> Message:
    end = events[-1]
    assert isinstance(end, TurnDone)
    return end.reply


async def test_a_turn_is_told_in_order_and_stored(any_client: EngineApi) -> None:
    session = await any_client.sessions.create()
    events = await ask(any_client, session.id, "Which fish?")
    kinds = [type(event) for event in events]
    assert kinds[0] is TurnStarted
    assert kinds.count(Routed) == 1
    assert kinds[-1] is TurnDone
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == reply_of(events).text
    stored = await any_client.sessions.transcript(session.id)
    assert [message.text for message in stored.messages] == ["Which fish?", reply_of(events).text]
    assert stored.messages[0].id == slug("Which fish?")
    assert stored.messages[1] == reply_of(events)
    assert stored.messages[1].ref == SCRIPTED
    assert stored.messages[1].usage is not None
    assert stored.session.title == "Which fish?"
    assert stored.session.turns == 1


async def test_versions_stay_beside_each_other(client: EngineApi) -> None:
    session = await client.sessions.create()
    first = reply_of(await ask(client, session.id, "fish"))
    second = reply_of([event async for event in client.chat.regenerate(session.id, first.id)])
    assert (second.sibling, second.siblings) == (2, 2)
    shown = await client.sessions.show_sibling(session.id, second.id, -1)
    assert shown.messages[-1].id == first.id
    edited = reply_of([event async for event in client.chat.edit(session.id, "key-fish", "bird", key="key-bird")])
    stored = await client.sessions.transcript(session.id)
    assert [message.text for message in stored.messages] == ["bird", edited.text]
    assert stored.messages[0].siblings == 2
    back = await client.sessions.show_sibling(session.id, "key-bird", 1)
    assert [message.id for message in back.messages] == ["key-fish", first.id]


async def test_closing_a_turn_keeps_what_came_and_it_can_go_on(client: EngineApi, held: Held) -> None:
    session = await client.sessions.create()
    for answer in ANSWERS:
        await ask(client, session.id, answer)
    async with aclosing(client.chat.send(session.id, "stop", key="key-stop")) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    stopped = await until_stopped(client, session.id)
    assert stopped.messages[-1].text == "Half"
    held.gate.set()
    await ask_resume(client, session.id, stopped.messages[-1].id)
    stored = await client.sessions.transcript(session.id)
    assert stored.messages[-1].text.startswith("Half")
    assert len(stored.messages[-1].text) > len("Half")


async def ask_resume(client: EngineApi, session_id: str, message_id: str) -> Message:
    return reply_of([event async for event in client.chat.resume(session_id, message_id)])


async def until_stopped(client: EngineApi, session_id: str) -> Transcript:
    async def stopped() -> bool:
        return (await client.sessions.transcript(session_id)).messages[-1].state is MessageState.STOPPED

    await until(stopped, "the reply is stopped")
    return await client.sessions.transcript(session_id)


async def half_answered(client: EngineApi, session_id: str) -> tuple[AsyncGenerator[TurnEvent, None], str]:
    """A turn of which something came and the rest is to come, and what came."""
    for answer in ANSWERS:
        await ask(client, session_id, answer)
    turn = client.chat.send(session_id, "half", key="key-half", as_task=False)
    async for event in turn:
        if isinstance(event, TextDelta):
            return turn, event.text
    raise AssertionError("it ended")


async def rest_of(turn: AsyncGenerator[TurnEvent, None]) -> list[TurnEvent]:
    async with aclosing(turn):
        return [event async for event in turn]


async def test_any_number_follow_a_turn_from_all_there_is_so_far_to_its_end(any_client: EngineApi, held: Held) -> None:
    session = await any_client.sessions.create()
    asked, text = await half_answered(any_client, session.id)
    followers = [any_client.chat.follow_turn(session.id) for _ in range(3)]
    firsts = [await anext(follower) for follower in followers]
    for first in firsts:
        assert isinstance(first, TurnStarted)
        assert first.user is not None
        assert (first.user.text, first.reply.text, first.reply.state) == ("half", text, MessageState.STREAMING)
        assert first.so_far is not None
        assert first.so_far.completion_tokens == 1
    await followers.pop().aclose()
    held.gate.set()
    told, *others = await asyncio.gather(rest_of(asked), *(rest_of(follower) for follower in followers))
    reply = reply_of(told)
    assert len(reply.text) > len(text)
    for events in others:
        assert events[-1] == told[-1]
        assert text + "".join(event.text for event in events if isinstance(event, TextDelta)) == reply.text


async def test_who_follows_stops_a_turn_and_who_asked_is_told(any_client: EngineApi) -> None:
    session = await any_client.sessions.create()
    asked, text = await half_answered(any_client, session.id)
    follower = any_client.chat.follow_turn(session.id)
    first = await anext(follower)
    assert isinstance(first, TurnStarted)
    await any_client.chat.stop_turn(session.id, reply_id="another")
    assert (await any_client.sessions.transcript(session.id)).messages[-1].state is not MessageState.STOPPED
    await any_client.chat.stop_turn(session.id, reply_id=first.reply.id)
    stored = (await any_client.sessions.transcript(session.id)).messages[-1]
    assert (stored.text, stored.state) == (text, MessageState.STOPPED)
    for reader in (asked, follower):
        end = (await rest_of(reader))[-1]
        assert isinstance(end, TurnCancelled)
        assert (end.reply.id, end.reply.state) == (first.reply.id, MessageState.STOPPED)


async def test_where_no_turn_is_under_way_there_is_nothing_to_follow_or_to_stop(any_client: EngineApi) -> None:
    session = await any_client.sessions.create()
    reply = reply_of(await ask(any_client, session.id, "fish"))
    assert [event async for event in any_client.chat.follow_turn(session.id)] == []
    await any_client.chat.stop_turn(session.id)
    assert (await any_client.sessions.transcript(session.id)).messages[-1] == reply
    with pytest.raises(NoSuchSession):
        [event async for event in any_client.chat.follow_turn("nowhere")]


async def test_a_turn_that_its_window_leaves_ends_for_all_who_follow(client: EngineApi) -> None:
    session = await client.sessions.create()
    asked, text = await half_answered(client, session.id)
    follower = client.chat.follow_turn(session.id)
    await anext(follower)
    await asked.aclose()
    end = (await rest_of(follower))[-1]
    assert isinstance(end, TurnCancelled)
    assert end.reply.text == text


async def test_a_session_is_renamed_forked_searched_and_deleted(any_client: EngineApi) -> None:
    session = await any_client.sessions.create()
    reply = reply_of(await ask(any_client, session.id, "Which fish?"))
    assert (await any_client.sessions.rename(session.id, "Waters")).title == "Waters"
    fork = await any_client.sessions.fork(session.id, reply.id)
    assert fork.forked_from == session.id
    assert [s.id for s in await any_client.sessions.list()] == [fork.id, session.id]
    assert (await any_client.sessions.find(fork.id)).id == fork.id
    hits = await any_client.sessions.search("fish")
    assert {hit.session_id for hit in hits} == {session.id, fork.id}
    await any_client.sessions.delete(session.id)
    assert [s.id for s in await any_client.sessions.list()] == [fork.id]
    with pytest.raises(NoSuchSession):
        await any_client.sessions.transcript(session.id)


async def test_what_is_exported_can_be_imported(client: EngineApi) -> None:
    session = await client.sessions.create()
    await ask(client, session.id, "Which fish?")
    text = await client.sessions.export(session.id, ExportFormat.JSON)
    assert "Which fish?" in await client.sessions.export(session.id, ExportFormat.MARKDOWN)
    (copy,) = await client.sessions.import_(text)
    assert copy.id != session.id
    assert len((await client.sessions.transcript(copy.id)).messages) == 2
    with pytest.raises(BadImport):
        await client.sessions.import_("{")


async def test_waiting_messages_and_the_view_are_kept(any_client: EngineApi) -> None:
    session = await any_client.sessions.create()
    await ask(any_client, session.id, "fish")
    await any_client.chat.enqueue(session.id, "later", key="q1")
    await any_client.sessions.save_view(session.id, View("key-fish", 2, "draft"))
    await any_client.sessions.set_system(session.id, "Be a fish.")
    stored = await any_client.sessions.transcript(session.id)
    assert [queued.text for queued in stored.queued] == ["later"]
    assert stored.view == View("key-fish", 2, "draft")
    assert stored.session.system == "Be a fish."
    taken = await any_client.chat.dequeue(session.id, "q1")
    assert taken is not None
    assert taken.text == "later"
    assert await any_client.chat.dequeue(session.id, "q1") is None
    assert await any_client.sessions.prompt_history() == ("fish",)


async def test_bad_input_changes_nothing_and_keeps_its_class(any_client: EngineApi) -> None:
    session = await any_client.sessions.create()
    for call in (ask(any_client, session.id, " \n "), ask(any_client, session.id, "\x1b[2J")):
        with pytest.raises(EmptyMessage):
            await call
    with pytest.raises(NoSuchSession):
        await ask(any_client, "nowhere", "hi")
    with pytest.raises(NoSuchMessage):
        [event async for event in any_client.chat.regenerate(session.id, "nothing")]
    assert (await any_client.sessions.transcript(session.id)).messages == ()


async def test_models_are_told_and_chosen(client: EngineApi) -> None:
    ux = next(status for status in await client.models.roles() if status.role is Role.UX)
    assert ux.ref == SCRIPTED
    reports = await client.models.backends()
    assert any(report.name is BackendName.SCRIPTED and report.available for report in reports)
    chosen = await client.models.use(Role.TASK, SCRIPTED)
    assert chosen.ref == SCRIPTED
    assert chosen.state in (RoleState.READY, RoleState.LOADING, RoleState.IDLE)
    assert {finding.area for finding in await client.control.doctor()} >= {"data", "database"}
    with pytest.raises(TaleError):
        await client.models.add("/nowhere/model.gguf")


async def test_watchers_hear_of_changes(any_client: EngineApi) -> None:
    session = await any_client.sessions.create()
    async with aclosing(any_client.control.watch()) as facts:
        await anext(facts)
        asking = asyncio.create_task(ask(any_client, session.id, "fish"))
        async for fact in facts:
            if isinstance(fact, SessionChanged):
                assert (fact.session_id, fact.deleted) == (session.id, False)
                break
        await asking


async def test_a_reader_that_stays_hears_that_the_turn_was_cancelled(tmp_path: Path, held: Held) -> None:
    root = tmp_path / "t"
    paths = Paths(root / "config", root / "data", root / "cache", root / "logs")
    paths.make()
    settings = Settings(ux=str(SCRIPTED), task=str(SCRIPTED))
    backend = ScriptedBackend((Script((Say("Half"), Hold(held.gate))),))
    seen: list[TurnEvent] = []
    begun = asyncio.Event()
    async with AsyncExitStack() as outer:
        async with AsyncExitStack() as inner:
            engine = await inner.enter_async_context(
                open_engine(paths, settings, backends={BackendName.SCRIPTED: backend})
            )
            client = await outer.enter_async_context(
                open_engine(paths, settings, backends={BackendName.SCRIPTED: backend})
            )
            session = await engine.sessions.create()

            async def read() -> None:
                async for event in client.chat.send(session.id, "hi", key="k"):
                    seen.append(event)
                    if isinstance(event, TextDelta):
                        begun.set()

            reading = asyncio.create_task(read())
            await begun.wait()
        await reading
        assert isinstance(seen[-1], TurnCancelled)
        assert seen[-1].reply.state is MessageState.INTERRUPTED
        stored = await client.sessions.transcript(session.id)
        assert stored.messages[-1].text == "Half"


async def test_a_task_is_handed_in_once_steered_and_followed_to_its_end(any_client: EngineApi) -> None:
    tasks = any_client.tasks
    task = await tasks.submit("Write a poem", key="task000000000001", priority=Priority.LOW)
    assert (task.id, task.title, task.priority) == ("task000000000001", "Write a poem", Priority.LOW)
    again = await tasks.submit("Write another poem", key="task000000000001")
    assert (again.id, again.title, again.priority) == (task.id, task.title, task.priority)
    assert [one.id for one in await tasks.list()] == [task.id]
    assert (await tasks.find("task")).id == task.id
    async with aclosing(tasks.follow(task.id)) as events:
        first = await anext(events)
        assert isinstance(first, TaskSeen)
        assert first.detail.text == "Write a poem"
        if (await tasks.get(task.id)).task.state not in ENDED:
            with suppress(WrongState):  # it was done in this moment
                await tasks.cancel(task.id)
        last = first
        async for event in events:
            last = event if isinstance(event, TaskSeen) else last
    assert last.detail.task.state in ENDED
    with pytest.raises(WrongState):
        await tasks.pause(task.id)
    assert (await tasks.retry(task.id)).state in OPEN


async def test_a_task_may_begin_after_another_one_and_after_a_yes(any_client: EngineApi) -> None:
    tasks = any_client.tasks
    plan = '{"approval": true, "steps": [{"key": "outline", "prompt": "Outline it."}]}'
    asks = await tasks.submit("Write a book", key="task000000000001", plan=plan)
    assert (asks.state, asks.reason) == (TaskState.WAITING, Reason.APPROVAL)
    later = await tasks.submit("Print it", key="task000000000002", after=(asks.id,))
    assert (later.state, later.after) == (TaskState.QUEUED, (asks.id,))
    with pytest.raises(WrongState):
        await tasks.approve(later.id, yes=True)
    assert (await tasks.approve(asks.id, yes=False)).state is TaskState.CANCELLED


async def test_a_plan_is_approved_by_the_step_changed_and_refused(any_client: EngineApi) -> None:
    tasks = any_client.tasks
    two = '{"approval": true, "steps": [{"key": "a", "prompt": "A."}, {"key": "b", "prompt": "B.", "after": ["a"]}]}'
    asks = await tasks.submit("Write a book", key="task000000000001", plan=two)
    assert (asks.state, asks.reason) == (TaskState.WAITING, Reason.APPROVAL)
    assert (await tasks.set_plan(asks.id, plan=two.replace("B.", "Another B."))).state is TaskState.WAITING
    assert (await tasks.approve(asks.id, yes=False, step="b")).state is TaskState.WAITING
    assert (await tasks.approve(asks.id, yes=True, step="a")).state in OPEN | ENDED
    other = await tasks.submit("Write a letter", key="task000000000002", plan=two)
    drafted = await tasks.draft(other.id, plan=two.replace("B.", "Another B."))
    assert [spec.prompt for spec in drafted.detail.plan.steps] == ["A.", "Another B."]
    assert [step.spec for step in drafted.detail.steps] == list(drafted.detail.plan.steps)
    with pytest.raises(BadPlan):
        await tasks.draft(other.id, plan=two.replace('"a"]', '"c"]'))
    assert [spec.prompt for spec in (await tasks.get(other.id)).plan.steps] != ["A.", "Another B."]
    assert (await tasks.skip(other.id, step="b")).state is TaskState.WAITING
    assert (await tasks.refuse(other.id, reason="shorter")).state in OPEN | ENDED
    for call in (
        tasks.draft("nothing", plan=two),
        tasks.skip("nothing", step="a"),
        tasks.approve("nothing", yes=True, step="a"),
        tasks.refuse("nothing", reason="x"),
        tasks.set_plan("nothing", plan=two),
    ):
        with pytest.raises(NoSuchTask):
            await call


async def test_unknown_tasks_and_empty_ones_are_refused(any_client: EngineApi) -> None:
    tasks = any_client.tasks
    with pytest.raises(EmptyMessage):
        await tasks.submit(" \n ", key="task000000000001")
    for call in (tasks.get("nothing"), tasks.find("nothing"), tasks.cancel("nothing"), tasks.retry("nothing")):
        with pytest.raises(NoSuchTask):
            await call
    with pytest.raises(NoSuchTask):
        async for _ in tasks.follow("nothing"):
            pass
    assert await tasks.list() == ()


async def test_the_engine_tells_who_and_how_it_is(any_client: EngineApi) -> None:
    await any_client.tasks.submit("Write a poem", key="task000000000001")
    status = await any_client.control.status()
    assert sum((status.tasks.open, status.tasks.done, status.tasks.failed, status.tasks.cancelled)) == 1
    assert status.roles[0].ref == SCRIPTED
    async with aclosing(any_client.control.watch(window=True)) as facts:
        first, second = await anext(facts), await anext(facts)
    assert isinstance(first, RoleChanged)
    assert isinstance(second, RoleChanged)
    assert (first.status.role, second.status.role) == (Role.UX, Role.TASK)
    with pytest.raises(WrongState):
        await any_client.control.stop()


async def test_a_reply_is_counted_and_its_groups_sum_to_the_total(any_client: EngineApi) -> None:
    session = await any_client.sessions.create()
    reply = reply_of(await ask(any_client, session.id, "Which fish?"))
    assert reply.usage is not None
    [call] = await any_client.metrics.calls(message_id=reply.id)
    assert (call.labels.kind, call.labels.session_id, call.ref) == (CallKind.CHAT, session.id, SCRIPTED)
    assert (call.prompt_tokens, call.completion_tokens) == (reply.usage.prompt_tokens, reply.usage.completion_tokens)
    by = (CallDimension.KIND, CallDimension.DAY)
    report = await any_client.metrics.tokens(CallFilter(session_id=session.id), by=by)
    assert (report.total.calls, report.total.total_tokens, report.by) == (1, call.total_tokens, by)
    [group] = report.groups
    assert (group.key[0], group.sums) == ("chat", report.total)
    at = int(call.timestamp)
    timeline = await any_client.metrics.timeline(CallFilter(session_id=session.id), (at - 60, at, at + 60))
    assert timeline.models == ((str(call.ref), (0, call.total_tokens)),)
    chats = CallFilter(where=((CallDimension.KIND, "chat"), (CallDimension.SESSION, session.id)))
    assert await any_client.metrics.calls(chats) == (call,)
    overview = await any_client.metrics.overview()
    assert overview.session == call.total_tokens
    assert overview.today >= (call.total_tokens or 0)
    assert overview.today_calls >= 1
    assert report.first == call.timestamp
    assert (await any_client.metrics.tokens()).total.total_tokens == call.total_tokens
    assert (await any_client.metrics.tokens(CallFilter(until=1.0))).total.calls == 0
    activity = await any_client.metrics.activity()
    assert activity.running == ()
    assert activity.recorded >= 1
    assert await any_client.metrics.savings() is None  # both roles have one model
    change = await any_client.metrics.change(at - 60, 7)
    assert (change.days, change.now.total_tokens, change.before.calls) == (7, call.total_tokens, 0)


async def test_tokens_of_a_model_that_nobody_called_are_refused(any_client: EngineApi) -> None:
    with pytest.raises(UnknownModel):
        await any_client.metrics.tokens(CallFilter(model="nobody"))


async def test_a_wished_checkpoint_is_listed_shown_and_gone_back_to(any_client: EngineApi) -> None:
    session = await any_client.sessions.create(title="Kept")
    with pytest.raises(BadInput):
        await any_client.checkpoints.keep("of nothing")
    made = await any_client.checkpoints.keep("mine", session_id=session.id)
    assert (made.message, made.session_id) == ("yours: mine", session.id)
    found = await any_client.checkpoints.list(session_id=session.id)
    assert found.checkpoints == (made,)
    assert (await any_client.checkpoints.show(made.id[:39])).checkpoint == made
    back = await any_client.checkpoints.restore(made.id, dry_run=True)
    assert (back.checkpoint, back.before) == (made, "")
    for wrong in ("f" * 40, "x"):
        with pytest.raises(NoSuchCheckpoint):
            await any_client.checkpoints.show(wrong)


async def test_with_nothing_done_there_is_nothing_to_undo(any_client: EngineApi) -> None:
    with pytest.raises(CannotUndo):
        await any_client.checkpoints.undo()


async def test_things_are_remembered_changed_found_and_forgotten(any_client: EngineApi) -> None:
    recall, session = any_client.recall, await any_client.sessions.create()
    item = await recall.add("We use PostgreSQL 15", kind=RecallKind.DECISION, session_id=session.id)
    assert (item.text, item.kind, item.source.session_id) == ("We use PostgreSQL 15", RecallKind.DECISION, session.id)
    assert await recall.list() == await recall.list(kind=RecallKind.DECISION) == (item,)
    assert await recall.list(kind=RecallKind.RESULT) == ()
    assert await recall.list(pinned=True) == await recall.list(offset=1) == ()
    assert await recall.find(item.id[:4]) == item
    assert (await recall.context(item.id)).said == ""
    (hit,) = await recall.search("postgresql")
    assert (hit.item, hit.by_words, hit.by_meaning, hit.near) == (item, 1, None, True)
    assert (await recall.edit(item.id, "We use SQLite")).text == "We use SQLite"
    assert (await recall.pin(item.id)).pinned
    assert not (await recall.pin(item.id, pinned=False)).pinned
    assert not await recall.allow(session.id, on=False)
    assert not await recall.allowed(session.id)
    assert await recall.allow(session.id, on=True)
    state = await recall.state()
    assert (state.enabled, state.items, state.model) == (True, 1, "")
    assert (state.pinned, state.kinds) == (0, {RecallKind.DECISION: 1})
    assert (await recall.forget(item.id)).id == item.id
    assert await recall.list() == ()


async def test_what_cannot_be_remembered_is_refused_alike(any_client: EngineApi) -> None:
    with pytest.raises(HasSecret):
        await any_client.recall.add("The key is sk-proj-a1B2c3D4e5F6g7H8i9J0")
    with pytest.raises(NoSuchItem):
        await any_client.recall.find("nothing")
    with pytest.raises(NoSuchItem):
        await any_client.recall.forget("nothing")


async def test_a_reply_tells_elsewhere_what_it_was_offered(client: EngineApi) -> None:
    item = await client.recall.add("The fish in the pond is red")
    session = await client.sessions.create()
    reply = reply_of(await ask(client, session.id, "Which fish is red?"))
    assert reply.remembered == 1
    assert [offered.id for offered in await client.recall.offered(reply.id)] == [item.id]


async def test_what_a_model_is_shown_of_a_conversation_can_be_asked(any_client: EngineApi) -> None:
    session = await any_client.sessions.create()
    await ask(any_client, session.id, "Hello")
    report = await any_client.chat.context(session.id)
    assert (report.session_id, report.turns, report.turns_shown, report.digest) == (session.id, 1, 1, None)
    assert report.ref is not None
    assert report.summaries
    assert 0 < report.used < report.window
    assert {part.name for part in report.parts} >= {PartName.SYSTEM, PartName.TURNS, PartName.ANSWER}
    assert sum(part.tokens for part in report.parts) <= report.window
    with pytest.raises(NoSuchSession):
        await any_client.chat.context("nowhere")
