"""The source as data: which module imports which, deferred and type-only imports counted."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "tale_tui"


@dataclass(frozen=True)
class Import:
    """One imported thing: `name` of `module`, or the module itself where there is no name."""

    module: str
    name: str
    line: int


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    name: str
    path: Path
    all_names: frozenset[str]
    """Of all modules of the package."""

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        return tuple(self._imports())

    def _imports(self) -> Iterator[Import]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(alias.name, "", node.lineno)
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                for alias in node.names:
                    inner = f"{base}.{alias.name}"
                    if inner in self.all_names:
                        yield Import(inner, "", node.lineno)
                    else:
                        yield Import(base, alias.name, node.lineno)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
        for _ in range(node.level - 1):
            package = package.rpartition(".")[0]
        return f"{package}.{node.module}" if node.module else package

    def is_in(self, *rooms: str) -> bool:
        """Whether it is one of these modules or lies below one of them; names are without `tale_tui.`."""
        return any(self.name == f"tale_tui.{room}" or self.name.startswith(f"tale_tui.{room}.") for room in rooms)

    def place(self, line: int) -> str:
        return f"{self.path.relative_to(ROOT.parent)}:{line}"


def _name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.fixture(scope="session")
def modules() -> dict[str, Module]:
    """All modules of the package by name."""
    files = {_name_of(path): path for path in sorted(ROOT.rglob("*.py"))}
    return {name: Module(name, path, frozenset(files)) for name, path in files.items()}
