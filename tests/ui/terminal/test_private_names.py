"""Each private name of Textual that the room uses: it is there, and is what it is taken for."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from textual.app import App
from textual.message_pump import MessagePump
from textual.worker import WorkerFailed

from tale_tui.ui.preferences import WindowPreferences
from tale_tui.ui.terminal.app import LINUX, TerminalApp, best_driver
from tale_tui.ui.terminal.notifications import send

NOON = 1_794_139_200.0
PRIVATE_MODULES = ["textual._parser", "textual._time", "textual._xterm_parser", "textual.drivers._writer_thread"]

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="the driver is for Linux and macOS")


class Terminal:
    """Takes what a driver is given to write."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.flushed = 0

    def write(self, data: str) -> None:
        self.written.append(data)

    def flush(self) -> None:
        self.flushed += 1


def linux_driver() -> Any:
    return import_module(LINUX).LinuxDriver


# the driver


@on_posix
def test_the_private_modules_have_what_the_driver_takes_from_them() -> None:
    parser, time, xterm, writer = (import_module(name) for name in PRIVATE_MODULES)
    assert issubclass(parser.ParseError, Exception)
    assert isinstance(time.get_time(), float)
    assert isinstance(writer.MAX_QUEUED_WRITES, int)
    assert xterm.XTermParser(False)._timeout_time is None
    queue = writer.WriterThread(StringIO())._queue
    assert (queue.qsize(), queue.maxsize) == (0, writer.MAX_QUEUED_WRITES)


@on_posix
def test_an_escape_that_is_not_complete_has_a_time_at_which_it_is_a_key() -> None:
    xterm, time = import_module("textual._xterm_parser"), import_module("textual._time")
    parser = xterm.XTermParser(False)
    assert list(parser.feed("\x1b")) == []
    assert parser._timeout_time > time.get_time()
    parser._timeout_time = time.get_time()
    assert [event.key for event in parser.tick()] == ["escape"]


@on_posix
async def test_the_driver_of_textual_has_what_ours_reads_from_it() -> None:
    app = App[None]()
    driver = linux_driver()(app)
    assert driver._app is app
    assert driver._debug is False
    assert driver._loop.is_running()
    assert driver._key_thread is None
    assert driver._writer_thread is None
    assert driver._auto_restart is True
    assert driver._file is sys.__stderr__


@on_posix
def test_nothing_is_missing_from_this_textual() -> None:
    from tale_tui.ui.terminal.driver import TaleDriver, missing_names

    assert missing_names() == []
    assert best_driver(linux_driver()) is TaleDriver


def test_drivers_of_other_systems_are_left_as_they_are() -> None:
    headless = import_module("textual.drivers.headless_driver").HeadlessDriver
    assert best_driver(headless) is headless


@on_posix
@pytest.mark.parametrize("module", PRIVATE_MODULES)
def test_without_a_private_module_textuals_own_driver_is_used(
    module: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    textuals = linux_driver()
    monkeypatch.delitem(sys.modules, "tale_tui.ui.terminal.driver", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    assert best_driver(textuals) is textuals
    assert module in caplog.text


@on_posix
def test_without_a_private_attribute_textuals_own_driver_is_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class WriterThread:
        def __init__(self) -> None:
            self._waiting = 0

    driver = import_module("tale_tui.ui.terminal.driver")
    monkeypatch.setattr(driver, "_NEEDED", ((WriterThread, ("_waiting", "_queue")),))
    textuals = linux_driver()
    assert best_driver(textuals) is textuals
    assert "WriterThread._queue" in caplog.text


# the application


def test_the_application_has_the_hooks_that_are_overridden_or_called() -> None:
    for owner, name in ((App, "_fatal_error"), (MessagePump, "_close_messages_no_wait")):
        method = vars(owner)[name]
        assert list(inspect.signature(method).parameters) == ["self"], name
        assert not inspect.iscoroutinefunction(method), name
    assert "self._fatal_error()" in inspect.getsource(App._handle_exception)


class Crashing(TerminalApp):
    def __init__(self, *, in_worker: bool) -> None:
        super().__init__()
        self._in_worker = in_worker

    def on_mount(self) -> None:
        if self._in_worker:
            self.run_worker(self._fail())
        else:
            raise RuntimeError("[bold]foreign\x1b[2J")

    async def _fail(self) -> None:
        raise RuntimeError("[bold]foreign\x1b[2J")


@pytest.mark.parametrize("in_worker", [False, True])
async def test_a_crash_is_known_and_not_printed(in_worker: bool, capfd: pytest.CaptureFixture[str]) -> None:
    app = Crashing(in_worker=in_worker)
    with pytest.raises(WorkerFailed if in_worker else RuntimeError):
        async with app.run_test() as pilot:
            await pilot.pause()
    assert isinstance(app.crash, RuntimeError)
    assert app._exit_renderables == []
    assert "foreign" not in "".join(capfd.readouterr())


async def test_an_application_that_was_left_has_no_crash() -> None:
    app = TerminalApp()
    async with app.run_test():
        app.exit(0)
    assert app.crash is None


# notifications


async def test_a_notification_is_written_to_the_driver_and_to_no_other_place(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TERM", "VTE_VERSION", "TMUX"):
        monkeypatch.delenv(name, raising=False)
    app, terminal = App[None](), Terminal()
    assert "_driver" in vars(app)
    app._driver = terminal  # type: ignore[assignment]
    monkeypatch.setattr(App, "is_headless", False)
    send(app, "k4t9 is done", "Fibonacci", WindowPreferences(), NOON)
    assert terminal.written == ["\x1b]9;k4t9 is done: Fibonacci\x1b\\\a"]
    assert terminal.flushed == 1
    send(app, "k4t9 is done", "Fibonacci", WindowPreferences(terminal=False, bell=False), NOON)
    monkeypatch.setattr(App, "is_headless", True)
    send(app, "k4t9 is done", "Fibonacci", WindowPreferences(), NOON)
    app._driver = None
    send(app, "k4t9 is done", "Fibonacci", WindowPreferences(), NOON)
    assert len(terminal.written) == 1
