"""Habits that the source keeps: which errors are caught, how large things grow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

Modules = dict[str, Any]

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
CLASS_LINES_MAX = 260
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


def test_no_file_outgrows_its_room(modules: Modules) -> None:
    lines = {name: len(module.path.read_text(encoding="utf-8").splitlines()) for name, module in modules.items()}
    wrong = [f"{name}: {count} lines" for name, count in lines.items() if count > FILE_LINES_MAX]
    assert not wrong, "\n".join(wrong)


def test_no_function_and_no_class_outgrows_its_room(modules: Modules) -> None:
    wrong = []
    for module in modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                most = CLASS_LINES_MAX if isinstance(node, ast.ClassDef) else FUNCTION_LINES_MAX
                count = (node.end_lineno or node.lineno) - node.lineno + 1
                if count > most:
                    wrong.append(f"{module.place(node.lineno)}: {node.name} has {count} lines")
    assert not wrong, "\n".join(wrong)
