"""Finding by meaning: the vectors of one model in memory, and how much nearer they are than unrelated texts are.

numpy is loaded with the first vector, in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from statistics import pstdev
from typing import TYPE_CHECKING, Protocol

from tale_tui.domain.constants import EMBEDDED_TOGETHER, EMBEDDER_LOOK_S, VECTORS_READ
from tale_tui.domain.models import ModelRef, Progress
from tale_tui.engine.models.backend import TextVectors
from tale_tui.engine.models.embeddings import ChosenEmbedder
from tale_tui.engine.recall.background import UNRELATED
from tale_tui.engine.recall.ranking import FOUND, MEANING_FOUND, FoundByMeaning
from tale_tui.engine.store.store import Store

if TYPE_CHECKING:
    from tale_tui.engine.recall.vector_index import VectorIndex

SPREAD_MIN = 1e-3
"""Of a model for which all texts are the same."""


class TextEmbedder(Protocol):
    """Who makes vectors of texts; `models.embeddings` does."""

    async def choose(self) -> ChosenEmbedder:
        """Look which model there is now."""
        ...

    async def embed(self, ref: ModelRef, texts: tuple[str, ...], *, asks: bool) -> TextVectors:
        """The vectors of texts: questions, or what may answer them."""
        ...

    def fetch(self, source: str = "") -> AsyncGenerator[Progress, None]:
        """Get the model that can be fetched."""
        ...

    async def close(self) -> None:
        """End what was started."""
        ...


class MeaningSearch:
    """Finds items by meaning.

    Args:
        store: keeps vectors.
        embeddings: make them.
        monotonic: seconds of a clock that only goes forward.
    """

    def __init__(self, store: Store, embeddings: TextEmbedder, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._embeddings = embeddings
        self._monotonic = monotonic
        self._chosen: ChosenEmbedder | None = None
        self._looked = 0.0
        self._loaded: _Loaded | None = None
        self._turn = asyncio.Lock()

    @property
    def model(self) -> str:
        """The model that vectors are of, as `backend/model`; empty where none is known."""
        return str(self._chosen.ref) if self._chosen is not None and self._chosen.ref is not None else ""

    async def choose(self) -> ChosenEmbedder:
        """Which model there is; looked for again after a while."""
        now = self._monotonic()
        if self._chosen is None or now - self._looked >= EMBEDDER_LOOK_S:
            self._chosen, self._looked = await self._embeddings.choose(), now
        return self._chosen

    def look_again(self) -> None:
        """The next one who asks looks which model there is now."""
        self._chosen = None

    async def find(self, text: str) -> tuple[FoundByMeaning, ...]:
        """The items that mean most what a question asks for, best first; none before vectors were loaded.

        Raises:
            ModelError: the model of embeddings does not answer.
        """
        loaded = self._loaded
        ref = self._chosen.ref if self._chosen is not None else None
        if loaded is None or ref is None or loaded.ref != ref or not len(loaded.index):
            return ()
        found = await self._embeddings.embed(ref, (text,), asks=True)
        return await asyncio.to_thread(loaded.find, found.vectors[0])

    async def embed_some(self) -> int:
        """Embed some of the items that have no vector of the model yet; how many.

        Raises:
            ModelError: the model of embeddings does not answer.
            StoreError: the vectors could not be kept.
        """
        ref = (await self.choose()).ref
        if ref is None:
            return 0
        items, _ = await self._store.recall_counts(str(ref))
        if not items:
            return 0
        loaded = await self.load(ref)
        missing = await self._store.without_vector(str(ref), EMBEDDED_TOGETHER)
        if not missing:
            return 0
        found = await self._embeddings.embed(ref, tuple(text for _, text in missing), asks=False)
        packed = await asyncio.to_thread(loaded.packed, found.vectors)
        vectors = [(n, text, vector) for (n, text), vector in zip(missing, packed, strict=True)]
        kept = set(await self._store.add_vectors(str(ref), vectors))
        loaded.index.put((n, vector) for n, _, vector in vectors if n in kept)
        return len(kept)

    async def load(self, ref: ModelRef) -> _Loaded:
        """Have the vectors of a model in memory.

        Raises:
            ModelError: the model of embeddings does not answer.
            StoreError: they cannot be read.
        """
        async with self._turn:
            if self._loaded is None or self._loaded.ref != ref:
                texts = await self._embeddings.embed(ref, UNRELATED, asks=False)
                questions = await self._embeddings.embed(ref, UNRELATED, asks=True)
                loaded = await asyncio.to_thread(_Loaded, ref, texts.vectors, questions.vectors)
                after = 0
                while rows := await self._store.vectors(str(ref), after, VECTORS_READ):
                    await asyncio.to_thread(loaded.index.put, rows)
                    after = rows[-1][0]
                self._loaded = loaded
            return self._loaded

    def drop(self, n: int) -> None:
        """An item is forgotten, or says something else."""
        if self._loaded is not None:
            self._loaded.index.drop(n)


class _Loaded:
    """The vectors of a model. Made in a thread, as it loads numpy.

    What all texts have in common, and all questions, is taken away from each: what is left says how they differ.

    Args:
        ref: the model.
        texts: its vectors of texts that have nothing to do with each other.
        questions: the same, embedded as questions.
    """

    def __init__(
        self, ref: ModelRef, texts: tuple[tuple[float, ...], ...], questions: tuple[tuple[float, ...], ...]
    ) -> None:
        from tale_tui.engine.recall import vector_index

        self.ref = ref
        self._shortened, self._centred, self._pack = (
            vector_index.shortened,
            vector_index.centred,
            vector_index.packed,
        )
        rows, asked = self._shortened(texts), self._shortened(questions)
        self._centre = asked.mean(axis=0)
        self.index: VectorIndex = vector_index.VectorIndex(rows.mean(axis=0))
        between = self._centred(asked, self._centre) @ self._centred(rows, rows.mean(axis=0)).T
        others = [
            float(between[row, column]) for row in range(len(asked)) for column in range(len(rows)) if row != column
        ]
        self._spread = max(SPREAD_MIN, pstdev(others)) if others else SPREAD_MIN

    def packed(self, vectors: tuple[tuple[float, ...], ...]) -> list[bytes]:
        """Vectors as they are kept."""
        return self._pack(self._shortened(vectors))

    def find(self, vector: tuple[float, ...]) -> tuple[FoundByMeaning, ...]:
        """The items nearest to a question."""
        asked = self._shortened([vector])
        if asked.shape[1] != len(self._centre):
            return ()
        found = self.index.nearest(self._centred(asked, self._centre)[0], FOUND)
        near = (FoundByMeaning(n, cosine / self._spread) for n, cosine in found)
        return tuple(one for one in near if one.deviations >= MEANING_FOUND)
