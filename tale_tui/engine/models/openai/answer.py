"""The chunks of /v1/chat/completions as events, with what llama-server adds to them."""

from __future__ import annotations

from tale_tui.engine.models.backend import Finished, PromptRead, TextPiece
from tale_tui.engine.models.loose import as_count, as_number, as_object, as_objects, as_text
from tale_tui.engine.models.pieces import Pieces
from tale_tui.engine.types import FinishReason


class OpenAIAnswer:
    """Reads one answer.

    Args:
        pieces: makes the pieces.
    """

    def __init__(self, pieces: Pieces) -> None:
        self.finish = ""
        """Why the server says that the answer ended; empty while it goes on."""
        self._pieces = pieces
        self._usage: dict[str, object] = {}
        self._timings: dict[str, object] = {}
        self._made = 0
        """Tokens so far, as llama-server counted them."""

    def read(self, chunk: dict[str, object]) -> list[PromptRead | TextPiece]:
        """The events in a chunk; numbers are kept for the end."""
        self._usage = as_object(chunk.get("usage")) or self._usage
        self._timings = as_object(chunk.get("timings")) or self._timings
        events: list[PromptRead | TextPiece] = []
        progress = as_object(chunk.get("prompt_progress"))
        done, total = as_count(progress.get("processed")), as_count(progress.get("total"))
        if done is not None and total:
            events.append(PromptRead(done, total))
        for choice in as_objects(chunk.get("choices")):
            delta = as_object(choice.get("delta")) or as_object(choice.get("message"))
            thinking = as_text(delta.get("reasoning_content")) or as_text(delta.get("reasoning"))
            text = as_text(delta.get("content"))
            if thinking or text:
                tokens = self._new_tokens()
                events += self._pieces.thinking(thinking, tokens=tokens)
                events += self._pieces.text(text, tokens=0 if thinking else tokens)
            self.finish = as_text(choice.get("finish_reason")) or self.finish
        return events

    def end(self) -> list[TextPiece | Finished]:
        """What was held back, and the numbers."""
        usage, timings = self._usage, self._timings
        cached = as_count(as_object(usage.get("prompt_tokens_details")).get("cached_tokens"))
        cached = as_count(timings.get("cache_n")) if cached is None else cached
        prompt = as_count(usage.get("prompt_tokens"))
        fresh = as_count(timings.get("prompt_n"))
        if prompt is None and fresh is not None:
            prompt = fresh + (cached or 0)
        made = as_count(usage.get("completion_tokens"))
        finished = Finished(
            reason=FinishReason.LENGTH if self.finish == "length" else FinishReason.STOP,
            prompt_tokens=prompt,
            completion_tokens=as_count(timings.get("predicted_n")) if made is None else made,
            cached_tokens=cached,
            prompt_ms=as_number(timings.get("prompt_ms")),
            generation_ms=as_number(timings.get("predicted_ms")),
        )
        return [*self._pieces.flush(), finished]

    def _new_tokens(self) -> int:
        """How many tokens came since the last chunk; where the server does not count, a chunk is one."""
        made = as_count(self._timings.get("predicted_n"))
        if made is None:
            return 1
        new, self._made = max(made - self._made, 0), made
        return new
