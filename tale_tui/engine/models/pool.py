"""The one door to every model: loading, what is in memory, and calls."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from tale_tui.engine.errors import ModelError, NotAvailable
from tale_tui.engine.models.backend import BackendEvent, ChatMessage, ChatRequest
from tale_tui.engine.models.configured import Backends
from tale_tui.engine.types import BackendName, BackendReport, LoadedModel, ModelRef, Progress

RESIDENT_TRUST_S = 30.0
"""So long after a model answered or was loaded it is taken to be in memory, and a call costs no question first."""


class Pool:
    """Loads models and asks them. Knows nothing of roles.

    Args:
        backends: by name.
        window: the context window that the user set, in tokens; 0 takes what the backend thinks right for a model.
        probe_s: how long a server may take to say that it is there.
        monotonic: the clock, in seconds.
    """

    def __init__(self, backends: Backends, *, window: int, probe_s: float, monotonic: Callable[[], float]) -> None:
        self._backends = backends
        self._window = window
        self._probe_s = probe_s
        self._monotonic = monotonic
        self._windows: dict[ModelRef, int] = {}
        self._resident: dict[ModelRef, tuple[LoadedModel, float]] = {}
        """What was in memory, and until when that is believed."""
        self._served: dict[ModelRef, int | None] = {}
        """The window that was served when the model was last loaded here."""
        self._loading: defaultdict[ModelRef, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def automatic(self) -> tuple[BackendName, ...]:
        """The backends that a role may be given without anybody asking, the preferred first."""
        return self._backends.automatic

    async def report(self, name: BackendName) -> BackendReport:
        """What a backend says of itself."""
        try:
            backend = await self._backends.get(name)
        except NotAvailable as error:
            return BackendReport(name, available=False, detail=error.sentence)
        return await backend.report(self._probe_s)

    async def reports(self, names: tuple[BackendName, ...]) -> tuple[BackendReport, ...]:
        """What several say of themselves, asked at once."""
        return tuple(await asyncio.gather(*(self.report(name) for name in names)))

    async def window(self, ref: ModelRef) -> int:
        """The context window to ask for, in tokens; the same in every call.

        Raises:
            ModelError: its backend cannot say.
        """
        if self._window:
            return self._window
        if ref not in self._windows:
            backend = await self._backends.get(ref.backend)
            self._windows[ref] = await backend.default_window(ref.model)
        return self._windows[ref]

    def known_window(self, ref: ModelRef) -> int | None:
        """The window of a model as far as it is in memory here: served, else to be asked for."""
        return self._served.get(ref) or self._window or self._windows.get(ref)

    def resident(self, ref: ModelRef) -> LoadedModel | None:
        """A model that is taken to be in memory, without asking anybody; None where that is not known."""
        model, until = self._resident.get(ref, (None, 0.0))
        return model if model and self._monotonic() < until else None

    async def load(self, ref: ModelRef, waiting: Callable[[], None] = lambda: None) -> LoadedModel:
        """Have a model in memory.

        Args:
            ref: the model.
            waiting: called when it was not there, before it is loaded.
        Raises:
            ModelError: why it cannot be had.
        """
        if believed := self.resident(ref):
            return believed
        if self._loading[ref].locked():
            waiting()
        async with self._loading[ref]:
            if believed := self.resident(ref):
                return believed
            self._resident.pop(ref, None)
            backend = await self._backends.get(ref.backend)
            window = await self.window(ref)
            present = next((model for model in await backend.loaded() if model.ref == ref), None)
            if present is None or present.window not in (None, window, self._served.get(ref)):
                waiting()
                present = await backend.load(ref.model, window, keep=True)
            self._served[ref] = present.window
            self._believe(ref, present)
            return present

    async def chat(self, ref: ModelRef, request: ChatRequest) -> AsyncGenerator[BackendEvent, None]:
        """Stream an answer, as `Backend.chat` does. Close it to stop the model.

        Raises:
            ModelError: what happened.
        """
        backend = await self._backends.get(ref.backend)
        try:
            async with aclosing(backend.chat(request)) as events:
                async for event in events:
                    yield event
        except ModelError:
            self._resident.pop(ref, None)
            raise
        if ref in self._resident:
            self._believe(ref, self._resident[ref][0])

    async def count_tokens(self, ref: ModelRef, messages: tuple[ChatMessage, ...]) -> int | None:
        """How many tokens a prompt has, the template included; None where its backend cannot tell.

        Raises:
            ModelError: its backend does not answer.
        """
        backend = await self._backends.get(ref.backend)
        return await backend.count_tokens(ref.model, messages)

    async def pull(self, ref: ModelRef) -> AsyncGenerator[Progress, None]:
        """Fetch a model to its backend.

        Raises:
            TaleError: why it cannot be had.
        """
        backend = await self._backends.get(ref.backend)
        async with aclosing(backend.pull(ref.model)) as steps:
            async for step in steps:
                yield step

    async def loaded(self, name: BackendName) -> tuple[LoadedModel, ...]:
        """What a backend has in memory now.

        Raises:
            ModelError: it does not answer.
        """
        backend = await self._backends.get(name)
        return await backend.loaded()

    async def close(self) -> None:
        """Close all backends that were used."""
        self._resident.clear()
        await self._backends.close()

    def _believe(self, ref: ModelRef, model: LoadedModel) -> None:
        self._resident[ref] = (model, self._monotonic() + RESIDENT_TRUST_S)
