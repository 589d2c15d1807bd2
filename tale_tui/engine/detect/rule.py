"""The keyword rule: serves where the weights cannot be loaded. Right three times out of four."""

from __future__ import annotations

from math import exp

from tale_tui.engine.detect.features import Features

SIGNS = {
    "orders": 2.2,
    "orders ART": 0.8,
    "code": 1.0,
    "fence": 1.5,
    "trace": 1.5,
    "sql": 0.8,
    "given after colon": 0.9,
    "quote": 0.8,
    "paragraphs": 0.8,
    "work and result .": 1.0,
    "needs a result .": 1.5,
}
"""Feature of the shape -> what it adds to the log-odds of work."""
START = -1.6
LONG_CHARS_STEP = 13
"""From about 100 characters on a message is more often work."""
LONG = 0.9


def rule_probability(features: Features) -> float:
    """How likely a message is work, by rule of thumb."""
    odds = START + sum(SIGNS.get(name, 0.0) for name in features.shape)
    size = next((int(name.split()[1]) for name in features.shape if name.startswith("chars ")), 0)
    if size > LONG_CHARS_STEP:
        odds += LONG
    return 1 / (1 + exp(-odds))
