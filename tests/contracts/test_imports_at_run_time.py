"""What is really imported, seen in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EVERYTHING_OF_THE_ENGINE = """
import importlib, pkgutil
import tale_tui.engine
for found in pkgutil.walk_packages(tale_tui.engine.__path__, "tale_tui.engine."):
    if not found.name.endswith(".training"):  # a process of its own
        importlib.import_module(found.name)
"""

LEARNING_LIBRARIES = {"numpy", "scipy", "sklearn"}
WINDOW = """
import asyncio, json, os, sys, threading
from pathlib import Path
from tale_tui.config.first_frame import FirstFrameSettings
from tale_tui.config.paths import Paths
from tale_tui.ui.app import TaleApp
from tale_tui.ui.engine_bridge import Bridge

seen = {"first frame": [], "numpy in": []}

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            seen["numpy in"].append(threading.current_thread() is threading.main_thread())

def after_first_frame(app, go_on=TaleApp._after_first_frame):
    seen["first frame"] = list(sys.modules)
    go_on(app)

def opened():
    from tale_tui.config.settings import Settings
    from tale_tui.domain.models import BackendName
    from tale_tui.engine.ipc.connect import open_engine
    from tale_tui.engine.models.scripted import ScriptedBackend, spoken

    backends = {BackendName.SCRIPTED: ScriptedBackend([spoken("word")], models=("small", "big"))}
    return open_engine(paths, Settings(ux="scripted/small", task="scripted/big"), backends=backends)

async def main():
    TaleApp._after_first_frame = after_first_frame
    app = TaleApp(Bridge(opened), paths, FirstFrameSettings())
    async with app.run_test(size=(80, 24)):
        while not (app.chat.controller and app.chat.line.model.state == "ready"):
            await asyncio.sleep(0.01)
        seen["ready"] = list(sys.modules)
        await app.chat.controller.engine.learning.forecast("Write a haiku about rain")
        seen["forecast"] = list(sys.modules)
    print(json.dumps(seen))

sys.meta_path.insert(0, Watch())
home = Path(sys.argv[1])
paths = Paths(home / "config", home / "data", home / "cache", home / "logs")
paths.make()
asyncio.run(main())
"""
"""A window that is opened, and then foresees a task."""
FIRST_REQUEST = """
import asyncio, json, sys, threading
import httpx
from tale_tui.engine.models.http.client import load_transport

async def main():
    loading = threading.Thread(target=load_transport)
    loading.start()
    loading.join()
    before = set(sys.modules)
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            await client.get("http://127.0.0.1:1")
        except httpx.ConnectError:
            print(json.dumps([sorted(before), sorted(set(sys.modules) - before)]))

asyncio.run(main())
"""
"""Nobody listens at this port: all that a request needs is there before that is known."""


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
    assert not packages(modules) & {"httpx", "ollama", "xllamacpp", "psutil", "numpy"}


def test_a_window_learns_nothing_before_its_first_frame_and_has_numpy_in_a_thread_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WINDOW, str(tmp_path)], check=True, capture_output=True, text=True, timeout=100
    )
    seen = json.loads(done.stdout.splitlines()[-1])
    first = set(seen["first frame"])
    assert "tale_tui.ui.app" in first
    assert not packages(first) & LEARNING_LIBRARIES
    assert not {name for name in first if name.startswith(("tale_tui.engine.learning", "tale_tui.engine.fitting"))}
    assert not packages(set(seen["ready"])) & LEARNING_LIBRARIES
    assert packages(set(seen["forecast"])) & LEARNING_LIBRARIES == {"numpy"}
    assert seen["numpy in"] == [False]


def test_what_the_first_request_needs_is_loaded_before_it_in_a_thread() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_REQUEST], check=True, capture_output=True, text=True, timeout=100
    )
    before, during = map(set, json.loads(done.stdout))
    assert {"httpcore", "anyio", "h11"} <= packages(before)
    assert not packages(during) & {"httpcore", "anyio", "h11", "certifi", "socksio"}


def test_the_whole_program_never_loads_what_fits_learn_with() -> None:
    modules = loaded_by(EVERYTHING_OF_THE_ENGINE.replace("tale_tui.engine", "tale_tui"))
    assert {"tale_tui.ui.app", "tale_tui.cli.main", "tale_tui.engine.learning.forecaster"} <= modules
    assert packages(modules) & LEARNING_LIBRARIES == {"numpy"}


def test_before_the_first_frame_only_textual_is_loaded() -> None:
    modules = loaded_by("import tale_tui.ui.app")
    late = {"pydantic", "pydantic_settings", "httpx", "ollama", "aiosqlite", "sqlite3", "psutil", "plotext"}
    assert not packages(modules) & (late | LEARNING_LIBRARIES)
    assert not modules & {
        "tale_tui.engine.engine",
        "tale_tui.engine.ipc",
        "tale_tui.engine.store",
        "tale_tui.config.settings",
    }
