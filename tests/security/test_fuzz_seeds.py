"""The inputs that fuzzing begins with, what it has found among them, read in the ordinary run."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.targets import TARGETS

SEEDS = Path(__file__).resolve().parents[1] / "fuzz" / "seeds"
INPUTS = sorted(path for path in SEEDS.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: str(path.relative_to(SEEDS)))
def test_an_input_is_read_as_it_should_be(path: Path) -> None:
    TARGETS[path.parent.name].run(path.read_bytes())


def test_each_target_has_a_seed() -> None:
    assert {path.parent.name for path in INPUTS} == set(TARGETS)
