"""Which backends an engine has."""

from __future__ import annotations

from collections.abc import Mapping

from tale_tui.config.keys import KEY_VARIABLE, read_key
from tale_tui.config.paths import Paths
from tale_tui.config.settings import OpenAISettings, Settings
from tale_tui.domain.errors import NotAvailable
from tale_tui.domain.models import BackendName
from tale_tui.engine.models.backend import Backend, BackendBuilder, BackendRegistry


def given_backends(backends: Mapping[BackendName, Backend]) -> BackendRegistry:
    """These backends and no others, each of which may be chosen."""

    def builder(made: Backend) -> BackendBuilder:
        return lambda: made

    builders = {name: builder(backend) for name, backend in backends.items()}
    order = (BackendName.OLLAMA, BackendName.OPENAI, BackendName.EMBEDDED, BackendName.SCRIPTED)
    return BackendRegistry(builders, tuple(name for name in order if name in backends))


def configured_backends(settings: Settings, paths: Paths) -> BackendRegistry:
    """All backends as the settings say.

    Ollama and the embedded one may be chosen, a server that speaks OpenAI's format only where its address was set.
    """

    def ollama() -> Backend:
        from tale_tui.engine.models.http.client import load_transport
        from tale_tui.engine.models.ollama.backend import OllamaBackend

        load_transport()
        return OllamaBackend(settings, worker=registry.worker, traffic=registry.traffic)

    def openai() -> Backend:
        from tale_tui.engine.models.http.client import load_transport
        from tale_tui.engine.models.openai.backend import OpenAIBackend

        load_transport()
        try:
            key = read_key(KEY_VARIABLE)
        except ValueError as error:
            raise NotAvailable(str(error)) from error
        return OpenAIBackend(settings, key, registry.traffic)

    def embedded() -> Backend:
        from tale_tui.engine.models.embedded.backend import EmbeddedBackend

        return EmbeddedBackend(settings, paths.models, paths.logs / "embedded.log")

    def scripted() -> Backend:
        from tale_tui.engine.models.scripted import ScriptedBackend

        return ScriptedBackend()

    builders: dict[BackendName, BackendBuilder] = {
        BackendName.OLLAMA: ollama,
        BackendName.OPENAI: openai,
        BackendName.EMBEDDED: embedded,
        BackendName.SCRIPTED: scripted,
    }
    server = (BackendName.OPENAI,) if openai_is_set(settings) else ()
    registry = BackendRegistry(builders, (BackendName.OLLAMA, *server, BackendName.EMBEDDED))
    return registry


def openai_is_set(settings: Settings) -> bool:
    """Whether somebody set the address of an OpenAI-compatible server."""
    return settings.openai.base_url != OpenAISettings().base_url
