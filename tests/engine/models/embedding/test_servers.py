"""Vectors of the user's own servers, and which model is taken."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tale_tui.config.settings import OllamaSettings, OpenAISettings, Settings
from tale_tui.domain.errors import BrokenStream, ModelError, ModelNotFound, NotAvailable
from tale_tui.domain.metrics import CallKind, CallRecord
from tale_tui.domain.models import BackendName, BackendReport, ModelInfo, ModelRef
from tale_tui.engine.models.embedding.prefixes import with_prefix
from tale_tui.engine.models.embeddings import Embeddings
from tale_tui.engine.models.ollama.backend import OllamaBackend
from tale_tui.engine.models.openai.backend import OpenAIBackend
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.registry import given_backends
from tale_tui.engine.models.scripted import ScriptedBackend

NOMIC = ModelRef(BackendName.OLLAMA, "nomic-embed-text:latest")


class Rows:
    """Keeps the rows of calls."""

    def __init__(self) -> None:
        self.kept: list[CallRecord] = []

    def record(self, call: CallRecord) -> None:
        self.kept.append(call)


def pool_of(backend: Any, rows: Rows | None = None) -> Pool:
    given = given_backends({backend.name: backend})
    return Pool(given, window=0, probe_s=5.0, monotonic=time.monotonic, calls=rows)


async def test_ollama_makes_them_and_the_call_is_counted(replay: Any) -> None:
    replay.say("/api/embed", {"model": "m", "embeddings": [[1, 0.5], [-0.25, 0]], "prompt_eval_count": 9})
    backend, rows = OllamaBackend(Settings(ollama=OllamaSettings(host=replay.url))), Rows()
    found = await pool_of(backend, rows).embed(NOMIC, ("one", "two"), asks=False)
    assert found.vectors == ((1.0, 0.5), (-0.25, 0.0))
    (body,) = replay.bodies("/api/embed")
    assert body["input"] == ["search_document: one", "search_document: two"]
    (row,) = rows.kept
    assert (row.labels.kind, row.ref, row.prompt_tokens, row.completion_tokens) == (CallKind.EMBEDDING, NOMIC, 9, 0)
    await backend.close()


async def test_a_server_of_openais_format_makes_them_in_any_order(replay: Any) -> None:
    data = [{"index": 1, "embedding": [0, 1]}, {"index": 0, "embedding": [1, 0]}]
    replay.say("/v1/embeddings", {"data": data, "usage": {"prompt_tokens": 4}})
    backend = OpenAIBackend(Settings(openai=OpenAISettings(base_url=f"{replay.url}/v1")))
    found = await pool_of(backend).embed(ModelRef(BackendName.OPENAI, "bge-m3"), ("one", "two"), asks=True)
    assert (found.vectors, found.tokens) == (((1.0, 0.0), (0.0, 1.0)), 4)
    await backend.close()


@pytest.mark.parametrize(
    "answer",
    [
        {"embeddings": []},
        {"embeddings": [[1, 2], [3]]},
        {"embeddings": [["a"], ["b"]]},
        {"embeddings": [[], []]},
        {"embeddings": [[1], [2], [3]]},
        {"embeddings": {"a": 1}},
        {"embeddings": [[1e999], [1]]},
        {},
    ],
)
async def test_what_is_no_vector_for_each_text_is_an_error(replay: Any, answer: dict[str, Any]) -> None:
    replay.say("/api/embed", answer)
    backend = OllamaBackend(Settings(ollama=OllamaSettings(host=replay.url)))
    with pytest.raises(BrokenStream):
        await pool_of(backend).embed(NOMIC, ("one", "two"), asks=False)
    await backend.close()


async def test_a_server_that_refuses_says_why(replay: Any) -> None:
    replay.say("/api/embed", {"error": 'model "nomic-embed-text" not found, try pulling it first'}, status=404)
    backend = OllamaBackend(Settings(ollama=OllamaSettings(host=replay.url)))
    with pytest.raises(ModelNotFound):
        await pool_of(backend).embed(NOMIC, ("one",), asks=False)
    await backend.close()
    with pytest.raises(ModelError):
        await pool_of(backend).embed(NOMIC, ("one",), asks=False)
    await backend.close()


async def test_a_backend_without_such_models_says_so() -> None:
    with pytest.raises(NotAvailable):
        await pool_of(ScriptedBackend()).embed(ModelRef(BackendName.SCRIPTED, "demo"), ("one",), asks=True)


def test_each_model_gets_the_words_that_it_wants() -> None:
    assert with_prefix("nomic-embed-text", "x", asks=True) == "search_query: x"
    assert with_prefix("intfloat/multilingual-e5-large", "x", asks=False) == "passage: x"
    assert with_prefix("mxbai-embed-large", "x", asks=False) == "x"
    assert with_prefix("something-new", "x", asks=True) == "x"


class Listed(ScriptedBackend):
    """Has models of embeddings, as its report says."""

    def __init__(self, *infos: ModelInfo) -> None:
        super().__init__()
        self.infos = infos

    async def report(self, timeout_s: float) -> BackendReport:
        return BackendReport(self.name, available=True, models=self.infos)


def info(name: str, size: int, capability: str = "embedding", *, remote: bool = False) -> ModelInfo:
    ref = ModelRef(BackendName.SCRIPTED, name)
    return ModelInfo(ref, size_bytes=size, capabilities=(capability,), remote=remote)


async def test_one_of_several_languages_goes_before_a_smaller_one_and_none_that_runs_elsewhere(tmp_path: Path) -> None:
    infos = (info("small", 1), info("bge-m3", 9), info("chat", 1, "chat"), info("multilingual-far", 1, remote=True))
    found = await Embeddings(pool_of(Listed(*infos)), tmp_path, "auto").choose()
    assert found.ref == ModelRef(BackendName.SCRIPTED, "bge-m3")
    none = await Embeddings(pool_of(Listed(infos[2])), tmp_path, "auto").choose()
    assert none.ref is None
    assert "ollama pull nomic-embed-text" in none.why


async def test_the_settings_choose_or_turn_it_off(tmp_path: Path) -> None:
    pool = pool_of(Listed(info("small", 1)))
    assert (await Embeddings(pool, tmp_path, "ollama/nomic-embed-text:latest").choose()).ref == NOMIC
    off = await Embeddings(pool, tmp_path, "off").choose()
    assert (off.ref, "recall.embedding" in off.why) == (None, True)
