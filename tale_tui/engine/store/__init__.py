"""The store: everything that is kept, and the only SQL.

`Store` is the way in. One module per aggregate; `store.py` puts them together, `opening.py` opens, checks and migrates
the file, `database.py` runs jobs on it.
"""

from tale_tui.engine.store.store import Store

__all__ = ["Store"]
