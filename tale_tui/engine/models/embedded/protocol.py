"""What the application and the process that runs a model say to each other: one line of JSON a message.

A line is a list: the name of the class, then its fields. Both ends come from the same installation, so there is no
version in it. Standard library only: the child starts faster without anything else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple, get_args


class LoadModel(NamedTuple):
    """The first request: bring a model into memory. Answered by `LoadSucceeded` or `LoadFailed`."""

    path: str
    window: int
    """Tokens."""
    threads: int
    memory_bytes: int
    """Address space beyond the program itself; 0 sets no limit."""
    socket: str
    """A path in a private folder for llama.cpp's own server; empty where there are no unix sockets."""
    niceness: int = 0
    """How far the process steps back behind others, as `nice` counts it: 0 to 19."""
    title: str = ""
    """What lists of processes call it: its role and its model."""


class AnswerChat(NamedTuple):
    """Answer a conversation: `ReadProgress` and `AnswerPiece`, then one of the three ends."""

    id: int
    messages: list[list[str]]
    """Pairs of role and text. A last one of the assistant is continued."""
    max_tokens: int
    temperature: float | None
    think: bool | None
    repeat_penalty: float | None = None
    """Above 1, words that were written lately become less likely; None leaves it to llama.cpp."""
    schema: str = ""
    """The JSON schema that the answer has to fit, as JSON; empty for any text."""


class CountTokens(NamedTuple):
    """Count the tokens of a conversation, the template included. Answered by `TokensCounted`."""

    id: int
    messages: list[list[str]]


class CancelAnswer(NamedTuple):
    """Stop answering `AnswerChat` number `id`; nothing happens where it has ended."""

    id: int


class LoadSucceeded(NamedTuple):
    """The model is in memory."""

    window: int
    """Tokens: the window that is really served."""
    version: str


class LoadFailed(NamedTuple):
    """The model is not in memory, and the process ends."""

    importing: bool
    """True where the library itself could not be loaded."""
    text: str


class ReadProgress(NamedTuple):
    """How much of the prompt was read, in tokens."""

    id: int
    done: int
    total: int


class AnswerPiece(NamedTuple):
    """More of the answer, or of the thinking before it; raw text."""

    id: int
    text: str
    thinking: bool
    tokens: int
    """How many came with it."""


class AnswerEnd(NamedTuple):
    """The answer is whole. None is unknown."""

    id: int
    reason: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    prompt_ms: float | None
    generation_ms: float | None


class AnswerFailed(NamedTuple):
    """There will be no more of the answer."""

    id: int
    kind: str
    """llama.cpp's word for it, such as `exceed_context_size_error`; or `invalid`."""
    text: str
    prompt_tokens: int | None
    window: int | None


class AnswerCancelled(NamedTuple):
    """The answer was stopped as was asked."""

    id: int


class TokensCounted(NamedTuple):
    """How many tokens; None where it could not be told."""

    id: int
    tokens: int | None


Request = LoadModel | AnswerChat | CountTokens | CancelAnswer
AnswerReply = ReadProgress | AnswerPiece | AnswerEnd | AnswerFailed | AnswerCancelled
Reply = LoadSucceeded | LoadFailed | AnswerReply | TokensCounted

_CLASSES: dict[str, Callable[..., Request | Reply]] = {kind.__name__: kind for kind in get_args(Request | Reply)}


def encode(message: Request | Reply) -> bytes:
    """A message as a line, its end included."""
    return json.dumps([type(message).__name__, *message], separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> Request | Reply:
    """The message of a line.

    Raises:
        ValueError: it is none.
    """
    try:
        name, *fields = json.loads(line)
        return _CLASSES[name](*fields)
    except (TypeError, KeyError) as error:
        raise ValueError("not a line of this protocol") from error
