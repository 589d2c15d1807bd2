"""Vectors in memory, a signed byte a dimension, and which are nearest to one. Loads numpy: import it in a thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 384
"""Of a kept vector. One that is longer is projected to so many, which keeps angles: 100,000 take less than 40 MB."""
CHUNK_ROWS = 512
"""Vectors that are compared at once, for which they become four times as large."""
PROJECTION_SEED = 384
"""Every process projects alike."""

Floats = NDArray[np.float32]


def shortened(vectors: Sequence[Sequence[float]]) -> Floats:
    """Vectors of a model as rows of length 1 and of `DIMENSIONS` columns at most."""
    rows: Floats = np.asarray(vectors, dtype=np.float32)
    if rows.shape[1] > DIMENSIONS:
        rows = rows @ _projection(rows.shape[1])
    return _of_length_1(rows)


def centred(rows: Floats, centre: Floats) -> Floats:
    """Rows of length 1 without what they have in common.

    Args:
        rows: as `shortened` makes them.
        centre: the mean of rows that have nothing to do with each other.
    """
    return _of_length_1(rows - centre)


def packed(rows: Floats) -> list[bytes]:
    """Rows as they are kept: each scaled so that its largest part is 127."""
    return [row.tobytes() for row in _scaled(rows)]


def _scaled(rows: Floats) -> NDArray[np.int8]:
    largest = np.abs(rows).max(axis=1, keepdims=True)
    return np.rint(rows * (127 / np.where(largest > 0, largest, 1))).astype(np.int8)


def _of_length_1(rows: Floats) -> Floats:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, np.float32(1))).astype(np.float32, copy=False)


def _projection(length: int) -> Floats:
    made = np.random.default_rng(PROJECTION_SEED).standard_normal((length, DIMENSIONS), dtype=np.float32)
    scaled: Floats = made / np.float32(DIMENSIONS**0.5)
    return scaled


class VectorIndex:
    """The vectors of one model with the numbers of their items.

    Its memory grows by `CHUNK_ROWS` vectors at a time. Used by one thread at a time.

    Args:
        centre: what all vectors have in common, which says nothing of any of them and is taken away.
    """

    def __init__(self, centre: Floats) -> None:
        self._centre = centre
        self._chunks: list[NDArray[np.int8]] = []
        self._numbers: list[NDArray[np.int32]] = []
        self._lengths: list[Floats] = []
        self._places: dict[int, int] = {}
        self._used = 0

    def __len__(self) -> int:
        """How many items have one."""
        return len(self._places)

    @property
    def size_bytes(self) -> int:
        """What the vectors take in memory."""
        return sum(part.nbytes for kept in (self._chunks, self._numbers, self._lengths) for part in kept)

    def put(self, vectors: Iterable[tuple[int, bytes]]) -> None:
        """Take vectors in; that of an item that has one takes its place. One of another length is left out."""
        columns = len(self._centre)
        whole = ((n, vector) for n, vector in vectors if len(vector) == columns)
        while kept := list(islice(whole, CHUNK_ROWS)):
            self._put(kept)

    def _put(self, kept: list[tuple[int, bytes]]) -> None:
        columns = len(self._centre)
        raw = np.frombuffer(b"".join(vector for _, vector in kept), dtype=np.int8).reshape(len(kept), columns)
        rows = _scaled(centred(_of_length_1(raw.astype(np.float32)), self._centre))
        lengths = np.linalg.norm(rows.astype(np.float32), axis=1)
        for (n, _), row, length in zip(kept, rows, lengths, strict=True):
            place = self._places.get(n)
            if place is None:
                place = self._places[n] = self._used
                self._used += 1
            chunk, at = divmod(place, CHUNK_ROWS)
            if chunk == len(self._chunks):
                self._chunks.append(np.zeros((CHUNK_ROWS, columns), np.int8))
                self._numbers.append(np.zeros(CHUNK_ROWS, np.int32))
                self._lengths.append(np.full(CHUNK_ROWS, np.inf, np.float32))
            self._chunks[chunk][at] = row
            self._numbers[chunk][at] = n
            self._lengths[chunk][at] = length or np.inf

    def drop(self, n: int) -> None:
        """Leave an item out."""
        place = self._places.pop(n, None)
        if place is not None:
            chunk, at = divmod(place, CHUNK_ROWS)
            self._lengths[chunk][at] = np.inf

    def nearest(self, row: Floats, limit: int) -> list[tuple[int, float]]:
        """The items whose vectors point most like one, the nearest first, each with the cosine of the angle.

        Args:
            row: of length 1, as `centred` makes it.
            limit: at most so many.
        """
        if not self._places or len(row) != len(self._centre):
            return []
        cosines = np.concatenate(
            [
                (chunk.astype(np.float32) @ row) / lengths
                for chunk, lengths in zip(self._chunks, self._lengths, strict=True)
            ]
        )
        # What was dropped has an infinite length, and so a cosine of 0: left out by its number.
        kept = min(limit + self._used - len(self._places), len(cosines))
        best = np.argpartition(-cosines, kept - 1)[:kept]
        ordered = best[np.argsort(-cosines[best], kind="stable")]
        numbers = np.concatenate(self._numbers)
        found = [(int(numbers[place]), float(cosines[place])) for place in ordered]
        return [(n, cosine) for n, cosine in found if n in self._places and cosine > 0][:limit]
