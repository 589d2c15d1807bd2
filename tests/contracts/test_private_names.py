"""Nobody reaches for a private name of somebody else: not of another package, and not of another module of ours.

The private parts of the standard library that a class of ours inherits are left out: they change with Python alone,
and the tests run on each version of it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

Modules = dict[str, Any]

ROOMS = ("ui.terminal",)
"""Where private names of Textual may be used: each stands under a test in tests/ui/terminal/test_private_names.py."""
SINGLE = {
    # Hands a whole function to the thread of a connection; tests/engine/store/test_database.py holds it.
    ("tale_tui.engine.store.database", "_execute"),
}
TESTS = Path(__file__).parents[1]
TESTS_OF_THE_ROOM = TESTS / "ui" / "terminal"
LIBRARIES_IN_TESTS = {
    # The same call that the store makes.
    ("engine/store/test_database.py", "_execute"),
    # What is painted, and what is told: every test of a window reads it, and fails where it is gone.
    ("support/window.py", "_compositor"),
    ("support/window.py", "_notifications"),
}
"""Private names of libraries that a test has no public way around. None is of this package."""
DOCUMENTED = {"_replace", "_asdict", "_fields", "_make"}
"""Public methods of named tuples; the underscore keeps them apart from the fields."""
DOCUMENTED_OF_MODULES = {("os", "_exit")}
HEAVY = (".training", ".__main__")
"""Ends of the names of modules that are programs: importing them would load or do what nobody wants here."""


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def names_of(node: ast.AST) -> tuple[set[str], set[str]]:
    """The private names that a class (or all classes of a module) defines, and those that it reads from `self`."""
    defined, read = set(), set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.ClassDef):
            for line in inner.body:
                if isinstance(line, ast.FunctionDef | ast.AsyncFunctionDef):
                    defined.add(line.name)
                elif isinstance(line, ast.Assign):
                    defined |= {target.id for target in line.targets if isinstance(target, ast.Name)}
                elif isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    defined.add(line.target.id)
        elif isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id == "self":
            (defined if isinstance(inner.ctx, ast.Store) else read).add(inner.attr)
    return {name for name in defined if private(name)}, {name for name in read if private(name)}


def reaches(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Line, private name and whole expression, of each access to what belongs to somebody else."""
    classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    own, _ = names_of(tree)
    themselves = {"self", "cls"} | classes
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=made)], value=ast.Call(func=ast.Name(id="cls"))):
                themselves.add(made)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=holder), attr=name) if holder in themselves:
                continue
            case ast.Attribute(value=ast.Name(id=holder), attr=name) if (holder, name) in DOCUMENTED_OF_MODULES:
                continue
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super"))):
                continue
            case ast.Attribute(attr=name) if private(name) and name not in own | DOCUMENTED:
                yield node.lineno, name, ast.unparse(node)
            case ast.Call(
                func=ast.Name(id="getattr" | "setattr" | "hasattr") | ast.Attribute(attr="setattr"),
                args=[_, ast.Constant(str(name)), *_],
            ) if private(name) and name not in own:
                yield node.lineno, name, ast.unparse(node)
            case ast.Call(func=ast.Attribute(attr="setattr"), args=[ast.Constant(str(path)), _]):
                if private(name := path.rpartition(".")[2]):
                    yield node.lineno, name, ast.unparse(node)


def test_nobody_reaches_into_an_object_of_somebody_else(modules: Modules) -> None:
    wrong = [
        f"{module.place(line)}: {shown}"
        for module in modules.values()
        if not module.is_in(*ROOMS)
        for line, name, shown in reaches(module.tree)
        if (module.name, name) not in SINGLE
    ]
    assert not wrong, "\n".join(wrong)


def test_nobody_imports_a_private_name(modules: Modules) -> None:
    wrong = [
        f"{module.place(found.line)}: {found.module} {found.name}"
        for module in modules.values()
        if not module.is_in(*ROOMS)
        for found in module.imports
        if any(private(part) for part in (*found.module.split("."), found.name))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_test_reaches_into_an_object_of_the_package() -> None:
    wrong = []
    for path in sorted(TESTS.rglob("*.py")):
        place, tree = path.relative_to(TESTS).as_posix(), ast.parse(path.read_text("utf-8"))
        if path.is_relative_to(TESTS_OF_THE_ROOM):
            continue
        wrong += [
            f"{place}:{line}: {shown}" for line, name, shown in reaches(tree) if (place, name) not in LIBRARIES_IN_TESTS
        ]
        wrong += [
            f"{place}:{node.lineno}: {node.module} {alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module is not None
            for alias in node.names
            if any(private(part) for part in (*node.module.split("."), alias.name))
        ]
    assert not wrong, "\n".join(wrong)


def is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "tale_tui"


def is_of_a_library(kind: type) -> bool:
    return not is_ours(kind) and kind.__module__.partition(".")[0] not in sys.stdlib_module_names


@cache
def written(kind: type) -> tuple[frozenset[str], frozenset[str]]:
    """As `names_of`, of a class as its source has it; nothing where there is no source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError, SyntaxError):
        return frozenset(), frozenset()
    defined, read = names_of(tree)
    return frozenset(defined), frozenset(read)


def classes_of(modules: Modules) -> list[type]:
    found: list[type] = []
    for name, module in modules.items():
        if not name.endswith(HEAVY) and not module.is_in(*ROOMS):
            members = vars(importlib.import_module(name)).values()
            found += [member for member in members if inspect.isclass(member) and member.__module__ == name]
    return found


def test_no_class_overrides_or_uses_a_private_name_of_a_library_that_it_inherits_from(modules: Modules) -> None:
    wrong = []
    for kind in classes_of(modules):
        libraries = [base for base in kind.__mro__ if is_of_a_library(base)]
        theirs = {name for base in libraries for name in (*vars(base), *written(base)[0]) if private(name)}
        defined, read = written(kind)
        inherited = {name for base in kind.__mro__[1:] if is_ours(base) for name in written(base)[0]}
        reached = theirs & (defined | (read - inherited))
        wrong += [f"{kind.__module__}.{kind.__qualname__}: {name}" for name in sorted(reached)]
    assert not wrong, "\n".join(wrong)


# the contract itself


def test_the_contract_sees_what_it_forbids() -> None:
    source = """
class Mine:
    def __init__(self):
        self._own = 1
    def _method(self): ...

def work(mine, app, worker, pair):
    mine._own, mine._method(), Mine._method, pair._replace(x=1), os._exit(0)
    app._driver.write("x")
    getattr(worker, "_task")
    self._thread._queue

def test(monkeypatch):
    monkeypatch.setattr(app, "_driver", None)
    monkeypatch.setattr("tale_tui.ui.app._there", None)
    monkeypatch.setattr("tale_tui.ui.app.THERE", None)
"""
    found = {shown for _, _, shown in reaches(ast.parse(source))}
    assert found == {
        "app._driver",
        "getattr(worker, '_task')",
        "self._thread._queue",
        "monkeypatch.setattr(app, '_driver', None)",
        "monkeypatch.setattr('tale_tui.ui.app._there', None)",
    }


def test_the_contract_sees_an_override_and_a_use_of_a_private_name_that_is_inherited() -> None:
    from tale_tui.ui.terminal.app import TerminalApp

    defined, read = written(TerminalApp)
    base = next(base for base in TerminalApp.__mro__ if is_of_a_library(base))
    assert base.__name__ == "App"
    assert "_fatal_error" in defined & set(vars(base))
    assert {"_close_messages_no_wait", "_exception"} <= read
