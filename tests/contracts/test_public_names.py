"""The public names of the engine: all there, each from where it says, none by accident."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from tale_tui import engine

EXPECTED_VERBS = {"Engine", "Verbs", "open_face"}


def type_only_imports(module: Any) -> dict[str, str]:
    """Name -> module, of what is imported for type checkers."""
    found: dict[str, str] = {}
    for node in module.tree.body:
        if isinstance(node, ast.If):
            for line in node.body:
                assert isinstance(line, ast.ImportFrom)
                found |= {alias.asname or alias.name: line.module or "" for alias in line.names}
    return found


def test_every_public_name_is_there_and_comes_from_the_engine() -> None:
    assert engine.__all__
    assert len(set(engine.__all__)) == len(engine.__all__)
    for name in engine.__all__:
        value = getattr(engine, name)
        home = getattr(value, "__module__", "tale_tui.engine")
        assert home.startswith("tale_tui.engine") or home in ("types", "typing"), name
    assert set(engine.__all__) >= EXPECTED_VERBS
    assert set(dir(engine)) >= set(engine.__all__)


def test_type_checkers_see_the_same_names_from_the_same_places(modules: dict[str, Any]) -> None:
    seen = type_only_imports(modules["tale_tui.engine"])
    assert seen == engine._HOMES


def test_everything_public_in_the_nouns_is_public(modules: dict[str, Any]) -> None:
    for noun in ("types", "events", "errors"):
        tree = modules[f"tale_tui.engine.{noun}"].tree
        defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
        missing = {name for name in defined if not name.startswith("_")} - set(engine.__all__)
        assert not missing, f"add to tale_tui.engine: {sorted(missing)}"


def test_another_name_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        engine.Nothing  # noqa: B018 - looking is the test
