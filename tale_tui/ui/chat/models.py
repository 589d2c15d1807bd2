"""The model that answers: how it is, another one, and fetching one where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message
from textual.worker import get_current_worker

from tale_tui.domain.events import Notice
from tale_tui.domain.models import BackendName, BackendReport, ModelRef, Progress, Role, RoleState, RoleStatus
from tale_tui.domain.text import clean, clean_line
from tale_tui.formatting.engine import NO_MODEL_FOUND
from tale_tui.formatting.units import percent, size
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.chat.conversation import Conversation
from tale_tui.ui.widgets.banner import Banner
from tale_tui.ui.widgets.composer import Composer
from tale_tui.ui.widgets.status_line import KeyHint, ModelShown, ModelState, StatusLine

if TYPE_CHECKING:
    from textual.worker import Worker

OPENAI_PATH = "/v1"
"""An address with this path is one of a server that speaks /v1/chat/completions."""
_STATES: dict[RoleState, ModelState] = {
    RoleState.UNSET: "unset",
    RoleState.IDLE: "idle",
    RoleState.LOADING: "loading",
    RoleState.READY: "ready",
    RoleState.AWAY: "away",
    RoleState.FAILED: "failed",
}

DEMO_TOLD = "demo-told"
"""The file in the data folder which says that it was told."""

NO_MODEL = "There is no model yet. What you send is kept and can be asked again when there is one."
_STARTER = "It is often wrong. Better: Ollama, `ollama pull qwen2.5:7b`, then /model."
_SCRIPTED = "The answers were written beforehand. Without --demo a model is asked."


def model_shown(status: RoleStatus) -> ModelShown:
    """A role as the last line shows it; while a model is looked for it is starting."""
    if status.state is RoleState.LOADING and status.ref is None:
        return ModelShown("starting")
    name = clean_line(status.ref.model) if status.ref is not None else ""
    return ModelShown(_STATES[status.state], name, status.demo, status.loading_since)


def about_demo(status: RoleStatus) -> str:
    """What to say of a model that is a demo: what it is, and how to get a better one."""
    scripted = status.ref is not None and status.ref.backend is BackendName.SCRIPTED
    return _SCRIPTED if scripted else _STARTER


def model_banner(status: RoleStatus, key_of: Callable[[str], str], *, starter: bool, said: str = "") -> Banner | None:
    """What to say above the prompt about a role that cannot answer; None where it can.

    Args:
        status: of the role that answers.
        key_of: the key that a binding id has now; empty for none.
        starter: whether the starter model can be had, here or by fetching it.
        said: what the last reply says already: no error is told twice on one screen.
    """
    detail, name = clean(status.detail), status.ref.model if status.ref is not None else "The model"
    retry, choose = KeyHint(key_of("chat.go_on"), "try again"), KeyHint(key_of("chat.models"), "choose another")
    small = (KeyHint(key_of("chat.starter"), "use the starter"),) if starter and not status.demo else ()
    match status.state:
        case RoleState.UNSET:
            first = KeyHint(key_of("chat.models"), "choose a model")
            fetch = KeyHint(key_of("chat.starter"), "fetch the starter, 93 MB")
            return Banner(NO_MODEL, (first, fetch, KeyHint(key_of("chat.go_on"), "look again")), "warning")
        case RoleState.AWAY:
            words = detail if detail and detail != said else f"{clean_line(name)} does not answer."
            return Banner(words, (retry, choose, *small), "warning")
        case RoleState.FAILED:
            words = detail if detail and detail != said else f"{clean_line(name)} does not work."
            return Banner(words, (retry, choose, *small), "error")
    return None


def download_banner(progress: Progress, stop_key: str) -> Banner:
    """How far a download is."""
    share = progress.done / progress.total if progress.total else 0.0
    numbers = (
        f"{size(progress.done)} of {size(progress.total)}, {percent(share)}" if progress.total else size(progress.done)
    )
    return Banner(f"{clean_line(progress.label)}  {numbers}", (KeyHint(stop_key, "stop"),), share=min(share, 1.0))


def tell_demo_once(data: Path) -> bool:
    """Whether it is still to be told that the model is a demo: once a data folder; it counts as told from now on.

    Args:
        data: the folder.
    """
    try:
        (data / DEMO_TOLD).touch(exist_ok=False)
    except FileExistsError:
        return False
    except OSError:
        return True  # a disk that is full or read only: told again at the next start
    return True


class ModelActions:
    """What can be done about the model.

    Args:
        screen: tells and asks.
        conversation: is looked at again where the model that answers is another.
        composer: has the banners.
        line: shows the models.
        data: the folder that remembers what was told once.

    Attributes:
        status: of the role that answers; None until the engine said.
        said: the error that the last reply shows; empty for none.
    """

    @dataclass
    class SettingChosen(Message):
        """A setting is to be changed for good, and the engine to begin again with it."""

        name: str
        value: object

    def __init__(
        self, screen: BaseScreen, conversation: Conversation, composer: Composer, line: StatusLine, data: Path
    ) -> None:
        self._screen = screen
        self._data = data
        self._conversation = conversation
        self._composer = composer
        self._line = line
        self._models = conversation.engine.models
        self._welcomed = False
        self._told_demo = False
        self.said = ""
        self._download: Worker[object] | None = None
        self.status: RoleStatus | None = None

    @property
    def downloading(self) -> bool:
        """Whether something is being fetched outside the welcome."""
        return self._download is not None

    @property
    def answers(self) -> bool:
        """Whether the role can be asked, as far as is known."""
        return self.status is not None and self.status.state in (RoleState.READY, RoleState.IDLE, RoleState.LOADING)

    def on_status(self, status: RoleStatus) -> None:
        """Show how the model is."""
        if status.role is not Role.UX:
            self._line.task_model = model_shown(status)
            return
        self.status = status
        self._line.model = model_shown(status)
        self._show_banner(status)
        self._conversation.changed()
        if status.state is RoleState.UNSET and not self._welcomed:
            self._welcomed = True
            problem = "" if status.detail.startswith(NO_MODEL_FOUND) else status.detail
            self._screen.spawn(self.welcome, problem, group="models", exclusive=True)
        if status.state is RoleState.READY and status.demo and not self._told_demo:
            self._told_demo = True
            self._screen.spawn(self._tell_demo, status, group="demo")

    def on_reply_error(self, error: str) -> None:
        """The last reply shows another error than before; empty for none."""
        self.said = error
        if self.status is not None:
            self._show_banner(self.status)

    def _show_banner(self, status: RoleStatus) -> None:
        starter = status.state is not RoleState.UNSET
        banner = model_banner(status, self._screen.key_of, starter=starter, said=self.said)
        self._composer.set_banner("role", banner)

    async def _tell_demo(self, status: RoleStatus) -> None:
        if await asyncio.to_thread(tell_demo_once, self._data):
            self._screen.tell(Notice("This is a demo", about_demo(status), about="models"))

    async def welcome(self, problem: str = "") -> None:
        """Offer the ways to a first model."""
        from tale_tui.ui.dialogs.welcome import UseServer, WelcomeScreen

        def fetch(source: str) -> AsyncGenerator[Progress, None]:
            return self._models.fetch_starter(source=source)

        if isinstance(result := await self._screen.ask(WelcomeScreen(fetch, problem=problem)), UseServer):
            self._use_server(result.address)

    def _use_server(self, address: str) -> None:
        if "://" not in address:
            address = f"http://{address}"
        address = address.rstrip("/")
        speaks_openai = f"{OPENAI_PATH}/" in f"{address}/"
        self._welcomed = False
        name = "openai.base_url" if speaks_openai else "ollama.host"
        self._screen.post_message(self.SettingChosen(name, address))

    async def choose(self, words: str = "") -> None:
        """Choose the model that answers: at once where `words` names one, else from the list."""
        from tale_tui.ui.dialogs.models import FetchStarter, ModelsDialog, PullModel, UseModel

        if words:
            await self._use(Role.UX, self._read(words))
            return

        async def look() -> tuple[tuple[BackendReport, ...], tuple[RoleStatus, ...]]:
            return await self._models.backends(), await self._models.roles()

        match await self._screen.ask(ModelsDialog((), await self._models.roles(), look=look)):
            case UseModel(role, ref):
                await self._use(role, ref)
            case PullModel(name):
                await self.fetch(self._models.pull(ModelRef(BackendName.OLLAMA, name)))
            case FetchStarter():
                await self.fetch(self._models.fetch_starter())
            case _:
                pass

    def _read(self, words: str) -> ModelRef:
        """`backend/model`, or a model of the backend that answers now."""
        first, slash, _ = words.partition("/")
        if slash and first in set(BackendName):
            return ModelRef.parse(words)
        current = self.status.ref.backend if self.status and self.status.ref else BackendName.OLLAMA
        return ModelRef(current, words)

    async def _use(self, role: Role, ref: ModelRef) -> None:
        status = await self._models.use(role, ref)
        if status.state is RoleState.READY or role is Role.TASK:
            self._screen.say(f"{clean_line(str(ref))} {'answers' if role is Role.UX else 'works'} from now on.")

    async def retry(self) -> bool:
        """Look again for the model; whether it can be asked now."""
        self.on_status(await self._models.retry_role(Role.UX))
        return self.answers

    async def starter(self) -> None:
        """Use the starter model, fetched where it is not there; only ever on the user's own wish."""
        name = await self.fetch(self._models.fetch_starter())
        starter = ModelRef(BackendName.EMBEDDED, name)
        if name and (self.status is None or self.status.ref != starter):
            await self._use(Role.UX, starter)

    async def fetch(self, steps: AsyncGenerator[Progress, None]) -> str:
        """Fetch something and show how far it is; escape stops it.

        Returns:
            The name of what was fetched; empty where it did not come to its end.
        """
        self._download = get_current_worker()
        try:
            async with aclosing(steps):
                async for progress in steps:
                    self._composer.set_banner("progress", download_banner(progress, self._screen.key_of("chat.back")))
                    if progress.finished:
                        return progress.label
            return ""
        finally:
            self._download = None
            self._composer.set_banner("progress", None)

    def stop_fetching(self) -> None:
        """Stop what is being fetched; a later try goes on from there."""
        if self._download is not None:
            self._download.cancel()
