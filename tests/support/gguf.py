"""Headers of model files."""

from __future__ import annotations

import struct


def gguf(**values: str | int) -> bytes:
    """A header without tensors; dots of keys are written as two underscores."""
    data = b"GGUF" + struct.pack("<IQQ", 3, 0, len(values))
    for key, value in values.items():
        name = key.replace("__", ".").encode()
        data += struct.pack("<Q", len(name)) + name
        if isinstance(value, str):
            data += struct.pack("<IQ", 8, len(value)) + value.encode()
        else:
            data += struct.pack("<II", 4, value)
    return data
