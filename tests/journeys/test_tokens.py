"""Three chats and two tasks, in processes as users run them: what the answers say of themselves is what is counted, and
a server that was asked so often has as many rows."""

from __future__ import annotations

import csv
import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from support.processes import commands, home, window
from tale_tui.domain.constants import PARTIAL_SAVE_INTERVAL_S

__all__ = ["commands", "home", "window"]

pytestmark = [pytest.mark.process, pytest.mark.long]

WAIT_S = 30.0
LOOK_S = 0.02
Tale = Callable[..., str]


class CountingServer(BaseHTTPRequestHandler):
    """Speaks the OpenAI protocol as far as it is asked here, and counts what models are asked."""

    asked: list[str]

    def do_GET(self) -> None:
        known = self.path.endswith("/models")
        body = json.dumps({"data": [{"id": "small"}, {"id": "big"}]} if known else {}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.path.endswith("/chat/completions"):
            self.send_error(404)
            return
        self.asked.append(request["model"])
        last = request["messages"][-1]["content"]
        if "refuse" in last:
            self.send_error(400, "no")
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        words = last.split()[:5]
        for word in words:
            self._say({"choices": [{"index": 0, "delta": {"content": f"{word} "}}]})
        self._say({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        usage = {"prompt_tokens": len(str(request["messages"])), "completion_tokens": len(words)}
        details = {"prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 1}}
        self._say({"choices": [], "usage": usage | details})
        self.wfile.write(b"data: [DONE]\n\n")

    def _say(self, chunk: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

    def log_message(self, *args: Any) -> None:
        """Nothing: what is told belongs to the application."""


@contextmanager
def counting_server() -> Iterator[tuple[int, list[str]]]:
    """The server; its port, and the models that it was asked for."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (CountingServer,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": LOOK_S}, daemon=True)
    thread.start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def served(commands: Any) -> Iterator[tuple[Callable[..., Any], list[str]]]:
    """Runs commands on such a server: their exit code, output and errors."""
    with counting_server() as (port, asked):
        where = {
            "TALE_UX": "openai/small",
            "TALE_TASK": "openai/big",
            "TALE_OPENAI__BASE_URL": f"http://127.0.0.1:{port}/v1",
            "TALE_TASKS__RETRIES": "0",
            "TALE_ROUTE__FALLBACK": "false",
        }

        def run(*words: str) -> tuple[int, str, str]:
            process = commands.start(*words, **where)
            out, err = process.communicate(timeout=WAIT_S)
            return process.returncode, out, err

        yield run, asked


@pytest.mark.long
def test_the_answers_own_counts_are_what_is_counted(served: tuple[Callable[..., Any], list[str]]) -> None:
    run, asked = served

    def answered(*words: str) -> dict[str, Any]:
        code, out, err = run(*words)
        assert code == 0, err
        return json.loads(out)  # type: ignore[no-any-return]

    answers = [answered("chat", "--no-tasks", "--json", "-m", text) for text in ("Hello", "How are you?", "Well then")]
    big = ("--set", "route.simple_tasks=task")
    answers += [answered(*big, "submit", "--json", text) for text in ("Write a poem", "Write a long letter to them")]
    assert run("chat", "--no-tasks", "-m", "please refuse")[0] == 1
    assert run(*big, "submit", "refuse this")[0] == 1
    assert asked.count("small") == 4
    assert asked.count("big") == 3
    data = answered("tokens", "--json", "--by", "kind,model")
    assert data["total"]["calls"] == len(asked)
    assert data["total"]["failed"] == 2
    for figure in ("prompt_tokens", "completion_tokens"):
        assert data["total"][figure] == sum(answer[figure] for answer in answers)
    assert data["total"]["cached_tokens"] == 3 * len(answers)
    assert data["total"]["thinking_tokens"] == len(answers)
    assert data["total"]["total_tokens"] == data["total"]["prompt_tokens"] + data["total"]["completion_tokens"]
    code, out, _ = run("tokens", "--csv", "--by", "day,task")
    assert code == 0
    lines = list(csv.DictReader(io.StringIO(out)))
    assert sum(int(line["total_tokens"] or 0) for line in lines) == data["total"]["total_tokens"]
    assert sum(int(line["calls"]) for line in lines) == len(asked)
    status = answered("status", "--json", answers[3]["id"])
    [call] = status["calls"]
    assert (call["model"], call["prompt_tokens"]) == ("openai/big", answers[3]["prompt_tokens"])
    listed = run("list")[1]
    assert str(answers[3]["prompt_tokens"] + answers[3]["completion_tokens"]) in listed


def test_what_a_kill_cut_is_a_row(commands: Any) -> None:
    process = commands.start("chat", "-m", "a long answer please")
    assert process.stdout.read(1)
    time.sleep(2 * PARTIAL_SAVE_INTERVAL_S)
    process.kill()
    process.communicate()
    assert any(message["text"] for message in commands.messages() if message["author"] != "user")
    told = commands.start("tokens", "--json", "--by", "kind").communicate(timeout=WAIT_S)[0]
    [chat] = [group for group in json.loads(told)["groups"] if group["kind"] == "chat"]
    assert (chat["calls"], chat["failed"], chat["total_tokens"]) == (1, 0, None)


@pytest.mark.long
def test_live_moves_in_a_second_shell_beside_a_window(window: Callable[..., Any], commands: Any) -> None:
    one = window()
    one.wait_for("enter send")
    live = commands.start("tokens", "--live")
    try:
        assert live.stdout.readline().rstrip().endswith("nothing runs")
        one.press("a long answer please\r")
        written: list[int] = []
        while len(written) < 4:
            if running := re.search(r"demo chat ([\d,]+) tok", live.stdout.readline()):
                written.append(int(running[1].replace(",", "")))
        assert written == sorted(written)
        assert written[0] < written[-1]
        while not re.search(r" [1-9]\S* tok in .*nothing runs", line := live.stdout.readline()):
            pass
        total = json.loads(commands.run("tokens", "--json"))["total"]
        assert f"{total['total_tokens']:,} tok in {total['calls']} calls" in line
    finally:
        live.kill()
        live.communicate()
