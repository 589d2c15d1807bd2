"""Files that are handed in with a task."""

from __future__ import annotations

import json
from pathlib import Path

from tale_tui.engine import BadInput, clean_line

CHARACTERS_MAX = 60_000
"""Of all files of a task: what the prompt of a step may have, and something to spare for their names."""


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        BadInput: it cannot be read, or is not text.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{clean_line(str(path))} is not text.") from error
    except OSError as error:
        raise BadInput(f"{clean_line(str(path))} cannot be read: {error.strerror}.") from error
    if "\0" in text:
        raise BadInput(f"{clean_line(str(path))} is not text.")
    return text


def plan_with(files: tuple[Path, ...]) -> str:
    """A plan of one step that is shown these files; empty where there are none.

    Raises:
        BadInput: one cannot be read, or they are too long together.
    """
    if not files:
        return ""
    texts = [(path.name, read_text(path)) for path in files]
    length = sum(len(text) for _, text in texts)
    if length > CHARACTERS_MAX:
        raise BadInput(
            f"{', '.join(clean_line(name) for name, _ in texts)}: {length:,} characters are too many, "
            f"{CHARACTERS_MAX:,} can be attached. Attach the part that matters."
        )
    prompt = "\n\n".join(f"The file {name}:\n\n{text.strip()}" for name, text in texts)
    return json.dumps({"steps": [{"key": "answer", "prompt": prompt}]})
