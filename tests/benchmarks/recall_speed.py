"""What recall costs: `OMP_NUM_THREADS=1 PYTHONPATH=tests python tests/benchmarks/recall_speed.py [ITEMS]`.

Fills a database with 100,000 made-up items and vectors of them, and prints the memory that the vectors take and the
times of a search by words, by meaning and by both (the vector of the question is there: what a model takes for it is
not recall's), at median and p95 of 200 questions, and of what the screen reads: pages of the list, and how many there
are. 30 ms and 40 MB are promised.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from support.recall_script import ScriptedEmbeddings, made_up_items
from tale_tui.config.settings import RecallSettings
from tale_tui.domain.clock import Clock
from tale_tui.domain.recall import RecallKind, RecallOrigin
from tale_tui.engine.recall.meaning import MeaningSearch
from tale_tui.engine.recall.ranking import FOUND
from tale_tui.engine.recall.service import RecallActivity, RecallService
from tale_tui.engine.recall.vector_index import packed, shortened
from tale_tui.engine.recall.words import asked_words, index_words
from tale_tui.engine.store.recall import NewItem
from tale_tui.engine.store.store import Store

TOGETHER = 5_000
QUESTIONS = 200
PAGE = 200
"""Items that the screen reads together."""


async def timed(name: str, texts: list[str], ask: Callable[[str], Awaitable[object]]) -> None:
    """Ask all and print what it took, by the clock and of the processor."""
    took, used = [], []
    for text in texts:
        began, computed = time.perf_counter(), time.process_time()
        await ask(text)
        took.append((time.perf_counter() - began) * 1000)
        used.append((time.process_time() - computed) * 1000)
    took.sort()
    used.sort()
    figures = [took[len(took) // 2], took[int(len(took) * 0.95)], used[len(used) // 2], used[int(len(used) * 0.95)]]
    print(f"{name:<12}" + "".join(f"{figure:>11.1f} ms" for figure in figures))


async def main(count: int) -> None:
    """Fill and measure."""
    embeddings = ScriptedEmbeddings()
    with tempfile.TemporaryDirectory() as folder:
        store = await Store.open(Path(folder) / "tale.db", Clock())
        texts = made_up_items(count, random.Random(5))
        for first in range(0, count, TOGETHER):
            part = texts[first : first + TOGETHER]
            await store.add_recall_items(
                NewItem(text, RecallKind.FACT, RecallOrigin.SAID, index_words(text), 1e9 + place)
                for place, text in enumerate(part)
            )
            missing = await store.without_vector(str(embeddings.ref), TOGETHER)
            rows = packed(shortened([embeddings.vector(text) for _, text in missing]))
            vectors = [(n, text, row) for (n, text), row in zip(missing, rows, strict=True)]
            await store.add_vectors(str(embeddings.ref), vectors)
        service = RecallService(
            *(store, embeddings, RecallSettings(), Clock(), RecallActivity(lambda: False, lambda: 0.0), print),
            can_write=False,
        )
        meaning = MeaningSearch(store, embeddings, time.monotonic)
        await meaning.choose()
        began = time.perf_counter()
        loaded = await meaning.load(embeddings.ref)
        print(f"{len(loaded.index):,} vectors read in {time.perf_counter() - began:.2f} s, "
              f"{loaded.index.size_bytes / 1e6:.1f} MB in memory")  # fmt: skip
        questions = [
            f"What about {text.split()[2]} and the {text.split()[-1]}?" for text in texts[:: count // QUESTIONS]
        ]
        await service.search(questions[0])
        print(f"{'':<12}{'median':>14}{'p95':>14}{'processor':>14}{'p95':>14}")
        await timed("words", questions, lambda text: store.recall_by_words(asked_words(text), FOUND))
        await timed("meaning", questions, meaning.find)
        await timed("both", questions, service.search)
        places = [str(place) for place in range(0, count, max(count // QUESTIONS, 1))]
        await timed("page", places, lambda place: service.list(limit=PAGE, offset=int(place)))
        await timed("state", places, lambda _: service.state())
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else 100_000))
