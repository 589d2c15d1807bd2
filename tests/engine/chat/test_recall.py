"""What was said in one conversation is known in the next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from conftest import ManualClock
from tale_tui.domain.conversation import Author, MessageState
from tale_tui.domain.events import TurnDone
from tale_tui.engine.chat.task_questions import ANSWERED_FROM_RECALL, asks_decision
from tale_tui.engine.models.scripted import spoken
from tale_tui.engine.recall.offer import HEAD

Talk = Callable[..., Awaitable[Any]]
DAY_S = 86_400.0


async def other_session(one: Any) -> None:
    """From here on another conversation, with what was said in the ones before it kept."""
    await one.engine.recall.list()
    one.session_id = (await one.engine.sessions.create()).id


async def test_what_was_said_is_offered_in_another_conversation_and_said_with_the_reply(talk: Talk) -> None:
    one = await talk([spoken("Noted."), spoken("None with peanuts.")])
    await one.ask("I am allergic to peanuts.")
    await other_session(one)
    (*_, end) = await one.ask("Am I allergic to peanuts?")
    asked = one.backend.requests[-1].messages[-1].text
    assert asked.startswith(HEAD)
    assert "fact: I am allergic to peanuts." in asked
    assert asked.endswith("]\n\nAm I allergic to peanuts?")
    assert isinstance(end, TurnDone)
    assert end.reply.remembered == 1
    (offered,) = await one.engine.recall.offered(end.reply.id)
    assert (offered.text, offered.uses) == ("I am allergic to peanuts.", 1)
    user, reply = (await one.stored()).messages
    assert (user.text, reply.remembered) == ("Am I allergic to peanuts?", 1)


async def test_what_is_in_the_conversation_itself_is_not_offered_again(talk: Talk) -> None:
    one = await talk([spoken("Noted."), spoken("None.")])
    await one.ask("I am allergic to peanuts.")
    await one.engine.recall.list()
    await one.ask("Am I allergic to peanuts?")
    assert all(HEAD not in message.text for message in one.backend.requests[-1].messages)
    assert (await one.reply()).remembered == 0


async def test_the_turns_before_stay_as_the_server_has_them_in_its_cache(talk: Talk) -> None:
    one = await talk([spoken("Noted."), spoken("One."), spoken("Two.")])
    await one.ask("I am allergic to peanuts.")
    await other_session(one)
    await one.ask("Hello, how are you?")
    await one.ask("Am I allergic to peanuts?")
    before, after = (request.messages for request in one.backend.requests[-2:])
    assert after[: len(before)] == before


async def test_what_has_nothing_to_do_with_a_message_is_not_offered(talk: Talk) -> None:
    one = await talk([spoken("Noted."), spoken("Ulaanbaatar.")])
    await one.ask("I am allergic to peanuts.")
    await other_session(one)
    await one.ask("What is the capital of Mongolia?")
    assert one.backend.requests[-1].messages[-1].text == "What is the capital of Mongolia?"


async def test_beside_a_message_that_fills_the_window_there_is_no_room_for_it(talk: Talk) -> None:
    one = await talk([spoken("Noted."), spoken("Long.")], chat={"window": 1_024})
    await one.ask("I am allergic to peanuts.")
    await other_session(one)
    await one.ask("Am I allergic to peanuts? " + "Look. " * 300)
    assert HEAD not in one.backend.requests[-1].messages[-1].text


async def test_turned_off_it_offers_nothing(talk: Talk) -> None:
    one = await talk([spoken("Noted."), spoken("None.")], recall={"enabled": False})
    await one.ask("I am allergic to peanuts.")
    await other_session(one)
    await one.ask("Am I allergic to peanuts?")
    assert HEAD not in one.backend.requests[-1].messages[-1].text
    assert await one.engine.recall.list() == ()


async def test_a_reply_that_went_on_says_what_it_was_offered(talk: Talk) -> None:
    one = await talk([spoken("Noted."), spoken("None."), spoken("Some other.")])
    await one.ask("I am allergic to peanuts.")
    await other_session(one)
    await one.ask("Am I allergic to peanuts?")
    first = await one.reply()
    await one.regenerate(first.id)
    second = await one.reply()
    assert second.id != first.id
    assert (first.remembered, second.remembered) == (1, 1)
    (item,) = await one.engine.recall.list()
    assert item.uses == 2
    await one.engine.recall.forget(item.id)
    assert await one.engine.recall.offered(second.id) == ()


async def test_what_was_decided_on_a_day_is_answered_without_a_model(talk: Talk, manual_clock: ManualClock) -> None:
    one = await talk([spoken("Noted.")], detect={"enabled": True})
    manual_clock.now_s -= 6 * DAY_S  # a Monday
    await one.ask("We decided that the database of the shop is PostgreSQL.")
    manual_clock.now_s += 2 * DAY_S
    await one.ask("We decided that the database is copied every night.")
    manual_clock.now_s += 4 * DAY_S
    await other_session(one)
    asked = len(one.backend.requests)
    await one.ask("What did we decide about the database on Monday?")
    reply = await one.reply()
    assert len(one.backend.requests) == asked
    assert (reply.state, reply.author, reply.ref) == (MessageState.COMPLETE, Author.ASSISTANT, None)
    assert reply.text.startswith("On Monday 2 November 2026, in “We decided that the database")
    assert reply.text.endswith("“We decided that the database of the shop is PostgreSQL.”")
    assert (reply.why, reply.remembered) == (ANSWERED_FROM_RECALL, 1)
    await one.ask("What did we decide about the database on Friday?")
    assert (await one.reply()).text.startswith("Of that time no decision is remembered. At other times:\nOn ")


async def test_where_nothing_was_decided_a_model_is_asked(talk: Talk) -> None:
    one = await talk([spoken("I do not know.")], detect={"enabled": True})
    await one.ask("What did we decide about the database on Monday?")
    assert (await one.reply()).text == "I do not know."


async def test_the_last_request_is_known_in_a_new_conversation(talk: Talk) -> None:
    one = await talk([spoken("Grey drops.")], detect={"enabled": True})
    await one.ask("Tell me about rain in Gothenburg")
    await other_session(one)
    await one.ask("What was my last request?")
    assert "“Tell me about rain in Gothenburg”" in (await one.reply()).text
    # A question that no model answered is no request, so it stays the last one.
    await one.ask("What was my last request?")
    assert "“Tell me about rain in Gothenburg”" in (await one.reply()).text


def test_the_question_what_was_decided_is_known_in_some_languages() -> None:
    for text in (
        "What did we decide about the database on Monday?",
        "What was our decision on the logo, please?",
        "Was haben wir am Montag über die Datenbank entschieden?",
        "Was haben wir wegen des Caches entschieden?",
        "Was wurde zur Schriftart vereinbart?",
        "Wie haben wir uns bei der Datenbank entschieden?",
        "Qu'avons-nous décidé pour le voyage ?",
        "¿Qué decidimos sobre la fiesta?",
        "Cosa abbiamo deciso per la torta?",
        "关于数据库我们决定了什么？",
    ):
        assert asks_decision(text), text
    for text in ("What did we eat?", "We decided nothing.", "decide", "", "What did we decide " + "x" * 2_000):
        assert not asks_decision(text), text
