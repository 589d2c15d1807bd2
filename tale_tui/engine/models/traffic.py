"""How much goes to servers of models and comes from them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Traffic:
    """Bytes of the bodies of requests and answers, without what HTTP adds. Counted on the event loop alone."""

    sent: int = 0
    received: int = 0
