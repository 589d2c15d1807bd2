import asyncio
import errno
import json
import stat
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from support.scripted_engine import ScriptedEngine
from support.waiting import until
from tale_tui.domain.constants import SOCKET_PATH_BYTES_MAX
from tale_tui.domain.conversation import Session, View
from tale_tui.domain.errors import DiskFull, EmptyMessage, EngineLost, EngineMismatch, StoreError, TaleError
from tale_tui.domain.events import EngineMoved, Notice, TextDelta, ThinkingDelta
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine.ipc import client as client_module
from tale_tui.engine.ipc import remote as remote_module
from tale_tui.engine.ipc.client import EngineClient
from tale_tui.engine.ipc.codec import NOT_UNDERSTOOD, api_method
from tale_tui.engine.ipc.endpoint import lock_path, socket_path
from tale_tui.engine.models.scripted import Hold


def small(*held: str) -> ScriptedEngine:
    """An engine with three sessions, of which some verbs do not come to an end."""
    engine = ScriptedEngine()
    engine.known = [Session(f"s{number}", "[/] \u4e16", 1.5, 2.5) for number in range(3)]
    engine.holds = {verb: asyncio.Event() for verb in held}
    return engine


def endless() -> ScriptedEngine:
    """A small engine whose answer begins and does not end."""
    engine = small()
    engine.events = (ThinkingDelta("hm", 1), TextDelta("hi", 2), Hold(asyncio.Event()))
    return engine


@asynccontextmanager
async def opened(data: Path, engine: ScriptedEngine, started: list[bool] | None = None) -> AsyncIterator[EngineClient]:
    """The engine of the folder, or a client of it.

    Args:
        engine: becomes it where there is none.
        started: takes whether it shall only read, each time it is started.
    """

    async def start(read_only: bool) -> Any:
        if started is not None:
            started.append(read_only)
        return engine

    client = EngineClient(data, start)
    await client.open()
    try:
        yield client
    finally:
        await client.close()


async def test_the_engine_here_is_asked_without_what_the_link_needs(data: Path) -> None:
    async with opened(data, small()) as client:
        api_method.cache_clear()
        assert len(await client.sessions.list()) == 3
        async with aclosing(client.control.watch()):
            pass
        assert api_method.cache_info().currsize == 0


async def test_the_first_is_the_engine_and_the_second_its_client(data: Path) -> None:
    first_engine, second_engine = small(), small()
    async with opened(data, first_engine) as first, opened(data, second_engine) as second:
        assert first.here
        assert not second.here
        assert await second.sessions.list(limit=2) == await first.sessions.list(limit=2)
        await second.sessions.save_view("s1", View("m1", 3, "draft"))
        assert first_engine.views == {"s1": View("m1", 3, "draft")}
        assert second_engine.views == {}


async def test_the_socket_is_private(data: Path) -> None:
    async with opened(data, small()):
        assert stat.S_IMODE(socket_path(data).stat().st_mode) == 0o600
        assert stat.S_IMODE(socket_path(data).parent.stat().st_mode) == 0o700
    assert not socket_path(data).exists()


async def test_a_stream_crosses_in_order_with_its_classes(data: Path) -> None:
    engine = small()
    engine.events = (ThinkingDelta("hm", 1), TextDelta("hi", 2))
    async with opened(data, engine), opened(data, small()) as client:
        ref = ModelRef(BackendName.OLLAMA, "a/b:c")
        events = [event async for event in client.chat.send("s0", "hi", key="k", ref=ref)]
        assert events == [ThinkingDelta("hm", 1), TextDelta("hi", 2)]
        assert engine.calls == [("send", "s0", "hi", ref)]


async def test_an_error_crosses_with_its_class(data: Path) -> None:
    async with opened(data, small()), opened(data, small()) as client:
        with pytest.raises(EmptyMessage, match="nothing in the message"):
            [event async for event in client.chat.send("s0", "", key="k")]


async def test_closing_a_stream_closes_it_in_the_engine(data: Path) -> None:
    engine = endless()
    async with opened(data, engine), opened(data, small()) as client:
        async with aclosing(client.chat.send("s0", "for ever", key="k")) as events:
            await anext(events)
            assert engine.closed_turns == 0
        await until(lambda: engine.closed_turns == 1, "it is closed")
        assert len(await client.sessions.list()) == 3


