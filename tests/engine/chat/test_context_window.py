from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.domain.text import defuse
from tale_tui.engine.chat.context_budget import MARGIN_TOKENS, TokenBudget
from tale_tui.engine.chat.context_window import ModelPrompt, PromptInput, estimate, fit, ratio_of, was_cut
from tale_tui.engine.chat.token_estimate import same_for_all
from tale_tui.engine.models.backend import ChatMessage

ROOMY = TokenBudget(window=8192, max_tokens=1024)


def said(*texts: str, first: Author = Author.USER) -> list[Message]:
    """A branch in which the authors take turns; ids are m0, m1, ..."""
    authors = [Author.USER, Author.ASSISTANT]
    start = authors.index(first)
    return [
        Message(f"m{number}", "s", None, authors[(start + number) % 2], text, 0.0) for number, text in enumerate(texts)
    ]


def shown(prompt: ModelPrompt) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in prompt.messages]


def test_everything_that_fits_is_sent_behind_the_system_prompt() -> None:
    prompt = fit(PromptInput(said("a", "b", "c"), "be brief"), ROOMY)
    assert shown(prompt) == [("system", "be brief"), ("user", "a"), ("assistant", "b"), ("user", "c")]
    assert prompt.view_from is None
    assert prompt.max_tokens == 1024
    assert prompt.excess == 0


def test_without_a_system_prompt_there_is_no_such_message() -> None:
    assert shown(fit(PromptInput(said("a"), " \n"), ROOMY)) == [("user", "a")]


def test_the_oldest_turns_are_left_out_whole() -> None:
    branch = said("a" * 900, "b" * 900, "c" * 900, "d" * 900, "e")
    prompt = fit(PromptInput(branch, "sys"), TokenBudget(window=1400, max_tokens=350))
    assert shown(prompt) == [("system", "sys"), ("user", "c" * 900), ("assistant", "d" * 900), ("user", "e")]
    assert prompt.view_from == "m2"


def test_the_limit_of_history_leaves_out_more_than_the_window_does() -> None:
    branch = said("a" * 600, "b" * 600, "c" * 600, "d" * 600, "e")
    assert fit(PromptInput(branch, ""), ROOMY).view_from is None
    assert fit(PromptInput(branch, ""), TokenBudget(8192, 1024, history=600)).view_from == "m2"


def test_where_turns_are_left_out_several_are_and_the_next_prompts_begin_alike() -> None:
    room = TokenBudget(window=4096, max_tokens=512)
    beginnings: list[str | None] = []
    prompts: list[ModelPrompt] = []
    for turns in range(1, 40):
        branch = said(*("x" * 300 for _ in range(2 * turns - 1)))
        prompts.append(fit(PromptInput(branch, "sys", view_from=beginnings[-1] if beginnings else None), room))
        beginnings.append(prompts[-1].view_from)
    moves = [prompts[n] for n in range(1, len(prompts)) if beginnings[n] != beginnings[n - 1]]
    assert len(moves) == 4
    assert all(0.65 * room.budget < prompt.tokens <= 0.75 * room.budget for prompt in moves)
    assert all(prompt.tokens <= room.budget for prompt in prompts)


def test_older_turns_come_back_where_the_window_is_larger() -> None:
    branch = said(*("x" * 300 for _ in range(101)))
    small, large = TokenBudget(window=2048, max_tokens=256), TokenBudget(window=8192, max_tokens=1024)
    before = fit(PromptInput(branch, ""), small).view_from
    assert fit(PromptInput(branch, "", view_from=before), large) == fit(PromptInput(branch, ""), large)
    assert fit(PromptInput(branch, "", view_from="unknown"), large) == fit(PromptInput(branch, ""), large)


def test_a_message_longer_than_the_limit_of_history_is_sent_alone() -> None:
    prompt = fit(PromptInput(said("a", "b", "c" * 3000), ""), TokenBudget(8192, 1024, history=500))
    assert prompt.view_from == "m2"
    assert prompt.excess == 0


def test_a_beginning_that_was_not_read_counts_as_not_shown() -> None:
    assert fit(PromptInput(said("a", "b", "c"), "", whole=False), ROOMY).view_from == "m0"


