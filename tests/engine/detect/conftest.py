"""A few examples, so that a fit takes a moment."""

from __future__ import annotations

import pytest

from tale_tui.engine.detect.training import Example, packaged_examples

EVERY = 10


@pytest.fixture(scope="session")
def few() -> list[Example]:
    """Every tenth of the examples of the program."""
    return packaged_examples()[::EVERY]
