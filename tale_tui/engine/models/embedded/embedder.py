"""llama.cpp with a model of embeddings in it, a process of its own: what goes wrong in it ends only it.

One line of JSON comes in, `{"texts": [...], "asks": true}`, and one goes out: `{"vectors": [...], "tokens": 12}`, each
vector as base64 of 32-bit floats. It ends when its input ends.

Run as `python -m tale_tui.engine.models.embedded.embedder FILE WINDOW`.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import struct
import sys
from typing import Any

from tale_tui.engine.child_process import lower_priority
from tale_tui.engine.models.embedded.llama import hide_socket, llama_parameters
from tale_tui.engine.models.embedded.process import private_socket
from tale_tui.engine.models.embedded.protocol import LoadModel

NICENESS = 10
CHARACTERS_MIN = 16
"""A text is halved until the model can read it; one that is shorter than that can be read by all."""


class LlamaEmbedder:
    """A model of embeddings in memory. Constructing it loads.

    Args:
        path: of the file.
        window: the tokens of a text that it reads at most.
    Raises:
        ImportError: llama.cpp cannot run here.
        RuntimeError, ValueError, MemoryError: it cannot be loaded.
    """

    def __init__(self, path: str, window: int) -> None:
        import xllamacpp

        threads = max(1, (os.cpu_count() or 1) // 2)
        load = LoadModel(path, window, threads, memory_bytes=0, socket=private_socket())
        params = llama_parameters(xllamacpp.CommonParams(), load, secrets.token_hex())
        params.embedding = True
        params.n_batch = params.n_ubatch = window  # a text is read at once
        self._server = xllamacpp.Server(params)
        if load.socket:
            hide_socket(load.socket)

    def embed(self, texts: list[str]) -> dict[str, Any]:
        """The vectors of texts, and how many tokens these were.

        Raises:
            ValueError: llama.cpp makes none of them.
        """
        vectors, tokens = [], 0
        for text in texts:
            vector, read = self._one(text)
            vectors.append(base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii"))
            tokens += read
        return {"vectors": vectors, "tokens": tokens}

    def _one(self, text: str) -> tuple[list[float], int]:
        plain = text.encode("utf-8", "replace").decode().replace("\0", " ")
        while True:
            answer = json.loads(self._server.handle_embeddings(json.dumps({"input": plain})))
            if "error" not in answer:
                return answer["data"][0]["embedding"], int(answer.get("usage", {}).get("prompt_tokens", 0))
            if len(plain) < 2 * CHARACTERS_MIN:
                raise ValueError(str(answer["error"]))
            plain = plain[: len(plain) // 2]


def main(path: str, window: str) -> int:
    """Answer until the input ends."""
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # llama.cpp writes where it likes
    lower_priority(NICENESS)
    model = LlamaEmbedder(path, int(window))
    for line in sys.stdin:
        pipe.write(json.dumps(model.embed(json.loads(line)["texts"])) + "\n")
        pipe.flush()
    os._exit(0)  # an ordinary end would wait for the threads of llama.cpp


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
