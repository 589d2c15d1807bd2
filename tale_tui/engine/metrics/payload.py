"""What is sent of an alert, and the error of what does not take it."""

from __future__ import annotations

import json
from dataclasses import asdict

from tale_tui.domain.alerts import Alert


class NotDelivered(Exception):
    """An alert was not taken; the text says why, in a few words."""


def payload(alert: Alert) -> bytes:
    """An alert as one line of JSON."""
    return (json.dumps(asdict(alert), ensure_ascii=False) + "\n").encode(errors="replace")
