"""What a model is shown of tasks in a conversation."""

from __future__ import annotations

from tale_tui.domain.conversation import Author, Message
from tale_tui.domain.tasks import Task, TaskState
from tale_tui.engine.chat.context_window import PromptInput, TokenBudget, fit
from tale_tui.engine.chat.prompt_builder import open_cards, with_cards


def card(text: str = "") -> Message:
    return Message("c", "s", "u", Author.ASSISTANT, text, 1.0, task_id="k4t9aaaa")


USER = Message("u", "s", None, Author.USER, "write it", 0.0)
TASK = Task("k4t9aaaa", "k4t9", "Write it", TaskState.QUEUED, 0.0, 0.0)


def test_a_short_result_is_shown_whole() -> None:
    assert with_cards([USER, card("done")], {}, 0.0) == (USER, card("done"))
    assert not open_cards([USER, card("done")])


def test_a_card_without_a_result_is_a_sentence() -> None:
    assert open_cards([USER, card()])
    (_, shown) = with_cards([USER, card()], {TASK.id: TASK}, 0.0)
    assert shown.text == "The task “Write it” (k4t9) is queued and starts as soon as there is room."
    assert with_cards([USER, card()], {}, 0.0)[1].text == ""


def test_the_model_gets_it_as_a_reply() -> None:
    branch = (*with_cards([USER, card()], {TASK.id: TASK}, 0.0), Message("u2", "s", "c", Author.USER, "and?", 2.0))
    prompt = fit(PromptInput(branch, ""), TokenBudget(4096, 100))
    assert [message.role for message in prompt.messages] == ["user", "assistant", "user"]
    assert prompt.messages[1].text.startswith("The task")
