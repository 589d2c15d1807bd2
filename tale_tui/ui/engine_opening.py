"""How the window gets its engine: everything heavy is loaded in a thread, behind the first frame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tale_tui.config.load import Loaded
    from tale_tui.config.paths import Paths
    from tale_tui.config.settings import Settings
    from tale_tui.engine.api import EngineApi


def _load(paths: Paths, overrides: Mapping[str, object]) -> Loaded:
    """Import what the engine and the chat need, and read the settings. Takes a few tenths of a second."""
    import tale_tui.engine.engine
    import tale_tui.engine.ipc.connect
    import tale_tui.ui.chat.commands
    from tale_tui.config import load as settings

    # Named, so that nothing is taken for an import without a use: loading is the use.
    del tale_tui
    return settings.load(paths, overrides)


@asynccontextmanager
async def open_engine(
    paths: Paths,
    overrides: Mapping[str, object],
    tell: Callable[[str], None],
    heed: Callable[[Settings], None],
) -> AsyncIterator[EngineApi]:
    """The engine of the data folder, as long as the block lasts.

    Args:
        paths: the folders; they exist.
        overrides: dotted key -> value, stronger than environment and file.
        tell: takes what is worth saying about the settings, a sentence each.
        heed: takes the settings, for what the window itself has to do with them.
    Raises:
        SettingsError: a setting is wrong.
        StoreError, EngineLost, EngineMismatch: the engine cannot be had.
    """
    loaded = await asyncio.to_thread(_load, paths, overrides)
    from tale_tui.config import logs
    from tale_tui.engine.ipc.connect import open_engine as open_api
    from tale_tui.ui.markdown import warm

    for note in loaded.notes:
        tell(note)
    heed(loaded.settings)
    warming = asyncio.create_task(asyncio.to_thread(warm), name="warm the markdown")
    try:
        with logs.to_file(paths.log_file, loaded.settings.log_level):
            async with open_api(paths, loaded.settings) as engine:
                yield engine
    finally:
        await warming
