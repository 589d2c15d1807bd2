"""Vectors in memory."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tale_tui.engine.recall.vector_index import (
    CHUNK_ROWS,
    DIMENSIONS,
    Floats,
    VectorIndex,
    centred,
    packed,
    shortened,
)


def made_up(count: int, columns: int = 32, seed: int = 1) -> list[list[float]]:
    chance = random.Random(seed)
    return [[chance.gauss(0, 1) for _ in range(columns)] for _ in range(count)]


def nothing(columns: int) -> Floats:
    """What vectors have in common that have nothing in common."""
    return np.zeros(columns, np.float32)


def filled(vectors: list[list[float]]) -> VectorIndex:
    index = VectorIndex(nothing(len(vectors[0])))
    index.put(enumerate(packed(shortened(vectors)), 1))
    return index


def exact(vectors: list[list[float]], question: list[float], limit: int) -> list[int]:
    cosines = shortened(vectors) @ shortened([question])[0]
    return [int(place) + 1 for place in np.argsort(-cosines, kind="stable")[:limit]]


@pytest.mark.parametrize("count", [1, 5, CHUNK_ROWS, CHUNK_ROWS + 1, 3 * CHUNK_ROWS])
def test_the_nearest_are_those_that_a_comparison_of_all_finds(count: int) -> None:
    vectors = made_up(count)
    index = filled(vectors)
    for question in made_up(20, seed=2):
        found = [n for n, _ in index.nearest(shortened([question])[0], 3)]
        near = exact(vectors, question, 6)
        assert set(found) <= set(near)
        assert not found or found[0] in near[:2]


def test_what_is_dropped_is_not_found_and_what_is_put_again_is() -> None:
    vectors = made_up(10)
    index, question = filled(vectors), shortened([vectors[4]])[0]
    assert index.nearest(question, 1)[0][0] == 5
    index.drop(5)
    index.drop(99)
    assert 5 not in [n for n, _ in index.nearest(question, 10)]
    assert len(index) == 9
    index.put([(5, packed(shortened([vectors[4]]))[0])])
    assert index.nearest(question, 1)[0][0] == 5


def test_another_vector_takes_the_place_of_the_one_before() -> None:
    vectors = made_up(2)
    index = filled(vectors)
    index.put([(1, packed(shortened([vectors[1]]))[0])])
    assert len(index) == 2
    assert {n for n, _ in index.nearest(shortened([vectors[1]])[0], 2)} == {1, 2}


def test_a_hundred_thousand_take_less_than_40_megabytes() -> None:
    index = VectorIndex(nothing(DIMENSIONS))
    row = packed(shortened(made_up(1, DIMENSIONS)))[0]
    index.put((n, row) for n in range(1, 100_001))
    assert index.size_bytes < 40_000_000


def test_longer_vectors_are_shortened_and_keep_their_angles() -> None:
    vectors = made_up(200, 1_024)
    long = np.asarray(vectors) / np.linalg.norm(vectors, axis=1, keepdims=True)
    short = shortened(vectors)
    assert short.shape == (200, DIMENSIONS)
    assert np.abs(long @ long.T - short @ short.T).max() < 0.3
    assert np.array_equal(short, shortened(vectors))


def test_a_vector_of_nothing_and_one_of_another_length_do_no_harm() -> None:
    index = filled([[0.0] * 32, *made_up(3)])
    index.put([(9, b"\x01\x02")])
    assert len(index) == 4
    assert index.nearest(shortened(made_up(1))[0], 9)
    assert index.nearest(shortened([[1.0, 2.0]])[0], 9) == []
    assert VectorIndex(nothing(32)).nearest(shortened(made_up(1))[0], 9) == []


def test_what_all_vectors_have_in_common_says_nothing_of_any() -> None:
    common = np.asarray(made_up(1, seed=7)[0]) * 5
    vectors = [list(common + np.asarray(vector)) for vector in made_up(300)]
    index = VectorIndex(shortened(vectors).mean(axis=0))
    index.put(enumerate(packed(shortened(vectors)), 1))
    # A question is embedded otherwise than a text: what questions have in common is another thing.
    asked = [list(np.asarray(made_up(1, seed=8)[0]) * 5 + np.asarray(vector)) for vector in made_up(300)]
    centre = shortened(asked).mean(axis=0)
    rows = centred(shortened(asked), centre)
    cosines = [index.nearest(row, 1)[0] for row in rows]
    assert sum(n == place for place, (n, _) in enumerate(cosines, 1)) >= 295
    assert min(cosine for _, cosine in cosines) > 0.5
