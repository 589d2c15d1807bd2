"""What has to hold of each parser of foreign input, whatever it is given.

A check takes bytes. It raises where something does not hold; what a parser may raise is caught here. Where an input
comes in pieces, its first byte says in which.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from tale_tui.config.file import edited
from tale_tui.config.first_frame import read_first_frame_settings
from tale_tui.config.load import load
from tale_tui.config.paths import below
from tale_tui.config.problems import SettingsError
from tale_tui.config.settings import LimitSettings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import BadImport, BadPlan, BrokenStream, NotAvailable, TaleError
from tale_tui.domain.text import Cleaner, clean
from tale_tui.engine.ipc.codec import GROUPS, api_method
from tale_tui.engine.ipc.remote import RemoteEngine
from tale_tui.engine.ipc.server import ServerConnection
from tale_tui.engine.models.backend import TextPiece
from tale_tui.engine.models.files.gguf import NotReadable, check_whole, read_header
from tale_tui.engine.models.http.client import ResponseLines
from tale_tui.engine.models.lenient_json import read_object
from tale_tui.engine.models.ollama.chat_api import OllamaAnswer
from tale_tui.engine.models.openai.chat_api import EventReader, OpenAIAnswer
from tale_tui.engine.models.reply_parser import ReplyParser
from tale_tui.engine.models.server_errors import ServerDescription
from tale_tui.engine.result_files import check_name, result_files
from tale_tui.engine.store.store import Store
from tale_tui.engine.tasks.plan import order, parse_plan
from tale_tui.ui.markdown import document as parsing
from tale_tui.ui.markdown.document import MarkdownDocument, VerbatimDocument
from tale_tui.ui.markdown.layout import Body, Options
from tale_tui.ui.theming import ThemeError, load_theme

T = TypeVar("T")

LONGEST_PIECE = 12
STORE_SERVES = 500
"""Imports into one database; it grows by each."""
ROUNDS = 12
"""Of the loop: so many are enough for a call that is refused."""
SERVER = ServerDescription("Server", "http://127.0.0.1:1", "start it", "give a key", "fetch {model}")


def split(data: bytes) -> tuple[int, bytes]:
    """The first byte, which says how the rest is cut, and the rest."""
    return (data[0], data[1:]) if data else (0, b"")


def cut(how: int, whole: T, length: int) -> Iterator[T]:
    """A text or bytes in pieces: characters, or pieces that depend on nothing but `how`."""
    pick = random.Random(how)
    start = 0
    while start < length:
        end = start + (pick.randint(1, LONGEST_PIECE) if how else 1)
        yield whole[start:end]  # type: ignore[index]  # text or bytes
        start = end


def as_text(data: bytes) -> str:
    """Any text, lone surrogates and control characters included."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")


@cache
def loop() -> asyncio.AbstractEventLoop:
    """The loop of those that wait; what goes wrong in a task that nobody waits for counts too."""
    made = asyncio.new_event_loop()
    made.set_exception_handler(lambda _, context: lost.append(context))
    return made


lost: list[dict[str, Any]] = []


def finish(work: Awaitable[T]) -> T:
    """Do something that waits."""
    result = loop().run_until_complete(asyncio.wait_for(work, timeout=20))
    if lost:
        context = lost.pop()
        raise AssertionError(context["message"]) from context.get("exception")
    return result


@cache
def folder() -> Path:
    """A folder for files that are read."""
    return Path(tempfile.mkdtemp(prefix="tale-fuzz-"))


# text


def markdown(data: bytes) -> None:
    """Pieces give the blocks and the lines of the whole."""
    how, rest = split(data)
    grows_like_the_whole(MarkdownDocument, how, clean(as_text(rest)))


def verbatim(data: bytes) -> None:
    """The same for what the user wrote."""
    how, rest = split(data)
    grows_like_the_whole(VerbatimDocument, how, clean(as_text(rest)))


