"""The keys of servers: where they stand, and what can be one."""

from __future__ import annotations

import os
from collections.abc import Mapping

KEY_VARIABLE = "TALE_OPENAI_KEY"
"""Holds the key of the server of [openai]; the one place where it may stand."""
OLLAMA_KEY_VARIABLE = "OLLAMA_API_KEY"
"""Holds the key of ollama.com, or of an Ollama that the user named."""
METRICS_KEY_VARIABLE = "TALE_METRICS_KEY"
"""Holds the key that whoever asks for our own metrics has to send."""
OTLP_HEADERS = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS")
"""Hold what is sent to a collector with each request, its key among it."""
SECRET_VARIABLES = (KEY_VARIABLE, OLLAMA_KEY_VARIABLE, METRICS_KEY_VARIABLE, *OTLP_HEADERS)
"""Variables of the environment whose values are never shown and never logged."""
SECRET_CHARACTERS_MIN = 4
"""What is shorter is no key, and would be found in every word."""


def read_key(variable: str, environ: Mapping[str, str] = os.environ) -> str:
    """A key from the environment; empty where there is none.

    Raises:
        ValueError: it holds what no header can carry; it is not shown.
    """
    return check_key(environ.get(variable, ""), variable)


def check_key(key: str, variable: str) -> str:
    """The key without the blanks around it.

    Raises:
        ValueError: it holds what no header can carry; it is not shown.
    """
    key = key.strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ValueError(
            f"Environment variable {variable} holds characters that no key has, such as a line end; set it to the key "
            "alone."
        )
    return key


def secrets_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """All that must not stand in a log: the keys, and each line of one that has several, the longest first."""
    values = [environ.get(name, "") for name in SECRET_VARIABLES]
    parts = {part for value in values for part in (value, value.strip(), *value.split())}
    return tuple(sorted((part for part in parts if len(part) >= SECRET_CHARACTERS_MIN), key=len, reverse=True))
