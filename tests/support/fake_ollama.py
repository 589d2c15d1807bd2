"""A server that speaks as Ollama does, in a process of its own, so that it can be killed and started on the same port.

It answers each question with words that follow from the question alone, goes on with a partial answer where it is given
one, and loads a model before it answers with it. `python fake_ollama.py PORT` is the server.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

MODELS = ("small:latest", "big:latest")
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


def answer_to(text: str) -> list[str]:
    """The words that answer a question, which names itself in brackets; the last such name counts."""
    named = QUESTION.findall(text)
    return [f"{named[-1] if named else 'what'}-{number} " for number in range(WORDS)]


class FakeOllama:
    """The process of a server.

    Args:
        port: where it listens; 0 for any that is free, the same at every start.
    """

    def __init__(self, port: int = 0) -> None:
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
        self._process = subprocess.Popen([sys.executable, __file__, str(self.port)])
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(LOOK_S)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. Nothing happens where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(START_S)
            self._process = None


class _Server:
    def __init__(self) -> None:
        self._loaded: dict[str, int] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, _ = head.decode().split(" ", 2)
                length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
                body = json.loads(await reader.readexactly(int(length[1]))) if length and int(length[1]) else {}
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
                )
                async for answer in self._answers(method, path, body):
                    line = json.dumps(answer).encode() + b"\n"
                    writer.write(b"%x\r\n%s\r\n" % (len(line), line))
                    await writer.drain()
                writer.write(b"0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answers(self, method: str, path: str, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        match path:
            case "/api/version":
                yield {"version": "0.33.0"}
            case "/api/tags":
                details = {"family": "fake", "parameter_size": "1B", "quantization_level": "Q4_0"}
                common = {"size": 1000, "details": details, "capabilities": ["completion"]}
                yield {"models": [{"name": name, "model": name, "digest": name, **common} for name in MODELS]}
            case "/api/ps":
                yield {
                    "models": [
                        {"name": name, "model": name, "digest": name, "size": 1000, "context_length": window}
                        for name, window in self._loaded.items()
                    ]
                }
            case "/api/show":
                yield {"template": "{{ .Messages }}", "model_info": {"fake.context_length": 8192}}
            case "/api/chat" | "/api/generate":
                async for answer in self._speak(body):
                    yield answer

    async def _speak(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        model = body["model"] if ":" in body["model"] else f"{body['model']}:latest"
        if body.get("keep_alive") == 0 and not body.get("messages"):
            self._loaded.pop(model, None)
            yield {"model": model, "done": True, "done_reason": "unload"}
            return
        if model not in self._loaded:
            await asyncio.sleep(LOAD_S)
            self._loaded[model] = int(body.get("options", {}).get("num_ctx", 4096))
        if not body.get("messages") and "prompt" not in body:
            yield {"model": model, "done": True, "done_reason": "load"}
            return
        asked = "".join(message["content"] for message in body.get("messages", ()))
        if body.get("_debug_render_only"):
            yield {"_debug_info": {"rendered_template": asked + _TURN}}
            return
        question, _, begun = body.get("prompt", asked).partition(_TURN)
        rest = "".join(answer_to(question)).removeprefix(begun)
        for word in re.findall(r"\S*\s+", rest):
            await asyncio.sleep(WORD_S)
            field = {"response": word} if "prompt" in body else {"message": {"role": "assistant", "content": word}}
            yield {"model": model, "done": False, **field}
        yield {"model": model, "done": True, "done_reason": "stop", "prompt_eval_count": 10, "eval_count": WORDS}


async def _main(port: int) -> None:
    server = await asyncio.start_server(_Server().serve, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
