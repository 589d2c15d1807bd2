"""What every screen can do: work in the background, tell, ask, and name the keys that it has now."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, TypeVarTuple

from textual.message import Message
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen, Screen
from textual.worker import Worker

from tale_tui.domain.errors import TaleError
from tale_tui.formatting.symbols import ASCII, signs
from tale_tui.ui.keys import KeyPlace, keys_by_id
from tale_tui.ui.widgets.banner import Banner, Severity
from tale_tui.ui.widgets.notice_line import NoticeLine
from tale_tui.ui.widgets.status_line import key_hints
from tale_tui.ui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from tale_tui.domain.checkpoints import CheckpointScope
    from tale_tui.domain.events import Notice
    from tale_tui.ui.notice_queue import NoticeShown

T = TypeVar("T")
Args = TypeVarTuple("Args")
Work = Callable[[*Args], Coroutine[Any, Any, None]]


_LOOK = ("app.tasks", "look")
LOOKS = {
    "models": (("chat.models", "choose another"),),
    "tasks": (_LOOK,),
    "plans": (("chat.plan", "its plan"), _LOOK),
    "undone": tuple((name, "do again") for name in ("checkpoints.redo", "tasks.redo", "chat.take_back")),
    "redone": tuple((name, "take back") for name in ("checkpoints.undo", "tasks.undo", "chat.take_back")),
}
"""What a notice is about -> the bindings that lead there, and in words what they do."""
_SEVERITIES: dict[str, Severity] = {"warning": "warning", "error": "error"}


class BaseScreen(Screen[None]):
    """A screen that stays, other than a dialog. What belongs to it is given the screen, and needs no more of it.

    Attributes:
        title_bar: the first line.
        notice_line: shows what is told; the screen has it in its last lines.
    """

    BACK: ClassVar[str] = ""
    """The id of the binding that closes one thing at a time, a notice among them."""

    LISTS_TASKS: ClassVar[bool] = False
    """Whether every task is in sight, so that nothing need be told of one."""

    @dataclass
    class Left(Message, namespace="base_screen"):
        """The user wants to go back."""

        to: str = "chat"
        """The mode that is shown then."""

    @dataclass
    class CheckpointsWanted(Message, namespace="base_screen"):
        """What was kept of something is to be shown."""

        scope: CheckpointScope

    @dataclass
    class Told(Message):
        """The user is to be told something."""

        notice: Notice

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  (Textual's word)
        super().__init__(id=id, classes="-ascii" if signs() is ASCII else "")
        self.title_bar = TitleBar()
        self.notice_line = NoticeLine()

    @property
    def key_places(self) -> tuple[KeyPlace, ...]:
        """Where keys work on this screen, the most important place first."""
        return ()

    @property
    def is_shown(self) -> bool:
        """Whether this is the screen of the mode that is on, perhaps below a dialog."""
        return self.is_attached and self.app.screen_stack[0] is self

    def say(
        self,
        sentence: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout_s: float | None = None,
    ) -> None:
        """Tell the user something that goes by itself; with a title it is kept in the list of notices. Safe text."""
        self.app.notify(sentence, title=title, severity=severity, timeout=timeout_s, markup=False)

    def tell(self, notice: Notice) -> None:
        """As `say`, for a notice that names what there is to look at."""
        self.post_message(self.Told(notice))

    def show_notice(self, shown: NoticeShown | None) -> None:
        """Show in the line of this screen what is told; None for nothing."""
        self.notice_line.shown = None if shown is None else self._notice_banner(shown)

    def _notice_banner(self, shown: NoticeShown) -> Banner:
        notice, keys = shown.notice, self.keys()
        text = f"{notice.title}: {notice.sentence}" if notice.title else notice.sentence
        if shown.more:
            text += f" (and {shown.more} more: /notices)"
        hints = (*LOOKS.get(notice.about, ()), (self.BACK, "close"))
        severity = _SEVERITIES.get(notice.severity, "information")
        return Banner(text, key_hints(hints, keys), severity)

    def put_notice_away(self) -> bool:
        """Take away what is told; False where nothing is."""
        told = self.notice_line.shown is not None
        if told:
            self.app.clear_notifications()
        return told

    def say_error(self, error: TaleError) -> None:
        """Tell the user what went wrong."""
        self.say(error.sentence, title=error.title, severity="error")

    def spawn(self, function: Work[*Args], *args: *Args, group: str, exclusive: bool = False) -> Worker[None]:
        """Do `function(*args)` in a worker that ends with the screen.

        A `TaleError` is told; every other error ends the application. Of a worker that is dropped before its first
        step nothing is left, as the function is called in that step.

        Args:
            function: the work.
            args: what it is given.
            group: of workers; names the worker as well.
            exclusive: whether the others of the group are cancelled.
        """

        async def work() -> None:
            try:
                await function(*args)
            except TaleError as error:
                self.say_error(error)

        worker: Worker[None] = self.run_worker(work, name=group, group=group, exclusive=exclusive, description=group)
        return worker

    async def ask(self, dialog: ModalScreen[T]) -> T | None:
        """Show a dialog and wait for its result; from a worker only."""
        return await self.app.push_screen_wait(dialog)

    def copy(self, text: str, what: str) -> None:
        """Put `text` into the clipboard and say so; `what` begins the sentence."""
        self.app.copy_to_clipboard(text)
        self.say(f"{what} was copied.")

    def keys(self) -> dict[str, str]:
        """See `keys_by_id`."""
        return keys_by_id(self)

    def key_of(self, binding_id: str) -> str:
        """The key that a binding has now; empty where it can do nothing."""
        return self.keys().get(binding_id, "")
