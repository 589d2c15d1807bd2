"""How much memory models take and how much there is: arithmetic, and one look at the machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tale_tui.engine.types import LoadedModel, ModelRef

OVERHEAD = 0.2
"""Beside the weights an inference takes up to a fifth of their size for buffers: total = 1.2 x weights (EleutherAI,
Transformer Math 101, https://blog.eleuther.ai/transformer-math/, "Total Inference Memory"). The cache comes on top."""
CACHE_BYTES_PER_VALUE = 2
"""Keys and values are kept in 16 bits."""
PROCESS_BYTES = 50_000_000
"""Python and llama.cpp themselves, in a process of their own."""
GIGABYTE = 10**9


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a model will take in the memory of this machine, in bytes."""

    weights: int
    cache: int = 0
    """Keys and values of the whole window; 0 where the model does not say how large they are."""
    process: int = 0
    """What its own process takes, where it has one."""

    @property
    def total(self) -> int:
        """All of it."""
        return int(self.weights * (1 + OVERHEAD)) + self.cache + self.process

    @property
    def beside_itself(self) -> int:
        """What a second process of the same file takes: the pages of the file are shared."""
        return self.total - self.weights


@dataclass(frozen=True, slots=True)
class Machine:
    """The memory of this machine, in bytes."""

    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Room:
    """What models may take, in bytes."""

    limit: int
    used: int
    free: int

    @property
    def left(self) -> int:
        """What one more model may take."""
        return max(0, self.limit - self.used)


def room(limit_gb: float, machine: Machine, loaded: Iterable[LoadedModel]) -> Room:
    """What models on this machine may take.

    Args:
        limit_gb: the setting.
        machine: what it has.
        loaded: the models that are in its memory; what they take was free before them.
    """
    used = sum(main_memory(model) for model in loaded)
    return Room(min(int(limit_gb * GIGABYTE), machine.free + used), used, machine.free)


def main_memory(model: LoadedModel) -> int:
    """What a model takes beside the memory of a GPU; 0 where its size is not known."""
    return int((model.size_bytes or 0) * (1 - (model.gpu_share or 0.0)))


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


def refusal(ref: ModelRef, needed: int, found: Room, window: int, others: Iterable[ModelRef]) -> str:
    """Why a model is not loaded and what to do, as a sentence."""
    by_setting = found.limit < found.free + found.used
    of_what = (
        f"models may use {gigabytes(found.limit)} in all (memory.limit_gb)"
        if by_setting
        else f"{gigabytes(found.left)} are left for it"
    )
    names = ", ".join(dict.fromkeys(other.model for other in others))
    unload = f"unload {names}, " if names else ""
    raise_it = " or raise the limit" if by_setting else " or close other programs"
    return (
        f"{ref.model} would take about {gigabytes(needed)} of memory with a window of {window:,} tokens; {of_what}. "
        f"For it to fit, {unload}take a smaller model or window,{raise_it}."
    )


def gigabytes(count: float) -> str:
    """A size for a sentence."""
    return f"{count / GIGABYTE:,.1f} GB"
