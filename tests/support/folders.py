"""What stands in a folder, also while somebody else writes there."""

from __future__ import annotations

from pathlib import Path


def texts_in(root: Path, names: str = "*") -> dict[str, str]:
    """The text of every file so named below a folder, by its path from there; none of one that is removed meanwhile."""
    found = {}
    for path in sorted(root.rglob(names)):
        try:
            found[path.relative_to(root).as_posix()] = path.read_text()
        except (IsADirectoryError, FileNotFoundError):
            continue
    return found
