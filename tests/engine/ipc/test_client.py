import asyncio
import errno
import json
import stat
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tale_tui.domain.constants import SOCKET_PATH_BYTES_MAX
from tale_tui.domain.conversation import View
from tale_tui.domain.errors import EmptyMessage, EngineLost, EngineMismatch, StoreError, TaleError
from tale_tui.domain.events import EngineMoved, Notice, TextDelta, ThinkingDelta
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine.ipc import client as client_module
from tale_tui.engine.ipc import remote as remote_module
from tale_tui.engine.ipc.client import EngineClient
from tale_tui.engine.ipc.endpoint import lock_path, socket_path


@asynccontextmanager
async def opened(data: Path, small: Any) -> AsyncIterator[EngineClient]:
    async def start(read_only: bool) -> Any:
        small.read_only = read_only
        return small

    client = EngineClient(data, start)
    await client.open()
    try:
        yield client
    finally:
        await client.close()


async def test_the_first_is_the_engine_and_the_second_its_client(data: Path, small_engine: type) -> None:
    first_engine, second_engine = small_engine(), small_engine()
    async with opened(data, first_engine) as first, opened(data, second_engine) as second:
        assert first.here
        assert not second.here
        assert await second.sessions.list(limit=2) == await first.sessions.list(limit=2)
        await second.sessions.save_view("s1", View("m1", 3, "draft"))
        assert first_engine.views == [("s1", View("m1", 3, "draft"))]


async def test_the_socket_is_private(data: Path, small_engine: type) -> None:
    async with opened(data, small_engine()):
        assert stat.S_IMODE(socket_path(data).stat().st_mode) == 0o600
        assert stat.S_IMODE(socket_path(data).parent.stat().st_mode) == 0o700
    assert not socket_path(data).exists()


async def test_a_stream_crosses_in_order_with_its_classes(data: Path, small_engine: type) -> None:
    async with opened(data, small_engine()), opened(data, small_engine()) as client:
        ref = ModelRef(BackendName.OLLAMA, "a/b:c")
        events = [event async for event in client.chat.send("s", "hi", key="k", ref=ref)]
        assert events == [ThinkingDelta("hm", 1), TextDelta("hi ollama/a/b:c k", 2)]


async def test_an_error_crosses_with_its_class(data: Path, small_engine: type) -> None:
    async with opened(data, small_engine()), opened(data, small_engine()) as client:
        with pytest.raises(EmptyMessage, match="nothing in the message"):
            [event async for event in client.chat.send("s", "", key="k")]


async def test_closing_a_stream_closes_it_in_the_engine(data: Path, small_engine: type) -> None:
    engine = small_engine()
    async with opened(data, engine), opened(data, small_engine()) as client:
        async with aclosing(client.chat.send("s", "for ever", key="k")) as events:
            await anext(events)
            assert engine.streams == 1
        await engine.closed_stream.wait()
        assert engine.streams == 0
        assert len(await client.sessions.list()) == 3


async def test_a_client_that_goes_away_closes_its_streams(data: Path, small_engine: type) -> None:
    engine = small_engine()
    async with opened(data, engine):
        async with opened(data, small_engine()) as client:
            events = client.chat.send("s", "for ever", key="k")
            await anext(events)
        await engine.closed_stream.wait()
        assert engine.streams == 0
        await events.aclose()


async def test_a_cancelled_call_leaves_the_link_usable(data: Path, small_engine: type) -> None:
    async with opened(data, small_engine()), opened(data, small_engine()) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.sessions.rename("s", "x")
        assert len(await client.sessions.list()) == 3


async def test_when_the_engine_leaves_a_watching_client_takes_over(data: Path, small_engine: type) -> None:
    heir = small_engine()
    async with opened(data, heir_holder := small_engine()) as first:
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
        await moved.wait()
        assert heir_holder.stopped.is_set()
        assert second.here
        assert len(await second.sessions.list()) == 3
        await second_context.__aexit__(None, None, None)
        await watching
    assert facts[0] == Notice("hello", "from the engine")
    assert facts.count(EngineMoved(here=True)) == 1


async def test_a_call_in_flight_is_asked_again_of_the_new_engine(data: Path, small_engine: type) -> None:
    heir = small_engine()
    heir.slow.set()
    async with opened(data, small_engine()) as first, opened(data, heir) as second:
        asking = asyncio.create_task(second.sessions.rename("s", "mine"))
        await second.sessions.list()
        await first.close()
        assert (await asking).title == "mine"
        assert second.here


async def test_a_call_that_an_ending_engine_cannot_do_is_asked_of_the_new_one(data: Path, small_engine: type) -> None:
    heir = small_engine()
    heir.slow.set()
    engine = small_engine()

    async def rename(session_id: str, title: str) -> None:
        await engine.stopped.wait()
        raise StoreError("The database is closed.")

    engine.sessions.rename = rename
    async with opened(data, engine) as first, opened(data, heir) as second:
        asking = asyncio.create_task(second.sessions.rename("s", "mine"))
        await second.sessions.list()
        await first.close()
        assert (await asking).title == "mine"


