"""An engine without a window, in a process of its own: it works off the queue and ends by itself.

The window starts one when its user leaves while tasks are open; `tale-tui run --background` does too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from tale_tui.config.environment import copy_environment
from tale_tui.config.paths import HOME_VARIABLE, Paths, find_paths
from tale_tui.engine.child_process import module_command

DETACHED_OPTION = "--detached"
"""Of `tale-tui run`: this is the process in the background."""
STAY_OPTION = "--stay"
"""Of `tale-tui run`: it goes on until it is ended, also where there is nothing to do."""


def start_background(
    paths: Paths,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    stays: bool = False,
) -> int:
    """Start an engine in the background; this process may end right after.

    Where another process is the engine, the new one waits until that ends: first start it, then leave. What was cut off
    by the end of an engine goes on there without being asked for.

    Args:
        paths: the four folders, as `find_paths` gives them.
        overrides: dotted key -> value, of the settings that hold for this run only.
        environ: the environment that it gets; None gives it that of this process.
        stays: whether it stays until it is ended; else until there was nothing to do for a while.
    Returns:
        The id of the process.
    Raises:
        OSError: no process can be started, or the log cannot be written.
    """
    # Loaded when somebody leaves: the first frame does without.
    import subprocess

    environment = copy_environment(environ)
    if find_paths(environment) != paths:
        environment[HOME_VARIABLE] = str(paths.data.parent)
    flags = [part for name, value in (overrides or {}).items() for part in ("--set", f"{name}={value}")]
    stay = [STAY_OPTION] if stays else []
    paths.logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = os.open(paths.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        # It outlives this process, so nobody waits for it.
        process = subprocess.Popen(  # noqa: S603 - this program itself
            module_command("tale_tui", (*flags, "run", DETACHED_OPTION, *stay)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment,
            cwd=paths.data,
            start_new_session=True,
            close_fds=True,
        )
    finally:
        os.close(log)
    # Without this Python warns that a child was left behind when the object is collected.
    process.returncode = 0
    return process.pid
