"""The connection to one OpenAI-compatible server, and what is known of it."""

from __future__ import annotations

from dataclasses import replace

from tale_tui.config.settings import Settings
from tale_tui.domain.constants import CATALOG_TIMEOUT_S, TOKENIZE_TIMEOUT_S
from tale_tui.domain.errors import ModelError, NotAvailable, Refused
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.backend import ChatMessage
from tale_tui.engine.models.http.address import openai_address
from tale_tui.engine.models.http.client import ModelServerClient
from tale_tui.engine.models.lenient_json import as_count, as_object, as_text
from tale_tui.engine.models.openai.catalog import ServedModel, ServerKind, read_lm_studio, read_models
from tale_tui.engine.models.server_errors import ServerDescription
from tale_tui.engine.models.traffic import Traffic

VERSION = "/v1"
"""With what the base of nearly every such server ends."""


class OpenAIConnection:
    """Everything that is needed to speak to one server; nothing is opened before it is used.

    Args:
        settings: its address, and how long to wait.
        key: what it is shown; empty for nothing.
        traffic: counts what is sent and received; None counts for nobody.
    Raises:
        NotAvailable: the address is none; or see `ModelServerClient`.
    """

    def __init__(self, settings: Settings, key: str, traffic: Traffic | None = None) -> None:
        try:
            self.address = openai_address(settings.openai.base_url)
        except ValueError as error:
            raise NotAvailable(f"{error} The setting is openai.base_url.") from error
        server = ServerDescription(
            name="The server",
            url=self.address.url,
            start="Start it, or set its address as openai.base_url in the settings.",
            key="Set TALE_OPENAI_KEY to it.",
            fetch="Choose one that it has.",
        )
        self.client = ModelServerClient(self.address, server, settings.limits, key, traffic or Traffic())
        self.server = self.client.server
        self.kind: ServerKind | None = None
        """What it is; None while nobody looked."""
        self._root = self.address.url.removesuffix(VERSION)

    async def identify(self, limit_s: float = CATALOG_TIMEOUT_S) -> tuple[ServedModel, ...]:
        """See what it is and what it serves.

        Args:
            limit_s: seconds for its list.
        Raises:
            Unreachable: it is not there, or still loading its model.
            Refused: it has no list.
            ModelError: it could not be asked.
        """
        try:
            answer = await self.client.ask("GET", f"{self.address.url}/models", limit_s=limit_s)
        except Refused as error:
            if await self._is_below():
                raise Refused(
                    f"{self.server.url} is not the whole address of this server. Set openai.base_url to "
                    f"{self.address.url}{VERSION}."
                ) from error
            raise
        self.kind, served = read_models(answer)
        if self.kind is ServerKind.LM_STUDIO:
            more = await self._extra("/api/v0/models")  # since 0.3.6
            served = read_lm_studio(more) or served
        elif self.kind is ServerKind.LLAMA_SERVER and len(served) == 1 and served[0].window is None:
            served = (replace(served[0], window=_window(await self._extra("/props"))),)
        return served

    async def known_kind(self) -> ServerKind:
        """What it is, found out if nobody did. One without a list is none of those that are known.

        Raises:
            ModelError: it could not be asked.
        """
        if self.kind is None:
            try:
                await self.identify()
            except Refused:
                self.kind = ServerKind.OTHER
        return self.kind or ServerKind.OTHER

    async def ask_version(self) -> str:
        """Its version as it writes it; empty where it does not say."""
        if self.kind is ServerKind.LLAMA_SERVER:
            return clean_line(as_text((await self._extra("/props")).get("build_info")))
        if self.kind is ServerKind.VLLM:
            return clean_line(as_text((await self._extra("/version")).get("version")))
        return ""

    async def count_tokens(self, model: str, messages: tuple[ChatMessage, ...]) -> int | None:
        """How many tokens llama-server makes of the messages in its template; None where it does not say.

        Raises:
            ModelError: it could not be asked.
        """
        asked = {"model": model, "messages": [{"role": one.role, "content": one.text} for one in messages]}
        rendered = await self.client.ask("POST", f"{self._root}/apply-template", asked, limit_s=TOKENIZE_TIMEOUT_S)
        prompt = {
            "model": model,
            "content": as_text(rendered.get("prompt")),
            "add_special": True,
            "parse_special": True,
        }
        counted = await self.client.ask("POST", f"{self._root}/tokenize", prompt, limit_s=TOKENIZE_TIMEOUT_S)
        tokens = counted.get("tokens")
        return len(tokens) if isinstance(tokens, list) and prompt["content"] else None

    async def _is_below(self) -> bool:
        """Whether the list is where the address would lead with the version that it lacks."""
        if self.address.url.endswith(VERSION):
            return False
        try:
            answer = await self.client.ask("GET", f"{self.address.url}{VERSION}/models")
        except ModelError:
            return False
        return isinstance(answer.get("data"), list)

    async def _extra(self, path: str) -> dict[str, object]:
        """What one kind of server tells besides; empty where this one does not."""
        try:
            return await self.client.ask("GET", f"{self._root}{path}")
        except ModelError:
            return {}


def _window(props: dict[str, object]) -> int | None:
    """The window of llama-server's /props."""
    return as_count(as_object(props.get("default_generation_settings")).get("n_ctx"))
