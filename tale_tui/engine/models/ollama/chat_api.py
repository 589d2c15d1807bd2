"""Ollama's /api/chat and /api/generate: what is asked, and the chunks of the answer, old and new, as events.

What every call of a model says, and why. `num_ctx` and `shift: false`, the same as when the model was loaded: another
value of either loads the model again. `truncate: false`: otherwise too long a conversation is cut without a word.
`num_predict`: otherwise an answer has no end. `keep_alive`, as `keep_alive.py` has it, which loads nothing again: where
it is not said, a model that crashed comes back with the server's default of five minutes. Versions before 0.12.6 do not
know `truncate` and `shift` and pass over them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from tale_tui.domain.constants import (
    CATALOG_TIMEOUT_S,
    DEFAULT_WINDOW,
    LOAD_KEEP_ALIVE_MIN_S,
)
from tale_tui.domain.errors import CannotContinue, ModelError, Refused
from tale_tui.domain.models import FinishReason
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.backend import ChatRequest, Finished
from tale_tui.engine.models.lenient_json import as_count, as_number, as_object, as_objects, as_parts, as_text
from tale_tui.engine.models.ollama.catalog import Details
from tale_tui.engine.models.ollama.connection import OllamaConnection
from tale_tui.engine.models.reply_parser import Piece, ReplyParser
from tale_tui.engine.models.server_errors import or_else

_NS_PER_MS = 1e6
RENDERS_SINCE = (0, 11, 5)
"""The first version that shows the prompt it would give to the model."""

# How a prompt may end that a reply is to follow, and what has to stand before text of the answer itself there.
_OPEN_ENDS = (
    ("<think>", "\n</think>\n\n"),  # templates of models that always think
    ("<|start|>assistant", "<|channel|>final<|message|>"),  # the harmony format of gpt-oss
)

Body = dict[str, object]


class OllamaRequests:
    """Makes the bodies of requests.

    Args:
        connection: to the server.
        keep_alive_s: how many seconds a model is to stay.
        threads: how many threads a model computes with; None leaves that to the server.
    """

    def __init__(
        self,
        connection: OllamaConnection,
        keep_alive_s: Callable[[str], int],
        threads: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        self._connection = connection
        self._keep_alive_s = keep_alive_s
        self._threads = threads

    async def model_options(self, model: str, window: int | None) -> Body:
        """What a model is loaded with, and loaded again where it differs."""
        options: Body = {"num_ctx": window or await self.default_window(model)}
        threads = self._threads(model)
        return options if threads is None else options | {"num_thread": threads}

    def load(self, model: str, options: Body) -> Body:
        """The body of /api/chat that only brings the model into memory."""
        keep_alive_s = self._keep_alive_s(model)
        if keep_alive_s >= 0:
            keep_alive_s = max(keep_alive_s, LOAD_KEEP_ALIVE_MIN_S)
        return self.keep(model, options, keep_alive_s)

    def keep(self, model: str, options: Body, keep_alive_s: int) -> Body:
        """The body of /api/chat that only says how long a model is to stay."""
        return self._call(model, options) | {"messages": [], "stream": False, "keep_alive": keep_alive_s}

    @staticmethod
    def unload(model: str) -> Body:
        """The body of /api/chat that takes a model out of memory."""
        return {"model": model, "messages": [], "keep_alive": 0, "stream": False}

    async def answer(self, request: ChatRequest) -> Body:
        """The body of /api/chat for a new answer."""
        options = await self.model_options(request.model, request.window) | {"num_predict": request.max_tokens}
        if request.temperature is not None:
            options["temperature"] = request.temperature
        body = self._call(request.model, options) | {"messages": _messages(request), "stream": True}
        if request.think is False or (request.think and await self._can_think(request.model)):
            body["think"] = request.think
        if request.schema:
            body["format"] = json.loads(request.schema)
        return body

    async def continued(self, request: ChatRequest, prefix: str) -> tuple[str, Body]:
        """The address and the body that make the model go on behind `prefix`.

        Ollama closes the turn of an assistant's message that comes last, and the model would begin again. So the server
        is asked for the prompt that it would make of the messages before it, and that prompt with the partial answer
        behind it is given to the model as it is.

        Raises:
            CannotContinue: this version, with this model, would begin again instead.
            ModelError: the server is away, or cannot run the model.
        """
        connection = self._connection
        body = await self.answer(request)
        if connection.version is None:
            with suppress(ModelError):  # then it is tried
                await connection.ask_version(CATALOG_TIMEOUT_S)
        renders = connection.version is None or connection.version >= RENDERS_SINCE
        prompt = await self._rendered(request) if renders else ""
        if prompt:
            raw = {"prompt": _opened(prompt) + prefix, "raw": True, "stream": True}
            return connection.generate, {**self._call(request.model, {}), "options": body["options"], **raw}
        template = (await or_else(connection.catalog.details(request.model), Details())).template
        if ".Response" in template and ".Messages" not in template:
            # Templates of this old form are cut behind the last answer, so its turn stays open.
            return connection.chat, body | {"messages": [*_messages(request), {"role": "assistant", "content": prefix}]}
        raise CannotContinue(
            f"This version of Ollama cannot go on with a reply of {clean_line(request.model)} that broke off. Ask "
            "again instead, or update Ollama."
        )

    async def default_window(self, model: str) -> int:
        """The smaller of 8192 and the model's own window."""
        own = (await or_else(self._connection.catalog.details(model), Details())).max_window
        return min(DEFAULT_WINDOW, own) if own else DEFAULT_WINDOW

    async def _rendered(self, request: ChatRequest) -> str:
        """The prompt that the server makes of the messages; empty where it does not tell, or answers oddly."""
        # A server that does not know the wish would answer instead; one token of that does no harm.
        wish = await self.answer(replace(request, max_tokens=1))
        wish |= {"stream": False, "think": False, "_debug_render_only": True}
        # The model is loaded for it, where it is not.
        connection = self._connection
        try:
            answer = await connection.client.ask("POST", connection.chat, wish, limit_s=None, model=request.model)
        except Refused:
            return ""
        return as_text(as_object(answer.get("_debug_info")).get("rendered_template"))

    def _call(self, model: str, options: Body) -> Body:
        """What every call of a model says."""
        return {
            "model": model,
            "keep_alive": self._keep_alive_s(model),
            "truncate": False,
            "shift": False,
            "options": options,
        }

    async def _can_think(self, model: str) -> bool:
        """Whether to ask for thinking: a model that cannot refuses the whole request. Old servers do not say."""
        details = await or_else(self._connection.catalog.details(model), None)
        return details is not None and (not details.capabilities or "thinking" in details.capabilities)


