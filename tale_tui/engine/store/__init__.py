"""The store: everything that is kept, and the only SQL.

`Store` is the way in. One module per aggregate; `store.py` puts them together, `opening.py` opens, checks and migrates
the file, `database.py` runs jobs on it.
"""

from tale_tui.engine.store.labels import Label
from tale_tui.engine.store.peek import peek_tasks
from tale_tui.engine.store.residencies import ResidencyChange, ResidencyEntry
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.task_forms import Claim, NewTask, TaskEnd

__all__ = ["Claim", "Label", "NewTask", "ResidencyChange", "ResidencyEntry", "Store", "TaskEnd", "peek_tasks"]
