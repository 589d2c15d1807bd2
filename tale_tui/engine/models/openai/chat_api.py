"""/v1/chat/completions: what an OpenAI-compatible server is asked, and its streamed answer as events."""

from __future__ import annotations

import json

from tale_tui.domain.models import FinishReason
from tale_tui.engine.models.backend import ChatRequest, Finished, PromptRead
from tale_tui.engine.models.lenient_json import (
    as_count,
    as_number,
    as_object,
    as_objects,
    as_parts,
    as_text,
    read_object,
)
from tale_tui.engine.models.openai.catalog import ServerKind
from tale_tui.engine.models.reply_parser import Piece, ReplyParser

_DONE = b"[DONE]"
_REASONS = {
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALL,
    "function_call": FinishReason.TOOL_CALL,
    "content_filter": FinishReason.FILTER,
}


class EventReader:
    """Finds the objects in the lines of an event stream.

    An object is returned as soon as it is whole, so that a missing blank line between two events does no harm. Comments
    and fields other than `data` are passed over, but for `error`, which old versions of llama-server send, and for an
    object without any field name.
    """

    def __init__(self) -> None:
        self.done = False
        """Whether the server said that the stream ends here."""
        self._data: list[bytes] = []

    def feed(self, line: bytes) -> dict[str, object] | None:
        """Take a line without its end; returns the object that it completes.

        Raises:
            ValueError: the data are no object.
        """
        if not line:
            if self._data:
                raise ValueError("an event that is no JSON object")
            return None
        name, _, value = line.partition(b":")
        if line.startswith(b"{"):
            value = line
        elif name == b"error":
            return {"error": read_object(value) or value.decode(errors="replace")}
        elif name != b"data":
            return None
        value = value.strip()
        if value == _DONE:
            self.done = True
            return None
        if not value:
            return None
        self._data.append(value)
        found = read_object(b"\n".join(self._data))
        if found is not None:
            self._data.clear()
        elif not self._data[0].startswith(b"{"):
            raise ValueError("an event that is no JSON object")
        return found


def continues(kind: ServerKind) -> bool:
    """Whether it is known how to make a server go on with a partial answer."""
    return kind in (ServerKind.LLAMA_SERVER, ServerKind.VLLM)


def request_body(request: ChatRequest, kind: ServerKind, prefix: str) -> dict[str, object]:
    """The body of /v1/chat/completions.

    Args:
        request: what is asked; its window is not sent, as the format has no place for it.
        kind: the server; strict ones refuse fields that they do not know, so each gets only its own.
        prefix: the partial answer to go on with; empty for a new answer.
    """
    messages = [{"role": message.role, "content": message.text} for message in request.messages]
    body: dict[str, object] = {
        "model": request.model,
        "messages": messages,
        "max_tokens": request.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if kind is ServerKind.LLAMA_SERVER:
        body |= {"return_progress": True, "timings_per_token": True}
    think = request.think
    if prefix:
        messages.append({"role": "assistant", "content": prefix})
        think = False  # behind text of the answer there is no thinking, and llama-server refuses to try
        if kind is ServerKind.VLLM:
            body |= {"continue_final_message": True, "add_generation_prompt": False}
    elif request.schema and kind is not ServerKind.OTHER:
        schema = {"name": "answer", "schema": json.loads(request.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if think is not None and kind in (ServerKind.LLAMA_SERVER, ServerKind.VLLM):
        body["chat_template_kwargs"] = {"enable_thinking": think}
    return body


class OpenAIAnswer:
    """Reads one answer.

    Args:
        parser: makes the pieces of text.
    """

    def __init__(self, parser: ReplyParser) -> None:
        self.finish = ""
        """Why the server says that the answer ended; empty while it goes on."""
        self._parser = parser
        self._usage: dict[str, object] = {}
        self._timings: dict[str, object] = {}
        self._called = False
        """Whether the model asked for a tool."""
        self._made = 0
        """Tokens so far, as llama-server counted them."""

    def read(self, chunk: dict[str, object]) -> list[PromptRead | Piece]:
        """The events in a chunk; numbers are kept for the end."""
        self._usage = as_object(chunk.get("usage")) or self._usage
        self._timings = as_object(chunk.get("timings")) or self._timings
        events: list[PromptRead | Piece] = []
        progress = as_object(chunk.get("prompt_progress"))
        done, total = as_count(progress.get("processed")), as_count(progress.get("total"))
        if done is not None and total:
            events.append(PromptRead(done, total))
        for choice in as_objects(chunk.get("choices")):
            delta = as_object(choice.get("delta")) or as_object(choice.get("message"))
            thinking = as_parts(delta.get("reasoning_content")) or as_parts(delta.get("reasoning"))
            text = as_parts(delta.get("content"))
            self._called = self._called or bool(as_objects(delta.get("tool_calls")))
            if thinking or text:
                tokens = self._new_tokens()
                events += self._parser.thinking(thinking, tokens=tokens)
                events += self._parser.text(text, tokens=0 if thinking else tokens)
            self.finish = as_text(choice.get("finish_reason")) or self.finish
        return events

    def end(self) -> list[Piece | Finished]:
        """What was held back, and the numbers."""
        usage, timings = self._usage, self._timings
        cached = as_count(as_object(usage.get("prompt_tokens_details")).get("cached_tokens"))
        cached = as_count(timings.get("cache_n")) if cached is None else cached
        prompt = as_count(usage.get("prompt_tokens"))
        fresh = as_count(timings.get("prompt_n"))
        if prompt is None and fresh is not None:
            prompt = fresh + (cached or 0)
        made = as_count(usage.get("completion_tokens"))
        called = FinishReason.TOOL_CALL if self._called else FinishReason.STOP
        reason = _REASONS.get(self.finish, called)
        finished = Finished(
            reason=reason,
            prompt_tokens=prompt,
            completion_tokens=as_count(timings.get("predicted_n")) if made is None else made,
            cached_tokens=cached,
            prompt_ms=as_number(timings.get("prompt_ms")),
            generation_ms=as_number(timings.get("predicted_ms")),
            thinking_tokens=as_count(as_object(usage.get("completion_tokens_details")).get("reasoning_tokens")),
        )
        return [*self._parser.flush(whole=reason is not FinishReason.LENGTH), finished]

    def _new_tokens(self) -> int:
        """How many tokens came since the last chunk; where the server does not count, a chunk is one."""
        made = as_count(self._timings.get("predicted_n"))
        if made is None:
            return 1
        new, self._made = max(made - self._made, 0), made
        return new
