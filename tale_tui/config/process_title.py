"""What a list of processes (`ps`) calls this one."""

from __future__ import annotations


def set_process_title(words: str) -> None:
    """Name this process in lists of processes.

    Args:
        words: what it is, as in `engine`; safe text, without anything of a conversation.
    """
    # It changes the memory of the process in a way that differs from system to system: not before it is wanted.
    from setproctitle import setproctitle

    setproctitle(f"tale-tui: {words}")
