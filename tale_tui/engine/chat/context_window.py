"""What a model is shown of a conversation: the newest whole turns that fit its context window. Pure functions.

Tokens are estimated from the length of a text in UTF-8 bytes: a tokenizer never makes more tokens than bytes, and
bytes per token differ far less between scripts than characters per token do. How many bytes a token of a model has
is learned from what its server counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.domain.text import defuse
from tale_tui.engine.models.backend import ChatMessage

DEFAULT_RATIO = 3.0
"""Bytes per token before anything was learned: English has about 4.5, code 3, Chinese 2 to 4."""
RATIO_LIMITS = (0.8, 8.0)
"""Bytes per token that a natural text can have; a ratio outside of them was measured on something odd."""
RATIO_SAFETY = 0.9
"""Of a learned ratio this much is counted with: the next text may be of another kind."""
LENIENT_RATIO = 5.0
"""Bytes per token before anything was learned, for the question whether a message is too long for certain."""
RATIO_INERTIA = 0.7
"""The weight of what was known before in a newly learned ratio."""
RATIO_MIN_BYTES = 400
"""Shorter prompts say more about the template than about the text."""
MESSAGE_TOKENS = 6
"""What a template adds to each message, about."""
PROMPT_TOKENS = 12
"""What a template adds once, about."""
MARGIN_TOKENS = 32
"""Never planned with, as every number here is an estimate."""
ANSWER_SHARE = 4
"""An answer may always have one part in so many of the window, and more where the prompt leaves it."""
FILLED_SHARE = 0.75
"""Where turns have to be left out, so many are that the others fill this share: the prompts of the turns after it then
begin alike, and a server goes on from what it has read of them."""
KEPT_SHARE = 0.5
"""Where turns from a former beginning on fill less than this share, there is room for older ones again."""

CUT_SHARE = 0.5
"""A server that counts less than this share of the estimate dropped a part of the prompt."""
CUT_MIN_TOKENS = 200
"""Prompts estimated shorter than this raise no alarm."""
CUT_UNKNOWN_RATIO = 6.0
"""Bytes per token assumed for the alarm while nothing was learned: no natural text has more."""
CUT_MIN_RATIO = 4.0
"""Bytes per token assumed for the alarm at least: what was learned may come from numbers or another script."""
CACHED_SHARES = (0.5, 2.0)
"""A count within these shares of the last two messages is that of a server which leaves out what it had cached."""
UNCACHED_MESSAGES = 3
"""A prompt of no more messages (the system prompt, and the first two) has hardly anything that was cached."""
_RUN = re.compile(r"(.)\1{3,}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TokenBudget:
    """How much there is to fill, in tokens."""

    window: int
    """The context window, prompt and answer together."""
    max_tokens: int
    """The most that the answer may have, where there is room."""
    history: int | None = None
    """Beyond this many no older turn is added, even where the window has room; None for no such limit."""
    ratio: float = DEFAULT_RATIO
    """Bytes per token to count with, rather too few: more tokens are planned for than there will be."""
    lenient: float = LENIENT_RATIO
    """Bytes per token, rather too many: a message that is too long even so is too long for certain."""

    @property
    def reserve(self) -> int:
        """What is kept for the answer."""
        return max(1, min(self.max_tokens, self.window // ANSWER_SHARE))

    @property
    def budget(self) -> int:
        """What the prompt may have."""
        return max(0, self.window - self.reserve - MARGIN_TOKENS)


@dataclass(frozen=True, slots=True)
class ModelPrompt:
    """What a model is asked."""

    messages: tuple[ChatMessage, ...]
    tokens: int
    """Of the prompt, estimated."""
    max_tokens: int
    """The most that the answer may have."""
    view_from: str | None = None
    """The first message of the conversation that is in it; None when all are."""
    excess: int = 0
    """By how many tokens the newest message alone is too long for certain; 0 where it may fit."""
    room_for_text: int = 0
    """How many characters of the newest message would fit, where it is too long."""


@dataclass(frozen=True, slots=True)
class _Turn:
    first_id: str
    messages: tuple[ChatMessage, ...]

    def tokens(self, ratio: float) -> int:
        return sum(MESSAGE_TOKENS + _tokens(message.text, ratio) for message in self.messages)


def ratios(learned: float | None) -> tuple[float, float]:
    """The bytes per token to count with, on the safe side, and those to refuse with, on the other side."""
    return (DEFAULT_RATIO, LENIENT_RATIO) if learned is None else (learned * RATIO_SAFETY, learned / RATIO_SAFETY)


def estimate(messages: Iterable[ChatMessage], ratio: float, tail: str = "") -> int:
    """About how many tokens a prompt has.

    Args:
        messages: as they are sent.
        ratio: bytes per token.
        tail: the beginning of the answer, where one is continued.
    """
    tokens = PROMPT_TOKENS + _tokens(tail, ratio)
    return tokens + sum(MESSAGE_TOKENS + _tokens(message.text, ratio) for message in messages)


def fit(
    branch: Sequence[Message],
    system: str,
    room: TokenBudget,
    *,
    tail: str = "",
    whole: bool = True,
    view_from: str | None = None,
) -> ModelPrompt:
    """The system prompt, the newest message, and whole turns before it.

    All of them where there is room; else those that were shown last, as long as there is room for them; else as many as
    fill `FILLED_SHARE` of it. A reply that failed or is empty is left out; one that was stopped is sent as it is.
    Thinking is never sent.

    Args:
        branch: the shown branch, oldest first; the last one is the user's message that is to be answered.
        system: the system prompt; empty for none.
        room: what may be filled.
        tail: the beginning of the answer, where one is continued.
        whole: whether `branch` begins where the conversation begins.
        view_from: the first message that was shown last; None where all were.
    """
    head = (ChatMessage("system", defuse(system)),) if system.strip() else ()
    turns = _newest_first(branch)
    shown = [next(turns)]
    excess = max(0, estimate((*head, *shown[0].messages), room.lenient, tail) - room.budget)
    limit = room.budget if room.history is None else min(room.budget, room.history)
    sums = [estimate((*head, *shown[0].messages), room.ratio, tail)]
    all_shown = whole
    for turn in turns:
        if sums[-1] + turn.tokens(room.ratio) > limit:
            all_shown = False
            shown = shown[: _turns_kept(shown, sums, limit, view_from)]
            break
        sums.append(sums[-1] + turn.tokens(room.ratio))
        shown.append(turn)
    tokens = sums[len(shown) - 1]
    return ModelPrompt(
        messages=head + _merged(message for turn in reversed(shown) for message in turn.messages),
        tokens=tokens,
        max_tokens=max(room.reserve, min(room.max_tokens, room.window - tokens - MARGIN_TOKENS)),
        view_from=None if all_shown else shown[-1].first_id,
        excess=excess,
        room_for_text=_room_for_text(branch[-1].text, room.lenient, excess) if excess else 0,
    )


def ratio_of(messages: Sequence[ChatMessage], counted: int, tail: str = "") -> float | None:
    """Bytes per token of a prompt whose tokens somebody counted; None where that says nothing about its text."""
    size = sum(_size(message.text) for message in messages) + _size(tail)
    tokens = counted - PROMPT_TOKENS - MESSAGE_TOKENS * len(messages)
    if size < RATIO_MIN_BYTES or tokens <= 0:
        return None
    least, most = RATIO_LIMITS
    return size / tokens if least <= size / tokens <= most else None


def learned_ratio(known: float | None, measured: float) -> float:
    """What is known of a model's bytes per token after one more measurement: an exponential average."""
    return measured if known is None else RATIO_INERTIA * known + (1 - RATIO_INERTIA) * measured


