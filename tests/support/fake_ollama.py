"""A server that speaks as Ollama does, in a process of its own, so that it can be killed and started on the same port.

It answers each question with words that follow from the question alone, goes on with a partial answer where it is given
one, and loads a model before it answers with it. As the real one it gives a model back when nobody has asked for it
for the time that the last call said, loads it again where it is asked for with other options, evicts one where it holds
as many as it may, and answers so many calls of a model at once. `python fake_ollama.py PORT HOLDS SLOTS WORD_S` is the
server.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

MODELS = ("small:latest", "big:latest", "other:latest")
WORDS = 12
"""Of each answer."""
WORD_S = 0.02
"""Between two words."""
LOAD_S = 0.05
START_S = 20.0
"""The longest that a start may take."""
LOOK_S = 0.02
QUESTION = re.compile(r"\[([a-z0-9 ]+)\]")
_TURN = "<|assistant|>"
DEFAULT_KEEP_ALIVE_S = 300.0
FOR_EVER_S = 292 * 365.25 * 86_400.0


def answer_to(text: str) -> list[str]:
    """The words that answer a question, which names itself in brackets; the last such name counts."""
    named = QUESTION.findall(text)
    return [f"{named[-1] if named else 'what'}-{number} " for number in range(WORDS)]


class FakeOllama:
    """The process of a server.

    Args:
        port: where it listens; 0 for any that is free, the same at every start.
        holds: how many models it holds at once (OLLAMA_MAX_LOADED_MODELS).
        slots: how many calls of one model it answers at once (OLLAMA_NUM_PARALLEL).
        word_s: seconds that a word takes.
    """

    def __init__(self, port: int = 0, *, holds: int = 3, slots: int = 4, word_s: float = WORD_S) -> None:
        self._limits = (str(holds), str(slots), str(word_s))
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            self.port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self._process = subprocess.Popen([sys.executable, __file__, str(self.port), *self._limits])
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(LOOK_S)
        raise AssertionError("the server did not start")

    def ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """What it answers to another program; the last line of it. It blocks."""
        answer = httpx.request("GET" if body is None else "POST", f"{self.url}{path}", json=body, timeout=START_S)
        told: dict[str, Any] = json.loads(answer.text.splitlines()[-1])
        return told

    def left_s(self) -> dict[str, float]:
        """The models that it holds, and for how many seconds from now."""
        now = datetime.now(UTC)
        models = self.ask("/api/ps")["models"]
        return {one["name"]: (datetime.fromisoformat(one["expires_at"]) - now).total_seconds() for one in models}

    def loads(self) -> list[str]:
        """The models that it has loaded since it was started, in order."""
        return list(self.ask("/fake/loads")["loads"])

    def threads(self) -> dict[str, int | None]:
        """With how many threads each model that it holds computes; None for as many as it likes."""
        return dict(self.ask("/fake/threads")["threads"])

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. Nothing happens where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(START_S)
            self._process = None


@dataclass
class _Runner:
    options: dict[str, Any]
    shift: bool | None
    slots: asyncio.Semaphore
    keep_alive_s: float = DEFAULT_KEEP_ALIVE_S
    expires: datetime = field(default_factory=lambda: datetime.now(UTC))
    calls: int = 0

    def same(self, body: dict[str, Any]) -> bool:
        return (self.options, self.shift) == (_loads_with(body), body.get("shift"))


def _loads_with(body: dict[str, Any]) -> dict[str, Any]:
    options = {"num_ctx": 4096, **body.get("options", {})}
    return {name: options[name] for name in ("num_ctx", "num_thread") if name in options}


class _Server:
    def __init__(self, holds: int, slots: int, word_s: float) -> None:
        self._word_s = word_s
        self._holds = holds
        self._slots = slots
        self._runners: dict[str, _Runner] = {}
        self._loads: list[str] = []
        self._idle = asyncio.Condition()
        self._loading = asyncio.Lock()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, _ = head.decode().split(" ", 2)
                length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
                body = json.loads(await reader.readexactly(int(length[1]))) if length and int(length[1]) else {}
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
                )
                async with aclosing(self._answers(method, path, body)) as answers:
                    async for answer in answers:
                        line = json.dumps(answer).encode() + b"\n"
                        writer.write(b"%x\r\n%s\r\n" % (len(line), line))
                        await writer.drain()
                writer.write(b"0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answers(self, method: str, path: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        match path:
            case "/api/version":
                yield {"version": "0.33.0"}
            case "/api/tags":
                details = {"family": "fake", "parameter_size": "1B", "quantization_level": "Q4_0"}
                common = {"size": 1000, "details": details, "capabilities": ["completion"]}
                yield {"models": [{"name": name, "model": name, "digest": name, **common} for name in MODELS]}
            case "/api/ps":
                yield {"models": [self._described(name) for name in self._held()]}
            case "/fake/threads":
                threads = {name: runner.options.get("num_thread") for name, runner in self._runners.items()}
                yield {"threads": threads}
            case "/fake/loads":
                yield {"loads": self._loads}
            case "/api/show":
                yield {"template": "{{ .Messages }}", "model_info": {"fake.context_length": 8192}}
            case "/api/chat" | "/api/generate":
                async with aclosing(self._speak(body)) as answers:
                    async for answer in answers:
                        yield answer

    async def _speak(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        model = body["model"] if ":" in body["model"] else f"{body['model']}:latest"
        if body.get("keep_alive") == 0 and not body.get("messages"):
            self._runners.pop(model, None)
            yield {"model": model, "done": True, "done_reason": "unload"}
            return
        runner = await self._running(model, body)
        try:
            if not body.get("messages") and "prompt" not in body:
                yield {"model": model, "done": True, "done_reason": "load"}
                return
            async with runner.slots, aclosing(self._words(model, body)) as answers:
                async for answer in answers:
                    yield answer
        finally:
            await self._end_call(model, runner)

    async def _running(self, model: str, body: dict[str, Any]) -> _Runner:
        """The runner of a model for one call more, loaded where it is not there or was with other options."""
        async with self._loading:
            self._held()
            runner = self._runners.get(model)
            if runner is None or not runner.same(body):
                async with self._idle:
                    await self._idle.wait_for(lambda: self._makes_room(model))
                await asyncio.sleep(LOAD_S)
                runner = _Runner(_loads_with(body), body.get("shift"), asyncio.Semaphore(self._slots))
                self._runners[model] = runner
                self._loads.append(model)
            runner.calls += 1
            if (keep_alive_s := body.get("keep_alive")) is not None:
                runner.keep_alive_s = FOR_EVER_S if keep_alive_s < 0 else keep_alive_s
            return runner

    def _makes_room(self, model: str) -> bool:
        """Whether there is room for a model, idle ones having left for it, that of the shortest keep_alive first."""
        if (old := self._runners.get(model)) is not None and not old.calls:
            del self._runners[model]
        while model not in self._runners and len(self._runners) >= self._holds:
            idle = [name for name, runner in self._runners.items() if not runner.calls]
            if not idle:
                return False
            del self._runners[min(idle, key=lambda name: self._runners[name].keep_alive_s)]
        return model not in self._runners

    async def _end_call(self, model: str, runner: _Runner) -> None:
        runner.calls -= 1
        if not runner.calls:
            runner.expires = datetime.now(UTC) + timedelta(seconds=runner.keep_alive_s)
            if not runner.keep_alive_s:
                self._runners.pop(model, None)
        async with self._idle:
            self._idle.notify_all()

    def _held(self) -> tuple[str, ...]:
        now = datetime.now(UTC)
        self._runners = {name: one for name, one in self._runners.items() if one.calls or one.expires > now}
        return tuple(self._runners)

    def _described(self, name: str) -> dict[str, Any]:
        runner = self._runners[name]
        told = {"size_vram": 0, "context_length": runner.options["num_ctx"], "expires_at": runner.expires.isoformat()}
        return {"name": name, "model": name, "digest": name, "size": 1000, **told}

    async def _words(self, model: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        asked = "".join(message["content"] for message in body.get("messages", ()))
        if body.get("_debug_render_only"):
            yield {"_debug_info": {"rendered_template": asked + _TURN}}
            return
        question, _, begun = body.get("prompt", asked).partition(_TURN)
        rest = "".join(answer_to(question)).removeprefix(begun)
        for word in re.findall(r"\S*\s+", rest):
            await asyncio.sleep(self._word_s)
            field = {"response": word} if "prompt" in body else {"message": {"role": "assistant", "content": word}}
            yield {"model": model, "done": False, **field}
        yield {"model": model, "done": True, "done_reason": "stop", "prompt_eval_count": 10, "eval_count": WORDS}


async def _main(port: int, holds: int, slots: int, word_s: float) -> None:
    server = await asyncio.start_server(_Server(holds, slots, word_s).serve, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(*map(int, sys.argv[1:4]), float(sys.argv[4])))
