"""The embedded backend: llama.cpp in child processes, one for each model and role; no server and no network."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from tale_tui.domain.constants import EMBEDDED_COUNT_TIMEOUT_S
from tale_tui.domain.errors import ModelError, ModelNotFound, TimedOut
from tale_tui.domain.models import BackendName, BackendReport, FinishReason, LoadedModel, ModelRef, Progress, Role
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.backend import BackendEvent, ChatMessage, ChatRequest, Finished, PromptRead
from tale_tui.engine.models.embedded.files import default_window, forecast, survey
from tale_tui.engine.models.embedded.process import AnswerExchange, ChildProcess
from tale_tui.engine.models.embedded.process_errors import crash, refusal
from tale_tui.engine.models.embedded.processes import ModelProcesses, ProcessSlot, end
from tale_tui.engine.models.embedded.protocol import AnswerChat, AnswerEnd, AnswerFailed, AnswerPiece, ReadProgress
from tale_tui.engine.models.files.library import reason
from tale_tui.engine.models.files.starter import (
    STARTER_ALIAS,
    STARTER_NAME,
    STARTER_REPEAT_PENALTY,
    STARTER_TEMPERATURE,
    fetch,
)
from tale_tui.engine.models.machine import why_not_here
from tale_tui.engine.models.memory_forecast import Forecast
from tale_tui.engine.models.reply_parser import Continuation, Piece, ReplyParser

if TYPE_CHECKING:
    from tale_tui.config.settings import Settings

LIBRARY = "xllamacpp"


class EmbeddedBackend:
    """Runs model files with llama.cpp.

    Args:
        settings: of the application.
        models_dir: where the files are; need not exist.
        log_file: what llama.cpp says goes there; made when a model is loaded.
    """

    name = BackendName.EMBEDDED
    local = True

    def __init__(self, settings: Settings, models_dir: Path, log_file: Path) -> None:
        self._settings = settings.embedded
        self._limits = settings.limits
        self._models_dir = models_dir
        self._processes = ModelProcesses(settings.embedded, models_dir, log_file)

    async def report(self, timeout_s: float) -> BackendReport:
        """Whether llama.cpp can run here, and the model files that there are. Starts nothing."""
        try:
            async with asyncio.timeout(timeout_s):
                why_not = await asyncio.to_thread(why_not_here)
                models = await asyncio.to_thread(survey, self._models_dir)
                loaded = await self.loaded()
        except TimeoutError:
            why_not, models, loaded = f"{clean_line(str(self._models_dir))} does not answer.", (), ()
        except OSError as error:
            shown = clean_line(str(self._models_dir))
            why_not, models, loaded = f"{shown} cannot be read: {reason(error)}. Change its permissions.", (), ()
        version = await asyncio.to_thread(_library_version)
        return BackendReport(self.name, not why_not, version=version, detail=why_not, models=models, loaded=loaded)

    async def probe(self, timeout_s: float) -> bool:
        """False: there is no server that could be away."""
        return False

    async def load(self, model: str, window: int | None) -> LoadedModel:
        """Bring a model into memory for answers; it stays there until it is unloaded, whatever `keep` says."""
        return await self.load_for(Role.UX, model, window)

    async def load_for(self, role: Role, model: str, window: int | None) -> LoadedModel:
        """Bring a model into memory for one role.

        Waits for an answer that is being written, where the model must be loaded anew for another window.
        """
        child, load_ms = await self._processes.present(model, role, window), 0.0
        slot = self._processes.slot(model, role)
        if child is None:
            async with slot.turn:
                child, load_ms = await self._processes.ensure_loaded(slot, window, self._first_by())
        return replace(await asyncio.to_thread(_loaded_model, slot, child), load_ms=load_ms)

    async def loaded(self) -> tuple[LoadedModel, ...]:
        """The models whose processes live, once for each process."""
        living = self._processes.living()
        return tuple([await asyncio.to_thread(_loaded_model, slot, child) for slot, child in living])

    async def unload(self, model: str) -> None:
        """End its processes; an answer that is being written breaks off."""
        await asyncio.gather(*(end(self._processes.slot(model, role)) for role in Role))

    async def default_window(self, model: str) -> int:
        """The smaller of the setting `embedded.window` and the model's own window."""
        return await asyncio.to_thread(default_window, self._settings, self._models_dir, model)

    async def forecast(self, model: str, window: int) -> Forecast | None:
        """What the file and its window take."""
        return await asyncio.to_thread(forecast, self._models_dir, model, window)

    async def chat(self, request: ChatRequest) -> AsyncGenerator[BackendEvent, None]:
        """Stream an answer; the model is loaded where it is not. Answers of one model for one
        role are written one after another; a reply in a conversation never waits for a task.

        Closing the generator returns at once. The process is stopped meanwhile, and killed where it does not heed;
        the next call waits for that.
        """
        slot = self._processes.slot(request.model, request.role)
        await slot.turn.acquire()
        exchange: AnswerExchange | None = None
        try:
            first_by = self._first_by()
            child, load_ms = await self._processes.ensure_loaded(slot, request.window, first_by)
            continuation = Continuation(request.continue_text, echoed=False) if request.continue_text.strip() else None
            exchange = child.begin(_chat(request, continuation), slot.turn.release)
            parser = ReplyParser(continuation, holds_back=request.holds_back)
            deadline = first_by
            while True:
                reply = await self._next(exchange, request.model, deadline)
                match reply:
                    case ReadProgress(_, done, total):
                        yield PromptRead(done, total)
                    case AnswerPiece():
                        deadline = _now() + self._limits.silence_s
                        for piece in _read(parser, reply):
                            yield piece
                    case AnswerEnd():
                        for piece in parser.flush(whole=reply.reason != "length"):
                            yield piece
                        yield _finished(reply, load_ms)
                        return
                    case AnswerFailed():
                        raise refusal(request.model, reply)
                    case _:
                        raise await _crash(request.model, child)
        finally:
            if exchange is None:
                slot.turn.release()
            else:
                exchange.leave()

    async def count_tokens(self, model: str, messages: tuple[ChatMessage, ...]) -> int | None:
        """Exactly, where the model is in memory; None where it is not."""
        children = [self._processes.slot(model, role).child for role in Role]
        child = next((child for child in children if child is not None and child.alive), None)
        if child is None:
            return None
        try:
            async with asyncio.timeout(EMBEDDED_COUNT_TIMEOUT_S):
                return await child.count(_pairs(messages))
        except TimeoutError:
            return None

    async def pull(self, model: str) -> AsyncGenerator[Progress, None]:
        """Fetch the starter model.

        Raises:
            FetchFailed: why it cannot be had.
            ModelNotFound: another model was asked for.
        """
        if model not in (STARTER_NAME, STARTER_ALIAS):
            raise ModelNotFound(
                f"The embedded engine can fetch `{STARTER_ALIAS}` only. Add another model as a file: "
                "`tale-tui models add PATH`."
            )
        async with aclosing(fetch("", self._models_dir)) as steps:
            async for step in steps:
                yield step

    async def close(self) -> None:
        """End all processes and wait until they are gone."""
        await self._processes.close()

    def _first_by(self) -> float:
        return _now() + self._limits.first_token_s

    async def _next(self, exchange: AnswerExchange, model: str, deadline: float) -> object:
        """The next reply of the process.

        Raises:
            TimedOut: it did not come in time.
        """
        try:
            async with asyncio.timeout_at(deadline):
                return await exchange.next()
        except TimeoutError as error:
            raise TimedOut(
                f"{clean_line(model)} took too long. Send less, or allow more with `limits.first_token_s` and "
                "`limits.silence_s` in the settings."
            ) from error


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _crash(model: str, child: ChildProcess) -> ModelError:
    await child.gone()
    return crash(model, child.exit_code, await asyncio.to_thread(child.stderr_tail))


