"""What goes wrong with a server, turned into the error tree; its own words go to the log and never to the screen."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

import httpx

from tale_tui.domain.errors import (
    BackendCrashed,
    BrokenStream,
    CannotContinue,
    ContextFull,
    ModelError,
    ModelNotFound,
    NotAuthorised,
    NotAvailable,
    NotTrusted,
    OutOfMemory,
    Refused,
    ServerBusy,
    TimedOut,
    Unreachable,
)
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.backend import is_probing
from tale_tui.engine.models.lenient_json import as_count, as_text, read_object

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Otherwise = TypeVar("Otherwise")
CONNECTION_FAILURES = (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.ProxyError)

_DEPTH = 5
"""How deep a complaint may be wrapped in JSON inside strings inside JSON."""


@dataclass(frozen=True, slots=True)
class ServerDescription:
    """How a server is spoken of in sentences."""

    name: str
    url: str
    start: str
    """What to do when nothing answers."""
    key: str
    """What to do when it wants a key."""
    fetch: str
    """What to do when it does not have the model; `{model}` stands for its name."""
    proxy: str = ""
    """The variable that names the proxy before it; empty for none."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a server said of a failure, unwrapped."""

    text: str
    kind: str = ""
    """The server's own word for it, such as `exceed_context_size_error`."""
    prompt_tokens: int | None = None
    window: int | None = None


def read_complaint(body: str) -> Complaint:
    """Unwrap an error: JSON, JSON inside a string of it, or plain text."""
    kind = ""
    prompt_tokens = window = None
    text = body.strip()
    for _ in range(_DEPTH):
        answer = read_object(text)
        if answer is None:
            break
        error = answer.get("error", answer)
        if isinstance(error, dict):
            kind = as_text(error.get("type")) or as_text(error.get("code")) or kind
            prompt_tokens = as_count(error.get("n_prompt_tokens")) or prompt_tokens
            window = as_count(error.get("n_ctx")) or window
            error = error.get("message") or error.get("detail")
        text = as_text(error).strip()
    return Complaint(text, kind, prompt_tokens, window)


NOTHING_ANSWERS = "Nothing answers"
"""How the sentence begins about a server that is not there."""
_SENTENCES: dict[type[ModelError], str] = {
    Unreachable: f"{NOTHING_ANSWERS} at {{url}}. {{start}}",
    NotTrusted: "The certificate of {url} is not trusted on this machine, so nothing was sent. Look at the address; "
    "where it is your own certificate, name its file in SSL_CERT_FILE.",
    ModelNotFound: "{name} does not have the model {model}. {fetch}",
    OutOfMemory: "There is not enough memory for {model}. Close other programs, take a smaller model, or set a smaller "
    "context window.",
    BackendCrashed: "The process that runs {model} ended. What came is kept; try again. If it happens again, memory "
    "may be short: take a smaller model.",
    ContextFull: "The conversation is longer than the context window of {model}. Send less, begin a new conversation, "
    "or set a larger window.",
    NotAuthorised: "{name} at {url} wants a key, or another one. {key}",
    ServerBusy: "{name} has too much to do at the moment. Try again in a little while.",
    TimedOut: "{name} at {url} gave up waiting. Try again.",
    BrokenStream: "The model stopped in the middle. What came is kept; go on with it, or ask again.",
    Refused: "{name} refused the request. What it said is in the log.",
}
_STATUSES: dict[int, type[ModelError]] = {
    401: NotAuthorised,
    403: NotAuthorised,
    408: TimedOut,
    429: ServerBusy,
}


@dataclass(frozen=True, slots=True)
class _Rule:
    """What servers say of one kind of failure, in lower case, and a sentence where the usual one is not good."""

    said: re.Pattern[str]
    error: type[ModelError]
    sentence: str = ""


