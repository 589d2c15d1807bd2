"""Stands in for the real library inside the child process and does what the real one does at its worst.

FAKE_LLAMA says how loading goes, the last message of a conversation what the answer is like, FAKE_CONTINUATION how a
partial answer goes on.
"""

import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

__version__ = "0"
HOW, _, WHAT = os.environ.get("FAKE_LLAMA", "").partition(":")

if HOW == "import":
    raise ImportError(WHAT)


class CommonParams(SimpleNamespace):
    def __init__(self):
        super().__init__(model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace())


class Server:
    listening_address = "http://127.0.0.1:9"

    def __init__(self, params):
        print("chatter that must not reach the pipe", flush=True)
        if HOW == "fail":
            print(WHAT, file=sys.stderr, flush=True)
            raise RuntimeError("Failed to init server, please check the input params.")
        if HOW == "die":
            os.kill(os.getpid(), int(WHAT))
            time.sleep(600)
        if HOW == "linger":
            print(WHAT, file=sys.stderr, flush=True)
            threading.Thread(target=time.sleep, args=(600,)).start()
            raise RuntimeError("Failed to init server, please check the input params.")
        if HOW == "forever":
            time.sleep(600)
        if getattr(params, "hostnames", None):
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(params.hostnames[0])
        Path(os.environ["FAKE_PARAMS"]).write_text(json.dumps(vars(params), default=vars))

    def handle_chat_completions(self, body, callback):
        request = json.loads(body)
        Path(os.environ["FAKE_BODY"]).write_text(json.dumps(request))
        last = request["messages"][-1]
        what, _, how = last["content"].partition(" ")
        if last["role"] == "assistant":
            what, how = "say", os.environ["FAKE_CONTINUATION"]
        if what == "die":
            self._say(callback, "half")
            os.kill(os.getpid(), int(how))
            time.sleep(600)
        elif what == "deaf":
            self._say(callback, "half")
            time.sleep(600)
        elif what == "silent":
            time.sleep(600)
        elif what == "slow":
            while not self._say(callback, "more "):
                time.sleep(0.005)
        elif what == "fault":
            raise ZeroDivisionError
        elif what == "raise":
            raise ValueError(how)
        elif what == "garbage":
            os.write(self._pipe(), b"not a line of the protocol\n")
        elif what == "error":
            self._send(callback, error={"type": "server_error", "message": how})
        else:
            self._say(callback, how)
            self._send(callback, choices=[], usage={"prompt_tokens": 1, "completion_tokens": 2})

    @staticmethod
    def _pipe():
        """The child's pipe to its parent: the one that is neither input nor log."""
        own = [link for link in Path("/proc/self/fd").iterdir() if int(link.name) > 2]
        return next(int(link.name) for link in own if link.is_fifo())

    def _say(self, callback, text):
        return self._send(callback, choices=[{"delta": {"content": text}, "finish_reason": None}])

    @staticmethod
    def _send(callback, **chunk):
        return callback(json.dumps(chunk).encode())
