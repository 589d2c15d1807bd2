"""The walls between the rooms: who may import whom, deferred and type-only imports counted."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from typing import Any

Modules = dict[str, Any]

ROOMS = (
    {"__main__"},
    {"cli"},
    {"ui"},
    {"engine"},
    {"formatting"},
    {"config"},
    {"domain"},
)
"""Rooms of the package from the top down: who is in one imports from those below it and from its own."""

ENGINE = (
    {"load_test"},
    {"ipc", "client_actions"},
    {"engine"},
    {"control"},
    {"sessions", "doctor"},
    {"chat"},
    {"planning", "checkpoints"},
    {"tasks"},
    {"background", "result_files", "api"},
    {"route", "metrics", "recall"},
    {"learning"},
    {"detect"},
    {"fitting"},
    {"streaming"},
    {"store", "models", "bus"},
    {"unexpected", "child_process", "idle"},
)
"""The same inside the engine. What is side by side meets in protocols that engine.py ties together."""

MODELS = (
    {"service"},
    {"wiring"},
    {"roles", "embeddings"},
    {"pool"},
    {"loading"},
    {"registry"},
    {"ollama", "openai", "embedded", "scripted"},
    {"embedding"},
    {"http", "files"},
    {"server_errors", "reply_parser", "call_meter"},
    {"backend"},
    {"machine", "memory_forecast", "lenient_json", "demo", "traffic"},
)
"""The same inside the models: who serves, the door, loading, the backends, what they share."""

UI = (
    {"app"},
    {"modes"},
    {"chat"},
    {"tasks", "tokens", "dashboard", "learning", "remembered"},
    {"plans", "checkpoints"},
    {"dialogs"},
    {"live_screen"},
    {"transcript", "engine_bridge", "work_throttle"},
    {"base_screen"},
    {"widgets"},
    {"markdown"},
    {"keys", "commands", "theming", "terminal", "text", "graphemes", "notice_queue"},
    {"preferences"},
)
"""The same inside the window: app, screens, dialogs, what they are made of."""

SEEN_FROM_OUTSIDE = {
    "engine.api",
    "engine.ipc.connect",
    "engine.client_actions",
    "engine.background",
    "engine.result_files",
}
"""Modules of the engine that the window and the commands may use; everything else of it is its own."""
ALSO_SEEN_BY_COMMANDS = {
    "engine.detect",
    "engine.store.read_only",
    "engine.load_test",
}
"""By commands that work without an engine: looking at what is stored, judging a text, checking an installation. What
puts load on an engine is itself a client of the API."""

LOADS_THE_ENGINE = "tale_tui.ui.engine_bridge"
"""Imports the engine behind the first frame, so that `open_engine` finds it loaded."""

STORE_LIBRARIES = {"sqlite3", "aiosqlite"}
MODEL_LIBRARIES = {"httpx", "ollama", "xllamacpp", "openai", "requests", "aiohttp", "urllib3", "http", "h11"}
NETWORK_ROOMS = ("engine.models", "engine.metrics.export", "engine.metrics.webhook")
"""Who speaks to models, and who tells other systems what was counted, or what went wrong."""
LEARNING_LIBRARIES = {"sklearn", "scipy", "numpy"}
SCREEN_LIBRARIES = {"textual", "rich", "textual_plotext", "plotext"}
TRAINING = {"tale_tui.engine.detect.training", "tale_tui.engine.learning.training"}
"""Modules that run as processes of their own, because what they learn with is heavy."""

SQL = re.compile(r"\s*(SELECT\s.+\sFROM\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|PRAGMA\s)")


def room_of(name: str, above: str) -> str:
    """`tale_tui.engine.chat.turn` above `tale_tui.engine` is in the room `chat`."""
    return name.removeprefix(f"{above}.").partition(".")[0]


def climbs(modules: Modules, above: str, layers: tuple[set[str], ...]) -> list[str]:
    """Imports between the rooms of `above` that do not go downward."""
    floor = {room: number for number, rooms in enumerate(layers) for room in rooms}
    wrong = []
    for name, module in modules.items():
        if not name.startswith(f"{above}."):
            continue
        room = room_of(name, above)
        if room not in floor:
            wrong.append(f"say where {above}.{room} belongs")
            continue
        for found in module.imports:
            if not found.module.startswith(f"{above}.") or found.module not in modules:
                continue
            other = room_of(found.module, above)
            if other != room and floor.get(other, -1) <= floor[room]:
                wrong.append(f"{module.place(found.line)}: {room} imports {other}")
    return sorted(set(wrong))


def test_no_module_imports_itself_in_a_circle(modules: Modules) -> None:
    graph = {
        name: {found.module for found in module.imports if found.module in modules} - {name}
        for name, module in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError("in a circle: " + " <- ".join(error.args[1])) from error


def test_between_the_rooms_imports_go_downward(modules: Modules) -> None:
    assert not (wrong := climbs(modules, "tale_tui", ROOMS)), "\n".join(wrong)


def test_inside_the_engine_imports_go_downward(modules: Modules) -> None:
    assert not (wrong := climbs(modules, "tale_tui.engine", ENGINE)), "\n".join(wrong)


def test_inside_the_models_imports_go_downward(modules: Modules) -> None:
    assert not (wrong := climbs(modules, "tale_tui.engine.models", MODELS)), "\n".join(wrong)


def test_inside_the_window_imports_go_downward(modules: Modules) -> None:
    assert not (wrong := climbs(modules, "tale_tui.ui", UI)), "\n".join(wrong)


def test_no_module_stands_at_the_root_of_the_package(modules: Modules) -> None:
    loose = {name for name in modules if name.count(".") == 1 and modules[name].path.name != "__init__.py"}
    assert loose == {"tale_tui.__main__"}


def test_the_domain_is_the_standard_library_alone(modules: Modules) -> None:
    import sys

    wrong = [
        f"{module.place(found.line)}: {found.module}"
        for module in modules.values()
        if module.is_in("domain")
        for found in module.imports
        if found.module.partition(".")[0] not in {*sys.stdlib_module_names, "tale_tui"}
    ]
    assert not wrong, "\n".join(wrong)


def test_the_engine_knows_no_screen_and_no_command(modules: Modules) -> None:
    wrong = [
        f"{module.place(found.line)}: {found.module}"
        for module in modules.values()
        if module.is_in("engine", "formatting", "config", "domain")
        for found in module.imports
        if found.module.partition(".")[0] in SCREEN_LIBRARIES | {"click"}
    ]
    assert not wrong, "\n".join(wrong)


def test_the_insides_of_the_engine_are_its_own(modules: Modules) -> None:
    wrong = []
    for module in modules.values():
        if module.is_in("engine"):
            continue
        seen = SEEN_FROM_OUTSIDE | (ALSO_SEEN_BY_COMMANDS if module.is_in("cli") else set())
        seen |= {"engine.engine"} if module.name == LOADS_THE_ENGINE else set()
        for found in module.imports:
            inside = found.module.removeprefix("tale_tui.")
            if inside.startswith("engine") and not any(inside == one or inside.startswith(f"{one}.") for one in seen):
                wrong.append(f"{module.place(found.line)}: {found.module}")
    assert not wrong, "\n".join(wrong)


def test_the_window_is_loaded_only_by_the_command_that_opens_it(modules: Modules) -> None:
    wrong = [
        f"{module.place(found.line)}: {found.module}"
        for module in modules.values()
        if module.is_in("cli") and module.name != "tale_tui.cli.chat.chat"
        for found in module.imports
        if found.module.startswith("tale_tui.ui")
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_store_speaks_to_the_database(modules: Modules) -> None:
    wrong = [
        f"{module.place(found.line)}: {found.module}"
        for module in modules.values()
        if not module.is_in("engine.store")
        for found in module.imports
        if found.module.partition(".")[0] in STORE_LIBRARIES
    ]
    for module in modules.values():
        if not module.is_in("engine.store"):
            wrong += [f"{module.place(line)}: {text[:60]!r}" for line, text in strings(module) if SQL.match(text)]
    assert not wrong, "\n".join(wrong)


def strings(module: Any) -> list[tuple[int, str]]:
    return [
        (node.lineno, node.value)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_only_the_models_and_the_export_speak_to_networks(modules: Modules) -> None:
    wrong = [
        f"{module.place(found.line)}: {found.module}"
        for module in modules.values()
        if not module.is_in(*NETWORK_ROOMS)
        for found in module.imports
        if found.module.partition(".")[0] in MODEL_LIBRARIES
    ]
    assert not wrong, "\n".join(wrong)


def test_scikit_learn_is_for_training_which_nothing_imports(modules: Modules) -> None:
    wrong = [
        module.place(found.line)
        for name, module in modules.items()
        for found in module.imports
        if found.module in TRAINING
        or (
            found.module.partition(".")[0] in LEARNING_LIBRARIES
            and name not in TRAINING
            and not (found.module.partition(".")[0] == "numpy" and module.is_in("engine.learning", "engine.recall"))
        )
    ]
    assert not wrong, "\n".join(wrong)


def test_what_is_drawn_calls_no_engine(modules: Modules) -> None:
    wrong = [
        f"{module.place(found.line)}: {found.module} {found.name}"
        for module in modules.values()
        if module.is_in("ui.widgets", "ui.markdown", "ui.transcript", "ui.terminal")
        for found in module.imports
        if found.module.startswith("tale_tui.engine")
    ]
    assert not wrong, "\n".join(wrong)
