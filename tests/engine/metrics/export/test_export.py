"""What goes out of an engine: by default nothing; a collector that is away costs nothing and is told of once."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from support.calls import NOON, new_call
from support.network import free_port
from support.otlp import attributes, metrics_read, traces_read
from tale_tui.config.paths import Paths
from tale_tui.config.settings import MetricsSettings, Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.events import Fact, Notice
from tale_tui.domain.models import BackendName
from tale_tui.engine.engine import Engine
from tale_tui.engine.metrics.export import otlp_sender
from tale_tui.engine.metrics.export.otel_environment import find_targets
from tale_tui.engine.metrics.export.otlp_sender import OtlpSender
from tale_tui.engine.models.call_meter import CallContent
from tale_tui.engine.models.scripted import ScriptedBackend, spoken
from tale_tui.engine.store.call_statistics import CallStatistics

Start = Callable[..., Awaitable[Engine]]
SECRET_WORDS = "the launch is on tuesday"
BOTH = {"ux": "scripted/demo", "task": "scripted/demo"}


class Collector:
    """Takes what is sent to it, or refuses it."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.status = 200
        self.held: threading.Event | None = None
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if collector.held is not None:
                    collector.held.wait(20)
                headers = {name.lower(): value for name, value in self.headers.items()}
                collector.requests.append((self.path, headers, json.loads(body)))
                self.send_response(collector.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        # Who hangs up before the answer is no failure of this server.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign,assignment]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def of(self, path: str) -> list[Any]:
        return [body for to, _, body in self.requests if to == path]

    @property
    def spans(self) -> list[Any]:
        read = [traces_read(body).resource_spans[0].scope_spans[0] for body in self.of("/v1/traces")]
        return [span for scope in read for span in scope.spans]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    made = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
    yield made
    made.close()


async def say(engine: Engine, text: str = SECRET_WORDS) -> None:
    session = await engine.sessions.create()
    async for _ in engine.chat.send(session.id, text, key=f"key{text}{session.id}"):
        pass


async def until_sent(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_what_is_sent_is_what_is_counted_and_holds_no_word_of_it(
    start_engine: Start, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")
    engine = await start_engine([spoken("It ", "is.")], metrics={"otlp": True}, **BOTH)
    await say(engine)
    await until_sent(lambda: collector.spans and collector.of("/v1/metrics"))
    await engine.stop()
    [span] = collector.spans
    [scope] = metrics_read(collector.of("/v1/metrics")[-1]).resource_metrics[0].scope_metrics
    spent = {metric.name: sum(point.as_int for point in metric.sum.data_points) for metric in scope.metrics}
    found = attributes(span.attributes)
    assert spent["gen_ai.client.inference.usage.input_tokens"] == found["gen_ai.usage.input_tokens"] > 0
    assert spent["gen_ai.client.inference.usage.output_tokens"] == found["gen_ai.usage.output_tokens"] == 2
    assert {headers["x-key"] for _, headers, _ in collector.requests} == {"abc"}
    assert {headers["content-type"] for _, headers, _ in collector.requests} == {"application/json"}
    everything = json.dumps([body for _, _, body in collector.requests])
    assert SECRET_WORDS not in everything
    assert "It is." not in everything


async def test_prompts_and_answers_are_sent_where_a_setting_says_so(start_engine: Start, collector: Collector) -> None:
    engine = await start_engine([spoken("It ", "is.")], metrics={"otlp": True, "otlp_content": True}, **BOTH)
    await say(engine)
    await engine.stop()
    [span] = collector.spans
    found = attributes(span.attributes)
    assert SECRET_WORDS in found["gen_ai.input.messages"]
    assert json.loads(found["gen_ai.output.messages"])[0]["parts"][0]["content"] == "It is."


async def test_nothing_is_sent_unless_the_setting_and_the_environment_say_so(
    start_engine: Start, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await start_engine([spoken("It is.")], **BOTH)
    await say(engine)
    await engine.stop()
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    engine = await start_engine([spoken("It is.")], metrics={"otlp": True}, **BOTH)
    await say(engine)
    await engine.stop()
    assert collector.requests == []


async def told_by(engine: Engine) -> list[Notice]:
    """What was told up to now."""
    facts: list[Fact] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(0.1), aclosing(engine.control.watch()) as told:
            async for fact in told:
                facts += [fact]
    return [fact for fact in facts if isinstance(fact, Notice)]


async def test_a_collector_that_is_away_is_told_of_once_and_costs_nothing(
    start_engine: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
    monkeypatch.setattr(otlp_sender, "AWAY_PAUSE_S", 0.01)
    engine = await start_engine([spoken("It is.")], metrics={"otlp": True}, **BOTH)
    for number in range(3):
        await say(engine, f"message {number}")
        await asyncio.sleep(0.15)
    [notice] = await told_by(engine)
    assert notice.title == "Collector"
    assert "It does not answer; calls are counted here all the same." in notice.sentence
    async with asyncio.timeout(0.8):
        await engine.stop()


async def test_what_waited_for_a_collector_is_sent_when_it_is_back(
    start_engine: Start, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp_sender, "AWAY_PAUSE_S", 0.01)
    collector.status = 503
    engine = await start_engine([spoken("It is.")], metrics={"otlp": True}, **BOTH)
    await say(engine)
    await until_sent(lambda: len(collector.of("/v1/traces")) > 1)
    seen = {span.span_id for span in collector.spans}
    assert len(seen) == 1, "the same call is sent again"
    collector.status = 200
    count = len(collector.of("/v1/traces"))
    await until_sent(lambda: len(collector.of("/v1/traces")) > count)
    await asyncio.sleep(0.3)
    assert len(collector.of("/v1/traces")) == count + 1, "what was taken is not sent again"


async def test_what_a_collector_refuses_for_good_is_given_up_and_said(
    start_engine: Start, collector: Collector
) -> None:
    collector.status = 400
    engine = await start_engine([spoken("It is.")], metrics={"otlp": True}, **BOTH)
    await say(engine)
    await until_sent(lambda: collector.of("/v1/traces") and collector.of("/v1/metrics"))
    await asyncio.sleep(0.3)
    assert len(collector.of("/v1/traces")) == 1
    [notice] = await told_by(engine)
    assert "It refused with HTTP 400" in notice.sentence


async def test_the_end_does_not_wait_for_a_collector_that_hangs(
    start_engine: Start, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp_sender, "END_LIMIT_S", 0.1)
    collector.held = threading.Event()
    engine = await start_engine([spoken("It is.")], metrics={"otlp": True}, **BOTH)
    await say(engine)
    async with asyncio.timeout(1.5):
        await engine.stop()
    collector.held.set()


async def test_an_error_that_nobody_foresaw_is_said_and_the_next_call_is_sent_again(
    start_engine: Start, collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = otlp_sender.traces_of

    def broken(*args: Any) -> dict[str, Any]:
        monkeypatch.setattr(otlp_sender, "traces_of", whole)
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(otlp_sender, "traces_of", broken)
    engine = await start_engine([spoken("It is."), spoken("It was.")], metrics={"otlp": True}, **BOTH)
    await say(engine)
    await until_sent(lambda: "nobody foresaw this" in caplog.text)
    assert collector.spans == []
    await say(engine, "What was it?")
    await until_sent(lambda: collector.spans)
    [notice] = await told_by(engine)
    assert f"Sending to {collector.url}/v1/traces broke off" in notice.sentence
    await engine.stop()


async def test_an_error_that_nobody_foresaw_does_not_reach_the_end_of_the_engine(
    start_engine: Start, collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any) -> dict[str, Any]:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100000")
    monkeypatch.setattr(otlp_sender, "traces_of", broken)
    engine = await start_engine([spoken("It is.")], metrics={"otlp": True}, **BOTH)
    await say(engine)
    await engine.stop()
    assert "nobody foresaw this" in caplog.text
    assert collector.of("/v1/metrics")


async def test_only_so_many_calls_wait_for_a_collector(
    collector: Collector, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def statistics() -> CallStatistics:
        raise AssertionError("sums were asked for")

    monkeypatch.setattr(otlp_sender, "SPANS_WAITING_MAX", 20)
    monkeypatch.setattr(otlp_sender, "SPANS_TOGETHER", 8)
    monkeypatch.setattr(otlp_sender, "END_LIMIT_S", 20.0)
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_TIMEOUT": "20000",
        "OTEL_METRICS_EXPORTER": "none",
    }
    targets = find_targets(environ, paths)
    assert targets is not None
    told: list[Notice] = []
    sender = OtlpSender(targets, statistics, lambda: NOON, told.append, content=False)
    for number in range(25):
        sender.call_ended(new_call(prompt_tokens=number), CallContent((), ""))
    await sender.close()
    numbers = [attributes(span.attributes)["gen_ai.usage.input_tokens"] for span in collector.spans]
    assert numbers == list(range(5, 25))
    assert len(collector.requests) == 3
    assert told == []


@pytest.mark.parametrize(
    ("settings", "environ", "sentence"),
    [
        (
            {"otlp": True},
            {},
            "metrics.otlp is on, and OTEL_EXPORTER_OTLP_ENDPOINT names no collector: nothing is sent.",
        ),
        (
            {"otlp": True},
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "ftp://x"},
            "No calls are sent to a collector. OTEL_EXPORTER_OTLP_ENDPOINT: “ftp://x” is not the address of a server. "
            "Write it like http://127.0.0.1:4318.",
        ),
        (
            {"listen": "127.0.0.1:9464"},
            {},
            "Nothing is served on 127.0.0.1:9464: set the environment variable TALE_METRICS_KEY to the key that is to "
            "be asked for.",
        ),
    ],
)
async def test_what_is_wanted_and_cannot_be_is_one_sentence(
    start_engine: Start,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    environ: dict[str, str],
    sentence: str,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    engine = await start_engine([spoken("It is.")], metrics=settings, **BOTH)
    assert [notice.sentence for notice in await told_by(engine)] == [sentence]
    await say(engine)


async def test_an_engine_serves_what_it_counts_and_a_second_one_says_that_the_port_is_taken(
    start_engine: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    listen = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("TALE_METRICS_KEY", "sesame")
    engine = await start_engine([spoken("It is.")], metrics={"listen": listen}, **BOTH)
    await say(engine)
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://{listen}/metrics", headers={"Authorization": "Bearer sesame"})
    assert answer.text == await engine.metrics.exposition()

    root = tmp_path / "other"
    other_paths = Paths(*(root / name for name in ("config", "data", "cache", "logs")))
    other_paths.make()
    told: list[Notice] = []
    other = await Engine.start(
        other_paths,
        Settings(metrics=MetricsSettings(listen=listen), **BOTH),
        Clock(),
        backends={BackendName.SCRIPTED: ScriptedBackend([spoken("It is.")])},
        told=told.append,
    )
    assert [notice.sentence for notice in told] == [
        f"Nothing is served on {listen}: the port is taken. Choose another port for metrics.listen."
    ]
    await say(other)
    await other.stop()
    await engine.stop()
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(f"http://{listen}/metrics")


async def test_a_command_that_is_the_engine_for_a_moment_does_not_listen(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("TALE_METRICS_KEY", "sesame")
    engine = await Engine.start(
        paths,
        Settings(metrics=MetricsSettings(listen=listen), **BOTH),
        Clock(),
        backends={BackendName.SCRIPTED: ScriptedBackend([spoken("It is.")])},
        load=False,
        works_queue=False,
    )
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(f"http://{listen}/metrics")
    await engine.stop()
