"""The terminal as it is read, on a real pseudo terminal."""

from __future__ import annotations

import os
import pty
import select
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from textual import events
from textual.app import App
from textual.drivers._writer_thread import WriterThread
from textual.message import Message

if sys.platform == "win32":
    pytest.skip("there is no pseudo terminal", allow_module_level=True)

from support.waiting import until
from tale_tui.config.first_frame import FirstFrameSettings
from tale_tui.ui.app import TaleApp
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.terminal.driver import TaleDriver


async def ends(thread: threading.Thread, terminal: int | None = None) -> None:
    """Wait for a thread that a terminal may hold up, and take from the terminal meanwhile.

    A thread that hangs is a daemon, so that it holds up neither the next test nor the end of the process.
    """
    assert thread.daemon

    def ended() -> bool:
        if terminal is not None:
            there(terminal)
        return not thread.is_alive()

    await until(ended, f"the end of {thread.name}")


def there(terminal: int) -> bytes:
    """What a terminal has been given; nothing where it has to be waited for."""
    readable, _, _ = select.select([terminal], [], [], 0)
    return os.read(terminal, 1 << 16) if readable else b""


class Recording(TaleDriver):
    """Keeps what it reads instead of handing it to an application."""

    def __init__(self, terminal: int) -> None:
        super().__init__(App())
        self.fileno = terminal
        self.read: list[Message] = []
        self._woken, self._wake = os.pipe()

    def process_message(self, message: Message) -> None:
        self.read.append(message)


@pytest.fixture
async def terminal() -> Any:
    """A driver that reads from a terminal, and the other end of it."""
    master, slave = pty.openpty()
    import tty

    tty.setraw(slave)
    driver = Recording(slave)
    thread = threading.Thread(target=driver.run_input_thread, name="the input thread", daemon=True)
    thread.start()
    yield driver, master
    driver.exit_event.set()
    os.write(driver._wake, b"\n")
    await ends(thread)
    for descriptor in (master, slave, driver._woken, driver._wake):
        os.close(descriptor)


async def reads(driver: Recording, count: int) -> list[Message]:
    await until(lambda: len(driver.read) >= count, f"{count} events")
    return driver.read


async def test_keys(terminal: tuple[Recording, int]) -> None:
    driver, master = terminal
    os.write(master, "aß\x1b[A".encode())
    read = await reads(driver, 3)
    assert [event.key for event in read if isinstance(event, events.Key)] == ["a", "ß", "up"]


async def test_a_lone_escape_is_a_key_long_before_textual_would_say_so(
    terminal: tuple[Recording, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ESCDELAY", raising=False)
    monkeypatch.setattr("textual.constants.ESCAPE_DELAY", 3600.0)
    driver, master = terminal
    os.write(master, b"\x1b")
    (event,) = await reads(driver, 1)
    assert isinstance(event, events.Key)
    assert event.key == "escape"


async def test_bytes_that_are_no_text_do_no_harm(terminal: tuple[Recording, int]) -> None:
    driver, master = terminal
    os.write(master, b"\x1b[200~\xff\xfe\x80PK\x03\x04\x1b[201~" + b"z")
    read = await reads(driver, 2)
    pasted = read[0]
    assert isinstance(pasted, events.Paste)
    assert pasted.text.startswith("\ufffd")
    assert isinstance(read[1], events.Key)
    assert read[1].key == "z"


async def test_a_character_that_is_cut_in_two_is_one(terminal: tuple[Recording, int]) -> None:
    driver, master = terminal
    first, second = "é".encode()[:1], "é".encode()[1:]
    os.write(master, first)
    os.write(master, second)
    (event,) = await reads(driver, 1)
    assert isinstance(event, events.Key)
    assert event.character == "é"


class Counting(App[None]):
    """Counts how often it is asked to paint everything."""

    def __init__(self) -> None:
        self.painted = threading.Event()
        super().__init__()

    def refresh(self, **_: Any) -> Any:
        self.painted.set()
        return self


@pytest.fixture
async def screen() -> Any:
    """A driver that writes to a terminal, the application behind it, and the other end of the terminal."""
    master, slave = pty.openpty()
    app = Counting()
    driver = TaleDriver(app)
    driver._leaving = False
    with os.fdopen(slave, "w") as file:
        driver._writer_thread = WriterThread(file)
        driver._writer_thread.start()
        app.painted.clear()
        yield driver, app, master
        stop = threading.Thread(target=driver._writer_thread.stop, name="the output thread", daemon=True)
        stop.start()
        await ends(stop, master)
    os.close(master)


async def test_a_terminal_that_takes_nothing_holds_nobody_up_and_is_painted_anew(
    screen: tuple[TaleDriver, Counting, int],
) -> None:
    driver, app, master = screen
    frame = "x" * 10_000
    writing = threading.Thread(target=lambda: [driver.write(frame) for _ in range(1000)], name="writing", daemon=True)
    writing.start()
    await ends(writing)
    assert not app.painted.is_set()
    taken = bytearray()

    def painted_anew() -> bool:
        taken.extend(there(master))
        return app.painted.is_set()

    await until(painted_anew, "everything is painted anew")
    assert 0 < len(taken) < 1000 * len(frame)
    driver.write("the next paint")
    seen = bytearray()

    def there_again() -> bool:
        seen.extend(there(master))
        return b"the next paint" in seen

    await until(there_again, "the next paint")


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("TEXTUAL_DRIVER", raising=False)
    return


@pytest.mark.usefixtures("linux")
def test_the_application_uses_it(paths: Any) -> None:
    app = TaleApp(Bridge(lambda: None), paths, FirstFrameSettings())  # type: ignore[arg-type, return-value]
    assert app.driver_class is TaleDriver
