"""Files that are handed in with a task."""

from __future__ import annotations

import json
from pathlib import Path

from tale_tui.engine.errors import BadInput
from tale_tui.engine.text import clean_line

CHARACTERS_MAX = 60_000
"""Of all files of a task: what the prompt of a step may have, and something to spare for their names."""
READ_MAX = 16_000_000
"""More than the largest plan has. What never ends would fill the memory otherwise."""


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        BadInput: it cannot be read, is not text, or does not end.
    """
    try:
        # The mark that some programs write first is no part of the text.
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(READ_MAX + 1)
    except UnicodeDecodeError as error:
        raise _not_text(path) from error
    except OSError as error:
        raise BadInput(f"{clean_line(str(path))} cannot be read ({error.strerror}): give a file that can.") from error
    if "\0" in text:
        raise _not_text(path)
    if len(text) > READ_MAX:
        raise BadInput(f"{clean_line(str(path))} is longer than {READ_MAX:,} characters: give a shorter file.")
    return text


def _not_text(path: Path) -> BadInput:
    return BadInput(f"{clean_line(str(path))} is not text: give a file of text in UTF-8.")


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
            f"{', '.join(clean_line(name) for name, _ in texts)}: {length:,} characters are more than the "
            f"{CHARACTERS_MAX:,} that can be attached; attach the part that matters."
        )
    prompt = "\n\n".join(f"The file {name}:\n\n{text.strip()}" for name, text in texts)
    return json.dumps({"steps": [{"key": "answer", "prompt": prompt}]})
