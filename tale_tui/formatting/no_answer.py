"""Why a reply that came to its end has no text, in one sentence."""

from __future__ import annotations

from tale_tui.domain.models import FinishReason


def no_answer(
    model: str, finish: FinishReason | None, *, thought: bool, limit: str = "its", setting: str = "chat"
) -> str:
    """What a user is told instead of an answer.

    Args:
        model: its name.
        finish: why it ended.
        thought: whether it thought before.
        limit: how many tokens it had, where that is known: `its 512`.
        setting: the group of settings that has the limit.
    """
    match finish:
        case FinishReason.LENGTH if thought:
            return (
                f"{model} thought for all of {limit} tokens and wrote nothing. Raise {setting}.max_tokens, or set "
                "chat.think to false."
            )
        case FinishReason.LENGTH:
            return f"{model} used all of {limit} tokens and wrote nothing. Raise {setting}.max_tokens."
        case FinishReason.TOOL_CALL:
            return f"{model} asked for a tool instead of answering, and there is none here. Ask in other words."
        case FinishReason.FILTER:
            return f"A filter of the server kept back what {model} wrote. Ask in other words, or another model."
    if thought:
        return f"{model} thought, and ended without a word of an answer. Ask again."
    return f"{model} ended without a word."
