"""The header of a GGUF file: what a model says of itself before anybody loads it.

Only the key-value pairs that a list shows are read, and reading stops before the tokenizer's tables, so a header
costs a few kilobytes; `check_whole` reads all of it. The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tale_tui.domain.text import clean_line
from tale_tui.engine.models.memory_forecast import cache_bytes

MAGIC = b"GGUF"
VERSION_MIN, VERSION_MAX = 2, 3
"""Version 1 had other lengths and vanished in 2023; what comes after 3 is not known."""
PAIRS_MAX = 100_000
"""Key-value pairs in a header that is believed."""
TEXT_MAX = 65_535
"""Bytes of a key, and of a value that is kept."""

ALIGNMENT = 32
"""Bytes; tensors begin at multiples of it, where the file does not name another number."""
DIMENSIONS_MAX = 8
"""Of a tensor that is believed; ggml knows four."""

_STRING, _ARRAY = 8, 9
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""GGUF's numbers of value types, and how `struct` writes them."""

_BLOCKS = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    30: (1, 2),
}
"""The usual types of tensors, from the enum ggml_type of ggml.h: how many values are a block, and its bytes."""

# What `general.file_type` means, from the enum llama_ftype of llama.h.
_QUANTIZATIONS = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    32: "BF16",
    38: "MXFP4",
}


class NotReadable(ValueError):
    """The file is no GGUF that can be read; the text says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a model file says of itself; safe text, empty or None where it does not say."""

    architecture: str = ""
    """`llama`, `qwen2`, ..."""
    kind: str = ""
    """`model`, `adapter`, `mmproj`, ...; empty in older files."""
    parameters: str = ""
    """`135M`, `7B`."""
    quantization: str = ""
    max_window: int | None = None
    """The longest context window that it was made for, in tokens."""
    parts: int = 1
    """Of how many files it is one."""
    layers: int = 0
    cache_heads: int = 0
    """In a layer, with keys and values of their own."""
    key_length: int = 0
    value_length: int = 0
    pooling: int = 0
    """How the vectors of words become one of the text, as llama.cpp numbers it; 0 where they do not."""

    def cache_bytes(self, window: int) -> int:
        """The keys and values of a window of so many tokens, in bytes; 0 where the model does not say enough."""
        return cache_bytes(self.layers, self.cache_heads, self.key_length, self.value_length, window)


def read_header(path: Path) -> Header:
    """Read what a model file says of itself.

    Raises:
        NotReadable: it is empty, no GGUF, cut off within the header, or of an unknown version.
        OSError: it cannot be opened or read.
    """
    with path.open("rb") as file:
        reader = _begin(file, path)
        reader.number("Q")  # how many tensors
        return _header(_wanted_pairs(reader, reader.number("Q")))


