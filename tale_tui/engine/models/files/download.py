"""Fetching one pinned wheel with the user's own installer, in a process of its own.

pip honours the user's index, proxies, certificates and credentials, so nothing here names a host. What it says goes
to the log without addresses, which may hold passwords; the screen is shown our own sentences.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import re
import shutil
import signal
import sys
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tale_tui.config.environment import copy_environment
from tale_tui.domain.constants import DOWNLOAD_RESUMES, INSTALLER_LINES_KEPT, INSTALLER_READ_BYTES
from tale_tui.domain.errors import FetchFailed
from tale_tui.domain.text import clean_line
from tale_tui.engine.child_process import module_command

log = logging.getLogger(__name__)

UNPACKED = "unpacked"
"""Where an installer that cannot leave the wheel alone has unpacked it."""

_PROGRESS = re.compile(r"Progress (\d+) of \d+")
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)
_LINE_END = re.compile(rb"[\r\n]+")

OTHER_WAYS = "Or give a path to the .gguf file or to the wheel that it comes in."
# What installers say, in lower case, and what it means. The first that fits is told.
_REASONS = (
    (
        "do not match the hashes|hash mismatch",
        "The index sent another file than the one that was asked for. Try again.",
    ),
    ("no space left|disk quota", "The disk is full. Make room, then try again."),
    ("permission denied|read-only file system", "The folder of models cannot be written. Change its permissions."),
    (
        "certificate|ssl",
        "The certificate of the package index is not trusted here. Set the one of your network for pip (PIP_CERT).",
    ),
    ("401|403|407|credentials", "The package index wants a name and a password. Set them for pip, then try again."),
    (
        "name resolution|name or service|nodename|connection|newconnection|timed out|timeout|unreachable|dns error"
        "|error sending request",
        "The package index cannot be reached. Look at the network, then try again.",
    ),
    (
        "no matching distribution|could not find a version|not found in the package registry|no solution",
        "The package index that pip is set to does not have it. Try another index.",
    ),
)


@dataclass(frozen=True, slots=True)
class Package:
    """A wheel, pinned."""

    name: str
    version: str
    size_bytes: int
    sha256: str

    def __str__(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"


async def download(package: Package, folder: Path) -> AsyncGenerator[int, None]:
    """Fetch a wheel. Yields how many bytes have come, where the installer tells; closing it ends the installer.

    Args:
        package: what to fetch; its checksum is checked by the installer.
        folder: absolute, private and empty, on the file system of the target; `fetched` finds there what came.
    Raises:
        FetchFailed: the sentence says what happened and what to do.
        OSError: the folder cannot be written.
    """
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", "utf-8")
    process = await asyncio.create_subprocess_exec(
        *installer_command(wanted, folder),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=_environment(folder),
        start_new_session=True,
    )
    said: deque[str] = deque(maxlen=INSTALLER_LINES_KEPT)
    try:
        async for line in _lines(process):
            if progress := _PROGRESS.match(line):
                yield int(progress[1])
            else:
                said.append(line)
        if await process.wait():
            raise _failure(said)
    finally:
        await _end(process)


def fetched(folder: Path) -> Path:
    """What `download` has brought: the wheel, or the folder into which it was unpacked.

    Raises:
        FetchFailed: nothing.
    """
    if (folder / UNPACKED).is_dir():
        return folder / UNPACKED
    for wheel in folder.glob("*.whl"):
        return wheel
    raise FetchFailed(f"The installer ended without an error and brought nothing. {OTHER_WAYS}")


def installer_command(wanted: Path, folder: Path) -> list[str]:
    """The installer that there is, pip of this Python, else uv, and what it is asked for.

    Args:
        wanted: the file that names the wheel and its checksum.
        folder: where the wheel goes to.
    Raises:
        FetchFailed: there is none.
    """
    pinned = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(wanted)]
    if importlib.util.find_spec("pip") is not None:
        pip = module_command("pip", ("download", "--no-input", "--no-cache-dir", "--no-color"))
        return [*pip, "--disable-pip-version-check", "--progress-bar", "raw", "--dest", str(folder), *pinned]
    if uv := shutil.which("uv"):
        target = ["--python", sys.executable, "--target", str(folder / UNPACKED)]
        return [uv, "pip", "install", "--no-progress", "--no-cache", "--color", "never", *target, *pinned]
    raise FetchFailed(f"Neither pip nor uv is there to fetch it. Install pip into this Python. {OTHER_WAYS}")


def _environment(folder: Path) -> dict[str, str]:
    """The user's own, with what would be in the way put aside."""
    own = {
        "TMPDIR": str(folder),  # what a killed installer leaves goes with the folder, and /tmp may be small
        "PIP_REQUIRE_VIRTUALENV": "0",  # nothing is installed
        "PIP_RESUME_RETRIES": str(DOWNLOAD_RESUMES),
    }
    return copy_environment() | own


async def _lines(process: asyncio.subprocess.Process) -> AsyncIterator[str]:
    """What a process says, line by line, cleaned and without addresses."""
    if process.stdout is None:
        return
    rest = b""
    while data := await process.stdout.read(INSTALLER_READ_BYTES):
        *lines, rest = _LINE_END.split((rest + data)[-INSTALLER_READ_BYTES:])
        for line in lines:
            yield _harmless(line)
    if rest:
        yield _harmless(rest)


def _harmless(line: bytes) -> str:
    return _ADDRESS.sub("(address)", clean_line(line.decode("utf-8", "replace"), limit=1000))


def _failure(said: deque[str]) -> FetchFailed:
    log.warning("the installer failed: %s", " / ".join(said))
    # Where a connection failed, pip warns of that and then says that there is no such package.
    text = "\n".join(said).lower()
    for words, sentence in _REASONS:
        if re.search(words, text):
            return FetchFailed(f"{sentence} {OTHER_WAYS}")
    return FetchFailed(f"The installer did not get it; what it said is in the log. {OTHER_WAYS}")


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the installer and whatever it started, and wait until it is gone."""
    if process.returncode is None:
        with suppress(ProcessLookupError):  # it ended by itself meanwhile
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
