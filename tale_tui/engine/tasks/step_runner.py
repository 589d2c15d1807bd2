"""What carries out a step: one runner for each kind, and the piece of work that it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from tale_tui.domain.errors import TaleError
from tale_tui.domain.models import ModelRef, Usage
from tale_tui.domain.tasks import StepSpec, TaskDetail
from tale_tui.engine.models.backend import TextPiece
from tale_tui.engine.streaming import PartialReply


@dataclass(frozen=True, slots=True)
class StepResult:
    """What came of a step."""

    text: str
    thinking: str = ""
    ref: ModelRef | None = None
    usage: Usage | None = None
    why: str = ""
    """Why this model, in a few words."""


class BeginStep(Protocol):
    """Begins an attempt at a step."""

    async def __call__(
        self, ref: ModelRef | None = None, why: str = "", *, fresh: bool = False, after: TaleError | None = None
    ) -> PartialReply:
        """Store that an attempt begins.

        Args:
            ref: the model that is asked; None where none is.
            why: why this one, in a few words.
            fresh: begin again; what the attempts before it wrote is kept as earlier attempts.
            after: why the attempt before it in this run failed, where there was one.
        Returns:
            What there is of the text; pieces are added by `StepWork.add`.
        """
        ...


@dataclass(frozen=True, slots=True)
class StepWork:
    """A step to be carried out, and how to tell what comes of it: what is told so is stored and shown."""

    detail: TaskDetail
    """The task as it was when its run began."""
    spec: StepSpec
    inputs: Mapping[str, str]
    """The results of the steps before it, by key."""
    text: str
    """What an attempt that broke off has written: to be gone on with where that is possible."""
    may_go_on: bool
    """Whether the user let it write on past its budget."""
    begin: BeginStep
    """To be called before each attempt."""
    add: Callable[[TextPiece], None]
    """Take a piece of what is written."""
    correct_thinking: Callable[[bool], None]
    """All that was written is thinking, where True; else the answer."""
    discard: Callable[[], None]
    """What this attempt has written is written again from the beginning."""
    reading: Callable[[int, int], None]
    """Say how much of the prompt was read, in tokens; 0 of 0 while a model is being loaded."""


class StepRunner(Protocol):
    """Carries out the steps of one kind."""

    async def run(self, work: StepWork) -> StepResult:
        """Carry a step out. It may be cancelled at any moment, and has then stopped whatever it began.

        Raises:
            TaleError: why it did not work; its class decides whether it is tried again.
        """
        ...
