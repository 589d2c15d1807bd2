"""The embedded backend on a stand-in for llama.cpp that does what the real one does at its worst; real processes."""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.processes import model_processes
from support.waiting import until
from tale_tui.config.settings import Settings
from tale_tui.domain.errors import ModelError
from tale_tui.engine.models.backend import BackendEvent, ChatMessage, ChatRequest, TextPiece
from tale_tui.engine.models.embedded import files as embedded_files
from tale_tui.engine.models.embedded.backend import EmbeddedBackend

FAKE = Path(__file__).parent / "fake_llama"


class Bench:
    """A backend on the stand-in, and what the stand-in was told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.models = folder / "models"
        self.models.mkdir()
        self.log = folder / "logs" / "embedded.log"
        self.file = self.models / "m.gguf"
        self.file.write_bytes(self.gguf(8192))
        self._monkeypatch = monkeypatch
        self._backends: list[EmbeddedBackend] = []
        monkeypatch.setenv("PYTHONPATH", str(FAKE), prepend=os.pathsep)
        monkeypatch.setenv("FAKE_PARAMS", str(folder / "params.json"))
        monkeypatch.setenv("FAKE_BODY", str(folder / "body.json"))
        monkeypatch.setattr(embedded_files, "why_not_here", lambda: "")

    def loading(self, how: str) -> None:
        """How the next child loads its model."""
        self._monkeypatch.setenv("FAKE_LLAMA", how)

    def backend(self, **settings: Any) -> EmbeddedBackend:
        made = EmbeddedBackend(Settings(**settings), self.models, self.log)
        self._backends.append(made)
        return made

    @property
    def params(self) -> dict[str, Any]:
        """What the library was given."""
        found: dict[str, Any] = json.loads((self.folder / "params.json").read_text())
        return found

    @property
    def body(self) -> dict[str, Any]:
        """The last request that the library was given."""
        found: dict[str, Any] = json.loads((self.folder / "body.json").read_text())
        return found

    async def close(self) -> None:
        for backend in self._backends:
            await backend.close()

    def asking(self, text: str, **more: Any) -> ChatRequest:
        return ChatRequest("m", (ChatMessage("user", text),), None, 50, **more)

    async def ask(self, backend: EmbeddedBackend, text: str, **more: Any) -> list[BackendEvent]:
        async with aclosing(backend.chat(self.asking(text, **more))) as events:
            return [event async for event in events]

    async def error(self, backend: EmbeddedBackend, text: str) -> tuple[str, ModelError]:
        """Ask for what fails. Returns what came before, and the error."""
        came = ""
        try:
            async with aclosing(backend.chat(self.asking(text))) as events:
                async for event in events:
                    came += self.text_of([event])
        except ModelError as error:
            return came, error
        raise AssertionError("it did not fail")

    @staticmethod
    async def until(condition: Callable[[], object]) -> None:
        """Wait for something that happens in another process."""
        await until(condition, "what another process does")

    @staticmethod
    def children() -> list[psutil.Process]:
        """The processes that run models now."""
        return model_processes()

    @staticmethod
    def text_of(events: list[BackendEvent]) -> str:
        return "".join(event.text for event in events if isinstance(event, TextPiece))

    @staticmethod
    def gguf(window: int) -> bytes:
        """The file of a model with this window, in tokens."""
        data = b"GGUF" + struct.pack("<IQQ", 3, 0, 2)
        for key, kind, value in (
            (b"general.architecture", 8, struct.pack("<Q", 5) + b"llama"),
            (b"llama.context_length", 4, struct.pack("<I", window)),
        ):
            data += struct.pack("<Q", len(key)) + key + struct.pack("<I", kind) + value
        return data


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """A backend on the stand-in."""
    if sys.platform != "linux":
        pytest.skip("the stand-in knows Linux only")
    made = Bench(tmp_path, monkeypatch)
    yield made
    await made.close()
