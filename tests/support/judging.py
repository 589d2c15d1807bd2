"""Judgements for tests of what asks for one."""

from __future__ import annotations


async def never_simple(text: str) -> float:
    """The probability that a task is simple, for an executor whose tasks go where all go."""
    return 0.0
