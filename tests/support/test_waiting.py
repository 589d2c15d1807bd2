"""What tests wait with: a hang ends as a failure that says what never came."""

from __future__ import annotations

import asyncio

import pytest

from support.waiting import until


async def test_a_wait_ends_as_soon_as_it_comes_true() -> None:
    looks = iter([False, None, 0, True])
    await until(lambda: next(looks), "it comes")
    assert list(looks) == []


async def test_a_condition_may_have_to_be_awaited() -> None:
    looks = iter([False, True])

    async def there() -> bool:
        return next(looks)

    await until(there, "it comes")


async def test_what_never_comes_true_fails_with_its_name() -> None:
    with pytest.raises(AssertionError, match="never: it comes"):
        await until(lambda: False, "it comes", limit_s=0.01)


async def test_what_never_answers_fails_with_its_name() -> None:
    with pytest.raises(AssertionError, match="never: an answer at noon"):
        await until(asyncio.Event().wait, lambda: "an answer at noon", limit_s=0.01)
