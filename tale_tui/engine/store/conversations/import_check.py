"""The check of an import: what an exported session must hold, in version 1 of the format."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tale_tui.domain.constants import ERROR_CHARACTERS
from tale_tui.domain.conversation import EXPORT_FORMAT, EXPORT_VERSION, Author, MessageState
from tale_tui.domain.errors import BadImport
from tale_tui.domain.models import BackendName, FinishReason, ModelRef, Usage
from tale_tui.domain.text import clean, clean_line

LAST_SECOND = 253402300799
"""The end of the year 9999, in seconds since the epoch: no calendar goes further."""
LARGEST_COUNT = 10**12
"""No count of tokens is larger."""
FORMAT_DEPTH = 4
"""How deep the format nests: messages, one of them, its usage, a number."""

Id = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
Line = Annotated[str, AfterValidator(lambda text: clean_line(text, ERROR_CHARACTERS))]
Seconds = Annotated[float, Field(ge=0, le=LAST_SECOND, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Measure = Annotated[float, Field(ge=0, le=LARGEST_COUNT, allow_inf_nan=False)]


class ExportModel(BaseModel):
    """A part of the format: nothing but the fields named here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ExportedUsage(ExportModel):
    """What a reply cost."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    cached_tokens: Count | None = None
    ttft_ms: Measure | None = None
    load_ms: Measure | None = None
    total_ms: Measure | None = None
    tokens_per_second: Measure | None = None

    def plain(self) -> Usage:
        """As the engine knows it."""
        return Usage(**self.model_dump())


class ExportedMessage(ExportModel):
    """A message; its parent stands before it."""

    id: Id
    parent: Id | None = None
    author: Author
    created: Seconds
    state: MessageState
    model: str | None = None
    finish: FinishReason | None = None
    error: Line = ""
    usage: ExportedUsage | None = None
    thinking: str = ""
    shown: Id | None = None
    text: str

    @field_validator("model")
    @classmethod
    def _known(cls, model: str | None) -> str | None:
        if model is None:
            return None
        backend, _, name = model.partition("/")
        if not name:
            raise ValueError("it is not of the form backend/model, as in ollama/qwen2.5:7b")
        if backend not in list(BackendName):
            raise ValueError(f"the backend is none of {', '.join(BackendName)}")
        return model

    @field_validator("state")
    @classmethod
    def _ended(cls, state: MessageState) -> MessageState:
        return MessageState.INTERRUPTED if state is MessageState.STREAMING else state

    def ref(self) -> ModelRef | None:
        """The model that wrote it."""
        return ModelRef.parse(self.model) if self.model else None


class ExportedSessionInfo(ExportModel):
    """What is said of the session itself."""

    id: Id
    title: Line = ""
    first_words: Line = ""
    system: str = ""
    created: Seconds
    updated: Seconds
    forked_from: Id | None = None
    shown: Id | None = None


class ExportedSession(ExportModel):
    """One session: a tree of messages, parents first."""

    format: Literal["tale-tui-session"] = EXPORT_FORMAT
    version: Literal[1] = EXPORT_VERSION
    session: ExportedSessionInfo
    messages: list[ExportedMessage]

    @model_validator(mode="after")
    def _is_a_tree(self) -> Self:
        seen: dict[str, ExportedMessage] = {}
        for place, message in enumerate(self.messages):
            above = seen.get(message.parent) if message.parent else None
            if message.id in seen:
                raise ValueError(f"messages[{place}].id: another message has it too")
            if message.parent and above is None:
                raise ValueError(f"messages[{place}].parent: no message before it has this id")
            if message.author is Author.ASSISTANT and (above is None or above.author is Author.ASSISTANT):
                raise ValueError(f"messages[{place}].author: a reply stands below a message of the user")
            if message.author is Author.USER and message.state is not MessageState.COMPLETE:
                raise ValueError(f"messages[{place}].state: a message of the user is complete")
            seen[message.id] = message
        for place, message in enumerate(self.messages):
            if message.shown and (message.shown not in seen or seen[message.shown].parent != message.id):
                raise ValueError(f"messages[{place}].shown: no message below it has this id")
        first = self.session.shown
        if first and (first not in seen or seen[first].parent is not None):
            raise ValueError("session.shown: no first message has this id")
        return self

    def shown_children(self) -> dict[str, str]:
        """For each message with others below it, the one that is shown: as it says, else the last."""
        children = {message.parent: message.id for message in self.messages if message.parent}
        return children | {message.id: message.shown for message in self.messages if message.shown}

    def shown_first(self) -> str | None:
        """The first message of the shown branch."""
        firsts = [message.id for message in self.messages if message.parent is None]
        return self.session.shown or (firsts[-1] if firsts else None)


def read_exports(text: str) -> list[ExportedSession]:
    """Read exports: one, or several with one a line; every text in them passes the border.

    Raises:
        BadImport: the sentence says where it is wrong.
    """
    text = text.removeprefix("\ufeff").strip()
    if not text:
        raise BadImport("There is nothing in it. Export a session as JSON and import that.")
    lines = [(f"line {number}", line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if len(lines) > 1 and not _is_json(lines[0][1]):
        lines = [("", text)]  # one session, written over several lines
    elif len(lines) == 1:
        lines = [("", text)]
    return [_read(line, place) for place, line in lines]


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _read(text: str, place: str) -> ExportedSession:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}" if not place else f"{place}, column {error.colno}"
        raise BadImport(f"This is not JSON: {where}: {error.msg}. Nothing was imported.") from error
    except (ValueError, RecursionError) as error:
        raise _bad(place, "a number is too long or lists lie too deep in each other") from error
    if not isinstance(value, dict) or value.get("format") != EXPORT_FORMAT:
        raise _bad(place, f'"format" is not "{EXPORT_FORMAT}"')
    version = value.get("version")
    if isinstance(version, int) and version > EXPORT_VERSION:
        raise _bad(place, f"it was written by a newer version of tale-tui (form {version})")
    try:
        return ExportedSession.model_validate(_clean(value, FORMAT_DEPTH))
    except ValidationError as error:
        raise _bad(place, _first_problem(error)) from error


def _bad(place: str, said: str) -> BadImport:
    where = f"{place}: " if place else ""
    return BadImport(f"This is not an export of tale-tui: {where}{clean_line(said)}. Nothing was imported.")


def _first_problem(error: ValidationError) -> str:
    """The first thing that is wrong, with its place in the export."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    message = first["msg"].removeprefix("Value error, ")
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return (f"{path}: " if path else "") + message + more


def _clean(value: Any, depth: int) -> Any:
    """Every text in what JSON held, made safe; what lies deeper than the format goes is left to its check."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list) and depth:
        return [_clean(item, depth - 1) for item in value]
    if isinstance(value, dict) and depth:
        return {clean(name): _clean(item, depth - 1) for name, item in value.items()}
    return value
