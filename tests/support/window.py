"""The one driver of a window: what a user presses and reads, and what a test waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen

from support.waiting import until
from tale_tui.domain.conversation import Message, MessageState, Session
from tale_tui.domain.events import Fact
from tale_tui.domain.tasks import Task
from tale_tui.ui.app import TaleApp
from tale_tui.ui.chat.screen import ChatScreen
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.widgets.composer import Waiting


class Window:
    """An application that runs, or is about to. What is said of the chat holds where it is `TaleApp`.

    Args:
        app: the application.
        pilot: presses its keys; None for that of Textual.
        engine: behind it, where there is one already.
        backend: its models, where a test asks about them.
        clock: its time, where a test turns it.
    """

    def __init__(
        self, app: Any, pilot: Pilot[Any] | None = None, *, engine: Any = None, backend: Any = None, clock: Any = None
    ) -> None:
        self.app = app
        self.pilot: Pilot[Any] = pilot or Pilot(app)
        self.engine = engine
        self.backend = backend
        self.clock = clock

    # what is waited for

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for a condition, and for all that was posted by then.

        Args:
            condition: asked again and again; may be a coroutine function.
            what: names it where it does not come true.
        """
        await until(condition, lambda: f"{what}\n{self.painted}")
        await self.pilot.pause()

    async def shows(self, *words: str) -> None:
        """Wait until these words are on the screen."""
        await self.until(lambda: all(word in self.painted for word in words), f"{words} on the screen")

    async def hides(self, word: str) -> None:
        """Wait until a word is not on the screen."""
        await self.until(lambda: word not in self.painted, f"no {word} on the screen")

    async def tells(self, words: str) -> None:
        """Wait until these words are in something that was told."""
        await self.until(lambda: any(words in one for one in self.told), f"{words!r} is told")

    async def dialog(self, kind: type[Screen[Any]]) -> Any:
        """Wait until a screen of this class is in front, and give it."""
        await self.until(lambda: isinstance(self.app.screen, kind), f"{kind.__name__} is open")
        return self.app.screen

    async def closed(self) -> None:
        """Wait until nothing stands over the chat any more."""
        await self.until(lambda: self.app.screen is self.chat, "the chat is in front")

    async def left(self) -> None:
        """Wait until the application leaves."""
        await self.until(lambda: self.leaving, "it leaves")

    async def idle(self) -> None:
        """Wait until no worker is under way."""
        await self.until(lambda: not self.app.workers, "no worker is under way")

    # what is done and read

    async def press(self, *keys: str) -> None:
        """Press keys; a letter is its own name."""
        await self.pilot.press(*keys)

    @property
    def painted(self) -> str:
        """What can be read on the screen in front."""
        return "\n".join(strip.text.rstrip() for strip in self.strips)

    @property
    def strips(self) -> list[Any]:
        """The lines of the screen in front, with their colours."""
        return list(self.app.screen._compositor.render_strips())

    @property
    def told(self) -> list[str]:
        """What was told, as sentences."""
        if not isinstance(self.app, TaleApp):
            return getattr(self.app, "told", None) or [one.message for one in self.app._notifications]
        return [notice.sentence for _, notice in self.app.notices.told]

    @property
    def leaving(self) -> bool:
        """Whether the application was left."""
        return self.app.return_code is not None

    # the chat

    @property
    def chat(self) -> ChatScreen:
        return self.app.chat  # type: ignore[no-any-return]

    @property
    def controller(self) -> Any:
        """Behind the chat; None while there is no engine. Tests ask this driver rather than its parts."""
        return self.chat.controller

    @property
    def prompt(self) -> Any:
        return self.chat.composer.prompt

    @property
    def notice(self) -> Any:
        """What stands above the prompt; None where nothing does."""
        return self.chat.composer.banner.shown

    @property
    def chip(self) -> Any:
        """What the chip at the prompt says; None where it says nothing."""
        return self.chat.composer.chip

    @property
    def queued(self) -> tuple[Waiting, ...]:
        """What waits above the prompt, the next to be sent first."""
        return self.chat.composer.queue.waiting

    @property
    def messages(self) -> list[Message]:
        """Those on the screen, oldest first."""
        return [turn.content.message for turn in self.chat.view.turn_layout.turns]

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.messages]

    @property
    def streamed(self) -> str:
        """What has come of the newest message so far."""
        return self.chat.view.source(self.messages[-1].id) if self.messages else ""

    @property
    def session(self) -> Session | None:
        """The conversation on the screen; None before its first message."""
        return self.controller.conversation.session if self.controller is not None else None

    @property
    def system(self) -> str:
        """The system prompt of the conversation on the screen."""
        return str(self.controller.conversation.system)

    @property
    def tasks(self) -> dict[str, Task]:
        """Those with a card on the screen, by id."""
        return dict(self.controller.conversation.tasks)

    @property
    def card(self) -> Message | None:
        """The newest message that is a card."""
        return next((message for message in reversed(self.messages) if message.task_id), None)

    @property
    def writing(self) -> bool:
        """Whether this window has a reply written that was not stopped."""
        return self.controller is not None and self.controller.turns.writing

    @property
    def busy(self) -> bool:
        """Whether a reply is on its way here, in this window or in another one."""
        return self.controller is not None and self.controller.turns.busy

    def follows(self, task_id: str) -> bool:
        """Whether what a task writes is read and shown."""
        return bool(self.controller.tasks.cards.watched(task_id))

    async def ready(self) -> None:
        """Wait for the engine and the model."""
        await self.until(lambda: self.chat.line.model.state == "ready", "the model is ready")
        await self.idle()

    async def write(self, text: str) -> None:
        """Put text into the prompt as typing does in the end."""
        self.prompt.replace(text, *self.prompt.selection)
        await self.pilot.pause()

    async def say(self, text: str) -> None:
        """Write a message and send it."""
        await self.write(text)
        await self.press("enter")

    def send(self, text: str) -> None:
        """Send a message in this moment, before anything else can happen."""
        self.controller.input.send(text, as_task=self.controller.input.preview.take())

    def hear(self, fact: Fact) -> None:
        """Let the engine say something to the chat."""
        self.chat.post_message(Bridge.Happened(fact))

    async def open_session(self, session_id: str) -> None:
        """Show another conversation."""
        await self.controller.open_session(session_id)

    async def streams(self, text: str = "") -> None:
        """Wait until this is what has come of the reply; without a text, until something has."""
        await self.until(
            lambda: self.messages and self.messages[-1].author == "assistant" and _has_come(self.streamed, text),
            f"the reply has {text!r}",
        )

    async def answered(self, count: int = 1) -> None:
        """Wait until so many replies are complete and nothing is being written."""
        await self.until(
            lambda: (
                sum(one.author == "assistant" and one.state is MessageState.COMPLETE for one in self.messages) >= count
                and not self.writing
            ),
            f"{count} complete replies",
        )

    async def rest(self) -> None:
        """Wait until no reply and no worker is under way."""
        await self.until(lambda: not self.app.workers and not self.busy, "nothing is under way")


def _has_come(streamed: str, text: str) -> bool:
    return streamed == text if text else bool(streamed)
