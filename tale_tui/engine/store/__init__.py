"""The store: everything that is kept, and the only SQL.

`Store` is the way in. One module per aggregate; `store.py` puts them together, `open.py` opens, checks and migrates
the file, `database.py` runs jobs on it.
"""

from tale_tui.engine.store.preferences import Label
from tale_tui.engine.store.read_only import peek_tasks
from tale_tui.engine.store.residencies import ResidencyChange, ResidencyEntry
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.task_state import Claim
from tale_tui.engine.store.task_steps import TaskEnd
from tale_tui.engine.store.tasks import NewTask
from tale_tui.engine.store.turns import StoredTurn

__all__ = [
    "Claim",
    "Label",
    "NewTask",
    "ResidencyChange",
    "ResidencyEntry",
    "Store",
    "StoredTurn",
    "TaskEnd",
    "peek_tasks",
]
