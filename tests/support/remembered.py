"""What a month has left: items of every kind, and a window that shows what is remembered alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import tale_tui.ui
from support import tasks as fake_tasks
from support.screen_app import NOW, ScreenApp
from support.scripted_engine import ScriptedEngine
from tale_tui.domain.constants import DAY_S
from tale_tui.domain.errors import TaleError
from tale_tui.domain.recall import RecallContext, RecallItem, RecallKind, RecallOrigin, RecallSource
from tale_tui.ui.remembered.screen import RememberedScreen

SAID = RecallSource(RecallOrigin.SAID, "session1", "Shop", 14, "message1")


class RememberedApp(ScreenApp):
    """A window that shows what is remembered and nothing else.

    Attributes:
        opened: the items whose source was wanted.
        session: the id of the conversation in the chat; empty until one is begun.
        left_to: the modes that were gone back to.
    """

    CSS_PATH: ClassVar = [str(Path(tale_tui.ui.__file__).parent / "remembered/remembered.tcss")]

    def __init__(self, engine: ScriptedEngine, theme: str = "tale-dark", broken: TaleError | None = None) -> None:
        super().__init__(
            engine, lambda bridge, clock: RememberedScreen(bridge, None, self._session_of, clock), theme, broken
        )
        self.opened: list[RecallItem] = []
        self.session = ""
        self.left_to: list[str] = []

    @property
    def remembered(self) -> RememberedScreen:
        """The screen."""
        assert isinstance(self.shown, RememberedScreen)
        return self.shown

    async def _session_of(self, make: bool) -> str:
        if make and not self.session:
            self.session = "session9"
        return self.session

    def on_remembered_screen_source_wanted(self, event: RememberedScreen.SourceWanted) -> None:
        self.opened.append(event.item)

    def on_base_screen_left(self, event: RememberedScreen.Left) -> None:  # type: ignore[override]
        self.left_to.append(event.to)


def kept() -> list[RecallItem]:
    """Items of every kind; the first one is pinned, and the last one wants to be what it is not."""
    decided = "We decided on PostgreSQL 15, since two services write at once"
    results = RecallSource(RecallOrigin.TASK, "session1", "Shop", task_id="m2x7p8c3")
    asked = RecallSource(RecallOrigin.ASKED)
    return [
        RecallItem("a1", decided, RecallKind.DECISION, SAID, NOW - 6 * DAY_S, True, 9, NOW - 1320),
        RecallItem("b2", "The staging database runs on attic:5433", RecallKind.FACT, SAID, NOW - 6 * DAY_S, uses=4),
        RecallItem("c3", "I prefer SQL written by hand", RecallKind.PREFERENCE, SAID, NOW - 30 * DAY_S, uses=2),
        RecallItem("d4", "Compare databases: DuckDB for reports", RecallKind.RESULT, results, NOW - 5 * DAY_S),
        RecallItem("e5", "The build server is called heron", RecallKind.FACT, asked, NOW - 3600),
        RecallItem("f6", "[red]No[/red] \x1b[31mcolours 我喜欢喝茶", RecallKind.PREFERENCE, SAID, NOW - 90 * DAY_S),
    ]


def engine_of(items: Sequence[RecallItem] | None = None) -> ScriptedEngine:
    """An engine that remembers that."""
    engine = fake_tasks.some()
    engine.remembered = list(kept() if items is None else items)
    engine.recall_model = "ollama/nomic-embed-text"
    message = "Right. We decided on PostgreSQL 15, since two services write at once. Write it down."
    engine.recall_contexts = {"a1": RecallContext(message, "session2", "Migration plan", NOW - 1320)}
    return engine


def many(count: int) -> list[RecallItem]:
    """So many items, the newest first."""
    return [
        RecallItem(f"n{place}", f"Fact number {place:,}", RecallKind.FACT, SAID, NOW - place * 60)
        for place in range(count)
    ]
