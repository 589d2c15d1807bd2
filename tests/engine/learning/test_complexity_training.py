"""The fit of complexity: the same weights each time, and good on an author whom it has not seen."""

from __future__ import annotations

import pytest

from tale_tui.domain.complexity import LEVELS
from tale_tui.engine.learning.complexity import packaged_weights
from tale_tui.engine.learning.training import learn, packaged_examples, parse_examples

LEAST_EXACT = 0.8


@pytest.mark.long
def test_the_packaged_weights_are_those_of_the_packaged_examples() -> None:
    assert learn(packaged_examples()) == packaged_weights()
    assert packaged_weights().facts["exact"] >= LEAST_EXACT


def test_every_level_has_hundreds_of_examples_and_no_text_has_two() -> None:
    examples = packaged_examples()
    assert len({each.text.strip().casefold() for each in examples}) == len(examples)
    assert all(sum(each.level is level for each in examples) > 200 for level in LEVELS)


@pytest.mark.parametrize("line", ["x", "[]", '{"text": "a"}', '{"text": "a", "label": "hard"}'])
def test_a_line_that_is_no_example_is_named_by_its_number(line: str) -> None:
    with pytest.raises(ValueError, match="line 2 is no example"):
        parse_examples(["", line])
