"""Names: one word means one thing, a folder is a concept, and few classes stand above another."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections import Counter, defaultdict
from typing import Any

Modules = dict[str, Any]

MODULES_IN_A_FOLDER = 22
"""More of them hide a room that wants a name."""
OWN_CLASSES_IN_A_CHAIN = 3
"""A class and at most two of our own above it."""


def classes(modules: Modules) -> list[tuple[str, str]]:
    return [
        (node.name, name)
        for name, module in modules.items()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and node in module.tree.body
    ]


def chain(found: type) -> list[str]:
    """Our own classes from this one up to the farthest of ours above it."""
    if not found.__module__.startswith("tale_tui."):
        return []
    return [found.__name__, *max((chain(base) for base in found.__bases__), key=len)]


def test_a_class_name_means_one_thing_in_the_whole_package(modules: Modules) -> None:
    homes = defaultdict(list)
    for name, module in classes(modules):
        homes[name].append(module)
    assert not {name: where for name, where in homes.items() if len(where) > 1}


def test_a_folder_is_named_once(modules: Modules) -> None:
    """`chat/chat_input.py` says its folder twice; `chat_input.py` outside of one misses it."""
    folders = {name.rpartition(".")[2] for name, module in modules.items() if module.path.name == "__init__.py"}
    wrong = [
        name
        for name in modules
        for folder in folders
        if name.rpartition(".")[2].startswith(f"{folder}_") and name.rpartition(".")[0].rpartition(".")[2] == folder
    ]
    assert not wrong


def test_no_folder_is_crowded(modules: Modules) -> None:
    counted = Counter(name.rpartition(".")[0] for name, module in modules.items() if module.path.name != "__init__.py")
    assert not {folder: count for folder, count in counted.items() if count > MODULES_IN_A_FOLDER}


def test_few_classes_of_ours_stand_above_another(modules: Modules) -> None:
    wrong = {}
    for name in modules:
        if name.endswith((".__main__", ".training", ".child")):  # programs of their own
            continue
        for _, found in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            if found.__module__ == name and len(chain(found)) > OWN_CLASSES_IN_A_CHAIN:
                wrong[found.__qualname__] = chain(found)
    assert not wrong
