"""What every command is given: the environment, the flags that hold for all, and the way to the engine."""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tale_tui.config import garbage_collector
from tale_tui.config.paths import Paths, find_paths

if TYPE_CHECKING:
    from tale_tui.config.settings import Settings
    from tale_tui.domain.errors import TaleError
    from tale_tui.engine.api import EngineApi

T = TypeVar("T")

DEMO_MODEL = "demo"
"""The model of the scripted backend."""


@dataclass(frozen=True)
class CommandContext:
    """One run of the program.

    Attributes:
        environ: the environment.
        flags: dotted key -> value, from `--set`.
        demo_home: the temporary folder of `--demo`; None for the user's own folders.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    flags: Mapping[str, str] = field(default_factory=dict)
    demo_home: Path | None = None

    @cached_property
    def paths(self) -> Paths:
        """Where everything is."""
        if self.demo_home is not None:
            return find_paths({"TALE_HOME": str(self.demo_home)})
        return find_paths(self.environ)

    @property
    def overrides(self) -> dict[str, object]:
        """Dotted key -> value: what is stronger than environment and file."""
        ref = f"scripted/{DEMO_MODEL}"
        demo = {"ux": ref, "task": ref} if self.demo_home is not None else {}
        return {**self.flags, **demo}

    def make_folders(self) -> Paths:
        """The folders, made where they were not there.

        Raises:
            DiskFull, ReadOnly, FolderNotMade: one cannot be made.
        """
        try:
            self.paths.make()
        except OSError as error:
            raise folder_error(error) from error
        return self.paths

    def settings(self) -> Settings:
        """All settings, checked; what is worth saying about them is said once.

        Raises:
            SettingsError: with all that is wrong.
        """
        return self._settings

    @cached_property
    def _settings(self) -> Settings:
        # Together they take a fifth of a second, which `--version` and `init` do not have.
        from tale_tui.cli.output import echo_err
        from tale_tui.config.load import load

        loaded = load(self.paths, self.overrides, self.environ)
        for note in loaded.notes:
            echo_err(note)
        return loaded.settings

    def run(
        self,
        work: Callable[[EngineApi], Awaitable[T]],
        *,
        load: bool = False,
        works_queue: bool = False,
        ends: Callable[[], None] | None = None,
        settings: Settings | None = None,
    ) -> T:
        """Do something with the engine.

        Args:
            work: gets the engine: this process, or the one that is the engine of the folder.
            load: whether the model of the role ux is loaded; lists and exports do without.
            works_queue: whether an engine here works off the queue, rather than only what is followed.
            ends: begins the end of `work`, where this process has no window and `tale-tui stop` may end it.
            settings: instead of those of this run.
        Returns:
            What `work` returned.
        Raises:
            TaleError: what the engine raises, and what is wrong with the folders or the settings.
            KeyboardInterrupt: the user stopped it; `work` was cancelled and has ended.
            SystemExit: a signal ended it; the same.
        """
        from tale_tui.cli.output import echo_notice
        from tale_tui.config import logs
        from tale_tui.config.process_title import set_process_title
        from tale_tui.engine.ipc.connect import open_engine

        paths = self.make_folders()

        def be_engine() -> Settings:
            set_process_title("engine")
            found = settings or self.settings()
            logs.set_level(found.log_level)
            return found

        async def connected() -> T:
            async with open_engine(
                paths, be_engine, load=load, works_queue=works_queue, ends=ends, told=echo_notice
            ) as engine:
                garbage_collector.resume()
                return await work(engine)

        return self._in_loop(connected)

    def run_there(self, work: Callable[[EngineApi | None], Awaitable[T]]) -> T:
        """Do something with the engine of another process, without ever being it.

        Args:
            work: gets it; None where no engine runs.
        Returns:
            What `work` returned.
        Raises:
            TaleError: as for `run`.
        """
        from tale_tui.engine.ipc.connect import find_engine

        paths = self.make_folders()

        async def connected() -> T:
            async with find_engine(paths) as engine:
                garbage_collector.resume()
                return await work(engine)

        return self._in_loop(connected)

    def _in_loop(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        import asyncio

        from tale_tui.cli.signals import SignalEnd
        from tale_tui.config import logs

        with logs.to_file(self.paths.log_file, environ=self.environ), SignalEnd() as end:
            return asyncio.run(end.of(work()))


def folder_error(error: OSError, path: Path | None = None) -> TaleError:
    """An error of the file system as an error of ours.

    Args:
        error: knows which file it was, unless that was open already.
        path: the file, where the error does not know it.
    """
    from tale_tui.domain.errors import DiskFull, FolderNotMade, ReadOnly
    from tale_tui.domain.text import clean_line, reason_of

    place = clean_line(str(error.filename or path or "A folder"))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"{place} cannot be made. Free some space, or set TALE_HOME to a folder on another disk.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ReadOnly(f"{place} cannot be made. Allow it, or set TALE_HOME to a folder that can be written.")
    return FolderNotMade(f"{place} cannot be made: {reason_of(error)}. Set TALE_HOME to a folder that can be written.")
