"""What an OpenAI-compatible server is asked."""

from __future__ import annotations

from tale_tui.engine.models.backend import ChatRequest
from tale_tui.engine.models.openai.catalog import Kind


def continues(kind: Kind) -> bool:
    """Whether it is known how to make a server go on with a partial answer."""
    return kind in (Kind.LLAMA_SERVER, Kind.VLLM)


def request_body(request: ChatRequest, kind: Kind, prefix: str) -> dict[str, object]:
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
    if kind is Kind.LLAMA_SERVER:
        body |= {"return_progress": True, "timings_per_token": True}
    think = request.think
    if prefix:
        messages.append({"role": "assistant", "content": prefix})
        think = False  # behind text of the answer there is no thinking, and llama-server refuses to try
        if kind is Kind.VLLM:
            body |= {"continue_final_message": True, "add_generation_prompt": False}
    if think is not None and kind in (Kind.LLAMA_SERVER, Kind.VLLM):
        body["chat_template_kwargs"] = {"enable_thinking": think}
    return body
