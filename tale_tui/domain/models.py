"""Models, the roles that they serve, the backends that run them, and what is in memory. Frozen, plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The two jobs that a model can have."""

    UX = "ux"
    """Answers at once, always loaded."""
    TASK = "task"
    """Carries out work in the background."""


class BackendName(StrEnum):
    """Where a model runs."""

    EMBEDDED = "embedded"
    OLLAMA = "ollama"
    OPENAI = "openai"
    SCRIPTED = "scripted"


class FinishReason(StrEnum):
    """Why a model stopped by itself."""

    STOP = "stop"
    LENGTH = "length"
    """The limit of tokens or the end of the window was reached."""
    TOOL_CALL = "tool_call"
    """It asked for a tool."""
    FILTER = "filter"
    """A filter of the server kept the rest back."""


class RoleState(StrEnum):
    """What can be expected of a role now."""

    UNSET = "unset"
    """No model was found for it: the welcome is shown."""
    IDLE = "idle"
    """Its model is known and not loaded; the next call loads it."""
    LOADING = "loading"
    READY = "ready"
    AWAY = "away"
    """The model or server that last served it does not answer."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model and where it runs; written `backend/model`."""

    backend: BackendName
    model: str

    def __str__(self) -> str:
        """`backend/model`, as in settings and on the command line."""
        return f"{self.backend.value}/{self.model}"

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        """Read `backend/model`.

        Raises:
            ValueError: the backend is not one of `BackendName`, or the model is empty.
        """
        backend, slash, model = text.partition("/")
        if not slash or not model:
            raise ValueError(f"{text!r} is not of the form backend/model, as in ollama/qwen2.5:7b")
        return cls(BackendName(backend), model)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a backend tells of a model that it has."""

    ref: ModelRef
    size_bytes: int | None = None
    parameters: str = ""
    """As people write it: `7.6B`, `135M`."""
    quantization: str = ""
    max_window: int | None = None
    """The longest context window that the model was made for, in tokens."""
    capabilities: tuple[str, ...] = ("chat",)
    """Of `chat`, `thinking`, `tools`, `vision`, `embedding`."""
    digest: str = ""
    remote: bool = False
    """True where the text leaves this machine."""
    note: str = ""
    """One short sentence for a list, such as that the starter is a demo."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is in memory now."""

    ref: ModelRef
    window: int | None = None
    """The context window that is really served, in tokens; None where the server does not say."""
    size_bytes: int | None = None
    gpu_share: float | None = None
    """0 to 1: the part of it that lies in the memory of a GPU; None where unknown."""
    role: Role | None = None
    """Whose process it is in, where each role has its own; None where they share it."""
    load_ms: float | None = None
    """How long loading took just now, 0 where it was there; None where that is not known."""
    shares: ModelRef | None = None
    """The model whose weights in memory are its own too, so that they count with that; None where it has its own."""
    digest: str = ""
    """Of its files, where the server says it."""
    runs: str = ""
    """The name of the model that really answers, where the server runs that one whatever it is asked for."""
    pid: int | None = None
    """Of the process that it runs in, where that is one of ours."""


@dataclass(frozen=True, slots=True)
class BackendReport:
    """The health of a backend and what it has."""

    name: BackendName
    available: bool
    address: str = ""
    version: str = ""
    detail: str = ""
    """Where it is not available: what is wrong and what to do, in a sentence."""
    models: tuple[ModelInfo, ...] = ()
    loaded: tuple[LoadedModel, ...] = ()
    only_model: str = ""
    """The model that answers whatever it is asked for; empty where models are served by their names."""


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """A role, who serves it, and how that is going."""

    role: Role
    state: RoleState
    ref: ModelRef | None = None
    window: int | None = None
    """The context window that is really served, in tokens."""
    detail: str = ""
    """A sentence for the user: why it is away, failed or unset, and what to do."""
    offered: tuple[ModelRef, ...] = ()
    """Other installed models, where the default or the chosen one is missing."""
    demo: bool = False
    """True for the starter model, which is a demo and not an assistant."""
    loading_since: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a reply cost. None is unknown, never zero."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    ttft_ms: float | None = None
    """From the request to the first visible text with the model loaded (loading is not in it)."""
    load_ms: float | None = None
    total_ms: float | None = None
    tokens_per_second: float | None = None
    """completion tokens / the time in which they were generated, as the server counted it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download, a pull or another long step is."""

    label: str
    done: int = 0
    """Bytes."""
    total: int | None = None
    """Bytes; None while unknown."""
    finished: bool = False


@dataclass(frozen=True, slots=True)
class ResidentModel:
    """A model in memory, and what is known of it."""

    ref: ModelRef
    roles: tuple[Role, ...] = ()
    size_bytes: int | None = None
    window: int | None = None
    gpu_share: float | None = None
    kept: bool = False
    """Whether it is loaded again when it is evicted."""
    local: bool = True
    """Whether it is in the memory of this machine."""
    load_ms: float | None = None
    """How long its last load took here; None where it was there already."""
    shares: ModelRef | None = None
    """The model that is in memory with it, and with which its memory counts; None where it counts by itself."""


@dataclass(frozen=True, slots=True)
class BackendHealth:
    """How a backend has been lately."""

    name: str
    state: str
    """`ok`, `away` (it does not answer, or cannot run here), `trying` (after a failure, with growing pauses) or `open`
    (given up for a while: the fallback serves)."""
    failures: int = 0
    """In a row."""
    retry_at: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Residency:
    """What is in memory, and how much may be."""

    models: tuple[ResidentModel, ...] = ()
    limit_bytes: int = 0
    """The limit that holds now: that of the settings, never more than the machine has."""
    used_bytes: int = 0
    """By models on this machine, as far as their sizes are known."""
    free_bytes: int | None = None
    """What the machine has left."""
    one_model: bool = False
    """True where both models do not fit together, so that chat waits while the other one is loaded."""
    chat_waits_s: float | None = None
    """In one-model mode: how long chat waits for its model, from earlier loads."""
    backends: tuple[BackendHealth, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences: what is not known, what does not fit."""


class FindingState(StrEnum):
    """How a finding of the doctor is to be taken."""

    OK = "ok"
    LOOK = "look"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    area: str
    """A stable word: python, data, database, embedded, starter, ollama, openai, memory, terminal, ..."""
    state: FindingState
    text: str
    advice: str = ""
    """What to do, where there is something to do."""
    now: str = ""
    """What is so at this moment and changes by itself, such as how much is free; people are told, programs not."""


class ResidencyChange(StrEnum):
    """What happened to a model."""

    LOAD = "load"
    SWITCH = "switch"
    """It was loaded in the place of another one."""
    EVICTED = "evicted"
    """Its server took it out of memory."""
    UNLOAD = "unload"
    DIED = "died"
    RECOVERED = "recovered"
