"""What is worth keeping of a message, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.recall import RecallKind
from tale_tui.engine.recall.recognise import ITEM_CHARACTERS, kind_of, result_statement, statements

KEPT = (
    ("We decided to go with PostgreSQL, not MongoDB.", RecallKind.DECISION),
    ("Good, let's go with that recommendation, NATS it is.", RecallKind.DECISION),
    ("Wir haben uns für Rust entschieden, es ist schneller.", RecallKind.DECISION),
    ("Nous avons décidé de louer une voiture électrique.", RecallKind.DECISION),
    ("Hemos decidido apuntar a Elin a natación.", RecallKind.DECISION),
    ("Abbiamo deciso di ordinare la torta.", RecallKind.DECISION),
    ("我们决定明年春天去成都旅行。", RecallKind.DECISION),
    ("I prefer dark themes, bright screens hurt.", RecallKind.PREFERENCE),
    ("From now on use type hints in every example.", RecallKind.PREFERENCE),
    ("Please answer me briefly from now on.", RecallKind.PREFERENCE),
    ("Don't suggest cryptocurrencies to me, I'm not interested.", RecallKind.PREFERENCE),
    ("My daughter Elin turns seven in June.", RecallKind.FACT),
    ("The boiler was replaced in 2019.", RecallKind.FACT),
    ("Unser Hund heißt Fjodor und ist ein Labrador.", RecallKind.FACT),
    ("我对海鲜过敏，尤其是虾。", RecallKind.FACT),
)
NOT_KEPT = (
    "What is a monad?",
    "can you write a haiku about rain",
    "Write a function that sorts a list.",
    "Suggest a quick dinner with chickpeas.",
    "Wie sagt man das auf Schwedisch?",
    "怎么写这个字？",
    "thanks!",
    "ok",
    "I get an error when I run it.",
    "This is wrong, try again.",
    "You promised me a story yesterday.",
    "I don't know what that means.",
    "```\nmy_name = 'x'\nwe = decided()\n```",
    "> My name is quoted and not mine.",
)


@pytest.mark.parametrize(("text", "kind"), KEPT)
def test_a_statement_is_kept_with_what_it_is(text: str, kind: RecallKind) -> None:
    (found,) = statements(text)
    assert (found.text, found.kind) == (text, kind)


@pytest.mark.parametrize("text", NOT_KEPT)
def test_questions_requests_code_and_remarks_are_not(text: str) -> None:
    assert not statements(text)


def test_what_is_asked_to_be_remembered_is_kept_without_the_asking() -> None:
    assert [one.text for one in statements("Remember that our oven runs too hot.")] == ["Our oven runs too hot."]


def test_of_several_sentences_only_the_statements_are_kept() -> None:
    text = "Our CI takes twenty minutes. How can I make it faster? The moon is far away from here."
    assert [one.text for one in statements(text)] == ["Our CI takes twenty minutes."]


def test_titles_and_dates_do_not_end_a_sentence() -> None:
    text = "The electrician, Mr. Aydin, comes on the 12. of May."
    assert [one.text for one in statements(text)] == [text]


def test_of_a_text_that_was_pasted_only_what_speaks_of_the_user_is_kept() -> None:
    pasted = " ".join(f"The treaty number {number} was signed in spring." for number in range(20))
    assert [one.text for one in statements(f"{pasted} I teach history in a school.")] == [
        "I teach history in a school."
    ]


def test_a_task_describes_what_is_to_be_done_which_is_no_fact() -> None:
    text = "The page must have a login form. We use Django for it."
    assert [one.text for one in statements(text, own_only=True)] == ["We use Django for it."]


def test_the_result_of_a_task_is_kept_without_its_code() -> None:
    found = result_statement("Compare brokers", "## Result\n**NATS** is best.\n```py\nx = 1\n```")
    assert found == "Compare brokers: Result NATS is best."


def test_a_result_that_is_only_code_is_not_kept() -> None:
    found = result_statement("We decided on PostgreSQL for the database.", "Hello")
    assert found == "We decided on PostgreSQL for the database: Hello"
    assert not result_statement("Fibonacci", "```py\ndef fib(n): ...\n```")


@given(st.text(max_size=2_000))
def test_any_text_is_looked_through_and_what_is_kept_is_one_safe_line(text: str) -> None:
    for found in statements(text):
        assert 0 < len(found.text) <= ITEM_CHARACTERS
        assert "\n" not in found.text
        assert "\x1b" not in found.text
        assert found.kind in RecallKind
    assert kind_of(text) in RecallKind


@given(st.text("?!. \n\tIweourmy`>", max_size=3_000))
def test_signs_alone_take_no_time(text: str) -> None:
    statements(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("We decided on PostgreSQL 15. The staging server is called heron.", 2),
        ("Unser Umzug ist am 3. Mai in Bremen.", 1),
        ("Wir treffen uns seit dem 2. Quartal jeden Montag.", 1),
    ],
)
def test_a_number_ends_a_sentence_where_it_counts_no_day(text: str, kept: int) -> None:
    assert len(statements(text)) == kept