def was_cut(messages: Sequence[ChatMessage], counted: int, learned: float | None) -> bool:
    """Whether a server that counted so few tokens dropped a part of the prompt.

    Long runs of one sign count as short ones, since tokenizers have tokens for them. A count that fits the last two
    messages is taken for that of an old server which does not count what it had in its cache.

    Args:
        messages: what was sent.
        counted: the tokens of the prompt that the server reports.
        learned: bytes per token of the model, where known; without it only a gross difference is believed.
    """
    ratio = CUT_UNKNOWN_RATIO if learned is None else max(learned, CUT_MIN_RATIO)
    texts = [message.text for message in messages]
    if not _far_below(counted, texts, ratio):
        return False
    texts = [_RUN.sub(r"\1\1\1", text) for text in texts]
    if not _far_below(counted, texts, ratio):
        return False
    fresh = estimate(messages[-2:], ratio)
    least, most = CACHED_SHARES
    return not (len(texts) > UNCACHED_MESSAGES and least * fresh <= counted <= most * fresh)


def _turns_kept(turns: Sequence[_Turn], sums: Sequence[int], limit: int, view_from: str | None) -> int:
    """How many of the newest turns are shown, where not all have room.

    Args:
        turns: those that have, the newest first.
        sums: the tokens of the prompt with each of them as the oldest.
        limit: the tokens that it may have.
        view_from: the first message that was shown last.
    """
    known = next((number for number, turn in enumerate(turns) if turn.first_id == view_from), None)
    if known is not None and sums[known] >= KEPT_SHARE * limit:
        return known + 1
    return max(1, sum(tokens <= FILLED_SHARE * limit for tokens in sums))


def _far_below(counted: int, texts: Sequence[str], ratio: float) -> bool:
    expected = sum(_tokens(text, ratio) for text in texts)
    return expected >= CUT_MIN_TOKENS and counted < CUT_SHARE * expected


def _newest_first(branch: Sequence[Message]) -> Iterator[_Turn]:
    """The turns of a branch, each a user's message and what was answered; what cannot be sent is left out.

    Only what is asked for is looked at: a conversation of 10,000 messages costs what its end costs.
    """
    replies: list[ChatMessage] = []
    for message in reversed(branch):
        if message.author is Author.USER:
            yield _Turn(message.id, (ChatMessage("user", defuse(message.text)), *reversed(replies)))
            replies = []
        elif message.text.strip() and message.state is not MessageState.FAILED:
            replies.append(ChatMessage("assistant", defuse(message.text)))


def _merged(messages: Iterable[ChatMessage]) -> tuple[ChatMessage, ...]:
    """Neighbours of one author joined: many templates want the authors to take turns."""
    joined: list[ChatMessage] = []
    for message in messages:
        if joined and joined[-1].role == message.role:
            joined[-1] = ChatMessage(message.role, f"{joined[-1].text}\n\n{message.text}")
        else:
            joined.append(message)
    return tuple(joined)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def _tokens(text: str, ratio: float) -> int:
    return -int(-_size(text) // ratio)


def _room_for_text(text: str, ratio: float, excess: int) -> int:
    """Characters of a text that are left when it is shortened by `excess` tokens."""
    needed = _tokens(text, ratio)
    return 0 if needed <= excess else int(len(text) * (needed - excess) / needed)
