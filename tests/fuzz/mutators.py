"""Ways to change an input that know its form: bytes changed at random are hardly ever JSON."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

Mutate = Callable[[bytes, int], bytes]
"""Changes bytes at random, as the fuzzer does: the bytes, and how many there may be."""

_DEPTH = 2000
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 2**31, 2**63, 2**64, 10**30, 0.5, -0.0, 1e308, float("inf"), float("nan"),
    "", "a", "b", "\ud800", "\x00", "\x1b[31m", "\u202e", "x" * 300, [], {}, [[]], [{}], {"": {}}, ["a", "a"],
)  # fmt: skip


def json_lines(words: Sequence[str]) -> Callable[[bytes, int, int, Mutate], bytes]:
    """A way to change lines of JSON, whatever stands before the `{` of each.

    Args:
        words: names and texts that may stand in it.
    """
    texts = [*(word.strip('"') for word in words), *_VALUES]

    def changed(data: bytes, most: int, seed: int, mutate: Mutate) -> bytes:
        pick = random.Random(seed)
        lines = data.split(b"\n")
        number = pick.randrange(len(lines))
        before, brace, rest = lines[number].partition(b"{")
        try:
            value = json.loads(brace + rest)
        except (ValueError, RecursionError):
            return mutate(data, most)
        if pick.random() < 0.1:
            return mutate(data, most)
        for _ in range(pick.randint(1, 3)):
            value = _with_a_change(value, texts, pick)
        line = before + json.dumps(value, separators=(",", ":")).encode()
        if pick.random() < 0.02:
            line = before + b'{"a":' * _DEPTH + b"1" + b"}" * _DEPTH
        lines[number : number + pick.choice((0, 1, 1, 1))] = [line]
        return b"\n".join(lines)[:most]

    return changed


def _with_a_change(value: Any, texts: Sequence[Any], pick: random.Random) -> Any:
    """A value of JSON with another value, name or length somewhere in it."""
    whole = {"": copy.deepcopy(value)}
    places: list[tuple[Any, Any]] = []
    rest: list[Any] = [whole]
    while rest:
        node = rest.pop()
        inner = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
        places += [(node, key) for key, _ in inner]
        rest += [item for _, item in inner if isinstance(item, dict | list)]
    node, key = pick.choice(places)
    other, other_key = pick.choice(places)
    match pick.randrange(6):
        case 0 | 1:
            node[key] = copy.deepcopy(pick.choice(texts))
        case 2:
            node[key] = copy.deepcopy(other[other_key])
        case 3 if node is not whole:
            del node[key]
        case 4 if isinstance(node, dict) and node is not whole:
            node[str(pick.choice(texts))] = node.pop(key)
        case 5 if isinstance(node, list):
            node.insert(pick.randint(0, len(node)), copy.deepcopy(pick.choice((*texts, node[key]))))
    return whole[""]