def test_replies_that_failed_or_are_empty_are_left_out_and_their_questions_joined() -> None:
    branch = said("one", "", "two", "no", "three")
    branch[3] = Message("m3", "s", None, Author.ASSISTANT, "half", 0.0, MessageState.FAILED)
    prompt = fit(PromptInput(branch, ""), ROOMY)
    assert shown(prompt) == [("user", "one\n\ntwo\n\nthree")]
    assert prompt.view_from is None


@pytest.mark.parametrize("state", [MessageState.STOPPED, MessageState.INTERRUPTED])
def test_a_partial_reply_is_sent_as_it_is_without_its_thinking(state: MessageState) -> None:
    branch = said("one", "half ", "two")
    branch[1] = Message("m1", "s", None, Author.ASSISTANT, "half ", 0.0, state, thinking="secret")
    assert shown(fit(PromptInput(branch, ""), ROOMY)) == [("user", "one"), ("assistant", "half "), ("user", "two")]


def test_what_a_template_would_obey_is_made_harmless() -> None:
    prompt = fit(PromptInput(said("<|im_end|>", "[INST]", "</s>"), "<|im_start|>"), ROOMY)
    for message in prompt.messages:
        assert not any(token in message.text for token in ("<|im", "[INST]", "</s>"))


def test_a_conversation_that_begins_with_the_model_is_shown_from_the_user_on() -> None:
    prompt = fit(PromptInput(said("hello", "a", "b", "c", first=Author.ASSISTANT), ""), ROOMY)
    assert shown(prompt) == [("user", "a"), ("assistant", "b"), ("user", "c")]


def test_a_message_that_is_too_long_says_by_how_much_and_what_would_fit() -> None:
    text = "word " * 2000
    room = TokenBudget(window=1024, max_tokens=256)
    prompt = fit(PromptInput(said(text), ""), room)
    assert prompt.excess > 0
    assert fit(PromptInput(said(text[: prompt.room_for_text]), ""), room).excess == 0
    assert fit(PromptInput(said(text[: prompt.room_for_text + 10]), ""), room).excess > 0


def test_a_message_that_may_fit_is_sent_alone_with_room_for_an_answer() -> None:
    prompt = fit(PromptInput(said("a", "b", "word " * 600), ""), TokenBudget(window=1024, max_tokens=1024))
    assert (prompt.excess, prompt.view_from, prompt.max_tokens) == (0, "m2", 256)


def test_where_the_system_prompt_fills_the_window_nothing_of_the_message_fits() -> None:
    prompt = fit(PromptInput(said("hello"), "x" * 9000), TokenBudget(window=1024, max_tokens=256))
    assert prompt.excess > 0
    assert prompt.room_for_text == 0


def test_a_small_window_leaves_a_small_answer() -> None:
    room = TokenBudget(window=512, max_tokens=1024)
    assert room.reserve == 128
    prompt = fit(PromptInput(said("a" * 900), ""), room)
    assert prompt.excess == 0
    assert 128 <= prompt.max_tokens < 256


def test_the_beginning_of_a_continued_answer_takes_room() -> None:
    branch = said("a" * 800, "b" * 800, "c")
    room = TokenBudget(window=1000, max_tokens=250)
    assert fit(PromptInput(branch, ""), room).view_from is None
    assert fit(PromptInput(branch, "", tail="d" * 800), room).view_from == "m2"


texts = st.text(max_size=200) | st.integers(0, 3000).map(lambda count: "x" * count)


@given(
    st.lists(texts, max_size=12).map(lambda found: found if len(found) % 2 else [*found, "q"]),
    st.text(max_size=100),
    st.integers(64, 20_000),
    st.integers(1, 5000),
    st.none() | st.integers(1, 3000),
    st.floats(0.8, 8.0),
    st.text(max_size=300),
)
def test_a_prompt_fits_its_window_or_says_that_the_message_is_too_long(
    branch_texts: Sequence[str],
    system: str,
    window: int,
    max_tokens: int,
    history: int | None,
    ratio: float,
    tail: str,
) -> None:
    branch = said(*branch_texts)
    room = TokenBudget(window, max_tokens, history, same_for_all(ratio), same_for_all(ratio * 1.2))
    prompt = fit(PromptInput(branch, system, tail=tail), room)
    assert room.reserve <= prompt.max_tokens <= max_tokens
    users = [message for message in prompt.messages if message.role == "user"]
    assert prompt.messages[-1] == users[-1]
    assert [message.role for message in prompt.messages if message.role == "system"] == ["system"] * bool(
        system.strip()
    )
    assert all(first.role != second.role for first, second in zip(prompt.messages, prompt.messages[1:], strict=False))
    # Joined neighbours cost less than they were counted with.
    assert estimate(prompt.messages, room.tokens, tail) <= prompt.tokens
    if prompt.tokens <= room.budget:
        assert prompt.tokens + prompt.max_tokens + MARGIN_TOKENS <= window
    else:
        assert [message for message in prompt.messages if message.role != "system"] == users[-1:]
    first = branch[0] if prompt.view_from is None else next(m for m in branch if m.id == prompt.view_from)
    assert first.author is Author.USER
    assert users[0].text.startswith(defuse(first.text))


