"""The pages for people who work on the project: what they say can be run runs, what they name is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tale_tui.engine.models.demo import demo_answer

PROJECT = Path(__file__).parents[1]
ARCHITECTURE = PROJECT / "docs" / "ARCHITECTURE.md"
PAGES = (ARCHITECTURE, PROJECT / "docs" / "PROMISES.md", PROJECT / "CONTRIBUTING.md")
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"\b(?:tale_tui|tests)/[\w./-]*\w/?")
"""A file or a folder of the project."""
WAIT_S = 30.0


@pytest.mark.process
def test_an_engine_is_started_from_python_as_the_architecture_says(tmp_path: Path) -> None:
    found = PYTHON.search(ARCHITECTURE.read_text(encoding="utf-8"))
    assert found is not None
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TALE_", "OLLAMA"))}
    scripted = {"TALE_HOME": str(tmp_path / "home"), "TALE_UX": "scripted/demo", "TALE_TASK": "scripted/demo"}
    run = subprocess.run(
        [sys.executable, "-c", found[1]],
        env=kept | scripted | {"PYTHONUTF8": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=WAIT_S,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == demo_answer("Say hello.")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_folder_that_a_page_names_is_there(page: Path) -> None:
    named = NAMED.findall(page.read_text(encoding="utf-8"))
    assert [path for path in named if not (PROJECT / path).exists()] == []
