"""What was kept of a task with a plan, and a window that shows the checkpoints alone."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import tale_tui.ui
from support import tasks as fake_tasks
from support.screen_app import NOW, ScreenApp
from support.scripted_engine import ScriptedEngine
from tale_tui.domain.checkpoints import (
    Checkpoint,
    CheckpointDetail,
    CheckpointDiff,
    CheckpointKind,
    CheckpointScope,
    FileChange,
    FileDiff,
    KeptFile,
    Restoration,
    RestoreAction,
    RestoreFile,
    SkippedFile,
    SkipReason,
)
from tale_tui.domain.constants import DAY_S
from tale_tui.domain.errors import TaleError
from tale_tui.ui.checkpoints.screen import CheckpointsScreen

TASK = "r5n1aaaabbbbcccc"
SESSION = "session000000001"
SCOPE = CheckpointScope(TASK, SESSION, "r5n1 Web application")
DIFF = """\
--- docs/spec.md
+++ docs/spec.md
@@ -4,3 +4,5 @@
 Sign in by name and password.
-Sessions never end.
+Sessions end after 12 hours.
+They are kept in memory.
+A restart ends them."""


class CheckpointsApp(ScreenApp):
    """A window that shows the checkpoints and nothing else."""

    CSS_PATH: ClassVar = [str(Path(tale_tui.ui.__file__).parent / "checkpoints/checkpoints.tcss")]

    def __init__(
        self,
        engine: ScriptedEngine,
        theme: str = "tale-dark",
        broken: TaleError | None = None,
        scope: CheckpointScope = SCOPE,
    ) -> None:
        super().__init__(engine, lambda bridge, clock: CheckpointsScreen(bridge, None, clock), theme, broken)
        self.left_to: list[str] = []
        self._scope = scope

    @property
    def checkpoints(self) -> CheckpointsScreen:
        """The screen."""
        assert isinstance(self.shown, CheckpointsScreen)
        return self.shown

    def on_mount(self) -> None:
        self.checkpoints.open_of(self._scope, "tasks")
        super().on_mount()

    def on_base_screen_told(self, event: CheckpointsScreen.Told) -> None:
        """As the application does."""
        self.tell(event.notice)

    def on_base_screen_left(self, event: CheckpointsScreen.Left) -> None:  # type: ignore[override]
        self.left_to.append(event.to)


def checkpoint(
    number: int,
    ago_s: float,
    message: str,
    *changes: FileChange,
    kind: CheckpointKind = CheckpointKind.STEP,
    task_id: str = TASK,
    skipped: tuple[SkippedFile, ...] = (),
) -> Checkpoint:
    """One that was made so many seconds ago; `number` is its hash too."""
    return Checkpoint(
        f"{number:040x}",
        NOW - ago_s,
        number,
        kind,
        message,
        SESSION,
        SESSION,
        task_id,
        f"s{number}",
        "",
        changes,
        skipped,
    )


def change(path: str, before: str = "", after: str = "b") -> FileChange:
    """What became of a file; hashes are letters here."""
    return FileChange(TASK, path, before and before * 40, after and after * 40)


def week() -> list[Checkpoint]:
    """An afternoon with steps, an undo and one of the user's own; a day with twelve; a month with four."""
    big = SkippedFile(TASK, "data/dump.bin", SkipReason.TOO_LARGE, 6_000_000)
    today = [
        checkpoint(100, 60, "after 3, Interface of the API", change("src/api.yaml"), skipped=(big,)),
        checkpoint(99, 240, "after 2, Data model", change("schema.sql")),
        checkpoint(98, 300, "yours: before I change the schema", kind=CheckpointKind.KEPT),
        checkpoint(97, 420, "after 1, Requirements", change("docs/spec.md")),
        checkpoint(96, 600, "before the undo of 5, Routes", change("routes.py", "a", "b"), kind=CheckpointKind.BEFORE),
    ]
    tuesday = [
        checkpoint(95 - place, 5 * DAY_S + place * 600, f"after {12 - place}, Part {12 - place}", change("part.py"))
        for place in range(12)
    ]
    october = [
        checkpoint(80 - place, (12 + place) * DAY_S, f"after {place + 1}, Old part", change("old.py"))
        for place in range(4)
    ]
    return [*today, *tuesday, *october]


def engine_of(kept: list[Checkpoint] | None = None, *, conflict: bool = True) -> ScriptedEngine:
    """An engine in which this was kept.

    Args:
        kept: the newest first; None for `week`.
        conflict: whether the user has changed a file since.
    """
    engine = fake_tasks.plain([fake_tasks.task("r5n1", "Web application", "paused", session_id=SESSION)])
    engine.kept = week() if kept is None else kept
    if not engine.kept:
        return engine
    newest = engine.kept[0]
    paths = ("docs/spec.md", "schema.sql", "src/api.yaml", "src/routes.py")
    files = tuple(KeptFile(TASK, path, "b" * 40, 2_000) for path in paths)
    engine.held = {newest.id: CheckpointDetail(newest, None, (), files)}
    if len(engine.kept) > 1:
        since = CheckpointDiff(
            engine.kept[1].id,
            newest.id,
            (
                FileDiff(change("docs/spec.md", "a", "b"), DIFF, 3, 1),
                FileDiff(change("src/api.yaml"), "--- /dev/null\n+++ src/api.yaml\n@@ -0,0 +1 @@\n+openapi: 3", 88, 0),
            ),
            ("Web application: paused with 2 of 14 steps done, then paused with 3 of 14 steps done",),
        )
        engine.differences = {(since.since, since.until): since}
    write = [RestoreFile(TASK, path, RestoreAction.WRITE) for path in ("src/api.yaml", "src/routes.py")]
    beside = RestoreFile(TASK, "docs/spec.md", RestoreAction.CONFLICT, "docs/spec.kept-bbbbbbbb.md")
    engine.restoration = Restoration(newest, (*write, *((beside,) if conflict else ())), (), "c" * 40, "d" * 40)
    return engine