async def test_a_client_that_goes_away_closes_its_streams(data: Path) -> None:
    engine = endless()
    async with opened(data, engine):
        async with opened(data, small()) as client:
            events = client.chat.send("s0", "for ever", key="k")
            await anext(events)
        await until(lambda: engine.closed_turns == 1, "it is closed")
        await events.aclose()


async def test_a_cancelled_call_leaves_the_link_usable(data: Path) -> None:
    engine = small("sessions.rename")
    async with opened(data, engine), opened(data, small()) as client:
        asking = asyncio.create_task(client.sessions.rename("s0", "x"))
        await until(lambda: engine.calls, "it is asked")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert len(await client.sessions.list()) == 3


async def test_when_the_engine_leaves_a_watching_client_takes_over(data: Path) -> None:
    first_engine, heir = small(), small()
    first_engine.notices = (Notice("hello", "from the engine"),)
    async with opened(data, first_engine) as first:
        second_context = opened(data, heir)
        second = await second_context.__aenter__()
        facts: list[object] = []
        moved = asyncio.Event()

        async def watch() -> None:
            async for fact in second.control.watch():
                facts.append(fact)
                if fact == EngineMoved(here=True):
                    moved.set()

        watching = asyncio.create_task(watch())
        await second.sessions.list()
        await first.close()
        await until(moved.is_set, "it takes over")
        assert first_engine.ended
        assert second.here
        assert len(await second.sessions.list()) == 3
        await second_context.__aexit__(None, None, None)
        await watching
    assert facts.count(Notice("hello", "from the engine")) == 1
    assert facts.count(EngineMoved(here=True)) == 1


async def test_a_call_in_flight_is_asked_again_of_the_new_engine(data: Path) -> None:
    engine, heir = small("sessions.rename"), small()
    async with opened(data, engine) as first, opened(data, heir) as second:
        asking = asyncio.create_task(second.sessions.rename("s0", "mine"))
        await until(lambda: engine.calls, "it is asked")
        await first.close()
        assert (await asking).title == "mine"
        assert second.here


async def test_a_call_that_an_ending_engine_cannot_do_is_asked_of_the_new_one(data: Path) -> None:
    engine, heir = small("sessions.rename"), small()
    engine.errors["sessions.rename"] = StoreError("The database is closed.")
    async with opened(data, engine) as first, opened(data, heir) as second:
        asking = asyncio.create_task(second.sessions.rename("s0", "mine"))
        await until(lambda: engine.calls, "it is asked")
        ending = asyncio.create_task(first.close())
        await until(lambda: engine.ended, "the engine ends")
        engine.holds["sessions.rename"].set()
        await ending
        assert (await asking).title == "mine"
        assert heir.calls == [("rename", "s0", "mine")]


async def test_a_call_that_must_not_happen_twice_says_so(data: Path) -> None:
    heir = small()
    async with opened(data, small("sessions.create")) as first, opened(data, heir) as second:
        asking = asyncio.create_task(second.sessions.create(title="once"))
        await second.sessions.list()
        await first.close()
        with pytest.raises(EngineLost):
            await asking
        assert len(heir.known) == 3
        assert second.here


async def test_a_stream_in_flight_ends_with_engine_lost(data: Path) -> None:
    async with opened(data, endless()) as first, opened(data, small()) as second:
        events = second.chat.send("s0", "for ever", key="k")
        await anext(events)
        await anext(events)
        await first.close()
        with pytest.raises(EngineLost):
            await anext(events)
        assert second.here


async def test_only_one_of_many_takes_over(data: Path) -> None:
    async with opened(data, small()) as first:
        contexts = [opened(data, small()) for _ in range(4)]
        clients = [await context.__aenter__() for context in contexts]
        await first.close()
        await asyncio.gather(*(client.sessions.list() for client in clients))
        assert [client.here for client in clients].count(True) == 1
        for context in contexts:
            await context.__aexit__(None, None, None)


