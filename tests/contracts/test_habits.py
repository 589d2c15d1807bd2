"""Habits that the source keeps: which errors are caught, and that none is dropped."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

Modules = dict[str, Any]

BROAD = {"Exception", "BaseException"}


def names_in(node: ast.expr | None) -> Iterator[str]:
    """The names of the classes that an `except` or a `suppress` takes."""
    if isinstance(node, ast.Tuple):
        for element in node.elts:
            yield from names_in(element)
    elif isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr


def test_no_error_is_caught_that_is_not_named(modules: Modules) -> None:
    wrong = []
    for module in modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler):
                broad = node.type is None or BROAD & set(names_in(node.type))
            elif isinstance(node, ast.Call) and "suppress" in names_in(node.func):
                broad = any(BROAD & set(names_in(argument)) for argument in node.args)
            else:
                continue
            if broad:
                wrong.append(module.place(node.lineno))
    assert not wrong, "\n".join(wrong)


def test_no_error_is_dropped_without_a_word(modules: Modules) -> None:
    wrong = [
        module.place(node.lineno)
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and all(isinstance(line, ast.Pass) for line in node.body)
    ]
    assert not wrong, "use contextlib.suppress, with the reason:\n" + "\n".join(wrong)
