"""Where the lock and the socket of a data folder are."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import warnings
from pathlib import Path

from platformdirs import user_runtime_path
from platformdirs.api import RuntimeDirWarning

from tale_tui.domain.constants import SOCKET_DIGEST_CHARACTERS, SOCKET_PATH_BYTES_MAX

LOCK_NAME = "engine.lock"
SOCKET_NAME = "engine.sock"


def lock_path(data: Path) -> Path:
    """The file whose lock makes a process the engine of this data folder."""
    return data / LOCK_NAME


def socket_path(data: Path) -> Path:
    """The socket of this data folder: in it, or in the runtime folder under its hash where the path is too long."""
    direct = data / SOCKET_NAME
    if len(bytes(direct)) <= SOCKET_PATH_BYTES_MAX:
        return direct
    name = f"tale-{hashlib.sha256(bytes(data.resolve())).hexdigest()[:SOCKET_DIGEST_CHARACTERS]}.sock"
    with warnings.catch_warnings():
        # Where the system has no runtime folder it takes one in the folder for temporary files, which is as good here.
        warnings.simplefilter("ignore", RuntimeDirWarning)
        runtime = user_runtime_path("tale-tui", appauthor=False) / name
    if len(bytes(runtime)) <= SOCKET_PATH_BYTES_MAX:
        return runtime
    return Path(tempfile.gettempdir()) / f"tale-{os.getuid()}" / name


def is_ours(socket: Path) -> bool:
    """Whether nobody else could have put this socket there: its folder belongs to this user."""
    return socket.parent.stat().st_uid == os.getuid()


def sockets_exist() -> bool:
    """Whether this system has unix sockets that asyncio can serve."""
    return hasattr(asyncio, "start_unix_server")
