"""Work in the background of a screen: errors that are told, and work that is dropped before it has begun."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from textual.app import App
from textual.worker import WorkerFailed

from tale_tui.domain.errors import StoreError
from tale_tui.ui.workers import spawn


class Screenful(App[None]):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.done: list[int] = []

    @contextmanager
    def telling(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            self.told.append(error.sentence)

    async def add(self, number: int) -> None:
        self.done.append(number)

    async def fail(self, error: Exception) -> None:
        raise error


async def test_the_function_is_called_with_what_it_is_given() -> None:
    app = Screenful()
    async with app.run_test():
        worker = spawn(app, app.telling, app.add, 7, group="adding", exclusive=False)
        assert app.done == []
        await worker.wait()
    assert app.done == [7]
    assert (worker.group, worker.name) == ("adding", "adding")


async def test_an_error_that_is_expected_is_told() -> None:
    app = Screenful()
    async with app.run_test():
        await spawn(app, app.telling, app.fail, StoreError("It is full."), group="a", exclusive=False).wait()
    assert app.told == ["It is full."]


async def test_any_other_error_ends_the_application() -> None:
    app = Screenful()

    async def crash() -> None:
        async with app.run_test() as pilot:
            spawn(app, app.telling, app.fail, RuntimeError("a bug"), group="a", exclusive=False)
            await pilot.pause()

    with pytest.raises(WorkerFailed):
        await crash()
    assert app.told == []


async def test_of_work_that_is_dropped_before_its_first_step_nothing_is_left() -> None:
    """No coroutine either: one that is never awaited is a warning, which fails a test."""
    app = Screenful()
    async with app.run_test() as pilot:
        spawn(app, app.telling, app.add, 1, group="adding", exclusive=True)
        spawn(app, app.telling, app.add, 2, group="adding", exclusive=True)
        await pilot.pause()
    assert app.done == [2]
