"""A backend that answers from a script: the same every time, without a model.

`tale-tui --demo` uses it with the answers of `demo.py`; tests write scripts and can hold a reply at any place.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tale_tui.domain.errors import ModelError, ModelNotFound
from tale_tui.domain.metrics import CallKind
from tale_tui.domain.models import BackendName, BackendReport, FinishReason, LoadedModel, ModelInfo, ModelRef, Progress
from tale_tui.engine.models.backend import (
    BackendEvent,
    ChatMessage,
    ChatRequest,
    Finished,
    PromptRead,
    TextPiece,
    ThinkingCorrected,
)
from tale_tui.engine.models.demo import (
    DEMO_DIGEST,
    DEMO_FIRST_S,
    DEMO_MODEL,
    DEMO_NOTE,
    DEMO_PLAN,
    DEMO_RATE,
    demo_answer,
    demo_pieces,
)
from tale_tui.engine.models.memory_forecast import Forecast

SCRIPTED_WINDOW = 8192
"""Tokens: the context window that a scripted model serves unless told otherwise."""
CHARACTERS_PER_TOKEN = 4
"""How this backend counts: a fixed rule, so that every count can be foretold."""
TOKENS_PER_MESSAGE = 4


@dataclass(frozen=True, slots=True)
class Say:
    """A piece of the answer, or of the thinking before it."""

    text: str
    thinking: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """So much of the prompt was read, in tokens."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing comes for so long."""

    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Hold:
    """Nothing comes until the event is set."""

    event: asyncio.Event


@dataclass(frozen=True, slots=True, eq=False)
class Fail:
    """The reply breaks off here with this error."""

    error: ModelError


Step = Say | Read | Pause | Hold | Fail | ThinkingCorrected


@dataclass(frozen=True, slots=True)
class Script:
    """One reply: its steps in order, and what is said at its end. None is worked out from the steps."""

    steps: tuple[Step, ...]
    reason: FinishReason = FinishReason.STOP
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    generation_ms: float | None = None


def spoken(*pieces: str, rate: float | None = None) -> Script:
    """A script that says these pieces.

    Args:
        pieces: one token each.
        rate: pieces a second; None says all at once.
    """
    steps: list[Step] = []
    for piece in pieces:
        if rate is not None:
            steps.append(Pause(1 / rate))
        steps.append(Say(piece))
    return Script(tuple(steps))


def demo_script(request: ChatRequest) -> Script:
    """The demo's reply to the last message, at the pace of a small model; goes on where `continue_text` ends.

    Who wants an answer of a form wants a plan, and older turns are summed up in a sentence.
    """
    if request.labels.kind is CallKind.DIGEST:
        return spoken(DEMO_DIGEST)
    asked = next((message.text for message in reversed(request.messages) if message.role == "user"), "")
    rest = (DEMO_PLAN if request.schema else demo_answer(asked)).removeprefix(request.continue_text)
    script = spoken(*demo_pieces(rest), rate=DEMO_RATE)
    return replace(script, steps=(Pause(DEMO_FIRST_S), *script.steps))


Answer = Callable[[ChatRequest], Script]


