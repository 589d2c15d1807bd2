"""What other systems are told of calls, as the settings and the environment want it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tale_tui.config.environment import copy_environment
from tale_tui.config.keys import METRICS_KEY_VARIABLE, read_key
from tale_tui.config.paths import Paths
from tale_tui.config.settings import MetricsSettings
from tale_tui.domain.events import Notice
from tale_tui.engine.metrics.export.statistics import CountedCalls
from tale_tui.engine.models.call_meter import CallObserver

if TYPE_CHECKING:
    from tale_tui.engine.metrics.export.listener import MetricsListener
    from tale_tui.engine.metrics.export.otlp_sender import OtlpSender


class MetricsExport:
    """Everything that goes out, or can be asked for, beside the API; by default nothing.

    Args:
        settings: what is wanted.
        paths: the four folders.
        counted: all calls.
        now: seconds since the epoch.
        publish: takes what happens later.
        listens: whether this engine may listen: one that is there for a moment does not.
        environ: the environment; None for that of this process.
    """

    def __init__(
        self,
        settings: MetricsSettings,
        paths: Paths,
        counted: CountedCalls,
        now: Callable[[], float],
        publish: Callable[[Notice], None],
        *,
        listens: bool,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._counted = counted
        self._environ = copy_environment(environ)
        self._listens = listens
        self._listener: MetricsListener | None = None
        self._sender: OtlpSender | None = None
        self._trouble = ""
        if settings.otlp:
            self._sender = self._make_sender(paths, now, publish)

    @property
    def observer(self) -> CallObserver | None:
        """Is told of each call; None where nobody wants to know."""
        return self._sender

    async def start(self, told: Callable[[Notice], None]) -> None:
        """Listen, where that is wanted; what is wrong is told, and costs nothing else."""
        troubles = [self._trouble]
        if self._settings.listen and self._listens:
            troubles.append(await self._listen())
        for sentence in filter(None, troubles):
            told(Notice("Metrics", sentence, "warning"))

    async def close(self) -> None:
        """Listen no more, and send what there is."""
        if self._listener is not None:
            await self._listener.close()
        if self._sender is not None:
            await self._sender.close()

    def _make_sender(
        self, paths: Paths, now: Callable[[], float], publish: Callable[[Notice], None]
    ) -> OtlpSender | None:
        # Its libraries are loaded where somebody wants it, which is seldom.
        from tale_tui.engine.metrics.export.otel_environment import ENDPOINT_VARIABLE, OtelMisread, find_targets
        from tale_tui.engine.metrics.export.otlp_sender import OtlpSender

        try:
            targets = find_targets(self._environ, paths)
        except OtelMisread as error:
            self._trouble = f"No calls are sent to a collector. {error}"
            return None
        if targets is None:
            if not self._environ.get(ENDPOINT_VARIABLE):
                self._trouble = f"metrics.otlp is on, and {ENDPOINT_VARIABLE} names no collector: nothing is sent."
            return None
        content = self._settings.otlp_content
        return OtlpSender(targets, self._counted.statistics, now, publish, content=content)

    async def _listen(self) -> str:
        """Why it does not listen; empty where it does."""
        from tale_tui.engine.metrics.export.listener import MetricsListener

        try:
            key = read_key(METRICS_KEY_VARIABLE, self._environ)
        except ValueError as error:
            return str(error)
        if not key:
            return (
                f"Nothing is served on {self._settings.listen}: set the environment variable {METRICS_KEY_VARIABLE} to "
                "the key that is to be asked for."
            )
        listener = MetricsListener(self._settings.listen, key, self._counted.exposition)
        trouble = await listener.start()
        if not trouble:
            self._listener = listener
        return trouble