@given(st.lists(texts, min_size=1, max_size=9), st.integers(100, 5000), st.integers(1, 500))
def test_a_larger_window_never_shows_less(branch_texts: list[str], window: int, more: int) -> None:
    branch = said(*branch_texts[: len(branch_texts) - (len(branch_texts) + 1) % 2] or ["q"])
    small, large = (fit(PromptInput(branch, ""), TokenBudget(size, 256)) for size in (window, window + more))
    assert sum(len(message.text) for message in large.messages) >= sum(len(message.text) for message in small.messages)


# learning


def test_a_ratio_is_the_bytes_of_the_text_per_token_of_the_text() -> None:
    messages = (ChatMessage("user", "é" * 500),)
    assert ratio_of(messages, 268) == pytest.approx(4.0)
    assert ratio_of(messages, 268, tail="b" * 1000) == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("short", 20),
        ("x" * 4000, 10),
        ("x" * 4000, 200),
        ("x" * 4000, 9000),
    ],
)
def test_odd_counts_say_nothing(text: str, counted: int) -> None:
    assert ratio_of((ChatMessage("user", text),), counted) is None


# the alarm

PROSE = "The quick brown fox jumps over the lazy dog, and the dog does not mind. "


def chat(*texts: str) -> list[ChatMessage]:
    return [ChatMessage(("user", "assistant")[number % 2], text) for number, text in enumerate(texts)]


def test_half_of_a_single_prompt_is_an_alarm() -> None:
    text = PROSE * 460  # 33,000 bytes, about 7,300 tokens
    assert was_cut(chat(text), 1026, same_for_all(4.5))
    assert was_cut(chat(text), 1026, None)


def test_a_count_as_expected_is_none() -> None:
    text = PROSE * 460
    assert not was_cut(chat(text), 7347, same_for_all(4.5))
    assert not was_cut(chat(text), 5600, None)


def test_an_unknown_ratio_is_given_the_benefit_of_the_doubt() -> None:
    text = PROSE * 100
    assert was_cut(chat(text), 750, same_for_all(4.5))
    assert not was_cut(chat(text), 750, None)


def test_what_was_learned_from_numbers_raises_no_alarm_over_prose() -> None:
    assert not was_cut(chat(PROSE * 100), 1600, same_for_all(1.5))
    assert was_cut(chat(PROSE * 100), 500, same_for_all(1.5))


def test_a_short_prompt_is_none() -> None:
    assert not was_cut(chat("hello there"), 1, same_for_all(4.5))


def test_long_runs_of_one_sign_are_few_tokens() -> None:
    assert not was_cut(chat("=" * 20_000), 320, same_for_all(4.5))
    assert not was_cut(chat("\n" * 20_000 + PROSE * 20), 330, same_for_all(4.5))


def test_a_count_without_what_was_cached_is_none() -> None:
    conversation = chat(*[PROSE * 20] * 8, PROSE * 2, "and now?")
    assert not was_cut(conversation, 45, same_for_all(4.5))
    assert was_cut(conversation, 600, same_for_all(4.5))


@given(st.lists(st.text(min_size=1, max_size=400), min_size=1, max_size=9), st.floats(1.0, 6.0), st.floats(1.0, 3.0))
def test_a_server_that_counts_at_least_the_estimate_never_alarms(
    contents: list[str], ratio: float, factor: float
) -> None:
    messages = chat(*contents)
    assert not was_cut(messages, int(estimate(messages, same_for_all(ratio).tokens) * factor), same_for_all(ratio))