class ScriptedBackend:
    """Answers each request with the next script, or with what a function makes of it.

    Args:
        answers: scripts in order (the last one is used again when they run out), or a function of the request;
            without it the demo; may be set at any time.
        models: the names of its models.
        window: the context window that it serves, in tokens.
        sleep: how it waits, in seconds; a test gives one that does not.
        counts: whether it can count tokens.
        away: what it raises when a model is to be loaded or asked; may be set at any time.
        sizes: what models take in memory, in bytes; of others it is not known.

    Attributes:
        in_memory: the models that are loaded, by name.
        requests: what it was asked, in order.
        loads: the models that it was told to load, in order.
        open_streams: how many replies are under way.
    """

    name = BackendName.SCRIPTED
    local = True

    def __init__(
        self,
        answers: Sequence[Script] | Answer = demo_script,
        *,
        models: Iterable[str] = (DEMO_MODEL,),
        window: int = SCRIPTED_WINDOW,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        counts: bool = True,
        away: ModelError | None = None,
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        self.answers = answers
        self.sizes = dict(sizes or {})
        self._window = window
        self._sleep = sleep
        self._counts = counts
        self.in_memory: dict[str, LoadedModel] = {}
        self.models = tuple(models)
        self.away = away
        self.requests: list[ChatRequest] = []
        self.loads: list[str] = []
        self.open_streams = 0

    async def report(self, timeout_s: float) -> BackendReport:
        """There, with its models, unless it was told to be away."""
        if self.away:
            return BackendReport(self.name, available=False, detail=self.away.sentence)
        infos = tuple(
            ModelInfo(
                ModelRef(self.name, model), max_window=self._window, note=DEMO_NOTE if model == DEMO_MODEL else ""
            )
            for model in self.models
        )
        return BackendReport(self.name, available=True, models=infos, loaded=tuple(self.in_memory.values()))

    async def probe(self, timeout_s: float) -> bool:
        """There, unless it was told to be away."""
        if self.away:
            raise self.away
        return False

    async def load(self, model: str, window: int | None) -> LoadedModel:
        """Remember the model as loaded, with the smaller of its window and the one asked for."""
        self._check(model)
        self.loads.append(model)
        self.in_memory[model] = LoadedModel(
            ModelRef(self.name, model), min(window or self._window, self._window), self.sizes.get(model)
        )
        return self.in_memory[model]

    async def loaded(self) -> tuple[LoadedModel, ...]:
        """What was loaded and not unloaded."""
        return tuple(self.in_memory.values())

    async def unload(self, model: str) -> None:
        """Forget that the model is loaded."""
        self.in_memory.pop(model, None)

    async def default_window(self, model: str) -> int:
        """The window of every model here."""
        self._check(model)
        return self._window

    async def forecast(self, model: str, window: int) -> Forecast | None:
        """What it was told that the model takes."""
        size = self.sizes.get(model)
        return None if size is None else Forecast(0, size)

    async def chat(self, request: ChatRequest) -> AsyncGenerator[BackendEvent, None]:
        """Play the script for this request."""
        self._check(request.model)
        script = self._script_for(request)
        self.requests.append(request)
        self.open_streams += 1
        try:
            for step in script.steps:
                match step:
                    case Say(text, thinking):
                        yield TextPiece(text, thinking)
                    case Read(done, total):
                        yield PromptRead(done, total)
                    case Pause(seconds):
                        await self._sleep(seconds)
                    case Hold(event):
                        await event.wait()
                    case Fail(error):
                        raise error
                    case ThinkingCorrected():
                        yield step
            yield _end(script, request)
        finally:
            self.open_streams -= 1

    async def count_tokens(self, model: str, messages: tuple[ChatMessage, ...]) -> int | None:
        """By the fixed rule, unless it was told that it cannot count."""
        return _count(messages) if self._counts else None

    async def pull(self, model: str) -> AsyncGenerator[Progress, None]:
        """Have one more model."""
        yield Progress(model, 0, 1)
        self.models = (*self.models, model)
        yield Progress(model, 1, 1, finished=True)

    async def close(self) -> None:
        """Forget what is loaded."""
        self.in_memory.clear()

    def _check(self, model: str) -> None:
        if self.away:
            raise self.away
        if model not in self.models:
            raise ModelNotFound(f"There is no scripted model called {model}. There is {', '.join(self.models)}.")

    def _script_for(self, request: ChatRequest) -> Script:
        if callable(self.answers):
            return self.answers(request)
        return self.answers[min(len(self.requests), len(self.answers) - 1)]


def _count(messages: tuple[ChatMessage, ...]) -> int:
    return sum(TOKENS_PER_MESSAGE + -(-len(message.text) // CHARACTERS_PER_TOKEN) for message in messages)


def _end(script: Script, request: ChatRequest) -> Finished:
    """The end of a reply: what the script says, else what its steps amount to."""
    spoken_at = [index for index, step in enumerate(script.steps) if isinstance(step, Say)]
    after_first = script.steps[spoken_at[0] :] if spoken_at else ()
    paused_ms = 1000 * sum(step.seconds for step in after_first if isinstance(step, Pause))
    prompt, completion, spent = script.prompt_tokens, script.completion_tokens, script.generation_ms
    return Finished(
        reason=script.reason,
        prompt_tokens=_count(request.messages) if prompt is None else prompt,
        completion_tokens=len(spoken_at) if completion is None else completion,
        generation_ms=(paused_ms or None) if spent is None else spent,
    )
