"""The chunks of Ollama's /api/chat and /api/generate, old and new, as events."""

from __future__ import annotations

from tale_tui.engine.models.backend import Finished, TextPiece
from tale_tui.engine.models.loose import as_count, as_number, as_object, as_text
from tale_tui.engine.models.pieces import Pieces
from tale_tui.engine.types import FinishReason

_NS_PER_MS = 1e6


class OllamaAnswer:
    """Reads one answer.

    Args:
        pieces: makes the pieces.
        max_tokens: the limit that was sent; tells why an answer ended where the server does not say.
        counts_prompt: False where the server is of a version that miscounts the prompt.
    """

    def __init__(self, pieces: Pieces, max_tokens: int, *, counts_prompt: bool = True) -> None:
        self._pieces = pieces
        self._max_tokens = max_tokens
        self._counts_prompt = counts_prompt

    def read(self, chunk: dict[str, object]) -> list[TextPiece]:
        """The pieces in a chunk of /api/chat (`message`) or of /api/generate (`response`)."""
        message = as_object(chunk.get("message"))
        thinking = as_text(message.get("thinking")) or as_text(chunk.get("thinking"))
        text = as_text(message.get("content")) or as_text(chunk.get("response"))
        # One chunk is one token, also where it carries the last of the thinking with the first of the answer.
        return self._pieces.thinking(thinking) + self._pieces.text(text, tokens=0 if thinking else 1)

    def end(self, chunk: dict[str, object]) -> list[TextPiece | Finished]:
        """What was held back, and the numbers of the last chunk."""
        made = as_count(chunk.get("eval_count"))
        told = as_text(chunk.get("done_reason"))
        at_limit = not told and made is not None and made >= self._max_tokens
        finished = Finished(
            reason=FinishReason.LENGTH if told == "length" or at_limit else FinishReason.STOP,
            prompt_tokens=as_count(chunk.get("prompt_eval_count")) if self._counts_prompt else None,
            completion_tokens=made,
            cached_tokens=as_count(chunk.get("prompt_eval_cached_count")),
            load_ms=_milliseconds(chunk.get("load_duration")),
            prompt_ms=_milliseconds(chunk.get("prompt_eval_duration")),
            generation_ms=_milliseconds(chunk.get("eval_duration")),
        )
        return [*self._pieces.flush(), finished]


def _milliseconds(nanoseconds: object) -> float | None:
    """Nanoseconds as milliseconds. Ollama leaves out what is 0, so absent and 0 both mean that nobody knows."""
    number = as_number(nanoseconds)
    return number / _NS_PER_MS if number else None
