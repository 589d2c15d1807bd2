"""A whole engine whose model writes files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.kept import Kept
from tale_tui.config.paths import below
from tale_tui.config.settings import CheckpointSettings, Settings


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    """An engine that is opened by the test."""
    paths = below(tmp_path / "home")
    paths.make()
    found = Kept(paths, Settings(ux="scripted/demo", task="scripted/demo", checkpoints=CheckpointSettings()))
    yield found
    if hasattr(found, "engine"):
        await found.close()
