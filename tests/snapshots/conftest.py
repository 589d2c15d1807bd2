"""Pictures of the whole application: nothing in them depends on the hour, the machine or the speed of a test.

The engine is the real one on a scripted backend that stands in the place of Ollama; its waiting turns the clock. One
baseline for everybody, painted with the Python of `BASELINE`: pictures are compared on every version and made anew
(`pytest tests/snapshots -m '' --snapshot-update`) on that one alone. Look at what changed before you keep it.

Where one thing is painted in several sizes and themes, the small dark picture is of the ordinary run.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot

from support.waiting import until
from support.window import Window
from tale_tui.config.first_frame import FirstFrameSettings
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import TaleError
from tale_tui.domain.models import BackendName, BackendReport, LoadedModel, ModelInfo, ModelRef, Role, RoleState
from tale_tui.engine.api import EngineApi
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.scripted import Script, ScriptedBackend, spoken
from tale_tui.formatting.symbols import ASCII, UNICODE, signs
from tale_tui.ui.app import TaleApp
from tale_tui.ui.engine_bridge import Bridge

BASELINE = (3, 11)
OF_THE_LONG_RUN = ("120x40", "200x60", "-light")
"""Words in the names of tests."""
START = 1_794_146_520.0
"""Sunday 8 November 2026, 14:02 UTC."""
STILL_LOOKS, LOOK_S = 3, 0.02
"""A picture that was the same at so many looks in a row, so many seconds apart, is the last one."""
ADDRESS = "http://127.0.0.1:11434"
MODELS = (("qwen2.5:7b", 4.7e9, "7.6B"), ("qwen3:14b", 9.3e9, "14.8B"), ("llama3.2:3b", 2.0e9, "3.2B"))
"""Names, bytes and parameters of what the server has."""


REFUSED = pytest.StashKey[bool]()
"""Whether new pictures were asked for with a Python that they are not made with."""


def pytest_configure(config: pytest.Config) -> None:
    refused = bool(config.getoption("update_snapshots")) and sys.version_info[:2] != BASELINE
    config.stash[REFUSED] = refused
    if refused:
        # Else the pictures of tests that fail would be taken for unused ones and deleted.
        config.option.update_snapshots = False


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent and any(word in item.name for word in OF_THE_LONG_RUN):
            item.add_marker(pytest.mark.long)


@dataclass
class ManualClock:
    """Stands still unless it is turned, in seconds."""

    passed: float = 0.0

    def now(self) -> float:
        return START + self.passed

    def monotonic(self) -> float:
        return self.passed

    def turn(self, seconds: float) -> None:
        self.passed += seconds

    async def sleep(self, seconds: float) -> None:
        """Waiting, as a scripted backend does it: at once, and the time has passed all the same."""
        self.turn(seconds)
        await asyncio.sleep(0)


class Server(ScriptedBackend):
    """Answers from scripts in the place of Ollama."""

    name = BackendName.OLLAMA  # type: ignore[assignment]

    async def report(self, timeout_s: float) -> BackendReport:
        if self.away:
            return BackendReport(self.name, available=False, address=ADDRESS, detail=self.away.sentence)
        models = tuple(
            ModelInfo(ModelRef(self.name, name), int(size), parameters, "Q4_K_M", 32_768)
            for name, size, parameters in MODELS
        )
        loaded = tuple(LoadedModel(one.ref, one.window, 5_100_000_000, 1.0) for one in await self.loaded())
        return BackendReport(self.name, True, ADDRESS, "0.12.6", models=models, loaded=loaded)


@dataclass
class Scene:
    """What is painted.

    Attributes:
        act: what happens in the window before the picture.
        before: what happens in the engine before the window opens.
        answers: what the model says, before the window opens and in it.
        size: of the terminal.
        theme: by name.
        state: of the model, waited for before anything happens in the window.
        session: the beginning of the id of the session to be opened.
        served: whether there is a server.
        away: what the server raises.
        broken: what is raised in the place of the engine.
        detect: what the settings say of it; off, so that a message is what the scene says.
        budgets: the same of budgets.
    """

    act: Callable[[Window], Awaitable[None]] | None = None
    before: Callable[[Engine, ManualClock], Awaitable[None]] | None = None
    answers: Sequence[Script] = field(default_factory=lambda: [spoken("An ", "answer.")])
    size: tuple[int, int] = (120, 40)
    theme: str = "tale-dark"
    state: str = "ready"
    session: str = ""
    served: bool = True
    away: Any = None
    broken: TaleError | None = None
    detect: dict[str, Any] = field(default_factory=lambda: {"enabled": False})
    budgets: dict[str, Any] = field(default_factory=dict)


async def stands_still(window: Window) -> None:
    """Wait until the picture has stood still for a while: what is laid out anew comes with the next frames.

    The waiting of a pilot goes by the processor time of the process, of which a busy machine gives it none.
    """
    since, before = 0, None

    async def still() -> bool:
        nonlocal since, before
        await window.pilot.pause()
        await asyncio.sleep(LOOK_S)
        now = [list(strip) for strip in window.strips]
        since, before = (since + 1 if now == before else 0), now
        return since >= STILL_LOOKS

    await window.until(still, "a picture that stands still")


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same times and signs on every machine; TALE_ASCII alone asks for the poor ones."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("TALE_ASCII", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(
        "tale_tui.formatting.symbols.choose_signs", lambda wanted, encoding: ASCII if wanted else UNICODE
    )
    signs.cache_clear()
    time.tzset()
    yield
    monkeypatch.undo()
    signs.cache_clear()
    time.tzset()


@pytest.fixture
def looks_as_before(
    snap_compare: Callable[..., bool], paths: Paths, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> Callable[..., bool]:
    """Whether a scene looks as in the picture that was kept; takes what `Scene` takes."""
    if pytestconfig.stash[REFUSED]:
        pytest.fail(f"Snapshots are made with Python {'.'.join(map(str, BASELINE))} alone.")
    manual_clock = ManualClock()
    # Notices are stamped by the window itself; they stand for as long as a slow test takes.
    monkeypatch.setattr("tale_tui.ui.app.time", SimpleNamespace(time=manual_clock.now))
    monkeypatch.setattr(
        "tale_tui.ui.notice_queue.time", SimpleNamespace(time=manual_clock.now, monotonic=manual_clock.monotonic)
    )
    monkeypatch.setattr(TaleApp, "NOTIFICATION_TIMEOUT", 3600)
    # How fast is written is looked at by the clock on the wall.
    monkeypatch.setattr("tale_tui.ui.chat.status.SPEED_EVERY_S", 3600)

    def compare(**scene: Any) -> bool:
        return _compare(Scene(**scene), manual_clock, snap_compare, paths)

    return compare


async def _serves(engine: Engine) -> None:
    """Wait until the model of chat is in memory: a turn before that says that it had to be loaded."""

    async def serves() -> bool:
        roles = (await engine.control.status()).roles
        return any(one.role is Role.UX and one.state is RoleState.READY for one in roles)

    await until(serves, "a model for chat")


def _compare(scene: Scene, manual_clock: ManualClock, snap_compare: Callable[..., bool], paths: Paths) -> bool:
    ids = itertools.count(1)
    clock = Clock(now=manual_clock.now, monotonic=manual_clock.monotonic, new_id=lambda: f"id{next(ids):02}")
    server = Server(scene.answers, models=[name for name, *_ in MODELS], sleep=manual_clock.sleep, away=scene.away)
    models = {"ux": "ollama/qwen2.5:7b", "task": "ollama/qwen3:14b"} if scene.served else {}
    settings = Settings(**models, detect=scene.detect, budgets=scene.budgets)
    backends = {BackendName.OLLAMA: server} if scene.served else {}

    @asynccontextmanager
    async def open_engine() -> AsyncIterator[EngineApi]:
        if scene.broken is not None:
            raise scene.broken
        window.engine = engine = await Engine.start(paths, settings, clock, backends=backends)
        try:
            if scene.before is not None:
                if scene.state == RoleState.READY:
                    await _serves(engine)
                await scene.before(engine, manual_clock)
            yield engine
        finally:
            await engine.stop()

    app = TaleApp(
        Bridge(open_engine), paths, FirstFrameSettings(theme=scene.theme), session_id=scene.session, clock=clock
    )
    app.animation_level = "none"
    app.chat.view.clock, app.chat.view.monotonic = manual_clock.now, manual_clock.monotonic
    app.chat.line.now = manual_clock.now
    window = Window(app, clock=manual_clock)

    async def play(pilot: Pilot[int]) -> None:
        await window.until(lambda: app.chat.line.model.state == scene.state, f"the model is {scene.state}")
        if scene.act is not None:
            await scene.act(window)
        await stands_still(window)

    return snap_compare(app, terminal_size=scene.size, run_before=play)


@pytest.fixture
def tell() -> Callable[..., Awaitable[str]]:
    """Sends a message in an engine and waits for the end of the turn; gives the id of the session."""
    keys = itertools.count(1)

    async def told(engine: Engine, text: str, session_id: str = "") -> str:
        session_id = session_id or (await engine.sessions.create()).id
        async with aclosing(engine.chat.send(session_id, text, key=f"key{next(keys):02}")) as events:
            async for _ in events:
                pass
        return session_id

    return told


@pytest.fixture
def exported() -> Callable[..., str]:
    """A session of one turn as an export has it.

    Args of what it gives: question, answer, when it was used (seconds before the start), state of the reply.
    """
    numbers = itertools.count(1)

    def export(question: str, answer: str, *, ago_s: float = 0, state: str = "complete") -> str:
        number = next(numbers)
        created = START - ago_s
        user, reply = f"user{number:02}", f"reply{number:02}"
        messages = [
            {"id": user, "author": "user", "text": question, "state": "complete", "created": created},
            {
                "id": reply,
                "parent": user,
                "author": "assistant",
                "text": answer,
                "state": state,
                "created": created,
                "model": "ollama/qwen2.5:7b",
            },
        ]
        about = {"id": f"session{number:02}", "first_words": question, "created": created, "updated": created}
        return json.dumps({"format": "tale-tui-session", "version": 1, "session": about, "messages": messages})

    return export