def _messages(request: ChatRequest) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.text} for message in request.messages]


def _opened(prompt: str) -> str:
    """A rendered prompt, so that what stands behind it is text of the answer."""
    bare = prompt.rstrip()
    return next((bare + between for end, between in _OPEN_ENDS if bare.endswith(end)), prompt)


class OllamaAnswer:
    """Reads one answer.

    Args:
        parser: makes the pieces of text.
        max_tokens: the limit that was sent; tells why an answer ended where the server does not say.
        counts_prompt: False where the server is of a version that miscounts the prompt.
    """

    def __init__(self, parser: ReplyParser, max_tokens: int, *, counts_prompt: bool = True) -> None:
        self._parser = parser
        self._max_tokens = max_tokens
        self._counts_prompt = counts_prompt
        self._called = False
        """Whether the model asked for a tool."""

    def read(self, chunk: dict[str, object]) -> list[Piece]:
        """The pieces in a chunk of /api/chat (`message`) or of /api/generate (`response`)."""
        message = as_object(chunk.get("message"))
        thinking = as_text(message.get("thinking")) or as_text(chunk.get("thinking"))
        text = as_parts(message.get("content")) or as_text(chunk.get("response"))
        self._called = self._called or bool(as_objects(message.get("tool_calls")))
        # One chunk is one token, also where it carries the last of the thinking with the first of the answer.
        return self._parser.thinking(thinking) + self._parser.text(text, tokens=0 if thinking else 1)

    def end(self, chunk: dict[str, object]) -> list[Piece | Finished]:
        """What was held back, and the numbers of the last chunk."""
        made = as_count(chunk.get("eval_count"))
        told = as_text(chunk.get("done_reason"))
        at_limit = not told and made is not None and made >= self._max_tokens
        if told == "length" or at_limit:
            reason = FinishReason.LENGTH
        else:
            reason = FinishReason.TOOL_CALL if self._called else FinishReason.STOP
        finished = Finished(
            reason=reason,
            prompt_tokens=as_count(chunk.get("prompt_eval_count")) if self._counts_prompt else None,
            completion_tokens=made,
            cached_tokens=as_count(chunk.get("prompt_eval_cached_count")),
            load_ms=_milliseconds(chunk.get("load_duration")),
            prompt_ms=_milliseconds(chunk.get("prompt_eval_duration")),
            generation_ms=_milliseconds(chunk.get("eval_duration")),
        )
        return [*self._parser.flush(whole=reason is not FinishReason.LENGTH), finished]


def _milliseconds(nanoseconds: object) -> float | None:
    """Nanoseconds as milliseconds. Ollama leaves out what is 0, so absent and 0 both mean that nobody knows."""
    number = as_number(nanoseconds)
    return number / _NS_PER_MS if number else None
