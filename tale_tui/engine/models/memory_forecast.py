"""How much memory a model will take on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from tale_tui.domain.models import ModelRef

OVERHEAD = 0.2
"""Beside the weights an inference takes up to a fifth of their size for buffers: total = 1.2 x weights (EleutherAI,
Transformer Math 101, https://blog.eleuther.ai/transformer-math/, "Total Inference Memory"). The cache comes on top."""
CACHE_BYTES_PER_VALUE = 2
"""Keys and values are kept in 16 bits."""
PROCESS_BYTES = 50_000_000
"""Python and llama.cpp themselves, in a process of their own."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a model will take in the memory of this machine, in bytes."""

    weights: int
    cache: int = 0
    """Keys and values of the whole window; 0 where the model does not say how large they are."""
    process: int = 0
    """What its own process takes, where it has one."""
    shares: ModelRef | None = None
    """A model in memory that has the same weights under another name; None where there is none."""

    @property
    def total(self) -> int:
        """All of it."""
        return int(self.weights * (1 + OVERHEAD)) + self.cache + self.process

    @property
    def beside_itself(self) -> int:
        """What it takes where its weights are in memory already: the pages of the file are shared."""
        return self.total - self.weights


def cache_bytes(layers: int, heads: int, key_length: int, value_length: int, window: int) -> int:
    """The keys and values that a window takes.

    Args:
        layers: of the model.
        heads: that have keys and values of their own, in a layer.
        key_length: values of a key in a head.
        value_length: values of a value in a head.
        window: tokens.
    """
    return layers * heads * (key_length + value_length) * CACHE_BYTES_PER_VALUE * window
