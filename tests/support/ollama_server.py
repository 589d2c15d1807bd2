"""A small Ollama on this machine, in threads of its own, for tests of real processes."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "small:1b"
ANSWER = "The answer of the small one."


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        described = {"name": MODEL, "model": MODEL, "digest": "d" * 64, "size": 1_000_000}
        answers: dict[str, dict[str, Any]] = {
            "/api/version": {"version": "0.33.0"},
            "/api/tags": {
                "models": [described | {"capabilities": ["completion"], "details": {"context_length": 4096}}]
            },
            "/api/ps": {"models": [described | {"size_vram": 0, "context_length": 4096}]},
        }
        self._say(answers.get(self.path, {"error": "not found"}))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/api/show":
            self._say({"model_info": {"llama.context_length": 4096}, "capabilities": ["completion"], "template": ""})
        elif not asked.get("messages"):
            self._say({"model": MODEL, "message": {"role": "assistant", "content": ""}, "done": True})
        else:
            piece = {"model": MODEL, "message": {"role": "assistant", "content": ANSWER}, "done": False}
            end = {"model": MODEL, "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
            self._say(piece, end | {"prompt_eval_count": 9, "eval_count": 6})

    def _say(self, *objects: dict[str, Any]) -> None:
        body = b"".join(json.dumps(one).encode() + b"\n" for one in objects)
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust the certificate hangs up."""


@contextmanager
def ollama_server(context: ssl.SSLContext | None = None) -> Iterator[int]:
    """It serves as long as the block lasts: its port.

    Args:
        context: encrypts.
    """
    server = _Server(("127.0.0.1", 0), _Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