def _chat(request: ChatRequest, continuation: Continuation | None) -> AnswerChat:
    messages = _pairs(request.messages)
    if continuation is not None:
        messages.append(["assistant", _encodable(continuation.prefix)])
    temperature, repeat_penalty = request.temperature, None
    if request.model == STARTER_NAME and temperature is None:
        temperature, repeat_penalty = STARTER_TEMPERATURE, STARTER_REPEAT_PENALTY
    schema = request.schema if continuation is None else ""
    return AnswerChat(0, messages, request.max_tokens, temperature, request.think, repeat_penalty, schema)


def _pairs(messages: tuple[ChatMessage, ...]) -> list[list[str]]:
    return [[message.role, _encodable(message.text)] for message in messages]


def _encodable(text: str) -> str:
    """Without lone surrogates, which no encoding has and llama.cpp refuses."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _read(parser: ReplyParser, piece: AnswerPiece) -> list[Piece]:
    take = parser.thinking if piece.thinking else parser.text
    return take(piece.text, tokens=piece.tokens)


def _finished(end: AnswerEnd, load_ms: float) -> Finished:
    return Finished(
        FinishReason.LENGTH if end.reason == "length" else FinishReason.STOP,
        end.prompt_tokens,
        end.completion_tokens,
        end.cached_tokens,
        load_ms,
        end.prompt_ms,
        end.generation_ms,
    )


def _loaded_model(slot: ProcessSlot, child: ChildProcess) -> LoadedModel:
    # The published builds for Linux and Windows compute on the processor alone; on a Mac it is not known.
    share = None if sys.platform == "darwin" else 0.0
    ref = ModelRef(BackendName.EMBEDDED, slot.model)
    return LoadedModel(ref, child.window, _resident_bytes(child.pid), share, slot.role, pid=child.pid)


def _resident_bytes(pid: int | None) -> int | None:
    """How much memory a process holds, pages that it shares counted in parts; None when it has ended."""
    import psutil

    if pid is None:
        return None
    try:
        memory = psutil.Process(pid).memory_full_info()
    except psutil.Error:
        return None
    return int(getattr(memory, "pss", 0) or memory.rss)


def _library_version() -> str:
    try:
        return metadata.version(LIBRARY)
    except metadata.PackageNotFoundError:
        return ""