# In the order in which they are tried: a process that ended for want of memory says both.
_RULES = (
    _Rule(
        re.compile(
            r"exceed_context_size|context_length_exceeded|exceeds? the (available )?context|maximum context length"
            r"|(longer|greater) than the context length|context (the )?overflow|no user query found"
        ),
        ContextFull,
    ),
    _Rule(
        re.compile(
            r"out.of.memory|insufficient memory|not enough memory|requires more system memory|failed to allocate"
            r"|unable to allocate|cudamalloc failed|insufficient system resources"
        ),
        OutOfMemory,
    ),
    _Rule(re.compile(r"authentication_error|invalid.api.key|incorrect api key|\bunauthorized\b"), NotAuthorised),
    _Rule(
        re.compile(r"does not support thinking|invalid think value"),
        Refused,
        "{model} cannot think the way that was asked. Set chat.think to false in the settings, or take another model.",
    ),
    _Rule(
        re.compile(r"does not support (chat|generate)"),
        Refused,
        "{model} is not made for conversations. Choose another model.",
    ),
    _Rule(
        re.compile(r"invalid model name|model is required"),
        Refused,
        "“{model}” cannot be the name of a model. Choose another one.",
    ),
    _Rule(
        re.compile(r"\bmodel\b.*\b(not found|does not exist)|file does not exist|no models? loaded|model_not_found"),
        ModelNotFound,
    ),
    _Rule(
        re.compile(r"\bloading model$"),
        Unreachable,
        "{name} is still loading its model. Wait a little while.",
    ),
    _Rule(re.compile(r"server busy|maximum pending requests|rate.limit|overloaded"), ServerBusy),
    _Rule(
        re.compile(r"(unable|failed) to load model|error loading model|exceeds file size|invalid file magic"),
        Refused,
        "{name} cannot load {model}: its file may be damaged, or of a kind that this version does not know.",
    ),
    _Rule(
        re.compile(
            r"process has terminated|process no longer running|unexpectedly stopped|model has crashed"
            r"|encountered while running the model"
        ),
        BackendCrashed,
    ),
    _Rule(
        re.compile(r"token repeat limit"),
        BrokenStream,
        "{model} said the same over and over, and {name} stopped it. What came is kept; ask again in other words.",
    ),
    _Rule(
        re.compile(r"prefill is incompatible|assistant messages at the end"),
        CannotContinue,
        "{name} cannot go on with a reply of {model} that broke off. Ask again instead.",
    ),
)
# A pull speaks to a registry behind the server, so the same words mean something else there.
_PULL_RULES = (
    _Rule(
        re.compile(r"file does not exist|not found"),
        ModelNotFound,
        "There is no model named {model} to fetch. Look at its spelling.",
    ),
    _Rule(
        re.compile(r"newer version"),
        Refused,
        "{model} needs a newer version of {name}. Update it, then fetch the model again.",
    ),
    _Rule(
        re.compile(r"no space left|not enough (disk )?space"),
        Refused,
        "The disk of {name} is full. Make room, then fetch {model} again: it goes on where it stopped.",
    ),
    _Rule(
        re.compile(r"dial tcp|no such host|lookup |timeout|connection (reset|refused)|max retries|tls|eof|network"),
        Unreachable,
        "{name} cannot reach the place that it fetches models from. Look at its network, then try again: it goes on "
        "where it stopped.",
    ),
)


ODD_ANSWERS = (Refused, BrokenStream, TimedOut)
"""What comes of a question to a server that is there and answers it oddly, or not at all."""


async def or_else(question: Awaitable[Answer], otherwise: Otherwise) -> Answer | Otherwise:
    """The answer to a question that only helps: where it is odd, `otherwise`, so that the work itself goes on.

    Raises:
        ModelError: the server is away, wants a key, or does not have the model: the work would fail as well.
    """
    try:
        return await question
    except ODD_ANSWERS as error:
        log.info("a helping question was not answered: %s", error.sentence)
        return otherwise


def sentence(error: type[ModelError], server: ServerDescription, model: str = "") -> str:
    """Our sentence for a kind of error."""
    return _filled(_SENTENCES[error], server, model)