async def test_another_version_is_refused_with_both_versions(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(data, small()):
        monkeypatch.setattr(remote_module, "__version__", "0.0.1")
        with pytest.raises(EngineMismatch, match=r"this is 0\.0\.1"):
            async with opened(data, small()):
                raise AssertionError("must not open")


async def test_an_engine_that_does_not_greet_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_module, "GREETING_TIMEOUT_S", 0.02)
    monkeypatch.setattr(client_module, "TAKEOVER_TIMEOUT_S", 0.1)
    gone = asyncio.Event()

    async def mute(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    from filelock import FileLock

    lock = FileLock(lock_path(data), thread_local=False)
    with lock:
        server = await asyncio.start_unix_server(mute, path=socket_path(data))
        with pytest.raises(EngineLost, match="does not answer"):
            async with opened(data, small()):
                raise AssertionError("must not open")
        gone.set()
        server.close()
        await server.wait_closed()


async def test_without_sockets_a_second_process_only_reads_and_says_so(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "sockets_exist", lambda: False)
    started: list[bool] = []
    async with opened(data, small()), opened(data, small(), started) as second:
        assert started == [True]
        async with aclosing(second.control.watch()) as facts:
            assert (await anext(facts)).title == "Only reading"


async def test_in_a_folder_that_cannot_be_written_it_only_reads_and_says_so(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(client_module.FileLock, "acquire", refused)
    started: list[bool] = []
    async with opened(data, small(), started) as client:
        assert started == [True]
        async with aclosing(client.control.watch()) as facts:
            notice = await anext(facts)
    assert notice.title == "Only reading"
    assert f"{data} cannot be written or locked (Permission denied)" in notice.sentence


async def test_an_engine_that_cannot_start_leaves_the_lock(data: Path) -> None:
    async def start(read_only: bool) -> Any:
        raise EngineLost("no")

    with pytest.raises(EngineLost, match="no"):
        await EngineClient(data, start).open()
    async with opened(data, small()) as client:
        assert client.here


@pytest.mark.parametrize(
    "line",
    [
        b"garbage\n",
        b'{"id": 1, "verb": "stop", "args": {}}\n',
        b'{"id": 1, "verb": "sessions.list", "args": {"x": 1}}\n',
        b'{"id": 1, "verb": "sessions.list", "args": {"limit": "\\u001b[31mmany"}}\n',
    ],
)
async def test_nonsense_on_the_socket_harms_nobody(data: Path, line: bytes) -> None:
    async with opened(data, small()) as first:
        reader, writer = await asyncio.open_unix_connection(socket_path(data))
        await reader.readline()
        writer.write(line)
        answer = await reader.readline()
        assert answer == b"" or json.loads(answer)["error"] == ["engine_lost", NOT_UNDERSTOOD]
        writer.close()
        await writer.wait_closed()
        assert len(await first.sessions.list()) == 3


def test_a_long_path_gets_a_short_socket_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 200)
    short = socket_path(deep)
    assert len(bytes(short)) <= SOCKET_PATH_BYTES_MAX
    assert short != socket_path(tmp_path / ("y" * 200))
    assert socket_path(Path("/d")) == Path("/d/engine.sock")


async def test_what_is_no_verb_is_no_attribute(data: Path) -> None:
    async with opened(data, small()) as first, opened(data, small()) as second:
        for client in (first, second):
            with pytest.raises(AttributeError):
                client.sessions.stop  # type: ignore[attr-defined]  # noqa: B018


async def test_on_a_full_disk_it_reads_and_says_so(data: Path) -> None:
    engine = small()

    async def start(read_only: bool) -> Any:
        if not read_only:
            raise DiskFull("There is no space left.")
        return engine

    client = EngineClient(data, start)
    await client.open()
    assert await client.sessions.list(limit=2) == await engine.sessions.list(limit=2)
    notice = await anext(client.control.watch())
    assert (notice.title, notice.severity) == ("Only reading", "warning")
    assert "no space left" in notice.sentence
    # Where there is room again, another process can be the engine.
    async with opened(data, small()) as other:
        assert other.here
    await client.close()


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), ValueError("a bug"), OSError("a bug")])
async def test_a_call_that_breaks_off_is_answered(
    error: Exception, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = small()
    engine.errors["sessions.list"] = error
    async with opened(data, engine), opened(data, small()) as client:
        assert not client.here
        async with asyncio.timeout(5):
            with pytest.raises(TaleError, match=r"sessions\.list broke off because of an error in the application"):
                await client.sessions.list()
            await client.sessions.save_view("s", View())
    assert f"{type(error).__name__}: a bug" in caplog.text