def check_whole(path: Path) -> None:
    """See that all tensors of a model file are in it: a copy that broke off has a sound header.

    Raises:
        NotReadable: as for `read_header`, or the file ends before its last tensor.
        OSError: it cannot be opened or read.
    """
    with path.open("rb") as file:
        reader = _begin(file, path)
        tensors, pairs = reader.number("Q"), reader.number("Q")
        alignment = ALIGNMENT
        for _ in range(min(pairs, PAIRS_MAX)):
            key, value = reader.text(), reader.value(reader.number("I"))
            if key == "general.alignment" and isinstance(value, int) and value > 0:
                alignment = value
        end = max((reader.tensor_end() for _ in range(tensors)), default=0)
        start = -(-reader.place // alignment) * alignment
        if tensors and start + end > reader.size:
            raise NotReadable("it breaks off, as after a copy that did not come to its end")


def _begin(file: BinaryIO, path: Path) -> _Reader:
    """A reader behind the version of a file."""
    reader = _Reader(file, path.stat().st_size)
    if not reader.size:
        raise NotReadable("it is empty")
    if file.read(len(MAGIC)) != MAGIC:
        raise NotReadable("it is not a GGUF file")
    version = reader.number("I")
    if not VERSION_MIN <= version <= VERSION_MAX:
        raise NotReadable("it is of a version of GGUF that is not known here")
    return reader


class _Reader:
    """Numbers and strings from a file; a length that the file cannot hold means that it is cut off."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.size = size

    def _take(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) < length:
            raise NotReadable("it breaks off in its header")
        return data

    @property
    def place(self) -> int:
        """Where in the file it is, in bytes."""
        return self._file.tell()

    def tensor_end(self) -> int:
        """Read what is said of one tensor: where it ends, counted from the first one's begin, at least."""
        self.skip(self.number("Q"))  # its name
        if (dimensions := self.number("I")) > DIMENSIONS_MAX:
            raise NotReadable("its header makes no sense")
        values = math.prod(self.number("Q") for _ in range(dimensions))
        count, length = _BLOCKS.get(self.number("I"), (values + 1, 0))
        return self.number("Q") + values // count * length

    def number(self, form: str) -> int:
        """One number, as `struct` names its form; fractions are cut."""
        (value,) = struct.unpack("<" + form, self._take(struct.calcsize("<" + form)))
        return int(value) if value == value and abs(value) != float("inf") else 0

    def skip(self, length: int) -> None:
        """Go on behind `length` bytes."""
        if length > self.size - self._file.tell():
            raise NotReadable("it breaks off in its header")
        self._file.seek(length, 1)

    def text(self) -> str:
        """A string, cleaned; one that is too long to be kept is skipped and empty."""
        length = self.number("Q")
        if length > TEXT_MAX:
            self.skip(length)
            return ""
        return clean_line(self._take(length).decode("utf-8", "replace"))

    def value(self, kind: int) -> int | str | None:
        """A value of a type; arrays are skipped and None."""
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            self._skip_array(self.number("I"), self.number("Q"))
            return None
        if kind not in _NUMBERS:
            raise NotReadable("its header makes no sense")
        return self.number(_NUMBERS[kind])

    def _skip_array(self, kind: int, count: int) -> None:
        if kind in _NUMBERS:
            self.skip(count * struct.calcsize("<" + _NUMBERS[kind]))
            return
        if kind != _STRING:
            raise NotReadable("its header makes no sense")
        for _ in range(count):
            self.skip(self.number("Q"))


def _wanted_pairs(reader: _Reader, count: int) -> dict[str, int | str | None]:
    """The pairs up to the tokenizer, or up to the end where the window's length has not come by then."""
    if count > PAIRS_MAX:
        raise NotReadable("its header makes no sense")
    pairs: dict[str, int | str | None] = {}
    for _ in range(count):
        key = reader.text()
        if key.startswith("tokenizer.") and f"{pairs.get('general.architecture')}.context_length" in pairs:
            break
        pairs[key] = reader.value(reader.number("I"))
    return pairs


def _header(pairs: dict[str, int | str | None]) -> Header:
    def text(key: str) -> str:
        value = pairs.get(key)
        return value if isinstance(value, str) else ""

    def number(key: str) -> int | None:
        value = pairs.get(key)
        return value if isinstance(value, int) and value > 0 else None

    architecture = text("general.architecture")

    def own(key: str) -> int:
        return number(f"{architecture}.{key}") or 0

    heads = own("attention.head_count")
    length = own("embedding_length") // heads if heads else 0
    file_type = pairs.get("general.file_type")
    return Header(
        architecture=architecture,
        kind=text("general.type"),
        parameters=text("general.size_label"),
        quantization=_QUANTIZATIONS.get(file_type, "") if isinstance(file_type, int) else "",
        max_window=number(f"{architecture}.context_length"),
        parts=number("split.count") or 1,
        layers=own("block_count"),
        cache_heads=own("attention.head_count_kv") or heads,
        key_length=own("attention.key_length") or length,
        value_length=own("attention.value_length") or length,
        pooling=own("pooling_type"),
    )
