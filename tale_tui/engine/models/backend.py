"""The one protocol that every model server is spoken to by, the data that passes, and the backends of an engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from tale_tui.config.load_thread import in_load_thread
from tale_tui.domain.errors import NotAvailable
from tale_tui.domain.metrics import CallLabels
from tale_tui.domain.models import BackendName, BackendReport, FinishReason, LoadedModel, ModelRef, Progress, Role
from tale_tui.engine.models.memory_forecast import Forecast
from tale_tui.engine.models.traffic import Traffic


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message as a model is shown it; text has passed the border and holds no control token."""

    role: str
    """`system`, `user` or `assistant`."""
    text: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One call of a model."""

    model: str
    messages: tuple[ChatMessage, ...]
    window: int | None
    """The context window to ask for, in tokens; the same number in every call and in `load`."""
    max_tokens: int
    """The most tokens that the answer may have, thinking included."""
    temperature: float | None = None
    """None leaves it to the model."""
    think: bool | None = None
    """Whether a model that can think shall; None leaves it to the model."""
    continue_text: str = ""
    """The beginning of the answer, to be continued word for word and not repeated; empty for a new answer."""
    role: Role = Role.UX
    """For whom it is: a backend with processes of its own keeps the two apart, so that no reply waits for a task."""
    holds_back: bool = False
    """The model is known for thinking that has an end and no beginning: what it writes is thinking up to that end."""
    schema: str = ""
    """The JSON schema that the answer has to fit, as JSON; empty for any text. A server that cannot hold a model to one
    passes over it, and so does an answer that is continued: who asks checks what comes."""
    labels: CallLabels = field(default_factory=CallLabels)
    """Who asks, and for what; no backend of a model reads it."""


@dataclass(frozen=True, slots=True)
class PromptRead:
    """How much of the prompt the model has read, in tokens."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A piece of the answer, or of the thinking before it; safe text."""

    text: str
    thinking: bool = False
    tokens: int = 1
    """How many tokens came in this piece, as well as the server tells."""


@dataclass(frozen=True, slots=True)
class ThinkingCorrected:
    """All that came of the answer up to here is to be taken otherwise."""

    thinking: bool
    """True: it was thinking, whose end has come. False: what was taken for thinking is the answer."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is whole. Durations are milliseconds as the server counted them; None is unknown."""

    reason: FinishReason
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    load_ms: float | None = None
    prompt_ms: float | None = None
    generation_ms: float | None = None
    thinking_tokens: int | None = None
    """Of those of the completion."""


@dataclass(frozen=True, slots=True)
class TextVectors:
    """What texts mean, as a model of embeddings puts it."""

    vectors: tuple[tuple[float, ...], ...]
    """One a text, in their order, all of the same length."""
    tokens: int | None = None
    """That were read."""


BackendEvent = PromptRead | TextPiece | ThinkingCorrected | Finished


_PROBING = ContextVar("_PROBING", default=False)


@contextmanager
def probing() -> Iterator[None]:
    """Meanwhile what goes wrong is no news for the log: a server is asked whether it is there."""
    token = _PROBING.set(True)
    try:
        yield
    finally:
        _PROBING.reset(token)


def is_probing() -> bool:
    """Whether what goes wrong now is no news."""
    return _PROBING.get()


