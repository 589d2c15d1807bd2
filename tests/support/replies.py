"""Replies of a scripted backend that a test holds in the middle."""

from __future__ import annotations

import asyncio

from tale_tui.engine.models.scripted import Hold, Say, Script


def held(*before: str, after: str = " rest") -> tuple[Script, asyncio.Event]:
    """A reply that begins, waits for the event, and ends."""
    event = asyncio.Event()
    return Script((*(Say(piece) for piece in before), Hold(event), Say(after))), event
