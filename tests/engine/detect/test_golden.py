"""Messages that are clear to anybody: each on its side, with the confidence to act on it."""

from __future__ import annotations

import pytest

from tale_tui.domain.tasks import DetectBand
from tale_tui.engine.detect.detector import detect

TASKS = [
    "Can you write a Python function to calculate the Fibonacci sequence?",
    "Write a letter to my insurance about the water damage in the cellar.",
    'Translate into Norwegian: "The ferry leaves at noon."',
    "Refactor this:\n\ndef f(a):\n    if a == True:\n        return True\n    else:\n        return False",
    "Summarize the following article: The harbour was closed on Sunday after a crane fell. Nobody was hurt.",
    "Create a weekly meal plan for two vegetarians with a shopping list.",
    "Traceback (most recent call last):\n  File \"x.py\", line 3\n    foo()\nNameError: name 'foo' is not defined",
    "Design a REST API for a library: books, members, loans. Include error codes.",
    "Explain in detail how public key cryptography works, with an example of RSA by hand.",
    "I need a birthday poem for my aunt, she turns 70 and loves orchids",
    "Compare SQLite and PostgreSQL for a mobile backend in a table.",
    "write unit tests for a function that parses dates",
    "Schreibe eine Rede zum Jubiläum unseres Sportvereins, etwa fünf Minuten.",
    "Écris un script Python qui renomme les photos d'un dossier par date.",
    "Escribe un correo para reclamar una factura equivocada.",
    "Напиши функцию, которая проверяет, является ли строка палиндромом.",
    "写一篇关于环境保护的演讲稿",
    "会議の議事録を作成してください",
    "쿠버네티스 배포 스크립트를 작성해줘",
    "make it shorter and add a table with the prices",
    "Write a poem about rain",
    "Write a short story about a dragon",
    "Write a limerick about my landlord's parrot",
]

WISHES = [
    "Write a haiku about rain",
    "write me a haiku about my cat",
    "a limerick about a goat",
    "poem about autumn",
    "Compose a couplet on old shoes",
    "Make up a slogan for a bike shop",
    "Schreib ein Haiku über Regen",
    "Escribe un haiku sobre el mar",
]
"""Short wishes for something to be written: an artefact, however small."""

SURE = 0.8

CHATS = [
    "Hello! How are you today?",
    "What's the status of my task?",
    "thanks, that helps a lot",
    "Did you write that yourself?",
    "What is the capital of Finland?",
    "can you write code?",
    "which model am I talking to?",
    "how many tokens did the last answer take",
    "I finished the report last night, what a relief",
    'what does "refactoring" mean?',
    "good night",
    "who wrote Moby Dick?",
    "is it done yet?",
    "lol nice one",
    "what was my last request?",
    "set a timer for five minutes",
    "Wie geht es dir?",
    "Quelle heure est-il ?",
    "¿Cómo te llamas?",
    "как тебя зовут?",
    "你叫什么",
    "元気？",
    "고마워",
]


STATEMENTS = [
    "We decided on PostgreSQL 15 for the shop",
    "We decided on PostgreSQL 15 for the shop.",
    "We agreed to write the service in Go",
    "The team chose Figma for the mockups",
    "We settled on weekly sprints",
    "We decided to drop the mobile app",
    "We use Python 3.11 at work.",
    "We will use React for the web application.",
    "I prefer tabs over spaces in Python code",
    "Remember that our API keys rotate monthly",
    "Wir haben uns für PostgreSQL entschieden.",
    "Wir haben beschlossen, den Shop mit Django zu bauen.",
    "Die Datenbank ist PostgreSQL 15.",
    "On a choisi PostgreSQL pour la boutique.",
    "Nous utilisons Docker en production.",
    "Je préfère les réponses en français.",
    "Hemos decidido usar Docker para el servidor.",
    "Elegimos PostgreSQL 15 para la tienda.",
]
"""Decisions, facts and preferences: what is stated, and nothing is asked for."""

DECIDED_THEN_WANTED = [
    "We decided on PostgreSQL 15 for the shop. Write the schema for orders and customers.",
    "We agreed on weekly sprints, draft a short note to the team about it.",
    "Wir haben uns für PostgreSQL entschieden. Schreib das Schema für Kunden und Bestellungen.",
]
"""Something is decided, and work follows from it."""


@pytest.mark.parametrize("text", STATEMENTS)
def test_what_only_states_something_is_talk(text: str) -> None:
    assert detect(text).band() is DetectBand.CHAT, detect(text)


@pytest.mark.parametrize("text", DECIDED_THEN_WANTED)
def test_work_that_follows_from_a_decision_is_a_task(text: str) -> None:
    assert detect(text).band() is DetectBand.TASK, detect(text)


@pytest.mark.parametrize("text", TASKS)
def test_clear_tasks(text: str) -> None:
    assert detect(text).band() is DetectBand.TASK, detect(text)


@pytest.mark.parametrize("text", WISHES)
def test_short_creative_wishes_are_surely_tasks(text: str) -> None:
    assert detect(text).p >= SURE, detect(text)


@pytest.mark.parametrize("text", CHATS)
def test_clear_chats(text: str) -> None:
    assert detect(text).band() is DetectBand.CHAT, detect(text)
