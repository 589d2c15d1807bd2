"""Real processes: the application in a pty with an emulated screen, commands as users run them, SIGKILL."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pyte
import pytest

WAIT_S = 60.0
"""The longest that anything may take before a test says what it saw instead."""
LOOK_S = 0.02
"""Between two looks at the screen."""
DEMO = "scripted/demo"
MODEL_TITLE = re.compile(r"tale-tui: (?:\w+ )?model ")
PRIVATE = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]")
MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])|\x1b\[(>[0-9;]*|<[0-9;]*)u")
ON_AT_FIRST = frozenset({"7", "25"})
"""Modes that every terminal begins with: line wrap and the cursor."""
STARTS = (
    "import fcntl, os, signal, sys, termios\n"
    "for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:\n"
    "    ignored = str(int(number)) in sys.argv[1].split(',')\n"
    "    try: signal.signal(number, signal.SIG_IGN if ignored else signal.SIG_DFL)\n"
    "    except (OSError, ValueError): pass\n"
    "try: fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "except OSError: pass\n"
    "os.execvp(sys.argv[2], sys.argv[2:])"
)
"""Starts a program as a terminal does: it has the terminal, and all signals are as a login shell has them, whatever
this process lets its children ignore."""
PROGRAM = (sys.executable, "-m", "tale_tui")


def started(*program: str, ignores: signal.Signals | None = None) -> list[str]:
    """What runs a program; `ignores` is a signal that it is to ignore, as `nohup` does it."""
    number = "" if ignores is None else str(int(ignores))
    return [sys.executable, "-I", "-S", "-c", STARTS, number, *program]


def environment(home: Path, **more: str) -> dict[str, str]:
    ours = ("TALE_", "OLLAMA", "TEXTUAL", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return (
        kept
        | {"TALE_HOME": str(home), "TALE_UX": DEMO, "TALE_TASK": DEMO}
        | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "TEXTUAL_ANIMATIONS": "none"}
        | more
    )


def until(condition: Callable[[], Any], what: str, wait_s: float = WAIT_S) -> Any:
    """Wait until something is so, and give it back."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(LOOK_S)
    raise AssertionError(f"never: {what}")


def model_processes() -> list[psutil.Process]:
    """The processes below this one that run models: by what started them, until they have their titles."""
    found = []
    for child in psutil.Process().children():
        try:
            words = " ".join(child.cmdline())
        except (psutil.ZombieProcess, psutil.NoSuchProcess):  # it ends while it is looked at
            continue
        if "embedded.child" in words or MODEL_TITLE.match(words):
            found.append(child)
    return found


class Window:
    """The application in a terminal of its own; a thread reads what it writes."""

    def __init__(
        self,
        home: Path,
        *args: str,
        size: tuple[int, int] = (100, 30),
        ignores: signal.Signals | None = None,
        program: tuple[str, ...] = PROGRAM,
        **env: str,
    ) -> None:
        columns, rows = size
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._before = termios.tcgetattr(self._master)
        self.process = subprocess.Popen(
            started(*program, *args, ignores=ignores),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(home, **env),
            start_new_session=True,
        )
        os.close(slave)
        self.lock = threading.Lock()
        """Held by who reads or changes what the application has written."""
        self._hung_up = False
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    def _drain(self) -> None:
        """Take in what the application writes: one that nobody reads stands still."""
        while not self._hung_up:
            if not select.select([self._master], [], [], LOOK_S)[0]:
                continue
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:
                return
            if not data:
                return
            with self.lock:
                self.raw += data
                # Private sequences with < > = are for terminals newer than the emulator.
                self._stream.feed(PRIVATE.sub(b"", data))

    @property
    def text(self) -> str:
        with self.lock:
            return "\n".join(self.screen.display)

    def wait_for(self, wanted: str | Callable[[str], bool], *, gone: bool = False, wait_s: float = WAIT_S) -> None:
        """Wait until the text is on the screen (or gone from it)."""
        check = wanted if callable(wanted) else lambda text: wanted in text
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            if check(self.text) is not gone:
                return
            time.sleep(LOOK_S)
        raise AssertionError(f"{'still' if gone else 'never'} on the screen: {wanted!r}\n{self.text}")

    def changed_modes(self) -> dict[str, object]:
        """What is not as it was before the application began: modes of the emulator by their number, the keyboard
        protocol, and the settings of the terminal."""
        modes: dict[str, object] = {}
        pushed = 0
        with self.lock:
            found = MODE.findall(bytes(self.raw))
        for numbers, state, keyboard in found:
            pushed += {b">": 1, b"<": -1}.get(keyboard[:1], 0)
            modes |= dict.fromkeys(numbers.decode().split(";") if numbers else (), state == b"h")
        changed = {name: on for name, on in modes.items() if on is not (name in ON_AT_FIRST)}
        if pushed > 0:
            changed["keyboard"] = pushed
        if termios.tcgetattr(self._master) != self._before:
            changed["settings"] = termios.tcgetattr(self._master)
        return changed

    def hang_up(self) -> None:
        """Close the terminal, as a terminal's window does."""
        self._hung_up = True
        self._reader.join(WAIT_S)
        os.close(self._master)

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(WAIT_S)

    def wait_end(self) -> int:
        try:
            self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end:\n{self.text}") from None
        self._reader.join(WAIT_S)
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self._reader.join(WAIT_S)
        if not self._hung_up:
            os.close(self._master)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "h"


@pytest.fixture
def window(home: Path) -> Iterator[Callable[..., Window]]:
    opened: list[Window] = []

    def make(*args: str, **kwargs: Any) -> Window:
        opened.append(Window(home, *args, **kwargs))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


class Commands:
    """The command line on one data folder."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @property
    def environ(self) -> dict[str, str]:
        """What the commands are given."""
        return environment(self.home)

    def start(self, *args: str, ignores: signal.Signals | None = None, **env: str) -> subprocess.Popen[str]:
        """A command that has begun; `ignores` is a signal that the shell lets it ignore, as `nohup` does."""
        return subprocess.Popen(
            started(*PROGRAM, *args, ignores=ignores),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment(self.home, **env),
        )

    def run(self, *args: str, **env: str) -> str:
        process = self.start(*args, **env)
        out, err = process.communicate(timeout=WAIT_S)
        assert process.returncode == 0, f"{args} ended with {process.returncode}\n{out}\n{err}"
        return out

    def json(self, *args: str) -> Any:
        out = self.run(*args, "--json")
        assert out.count("\n") == 1
        return json.loads(out)

    def messages(self) -> list[dict[str, Any]]:
        """Every message of every session, as exported."""
        found: list[dict[str, Any]] = []
        for session in self.json("sessions")["sessions"]:
            found += json.loads(self.run("export", session["id"], "--format", "json"))["messages"]
        return found


@pytest.fixture
def commands(home: Path) -> Commands:
    return Commands(home)