def grows_like_the_whole(kind: type[MarkdownDocument] | type[VerbatimDocument], how: int, text: str) -> None:
    width = 8 + how % 40
    with patched_stub():
        grown, whole = Body(kind(), Options(width)), Body(kind(), Options(width))
        for number, piece in enumerate(cut(how, text, len(text))):
            grown.document.feed(piece)
            if number % 8 == 0:
                grown.update(finished=False)
        grown.update(finished=True)
        whole.document.feed(text)
        whole.update(finished=True)
    blocks = whole.document.finished + whole.document.open
    assert grown.document.finished + grown.document.open == blocks, (text, blocks)
    assert dict(grown.document.references) == dict(whole.document.references), text
    assert grown.sheet.rows == whole.sheet.rows, text
    assert grown.sheet.codes == whole.sheet.codes, text
    assert [line.pieces for line in grown.sheet.lines] == [line.pieces for line in whole.sheet.lines], text


@contextlib.contextmanager
def patched_stub() -> Iterator[None]:
    """Long paragraphs are kept by a stub; here each of some lines is."""
    before = parsing.STUB_LINES
    parsing.STUB_LINES = 2
    try:
        yield
    finally:
        parsing.STUB_LINES = before


def code(data: bytes) -> None:
    """The code of a result has names that lead nowhere else."""
    for file in result_files(as_text(data)):
        if file.name:
            check_name(file.name)
        assert clean(file.text) == file.text


def cleaning(data: bytes) -> None:
    """Cleaning in pieces is cleaning the whole; cleaning twice is cleaning once; nothing is left to obey."""
    how, rest = split(data)
    text = as_text(rest)
    whole = clean(text)
    cleaner = Cleaner()
    pieces = "".join(cleaner.feed(piece) for piece in cut(how, text, len(text))) + cleaner.flush()
    assert pieces == whole, (text, pieces, whole)
    assert clean(whole) == whole, text
    assert not any((char < " " and char not in "\t\n") or "\x7f" <= char <= "\x9f" for char in whole), text
    whole.encode()


# what servers send


def events(data: bytes) -> None:
    """An event stream gives the same answer in whatever pieces it comes."""
    how, rest = split(data)
    assert finish(read_events([rest])) == finish(read_events(list(cut(how, rest, len(rest)))))


def json_lines(data: bytes) -> None:
    """So do lines of JSON."""
    how, rest = split(data)
    assert finish(read_json_lines([rest])) == finish(read_json_lines(list(cut(how, rest, len(rest)))))


async def read_events(chunks: Sequence[bytes]) -> list[object]:
    lines, reader, answer = response(chunks), EventReader(), OpenAIAnswer(ReplyParser())
    found: list[object] = []
    with contextlib.suppress(BrokenStream):
        while not reader.done and (line := await lines.next()) is not None:
            try:
                chunk = reader.feed(line)
            except ValueError:
                break
            if chunk is not None:
                found += answer.read(chunk)
    return checked([*found, *answer.end()])


async def read_json_lines(chunks: Sequence[bytes]) -> list[object]:
    lines, answer = response(chunks), OllamaAnswer(ReplyParser(), 100)
    found: list[object] = []
    with contextlib.suppress(BrokenStream):
        while (line := await lines.next()) is not None and (chunk := read_object(line)) is not None:
            found += answer.read(chunk)
            if chunk.get("done") is True:
                found += answer.end(chunk)
    return checked(found)


def response(chunks: Sequence[bytes]) -> ResponseLines:
    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            if chunk:
                yield chunk

    return ResponseLines(arriving(), SERVER, LimitSettings())


def checked(found: list[object]) -> list[object]:
    for event in found:
        if isinstance(event, TextPiece):
            event.text.encode()
            assert clean(event.text) == event.text
    return found


# files


def gguf(data: bytes) -> None:
    """A header is read or refused."""
    path = folder() / "model.gguf"
    path.write_bytes(data)
    for read in (read_header, check_whole):
        with contextlib.suppress(NotReadable):
            header = read(path)
            if header is not None:
                header.cache_bytes(4096)


