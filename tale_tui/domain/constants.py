"""Numbers of the engine that no setting changes, each with its unit and its reason."""

from __future__ import annotations

DEFAULT_UX_MODEL = "qwen2.5:7b"
"""The model of the role ux on Ollama."""
DEFAULT_TASK_MODEL = "qwen3:14b"
"""The model of the role task on Ollama."""

DELTA_INTERVAL_S = 0.04
"""Deltas after the first are joined for this long: 25 paints a second are smooth and cost little."""
PARTIAL_SAVE_INTERVAL_S = 0.9
"""The partial reply is stored this often: a crash loses less than a second."""
DEFAULT_WINDOW = 8192
"""Tokens: the context window asked for, unless set or the model's own is smaller."""
EMBEDDED_HISTORY_TOKENS = 1000
"""Tokens of history sent to a model on the CPU: 3,000 take 24 s to read, 1,000 about 5."""
TIME_LIMIT_MAX_S = 31_536_000.0
"""Seconds that a task or a step may be given at most: a year, and more than any is ever waited for."""
TITLE_WORDS = 8
"""Words of the first message that become the title of a session."""
TASK_TITLE_WORDS = 10
"""Words of what is asked for that become the title of a task."""
