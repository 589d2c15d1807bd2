"""Where configuration, data, cache and logs are; TALE_HOME moves all. Standard library and platformdirs only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

APP_NAME = "tale-tui"
HOME_VARIABLE = "TALE_HOME"


@dataclass(frozen=True, slots=True)
class Paths:
    """The four folders, and the names of what lies in them."""

    config: Path
    data: Path
    cache: Path
    logs: Path

    @property
    def settings_file(self) -> Path:
        """The user's settings."""
        return self.config / "config.toml"

    @property
    def user_themes(self) -> Path:
        """The user's own themes, one a file."""
        return self.config / "themes"

    @property
    def database(self) -> Path:
        """Everything that is kept."""
        return self.data / "tale.db"

    @property
    def models(self) -> Path:
        """Model files of the embedded backend."""
        return self.data / "models"

    @property
    def task_files(self) -> Path:
        """The folders of tasks, each named by the id of its task."""
        return self.data / "files"

    @property
    def checkpoints(self) -> Path:
        """A bare git repository with what was kept of sessions, tasks and their files."""
        return self.data / "checkpoints.git"

    @property
    def log_file(self) -> Path:
        """The log of the application."""
        return self.logs / "tale-tui.log"

    def make(self) -> None:
        """Make the folders, readable by their owner alone.

        Raises:
            OSError: one cannot be made.
        """
        for folder in (self.config, self.data, self.cache, self.logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def below(root: Path) -> Paths:
    """All four folders below one."""
    return Paths(root / "config", root / "data", root / "cache", root / "logs")


def find_paths(environ: Mapping[str, str] = os.environ) -> Paths:
    """The folders for this user: below TALE_HOME where it is set, else where the system wants them."""
    home = environ.get(HOME_VARIABLE, "")
    if home:
        # Unlike Path.expanduser, this leaves a user who does not exist as it stands instead of failing.
        root = Path(os.path.expanduser(home)).absolute()  # noqa: PTH111
        return below(root)
    # Only where it is needed: most of its time goes into finding out what system this is.
    from platformdirs import PlatformDirs

    dirs = PlatformDirs(APP_NAME, appauthor=False)
    return Paths(dirs.user_config_path, dirs.user_data_path, dirs.user_cache_path, dirs.user_log_path)
