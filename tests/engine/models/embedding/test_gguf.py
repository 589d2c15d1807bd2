"""A model of embeddings in a file of the user's: which files are one, which is taken, and that llama.cpp runs it."""

# ruff: noqa: ASYNC240  # a test may wait for its files

from __future__ import annotations

import math
import struct
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.gguf import gguf
from tale_tui.config.settings import Settings
from tale_tui.domain.errors import BackendCrashed, ModelNotFound
from tale_tui.domain.models import BackendName, BackendReport, ModelInfo, ModelRef
from tale_tui.engine.models.embedded.backend import EmbeddedBackend
from tale_tui.engine.models.embeddings import Embeddings
from tale_tui.engine.models.files.library import add_model, describe
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.registry import given_backends
from tale_tui.engine.models.scripted import ScriptedBackend

MEAN, RANK = 1, 4
IN_A_FILE = ModelRef(BackendName.EMBEDDED, "little-embed")


def with_pooling(model: bytes) -> bytes:
    """A model that writes text as one of embeddings: its header says how it pools, and nothing moves by that."""
    version, tensors, pairs = struct.unpack_from("<IQQ", model, 4)
    key = b"llama.pooling_type"
    more = struct.pack(f"<Q{len(key)}sII", len(key), key, 4, MEAN)
    pad = -(len(more) + 25) % 32  # what follows is aligned to 32 bytes
    more += struct.pack(f"<Q5sIQ{pad}s", 5, b"a.pad", 8, pad, b"x" * pad)
    return model[:4] + struct.pack("<IQQ", version, tensors, pairs + 2) + more + model[24:]


@pytest.fixture
async def embeddings(tmp_path: Path) -> AsyncIterator[Embeddings]:
    backend = EmbeddedBackend(Settings(), tmp_path, tmp_path / "log")
    pool = Pool(given_backends({backend.name: backend}), window=0, probe_s=5.0, monotonic=time.monotonic, calls=None)
    made = Embeddings(pool, tmp_path, "auto")
    yield made
    await made.close()
    await pool.close()


@pytest.mark.parametrize(
    ("data", "capabilities"),
    [
        (gguf(general__architecture="bert", bert__context_length=512, bert__pooling_type=MEAN), ("embedding",)),
        (gguf(general__architecture="qwen3", qwen3__context_length=512, qwen3__pooling_type=3), ("embedding",)),
        (gguf(general__architecture="bert", bert__context_length=512, bert__pooling_type=RANK), ()),
        (gguf(general__architecture="bert", bert__context_length=512), ()),
        (gguf(general__architecture="qwen3", qwen3__context_length=512), ("chat",)),
    ],
)
async def test_a_file_that_says_how_it_pools_is_a_model_of_embeddings(
    tmp_path: Path, data: bytes, capabilities: tuple[str, ...]
) -> None:
    (tmp_path / "x.gguf").write_bytes(data)
    assert describe("x", tmp_path / "x.gguf").capabilities == capabilities


async def test_one_that_is_added_is_taken_where_no_server_has_one(embeddings: Embeddings, tmp_path: Path) -> None:
    assert (await embeddings.choose()).ref is None
    outside = tmp_path / "outside"
    outside.mkdir()
    header = gguf(general__architecture="bert", bert__context_length=512, bert__pooling_type=MEAN)
    (outside / "little-embed.gguf").write_bytes(header)
    info = await add_model(outside / "little-embed.gguf", tmp_path)
    assert info.note == "Finds what is remembered by meaning."
    assert (await embeddings.choose()).ref == IN_A_FILE


async def test_a_server_of_the_user_goes_before_a_file(tmp_path: Path) -> None:
    class Both(ScriptedBackend):
        async def report(self, timeout_s: float) -> BackendReport:
            ref = ModelRef(BackendName.SCRIPTED, "theirs")
            return BackendReport(self.name, True, models=(ModelInfo(ref, capabilities=("embedding",)),))

    header = gguf(general__architecture="bert", bert__context_length=512, bert__pooling_type=MEAN)
    (tmp_path / "little-embed.gguf").write_bytes(header)
    files = EmbeddedBackend(Settings(), tmp_path, tmp_path / "log")
    given = given_backends({files.name: files, BackendName.SCRIPTED: Both(())})
    pool = Pool(given, window=0, probe_s=5.0, monotonic=time.monotonic, calls=None)
    assert (await Embeddings(pool, tmp_path, "auto").choose()).ref == ModelRef(BackendName.SCRIPTED, "theirs")
    await pool.close()


async def test_a_file_that_is_gone_and_one_that_is_damaged_are_said(embeddings: Embeddings, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        await embeddings.embed(IN_A_FILE, ("a",), asks=True)
    header = gguf(general__architecture="bert", bert__context_length=512, bert__pooling_type=MEAN)
    (tmp_path / "little-embed.gguf").write_bytes(header)
    with pytest.raises(BackendCrashed, match="words alone"):
        await embeddings.embed(IN_A_FILE, ("a",), asks=True)


@pytest.mark.long
async def test_llama_makes_vectors_of_texts_of_any_length(
    embeddings: Embeddings, tmp_path: Path, starter_gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tale_tui.engine.models.embedding.process.EMBEDDER_TIMEOUT_S", 110.0)
    (tmp_path / "little-embed.gguf").write_bytes(with_pooling(starter_gguf.read_bytes()))
    assert (await embeddings.choose()).ref == IN_A_FILE
    long = "The staging database runs on attic. " * 400
    texts = ("The staging database runs on attic.", "Tea.", long, "\ud800 \0 我喜欢喝茶")
    found = await embeddings.embed(IN_A_FILE, texts, asks=False)
    assert [len(vector) for vector in found.vectors] == [576] * 4
    assert found.tokens > 10
    near = [sum(a * b for a, b in zip(found.vectors[0], other, strict=True)) for other in found.vectors]
    lengths = [math.hypot(*vector) for vector in found.vectors]
    assert near[0] / lengths[0] ** 2 == pytest.approx(1)
    assert near[2] / lengths[0] / lengths[2] > near[1] / lengths[0] / lengths[1]
