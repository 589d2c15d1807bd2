"""The tasks of the chat: their cards, what the user can do with them, and what is said of all of them."""

from __future__ import annotations

from tale_tui.domain.clock import Clock
from tale_tui.domain.events import Notice, RoleChanged, TaskChanged, TasksChanged
from tale_tui.domain.tasks import Task
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.chat.conversation import Conversation
from tale_tui.ui.chat.tasks.actions import CardActions, ShowTask, TaskResolver
from tale_tui.ui.chat.tasks.cards import TaskCards
from tale_tui.ui.chat.tasks.open_tasks import OpenTasks
from tale_tui.ui.preferences import WindowPreferences
from tale_tui.ui.tasks.notifications import Notification, TaskNotifier
from tale_tui.ui.tasks.side import TaskSide
from tale_tui.ui.widgets.composer import Composer
from tale_tui.ui.widgets.status_line import StatusLine
from tale_tui.ui.widgets.title_bar import TitleBar


class ChatTasks:
    """One door to everything about tasks in the chat.

    Args:
        screen: has the widgets; tells.
        conversation: the one on the screen.
        clock: the time and the ids.
        preferences: how the window behaves.
        show_task: leads to the screen of tasks.

    Attributes:
        cards: those of the conversation.
        ids: finds tasks.
        actions: what the user can do with them.
        open: how it stands with all of them.
        side: shows those of the conversation beside it, where there is room.
    """

    def __init__(
        self,
        screen: BaseScreen,
        conversation: Conversation,
        clock: Clock,
        preferences: WindowPreferences,
        show_task: ShowTask,
    ) -> None:
        composer, view = screen.query_one(Composer), conversation.branch.view
        self._screen = screen
        self._preferences = preferences
        self.cards = TaskCards(screen, conversation, view)
        self.ids = TaskResolver(screen, conversation, composer.complete_again)
        self.actions = CardActions(screen, conversation, self.cards, self.ids, view, show_task)
        self.open = OpenTasks(screen, conversation, composer, screen.query_one(TitleBar), screen.query_one(StatusLine))
        self.open.asks = preferences.asks_to_resume
        self.open.leaving = preferences.leave
        self._notifier = TaskNotifier(screen, clock, self._notify, self.cards.watched, preferences)
        self.side = TaskSide(clock.now)
        page = screen.query_one("#page")
        page.query(TaskSide).remove()
        page.mount(self.side)

    def started(self, task: Task) -> None:
        """A message of this window became a task."""
        self.cards.started(task)
        self.ids.forget()

    def on_event(self, fact: TaskChanged | TasksChanged | RoleChanged) -> None:
        """The engine said something of tasks, or of who does them."""
        match fact:
            case RoleChanged(status):
                self.cards.on_model(status)
                return
            case TaskChanged(task):
                self.cards.on_task(task)
                self._notifier.on_task(task)
            case TasksChanged():
                self._screen.spawn(self.cards.refresh, group="tasks", exclusive=True)
        self.changed()

    def changed(self) -> None:
        """Some tasks are not what they were: they are read again where they are wanted."""
        self.ids.forget()
        self.open.read_soon()

    def engine_moved(self) -> None:
        """Another process carries them out: those that were cut off with the last one are asked about."""
        self.open.asks = self._preferences.asks_to_resume
        self.changed()

    def _notify(self, news: Notification) -> None:
        self._screen.tell(Notice(news.title, news.sentence, news.severity, about=news.about))
