"""The program: `tale-tui`, and `python -m tale_tui`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line.

    Returns:
        The exit code: 0, 1 (failed), 2 (usage or bad input), 3 (no model), 130 (interrupted).
    """
    try:
        from tale_tui.config import garbage_collector

        garbage_collector.pause()
        from tale_tui.cli.main import run

        return run()
    except KeyboardInterrupt:
        # Before anything was begun: there is nothing to put right.
        return 130


if __name__ == "__main__":
    sys.exit(main())
