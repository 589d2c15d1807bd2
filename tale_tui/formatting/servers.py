"""How servers of models are called."""

from __future__ import annotations

_NAMES = {"ollama": "Ollama"}


def server_name(backend: str) -> str:
    """The server behind a backend, inside a sentence: `Ollama`, `the server`."""
    return _NAMES.get(backend, "the server")
