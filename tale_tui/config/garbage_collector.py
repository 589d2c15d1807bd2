"""When the collector of garbage looks: not until the engine is there, or cannot be had, since what is imported stays.

Looking through it again and again makes a command that lists something work a quarter more, and stops the event loop of
a window, beside which the engine is loaded, for 50 ms at a time.
"""

from __future__ import annotations

import gc


def pause() -> None:
    """Look at nothing until `resume`: for the beginning of a process. What goes on without an engine resumes itself."""
    gc.disable()


def resume() -> None:
    """Look again, at what is made from now on; nothing changes where it was not paused."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
