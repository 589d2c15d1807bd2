"""What the user writes on its way out: sent, put behind a reply, edited, taken back, made to fit."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from tale_tui.domain.errors import MessageTooLong, TaskTooLong
from tale_tui.domain.text import clean, clean_line
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.chat.autosave import DraftAutosave, Drafts
from tale_tui.ui.chat.conversation import Conversation, SendFailed
from tale_tui.ui.chat.detection import DetectionPreview, reclassify_turn
from tale_tui.ui.chat.models import ModelActions
from tale_tui.ui.chat.turns import TurnQueue
from tale_tui.ui.widgets.banner import Banner
from tale_tui.ui.widgets.composer import Composer
from tale_tui.ui.widgets.status_line import KeyHint

EDITING = "editing"
"""Stands before the prompt while another version of a message is written."""

DRAFTS = "drafts"
"""The folder of what was never sent, in the data folder."""


class ChatInput:
    """The way from the prompt to the conversation.

    Args:
        screen: tells and asks.
        composer: has the prompt.
        conversation: what is on the screen.
        turns: where messages go.
        models: knows how much fits.
        data: the folder for what is never sent, or too long.

    Attributes:
        preview: what the message in the prompt would become.
        autosave: keeps what is being written.
        editing: the id of the message of which another version is being written; None for a new message.
        too_long: the message that was refused for its length; empty for none.
    """

    def __init__(
        self,
        screen: BaseScreen,
        composer: Composer,
        conversation: Conversation,
        turns: TurnQueue,
        models: ModelActions,
        data: Path,
    ) -> None:
        self._screen = screen
        self._composer = composer
        self._conversation = conversation
        self._turns = turns
        self._models = models
        self._data = data
        self._draft_before = ""
        self.preview = DetectionPreview(screen, conversation, composer)
        drafts = Drafts(data / DRAFTS, os.getpid())
        self.autosave = DraftAutosave(screen, conversation, composer.prompt, lambda: self.draft, drafts)
        self.editing: str | None = None
        self.too_long = ""
        self._too_long_banner: Banner | None = None
        self._arriving = 0
        self._in_order = asyncio.Lock()

    @property
    def draft(self) -> str:
        """What is being written as a new message."""
        return self._draft_before if self.editing else self._composer.prompt.text

    def typed(self) -> None:
        """What stands in the prompt changed."""
        text = self._composer.prompt.text
        self.preview.typed(text)
        self.autosave.schedule()
        if self.too_long:
            # What is said of a text goes with it, and comes back with it.
            self._composer.set_banner("input", self._too_long_banner if text == self.too_long else None)

    def send(self, text: str, *, as_task: bool | None = None) -> None:
        """Send a message: at once, behind the reply that streams and what waits, or as another version of one.

        Args:
            text: the message.
            as_task: what the user said that it is; None lets it be judged, as another version always is.
        """
        if self.editing is not None:
            edited = self.editing
            self.leave_editing()
            self._turns.edit(edited, text)
        elif self._turns.busy or self._arriving or self._conversation.queued:
            self._arriving += 1
            self._screen.spawn(self._enqueue, text, as_task, not self._turns.busy, group="queue")
        else:
            self._turns.send(text, as_task=as_task)

    async def _enqueue(self, text: str, as_task: bool | None, at_once: bool) -> None:
        """Put a message behind what waits, and send that where nothing keeps it.

        Args:
            text: the message.
            as_task: what the user said that it is.
            at_once: whether no reply kept it when it was sent: then the user wants what waits to go, too.
        """
        try:
            async with self._in_order:
                await self._conversation.enqueue(text, as_task=as_task)
        except SendFailed as lost:
            self.give_back(lost)
            return
        finally:
            self._arriving -= 1
        # The reply that it should wait for may have ended meanwhile.
        if at_once or self._turns.own_wait():
            self.send_waiting()

    def send_waiting(self) -> bool:
        """Send what waits, where nothing streams that it waits for; False where nothing waits."""
        waits = bool(self._conversation.queued) and not self._turns.busy
        if waits:
            self._turns.send_waiting()
        return waits

    def reclassify(self, message_id: str = "") -> None:
        """Make a task of talk, or talk of a task: what is being written, else the last turn.

        Args:
            message_id: of the reply of another turn, which is meant whatever is being written.
        """
        if message_id:
            reclassify_turn(self._conversation, self._turns, message_id)
        elif self.editing is not None:
            self._screen.say("An edited message is judged by itself. Afterwards the same key makes it the other thing.")
        elif not self.preview.flip() and not reclassify_turn(self._conversation, self._turns):
            self._screen.say("There is nothing yet that could be a task.")

    async def take_back(self, key: str = "") -> None:
        """Put a message that waits back into the prompt, the newest without a key."""
        text = await self._conversation.take_back(key)
        if text is not None:
            self._composer.put_before(text)

    def give_back(self, refused: SendFailed) -> None:
        """What could not be stored goes back into the prompt, and why is said."""
        self._composer.put_before(refused.text)
        if not isinstance(refused.error, MessageTooLong | TaskTooLong):
            self._screen.say_error(refused.error)
            return
        self.too_long = self._composer.prompt.text
        keys: tuple[KeyHint, ...] = (
            KeyHint(self._screen.key_of("chat.trim"), "cut it to what fits"),
            KeyHint(self._screen.key_of("chat.to_file"), "keep it in a file"),
            KeyHint(self._screen.key_of("chat.editor"), "edit it"),
        )
        if isinstance(refused.error, TaskTooLong):
            keys = (KeyHint(self._screen.key_of("chat.other_way"), "just talk"), *keys)
        self._too_long_banner = Banner(refused.error.sentence, keys, "warning")
        self._composer.set_banner("input", self._too_long_banner)

    def forget_length(self) -> bool:
        """Take the notice about the length away; False where there was none."""
        if not self.refused:
            return False
        self.too_long = ""
        self._composer.set_banner("input", None)
        return True

    @property
    def refused(self) -> bool:
        """Whether the message in the prompt was refused for its length."""
        return bool(self.too_long) and self._composer.prompt.text == self.too_long

    def trim(self) -> None:
        """Cut the message in the prompt to what fits; undo brings the rest back."""
        prompt = self._composer.prompt
        before = len(prompt.text)
        prompt.rewrite(trimmed(prompt.text, self._window))
        self.forget_length()
        undo = self._screen.key_of("prompt.undo")
        self._screen.say(f"{before - len(prompt.text):,} characters at its end were left out; {undo} brings them back.")

    async def keep_in_file(self) -> None:
        """Put the whole message into a file and leave its beginning, which names the file, in the prompt."""
        prompt = self._composer.prompt
        folder = self._data / "messages"
        try:
            message, path = await asyncio.to_thread(kept_in_file, prompt.text, folder, self._window)
        except OSError as error:
            reason = clean_line(error.strerror or "unknown error")
            self._screen.say(f"The file cannot be written: {reason}.", title="Not kept", severity="error")
            return
        prompt.rewrite(message)
        self.forget_length()
        self._screen.say(clean_line(str(path)), title="The whole message is in a file")

    @property
    def _window(self) -> int | None:
        status = self._models.status
        return status.window if status is not None else None

    def start_editing(self, message_id: str, text: str) -> None:
        """Take a message of the user into the prompt, to be sent as another version of it."""
        prompt = self._composer.prompt
        if self.editing is None:
            self._draft_before = prompt.text
        self.editing = message_id
        self._composer.marker = EDITING
        prompt.fill(text)
        prompt.focus()
        self._conversation.changed()

    def leave_editing(self) -> bool:
        """Go back to what was being written before; False where nothing was edited."""
        if self.editing is None:
            return False
        self.editing = None
        self._composer.marker = ""
        self._composer.prompt.fill(self._draft_before)
        self._conversation.changed()
        return True

    async def write_in_editor(self) -> None:
        """Write the message in the external editor."""
        from tale_tui.ui.terminal.editor import NoEditor, edit_outside

        prompt = self._composer.prompt
        try:
            text = await edit_outside(prompt.app, prompt.text)
        except NoEditor as error:
            self._screen.say(str(error), title="No editor", severity="warning")
        else:
            prompt.rewrite(clean(text))
            prompt.focus()


CHARACTERS_PER_TOKEN = 3
"""Less than nearly all text has, so that what is cut to it fits."""

SHARE_FOR_MESSAGE = 0.6
"""The part of the window that a message may take: the rest is for the system prompt and the answer."""

DEFAULT_WINDOW = 2048
"""Tokens, where nobody knows how large the window is."""


def room(window: int | None) -> int:
    """Characters that a message may have in a window of so many tokens; None counts as `DEFAULT_WINDOW`."""
    return int((window or DEFAULT_WINDOW) * SHARE_FOR_MESSAGE * CHARACTERS_PER_TOKEN)


def trimmed(text: str, window: int | None) -> str:
    """The beginning of `text` that fits, cut between two words where there are any."""
    limit = room(window)
    if len(text) <= limit:
        # It was said to be too long all the same: half of it is a beginning.
        limit = len(text) // 2
    cut = text[:limit]
    head, space, _ = cut.rpartition(" ")
    return head if space and len(head) > limit // 2 else cut


def kept_in_file(text: str, folder: Path, window: int | None) -> tuple[str, Path]:
    """Put the whole text into a file of its own, and make the message that is sent instead.

    Args:
        text: all of it.
        folder: where the file is made.
        window: of the model, in tokens.
    Returns:
        The message, which names the file and holds the beginning of it, and the file.
    Raises:
        OSError: the file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(prefix="message-", suffix=".txt", dir=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    path = Path(name)
    head = f"The whole text is in the file {path.name} ({len(text):,} characters). It begins:\n\n"
    return head + trimmed(text, window)[: max(room(window) - len(head), 1)], path
