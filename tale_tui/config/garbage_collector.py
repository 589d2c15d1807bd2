"""When the collector of garbage looks: not while modules are loaded, since what is imported stays.

Looking through them again and again is a quarter of the work of a command that lists something, and stops the event
loop for 50 ms and more where they are loaded beside a window.
"""

from __future__ import annotations

import gc


def pause() -> None:
    """Look at nothing until `resume`: for the beginning of a process."""
    gc.disable()


def resume() -> None:
    """Look again, at what is made from now on; nothing changes where it was not paused."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
