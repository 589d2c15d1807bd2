"""The backends of an engine, each made when it is first asked for: their libraries take time to load."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from tale_tui.config.keys import KEY_VARIABLE, read_key
from tale_tui.config.paths import Paths
from tale_tui.config.settings import OpenAISettings, Settings
from tale_tui.domain.errors import NotAvailable
from tale_tui.domain.models import BackendName
from tale_tui.engine.models.backend import Backend

Builder = Callable[[], Backend]


class BackendRegistry:
    """Backends by name.

    Args:
        builders: how to make each; called once, in a thread, as it may import a library.
        automatic: those that a role may be given without anybody asking for them, the preferred first.
    """

    def __init__(self, builders: Mapping[BackendName, Builder], automatic: tuple[BackendName, ...]) -> None:
        self._builders = builders
        self._made: dict[BackendName, Backend] = {}
        self._making = asyncio.Lock()
        self.automatic = automatic

    async def get(self, name: BackendName) -> Backend:
        """The backend of this name.

        Raises:
            NotAvailable: this engine was started without it.
        """
        if name not in self._builders:
            raise NotAvailable(f"There is no backend {name.value} here; there is {', '.join(sorted(self._builders))}.")
        async with self._making:
            if name not in self._made:
                self._made[name] = await asyncio.to_thread(self._builders[name])
            return self._made[name]

    @property
    def made(self) -> tuple[Backend, ...]:
        """Those that were asked for so far."""
        return tuple(self._made.values())

    async def close(self) -> None:
        """Close every backend that was made."""
        async with self._making:
            made, self._made = self._made, {}
            await asyncio.gather(*(backend.close() for backend in made.values()))


def given_backends(backends: Mapping[BackendName, Backend]) -> BackendRegistry:
    """These backends and no others, each of which may be chosen."""
    builders: dict[BackendName, Builder] = {name: lambda made=backend: made for name, backend in backends.items()}  # type: ignore[misc]
    order = (BackendName.OLLAMA, BackendName.OPENAI, BackendName.EMBEDDED, BackendName.SCRIPTED)
    return BackendRegistry(builders, tuple(name for name in order if name in backends))


def configured_backends(settings: Settings, paths: Paths) -> BackendRegistry:
    """All backends as the settings say.

    Ollama and the embedded one may be chosen, a server that speaks OpenAI's format only where its address was set.
    """

    def ollama() -> Backend:
        from tale_tui.engine.models.ollama.backend import OllamaBackend

        return OllamaBackend(settings)

    def openai() -> Backend:
        from tale_tui.engine.models.openai.backend import OpenAIBackend

        try:
            key = read_key(KEY_VARIABLE)
        except ValueError as error:
            raise NotAvailable(str(error)) from error
        return OpenAIBackend(settings, key)

    def embedded() -> Backend:
        from tale_tui.engine.models.embedded.backend import EmbeddedBackend

        return EmbeddedBackend(settings, paths.models, paths.logs / "embedded.log")

    def scripted() -> Backend:
        from tale_tui.engine.models.scripted import ScriptedBackend

        return ScriptedBackend()

    builders: dict[BackendName, Builder] = {
        BackendName.OLLAMA: ollama,
        BackendName.OPENAI: openai,
        BackendName.EMBEDDED: embedded,
        BackendName.SCRIPTED: scripted,
    }
    server = (BackendName.OPENAI,) if openai_is_set(settings) else ()
    return BackendRegistry(builders, (BackendName.OLLAMA, *server, BackendName.EMBEDDED))


def openai_is_set(settings: Settings) -> bool:
    """Whether somebody set the address of an OpenAI-compatible server."""
    return settings.openai.base_url != OpenAISettings().base_url
