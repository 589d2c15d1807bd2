"""What every screen can do: errors of its work are told, dialogs answer, keys have names."""

from __future__ import annotations

from typing import ClassVar

import pytest
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.worker import WorkerFailed

from tale_tui.domain.errors import StoreError
from tale_tui.ui.base_screen import BaseScreen


class Room(BaseScreen):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f6,f7", "one", id="room.one"),
        Binding("f8", "none", id="room.none"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.done: list[object] = []

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "none"

    async def add(self, what: object) -> None:
        self.done.append(what)

    async def fail(self, error: Exception) -> None:
        raise error

    async def put(self, question: ModalScreen[str]) -> None:
        self.done.append(await self.ask(question))


class House(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, str, str]] = []

    def notify(self, message: str, *, title: str = "", severity: str = "", **options: object) -> None:  # type: ignore[override]
        self.told.append((title, message, severity))

    def get_default_screen(self) -> Room:
        return Room()

    @property
    def room(self) -> Room:
        assert isinstance(self.screen, Room)
        return self.screen


async def test_the_function_is_called_with_what_it_is_given() -> None:
    app = House()
    async with app.run_test():
        worker = app.room.spawn(app.room.add, 7, group="adding")
        assert app.room.done == []
        await worker.wait()
        assert app.room.done == [7]
        assert (worker.group, worker.name) == ("adding", "adding")


async def test_an_error_of_ours_is_told_with_its_title() -> None:
    app = House()
    async with app.run_test():
        await app.room.spawn(app.room.fail, StoreError("It is full."), group="a").wait()
    assert app.told == [(StoreError.title, "It is full.", "error")]


async def test_any_other_error_ends_the_application() -> None:
    app = House()

    async def crash() -> None:
        async with app.run_test() as pilot:
            app.room.spawn(app.room.fail, RuntimeError("a bug"), group="a")
            await pilot.pause()

    with pytest.raises(WorkerFailed):
        await crash()
    assert app.told == []


async def test_of_work_that_is_dropped_before_its_first_step_nothing_is_left() -> None:
    """No coroutine either: one that is never awaited is a warning, which fails a test."""
    app = House()
    async with app.run_test() as pilot:
        app.room.spawn(app.room.add, 1, group="adding", exclusive=True)
        app.room.spawn(app.room.add, 2, group="adding", exclusive=True)
        await pilot.pause()
        assert app.room.done == [2]


async def test_a_dialog_gives_its_result() -> None:
    app = House()
    async with app.run_test() as pilot:
        room, question = app.room, ModalScreen[str]()
        room.spawn(room.put, question, group="dialog")
        await pilot.pause()
        question.dismiss("yes")
        await app.workers.wait_for_complete()
        assert room.done == ["yes"]


async def test_what_is_copied_is_said() -> None:
    app = House()
    async with app.run_test():
        app.room.copy("text", "The turn")
        assert app.clipboard == "text"
        assert app.told == [("", "The turn was copied.", "information")]


async def test_of_each_binding_that_can_do_something_the_first_key_is_named() -> None:
    app = House()
    async with app.run_test():
        assert app.room.key_of("room.one") == "f6"
        assert app.room.key_of("room.none") == app.room.key_of("room.other") == ""
