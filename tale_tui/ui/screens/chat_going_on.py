"""What broke off, and how it goes on: the model, the last reply."""

from __future__ import annotations

from tale_tui.engine.types import Author, FinishReason, MessageState, RoleState
from tale_tui.ui.screens.chat_host import ChatHost
from tale_tui.ui.screens.chat_models import ModelDesk


def go_on(host: ChatHost, models: ModelDesk) -> None:
    """Help on what broke off, or say that nothing did."""
    tip = host.conversation.branch.tip
    status = models.status
    if host.turns.busy:
        host.say("A reply is being written.")
    elif status is not None and status.state in (RoleState.AWAY, RoleState.FAILED, RoleState.UNSET):
        host.spawn(_retry, host, models, group="models", exclusive=True)
    elif tip is not None and tip.author is Author.USER:
        host.turns.regenerate(tip.id)
    elif tip is not None and (host.conversation.branch.resumable or tip.finish is FinishReason.LENGTH):
        host.turns.resume(tip.id)
    else:
        host.say("The last reply is complete: there is nothing to go on with.")


async def _retry(host: ChatHost, models: ModelDesk) -> None:
    answers = await models.retry()
    tip = host.conversation.branch.tip
    if answers and tip is not None and not host.turns.busy:
        if tip.author is Author.USER:
            host.turns.regenerate(tip.id)
        elif tip.state is MessageState.FAILED:
            host.turns.resume(tip.id)