class Backend(Protocol):
    """A server of models, or the child process that is one.

    Every method may raise `errors.ModelError` and nothing else (cancellation apart). Constructing one does
    nothing: no import of a heavy library, no connection, no process.
    """

    name: BackendName

    @property
    def local(self) -> bool:
        """Whether its models are in the memory of this machine."""
        ...

    async def report(self, timeout_s: float) -> BackendReport:
        """Whether it is there, what it has and what is loaded. Never raises: an absence is in the report."""
        ...

    async def probe(self, timeout_s: float) -> bool:
        """See whether its server is there.

        Args:
            timeout_s: for it to answer; what it answers does not matter.
        Returns:
            True where a server answered, False where there is none that could be away.
        Raises:
            ModelError: `Unreachable`, `TimedOut` or `BrokenStream` where it is not, any other where it answers.
        """
        ...

    async def load(self, model: str, window: int | None) -> LoadedModel:
        """Bring a model into memory and verify that it is there.

        Args:
            model: its name as in `ModelInfo.ref.model`.
            window: the context window to ask for, in tokens; None takes `default_window`.
        Raises:
            ModelError: not found, out of memory, crashed, unreachable, timed out.
        """
        ...

    async def loaded(self) -> tuple[LoadedModel, ...]:
        """What is in memory now."""
        ...

    async def unload(self, model: str) -> None:
        """Give its memory back. Nothing happens where it is not loaded."""
        ...

    async def default_window(self, model: str) -> int:
        """The context window to ask for where the user set none: the smaller of 8192 and the model's own."""
        ...

    async def forecast(self, model: str, window: int) -> Forecast | None:
        """What a model would take in the memory of this machine; None where that is not known, or none of it."""
        ...

    def chat(self, request: ChatRequest) -> AsyncGenerator[BackendEvent, None]:
        """Stream an answer: `PromptRead`, `TextPiece` and `ThinkingCorrected`, any number of each, then one `Finished`.

        Closing the generator closes the connection to the model. The caller closes it (`aclosing`).
        """
        ...

    async def count_tokens(self, model: str, messages: tuple[ChatMessage, ...]) -> int | None:
        """How many tokens the messages are, the template included; None where it cannot tell."""
        ...

    def pull(self, model: str) -> AsyncGenerator[Progress, None]:
        """Fetch a model; closing the generator stops it, and a later pull goes on from there."""
        ...

    async def close(self) -> None:
        """End what was started (a child process, connections). May be called twice."""
        ...


@runtime_checkable
class GuestBackend(Protocol):
    """A backend whose server others use too, and gives models back some time after they were asked for."""

    async def renew(self, model: str, window: int) -> None:
        """Have a model stay that is in memory and would be given back soon; never loads one that is not.

        Args:
            model: its name.
            window: the context window that calls ask for, in tokens.
        """
        ...

    async def let_go(self, model: str) -> None:
        """A model is not used from here any more: it is given back, unless others want it."""
        ...


@runtime_checkable
class PerRoleBackend(Protocol):
    """A backend that has a process of its own for each role, so that no reply waits for a task."""

    async def load_for(self, role: Role, model: str, window: int | None) -> LoadedModel:
        """As `Backend.load`, for the process of one role; the result names the role."""
        ...


@runtime_checkable
class EmbeddingBackend(Protocol):
    """A backend that has models of embeddings."""

    async def embed(self, model: str, texts: tuple[str, ...]) -> TextVectors:
        """The vectors of texts.

        Raises:
            ModelError: there are none.
        """
        ...


BackendBuilder = Callable[[], Backend]


class BackendRegistry:
    """Backends by name, each made when it is first asked for: their libraries take time to load.

    Args:
        builders: how to make each; called once, in a thread, as it may import a library.
        automatic: those that a role may be given without anybody asking for them, the preferred first.

    Attributes:
        worker: gives the model that only works on tasks, on the machine of another one that answers; None for none.
            Whoever wires the engine sets it before a backend is made.
        traffic: counts what goes to servers and comes from them.
    """

    def __init__(self, builders: Mapping[BackendName, BackendBuilder], automatic: tuple[BackendName, ...]) -> None:
        self._builders = builders
        self._made: dict[BackendName, Backend] = {}
        self._making = asyncio.Lock()
        self.automatic = automatic
        self.worker: Callable[[], ModelRef | None] = lambda: None
        self.traffic = Traffic()

    async def get(self, name: BackendName) -> Backend:
        """The backend of this name.

        Raises:
            NotAvailable: this engine was started without it.
        """
        if name not in self._builders:
            raise NotAvailable(f"There is no backend {name.value} here; there is {', '.join(sorted(self._builders))}.")
        async with self._making:
            if name not in self._made:
                self._made[name] = await in_load_thread(self._builders[name])
            return self._made[name]

    @property
    def made(self) -> tuple[Backend, ...]:
        """Those that were asked for so far."""
        return tuple(self._made.values())

    def is_local(self, ref: ModelRef) -> bool:
        """Whether a model runs on this machine; where its backend is not made yet, whether one of its kind does."""
        made = self._made.get(ref.backend)
        return made.local if made else ref.backend is not BackendName.OPENAI

    async def close(self) -> None:
        """Close every backend that was made.

        Raises:
            Exception: what closing one of them raised, of several a group; the others are closed all the same.
        """
        async with self._making:
            made, self._made = self._made, {}
            ends = await asyncio.gather(*(backend.close() for backend in made.values()), return_exceptions=True)
        errors = [error for error in ends if isinstance(error, Exception)]
        if len(errors) > 1:
            raise ExceptionGroup("Backends could not be closed", errors)
        for error in errors:
            raise error
