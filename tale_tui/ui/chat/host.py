"""What the parts of the chat screen may ask of the screen that holds them."""

from __future__ import annotations

from typing import Protocol, TypeVar

from textual.screen import ModalScreen
from textual.worker import Worker

from tale_tui.config.paths import Paths
from tale_tui.domain.models import RoleStatus
from tale_tui.engine.api import EngineApi
from tale_tui.ui.chat.conversation import Conversation
from tale_tui.ui.chat.turns import TurnQueue
from tale_tui.ui.widgets.banner import Severity
from tale_tui.ui.widgets.composer import Composer
from tale_tui.ui.workers import Args, Work

T = TypeVar("T")


class KnowsModel(Protocol):
    """Knows how the model that answers is."""

    status: RoleStatus | None


class ChatHost(Protocol):
    """The chat, once there is an engine."""

    composer: Composer
    conversation: Conversation
    engine: EngineApi
    paths: Paths

    @property
    def turns(self) -> TurnQueue:
        """The turns of the conversation on the screen."""
        ...

    @property
    def models(self) -> KnowsModel:
        """The model that answers."""
        ...

    def say(
        self, sentence: str, *, title: str = "", severity: Severity = "information", timeout_s: float | None = None
    ) -> None:
        """Tell the user something that goes by itself and is kept in the list of notices. Safe text."""
        ...

    def spawn(self, function: Work[*Args], *args: *Args, group: str, exclusive: bool = False) -> Worker[None]:
        """Do `function(*args)` in a worker; what goes wrong in it is told."""
        ...

    async def ask(self, dialog: ModalScreen[T]) -> T | None:
        """Show a dialog and wait for its result; from a worker only."""
        ...

    def copy(self, text: str, what: str) -> None:
        """Put `text` into the clipboard and say so; `what` begins the sentence."""
        ...

    async def open_session(self, session_id: str, message_id: str | None = None) -> None:
        """Leave the conversation as it is and show another one."""
        ...

    async def new_session(self, system: str = "") -> None:
        """Leave the conversation as it is and begin another one."""
        ...

    def use_setting(self, name: str, value: object) -> None:
        """Change a setting for good and begin again with it."""
        ...

    def go_on(self) -> None:
        """Help on what broke off: the engine, the model, or the last reply."""
        ...
