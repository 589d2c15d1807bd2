"""Server-sent events as servers write them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tale_tui.engine.models.backend import ChatMessage, ChatRequest
from tale_tui.engine.models.openai.catalog import ServerKind
from tale_tui.engine.models.openai.chat_api import EventReader, request_body


def read(text: bytes) -> tuple[list[dict[str, Any]], bool]:
    reader = EventReader()
    found = [reader.feed(line.rstrip(b"\r")) for line in text.split(b"\n")]
    return [one for one in found if one is not None], reader.done


@pytest.mark.parametrize(
    ("text", "objects", "done"),
    [
        (b'data: {"a":1}\n\ndata: [DONE]\n\n', [{"a": 1}], True),
        (b'data:{"a":1}\n\ndata:[DONE]', [{"a": 1}], True),
        (b'data: {"a":1}\r\n\r\ndata: {"a":2}\r\n\r\n', [{"a": 1}, {"a": 2}], False),
        (b'data: {"a":1}\ndata: {"a":2}\n', [{"a": 1}, {"a": 2}], False),  # the blank line forgotten
        (b'data: {"a":\ndata: 1}\n\n', [{"a": 1}], False),  # one event over two lines
        (b': keep alive\n\nevent: message\nid: 7\nretry: 5\ndata: {"a":1}\n\n', [{"a": 1}], False),
        (b"data:\n\ndata: \n\n", [], False),
        (b'{"error":"out of luck"}\n', [{"error": "out of luck"}], False),
        (b'error: {"code":500,"message":"no"}\n\n', [{"error": {"code": 500, "message": "no"}}], False),
        (b"error: no\n\n", [{"error": " no"}], False),
        (b"<!DOCTYPE html>\n\n", [], False),
    ],
)
def test_events_are_found(text: bytes, objects: list[dict[str, Any]], done: bool) -> None:
    assert read(text) == (objects, done)


@pytest.mark.parametrize("text", [b"data: <html>\n\n", b'data: {"a":\n\n', b"data: 7\n\n"])
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="no JSON object"):
        read(text)


def test_a_form_is_asked_for_where_the_server_is_known_to_hold_a_model_to_one() -> None:
    schema = {"type": "object", "properties": {"label": {"enum": ["task", "chat"]}}, "required": ["label"]}
    request = ChatRequest("m", (ChatMessage("user", "Say hello."),), None, 40, schema=json.dumps(schema))
    for kind in (ServerKind.LLAMA_SERVER, ServerKind.VLLM, ServerKind.LM_STUDIO):
        wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        assert request_body(request, kind, "")["response_format"] == wanted
        assert "response_format" not in request_body(replace(request, schema=""), kind, "")
    assert "response_format" not in request_body(request, ServerKind.OTHER, "")
    assert "response_format" not in request_body(request, ServerKind.LLAMA_SERVER, "the beginning")
