"""The connection to one Ollama server: its address, who may see a key, its version, and the clients for it."""

from __future__ import annotations

import re

from tale_tui.config.keys import OLLAMA_KEY_VARIABLE, check_key
from tale_tui.config.settings import Settings
from tale_tui.domain.errors import NotAvailable
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.http.address import ollama_address
from tale_tui.engine.models.http.client import ModelServerClient
from tale_tui.engine.models.lenient_json import as_text
from tale_tui.engine.models.ollama.catalog import OllamaCatalog
from tale_tui.engine.models.server_errors import ServerDescription
from tale_tui.engine.models.traffic import Traffic

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


class OllamaConnection:
    """Everything that is needed to speak to one server; nothing is opened before it is used.

    Args:
        settings: its address, and how long to wait.
        key: sent to https addresses, and to this machine where the user named its address; nowhere else.
        traffic: counts what is sent and received; None counts for nobody.
    Raises:
        NotAvailable: the address is none, or the key that it would be shown; or see `ModelServerClient`.
    """

    def __init__(self, settings: Settings, key: str, traffic: Traffic | None = None) -> None:
        try:
            self.address = ollama_address(settings.ollama.host)
        except ValueError as error:
            raise NotAvailable(f"{error} The setting is ollama.host, or OLLAMA_HOST.") from error
        named = self.address != ollama_address("")
        trusted = self.address.secure or (self.address.loopback and named)
        try:
            key = check_key(key, OLLAMA_KEY_VARIABLE) if trusted else ""
        except ValueError as error:
            raise NotAvailable(str(error)) from error
        server = ServerDescription(
            name="Ollama",
            url=self.address.url,
            start="Start Ollama, or set its address with OLLAMA_HOST.",
            key=f"Set {OLLAMA_KEY_VARIABLE}, or sign in with: ollama signin",
            fetch="Get it with: ollama pull {model}",
        )
        self.client = ModelServerClient(self.address, server, settings.limits, key, traffic or Traffic())
        self.server = self.client.server
        self.catalog = OllamaCatalog(self.server, self.client.options)
        self.chat = f"{self.address.url}/api/chat"
        self.generate = f"{self.address.url}/api/generate"
        self.version: tuple[int, ...] | None = None
        """As numbers; None while it is not known, and for one that was built from source."""

    async def ask_version(self, limit_s: float) -> str:
        """The version as the server writes it.

        Args:
            limit_s: seconds to wait.
        Raises:
            ModelError: nothing answers, or not as Ollama does.
        """
        answer = await self.client.ask("GET", f"{self.address.url}/api/version", limit_s=limit_s)
        told = clean_line(as_text(answer.get("version")))
        found = _VERSION.match(told)
        numbers = tuple(int(part) for part in found.groups()) if found else ()
        self.version = numbers if any(numbers) else None
        return told

    async def close(self) -> None:
        """Close all connections. May be called twice."""
        await self.client.close()
        await self.catalog.close()
