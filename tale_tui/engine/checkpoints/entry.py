"""What a path in a checkpoint leads to: a mode and a hash, as git has them."""

from __future__ import annotations

import hashlib

FILE_MODE = 0o100644
EXECUTABLE_MODE = 0o100755

Entry = tuple[int, bytes]
"""Mode and hash."""
FileKey = tuple[str, str]
"""Task, and path in its folder."""


def content_hash(content: bytes) -> str:
    """The hash that git gives to a content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def hash_of(entry: Entry | None) -> str:
    """The hash of what stands in a file; empty where it is not there."""
    return "" if entry is None else entry[1].decode()


def shown_path(path: str) -> str:
    """A path as it can be shown and sent: bytes that are no text stand there as `\\xNN`."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")
