"""The list of tasks, kept in step with what is so."""

from __future__ import annotations

from collections.abc import Iterable

from tale_tui.engine.task_types import Task
from tale_tui.ui.screens.task_book import Order, Tab, TaskBook
from tale_tui.ui.widgets.task_list import TaskList
from tale_tui.ui.widgets.word_tabs import WordTabs

_EMPTY = {
    Tab.ALL: "No tasks yet. Work that you hand over shows up here.\n\n{chat}   write it in the chat\n"
    "     or in a shell: tale-tui submit TEXT",
    Tab.OPEN: "Nothing is open: every task has ended.",
    Tab.NEEDS_YOU: "No task needs you.",
    Tab.DONE: "No task is done yet.",
    Tab.FAILED: "No task has failed.",
}


class TaskShelf:
    """All tasks, and the widget that shows them.

    Args:
        view: the list.
        tabs: the kinds.

    Attributes:
        book: all tasks.
        loaded: whether the tasks are known.
        complaint: what is said in the place of tasks: why there is no engine. Safe text.
        chat_key: the key that goes to the chat.
    """

    def __init__(self, view: TaskList, tabs: WordTabs) -> None:
        self.book = TaskBook()
        self.loaded = False
        self.complaint = ""
        self.chat_key = ""
        self._list = view
        self._tabs = tabs

    @property
    def task(self) -> Task | None:
        """The chosen one, as it is now."""
        task = self._list.chosen
        return None if task is None else self.book.get(task.id)

    def load(self, tasks: Iterable[Task], chosen: str = "") -> None:
        """Take all tasks; `chosen` is the beginning of the id of the one to choose, empty keeps it."""
        self.book.load(tasks)
        self.loaded = True
        self.paint(chosen)

    def put(self, task: Task) -> bool:
        """Take a task as it is now; whether rows moved, which `paint` shows."""
        return self.book.put(task)

    def line_up(self, queued: Iterable[Task]) -> None:
        """Show queued tasks in the order of these."""
        self.book.line_up(queued)
        self.paint()

    def paint_row(self, task: Task) -> None:
        """Paint a task anew whose row did not move."""
        self._list.put(task)

    def show(self, *, tab: Tab | None = None, words: str | None = None, order: Order | None = None) -> None:
        """Show others, or in another order; None leaves it."""
        self.book.show(tab=tab, words=words, order=order)
        self.paint()

    def paint(self, chosen: str = "") -> None:
        """Show the rows as they are now, and choose a task where one is given."""
        self._list.empty, self._list.alone = self._sentence(), not len(self.book)
        self._tabs.current = self.book.tab
        self._list.show(self.book.rows, self.book.id_cells, chosen=chosen)

    def _sentence(self) -> str:
        if self.complaint:
            return self.complaint
        if not self.loaded:
            return ""
        if self.book.words.strip():
            return f'Nothing here has "{self.book.words.strip()}" in its title, id or model.'
        tab = self.book.tab if len(self.book) else Tab.ALL
        return _EMPTY[tab].format(chat=self.chat_key)
