"""How a file gets into a folder whole or not at all: under a temporary name, checked, on the disk, then renamed."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from tale_tui.engine.errors import BadInput, DiskFull, ReadOnly
from tale_tui.engine.text import clean_line

TEMPORARY_PREFIX = ".incoming-"
"""Of folders with files that are not whole yet; nothing else has a name like that."""
CHUNK_BYTES = 8 * 1024 * 1024
"""Copied in one step: a tenth of a second on a slow disk, so that stopping is quick."""

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


async def pour(source: IO[bytes], target: Path, sha256: str = "") -> AsyncGenerator[int, None]:
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
            chunk = source.read(CHUNK_BYTES)
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
