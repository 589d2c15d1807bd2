"""Numbers as they are said."""

from __future__ import annotations

import pytest

from tale_tui.formatting.units import format_probability


@pytest.mark.parametrize(("p", "shown"), [(0.93, ".93"), (1.0, ".99"), (0.0, ".01"), (0.5, ".50"), (0.29, ".29")])
def test_a_chance_takes_three_cells(p: float, shown: str) -> None:
    assert format_probability(p) == shown


def test_it_does_not_reach_a_bound_that_it_stays_below() -> None:
    assert (format_probability(0.697), format_probability(0.7)) == (".69", ".70")
