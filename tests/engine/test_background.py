"""How the process in the background is started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tale_tui.config.paths import find_paths
from tale_tui.engine.background import start_background


class Started:
    """Takes the place of `subprocess.Popen`."""

    pid = 4711
    returncode: int | None = None

    def __init__(self, arguments: list[str], **options: Any) -> None:
        Started.arguments, Started.options = arguments, options

    arguments: list[str]
    options: dict[str, Any]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> type[Started]:
    monkeypatch.setattr(subprocess, "Popen", Started)
    return Started


def test_it_is_this_program_cut_off_from_the_terminal(started: type[Started], tmp_path: Path) -> None:
    environ = {"TALE_HOME": str(tmp_path / "h"), "PATH": "/bin"}
    paths = find_paths(environ)
    assert start_background(paths, {"ux": "scripted/demo"}, environ) == 4711
    assert started.arguments[0] == sys.executable
    assert started.arguments[-4:] == ["--set", "ux=scripted/demo", "run", "--detached"]
    options = started.options
    assert options["env"] == environ
    assert options["start_new_session"] is True
    assert options["stdin"] == options["stdout"] == subprocess.DEVNULL
    assert options["cwd"] == paths.data
    assert paths.log_file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(options["stderr"])


def test_it_gets_the_folders_of_whoever_starts_it(started: type[Started], tmp_path: Path) -> None:
    paths = find_paths({"TALE_HOME": str(tmp_path / "demo")})
    start_background(paths, environ={"TALE_HOME": str(tmp_path / "other")})
    assert find_paths(started.options["env"]) == paths
