"""Functions between Enter and the request: `python tests/benchmarks/hops.py [--list]`.

The whole window without a terminal, on a fake Ollama server on loopback, which the real backend asks. Two messages are
sent; the first one makes the conversation. Two things are counted by `sys.setprofile`, in all threads.

What runs: every function of the package that is entered from the press of Enter until the server has read the request
for a reply. Bodies of modules and classes are no functions here, nor are comprehensions, which later versions of
Python put into the function around them. A function that is resumed is one more call.

The way: the functions that one after the other lead from the prompt's key to the engine's `send`. It is read backwards,
from the stack as `send` is entered for the first time. Where a stack ends in Textual or asyncio, it goes on with the
stack of whoever posted the message that is being handled, or else began the task that runs. A function that made a
coroutine or a generator which is on the way is on the way itself, as a reader has to pass it. One that only was called
and came back is not.

A benchmark, not a test: nothing is judged here.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import sys
import threading
from asyncio import BaseEventLoop, StreamReader, StreamWriter
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType

from textual.message import Message
from textual.message_pump import MessagePump

import tale_tui
from tale_tui.config.first_frame import FirstFrameSettings
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.engine.chat.turn import TurnManager as ChatApiImplementation
from tale_tui.engine.ipc.connect import open_engine
from tale_tui.ui.app import TaleApp
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.widgets.prompt import Prompt

PACKAGE = Path(tale_tui.__file__).parent
FIRST = Prompt.on_key.__code__
"""Where the way begins: the prompt has the key."""
LAST = ChatApiImplementation.send.__code__
"""Where it ends: the engine has the message."""
POSTS = MessagePump.post_message.__code__
BEGINS_TASK = BaseEventLoop.create_task.__code__

MESSAGES = ("hello there, how are you?", "and how is the weather where you are?")
MODEL = "bench:latest"
SIZE = (120, 40)
SETTLE_S = 2.0
"""What follows a start, the last letter or a reply is over by then."""
PATIENCE_S = 60.0


class Hops:
    """Looks at every call of this process while it counts.

    Attributes:
        calls: function -> how often it was entered.
        way: from `FIRST` to `LAST`.
        before_send: functions that were entered before `LAST` was.
    """

    def __init__(self) -> None:
        self._counts = False
        self._posted: dict[int, tuple[Message, list[CodeType]]] = {}
        self._begun: dict[object, list[CodeType]] = {}
        self._makers: dict[FrameType, list[CodeType]] = {}
        self.calls: Counter[CodeType] = Counter()
        self.way: list[CodeType] = []
        self.before_send = 0

    def start(self) -> None:
        """Count from now on, anew."""
        for known in (self._posted, self._begun, self._makers, self.calls, self.way):
            known.clear()
        self.before_send = 0
        self._counts = True

    def stop(self) -> None:
        """Count no more."""
        self._counts = False

    def profile(self, frame: FrameType, event: str, arg: object) -> None:
        """For `sys.setprofile`."""
        if not self._counts:
            return
        code = frame.f_code
        if event == "call":
            if code is POSTS:
                message = frame.f_locals["message"]
                self._posted.setdefault(id(message), (message, self._way_to(frame)))
            elif is_function(code):
                self.calls[code] += 1
                if code is LAST and not self.way:
                    self.way = self._way_to(frame)
                    self.before_send = len(self.calls) - 1
        elif event == "return":
            if code is BEGINS_TASK:
                self._begun[arg] = self._way_to(frame)
            elif is_function(code):
                made = frame_of(arg)
                if made is not None and made is not frame:
                    self._makers.setdefault(made, []).append(code)

    def _way_to(self, frame: FrameType | None) -> list[CodeType]:
        backwards: list[CodeType] = []
        while frame is not None:
            if is_function(frame.f_code):
                backwards += frame.f_code, *self._makers.get(frame, ())
                if frame.f_code is FIRST:
                    break
            elif not str(frame.f_code.co_filename).startswith(str(PACKAGE)):
                for value in frame.f_locals.values():
                    if isinstance(value, Message) and id(value) in self._posted:
                        return self._posted[id(value)][1] + backwards[::-1]
            frame = frame.f_back
        else:
            return self._begun.get(running_task(), []) + backwards[::-1]
        return backwards[::-1]


def is_function(code: CodeType) -> bool:
    """Whether it is a function of the package."""
    named = code.co_flags & inspect.CO_OPTIMIZED and (code.co_name[0] != "<" or code.co_name == "<lambda>")
    return bool(named) and code.co_filename.startswith(str(PACKAGE))


def frame_of(made: object) -> FrameType | None:
    """Where a coroutine or an asynchronous generator is going to run."""
    if isinstance(made, CoroutineType):
        return made.cr_frame
    return made.ag_frame if isinstance(made, AsyncGeneratorType) else None


def running_task() -> object:
    """The task that runs in this thread; None where there is none."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