def refusal(server: ServerDescription, status: int, body: str, model: str = "", *, pulling: bool = False) -> ModelError:
    """The error for an answer with an error status, or for an error in the middle of a stream.

    Args:
        server: who said it.
        status: the HTTP status; 200 where the error came in a stream.
        body: what it said, as text; never shown.
        model: the model that was asked for.
        pulling: whether it was to fetch the model.
    """
    complaint = read_complaint(body)
    if status not in (401, 403) and not is_probing():  # there a server may repeat the key
        log.warning("%s, status %d: %s", server.url, status, clean_line(complaint.text or body))
    said = f"{complaint.kind} {complaint.text}".lower()
    rules = _PULL_RULES + _RULES if pulling else _RULES
    rule = next((rule for rule in rules if rule.said.search(said)), None)
    if rule is not None and rule.error is ContextFull:
        return ContextFull(_context_sentence(server, complaint, model))
    if rule is not None:
        return rule.error(_filled(rule.sentence or _SENTENCES[rule.error], server, model))
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and server.proxy:
        return NotAvailable(_proxy_sentence(server))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return Unreachable(f"{server.name} at {server.url} is not ready yet. Wait a little while. {server.start}")
    if status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT):
        return Unreachable(f"What stands before {server.url} says that {server.name} does not answer. {server.start}")
    error = _STATUSES.get(status, Refused)
    return Refused(_status_sentence(server, status)) if error is Refused else error(sentence(error, server, model))


def transport_failure(server: ServerDescription, error: Exception, *, streaming: bool = False) -> ModelError:
    """The error for a connection that did not come about or was cut.

    Args:
        server: who was spoken to.
        error: what httpx, or what it is built on, raised.
        streaming: whether the answer had begun.
    """
    if not is_probing():
        log.info("%s: %s: %s", server.url, type(error).__name__, clean_line(str(error)))
    if isinstance(error, httpx.TimeoutException):
        return TimedOut(
            f"{server.name} at {server.url} did not take the connection in time. {server.start}" + by_proxy(server)
        )
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return NotTrusted(sentence(NotTrusted, server))
    if isinstance(error, httpx.ConnectError) and "[SSL" in str(error):
        return Unreachable(
            f"No encrypted connection to {server.url} comes about. Where it is not encrypted, its address begins with "
            "http://."
        )
    # One that does not speak SOCKS has an error that is none of httpx.
    if isinstance(error, CONNECTION_FAILURES) or not isinstance(error, httpx.HTTPError | OSError):
        # A proxy is a setting of this machine: waiting for it would hide which variable names it.
        return NotAvailable(_proxy_sentence(server)) if server.proxy else Unreachable(sentence(Unreachable, server))
    if streaming:
        return BrokenStream(sentence(BrokenStream, server))
    return BrokenStream(
        f"{server.name} at {server.url} hung up without an answer. Look whether it is still running, then try again."
    )


def by_proxy(server: ServerDescription) -> str:
    """A sentence more about a server that says nothing, where that may be the proxy before it; else empty."""
    return f" It is asked through the proxy that {server.proxy} names." if server.proxy else ""


def _proxy_sentence(server: ServerDescription) -> str:
    return (
        f"{server.url} cannot be reached through the proxy that {server.proxy} names. Look whether the proxy runs, or "
        "name the server in NO_PROXY."
    )


def _filled(text: str, server: ServerDescription, model: str) -> str:
    shown = clean_line(model) or "the model"
    fetch = server.fetch.format(model=shown)
    return text.format(name=server.name, url=server.url, start=server.start, key=server.key, fetch=fetch, model=shown)


def _context_sentence(server: ServerDescription, complaint: Complaint, model: str) -> str:
    if complaint.prompt_tokens is None or complaint.window is None:
        return sentence(ContextFull, server, model)
    return (
        f"The conversation is {complaint.prompt_tokens:,} tokens long, and the context window of "
        f"{clean_line(model) or 'the model'} holds {complaint.window:,}. Send less, begin a new conversation, or set a "
        "larger window."
    )


def _status_sentence(server: ServerDescription, status: int) -> str:
    if httpx.codes.is_redirect(status):
        return f"{server.url} says that it is somewhere else now. Set the new address in the settings."
    if status in (404, 405):
        return f"{server.url} does not know what it was asked for. Is it the address of {server.name}?"
    return sentence(Refused, server)
