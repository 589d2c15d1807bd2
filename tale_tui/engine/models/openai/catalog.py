"""What an OpenAI-compatible server is and what it serves, from its /v1/models and what some servers have besides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto

from tale_tui.domain.models import BackendName, LoadedModel, ModelInfo, ModelRef
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.lenient_json import as_count, as_object, as_objects, as_text, as_texts

_BILLION = 1e9
_MILLION = 1e6


class ServerKind(Enum):
    """The servers that can do more than the format says."""

    LLAMA_SERVER = auto()
    """Tells its window and its progress, counts tokens, continues a partial answer."""
    VLLM = auto()
    """Tells its window, continues a partial answer when told to. SGLang does the same."""
    LM_STUDIO = auto()
    """Tells windows and kinds of models at another address."""
    OTHER = auto()


# How the servers name themselves as the owner of what they serve.
_OWNERS = {
    "llamacpp": ServerKind.LLAMA_SERVER,
    "vllm": ServerKind.VLLM,
    "sglang": ServerKind.VLLM,
    "organization_owner": ServerKind.LM_STUDIO,
    "organization-owner": ServerKind.LM_STUDIO,
}
_EMBEDS = ("embed", "rerank")
"""Parts of names of models that cannot chat, where the server does not say what a model is for."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model of the server."""

    info: ModelInfo
    window: int | None = None
    """The window that is served, in tokens; None where unknown."""
    loaded: bool = True
    """False where the server says that it would have to load it first."""

    @property
    def as_loaded(self) -> LoadedModel:
        """As a model in memory."""
        return LoadedModel(self.info.ref, self.window, self.info.size_bytes)

    def asked_for_as(self, name: str) -> LoadedModel:
        """As a model in memory, by the name it is asked for; the name of its own is kept where that is another."""
        own = self.info.ref
        if name == own.model:
            return self.as_loaded
        return replace(self.as_loaded, ref=replace(own, model=name), runs=own.model, shares=own)


def read_models(answer: dict[str, object]) -> tuple[ServerKind, tuple[ServedModel, ...]]:
    """Read the answer of /v1/models. A list that is null is an empty one."""
    entries = as_objects(answer.get("data"))
    kinds = [_OWNERS[owner] for entry in entries if (owner := as_text(entry.get("owned_by"))) in _OWNERS]
    # llama-server says what a model can do in a second list, made after Ollama's.
    capabilities = {as_text(entry.get("name")): _told(entry) for entry in as_objects(answer.get("models"))}
    served = [_read_model(entry, capabilities) for entry in entries]
    return kinds[0] if kinds else ServerKind.OTHER, tuple(model for model in served if model is not None)


def _read_model(entry: dict[str, object], capabilities: dict[str, tuple[str, ...]]) -> ServedModel | None:
    name = as_text(entry.get("id"))
    if not name or clean_line(name) != name:
        return None
    meta = as_object(entry.get("meta"))
    longest = as_count(entry.get("max_model_len"))  # vLLM: what is served is all that there is
    state = as_text(as_object(entry.get("status")).get("value"))  # llama-server with several models
    info = ModelInfo(
        ref=ModelRef(BackendName.OPENAI, name),
        size_bytes=as_count(meta.get("size")),
        parameters=_parameters(as_count(meta.get("n_params"))),
        quantization=clean_line(as_text(meta.get("ftype"))),
        max_window=as_count(meta.get("n_ctx_train")) or longest,
        capabilities=capabilities.get(name) or _guessed(name),
    )
    return ServedModel(info, as_count(meta.get("n_ctx")) or longest, loaded=state in ("", "loaded"))


def read_lm_studio(answer: dict[str, object]) -> tuple[ServedModel, ...]:
    """Read the answer of LM Studio's /api/v0/models, which tells what its /v1/models does not."""
    served = []
    for entry in as_objects(answer.get("data")):
        name = as_text(entry.get("id"))
        if not name or clean_line(name) != name:
            continue
        kind = as_text(entry.get("type"))
        capabilities = {"embeddings": ("embedding",), "vlm": ("chat", "vision")}.get(kind, ("chat",))
        info = ModelInfo(
            ref=ModelRef(BackendName.OPENAI, name),
            quantization=clean_line(as_text(entry.get("quantization"))),
            max_window=as_count(entry.get("max_context_length")),
            capabilities=capabilities,
        )
        loaded = as_text(entry.get("state")) == "loaded"
        served.append(ServedModel(info, as_count(entry.get("loaded_context_length")) if loaded else None, loaded))
    return tuple(served)


def _told(entry: dict[str, object]) -> tuple[str, ...]:
    words = {"completion": "chat", "embedding": "embedding", "multimodal": "vision"}
    return tuple(words[word] for word in as_texts(entry.get("capabilities")) if word in words)


def _guessed(name: str) -> tuple[str, ...]:
    return ("embedding",) if any(part in name.lower() for part in _EMBEDS) else ("chat",)


def _parameters(count: int | None) -> str:
    """A count of parameters as people write it: `135M`, `7.6B`."""
    if not count:
        return ""
    return f"{count / _BILLION:.1f}B" if count >= _BILLION else f"{count / _MILLION:.0f}M"
