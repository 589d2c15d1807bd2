"""Real processes: the application in a pty with an emulated screen, commands as users run them, SIGKILL."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
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

import pyte
import pytest

WAIT_S = 30.0
"""The longest that anything may take before a test says what it saw instead."""
LOOK_S = 0.02
"""Between two looks at the screen."""
DEMO = "scripted/demo"
PRIVATE = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]")


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TALE_", "OLLAMA", "TEXTUAL"))}
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


class Window:
    """The application in a terminal of its own; a thread reads what it writes."""

    def __init__(self, home: Path, *args: str, size: tuple[int, int] = (100, 30), **env: str) -> None:
        columns, rows = size
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tale_tui", *args],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(home, **env),
            start_new_session=True,
        )
        os.close(slave)
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    def _drain(self) -> None:
        """Take in what the application writes: one that nobody reads stands still."""
        while True:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:
                return
            if not data:
                return
            with self._lock:
                self.raw += data
                # Private sequences with < > = are for terminals newer than the emulator.
                self._stream.feed(PRIVATE.sub(b"", data))

    @property
    def text(self) -> str:
        with self._lock:
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
        program = [sys.executable, "-m", "tale_tui", *args]
        if ignores is not None:
            program = ["/bin/sh", "-c", f'trap "" {ignores.value}; exec "$0" "$@"', *program]
        return subprocess.Popen(
            program,
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
