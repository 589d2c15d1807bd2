"""The program that runs the fetched model of embeddings, a process of its own: what goes wrong in it ends only it.

One line of JSON comes in, `{"texts": [...], "asks": true}`, and one goes out: `{"vectors": [...], "tokens": 12}`, each
vector as base64 of 32-bit floats. It ends when its input ends.

Run as `python -m tale_tui.engine.models.embedding.child LIBRARY WEIGHTS`.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

from tale_tui.engine.child_process import lower_priority

BYTES_READ = 2_000
"""Of a text, at most: the model reads 512 tokens."""
NICENESS = 10


class EmbeddingLibrary:
    """The library with the weights loaded.

    Args:
        library: its file.
        weights: theirs.
    Raises:
        OSError: one of them cannot be loaded.
    """

    def __init__(self, library: str, weights: str) -> None:
        self._library = functions = ctypes.CDLL(library)
        functions.e5_load.restype = ctypes.c_void_p
        functions.e5_load.argtypes = [ctypes.c_char_p]
        functions.e5_dim.argtypes = [ctypes.c_void_p]
        functions.e5_embed.argtypes = [
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(ctypes.c_float)
        ]  # fmt: skip
        functions.e5_token_count.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
        self._model = functions.e5_load(os.fsencode(weights))
        if not self._model:
            raise OSError(f"{weights} cannot be loaded")
        self._row = (ctypes.c_float * functions.e5_dim(self._model))()

    def embed(self, texts: list[str], *, asks: bool) -> dict[str, Any]:
        """The vectors of texts, and how many tokens these were."""
        vectors, tokens = [], 0
        for text in texts:
            # What is cut in the middle of a letter would be no text any more.
            plain = text.encode("utf-8", "replace")[:BYTES_READ].decode("utf-8", "ignore").replace("\0", " ").encode()
            self._library.e5_embed(self._model, plain, int(asks), self._row)
            tokens += self._library.e5_token_count(self._model, plain, int(asks))
            vectors.append(base64.b64encode(bytes(self._row)).decode("ascii"))
        return {"vectors": vectors, "tokens": tokens}


def main(library: str, weights: str) -> int:
    """Answer until the input ends."""
    lower_priority(NICENESS)
    model = EmbeddingLibrary(library, weights)
    for line in sys.stdin:
        asked = json.loads(line)
        sys.stdout.write(json.dumps(model.embed(asked["texts"], asks=bool(asked["asks"]))) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(*(str(Path(argument)) for argument in sys.argv[1:3])))
