"""What is remembered, from the prompt: kept, forgotten, and turned on or off for the conversation."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from tale_tui.domain.errors import NoSuchItem
from tale_tui.domain.text import clean_line
from tale_tui.formatting.recall import OFF_HERE, ON_HERE
from tale_tui.ui.chat.controller import ChatController

TITLE = "Remembered"
_TEXT_LIMIT = 80
"""Characters of an item inside a notice."""


@dataclass
class RecallSearched(Message):
    """Words are to be looked for in all that is remembered."""

    words: str


async def remember(chat: ChatController, text: str) -> None:
    """Remember something that the user wrote."""
    if not text:
        chat.screen.say("Write behind it what is to be remembered, as in: /remember We use PostgreSQL 15")
        return
    session = chat.conversation.session
    item = await chat.engine.recall.add(text, session_id=session.id if session else "")
    chat.screen.say(clean_line(item.text, _TEXT_LIMIT), title=f"{TITLE} as a {item.kind}")


async def forget(chat: ChatController, words: str) -> None:
    """Forget an item that is named by its id; any other words are looked for on the screen."""
    try:
        item = await chat.engine.recall.find(words)
    except NoSuchItem:
        chat.screen.post_message(RecallSearched(words))
        return
    await chat.engine.recall.forget(item.id)
    chat.screen.say(clean_line(item.text, _TEXT_LIMIT), title="Forgotten")


async def switch(chat: ChatController, on: bool) -> None:
    """Turn it on or off for the conversation."""
    session = await chat.conversation.ensure_session()
    await chat.engine.recall.allow(session.id, on=on)
    chat.screen.say(ON_HERE if on else OFF_HERE, title=TITLE)