def theme(data: bytes) -> None:
    """A theme is one, or the sentence says why not."""
    (folder() / "mine.toml").write_bytes(data)
    with contextlib.suppress(ThemeError):
        load_theme("mine", (folder(),)).to_color_system().generate()


def settings(data: bytes) -> None:
    """Settings are read or refused; what is written into them changes one of them."""
    paths = below(folder())
    paths.settings_file.parent.mkdir(parents=True, exist_ok=True)
    paths.settings_file.write_bytes(data)
    read_first_frame_settings(paths, {})
    try:
        before = load(paths, environ={}).settings
    except SettingsError:
        return
    text = edited(data.decode("utf-8-sig"), paths.settings_file, "look.theme", "nord")
    paths.settings_file.write_text(text, encoding="utf-8")
    after = load(paths, environ={}).settings
    assert after.look.theme == "nord"
    assert after.model_copy(update={"look": before.look}) == before


def imports(data: bytes) -> None:
    """An export is imported whole or refused, and what it becomes can be exported and imported again."""
    finish(imported(as_text(data)))


_imports = itertools.count()
_store: list[Store] = []


async def imported(text: str) -> None:
    if next(_imports) % STORE_SERVES == 0:
        for used in _store:
            await used.close()
        path = folder() / f"{random.random()}" / "tale.db"
        _store[:] = [await Store.open(path, Clock())]
    (store,) = _store
    try:
        sessions = await store.import_json(text)
    except BadImport:
        return
    for session in sessions:
        again = await store.export_json(session.id)
        await store.import_json(again)
        await store.export_markdown(session.id)


def plan(data: bytes) -> None:
    """A plan can be run, or the sentence says why not."""
    try:
        found = parse_plan(as_text(data))
    except BadPlan as error:
        error.sentence.encode()
        return
    assert len(order(found.steps)) == len(found.steps)


# the socket


def served_frames(data: bytes) -> None:
    """Whatever a client says, nothing of the engine falls."""
    finish(serve(data))


def received_frames(data: bytes) -> None:
    """Whatever an engine says, a client gets an error that it knows."""
    finish(receive(data))


class _Writer:
    """Takes what is written."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.lines.append(data)

    def close(self) -> None:
        pass

    async def drain(self) -> None:
        pass

    async def wait_closed(self) -> None:
        pass


class _Refusing:
    """An engine whose verbs all say no."""

    def __init__(self) -> None:
        for group in GROUPS:
            setattr(self, group, _RefusingGroup(group))


class _RefusingGroup:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Callable[..., Any]:
        streams = api_method(f"{self._name}.{name}").streams

        async def refuse(**_: object) -> None:
            raise NotAvailable("No.")

        async def refuse_stream(**_: object) -> AsyncIterator[object]:
            raise NotAvailable("No.")
            yield

        return refuse_stream if streams else refuse


async def arrive(reader: asyncio.StreamReader, data: bytes) -> None:
    """Let bytes arrive, what they begin come to its end, and the other side leave."""
    reader.feed_data(data)
    for _ in range(ROUNDS):
        await asyncio.sleep(0)
    reader.feed_eof()


async def serve(data: bytes) -> None:
    writer: Any = _Writer()
    reader = asyncio.StreamReader(limit=1 << 20)
    connection = ServerConnection(_Refusing(), reader, writer, lambda: False)  # type: ignore[arg-type]
    await asyncio.gather(connection.run(), arrive(reader, data))
    for line in writer.lines:
        assert line.endswith(b"\n")
        json.loads(line)


async def receive(data: bytes) -> None:
    writer: Any = _Writer()
    reader = asyncio.StreamReader(limit=1 << 20)
    remote: Any = RemoteEngine(reader, writer)

    async def listed() -> None:
        with contextlib.suppress(TaleError):
            await remote.sessions.list()

    async def answered() -> None:
        with contextlib.suppress(TaleError):
            async for _ in remote.chat.send("session", "text", key="key"):
                pass

    calls = [asyncio.create_task(listed()), asyncio.create_task(answered())]
    await asyncio.sleep(0)
    await asyncio.gather(*calls, arrive(reader, data))
    await remote.close()
