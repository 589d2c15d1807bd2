"""What is really imported, seen in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

EVERYTHING_OF_THE_ENGINE = """
import importlib, pkgutil
import tale_tui.engine
for found in pkgutil.walk_packages(tale_tui.engine.__path__, "tale_tui.engine."):
    if not found.name.endswith(".training"):  # a process of its own
        importlib.import_module(found.name)
"""


def loaded_by(code: str) -> set[str]:
    """All modules that some code loads in a fresh interpreter, beyond those that it begins with."""
    # An entry without a module is one that must not be imported.
    program = (
        "import json, sys\n"
        "before = set(sys.modules)\n"
        f"{code}\n"
        "print(json.dumps([name for name, module in sys.modules.items() if module and name not in before]))"
    )
    # Measuring coverage would load a database into the process that is looked at.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment)
    return set(json.loads(done.stdout))


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_the_whole_engine_brings_no_screen_library() -> None:
    modules = loaded_by(EVERYTHING_OF_THE_ENGINE)
    assert "tale_tui.engine.engine" in modules
    assert "httpx" in modules
    assert not packages(modules) & {"textual", "rich", "click", "pygments", "plotext", "sklearn", "xllamacpp"}
    assert not {name for name in modules if name.startswith(("tale_tui.ui", "tale_tui.cli"))}


@pytest.mark.parametrize("name", ["clock", "conversation", "errors", "events", "models", "tasks", "text"])
def test_what_everybody_imports_loads_little(name: str) -> None:
    modules = loaded_by(f"import tale_tui.domain.{name}")
    assert not packages(modules) & {"pydantic", "sqlite3", "aiosqlite", "httpx", "asyncio"}
    assert "tale_tui.engine.engine" not in modules


def test_an_engine_loads_no_model_library_before_it_is_needed() -> None:
    modules = loaded_by("import tale_tui.engine.engine")
    assert not packages(modules) & {"httpx", "ollama", "xllamacpp", "psutil"}


def test_before_the_first_frame_only_textual_is_loaded() -> None:
    modules = loaded_by("import tale_tui.ui.app")
    late = {"pydantic", "pydantic_settings", "httpx", "ollama", "aiosqlite", "sqlite3", "psutil", "plotext", "sklearn"}
    assert not packages(modules) & late
    assert not modules & {
        "tale_tui.engine.engine",
        "tale_tui.engine.ipc",
        "tale_tui.engine.store",
        "tale_tui.config.settings",
    }
