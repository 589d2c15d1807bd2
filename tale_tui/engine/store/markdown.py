"""A transcript as Markdown, for people."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tale_tui.engine.types import Author, Message, MessageState, Transcript

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_MARKS = {
    MessageState.STREAMING: "still being written",
    MessageState.STOPPED: "stopped",
    MessageState.INTERRUPTED: "interrupted",
    MessageState.FAILED: "failed",
}


def markdown_of(transcript: Transcript) -> str:
    """The shown branch: a heading for the session and one for each message, with the text as it was written."""
    parts = [f"# {transcript.session.title or 'Untitled'}"]
    if transcript.session.system:
        parts += ["## System", closed(transcript.session.system)]
    for message in transcript.messages:
        parts.append(_heading(message))
        if message.thinking:
            parts.append("\n".join(f"> {line}".rstrip() for line in ["Thinking:", *message.thinking.split("\n")]))
        if message.text:
            parts.append(closed(message.text))
        if message.error:
            parts.append(f"*{message.error}*")
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def closed(text: str) -> str:
    """The text with its last code block closed, so that what follows it is not swallowed."""
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.fullmatch(line)
        if found is None:
            continue
        if not fence:
            fence = found[1]
        elif found[1].startswith(fence) and not found[2].strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text


def _heading(message: Message) -> str:
    when = datetime.fromtimestamp(message.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
    who = "You" if message.author is Author.USER else message.ref.model if message.ref else "Reply"
    if message.author is not Author.USER and message.ref is None and message.why:
        who = "tale"  # a sentence of ours, made without a model
    mark = f", {_MARKS[message.state]}" if message.state in _MARKS else ""
    if message.task_id is not None and not message.text:
        mark = ", a task without a result"
    return f"## {who} · {when}{mark}"
