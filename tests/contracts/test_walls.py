"""The walls between the rooms: who may import whom, deferred and type-only imports counted."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from typing import Any

Modules = dict[str, Any]

LAYERS = (
    {"link"},
    {"engine", "sessions", "control", "doctor"},
    {"api"},
    {"chat"},
    {"tasks"},
    {"route", "detect", "learn", "meter", "draft"},
    {"store", "models", "bus"},
    {"events", "results"},
    {"task_types"},
    {"types", "errors", "constants", "text", "world", "figures"},
)
"""Rooms of the engine from the top down. Who is in a layer imports from layers below it, and from its own room."""
TOP_OF_ENGINE = {"engine": 0, "sessions": 1, "control": 1, "doctor": 2}
"""Inside the top layer the wiring imports what it is made of."""

PUBLIC_MODULES = {
    *("api", "types", "task_types", "events", "errors", "world", "text", "constants", "figures"),
    *("link", "results", "detect", "store.read_only"),
}
"""Modules of the engine that may be imported outside; those of the first row load nothing heavy."""
LOADS_THE_ENGINE = "tale_tui.ui.opening"
"""Imports the engine behind the first frame, so that `open_engine` finds it loaded."""
LAYERS_OF_MODELS = (
    {"service"},
    {"wiring"},
    {"roles"},
    {"pool"},
    {"loading"},
    {"registry"},
    {"ollama", "openai", "embedded", "scripted"},
    {"http", "files"},
    {"server_errors", "reply_parser"},
    {"backend"},
    {"machine", "memory_forecast", "lenient_json", "demo"},
)
"""Rooms and modules of the models from the top down: who serves, the door, loading, the backends, what they share."""

STORE_LIBRARIES = {"sqlite3", "aiosqlite"}
MODEL_LIBRARIES = {"httpx", "ollama", "xllamacpp", "openai", "requests", "aiohttp", "urllib3", "http"}
LEARNING_LIBRARIES = {"sklearn", "scipy", "numpy"}
TRAINING = {"tale_tui.engine.detect.training"}
"""Modules that run as processes of their own, because what they learn with is heavy."""
SCREEN_LIBRARIES = {"textual", "rich", "textual_plotext", "plotext"}

UI_LAYERS = (
    {"app"},
    {"screens"},
    {"widgets"},
    {"markdown", "theming", "text", "signs", "words"},
    {"terminal"},
)


SQL = re.compile(r"\s*(SELECT\s.+\sFROM\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|PRAGMA\s)")


def room_of(name: str, above: str) -> str:
    """`tale_tui.engine.chat.turn` above `tale_tui.engine` is in the room `chat`."""
    return name.removeprefix(f"{above}.").partition(".")[0]


def layer_of(room: str, layers: tuple[set[str], ...]) -> int | None:
    return next((number for number, rooms in enumerate(layers) if room in rooms), None)


def test_no_module_imports_itself_in_a_circle(modules: Modules) -> None:
    graph = {
        name: {found.module for found in module.imports if found.module in modules} - {name}
        for name, module in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError("in a circle: " + " <- ".join(error.args[1])) from error


def test_every_room_of_the_engine_has_its_layer(modules: Modules) -> None:
    rooms = {room_of(name, "tale_tui.engine") for name in modules if name.startswith("tale_tui.engine.")}
    unplaced = {room for room in rooms if layer_of(room, LAYERS) is None}
    assert not unplaced, f"say in LAYERS where these belong: {sorted(unplaced)}"


def test_inside_the_engine_imports_go_downward(modules: Modules) -> None:
    wrong = []
    for name, module in modules.items():
        if not name.startswith("tale_tui.engine."):
            continue
        room = room_of(name, "tale_tui.engine")
        layer = layer_of(room, LAYERS)
        for found in module.imports:
            if not found.module.startswith("tale_tui.engine."):
                continue
            other = room_of(found.module, "tale_tui.engine")
            below = layer_of(other, LAYERS)
            downward = room == other or (layer is not None and below is not None and layer < below)
            inside = {room, other} <= TOP_OF_ENGINE.keys() and TOP_OF_ENGINE[room] < TOP_OF_ENGINE[other]
            if not (downward or inside):
                wrong.append(f"{module.place(found.line)}: {room} imports {other}")
    assert not wrong, "\n".join(wrong)


def test_inside_the_models_imports_go_downward(modules: Modules) -> None:
    above = "tale_tui.engine.models"
    wrong = []
    for name, module in modules.items():
        if not name.startswith(f"{above}."):
            continue
        room = room_of(name, above)
        layer = layer_of(room, LAYERS_OF_MODELS)
        assert layer is not None, f"say in LAYERS_OF_MODELS where {room} belongs"
        for found in module.imports:
            if not found.module.startswith(f"{above}."):
                continue
            other = room_of(found.module, above)
            below = layer_of(other, LAYERS_OF_MODELS)
            if room != other and (below is None or layer >= below):
                wrong.append(f"{module.place(found.line)}: {room} imports {other}")
    assert not wrong, "\n".join(wrong)


def test_the_engine_knows_no_screen_and_no_command(modules: Modules) -> None:
    wrong = [
        f"{module.place(found.line)}: {found.module}"
        for module in modules.values()
        if module.is_in("engine")
        for found in module.imports
        if found.module.partition(".")[0] in SCREEN_LIBRARIES | {"click"}
        or re.match(r"tale_tui\.(ui|cli|plain|__main__)\b", found.module)
    ]
    assert not wrong, "\n".join(wrong)


def test_only_public_modules_of_the_engine_are_used_outside(modules: Modules) -> None:
    public = {f"tale_tui.engine.{name}" for name in PUBLIC_MODULES}
    wrong = [
        f"{module.place(found.line)}: {found.module}"
        for name, module in modules.items()
        if not module.is_in("engine")
        for found in module.imports
        if found.module.startswith("tale_tui.engine") and found.module not in public
        if (name, found.module) != (LOADS_THE_ENGINE, "tale_tui.engine.engine")
    ]
    assert not wrong, "not among the public modules of tale_tui.engine:\n" + "\n".join(wrong)


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


def test_only_the_models_speak_to_networks_and_model_libraries(modules: Modules) -> None:
    wrong = [
        f"{module.place(found.line)}: {found.module}"
        for module in modules.values()
        if not module.is_in("engine.models")
        for found in module.imports
        if found.module.partition(".")[0] in MODEL_LIBRARIES
    ]
    assert not wrong, "\n".join(wrong)


def test_scikit_learn_is_for_training_which_nothing_imports(modules: Modules) -> None:
    wrong = [
        module.place(found.line)
        for name, module in modules.items()
        for found in module.imports
        if found.module in TRAINING or (found.module.partition(".")[0] in LEARNING_LIBRARIES and name not in TRAINING)
    ]
    assert not wrong, "\n".join(wrong)


def test_inside_the_screens_imports_go_downward(modules: Modules) -> None:
    wrong = []
    for name, module in modules.items():
        if not name.startswith("tale_tui.ui."):
            continue
        room = room_of(name, "tale_tui.ui")
        layer = layer_of(room, UI_LAYERS)
        for found in module.imports:
            if layer is None or not found.module.startswith("tale_tui.ui."):
                continue
            other = room_of(found.module, "tale_tui.ui")
            below = layer_of(other, UI_LAYERS)
            if below is not None and room != other and below < layer:
                wrong.append(f"{module.place(found.line)}: {room} imports {other}")
    assert not wrong, "\n".join(wrong)


def test_widgets_call_no_engine(modules: Modules) -> None:
    wrong = [
        f"{module.place(found.line)}: {found.module} {found.name}"
        for module in modules.values()
        if module.is_in("ui.widgets", "ui.markdown")
        for found in module.imports
        if found.module in ("tale_tui.engine.api", "tale_tui.engine.engine", "tale_tui.engine.link")
    ]
    assert not wrong, "\n".join(wrong)