class FakeOllama:
    """As much of an Ollama server as the backend needs, with one model, which it loads at once.

    Args:
        hops: told to stop when the request for a reply is here.
    """

    def __init__(self, hops: Hops) -> None:
        self._hops = hops
        self.replies = 0
        self.loads = 0

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer the requests of a connection."""
        while head := await reader.readline():
            path = head.split()[1].decode()
            length = 0
            while line := (await reader.readline()).strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            body = json.loads(await reader.readexactly(length) or b"{}")
            asks = path == "/api/chat" and bool(body["messages"])
            if asks:
                self._hops.stop()
            answer = b"".join(json.dumps(line).encode() + b"\n" for line in self._answer(path, asks=asks))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
            await writer.drain()
            self.replies += asks
            self.loads += path == "/api/chat" and not asks
        writer.close()

    def _answer(self, path: str, *, asks: bool) -> list[dict[str, object]]:
        row = {"name": MODEL, "model": MODEL, "size": 4_661_224_676, "digest": "f" * 64, "details": {}}
        match path:
            case "/api/version":
                return [{"version": "0.12.6"}]
            case "/api/tags":
                return [{"models": [row]}]
            case "/api/ps":
                resident = {"expires_at": "2095-01-01T00:00:00Z", "size_vram": 0, "context_length": 8192}
                return [{"models": [row | resident] if self.loads else []}]
            case "/api/show":
                window = {"general.architecture": "llama", "llama.context_length": 8192}
                return [{"capabilities": ["completion"], "model_info": window, "details": {}}]
        end = {"model": MODEL, "done": True, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 2}
        pieces = ("An ", "answer.") if asks else ()
        texts = [
            {"model": MODEL, "message": {"role": "assistant", "content": piece}, "done": False} for piece in pieces
        ]
        return [*texts, {**end, "message": {"role": "assistant", "content": ""}}]


def place(code: CodeType) -> str:
    """Where a function stands, in the package."""
    return str(Path(code.co_filename).relative_to(PACKAGE))


def told(name: str, codes: list[CodeType], more: str) -> None:
    """A line of figures."""
    print(f"{name:<44}{len(set(codes)):>5} functions in {len({place(one) for one in codes}):>3} files{more}")


def lines(codes: list[CodeType], calls: Counter[CodeType]) -> None:
    """A line for each function, with its calls where there are several."""
    for code in codes:
        often = f" x{calls[code]}" if calls[code] > 1 else ""
        print(f"    {place(code)}:{code.co_firstlineno} {code.co_qualname}{often}")


async def until_at_least(counted: FakeOllama, *, loads: int = 0, replies: int = 0) -> None:
    """Wait until the server answered so often, and for what follows."""
    async with asyncio.timeout(PATIENCE_S):
        while counted.loads < loads or counted.replies < replies:
            await asyncio.sleep(0.05)
    await asyncio.sleep(SETTLE_S)


async def run(root: Path, hops: Hops, *, everything: bool) -> None:
    """Open the window, send the messages and print."""
    ollama = FakeOllama(hops)
    server = await asyncio.start_server(ollama.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    paths = Paths(root / "config", root / "data", root / "cache", root / "logs")
    paths.make()
    model = f"ollama/{MODEL}"
    settings = Settings(ux=model, task=model, ollama={"host": f"http://127.0.0.1:{port}"})
    app = TaleApp(Bridge(lambda: open_engine(paths, settings)), paths, FirstFrameSettings(), clock=Clock())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until_at_least(ollama, loads=1)
        for number, message in enumerate(MESSAGES, 1):
            await pilot.press(*message)
            await asyncio.sleep(SETTLE_S)
            hops.start()
            await pilot.press("enter")
            await until_at_least(ollama, replies=number)
            assert hops.way[:1] == [FIRST], "the way is cut off: something else than messages and tasks leads on"
            told(f"message {number}: until the request", list(hops.calls), f", {hops.calls.total()} calls")
            if everything:
                lines(sorted(hops.calls, key=lambda code: (place(code), code.co_firstlineno)), hops.calls)
            told(f"message {number}: from the key to the engine's send", hops.way, f" ({hops.before_send} ran by then)")
            lines(hops.way, Counter())
    server.close()


def main() -> None:
    """All of it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--list", action="store_true", help="name every function that ran")
    chosen = arguments.parse_args()
    hops = Hops()
    # From here on, so that it holds for every thread that begins.
    threading.setprofile(hops.profile)
    sys.setprofile(hops.profile)
    with TemporaryDirectory() as name:
        asyncio.run(run(Path(name), hops, everything=chosen.list))


if __name__ == "__main__":
    main()