async def test_a_call_that_must_not_happen_twice_says_so(data: Path, small_engine: type) -> None:
    heir = small_engine()
    async with opened(data, small_engine()) as first, opened(data, heir) as second:
        asking = asyncio.create_task(second.sessions.create(title="once"))
        await second.sessions.list()
        await first.close()
        with pytest.raises(EngineLost):
            await asking
        assert heir.made == []
        assert second.here


async def test_a_stream_in_flight_ends_with_engine_lost(data: Path, small_engine: type) -> None:
    async with opened(data, small_engine()) as first, opened(data, small_engine()) as second:
        events = second.chat.send("s", "for ever", key="k")
        await anext(events)
        await anext(events)
        await first.close()
        with pytest.raises(EngineLost):
            await anext(events)
        assert second.here


async def test_only_one_of_many_takes_over(data: Path, small_engine: type) -> None:
    async with opened(data, small_engine()) as first:
        contexts = [opened(data, small_engine()) for _ in range(4)]
        clients = [await context.__aenter__() for context in contexts]
        await first.close()
        await asyncio.gather(*(client.sessions.list() for client in clients))
        assert [client.here for client in clients].count(True) == 1
        for context in contexts:
            await context.__aexit__(None, None, None)


async def test_another_version_is_refused_with_both_versions(
    data: Path, small_engine: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(data, small_engine()):
        monkeypatch.setattr(remote_module, "__version__", "0.0.1")
        with pytest.raises(EngineMismatch, match=r"this is 0\.0\.1"):
            async with opened(data, small_engine()):
                raise AssertionError("must not open")


async def test_an_engine_that_does_not_greet_is_told(
    data: Path, small_engine: type, monkeypatch: pytest.MonkeyPatch
) -> None:
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
            async with opened(data, small_engine()):
                raise AssertionError("must not open")
        gone.set()
        server.close()
        await server.wait_closed()


async def test_without_sockets_a_second_process_only_reads_and_says_so(
    data: Path, small_engine: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "sockets_exist", lambda: False)
    reader = small_engine()
    async with opened(data, small_engine()), opened(data, reader) as second:
        assert reader.read_only
        async with aclosing(second.control.watch()) as facts:
            assert (await anext(facts)).title == "Only reading"


async def test_in_a_folder_that_cannot_be_written_it_only_reads_and_says_so(
    data: Path, small_engine: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(client_module.FileLock, "acquire", refused)
    reader = small_engine()
    async with opened(data, reader) as client:
        assert reader.read_only
        async with aclosing(client.control.watch()) as facts:
            notice = await anext(facts)
    assert notice.title == "Only reading"
    assert f"{data} cannot be written or locked (Permission denied)" in notice.sentence


async def test_an_engine_that_cannot_start_leaves_the_lock(data: Path, small_engine: type) -> None:
    async def start(read_only: bool) -> Any:
        raise EngineLost("no")

    with pytest.raises(EngineLost, match="no"):
        await EngineClient(data, start).open()
    async with opened(data, small_engine()) as client:
        assert client.here


@pytest.mark.parametrize(
    "line",
    [
        b"garbage\n",
        b'{"id": 1, "verb": "stop", "args": {}}\n',
        b'{"id": 1, "verb": "sessions.list", "args": {"x": 1}}\n',
    ],
)
async def test_nonsense_on_the_socket_harms_nobody(data: Path, small_engine: type, line: bytes) -> None:
    async with opened(data, small_engine()) as first:
        reader, writer = await asyncio.open_unix_connection(socket_path(data))
        await reader.readline()
        writer.write(line)
        answer = await reader.readline()
        assert answer == b"" or json.loads(answer)["error"][0] == "engine_lost"
        writer.close()
        await writer.wait_closed()
        assert len(await first.sessions.list()) == 3


def test_a_long_path_gets_a_short_socket_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 200)
    short = socket_path(deep)
    assert len(bytes(short)) <= SOCKET_PATH_BYTES_MAX
    assert short != socket_path(tmp_path / ("y" * 200))
    assert socket_path(Path("/d")) == Path("/d/engine.sock")


async def test_what_is_no_verb_is_no_attribute(data: Path, small_engine: type) -> None:
    async with opened(data, small_engine()) as first, opened(data, small_engine()) as second:
        for client in (first, second):
            with pytest.raises(AttributeError):
                client.sessions.stop  # noqa: B018


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), ValueError("a bug"), OSError("a bug")])
async def test_a_call_that_breaks_off_is_answered(
    error: Exception, data: Path, small_engine: type, caplog: pytest.LogCaptureFixture
) -> None:
    small = small_engine()

    async def broken(**kwargs: Any) -> Any:
        raise error

    small.list = broken
    async with opened(data, small), opened(data, small_engine()) as client:
        assert not client.here
        async with asyncio.timeout(5):
            with pytest.raises(TaleError, match=r"sessions\.list broke off because of an error in the application"):
                await client.sessions.list()
            await client.sessions.save_view("s", View())
    assert f"{type(error).__name__}: a bug" in caplog.text
