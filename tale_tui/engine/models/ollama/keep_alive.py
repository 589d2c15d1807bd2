"""How long models stay on a server that others use too: what a call asks for, and what is said of them at the end.

The server holds one time for each model, after which it gives it back; every call sets it anew. A time that has changed
although nothing was asked from here was set by somebody else, whose model it is from then on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tale_tui.domain.constants import (
    EXPIRY_TOLERANCE_S,
    OLLAMA_FOR_EVER_FROM_S,
    OLLAMA_RENEW_BELOW_S,
    OLLAMA_RENEWED_KEEP_ALIVE_S,
)

FOR_EVER = -1
"""As the server takes it, in seconds."""
AT_ONCE = 0


@dataclass(slots=True)
class ModelUse:
    """A model that was asked for from here, while it is in memory.

    Attributes:
        model: the name by which it was asked for last.
        loaded_here: whether it was not in memory before.
        wanted_until: until when others want it, in seconds since the epoch; None where nobody is known to.
        expires: when it will be given back, as the server last said; None while that is not known.
        others: somebody else uses it too.
        options: what it was asked for with, another value of which would load it again.
        touched: when the last call from here ended, where the server has not said since what that led to.
        calls: how many are under way.
    """

    model: str
    loaded_here: bool
    wanted_until: float | None
    expires: float | None
    others: bool = False
    options: dict[str, object] = field(default_factory=dict)
    touched: float | None = None
    calls: int = 0
    _expected_from: float | None = None
    """When the call that `expires` follows from would have it given back, by the clock here."""
    _keep_s: int = 0

    def begun(self, model: str, options: dict[str, object], keep_s: int) -> None:
        """A call begins that wants it kept for so many seconds; `FOR_EVER` is one of them."""
        self.model, self.options, self._keep_s = model, options, keep_s
        self.calls += 1

    def ended(self, now: float) -> None:
        """A call has ended."""
        self.calls -= 1
        self.touched = now

    def seen(self, expires: float) -> None:
        """The server says when it will be given back."""
        if self.calls or (self.expires is not None and abs(expires - self.expires) <= EXPIRY_TOLERANCE_S):
            return  # while a call is under way, and for a moment after one that was stopped, it says nothing new
        expected_from = None if self.touched is None else self.touched + max(0, self._keep_s)
        if not self._follows(expires, expected_from):
            self.others, self.wanted_until = True, expires
        self.expires, self.touched, self._expected_from = expires, None, expected_from

    def _follows(self, expires: float, expected_from: float | None) -> bool:
        """Whether it is the last call from here that has it given back then; the clocks may differ."""
        if expected_from is None:
            return False
        if self._expected_from is None or self.expires is None or self._keep_s == FOR_EVER:
            return True
        return abs(expires - self.expires - (expected_from - self._expected_from)) <= EXPIRY_TOLERANCE_S


class KeepAlive:
    """Knows the models in the memory of one server by the names under which they run.

    Args:
        set_s: for how many seconds the user wants models kept after a call, -1 for ever; None leaves it to this.
        now: seconds since the epoch.
    """

    def __init__(self, set_s: int | None, now: Callable[[], float]) -> None:
        self._set_s = set_s
        self._now = now
        self._uses: dict[str, ModelUse] = {}
        self._expiries: dict[str, float | None] = {}
        """Of all models that were in memory at the last look."""

    def seconds(self, name: str) -> int:
        """What the next call of a model asks for: never less than what others want."""
        if self._set_s is not None:
            return self._set_s
        use = self._uses.get(name)
        until = use.wanted_until if use else self._expiries.get(name)
        left = OLLAMA_RENEWED_KEEP_ALIVE_S if until is None else self._left_s(until)
        return left if left == FOR_EVER else max(OLLAMA_RENEWED_KEEP_ALIVE_S, left)

    def looked(self, expiries: Iterable[tuple[str, float | None]]) -> None:
        """The server says what is in memory, and when it will be given back where nobody asks for it."""
        self._expiries = dict(expiries)
        self._uses = {name: use for name, use in self._uses.items() if name in self._expiries or use.calls}
        for name, use in self._uses.items():
            if (expires := self._expiries.get(name)) is not None:
                use.seen(expires)

    @contextmanager
    def call(self, name: str, model: str, options: dict[str, object]) -> Iterator[None]:
        """A model is asked for meanwhile.

        Args:
            name: under which it runs, as far as is known.
            model: by which it is asked for.
            options: another value of which would load it again.
        """
        seconds = self.seconds(name)
        if name not in self._uses:
            expires = self._expiries.get(name)
            self._uses[name] = ModelUse(model, name not in self._expiries, expires, expires)
        use = self._uses[name]
        use.begun(model, options, seconds)
        try:
            yield
        finally:
            use.ended(self._now())

    def runs_as(self, name: str, other: str) -> None:
        """What was asked for by one name runs under another."""
        use = self._uses.pop(name, None)
        if use is not None and other not in self._uses:
            expires = self._expiries.get(other)
            use.loaded_here, use.wanted_until, use.expires = other not in self._expiries, expires, expires
            self._uses[other] = use

    def runs_out(self, name: str) -> bool:
        """Whether a model that is in memory and not at work should be asked for again soon, for it to stay."""
        expires, use = self._expiries.get(name), self._uses.get(name)
        if self._set_s is not None or expires is None or (use is not None and use.calls):
            return False
        return self._left_s(expires) != FOR_EVER and self._left_s(expires) < OLLAMA_RENEW_BELOW_S

    def using(self) -> tuple[str, ...]:
        """The models that were asked for from here and are in memory."""
        return tuple(self._uses)

    def let_go(self, name: str, own_s: int) -> tuple[ModelUse, int] | None:
        """A model is not used from here any more, and is nothing that is known from then on.

        Args:
            name: under which it runs.
            own_s: for how many seconds it stays where nobody else wanted it.
        Returns:
            How it was asked for, and how many seconds to keep it; None where it is left as it is.
        """
        use = self._uses.get(name)
        if use is None or use.calls or self._set_s is not None:
            return None
        del self._uses[name]
        if use.others or name not in self._expiries:
            return None
        if use.wanted_until is None:  # where it was there before, until when is not known
            return (use, own_s) if use.loaded_here else None
        left_s = self._left_s(use.wanted_until)
        as_it_was = use.expires is not None and abs(use.expires - use.wanted_until) <= EXPIRY_TOLERANCE_S
        return None if as_it_was or left_s == self.seconds(name) == FOR_EVER else (use, left_s)

    def _left_s(self, until: float) -> int:
        left = until - self._now()
        return FOR_EVER if left > OLLAMA_FOR_EVER_FROM_S else max(AT_ONCE, math.ceil(left))
