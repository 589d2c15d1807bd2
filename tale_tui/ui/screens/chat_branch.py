"""The shown branch of a conversation: which messages stand on the screen, and in which order."""

from __future__ import annotations

from dataclasses import replace

from tale_tui.engine.types import Author, Message, MessageState, Transcript, View
from tale_tui.ui.widgets.transcript import TranscriptView

RESUMABLE = frozenset({MessageState.STOPPED, MessageState.INTERRUPTED, MessageState.FAILED})
"""States of a reply that can be gone on with."""


class Branch:
    """Messages by id, oldest first, always the same as what the widget shows.

    Args:
        view: shows them.
    """

    def __init__(self, view: TranscriptView) -> None:
        self.view = view
        self._messages: dict[str, Message] = {}

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._messages

    def __getitem__(self, message_id: str) -> Message:
        return self._messages[message_id]

    def get(self, message_id: str | None) -> Message | None:
        """The message of this id; None where it is not on the screen."""
        return self._messages.get(message_id) if message_id is not None else None

    @property
    def tip(self) -> Message | None:
        """The newest message."""
        return next(reversed(self._messages.values()), None)

    @property
    def counted(self) -> int | None:
        """Tokens of the newest reply and of its prompt, as the server counted them; None where nobody counted."""
        for one in reversed(self._messages.values()):
            if one.usage is not None and one.usage.prompt_tokens is not None:
                return one.usage.prompt_tokens + (one.usage.completion_tokens or 0)
        return None

    @property
    def resumable(self) -> Message | None:
        """The reply at the end, where it broke off and can be gone on with."""
        tip = self.tip
        return tip if tip is not None and tip.author is Author.ASSISTANT and tip.state in RESUMABLE else None

    @property
    def being_written(self) -> bool:
        """Whether the reply at the end is streaming, in this window or in another one."""
        tip = self.tip
        return tip is not None and tip.state is MessageState.STREAMING

    def load(self, transcript: Transcript) -> None:
        """Show another conversation, or the same one anew, at the place that it was left at."""
        self._messages = {message.id: message for message in transcript.messages}
        self.view.load(transcript)

    def sync(self, transcript: Transcript) -> None:
        """Show the conversation as it is now: only what differs, and without moving what is being read."""
        shown = list(self._messages)
        wanted = [message.id for message in transcript.messages]
        if shown != wanted[: len(shown)]:
            message_id, line = self.view.view()
            number = self.view.chosen_number
            self.load(replace(transcript, view=View(message_id, line)))
            if number is not None and self.view.chosen is None and number < len(wanted):
                # Another version of a message stands where it stood.
                self.view.chosen = wanted[number]
            return
        for message in transcript.messages:
            if self._messages.get(message.id) != message:
                self.put(message)
        self.view.set_view_from(transcript.view_from)

    def put(self, message: Message) -> None:
        """Show a message: in its place where it is there, else below its parent, in place of what was there."""
        if message.id in self._messages:
            self._messages[message.id] = message
            self.view.update(message)
            return
        tip = self.tip
        if tip is not None and tip.id != message.parent_id:
            self.cut_below(message.parent_id)
        self._messages[message.id] = message
        self.view.add(message)

    def cut_below(self, message_id: str | None) -> None:
        """Take away everything below a message; None takes away all."""
        kept: dict[str, Message] = {}
        if message_id in self._messages:
            for key, message in self._messages.items():
                kept[key] = message
                if key == message_id:
                    break
        self._messages = kept
        self.view.drop_after(message_id)
